/* tests/fuzz/fuzz_s3_xml.c: answers of an S3 server: xml_each keeps its limits and tells only
 * well-formed ways. SPDX-License-Identifier: Apache-2.0 */
#include "common/s3/xml.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

struct told {
        size_t n, deepest;
};

static void on_element(void *arg, const char *path, const char *text)
{
        struct told *t = arg;
        size_t depth = 1;
        for (const char *p = path; *p; p++)
                depth += *p == '/';
        t->n++;
        t->deepest = depth > t->deepest ? depth : t->deepest;
        FUZZ_CHECK(strlen(text) <= XML_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct told t = {0};
        struct err e = {0};
        int r = xml_each((const char *)data, size, on_element, &t, &e);
        FUZZ_CHECK(t.deepest <= XML_DEPTH_MAX);
        FUZZ_CHECK((r < 0) == err_is_set(&e) && (r < 0 || t.n > 0));
        err_clear(&e);
        return 0;
}
