/* tests/unit/workflow_engine/faults_objects.h: the objects of the world of faults.c, and what its
 * pods say. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

/* A lookup of the engine; arg: json_t **, a list of objects. */
const json_t *faults_find(void *arg, const char *kind, const char *ns, const char *name);
/* Carries out WF_CACHE. */
void faults_store(json_t *objects, const json_t *data);
/* What a pod of this template (NULL: not known) says; ready: of a set the first container has
 * ended. New references. */
json_t *pod_outputs(const json_t *template, int phase);
json_t *pod_containers(const json_t *template, int phase, bool ready);
