/* tests/unit/s3/test_xml.c: S3's answers. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/s3/xml.h"
#include "tests/unit/unit.h"

static void note(void *arg, const char *path, const char *text)
{
        buf_addf(arg, "%s=%s;", path, text);
}

static void every_element_is_told_with_its_way_and_its_own_text(void **state UNUSED)
{
        static const char text[] =
                "<?xml version=\"1.0\"?><List xmlns=\"http://x/\"><Contents><Key>a&amp;b</Key>"
                "<Size> 7</Size></Contents><Empty/></List>";
        AUTO_BUF struct buf seen = BUF_INIT(4096);
        struct err e = {0};
        assert_int_equal(xml_each(text, sizeof(text) - 1, note, &seen, &e), 0);
        assert_string_equal(buf_str(&seen),
                            "Contents/Key=a&b;Contents/Size= 7;Contents=;Empty=;=;");
}

static void refused(const char *text, size_t n, const char *words)
{
        AUTO_BUF struct buf seen = BUF_INIT(1 << 20);
        struct err e = {0};
        assert_int_equal(xml_each(text, n, note, &seen, &e), -1);
        assert_int_equal(e.code, ERR_PROTOCOL);
        assert_non_null(strstr(err_msg(&e), words));
        err_clear(&e);
}

static void what_is_no_xml_or_a_bomb_is_refused_with_words(void **state UNUSED)
{
        static const char doctype[] = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><x>&a;</x>";
        AUTO_BUF struct buf deep = BUF_INIT(1 << 20), longer = BUF_INIT(1 << 20);
        refused("<a><b></a>", 10, "mismatched tag");
        refused("", 0, "no element found");
        refused("not xml", 7, "syntax error");
        refused(doctype, sizeof(doctype) - 1, "document type");
        for (int i = 0; i < 100; i++)
                buf_adds(&deep, "<a>");
        refused(deep.data, deep.len, "too deeply");
        buf_adds(&longer, "<a>");
        for (int i = 0; i < XML_TEXT_MAX / 10 + 1; i++)
                buf_adds(&longer, "0123456789");
        refused(longer.data, longer.len, "too long");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_element_is_told_with_its_way_and_its_own_text),
                cmocka_unit_test(what_is_no_xml_or_a_bomb_is_refused_with_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
