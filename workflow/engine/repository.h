/* workflow/engine/repository.h: which artifact repository a workflow uses. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "workflow/engine/engine_priv.h"

/* artifactRepositoryRef, else the default of the ConfigMap "artifact-repositories" of the
 * namespace, else the controller's (argo-workflows.md 2.19). Sets wf->repository and
 * wf->repository_ref. UNSUPPORTED: a kind of repository we cannot reach yet. */
int repository_choose(struct wf *wf, struct err *e) MUST_CHECK;
/* Where artifacts and logs of a pod go: completes archiveLocation of the rendered template:
 * {"archiveLogs", "folder" | "s3" | ...: {<settings of the repository>, "key": prefix}}. */
struct scope;
int repository_location(struct wf *wf, json_t *tmpl, struct scope *s, struct err *e) MUST_CHECK;
