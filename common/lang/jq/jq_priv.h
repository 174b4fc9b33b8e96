/* common/lang/jq/jq_priv.h: programs as trees, and what a run is made of. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/lang/jq/jq_value.h"
#include "common/lang/limits.h"
#include <setjmp.h>

struct jv_mem {
        struct arena *arena;
        size_t steps;
        jmp_buf *exit;   /* memory or steps are used up */
        const char *why; /* static words */
};

enum jn_kind {
        J_IDENTITY,
        J_CONST,   /* value */
        J_PIPE,    /* a | b */
        J_COMMA,   /* a, b */
        J_ALT,     /* a // b */
        J_AND,     /* a and b */
        J_OR,      /* a or b */
        J_BINARY,  /* a op b */
        J_COMPARE, /* a op b */
        J_NEGATE,  /* -a */
        J_PLUS,    /* +a */
        J_ASSIGN,  /* a = b */
        J_MODIFY,  /* a |= b */
        J_UPDATE,  /* a op= b */
        J_INDEX,   /* a[b] */
        J_SLICE,   /* a[b:c], b and c may be NULL */
        J_ITERATE, /* a[] */
        J_TRY,     /* try a catch b, b may be NULL */
        J_IF,      /* if a then b else c end, c may be NULL */
        J_REDUCE,  /* reduce a as pattern (b; c) */
        J_FOREACH, /* foreach a as pattern (b; c; d), d may be NULL */
        J_LABEL,   /* label $name | a */
        J_BREAK,   /* break $name */
        J_BIND,    /* a as patterns | b */
        J_OBJECT,  /* entries */
        J_ARRAY,   /* [a], a may be NULL */
        J_CALL,    /* name(args) or $name, until it is resolved */
        J_DEF,     /* def; a */
        J_PATH,    /* path(a) */
        /* what J_CALL becomes */
        J_EMPTY,
        J_VARIABLE, /* distance */
        J_CLOSURE,  /* distance: a parameter of a function */
        J_FUNCTION, /* distance, args: a function of the program */
        J_BUILTIN,  /* def, args: one of the prelude */
        J_NATIVE,   /* native, args */
        J_RANGE,    /* args: from, to, step */
        J_LAST,     /* last(a) */
};
enum { OP_ALT = JV_MOD + 1 }; /* of J_UPDATE, beside enum jv_op */
enum cmp_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

struct jn;
struct jpattern {
        enum { PAT_VARIABLE, PAT_ARRAY, PAT_OBJECT } kind;
        struct str name; /* PAT_VARIABLE, with the $ */
        size_t slot;
        struct jpattern *items; /* of an array or object, linked by next */
        /* as a member of an object */
        struct jn *key;                /* constant or expression */
        struct jpattern *key_variable; /* {$a: ...}: also binds $a */
        struct jpattern *value;        /* NULL: {$a} */
        struct jpattern *next;
};
struct jbind { /* the patterns of one `as`, alternatives by next */
        struct jpattern *patterns;
        size_t n_names;
        struct str *names; /* each slot's */
};
struct jentry {                 /* of an object: constant or computed key */
        struct jn *key, *value; /* value NULL: looked up in the input */
        struct jentry *next;
};
struct jdef {
        struct str name;
        size_t n_args;
        struct str *args; /* "f" or "$x" */
        struct jn *body;
        bool resolved; /* of the prelude: on its first use */
        struct jdef *next;
};
struct native;
struct jn {
        uint8_t kind, op;
        bool grouped; /* stood in ( ) */
        uint32_t at;  /* offset in the text */
        struct jn *a, *b, *c, *d;
        struct jv value;
        struct str name;
        struct jn **args;
        size_t n_args, distance;
        struct jbind *bind;
        struct jentry *entries;
        struct jdef *def;
        const struct native *native;
};
struct jq {
        struct arena arena;
        struct jn *root;
        struct jdef *prelude;
};

struct jq_compile {
        struct arena *arena;
        struct jv_mem mem;
        struct str text;
        size_t pos;
        int depth;
        struct jdef *prelude;
        size_t *at;
        struct err *e;
};
int jq_refuse(struct jq_compile *c, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct jn *jq_node(struct jq_compile *c, enum jn_kind kind);
/* NULL: refused. */
struct jn *jq_parse(struct jq_compile *c);
struct jdef *jq_parse_prelude(struct jq_compile *c);
int jq_resolve(struct jq_compile *c, struct jn *root);
extern const char jq_prelude[];

/* ---- runs ---- */

struct jpath { /* how a value was reached, from its end */
        struct jv key, value;
        const struct jpath *up; /* NULL: the root, which has no key */
};
enum fault { FAULT_NONE, FAULT_ERROR, FAULT_BREAK, FAULT_HALT };
struct jq_run {
        struct jv_mem mem;
        struct arena arena;
        struct clock *clock;
        enum fault fault;
        struct jv fault_value;    /* what catch sees; of a break: the label */
        bool fault_is_value;      /* raised by error(): the words are "error: <value>" */
        struct jq_regex *regexes; /* compiled in this run */
        const struct jdef *prelude;
};
/* false, with the fault set. */
bool jq_fail(struct jq_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str jq_shown(struct jq_run *r, struct jv v); /* "number (5)" */
#define SHOWN(s) (int)(s).n, (s).p

typedef bool native_fn(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out);
struct native {
        const char *name;
        unsigned char n_args;
        native_fn *fn;
};
const struct native *jq_native(struct str name, size_t n_args);
void jq_native_each(void (*fn)(void *arg, const char *name, size_t n_args), void *arg);
/* What natives say when they do not fit. */
bool jq_unfit0(struct jq_run *r, const char *name, struct jv v);
bool jq_unfit1(struct jq_run *r, const char *name, struct jv v, struct jv w);
bool jq_failed0(struct jq_run *r, const char *name, struct jv v, const char *why);
bool jq_failed1(struct jq_run *r, const char *name, struct jv v, struct jv w, const char *why);
/* Tables of natives, ended by a NULL name. */
extern const struct native jq_text_natives[], jq_list_natives[], jq_math_natives[],
        jq_time_natives[], jq_regex_natives[];
native_fn jq_tostring;
struct jv jq_explode(struct jv_mem *m, struct str s);
void jq_regexes_free(struct jq_run *r);

/* ---- paths ---- */
bool jq_index(struct jq_run *r, struct jv v, struct jv key, struct jv *out);
bool jq_slice(struct jq_run *r, struct jv v, struct jv from, struct jv to, struct jv *out);
bool jq_setpath(struct jq_run *r, struct jv v, struct jv path, struct jv n, struct jv *out);
bool jq_getpath(struct jq_run *r, struct jv v, struct jv path, struct jv *out);
bool jq_delpaths(struct jq_run *r, struct jv v, struct jv paths, struct jv *out);
bool jq_binary(struct jq_run *r, enum jv_op op, struct jv a, struct jv b, struct jv *out);
