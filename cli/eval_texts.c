/* cli/eval_texts.c: `tiphys eval`: languages that read one text: patterns, schedules, selectors,
 * amounts. SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval.h"
#include "common/lang/abuf.h"
#include "common/lang/cron.h"
#include "common/lang/gjson.h"
#include "common/lang/goregex.h"
#include "common/lang/gotime.h"
#include "common/lang/labelsel.h"
#include "common/lang/quantity.h"

enum { GROUPS = 64 };

/* ---- regular expressions ---- */

static void put_match(struct eval *v, const struct goregex_span *spans, size_t n, bool first)
{
        buf_adds(&v->json, first ? "[[" : ",[");
        for (size_t i = 0; i < n; i++) {
                bool took_part = spans[i].from != SIZE_MAX;
                const char *p = took_part ? v->data.p + spans[i].from : "";
                size_t len = took_part ? spans[i].to - spans[i].from : 0;
                buf_adds(&v->text, i ? "\t" : "");
                buf_add(&v->text, p, len);
                buf_adds(&v->json, i ? "," : "");
                if (took_part)
                        json_put_string(&v->json, p, len);
                else
                        buf_adds(&v->json, "null");
        }
        buf_addc(&v->json, ']');
}

/* Every match on a line: the whole, then its groups. */
int eval_regex(struct eval *v, struct err *e)
{
        AUTO(goregex_free) struct goregex *re = NULL;
        if (goregex_new(&re, v->program, NULL, e) < 0)
                return -1;
        struct goregex_span spans[GROUPS];
        struct goregex_iter it = {0};
        size_t n = goregex_groups(re) + 1 < GROUPS ? goregex_groups(re) + 1 : GROUPS;
        v->compiling = false;
        for (;;) {
                bool found = false;
                if (goregex_next(re, v->data, &it, v->arena, &found, spans, n, e) < 0)
                        return -1;
                if (!found)
                        break;
                buf_adds(&v->text, v->truth ? "\n" : "");
                put_match(v, spans, n, !v->truth);
                v->truth = true;
        }
        buf_adds(&v->json, v->truth ? "]" : "");
        return v->truth ? 0 : err_set(e, ERR_NOT_FOUND, "no match");
}

/* ---- schedules ---- */

int eval_cron(struct eval *v, struct err *e)
{
        AUTO(cron_free) struct cron *c = NULL;
        struct val_time t = {.sec = clock_wall(v->clock).ns / NS_PER_S};
        if (!str_empty(v->o->timezone) && !gozone_load(v->arena, str_of(v->o->timezone), &t.zone))
                return err_set(e, ERR_INVALID, "unknown time zone %s", v->o->timezone);
        if (cron_new(&c, v->program, CRON_STANDARD, NULL, e) < 0)
                return -1;
        v->compiling = false;
        int64_t n = 0;
        for (; n < v->o->count && cron_next(c, t, &t); n++) {
                struct abuf b = abuf_in(v->arena);
                gotime_format(&b, STR("2006-01-02T15:04:05Z07:00"), t);
                buf_adds(&v->text, n ? "\n" : "");
                buf_add(&v->text, b.p, b.n);
                buf_addf(&v->json, "%s\"%.*s\"", n ? "," : "[", (int)b.n, b.p);
        }
        buf_adds(&v->json, n ? "]" : "");
        return n ? 0 : err_set(e, ERR_NOT_FOUND, "never within five years");
}

/* ---- selectors ---- */

struct labels {
        struct eval *v;
        struct val map;
};

static bool get_label(const void *thing, struct str key, struct str *value)
{
        const struct labels *l = thing;
        struct val found = val_get(l->v->arena, l->map, key);
        if (found.kind == VAL_STR)
                *value = found.s;
        return found.kind == VAL_STR;
}

/* A field is a path: metadata.name. */
static bool get_field(const void *thing, struct str key, struct str *value)
{
        const struct labels *l = thing;
        struct gjson found;
        ERR_SLOT(e);
        if (gjson_get(l->v->data, key, l->v->arena, &found, &e) < 0 || !found.exists) {
                err_clear(&e);
                return get_label(thing, key, value);
        }
        *value = gjson_string(&found, l->v->arena);
        return true;
}

static int run_selector(struct eval *v, bool fields, struct err *e)
{
        AUTO(labelsel_free) struct labelsel *s = NULL;
        struct labels l = {.v = v};
        if ((fields ? labelsel_fields : labelsel_labels)(&s, v->program, NULL, e) < 0 ||
            eval_variables(v, VAL_FLOATS, &l.map, e) < 0)
                return -1;
        struct val metadata = val_get(v->arena, l.map, STR("metadata"));
        struct val labels = metadata.kind == VAL_MAP ? val_get(v->arena, metadata, STR("labels"))
                                                     : (struct val){0};
        if (labels.kind == VAL_MAP && !fields)
                l.map = labels;
        v->compiling = false;
        return eval_result(v, val_bool(labelsel_matches(s, fields ? get_field : get_label, &l)), e);
}

int eval_selector(struct eval *v, struct err *e)
{
        return run_selector(v, false, e);
}

int eval_field_selector(struct eval *v, struct err *e)
{
        return run_selector(v, true, e);
}

/* ---- amounts ---- */

int eval_quantity(struct eval *v, struct err *e)
{
        struct quantity q;
        if (quantity_parse(&q, v->program, e) < 0)
                return -1;
        AUTO_BUF struct buf canonical = BUF_INIT(QUANTITY_TEXT * 4);
        quantity_put(&q, &canonical);
        buf_addf(&v->text, "%s = %.17g", buf_str(&canonical), quantity_double(&q));
        buf_addf(&v->json, "{\"canonical\":\"%s\",\"value\":%lld,\"milli\":%lld}",
                 buf_str(&canonical), (long long)quantity_value(&q), (long long)quantity_milli(&q));
        return 0;
}

int eval_duration(struct eval *v, struct err *e)
{
        int64_t ns;
        if (!godur_parse_argo(v->program, &ns))
                return err_set(e, ERR_INVALID,
                               "not a duration: for example 90s, 1h30m, or whole seconds");
        struct abuf b = abuf_in(v->arena);
        godur_put(&b, ns);
        buf_addf(&v->text, "%.*s = %.15gs", (int)b.n, b.p, (double)ns / NS_PER_S);
        buf_addf(&v->json, "{\"canonical\":\"%.*s\",\"nanoseconds\":%lld}", (int)b.n, b.p,
                 (long long)ns);
        return 0;
}
