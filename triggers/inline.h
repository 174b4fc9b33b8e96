/* triggers/inline.h: inline templates in trigger resources (design.md 5.8, ours: Argo leaves them
 * verbatim).
 *
 * A tag whose first token is .Input or .Events is rendered over {context, body, headers, data} of
 * the event (.Input: the only or the first satisfied dependency; .Events.<dependency>: each);
 * `headers` is the payload's `header` or `headers`. A plain path takes the value as it stands in
 * the payload (numbers keep their digits, objects become compact JSON); anything more is a Go
 * template with sprig, without env. All other tags ({{workflow...}}, {{inputs...}}, {{=...}}) pass
 * through untouched. A missing key rejects the firing with a message that names tag, path and
 * trigger. Single pass: event data is never evaluated again. Only string values are rendered, keys
 * are not. Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include "triggers/trigger_driver.h"

/* Renders in place: strings of *tree that hold our tags are replaced. */
int inline_render(json_t **tree, const struct trigger_event *events, size_t n,
                  struct err *e) MUST_CHECK;
/* Lint: tags that cannot be parsed, .Events names that no dependency has (names NULL: not checked).
 */
void inline_check(const json_t *tree, const char *const *dependencies, size_t n,
                  const struct jpath *at, struct diags *d);
