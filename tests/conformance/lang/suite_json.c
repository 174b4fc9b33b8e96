/* tests/conformance/lang/suite_json.c: gjson.jsonl and sjson.jsonl. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gjson.h"
#include "common/lang/gonum.h"
#include "common/lang/sjson.h"
#include "tests/conformance/lang/cases.h"
#include <math.h>

static void put_gjson(struct record *r, const struct gjson *g)
{
        buf_addf(&r->got, "exists=%d type=%s raw=", g->exists, gjson_type_name(g->type));
        put_utf8(&r->got, g->raw);
        buf_adds(&r->got, " string=");
        put_utf8(&r->got, gjson_string(g, r->arena));
        if (json_object_get(r->j, "float")) {
                char text[GONUM_TEXT];
                gonum_format(text, gjson_float(g) + 0.0, 'e');
                buf_addf(&r->got, " float=%s", text);
        }
        if (json_object_get(r->j, "int"))
                buf_addf(&r->got, " int=%lld", (long long)gjson_int(g));
        buf_addf(&r->got, " bool=%d", gjson_bool(g));
}

static void put_recorded(struct record *r)
{
        struct str raw = rec_str(r, "raw"), string = rec_str(r, "string");
        buf_addf(&r->want, "exists=%d type=%s raw=", json_is_true(json_object_get(r->j, "exists")),
                 json_str(r->j, "type"));
        buf_add(&r->want, raw.p, raw.n);
        buf_adds(&r->want, " string=");
        buf_add(&r->want, string.p, string.n);
        const json_t *f = json_object_get(r->j, "float");
        if (json_is_string(f)) {
                buf_addf(&r->want, " float=%s", json_string_value(f));
        } else if (f) {
                char text[GONUM_TEXT];
                gonum_format(text, json_number_value(f) + 0.0, 'e');
                buf_addf(&r->want, " float=%s", text);
        }
        struct str i = rec_raw(r, "int");
        if (i.p)
                buf_addf(&r->want, " int=%.*s", (int)i.n, i.p);
        buf_addf(&r->want, " bool=%d", json_is_true(json_object_get(r->j, "bool")));
}

bool case_gjson(struct record *r)
{
        struct gjson g;
        struct err e = {0};
        AUTO(gjson_path_free) struct gjson_path *path = NULL;
        if (gjson_path_new(&path, rec_str(r, "path"), &e) < 0 ||
            gjson_find(path, rec_str(r, "json"), r->arena, &g, &e) < 0)
                return rec_check_failed(r, true, &e);
        put_recorded(r);
        put_gjson(r, &g);
        return streq(buf_str(&r->want), buf_str(&r->got));
}

/* sjson.Set of a number prints it with 'f'; of anything else as encoding/json does. */
static int set_value(struct buf *out, struct record *r, struct str json, struct str path,
                     struct err *e)
{
        const json_t *v = json_object_get(r->j, "value");
        char number[GONUM_TEXT];
        if (json_is_string(v))
                return sjson_set_string(out, json, path, rec_str(r, "value"), r->arena, e);
        if (json_is_number(v)) {
                size_t n = gonum_format(number, json_number_value(v), 'f');
                return sjson_set_raw(out, json, path, (struct str){number, n}, r->arena, e);
        }
        AUTO(mem_free) char *text = json_text(v, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
        return sjson_set_raw(out, json, path, str_of(text), r->arena, e);
}

bool case_sjson(struct record *r)
{
        AUTO_BUF struct buf out = BUF_INIT(16 << 20);
        struct str json = rec_str(r, "json"), path = rec_str(r, "path"), op = rec_str(r, "op");
        struct err e = {0};
        int rc;
        if (str_eq(op, "set"))
                rc = set_value(&out, r, json, path, &e);
        else if (str_eq(op, "setRaw"))
                rc = sjson_set_raw(&out, json, path, rec_str(r, "raw"), r->arena, &e);
        else
                rc = sjson_delete(&out, json, path, r->arena, &e);
        return rec_check_text(r, rc < 0, &e, (struct str){buf_str(&out), out.len});
}
