/* common/lang/govaluate/gv_priv.h: what the files of govaluate share.
 *
 *   gv_lex.c    text into tokens, and which token may follow which
 *   gv_plan.c   tokens into a tree
 *   gv_eval.c   the tree evaluated
 *   govaluate.c the two uses: filter expressions with variables, `when` with words
 * The order of the original's steps is kept: which texts are refused and with which words depends
 * on it. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/goregex.h"
#include "common/lang/gotime.h"
#include "common/lang/govaluate.h"
#include "common/lang/limits.h"

enum gv_kind {
        GV_UNKNOWN,
        GV_PREFIX,
        GV_NUMERIC,
        GV_BOOLEAN,
        GV_STRING,
        GV_PATTERN,
        GV_TIME,
        GV_VARIABLE,
        GV_ACCESSOR,
        GV_SEPARATOR,
        GV_COMPARATOR,
        GV_LOGICALOP,
        GV_MODIFIER,
        GV_CLAUSE,
        GV_CLAUSE_CLOSE,
        GV_TERNARY,
};
enum gv_symbol {
        GV_VALUE, /* a variable */
        GV_LITERAL,
        GV_NOOP, /* parentheses */
        GV_EQ,
        GV_NEQ,
        GV_GT,
        GV_LT,
        GV_GTE,
        GV_LTE,
        GV_REQ,
        GV_NREQ,
        GV_IN,
        GV_AND,
        GV_OR,
        GV_PLUS,
        GV_MINUS,
        GV_BIT_AND,
        GV_BIT_OR,
        GV_BIT_XOR,
        GV_LSHIFT,
        GV_RSHIFT,
        GV_MULTIPLY,
        GV_DIVIDE,
        GV_MODULUS,
        GV_EXPONENT,
        GV_NEGATE,
        GV_INVERT,
        GV_BIT_NOT,
        GV_TERNARY_TRUE,
        GV_TERNARY_FALSE,
        GV_COALESCE,
        GV_ACCESS,
        GV_SEPARATE,
};
struct gv_token {
        enum gv_kind kind;
        size_t at;
        struct str text; /* operators, names, strings, patterns; accessors with their dots */
        double number;
        bool truth;
        struct val_time time;
};
struct gv_node {
        enum gv_symbol symbol;
        size_t at;
        struct val literal;
        const struct goregex *regex; /* of a pattern literal; then literal is its text */
        size_t var;
        struct str name; /* GV_VALUE, GV_ACCESS */
        struct gv_node *left, *right;
};
struct govaluate {
        struct arena arena;
        struct gv_token *tokens;
        size_t ntokens, cap_tokens;
        struct gv_node *root;
        const char **vars;
        size_t nvars, cap_vars;
        struct goregex **regexes;
        size_t nregexes, cap_regexes;
        bool show_values; /* error words may quote values (`when`, as in Argo) */
};
/* A failure with the original's words and the place. Returns false. */
struct gv_error {
        char words[1000];
        size_t at;
        bool limit;
};
bool gv_fail(struct gv_error *ge, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);

bool gv_tokenize(struct govaluate *g, struct str text, struct gv_error *ge);
bool gv_check(struct govaluate *g, struct gv_error *ge); /* parentheses, then the order of tokens */
bool gv_patterns(struct govaluate *g, struct gv_error *ge); /* strings behind =~ become regexes */
bool gv_plan(struct govaluate *g, struct gv_error *ge);
/* Operators by level; GV_LEVELS is the number of levels. */
enum gv_level {
        GV_L_PREFIX,
        GV_L_EXPONENT,
        GV_L_MULTIPLY,
        GV_L_ADD,
        GV_L_SHIFT,
        GV_L_BITWISE,
        GV_L_COMPARE,
        GV_L_AND,
        GV_L_OR,
        GV_L_TERNARY,
        GV_L_SEPARATE,
        GV_LEVELS
};
bool gv_operator(enum gv_level level, struct str text, enum gv_symbol *out);
const char *gv_symbol_name(enum gv_symbol s);

struct gv_eval {
        const struct govaluate *g;
        const struct val *vars;
        struct arena *arena;
        struct gv_error *ge;
        size_t steps;
};
bool gv_evaluate(struct gv_eval *ev, const struct gv_node *n, struct val *out);

int gv_compile(struct govaluate **out, struct str text, bool words, struct gv_error *ge);
