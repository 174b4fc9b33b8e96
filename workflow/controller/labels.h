/* workflow/controller/labels.h: LabelSelector objects ({matchLabels, matchExpressions}).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>

/* In the syntax of store lists: "a=b,c in (d,e),!f". Heap; "" selects everything. */
int label_selector_text(char **out, const json_t *selector, struct err *e) MUST_CHECK;
