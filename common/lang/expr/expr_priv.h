/* common/lang/expr/expr_priv.h: what the files of expr share.
 *
 *   expr_lex.c     text into tokens
 *   expr_parse.c   tokens into a tree; expr_postfix.c: calls, members, lists, maps
 *   expr_check.c   the types of the tree, against the variables; expr_check_calls.c: of calls
 *   expr_opt.c     the rewriting of the original's optimizer as far as it can be noticed
 *   expr_eval.c    the tree evaluated; expr_loop.c: predicates; expr_ops.c: operators
 *   expr_fn_*.c    builtins (expr_builtins.def); expr_env.c: Argo's functions, sprig, methods
 *   expr_jsonpath*.c the function jsonpath
 * Two trees are kept: `root` as written, which is checked, and `fast`, which is evaluated; a node
 * of `fast` has the id of the node it comes from, so it finds its type.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "common/lang/gofunc.h"
#include "common/lang/goregex.h"
#include "common/lang/limits.h"

enum {
        EX_MAX_NODES = 10000,
        EX_MAX_DEPTH = 1000,    /* of the tree: a chain of operators counts */
        EX_MAX_ITEMS = 1000000, /* of lists made in one evaluation */
        EX_MAX_NESTING = 200,   /* of values, where they are walked */
};

/* ---- tokens ---- */

enum ex_tok { EX_T_EOF, EX_T_IDENT, EX_T_NUMBER, EX_T_STRING, EX_T_BYTES, EX_T_OP, EX_T_BRACKET };
struct ex_token {
        enum ex_tok kind;
        uint32_t at;
        struct str text; /* strings: unescaped */
};
struct ex_error {
        char words[300];
        size_t at;
        bool set, limit;
};
bool ex_error_set(struct ex_error *ee, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* All tokens, the last is EX_T_EOF. False: *ee is set. */
bool ex_lex(struct arena *a, struct str text, enum expr_dialect d, struct ex_token **out,
            struct ex_error *ee);

/* ---- the tree ---- */

enum ex_kind {
        EX_NIL,
        EX_BOOL,
        EX_INT,
        EX_FLOAT,
        EX_STR,
        EX_BYTES,
        EX_CONST,     /* a list of constants: value */
        EX_IDENT,     /* text */
        EX_VAR,       /* of a let: i = slot */
        EX_ENV,       /* $env */
        EX_UNARY,     /* op; kid 0 */
        EX_BINARY,    /* op; kids 0 1 */
        EX_CHAIN,     /* kid 0: where ?. ends up when it finds nil */
        EX_MEMBER,    /* kid 0 [ kid 1 ]; optional: ?. */
        EX_SLICE,     /* kid 0 [ kid 1 : kid 2 ]; 1 and 2 may be NULL */
        EX_CALL,      /* kid 0 ( kids 1... ) */
        EX_BUILTIN,   /* builtin ( kids ) */
        EX_PREDICATE, /* kid 0 */
        EX_POINTER,   /* # #index #acc: i = enum ex_pointer */
        EX_LET,       /* text; i = slot; kids value, expression */
        EX_SEQ,       /* kids; the last is the value */
        EX_COND,      /* kids 0 1 2 */
        EX_ARRAY,     /* kids */
        EX_MAP,       /* kids: key, value, key, value */
};
enum ex_pointer { EX_P_ITEM, EX_P_INDEX, EX_P_ACC, EX_P_UNKNOWN };
enum ex_op {
        EX_OP_NONE,
        EX_OP_NOT,
        EX_OP_NEGATE,
        EX_OP_PLUS,
        EX_OP_OR,
        EX_OP_AND,
        EX_OP_EQ,
        EX_OP_NE,
        EX_OP_LT,
        EX_OP_GT,
        EX_OP_GE,
        EX_OP_LE,
        EX_OP_IN,
        EX_OP_MATCHES,
        EX_OP_CONTAINS,
        EX_OP_STARTS,
        EX_OP_ENDS,
        EX_OP_RANGE,
        EX_OP_ADD,
        EX_OP_SUB,
        EX_OP_MUL,
        EX_OP_DIV,
        EX_OP_MOD,
        EX_OP_POW,
        EX_OP_COALESCE,
        EX_OP_PIPE,
};
const char *ex_op_name(enum ex_op op);

struct ex_builtin;
struct ex_node {
        uint8_t kind, op;
        bool optional; /* EX_MEMBER: ?. */
        bool method;   /* EX_MEMBER: it is called */
        bool throws;   /* find made of filter()[0]: nothing found is an error */
        bool keys; /* EX_OP_IN: the list is of string literals, which the original makes a map */
        uint16_t depth;
        uint32_t at, id, n;
        struct ex_node **kid;
        const struct ex_builtin *builtin;
        const struct ex_node *map; /* of filter, find: applied to what is kept */
        union {
                bool b;
                int64_t i; /* also the threshold of count: 0 is none */
                double f;
                struct val value;
                const struct goregex *regex; /* EX_OP_MATCHES with a literal */
        };
        struct str text;
};

struct ex_tree {
        struct ex_node *root, *fast;
        uint32_t nodes; /* ids are below */
        uint32_t slots; /* of let */
        bool calls_builtins;
};
struct expr {
        struct arena arena;
        enum expr_dialect dialect;
        struct str text;
        struct ex_tree tree;
        const struct ex_type **types; /* EXPR_EVENTS: known at compile time */
        struct goregex **regexes;
        size_t nregexes, cap_regexes;
};

/* ---- parsing ---- */

/* Is the builtin hidden by a variable? */
typedef bool ex_hidden_fn(void *arg, struct str name);
struct ex_parser {
        struct arena *arena;
        struct expr *x; /* NULL: regexes are not compiled */
        enum expr_dialect dialect;
        const struct ex_token *tokens;
        size_t pos;
        struct ex_error *ee;
        ex_hidden_fn *hidden;
        void *hidden_arg;
        unsigned predicates; /* how many are around */
        unsigned nesting;
        struct ex_tree *tree;
        struct str lets[64];
        uint32_t let_slots[64];
        size_t nlets;
};
bool ex_parse(struct ex_parser *p);
static inline const struct ex_token *ex_now(const struct ex_parser *p)
{
        return &p->tokens[p->pos];
}
bool ex_is(const struct ex_parser *p, enum ex_tok kind, const char *text);
void ex_next(struct ex_parser *p);
/* All of these return NULL or false with *p->ee set. */
struct ex_node *ex_unexpected(struct ex_parser *p, const struct ex_token *t);
bool ex_expect(struct ex_parser *p, enum ex_tok kind, const char *text);
struct ex_node *ex_node(struct ex_parser *p, enum ex_kind kind, size_t at, size_t kids);
bool ex_close(struct ex_parser *p, struct ex_node *n); /* kids are set: the depth is checked */
struct ex_node *ex_expression(struct ex_parser *p, int precedence);
struct ex_node *ex_sequence(struct ex_parser *p);
struct ex_node *ex_postfix(struct ex_parser *p, struct ex_node *n);
struct ex_node *ex_call(struct ex_parser *p, const struct ex_token *name, struct ex_node *piped,
                        bool may_be_hidden);
struct ex_node *ex_array(struct ex_parser *p);
struct ex_node *ex_map(struct ex_parser *p);
/* A growing list of nodes. */
struct ex_nodes {
        struct ex_node **v;
        size_t n, cap;
};
void ex_push(struct ex_parser *p, struct ex_nodes *l, struct ex_node *n);

/* ---- types ---- */

enum ex_t {
        EX_TY_UNKNOWN, /* nothing is known */
        EX_TY_ANY,     /* interface{} */
        EX_TY_NIL,
        EX_TY_BOOL,
        EX_TY_INT,
        EX_TY_INT64,
        EX_TY_OTHER_INT,
        EX_TY_FLOAT,
        EX_TY_STR,
        EX_TY_BYTES,
        EX_TY_LIST, /* []interface{} */
        EX_TY_STRS, /* []string */
        EX_TY_INTS, /* []int */
        EX_TY_MAP,
        EX_TY_ANYMAP, /* map[interface{}]interface{} */
        EX_TY_GROUPS, /* map[interface{}][]interface{} */
        EX_TY_TIME,
        EX_TY_DURATION,
        EX_TY_LOCATION,
        EX_TY_MONTH,
        EX_TY_WEEKDAY,
        EX_TY_FUNC,
        EX_TY_OTHER,
};
/* A signature: letters of parameters, '*' before the last one, and of the result (gofunc.h; also S
 * []string, J []int, F []float64, z *time.Location, M time.Month, W time.Weekday, B []byte). */
struct ex_sig {
        const char *name, *in;
        char out;
};
struct ex_type {
        enum ex_t t;
        const struct ex_type *elem;    /* EX_TY_LIST; NULL: interface{} */
        const struct ex_type *literal; /* v1.15: of the elements of [a, b], known to `in` only */
        const struct ex_sig *sig;      /* EX_TY_FUNC; NULL: anything goes */
        const struct ex_type *result;  /* of a predicate */
};
struct ex_checker {
        struct arena *arena;
        enum expr_dialect dialect;
        struct val env;
        const struct ex_type **types;
        const struct ex_type **vars; /* by slot */
        struct ex_scope_type *scope;
        const struct ex_let *lets; /* around the node at hand */
        struct ex_error *ee;
        bool full;
};
struct ex_let {
        struct str name;
        const struct ex_let *outer;
};
struct ex_scope_type {
        const struct ex_type *collection;
        bool index, acc; /* are #index and #acc known? */
        struct ex_scope_type *outer;
};
/* False: *ee is set. `types` has tree->nodes entries. */
bool ex_check(struct ex_checker *c, const struct ex_tree *tree);
const struct ex_type *ex_visit(struct ex_checker *c, const struct ex_node *n);
const struct ex_type *ex_check_builtin(struct ex_checker *c, const struct ex_node *n);
const struct ex_type *ex_check_call(struct ex_checker *c, const struct ex_node *n);
const struct ex_type *ex_type_error(struct ex_checker *c, const struct ex_node *n, const char *fmt,
                                    ...) PRINTF_LIKE(3, 4);
const struct ex_type *ex_type_of(enum ex_t t);
const struct ex_type *ex_type_of_val(struct val v);
const struct ex_type *ex_list_of(struct ex_checker *c, const struct ex_type *elem);
const struct ex_type *ex_elem(const struct ex_type *t);
const char *ex_type_name(const struct ex_type *t);
bool ex_unknown(const struct ex_type *t);
bool ex_is_integer(const struct ex_checker *c, const struct ex_type *t);
bool ex_is_number(const struct ex_checker *c, const struct ex_type *t);
bool ex_is_list(const struct ex_type *t);
bool ex_is_map(const struct ex_type *t);
bool ex_assignable(const struct ex_type *from, const struct ex_type *to);
/* The methods of times and the like. */
const struct ex_sig *ex_method_sig(const struct ex_type *t, struct str name);
const struct ex_sig *ex_env_sig(struct str name); /* asInt ...; not sprig */

/* ---- rewriting ---- */

struct ex_node *ex_optimize(struct arena *a, const struct ex_node *root, enum expr_dialect d,
                            struct ex_error *ee);

/* ---- values private to expr ---- */

enum {
        EX_V_FUNC = VAL_T_FIRST_PRIVATE, /* VAL_OTHER: struct ex_func */
        EX_V_SPRIG,                      /* VAL_OTHER: the map of functions */
        EX_V_LOCATION,                   /* VAL_OTHER: struct val_zone */
        EX_V_PAIRS,                      /* VAL_LIST: [][2]interface{} */
        EX_V_PAIR,                       /* VAL_LIST: [2]interface{} */
        EX_V_ANYMAP,                     /* VAL_MAP */
        EX_V_GROUPS,                     /* VAL_MAP */
};
struct ex_eval;
typedef bool ex_fn(struct ex_eval *ev, const struct val *args, size_t n, struct val *out);
struct ex_func {
        const struct ex_sig *sig; /* NULL: of sprig */
        ex_fn *fn;
        const struct go_func *go;
        struct val receiver;
        bool method;
};

/* ---- evaluation ---- */

struct ex_scope { /* a predicate at work */
        struct val list;
        size_t index;
        struct val acc;
        struct ex_scope *outer;
};
struct ex_eval {
        struct go_env go;
        enum expr_dialect dialect;
        const struct ex_type **types;
        struct val env;
        struct val *vars;
        struct ex_scope *scope;
        size_t items;
        bool cut; /* a ?. found nil: nothing happens up to its EX_CHAIN */
        bool located;
        size_t at; /* where it failed */
};
bool ex_run(struct ex_eval *ev, const struct ex_node *n, struct val *out);
bool ex_run_bool(struct ex_eval *ev, const struct ex_node *n, bool *out);
bool ex_run_loop(struct ex_eval *ev, const struct ex_node *n, struct val *out);
bool ex_fail(struct ex_eval *ev, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool ex_items(struct ex_eval *ev, size_t n); /* n more list items */
const char *ex_val_type(struct val v);       /* Go's %T */

/* Operators. */
bool ex_equal(struct ex_eval *ev, struct val a, struct val b, unsigned depth);
bool ex_compare(struct ex_eval *ev, enum ex_op op, struct val a, struct val b, struct val *out);
bool ex_arithmetic(struct ex_eval *ev, enum ex_op op, struct val a, struct val b, struct val *out);
bool ex_contains(struct ex_eval *ev, struct val needle, struct val in, struct val *out);
bool ex_fetch(struct ex_eval *ev, struct val from, struct val key, struct val *out);
bool ex_slice(struct ex_eval *ev, struct val v, const struct val *from, const struct val *to,
              struct val *out);
bool ex_to_int(struct ex_eval *ev, struct val v, int64_t *out);
bool ex_is_nil(struct val v);
bool ex_is_num(struct val v);
double ex_num(struct val v);
bool ex_less(struct ex_eval *ev, struct val a, struct val b, bool *out);

/* Lists. */
bool ex_open_list(struct ex_eval *ev, struct val v, struct val_list **out);
struct val ex_list(struct ex_eval *ev, size_t n); /* VAL_NIL: failed */
/* In the order of `keys`, which is ordered too; unstable as Go's sort.Sort is. */
bool ex_sort(struct ex_eval *ev, struct val *items, struct val *keys, size_t n, bool descending);

/* The environment. */
bool ex_env_get(struct ex_eval *ev, struct str name, struct val *out);
bool ex_call_value(struct ex_eval *ev, struct val callee, const struct val *args, size_t n,
                   struct val *out);
bool ex_method_value(struct ex_eval *ev, struct val v, struct str name, struct val *out);
bool ex_sprig_get(struct ex_eval *ev, struct str name, struct val *out);
ex_fn ex_fn_jsonpath, ex_fn_toJson, ex_fn_int, ex_fn_float;

/* ---- builtins ---- */

enum ex_validate { /* how the original checks the arguments */
                   EX_BY_TYPES,
                   EX_PREDICATES, /* the loops of expr_loop.c */
                   EX_GET,
                   EX_LEN,
                   EX_ABS,
                   EX_ROUND,
                   EX_INT_FLOAT,
                   EX_AGGREGATE,
                   EX_NOW,
                   EX_DATE,
                   EX_FIRST,
                   EX_TAKE,
                   EX_OF_MAP,  /* keys, values, toPairs */
                   EX_OF_LIST, /* reverse, uniq, flatten */
                   EX_FROM_PAIRS,
                   EX_CONCAT,
                   EX_SORT_OLD, /* v1.15 */
                   EX_SORT_BY_OLD,
                   EX_SUM_OLD,
                   EX_MEAN_OLD,
};
struct ex_builtin {
        const char *name;
        enum ex_validate how;
        const char *types; /* "ss>s sas>s": alternatives, or the shape of a loop: "ep", "ep?e" */
        ex_fn *fn;
        enum ex_loop {
                EX_NO_LOOP,
                EX_ALL,
                EX_NONE,
                EX_ANY,
                EX_ONE,
                EX_FILTER,
                EX_MAP_LOOP,
                EX_COUNT,
                EX_SUM,
                EX_FIND,
                EX_FIND_INDEX,
                EX_FIND_LAST,
                EX_FIND_LAST_INDEX,
                EX_GROUP_BY,
                EX_SORT_BY,
                EX_REDUCE,
        } loop;
};
const struct ex_builtin *ex_builtin_find(enum expr_dialect d, struct str name);
#define EX_BUILTIN_FN(name)                                                         \
        bool ex_fn_##name(UNUSED struct ex_eval *ev, UNUSED const struct val *args, \
                          UNUSED size_t n, struct val *out)
ex_fn ex_fn_abs, ex_fn_bitand, ex_fn_bitnand, ex_fn_bitnot, ex_fn_bitor, ex_fn_bitshl, ex_fn_bitshr,
        ex_fn_bitushr, ex_fn_bitxor, ex_fn_ceil, ex_fn_concat, ex_fn_date, ex_fn_duration,
        ex_fn_first, ex_fn_flatten, ex_fn_floor, ex_fn_fromBase64, ex_fn_fromJSON, ex_fn_fromPairs,
        ex_fn_get, ex_fn_hasPrefix, ex_fn_hasSuffix, ex_fn_indexOf, ex_fn_join, ex_fn_keys,
        ex_fn_last, ex_fn_lastIndexOf, ex_fn_len, ex_fn_lower, ex_fn_max, ex_fn_mean, ex_fn_median,
        ex_fn_min, ex_fn_now, ex_fn_repeat, ex_fn_replace, ex_fn_reverse, ex_fn_round, ex_fn_sort,
        ex_fn_sort_by_old, ex_fn_sort_old, ex_fn_split, ex_fn_splitAfter, ex_fn_string,
        ex_fn_sum_old, ex_fn_take, ex_fn_timezone, ex_fn_toBase64, ex_fn_toJSON, ex_fn_toPairs,
        ex_fn_trim, ex_fn_trimPrefix, ex_fn_trimSuffix, ex_fn_type, ex_fn_uniq, ex_fn_upper,
        ex_fn_values;
