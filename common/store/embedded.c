/* common/store/embedded.c: the store in our SQLite file: tables, opening, closing. See embedded.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/store/embedded.h"
#include <jansson.h>

static const struct db_migration steps[] = {
        {"objects", 1,
         "CREATE TABLE store_object(id INTEGER PRIMARY KEY, version INTEGER, kind TEXT, ns TEXT,"
         " name TEXT, body BLOB);"
         "CREATE UNIQUE INDEX store_object_key ON store_object(kind, ns, name);"
         "CREATE TABLE store_label(hash INTEGER, object INTEGER, PRIMARY KEY(hash, object))"
         " WITHOUT ROWID;"
         "CREATE TABLE store_node(pos INTEGER PRIMARY KEY, object INTEGER, id TEXT, body BLOB);"
         "CREATE UNIQUE INDEX store_node_id ON store_node(object, id);"
         "CREATE TABLE store_change(version INTEGER PRIMARY KEY, object INTEGER, type INTEGER,"
         " kind TEXT, ns TEXT, name TEXT, was BLOB, body BLOB, nodes BLOB)"},
};

char *kind_key(const struct store_kind *k)
{
        return mem_printf("%s.%s", k->kind, k->group);
}

char *kind_words(const struct store_kind *k)
{
        return mem_printf("%s%s%s", k->plural, *k->group ? "." : "", k->group);
}

static void estore_free(struct estore *s)
{
        mem_free(s);
}

void estore_begin(struct estore *s)
{
        s->on_their_way++;
}

void estore_end(struct estore *s)
{
        if (--s->on_their_way == 0 && s->closed)
                estore_free(s);
}

static void estore_close(struct store *store)
{
        struct estore *s = estore_of(store);
        db_off_change(s->db, &s->changed);
        loop_undefer(s->store.loop, &s->run_reads);
        loop_undefer(s->store.loop, &s->start_watches);
        estore_begin(s);
        s->closed = true;
        estore_stop_watches(s);
        estore_forsake_reads(s);
        estore_forsake_writes(s);
        estore_end(s);
}

static int estore_ping(struct store *store, struct err *e)
{
        int64_t version;
        return version_newest(db_read(estore_of(store)->db), &version, e);
}

static void hurry(struct store *s)
{
        db_hurry(container_of(s, struct estore, store)->db);
}

static void set_patient(struct store *s, bool patient)
{
        db_patient(container_of(s, struct estore, store)->db, patient);
}

static void on_change(void *arg)
{
        struct estore *s = arg;
        if (db_touched(s->db) & (DB_TOUCH_STORE | DB_BY_OTHERS))
                estore_pump(s);
}

int store_embedded(struct store **out, struct db *db, struct err *e)
{
        static const struct store_driver driver = {
                .name = "embedded",
                .close = estore_close,
                .ping = estore_ping,
                .get = estore_get,
                .create = estore_create,
                .update = estore_update,
                .patch = estore_patch,
                .remove = estore_delete,
                .list = estore_list,
                .watch = estore_watch,
                .watch_stop = estore_watch_stop,
                .patient = set_patient,
                .hurry = hurry,
        };
        json_object_seed(0); /* before trees are made on two threads */
        if (db_migrate(db, steps, ARRAY_LEN(steps), e) < 0)
                return -1;
        int64_t newest;
        if (version_newest(db_read(db), &newest, e) < 0)
                return -1;
        struct estore *s = NEW(struct estore);
        s->store = (struct store){&driver, db_loop(db)};
        s->db = db;
        s->seen = newest;
        s->reads_end = &s->reads;
        task_init(&s->run_reads, estore_run_reads, s);
        task_init(&s->start_watches, estore_pump, s);
        db_on_change(db, &s->changed, on_change, s);
        *out = &s->store;
        return 0;
}
