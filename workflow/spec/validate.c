/* workflow/spec/validate.c: see engine.h. The rules follow; for now nothing is refused before it
 * runs. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine.h"

int wf_validate(const json_t *object, const struct wf_lookup *lookup, bool strict, struct diags *d)
{
        (void)object;
        (void)lookup;
        (void)strict;
        return d->errors ? -1 : 0;
}
