/* tests/conformance/lang/suite_tags.c: template.jsonl: Argo substitutes into JSON text, we into
 * strings. Here the JSON text is our string: values are escaped on their way in, expressions
 * unescaped on their way out, exactly where Argo does it. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "common/lang/expr.h"
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/tag.h"
#include "common/lang/tagexpr.h"
#include "tests/conformance/lang/cases.h"

struct tags {
        struct record *r;
        struct val params, env;
        bool all, none; /* must be resolved */
};

static bool starts_strict(const struct tags *t, struct str name)
{
        const json_t *prefixes = json_object_get(t->r->j, "strictPrefixes"), *p;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)prefixes, i, p) {
                size_t n = json_string_length(p);
                if (name.n >= n && memcmp(name.p, json_string_value(p), n) == 0 &&
                    (name.n == n || name.p[n] == '.'))
                        return true;
        }
        return false;
}

static bool must(void *arg, struct str name)
{
        const struct tags *t = arg;
        return t->all || starts_strict(t, name);
}

static void put_quoted(struct tags *t, struct buf *out, struct str s)
{
        struct abuf b = abuf_in(t->r->arena);
        gofmt_quote(&b, s, false);
        buf_add(out, b.p + 1, b.n - 2);
}

static bool is_artifact(struct str name)
{
        return memmem(name.p, name.n, ".outputs.artifacts.", 19) != NULL;
}

static enum tag_found lookup(void *arg, struct str name, struct buf *out)
{
        struct tags *t = arg;
        struct val v = val_get(t->r->arena, t->params, name);
        if (v.kind == VAL_NIL)
                return TAG_ABSENT;
        if (v.kind == VAL_MISSING) {
                bool artifact_may_stay = !t->all && is_artifact(name);
                return must(t, name) && !artifact_may_stay ? TAG_MISSING : TAG_UNKNOWN;
        }
        if (v.kind != VAL_STR)
                return TAG_MISSING;
        put_quoted(t, out, v.s);
        return TAG_VALUE;
}

/* \u003c \u003e \u0026 become what they stand for, then the text is the inside of a JSON string. */
static bool unescape(struct tags *t, struct str text, struct str *fixed, struct val *out)
{
        static const char *const codes[] = {"\\u003c", "\\u003e", "\\u0026"};
        struct abuf b = abuf_in(t->r->arena), json = abuf_in(t->r->arena);
        for (size_t i = 0; i < text.n;) {
                size_t k = 0;
                while (k < 3 && (text.n - i < 6 || memcmp(text.p + i, codes[k], 6) != 0))
                        k++;
                abuf_addc(&b, k < 3 ? "<>&"[k] : text.p[i]);
                i += k < 3 ? 6 : 1;
        }
        *fixed = abuf_str(&b);
        abuf_addc(&json, '"');
        abuf_add(&json, *fixed);
        abuf_addc(&json, '"');
        *out = val_from_json(t->r->arena, abuf_str(&json), VAL_FLOATS);
        return gj_valid(abuf_str(&json)) && out->kind == VAL_STR;
}

static int expression(void *arg, struct str text, struct buf *out, bool *keep, struct err *e)
{
        struct tags *t = arg;
        struct str fixed;
        struct val decoded;
        AUTO_BUF struct buf plain = BUF_INIT(1 << 20);
        struct tag_expr x = {.env = t->env,
                             .clock = clock_system(),
                             .arena = t->r->arena,
                             .may_stay = t->none,
                             .must = must,
                             .arg = t};
        if (!unescape(t, text, &fixed, &decoded))
                return err_set(e, ERR_INVALID, "the expression is no JSON string");
        if (tag_expr_put(&x, decoded.s, &plain, keep, e) < 0)
                return -1;
        if (*keep) {
                buf_addf(out, "{{=%.*s}}", (int)fixed.n, fixed.p);
                *keep = false;
                return 0;
        }
        struct abuf json = abuf_in(t->r->arena);
        expr_json(&json, val_str((struct str){buf_str(&plain), plain.len}));
        buf_add(out, json.p + 1, json.n - 2);
        return 0;
}

bool case_tags(struct record *r)
{
        struct tags t = {.r = r};
        struct err e = {0};
        bool text = str_eq(rec_str(r, "op"), "text");
        struct str in = rec_str(r, "template");
        AUTO_BUF struct buf out = BUF_INIT(16 << 20);
        const json_t *allow = json_object_get(r->j, "allowUnresolved");
        t.params = val_from_json(r->arena, rec_raw(r, "params"), VAL_INTS_AND_FLOATS);
        t.env = expr_expand(r->arena,
                            val_from_json(r->arena, rec_raw(r, "params"), VAL_INTS_AND_FLOATS),
                            false);
        t.all = json_is_false(allow);
        t.none = json_is_true(allow) ||
                 (!allow && json_array_size(json_object_get(r->j, "strictPrefixes")) == 0);
        struct tag_opts o = {.lookup = lookup,
                             .expr = expression,
                             .arg = &t,
                             .strict = t.all,
                             .once = true,
                             .closed = true};
        int rc = 0;
        if (!text && !gj_valid(in))
                rc = err_set(&e, ERR_INVALID, "the template is not JSON");
        if (rc == 0)
                rc = tag_text(&out, in.p, in.n, &o, &e);
        if (rc == 0 && !text && !gj_valid((struct str){buf_str(&out), out.len}))
                rc = err_set(&e, ERR_INVALID, "the result is not JSON");
        if (rc < 0 &&
            (e.code == ERR_NOT_FOUND) != json_is_true(json_object_get(r->j, "missingVariable"))) {
                buf_addf(&r->want, "missingVariable: %d",
                         json_is_true(json_object_get(r->j, "missingVariable")));
                buf_adds(&r->got, err_msg(&e));
                err_clear(&e);
                return false;
        }
        return rec_check_text(r, rc < 0, &e, (struct str){buf_str(&out), out.len});
}
