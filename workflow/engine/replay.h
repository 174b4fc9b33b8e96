/* workflow/engine/replay.h: what a workflow was told, written down, and told again.
 *
 * The engine is pure: the same object and the same inputs at the same times give the same state,
 * byte for byte. A recording is a JSON document {"steps": [{"now": nanoseconds, "inputs": [...]}]};
 * it holds everything that was fed to engine_step and wf_restart_pod. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "workflow/engine/engine.h"

/* Appends one step to a recording ({} at first). */
void replay_record(json_t *recording, const struct wf_input *in, size_t n, struct wall now);
/* The same for a wf_restart_pod. */
void replay_record_restart(json_t *recording, const char *node_id, struct wall now);
/* A fresh workflow from the object as it was before the first step, taken through the recording.
 * INVALID when the recording is none. */
int replay_run(struct wf **out, const json_t *workflow, const json_t *recording,
               const struct wf_lookup *lookup, const struct wf_defaults *defaults,
               struct err *e) MUST_CHECK;
/* All of the state as one text: status with its nodes, metadata. Heap. */
char *replay_state(const struct wf *wf) MUST_CHECK;
/* Does the recording give the state that `wf` has now, byte for byte? INTERNAL with the place of
 * the first difference. */
int replay_check(const struct wf *wf, const json_t *workflow, const json_t *recording,
                 const struct wf_lookup *lookup, const struct wf_defaults *defaults,
                 struct err *e) MUST_CHECK;
