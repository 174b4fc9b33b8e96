/* common/lang/expr/expr_check_calls.c: see expr_priv.h: the arguments of builtins, of Argo's
 * functions and of methods. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"

static const struct ex_type *of_letter(char letter)
{
        switch (letter) {
        case 's': return ex_type_of(EX_TY_STR);
        case 'i': return ex_type_of(EX_TY_INT);
        case 'I': return ex_type_of(EX_TY_INT64);
        case 'b': return ex_type_of(EX_TY_BOOL);
        case 'f': return ex_type_of(EX_TY_FLOAT);
        case 't': return ex_type_of(EX_TY_TIME);
        case 'D': return ex_type_of(EX_TY_DURATION);
        case 'z': return ex_type_of(EX_TY_LOCATION);
        case 'M': return ex_type_of(EX_TY_MONTH);
        case 'W': return ex_type_of(EX_TY_WEEKDAY);
        case 'l': return ex_type_of(EX_TY_LIST);
        case 'S': return ex_type_of(EX_TY_STRS);
        case 'J': return ex_type_of(EX_TY_INTS);
        case 'F': return ex_type_of(EX_TY_OTHER);
        default: return ex_type_of(EX_TY_ANY);
        }
}

/* One signature tried. False: *why says what does not fit, at *where. */
struct misfit {
        const struct ex_node *where;
        char why[200];
};

/* v1.15 takes the lists of ranges, filter() and map() for lists of their elements' type. */
static const struct ex_type *as_old_list(struct ex_checker *c, const struct ex_type *t)
{
        if (c->dialect != EXPR_EVENTS || t->t != EX_TY_LIST || !t->elem || ex_unknown(t->elem))
                return t;
        return ex_type_of(t->elem->t == EX_TY_STR   ? EX_TY_STRS
                          : t->elem->t == EX_TY_INT ? EX_TY_INTS
                                                    : EX_TY_OTHER);
}

static bool argument_fits(struct ex_checker *c, const char *name, const struct ex_node *arg,
                          const struct ex_type *in, struct misfit *m)
{
        const struct ex_type *t = as_old_list(c, ex_visit(c, arg));
        if (ex_is_integer(c, t) && (in->t == EX_TY_FLOAT || ex_is_integer(c, in)))
                return true;
        if (t->t == EX_TY_NIL &&
            (in->t == EX_TY_ANY || in->t == EX_TY_LOCATION || c->dialect == EXPR_EVENTS))
                return true;
        if (t->t != EX_TY_NIL && (ex_assignable(t, in) || ex_unknown(t)))
                return true;
        m->where = arg;
        snprintf(m->why, sizeof(m->why), "cannot use %s as argument (type %s) to call %.60s",
                 ex_type_name(t), ex_type_name(in), name);
        return false;
}

static bool fits(struct ex_checker *c, const char *name, const char *in, size_t params,
                 const struct ex_node *call, struct ex_node *const *args, size_t n,
                 struct misfit *m)
{
        if (n != params) {
                m->where = call;
                snprintf(m->why, sizeof(m->why), "%s arguments to call %.60s",
                         n > params ? "too many" : "not enough", name);
                for (size_t i = 0; i < n; i++)
                        ex_visit(c, args[i]);
                return false;
        }
        for (size_t i = 0; i < n; i++)
                if (!argument_fits(c, name, args[i], of_letter(in[i]), m))
                        return false;
        return true;
}

/* "ss>S ssi>S" */
static const struct ex_type *by_types(struct ex_checker *c, const struct ex_node *n)
{
        struct misfit m = {.where = n};
        for (const char *alt = n->builtin->types; *alt;) {
                const char *arrow = strchr(alt, '>');
                if (fits(c, n->builtin->name, alt, (size_t)(arrow - alt), n, n->kid, n->n, &m))
                        return of_letter(arrow[1]);
                alt = arrow[2] ? arrow + 3 : arrow + 2;
        }
        return ex_type_error(c, m.where, "%s", m.why);
}

/* ---- builtins that check by themselves ---- */

static const struct ex_type *bad_count(struct ex_checker *c, const struct ex_node *n, size_t want)
{
        return ex_type_error(c, n, "%s takes %zu argument%s (got %u)", n->builtin->name, want,
                             want == 1 ? "" : "s", n->n);
}

static const struct ex_type *bad_type(struct ex_checker *c, const struct ex_node *n,
                                      const struct ex_type *t)
{
        return ex_type_error(c, n, "invalid argument for %s (type %s)", n->builtin->name,
                             ex_type_name(t));
}

/* What is an integer by its kind: months too. */
static bool numeric_kind(const struct ex_type *t)
{
        return t->t == EX_TY_FLOAT || t->t == EX_TY_INT || t->t == EX_TY_INT64 ||
               t->t == EX_TY_OTHER_INT || t->t == EX_TY_DURATION || t->t == EX_TY_MONTH ||
               t->t == EX_TY_WEEKDAY;
}

static const struct ex_type *aggregate(struct ex_checker *c, const struct ex_node *n,
                                       const struct ex_type *const *t)
{
        if (!n->n)
                return ex_type_error(c, n, "not enough arguments to call %s", n->builtin->name);
        for (size_t i = 0; i < n->n; i++) {
                if (ex_unknown(t[i]) || (ex_is_list(t[i]) && c->dialect == EXPR_WORKFLOWS))
                        return ex_type_of(EX_TY_ANY);
                if (!numeric_kind(t[i]))
                        return bad_type(c, n, t[i]);
        }
        return t[0];
}

static const struct ex_type *date(struct ex_checker *c, const struct ex_node *n,
                                  const struct ex_type *const *t)
{
        size_t left = n->n;
        if (!left)
                return bad_count(c, n, 1);
        if (t[0]->t == EX_TY_LOCATION)
                left--;
        if (left > 3)
                return bad_count(c, n, 3);
        return ex_type_of(EX_TY_TIME);
}

static const struct ex_type *take(struct ex_checker *c, const struct ex_node *n,
                                  const struct ex_type *const *t)
{
        if (n->n != 2)
                return bad_count(c, n, 2);
        if (!ex_unknown(t[0]) && !ex_is_list(t[0]))
                return ex_type_error(c, n, "cannot take from %s", ex_type_name(t[0]));
        if (!ex_unknown(t[1]) &&
            (!numeric_kind(t[1]) || t[1]->t == EX_TY_FLOAT || t[1]->t == EX_TY_OTHER_INT))
                return ex_type_error(c, n, "cannot take %s elements", ex_type_name(t[1]));
        /* The element is forgotten: the original keeps only the Go type. */
        return t[0]->t == EX_TY_LIST ? ex_type_of(EX_TY_LIST) : t[0];
}

static const struct ex_type *concat(struct ex_checker *c, const struct ex_node *n,
                                    const struct ex_type *const *t)
{
        if (!n->n)
                return bad_count(c, n, 1);
        for (size_t i = 0; i < n->n; i++)
                if (!ex_unknown(t[i]) && !ex_is_list(t[i]))
                        return ex_type_error(c, n, "cannot concat %s", ex_type_name(t[i]));
        return ex_type_of(EX_TY_LIST);
}

/* Functions of one argument. */
static const struct ex_type *of_one(struct ex_checker *c, const struct ex_node *n,
                                    const struct ex_type *t)
{
        bool list = ex_unknown(t) || ex_is_list(t), map = ex_unknown(t) || ex_is_map(t);
        bool number = ex_unknown(t) || numeric_kind(t);
        switch (n->builtin->how) {
        case EX_LEN:
                return list || map || t->t == EX_TY_STR ? ex_type_of(EX_TY_INT) : bad_type(c, n, t);
        case EX_ABS: return number ? t : bad_type(c, n, t);
        case EX_ROUND: return number ? ex_type_of(EX_TY_FLOAT) : bad_type(c, n, t);
        case EX_INT_FLOAT:
                return number || t->t == EX_TY_STR ? of_letter(n->builtin->types[0])
                                                   : bad_type(c, n, t);
        case EX_FIRST:
                if (ex_unknown(t) || (t->t == EX_TY_LIST && c->dialect == EXPR_WORKFLOWS))
                        return ex_type_of(EX_TY_ANY);
                return list ? ex_elem(t) : bad_type(c, n, t);
        case EX_OF_MAP: return map ? ex_type_of(EX_TY_LIST) : bad_type(c, n, t);
        case EX_OF_LIST: return list ? ex_type_of(EX_TY_LIST) : bad_type(c, n, t);
        case EX_FROM_PAIRS: return list ? ex_type_of(EX_TY_ANYMAP) : bad_type(c, n, t);
        case EX_SUM_OLD: return list ? ex_type_of(EX_TY_ANY) : bad_type(c, n, t);
        case EX_MEAN_OLD: return list ? ex_type_of(EX_TY_FLOAT) : bad_type(c, n, t);
        default: return ex_type_of(EX_TY_UNKNOWN);
        }
}

static const struct ex_type *sort_old(struct ex_checker *c, const struct ex_node *n,
                                      const struct ex_type *const *t, size_t least)
{
        if (n->n != least && n->n != least + 1)
                return bad_count(c, n, least);
        if (!ex_unknown(t[0]) && !ex_is_list(t[0]))
                return ex_type_error(c, n, "cannot sort %s", ex_type_name(t[0]));
        for (size_t i = 1; i < n->n; i++)
                if (!ex_unknown(t[i]) && t[i]->t != EX_TY_STR)
                        return bad_type(c, n, t[i]);
        return ex_type_of(EX_TY_LIST);
}

static const struct ex_type *get(struct ex_checker *c, const struct ex_node *n)
{
        if (n->n != 2)
                return bad_count(c, n, 2);
        const struct ex_type *base = ex_visit(c, n->kid[0]);
        bool unknown = n->kid[0]->kind == EX_ENV || ex_unknown(base);
        if (unknown && c->dialect == EXPR_EVENTS) /* v1.15 does not look at the key then */
                return ex_type_of(EX_TY_UNKNOWN);
        const struct ex_type *key = ex_visit(c, n->kid[1]);
        if (unknown)
                return ex_type_of(EX_TY_UNKNOWN);
        if (key->t == EX_TY_NIL && c->dialect == EXPR_EVENTS)
                return ex_type_error(c, n->kid[1], "cannot use nil as index");
        if (ex_is_list(base)) {
                if (ex_is_integer(c, key) || ex_unknown(key))
                        return ex_elem(base);
                return ex_type_error(c, n->kid[1], "non-integer slice index %s", ex_type_name(key));
        }
        if (ex_is_map(base)) {
                if (base->t != EX_TY_MAP || key->t == EX_TY_STR || ex_unknown(key))
                        return ex_elem(base);
                return ex_type_error(c, n->kid[1], "cannot use %s to get an element from %s",
                                     ex_type_name(key), ex_type_name(base));
        }
        return ex_type_error(c, n->kid[0], "type %s does not support indexing", ex_type_name(base));
}

static const struct ex_type *validated(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_type **t = arena_try_alloc(c->arena, (n->n + 1) * sizeof(*t));
        if (!t) {
                c->full = true;
                return ex_type_of(EX_TY_UNKNOWN);
        }
        for (size_t i = 0; i < n->n; i++)
                t[i] = ex_visit(c, n->kid[i]);
        switch (n->builtin->how) {
        case EX_AGGREGATE: return aggregate(c, n, t);
        case EX_DATE: return date(c, n, t);
        case EX_TAKE: return take(c, n, t);
        case EX_CONCAT: return concat(c, n, t);
        case EX_SORT_OLD: return sort_old(c, n, t, 1);
        case EX_SORT_BY_OLD: return sort_old(c, n, t, 2);
        case EX_NOW:
                if (n->n == 0 || (n->n == 1 && t[0]->t == EX_TY_LOCATION))
                        return ex_type_of(EX_TY_TIME);
                return bad_count(c, n, 0);
        default: return n->n == 1 ? of_one(c, n, t[0]) : bad_count(c, n, 1);
        }
}

/* ---- loops ---- */

static const struct ex_type *loop_result(struct ex_checker *c, const struct ex_node *n,
                                         const struct ex_type *list, const struct ex_type *result)
{
        bool known = !ex_unknown(list);
        switch (n->builtin->loop) {
        case EX_FILTER: return known ? ex_list_of(c, ex_elem(list)) : ex_type_of(EX_TY_LIST);
        case EX_MAP_LOOP: return ex_list_of(c, result);
        case EX_SUM:
                if (result)
                        return result;
                return known ? ex_elem(list) : ex_type_of(EX_TY_UNKNOWN);
        case EX_FIND:
        case EX_FIND_LAST: return known ? ex_elem(list) : ex_type_of(EX_TY_UNKNOWN);
        case EX_COUNT:
        case EX_FIND_INDEX:
        case EX_FIND_LAST_INDEX: return ex_type_of(EX_TY_INT);
        case EX_GROUP_BY: {
                struct ex_type *t = arena_try_alloc(c->arena, sizeof(*t));
                if (!t)
                        break;
                *t = (struct ex_type){.t = EX_TY_GROUPS, .elem = ex_list_of(c, ex_elem(list))};
                return t;
        }
        case EX_SORT_BY: return list;
        case EX_REDUCE: return result;
        default: return ex_type_of(EX_TY_BOOL);
        }
        c->full = true;
        return ex_type_of(EX_TY_UNKNOWN);
}

static bool wants_boolean(enum ex_loop loop)
{
        return loop != EX_MAP_LOOP && loop != EX_SUM && loop != EX_GROUP_BY && loop != EX_SORT_BY &&
               loop != EX_REDUCE;
}

static const struct ex_type *loop(struct ex_checker *c, const struct ex_node *n)
{
        enum ex_loop kind = n->builtin->loop;
        const struct ex_type *list = ex_visit(c, n->kid[0]), *result = NULL;
        if (!ex_unknown(list) && !ex_is_list(list))
                return ex_type_error(c, n->kid[0], "builtin %s takes only array (got %s)",
                                     n->builtin->name, ex_type_name(list));
        if (n->n > 1) {
                struct ex_scope_type s = {.collection = list,
                                          .index = kind == EX_MAP_LOOP || kind == EX_REDUCE,
                                          .acc = kind == EX_REDUCE,
                                          .outer = c->scope};
                c->scope = &s;
                const struct ex_type *f = ex_visit(c, n->kid[1]);
                c->scope = s.outer;
                result = f->result ? f->result : ex_type_of(EX_TY_UNKNOWN);
                if (result->t == EX_TY_NIL)
                        return ex_type_error(c, n->kid[1], "the predicate has no value");
                if (wants_boolean(kind) && result->t != EX_TY_BOOL && !ex_unknown(result))
                        return ex_type_error(c, n->kid[1],
                                             "predicate should return boolean (got %s)",
                                             ex_type_name(result));
        }
        if (n->n > 2) {
                const struct ex_type *third = ex_visit(c, n->kid[2]);
                if (kind == EX_SORT_BY && third->t != EX_TY_STR && !ex_unknown(third))
                        return ex_type_error(c, n->kid[2],
                                             "sortBy order argument must be a string (got %s)",
                                             ex_type_name(third));
        }
        return loop_result(c, n, list, result);
}

const struct ex_type *ex_check_builtin(struct ex_checker *c, const struct ex_node *n)
{
        switch (n->builtin->how) {
        case EX_PREDICATES: return loop(c, n);
        case EX_GET: return get(c, n);
        case EX_BY_TYPES: return by_types(c, n);
        default: return validated(c, n);
        }
}

/* ---- other calls ---- */

const struct ex_type *ex_check_call(struct ex_checker *c, const struct ex_node *n)
{
        const struct ex_node *callee = n->kid[0];
        if (callee->kind == EX_ENV)
                return ex_type_error(c, n, "the variables are not callable");
        const struct ex_type *f = ex_visit(c, callee);
        struct str name = callee->kind == EX_MEMBER && callee->kid[1]->kind == EX_STR
                                  ? callee->kid[1]->text
                                  : callee->text;
        char called[64];
        snprintf(called, sizeof(called), "%.*s", (int)(name.n > 60 ? 60 : name.n),
                 name.p ? name.p : "function");
        if (ex_unknown(f)) {
                if (c->dialect == EXPR_WORKFLOWS) /* the original does not look at the arguments */
                        return ex_type_of(EX_TY_UNKNOWN);
                return ex_type_of(EX_TY_ANY);
        }
        if (f->t == EX_TY_NIL)
                return ex_type_error(c, n, "%s is nil; cannot call nil as function", called);
        if (f->t != EX_TY_FUNC)
                return ex_type_error(c, n, "%s is not callable", ex_type_name(f));
        if (!f->sig)
                return ex_type_of(EX_TY_UNKNOWN);
        struct misfit m = {.where = n};
        if (!fits(c, called, f->sig->in, strlen(f->sig->in), n, n->kid + 1, n->n - 1, &m))
                return ex_type_error(c, m.where, "%s", m.why);
        return of_letter(f->sig->out);
}
