/* common/lang/expr/expr_node.c: see expr_priv.h: what the parser stands on: the token at hand,
 * nodes and their budget. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"

/* ---- tokens ---- */

bool ex_is(const struct ex_parser *p, enum ex_tok kind, const char *text)
{
        const struct ex_token *t = ex_now(p);
        return t->kind == kind && (!text || str_eq(t->text, text));
}

void ex_next(struct ex_parser *p)
{
        if (ex_now(p)->kind != EX_T_EOF)
                p->pos++;
}

struct ex_node *ex_unexpected(struct ex_parser *p, const struct ex_token *t)
{
        if (t->kind == EX_T_EOF)
                ex_error_set(p->ee, t->at, "unexpected end of the expression");
        else
                ex_error_set(p->ee, t->at, "unexpected %s%.*s%s",
                             t->kind == EX_T_STRING ? "\"" : "",
                             (int)(t->text.n > 80 ? 80 : t->text.n), t->text.p,
                             t->kind == EX_T_STRING ? "\"" : "");
        return NULL;
}

bool ex_expect(struct ex_parser *p, enum ex_tok kind, const char *text)
{
        if (!ex_is(p, kind, text))
                return ex_unexpected(p, ex_now(p)) != NULL;
        ex_next(p);
        return true;
}

/* ---- nodes ---- */

struct ex_node *ex_node(struct ex_parser *p, enum ex_kind kind, size_t at, size_t kids)
{
        if (p->tree->nodes >= EX_MAX_NODES) {
                p->ee->limit = true;
                ex_error_set(p->ee, at, "the expression has more than %d parts", EX_MAX_NODES);
                return NULL;
        }
        struct ex_node *n = arena_try_alloc(p->arena, sizeof(*n) + kids * sizeof(n->kid[0]));
        if (!n) {
                p->ee->limit = true;
                ex_error_set(p->ee, at, "the expression needs too much memory");
                return NULL;
        }
        memset(n, 0, sizeof(*n));
        n->kind = (uint8_t)kind;
        n->at = (uint32_t)at;
        n->id = p->tree->nodes++;
        n->n = (uint32_t)kids;
        n->kid = (struct ex_node **)(n + 1);
        return n;
}

bool ex_close(struct ex_parser *p, struct ex_node *n)
{
        unsigned depth = 0;
        for (size_t i = 0; i < n->n; i++)
                if (n->kid[i] && n->kid[i]->depth > depth)
                        depth = n->kid[i]->depth;
        n->depth = (uint16_t)(depth + 1);
        if (depth < EX_MAX_DEPTH)
                return true;
        p->ee->limit = true;
        return ex_error_set(p->ee, n->at, "the expression is nested deeper than %d levels",
                            EX_MAX_DEPTH);
}

void ex_push(struct ex_parser *p, struct ex_nodes *l, struct ex_node *n)
{
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 4;
                struct ex_node **v = arena_try_alloc(p->arena, cap * sizeof(*v));
                if (!v) {
                        p->ee->limit = true;
                        ex_error_set(p->ee, 0, "the expression needs too much memory");
                        return;
                }
                if (l->n)
                        memcpy(v, l->v, l->n * sizeof(*v));
                l->v = v;
                l->cap = cap;
        }
        l->v[l->n++] = n;
}
