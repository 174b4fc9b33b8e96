/* common/lang/govaluate/gv_plan.c: see gv_priv.h.
 *
 * The tree is built with every operator leaning to the right, then runs of operators of one
 * precedence are mirrored so that they lean to the left, as the original does it: with ?: ?? and
 * mixed levels the result is its own, and expressions in the wild rely on it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/govaluate/gv_priv.h"

enum { PLAN_DEPTH = 4000 };

struct plan {
        struct govaluate *g;
        struct gv_error *ge;
        size_t i; /* the next token */
        unsigned depth;
};

static bool has_next(const struct plan *p)
{
        return p->i < p->g->ntokens;
}

static struct gv_node *new_node(struct plan *p, enum gv_symbol symbol, size_t at)
{
        struct gv_node *n = arena_zalloc(&p->g->arena, sizeof(*n));
        n->symbol = symbol;
        n->at = at;
        return n;
}

/* All return false on an error; *out may be NULL without one (nothing stands there). */
static bool level(struct plan *p, enum gv_level l, struct gv_node **out);
static bool value(struct plan *p, struct gv_node **out);

static size_t variable(struct govaluate *g, struct str name)
{
        for (size_t i = 0; i < g->nvars; i++)
                if (str_eq(name, g->vars[i]))
                        return i;
        mem_grow(g->vars, g->cap_vars, g->nvars + 1);
        g->vars[g->nvars] = arena_strndup(&g->arena, name.p, name.n);
        return g->nvars++;
}

static bool accessor(struct plan *p, const struct gv_token *t, struct gv_node **out)
{
        struct gv_node *n = new_node(p, GV_ACCESS, t->at);
        const char *dot = memchr(t->text.p, '.', t->text.n);
        n->name = t->text;
        n->var = variable(p->g, (struct str){t->text.p, (size_t)(dot - t->text.p)});
        *out = n;
        if (!has_next(p))
                return true;
        /* The original rewinds one token in both cases; with a parenthesis that is where the
         * arguments begin. */
        if (p->g->tokens[p->i].kind == GV_CLAUSE)
                return level(p, GV_L_SEPARATE, &n->right);
        return true;
}

static bool clause(struct plan *p, const struct gv_token *t, struct gv_node **out)
{
        struct gv_node *n = new_node(p, GV_NOOP, t->at);
        *out = n;
        if (has_next(p) && !level(p, GV_L_SEPARATE, &n->right))
                return false;
        p->i++; /* the closing one */
        return true;
}

static bool value(struct plan *p, struct gv_node **out)
{
        *out = NULL;
        if (!has_next(p))
                return true;
        const struct gv_token *t = &p->g->tokens[p->i++];
        struct gv_node *n;
        switch (t->kind) {
        case GV_CLAUSE: return clause(p, t, out);
        case GV_CLAUSE_CLOSE: p->i--; return true;
        case GV_ACCESSOR: return accessor(p, t, out);
        case GV_PREFIX: p->i--; return level(p, GV_L_PREFIX, out);
        case GV_VARIABLE:
                n = new_node(p, GV_VALUE, t->at);
                n->name = t->text;
                n->var = variable(p->g, t->text);
                break;
        case GV_NUMERIC:
        case GV_BOOLEAN:
        case GV_STRING:
        case GV_TIME:
        case GV_PATTERN:
                n = new_node(p, GV_LITERAL, t->at);
                n->literal = t->kind == GV_NUMERIC   ? val_float(t->number)
                             : t->kind == GV_BOOLEAN ? val_bool(t->truth)
                             : t->kind == GV_TIME    ? val_float((double)t->time.sec)
                                                     : val_str(t->text);
                if (t->kind == GV_PATTERN)
                        n->regex = p->g->regexes[(size_t)t->number];
                break;
        default:
                return gv_fail(p->ge, t->at, "Unable to plan token kind: '%.*s'", (int)t->text.n,
                               t->text.p);
        }
        *out = n;
        return true;
}

/* The operator at the place, if it is of this level. */
static bool operator_here(struct plan *p, enum gv_level l, enum gv_symbol *symbol)
{
        const struct gv_token *t = &p->g->tokens[p->i];
        bool kind = false;
        switch (l) {
        case GV_L_PREFIX: kind = t->kind == GV_PREFIX; break;
        case GV_L_COMPARE: kind = t->kind == GV_COMPARATOR; break;
        case GV_L_AND:
        case GV_L_OR: kind = t->kind == GV_LOGICALOP; break;
        case GV_L_TERNARY: kind = t->kind == GV_TERNARY; break;
        case GV_L_SEPARATE: kind = t->kind == GV_SEPARATOR; break;
        default: kind = t->kind == GV_MODIFIER;
        }
        return kind && gv_operator(l, t->text, symbol);
}

static bool level_inner(struct plan *p, enum gv_level l, struct gv_node **out)
{
        struct gv_node *left = NULL, *n;
        enum gv_symbol symbol;
        if (l == GV_L_EXPONENT) {
                if (!value(p, &left))
                        return false;
        } else if (l != GV_L_PREFIX && !level(p, l - 1, &left)) {
                return false;
        }
        *out = left;
        if (!has_next(p)) {
                p->i--; /* as the original: the last token is looked at again */
                return true;
        }
        if (!operator_here(p, l, &symbol))
                return true;
        n = new_node(p, symbol, p->g->tokens[p->i++].at);
        n->left = left;
        *out = n;
        return l == GV_L_PREFIX ? value(p, &n->right) : level(p, l, &n->right);
}

static bool level(struct plan *p, enum gv_level l, struct gv_node **out)
{
        if (++p->depth > PLAN_DEPTH) {
                p->ge->limit = true;
                return gv_fail(p->ge, 0, "the expression is nested too deeply");
        }
        bool ok = level_inner(p, l, out);
        p->depth--;
        return ok;
}

/* ---- leaning to the left ---- */

static int precedence(enum gv_symbol s)
{
        switch (s) {
        case GV_NOOP: return 0;
        case GV_ACCESS: return 2;
        case GV_NEGATE:
        case GV_INVERT:
        case GV_BIT_NOT: return 3;
        case GV_EXPONENT: return 4;
        case GV_PLUS:
        case GV_MINUS: return 5;
        case GV_BIT_AND:
        case GV_BIT_OR:
        case GV_BIT_XOR: return 6;
        case GV_LSHIFT:
        case GV_RSHIFT: return 7;
        case GV_MULTIPLY:
        case GV_DIVIDE:
        case GV_MODULUS: return 8;
        case GV_EQ:
        case GV_NEQ:
        case GV_GT:
        case GV_LT:
        case GV_GTE:
        case GV_LTE:
        case GV_REQ:
        case GV_NREQ:
        case GV_IN: return 9;
        case GV_TERNARY_TRUE:
        case GV_TERNARY_FALSE:
        case GV_COALESCE: return 10;
        case GV_AND: return 11;
        case GV_OR: return 12;
        case GV_SEPARATE: return 13;
        default: return 1; /* values */
        }
}

/* Exchange everything but the children. */
static void swap_stage(struct gv_node *a, struct gv_node *b)
{
        struct gv_node t = *a;
        struct gv_node *al = a->left, *ar = a->right, *bl = b->left, *br = b->right;
        *a = *b;
        *b = t;
        a->left = al;
        a->right = ar;
        b->left = bl;
        b->right = br;
}

/* n stages, each the right child of the one before, become left children, the operators in reverse.
 */
static void mirror(struct gv_node **stages, size_t n)
{
        struct gv_node *first = stages[0], *last = stages[n - 1], *carry;
        for (size_t i = 0; i < n; i++) {
                carry = stages[i]->right;
                stages[i]->right = stages[i]->left;
                stages[i]->left = carry;
        }
        carry = last->left;
        last->left = first->right;
        first->right = carry;
        for (size_t i = 0; i < (n - 2) / 2 + 1; i++) {
                struct gv_node *front = stages[i + 1], *inverse = stages[n - i - 1];
                carry = front->right;
                front->right = inverse->right;
                inverse->right = carry;
        }
        for (size_t i = 0; i < n / 2; i++)
                swap_stage(stages[i], stages[n - i - 1]);
}

static void reorder(struct gv_node *root, unsigned depth)
{
        struct gv_node **run = NULL, *next = root;
        size_t n = 0, cap = 0;
        int level_of_run = precedence(root->symbol);
        while (next) {
                struct gv_node *now = next;
                next = now->right;
                if (now->left && depth < PLAN_DEPTH)
                        reorder(now->left, depth + 1);
                if (precedence(now->symbol) != level_of_run) {
                        if (n > 1)
                                mirror(run, n);
                        n = 0;
                        level_of_run = precedence(now->symbol);
                }
                mem_grow(run, cap, n + 1);
                run[n++] = now;
        }
        if (n > 1)
                mirror(run, n);
        mem_free(run);
}

bool gv_plan(struct govaluate *g, struct gv_error *ge)
{
        struct plan p = {.g = g, .ge = ge};
        if (!level(&p, GV_L_SEPARATE, &g->root))
                return false;
        if (!g->root)
                return gv_fail(ge, 0, "Unexpected end of expression");
        reorder(g->root, 0);
        return true;
}
