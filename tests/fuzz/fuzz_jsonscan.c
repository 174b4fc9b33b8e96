/* tests/fuzz/fuzz_jsonscan.c: what json_scan takes, jansson takes too, and every reader of
 * well-formed text stays inside it. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>
#include <string.h>

/* Differences that are meant: jansson refuses lone surrogates and numbers past its range. */
static bool jansson_takes(const char *text, size_t n)
{
        json_error_t je;
        json_t *j = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
        json_decref(j);
        return j || strstr(je.text, "surrogate") || strstr(je.text, "Unicode") ||
               strstr(je.text, "too big") || strstr(je.text, "overflow") ||
               strstr(je.text, "NUL") || strstr(je.text, "\\u0000");
}

static void check_compact(const char *text, size_t n, bool html)
{
        AUTO_BUF struct buf once = BUF_INIT(BUF_UNBOUNDED), twice = BUF_INIT(BUF_UNBOUNDED);
        FUZZ_CHECK(json_compact(&once, text, n, html, NULL) == 0);
        FUZZ_CHECK(json_compact(&twice, buf_str(&once), once.len, html, NULL) == 0);
        FUZZ_CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
}

static void check_readers(const char *text, size_t n)
{
        size_t i = json_skip_space(text, n, 0);
        size_t end = json_skip(text, n, i);
        FUZZ_CHECK(end > i && json_skip_space(text, n, end) == n);
        struct str v = json_member(text, n, "a");
        FUZZ_CHECK(!v.p || (v.n && v.p >= text && v.p + v.n <= text + n));
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        bool is_string = json_unquote(&b, (struct str){text + i, end - i});
        FUZZ_CHECK(is_string == (text[i] == '"') && utf8_valid(buf_str(&b), b.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct err e = {0};
        bool ok = json_scan(text, size, &e) == 0;
        FUZZ_CHECK(ok != err_is_set(&e));
        err_clear(&e);
        if (!ok) {
                AUTO_BUF struct buf b =
                        BUF_INIT(BUF_UNBOUNDED); /* malformed: any answer, no crash */
                (void)json_unquote(&b, (struct str){text, size});
                (void)json_member(text, size, "a");
                return 0;
        }
        FUZZ_CHECK(jansson_takes(text, size));
        check_compact(text, size, false);
        check_compact(text, size, true);
        check_readers(text, size);
        return 0;
}
