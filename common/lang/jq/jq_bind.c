/* common/lang/jq/jq_bind.c: see jq_machine.h: destructuring patterns and object construction, the
 * two places where several values are gathered before the run goes on. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/jq/jq_machine.h"
#include <math.h>

/* ---- patterns ---- */

struct job {                  /* one value that is bound */
        const struct kont *k; /* K_BIND or K_LOOP_ITEM: what goes on afterwards */
        struct jv value;
        const struct jpath *p;
};
struct todo {                           /* what is still to be taken apart, in order */
        const struct jpattern *pattern; /* or a member of an object */
        bool is_member;
        struct jv v;
        struct todo *next;
};
struct progress { /* at a key that is computed */
        struct job *job;
        struct todo *todo;
        struct jv *slots;
};

static const struct cell *cells(struct machine *x, const struct cell *env, const struct jbind *b,
                                const struct jv *slots)
{
        for (size_t i = 0; i < b->n_names; i++)
                env = with_value(x, env, slots[i]);
        return env;
}

static void bound(struct machine *x, struct job *job, const struct jv *slots)
{
        const struct kont *k = job->k;
        const struct cell *env = cells(x, k->env, k->n->bind, slots);
        if (k->kind == K_BIND) {
                eval(x, k->n->b, env, (struct item){k->in.v, job->p}, k->next);
                return;
        }
        struct state *s = k->ptr;
        struct kont *wait = kont_new(x, K_LOOP_UPDATE, k->next);
        wait->n = k->n;
        wait->env = env;
        wait->ptr = s;
        eval(x, k->n->c, env, (struct item){s->v, job->p}, wait);
}

static struct todo *todo_new(struct machine *x, const struct jpattern *p, bool is_member,
                             struct jv v, struct todo *next)
{
        struct todo *t = jv_alloc(&x->r.mem, sizeof(*t));
        *t = (struct todo){p, is_member, v, next};
        return t;
}

static struct jv *with_slot(struct machine *x, const struct jbind *b, const struct jv *slots,
                            size_t slot, struct jv v)
{
        struct jv *own = jv_alloc(&x->r.mem, (b->n_names + 1) * sizeof(*own));
        memcpy(own, slots, b->n_names * sizeof(*own));
        own[slot] = v;
        return own;
}

/* [a, b]: its items before the rest, each with its own part of v. */
static bool take_array(struct machine *x, struct todo **todo, const struct jpattern *p, struct jv v)
{
        struct todo *first = NULL, **last = &first;
        int64_t i = 0;
        if (v.kind != JV_NULL && v.kind != JV_ARRAY)
                return jq_fail(&x->r, "expected an array but got: %.*s", SHOWN(jq_shown(&x->r, v)));
        for (const struct jpattern *item = p->items; item; item = item->next, i++) {
                struct jv part = v.kind == JV_ARRAY && (size_t)i < jv_len(v) ? jv_at(v, (size_t)i)
                                                                             : jv_null();
                *last = todo_new(x, item, false, part, NULL);
                last = &(*last)->next;
        }
        *last = *todo;
        *todo = first;
        return true;
}

static void take_object(struct machine *x, struct todo **todo, const struct jpattern *p,
                        struct jv v)
{
        struct todo *first = NULL, **last = &first;
        for (const struct jpattern *m = p->items; m; m = m->next) {
                *last = todo_new(x, m, true, v, NULL);
                last = &(*last)->next;
        }
        *last = *todo;
        *todo = first;
}

static bool take_member(struct machine *x, struct job *job, struct todo **todo, struct jv **slots,
                        const struct jpattern *m, struct jv v, struct jv key)
{
        struct jv part;
        if (!jq_index(&x->r, v, key, &part))
                return false;
        if (m->key_variable)
                *slots = with_slot(x, job->k->n->bind, *slots, m->key_variable->slot, part);
        if (m->value)
                *todo = todo_new(x, m->value, false, part, *todo);
        return true;
}

static void wait_for_key(struct machine *x, struct job *job, struct todo *todo, struct jv *slots)
{
        struct progress *at = jv_alloc(&x->r.mem, sizeof(*at));
        *at = (struct progress){job, todo, slots};
        struct kont *wait = kont_new(x, K_PATTERN_KEY, NULL);
        wait->ptr = at;
        eval(x, todo->pattern->key, cells(x, job->k->env, job->k->n->bind, slots),
             (struct item){todo->v, NULL}, wait);
}

static void go_on(struct machine *x, struct job *job, struct todo *todo, struct jv *slots)
{
        while (todo) {
                struct todo *t = todo;
                const struct jpattern *p = t->pattern;
                bool ok = true;
                if (t->is_member && p->key->kind != J_CONST) {
                        wait_for_key(x, job, t, slots);
                        return;
                }
                todo = t->next;
                if (t->is_member)
                        ok = take_member(x, job, &todo, &slots, p, t->v, p->key->value);
                else if (p->kind == PAT_ARRAY)
                        ok = take_array(x, &todo, p, t->v);
                else if (p->kind == PAT_OBJECT)
                        take_object(x, &todo, p, t->v);
                else
                        slots = with_slot(x, job->k->n->bind, slots, p->slot, t->v);
                if (!ok) {
                        x->mode = FAULT;
                        return;
                }
        }
        bound(x, job, slots);
}

void bind_on_key(struct machine *x, struct kont *k)
{
        struct progress *at = k->ptr;
        struct todo *todo = at->todo->next;
        struct jv *slots = at->slots;
        if (take_member(x, at->job, &todo, &slots, at->todo->pattern, at->todo->v, x->it.v))
                go_on(x, at->job, todo, slots);
        else
                x->mode = FAULT;
}

static void try_pattern(struct machine *x, struct job *job, const struct jpattern *p)
{
        const struct jbind *b = job->k->n->bind;
        struct jv *slots = jv_alloc(&x->r.mem, (b->n_names + 1) * sizeof(*slots));
        for (size_t i = 0; i < b->n_names; i++)
                slots[i] = jv_null();
        if (p->next && job->k->kind == K_BIND) {
                struct choice *c = choice_new(x, CH_OTHER_PATTERN);
                struct todo *other = todo_new(x, p->next, false, job->value, NULL);
                c->ptr = job;
                c->k = (struct kont *)other;
        }
        go_on(x, job, todo_new(x, p, false, job->value, NULL), slots);
}

void bind_other(struct machine *x, const struct choice *c)
{
        const struct todo *other = (const struct todo *)c->k;
        try_pattern(x, c->ptr, other->pattern);
}

void bind_start(struct machine *x, struct kont *k, struct jv value, const struct jpath *p)
{
        struct job *job = jv_alloc(&x->r.mem, sizeof(*job));
        *job = (struct job){k, value, p};
        try_pattern(x, job, k->n->bind->patterns);
}

/* ---- objects ---- */

struct pair {
        struct jv key, value;
        struct pair *before;
};

static void finish_object(struct machine *x, const struct pair *last, const struct jpath *p,
                          struct kont *k)
{
        struct jv o = jv_object();
        for (; last; last = last->before) {
                if (last->key.kind != JV_STR) {
                        jq_fail(&x->r, "expected a string for object key but got: %.*s",
                                SHOWN(jq_shown(&x->r, last->key)));
                        x->mode = FAULT;
                        return;
                }
                if (!jv_get(o, last->key.s)) /* the last one of a name counts */
                        o = jv_set(&x->r.mem, o, last->key.s, last->value);
        }
        give(x, o, p, k);
}

static void wait_in_object(struct machine *x, enum kont_kind kind, const struct jn *child,
                           const struct kont *at, struct jv key)
{
        struct kont *wait = kont_new(x, kind, at->next);
        wait->n = at->n;
        wait->env = at->env;
        wait->in = at->in;
        wait->ptr = at->ptr;
        wait->y = at->y;
        wait->x = key;
        wait->i = at->i;
        eval(x, child, at->env, at->in, wait);
}

static const struct jentry *entry_at(const struct jn *n, size_t i)
{
        const struct jentry *e = n->entries;
        while (e && i--)
                e = e->next;
        return e;
}

static void add_pair(struct machine *x, const struct kont *at, struct jv key, struct jv value,
                     const struct jpath *p)
{
        struct pair *pair = jv_alloc(&x->r.mem, sizeof(*pair));
        *pair = (struct pair){key, value, at->ptr};
        struct item in = at->in;
        if (in.p)
                in.p = p;
        object_next(x, entry_at(at->n, at->i + 1), at->env, in, pair, at->next, at->n);
}

static void on_entry_key(struct machine *x, const struct kont *at, struct jv key)
{
        const struct jentry *e = entry_at(at->n, at->i);
        struct jv value;
        if (e->value)
                wait_in_object(x, K_OBJECT_VALUE, e->value, at, key);
        else if (jq_index(&x->r, at->in.v, key, &value))
                add_pair(x, at, key, value, at->in.p);
        else
                x->mode = FAULT;
}

void object_next(struct machine *x, const struct jentry *e, const struct cell *env, struct item in,
                 void *pairs, struct kont *k, const struct jn *n)
{
        if (!e) {
                finish_object(x, pairs, in.p, k);
                return;
        }
        struct kont at = {.n = n, .env = env, .in = in, .ptr = pairs, .next = k};
        while (entry_at(n, at.i) != e)
                at.i++;
        if (e->key->kind == J_CONST)
                on_entry_key(x, &at, e->key->value);
        else
                wait_in_object(x, K_OBJECT_KEY, e->key, &at, jv_null());
}

void object_on(struct machine *x, struct kont *k)
{
        struct kont at = *k; /* others may come back to k */
        if (at.in.p && x->it.p)
                at.in.p = x->it.p;
        if (k->kind == K_OBJECT_KEY)
                on_entry_key(x, &at, x->it.v);
        else
                add_pair(x, &at, k->x, x->it.v, x->it.p);
}

/* ---- numbers that JSON has no form for ---- */

static void look(void *arg, struct str key, struct jv v)
{
        (void)key;
        *(bool *)arg &= jv_is_finite(v);
}

bool jv_is_finite(struct jv v)
{
        bool yes = true;
        if (v.kind == JV_FLOAT)
                return isfinite(v.f);
        for (size_t i = 0; v.kind == JV_ARRAY && i < jv_len(v); i++)
                yes &= jv_is_finite(jv_at(v, i));
        if (v.kind == JV_OBJECT)
                jv_each(v, look, &yes);
        return yes;
}
