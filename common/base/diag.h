/* common/base/diag.h: problems found in users' files, all of a file in one run, each with a place.
 *
 * Validators work on json_t trees and name the place by path
 * ("spec.triggers[0].template.http.url"). Where the tree came from a file, its marks translate the
 * path to file:line:col. The path of the node under work is a chain on the stack, so naming it
 * costs nothing until something is wrong:
 *
 *      struct jpath here = jpath_key(up, "url");
 *      diag_error(d, &here, "E012", "https://...", "expected a string, found %s",
 * json_kind_name(v));
 *
 * Codes are stable ("E012" errors, "W003" warnings), listed in diag_codes.def with the text of
 * --explain. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include <jansson.h>
#include <stdbool.h>

struct jpath {
        const struct jpath *up; /* NULL at the root */
        const char *key;        /* NULL: a list index */
        size_t index;
};
static inline struct jpath jpath_key(const struct jpath *up, const char *key)
{
        return (struct jpath){up, key, 0};
}
static inline struct jpath jpath_index(const struct jpath *up, size_t index)
{
        return (struct jpath){up, NULL, index};
}
void jpath_put(struct buf *b,
               const struct jpath *p); /* a.b[2].c; keys that need it as ["a.b"]; the root is "" */

/* Where the nodes of one document stand. Lines and columns count from 1, columns in characters. */
struct mark {
        unsigned line, col;         /* of the value */
        unsigned key_line, key_col; /* of its key, 0 for list items and the root */
};
struct marks; /* path -> mark; made by the YAML loader; read by any thread once built */
struct marks *marks_new(const char *file); /* file name is copied */
struct marks *marks_free(struct marks *m);
AUTO_DEFINE(marks_free, struct marks *);
void marks_set(struct marks *m, const char *path, struct mark at);
/* For loaders, without building paths: the node `key` (or item `index` when key is NULL) below node
 * `parent`, as an id. The root is MARKS_ROOT and exists from the start; marks_put() sets the mark
 * of an id. */
enum { MARKS_ROOT = 0 };
size_t marks_child(struct marks *m, size_t parent, const char *key, size_t index);
void marks_put(struct marks *m, size_t id, struct mark at);
struct mark marks_at(const struct marks *m, size_t id); /* zeros when it was never put */
/* The mark of the path, else of its nearest parent; *exact says which. False when there is none at
 * all. */
bool marks_find(const struct marks *m, const char *path, struct mark *out, bool *exact);
const char *marks_file(const struct marks *m);

enum severity {
        SEV_ERROR,
        SEV_WARNING,
        SEV_INFO,
        SEV_UNSUPPORTED, /* the file is right (Argo takes it); this version cannot run it: refused
                            at submit, no fault of the file */
};
struct diag {
        enum severity severity;
        char *code, *path, *msg, *hint; /* hint may be NULL */
        char *file;                     /* the file, else the prefix of the diags, else NULL */
        struct mark at;                 /* zeros when unknown */
        bool at_key;                    /* the place is the key (unknown field) */
};
struct diags {
        struct diag *items;
        size_t n, cap;
        size_t errors, warnings, unsupported;
        const struct marks *marks; /* borrowed; of the document under work, may be NULL */
        const char *source; /* borrowed: the text of that document's file, may be NULL; with it,
                               places inside of long texts are found */
        const char *prefix; /* borrowed; what to name when there is no file ("Sensor default/x"),
                               may be NULL */
        size_t max;         /* keep this many, count the rest; default 200 */
};
void diags_init(struct diags *d);
void diags_deinit(struct diags *d);
static inline UNUSED void auto_diags_deinit(struct diags *d)
{
        diags_deinit(d);
}
#define AUTO_DIAGS __attribute__((cleanup(auto_diags_deinit)))

void diag_error(struct diags *d, const struct jpath *at, const char *code, const char *hint,
                const char *fmt, ...) PRINTF_LIKE(5, 6);
void diag_warn(struct diags *d, const struct jpath *at, const char *code, const char *hint,
               const char *fmt, ...) PRINTF_LIKE(5, 6);
/* "not supported yet: ...", at the key. Code E007. */
void diag_unsupported(struct diags *d, const struct jpath *at, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
/* What must not be submitted: errors and what is not supported. */
static inline size_t diags_refused(const struct diags *d)
{
        return d->errors + d->unsupported;
}
/* At the key of the node rather than at its value: unknown and duplicate fields. */
void diag_at_key(struct diags *d, enum severity s, const struct jpath *at, const char *code,
                 const char *hint, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* At a part of the string value at `at`: `part` lies within `text`, the value as it was read. Shown
 * where the part stands in the file, also in a block scalar; needs diags.source. */
void diag_in_text(struct diags *d, enum severity s, const struct jpath *at, const char *text,
                  struct str part, const char *code, const char *hint, const char *fmt, ...)
        PRINTF_LIKE(8, 9);
/* At a place of a file that did not become a tree (syntax errors). */
void diag_at_place(struct diags *d, enum severity s, const char *file, unsigned line, unsigned col,
                   const char *code, const char *hint, const char *fmt, ...) PRINTF_LIKE(8, 9);

/* Append all of `from`, which is empty afterwards. */
void diags_move(struct diags *to, struct diags *from);

/* One line: "sensor.yaml:14:7: error: spec.triggers[0].http.url: expected a string, found a list
 * (hint: ...) [E003]". */
void diag_put_line(struct buf *b, const struct diag *d);
/* The rustc-like form with the source line and a caret; `source` is the file's text or NULL. */
void diag_put_pretty(struct buf *b, const struct diag *d, const char *source, bool colour);
/* The first error (or what is not supported) as words for an err slot, with "(and N more)" behind
 * it. Returns -1; 0 when there is none. */
int diags_err(const struct diags *d, struct err *e);
/* The list of codes, for `lint --explain` and the generated docs. NULL when there is no such code.
 */
struct diag_code {
        const char *code;
        enum severity severity; /* what it usually is */
        const char *title, *explanation;
};
const struct diag_code *diag_code_find(const char *code);
const struct diag_code *diag_codes(size_t *n);
const char *severity_name(enum severity s); /* "error", "warning", "info", "unsupported" */
const char *json_kind_name(
        const json_t *j); /* "a string", "a list", "a map", "a number", "a boolean", "null" */
