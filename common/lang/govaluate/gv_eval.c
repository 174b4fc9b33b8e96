/* common/lang/govaluate/gv_eval.c: see gv_priv.h: types are checked when an operator has both its
 * sides. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/govaluate/gv_priv.h"
#include <math.h>

static bool is_nil(struct val v)
{
        return v.kind == VAL_NIL || v.kind == VAL_MISSING;
}

static bool full(struct gv_eval *ev, const struct gv_node *n)
{
        ev->ge->limit = true;
        return gv_fail(ev->ge, n->at, "the evaluation needs too much memory");
}

/* The words name the value only where that is allowed. */
static bool wrong_type(struct gv_eval *ev, const struct gv_node *n, struct val v)
{
        const char *what = "modifier", *wants = ", it is not a number";
        if (n->symbol == GV_AND || n->symbol == GV_OR) {
                what = "logical operator";
                wants = ", it is not a bool";
        } else if (n->symbol >= GV_EQ && n->symbol <= GV_IN) {
                what = "comparator";
        } else if (n->symbol == GV_TERNARY_TRUE) {
                what = "ternary operator";
                wants = ", it is not a bool";
        } else if (n->symbol >= GV_NEGATE && n->symbol <= GV_BIT_NOT) {
                what = "prefix";
                wants = "";
        }
        if (!ev->g->show_values)
                return gv_fail(ev->ge, n->at, "a value of type %s cannot be used with the %s '%s'",
                               gofmt_type(v), what, gv_symbol_name(n->symbol));
        struct abuf b = abuf_in(ev->arena);
        gofmt_value(&b, v);
        struct str s = abuf_str(&b);
        return gv_fail(ev->ge, n->at, "Value '%.*s' cannot be used with the %s '%s'%s",
                       (int)(s.n > 600 ? 600 : s.n), s.p, what, gv_symbol_name(n->symbol), wants);
}

/* ---- equality ---- */

enum { EQUAL_DEPTH = 100 };

static bool deep_equal(struct gv_eval *ev, struct val a, struct val b, unsigned depth)
{
        if (is_nil(a) || is_nil(b))
                return is_nil(a) && is_nil(b);
        if (a.kind != b.kind || depth > EQUAL_DEPTH || ev->steps == 0)
                return false;
        ev->steps--;
        switch (a.kind) {
        case VAL_BOOL: return a.b == b.b;
        case VAL_FLOAT: return a.f == b.f;
        case VAL_STR: return a.s.n == b.s.n && (a.s.n == 0 || memcmp(a.s.p, b.s.p, a.s.n) == 0);
        case VAL_LIST:
                if (a.list == b.list)
                        return true;
                if (val_len(ev->arena, a) != val_len(ev->arena, b))
                        return false;
                for (size_t i = 0; i < a.list->n; i++)
                        if (!deep_equal(ev, a.list->items[i], b.list->items[i], depth + 1))
                                return false;
                return true;
        case VAL_MAP:
                if (a.map == b.map)
                        return true;
                if (val_len(ev->arena, a) != val_len(ev->arena, b))
                        return false;
                for (size_t i = 0; i < a.map->n; i++) {
                        struct val other = val_get_key(ev->arena, b, a.map->entries[i].key);
                        if (other.kind == VAL_MISSING ||
                            !deep_equal(ev, a.map->entries[i].value, other, depth + 1))
                                return false;
                }
                return true;
        default: return false;
        }
}

static int compare_text(struct str a, struct str b)
{
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static bool ordered(struct gv_eval *ev, const struct gv_node *n, struct val a, struct val b,
                    struct val *out)
{
        bool numbers = a.kind == VAL_FLOAT && b.kind == VAL_FLOAT;
        if (!numbers && !(a.kind == VAL_STR && b.kind == VAL_STR))
                return wrong_type(ev, n, a);
        double x = numbers ? a.f : compare_text(a.s, b.s), y = numbers ? b.f : 0;
        switch (n->symbol) {
        case GV_GT: *out = val_bool(x > y); break;
        case GV_LT: *out = val_bool(x < y); break;
        case GV_GTE: *out = val_bool(x >= y); break;
        default: *out = val_bool(x <= y);
        }
        return true;
}

static bool contains(struct gv_eval *ev, const struct gv_node *n, struct val needle,
                     struct val list, struct val *out)
{
        if (list.kind != VAL_LIST)
                return wrong_type(ev, n, list);
        if (!val_open(ev->arena, list))
                return full(ev, n);
        *out = val_bool(false);
        for (size_t i = 0; i < list.list->n; i++) {
                struct val item = list.list->items[i];
                if (needle.kind == item.kind && (needle.kind == VAL_LIST || needle.kind == VAL_MAP))
                        return gv_fail(ev->ge, n->at,
                                       "lists and maps cannot be looked for with 'in'");
                if (deep_equal(ev, needle, item, 0)) {
                        *out = val_bool(true);
                        break;
                }
        }
        return true;
}

static bool matches(struct gv_eval *ev, const struct gv_node *n, struct val text,
                    struct val pattern, struct val *out)
{
        if (text.kind != VAL_STR)
                return wrong_type(ev, n, text);
        if (pattern.kind != VAL_STR)
                return wrong_type(ev, n, pattern);
        struct goregex *own = NULL;
        const struct goregex *re =
                n->right && n->right->symbol == GV_LITERAL ? n->right->regex : NULL;
        struct err e = {0};
        bool matched = false;
        int rc = 0;
        if (!re) {
                rc = goregex_new(&own, pattern.s, NULL, &e);
                re = own;
        }
        if (rc == 0)
                rc = goregex_match(re, text.s, ev->arena, &matched, &e);
        goregex_free(own);
        if (rc < 0) {
                ev->ge->limit = e.code == ERR_LIMIT;
                gv_fail(ev->ge, n->at, "%s", err_msg(&e));
                err_clear(&e);
                return false;
        }
        *out = val_bool(matched == (n->symbol == GV_REQ));
        return true;
}

/* ---- arithmetic ---- */

static bool add(struct gv_eval *ev, const struct gv_node *n, struct val a, struct val b,
                struct val *out)
{
        if (a.kind == VAL_FLOAT && b.kind == VAL_FLOAT) {
                *out = val_float(a.f + b.f);
                return true;
        }
        if (a.kind != VAL_STR && b.kind != VAL_STR)
                return wrong_type(ev, n, a);
        struct abuf text = abuf_in(ev->arena);
        gofmt_value(&text, a);
        gofmt_value(&text, b);
        if (text.failed)
                return full(ev, n);
        *out = val_str(abuf_str(&text));
        return true;
}

static double shift(double a, double b, bool left)
{
        uint64_t x = gonum_f64_to_u64(a), by = gonum_f64_to_u64(b);
        if (by >= 64)
                return 0;
        return (double)(left ? x << by : x >> by);
}

static bool arithmetic(struct gv_eval *ev, const struct gv_node *n, struct val a, struct val b,
                       struct val *out)
{
        if (a.kind != VAL_FLOAT)
                return wrong_type(ev, n, a);
        if (b.kind != VAL_FLOAT)
                return wrong_type(ev, n, b);
        int64_t x = gonum_f64_to_i64(a.f), y = gonum_f64_to_i64(b.f);
        switch (n->symbol) {
        case GV_MINUS: *out = val_float(a.f - b.f); break;
        case GV_MULTIPLY: *out = val_float(a.f * b.f); break;
        case GV_DIVIDE: *out = val_float(a.f / b.f); break;
        case GV_MODULUS: *out = val_float(fmod(a.f, b.f)); break;
        case GV_EXPONENT: *out = val_float(gonum_pow(a.f, b.f)); break;
        case GV_BIT_AND: *out = val_float((double)(x & y)); break;
        case GV_BIT_OR: *out = val_float((double)(x | y)); break;
        case GV_BIT_XOR: *out = val_float((double)(x ^ y)); break;
        default: *out = val_float(shift(a.f, b.f, n->symbol == GV_LSHIFT));
        }
        return true;
}

static bool prefix(struct gv_eval *ev, const struct gv_node *n, struct val b, struct val *out)
{
        if (b.kind != (n->symbol == GV_INVERT ? VAL_BOOL : VAL_FLOAT))
                return wrong_type(ev, n, b);
        if (n->symbol == GV_INVERT)
                *out = val_bool(!b.b);
        else if (n->symbol == GV_NEGATE)
                *out = val_float(-b.f);
        else
                *out = val_float((double)~gonum_f64_to_i64(b.f));
        return true;
}

/* a, b: a new list, or a's items and b. */
static bool separate(struct gv_eval *ev, const struct gv_node *n, struct val a, struct val b,
                     struct val *out)
{
        size_t have = a.kind == VAL_LIST ? val_len(ev->arena, a) : 1;
        *out = val_list_new(ev->arena, have + 1);
        if (out->kind != VAL_LIST)
                return full(ev, n);
        if (a.kind == VAL_LIST)
                memcpy(out->list->items, a.list->items, have * sizeof(a));
        else
                out->list->items[0] = a;
        out->list->items[have] = b;
        return true;
}

/* ---- nodes ---- */

static bool variable(struct gv_eval *ev, const struct gv_node *n, struct val *out)
{
        *out = ev->vars ? ev->vars[n->var] : (struct val){0};
        if (out->kind == VAL_MISSING)
                return gv_fail(ev->ge, n->at, "No parameter '%s' found.", ev->g->vars[n->var]);
        if (out->kind == VAL_INT)
                *out = val_float((double)out->i);
        return true;
}

static bool access(struct gv_eval *ev, const struct gv_node *n, struct val *out)
{
        if (!variable(ev, n, out))
                return false;
        const char *dot = memchr(n->name.p, '.', n->name.n);
        size_t from = (size_t)(dot - n->name.p) + 1;
        const char *end = memchr(dot + 1, '.', n->name.n - from);
        return gv_fail(ev->ge, n->at, "Unable to access '%.*s', '%.*s' is not a struct",
                       (int)(end ? (size_t)(end - dot) - 1 : n->name.n - from), dot + 1,
                       (int)from - 1, n->name.p);
}

static bool apply(struct gv_eval *ev, const struct gv_node *n, struct val a, struct val b,
                  struct val *out)
{
        switch (n->symbol) {
        case GV_NOOP: *out = b; return true;
        case GV_EQ:
        case GV_NEQ: *out = val_bool(deep_equal(ev, a, b, 0) == (n->symbol == GV_EQ)); return true;
        case GV_GT:
        case GV_LT:
        case GV_GTE:
        case GV_LTE: return ordered(ev, n, a, b, out);
        case GV_REQ:
        case GV_NREQ: return matches(ev, n, a, b, out);
        case GV_IN: return contains(ev, n, a, b, out);
        case GV_AND:
        case GV_OR:
                if (a.kind != VAL_BOOL)
                        return wrong_type(ev, n, a);
                if (b.kind != VAL_BOOL)
                        return wrong_type(ev, n, b);
                *out = val_bool(n->symbol == GV_AND ? a.b && b.b : a.b || b.b);
                return true;
        case GV_PLUS: return add(ev, n, a, b, out);
        case GV_NEGATE:
        case GV_INVERT:
        case GV_BIT_NOT: return prefix(ev, n, b, out);
        case GV_TERNARY_TRUE:
                if (a.kind != VAL_BOOL)
                        return wrong_type(ev, n, a);
                *out = a.b ? b : val_nil();
                return true;
        case GV_TERNARY_FALSE:
        case GV_COALESCE: *out = is_nil(a) ? b : a; return true;
        case GV_SEPARATE: return separate(ev, n, a, b, out);
        default: return arithmetic(ev, n, a, b, out);
        }
}

/* Does the left side decide alone? */
static bool decided(const struct gv_node *n, struct val a, struct val *out)
{
        switch (n->symbol) {
        case GV_AND: *out = val_bool(false); return a.kind == VAL_BOOL && !a.b;
        case GV_OR: *out = val_bool(true); return a.kind == VAL_BOOL && a.b;
        case GV_TERNARY_TRUE: *out = val_nil(); return a.kind == VAL_BOOL && !a.b;
        case GV_TERNARY_FALSE:
        case GV_COALESCE: *out = a; return !is_nil(a);
        default: return false;
        }
}

bool gv_evaluate(struct gv_eval *ev, const struct gv_node *n, struct val *out)
{
        struct val a = val_nil(), b = val_nil();
        if (n->symbol == GV_LITERAL) {
                *out = n->literal;
                return true;
        }
        if (n->symbol == GV_VALUE)
                return variable(ev, n, out);
        if (n->left && !gv_evaluate(ev, n->left, &a))
                return false;
        if (decided(n, a, out))
                return true;
        if (n->right && !gv_evaluate(ev, n->right, &b))
                return false;
        if (n->symbol == GV_ACCESS)
                return access(ev, n, out);
        return apply(ev, n, a, b, out);
}
