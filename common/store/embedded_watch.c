/* common/store/embedded_watch.c: watches: after every commit, of whichever process, the changes
 * since the last look are read once, folded per object, and told to those whom they concern.
 *
 * What an object looked like to a selector before is written beside each change that could matter,
 * so that a watch sees ADDED when an object begins to match and DELETED when it stops, without
 * remembering what it has told. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/store/embedded.h"

struct ewatch {
        struct store_watch watch;
        char *kind, *ns; /* ns NULL: all */
        struct selector *labels, *fields;
        bool no_nodes;
        bool list_first; /* no version given: what is there comes as ADDED */
        int64_t from;    /* where it begins */
        bool broken, started, stopped;
        struct err refused;
        store_watch_fn *fn;
        void *arg;
        struct ewatch *next;
};

struct change { /* of one object, all that happened to it since the last look */
        int64_t object, version;
        char *kind, *ns;
        bool added, deleted; /* came into being; went */
        json_t *was;         /* what selectors saw at first; NULL: as now */
        json_t *nodes;       /* which were written: NULL none, a list of ids, or true for all */
        json_t *body, *full; /* as now, or as it last was; full: with nodes, made when needed */
        UT_hash_handle hh;
};

static struct ewatch *ewatch_of(struct store_watch *w)
{
        return container_of(w, struct ewatch, watch);
}

static void ewatch_free(struct ewatch *w)
{
        mem_free(w->kind);
        mem_free(w->ns);
        selector_free(w->labels);
        selector_free(w->fields);
        err_clear(&w->refused);
        mem_free(w);
}

/* ---- what this process wrote itself ---- */

static void fresh_drop(struct estore *s, struct fresh *f)
{
        HASH_DEL(s->fresh, f);
        json_decref(f->body);
        mem_free(f);
}

void fresh_keep(struct estore *s, int64_t object, int64_t version, json_t *body)
{
        if (!s->watches || s->closed)
                return;
        struct fresh *f;
        HASH_FIND(hh, s->fresh, &object, sizeof(object), f);
        if (!f) {
                f = NEW(struct fresh);
                f->object = object;
                HASH_ADD(hh, s->fresh, object, sizeof(f->object), f);
        }
        json_decref(f->body);
        f->version = version;
        f->body = json_incref(body);
}

static void fresh_clear(struct estore *s)
{
        struct fresh *f, *next;
        HASH_ITER (hh, s->fresh, f, next)
                fresh_drop(s, f);
}

/* ---- reading changes ---- */

static void change_free(struct change *c)
{
        mem_free(c->kind);
        mem_free(c->ns);
        json_decref(c->was);
        json_decref(c->nodes);
        json_decref(c->body);
        json_decref(c->full);
        mem_free(c);
}

static void changes_free(struct change *all)
{
        struct change *c, *next;
        HASH_ITER (hh, all, c, next) {
                HASH_DEL(all, c);
                change_free(c);
        }
}

static int fold_nodes(struct change *c, sqlite3_stmt *s, int column, struct err *e)
{
        AUTO_JSON json_t *more = NULL;
        if (sqlite3_column_type(s, column) == SQLITE_NULL)
                return 0;
        if (json_column(&more, s, column, e) < 0)
                return -1;
        if (json_is_array(more) && json_is_array(c->nodes)) {
                json_array_extend(c->nodes, more);
        } else if (!json_is_true(c->nodes)) {
                json_decref(c->nodes);
                c->nodes = TAKE(more);
        }
        return 0;
}

/* Columns: version, object, type, kind, ns, was, body, nodes. A later change moves its object to
 * the end. */
static int fold(struct change **all, sqlite3_stmt *s, struct err *e)
{
        int64_t object = sqlite3_column_int64(s, 1);
        struct change *c;
        HASH_FIND(hh, *all, &object, sizeof(object), c);
        if (c) {
                HASH_DEL(*all, c);
        } else {
                c = NEW(struct change);
                c->object = object;
                c->added = sqlite3_column_int(s, 2) == CHANGE_ADDED;
                c->kind = mem_strdup((const char *)sqlite3_column_text(s, 3));
                c->ns = mem_strdup((const char *)sqlite3_column_text(s, 4));
        }
        HASH_ADD(hh, *all, object, sizeof(c->object), c);
        c->version = sqlite3_column_int64(s, 0);
        if (!c->was && sqlite3_column_type(s, 5) != SQLITE_NULL &&
            json_column(&c->was, s, 5, e) < 0)
                return -1;
        if (fold_nodes(c, s, 7, e) < 0)
                return -1;
        if (sqlite3_column_int(s, 2) != CHANGE_DELETED)
                return 0;
        c->deleted = true;
        return json_column(&c->body, s, 6, e);
}

static int read_changes(struct db_tx *tx, int64_t after, struct change **all, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT version, object, type, kind, ns, was, body, nodes FROM store_change"
                    " WHERE version > ? ORDER BY version",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, after);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                if (fold(all, s, e) < 0)
                        break;
        sqlite3_reset(s);
        return r == 0 ? 0 : -1;
}

static int load_body(struct estore *s, struct db_tx *tx, struct change *c, struct err *e)
{
        struct fresh *f;
        if (c->body)
                return 0;
        HASH_FIND(hh, s->fresh, &c->object, sizeof(c->object), f);
        if (f && f->version == c->version) {
                c->body = json_incref(f->body);
                return 0;
        }
        struct row row = {0};
        int found = row_by_id(tx, c->object, &row, e);
        if (found == 0)
                return err_set(e, ERR_INTERNAL, "an object that was changed is not there");
        c->body = TAKE(row.body);
        return found < 0 ? -1 : 0;
}

/* In a pump, the trees are kept up to date; a watch that catches up alone reads its own. */
static int load_full(struct estore *s, struct db_tx *tx, struct change *c, bool pumping,
                     struct err *e)
{
        if (c->full)
                return 0;
        json_t *nodes;
        if (c->deleted) {
                c->full = json_incref(c->body);
                return 0;
        }
        int r = pumping ? tree_nodes(s, tx, c->object, c->nodes, &nodes, e)
                        : nodes_get(tx, c->object, &nodes, e);
        if (r < 0)
                return -1;
        c->full = body_and_nodes(c->body, nodes);
        return 0;
}

/* A tree that missed a change is no good any more. */
static void drop_stale_trees(struct estore *s, const struct change *all)
{
        for (const struct change *c = all; c; c = c->hh.next)
                if (c->deleted || (c->nodes && !c->full))
                        tree_drop(s, c->object);
}

/* ---- telling ---- */

static bool matches(const struct ewatch *w, const json_t *obj)
{
        return selector_matches(w->labels, obj) && selector_matches(w->fields, obj);
}

static bool concerns(const struct ewatch *w, const struct change *c)
{
        return !w->stopped && streq(w->kind, c->kind) && (!w->ns || streq(w->ns, c->ns));
}

static int tell(struct estore *s, struct db_tx *tx, struct ewatch *w, struct change *c,
                bool pumping, struct err *e)
{
        bool was = !c->added && matches(w, c->was ? c->was : c->body);
        bool is = !c->deleted && matches(w, c->body);
        if (!was && !is)
                return 0;
        bool nodes = !w->no_nodes && splits_nodes(w->kind);
        if (nodes && load_full(s, tx, c, pumping, e) < 0)
                return -1;
        enum store_event type = !was ? STORE_ADDED : is ? STORE_MODIFIED : STORE_DELETED;
        w->fn(w->arg, type, nodes ? c->full : c->body, NULL);
        return 0;
}

/* One watch, or all that have started. */
static int tell_all(struct estore *s, struct db_tx *tx, struct change *all, struct ewatch *only,
                    struct err *e)
{
        for (struct change *c = all; c; c = c->hh.next)
                for (struct ewatch *w = only ? only : s->watches; w; w = only ? NULL : w->next) {
                        if (!concerns(w, c) || (!only && !w->started))
                                continue;
                        if (load_body(s, tx, c, e) < 0 || tell(s, tx, w, c, !only, e) < 0)
                                return -1;
                }
        return 0;
}

static void end_watch(struct ewatch *w, enum store_event how, const struct err *e)
{
        if (w->stopped)
                return;
        w->stopped = true;
        w->fn(w->arg, how, NULL, e);
}

/* Watches that ended stay until they are stopped by their owner, who holds them. */
static void sweep(struct estore *s)
{
        for (struct ewatch **p = &s->watches; *p;) {
                struct ewatch *w = *p;
                if (w->fn) {
                        p = &w->next;
                        continue;
                }
                *p = w->next;
                ewatch_free(w);
        }
        if (!s->watches) {
                fresh_clear(s);
                trees_clear(s);
        }
}

/* ---- after a commit ---- */

static bool anyone_started(const struct estore *s)
{
        for (const struct ewatch *w = s->watches; w; w = w->next)
                if (w->started && !w->stopped)
                        return true;
        return false;
}

static int pump(struct estore *s, struct db_tx *tx, struct err *e)
{
        int64_t newest;
        if (version_newest(tx, &newest, e) < 0)
                return -1;
        if (newest <= s->seen)
                return 0;
        int64_t after = s->seen;
        s->seen = newest;
        if (!anyone_started(s)) {
                trees_clear(s);
                return 0;
        }
        struct change *all = NULL;
        int r = read_changes(tx, after, &all, e);
        if (r == 0)
                r = tell_all(s, tx, all, NULL, e);
        drop_stale_trees(s, all);
        if (r < 0)
                trees_clear(s);
        changes_free(all);
        return r;
}

/* Nobody may miss a change: who cannot be told must list again. */
static void end_all(struct estore *s, struct err *e)
{
        log_error(log_root(), "watches cannot be served", F_ERR(e));
        for (struct ewatch *w = s->watches; w; w = w->next)
                end_watch(w, STORE_ENDED, e);
        err_clear(e);
}

/* ---- beginning and ending ---- */

static int list_first(struct db_tx *tx, struct ewatch *w, struct err *e)
{
        AUTO_JSON json_t *list = NULL;
        struct list_query q = {.kind = w->kind,
                               .ns = w->ns,
                               .labels = w->labels,
                               .fields = w->fields,
                               .after_ns = "",
                               .after_name = "",
                               .no_nodes = w->no_nodes};
        if (list_page(tx, &q, &list, e) < 0)
                return -1;
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(list, "items"), i, item)
                if (!w->stopped)
                        w->fn(w->arg, STORE_ADDED, item, NULL);
        return 0;
}

static int catch_up(struct estore *s, struct db_tx *tx, struct ewatch *w, struct err *e)
{
        int64_t oldest, newest;
        if (version_oldest(tx, &oldest, e) < 0 || version_newest(tx, &newest, e) < 0)
                return -1;
        if (w->from + 1 < oldest || w->from > newest)
                return err_set(e, ERR_GONE,
                               "version %lld is too old: history begins at %lld; list again",
                               (long long)w->from, (long long)oldest);
        struct change *all = NULL;
        int r = read_changes(tx, w->from, &all, e);
        if (r == 0)
                r = tell_all(s, tx, all, w, e);
        changes_free(all);
        return r;
}

static void start(struct estore *s, struct db_tx *tx, struct ewatch *w)
{
        struct err e = {0};
        int r = -1;
        if (w->broken)
                err_move(&e, &w->refused);
        else
                r = w->list_first ? list_first(tx, w, &e) : catch_up(s, tx, w, &e);
        w->started = r == 0;
        if (r < 0)
                end_watch(w, e.code == ERR_GONE ? STORE_GONE : STORE_ENDED, &e);
        err_clear(&e);
}

static void start_new(struct estore *s, struct db_tx *tx)
{
        for (struct ewatch *w = s->watches; w; w = w->next)
                if (!w->started && !w->stopped)
                        start(s, tx, w);
}

/* In one snapshot the old watches are told of what is new and the new ones begin: nobody is told
 * twice. */
void estore_pump(void *arg)
{
        struct estore *s = arg;
        struct db_tx *tx = db_read(s->db);
        struct err e = {0};
        if (!s->watches || s->pumping)
                return;
        estore_begin(s);
        s->pumping = true;
        if (db_read_begin(tx, &e) == 0) {
                if (pump(s, tx, &e) < 0)
                        end_all(s, &e);
                start_new(s, tx);
                db_read_end(tx);
        } else {
                end_all(s, &e);
        }
        s->pumping = false;
        fresh_clear(s);
        sweep(s);
        estore_end(s);
}

/* Selectors see these fields in store_change.was. */
static int check_fields(struct ewatch *w)
{
        static const char *const known[] = {"metadata.name", "metadata.namespace", "status.phase",
                                            NULL};
        const char *other = selector_other_key(w->fields, known);
        if (!other)
                return 0;
        return err_set(&w->refused, ERR_UNSUPPORTED,
                       "not supported yet: a watch with the field selector %s", other);
}

static int load(struct ewatch *w, const struct store_list_opts *o, const char *resource_version)
{
        if (selector_labels(&w->labels, o->label_selector, &w->refused) < 0 ||
            selector_fields(&w->fields, o->field_selector, &w->refused) < 0 || check_fields(w) < 0)
                return -1;
        w->list_first = str_empty(resource_version) || streq(resource_version, "0");
        if (!w->list_first && !str_to_i64(resource_version, &w->from))
                return err_set(&w->refused, ERR_INVALID,
                               "resourceVersion \"%s\": expected a number", resource_version);
        return 0;
}

void estore_watch(struct store_watch **out, struct store *store, const struct store_kind *kind,
                  const char *ns, const struct store_list_opts *o, const char *resource_version,
                  store_watch_fn *fn, void *arg)
{
        struct estore *s = estore_of(store);
        struct ewatch *w = NEW(struct ewatch);
        w->watch.store = store;
        w->kind = kind_key(kind);
        w->ns = kind->cluster_scoped || str_empty(ns) ? NULL : mem_strdup(ns);
        w->no_nodes = o->no_nodes;
        w->fn = fn;
        w->arg = arg;
        w->broken = load(w, o, resource_version) < 0;
        w->next = s->watches;
        s->watches = w;
        loop_defer(store->loop, &s->start_watches);
        *out = &w->watch;
}

struct store_watch *estore_watch_stop(struct store_watch *watch)
{
        struct ewatch *w = ewatch_of(watch);
        struct estore *s = estore_of(watch->store);
        w->stopped = true;
        w->fn = NULL;
        if (!s->pumping)
                sweep(s);
        return NULL;
}

/* The owner may still hold them, but not stop them any more. */
void estore_stop_watches(struct estore *s)
{
        for (struct ewatch *w = s->watches; w; w = w->next) {
                w->stopped = true;
                w->fn = NULL;
        }
        if (!s->pumping)
                sweep(s);
}
