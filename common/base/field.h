/* common/base/field.h: field tables: one table parses, defaults, checks and documents a config
 * struct.
 *
 *      static const struct field webhook_fields[] = {
 *              FIELD(struct webhook_cfg, endpoint, FIELD_STR, .flags = FIELD_REQUIRED, .help =
 * "path, begins with /"), FIELD(struct webhook_cfg, max_payload, FIELD_INT, .name =
 * "maxPayloadSize", .def = "1048576"), FIELD_END };
 *
 * fields_load() fills a zeroed struct from a json_t object and collects every problem in diags.
 * Unknown fields are warnings with a near match (errors when `strict`). Names are case-sensitive as
 * in a cluster; a name that differs in case only is reported as unknown with the right spelling as
 * hint. A field of kind FIELD_LATER is refused with "not supported yet: field x" (never ignored);
 * FIELD_NO_EFFECT is accepted and named by lint as having no effect. Strings are heap, owned by the
 * struct; json_t members hold a reference. fields_free() releases all of it. Threads: any; a loaded
 * struct is read-only. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
        FIELD_STR,      /* char *; JSON string only */
        FIELD_BOOL,     /* bool */
        FIELD_INT,      /* int64_t */
        FIELD_DOUBLE,   /* double; any JSON number */
        FIELD_DURATION, /* int64_t nanoseconds; Go duration string, or an integer in units of
                           .unit_ns (default ns) */
        FIELD_ANYSTR,   /* char *; string, number or boolean, as text (Argo's AnyString) */
        FIELD_INTSTR,   /* char *; integer or string, as text (IntOrString) */
        FIELD_ENUM,     /* int: index into .choices */
        FIELD_JSON,     /* json_t *; anything, a reference */
        FIELD_OBJ,      /* struct embedded at the offset; .sub */
        FIELD_OBJ_PTR,  /* struct pointer, NULL when absent; .sub, .sub_size */
        FIELD_LIST,     /* struct field_list of structs; .sub, .sub_size */
        FIELD_STRS,     /* struct field_strs; list of strings (AnyString texts when .flags has
                           FIELD_ANY_ITEMS) */
        FIELD_MAP,      /* struct field_map; string -> string, in file order */
        FIELD_NAMED, /* struct field_list of structs whose FIRST member is `char *name`: a map name
                        -> struct */
        FIELD_LATER, /* known, not supported yet: an error that names it */
        FIELD_NO_EFFECT, /* known, accepted, has no effect here: lint says so */
};
enum field_flags {
        FIELD_REQUIRED = 1,
        FIELD_NONEMPTY = 2, /* string or list must not be empty */
        FIELD_ANY_ITEMS = 4,
        FIELD_DEPRECATED = 8, /* works, warned about */
        FIELD_SECRET = 16,    /* never printed back */
};
struct field_list {
        void *items; /* n structs of sub_size */
        size_t n;
};
struct field_strs {
        char **items;
        size_t n;
};
struct field_map {
        struct field_pair {
                char *key, *value;
        } * items;
        size_t n;
};
struct field {
        const char *name; /* YAML key; NULL ends the table */
        enum field_kind kind;
        unsigned flags;
        size_t offset;
        const char *def;         /* default as text, NULL = zero */
        const char *help;        /* one sentence for the generated docs */
        const struct field *sub; /* OBJ, OBJ_PTR, LIST, NAMED */
        size_t sub_size;
        const char *const *choices; /* ENUM: NULL-terminated names */
        int64_t unit_ns;            /* DURATION: unit of bare integers */
        int64_t min, max;           /* INT: range when max > min */
};
#define FIELD(type, member, kind_, ...)                                                         \
        {                                                                                       \
                .name = #member, .kind = (kind_), .offset = offsetof(type, member), __VA_ARGS__ \
        }
#define FIELD_END            \
        {                    \
                .name = NULL \
        }
#define field_items(list, type) ((type *)(list).items)

struct field_opts {
        bool strict;      /* unknown fields are errors */
        bool allow_later; /* FIELD_LATER only warns (lint of files for a cluster) */
        /* Numbers and booleans become text in string fields, with a warning: `argo` and its server
         * read workflows so (an unquoted task name y is "true"); kubectl and Argo Events refuse
         * them, which is the default. */
        bool text_scalars;
};
/* `out` must be zeroed and is always safe to fields_free(). Returns 0 when no error was added
 * (warnings are fine). */
int fields_load(void *out, const struct field *table, const json_t *obj, const struct jpath *at,
                const struct field_opts *opts, struct diags *d) MUST_CHECK;
void fields_free(void *obj, const struct field *table);
/* Markdown table rows for the generated reference: field, type, default, what. */
void fields_put_doc(struct buf *b, const struct field *table, const char *prefix);
const char *field_map_get(const struct field_map *m, const char *key); /* NULL when absent */

/* Shared by many tables: {name, key, optional} of a Secret or ConfigMap. */
struct key_ref {
        char *name, *key;
        bool optional;
};
extern const struct field key_ref_fields[];
