/* common/yaml/yaml_priv.h: what the files of this folder share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include <yaml.h>

enum {
        YAML_TEXT_MAX = 16 << 20,
        YAML_DOCS_MAX = 64,
        YAML_DEPTH_MAX = 64,
        YAML_NODES_MAX = 100000,
        YAML_BYTES_MAX = 64 << 20, /* of keys and strings after alias expansion */
};

/* ---- scalar.c: which value a scalar denotes ---- */

enum scalar_tag {
        TAG_NONE,
        TAG_STR,
        TAG_BOOL,
        TAG_INT,
        TAG_FLOAT,
        TAG_NULL,
        TAG_BINARY,
        TAG_OTHER
};
enum scalar_tag scalar_tag_of(const char *tag); /* a full tag URI, NULL: none */
/* A new reference, or NULL: *why then says what is wrong with it ("expected a number behind
 * !!int"). */
json_t *scalar_resolve(const char *text, size_t n, enum scalar_tag tag,
                       const char **why) MUST_CHECK;
/* A JSON number for a double: whole ones become integers where they fit. NULL where JSON has none.
 */
json_t *scalar_of_double(double d) MUST_CHECK;
/* Would this text, written without quotes, be read back as a string? By these rules and by those of
 * other readers. */
bool scalar_reads_as_text(const char *text, size_t n);

/* ---- a text under work ---- */

struct yaml_text {
        const char *file, *p;
        size_t n;
};
struct str yaml_text_line(const struct yaml_text *t, unsigned line); /* from 1; without its break */
void yaml_text_place(const struct yaml_text *t, size_t offset, unsigned *line, unsigned *col);

/* ---- problem.c: libyaml's complaints in our words, with a hint ---- */

/* `first_line` is the line of the text where this parser began, counted from 0. */
void yaml_report_syntax(const struct yaml_text *t, const yaml_parser_t *p, unsigned first_line,
                        struct diags *d);

/* ---- compose.c: events to trees ---- */

struct yaml_budget { /* of a whole text */
        size_t nodes, bytes;
};
enum compose_result {
        COMPOSE_OK,
        COMPOSE_SYNTAX, /* not reported yet; the parser holds the problem */
        COMPOSE_LIMIT,  /* reported; the rest of the text is not looked at */
};
/* Behind a document start event: read one document up to its end event. *root may be a null.
 * Nothing is made unless OK. */
enum compose_result yaml_compose(const struct yaml_text *t, yaml_parser_t *p, unsigned first_line,
                                 struct yaml_budget *budget, struct diags *d, json_t **root,
                                 struct marks *marks) MUST_CHECK;
