/* tests/unit/workflow_controller/fake_runner.c: see fake_runner.h; stands in for workflow/runner at
 * link time. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/fake_runner.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>

struct runner {
        struct world *w;
        struct loop *l;
        runner_update_fn *update;
        void *arg;
        bool known[WORLD_PODS]; /* started or adopted by this controller: gets updates */
        struct loop_task tell;
        bool due[WORLD_PODS];
        char *held[WORLD_PODS]; /* "uid/node": ready, not started: the world knows nothing of them
                                 */
};

struct world_pod *world_find(struct world *w, const char *uid, const char *node)
{
        for (size_t i = 0; i < w->n; i++)
                if (streq(w->pods[i].uid, uid) && streq(w->pods[i].node, node))
                        return &w->pods[i];
        return NULL;
}

static bool is_durable(const struct world *w, const char *node)
{
        sqlite3 *db;
        sqlite3_stmt *s;
        bool found = false;
        if (sqlite3_open_v2(w->db, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(db, "SELECT 1 FROM store_node WHERE id = ?", -1, &s, NULL) ==
                    SQLITE_OK) {
                sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
                found = sqlite3_step(s) == SQLITE_ROW;
                sqlite3_finalize(s);
        }
        sqlite3_close(db);
        return found;
}

static void tell_one(struct runner *r, size_t i)
{
        struct world_pod *p = &r->w->pods[i];
        bool final = p->phase >= POD_SUCCEEDED;
        if (p->told_final)
                return;
        p->told_final = final;
        const struct pod_status st = {.phase = p->phase,
                                      .message = p->phase == POD_FAILED ? "killed" : "",
                                      .exit_code = final ? p->phase == POD_SUCCEEDED ? 0 : 137 : -1,
                                      .started = loop_wall(r->l),
                                      .finished = {final ? loop_wall(r->l).ns : 0}};
        r->update(r->arg, p->uid, p->node, &st);
}

static void on_tell(void *arg)
{
        struct runner *r = arg;
        for (size_t i = 0; i < r->w->n; i++) {
                if (!r->due[i])
                        continue;
                r->due[i] = false;
                tell_one(r, i);
        }
}

static void tell_later(struct runner *r, size_t i)
{
        r->due[i] = true;
        loop_defer(r->l, &r->tell);
}

struct runner *fake_runner_new(struct world *w, struct loop *l, runner_update_fn *update, void *arg)
{
        struct runner *r = NEW(struct runner);
        r->w = w;
        r->l = l;
        r->update = update;
        r->arg = arg;
        task_init(&r->tell, on_tell, r);
        for (size_t i = 0; i < w->n; i++)
                w->pods[i].told_final = false;
        return r;
}

struct runner *runner_free(struct runner *r)
{
        if (!r)
                return NULL;
        loop_undefer(r->l, &r->tell);
        for (size_t i = 0; i < WORLD_PODS; i++)
                mem_free(r->held[i]);
        mem_free(r);
        return NULL;
}

/* The runner knows it: a pod of a run before is none. */
static struct world_pod *known_pod(struct runner *r, const char *uid, const char *node)
{
        for (size_t i = 0; i < r->w->n; i++) {
                struct world_pod *p = &r->w->pods[i];
                if (!p->forgotten && strcmp(p->uid, uid) == 0 && strcmp(p->node, node) == 0)
                        return p;
        }
        return NULL;
}

static void start(struct runner *r, const char *uid, const char *node)
{
        struct world_pod *p = known_pod(r, uid, node);
        if (!p) {
                assert(r->w->n < WORLD_PODS);
                p = &r->w->pods[r->w->n++];
                *p = (struct world_pod){.phase = POD_PENDING, .starts = 1};
                snprintf(p->uid, sizeof(p->uid), "%s", uid);
                snprintf(p->node, sizeof(p->node), "%s", node);
                p->recorded = is_durable(r->w, node);
        }
        size_t i = (size_t)(p - r->w->pods);
        r->known[i] = true;
        tell_later(r, i);
}

/* The place of a pod that is held, or of none when `uid` is NULL. */
static char **held(struct runner *r, const char *uid, const char *node)
{
        AUTO(mem_free) char *key = uid ? mem_printf("%s/%s", uid, node) : NULL;
        for (size_t i = 0; i < WORLD_PODS; i++)
                if (uid ? r->held[i] && streq(r->held[i], key) : !r->held[i])
                        return &r->held[i];
        return NULL;
}

void runner_start(struct runner *r, const struct pod_request *req)
{
        if (!req->held) {
                start(r, req->workflow_uid, req->node_id);
                return;
        }
        assert(!held(r, req->workflow_uid, req->node_id));
        char **place = held(r, NULL, NULL);
        assert(place);
        *place = mem_printf("%s/%s", req->workflow_uid, req->node_id);
}

void runner_drop(struct runner *r, const char *uid, const char *node)
{
        char **place = held(r, uid, node);
        assert(place);
        mem_free(TAKE(*place));
}

void runner_release(struct runner *r, const char *uid, const char *node)
{
        runner_drop(r, uid, node);
        start(r, uid, node);
}

bool runner_adopt(struct runner *r, const char *uid, const char *node)
{
        struct world_pod *p = known_pod(r, uid, node);
        if (!p)
                return false;
        r->known[p - r->w->pods] = true;
        tell_later(r, (size_t)(p - r->w->pods));
        return true;
}

void runner_kill(struct runner *r, const char *uid, const char *node, int grace_s UNUSED)
{
        struct world_pod *p = known_pod(r, uid, node);
        if (!p || p->phase >= POD_SUCCEEDED)
                return;
        p->killed = true;
        p->phase = POD_FAILED;
        tell_later(r, (size_t)(p - r->w->pods));
}

struct runner_dial *runner_dial(struct runner *r UNUSED, const char *uid UNUSED,
                                const char *node UNUSED, uint16_t port UNUSED,
                                runner_dialed_fn *done UNUSED, void *arg UNUSED)
{
        assert(!"no pod of these tests listens");
        return NULL;
}

void runner_dial_cancel(struct runner_dial *d UNUSED)
{
}

bool runner_own_network(const struct runner *r UNUSED, const json_t *template UNUSED)
{
        return true;
}

bool runner_sandboxes(const struct runner *r UNUSED)
{
        return true;
}

void runner_forget_claim(struct runner *r UNUSED, const char *ns UNUSED, const char *claim UNUSED)
{
}

bool runner_busy(const struct runner *r UNUSED, const char *uid UNUSED)
{
        return false;
}

void runner_forget(struct runner *r, const char *uid, enum runner_forget what UNUSED)
{
        r->w->forgotten++;
        for (size_t i = 0; i < r->w->n; i++)
                if (strcmp(r->w->pods[i].uid, uid) == 0)
                        r->w->pods[i].forgotten = true;
}

size_t fake_runner_advance(struct runner *r, size_t n, size_t at)
{
        size_t moved = 0;
        for (size_t k = 0; k < r->w->n && moved < n; k++) {
                size_t i = (k + at) % r->w->n;
                struct world_pod *p = &r->w->pods[i];
                if (p->phase >= POD_SUCCEEDED)
                        continue;
                p->phase = p->phase == POD_PENDING ? POD_RUNNING : POD_SUCCEEDED;
                moved++;
                if (r->known[i])
                        tell_later(r, i);
        }
        return moved;
}

void runner_each_stored(struct runner *r, runner_stored_fn *each, void *arg)
{
        for (size_t i = 0; i < r->w->n; i++) {
                each(arg, r->w->pods[i].uid, NULL);
                each(arg, r->w->pods[i].uid, r->w->pods[i].node);
        }
}

void runner_forget_pod(struct runner *r, const char *uid UNUSED, const char *node_id)
{
        struct world *w = r->w;
        if (w->n_pods_forgotten < WORLD_PODS)
                snprintf(w->pods_forgotten[w->n_pods_forgotten++], sizeof(w->pods_forgotten[0]),
                         "%s", node_id ? node_id : "*");
}
