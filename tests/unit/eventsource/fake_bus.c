/* tests/unit/eventsource/fake_bus.c: see fake_bus.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventsource/fake_bus.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include <stdlib.h>

/* ---- the bus ---- */

struct fake_append {
        struct fake_append *next;
        struct bus_msg *msg;
        bus_done_fn *done;
        void *arg;
};

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
        bus_append_answer(&f->bus, a->msg, a->done, a->arg, outcome, f->n, f->fail ? &e : NULL);
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

static void bus_task(void *arg)
{
        struct fake_bus *f = arg;
        if (!f->hold)
                fake_bus_answer(f);
}

static void append(struct bus *b, struct bus_msg *m, bus_done_fn *done, void *arg)
{
        struct fake_bus *f = container_of(b, struct fake_bus, bus);
        struct fake_append *a = NEW(struct fake_append), **end = &f->waiting;
        *a = (struct fake_append){.msg = m, .done = done, .arg = arg};
        while (*end)
                end = &(*end)->next;
        *end = a;
        f->appended++;
        loop_defer(b->loop, &f->task);
}

void fake_bus_init(struct fake_bus *f, struct loop *l)
{
        static const struct bus_driver driver = {.name = "fake", .append = append};
        *f = (struct fake_bus){0};
        bus_init(&f->bus, &driver, l, NULL);
        task_init(&f->task, bus_task, f);
}

void fake_bus_deinit(struct fake_bus *f)
{
        fake_bus_answer(f);
        loop_undefer(f->bus.loop, &f->task);
        for (size_t i = 0; i < f->n; i++)
                bus_msg_unref(f->msgs[i]);
        bus_deinit(&f->bus);
}

/* ---- the store ---- */

struct fake_get {
        struct fake_get *next;
        char *name;
        store_done_fn *done;
        void *arg;
};

/* The Secret of that name with all its keys, or NULL. */
static json_t *secret_object(const struct fake_store *f, const char *name)
{
        json_t *data = json_object();
        size_t n = strlen(name);
        for (const struct fake_secret *s = f->secrets; s->ref; s++) {
                if (strncmp(s->ref, name, n) != 0 || s->ref[n] != '/')
                        continue;
                AUTO_BUF struct buf b = BUF_INIT(65536);
                base64_put(&b, s->value, strlen(s->value));
                json_object_set_new(data, s->ref + n + 1, json_string(buf_str(&b)));
        }
        if (json_object_size(data))
                return json_pack("{s:o}", "data", data);
        json_decref(data);
        return NULL;
}

static void store_task(void *arg)
{
        struct fake_store *f = arg;
        while (f->waiting) {
                struct fake_get *g = f->waiting;
                f->waiting = g->next;
                struct err e = {0};
                AUTO_JSON json_t *o = secret_object(f, g->name);
                if (!o)
                        err_set(&e, ERR_NOT_FOUND, "not found");
                g->done(g->arg, o, o ? NULL : &e);
                err_clear(&e);
                free(g->name);
                free(g);
        }
}

static void get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg)
{
        struct fake_store *f = container_of(s, struct fake_store, store);
        struct fake_get *g = NEW(struct fake_get);
        *g = (struct fake_get){f->waiting, mem_strdup(ref.name), done, arg};
        f->waiting = g;
        loop_defer(s->loop, &f->task);
}

void fake_store_init(struct fake_store *f, struct loop *l)
{
        static const struct store_driver driver = {.name = "fake", .get = get};
        *f = (struct fake_store){.store = {&driver, l}};
        task_init(&f->task, store_task, f);
}

void fake_store_deinit(struct fake_store *f)
{
        store_task(f);
        loop_undefer(f->store.loop, &f->task);
}
