/* common/lang/jq/jq_value.h: the values jq programs compute with. All are immutable and live in the
 * arena of a run (or of the program: constants). Objects are balanced trees, so that setting a key
 * shares all but one way to it; arrays share their items with what was appended to them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/jq.h"
#include <stdbool.h>
#include <stdint.h>

enum jv_kind {
        JV_NULL,
        JV_FALSE,
        JV_TRUE,
        JV_INT,
        JV_FLOAT,
        JV_BIG,  /* decimal text of an integer beyond int64 */
        JV_TEXT, /* a number of fromjson, as it was written */
        JV_STR,
        JV_ARRAY,
        JV_OBJECT,
        JV_HOLE, /* a place that delpaths empties */
};
struct jv_array;
struct jv_node;
struct jv {
        enum jv_kind kind;
        union {
                int64_t i;
                double f;
                struct str s; /* BIG, TEXT, STR */
                const struct jv_array *a;
                const struct jv_node *o; /* root; NULL: {} */
        };
};
struct jv_store { /* items that arrays share; those behind `used` are free */
        struct jv *items;
        size_t used, cap;
};
struct jv_array {
        struct jv_store *store;
        struct jv *items;
        size_t n;
        int depth; /* of nesting */
};
struct jv_node {
        struct str key;
        struct jv value;
        const struct jv_node *left, *right;
        size_t size;
        int height, depth;
};
enum { JV_MAX_DEPTH = 2000 }; /* of what a program builds */

/* Memory of a run: a failed allocation leaves by longjmp, so that values need no checks. */
struct jv_mem;
void *jv_alloc(struct jv_mem *m, size_t n);
void jv_charge(struct jv_mem *m, size_t steps);
void jv_too_deep(struct jv_mem *m);

static inline struct jv jv_null(void)
{
        return (struct jv){.kind = JV_NULL};
}
static inline struct jv jv_bool(bool b)
{
        return (struct jv){.kind = b ? JV_TRUE : JV_FALSE};
}
static inline struct jv jv_int(int64_t i)
{
        return (struct jv){.kind = JV_INT, .i = i};
}
static inline struct jv jv_float(double f)
{
        return (struct jv){.kind = JV_FLOAT, .f = f};
}
static inline struct jv jv_str(struct str s) /* borrows */
{
        return (struct jv){.kind = JV_STR, .s = s};
}
static inline bool jv_is_number(struct jv v)
{
        return v.kind >= JV_INT && v.kind <= JV_TEXT;
}
static inline bool jv_truthy(struct jv v)
{
        return v.kind != JV_NULL && v.kind != JV_FALSE;
}
struct str jv_text(struct jv_mem *m, const char *p, size_t n); /* a copy */

struct jv jv_array_new(struct jv_mem *m, size_t cap);
struct jv jv_append(struct jv_mem *m, struct jv array, struct jv v); /* in place where it can */
struct jv jv_slice(struct jv_mem *m, struct jv array, size_t from, size_t to);
static inline size_t jv_len(struct jv array)
{
        return array.a->n;
}
static inline struct jv jv_at(struct jv array, size_t i)
{
        return array.a->items[i];
}
struct jv jv_object(void);
size_t jv_size(struct jv object);
const struct jv *jv_get(struct jv object, struct str key); /* NULL: absent */
struct jv jv_set(struct jv_mem *m, struct jv object, struct str key, struct jv v);
struct jv jv_unset(struct jv_mem *m, struct jv object, struct str key);
/* In the order of the keys: items of an array whose elements are [node]. */
void jv_each(struct jv object, void (*fn)(void *arg, struct str key, struct jv v), void *arg);
struct jv jv_keys(struct jv_mem *m, struct jv object);
struct jv jv_values(struct jv_mem *m, struct jv container); /* of an array: itself */

const char *jv_type(struct jv v); /* "number" */
int jv_compare(struct jv_mem *m, struct jv a, struct jv b);
int str_order(struct str a, struct str b);

/* ---- numbers ---- */
struct jv jv_number(struct jv_mem *m, struct str text); /* as a program's or fromjson's */
struct jv jv_plain(struct jv_mem *m, struct jv v);      /* a JV_TEXT as INT, FLOAT or BIG */
bool jv_to_double(struct jv_mem *m, struct jv v, double *out);
bool jv_to_int(struct jv_mem *m, struct jv v, int64_t *out); /* clamped */
enum jv_op { JV_ADD, JV_SUB, JV_MUL, JV_DIV, JV_MOD };
/* Numbers only. False: division by zero. */
bool jv_arith(struct jv_mem *m, enum jv_op op, struct jv a, struct jv b, struct jv *out);
struct jv jv_negate(struct jv_mem *m, struct jv v);
struct jv jv_abs(struct jv_mem *m, struct jv v);
int jv_number_order(struct jv_mem *m, struct jv a, struct jv b);

/* ---- texts ---- */
struct str jv_json(struct jv_mem *m, struct jv v);    /* gojq's JSON */
struct str jv_preview(struct jv_mem *m, struct jv v); /* at most 30 bytes of it */
size_t utf8_count(struct str s);                      /* code points */
size_t utf8_offset(struct str s, size_t points);      /* byte offset of the n-th */
/* JSON text. Numbers become doubles, or stay as written. False: *why. */
bool jv_parse(struct jv_mem *m, struct str text, bool keep_numbers, struct jv *out,
              const char **why);
