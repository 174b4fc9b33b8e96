/* workflow/engine/locks_turn.c: one workflow at the lock table: what it releases, what it asks, what
 * it is told. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "workflow/engine/locks.h"

struct turn {
        struct locks *locks;
        const struct wf *wf;
        const char *key;
        struct lock_answers *out;
};

void lock_answers_deinit(struct lock_answers *a)
{
        mem_free(a->in);
        json_decref(a->keep);
        arena_deinit(&a->texts);
}

static const char *holder_of(struct turn *t, const char *node_id)
{
        return node_id ? arena_printf(&t->out->texts, "%s/%s", t->key, node_id) : t->key;
}

/* Who waited before and waits on need not be told, unless the words or the holders are others. */
static bool is_news(const struct turn *t, const struct wf_lock_request *r,
                    const struct lock_answer *a)
{
        const char *lock;
        json_t *holders;
        if (a->granted || r->fresh || !r->lock || !streq(r->lock, a->lock) || !streq(r->message, a->message))
                return true;
        json_object_foreach (a->holders, lock, holders) {
                if (!json_equal(wf_lock_told(t->wf, lock), holders))
                        return true;
        }
        return false;
}

static void tell(struct turn *t, const struct wf_lock_request *r, const struct lock_answer *a)
{
        struct lock_answers *out = t->out;
        struct arena *texts = &out->texts;
        json_array_append(out->keep, a->holders);
        mem_grow(out->in, out->cap, out->n + 1);
        out->in[out->n++] = (struct wf_input){
                .kind = WF_LOCK,
                .node_id = r->node_id ? arena_printf(texts, "%s", r->node_id) : NULL,
                .granted = a->granted,
                .message = a->message ? arena_printf(texts, "%s", a->message) : "",
                .lock = a->lock ? arena_printf(texts, "%s", a->lock) : NULL,
                .holders = a->holders,
                .exit_code = -1};
}

static bool ask(void *arg, const struct wf_lock_request *r)
{
        struct turn *t = arg;
        struct lock_answer a;
        struct lock_question q = {.workflow = t->key,
                                  .holder = holder_of(t, r->node_id),
                                  .names = r->names,
                                  .priority = wf_lock_priority(t->wf),
                                  .created_ns = wf_created(t->wf).ns};
        locks_ask(t->locks, &q, &a);
        if (is_news(t, r, &a))
                tell(t, r, &a);
        lock_answer_deinit(&a);
        return true;
}

void locks_turn(struct locks *l, const struct wf *wf, const struct wf_commands *commands,
                struct lock_answers *out)
{
        bool wanted = false, all = false;
        *out = (struct lock_answers){.keep = json_array()};
        arena_init(&out->texts, 0);
        struct turn t = {l, wf, arena_printf(&out->texts, "%s", wf_key(wf)), out};
        for (size_t i = 0; commands && i < commands->n; i++) {
                const struct wf_command *c = &commands->items[i];
                if (c->kind == WF_RELEASE)
                        locks_release(l, holder_of(&t, c->node_id), c->data);
                wanted = wanted || c->kind == WF_LOCKS;
                all = all || c->all;
        }
        all = locks_unwake(l, t.key) || all;
        if (wanted || all)
                wf_each_lock_request(wf, all, ask, &t);
}

static void restore(void *arg, const char *holder, const json_t *names)
{
        size_t i;
        json_t *name;
        json_array_foreach ((json_t *)(uintptr_t)names, i, name)
                locks_restore(arg, holder, json_string_value(name));
}

void locks_restore_all(struct locks *l, const struct wf *wf)
{
        wf_each_lock_held(wf, restore, l);
}
