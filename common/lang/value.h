/* common/lang/value.h: the values that Go templates, govaluate and expr compute with.
 *
 * A struct val is 24 bytes and is copied freely; lists, maps and texts it points to live in the
 * arena of the evaluation or in the caller's data, which must outlive it. A JSON document is
 * wrapped without parsing it: a map or list made from raw text or from a json_t is opened one level
 * at a time, when it is first looked into (so lookups in a large event touch only the way to the
 * value). Opened maps keep their identity: a template that sets a key sees it later. Maps have no
 * order; whoever prints them sorts. Duplicate keys in JSON text: the last one counts, as in Go.
 * Threads: a value belongs to one evaluation. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum val_kind {
        VAL_MISSING, /* no value at all (an absent variable); zero, so that {0} is it */
        VAL_NIL,
        VAL_BOOL,
        VAL_INT,
        VAL_FLOAT,
        VAL_STR,
        VAL_LIST,
        VAL_MAP,
        VAL_TIME,     /* an instant with a zone */
        VAL_DURATION, /* nanoseconds in .i */
        VAL_OTHER,    /* private to one language: functions, regexes; see .type */
};
/* The Go type behind a kind, where it shows (printf %T, typeOf, kindOf, comparison of signed with
 * unsigned). 0 is the usual one: int, float64, string, bool, []interface {}, map[string]interface
 * {}. */
enum val_type {
        VAL_T_USUAL,
        VAL_T_INT64,
        VAL_T_INT32, /* rune */
        VAL_T_UINT8, /* byte */
        VAL_T_UINT32,
        VAL_T_UINT64,
        VAL_T_STRINGS, /* []string */
        VAL_T_INTS,    /* []int */
        VAL_T_LISTS,   /* [][]interface {} */
        VAL_T_BYTES,   /* []byte, kept as a VAL_STR */
        VAL_T_STRMAP,  /* map[string]string */
        VAL_T_MONTH,
        VAL_T_WEEKDAY,
        VAL_T_ERROR,  /* an error value: VAL_STR with the message */
        VAL_T_SEMVER, /* VAL_OTHER: *semver.Version */
        VAL_T_CERT,   /* VAL_OTHER: a certificate and its key */
        VAL_T_FIRST_PRIVATE = 64,
};
enum val_numbers {                     /* how JSON numbers become values */
                   VAL_FLOATS,         /* all float64: Argo Events, Go templates, govaluate */
                   VAL_INTS_AND_FLOATS /* without fraction and exponent: int; expr in workflows */
};

enum { VAL_X_NIL = 1 }; /* a nil slice or map: prints as empty, is null in JSON */

struct val_list;
struct val_map;
struct val_time;
struct val {
        uint8_t kind;   /* enum val_kind */
        uint8_t type;   /* enum val_type */
        uint32_t extra; /* VAL_X_ flags */
        union {
                bool b;
                int64_t i; /* also uint64 bits when type says so */
                double f;
                struct str s;
                struct val_list *list;
                struct val_map *map;
                const struct val_time *time;
                const void *other;
        };
};
struct val_list {
        struct val *items;
        size_t n;
        struct str raw;     /* not yet opened: JSON text */
        const json_t *tree; /* not yet opened: tree */
        uint8_t numbers;
};
struct val_entry {
        struct val key; /* VAL_STR, except for maps of expr */
        struct val value;
};
struct val_map {
        struct val_entry *entries;
        size_t n, cap;
        bool sorted;
        struct str raw;
        const json_t *tree;
        uint8_t numbers;
};
struct val_zone;
struct val_time {
        int64_t sec; /* since 1970 UTC */
        int32_t nsec;
        const struct val_zone *zone; /* NULL: UTC */
};

static inline struct val val_nil(void)
{
        return (struct val){.kind = VAL_NIL};
}
static inline struct val val_bool(bool b)
{
        return (struct val){.kind = VAL_BOOL, .b = b};
}
static inline struct val val_int(int64_t i)
{
        return (struct val){.kind = VAL_INT, .i = i};
}
static inline struct val val_float(double f)
{
        return (struct val){.kind = VAL_FLOAT, .f = f};
}
static inline struct val val_str(struct str s) /* borrows the bytes */
{
        return (struct val){.kind = VAL_STR, .s = s};
}
static inline struct val val_text(const char *s)
{
        return val_str(str_of(s));
}

/* Wrap JSON. Raw text must be well-formed (json_scan); what is not becomes nil where it is met. The
 * text or tree is borrowed for as long as the value is used. All return VAL_NIL when the arena is
 * full; arena_full() tells. */
struct val val_from_json(struct arena *a, struct str text, enum val_numbers numbers);
struct val val_from_tree(struct arena *a, const json_t *tree, enum val_numbers numbers);

/* New containers. val_map_set and val_list_add return false when the arena is full. */
struct val val_map_new(struct arena *a, size_t expected);
struct val val_list_new(struct arena *a, size_t n); /* n nil items */
bool val_map_set(struct arena *a, struct val map, struct val key, struct val value);
bool val_map_put(struct arena *a, struct val map, const char *key,
                 struct val value); /* key is borrowed */
void val_map_unset(struct val map, struct val key);
/* Look into containers; opening is done on demand, so the arena is needed. VAL_MISSING when absent.
 */
struct val val_get(struct arena *a, struct val map, struct str key);
struct val val_get_key(struct arena *a, struct val map, struct val key);
struct val val_at(struct arena *a, struct val list, size_t i);
size_t val_len(struct arena *a, struct val container);
bool val_open(struct arena *a, struct val container);  /* one level; false when the arena is full */
bool val_open_sorted(struct arena *a, struct val map); /* the same, entries in key order */
/* As a json_t tree (new reference), NULL when a part has no JSON form. */
json_t *val_to_tree(struct arena *a, struct val v);
