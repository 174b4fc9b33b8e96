/* common/lang/expr/expr_check.c: see expr_priv.h: what the original refuses before it runs. The
 * first problem is kept; the visit goes on, as types of what follows do not matter any more.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include <stdarg.h>

const struct ex_type *ex_type_error(struct ex_checker *c, const struct ex_node *n, const char *fmt,
                                    ...)
{
        char words[250];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        ex_error_set(c->ee, n->at, "%s", words);
        return ex_type_of(EX_TY_UNKNOWN);
}

static bool is_old(const struct ex_checker *c)
{
        return c->dialect == EXPR_EVENTS;
}

/* ---- names ---- */

static const struct ex_type *func_type(struct ex_checker *c, const struct ex_sig *sig)
{
        struct ex_type *t = arena_try_alloc(c->arena, sizeof(*t));
        if (!t) {
                c->full = true;
                return ex_type_of(EX_TY_UNKNOWN);
        }
        *t = (struct ex_type){.t = EX_TY_FUNC, .sig = sig};
        return t;
}

/* Of a variable, or NULL. */
static const struct ex_type *variable(struct ex_checker *c, struct str name)
{
        if (is_old(c))
                return NULL;
        if (str_eq(name, "sprig"))
                return ex_type_of(EX_TY_MAP);
        const struct ex_sig *sig = ex_env_sig(name);
        if (sig)
                return func_type(c, sig);
        struct val v = val_get(c->arena, c->env, name);
        return v.kind == VAL_MISSING ? NULL : ex_type_of_val(v);
}

static const struct ex_type *name_type(struct ex_checker *c, const struct ex_node *n,
                                       struct str name, bool strict, bool builtins)
{
        const struct ex_type *t = variable(c, name);
        if (t)
                return t;
        if (builtins && ex_builtin_find(c->dialect, name))
                return ex_type_of(EX_TY_FUNC);
        if (strict && !is_old(c))
                return ex_type_error(c, n, "unknown name %.*s", (int)(name.n > 100 ? 100 : name.n),
                                     name.p);
        return ex_type_of(is_old(c) ? EX_TY_ANY : EX_TY_UNKNOWN);
}

/* ---- operators ---- */

static const struct ex_type *unary(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *t = ex_visit(c, n->kid[0]);
        if (n->op == EX_OP_NOT) {
                if (t->t == EX_TY_BOOL || ex_unknown(t))
                        return ex_type_of(EX_TY_BOOL);
        } else if (ex_is_number(c, t) || ex_unknown(t)) {
                return t;
        }
        return ex_type_error(c, n, "invalid operation: %s (mismatched type %s)", ex_op_name(n->op),
                             ex_type_name(t));
}

enum { IS_BOOL = 1, IS_STR = 2, IS_INT = 4, IS_NUM = 8, IS_TIME = 16, IS_DUR = 32 };

static bool one_of(const struct ex_checker *c, const struct ex_type *t, unsigned set)
{
        return (set & IS_BOOL && t->t == EX_TY_BOOL) || (set & IS_STR && t->t == EX_TY_STR) ||
               (set & IS_INT && ex_is_integer(c, t)) || (set & IS_NUM && ex_is_number(c, t)) ||
               (set & IS_TIME && t->t == EX_TY_TIME) || (set & IS_DUR && t->t == EX_TY_DURATION);
}

/* At least one of them is known only when it runs. */
static bool maybe(const struct ex_checker *c, const struct ex_type *l, const struct ex_type *r,
                  unsigned set)
{
        return (ex_unknown(l) && ex_unknown(r)) || (ex_unknown(l) && one_of(c, r, set)) ||
               (ex_unknown(r) && one_of(c, l, set));
}

static bool both(const struct ex_checker *c, const struct ex_type *l, const struct ex_type *r,
                 unsigned set)
{
        return one_of(c, l, set) && one_of(c, r, set);
}

static bool comparable(const struct ex_checker *c, const struct ex_type *l, const struct ex_type *r)
{
        if (ex_unknown(l) || ex_unknown(r) || l->t == EX_TY_NIL || r->t == EX_TY_NIL)
                return true;
        if (both(c, l, r, IS_NUM) || (ex_is_list(l) && ex_is_list(r)))
                return true;
        if (is_old(c) && ex_is_map(l) && ex_is_map(r))
                return true;
        return ex_assignable(l, r);
}

static const struct ex_type *sum_type(struct ex_checker *c, const struct ex_type *l,
                                      const struct ex_type *r)
{
        if (is_old(c) && l->t == r->t)
                return l;
        return ex_type_of(l->t == EX_TY_FLOAT || r->t == EX_TY_FLOAT ? EX_TY_FLOAT : EX_TY_INT);
}

/* The result of + - *, or NULL where the types do not go together. */
static const struct ex_type *arithmetic(struct ex_checker *c, enum ex_op op,
                                        const struct ex_type *l, const struct ex_type *r)
{
        bool new = !is_old(c), ltime = l->t == EX_TY_TIME, rtime = r->t == EX_TY_TIME;
        bool ldur = l->t == EX_TY_DURATION, rdur = r->t == EX_TY_DURATION;
        if (both(c, l, r, IS_NUM))
                return sum_type(c, l, r);
        if (op == EX_OP_ADD && both(c, l, r, IS_STR))
                return ex_type_of(EX_TY_STR);
        if ((op == EX_OP_ADD && ((ltime && rdur) || (ldur && rtime))) ||
            (op == EX_OP_SUB && ltime && rdur))
                return ex_type_of(EX_TY_TIME);
        if ((op == EX_OP_SUB && ltime && rtime) || (new &&ldur &&rdur) ||
            (new &&op == EX_OP_MUL &&
             ((ldur && ex_is_number(c, r)) || (rdur && ex_is_number(c, l)))))
                return ex_type_of(EX_TY_DURATION);
        unsigned set = IS_NUM | (new || op == EX_OP_ADD ? IS_DUR : 0);
        if (op == EX_OP_ADD)
                set |= IS_STR | IS_TIME;
        if (op == EX_OP_SUB)
                set |= IS_TIME;
        return maybe(c, l, r, set) ? ex_type_of(EX_TY_UNKNOWN) : NULL;
}

static const struct ex_type *in(struct ex_checker *c, const struct ex_node *n,
                                const struct ex_type *l, const struct ex_type *r)
{
        const struct ex_type *truth = ex_type_of(EX_TY_BOOL);
        bool nil = l->t == EX_TY_NIL && is_old(c);
        if ((l->t == EX_TY_STR || ex_unknown(l)) && r->t == EX_TY_TIME)
                return truth;
        if (ex_is_map(r)) {
                if (nil || ex_unknown(l) || r->t != EX_TY_MAP || l->t == EX_TY_STR)
                        return truth;
                return ex_type_error(c, n, "cannot use %s as type string in map key",
                                     ex_type_name(l));
        }
        if (ex_is_list(r)) {
                const struct ex_type *elem = r->literal ? r->literal : ex_elem(r);
                if (nil || comparable(c, l, elem))
                        return truth;
                return ex_type_error(c, n, "cannot use %s as type %s in array", ex_type_name(l),
                                     ex_type_name(elem));
        }
        if ((ex_unknown(l) && r->t == EX_TY_STR) || ex_unknown(r))
                return truth;
        return NULL;
}

static const struct ex_type *coalesce(const struct ex_type *l, const struct ex_type *r)
{
        if (l->t == EX_TY_NIL)
                return r;
        if (r->t == EX_TY_NIL)
                return l;
        return ex_assignable(r, l) ? l : ex_type_of(EX_TY_UNKNOWN);
}

/* NULL: the types do not go together. */
static const struct ex_type *binary_type(struct ex_checker *c, const struct ex_node *n,
                                         const struct ex_type *l, const struct ex_type *r)
{
        const struct ex_type *truth = ex_type_of(EX_TY_BOOL);
        switch (n->op) {
        case EX_OP_EQ:
        case EX_OP_NE: return comparable(c, l, r) ? truth : NULL;
        case EX_OP_OR:
        case EX_OP_AND: return both(c, l, r, IS_BOOL) || maybe(c, l, r, IS_BOOL) ? truth : NULL;
        case EX_OP_LT:
        case EX_OP_GT:
        case EX_OP_GE:
        case EX_OP_LE:
                if (both(c, l, r, IS_NUM) || both(c, l, r, IS_STR) || both(c, l, r, IS_TIME) ||
                    both(c, l, r, IS_DUR) || maybe(c, l, r, IS_NUM | IS_STR | IS_TIME | IS_DUR))
                        return truth;
                return NULL;
        case EX_OP_ADD:
        case EX_OP_SUB:
        case EX_OP_MUL: return arithmetic(c, n->op, l, r);
        case EX_OP_DIV:
        case EX_OP_POW:
                return both(c, l, r, IS_NUM) || maybe(c, l, r, IS_NUM) ? ex_type_of(EX_TY_FLOAT)
                                                                       : NULL;
        case EX_OP_MOD:
                return both(c, l, r, IS_INT) || maybe(c, l, r, IS_INT) ? ex_type_of(EX_TY_INT)
                                                                       : NULL;
        case EX_OP_IN: return in(c, n, l, r);
        case EX_OP_MATCHES:
                if (l->t == EX_TY_BYTES && r->t == EX_TY_STR)
                        return truth;
                return both(c, l, r, IS_STR) || maybe(c, l, r, IS_STR) ? truth : NULL;
        case EX_OP_CONTAINS:
        case EX_OP_STARTS:
        case EX_OP_ENDS: return both(c, l, r, IS_STR) || maybe(c, l, r, IS_STR) ? truth : NULL;
        case EX_OP_RANGE:
                return both(c, l, r, IS_INT) || maybe(c, l, r, IS_INT)
                               ? ex_list_of(c, ex_type_of(EX_TY_INT))
                               : NULL;
        default: return coalesce(l, r);
        }
}

static const struct ex_type *binary(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *l = ex_visit(c, n->kid[0]), *r = ex_visit(c, n->kid[1]);
        const struct ex_type *t = binary_type(c, n, l, r);
        if (t)
                return t;
        return ex_type_error(c, n, "invalid operation: %s (mismatched types %s and %s)",
                             ex_op_name(n->op), ex_type_name(l), ex_type_name(r));
}

/* ---- members ---- */

static const struct ex_type *env_member(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_node *key = n->kid[1];
        if (key->kind != EX_STR)
                return ex_type_of(EX_TY_UNKNOWN);
        return name_type(c, n, key->text, !n->optional, is_old(c));
}

static const struct ex_type *no_member(struct ex_checker *c, const struct ex_node *n,
                                       const struct ex_type *base, const struct ex_type *key)
{
        if (n->kid[1]->kind == EX_STR)
                return ex_type_error(c, n, "type %s has no %s %.*s", ex_type_name(base),
                                     n->method ? "method" : "field",
                                     (int)(n->kid[1]->text.n > 100 ? 100 : n->kid[1]->text.n),
                                     n->kid[1]->text.p);
        return ex_type_error(c, n, "type %s[%s] is undefined", ex_type_name(base),
                             ex_type_name(key));
}

static const struct ex_type *member(struct ex_checker *c, const struct ex_node *n)
{
        if (n->kid[0]->kind == EX_ENV)
                return env_member(c, n);
        const struct ex_type *base = ex_visit(c, n->kid[0]), *key = ex_visit(c, n->kid[1]);
        const struct ex_sig *sig;
        if (ex_unknown(base))
                return ex_type_of(EX_TY_UNKNOWN);
        if (n->kid[1]->kind == EX_STR && (sig = ex_method_sig(base, n->kid[1]->text)))
                return func_type(c, sig);
        if (ex_is_map(base)) {
                bool nil = key->t == EX_TY_NIL && (is_old(c) || base->t != EX_TY_MAP);
                if (nil || ex_unknown(key) || key->t == EX_TY_STR || base->t != EX_TY_MAP)
                        return ex_elem(base);
                return ex_type_error(c, n->kid[1], "cannot use %s to get an element from %s",
                                     ex_type_name(key), ex_type_name(base));
        }
        if (ex_is_list(base)) {
                if (ex_is_integer(c, key) || ex_unknown(key))
                        return ex_elem(base);
                return ex_type_error(
                        c, n->kid[1],
                        "array elements can only be selected using an integer (got %s)",
                        ex_type_name(key));
        }
        return no_member(c, n, base, key);
}

static const struct ex_type *slice(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *t = ex_visit(c, n->kid[0]);
        if (ex_unknown(t) && !is_old(c))
                return ex_type_of(EX_TY_UNKNOWN);
        if (!ex_unknown(t) && t->t != EX_TY_STR && !ex_is_list(t))
                return ex_type_error(c, n, "cannot slice %s", ex_type_name(t));
        for (int i = 1; i <= 2; i++) {
                const struct ex_type *b = n->kid[i] ? ex_visit(c, n->kid[i]) : NULL;
                if (b && !ex_is_integer(c, b) && !ex_unknown(b))
                        return ex_type_error(c, n->kid[i], "non-integer slice index %s",
                                             ex_type_name(b));
        }
        return t->literal ? ex_type_of(EX_TY_LIST) : t;
}

/* ---- the rest ---- */

static const struct ex_type *predicate(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *result = ex_visit(c, n->kid[0]);
        struct ex_type *t = arena_try_alloc(c->arena, sizeof(*t));
        if (!t) {
                c->full = true;
                return ex_type_of(EX_TY_UNKNOWN);
        }
        *t = (struct ex_type){.t = EX_TY_FUNC, .result = result};
        return t;
}

static const struct ex_type *pointer(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_scope_type *s = c->scope;
        if (!s)
                return ex_type_error(c, n, "# is only known inside a predicate");
        if (n->i == EX_P_ITEM)
                return ex_unknown(s->collection) ? ex_type_of(EX_TY_UNKNOWN)
                                                 : ex_elem(s->collection);
        if (n->i == EX_P_INDEX && s->index)
                return ex_type_of(EX_TY_INT);
        if (n->i == EX_P_ACC && s->acc)
                return ex_type_of(EX_TY_UNKNOWN);
        return ex_type_error(c, n, "unknown pointer #%.*s",
                             (int)(n->text.n > 100 ? 100 : n->text.n), n->text.p);
}

static const struct ex_type *let(struct ex_checker *c, const struct ex_node *n)
{
        int len = (int)(n->text.n > 100 ? 100 : n->text.n);
        if (variable(c, n->text))
                return ex_type_error(c, n, "cannot redeclare %.*s", len, n->text.p);
        if (ex_builtin_find(c->dialect, n->text))
                return ex_type_error(c, n, "cannot redeclare builtin %.*s", len, n->text.p);
        for (const struct ex_let *l = c->lets; l; l = l->outer)
                if (l->name.n == n->text.n && memcmp(l->name.p, n->text.p, n->text.n) == 0)
                        return ex_type_error(c, n, "cannot redeclare variable %.*s", len,
                                             n->text.p);
        c->vars[n->i] = ex_visit(c, n->kid[0]);
        const struct ex_let here = {n->text, c->lets};
        c->lets = &here;
        const struct ex_type *t = ex_visit(c, n->kid[1]);
        c->lets = here.outer;
        return t;
}

static const struct ex_type *condition(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *t = ex_visit(c, n->kid[0]);
        if (t->t != EX_TY_BOOL && !ex_unknown(t))
                return ex_type_error(c, n->kid[0],
                                     "non-bool expression (type %s) used as condition",
                                     ex_type_name(t));
        const struct ex_type *a = ex_visit(c, n->kid[1]), *b = ex_visit(c, n->kid[2]);
        if (a->t == EX_TY_NIL)
                return b;
        if (b->t == EX_TY_NIL)
                return a;
        if (is_old(c) && ex_unknown(b))
                return a;
        if (!ex_assignable(a, b))
                return ex_type_of(EX_TY_UNKNOWN);
        if (ex_is_list(a) && ex_is_list(b) && !is_old(c) &&
            (!ex_assignable(ex_elem(a), ex_elem(b)) || !ex_assignable(ex_elem(b), ex_elem(a))))
                return ex_type_of(EX_TY_LIST);
        return a;
}

/* Unknown and nil are of one kind for the original. */
static bool same_kind(const struct ex_type *a, const struct ex_type *b)
{
        bool none_a = a->t == EX_TY_UNKNOWN || a->t == EX_TY_NIL;
        bool none_b = b->t == EX_TY_UNKNOWN || b->t == EX_TY_NIL;
        if (none_a || none_b)
                return none_a && none_b;
        if (ex_is_list(a) || ex_is_map(a))
                return ex_is_list(a) == ex_is_list(b) && ex_is_map(a) == ex_is_map(b);
        return a->t == b->t || (a->t == EX_TY_MONTH && b->t == EX_TY_WEEKDAY) ||
               (a->t == EX_TY_WEEKDAY && b->t == EX_TY_MONTH);
}

/* v1.15: a list of anything, and a note for `in`. */
static const struct ex_type *old_literal(struct ex_checker *c, const struct ex_type *elem)
{
        struct ex_type *t = arena_try_alloc(c->arena, sizeof(*t));
        if (!t) {
                c->full = true;
                return ex_type_of(EX_TY_LIST);
        }
        *t = (struct ex_type){.t = EX_TY_LIST, .literal = elem};
        return t;
}

static const struct ex_type *array(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *prev = ex_type_of(EX_TY_UNKNOWN);
        bool same = true;
        for (size_t i = 0; i < n->n; i++) {
                const struct ex_type *t = ex_visit(c, n->kid[i]);
                if (i && !same_kind(t, prev))
                        same = false;
                if (is_old(c) && t->t == EX_TY_NIL)
                        same = false;
                prev = t;
        }
        if (!same || !n->n)
                return ex_type_of(EX_TY_LIST);
        return is_old(c) ? old_literal(c, prev) : ex_list_of(c, prev);
}

static const struct ex_type *visit(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type *t = ex_type_of(EX_TY_UNKNOWN);
        switch (n->kind) {
        case EX_NIL: return ex_type_of(EX_TY_NIL);
        case EX_BOOL: return ex_type_of(EX_TY_BOOL);
        case EX_INT: return ex_type_of(EX_TY_INT);
        case EX_FLOAT: return ex_type_of(EX_TY_FLOAT);
        case EX_STR: return ex_type_of(EX_TY_STR);
        case EX_BYTES: return ex_type_of(EX_TY_BYTES);
        case EX_IDENT: return name_type(c, n, n->text, true, true);
        case EX_VAR: return c->vars[n->i];
        case EX_ENV: return ex_type_of(is_old(c) ? EX_TY_MAP : EX_TY_UNKNOWN);
        case EX_UNARY: return unary(c, n);
        case EX_BINARY: return binary(c, n);
        case EX_CHAIN: return ex_visit(c, n->kid[0]);
        case EX_MEMBER: return member(c, n);
        case EX_SLICE: return slice(c, n);
        case EX_CALL: return ex_check_call(c, n);
        case EX_BUILTIN: return ex_check_builtin(c, n);
        case EX_PREDICATE: return predicate(c, n);
        case EX_POINTER: return pointer(c, n);
        case EX_LET: return let(c, n);
        case EX_COND: return condition(c, n);
        case EX_ARRAY: return array(c, n);
        case EX_SEQ:
        case EX_MAP:
                for (size_t i = 0; i < n->n; i++)
                        t = ex_visit(c, n->kid[i]);
                return n->kind == EX_SEQ ? t : ex_type_of(EX_TY_MAP);
        default: return t;
        }
}

const struct ex_type *ex_visit(struct ex_checker *c, const struct ex_node *n)
{
        if (c->ee->set)
                return ex_type_of(EX_TY_UNKNOWN);
        const struct ex_type *t = visit(c, n);
        c->types[n->id] = t;
        return t;
}

bool ex_check(struct ex_checker *c, const struct ex_tree *tree)
{
        c->types = arena_try_alloc(c->arena, (tree->nodes + 1) * sizeof(c->types[0]));
        c->vars = arena_try_alloc(c->arena, (tree->slots + 1) * sizeof(c->vars[0]));
        if (c->types && c->vars) {
                for (size_t i = 0; i < tree->nodes; i++)
                        c->types[i] = ex_type_of(EX_TY_UNKNOWN);
                ex_visit(c, tree->root);
        }
        if (!c->types || !c->vars || c->full) {
                c->ee->limit = true;
                ex_error_set(c->ee, 0, "the expression needs too much memory");
        }
        return !c->ee->set;
}
