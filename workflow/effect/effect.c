/* workflow/effect/effect.c: see effect.h. What is told waits for a task of its own, so no update
 * comes from inside a call. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/effect_priv.h"
#include "workflow/effect/sidecar.h"
#include <stdarg.h>

enum { EXIT_KILLED = 143, EXIT_EXECUTOR = 64 };

static const struct effect_kind *const kinds[] = {
#define EFFECT(member) &effect_##member,
#include "workflow/effect/effects.def"
#undef EFFECT
};

static const struct effect_kind *kind_of(const json_t *template)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (json_object_get(template, kinds[i]->member))
                        return kinds[i];
        return NULL;
}

_Static_assert(ARRAY_LEN(kinds) == ARRAY_LEN(((struct effects *)0)->under_way),
               "one counter for each kind");

static unsigned *under_way(struct effect *f)
{
        size_t i = 0;
        while (kinds[i] != f->kind)
                i++;
        return &f->all->under_way[i];
}

bool effects_carry(const json_t *template)
{
        return kind_of(template) != NULL;
}

/* ---- turns ---- */

static bool may_begin(struct effect *f)
{
        return !f->kind->at_once || *under_way(f) < f->kind->at_once;
}

static void begin(struct effect *f)
{
        f->begun = true;
        f->started = loop_wall(f->all->o.loop);
        ++*under_way(f);
        loop_defer(f->all->o.loop, &f->tell);
        f->kind->start(f, json_object_get(f->template, f->kind->member));
}

static void enqueue(struct effect *f)
{
        *f->all->queue_end = f;
        f->all->queue_end = &f->next_queued;
}

/* Out of the queue: the given one, or (NULL) the first whose turn has come. */
static struct effect *unqueue(struct effects *all, const struct effect *wanted)
{
        for (struct effect **at = &all->queue; *at; at = &(*at)->next_queued) {
                struct effect *f = *at;
                if (wanted ? f != wanted : !may_begin(f))
                        continue;
                *at = f->next_queued;
                if (!*at)
                        all->queue_end = at;
                return f;
        }
        return NULL;
}

/* ---- telling ---- */

static void effect_free(struct effect *f)
{
        struct loop *l = f->all->o.loop;
        struct effects *all = f->all;
        if (f->begun) {
                f->kind->stop(f);
                --*under_way(f);
        } else {
                unqueue(all, f);
        }
        if (f->call)
                f->call->of = NULL;
        timer_cancel(l, &f->deadline);
        loop_undefer(l, &f->tell);
        HASH_DEL(all->by_key, f);
        char *texts[] = {f->key,      f->uid,     f->node, f->ns,
                         f->workflow, f->message, f->note, f->progress};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                mem_free(texts[i]);
        json_decref(f->template);
        json_decref(f->spec);
        json_decref(f->outputs);
        mem_free(f->state);
        mem_free(f);
}

static void on_tell(void *arg)
{
        struct effect *f = arg;
        struct effects *all = f->all;
        AUTO(mem_free) char *note = mem_strdup(f->note ? f->note : "");
        AUTO(mem_free) char *progress = mem_strdup(f->progress);
        struct pod_status st = {.phase = POD_RUNNING,
                                .message = note,
                                .exit_code = -1,
                                .progress = progress,
                                .started = f->started};
        bool ended = f->ended, running = !f->told_running;
        f->told_running = f->begun;
        AUTO(mem_free) char *uid = mem_strdup(f->uid);
        AUTO(mem_free) char *node = mem_strdup(f->node);
        AUTO(mem_free) char *message = mem_strdup(f->message ? f->message : "");
        AUTO_JSON json_t *outputs = json_incref(f->outputs);
        struct pod_status last = {.phase = f->phase,
                                  .message = message,
                                  .exit_code = f->exit_code,
                                  .outputs = outputs,
                                  .progress = progress,
                                  .started = f->started,
                                  .finished = loop_wall(all->o.loop)};
        if (ended) /* gone before its end is told: the callback may start the same node again */
                effect_free(f);
        struct effect *next = ended ? unqueue(all, NULL) : NULL;
        if (next)
                begin(next);
        if (running)
                all->update(all->arg, uid, node, &st);
        if (ended)
                all->update(all->arg, uid, node, &last);
}

void effect_end(struct effect *f, enum pod_phase phase, int exit_code, json_t *outputs_taken,
                const char *fmt, ...)
{
        if (f->ended) {
                json_decref(outputs_taken);
                return;
        }
        va_list ap;
        va_start(ap, fmt);
        f->message = mem_vprintf(fmt, ap);
        va_end(ap);
        f->ended = true;
        f->phase = phase;
        f->exit_code = exit_code;
        f->outputs = outputs_taken;
        loop_defer(f->all->o.loop, &f->tell);
}

void effect_note(struct effect *f, const char *words)
{
        if (f->ended || streq(f->note ? f->note : "", words ? words : ""))
                return;
        mem_free(f->note);
        f->note = mem_strdup(words ? words : "");
        f->told_running = false;
        loop_defer(f->all->o.loop, &f->tell);
}

void effect_progress(struct effect *f, const char *progress)
{
        if (f->ended || !progress || streq(f->progress, progress))
                return;
        mem_free(f->progress);
        f->progress = mem_strdup(progress);
        f->told_running = false;
        loop_defer(f->all->o.loop, &f->tell);
}

void effect_fail_64(struct effect *f, struct err *e)
{
        effect_end(f, POD_FAILED, EXIT_EXECUTOR, json_pack("{s:s}", "exitCode", "64"),
                   "main: Error (exit code 64): %s", err_msg(e));
        err_clear(e);
}

/* ---- the store's answers ---- */

struct effect_call *effect_asks(struct effect *f)
{
        f->call = NEW(struct effect_call);
        f->call->of = f;
        return f->call;
}

struct effect *effect_answered(struct effect_call *call)
{
        struct effect *f = call->of;
        if (f)
                f->call = NULL;
        mem_free(call);
        return f && !f->ended ? f : NULL;
}

/* ---- the calls of effect.h ---- */

static struct effect *find(struct effects *all, const char *uid, const char *node)
{
        struct effect *f;
        AUTO(mem_free) char *key = mem_printf("%s/%s", uid, node);
        HASH_FIND_STR(all->by_key, key, f);
        return f;
}

static void on_deadline(void *arg)
{
        effect_end(arg, POD_FAILED, EXIT_KILLED, NULL,
                   "Pod was active on the node longer than the specified deadline");
}

static struct effect *effect_new(struct effects *all, const struct pod_request *req)
{
        struct effect *f = NEW(struct effect);
        f->all = all;
        f->kind = kind_of(req->template);
        f->key = mem_printf("%s/%s", req->workflow_uid, req->node_id);
        f->uid = mem_strdup(req->workflow_uid);
        f->node = mem_strdup(req->node_id);
        f->ns = mem_strdup(req->ns ? req->ns : "default");
        f->workflow = mem_strdup(req->workflow ? req->workflow : "");
        f->template = json_incref((json_t *)(uintptr_t)req->template);
        f->spec = json_incref((json_t *)(uintptr_t)req->spec);
        f->capture = req->capture_result;
        f->started = loop_wall(all->o.loop);
        f->state = mem_alloc(f->kind->state_size);
        timer_init(&f->deadline, on_deadline, f);
        task_init(&f->tell, on_tell, f);
        HASH_ADD_KEYPTR(hh, all->by_key, f->key, strlen(f->key), f);
        return f;
}

void effects_start(struct effects *all, const struct pod_request *req)
{
        struct effect *f = find(all, req->workflow_uid, req->node_id);
        if (f) { /* it is under way: say so again */
                f->told_running = false;
                loop_defer(all->o.loop, &f->tell);
                return;
        }
        f = effect_new(all, req);
        if (req->deadline_s > 0)
                timer_after_ms(all->o.loop, &f->deadline, req->deadline_s * 1000);
        if (may_begin(f)) {
                begin(f);
                return;
        }
        enqueue(f);
        loop_defer(all->o.loop, &f->tell);
}

bool effects_kill(struct effects *all, const char *workflow_uid, const char *node_id)
{
        struct effect *f = find(all, workflow_uid, node_id);
        if (!f)
                return false;
        if (f->begun)
                f->kind->stop(f);
        effect_end(f, POD_FAILED, EXIT_KILLED, NULL, "killed before it ended");
        return true;
}

int effects_new(struct effects **out, const struct effects_options *o, runner_update_fn *update,
                void *arg, struct err *e)
{
        AUTO(effects_free) struct effects *all = NEW(struct effects);
        all->o = *o;
        all->o.data_dir = all->data_dir = mem_strdup(o->data_dir);
        all->update = update;
        all->arg = arg;
        all->queue_end = &all->queue;
        all->sidecars = sidecars_new(o->loop, o->data_dir);
        if (http_client_new(&all->http, o->loop, e) < 0)
                return -1;
        *out = TAKE(all);
        return 0;
}

struct sidecars *effects_sidecars(struct effects *all)
{
        return all->sidecars;
}

struct effects *effects_free(struct effects *all)
{
        if (!all)
                return NULL;
        struct effect *f, *next;
        sidecars_use(all->sidecars, NULL);
        HASH_ITER (hh, all->by_key, f, next) {
                f->ended = true;
                effect_free(f);
        }
        sidecars_free(all->sidecars);
        pool_free(all->pool);
        http_client_free(all->http);
        mem_free(all->data_dir);
        mem_free(all);
        return NULL;
}
