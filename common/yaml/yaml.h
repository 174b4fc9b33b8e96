/* common/yaml/yaml.h: YAML files as json_t trees with a mark (file:line:col) per node.
 *
 * libyaml events, our composer: several documents, anchors and merge keys with a budget, Go-YAML
 * scalar rules (YAML 1.1 booleans y/n/yes/no/on/off, 0o14, 014, 0x1f and 1_000 numbers, whole
 * numbers are integers also when written 1e3 or 1.0, integers past 64 bits are reals, timestamps
 * stay strings, .inf refused), keys become strings as in Kubernetes (on: is "true", with a
 * warning), duplicate keys refused, no custom tags. In "<<" the map's own keys win, wherever they
 * stand. Limits: 100,000 nodes and 64 MiB of strings after alias expansion, depth 64, 64 documents,
 * 16 MiB of text. JSON is YAML. What an alias or "<<" brings in has its place where it was brought
 * in. All syntax problems of a text are collected; documents before and behind a broken one are
 * still returned. Source of the scalar rules: go-yaml v2 as used by sigs.k8s.io/yaml. Threads: any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include <jansson.h>

struct yaml_doc {
        json_t *root;        /* owned; never NULL (empty documents are left out) */
        struct marks *marks; /* owned */
};
struct yaml_docs {
        struct yaml_doc *items;
        size_t n;
};
/* `file` names the text in messages. Returns 0 when no error was added to `d`. Free in both cases.
 */
int yaml_load(struct yaml_docs *out, const char *file, const char *text, size_t n,
              struct diags *d) MUST_CHECK;
/* Read a file, or standard input for "-". */
int yaml_load_file(struct yaml_docs *out, const char *path, struct diags *d) MUST_CHECK;
void yaml_docs_deinit(struct yaml_docs *docs);
/* One document from a string without a file (inline sources, ConfigMap values); marks count inside
 * the string. */
int yaml_parse_one(json_t **out, const char *text, size_t n, struct err *e) MUST_CHECK;
/* The tree as block-style YAML, as kubectl prints it. */
void yaml_put(struct buf *b, const json_t *j);
