/* tests/unit/workflow_engine/faults_rival.h: another workflow that takes and gives back a lock of
 * random_workflow.h whenever it likes. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/engine/locks.h"

struct rival {
        bool holds, waits;
};
/* It takes the lock, or waits for it; or it gives it back, or waits no longer. */
void rival_act(struct rival *r, struct locks *l);
void rival_leave(struct rival *r, struct locks *l);   /* it has neither from here on */
void rival_restore(struct rival *r, struct locks *l); /* into a new table */
/* Who was woken asks again. True: that is (also) `workflow`, which the caller steps. */
bool rival_wake(struct rival *r, struct locks *l, const char *workflow);
