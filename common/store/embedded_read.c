/* common/store/embedded_read.c: get and list, on the loop's read connection, answered at the end of
 * the turn.
 *
 * A list walks along the label index, in the order of creation, when the selector asks for an
 * equality; else along the objects by (namespace, name). A page therefore costs what it returns,
 * plus what the other requirements turn away. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/store/embedded.h"
#include <limits.h>
#include <string.h>

struct read_job {
        struct read_job *next;
        int (*run)(struct estore *s, struct read_job *j, json_t **out, struct err *e);
        struct store_kind of; /* strings below; group, version and kind are copied as well */
        char *group, *version, *kind_name, *kind, *words, *ns, *name;
        struct selector *labels, *fields;
        char *cont;
        size_t limit;
        bool no_nodes;
        struct err refused;
        store_done_fn *done;
        void *arg;
};

static void job_free(struct read_job *j)
{
        selector_free(j->labels);
        selector_free(j->fields);
        err_clear(&j->refused);
        mem_free(j->group);
        mem_free(j->version);
        mem_free(j->kind_name);
        mem_free(j->kind);
        mem_free(j->words);
        mem_free(j->ns);
        mem_free(j->name);
        mem_free(j->cont);
        mem_free(j);
}

static struct read_job *job_new(const struct store_kind *kind, const char *ns, store_done_fn *done,
                                void *arg)
{
        struct read_job *j = NEW(struct read_job);
        j->group = mem_strdup(kind->group);
        j->version = mem_strdup(kind->version);
        j->kind_name = mem_strdup(kind->kind);
        j->of = (struct store_kind){.group = j->group, .version = j->version, .kind = j->kind_name};
        j->kind = kind_key(kind);
        j->words = kind_words(kind);
        j->ns = kind->cluster_scoped ? mem_strdup("") : mem_strdup(ns);
        j->done = done;
        j->arg = arg;
        return j;
}

static void enqueue(struct estore *s, struct read_job *j)
{
        *s->reads_end = j;
        s->reads_end = &j->next;
        loop_defer(s->store.loop, &s->run_reads);
}

static void answer(struct estore *s, struct read_job *j)
{
        AUTO_JSON json_t *out = NULL;
        struct err e = {0};
        if (err_is_set(&j->refused))
                err_move(&e, &j->refused);
        else if (j->run(s, j, &out, &e) == 0)
                err_clear(&e);
        j->done(j->arg, err_is_set(&e) ? NULL : out, err_is_set(&e) ? &e : NULL);
        err_clear(&e);
        job_free(j);
}

void estore_run_reads(void *arg)
{
        struct estore *s = arg;
        estore_begin(s);
        struct read_job *j = s->reads, *next;
        s->reads = NULL;
        s->reads_end = &s->reads;
        for (; j; j = next) {
                next = j->next;
                answer(s, j);
        }
        estore_end(s);
}

void estore_forsake_reads(struct estore *s)
{
        struct read_job *j = s->reads, *next;
        s->reads = NULL;
        s->reads_end = &s->reads;
        for (; j; j = next) {
                next = j->next;
                err_clear(&j->refused);
                err_set(&j->refused, ERR_TIMEOUT, "the store is closing");
                answer(s, j);
        }
}

/* ---- get ---- */

static int run_get(struct estore *s, struct read_job *j, json_t **out, struct err *e)
{
        struct db_tx *tx = db_read(s->db);
        struct key k = {j->kind, j->ns, j->name};
        struct row row = {0};
        if (db_read_begin(tx, e) < 0)
                return -1;
        int found = row_find(tx, &k, &row, e);
        int r = found < 0 ? -1 : 0;
        if (found > 0 && splits_nodes(j->kind))
                r = row_with_nodes(tx, &row, out, e);
        else if (found > 0)
                *out = json_incref(row.body);
        else if (found == 0)
                r = err_set(e, ERR_NOT_FOUND, "%s \"%s\" not found", j->words, j->name);
        row_deinit(&row);
        db_read_end(tx);
        return r;
}

void estore_get(struct store *store, struct store_ref ref, store_done_fn *done, void *arg)
{
        struct read_job *j = job_new(ref.kind, str_empty(ref.ns) ? "default" : ref.ns, done, arg);
        j->name = mem_strdup(ref.name ? ref.name : "");
        j->run = run_get;
        enqueue(estore_of(store), j);
}

/* ---- list ---- */

/* Columns: id, version, body, ns, name. */
#define FROM_LABELS                                                       \
        "SELECT o.id, o.version, o.body, o.ns, o.name FROM store_label l" \
        " CROSS JOIN store_object o ON o.id = l.object"                   \
        " WHERE l.hash = ?4 AND l.object > ?3 AND o.kind = ?1"
#define FROM_OBJECTS "SELECT id, version, body, ns, name FROM store_object WHERE kind = ?1"

/* How many objects have this label, counted up to a limit. */
static int count_label(struct db_tx *tx, int64_t hash, int *n, struct err *e)
{
        sqlite3_stmt *s;
        if (db_stmt(&s, tx,
                    "SELECT count(*) FROM (SELECT 1 FROM store_label WHERE hash = ? LIMIT 1000)",
                    e) < 0)
                return -1;
        sqlite3_bind_int64(s, 1, hash);
        if (db_step(tx, s, e) < 0)
                return -1;
        *n = sqlite3_column_int(s, 0);
        sqlite3_reset(s);
        return 0;
}

/* The rarest label the selector asks for. 1: there is one. */
static int choose_label(struct db_tx *tx, const struct list_query *q, int64_t *hash, struct err *e)
{
        const char *label, *value;
        int fewest = INT_MAX;
        bool several = selector_nth_equals(q->labels, 1, &label, &value);
        for (size_t i = 0; selector_nth_equals(q->labels, i, &label, &value); i++) {
                if (!label_is_indexed(label))
                        continue;
                int64_t h = label_hash(q->kind, label, value);
                int n = 0;
                if (several && count_label(tx, h, &n, e) < 0)
                        return -1;
                if (n < fewest) {
                        fewest = n;
                        *hash = h;
                }
        }
        return fewest < INT_MAX;
}

static int open_by_label(sqlite3_stmt **s, struct db_tx *tx, const struct list_query *q,
                         int64_t hash, struct err *e)
{
        if ((q->ns ? db_stmt(s, tx, FROM_LABELS " AND o.ns = ?2 ORDER BY l.object", e)
                   : db_stmt(s, tx, FROM_LABELS " ORDER BY l.object", e)) < 0)
                return -1;
        if (q->ns)
                sqlite3_bind_text(*s, 2, q->ns, -1, SQLITE_STATIC);
        sqlite3_bind_int64(*s, 3, q->after_id);
        sqlite3_bind_int64(*s, 4, hash);
        return 0;
}

static int open_by_name(sqlite3_stmt **s, struct db_tx *tx, const struct list_query *q,
                        struct err *e)
{
        if ((q->ns ? db_stmt(s, tx, FROM_OBJECTS " AND ns = ?2 AND name > ?3 ORDER BY name", e)
                   : db_stmt(s, tx, FROM_OBJECTS " AND (ns, name) > (?2, ?3) ORDER BY ns, name",
                             e)) < 0)
                return -1;
        sqlite3_bind_text(*s, 2, q->ns ? q->ns : q->after_ns, -1, SQLITE_STATIC);
        sqlite3_bind_text(*s, 3, q->after_name, -1, SQLITE_STATIC);
        return 0;
}

static int open_cursor(sqlite3_stmt **s, struct db_tx *tx, const struct list_query *q,
                       struct err *e)
{
        int64_t hash = 0;
        int by_label = choose_label(tx, q, &hash, e);
        if (by_label < 0 ||
            (by_label ? open_by_label(s, tx, q, hash, e) : open_by_name(s, tx, q, e)) < 0)
                return -1;
        sqlite3_bind_text(*s, 1, q->kind, -1, SQLITE_STATIC);
        return 0;
}

/* 1: *item is a match (owned), 0: it is not. */
static int take_row(struct db_tx *tx, const struct list_query *q, sqlite3_stmt *s, json_t **item,
                    struct err *e)
{
        const char *name = selector_equals(q->fields, "metadata.name");
        if (name && !streq(name, (const char *)sqlite3_column_text(s, 4)))
                return 0;
        struct row row = {.id = sqlite3_column_int64(s, 0)};
        if (json_column(&row.body, s, 2, e) < 0)
                return -1;
        int r = selector_matches(q->labels, row.body) && selector_matches(q->fields, row.body);
        if (r && !q->no_nodes && splits_nodes(q->kind))
                r = row_with_nodes(tx, &row, item, e) < 0 ? -1 : 1;
        else if (r)
                *item = json_incref(row.body);
        row_deinit(&row);
        return r;
}

/* Where the next page begins, in either order. */
static char *place_of(sqlite3_stmt *s)
{
        return mem_printf("%lld/%s/%s", (long long)sqlite3_column_int64(s, 0),
                          (const char *)sqlite3_column_text(s, 3),
                          (const char *)sqlite3_column_text(s, 4));
}

static void put_continue(json_t *list, const char *place)
{
        AUTO_BUF struct buf token = BUF_INIT(BUF_UNBOUNDED);
        base64_put(&token, place, strlen(place));
        json_put_at(list, json_string(buf_str(&token)), "metadata", "continue");
}

static int fill_page(struct db_tx *tx, const struct list_query *q, json_t *list, struct err *e)
{
        json_t *items = json_object_get(list, "items");
        AUTO(mem_free) char *last = NULL;
        sqlite3_stmt *s;
        int r;
        if (open_cursor(&s, tx, q, e) < 0)
                return -1;
        while ((r = db_step(tx, s, e)) > 0) {
                json_t *item;
                r = take_row(tx, q, s, &item, e);
                if (r < 0)
                        break;
                if (r == 0)
                        continue;
                if (last) { /* the page is full, and there is more */
                        json_decref(item);
                        put_continue(list, last);
                        break;
                }
                json_array_append_new(items, item);
                if (q->limit && json_array_size(items) == q->limit)
                        last = place_of(s);
        }
        sqlite3_reset(s);
        return r < 0 ? -1 : 0;
}

int list_page(struct db_tx *tx, const struct list_query *q, json_t **out, struct err *e)
{
        int64_t version;
        if (version_newest(tx, &version, e) < 0)
                return -1;
        AUTO_JSON json_t *list = json_object();
        if (q->of) {
                json_object_set_new(list, "apiVersion",
                                    json_sprintf("%s%s%s", q->of->group, *q->of->group ? "/" : "",
                                                 q->of->version));
                json_object_set_new(list, "kind", json_sprintf("%sList", q->of->kind));
        }
        meta_set_version(list, version);
        json_object_set_new(list, "items", json_array());
        if (fill_page(tx, q, list, e) < 0)
                return -1;
        *out = TAKE(list);
        return 0;
}

/* Cuts *place into its parts. */
static int read_continue(const char *token, struct buf *place, struct list_query *q, struct err *e)
{
        q->after_ns = q->after_name = "";
        if (!token)
                return 0;
        char *ns = base64_get(place, token, strlen(token)) && place->len ? strchr(place->data, '/')
                                                                         : NULL;
        char *name = ns ? strchr(ns + 1, '/') : NULL;
        if (!name)
                return err_set(e, ERR_INVALID, "continue: not a token of ours");
        *ns++ = *name++ = '\0';
        q->after_ns = ns;
        q->after_name = name;
        if (!str_to_i64(place->data, &q->after_id))
                return err_set(e, ERR_INVALID, "continue: not a token of ours");
        return 0;
}

static int run_list(struct estore *s, struct read_job *j, json_t **out, struct err *e)
{
        struct db_tx *tx = db_read(s->db);
        AUTO_BUF struct buf place = BUF_INIT(2048);
        struct list_query q = {.kind = j->kind,
                               .of = &j->of,
                               .ns = j->ns,
                               .labels = j->labels,
                               .fields = j->fields,
                               .limit = j->limit,
                               .no_nodes = j->no_nodes};
        if (read_continue(j->cont, &place, &q, e) < 0 || db_read_begin(tx, e) < 0)
                return -1;
        int r = list_page(tx, &q, out, e);
        db_read_end(tx);
        return r;
}

static int load_selectors(struct read_job *j, const struct store_list_opts *o)
{
        if (selector_labels(&j->labels, o->label_selector, &j->refused) < 0)
                return -1;
        return selector_fields(&j->fields, o->field_selector, &j->refused);
}

void estore_list(struct store *store, const struct store_kind *kind, const char *ns,
                 const struct store_list_opts *o, store_done_fn *done, void *arg)
{
        struct read_job *j = job_new(kind, str_empty(ns) ? NULL : ns, done, arg);
        j->run = load_selectors(j, o) < 0 ? NULL : run_list;
        j->limit = o->limit;
        j->cont = str_empty(o->cont) ? NULL : mem_strdup(o->cont);
        j->no_nodes = o->no_nodes;
        enqueue(estore_of(store), j);
}
