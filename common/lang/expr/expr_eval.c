/* common/lang/expr/expr_eval.c: see expr_priv.h: the tree evaluated. Every node costs a step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include <stdarg.h>

bool ex_fail(struct ex_eval *ev, const char *fmt, ...)
{
        char words[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        return go_fail(&ev->go, ERR_INVALID, "%s", words);
}

bool ex_items(struct ex_eval *ev, size_t n)
{
        if (n > EX_MAX_ITEMS || ev->items + n >= EX_MAX_ITEMS)
                return go_fail(&ev->go, ERR_LIMIT, "more than %d list items are made",
                               EX_MAX_ITEMS);
        ev->items += n;
        return go_step(&ev->go, n);
}

struct val ex_list(struct ex_eval *ev, size_t n)
{
        if (!ex_items(ev, n))
                return val_nil();
        struct val l = val_list_new(ev->go.arena, n);
        if (l.kind != VAL_LIST)
                go_full(&ev->go);
        return l;
}

bool ex_is_nil(struct val v)
{
        return v.kind == VAL_NIL || v.kind == VAL_MISSING ||
               ((v.kind == VAL_LIST || v.kind == VAL_MAP) && v.extra & VAL_X_NIL);
}

bool ex_run_bool(struct ex_eval *ev, const struct ex_node *n, bool *out)
{
        struct val v;
        if (!ex_run(ev, n, &v))
                return false;
        if (v.kind != VAL_BOOL) {
                ev->at = n->at;
                ev->located = true;
                return ex_fail(ev, "a boolean is expected, found %s", ex_val_type(v));
        }
        *out = v.b;
        return true;
}

/* ---- operators ---- */

/* What the check took for two ints or two strings is compared as such, without another look: the
 * original fails where one of them is something else after all. */
static bool as_checked(struct ex_eval *ev, const struct ex_node *n, struct val a, struct val b)
{
        if (!ev->types)
                return true;
        enum ex_t l = ev->types[n->kid[0]->id]->t, r = ev->types[n->kid[1]->id]->t;
        if (l != r || (l != EX_TY_INT && l != EX_TY_STR))
                return true;
        enum val_kind want = l == EX_TY_INT ? VAL_INT : VAL_STR;
        if (a.kind == want && b.kind == want)
                return true;
        return ex_fail(ev, "%s is compared with %s", ex_val_type(a), ex_val_type(b));
}

static bool matches(struct ex_eval *ev, const struct ex_node *n, struct val a, struct val b,
                    struct val *out)
{
        const struct goregex *re = n->regex;
        bool matched = false;
        struct err e = {0};
        if (ev->dialect == EXPR_WORKFLOWS && (ex_is_nil(a) || ex_is_nil(b))) {
                *out = val_bool(false);
                return true;
        }
        if (a.kind != VAL_STR || b.kind != VAL_STR)
                return ex_fail(ev, "matches wants strings, found %s and %s", ex_val_type(a),
                               ex_val_type(b));
        if (!re && !ev->go.regexes)
                ev->go.regexes = goregex_cache_new(16);
        if ((!re && goregex_cached(ev->go.regexes, b.s, &re, &e) < 0) ||
            goregex_match(re, a.s, ev->go.arena, &matched, &e) < 0) {
                go_fail(&ev->go, e.code, "%s", err_msg(&e));
                err_clear(&e);
                return false;
        }
        *out = val_bool(matched);
        return true;
}

static bool text_test(struct ex_eval *ev, enum ex_op op, struct val a, struct val b,
                      struct val *out)
{
        bool yes = false;
        if (ev->dialect == EXPR_WORKFLOWS && (ex_is_nil(a) || ex_is_nil(b))) {
                *out = val_bool(false);
                return true;
        }
        if (a.kind != VAL_STR || b.kind != VAL_STR || a.type == VAL_T_BYTES ||
            b.type == VAL_T_BYTES)
                return ex_fail(ev, "%s wants strings, found %s and %s", ex_op_name(op),
                               ex_val_type(a), ex_val_type(b));
        if (b.s.n == 0)
                yes = true;
        else if (op == EX_OP_CONTAINS)
                yes = a.s.n && memmem(a.s.p, a.s.n, b.s.p, b.s.n) != NULL;
        else if (a.s.n >= b.s.n)
                yes = memcmp(a.s.p + (op == EX_OP_STARTS ? 0 : a.s.n - b.s.n), b.s.p, b.s.n) == 0;
        *out = val_bool(yes);
        return true;
}

static bool range(struct ex_eval *ev, struct val a, struct val b, struct val *out)
{
        int64_t from, to;
        if (!ex_to_int(ev, a, &from) || !ex_to_int(ev, b, &to))
                return false;
        uint64_t n = to >= from ? (uint64_t)to - (uint64_t)from + 1 : 0;
        *out = ex_list(ev, n > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)n);
        if (out->kind != VAL_LIST)
                return false;
        for (size_t i = 0; i < n; i++)
                out->list->items[i] = val_int(from + (int64_t)i);
        out->type = VAL_T_INTS;
        return true;
}

/* x in 1..1000000 with an integer on the left does not make the list. */
static bool in_range(struct ex_eval *ev, const struct ex_node *n, struct val *out, bool *done)
{
        const struct ex_node *r = n->kid[1];
        *done = false;
        if (r->kind != EX_BINARY || r->op != EX_OP_RANGE || r->kid[0]->kind != EX_INT ||
            r->kid[1]->kind != EX_INT || !ev->types || ev->types[n->kid[0]->id]->t != EX_TY_INT)
                return true;
        struct val v;
        *done = true;
        if (!ex_run(ev, n->kid[0], &v))
                return false;
        if (v.kind != VAL_INT)
                return ex_fail(ev, "an integer is expected, found %s", ex_val_type(v));
        *out = val_bool(v.i >= r->kid[0]->i && v.i <= r->kid[1]->i);
        return true;
}

static bool in(struct ex_eval *ev, const struct ex_node *n, struct val a, struct val b,
               struct val *out)
{
        if (!n->keys || a.kind == VAL_STR)
                return ex_contains(ev, a, b, out);
        if (a.kind != VAL_NIL && a.kind != VAL_MISSING)
                return ex_fail(ev, "%s is looked for in a list of strings", ex_val_type(a));
        return ex_contains(ev, val_str(STR("")), b, out);
}

static bool apply(struct ex_eval *ev, const struct ex_node *n, struct val a, struct val b,
                  struct val *out)
{
        switch (n->op) {
        case EX_OP_EQ:
        case EX_OP_NE:
                if (!as_checked(ev, n, a, b))
                        return false;
                *out = val_bool(ex_equal(ev, a, b, 0) == (n->op == EX_OP_EQ));
                return !ev->go.failed;
        case EX_OP_LT:
        case EX_OP_GT:
        case EX_OP_GE:
        case EX_OP_LE: return ex_compare(ev, n->op, a, b, out);
        case EX_OP_IN: return in(ev, n, a, b, out);
        case EX_OP_MATCHES: return matches(ev, n, a, b, out);
        case EX_OP_CONTAINS:
        case EX_OP_STARTS:
        case EX_OP_ENDS: return text_test(ev, n->op, a, b, out);
        case EX_OP_RANGE: return range(ev, a, b, out);
        default: return ex_arithmetic(ev, n->op, a, b, out);
        }
}

static bool binary(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val a, b;
        bool truth, done;
        if (n->op == EX_OP_AND || n->op == EX_OP_OR) {
                if (!ex_run_bool(ev, n->kid[0], &truth))
                        return false;
                if (truth == (n->op == EX_OP_OR)) {
                        *out = val_bool(truth);
                        return true;
                }
                return ex_run(ev, n->kid[1], out);
        }
        if (n->op == EX_OP_COALESCE) {
                if (!ex_run(ev, n->kid[0], out))
                        return false;
                return !ex_is_nil(*out) || ex_run(ev, n->kid[1], out);
        }
        if (n->op == EX_OP_IN && (!in_range(ev, n, out, &done) || done))
                return !ev->go.failed;
        return ex_run(ev, n->kid[0], &a) && ex_run(ev, n->kid[1], &b) && apply(ev, n, a, b, out);
}

static bool unary(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        bool truth;
        if (n->op == EX_OP_NOT) {
                if (!ex_run_bool(ev, n->kid[0], &truth))
                        return false;
                *out = val_bool(!truth);
                return true;
        }
        if (!ex_run(ev, n->kid[0], out))
                return false;
        if (n->op == EX_OP_PLUS)
                return true;
        if (!ex_is_num(*out))
                return ex_fail(ev, "invalid operation: - %s", ex_val_type(*out));
        if (out->kind == VAL_INT)
                out->i = (int64_t)(0 - (uint64_t)out->i);
        else
                out->f = -out->f;
        return true;
}

/* ---- members and calls ---- */

static bool member(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val base, key;
        if (n->kid[0]->kind == EX_ENV && n->kid[1]->kind == EX_STR)
                return ex_env_get(ev, n->kid[1]->text, out);
        if (!ex_run(ev, n->kid[0], &base))
                return false;
        if (ev->cut || (n->optional && ex_is_nil(base))) {
                ev->cut = true;
                *out = val_nil();
                return true;
        }
        if (n->kid[1]->kind == EX_STR) {
                key = val_str(n->kid[1]->text);
        } else {
                if (!ex_run(ev, n->kid[1], &key))
                        return false;
                if (n->kid[0]->kind == EX_ENV && key.kind == VAL_STR)
                        return ex_env_get(ev, key.s, out);
        }
        return ex_fetch(ev, base, key, out);
}

static bool slice(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val v, from, to;
        if (!ex_run(ev, n->kid[0], &v) || (n->kid[2] && !ex_run(ev, n->kid[2], &to)) ||
            (n->kid[1] && !ex_run(ev, n->kid[1], &from)))
                return false;
        return ex_slice(ev, v, n->kid[1] ? &from : NULL, n->kid[2] ? &to : NULL, out);
}

enum { FEW = 6 };

/* Room for n values: the caller's few, or the arena. */
static struct val *room(struct ex_eval *ev, struct val few[FEW], size_t n)
{
        if (n <= FEW)
                return few;
        struct val *v = arena_try_alloc(ev->go.arena, n * sizeof(*v));
        if (!v)
                go_full(&ev->go);
        return v;
}

static bool call(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val few[FEW], callee, *args = room(ev, few, n->n - 1);
        if (!args)
                return false;
        for (size_t i = 1; i < n->n; i++)
                if (!ex_run(ev, n->kid[i], &args[i - 1]))
                        return false;
        if (!ex_run(ev, n->kid[0], &callee))
                return false;
        if (ev->cut) {
                *out = val_nil();
                return true;
        }
        return ex_call_value(ev, callee, args, n->n - 1, out);
}

/* The fewest arguments it may be called with: nobody has checked those of a call of an unknown
 * name. */
static size_t fewest(const struct ex_builtin *b)
{
        size_t least = SIZE_MAX;
        if (b->how == EX_NOW)
                return 0;
        if (b->how != EX_BY_TYPES)
                return b->how == EX_GET || b->how == EX_TAKE ? 2 : 1;
        for (const char *alt = b->types, *arrow; *alt; alt = arrow[2] ? arrow + 3 : arrow + 2) {
                arrow = strchr(alt, '>');
                least = (size_t)(arrow - alt) < least ? (size_t)(arrow - alt) : least;
        }
        return least;
}

static bool builtin(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val few[FEW], *args;
        if (n->builtin->loop)
                return ex_run_loop(ev, n, out);
        if (n->n < fewest(n->builtin))
                return ex_fail(ev, "not enough arguments to call %s", n->builtin->name);
        args = room(ev, few, n->n);
        if (!args)
                return false;
        for (size_t i = 0; i < n->n; i++)
                if (!ex_run(ev, n->kid[i], &args[i]))
                        return false;
        return n->builtin->fn(ev, args, n->n, out);
}

/* ---- literals and names ---- */

static bool pointer(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        const struct ex_scope *s = ev->scope;
        if (!s)
                return ex_fail(ev, "# is only known inside a predicate");
        if (n->i == EX_P_INDEX)
                *out = val_int((int64_t)s->index);
        else if (n->i == EX_P_ACC)
                *out = s->acc;
        else if (s->index >= s->list.list->n)
                return ex_fail(ev, "index out of range");
        else
                *out = s->list.list->items[s->index];
        return true;
}

static bool array(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        *out = ex_list(ev, n->n);
        if (out->kind != VAL_LIST)
                return false;
        for (size_t i = 0; i < n->n; i++)
                if (!ex_run(ev, n->kid[i], &out->list->items[i]))
                        return false;
        return true;
}

static bool map(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        struct val m = val_map_new(ev->go.arena, n->n / 2);
        if (m.kind != VAL_MAP)
                return go_full(&ev->go);
        if (!ex_items(ev, n->n / 2))
                return false;
        for (size_t i = 0; i + 1 < n->n; i += 2) {
                struct val key, value;
                if (!ex_run(ev, n->kid[i], &key) || !ex_run(ev, n->kid[i + 1], &value))
                        return false;
                if (key.kind != VAL_STR || key.type != VAL_T_USUAL)
                        return ex_fail(ev, "a key must be a string, found %s", ex_val_type(key));
                /* The first of equal keys wins: the original fills the map from its end. */
                if (val_get(ev->go.arena, m, key.s).kind != VAL_MISSING)
                        continue;
                value = value.kind == VAL_MISSING ? val_nil() : value;
                if (!val_map_set(ev->go.arena, m, key, value))
                        return go_full(&ev->go);
        }
        *out = m;
        return true;
}

static bool let_or_sequence(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        for (size_t i = 0; i < n->n; i++) {
                if (!ex_run(ev, n->kid[i], out))
                        return false;
                if (n->kind == EX_LET && i == 0)
                        ev->vars[n->i] = *out;
        }
        return true;
}

static bool run(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        bool truth;
        switch (n->kind) {
        case EX_NIL: *out = val_nil(); return true;
        case EX_BOOL: *out = val_bool(n->b); return true;
        case EX_INT: *out = val_int(n->i); return true;
        case EX_FLOAT: *out = val_float(n->f); return true;
        case EX_STR: *out = val_str(n->text); return true;
        case EX_BYTES:
                *out = val_str(n->text);
                out->type = VAL_T_BYTES;
                return true;
        case EX_CONST: *out = n->value; return true;
        case EX_IDENT: return ex_env_get(ev, n->text, out);
        case EX_VAR: *out = ev->vars[n->i]; return true;
        case EX_ENV: *out = ev->env; return true;
        case EX_UNARY: return unary(ev, n, out);
        case EX_BINARY: return binary(ev, n, out);
        case EX_CHAIN:
                if (!ex_run(ev, n->kid[0], out))
                        return false;
                ev->cut = false;
                if (ex_is_nil(*out))
                        *out = val_nil();
                return true;
        case EX_MEMBER: return member(ev, n, out);
        case EX_SLICE: return slice(ev, n, out);
        case EX_CALL: return call(ev, n, out);
        case EX_BUILTIN: return builtin(ev, n, out);
        case EX_PREDICATE: return ex_run(ev, n->kid[0], out);
        case EX_POINTER: return pointer(ev, n, out);
        case EX_LET:
        case EX_SEQ: return let_or_sequence(ev, n, out);
        case EX_COND:
                if (!ex_run_bool(ev, n->kid[0], &truth))
                        return false;
                return ex_run(ev, n->kid[truth ? 1 : 2], out);
        case EX_ARRAY: return array(ev, n, out);
        case EX_MAP: return map(ev, n, out);
        default: return ex_fail(ev, "an unknown node");
        }
}

bool ex_run(struct ex_eval *ev, const struct ex_node *n, struct val *out)
{
        if (go_step(&ev->go, 1) && run(ev, n, out)) {
                if (out->kind == VAL_MISSING)
                        *out = val_nil();
                return true;
        }
        if (!ev->located) {
                ev->located = true;
                ev->at = n->at;
        }
        return false;
}
