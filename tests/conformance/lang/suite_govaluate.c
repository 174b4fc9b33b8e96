/* tests/conformance/lang/suite_govaluate.c: govaluate.jsonl and when.jsonl.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/govaluate.h"
#include "common/lang/when.h"
#include "tests/conformance/lang/cases.h"
#include <math.h>

static const char *type_name(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return "bool";
        case VAL_STR: return "string";
        case VAL_FLOAT: return "float";
        case VAL_LIST: return "array";
        case VAL_MAP: return "map";
        default: return "nil";
        }
}

static bool check_value(struct record *r, struct val v)
{
        const char *type = json_str(r->j, "type");
        const json_t *text = json_object_get(r->j, "resultText");
        if (!streq(type, type_name(v))) {
                buf_addf(&r->want, "a %s", type);
                buf_addf(&r->got, "a %s", type_name(v));
                return false;
        }
        if (text) {
                struct abuf b = abuf_in(r->arena);
                gofmt_value(&b, v);
                buf_adds(&r->want, json_string_value(text));
                buf_add(&r->got, b.p, b.n);
                return streq(buf_str(&r->want), buf_str(&r->got));
        }
        AUTO_JSON json_t *tree = val_to_tree(r->arena, v);
        return rec_check_json(r, false, NULL, tree);
}

bool case_govaluate(struct record *r)
{
        AUTO(govaluate_free) struct govaluate *g = NULL;
        struct err e = {0};
        struct val v, vars[64];
        int rc = govaluate_new(&g, rec_str(r, "expr"), NULL, &e);
        for (size_t i = 0; rc == 0 && i < govaluate_nvars(g) && i < ARRAY_LEN(vars); i++) {
                const json_t *p = json_at(r->j, "params", govaluate_var(g, i));
                vars[i] = p ? val_from_tree(r->arena, p, VAL_FLOATS) : (struct val){0};
        }
        if (rc == 0)
                rc = govaluate_eval(g, vars, r->arena, &v, &e);
        if (rc < 0 || rec_fails(r))
                return rec_check_failed(r, rc < 0, &e);
        return check_value(r, v);
}

bool case_when(struct record *r)
{
        struct err e = {0};
        bool step = str_eq(rec_str(r, "mode"), "step"), result = false;
        int rc = when_eval(&result, json_str(r->j, "expr"),
                           step ? WHEN_WORDS_ARE_STRINGS : WHEN_WORDS_ARE_UNKNOWN, &e);
        /* Steps carry the words in their messages: they must be the same. */
        if (step && rc < 0 && rec_fails(r) && !streq(err_msg(&e), json_str(r->j, "error"))) {
                buf_adds(&r->want, json_str(r->j, "error"));
                buf_adds(&r->got, err_msg(&e));
                err_clear(&e);
                return streq(json_str(r->j, "error"), "");
        }
        AUTO_JSON json_t *value = json_boolean(result);
        return rec_check_json(r, rc < 0, &e, value);
}
