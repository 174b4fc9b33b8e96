/* workflow/controller/locks.c: the lock table (workflow/engine/locks.h) among many workflows.
 *
 * A lock is given back when the patch that records what frees it is stored, and a pod starts when
 * the patch that records its lock is: whatever dies in between, no two workflows stand in the store
 * as holders of one mutex. At start nobody is granted anything before every unfinished workflow has
 * been read and what it holds is known. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/controller_priv.h"

void run_locks_release(struct run *r, const struct wf_command *cmd)
{
        if (!r->next_releases)
                r->next_releases = json_array();
        json_t *release = json_pack("{s:O}", "names", cmd->data);
        if (cmd->node_id)
                json_object_set_new(release, "node", json_string(cmd->node_id));
        json_array_append_new(r->next_releases, release);
}

void run_locks_durable(struct run *r)
{
        size_t i;
        json_t *release;
        json_array_foreach (r->flight_releases, i, release)
                locks_release_command(r->c->locks, r->key, json_str(release, "node"),
                                      json_object_get(release, "names"));
        json_decref(TAKE(r->flight_releases));
        controller_locks_wake(r->c);
}

void run_locks_requeue(struct run *r)
{
        json_t *all = TAKE(r->flight_releases);
        if (!all)
                return;
        if (r->next_releases)
                json_array_extend(all, r->next_releases);
        json_decref(r->next_releases);
        r->next_releases = all;
}

void run_locks_gone(struct run *r)
{
        locks_forget(r->c->locks, r->key);
        controller_locks_wake(r->c);
}

void run_locks_deinit(struct run *r)
{
        json_decref(r->next_releases);
        json_decref(r->flight_releases);
}

void controller_locks_open(struct controller *c)
{
        if (!c->synced || c->reading || locks_are_open(c->locks))
                return;
        locks_open(c->locks, true);
        controller_locks_wake(c);
        controller_admit(c);
        for (struct run *r = c->throttle ? c->runs : NULL; r; r = r->hh.next)
                loop_defer(c->o.loop, &r->turn); /* who has to wait says so */
}

void controller_locks_wake(struct controller *c)
{
        for (char *key; (key = locks_take_woken(c->locks)); mem_free(key)) {
                struct run *r;
                HASH_FIND(by_key, c->runs_by_key, key, strlen(key), r);
                if (!r || r->state != RUN_LIVE)
                        continue;
                r->woken = true;
                loop_defer(c->o.loop, &r->turn);
        }
}

void controller_locks_map_changed(struct controller *c, const char *ns, const char *name)
{
        locks_config_map(c->locks, ns, name);
        controller_locks_wake(c);
}
