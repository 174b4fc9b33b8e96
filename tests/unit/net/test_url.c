/* tests/unit/net/test_url.c: paths and queries with Go's rules. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/str.h"
#include "common/net/http_route.h"
#include "common/net/url.h"
#include "tests/unit/unit.h"
#include <stdlib.h>

static void cleans_paths_as_go_does(void **state UNUSED)
{
        static const char *const paths[][2] = {
                {"//a", "/a"},      {"/a//b/", "/a/b/"}, {"/a/./b", "/a/b"}, {"/a/../b", "/b"},
                {"/../..", "/"},    {"/a/..", "/"},      {"/a/b/..", "/a"},  {"/a/", NULL},
                {"/a.b/..c", NULL}, {"/", NULL},
        };
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                AUTO_BUF struct buf b = BUF_INIT(256);
                bool changed = http_path_clean(&b, paths[i][0]);
                if (changed != (paths[i][1] != NULL) ||
                    (changed && !streq(buf_str(&b), paths[i][1])))
                        fail_msg("%s became %s", paths[i][0], buf_str(&b));
        }
}

static void splits_queries_as_go_does(void **state UNUSED)
{
        struct url_query q = {STR("a=1&&b&=x&c=d=e&f;g=1&h=")};
        struct str k, v;
        bool bad;
        static const char *const want[][2] = {{"a", "1"},   {"b", ""},    {"", "x"},
                                              {"c", "d=e"}, {"f;g", "1"}, {"h", ""}};
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                assert_true(url_query_next(&q, &k, &v, &bad));
                assert_true(str_eq(k, want[i][0]) && str_eq(v, want[i][1]));
                assert_int_equal(bad, i == 4);
        }
        assert_false(url_query_next(&q, &k, &v, &bad));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cleans_paths_as_go_does),
                cmocka_unit_test(splits_queries_as_go_does),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
