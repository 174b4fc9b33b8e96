/* common/store/embedded.h: what the files of the embedded driver share.
 *
 * Tables: store_object holds an object without the nodes of a Workflow, whose id is the version it
 * was made with; store_node one row per node, in the order they were added; store_label what
 * selectors ask for, in list order; store_change the newest ten thousand changes, from which
 * watches read. All versions are one sequence: the primary key of store_change.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/store/selector.h"
#include "common/store/store_driver.h"

enum { CHANGES_KEPT = 10000 };
enum change_type { CHANGE_ADDED = 1, CHANGE_MODIFIED, CHANGE_DELETED };

struct key {              /* of an object; strings borrowed */
        const char *kind; /* "Workflow.argoproj.io" */
        const char *ns;   /* "" for cluster-scoped kinds */
        const char *name;
};
struct row { /* of store_object */
        int64_t id, version;
        json_t *body; /* owned; without status.nodes */
};
void row_deinit(struct row *r);

struct fresh { /* written by this process in this turn: a watch need not read it back */
        int64_t object, version;
        json_t *body;
        UT_hash_handle hh;
};
struct estore {
        struct store store;
        struct db *db;
        struct db_listener changed;
        struct ewatch *watches;
        struct fresh *fresh;
        struct tree *trees;
        int64_t seen; /* the version up to which watches were told */
        struct read_job *reads, **reads_end;
        struct loop_task run_reads, start_watches;
        struct write_op *writes;
        bool pumping;
        size_t on_their_way; /* operations and running callbacks: the memory stays until they are
                                back */
        bool closed;
};
static inline struct estore *estore_of(struct store *s)
{
        return container_of(s, struct estore, store);
}
void estore_begin(struct estore *s);
void estore_end(struct estore *s); /* may free s */
/* Keeps nodes in rows of their own? */
bool splits_nodes(const char *kind);
char *kind_key(const struct store_kind *k);   /* heap: "Workflow.argoproj.io" */
char *kind_words(const struct store_kind *k); /* heap: "workflows.argoproj.io", as errors name it */

/* ---- meta.c: the rules about metadata; pure ---- */

struct change_of_meta {
        const json_t *old; /* NULL: create */
        const char *kind, *ns,
                *name; /* what it must be called; name NULL: as the object says, or generateName */
        struct wall now;
};
/* Checks, fills in and restores what the server owns. A create without a name gets one from
 * generateName. */
int meta_prepare(json_t *obj, const struct change_of_meta *c, struct err *e) MUST_CHECK;
void meta_set_version(json_t *obj, int64_t version);
bool meta_has_finalizers(const json_t *obj);
bool meta_is_deleting(const json_t *obj);
void meta_new_name(json_t *obj); /* another suffix for generateName */
/* Does anything but metadata and status differ? */
bool meta_spec_differs(const json_t *a, const json_t *b);

/* ---- embedded_rows.c: rows and trees; either connection ---- */

/* 1 found, 0 not, -1. */
int row_find(struct db_tx *tx, const struct key *k, struct row *out, struct err *e) MUST_CHECK;
int row_by_id(struct db_tx *tx, int64_t id, struct row *out, struct err *e) MUST_CHECK;
/* The body with all its nodes in status.nodes; a new tree that shares the rest with the body. */
int row_with_nodes(struct db_tx *tx, const struct row *r, json_t **out, struct err *e) MUST_CHECK;
/* The same tree without status.nodes; shares. */
json_t *body_without_nodes(const json_t *obj);
json_t *with_nodes(const json_t *body, json_t *nodes_taken);
json_t *body_and_nodes(const json_t *body,
                       json_t *nodes_taken); /* the body itself when there are none */

int row_insert(struct db_tx *tx, const struct key *k, const json_t *body, int64_t version,
               struct err *e) MUST_CHECK;
/* nodes: which were written: NULL none, a list of ids, or true for all. */
int row_update(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *body,
               const json_t *nodes, int64_t version, struct err *e) MUST_CHECK;
/* last: what watches are told. */
int row_delete(struct db_tx *tx, const struct key *k, const struct row *old, const json_t *last,
               int64_t version, struct err *e) MUST_CHECK;
/* Where store_label holds the objects of a kind with this label. Two labels may share a hash: look
 * at the object. */
/* Labels that are different on every object and that nobody selects by are not worth a page each.
 */
bool label_is_indexed(const char *label);
int64_t label_hash(const char *kind, const char *label, const char *value);
int version_newest(struct db_tx *tx, int64_t *version, struct err *e) MUST_CHECK;
int version_oldest(struct db_tx *tx, int64_t *version, struct err *e) MUST_CHECK;

/* ---- embedded_nodes.c ---- */

int nodes_get(struct db_tx *tx, int64_t object, json_t **out, struct err *e) MUST_CHECK;
int node_get(struct db_tx *tx, int64_t object, const char *id, int64_t *pos, json_t **out,
             struct err *e) MUST_CHECK;
/* NULL removes. *changed (NULL at first) becomes the list of ids that were written, or true for
 * all. */
int node_put(struct db_tx *tx, int64_t object, const char *id, const json_t *node, json_t **changed,
             struct err *e) MUST_CHECK;
int nodes_delete(struct db_tx *tx, int64_t object, json_t **changed, struct err *e) MUST_CHECK;

/* JSON text in a column, both ways. */
int json_bind(sqlite3_stmt *s, int column, const json_t *body);
int json_column(json_t **out, sqlite3_stmt *s, int column, struct err *e) MUST_CHECK;

/* ---- embedded_tree.c ---- */

/* All nodes of an object, as of this read transaction; a reference. `changed`: what was written
 * since the last call (NULL, a list of ids, or true for all). Between two calls no change may go
 * unmentioned. */
int tree_nodes(struct estore *s, struct db_tx *tx, int64_t object, const json_t *changed,
               json_t **out, struct err *e) MUST_CHECK;
void tree_drop(struct estore *s, int64_t object);
void trees_clear(struct estore *s);

/* ---- the verbs ---- */

void estore_get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg);
void estore_list(struct store *s, const struct store_kind *kind, const char *ns,
                 const struct store_list_opts *o, store_done_fn *done, void *arg);
void estore_run_reads(void *estore);
void estore_forsake_reads(struct estore *s);

struct list_query {
        const char *kind, *words, *ns; /* ns NULL: all */
        const struct store_kind *of;   /* for the answer's apiVersion and kind; may be NULL */
        const struct selector *labels, *fields;
        size_t limit;
        const char *after_ns, *after_name; /* "" from the beginning */
        int64_t after_id;
        bool no_nodes;
};
/* {"items": [...], "metadata": {...}} of one moment. */
int list_page(struct db_tx *tx, const struct list_query *q, json_t **out, struct err *e);

void estore_create(struct store *s, const struct store_kind *kind, const char *ns,
                   const json_t *obj, store_done_fn *done, void *arg);
void estore_update(struct store *s, const struct store_kind *kind, const json_t *obj,
                   store_done_fn *done, void *arg);
void estore_patch(struct store *s, struct store_ref ref, enum store_patch type, const json_t *patch,
                  store_done_fn *done, void *arg);
void estore_delete(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                   store_done_fn *done, void *arg);
void estore_forsake_writes(struct estore *s);

void estore_watch(struct store_watch **out, struct store *s, const struct store_kind *kind,
                  const char *ns, const struct store_list_opts *o, const char *resource_version,
                  store_watch_fn *fn, void *arg);
struct store_watch *estore_watch_stop(struct store_watch *w);
void estore_pump(void *estore); /* tell the watches what was committed, begin the new ones */
void estore_stop_watches(struct estore *s);
void fresh_keep(struct estore *s, int64_t object, int64_t version, json_t *body);
