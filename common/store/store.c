/* common/store/store.c: the calls of store.h go to the driver. SPDX-License-Identifier: Apache-2.0
 */
#include "common/store/store_driver.h"

struct store *store_close(struct store *s)
{
        if (s)
                s->driver->close(s);
        return NULL;
}

struct loop *store_loop(struct store *s)
{
        return s->loop;
}

int store_ping(struct store *s, struct err *e)
{
        return s->driver->ping(s, e);
}

void store_get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg)
{
        s->driver->get(s, ref, done, arg);
}

void store_create(struct store *s, const struct store_kind *kind, const char *ns, const json_t *obj,
                  store_done_fn *done, void *arg)
{
        s->driver->create(s, kind, ns, obj, done, arg);
}

void store_update(struct store *s, const struct store_kind *kind, const json_t *obj,
                  store_done_fn *done, void *arg)
{
        s->driver->update(s, kind, obj, done, arg);
}

void store_patch(struct store *s, struct store_ref ref, enum store_patch type, const json_t *patch,
                 store_done_fn *done, void *arg)
{
        s->driver->patch(s, ref, type, patch, done, arg);
}

void store_delete(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                  store_done_fn *done, void *arg)
{
        s->driver->remove(s, ref, o, done, arg);
}

void store_list(struct store *s, const struct store_kind *kind, const char *ns,
                const struct store_list_opts *o, store_done_fn *done, void *arg)
{
        static const struct store_list_opts all;
        s->driver->list(s, kind, ns, o ? o : &all, done, arg);
}

void store_watch(struct store_watch **out, struct store *s, const struct store_kind *kind,
                 const char *ns, const struct store_list_opts *o, const char *resource_version,
                 store_watch_fn *fn, void *arg)
{
        static const struct store_list_opts all;
        s->driver->watch(out, s, kind, ns, o ? o : &all, resource_version, fn, arg);
}

struct store_watch *store_watch_stop(struct store_watch *w)
{
        return w ? w->store->driver->watch_stop(w) : NULL;
}

void store_patient(struct store *s, bool patient)
{
        if (s->driver->patient)
                s->driver->patient(s, patient);
}

void store_hurry(struct store *s)
{
        if (s->driver->hurry)
                s->driver->hurry(s);
}
