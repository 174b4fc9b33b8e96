/* common/lang/gotemplate/gt_priv.h: what the files of Go templates share.
 *
 *   gt_lex.c    text into items          gt_parse.c, gt_operand.c   items into nodes
 *   gt_exec.c   nodes walked             gt_eval.c                  pipelines, commands, arguments
 *   gt_builtin.c, gt_compare.c           and or not eq index len print html ...
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/gofunc.h"
#include "common/lang/gotemplate.h"
#include "common/lang/limits.h"

/* ---- lexer ---- */
enum gt_item_type {
        GT_ERROR,
        GT_EOF,
        GT_TEXT,
        GT_LEFT,  /* {{ */
        GT_RIGHT, /* }} */
        GT_SPACE,
        GT_LPAREN,
        GT_RPAREN,
        GT_PIPE,
        GT_ASSIGN,  /* = */
        GT_DECLARE, /* := */
        GT_COMMA,
        GT_CHAR, /* any other printable character */
        GT_BOOL,
        GT_NUMBER,
        GT_CHARCONST,
        GT_STRING,
        GT_RAWSTRING,
        GT_FIELD, /* .name */
        GT_DOT,
        GT_VARIABLE, /* $ or $name */
        GT_IDENT,
        GT_KEYWORDS, /* all below are keywords */
        GT_BLOCK,
        GT_BREAK,
        GT_CONTINUE,
        GT_DEFINE,
        GT_ELSE,
        GT_END,
        GT_IF,
        GT_NIL,
        GT_RANGE,
        GT_TEMPLATE,
        GT_WITH,
};
struct gt_item {
        enum gt_item_type type;
        size_t pos;
        struct str val;
};
struct gt_lexer {
        struct str in;
        size_t pos, start;
        bool inside; /* an action */
        int parens;
        const char *error; /* words of GT_ERROR */
};
struct gt_item gt_lex(struct gt_lexer *l);

/* ---- nodes ---- */
enum gt_type {
        GTN_TEXT,
        GTN_ACTION,
        GTN_IF,
        GTN_WITH,
        GTN_RANGE,
        GTN_TEMPLATE,
        GTN_BREAK,
        GTN_CONTINUE,
        GTN_END,  /* only while parsing */
        GTN_ELSE, /* only while parsing */
        /* operands */
        GTN_BOOL,
        GTN_DOT,
        GTN_NIL,
        GTN_NUMBER,
        GTN_STRING,
        GTN_FIELD,    /* .a.b */
        GTN_VARIABLE, /* $x.a.b */
        GTN_CHAIN,    /* (pipe).a.b */
        GTN_IDENT,    /* a function */
        GTN_PIPE,
};
struct gt_list {
        struct gt_node *first, *last;
};
struct gt_command {
        struct gt_node *args; /* linked by next */
        size_t nargs;
        struct gt_command *next;
};
struct gt_node {
        enum gt_type type;
        size_t pos;
        struct gt_node *next;
        struct str text;   /* TEXT, STRING; name of VARIABLE, IDENT, TEMPLATE */
        struct str *names; /* field names of FIELD, VARIABLE, CHAIN */
        size_t nnames;
        struct gt_node *inner; /* CHAIN: what the fields are of; all with a pipeline: the PIPE */
        /* PIPE */
        struct gt_command *commands;
        struct str decl[2];
        unsigned ndecl;
        bool assign;
        /* control */
        struct gt_list list, otherwise;
        bool has_else;
        /* NUMBER, BOOL */
        bool is_int, is_uint, is_float, truth;
        bool plain_float; /* an ideal constant that is a float */
        int64_t i;
        uint64_t u;
        double f;
        const struct go_func *func; /* IDENT */
};
struct gt_define {
        struct str name;
        struct gt_list list;
        struct gt_define *next;
};
struct gotmpl {
        struct arena arena; /* nodes and a copy of the text */
        struct str text;
        struct gt_list root;
        struct gt_define *defines;
};

struct gt_parser {
        struct gotmpl *t;
        struct gt_lexer lex;
        struct gt_item ahead[3];
        unsigned nahead;
        struct str *vars;
        size_t nvars, cap_vars;
        unsigned range_depth, depth, paren_depth;
        struct err *e;
        size_t error_at;
};
struct gt_item gt_next(struct gt_parser *p);
struct gt_item gt_next_nonspace(struct gt_parser *p);
struct gt_item gt_peek(struct gt_parser *p);
struct gt_item gt_peek_nonspace(struct gt_parser *p);
void gt_back(struct gt_parser *p, struct gt_item item);
/* Both return NULL. */
void *gt_error(struct gt_parser *p, size_t pos, const char *fmt, ...) PRINTF_LIKE(3, 4);
void *gt_unexpected(struct gt_parser *p, struct gt_item item, const char *context);
struct gt_node *gt_new(struct gt_parser *p, enum gt_type type, size_t pos);
struct gt_node *gt_pipeline(struct gt_parser *p, const char *context, enum gt_item_type end);
bool gt_unquote(struct gt_parser *p, struct gt_item item, struct str *out);
int gt_parse(struct gt_parser *p);
const struct go_func *gt_function(struct str name); /* sprig first, then builtins */

/* ---- execution ---- */
struct gt_var {
        struct str name;
        struct val value;
};
struct gt_state {
        struct go_env env;
        const struct gotmpl *t;
        struct buf *out;
        struct gt_var *vars;
        size_t nvars, cap_vars, frame; /* frame: where this template's variables begin */
        unsigned depth;
        const struct gt_node *at; /* for error places */
};
enum gt_walk { GT_OK, GT_WALK_BREAK, GT_WALK_CONTINUE, GT_FAILED };
bool gt_fail(struct gt_state *s, const struct gt_node *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool gt_enter(struct gt_state *s, const struct gt_node *n); /* one level deeper; false: failed */
static inline void gt_leave(struct gt_state *s)
{
        s->depth--;
}
bool gt_truth(struct gt_state *s, struct val v);
bool gt_eval_pipe(struct gt_state *s, struct val dot, const struct gt_node *pipe, struct val *out);
bool gt_push_var(struct gt_state *s, struct str name, struct val v);
bool gt_set_var(struct gt_state *s, const struct gt_node *n, struct str name, struct val v);
bool gt_put_value(struct gt_state *s, struct val v);
const struct go_func *gt_builtin_find(struct str name);
bool gt_is_and(const struct go_func *f);
bool gt_is_or(const struct go_func *f);

go_fn gt_fn_eq, gt_fn_ne, gt_fn_lt, gt_fn_le, gt_fn_gt, gt_fn_ge;
