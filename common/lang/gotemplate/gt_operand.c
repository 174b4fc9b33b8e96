/* common/lang/gotemplate/gt_operand.c: see gt_priv.h: pipelines, commands and operands.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/gotemplate/gt_priv.h"

static bool has(struct str s, const char *set)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] && strchr(set, s.p[i]))
                        return true;
        return false;
}

/* ---- numbers ---- */

static bool char_constant(struct gt_parser *p, struct gt_item item, struct gt_node *n)
{
        struct gt_item text = item;
        struct str bytes;
        uint32_t cp = 0;
        text.type = GT_STRING; /* the same escapes; the quote is taken from the text */
        if (!gt_unquote(p, text, &bytes))
                return false;
        size_t len = utf8_decode(bytes.p, bytes.n, &cp);
        bool one_byte = bytes.n == 1; /* '\xff' is the number 255 */
        if (bytes.n == 0 || (len != bytes.n && !one_byte))
                return gt_error(p, item.pos, "malformed character constant") != NULL;
        n->i = one_byte ? (unsigned char)bytes.p[0] : cp;
        n->u = (uint64_t)n->i;
        n->f = (double)n->i;
        n->is_int = n->is_uint = n->is_float = true;
        return true;
}

/* A float that is a whole number serves as an integer too. */
static void integers_of_float(struct gt_node *n)
{
        int64_t i = gonum_f64_to_i64(n->f);
        uint64_t u = gonum_f64_to_u64(n->f);
        if ((double)i == n->f) {
                n->is_int = true;
                n->i = i;
        }
        if ((double)u == n->f) {
                n->is_uint = true;
                n->u = u;
        }
}

static bool number_value(struct gt_parser *p, struct gt_item item, struct gt_node *n)
{
        bool hex_int = item.val.n > 2 && item.val.p[0] == '0' && (item.val.p[1] | 0x20) == 'x' &&
                       !has(item.val, "pP");
        n->is_uint = gonum_uint(item.val, 0, 64, &n->u) == GONUM_OK;
        n->is_int = gonum_int(item.val, 0, 64, &n->i) == GONUM_OK;
        if (n->is_int && n->i == 0)
                n->is_uint = true;
        if (n->is_int || n->is_uint) {
                n->is_float = true;
                n->f = n->is_int ? (double)n->i : (double)n->u;
        } else {
                n->is_float = gonum_float(item.val, &n->f) == GONUM_OK;
                if (n->is_float && !has(item.val, ".eEpP"))
                        return gt_error(p, item.pos, "integer overflow") != NULL;
                if (n->is_float)
                        integers_of_float(n);
        }
        if (!n->is_float)
                return gt_error(p, item.pos, "illegal number syntax") != NULL;
        n->plain_float = !hex_int && has(item.val, ".eEpP");
        return true;
}

/* ---- operands ---- */

static struct gt_node *add_names(struct gt_parser *p, struct gt_node *n, struct gt_item field)
{
        struct str *names = arena_alloc(&p->t->arena, (n->nnames + 1) * sizeof(*names));
        if (n->nnames)
                memcpy(names, n->names, n->nnames * sizeof(*names));
        names[n->nnames++] = (struct str){field.val.p + 1, field.val.n - 1};
        n->names = names;
        return n;
}

static struct gt_node *variable(struct gt_parser *p, struct gt_item item)
{
        struct gt_node *n = gt_new(p, GTN_VARIABLE, item.pos);
        n->text = item.val;
        for (size_t i = 0; i < p->nvars; i++)
                if (p->vars[i].n == item.val.n && memcmp(p->vars[i].p, item.val.p, item.val.n) == 0)
                        return n;
        return gt_error(p, item.pos, "undefined variable \"%.*s\"", (int)item.val.n, item.val.p);
}

static struct gt_node *identifier(struct gt_parser *p, struct gt_item item)
{
        struct gt_node *n = gt_new(p, GTN_IDENT, item.pos);
        const char *why = sprig_refused(item.val);
        n->text = item.val;
        n->func = gt_function(item.val);
        if (why)
                return gt_error(p, item.pos, "function \"%.*s\" is refused: %s", (int)item.val.n,
                                item.val.p, why);
        if (!n->func)
                return gt_error(p, item.pos, "function \"%.*s\" not defined",
                                (int)(item.val.n > 60 ? 60 : item.val.n), item.val.p);
        return n;
}

static struct gt_node *parenthesis(struct gt_parser *p, struct gt_item item)
{
        if (++p->paren_depth > LANG_DEPTH)
                return gt_error(p, item.pos, "parentheses are nested too deeply");
        struct gt_node *n = gt_pipeline(p, "parenthesized pipeline", GT_RPAREN);
        p->paren_depth--;
        return n;
}

/* NULL without an error (*none): the next item is no operand. */
static struct gt_node *term(struct gt_parser *p, bool *none)
{
        struct gt_item item = gt_next_nonspace(p);
        struct gt_node *n;
        *none = false;
        switch (item.type) {
        case GT_IDENT: return identifier(p, item);
        case GT_DOT: return gt_new(p, GTN_DOT, item.pos);
        case GT_NIL: return gt_new(p, GTN_NIL, item.pos);
        case GT_VARIABLE: return variable(p, item);
        case GT_FIELD: return add_names(p, gt_new(p, GTN_FIELD, item.pos), item);
        case GT_BOOL:
                n = gt_new(p, GTN_BOOL, item.pos);
                n->truth = item.val.p[0] == 't';
                return n;
        case GT_CHARCONST:
                n = gt_new(p, GTN_NUMBER, item.pos);
                return char_constant(p, item, n) ? n : NULL;
        case GT_NUMBER:
                n = gt_new(p, GTN_NUMBER, item.pos);
                return number_value(p, item, n) ? n : NULL;
        case GT_STRING:
        case GT_RAWSTRING:
                n = gt_new(p, GTN_STRING, item.pos);
                return gt_unquote(p, item, &n->text) ? n : NULL;
        case GT_LPAREN: return parenthesis(p, item);
        default: break;
        }
        gt_back(p, item);
        *none = true;
        return NULL;
}

/* A term and the fields behind it. */
static struct gt_node *operand(struct gt_parser *p, bool *none)
{
        struct gt_node *n = term(p, none);
        if (!n || gt_peek(p).type != GT_FIELD)
                return n;
        switch (n->type) {
        case GTN_FIELD:
        case GTN_VARIABLE: break;
        case GTN_BOOL:
        case GTN_STRING:
        case GTN_NUMBER:
        case GTN_NIL:
        case GTN_DOT: return gt_error(p, n->pos, "unexpected . after a term");
        default: {
                struct gt_node *chain = gt_new(p, GTN_CHAIN, n->pos);
                chain->inner = n;
                n = chain;
        }
        }
        while (gt_peek(p).type == GT_FIELD)
                add_names(p, n, gt_next(p));
        return n;
}

/* ---- commands ---- */

static struct gt_command *command(struct gt_parser *p)
{
        struct gt_command *c = arena_zalloc(&p->t->arena, sizeof(*c));
        struct gt_node *last = NULL;
        for (;;) {
                bool none;
                gt_peek_nonspace(p);
                struct gt_node *n = operand(p, &none);
                if (!n && !none)
                        return NULL;
                if (n) {
                        if (last)
                                last->next = n;
                        else
                                c->args = n;
                        last = n;
                        c->nargs++;
                }
                struct gt_item item = gt_next(p);
                if (item.type == GT_SPACE)
                        continue;
                if (item.type == GT_RIGHT || item.type == GT_RPAREN)
                        gt_back(p, item);
                else if (item.type != GT_PIPE)
                        return gt_unexpected(p, item, "operand");
                if (!c->nargs)
                        return gt_error(p, item.pos, "empty command");
                return c;
        }
}

static void declare(struct gt_parser *p, struct gt_node *pipe, struct str name)
{
        pipe->decl[pipe->ndecl++] = name;
        mem_grow(p->vars, p->cap_vars, p->nvars + 1);
        p->vars[p->nvars++] = name;
}

/* "$x :=", "$x =", and in range "$i, $x :=". False: an error. */
static bool declarations(struct gt_parser *p, struct gt_node *pipe, const char *context)
{
        for (;;) {
                struct gt_item v = gt_peek_nonspace(p);
                if (v.type != GT_VARIABLE)
                        return true;
                gt_next(p);
                struct gt_item adjacent = gt_peek(p), next = gt_peek_nonspace(p);
                if (next.type == GT_ASSIGN || next.type == GT_DECLARE) {
                        pipe->assign = next.type == GT_ASSIGN;
                        gt_next_nonspace(p);
                        declare(p, pipe, v.val);
                        return true;
                }
                if (next.type == GT_COMMA) {
                        gt_next_nonspace(p);
                        bool range = strcmp(context, "range") == 0;
                        if (!range || pipe->ndecl == 1)
                                return gt_error(p, next.pos, "too many declarations in %s",
                                                context) != NULL;
                        declare(p, pipe, v.val);
                        enum gt_item_type after = gt_peek_nonspace(p).type;
                        if (after != GT_VARIABLE && after != GT_RIGHT && after != GT_RPAREN)
                                return gt_error(p, next.pos,
                                                "range can only initialize variables") != NULL;
                        continue;
                }
                /* The variable is an argument; the space behind it separates. */
                if (adjacent.type == GT_SPACE)
                        gt_back(p, adjacent);
                gt_back(p, v);
                return true;
        }
}

static bool check_pipeline(struct gt_parser *p, struct gt_node *pipe, const char *context)
{
        if (!pipe->commands)
                return gt_error(p, pipe->pos, "missing value for %s", context) != NULL;
        for (struct gt_command *c = pipe->commands->next; c; c = c->next) {
                enum gt_type type = c->args->type;
                if (type == GTN_BOOL || type == GTN_DOT || type == GTN_NIL || type == GTN_NUMBER ||
                    type == GTN_STRING)
                        return gt_error(p, c->args->pos, "non executable command in pipeline") !=
                               NULL;
        }
        return true;
}

static bool starts_command(enum gt_item_type type)
{
        switch (type) {
        case GT_BOOL:
        case GT_CHARCONST:
        case GT_DOT:
        case GT_FIELD:
        case GT_IDENT:
        case GT_NUMBER:
        case GT_NIL:
        case GT_RAWSTRING:
        case GT_STRING:
        case GT_VARIABLE:
        case GT_LPAREN: return true;
        default: return false;
        }
}

struct gt_node *gt_pipeline(struct gt_parser *p, const char *context, enum gt_item_type end)
{
        struct gt_node *pipe = gt_new(p, GTN_PIPE, gt_peek_nonspace(p).pos);
        struct gt_command **tail = &pipe->commands;
        if (!declarations(p, pipe, context))
                return NULL;
        for (;;) {
                struct gt_item item = gt_next_nonspace(p);
                if (item.type == end)
                        return check_pipeline(p, pipe, context) ? pipe : NULL;
                if (!starts_command(item.type))
                        return gt_unexpected(p, item, context);
                gt_back(p, item);
                *tail = command(p);
                if (!*tail)
                        return NULL;
                tail = &(*tail)->next;
        }
}
