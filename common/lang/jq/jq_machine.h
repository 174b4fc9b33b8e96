/* common/lang/jq/jq_machine.h: the parts of the machine of jq_run.c. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/lang/jq/jq_priv.h"

struct item { /* a value, and how it was reached (NULL: nobody asks) */
        struct jv v;
        const struct jpath *p;
};
struct cell { /* one binding of the environment */
        const struct cell *up;
        struct jv v;             /* a variable; the number of a label */
        const struct jn *body;   /* a parameter: what was passed, */
        const struct cell *home; /* and where */
        const struct jdef *def;
};
struct state { /* what a loop or an assignment changes */
        struct jv v, holes;
};
struct arg {
        struct jv v;
        struct arg *next;
};
enum kont_kind {
        K_PIPE,
        K_ALTERNATIVE,
        K_LOGIC_LEFT,
        K_LOGIC_RIGHT,
        K_RIGHT, /* of an operator: comes first */
        K_LEFT,
        K_SIGN,
        K_ASSIGN_VALUE,
        K_ASSIGN_PATH,
        K_MODIFY_PATH,
        K_MODIFY_SET,
        K_KEY,
        K_INDEX,
        K_SLICE_FROM,
        K_SLICE_TO,
        K_SLICE,
        K_ITERATE,
        K_TRY_END,
        K_IF,
        K_LOOP_START,
        K_LOOP_ITEM,
        K_LOOP_UPDATE,
        K_BIND,
        K_PATTERN_KEY,
        K_OBJECT_KEY,
        K_OBJECT_VALUE,
        K_COLLECT,
        K_LAST,
        K_PATH_END,
        K_ARGUMENT,
        K_PARAMETER
};
struct kont { /* who waits for a value */
        enum kont_kind kind;
        const struct jn *n;
        const struct cell *env;
        struct item in; /* the input of n */
        struct jv x, y;
        void *ptr;
        size_t i;
        struct kont *next; /* NULL: the output of the program */
};
enum choice_kind {
        CH_EVAL,          /* the right side of a comma */
        CH_ITERATE,       /* the next item */
        CH_RANGE,         /* the next number */
        CH_COLLECTED,     /* the array is complete */
        CH_REDUCED,       /* the loop is over */
        CH_LAST,          /* the last value was the last */
        CH_ALTERNATIVE,   /* nothing came from the left of // */
        CH_UPDATED,       /* all places are assigned */
        CH_NOTHING_CAME,  /* this place goes away */
        CH_TRY,           /* catches errors */
        CH_TRY_END,       /* what is above came after the try */
        CH_LABEL,         /* catches its break */
        CH_OTHER_PATTERN, /* ?// catches everything */
};
struct choice {
        enum choice_kind kind;
        const struct jn *n;
        const struct cell *env;
        struct item in;
        struct kont *k;
        struct jv x, y, z;
        void *ptr;
        size_t i;
};
struct machine {
        struct jq_run r;
        enum { EVAL, RETURN, BACK, FAULT } mode;
        const struct jn *n;
        const struct cell *env;
        struct item it;
        struct kont *k;
        struct choice *choices;
        size_t n_choices, choices_cap;
        int64_t labels;
        bool stopped;
        jq_output_fn *output;
        void *output_arg;
};

void eval(struct machine *x, const struct jn *n, const struct cell *env, struct item it,
          struct kont *k);
void give(struct machine *x, struct jv v, const struct jpath *p, struct kont *k);
struct kont *kont_new(struct machine *x, enum kont_kind kind, struct kont *next);
struct choice *choice_new(struct machine *x, enum choice_kind kind);
struct state *state_new(struct machine *x, struct jv v);
const struct cell *with_value(struct machine *x, const struct cell *up, struct jv v);
struct item path_root(struct machine *x, struct jv v);
const struct jpath *path_step(struct machine *x, const struct jpath *up, struct jv key,
                              struct jv value);
bool path_intact(struct item it);
bool path_array(struct machine *x, struct item it, struct jv *out);
bool jv_is_finite(struct jv v);

/* jq_bind.c: patterns. bind_start takes the value that k (K_BIND, K_LOOP_ITEM) waited for. */
void bind_start(struct machine *x, struct kont *k, struct jv value, const struct jpath *p);
void bind_on_key(struct machine *x, struct kont *k);
void bind_other(struct machine *x, const struct choice *c);
/* jq_bind.c: {...}, entry by entry. */
void object_next(struct machine *x, const struct jentry *e, const struct cell *env, struct item in,
                 void *pairs, struct kont *k, const struct jn *n);
void object_on(struct machine *x, struct kont *k);
