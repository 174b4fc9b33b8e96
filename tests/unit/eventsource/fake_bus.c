/* tests/unit/eventsource/fake_bus.c: see fake_bus.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventsource/fake_bus.h"
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/store/store.h"
#include <stdlib.h>

struct fake_append {
        struct fake_append *next;
        struct bus_msg *msg;
        bus_done_fn *done;
        void *arg;
};

/* ---- messages ---- */

struct bus_msg *bus_msg_new(const char *subject, const char *id, const void *data, size_t len,
                            struct wall time, bool dedup)
{
        struct bus_msg *m = NEW(struct bus_msg);
        *m = (struct bus_msg){.time = time,
                              .subject = mem_strdup(subject),
                              .id = mem_strdup(id),
                              .data = mem_strndup(data, len),
                              .len = len,
                              .dedup = dedup,
                              .refs = 1};
        return m;
}

struct bus_msg *bus_msg_ref(struct bus_msg *m)
{
        m->refs++;
        return m;
}

struct bus_msg *bus_msg_unref(struct bus_msg *m)
{
        if (!m || --m->refs > 0)
                return NULL;
        mem_free((void *)(uintptr_t)m->subject);
        mem_free((void *)(uintptr_t)m->id);
        mem_free((void *)(uintptr_t)m->data);
        mem_free(m);
        return NULL;
}

/* ---- the bus ---- */

static void answer_one(struct fake_bus *f, struct fake_append *a)
{
        struct err e = {0};
        enum bus_outcome outcome = f->duplicate  ? BUS_DUPLICATE
                                   : f->conflict ? BUS_CONFLICT
                                                 : BUS_STORED;
        if (f->fail)
                err_set(&e, f->fail, "the fake bus refuses");
        else if (outcome == BUS_STORED && f->n < ARRAY_LEN(f->msgs))
                f->msgs[f->n++] = bus_msg_ref(a->msg);
        a->done(a->arg, outcome, f->n, f->fail ? &e : NULL);
        err_clear(&e);
        bus_msg_unref(a->msg);
        free(a);
}

void fake_bus_answer(struct fake_bus *f)
{
        while (f->waiting) {
                struct fake_append *a = f->waiting;
                f->waiting = a->next;
                answer_one(f, a);
        }
}

static void on_task(void *arg)
{
        struct fake_bus *f = arg;
        if (!f->hold)
                fake_bus_answer(f);
}

void bus_append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg)
{
        struct fake_bus *f = (struct fake_bus *)(void *)b;
        struct fake_append *a = NEW(struct fake_append), **end = &f->waiting;
        *a = (struct fake_append){.msg = bus_msg_ref(m), .done = done, .arg = arg};
        while (*end)
                end = &(*end)->next;
        *end = a;
        f->appended++;
        loop_defer(f->loop, &f->task);
}

void fake_bus_init(struct fake_bus *f, struct loop *l)
{
        *f = (struct fake_bus){.loop = l};
        task_init(&f->task, on_task, f);
}

void fake_bus_deinit(struct fake_bus *f)
{
        fake_bus_answer(f);
        loop_undefer(f->loop, &f->task);
        for (size_t i = 0; i < f->n; i++)
                bus_msg_unref(f->msgs[i]);
}

struct bus *fake_bus_as_bus(struct fake_bus *f)
{
        return (struct bus *)(void *)f;
}

/* ---- the store ---- */

struct store *fake_store(const struct fake_secret *table)
{
        return (struct store *)(uintptr_t)table;
}

static const char *look_up(struct store *s, const char *name, const char *key)
{
        AUTO(mem_free) char *ref = mem_printf("%s/%s", name, key);
        for (const struct fake_secret *t = (const void *)s; t->ref; t++)
                if (strcmp(t->ref, ref) == 0)
                        return t->value;
        return NULL;
}

void store_secret(struct store *s, const char *ns UNUSED, const char *name, const char *key,
                  store_secret_fn *done, void *arg)
{
        const char *value = look_up(s, name, key);
        struct err e = {0};
        if (!value)
                err_set(&e, ERR_NOT_FOUND, "Secret %s: no key %s", name, key);
        done(arg, value ? secret_new(value, strlen(value)) : NULL, value ? NULL : &e);
        err_clear(&e);
}

void store_config(struct store *s, const char *ns UNUSED, const char *name, const char *key,
                  store_config_fn *done, void *arg)
{
        const char *value = look_up(s, name, key);
        struct err e = {0};
        if (!value)
                err_set(&e, ERR_NOT_FOUND, "ConfigMap %s: no key %s", name, key);
        done(arg, value, value ? NULL : &e);
        err_clear(&e);
}

const struct store_kind STORE_EVENT_SOURCE = {"argoproj.io", "v1alpha1", "EventSource",
                                              "eventsources", false};

int store_follow(struct store_follow **out UNUSED, struct store *s UNUSED,
                 const struct store_kind *kind UNUSED, const char *ns UNUSED,
                 const struct store_list_opts *o UNUSED,
                 const struct store_follow_handlers *h UNUSED, void *arg UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "the fake store cannot be followed");
}

struct store_follow *store_follow_stop(struct store_follow *f UNUSED)
{
        return NULL;
}

const char *obj_name(const json_t *o)
{
        return json_str(o, "metadata", "name");
}

const char *obj_ns(const json_t *o)
{
        return json_str(o, "metadata", "namespace");
}
