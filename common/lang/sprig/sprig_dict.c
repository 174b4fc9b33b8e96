/* common/lang/sprig/sprig_dict.c: maps. set, unset and merge change the map they are given, as in
 * the original. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"

enum { MERGE_DEPTH = 100 };

static bool new_map(struct go_env *env, struct val *out)
{
        *out = val_map_new(env->arena, 0);
        return out->kind == VAL_MAP || go_full(env);
}

static bool put(struct go_env *env, struct val map, struct val key, struct val value)
{
        return (val_map_set(env->arena, map, key, value) && go_step(env, 1)) || go_full(env);
}

SPRIG_FN(fn_dict)
{
        if (!new_map(env, out))
                return false;
        for (size_t i = 0; i < n; i += 2) {
                struct str key;
                struct val value = i + 1 < n ? args[i + 1] : val_str(STR(""));
                if (!sprig_text(env, args[i], &key) || !put(env, *out, val_str(key), value))
                        return false;
        }
        return true;
}

SPRIG_FN(fn_get)
{
        SPRIG_ARGS;
        *out = val_get_key(env->arena, args[0], args[1]);
        if (out->kind == VAL_MISSING)
                *out = val_str(STR(""));
        return true;
}

SPRIG_FN(fn_set)
{
        SPRIG_ARGS;
        if (args[0].extra & VAL_X_NIL)
                return go_fail(env, ERR_INVALID, "assignment to entry in nil map");
        *out = args[0];
        return put(env, args[0], args[1], args[2]);
}

SPRIG_FN(fn_unset)
{
        SPRIG_ARGS;
        if (!val_open(env->arena, args[0]))
                return go_full(env);
        val_map_unset(args[0], args[1]);
        *out = args[0];
        return true;
}

SPRIG_FN(fn_hasKey)
{
        SPRIG_ARGS;
        *out = val_bool(val_get_key(env->arena, args[0], args[1]).kind != VAL_MISSING);
        return true;
}

SPRIG_FN(fn_pluck)
{
        struct sprig_list l = {.env = env};
        for (size_t i = 1; i < n; i++) {
                struct val v = val_get_key(env->arena, args[i], args[0]);
                if (v.kind != VAL_MISSING && !sprig_push(&l, v))
                        return false;
        }
        return sprig_list_value(&l, 0, out);
}

/* The original's order is random; ours is by key. */
SPRIG_FN(fn_keys)
{
        struct sprig_list l = {.env = env};
        for (size_t i = 0; i < n; i++) {
                if (!val_open_sorted(env->arena, args[i]))
                        return go_full(env);
                for (size_t k = 0; k < args[i].map->n; k++)
                        if (!sprig_push(&l, args[i].map->entries[k].key))
                                return false;
        }
        return sprig_list_value(&l, VAL_T_STRINGS, out);
}

SPRIG_FN(fn_values)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        if (!val_open_sorted(env->arena, args[0]))
                return go_full(env);
        for (size_t k = 0; k < args[0].map->n; k++)
                if (!sprig_push(&l, args[0].map->entries[k].value))
                        return false;
        return sprig_list_value(&l, 0, out);
}

SPRIG_FN(fn_pick)
{
        if (!new_map(env, out))
                return false;
        for (size_t i = 1; i < n; i++) {
                struct val v = val_get_key(env->arena, args[0], args[i]);
                if (v.kind != VAL_MISSING && !put(env, *out, args[i], v))
                        return false;
        }
        return true;
}

static bool named(const struct val *names, size_t n, struct val key)
{
        for (size_t i = 0; i < n; i++)
                if (names[i].s.n == key.s.n && memcmp(names[i].s.p, key.s.p, key.s.n) == 0)
                        return true;
        return false;
}

SPRIG_FN(fn_omit)
{
        if (!new_map(env, out))
                return false;
        if (!val_open(env->arena, args[0]))
                return go_full(env);
        for (size_t k = 0; k < args[0].map->n; k++) {
                const struct val_entry *e = &args[0].map->entries[k];
                if (!named(args + 1, n - 1, e->key) && !put(env, *out, e->key, e->value))
                        return false;
        }
        return true;
}

SPRIG_FN(fn_dig)
{
        if (n < 3)
                return go_fail(env, ERR_INVALID, "dig needs at least three arguments");
        struct val at = args[n - 1];
        for (size_t i = 0; i + 2 < n; i++)
                if (args[i].kind != VAL_STR)
                        return go_fail(env, ERR_INVALID,
                                       "interface conversion: interface {} is %s, not string",
                                       gofmt_type(args[i]));
        for (size_t i = 0; i + 2 < n; i++) {
                if (at.kind != VAL_MAP || at.type != VAL_T_USUAL)
                        return go_fail(env, ERR_INVALID,
                                       "interface conversion: interface {} is %s, not "
                                       "map[string]interface {}",
                                       sprig_nothing(at) ? "nil" : gofmt_type(at));
                at = val_get_key(env->arena, at, args[i]);
                if (at.kind == VAL_MISSING) {
                        *out = args[n - 2];
                        return true;
                }
        }
        *out = at;
        return true;
}

/* ---- merge (mergo): what is empty in dst is filled, or all of src wins ---- */

static bool merge(struct go_env *env, struct val dst, struct val src, bool overwrite,
                  unsigned depth)
{
        if (depth > MERGE_DEPTH)
                return go_fail(env, ERR_LIMIT, "maps are nested too deeply");
        if (!val_open(env->arena, dst) || !val_open_sorted(env->arena, src))
                return go_full(env);
        for (size_t i = 0; i < src.map->n; i++) {
                struct val key = src.map->entries[i].key, from = src.map->entries[i].value;
                struct val to = val_get_key(env->arena, dst, key);
                bool filled = to.kind != VAL_MISSING && !sprig_empty(env, to);
                if (sprig_nothing(from)) {
                        if (overwrite && !put(env, dst, key, from))
                                return false;
                        continue;
                }
                if (from.kind == VAL_MAP && to.kind == VAL_MAP && from.map != to.map &&
                    !merge(env, to, from, overwrite, depth + 1))
                        return false;
                if (from.kind == VAL_MAP && to.kind == VAL_MAP && filled)
                        continue;
                if (from.kind == VAL_LIST && filled) {
                        if (overwrite && !put(env, dst, key, from))
                                return false;
                        continue;
                }
                if ((overwrite || !filled) && !put(env, dst, key, from))
                        return false;
        }
        return true;
}

static bool merge_all(struct go_env *env, const struct val *args, size_t n, bool overwrite,
                      struct val *out)
{
        for (size_t i = 1; i < n; i++)
                if (args[i].map != args[0].map && !merge(env, args[0], args[i], overwrite, 0))
                        return false;
        *out = args[0];
        out->extra = 0;
        return true;
}

SPRIG_FN(fn_merge)
{
        return merge_all(env, args, n, false, out);
}

SPRIG_FN(fn_mergeOverwrite)
{
        return merge_all(env, args, n, true, out);
}

/* ---- copies ---- */

static bool copy(struct go_env *env, struct val v, unsigned depth, struct val *out)
{
        *out = v;
        if (v.kind != VAL_MAP && v.kind != VAL_LIST)
                return true;
        if (depth > MERGE_DEPTH)
                return go_fail(env, ERR_LIMIT, "values are nested too deeply");
        if (!val_open(env->arena, v))
                return go_full(env);
        if (v.kind == VAL_LIST) {
                struct sprig_list l = {.env = env};
                for (size_t i = 0; i < v.list->n; i++) {
                        struct val item;
                        if (!copy(env, v.list->items[i], depth + 1, &item) || !sprig_push(&l, item))
                                return false;
                }
                return sprig_list_value(&l, v.type, out);
        }
        if (!new_map(env, out))
                return false;
        out->type = v.type;
        for (size_t i = 0; i < v.map->n; i++) {
                struct val item;
                if (!copy(env, v.map->entries[i].value, depth + 1, &item) ||
                    !put(env, *out, v.map->entries[i].key, item))
                        return false;
        }
        return true;
}

SPRIG_FN(fn_deepCopy)
{
        SPRIG_ARGS;
        return copy(env, args[0], 0, out);
}
