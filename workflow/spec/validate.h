/* workflow/spec/validate.h: validation with options; what the simulator needs beside engine.h's
 * wf_validate(). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/engine/engine.h"
#include "workflow/spec/shape.h"

int wf_validate_with(const json_t *object, const struct wf_lookup *lookup,
                     const struct shape_options *options, struct diags *d) MUST_CHECK;
