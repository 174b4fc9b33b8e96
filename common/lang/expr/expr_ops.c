/* common/lang/expr/expr_ops.c: see expr_priv.h: operators on values, with Go's arithmetic: ints
 * wrap around, an int and a float make a float. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/sprig_priv.h"

const char *ex_val_type(struct val v)
{
        if (v.kind == VAL_NIL || v.kind == VAL_MISSING)
                return "nil";
        if (v.kind == VAL_OTHER)
                return v.type == EX_V_LOCATION ? "*time.Location"
                       : v.type == EX_V_SPRIG  ? "map[string]interface {}"
                                               : "func";
        if (v.type >= VAL_T_FIRST_PRIVATE)
                return v.type == EX_V_ANYMAP   ? "map[interface {}]interface {}"
                       : v.type == EX_V_GROUPS ? "map[interface {}][]interface {}"
                       : v.type == EX_V_PAIRS  ? "[][2]interface {}"
                                               : "[2]interface {}";
        return gofmt_type(v);
}

static bool is_int(struct val v)
{
        return v.kind == VAL_INT && v.type != VAL_T_MONTH && v.type != VAL_T_WEEKDAY;
}

bool ex_is_num(struct val v)
{
        return is_int(v) || v.kind == VAL_FLOAT;
}

double ex_num(struct val v)
{
        if (v.kind == VAL_FLOAT)
                return v.f;
        return v.type == VAL_T_UINT64 ? (double)(uint64_t)v.i : (double)v.i;
}

bool ex_to_int(struct ex_eval *ev, struct val v, int64_t *out)
{
        if (!ex_is_num(v))
                return ex_fail(ev, "an integer is expected, found %s", ex_val_type(v));
        *out = v.kind == VAL_INT ? v.i : gonum_f64_to_i64(v.f);
        return true;
}

/* ---- equality ---- */

static bool is_list(struct val v)
{
        return v.kind == VAL_LIST && v.type != EX_V_PAIRS && v.type != EX_V_PAIR;
}

static bool same_text(struct str a, struct str b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool lists_equal(struct ex_eval *ev, struct val a, struct val b, bool deep, unsigned depth);

/* reflect.DeepEqual: the types count too. */
static bool deep_equal(struct ex_eval *ev, struct val a, struct val b, unsigned depth)
{
        if (ex_is_nil(a) || ex_is_nil(b))
                return ex_is_nil(a) && ex_is_nil(b);
        if (a.kind != b.kind || a.type != b.type || depth > EX_MAX_NESTING || !go_step(&ev->go, 1))
                return false;
        switch (a.kind) {
        case VAL_BOOL: return a.b == b.b;
        case VAL_INT:
        case VAL_DURATION: return a.i == b.i;
        case VAL_FLOAT: return a.f == b.f;
        case VAL_STR: return same_text(a.s, b.s);
        case VAL_TIME:
                return a.time->sec == b.time->sec && a.time->nsec == b.time->nsec &&
                       a.time->zone == b.time->zone;
        case VAL_LIST: return lists_equal(ev, a, b, true, depth);
        case VAL_MAP: {
                struct arena *arena = ev->go.arena;
                if (a.map == b.map)
                        return true;
                if (!val_open(arena, a) || !val_open(arena, b))
                        return go_full(&ev->go);
                if (a.map->n != b.map->n)
                        return false;
                for (size_t i = 0; i < a.map->n; i++) {
                        struct val other = val_get_key(arena, b, a.map->entries[i].key);
                        if (other.kind == VAL_MISSING ||
                            !deep_equal(ev, a.map->entries[i].value, other, depth + 1))
                                return false;
                }
                return true;
        }
        default: return a.other == b.other;
        }
}

static bool lists_equal(struct ex_eval *ev, struct val a, struct val b, bool deep, unsigned depth)
{
        if (!val_open(ev->go.arena, a) || !val_open(ev->go.arena, b))
                return go_full(&ev->go);
        if (a.list->n != b.list->n)
                return false;
        for (size_t i = 0; i < a.list->n; i++) {
                struct val x = a.list->items[i], y = b.list->items[i];
                if (!(deep ? deep_equal(ev, x, y, depth + 1) : ex_equal(ev, x, y, depth + 1)))
                        return false;
        }
        return true;
}

bool ex_equal(struct ex_eval *ev, struct val a, struct val b, unsigned depth)
{
        if (depth > EX_MAX_NESTING || !go_step(&ev->go, 1))
                return false;
        if (is_int(a) && is_int(b))
                return a.i == b.i;
        if (ex_is_num(a) && ex_is_num(b))
                return ex_num(a) == ex_num(b);
        if (a.kind == VAL_TIME && b.kind == VAL_TIME)
                return gotime_compare(*a.time, *b.time) == 0;
        if (ev->dialect == EXPR_WORKFLOWS && is_list(a) && is_list(b) &&
            (a.type == VAL_T_USUAL || b.type == VAL_T_USUAL) && !ex_is_nil(a) && !ex_is_nil(b))
                return lists_equal(ev, a, b, false, depth);
        return deep_equal(ev, a, b, depth);
}

/* ---- order ---- */

static int compare_text(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static bool decide(enum ex_op op, int order)
{
        switch (op) {
        case EX_OP_LT: return order < 0;
        case EX_OP_GT: return order > 0;
        case EX_OP_LE: return order <= 0;
        default: return order >= 0;
        }
}

bool ex_compare(struct ex_eval *ev, enum ex_op op, struct val a, struct val b, struct val *out)
{
        int order;
        if ((is_int(a) && is_int(b)) || (a.kind == VAL_DURATION && b.kind == VAL_DURATION)) {
                order = a.i < b.i ? -1 : a.i > b.i;
        } else if (ex_is_num(a) && ex_is_num(b)) {
                double x = ex_num(a), y = ex_num(b);
                *out = val_bool(op == EX_OP_LT   ? x < y
                                : op == EX_OP_GT ? x > y
                                : op == EX_OP_LE ? x <= y
                                                 : x >= y);
                return true;
        } else if (a.kind == VAL_STR && b.kind == VAL_STR && a.type == b.type) {
                order = compare_text(a.s, b.s);
        } else if (a.kind == VAL_TIME && b.kind == VAL_TIME) {
                order = gotime_compare(*a.time, *b.time);
        } else {
                return ex_fail(ev, "invalid operation: %s %s %s", ex_val_type(a), ex_op_name(op),
                               ex_val_type(b));
        }
        *out = val_bool(decide(op, order));
        return true;
}

bool ex_less(struct ex_eval *ev, struct val a, struct val b, bool *out)
{
        struct val v;
        if (!ex_compare(ev, EX_OP_LT, a, b, &v))
                return false;
        *out = v.b;
        return true;
}

/* ---- arithmetic ---- */

static bool mismatch(struct ex_eval *ev, enum ex_op op, struct val a, struct val b)
{
        return ex_fail(ev, "invalid operation: %s %s %s", ex_val_type(a), ex_op_name(op),
                       ex_val_type(b));
}

static struct val duration(int64_t ns)
{
        return (struct val){.kind = VAL_DURATION, .i = ns};
}

static int64_t wrap(enum ex_op op, int64_t a, int64_t b)
{
        uint64_t x = (uint64_t)a, y = (uint64_t)b;
        return (int64_t)(op == EX_OP_ADD ? x + y : op == EX_OP_SUB ? x - y : x * y);
}

static double real(enum ex_op op, double a, double b)
{
        return op == EX_OP_ADD ? a + b : op == EX_OP_SUB ? a - b : a * b;
}

static bool with_times(struct ex_eval *ev, enum ex_op op, struct val a, struct val b,
                       struct val *out)
{
        bool ta = a.kind == VAL_TIME, tb = b.kind == VAL_TIME;
        bool da = a.kind == VAL_DURATION, db = b.kind == VAL_DURATION;
        if (op == EX_OP_ADD && ta && db)
                return sprig_time(&ev->go, gotime_add(*a.time, b.i), out);
        if (op == EX_OP_ADD && da && tb)
                return sprig_time(&ev->go, gotime_add(*b.time, a.i), out);
        if (op == EX_OP_SUB && ta && db)
                return sprig_time(&ev->go, gotime_add(*a.time, wrap(EX_OP_SUB, 0, b.i)), out);
        if (op == EX_OP_SUB && ta && tb)
                *out = duration(gotime_sub(*a.time, *b.time));
        else if (da && db)
                *out = duration(wrap(op, a.i, b.i));
        else if (op == EX_OP_MUL && (da || db) && (da ? is_int(b) : is_int(a)))
                *out = duration(wrap(op, a.i, b.i));
        else if (op == EX_OP_MUL && (da || db) && (da ? b.kind : a.kind) == VAL_FLOAT)
                *out = val_float(da ? (double)a.i * b.f : a.f * (double)b.i);
        else
                return mismatch(ev, op, a, b);
        return true;
}

static bool concat(struct ex_eval *ev, struct str a, struct str b, struct val *out)
{
        char *p = arena_try_alloc(ev->go.arena, a.n + b.n + 1);
        if (!p || a.n + b.n > LANG_OUTPUT)
                return go_full(&ev->go);
        if (a.n)
                memcpy(p, a.p, a.n);
        if (b.n)
                memcpy(p + a.n, b.p, b.n);
        *out = val_str((struct str){p, a.n + b.n});
        return true;
}

static bool remainder_of(struct ex_eval *ev, struct val a, struct val b, struct val *out)
{
        if (!is_int(a) || !is_int(b))
                return mismatch(ev, EX_OP_MOD, a, b);
        if (b.i == 0)
                return ex_fail(ev, "integer divide by zero");
        *out = val_int(b.i == -1 ? 0 : a.i % b.i);
        return true;
}

bool ex_arithmetic(struct ex_eval *ev, enum ex_op op, struct val a, struct val b, struct val *out)
{
        bool numbers = ex_is_num(a) && ex_is_num(b);
        switch (op) {
        case EX_OP_MOD: return remainder_of(ev, a, b, out);
        case EX_OP_DIV:
        case EX_OP_POW:
                if (!numbers)
                        return mismatch(ev, op, a, b);
                *out = val_float(op == EX_OP_DIV ? ex_num(a) / ex_num(b)
                                                 : gonum_pow(ex_num(a), ex_num(b)));
                return true;
        default: break;
        }
        if (is_int(a) && is_int(b))
                *out = val_int(wrap(op, a.i, b.i));
        else if (numbers)
                *out = val_float(real(op, ex_num(a), ex_num(b)));
        else if (op == EX_OP_ADD && a.kind == VAL_STR && b.kind == VAL_STR &&
                 a.type == VAL_T_USUAL && b.type == VAL_T_USUAL)
                return concat(ev, a.s, b.s, out);
        else
                return with_times(ev, op, a, b, out);
        return true;
}

/* ---- containers ---- */

bool ex_open_list(struct ex_eval *ev, struct val v, struct val_list **out)
{
        static struct val_list none;
        if (v.kind != VAL_LIST)
                return ex_fail(ev, "a list is expected, found %s", ex_val_type(v));
        if (!val_open(ev->go.arena, v))
                return go_full(&ev->go);
        *out = v.extra & VAL_X_NIL ? &none : v.list;
        return true;
}

bool ex_contains(struct ex_eval *ev, struct val needle, struct val in, struct val *out)
{
        *out = val_bool(false);
        if (in.kind == VAL_NIL || in.kind == VAL_MISSING)
                return true;
        if (in.kind == VAL_LIST) {
                struct val_list *l;
                if (!ex_open_list(ev, in, &l))
                        return false;
                for (size_t i = 0; i < l->n && !out->b; i++)
                        out->b = ex_equal(ev, l->items[i], needle, 0);
                return !ev->go.failed;
        }
        if (in.kind == VAL_MAP) {
                bool any = in.type == EX_V_ANYMAP || in.type == EX_V_GROUPS;
                if (needle.kind == VAL_NIL && !any)
                        needle = val_str(STR(""));
                if (needle.kind != VAL_STR && !any)
                        return ex_fail(ev, "%s cannot be a key of %s", ex_val_type(needle),
                                       ex_val_type(in));
                if (needle.kind == VAL_LIST || needle.kind == VAL_MAP)
                        return ex_fail(ev, "%s cannot be a key", ex_val_type(needle));
                if (!val_open(ev->go.arena, in))
                        return go_full(&ev->go);
                out->b = val_get_key(ev->go.arena, in, needle).kind != VAL_MISSING;
                return true;
        }
        if (in.kind == VAL_OTHER && in.type == EX_V_SPRIG && needle.kind == VAL_STR) {
                out->b = sprig_find(needle.s) != NULL;
                return true;
        }
        if (in.kind == VAL_TIME && needle.kind == VAL_STR)
                return true; /* a struct without exported fields */
        return ex_fail(ev, "operator \"in\" not defined on %s", ex_val_type(in));
}

static bool out_of_range(struct ex_eval *ev, int64_t i, size_t n)
{
        return ex_fail(ev, "index out of range: %lld (array length is %zu)", (long long)i, n);
}

static bool fetch_index(struct ex_eval *ev, struct val from, struct val key, struct val *out)
{
        int64_t i;
        if (!val_open(ev->go.arena, from))
                return go_full(&ev->go);
        size_t n = from.kind == VAL_STR ? from.s.n : from.list->n;
        if (!ex_to_int(ev, key, &i))
                return false;
        if (i < 0)
                i += (int64_t)n;
        if (i < 0 || (uint64_t)i >= n)
                return out_of_range(ev, i, n);
        if (from.kind == VAL_STR) {
                *out = val_int((unsigned char)from.s.p[i]);
                out->type = VAL_T_UINT8;
        } else {
                *out = from.list->items[i];
        }
        return true;
}

bool ex_fetch(struct ex_eval *ev, struct val from, struct val key, struct val *out)
{
        struct arena *a = ev->go.arena;
        int len = key.kind == VAL_STR ? (int)(key.s.n > 60 ? 60 : key.s.n) : 0;
        if (ex_is_nil(from) && from.kind != VAL_LIST && from.kind != VAL_MAP)
                return key.kind == VAL_STR ? ex_fail(ev, "cannot fetch %.*s from nil", len, key.s.p)
                                           : ex_fail(ev, "cannot fetch an element from nil");
        if (key.kind == VAL_STR && ex_method_value(ev, from, key.s, out))
                return !ev->go.failed;
        if (from.kind == VAL_LIST || from.kind == VAL_STR)
                return fetch_index(ev, from, key, out);
        if (from.kind == VAL_MAP) {
                bool any = from.type == EX_V_ANYMAP || from.type == EX_V_GROUPS;
                if (key.kind == VAL_NIL && !any)
                        key = val_str(STR(""));
                if (key.kind != VAL_STR && !any)
                        return ex_fail(ev, "%s cannot be a key of %s", ex_val_type(key),
                                       ex_val_type(from));
                if (key.kind == VAL_LIST || key.kind == VAL_MAP)
                        return ex_fail(ev, "%s cannot be a key", ex_val_type(key));
                if (!val_open(a, from))
                        return go_full(&ev->go);
                *out = val_get_key(a, from, key);
                if (out->kind == VAL_MISSING && from.type == VAL_T_STRMAP)
                        *out = val_str(STR(""));
                if (out->kind == VAL_MISSING && from.type == EX_V_GROUPS) {
                        *out = val_list_new(a, 0);
                        out->extra = VAL_X_NIL;
                }
                return true;
        }
        if (from.kind == VAL_OTHER && from.type == EX_V_SPRIG && key.kind == VAL_STR)
                return ex_sprig_get(ev, key.s, out);
        return ex_fail(ev, "cannot fetch %.*s from %s", len, key.kind == VAL_STR ? key.s.p : "",
                       ex_val_type(from));
}

static int64_t clamp(int64_t i, int64_t n)
{
        if (i < 0)
                i += n;
        return i < 0 ? 0 : i;
}

bool ex_slice(struct ex_eval *ev, struct val v, const struct val *from, const struct val *to,
              struct val *out)
{
        if (v.kind != VAL_LIST && v.kind != VAL_STR)
                return ex_fail(ev, "cannot slice %s", ex_val_type(v));
        if (!val_open(ev->go.arena, v))
                return go_full(&ev->go);
        int64_t n = (int64_t)(v.kind == VAL_STR ? v.s.n : v.list->n), a = 0, b = n;
        if ((from && !ex_to_int(ev, *from, &a)) || (to && !ex_to_int(ev, *to, &b)))
                return false;
        a = clamp(a, n);
        b = clamp(b, n);
        if (b > n)
                b = n;
        if (a > b)
                a = b;
        *out = v;
        if (v.kind == VAL_STR) {
                out->s = (struct str){v.s.p + a, (size_t)(b - a)};
                return true;
        }
        struct val_list *l = arena_try_alloc(ev->go.arena, sizeof(*l));
        if (!l)
                return go_full(&ev->go);
        *l = (struct val_list){.items = v.list->items + a, .n = (size_t)(b - a)};
        out->list = l;
        return true;
}
