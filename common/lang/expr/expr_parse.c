/* common/lang/expr/expr_parse.c: see expr_priv.h: operators by precedence, as the original has
 * them, in both dialects. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gonum.h"
#include <math.h>

static const struct binary {
        const char *text;
        enum ex_op op;
        int precedence;
} binaries[] = {
        {"|", EX_OP_PIPE, 0},
        {"or", EX_OP_OR, 10},
        {"||", EX_OP_OR, 10},
        {"and", EX_OP_AND, 15},
        {"&&", EX_OP_AND, 15},
        {"==", EX_OP_EQ, 20},
        {"!=", EX_OP_NE, 20},
        {"<", EX_OP_LT, 20},
        {">", EX_OP_GT, 20},
        {">=", EX_OP_GE, 20},
        {"<=", EX_OP_LE, 20},
        {"in", EX_OP_IN, 20},
        {"matches", EX_OP_MATCHES, 20},
        {"contains", EX_OP_CONTAINS, 20},
        {"startsWith", EX_OP_STARTS, 20},
        {"endsWith", EX_OP_ENDS, 20},
        {"..", EX_OP_RANGE, 25},
        {"+", EX_OP_ADD, 30},
        {"-", EX_OP_SUB, 30},
        {"*", EX_OP_MUL, 60},
        {"/", EX_OP_DIV, 60},
        {"%", EX_OP_MOD, 60},
        {"**", EX_OP_POW, 100},
        {"^", EX_OP_POW, 100},
        {"??", EX_OP_COALESCE, 500},
};

static const struct unary {
        const char *text;
        enum ex_op op;
        int precedence;
} unaries[] = {{"not", EX_OP_NOT, 50},
               {"!", EX_OP_NOT, 50},
               {"-", EX_OP_NEGATE, 90},
               {"+", EX_OP_PLUS, 90}};

const char *ex_op_name(enum ex_op op)
{
        for (size_t i = 0; i < ARRAY_LEN(binaries); i++)
                if (binaries[i].op == op)
                        return binaries[i].text;
        return op == EX_OP_NOT ? "not" : op == EX_OP_NEGATE ? "-" : "+";
}

static const struct binary *binary_of(const struct ex_token *t)
{
        for (size_t i = 0; t->kind == EX_T_OP && i < ARRAY_LEN(binaries); i++)
                if (str_eq(t->text, binaries[i].text))
                        return &binaries[i];
        return NULL;
}

static const struct unary *unary_of(const struct ex_token *t)
{
        for (size_t i = 0; t->kind == EX_T_OP && i < ARRAY_LEN(unaries); i++)
                if (str_eq(t->text, unaries[i].text))
                        return &unaries[i];
        return NULL;
}

/* ---- nodes ---- */

static struct ex_node *two(struct ex_parser *p, enum ex_op op, size_t at, struct ex_node *l,
                           struct ex_node *r)
{
        struct ex_node *n = l && r ? ex_node(p, EX_BINARY, at, 2) : NULL;
        if (!n)
                return NULL;
        n->op = (uint8_t)op;
        n->kid[0] = l;
        n->kid[1] = r;
        return ex_close(p, n) ? n : NULL;
}

static struct ex_node *one(struct ex_parser *p, enum ex_op op, size_t at, struct ex_node *kid)
{
        struct ex_node *n = kid ? ex_node(p, EX_UNARY, at, 1) : NULL;
        if (!n)
                return NULL;
        n->op = (uint8_t)op;
        n->kid[0] = kid;
        return ex_close(p, n) ? n : NULL;
}

/* ---- operators ---- */

/* A literal pattern is compiled once; a broken one is an error of the check, as in the original. */
static bool literal_pattern(struct ex_parser *p, struct ex_node *n)
{
        struct goregex *re;
        struct err e = {0};
        if (n->op != EX_OP_MATCHES || n->kid[1]->kind != EX_STR || !p->x)
                return true;
        if (goregex_new(&re, n->kid[1]->text, NULL, &e) < 0) {
                ex_error_set(p->ee, n->kid[1]->at, "%s", err_msg(&e));
                err_clear(&e);
                return false;
        }
        mem_grow(p->x->regexes, p->x->cap_regexes, p->x->nregexes + 1);
        p->x->regexes[p->x->nregexes++] = re;
        n->regex = re;
        return true;
}

static bool is_order(enum ex_op op)
{
        return op == EX_OP_LT || op == EX_OP_GT || op == EX_OP_GE || op == EX_OP_LE;
}

/* a < b < c is a < b && b < c. */
static struct ex_node *orders(struct ex_parser *p, struct ex_node *left, const struct binary *b,
                              size_t at)
{
        struct ex_node *root = NULL;
        for (;;) {
                struct ex_node *right = ex_expression(p, b->precedence + 1);
                struct ex_node *n = two(p, b->op, at, left, right);
                root = root && n ? two(p, EX_OP_AND, at, root, n) : n;
                if (!root)
                        return NULL;
                left = right;
                const struct binary *more = binary_of(ex_now(p));
                if (!more || !is_order(more->op))
                        return root;
                b = more;
                at = ex_now(p)->at;
                ex_next(p);
        }
}

static struct ex_node *piped(struct ex_parser *p, struct ex_node *left)
{
        const struct ex_token *name = ex_now(p);
        return ex_expect(p, EX_T_IDENT, NULL) ? ex_call(p, name, left, true) : NULL;
}

/* "not in" and the like: the operator behind "not". *stop: the expression ends before it. */
static bool negated(struct ex_parser *p, int precedence, bool *stop)
{
        size_t back = p->pos;
        ex_next(p);
        const struct binary *b = binary_of(ex_now(p));
        bool suffix = b && (b->op == EX_OP_IN || (b->op >= EX_OP_MATCHES && b->op <= EX_OP_ENDS));
        *stop = false;
        if (p->dialect == EXPR_EVENTS) /* "not" is lost when the operator binds too weakly */
                return true;
        if (!suffix)
                return ex_unexpected(p, ex_now(p)) != NULL;
        if (b->precedence < precedence) {
                p->pos = back;
                *stop = true;
        }
        return true;
}

static struct ex_node *right_side(struct ex_parser *p, struct ex_node *left, const struct binary *b,
                                  size_t at, bool negate)
{
        if (b->op == EX_OP_PIPE)
                return piped(p, left);
        if (is_order(b->op) && p->dialect == EXPR_WORKFLOWS)
                return orders(p, left, b, at);
        bool right_first = b->op == EX_OP_POW;
        struct ex_node *right = ex_expression(p, b->precedence + !right_first);
        struct ex_node *n = two(p, b->op, at, left, right);
        if (!n || !literal_pattern(p, n))
                return NULL;
        return negate ? one(p, EX_OP_NOT, at, n) : n;
}

static struct ex_node *operators(struct ex_parser *p, struct ex_node *left, int precedence)
{
        bool after_coalesce = false;
        while (left && ex_now(p)->kind == EX_T_OP) {
                bool negate = ex_is(p, EX_T_OP, "not"), stop;
                if (negate && !negated(p, precedence, &stop))
                        return NULL;
                if (negate && stop)
                        break;
                const struct ex_token *t = ex_now(p);
                const struct binary *b = binary_of(t);
                if (!b || b->precedence < precedence)
                        break;
                ex_next(p);
                if (after_coalesce && b->op != EX_OP_COALESCE && b->op != EX_OP_PIPE) {
                        ex_error_set(p->ee, t->at,
                                     "operator %s and ?? cannot be mixed: put one of them in "
                                     "parentheses",
                                     b->text);
                        return NULL;
                }
                after_coalesce = b->op == EX_OP_COALESCE;
                left = right_side(p, left, b, t->at, negate);
        }
        return left;
}

/* ---- let, if, ?: ---- */

static struct ex_node *let(struct ex_parser *p)
{
        ex_next(p);
        const struct ex_token *name = ex_now(p);
        if (!ex_expect(p, EX_T_IDENT, NULL) || !ex_expect(p, EX_T_OP, "="))
                return NULL;
        struct ex_node *n = ex_node(p, EX_LET, name->at, 2);
        if (!n)
                return NULL;
        n->text = name->text;
        n->i = p->tree->slots++;
        n->kid[0] = ex_expression(p, 0);
        if (!n->kid[0] || !ex_expect(p, EX_T_OP, ";"))
                return NULL;
        if (p->nlets == ARRAY_LEN(p->lets)) {
                p->ee->limit = true;
                ex_error_set(p->ee, name->at, "more than %zu variables", ARRAY_LEN(p->lets));
                return NULL;
        }
        p->lets[p->nlets] = name->text;
        p->let_slots[p->nlets++] = (uint32_t)n->i;
        n->kid[1] = p->dialect == EXPR_EVENTS ? ex_expression(p, 0) : ex_sequence(p);
        p->nlets--;
        return n->kid[1] && ex_close(p, n) ? n : NULL;
}

static struct ex_node *three(struct ex_parser *p, size_t at, struct ex_node *a, struct ex_node *b,
                             struct ex_node *c)
{
        struct ex_node *n = a && b && c ? ex_node(p, EX_COND, at, 3) : NULL;
        if (!n)
                return NULL;
        n->kid[0] = a;
        n->kid[1] = b;
        n->kid[2] = c;
        return ex_close(p, n) ? n : NULL;
}

static struct ex_node *block(struct ex_parser *p)
{
        if (!ex_expect(p, EX_T_BRACKET, "{"))
                return NULL;
        struct ex_node *n = ex_sequence(p);
        return n && ex_expect(p, EX_T_BRACKET, "}") ? n : NULL;
}

static struct ex_node *if_else(struct ex_parser *p)
{
        size_t at = ex_now(p)->at;
        if (++p->nesting > LANG_DEPTH) {
                p->ee->limit = true;
                ex_error_set(p->ee, at, "nested deeper than %d levels", LANG_DEPTH);
                return NULL;
        }
        ex_next(p);
        struct ex_node *cond = ex_expression(p, 0), *yes = cond ? block(p) : NULL, *no = NULL;
        if (!yes || !ex_expect(p, EX_T_OP, "else"))
                return NULL;
        no = ex_is(p, EX_T_OP, "if") ? if_else(p) : block(p);
        p->nesting--;
        return three(p, at, cond, yes, no);
}

static struct ex_node *conditional(struct ex_parser *p, struct ex_node *n)
{
        while (n && ex_is(p, EX_T_OP, "?")) {
                size_t at = ex_now(p)->at;
                struct ex_node *yes = n;
                ex_next(p);
                if (!ex_is(p, EX_T_OP, ":")) {
                        yes = ex_expression(p, 0);
                        if (!yes)
                                return NULL;
                }
                if (!ex_expect(p, EX_T_OP, ":"))
                        return NULL;
                n = three(p, at, n, yes, ex_expression(p, 0));
        }
        return n;
}

/* ---- operands ---- */

static struct ex_node *number(struct ex_parser *p, const struct ex_token *t)
{
        char text[512];
        size_t n = 0;
        for (size_t i = 0; i < t->text.n && n < sizeof(text) - 1; i++)
                if (t->text.p[i] != '_')
                        text[n++] = t->text.p[i];
        struct str s = {text, n};
        char second = n > 1 && text[0] == '0' ? text[1] : 0;
        bool old = p->dialect == EXPR_EVENTS;
        bool hex = old ? memchr(text, 'x', n) != NULL : (second | 0x20) == 'x';
        bool prefix = hex || (!old && ((second | 0x20) == 'b' || (second | 0x20) == 'o'));
        bool is_float =
                !hex && (memchr(text, '.', n) || memchr(text, 'e', n) || memchr(text, 'E', n));
        struct ex_node *out = ex_node(p, is_float ? EX_FLOAT : EX_INT, t->at, 0);
        if (!out)
                return NULL;
        bool ok = is_float ? gonum_float(s, &out->f) == GONUM_OK
                           : gonum_int(s, prefix ? 0 : 10, 64, &out->i) == GONUM_OK;
        if (!ok) {
                ex_error_set(p->ee, t->at, "invalid number %.*s", (int)(n > 60 ? 60 : n), text);
                return NULL;
        }
        return out;
}

static struct ex_node *name(struct ex_parser *p, const struct ex_token *t)
{
        struct ex_node *n = ex_node(p, EX_IDENT, t->at, 0);
        if (!n)
                return NULL;
        n->text = t->text;
        if (str_eq(t->text, "$env"))
                n->kind = EX_ENV;
        for (size_t i = p->nlets; i-- > 0;) {
                if (p->lets[i].n == t->text.n && memcmp(p->lets[i].p, t->text.p, t->text.n) == 0) {
                        n->kind = EX_VAR;
                        n->i = p->let_slots[i];
                        break;
                }
        }
        return n;
}

static struct ex_node *literal_word(struct ex_parser *p, const struct ex_token *t)
{
        bool truth = str_eq(t->text, "true");
        struct ex_node *n;
        if (!truth && !str_eq(t->text, "false") && !str_eq(t->text, "nil"))
                return NULL;
        n = ex_node(p, str_eq(t->text, "nil") ? EX_NIL : EX_BOOL, t->at, 0);
        if (n)
                n->b = truth;
        return n;
}

static struct ex_node *text_literal(struct ex_parser *p, const struct ex_token *t)
{
        struct ex_node *n = ex_node(p, t->kind == EX_T_BYTES ? EX_BYTES : EX_STR, t->at, 0);
        if (n)
                n->text = t->text;
        return n && p->dialect == EXPR_WORKFLOWS ? ex_postfix(p, n) : n;
}

static struct ex_node *secondary(struct ex_parser *p)
{
        const struct ex_token *t = ex_now(p);
        struct ex_node *n;
        switch (t->kind) {
        case EX_T_IDENT:
                ex_next(p);
                n = literal_word(p, t);
                if (n || p->ee->set)
                        return n;
                n = ex_is(p, EX_T_BRACKET, "(") ? ex_call(p, t, NULL, true) : name(p, t);
                return n ? ex_postfix(p, n) : NULL;
        case EX_T_NUMBER: ex_next(p); return number(p, t);
        case EX_T_STRING:
        case EX_T_BYTES: ex_next(p); return text_literal(p, t);
        default: break;
        }
        if (ex_is(p, EX_T_BRACKET, "["))
                n = ex_array(p);
        else if (ex_is(p, EX_T_BRACKET, "{"))
                n = ex_map(p);
        else
                return ex_unexpected(p, t);
        return n ? ex_postfix(p, n) : NULL;
}

/* #, #index, #acc, .field */
static struct ex_node *pointer(struct ex_parser *p)
{
        struct ex_node *n = ex_node(p, EX_POINTER, ex_now(p)->at, 0);
        if (!n)
                return NULL;
        if (ex_is(p, EX_T_OP, "#")) {
                ex_next(p);
                if (ex_is(p, EX_T_IDENT, NULL)) {
                        n->text = ex_now(p)->text;
                        n->i = ex_is(p, EX_T_IDENT, "index") ? EX_P_INDEX
                               : ex_is(p, EX_T_IDENT, "acc") ? EX_P_ACC
                                                             : EX_P_UNKNOWN;
                        ex_next(p);
                }
        }
        return ex_postfix(p, n);
}

static struct ex_node *parenthesis(struct ex_parser *p)
{
        ex_next(p);
        struct ex_node *n = p->dialect == EXPR_EVENTS ? ex_expression(p, 0) : ex_sequence(p);
        return n && ex_expect(p, EX_T_BRACKET, ")") ? ex_postfix(p, n) : NULL;
}

static struct ex_node *primary(struct ex_parser *p)
{
        const struct ex_token *t = ex_now(p);
        const struct unary *u = unary_of(t);
        if (u) {
                ex_next(p);
                struct ex_node *n = one(p, u->op, t->at, ex_expression(p, u->precedence));
                return n ? ex_postfix(p, n) : NULL;
        }
        if (ex_is(p, EX_T_BRACKET, "("))
                return parenthesis(p);
        if (ex_is(p, EX_T_OP, "#") || ex_is(p, EX_T_OP, ".")) {
                if (p->predicates)
                        return pointer(p);
                ex_error_set(p->ee, t->at, "%.*s is only known inside a predicate", (int)t->text.n,
                             t->text.p);
                return NULL;
        }
        if (ex_is(p, EX_T_OP, "::")) {
                ex_next(p);
                t = ex_now(p);
                if (!ex_expect(p, EX_T_IDENT, NULL))
                        return NULL;
                struct ex_node *n = ex_call(p, t, NULL, false);
                return n ? ex_postfix(p, n) : NULL;
        }
        return secondary(p);
}

struct ex_node *ex_expression(struct ex_parser *p, int precedence)
{
        struct ex_node *n;
        if (p->ee->set)
                return NULL;
        if (++p->nesting > LANG_DEPTH * 2) {
                p->ee->limit = true;
                ex_error_set(p->ee, ex_now(p)->at, "nested deeper than %d levels", LANG_DEPTH * 2);
                return NULL;
        }
        if (precedence == 0 && ex_is(p, EX_T_OP, "let")) {
                n = let(p);
        } else if (precedence == 0 && ex_is(p, EX_T_OP, "if")) {
                n = if_else(p);
        } else {
                n = operators(p, primary(p), precedence);
                if (precedence == 0)
                        n = conditional(p, n);
        }
        p->nesting--;
        return p->ee->set ? NULL : n;
}

struct ex_node *ex_sequence(struct ex_parser *p)
{
        struct ex_nodes l = {0};
        ex_push(p, &l, ex_expression(p, 0));
        while (!p->ee->set && ex_is(p, EX_T_OP, ";")) {
                ex_next(p);
                if (ex_now(p)->kind == EX_T_EOF)
                        break;
                ex_push(p, &l, ex_expression(p, 0));
        }
        if (p->ee->set || l.n == 1)
                return p->ee->set ? NULL : l.v[0];
        struct ex_node *n = ex_node(p, EX_SEQ, l.v[0]->at, l.n);
        if (!n)
                return NULL;
        memcpy(n->kid, l.v, l.n * sizeof(*l.v));
        return ex_close(p, n) ? n : NULL;
}

bool ex_parse(struct ex_parser *p)
{
        struct ex_node *n = p->dialect == EXPR_EVENTS ? ex_expression(p, 0) : ex_sequence(p);
        if (n && ex_now(p)->kind != EX_T_EOF)
                ex_unexpected(p, ex_now(p));
        p->tree->root = n;
        return n && !p->ee->set;
}
