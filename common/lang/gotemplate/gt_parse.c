/* common/lang/gotemplate/gt_parse.c: see gt_priv.h: actions and control structures. Recursion
 * follows the nesting of the text and ends at LANG_DEPTH. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotemplate/gt_priv.h"
#include "common/lang/gounquote.h"
#include "common/lang/unicode/unicode.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- items with look-ahead ---- */

struct gt_item gt_next(struct gt_parser *p)
{
        if (p->nahead)
                return p->ahead[--p->nahead];
        return gt_lex(&p->lex);
}

void gt_back(struct gt_parser *p, struct gt_item item)
{
        p->ahead[p->nahead++] = item;
}

struct gt_item gt_peek(struct gt_parser *p)
{
        struct gt_item item = gt_next(p);
        gt_back(p, item);
        return item;
}

struct gt_item gt_next_nonspace(struct gt_parser *p)
{
        struct gt_item item = gt_next(p);
        while (item.type == GT_SPACE)
                item = gt_next(p);
        return item;
}

struct gt_item gt_peek_nonspace(struct gt_parser *p)
{
        struct gt_item item = gt_next_nonspace(p);
        gt_back(p, item);
        return item;
}

/* ---- errors ---- */

void *gt_error(struct gt_parser *p, size_t pos, const char *fmt, ...)
{
        char words[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        p->error_at = pos;
        err_set(p->e, ERR_INVALID, "template: offset %zu: %s", pos, words);
        return NULL;
}

void *gt_unexpected(struct gt_parser *p, struct gt_item item, const char *context)
{
        if (item.type == GT_ERROR)
                return gt_error(p, item.pos, "%s", p->lex.error);
        if (item.type == GT_EOF)
                return gt_error(p, item.pos, "unexpected end of the template in %s", context);
        return gt_error(p, item.pos, "unexpected \"%.*s\" in %s",
                        (int)(item.val.n > 40 ? 40 : item.val.n), item.val.p, context);
}

/* ---- nodes ---- */

struct gt_node *gt_new(struct gt_parser *p, enum gt_type type, size_t pos)
{
        struct gt_node *n = arena_zalloc(&p->t->arena, sizeof(*n));
        n->type = type;
        n->pos = pos;
        return n;
}

static void append(struct gt_list *list, struct gt_node *n)
{
        if (list->last)
                list->last->next = n;
        else
                list->first = n;
        list->last = n;
}

/* ---- quoted texts ---- */

bool gt_unquote(struct gt_parser *p, struct gt_item item, struct str *out)
{
        struct str in = {item.val.p + 1, item.val.n - 2};
        char *text = arena_alloc(&p->t->arena, in.n + 4);
        size_t n = 0;
        for (size_t i = 0; i < in.n;) {
                char c = in.p[i++];
                size_t len;
                if (item.type == GT_RAWSTRING && c == '\r')
                        continue;
                if (item.type == GT_RAWSTRING || c != '\\') {
                        text[n++] = c;
                        continue;
                }
                if (!gounquote_escape(in, &i, item.val.p[0], text + n, &len)) {
                        gt_error(p, item.pos, "invalid escape in a quoted text");
                        return false;
                }
                n += len;
        }
        *out = (struct str){text, n};
        return true;
}

/* ---- variables known while parsing ---- */

static struct gt_node *parse_list_node(struct gt_parser *p, struct gt_list *list);

static struct gt_node *expect_right(struct gt_parser *p, const char *context)
{
        struct gt_item item = gt_next_nonspace(p);
        if (item.type != GT_RIGHT)
                return gt_unexpected(p, item, context);
        return gt_new(p, GTN_END, item.pos);
}

static struct gt_node *text_or_action(struct gt_parser *p);

/* Nodes up to {{end}} or {{else}}, which is returned. */
static struct gt_node *item_list(struct gt_parser *p, struct gt_list *list)
{
        if (++p->depth > LANG_DEPTH)
                return gt_error(p, p->lex.pos, "control structures are nested too deeply");
        for (;;) {
                struct gt_node *n = parse_list_node(p, list);
                if (!n || n->type == GTN_END || n->type == GTN_ELSE) {
                        p->depth--;
                        return n;
                }
        }
}

static struct gt_node *parse_list_node(struct gt_parser *p, struct gt_list *list)
{
        struct gt_item item = gt_peek_nonspace(p);
        if (item.type == GT_EOF)
                return gt_error(p, item.pos, "unexpected end of the template: {{end}} is missing");
        struct gt_node *n = text_or_action(p);
        if (n && n->type != GTN_END && n->type != GTN_ELSE)
                append(list, n);
        return n;
}

/* ---- control structures ---- */

static struct gt_node *control(struct gt_parser *p, enum gt_type type, size_t pos);

/* Behind {{else}}: another branch of the same kind ({{else if}}), or a list up to {{end}}. */
static struct gt_node *else_branch(struct gt_parser *p, struct gt_node *n,
                                   enum gt_item_type chained)
{
        n->has_else = true;
        if (chained != GT_EOF && gt_peek_nonspace(p).type == chained) {
                struct gt_item item = gt_next_nonspace(p);
                if (++p->depth > LANG_DEPTH)
                        return gt_error(p, item.pos, "control structures are nested too deeply");
                struct gt_node *next = control(p, n->type, item.pos);
                p->depth--;
                if (next)
                        append(&n->otherwise, next);
                return next ? n : NULL;
        }
        struct gt_node *end = item_list(p, &n->otherwise);
        if (end && end->type != GTN_END)
                return gt_error(p, end->pos, "expected end; found else");
        return end ? n : NULL;
}

static struct gt_node *control(struct gt_parser *p, enum gt_type type, size_t pos)
{
        const char *context = type == GTN_IF ? "if" : type == GTN_WITH ? "with" : "range";
        struct gt_node *n = gt_new(p, type, pos);
        size_t mark = p->nvars;
        n->inner = gt_pipeline(p, context, GT_RIGHT);
        if (!n->inner)
                return NULL;
        p->range_depth += type == GTN_RANGE;
        struct gt_node *end = item_list(p, &n->list);
        p->range_depth -= type == GTN_RANGE;
        if (end && end->type == GTN_ELSE)
                end = else_branch(p, n,
                                  type == GTN_IF     ? GT_IF
                                  : type == GTN_WITH ? GT_WITH
                                                     : GT_EOF);
        p->nvars = mark;
        return end ? n : NULL;
}

static struct gt_node *else_control(struct gt_parser *p)
{
        struct gt_item item = gt_peek_nonspace(p);
        if (item.type == GT_IF || item.type == GT_WITH)
                return gt_new(p, GTN_ELSE, item.pos);
        struct gt_node *n = expect_right(p, "else");
        if (n)
                n->type = GTN_ELSE;
        return n;
}

static struct gt_node *jump(struct gt_parser *p, enum gt_type type, size_t pos)
{
        const char *name = type == GTN_BREAK ? "{{break}}" : "{{continue}}";
        if (!expect_right(p, name))
                return NULL;
        if (p->range_depth == 0)
                return gt_error(p, pos, "%s outside {{range}}", name);
        return gt_new(p, type, pos);
}

/* ---- templates ---- */

static bool blank(const struct gt_list *list)
{
        for (const struct gt_node *n = list->first; n; n = n->next) {
                if (n->type != GTN_TEXT)
                        return false;
                for (size_t i = 0; i < n->text.n;) {
                        uint32_t cp;
                        i += utf8_decode(n->text.p + i, n->text.n - i, &cp);
                        if (!uni_is_space(cp))
                                return false;
                }
        }
        return true;
}

/* A later definition replaces a blank one; a blank one never replaces another; two real ones are an
 * error. */
static bool add_define(struct gt_parser *p, struct str name, const struct gt_list *list, size_t pos)
{
        for (struct gt_define *d = p->t->defines; d; d = d->next) {
                if (d->name.n != name.n || memcmp(d->name.p, name.p, name.n) != 0)
                        continue;
                if (blank(&d->list))
                        d->list = *list;
                else if (!blank(list))
                        return gt_error(p, pos, "multiple definition of a template") != NULL;
                return true;
        }
        struct gt_define *d = arena_zalloc(&p->t->arena, sizeof(*d));
        *d = (struct gt_define){name, *list, p->t->defines};
        p->t->defines = d;
        return true;
}

/* The body of a definition has variables of its own. */
static bool body(struct gt_parser *p, struct str name, size_t pos, const char *context)
{
        struct gt_list list = {0};
        size_t nvars = p->nvars, cap = p->cap_vars;
        unsigned ranges = p->range_depth;
        struct str *vars = p->vars, own[1] = {STR("$")};
        p->vars = NULL;
        p->nvars = p->cap_vars = 0;
        p->range_depth = 0;
        mem_grow(p->vars, p->cap_vars, 1);
        p->vars[p->nvars++] = own[0];
        struct gt_node *end = item_list(p, &list);
        mem_free(p->vars);
        p->vars = vars;
        p->nvars = nvars;
        p->cap_vars = cap;
        p->range_depth = ranges;
        if (end && end->type != GTN_END)
                return gt_error(p, end->pos, "unexpected {{else}} in %s", context) != NULL;
        return end && add_define(p, name, &list, pos);
}

static bool template_name(struct gt_parser *p, const char *context, struct str *out)
{
        struct gt_item item = gt_next_nonspace(p);
        if (item.type != GT_STRING && item.type != GT_RAWSTRING)
                return gt_unexpected(p, item, context) != NULL;
        return gt_unquote(p, item, out);
}

static bool definition(struct gt_parser *p)
{
        struct str name;
        size_t pos = p->lex.pos;
        return template_name(p, "define clause", &name) && expect_right(p, "define clause") &&
               body(p, name, pos, "define clause");
}

static struct gt_node *template_call(struct gt_parser *p, size_t pos)
{
        struct gt_node *n = gt_new(p, GTN_TEMPLATE, pos);
        if (!template_name(p, "template clause", &n->text))
                return NULL;
        struct gt_item item = gt_next_nonspace(p);
        if (item.type == GT_RIGHT)
                return n;
        gt_back(p, item);
        n->inner = gt_pipeline(p, "template clause", GT_RIGHT);
        return n->inner ? n : NULL;
}

static struct gt_node *block(struct gt_parser *p, size_t pos)
{
        struct gt_node *n = gt_new(p, GTN_TEMPLATE, pos);
        if (!template_name(p, "block clause", &n->text))
                return NULL;
        n->inner = gt_pipeline(p, "block clause", GT_RIGHT);
        if (!n->inner || !body(p, n->text, pos, "block clause"))
                return NULL;
        return n;
}

/* ---- actions ---- */

static struct gt_node *action(struct gt_parser *p)
{
        struct gt_item item = gt_next_nonspace(p);
        switch (item.type) {
        case GT_BLOCK: return block(p, item.pos);
        case GT_BREAK: return jump(p, GTN_BREAK, item.pos);
        case GT_CONTINUE: return jump(p, GTN_CONTINUE, item.pos);
        case GT_ELSE: return else_control(p);
        case GT_END: return expect_right(p, "end");
        case GT_IF: return control(p, GTN_IF, item.pos);
        case GT_RANGE: return control(p, GTN_RANGE, item.pos);
        case GT_TEMPLATE: return template_call(p, item.pos);
        case GT_WITH: return control(p, GTN_WITH, item.pos);
        default: break;
        }
        gt_back(p, item);
        struct gt_node *n = gt_new(p, GTN_ACTION, item.pos);
        n->inner = gt_pipeline(p, "command", GT_RIGHT);
        return n->inner ? n : NULL;
}

static struct gt_node *text_or_action(struct gt_parser *p)
{
        struct gt_item item = gt_next_nonspace(p);
        if (item.type == GT_TEXT) {
                struct gt_node *n = gt_new(p, GTN_TEXT, item.pos);
                n->text = item.val;
                return n;
        }
        if (item.type == GT_LEFT)
                return action(p);
        return gt_unexpected(p, item, "input");
}

int gt_parse(struct gt_parser *p)
{
        mem_grow(p->vars, p->cap_vars, 1);
        p->vars[p->nvars++] = STR("$");
        for (;;) {
                struct gt_item item = gt_next(p);
                if (item.type == GT_EOF)
                        return 0;
                if (item.type == GT_LEFT) {
                        struct gt_item word = gt_next_nonspace(p);
                        if (word.type == GT_DEFINE) {
                                if (!definition(p))
                                        return -1;
                                continue;
                        }
                        gt_back(p, word);
                }
                gt_back(p, item);
                struct gt_node *n = text_or_action(p);
                if (!n)
                        return -1;
                if (n->type == GTN_END || n->type == GTN_ELSE) {
                        gt_error(p, n->pos, "unexpected {{%s}}",
                                 n->type == GTN_END ? "end" : "else");
                        return -1;
                }
                append(&p->t->root, n);
        }
}
