/* common/lang/expr/expr_postfix.c: see expr_priv.h: what follows an operand (members, indexes,
 * slices), calls, lists and maps. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/unicode/unicode.h"

/* ---- members ---- */

static bool is_name(const struct ex_token *t)
{
        unsigned char c = t->text.n ? (unsigned char)t->text.p[0] : 0;
        return t->kind == EX_T_IDENT ||
               (t->kind == EX_T_OP && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

static struct ex_node *chain(struct ex_parser *p, struct ex_node *kid)
{
        struct ex_node *n = kid ? ex_node(p, EX_CHAIN, kid->at, 1) : NULL;
        if (!n)
                return NULL;
        n->kid[0] = kid;
        return ex_close(p, n) ? n : NULL;
}

static struct ex_node *member(struct ex_parser *p, struct ex_node *base, struct ex_node *key,
                              size_t at, bool optional)
{
        struct ex_node *n = base && key ? ex_node(p, EX_MEMBER, at, 2) : NULL;
        if (!n)
                return NULL;
        n->kid[0] = base;
        n->kid[1] = key;
        n->optional = optional;
        return ex_close(p, n) ? n : NULL;
}

/* Arguments up to ")", behind `first`. */
static bool arguments(struct ex_parser *p, struct ex_nodes *l)
{
        bool comma = false;
        if (!ex_expect(p, EX_T_BRACKET, "("))
                return false;
        for (size_t k = 0; !ex_is(p, EX_T_BRACKET, ")") && !p->ee->set; k++) {
                if (k && !ex_expect(p, EX_T_OP, ","))
                        return false;
                comma = k > 0;
                if (comma && p->dialect == EXPR_WORKFLOWS && ex_is(p, EX_T_BRACKET, ")"))
                        break;
                ex_push(p, l, ex_expression(p, 0));
        }
        return !p->ee->set && ex_expect(p, EX_T_BRACKET, ")");
}

static struct ex_node *with_kids(struct ex_parser *p, enum ex_kind kind, size_t at,
                                 const struct ex_nodes *l)
{
        struct ex_node *n = p->ee->set ? NULL : ex_node(p, kind, at, l->n);
        if (!n)
                return NULL;
        if (l->n)
                memcpy(n->kid, l->v, l->n * sizeof(*l->v));
        return ex_close(p, n) ? n : NULL;
}

/* .name or ?.name, perhaps called. Links of one chain share its end. */
static struct ex_node *dot(struct ex_parser *p, struct ex_node *base, bool optional)
{
        const struct ex_token *t = ex_now(p);
        bool chained = base->kind == EX_CHAIN;
        ex_next(p);
        if (!is_name(t)) {
                ex_error_set(p->ee, t->at, "a name is expected behind the dot");
                return NULL;
        }
        struct ex_node *key = ex_node(p, EX_STR, t->at, 0);
        if (!key)
                return NULL;
        key->text = t->text;
        struct ex_node *n = member(p, chained ? base->kid[0] : base, key, t->at, optional);
        if (n && ex_is(p, EX_T_BRACKET, "(")) {
                struct ex_nodes l = {0};
                n->method = true;
                ex_push(p, &l, n);
                if (!arguments(p, &l))
                        return NULL;
                n = with_kids(p, EX_CALL, t->at, &l);
        }
        return chained || optional ? chain(p, n) : n;
}

static struct ex_node *slice(struct ex_parser *p, struct ex_node *base, struct ex_node *from,
                             size_t at)
{
        struct ex_node *n = ex_node(p, EX_SLICE, at, 3);
        if (!n)
                return NULL;
        ex_next(p); /* : */
        n->kid[0] = base;
        n->kid[1] = from;
        n->kid[2] = ex_is(p, EX_T_BRACKET, "]") ? NULL : ex_expression(p, 0);
        return !p->ee->set && ex_expect(p, EX_T_BRACKET, "]") && ex_close(p, n) ? n : NULL;
}

static struct ex_node *index_or_slice(struct ex_parser *p, struct ex_node *base, bool optional)
{
        size_t at = ex_now(p)->at;
        ex_next(p); /* [ */
        if (ex_is(p, EX_T_OP, ":"))
                return slice(p, base, NULL, at);
        struct ex_node *key = ex_expression(p, 0);
        if (key && ex_is(p, EX_T_OP, ":"))
                return slice(p, base, key, at);
        struct ex_node *n = member(p, base, key, at, optional);
        if (!n || !ex_expect(p, EX_T_BRACKET, "]"))
                return NULL;
        return optional ? chain(p, n) : n;
}

struct ex_node *ex_postfix(struct ex_parser *p, struct ex_node *n)
{
        while (n && !p->ee->set) {
                bool optional = ex_is(p, EX_T_OP, "?.");
                if (optional || ex_is(p, EX_T_OP, ".")) {
                        ex_next(p);
                        if (optional && p->dialect == EXPR_WORKFLOWS && ex_is(p, EX_T_BRACKET, "["))
                                n = index_or_slice(p, n, true);
                        else
                                n = dot(p, n, optional);
                } else if (ex_is(p, EX_T_BRACKET, "[")) {
                        n = index_or_slice(p, n, false);
                } else {
                        break;
                }
        }
        return p->ee->set ? NULL : n;
}

/* ---- calls ---- */

static struct ex_node *predicate(struct ex_parser *p)
{
        size_t at = ex_now(p)->at;
        bool braces = ex_is(p, EX_T_BRACKET, "{"), old = p->dialect == EXPR_EVENTS;
        if (braces)
                ex_next(p);
        p->predicates++;
        struct ex_node *kid = braces && !old ? ex_sequence(p) : ex_expression(p, 0);
        p->predicates--;
        if (kid && !braces && !old && ex_is(p, EX_T_OP, ";"))
                ex_error_set(p->ee, ex_now(p)->at, "wrap the predicate with { and }");
        if (!kid || (braces && !ex_expect(p, EX_T_BRACKET, "}")))
                return NULL;
        struct ex_node *n = ex_node(p, EX_PREDICATE, at, 1);
        if (!n)
                return NULL;
        n->kid[0] = kid;
        return ex_close(p, n) ? n : NULL;
}

/* The arguments of a loop. `shape`: e an expression, p a predicate, ? what follows may be missing.
 */
static bool loop_arguments(struct ex_parser *p, const char *shape, struct ex_nodes *l)
{
        bool optional = false, first = true;
        if (!ex_expect(p, EX_T_BRACKET, "("))
                return false;
        if (l->n)
                shape++;
        for (; *shape && !p->ee->set; shape++) {
                if (*shape == '?') {
                        optional = true;
                        continue;
                }
                bool end = ex_is(p, EX_T_BRACKET, ")");
                if (end && optional)
                        break;
                if (p->dialect == EXPR_EVENTS && optional && !first && !ex_is(p, EX_T_OP, ","))
                        break;
                if (end) {
                        ex_error_set(p->ee, ex_now(p)->at, "an argument is missing");
                        return false;
                }
                if (!first && !ex_expect(p, EX_T_OP, ","))
                        return false;
                if (!first && optional && p->dialect == EXPR_WORKFLOWS &&
                    ex_is(p, EX_T_BRACKET, ")")) {
                        ex_unexpected(p, ex_now(p));
                        return false;
                }
                first = false;
                ex_push(p, l, *shape == 'e' ? ex_expression(p, 0) : predicate(p));
        }
        if (!p->ee->set && p->dialect == EXPR_WORKFLOWS && ex_is(p, EX_T_OP, ","))
                ex_next(p);
        return !p->ee->set && ex_expect(p, EX_T_BRACKET, ")");
}

static struct ex_node *builtin_call(struct ex_parser *p, const struct ex_builtin *b, size_t at,
                                    struct ex_nodes *l)
{
        if (!(b->how == EX_PREDICATES ? loop_arguments(p, b->types, l) : arguments(p, l)))
                return NULL;
        struct ex_node *n = with_kids(p, EX_BUILTIN, at, l);
        if (!n)
                return NULL;
        n->builtin = b;
        p->tree->calls_builtins = true;
        return n;
}

struct ex_node *ex_call(struct ex_parser *p, const struct ex_token *t, struct ex_node *piped,
                        bool may_be_hidden)
{
        struct ex_nodes l = {0};
        const struct ex_builtin *b = ex_builtin_find(p->dialect, t->text);
        bool hidden = b && may_be_hidden && p->hidden && p->hidden(p->hidden_arg, t->text);
        if (b && !hidden) {
                if (piped)
                        ex_push(p, &l, piped);
                return builtin_call(p, b, t->at, &l);
        }
        struct ex_node *callee = ex_node(p, EX_IDENT, t->at, 0);
        if (!callee)
                return NULL;
        callee->text = t->text;
        for (size_t i = 0; i < p->nlets; i++)
                if (p->lets[i].n == t->text.n && memcmp(p->lets[i].p, t->text.p, t->text.n) == 0) {
                        callee->kind = EX_VAR;
                        callee->i = p->let_slots[i];
                }
        ex_push(p, &l, callee);
        if (piped)
                ex_push(p, &l, piped);
        return arguments(p, &l) ? with_kids(p, EX_CALL, t->at, &l) : NULL;
}

/* ---- lists and maps ---- */

struct ex_node *ex_array(struct ex_parser *p)
{
        size_t at = ex_now(p)->at;
        struct ex_nodes l = {0};
        ex_next(p);
        while (!ex_is(p, EX_T_BRACKET, "]") && !p->ee->set) {
                if (l.n && (!ex_expect(p, EX_T_OP, ",") || ex_is(p, EX_T_BRACKET, "]")))
                        break;
                ex_push(p, &l, ex_expression(p, 0));
        }
        return !p->ee->set && ex_expect(p, EX_T_BRACKET, "]") ? with_kids(p, EX_ARRAY, at, &l)
                                                              : NULL;
}

static struct ex_node *map_key(struct ex_parser *p)
{
        const struct ex_token *t = ex_now(p);
        if (ex_is(p, EX_T_BRACKET, "("))
                return ex_expression(p, 0);
        if (t->kind != EX_T_NUMBER && t->kind != EX_T_STRING && t->kind != EX_T_IDENT) {
                ex_error_set(p->ee, t->at,
                             "a key is expected: a string, a number, a name or an expression in "
                             "parentheses");
                return NULL;
        }
        struct ex_node *n = ex_node(p, EX_STR, t->at, 0);
        if (n)
                n->text = t->text;
        ex_next(p);
        return n;
}

struct ex_node *ex_map(struct ex_parser *p)
{
        size_t at = ex_now(p)->at;
        struct ex_nodes l = {0};
        ex_next(p);
        while (!ex_is(p, EX_T_BRACKET, "}") && !p->ee->set) {
                if (l.n && (!ex_expect(p, EX_T_OP, ",") || ex_is(p, EX_T_BRACKET, "}")))
                        break;
                ex_push(p, &l, map_key(p));
                if (p->ee->set || !ex_expect(p, EX_T_OP, ":"))
                        return NULL;
                ex_push(p, &l, ex_expression(p, 0));
        }
        return !p->ee->set && ex_expect(p, EX_T_BRACKET, "}") ? with_kids(p, EX_MAP, at, &l) : NULL;
}
