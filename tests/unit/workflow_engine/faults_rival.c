/* tests/unit/workflow_engine/faults_rival.c: see faults_rival.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/unit/workflow_engine/faults_rival.h"
#include "common/base/json.h"
#include "common/base/str.h"

static const char workflow_key[] = "default/rival", holder[] = "default/rival/rival-1",
                  lock[] = "default/Mutex/x";

static void ask(struct rival *r, struct locks *l)
{
        AUTO_JSON json_t *names = json_pack("[s]", lock);
        struct lock_answer answer = {0};
        const struct lock_question question = {
                .workflow = workflow_key, .holder = holder, .names = names};
        locks_ask(l, &question, &answer);
        r->holds = answer.granted;
        r->waits = !answer.granted;
        lock_answer_deinit(&answer);
}

void rival_leave(struct rival *r, struct locks *l)
{
        AUTO_JSON json_t *names = json_pack("[s]", lock);
        locks_release(l, holder, names);
        *r = (struct rival){0};
}

void rival_act(struct rival *r, struct locks *l)
{
        if (r->holds || r->waits)
                rival_leave(r, l);
        else
                ask(r, l);
}

void rival_restore(struct rival *r, struct locks *l)
{
        r->waits = false;
        if (r->holds)
                locks_restore(l, holder, lock);
}

bool rival_wake(struct rival *r, struct locks *l, const char *workflow)
{
        bool found = false;
        for (char *key; (key = locks_take_woken(l));) {
                if (streq(key, workflow_key) && r->waits)
                        ask(r, l);
                found = found || streq(key, workflow);
                mem_free(key);
        }
        return found;
}
