/* workflow/spec/merge.h: specs laid over each other: workflow over WorkflowTemplate over defaults.
 *
 * A strategic merge as Kubernetes does it: maps are merged key by key, lists whose items have a
 * merge key (parameters, artifacts, templates, volumes, env ... by name) item by item, other lists
 * and scalars are replaced. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>

/* `over` laid over `under`; a new reference that shares what it can with both: treat as read-only.
 */
json_t *spec_merge(const json_t *under, const json_t *over);
/* The spec a workflow runs with: its own over the referenced template's over the controller's
 * workflowDefaults (either may be NULL). hooks are united key by key. The result has no
 * workflowTemplateRef left when `referenced` is given. New reference. */
json_t *spec_effective(const json_t *own, const json_t *referenced, const json_t *defaults);
/* The same with numbers and booleans as strings where Argo's types say string. New reference. */
json_t *spec_normal(const json_t *spec);
json_t *spec_normal_templates(const json_t *templates);
/* A strategic merge patch over a pod spec: null and "$patch" delete (patch.c). New reference. */
json_t *spec_patch(const json_t *doc, const json_t *patch);
