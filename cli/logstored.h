/* cli/logstored.h: logs that were kept as artifacts (archiveLogs), for when the runner's own files
 * are gone. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/logtail.h"
#include <jansson.h>

struct app;
/* The lines of the artifact "<container>-logs" of this node; they have no times. *found false: it
 * has none. Blocks: it may come from afar. */
int logs_stored(struct app *app, const json_t *wf, const json_t *node, const char *container,
                const char *pod, log_line_fn *fn, void *arg, bool *found, struct err *e) MUST_CHECK;
