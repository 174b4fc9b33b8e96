/* common/lang/sprig/sprig_list.c: lists. Every function makes a new list. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include <math.h>

SPRIG_FN(fn_list)
{
        struct sprig_list l = {.env = env};
        for (size_t i = 0; i < n; i++)
                if (!sprig_push(&l, args[i]))
                        return false;
        return sprig_list_value(&l, 0, out); /* without arguments: empty, not nil */
}

static bool push_all(struct sprig_list *l, const struct val_list *from, size_t start, size_t end)
{
        for (size_t i = start; i < end; i++)
                if (!sprig_push(l, from->items[i]))
                        return false;
        return true;
}

static bool nil_list(struct go_env *env, struct val *out)
{
        *out = val_list_new(env->arena, 0);
        out->extra = VAL_X_NIL;
        return out->kind == VAL_LIST || go_full(env);
}

SPRIG_FN(fn_push)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        return sprig_items(env, args[0], "push", &from) && push_all(&l, from, 0, from->n) &&
               sprig_push(&l, args[1]) && sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_prepend)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        return sprig_items(env, args[0], "prepend", &from) && sprig_push(&l, args[1]) &&
               push_all(&l, from, 0, from->n) && sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_first)
{
        SPRIG_ARGS;
        struct val_list *from;
        if (!sprig_items(env, args[0], "find first", &from))
                return false;
        *out = from->n ? from->items[0] : val_nil();
        return true;
}

SPRIG_FN(fn_last)
{
        SPRIG_ARGS;
        struct val_list *from;
        if (!sprig_items(env, args[0], "find last", &from))
                return false;
        *out = from->n ? from->items[from->n - 1] : val_nil();
        return true;
}

SPRIG_FN(fn_rest)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "find rest", &from))
                return false;
        if (from->n == 0)
                return nil_list(env, out);
        return push_all(&l, from, 1, from->n) && sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_initial)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "find initial", &from))
                return false;
        if (from->n == 0)
                return nil_list(env, out);
        return push_all(&l, from, 0, from->n - 1) && sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_reverse)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "find reverse", &from))
                return false;
        for (size_t i = from->n; i-- > 0;)
                if (!sprig_push(&l, from->items[i]))
                        return false;
        return sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_compact)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "compact", &from))
                return false;
        for (size_t i = 0; i < from->n; i++)
                if (!sprig_empty(env, from->items[i]) && !sprig_push(&l, from->items[i]))
                        return false;
        return sprig_list_value(&l, 0, out);
}

static bool contains(struct go_env *env, const struct val *items, size_t n, struct val v)
{
        for (size_t i = 0; i < n; i++)
                if (sprig_deep_equal(env, v, items[i]))
                        return true;
        return false;
}

SPRIG_FN(fn_uniq)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "find uniq", &from))
                return false;
        for (size_t i = 0; i < from->n; i++)
                if (!contains(env, l.items, l.n, from->items[i]) && !sprig_push(&l, from->items[i]))
                        return false;
        return sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_without)
{
        struct val_list *from;
        struct sprig_list l = {.env = env};
        if (!sprig_items(env, args[0], "find without", &from))
                return false;
        for (size_t i = 0; i < from->n; i++)
                if (!contains(env, args + 1, n - 1, from->items[i]) &&
                    !sprig_push(&l, from->items[i]))
                        return false;
        return sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_has)
{
        SPRIG_ARGS;
        struct val_list *from;
        *out = val_bool(false);
        if (sprig_nothing(args[1]))
                return true;
        if (!sprig_items(env, args[1], "find has", &from))
                return false;
        *out = val_bool(contains(env, from->items, from->n, args[0]));
        return !env->failed;
}

SPRIG_FN(fn_slice)
{
        struct val_list *from;
        if (!sprig_items(env, args[0], "slice", &from))
                return false;
        if (from->n == 0) {
                *out = val_nil();
                return true;
        }
        int64_t start = n > 1 ? sprig_to_int(args[1]) : 0;
        int64_t end = n > 2 ? sprig_to_int(args[2]) : (int64_t)from->n;
        if (start < 0 || end < start || end > (int64_t)from->n)
                return go_fail(env, ERR_INVALID, "slice bounds out of range [%lld:%lld]",
                               (long long)start, (long long)end);
        struct sprig_list l = {.env = env};
        return push_all(&l, from, (size_t)start, (size_t)end) &&
               sprig_list_value(&l, args[0].type, out);
}

SPRIG_FN(fn_concat)
{
        struct sprig_list l = {.env = env};
        for (size_t i = 0; i < n; i++) {
                struct val_list *from;
                if (!sprig_items(env, args[i], "concat", &from) || !push_all(&l, from, 0, from->n))
                        return false;
        }
        return l.n ? sprig_list_value(&l, 0, out) : nil_list(env, out);
}

SPRIG_FN(fn_chunk)
{
        SPRIG_ARGS;
        struct val_list *from;
        struct sprig_list l = {.env = env};
        int64_t size = args[0].i;
        if (!sprig_items(env, args[1], "chunk", &from))
                return false;
        if (size <= 0 || from->n == 0) {
                /* The original computes with a division by the size: only an empty list and size 1
                 * and up end well. */
                if (size <= 0)
                        return go_fail(env, ERR_INVALID, "chunk: the size must be positive");
                return sprig_list_value(&l, VAL_T_LISTS, out);
        }
        for (size_t i = 0; i < from->n; i += (size_t)size) {
                struct sprig_list part = {.env = env};
                struct val v;
                size_t end = (uint64_t)size > from->n - i ? from->n : i + (size_t)size;
                if (!push_all(&part, from, i, end) || !sprig_list_value(&part, 0, &v) ||
                    !sprig_push(&l, v))
                        return false;
        }
        return sprig_list_value(&l, VAL_T_LISTS, out);
}

/* ---- numbers in a row ---- */

static bool until_step(struct go_env *env, int64_t start, int64_t stop, int64_t step,
                       struct sprig_list *l)
{
        if ((stop < start && step >= 0) || (stop >= start && step <= 0))
                return true;
        for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
                if (!sprig_push(l, val_int(i)))
                        return false;
                if (__builtin_add_overflow(i, step, &i))
                        return go_fail(env, ERR_INVALID, "the range is too large");
        }
        return true;
}

SPRIG_FN(fn_until)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return until_step(env, 0, args[0].i, args[0].i < 0 ? -1 : 1, &l) &&
               sprig_list_value(&l, VAL_T_INTS, out);
}

SPRIG_FN(fn_untilStep)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return until_step(env, args[0].i, args[1].i, args[2].i, &l) &&
               sprig_list_value(&l, VAL_T_INTS, out);
}

SPRIG_FN(fn_seq)
{
        struct sprig_list l = {.env = env};
        struct abuf b = abuf_in(env->arena);
        int64_t start = 1, end, step = 1;
        *out = val_str(STR(""));
        if (n == 0 || n > 3)
                return true;
        end = args[n - 1].i;
        if (n > 1)
                start = args[0].i;
        int64_t direction = end < start ? -1 : 1;
        step = n == 3 ? args[1].i : direction;
        if (n == 3 && end < start && step > 0)
                return true;
        if (__builtin_add_overflow(end, direction, &end) || !until_step(env, start, end, step, &l))
                return go_fail(env, ERR_INVALID, "the range is too large");
        for (size_t i = 0; i < l.n; i++)
                abuf_addf(&b, i ? " %lld" : "%lld", (long long)l.items[i].i);
        return go_return_text(env, &b, out);
}
