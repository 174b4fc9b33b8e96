/* common/yaml/yaml.h: YAML files as json_t trees with a mark (file:line:col) per node.
 *
 * libyaml events, our composer: several documents, anchors and merge keys with a budget, Go-YAML scalar rules (YAML 1.1
 * booleans y/yes/on..., 0o14 and 0x1f and 1_000 numbers, timestamps stay strings, .inf refused), duplicate keys refused,
 * no custom tags. Limits: 100,000 nodes after alias expansion, depth 64, 64 documents, 16 MiB of text. JSON is YAML.
 * All syntax problems of a text are collected; documents before a broken one are still returned.
 * Source of the scalar rules: go-yaml v2 as used by sigs.k8s.io/yaml. Threads: any. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include <jansson.h>

struct yaml_doc {
        json_t *root;         /* owned; never NULL (empty documents are left out) */
        struct marks *marks;  /* owned */
};
struct yaml_docs {
        struct yaml_doc *items;
        size_t n;
};
/* `file` names the text in messages. Returns 0 when no error was added to `d`. Free in both cases. */
int yaml_load(struct yaml_docs *out, const char *file, const char *text, size_t n, struct diags *d) MUST_CHECK;
/* Read a file, or standard input for "-". */
int yaml_load_file(struct yaml_docs *out, const char *path, struct diags *d) MUST_CHECK;
void yaml_docs_deinit(struct yaml_docs *docs);
/* One document from a string without a file (inline sources, ConfigMap values); marks count inside the string. */
int yaml_parse_one(json_t **out, const char *text, size_t n, struct err *e) MUST_CHECK;
/* The tree as block-style YAML, as kubectl prints it. */
void yaml_put(struct buf *b, const json_t *j);
