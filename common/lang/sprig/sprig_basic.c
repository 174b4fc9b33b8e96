/* common/lang/sprig/sprig_basic.c: defaults, conversions, types, flow. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include <stdlib.h>

SPRIG_FN(fn_hello)
{
        SPRIG_ARGS;
        return go_return_str(out, STR("Hello!"));
}

SPRIG_FN(fn_fail)
{
        SPRIG_ARGS; /* the message is the template's, but it may hold data: it is not repeated */
        *out = val_nil();
        return go_fail(env, ERR_INVALID, "the template called fail");
}

SPRIG_FN(fn_default)
{
        SPRIG_ARGS;
        *out = n < 2 || sprig_empty(env, args[1]) ? args[0] : args[1];
        return true;
}

SPRIG_FN(fn_empty)
{
        SPRIG_ARGS;
        *out = val_bool(sprig_empty(env, args[0]));
        return true;
}

SPRIG_FN(fn_coalesce)
{
        *out = val_nil();
        for (size_t i = 0; i < n; i++) {
                if (!sprig_empty(env, args[i])) {
                        *out = args[i];
                        break;
                }
        }
        return true;
}

SPRIG_FN(fn_all)
{
        bool yes = true;
        for (size_t i = 0; i < n; i++)
                yes &= !sprig_empty(env, args[i]);
        *out = val_bool(yes);
        return true;
}

SPRIG_FN(fn_any)
{
        bool yes = false;
        for (size_t i = 0; i < n; i++)
                yes |= !sprig_empty(env, args[i]);
        *out = val_bool(yes);
        return true;
}

SPRIG_FN(fn_ternary)
{
        SPRIG_ARGS;
        *out = args[args[2].b ? 0 : 1];
        return true;
}

/* ---- conversions ---- */

SPRIG_FN(fn_int)
{
        SPRIG_ARGS;
        *out = val_int(sprig_to_int(args[0]));
        return true;
}

SPRIG_FN(fn_int64)
{
        SPRIG_ARGS;
        *out = sprig_int64(sprig_to_int(args[0]));
        return true;
}

SPRIG_FN(fn_float64)
{
        SPRIG_ARGS;
        *out = val_float(sprig_to_float(args[0]));
        return true;
}

SPRIG_FN(fn_atoi)
{
        SPRIG_ARGS;
        int64_t i;
        enum gonum_status status = gonum_int(args[0].s, 10, 64, &i);
        *out = val_int(status == GONUM_SYNTAX ? 0 : i);
        return true;
}

SPRIG_FN(fn_toDecimal)
{
        SPRIG_ARGS;
        struct str s;
        int64_t i;
        if (!sprig_text(env, args[0], &s))
                return false;
        *out = sprig_int64(gonum_int(s, 8, 64, &i) == GONUM_OK ? i : 0);
        return true;
}

SPRIG_FN(fn_toString)
{
        SPRIG_ARGS;
        struct str s;
        if (!sprig_text(env, args[0], &s))
                return false;
        return go_return_str(out, s);
}

/* strslice: the texts of a list without its nils; a scalar is a list of one. */
static bool strings_of(struct go_env *env, struct val v, struct sprig_list *l)
{
        struct str s;
        if (v.kind != VAL_LIST) {
                if (sprig_nothing(v))
                        return true;
                return sprig_text(env, v, &s) && sprig_push_str(l, s);
        }
        if (!val_open(env->arena, v))
                return go_full(env);
        for (size_t i = 0; i < v.list->n; i++) {
                if (sprig_nothing(v.list->items[i]))
                        continue;
                if (!sprig_text(env, v.list->items[i], &s) || !sprig_push_str(l, s))
                        return false;
        }
        return true;
}

SPRIG_FN(fn_toStrings)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return strings_of(env, args[0], &l) && sprig_list_value(&l, VAL_T_STRINGS, out);
}

SPRIG_FN(fn_join)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        struct abuf b = abuf_in(env->arena);
        if (!strings_of(env, args[1], &l))
                return false;
        for (size_t i = 0; i < l.n; i++) {
                if (i)
                        abuf_add(&b, args[0].s);
                abuf_add(&b, l.items[i].s);
        }
        return go_return_text(env, &b, out);
}

static int by_text(const void *va, const void *vb)
{
        const struct val *a = va, *b = vb;
        size_t n = a->s.n < b->s.n ? a->s.n : b->s.n;
        int order = n ? memcmp(a->s.p, b->s.p, n) : 0;
        return order ? order : a->s.n < b->s.n ? -1 : a->s.n > b->s.n;
}

SPRIG_FN(fn_sortAlpha)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        if (sprig_nothing(args[0])) {
                if (!sprig_push_str(&l, STR("<nil>")))
                        return false;
        } else if (!strings_of(env, args[0], &l)) {
                return false;
        }
        if (l.n > 1)
                qsort(l.items, l.n, sizeof(l.items[0]), by_text);
        return sprig_list_value(&l, VAL_T_STRINGS, out);
}

/* ---- types ---- */

SPRIG_FN(fn_typeOf)
{
        SPRIG_ARGS;
        *out = val_text(gofmt_type(args[0]));
        return true;
}

SPRIG_FN(fn_kindOf)
{
        SPRIG_ARGS;
        *out = val_text(gofmt_kind(args[0]));
        return true;
}

SPRIG_FN(fn_typeIs)
{
        SPRIG_ARGS;
        *out = val_bool(str_eq(args[0].s, gofmt_type(args[1])));
        return true;
}

SPRIG_FN(fn_typeIsLike)
{
        SPRIG_ARGS;
        const char *type = gofmt_type(args[1]);
        *out = val_bool(str_eq(args[0].s, type) || (*type == '*' && str_eq(args[0].s, type + 1)));
        return true;
}

SPRIG_FN(fn_kindIs)
{
        SPRIG_ARGS;
        *out = val_bool(str_eq(args[0].s, gofmt_kind(args[1])));
        return true;
}

SPRIG_FN(fn_deepEqual)
{
        SPRIG_ARGS;
        *out = val_bool(sprig_deep_equal(env, args[0], args[1]));
        return !env->failed;
}
