/* common/lang/sprig/sprig.c: the table of functions; conversions that all of them use.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/sprig_priv.h"

#define SPRIG(name, types, fn) {#name, types, sprig_##fn},
static const struct go_func functions[] = {
#include "common/lang/sprig/sprig.def"
};
#undef SPRIG

const struct go_func *sprig_find(struct str name)
{
        return go_find(functions, ARRAY_LEN(functions), name);
}

const char *sprig_refused(struct str name)
{
        static const struct {
                const char *name, *why;
        } refused[] = {
                {"env", "templates see no environment"},
                {"expandenv", "templates see no environment"},
                {"getHostByName", "templates do no network access"},
                {"genCA", "certificates are not made in templates"},
                {"genCAWithKey", "certificates are not made in templates"},
                {"genSelfSignedCert", "certificates are not made in templates"},
                {"genSelfSignedCertWithKey", "certificates are not made in templates"},
                {"genSignedCert", "certificates are not made in templates"},
                {"genSignedCertWithKey", "certificates are not made in templates"},
                {"buildCustomCert", "certificates are not made in templates"},
        };
        for (size_t i = 0; i < ARRAY_LEN(refused); i++)
                if (str_eq(name, refused[i].name))
                        return refused[i].why;
        return NULL;
}

/* ---- numbers ---- */

/* "4.7" is 4, "-.5" is 0: a text that is digits, a point and digits loses its fraction. */
static struct str without_fraction(struct str s, bool *zero)
{
        size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), point;
        *zero = false;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
                i++;
        point = i;
        if (i == s.n || s.p[i] != '.')
                return s;
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
                i++;
        if (i < s.n)
                return s;
        *zero = point == (s.p[0] == '-' || s.p[0] == '+');
        return (struct str){s.p, point};
}

int64_t sprig_to_int(struct val v)
{
        int64_t i = 0;
        bool zero;
        switch (v.kind) {
        case VAL_BOOL: return v.b;
        case VAL_INT:
        case VAL_DURATION: return v.i;
        case VAL_FLOAT: return gonum_f64_to_i64(v.f);
        case VAL_STR: {
                if (v.type != VAL_T_USUAL)
                        return 0;
                struct str s = without_fraction(v.s, &zero);
                return !zero && gonum_int(s, 0, 64, &i) == GONUM_OK ? i : 0;
        }
        default: return 0;
        }
}

double sprig_to_float(struct val v)
{
        double d = 0;
        switch (v.kind) {
        case VAL_BOOL: return v.b;
        case VAL_INT: return v.type == VAL_T_UINT64 ? (double)(uint64_t)v.i : (double)v.i;
        case VAL_DURATION: return (double)v.i;
        case VAL_FLOAT: return v.f;
        case VAL_STR: return v.type == VAL_T_USUAL && gonum_float(v.s, &d) == GONUM_OK ? d : 0;
        default: return 0;
        }
}

bool sprig_empty(struct go_env *env, struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return !v.b;
        case VAL_INT:
        case VAL_DURATION: return v.i == 0;
        case VAL_FLOAT: return v.f == 0;
        case VAL_STR: return v.type != VAL_T_ERROR && v.s.n == 0;
        case VAL_LIST:
        case VAL_MAP: return val_len(env->arena, v) == 0;
        case VAL_TIME:
        case VAL_OTHER: return false;
        default: return true;
        }
}

/* ---- texts and lists ---- */

bool sprig_text(struct go_env *env, struct val v, struct str *out)
{
        if (v.kind == VAL_STR) {
                *out = v.s;
                return true;
        }
        struct abuf b = abuf_in(env->arena);
        gofmt_value(&b, v);
        if (b.failed)
                return go_full(env);
        *out = abuf_str(&b);
        return true;
}

bool sprig_push(struct sprig_list *l, struct val v)
{
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 8;
                struct val *more = arena_try_alloc(l->env->arena, cap * sizeof(*more));
                if (!more)
                        return go_full(l->env);
                if (l->n)
                        memcpy(more, l->items, l->n * sizeof(*more));
                l->items = more;
                l->cap = cap;
        }
        l->items[l->n++] = v;
        return go_step(l->env, 1);
}

bool sprig_push_str(struct sprig_list *l, struct str s)
{
        return sprig_push(l, val_str(s));
}

bool sprig_list_value(struct sprig_list *l, uint8_t type, struct val *out)
{
        struct val_list *list = arena_try_alloc(l->env->arena, sizeof(*list));
        if (!list)
                return go_full(l->env);
        *list = (struct val_list){.items = l->items, .n = l->n};
        *out = (struct val){.kind = VAL_LIST, .type = type, .list = list};
        return !l->env->failed;
}

bool sprig_items(struct go_env *env, struct val v, const char *what, struct val_list **out)
{
        if (v.kind != VAL_LIST)
                return go_fail(env, ERR_INVALID, "Cannot %s on type %s", what, gofmt_kind(v));
        if (!val_open(env->arena, v))
                return go_full(env);
        *out = v.list;
        return true;
}

/* ---- equality as reflect.DeepEqual ---- */

enum { EQUAL_DEPTH = 100 };

static bool deep_equal(struct go_env *env, struct val a, struct val b, unsigned depth)
{
        if (a.kind == VAL_MISSING)
                a.kind = VAL_NIL;
        if (b.kind == VAL_MISSING)
                b.kind = VAL_NIL;
        if (a.kind != b.kind || a.type != b.type || depth > EQUAL_DEPTH || !go_step(env, 1))
                return false;
        switch (a.kind) {
        case VAL_BOOL: return a.b == b.b;
        case VAL_INT:
        case VAL_DURATION: return a.i == b.i;
        case VAL_FLOAT: return a.f == b.f;
        case VAL_STR: return a.s.n == b.s.n && (a.s.n == 0 || memcmp(a.s.p, b.s.p, a.s.n) == 0);
        case VAL_TIME:
                return a.time->sec == b.time->sec && a.time->nsec == b.time->nsec &&
                       a.time->zone == b.time->zone;
        case VAL_LIST:
                if ((a.extra ^ b.extra) & VAL_X_NIL ||
                    val_len(env->arena, a) != val_len(env->arena, b))
                        return false;
                for (size_t i = 0; i < a.list->n; i++)
                        if (!deep_equal(env, a.list->items[i], b.list->items[i], depth + 1))
                                return false;
                return true;
        case VAL_MAP:
                if ((a.extra ^ b.extra) & VAL_X_NIL ||
                    val_len(env->arena, a) != val_len(env->arena, b))
                        return false;
                for (size_t i = 0; i < a.map->n; i++) {
                        struct val other = val_get_key(env->arena, b, a.map->entries[i].key);
                        if (other.kind == VAL_MISSING ||
                            !deep_equal(env, a.map->entries[i].value, other, depth + 1))
                                return false;
                }
                return true;
        case VAL_OTHER: return a.other == b.other;
        default: return true;
        }
}

bool sprig_deep_equal(struct go_env *env, struct val a, struct val b)
{
        return deep_equal(env, a, b, 0);
}

/* ---- shared resources ---- */

bool sprig_time(struct go_env *env, struct val_time t, struct val *out)
{
        struct val_time *copy = arena_try_alloc(env->arena, sizeof(*copy));
        if (!copy)
                return go_full(env);
        *copy = t;
        *out = (struct val){.kind = VAL_TIME, .time = copy};
        return true;
}

bool sprig_now(struct go_env *env, struct val_time *out)
{
        if (!env->clock)
                return go_fail(env, ERR_INVALID, "there is no clock here");
        int64_t ns = clock_wall(env->clock).ns;
        *out = gotime_add((struct val_time){0}, ns);
        return true;
}

bool sprig_regex(struct go_env *env, struct str pattern, const struct goregex **out)
{
        struct err e = {0};
        if (!env->regexes)
                env->regexes = goregex_cache_new(8);
        if (goregex_cached(env->regexes, pattern, out, &e) == 0)
                return true;
        go_fail(env, e.code, "%s", err_msg(&e));
        err_clear(&e);
        return false;
}
