/* tests/conformance/lang/suite_regex.c: goregex.jsonl (our own records of Go's regexp package):
 * {pattern, text, template, matches: [[from, to, ...groups, -1 for no part], ...], replaced |
 * error}. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"
#include "tests/conformance/lang/cases.h"

static int find_all(const struct goregex *re, struct record *r, json_t *all, struct err *e)
{
        struct goregex_span spans[20];
        struct goregex_iter it = {0};
        size_t n = goregex_groups(re) + 1;
        if (n > ARRAY_LEN(spans))
                n = ARRAY_LEN(spans);
        for (;;) {
                bool found;
                if (goregex_next(re, rec_str(r, "text"), &it, r->arena, &found, spans, n, e) < 0)
                        return -1;
                if (!found)
                        return 0;
                json_t *one = json_array();
                for (size_t i = 0; i < n; i++) {
                        bool part = spans[i].from != SIZE_MAX;
                        json_array_append_new(one,
                                              json_integer(part ? (json_int_t)spans[i].from : -1));
                        json_array_append_new(one,
                                              json_integer(part ? (json_int_t)spans[i].to : -1));
                }
                json_array_append_new(all, one);
        }
}

bool case_goregex(struct record *r)
{
        AUTO(goregex_free) struct goregex *re = NULL;
        AUTO_JSON json_t *all = json_array();
        AUTO_BUF struct buf out = BUF_INIT(1 << 20);
        struct err e = {0};
        int rc = goregex_new(&re, rec_str(r, "pattern"), NULL, &e);
        if (rc == 0)
                rc = find_all(re, r, all, &e);
        if (rc == 0)
                rc = goregex_replace(re, rec_str(r, "text"), rec_str(r, "template"), false,
                                     r->arena, &out, &e);
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        const json_t *want = json_object_get(r->j, "matches");
        struct str replaced = rec_str(r, "replaced");
        json_put(&r->want, want, 0);
        json_put(&r->got, all, 0);
        buf_addf(&r->want, " %.*s", (int)replaced.n, replaced.p);
        buf_addf(&r->got, " %s", buf_str(&out));
        return r->want.len == r->got.len && memcmp(r->want.data, r->got.data, r->got.len) == 0;
}
