/* tests/conformance/lang/suite_expr.c: expr.jsonl, and eventfilter.jsonl of events.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/gotime.h"
#include "tests/conformance/lang/cases.h"
#include <math.h>

/* ---- the recorded form of values ---- */

static void put_type(struct record *r, struct buf *b, struct val v);

static void put_key(struct record *r, struct buf *b, struct val key)
{
        struct abuf text = abuf_in(r->arena);
        gofmt_value(&text, key);
        put_utf8(b, abuf_str(&text));
}

static int by_text(const void *va, const void *vb)
{
        return strcmp(*(char *const *)va, *(char *const *)vb);
}

static void put_map_type(struct record *r, struct buf *b, struct val v)
{
        char **parts = arena_alloc(r->arena, (v.map->n + 1) * sizeof(*parts));
        for (size_t i = 0; i < v.map->n; i++) {
                AUTO_BUF struct buf part = BUF_INIT(1 << 20);
                put_key(r, &part, v.map->entries[i].key);
                buf_addc(&part, ':');
                put_type(r, &part, v.map->entries[i].value);
                parts[i] = arena_strndup(r->arena, buf_str(&part), part.len);
        }
        qsort(parts, v.map->n, sizeof(*parts), by_text);
        buf_addc(b, '{');
        for (size_t i = 0; i < v.map->n; i++) {
                buf_adds(b, i ? "," : "");
                buf_adds(b, parts[i]);
        }
        buf_addc(b, '}');
}

static void put_type(struct record *r, struct buf *b, struct val v)
{
        val_open(r->arena, v);
        switch (v.kind) {
        case VAL_MISSING:
        case VAL_NIL: buf_adds(b, "nil"); break;
        case VAL_BOOL: buf_adds(b, "bool"); break;
        case VAL_INT: buf_adds(b, "int"); break;
        case VAL_FLOAT: buf_adds(b, "float"); break;
        case VAL_STR: buf_adds(b, "string"); break;
        case VAL_TIME: buf_adds(b, "time"); break;
        case VAL_DURATION: buf_adds(b, "duration"); break;
        case VAL_MAP: put_map_type(r, b, v); break;
        case VAL_LIST:
                buf_addc(b, '[');
                for (size_t i = 0; i < v.list->n; i++) {
                        buf_adds(b, i ? "," : "");
                        put_type(r, b, v.list->items[i]);
                }
                buf_addc(b, ']');
                break;
        default: buf_adds(b, v.type == EX_V_LOCATION ? "location" : "object");
        }
}

static json_t *text_node(struct record *r, const struct abuf *text)
{
        AUTO_BUF struct buf b = BUF_INIT(16 << 20);
        (void)r;
        put_utf8(&b, abuf_str(text));
        return json_stringn_nocheck(buf_str(&b), b.len);
}

static json_t *form(struct record *r, struct val v)
{
        struct abuf b = abuf_in(r->arena);
        json_t *out;
        val_open(r->arena, v);
        switch (v.kind) {
        case VAL_FLOAT:
                if (isfinite(v.f))
                        return json_real(v.f);
                return json_string(isnan(v.f) ? "NaN" : v.f > 0 ? "+Inf" : "-Inf");
        case VAL_STR: abuf_add(&b, v.s); return text_node(r, &b);
        case VAL_TIME:
                gotime_format(&b, STR("2006-01-02T15:04:05.999999999Z07:00"), *v.time);
                return text_node(r, &b);
        case VAL_LIST:
                out = json_array();
                for (size_t i = 0; i < v.list->n; i++)
                        json_array_append_new(out, form(r, v.list->items[i]));
                return out;
        case VAL_MAP:
                out = json_object();
                for (size_t i = 0; i < v.map->n; i++) {
                        AUTO_BUF struct buf key = BUF_INIT(1 << 20);
                        put_key(r, &key, v.map->entries[i].key);
                        json_object_set_new_nocheck(out, buf_str(&key),
                                                    form(r, v.map->entries[i].value));
                }
                return out;
        case VAL_OTHER:
                return json_string(v.type == EX_V_LOCATION && v.other ? gozone_name(v.other)
                                                                      : "UTC");
        default: return val_to_tree(r->arena, v);
        }
}

/* ---- suites ---- */

static bool check_type(struct record *r, struct val v)
{
        put_type(r, &r->got, v);
        buf_adds(&r->want, json_str(r->j, "type"));
        if (!streq(buf_str(&r->got), buf_str(&r->want)))
                return false;
        struct abuf json = abuf_in(r->arena);
        bool has_form = expr_json(&json, v);
        if (has_form == json_is_true(json_object_get(r->j, "marshalError"))) {
                buf_adds(&r->want, has_form ? " without JSON form" : " with a JSON form");
                return false;
        }
        buf_reset(&r->got);
        buf_reset(&r->want);
        return true;
}

bool case_expr(struct record *r)
{
        AUTO(expr_free) struct expr *x = NULL;
        struct err e = {0};
        bool events = streq(json_str(r->j, "dialect"), "events"); /* our own records */
        struct val v, env = val_from_json(r->arena, rec_raw(r, "env"),
                                          events ? VAL_FLOATS : VAL_INTS_AND_FLOATS);
        env = expr_expand(r->arena, env, events);
        int rc = expr_new(&x, rec_str(r, "expr"), events ? EXPR_EVENTS : EXPR_WORKFLOWS, NULL, &e);
        if (rc == 0)
                rc = expr_eval(x, env, clock_system(), r->arena, &v, &e);
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        if (!check_type(r, v))
                return false;
        AUTO_JSON json_t *value = form(r, v);
        return rec_check_json(r, false, NULL, value);
}
