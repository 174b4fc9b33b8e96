/* workflow/engine/memo.h: results that are remembered under a key (argo-workflows.md 2.15).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/engine/engine_priv.h"

struct memo {
        json_t *status;  /* {hit, key, cacheName}; NULL: the template is not memoized */
        json_t *outputs; /* of a hit, may be NULL */
};
void memo_deinit(struct memo *m);
/* Looks its key up. INVALID with Argo's words. */
int memo_look(struct memo *out, struct wf *wf, const struct tmpl *t, struct scope *s,
              struct err *e) MUST_CHECK;
/* Gives the node its memoization status. True: it was a hit, and the node has succeeded. */
bool memo_apply(struct wf *wf, uint32_t node, struct memo *m);
void memo_fulfilled(struct wf *wf, uint32_t node); /* stores what it came to */
