/* workflow/engine/suspend.h: suspend nodes as user actions see them. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "workflow/engine/engine_priv.h"

bool suspend_is_active(const struct node *n);
int suspend_check_resume(const struct node *n, struct err *e) MUST_CHECK;
int suspend_check_set(const struct node *n, const json_t *outputs, struct err *e) MUST_CHECK;
void suspend_resume(struct wf *wf, uint32_t node);
void suspend_set(struct wf *wf, uint32_t node, const struct wf_input *in);
