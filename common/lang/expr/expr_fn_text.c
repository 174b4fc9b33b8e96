/* common/lang/expr/expr_fn_text.c: see expr_priv.h: builtins on texts. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/sprig/sprig_priv.h"

#define FN(name) EX_BUILTIN_FN(name)

/* All arguments up to `count` are texts. */
static bool texts(struct ex_eval *ev, const struct val *args, size_t n, size_t count)
{
        for (size_t i = 0; i < n && i < count; i++)
                if (args[i].kind != VAL_STR || args[i].type != VAL_T_USUAL)
                        return ex_fail(ev, "a string is expected, found %s", ex_val_type(args[i]));
        return true;
}

static bool put_text(struct val *out, const char *p, size_t n)
{
        *out = val_str((struct str){p, n});
        return true;
}

FN(trim)
{
        if (!texts(ev, args, n, 2))
                return false;
        if (n == 1)
                return sprig_fn_trim(&ev->go, args, 1, out);
        struct val swapped[] = {args[1], args[0]};
        return sprig_fn_trimAll(&ev->go, swapped, 2, out);
}

FN(trimPrefix)
{
        struct str cut = n > 1 ? args[1].s : STR(" ");
        if (!texts(ev, args, n, 2))
                return false;
        struct str s = args[0].s;
        bool has = s.n >= cut.n && (cut.n == 0 || memcmp(s.p, cut.p, cut.n) == 0);
        return has ? put_text(out, s.p + cut.n, s.n - cut.n) : put_text(out, s.p, s.n);
}

FN(trimSuffix)
{
        struct str cut = n > 1 ? args[1].s : STR(" ");
        if (!texts(ev, args, n, 2))
                return false;
        struct str s = args[0].s;
        bool has = s.n >= cut.n && (cut.n == 0 || memcmp(s.p + s.n - cut.n, cut.p, cut.n) == 0);
        return put_text(out, s.p, has ? s.n - cut.n : s.n);
}

FN(upper)
{
        return texts(ev, args, n, 1) && sprig_fn_upper(&ev->go, args, 1, out);
}

FN(lower)
{
        return texts(ev, args, n, 1) && sprig_fn_lower(&ev->go, args, 1, out);
}

FN(hasPrefix)
{
        if (!texts(ev, args, n, 2))
                return false;
        struct str s = args[0].s, p = args[1].s;
        *out = val_bool(s.n >= p.n && (p.n == 0 || memcmp(s.p, p.p, p.n) == 0));
        return true;
}

FN(hasSuffix)
{
        if (!texts(ev, args, n, 2))
                return false;
        struct str s = args[0].s, p = args[1].s;
        *out = val_bool(s.n >= p.n && (p.n == 0 || memcmp(s.p + s.n - p.n, p.p, p.n) == 0));
        return true;
}

static const char *find(struct str s, struct str what)
{
        if (what.n == 0)
                return s.p;
        return s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
}

FN(indexOf)
{
        if (!texts(ev, args, n, 2))
                return false;
        const char *at = args[1].s.n ? find(args[0].s, args[1].s) : NULL;
        *out = val_int(args[1].s.n == 0 ? 0 : at ? at - args[0].s.p : -1);
        return true;
}

FN(lastIndexOf)
{
        if (!texts(ev, args, n, 2))
                return false;
        struct str s = args[0].s, what = args[1].s;
        *out = val_int(-1);
        for (size_t i = s.n >= what.n ? s.n - what.n + 1 : 0; i-- > 0;) {
                if (what.n == 0 || memcmp(s.p + i, what.p, what.n) == 0) {
                        *out = val_int((int64_t)i);
                        break;
                }
        }
        return go_step(&ev->go, s.n / 64);
}

/* ---- split and join ---- */

/* The length of the next piece, and of it with what separates it. */
static size_t piece(struct str s, struct str sep, size_t *used)
{
        uint32_t c;
        if (sep.n == 0) {
                *used = utf8_decode(s.p, s.n, &c);
                return *used;
        }
        const char *at = find(s, sep);
        *used = at ? (size_t)(at - s.p) + sep.n : s.n;
        return at ? (size_t)(at - s.p) : s.n;
}

/* strings.SplitN and SplitAfterN. */
static bool split(struct ex_eval *ev, const struct val *args, size_t n, bool after, struct val *out)
{
        int64_t limit = -1;
        struct sprig_list l = {.env = &ev->go};
        if (!texts(ev, args, n, 2) || (n > 2 && !ex_to_int(ev, args[2], &limit)))
                return false;
        struct str s = args[0].s, sep = args[1].s;
        if (limit == 0) {
                *out = val_list_new(ev->go.arena, 0);
                out->type = VAL_T_STRINGS;
                out->extra = VAL_X_NIL;
                return out->kind == VAL_LIST || go_full(&ev->go);
        }
        while (sep.n ? find(s, sep) != NULL : s.n > 0) {
                size_t used, len = piece(s, sep, &used);
                if (limit > 0 && l.n + 1 == (size_t)limit)
                        break;
                if (!ex_items(ev, 1) || !sprig_push_str(&l, (struct str){s.p, after ? used : len}))
                        return false;
                s = (struct str){s.p + used, s.n - used};
        }
        if ((sep.n || s.n) && !sprig_push_str(&l, s))
                return false;
        return sprig_list_value(&l, VAL_T_STRINGS, out);
}

FN(split)
{
        return split(ev, args, n, false, out);
}

FN(splitAfter)
{
        return split(ev, args, n, true, out);
}

FN(join)
{
        struct val_list *l;
        struct str glue = STR("");
        if (n > 1) {
                if (!texts(ev, args + 1, 1, 1))
                        return false;
                glue = args[1].s;
        }
        bool fits = args[0].kind == VAL_LIST &&
                    (args[0].type == VAL_T_USUAL || args[0].type == VAL_T_STRINGS);
        if (!fits)
                return ex_fail(ev, "invalid argument for join (type %s)", ex_val_type(args[0]));
        if (!ex_open_list(ev, args[0], &l) || !texts(ev, l->items, l->n, l->n))
                return false;
        struct abuf b = abuf_in(ev->go.arena);
        for (size_t i = 0; i < l->n; i++) {
                if (i)
                        abuf_add(&b, glue);
                abuf_add(&b, l->items[i].s);
        }
        return go_return_text(&ev->go, &b, out);
}

/* ---- replace and repeat ---- */

FN(replace)
{
        int64_t limit = -1;
        if (!texts(ev, args, n, 3) || (n > 3 && !ex_to_int(ev, args[3], &limit)))
                return false;
        struct str s = args[0].s, old = args[1].s, new = args[2].s;
        struct abuf b = abuf_in(ev->go.arena);
        for (int64_t done = 0; limit < 0 || done < limit; done++) {
                if (old.n == 0) { /* before each character, and at the end */
                        uint32_t c;
                        abuf_add(&b, new);
                        if (!s.n)
                                break;
                        size_t len = utf8_decode(s.p, s.n, &c);
                        abuf_add(&b, (struct str){s.p, len});
                        s = (struct str){s.p + len, s.n - len};
                } else {
                        const char *at = find(s, old);
                        if (!at)
                                break;
                        size_t len = (size_t)(at - s.p);
                        abuf_add(&b, (struct str){s.p, len});
                        abuf_add(&b, new);
                        s = (struct str){at + old.n, s.n - len - old.n};
                }
                if (b.n > LANG_OUTPUT || !go_step(&ev->go, 1))
                        return go_full(&ev->go);
        }
        abuf_add(&b, s);
        return go_return_text(&ev->go, &b, out);
}

FN(repeat)
{
        int64_t times;
        if (!texts(ev, args, n, 1) || !ex_to_int(ev, args[1], &times))
                return false;
        if (times < 0)
                return ex_fail(ev, "invalid argument for repeat: expected positive integer");
        struct str s = args[0].s;
        if (times > EX_MAX_ITEMS || (s.n && (size_t)times * s.n >= EX_MAX_ITEMS))
                return go_fail(&ev->go, ERR_LIMIT, "repeat makes too long a text");
        char *p = arena_try_alloc(ev->go.arena, s.n * (size_t)times + 1);
        if (!p)
                return go_full(&ev->go);
        for (size_t i = 0; s.n && i < (size_t)times; i++)
                memcpy(p + i * s.n, s.p, s.n);
        return put_text(out, p, s.n * (size_t)times);
}

/* ---- base64, JSON, type, string ---- */

FN(toBase64)
{
        struct abuf b = abuf_in(ev->go.arena);
        if (!texts(ev, args, n, 1))
                return false;
        sprig_base64(&b, args[0].s, false);
        return go_return_text(&ev->go, &b, out);
}

FN(fromBase64)
{
        struct abuf b = abuf_in(ev->go.arena);
        if (!texts(ev, args, n, 1))
                return false;
        if (!sprig_base64(&b, args[0].s, true))
                return ex_fail(ev, "illegal base64 data");
        return go_return_text(&ev->go, &b, out);
}

FN(fromJSON)
{
        return texts(ev, args, n, 1) && sprig_fn_mustFromJson(&ev->go, args, 1, out);
}

FN(toJSON)
{
        return sprig_fn_mustToPrettyJson(&ev->go, args, 1, out);
}

FN(toJson)
{
        return sprig_fn_mustToJson(&ev->go, args, 1, out);
}

FN(string)
{
        if (args[0].kind == VAL_STR && args[0].type == VAL_T_USUAL) {
                *out = args[0];
                return true;
        }
        struct abuf b = abuf_in(ev->go.arena);
        if (args[0].kind == VAL_OTHER && args[0].type >= VAL_T_FIRST_PRIVATE)
                abuf_adds(&b, ex_val_type(args[0]));
        else
                gofmt_value(&b, args[0]);
        return go_return_text(&ev->go, &b, out);
}

static const char *type_name(struct val v)
{
        switch (v.kind) {
        case VAL_MISSING:
        case VAL_NIL: return "nil";
        case VAL_BOOL: return "bool";
        case VAL_INT:
                return v.type == VAL_T_MONTH     ? "time.Month"
                       : v.type == VAL_T_WEEKDAY ? "time.Weekday"
                       : v.type == VAL_T_UINT8 || v.type == VAL_T_UINT32 || v.type == VAL_T_UINT64
                               ? "uint"
                               : "int";
        case VAL_FLOAT: return "float";
        case VAL_STR: return v.type == VAL_T_BYTES ? "array" : "string";
        case VAL_LIST: return "array";
        case VAL_MAP: return "map";
        case VAL_TIME: return "time.Time";
        case VAL_DURATION: return "time.Duration";
        default:
                return v.type == EX_V_FUNC       ? "func"
                       : v.type == EX_V_SPRIG    ? "map"
                       : v.type == EX_V_LOCATION ? "time.Location"
                                                 : "struct";
        }
}

FN(type)
{
        *out = val_text(type_name(args[0]));
        return true;
}
