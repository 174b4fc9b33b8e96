/* common/lang/gotemplate/gt_builtin.c: the functions that text/template itself has. `slice` is not
 * among them: sprig's takes its name. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gotemplate/gt_priv.h"
#include "common/lang/unicode/unicode.h"

static bool never(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)args;
        (void)n;
        (void)out;
        return go_fail(env, ERR_INTERNAL, "and, or: arguments are evaluated by the caller");
}

static bool fn_call(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        (void)out;
        if (args[0].kind == VAL_NIL || args[0].kind == VAL_MISSING)
                return go_fail(env, ERR_INVALID, "call of nil");
        return go_fail(env, ERR_INVALID, "non-function of type %s", gofmt_type(args[0]));
}

static bool fn_not(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        struct gt_state s = {.env = *env};
        *out = val_bool(!gt_truth(&s, args[0]));
        return true;
}

static bool fn_len(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        struct val v = args[0];
        bool has_length = v.kind == VAL_LIST || v.kind == VAL_MAP ||
                          (v.kind == VAL_STR && v.type != VAL_T_ERROR);
        if (!has_length)
                return go_fail(env, ERR_INVALID, "len of type %s", gofmt_type(v));
        if (!val_open(env->arena, v))
                return go_full(env);
        *out = val_int((int64_t)val_len(env->arena, v));
        return true;
}

/* One index into a list or text. */
static bool index_number(struct go_env *env, struct val index, size_t len, size_t *out)
{
        if (index.kind == VAL_NIL || index.kind == VAL_MISSING)
                return go_fail(env, ERR_INVALID, "cannot index slice/array with nil");
        if (index.kind != VAL_INT && index.kind != VAL_DURATION)
                return go_fail(env, ERR_INVALID, "cannot index slice/array with type %s",
                               gofmt_type(index));
        if (index.i < 0 || (uint64_t)index.i >= len)
                return go_fail(env, ERR_INVALID, "index out of range: %lld", (long long)index.i);
        *out = (size_t)index.i;
        return true;
}

static bool index_one(struct go_env *env, struct val *item, struct val index)
{
        size_t i;
        if (!val_open(env->arena, *item))
                return go_full(env);
        switch (item->kind) {
        case VAL_STR:
                if (!index_number(env, index, item->s.n, &i))
                        return false;
                *item = (struct val){
                        .kind = VAL_INT, .type = VAL_T_UINT8, .i = (unsigned char)item->s.p[i]};
                return true;
        case VAL_LIST:
                if (!index_number(env, index, item->list->n, &i))
                        return false;
                *item = item->list->items[i];
                return true;
        case VAL_MAP:
                if (index.kind != VAL_STR)
                        return go_fail(env, ERR_INVALID, "value has type %s; should be string",
                                       gofmt_type(index));
                bool strings = item->type == VAL_T_STRMAP;
                *item = val_get_key(env->arena, *item, index);
                if (item->kind == VAL_MISSING)
                        *item = strings ? val_str(STR("")) : val_nil();
                return true;
        case VAL_NIL:
        case VAL_MISSING: return go_fail(env, ERR_INVALID, "index of nil pointer");
        default: return go_fail(env, ERR_INVALID, "can't index item of type %s", gofmt_type(*item));
        }
}

static bool fn_index(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct val item = args[0];
        if (item.kind == VAL_NIL || item.kind == VAL_MISSING)
                return go_fail(env, ERR_INVALID, "index of untyped nil");
        for (size_t i = 1; i < n; i++)
                if (!index_one(env, &item, args[i]))
                        return false;
        *out = item;
        return true;
}

/* ---- printing ---- */

static bool fn_print(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        gofmt_print(&b, args, n);
        return go_return_text(env, &b, out);
}

static bool fn_println(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        gofmt_println(&b, args, n);
        return go_return_text(env, &b, out);
}

static bool fn_printf(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        gofmt_printf(&b, args[0].s, args + 1, n - 1);
        return go_return_text(env, &b, out);
}

/* ---- escaping ---- */

/* The arguments as one text, nothing as "<no value>". */
static bool joined(struct go_env *env, const struct val *args, size_t n, struct str *out)
{
        if (n == 1 && args[0].kind == VAL_STR) {
                *out = args[0].s;
                return true;
        }
        struct abuf b = abuf_in(env->arena);
        struct val *copy = arena_try_alloc(env->arena, (n + 1) * sizeof(*copy));
        if (!copy)
                return go_full(env);
        for (size_t i = 0; i < n; i++)
                copy[i] = args[i].kind == VAL_NIL ? val_str(STR("<no value>")) : args[i];
        gofmt_print(&b, copy, n);
        if (b.failed)
                return go_full(env);
        *out = abuf_str(&b);
        return true;
}

static bool fn_html(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct str s;
        struct abuf b = abuf_in(env->arena);
        if (!joined(env, args, n, &s))
                return false;
        for (size_t i = 0; i < s.n; i++) {
                switch (s.p[i]) {
                case '\0': abuf_adds(&b, "\xEF\xBF\xBD"); break;
                case '"': abuf_adds(&b, "&#34;"); break;
                case '\'': abuf_adds(&b, "&#39;"); break;
                case '&': abuf_adds(&b, "&amp;"); break;
                case '<': abuf_adds(&b, "&lt;"); break;
                case '>': abuf_adds(&b, "&gt;"); break;
                default: abuf_addc(&b, s.p[i]);
                }
        }
        return go_return_text(env, &b, out);
}

static void js_char(struct abuf *b, struct str s, size_t i, size_t len, uint32_t cp)
{
        switch (cp) {
        case '\\': abuf_adds(b, "\\\\"); return;
        case '\'': abuf_adds(b, "\\'"); return;
        case '"': abuf_adds(b, "\\\""); return;
        case '<':
        case '>':
        case '&':
        case '=': abuf_addf(b, "\\u00%02X", cp); return;
        default: break;
        }
        if (cp < ' ')
                abuf_addf(b, "\\u00%02X", cp);
        else if (cp < 0x80 || uni_is_print(cp))
                abuf_add(b, (struct str){s.p + i, len});
        else
                abuf_addf(b, "\\u%04X", cp);
}

static bool fn_js(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct str s;
        struct abuf b = abuf_in(env->arena);
        if (!joined(env, args, n, &s))
                return false;
        for (size_t i = 0; i < s.n;) {
                uint32_t cp;
                size_t len = utf8_decode(s.p + i, s.n - i, &cp);
                js_char(&b, s, i, len, cp);
                i += len;
        }
        return go_return_text(env, &b, out);
}

static bool fn_urlquery(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        struct str s;
        struct abuf b = abuf_in(env->arena);
        if (!joined(env, args, n, &s))
                return false;
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || (c && strchr("-_.~", c));
                if (plain)
                        abuf_addc(&b, (char)c);
                else if (c == ' ')
                        abuf_addc(&b, '+');
                else
                        abuf_addf(&b, "%%%02X", c);
        }
        return go_return_text(env, &b, out);
}

static const struct go_func builtins[] = {
        {"and", "a*a", never},         {"call", "a*a", fn_call},
        {"eq", "a*a", gt_fn_eq},       {"ge", "aa", gt_fn_ge},
        {"gt", "aa", gt_fn_gt},        {"html", "*a", fn_html},
        {"index", "a*a", fn_index},    {"js", "*a", fn_js},
        {"le", "aa", gt_fn_le},        {"len", "a", fn_len},
        {"lt", "aa", gt_fn_lt},        {"ne", "aa", gt_fn_ne},
        {"not", "a", fn_not},          {"or", "a*a", never},
        {"print", "*a", fn_print},     {"printf", "s*a", fn_printf},
        {"println", "*a", fn_println}, {"urlquery", "*a", fn_urlquery},
};

const struct go_func *gt_builtin_find(struct str name)
{
        return go_find(builtins, ARRAY_LEN(builtins), name);
}

const struct go_func *gt_function(struct str name)
{
        const struct go_func *f = sprig_find(name);
        return f ? f : gt_builtin_find(name);
}

bool gt_is_and(const struct go_func *f)
{
        return f->fn == never && f->name[0] == 'a';
}

bool gt_is_or(const struct go_func *f)
{
        return f->fn == never && f->name[0] == 'o';
}
