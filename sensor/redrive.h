/* sensor/redrive.h: users ask for dead letters to be tried again by an annotation on the Sensor
 * ("tiphys.io/redrive-<id>": the firing id), which works on every store and whoever runs the
 * sensor. The annotation goes once the firing is under way; a crash in between repeats it, which is
 * harmless: the firing keeps its id. Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>

struct redrive;
struct sensors;
struct sensors_options;
/* Follows the Sensors that `o` names for such wishes; the texts in `o` are copied. */
int redrive_follow(struct redrive **out, struct sensors *sensors, const struct sensors_options *o,
                   struct err *e) MUST_CHECK;
struct redrive *redrive_free(struct redrive *r);
/* The merge patch that asks for it. */
json_t *redrive_patch(const char *firing_id) MUST_CHECK;
