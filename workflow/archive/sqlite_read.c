/* workflow/archive/sqlite_read.c: reading the archive: on the loop's own connection, answered at
 * the end of the turn. Selectors look at the labels of the object; one `key = value` of them goes
 * through the index first. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/store/selector.h"
#include "workflow/archive/sqlite.h"
#include <stdlib.h>

struct read_job {
        struct sqlite_archive *s;
        struct loop_task task;
        json_t *answer;
        struct err err;
        archive_done_fn *done;
        void *arg;
        struct read_job *next, **prev;
};

static void job_free(struct read_job *j)
{
        loop_undefer(j->s->archive.loop, &j->task);
        *j->prev = j->next;
        if (j->next)
                j->next->prev = j->prev;
        json_decref(j->answer);
        err_clear(&j->err);
        free(j);
}

static void on_answer(void *arg)
{
        struct read_job *j = arg;
        bool failed = err_is_set(&j->err);
        j->done(j->arg, failed ? NULL : j->answer, failed ? &j->err : NULL);
        job_free(j);
}

static struct read_job *job_new(struct archive *a, archive_done_fn *done, void *arg)
{
        struct sqlite_archive *s = archive_sqlite_of(a);
        struct read_job *j = NEW(struct read_job);
        *j = (struct read_job){
                .s = s, .done = done, .arg = arg, .next = s->reads, .prev = &s->reads};
        if (j->next)
                j->next->prev = &j->next;
        s->reads = j;
        task_init(&j->task, on_answer, j);
        loop_defer(a->loop, &j->task);
        return j;
}

void archive_sqlite_forsake(struct sqlite_archive *s)
{
        while (s->reads)
                job_free(s->reads);
}

/* ---- objects ---- */

static int parse(json_t **out, sqlite3_stmt *s, int column, struct err *e)
{
        const char *text = sqlite3_column_blob(s, column);
        if (json_reread(out, text ? text : "", (size_t)sqlite3_column_bytes(s, column), e) < 0)
                return err_wrap(e, "an archived workflow is damaged");
        return 0;
}

static void mark_persisted(json_t *workflow)
{
        json_put_at(workflow, json_string("Persisted"), "metadata", "labels",
                    "workflows.argoproj.io/workflow-archiving-status");
}

static int read_nodes(struct db_tx *tx, int64_t id, json_t *workflow, struct err *e)
{
        sqlite3_stmt *s;
        AUTO_JSON json_t *nodes = json_object();
        if (db_stmt(&s, tx, "SELECT id, body FROM archive_node WHERE workflow = ? ORDER BY pos",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, id);
        int r;
        while ((r = db_step(tx, s, e)) > 0) {
                json_t *node;
                if (parse(&node, s, 1, e) < 0) {
                        sqlite3_reset(s);
                        return -1;
                }
                json_object_set_new_nocheck(nodes, (const char *)sqlite3_column_text(s, 0), node);
        }
        if (r == 0 && json_object_size(nodes))
                json_put_at(workflow, TAKE(nodes), "status", "nodes");
        return r;
}

static int read_one(struct sqlite_archive *a, const struct archive_key *key, json_t **out,
                    struct err *e)
{
        struct db_tx *tx = db_read(a->db);
        sqlite3_stmt *s;
        if (a->empty)
                return 0;
        if ((key->uid ? db_stmt(&s, tx, "SELECT id, body FROM archive_workflow WHERE uid = ?1", e)
                      : db_stmt(&s, tx,
                                "SELECT id, body FROM archive_workflow WHERE ns = ?1 AND name = ?2"
                                " ORDER BY started DESC, id DESC LIMIT 1",
                                e)) < 0)
                return -1;
        sqlite3_bind_text(s, 1, key->uid ? key->uid : key->ns, -1, SQLITE_STATIC);
        if (!key->uid)
                sqlite3_bind_text(s, 2, key->name, -1, SQLITE_STATIC);
        int r = db_step(tx, s, e);
        AUTO_JSON json_t *workflow = NULL;
        int64_t id = r > 0 ? sqlite3_column_int64(s, 0) : 0;
        if (r > 0 && parse(&workflow, s, 1, e) < 0)
                r = -1;
        sqlite3_reset(s);
        if (r <= 0 || read_nodes(tx, id, workflow, e) < 0)
                return r <= 0 ? r : -1;
        mark_persisted(workflow);
        *out = TAKE(workflow);
        return 1;
}

void archive_sqlite_get(struct archive *a, const struct archive_key *key, archive_done_fn *done,
                        void *arg)
{
        struct read_job *j = job_new(a, done, arg);
        if (read_one(j->s, key, &j->answer, &j->err) != 0)
                return;
        err_set(&j->err, ERR_NOT_FOUND, "there is no workflow %s%s in the archive",
                key->uid ? "with uid " : "", key->uid ? key->uid : key->name);
}

/* ---- lists ---- */

struct listing {
        const struct archive_query *q;
        struct selector *selector;
        json_t *items;
        size_t seen;
        bool more;
};

/* 1: go on, 0: the page is full. */
static int list_row(struct listing *l, sqlite3_stmt *s, struct err *e)
{
        AUTO_JSON json_t *workflow = NULL;
        if (l->q->limit && json_array_size(l->items) >= l->q->limit && !l->selector &&
            l->seen >= l->q->offset) {
                l->more = true;
                return 0;
        }
        if (parse(&workflow, s, 0, e) < 0)
                return -1;
        if (l->selector && !selector_matches(l->selector, workflow))
                return 1;
        if (l->seen++ < l->q->offset)
                return 1;
        if (l->q->limit && json_array_size(l->items) >= l->q->limit) {
                l->more = true;
                return 0;
        }
        mark_persisted(workflow);
        json_array_append(l->items, workflow);
        return 1;
}

static int prepare(sqlite3_stmt **s, struct db_tx *tx, const struct archive_query *q,
                   const char *key, const char *value, struct err *e)
{
        if ((key ? db_stmt(s, tx,
                           "SELECT body FROM archive_workflow WHERE (?1 IS NULL OR ns = ?1)"
                           " AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR substr(name, 1, "
                           "length(?3)) = ?3)"
                           " AND (?4 = 0 OR started > ?4) AND (?5 = 0 OR started < ?5)"
                           " AND id IN (SELECT workflow FROM archive_label WHERE key = ?6 AND "
                           "value = ?7)"
                           " ORDER BY started DESC, id DESC",
                           e)
                 : db_stmt(s, tx,
                           "SELECT body FROM archive_workflow WHERE (?1 IS NULL OR ns = ?1)"
                           " AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR substr(name, 1, "
                           "length(?3)) = ?3)"
                           " AND (?4 = 0 OR started > ?4) AND (?5 = 0 OR started < ?5)"
                           " ORDER BY started DESC, id DESC",
                           e)) < 0)
                return -1;
        sqlite3_bind_text(*s, 1, q->ns, -1, SQLITE_STATIC); /* NULL binds NULL */
        sqlite3_bind_text(*s, 2, q->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(*s, 3, q->prefix, -1, SQLITE_STATIC);
        sqlite3_bind_int64(*s, 4, q->started_after);
        sqlite3_bind_int64(*s, 5, q->started_before);
        if (key) {
                sqlite3_bind_text(*s, 6, key, -1, SQLITE_STATIC);
                sqlite3_bind_text(*s, 7, value, -1, SQLITE_STATIC);
        }
        return 0;
}

static int read_list(struct sqlite_archive *a, struct listing *l, struct err *e)
{
        const char *key = NULL, *value = NULL;
        sqlite3_stmt *s;
        struct db_tx *tx = db_read(a->db);
        if (selector_labels(&l->selector, l->q->label_selector, e) < 0)
                return -1;
        if (a->empty)
                return 0;
        if (l->selector)
                selector_nth_equals(l->selector, 0, &key, &value);
        if (prepare(&s, tx, l->q, key, value, e) < 0)
                return -1;
        int r;
        while ((r = db_step(tx, s, e)) > 0 && (r = list_row(l, s, e)) > 0)
                ;
        sqlite3_reset(s);
        return r;
}

void archive_sqlite_list(struct archive *a, const struct archive_query *q, archive_done_fn *done,
                         void *arg)
{
        struct read_job *j = job_new(a, done, arg);
        struct listing l = {.q = q, .items = json_array()};
        int r = read_list(j->s, &l, &j->err);
        selector_free(l.selector);
        if (r < 0) {
                json_decref(l.items);
                return;
        }
        j->answer = json_pack("{s:s, s:s, s:{}, s:o}", "apiVersion", "argoproj.io/v1alpha1", "kind",
                              "WorkflowList", "metadata", "items", l.items);
        if (!l.more)
                return;
        AUTO(mem_free) char *next = mem_printf("%zu", q->offset + q->limit);
        json_put_at(j->answer, json_string(next), "metadata", "continue");
}

/* ---- labels ---- */

static int read_labels(struct sqlite_archive *a, const char *ns, const char *key, json_t *items,
                       struct err *e)
{
        struct db_tx *tx = db_read(a->db);
        sqlite3_stmt *s;
        if (a->empty)
                return 0;
        if ((key ? db_stmt(&s, tx,
                           "SELECT DISTINCT value FROM archive_label WHERE key = ?2 AND (?1 IS NULL"
                           " OR workflow IN (SELECT id FROM archive_workflow WHERE ns = ?1))"
                           " ORDER BY value",
                           e)
                 : db_stmt(&s, tx,
                           "SELECT DISTINCT key FROM archive_label WHERE (?1 IS NULL"
                           " OR workflow IN (SELECT id FROM archive_workflow WHERE ns = ?1))"
                           " ORDER BY key",
                           e)) < 0)
                return -1;
        sqlite3_bind_text(s, 1, ns, -1, SQLITE_STATIC);
        if (key)
                sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
        int r;
        while ((r = db_step(tx, s, e)) > 0)
                json_array_append_new(items, json_string((const char *)sqlite3_column_text(s, 0)));
        return r;
}

void archive_sqlite_labels(struct archive *a, const char *ns, const char *key,
                           archive_done_fn *done, void *arg)
{
        struct read_job *j = job_new(a, done, arg);
        j->answer = json_pack("{s:[]}", "items");
        if (read_labels(j->s, ns, key, json_object_get(j->answer, "items"), &j->err) < 0)
                return;
}
