/* common/lang/tag.h: the {{...}} tags of Argo Workflows, substituted into trees.
 *
 * Values are set as strings of the tree, never spliced into JSON text, so any value is safe. One
 * pass: what a value holds is not evaluated again. Rules (Argo v4.1 util/template,
 * conformance/lang/template.jsonl):
 *   {{ name }}    the name is trimmed of spaces and looked up; unknown names stay as they are,
 * unless strict
 *   {{a.{{b}}}}   an inner known tag is resolved first, the composed name is looked up once more
 *   {{=expr}}     an expression up to the first "}}", handed to the caller's `expr` (tagexpr.h);
 * without one it is refused as not supported yet
 *   {{ without an end is plain text, unless `closed`
 * Limits: the output of one string is bounded by TAG_MAX_BYTES, trees by TAG_MAX_DEPTH. Threads:
 * any; pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include <jansson.h>
#include <stdbool.h>

enum { TAG_MAX_BYTES = 16 << 20, TAG_MAX_DEPTH = 64 };

enum tag_found {
        TAG_UNKNOWN, /* no such name (yet): the tag stays */
        TAG_VALUE,   /* appended to the buffer */
        TAG_ABSENT,  /* the name is known and has no value: an error */
        TAG_MISSING, /* must be known and is not: an error whatever `strict` says */
};
/* Appends the value of `name` to out. */
typedef enum tag_found tag_lookup_fn(void *arg, struct str name, struct buf *out);
/* Evaluates the text between "{{=" and "}}". *keep: the tag stays as it is (a variable is not there
 * yet). */
typedef int tag_expr_fn(void *arg, struct str expression, struct buf *out, bool *keep,
                        struct err *e);

struct tag_opts {
        tag_lookup_fn *lookup;
        tag_expr_fn *expr; /* NULL: {{=...}} is UNSUPPORTED */
        void *arg;
        bool strict;    /* unknown names are NOT_FOUND */
        bool keep_expr; /* {{=...}} stays untouched whatever it holds */
        bool once;      /* a composed name stays for the next pass, as in one pass of Argo */
        bool closed;    /* {{ without an end is INVALID */
};

/* Is there any tag at all? (Cheap: most strings have none.) */
bool tag_any(const char *text, size_t n);
/* Substitute into text. NOT_FOUND "failed to resolve {{x}}" | INVALID "... absent optional" |
 * UNSUPPORTED | LIMIT. */
int tag_text(struct buf *out, const char *text, size_t n, const struct tag_opts *o,
             struct err *e) MUST_CHECK;
/* The same for one C string; heap result. */
int tag_string(char **out, const char *text, const struct tag_opts *o, struct err *e) MUST_CHECK;
/* Every string and key of the tree; a new reference. Parts without tags are shared with the input:
 * treat both as read-only. */
int tag_tree(json_t **out, json_t *tree, const struct tag_opts *o, struct err *e) MUST_CHECK;
bool tag_any_in_tree(const json_t *tree);

/* Calls `each` for every tag of the text: the whole tag and its innermost name (the same but for
 * nested ones), both trimmed; expressions keep their "=". */
typedef void tag_each_fn(void *arg, struct str tag, struct str inner, bool is_expr);
void tag_each(const char *text, size_t n, tag_each_fn *each, void *arg);
