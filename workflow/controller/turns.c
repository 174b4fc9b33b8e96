/* workflow/controller/turns.c: `parallelism` and `namespaceParallelism` of the configuration: who
 * has no room is Pending, in Argo's words, until others end. At start nobody new is let in before
 * it is known who runs. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"

void run_join(struct run *r, const json_t *obj)
{
        const json_t *priority = json_at(obj, "spec", "priority");
        if (!r->c->throttle)
                return;
        r->ending = !str_empty(json_str(obj, "spec", "shutdown"));
        throttle_add(r->c->throttle, r->ns, r->uid, streq(wf_phase(r->wf), "Running"),
                     json_integer_value(priority), wf_created(r->wf).ns);
        controller_admit(r->c);
}

void run_leave(struct run *r)
{
        if (!r->c->throttle)
                return;
        throttle_remove(r->c->throttle, r->uid);
        controller_admit(r->c);
}

void controller_admit(struct controller *c)
{
        if (!c->throttle || !locks_are_open(c->locks) || c->draining)
                return;
        for (const char *uid; (uid = throttle_next(c->throttle));) {
                struct run *r = run_find(c, uid);
                if (r)
                        loop_defer(c->o.loop, &r->turn);
        }
}

bool run_must_wait(struct run *r)
{
        struct controller *c = r->c;
        if (!c->throttle || r->ending || throttle_admits(c->throttle, r->uid))
                return false;
        if (!locks_are_open(c->locks) || !str_empty(wf_phase(r->wf)))
                return true;
        wf_postpone(r->wf, "Workflow processing has been postponed because too many workflows are "
                           "already running");
        r->dirty_status = true;
        return true;
}
