/* tests/conformance/lang/suite_kube.c: labels.jsonl and units.jsonl. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/labelsel.h"
#include "common/lang/quantity.h"
#include "tests/conformance/lang/cases.h"
#include <inttypes.h>

static bool get_label(const void *thing, struct str key, struct str *value)
{
        const json_t *v = json_object_getn((const json_t *)thing, key.p, key.n);
        if (v)
                *value = (struct str){json_string_value(v), json_string_length(v)};
        return v;
}

bool case_labels(struct record *r)
{
        struct err e = {0};
        AUTO(labelsel_free) struct labelsel *s = NULL;
        struct str text = rec_str(r, "selector");
        int rc = str_eq(rec_str(r, "kind"), "field") ? labelsel_fields(&s, text, NULL, &e)
                                                     : labelsel_labels(&s, text, NULL, &e);
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        bool matches = labelsel_matches(s, get_label, json_object_get(r->j, "labels"));
        labelsel_put(s, &r->got);
        buf_addf(&r->got, " %s", matches ? "matches" : "differs");
        buf_addf(&r->want, "%s %s", json_str(r->j, "canonical"),
                 json_is_true(json_object_get(r->j, "matches")) ? "matches" : "differs");
        return streq(buf_str(&r->want), buf_str(&r->got));
}

/* Where the value in nanos is beyond int64 the original may wrap: only the printed form counts. */
static void put_number(struct record *r, const char *member, int64_t got)
{
        buf_addf(&r->want, " %s", json_str(r->j, member));
        if (got == INT64_MAX || got < INT64_MIN / 1000000000)
                buf_addf(&r->got, " %s", json_str(r->j, member));
        else
                buf_addf(&r->got, " %" PRId64, got);
}

static bool check_quantity(struct record *r)
{
        struct quantity q;
        struct err e = {0};
        int rc = quantity_parse(&q, rec_str(r, "input"), &e);
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        quantity_put(&q, &r->got);
        buf_adds(&r->want, json_str(r->j, "canonical"));
        put_number(r, "value", quantity_value(&q));
        put_number(r, "milliValue", quantity_milli(&q));
        return streq(buf_str(&r->want), buf_str(&r->got));
}

bool case_units(struct record *r)
{
        int64_t ns = 0;
        struct str input = rec_str(r, "input"), kind = rec_str(r, "kind");
        if (str_eq(kind, "quantity"))
                return check_quantity(r);
        struct err e = {0};
        bool ok =
                str_eq(kind, "goDuration") ? godur_parse(input, &ns) : godur_parse_argo(input, &ns);
        if (!ok || rec_fails(r))
                return rec_check_failed(r, !ok, &e);
        struct abuf text = abuf_in(r->arena);
        godur_put(&text, ns);
        buf_addf(&r->want, "%s %s", json_str(r->j, "nanoseconds"), json_str(r->j, "string"));
        buf_addf(&r->got, "%" PRId64 " ", ns);
        buf_add(&r->got, text.p, text.n);
        return streq(buf_str(&r->want), buf_str(&r->got));
}
