/* workflow/engine/locks_turn.c: one workflow at the lock table: what it releases, what it asks,
 * what it is told. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "workflow/engine/locks.h"

/* What to feed into the workflow next; owns what it points to. */
struct answers {
        struct wf_input *in;
        size_t n, cap;
        json_t *keep;
        struct arena texts;
};
struct turn {
        struct locks *locks;
        const struct wf *wf;
        const char *key;
        struct answers *out;
        json_t *told; /* locks whose holders are in an answer already */
};

static void answers_init(struct answers *a)
{
        *a = (struct answers){.keep = json_array()};
        arena_init(&a->texts, 0);
}

static void answers_deinit(struct answers *a)
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
        if (a->granted || r->fresh || !r->lock || !streq(r->lock, a->lock) ||
            !streq(r->message, a->message))
                return true;
        json_object_foreach (a->holders, lock, holders) {
                if (!json_object_get(t->told, lock) &&
                    !json_equal(wf_lock_told(t->wf, lock), holders))
                        return true;
        }
        return false;
}

static void tell(struct turn *t, const struct wf_lock_request *r, const struct lock_answer *a)
{
        struct answers *out = t->out;
        struct arena *texts = &out->texts;
        json_array_append(out->keep, a->holders);
        json_object_update(t->told, a->holders);
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
        return locks_any_free(t->locks); /* else nobody who waits can be granted anything now */
}

/* Does it want to ask, and who: those that never did, or `all` that wait? */
static bool wants(const struct wf_commands *c, bool *all)
{
        bool wanted = *all;
        for (size_t i = 0; i < c->n; i++) {
                wanted = wanted || c->items[i].kind == WF_LOCKS;
                *all = *all || c->items[i].all;
        }
        return wanted;
}

static void collect(struct locks *l, const struct wf *wf, const struct wf_commands *c, bool woken,
                    struct answers *out)
{
        AUTO_JSON json_t *told = json_object();
        struct turn t = {l, wf, wf_key(wf), out, told};
        bool all = locks_unwake(l, t.key) || woken;
        answers_init(out);
        if (!wants(c, &all))
                return;
        if (locks_are_open(l))
                wf_each_lock_request(wf, all, ask, &t);
        else
                locks_wake(l, t.key);
}

void locks_step(struct locks *l, const struct locks_step *s)
{
        struct answers answers, next;
        const struct wf_input *in = s->in;
        size_t n = s->n;
        bool woken = s->woken;
        answers_init(&answers);
        while (n || woken) {
                struct wf_commands commands = {0};
                if (n) {
                        engine_step(s->wf, in, n, s->now, &commands);
                        s->carry_out(s->arg, in, n, &commands);
                }
                collect(l, s->wf, &commands, woken, &next);
                wf_commands_deinit(&commands);
                answers_deinit(&answers);
                answers = next;
                in = answers.in;
                n = answers.n;
                woken = false;
        }
        answers_deinit(&answers);
}

void locks_release_command(struct locks *l, const char *workflow, const char *node_id,
                           const json_t *names)
{
        AUTO(mem_free)
        char *holder = node_id ? mem_printf("%s/%s", workflow, node_id) : mem_strdup(workflow);
        locks_release(l, holder, names);
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
