/* server/api/api.h: the REST API of Argo Server, as far as it goes today: reading and watching
 * Workflows. GET
 * /api/v1/workflows/{ns}[?listOptions.labelSelector=&listOptions.fieldSelector=&listOptions.limit=&listOptions.continue=]
 *   GET /api/v1/workflows/{ns}/{name}
 *   GET /api/v1/workflow-events/{ns}   stream of {"result": {"type", "object"}}, one per line (or
 * SSE frames) POST /api/v1/events/{ns}/{discriminator}   WorkflowEventBindings
 * GET /api/v1/archived-workflows, GET and DELETE /api/v1/archived-workflows/{uid}, PUT .../resubmit
 * and .../retry, GET /api/v1/archived-workflows-label-keys, -label-values GET /api/v1/version,
 * /api/v1/info {ns} may be empty: all namespaces. Shapes are Argo's (argo-workflows.md 5). The
 * listener stands on loopback. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"

struct api;
struct archive;
struct http_server;
struct store;
/* Adds the routes; server, store and archive (NULL: none) are borrowed and outlive it. */
int api_new(struct api **out, struct http_server *http, struct store *s, struct archive *archive,
            struct err *e) MUST_CHECK;
struct api *api_free(struct api *a);
