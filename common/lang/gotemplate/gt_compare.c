/* common/lang/gotemplate/gt_compare.c: eq ne lt le gt ge of text/template: only values of one basic
 * kind compare, integers of both signs too. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gotemplate/gt_priv.h"

enum basic { NO_BASIC, BASIC_BOOL, BASIC_INT, BASIC_UINT, BASIC_FLOAT, BASIC_STRING };

static enum basic basic_of(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return BASIC_BOOL;
        case VAL_FLOAT: return BASIC_FLOAT;
        case VAL_DURATION: return BASIC_INT;
        case VAL_INT:
                return v.type == VAL_T_UINT8 || v.type == VAL_T_UINT32 || v.type == VAL_T_UINT64
                               ? BASIC_UINT
                               : BASIC_INT;
        case VAL_STR: return v.type == VAL_T_USUAL ? BASIC_STRING : NO_BASIC;
        default: return NO_BASIC;
        }
}

static bool nothing(struct val v)
{
        return v.kind == VAL_NIL || v.kind == VAL_MISSING;
}

static int compare_text(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static bool incompatible(struct go_env *env, struct val a, struct val b)
{
        return go_fail(env, ERR_INVALID, "incompatible types for comparison: %s and %s",
                       gofmt_type(a), gofmt_type(b));
}

/* Integers of different sign: as numbers. */
static int mixed_order(struct val a, enum basic ka, struct val b)
{
        struct val i = ka == BASIC_INT ? a : b, u = ka == BASIC_INT ? b : a;
        int order = i.i < 0                         ? -1
                    : (uint64_t)i.i < (uint64_t)u.i ? -1
                                                    : (uint64_t)i.i > (uint64_t)u.i;
        return ka == BASIC_INT ? order : -order;
}

/* Values that are no basic kind: nil against nil, times, versions by identity. */
static bool equal_others(struct go_env *env, struct val a, struct val b, bool *out)
{
        if (nothing(a) || nothing(b)) {
                bool nil_a = nothing(a) || (a.extra & VAL_X_NIL),
                     nil_b = nothing(b) || (b.extra & VAL_X_NIL);
                *out = nil_a && nil_b;
                return true;
        }
        if (a.kind != b.kind)
                return go_fail(env, ERR_INVALID, "non-comparable types %s and %s", gofmt_type(a),
                               gofmt_type(b));
        if (a.kind == VAL_LIST || a.kind == VAL_MAP) {
                if ((a.extra | b.extra) & VAL_X_NIL) {
                        *out = a.extra & b.extra & VAL_X_NIL;
                        return true;
                }
                return go_fail(env, ERR_INVALID, "non-comparable type %s", gofmt_type(b));
        }
        if (a.kind == VAL_TIME)
                *out = a.time->sec == b.time->sec && a.time->nsec == b.time->nsec &&
                       a.time->zone == b.time->zone;
        else
                *out = a.other == b.other;
        return true;
}

static bool equal(struct go_env *env, struct val a, struct val b, bool *out)
{
        enum basic ka = basic_of(a), kb = basic_of(b);
        *out = false;
        if (ka != kb) {
                bool integers = (ka == BASIC_INT && kb == BASIC_UINT) ||
                                (ka == BASIC_UINT && kb == BASIC_INT);
                if (integers)
                        *out = mixed_order(a, ka, b) == 0;
                else if (!nothing(a) && !nothing(b))
                        return incompatible(env, a, b);
                return true;
        }
        switch (ka) {
        case BASIC_BOOL: *out = a.b == b.b; break;
        case BASIC_INT:
        case BASIC_UINT: *out = a.i == b.i; break;
        case BASIC_FLOAT: *out = a.f == b.f; break;
        case BASIC_STRING: *out = compare_text(a.s, b.s) == 0; break;
        default: return equal_others(env, a, b, out);
        }
        return true;
}

static bool less(struct go_env *env, struct val a, struct val b, bool *out)
{
        enum basic ka = basic_of(a), kb = basic_of(b);
        if (ka == NO_BASIC || kb == NO_BASIC || (ka == kb && ka == BASIC_BOOL))
                return go_fail(env, ERR_INVALID, "invalid type for comparison");
        if (ka != kb) {
                bool integers = (ka == BASIC_INT && kb == BASIC_UINT) ||
                                (ka == BASIC_UINT && kb == BASIC_INT);
                if (!integers)
                        return incompatible(env, a, b);
                *out = mixed_order(a, ka, b) < 0;
                return true;
        }
        switch (ka) {
        case BASIC_INT: *out = a.i < b.i; break;
        case BASIC_UINT: *out = (uint64_t)a.i < (uint64_t)b.i; break;
        case BASIC_FLOAT: *out = a.f < b.f; break;
        default: *out = compare_text(a.s, b.s) < 0;
        }
        return true;
}

bool gt_fn_eq(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        bool same = false;
        if (n < 2)
                return go_fail(env, ERR_INVALID, "missing argument for comparison");
        for (size_t i = 1; i < n && !same; i++)
                if (!equal(env, args[0], args[i], &same))
                        return false;
        *out = val_bool(same);
        return true;
}

bool gt_fn_ne(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        bool same;
        if (!equal(env, args[0], args[1], &same))
                return false;
        *out = val_bool(!same);
        return true;
}

bool gt_fn_lt(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        bool yes;
        if (!less(env, args[0], args[1], &yes))
                return false;
        *out = val_bool(yes);
        return true;
}

bool gt_fn_le(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        (void)n;
        bool yes;
        if (!less(env, args[0], args[1], &yes) || (!yes && !equal(env, args[0], args[1], &yes)))
                return false;
        *out = val_bool(yes);
        return true;
}

bool gt_fn_gt(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        if (!gt_fn_le(env, args, n, out))
                return false;
        out->b = !out->b;
        return true;
}

bool gt_fn_ge(struct go_env *env, const struct val *args, size_t n, struct val *out)
{
        if (!gt_fn_lt(env, args, n, out))
                return false;
        out->b = !out->b;
        return true;
}
