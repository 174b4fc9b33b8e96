/* common/store/follow.c: list + watch that keeps itself alive (reliability.md 5.1 "Kube watch"):
 * relists on GONE and after errors with jittered back-off, reports deletions that happened
 * meanwhile, and never goes back to an older copy of an object. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "common/base/table.h"
#include "common/store/store.h"
#include <stdlib.h>

enum { BACKOFF_FIRST_MS = 200, BACKOFF_MAX_MS = 30000, PAGE = 500 };

struct followed { /* what is needed to tell changes and deletions; the object itself is its reader's
                     to keep */
        UT_hash_handle hh;
        char *version, *uid;
        unsigned round; /* of the list that saw it last */
        char key[];     /* "namespace/name" */
};

struct store_follow {
        struct store *s;
        const struct store_kind *kind;
        char *ns, *label_selector, *field_selector;
        bool no_nodes;
        struct store_follow_handlers h;
        void *arg;
        struct followed *objects;
        struct store_watch *watch;
        struct loop_timer again;
        int64_t backoff_ms;
        char *version, *cont;
        unsigned round;
        bool synced, listing, stopped; /* a list call cannot be taken back: freed by its answer */
};

static void list(struct store_follow *f);
static void watch(struct store_follow *f);

static struct store_list_opts opts(const struct store_follow *f)
{
        return (struct store_list_opts){.label_selector = f->label_selector,
                                        .field_selector = f->field_selector,
                                        .no_nodes = f->no_nodes};
}

static void forget(struct store_follow *f, struct followed *o)
{
        HASH_DEL(f->objects, o);
        free(o->version);
        free(o->uid);
        free(o);
}

static void follow_free(struct store_follow *f)
{
        struct followed *o, *tmp;
        HASH_ITER (hh, f->objects, o, tmp)
                forget(f, o);
        free(f->ns);
        free(f->label_selector);
        free(f->field_selector);
        free(f->version);
        free(f->cont);
        free(f);
}

static void later(struct store_follow *f, loop_fn *what)
{
        f->backoff_ms = f->backoff_ms ? f->backoff_ms * 2 : BACKOFF_FIRST_MS;
        if (f->backoff_ms > BACKOFF_MAX_MS)
                f->backoff_ms = BACKOFF_MAX_MS;
        f->again.fn = what;
        timer_after_ms(store_loop(f->s), &f->again,
                       f->backoff_ms + (int64_t)(rand_u64() % (uint64_t)(f->backoff_ms / 2 + 1)));
}

static void on_list_again(void *arg)
{
        list(arg);
}

static void on_watch_again(void *arg)
{
        watch(arg);
}

/* ---- objects ---- */

static char *key_of(const json_t *obj)
{
        return mem_printf("%s/%s", obj_ns(obj), obj_name(obj) ? obj_name(obj) : "");
}

static void set_object(struct store_follow *f, json_t *obj)
{
        AUTO(mem_free) char *key = key_of(obj);
        struct followed *o;
        HASH_FIND_STR(f->objects, key, o);
        bool same = o && streq(o->version, obj_version(obj)) && streq(o->uid, obj_uid(obj));
        if (!o) {
                o = mem_alloc(sizeof(*o) + strlen(key) + 1);
                strcpy(o->key, key);
                HASH_ADD_STR(f->objects, key, o);
        }
        o->round = f->round;
        if (same)
                return;
        free(o->version);
        free(o->uid);
        o->version = mem_strdup(obj_version(obj));
        o->uid = mem_strdup(obj_uid(obj));
        f->h.set(f->arg, obj);
}

static void drop_object(struct store_follow *f, struct followed *o)
{
        const char *slash = strchr(o->key, '/');
        AUTO_JSON json_t *was =
                json_pack("{s:s, s:{s:s, s:s%, s:s*, s:s*}}", "kind", f->kind->kind, "metadata",
                          "name", slash + 1, "namespace", o->key, (size_t)(slash - o->key), "uid",
                          o->uid, "resourceVersion", o->version);
        forget(f, o);
        f->h.gone(f->arg, was);
}

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e)
{
        struct store_follow *f = arg;
        if (type == STORE_GONE || type == STORE_ENDED) {
                f->watch = store_watch_stop(f->watch);
                if (e) /* what will not go away by itself is no matter of debugging */
                        log_at(log_root(),
                               err_retryable(e->code) || type == STORE_GONE ? LOG_DEBUG : LOG_WARN,
                               "watch ended", F_STR("kind", f->kind->kind), F_ERR(e));
                later(f, type == STORE_GONE ? on_list_again : on_watch_again);
                return;
        }
        f->backoff_ms = 0;
        const char *version = obj_version(obj);
        if (version) {
                free(f->version);
                f->version = mem_strdup(version);
        }
        if (type == STORE_BOOKMARK)
                return;
        if (type != STORE_DELETED) {
                set_object(f, obj);
                return;
        }
        AUTO(mem_free) char *key = key_of(obj);
        struct followed *o;
        HASH_FIND_STR(f->objects, key, o);
        if (o)
                drop_object(f, o);
}

static void watch(struct store_follow *f)
{
        struct store_list_opts o = opts(f);
        store_watch(&f->watch, f->s, f->kind, f->ns, &o, f->version, on_event, f);
}

static void finish_list(struct store_follow *f, const json_t *answer)
{
        struct followed *o, *tmp;
        HASH_ITER (hh, f->objects, o, tmp) {
                if (o->round != f->round)
                        drop_object(f, o);
        }
        free(f->version);
        f->version = mem_strdup(json_str(answer, "metadata", "resourceVersion"));
        bool first = !f->synced;
        f->synced = true;
        watch(f);
        if (first && f->h.synced)
                f->h.synced(f->arg);
}

static void on_list(void *arg, json_t *answer, const struct err *e)
{
        struct store_follow *f = arg;
        f->listing = false;
        if (f->stopped) {
                follow_free(f);
                return;
        }
        if (e) {
                log_warn(log_root(), "list failed, trying again", F_STR("kind", f->kind->kind),
                         F_ERR(e));
                free(f->cont);
                f->cont = NULL;
                later(f, on_list_again);
                if (f->h.failed)
                        f->h.failed(f->arg, e);
                return;
        }
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(answer, "items"), i, item)
                set_object(f, item);
        free(f->cont);
        f->cont = mem_strdup(json_str(answer, "metadata", "continue"));
        if (!str_empty(f->cont)) {
                list(f);
                return;
        }
        f->backoff_ms = 0;
        finish_list(f, answer);
}

static void list(struct store_follow *f)
{
        struct store_list_opts o = opts(f);
        if (str_empty(f->cont))
                f->round++;
        o.limit = PAGE;
        o.cont = f->cont;
        f->listing = true;
        store_list(f->s, f->kind, f->ns, &o, on_list, f);
}

int store_follow(struct store_follow **out, struct store *s, const struct store_kind *kind,
                 const char *ns, const struct store_list_opts *o,
                 const struct store_follow_handlers *h, void *arg, struct err *e UNUSED)
{
        struct store_follow *f = NEW(struct store_follow);
        *f = (struct store_follow){.s = s, .kind = kind, .ns = mem_strdup(ns), .h = *h, .arg = arg};
        if (o) {
                f->label_selector = mem_strdup(o->label_selector);
                f->field_selector = mem_strdup(o->field_selector);
                f->no_nodes = o->no_nodes;
        }
        timer_init(&f->again, on_list_again, f);
        *out = f;
        list(f);
        return 0;
}

struct store_follow *store_follow_stop(struct store_follow *f)
{
        if (!f)
                return NULL;
        timer_cancel(store_loop(f->s), &f->again);
        f->watch = store_watch_stop(f->watch);
        f->stopped = true;
        if (!f->listing)
                follow_free(f);
        return NULL;
}
