/* tests/conformance/lang/suite_cron.c: cron.jsonl. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/cron.h"
#include "tests/conformance/lang/cases.h"

#define LAYOUT STR("2006-01-02T15:04:05Z07:00")

static void put(struct record *r, struct val_time t)
{
        struct abuf text = abuf_in(r->arena);
        gotime_format(&text, LAYOUT, t);
        buf_addf(&r->got, "%.*s ", (int)text.n, text.p);
}

static void five_activations(struct record *r, const struct cron *c, struct val_time t)
{
        size_t i;
        const json_t *want;
        json_array_foreach (json_object_get(r->j, "next"), i, want)
                buf_addf(&r->want, "%s ", json_string_value(want));
        for (i = 0; i < 5 && cron_next(c, t, &t); i++)
                put(r, t);
}

bool case_cron(struct record *r)
{
        struct err e = {0};
        AUTO(cron_free) struct cron *c = NULL;
        struct val_time t, prev;
        const struct val_zone *zone;
        bool five = str_eq(rec_str(r, "parser"), "five");
        int rc = cron_new(&c, rec_str(r, "spec"), five ? CRON_FIELDS : CRON_STANDARD, NULL, &e);
        if (!gozone_load(r->arena, rec_str(r, "tz"), &zone) ||
            !gotime_parse(r->arena, LAYOUT, rec_str(r, "from"), NULL, &t, NULL)) {
                buf_adds(&r->got, "cannot read tz and from");
                return false;
        }
        t.zone = zone;
        bool back = str_eq(rec_str(r, "op"), "prev");
        if (rc == 0 && back && !cron_prev(c, t, &prev))
                rc = err_set(&e, ERR_NOT_FOUND, "none within five years");
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        if (back) {
                buf_addf(&r->want, "%s ", json_str(r->j, "prev"));
                put(r, prev);
        } else {
                five_activations(r, c, t);
        }
        return streq(buf_str(&r->want), buf_str(&r->got));
}
