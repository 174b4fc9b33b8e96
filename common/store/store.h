/* common/store/store.h: resources with Kubernetes semantics, in our database or in a cluster.
 *
 * Objects are json_t trees {apiVersion, kind, metadata, ...} keyed by (group/kind, namespace,
 * name), with uid, resourceVersion, generation (bumped when anything but metadata/status changes),
 * creationTimestamp, labels; generateName with a random suffix; optimistic concurrency: an update
 * whose metadata.resourceVersion is set and stale is CONFLICT, as is a create of an existing name.
 * `stringData` of a Secret is folded into base64 `data`. Objects that were deleted while
 * metadata.finalizers is not empty get a deletionTimestamp and go when the last is removed.
 * Workflow.status.nodes is kept as one row per node by the embedded driver: a merge patch that
 * names three nodes writes three rows. Nothing limits a workflow to 1 MB. Every call takes a
 * completion callback, called later on the loop, exactly once. On the embedded driver writes obey
 * the ORDER promise of db.h and share the group commit.
 * Objects passed in are borrowed (copied or serialised before the call returns); objects handed out
 * are borrowed for the callback: json_incref to keep, never modify. Threads: the loop's. Drivers:
 * embedded (db.h), kube (common/kube). One conformance suite runs over both
 * (tests/conformance/store). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/loop.h"

struct store;
struct db;
struct kube_client;

struct store_kind {
        const char *group;   /* "argoproj.io", "" for core */
        const char *version; /* "v1alpha1" */
        const char *kind;    /* "Workflow" */
        const char *plural;  /* "workflows" */
        bool cluster_scoped;
};
/* The kinds we know (argoproj.io ones, core v1 ConfigMap, Secret, Pod, Service, Namespace, ...), or
 * NULL. */
const struct store_kind *store_kind_find(const char *api_version, const char *kind);
/* Any kind at all: the plural is inflected as Argo Events does (endpointses, eventbus; surprises.md
 * 11). `out` strings live in the object or in static memory; plural is heap: store_kind_deinit. */
int store_kind_of(struct store_kind *out, const json_t *object, struct err *e) MUST_CHECK;
void store_kind_deinit(struct store_kind *k);
/* "wf", "workflows", "Workflow", "wftmpl", "cm", ... as typed on a command line, or NULL. */
const struct store_kind *store_kind_by_word(const char *word);
extern const struct store_kind STORE_WORKFLOW, STORE_WORKFLOW_TEMPLATE,
        STORE_CLUSTER_WORKFLOW_TEMPLATE, STORE_CRON_WORKFLOW, STORE_WORKFLOW_EVENT_BINDING,
        STORE_EVENT_SOURCE, STORE_SENSOR, STORE_EVENT_BUS, STORE_CONFIG_MAP, STORE_SECRET;

int store_embedded(struct store **out, struct db *db, struct err *e) MUST_CHECK;
int store_kube(struct store **out, struct kube_client *client,
               struct err *e) MUST_CHECK; /* client is owned from here on */
struct store *store_close(struct store *s);
AUTO_DEFINE(store_close, struct store *);
struct loop *store_loop(struct store *s);
/* Blocking readiness check for start-up: can it be reached, may we read? */
int store_ping(struct store *s, struct err *e) MUST_CHECK;

struct store_ref {
        const struct store_kind *kind;
        const char *ns; /* ignored for cluster-scoped kinds */
        const char *name;
};
/* `obj` NULL when `e` is not; borrowed. Codes: NOT_FOUND, CONFLICT, INVALID, DENIED, UNAVAILABLE,
 * TIMEOUT, GONE, ... */
typedef void store_done_fn(void *arg, json_t *obj, const struct err *e);

void store_get(struct store *s, struct store_ref ref, store_done_fn *done, void *arg);
/* Namespace from metadata.namespace, else `ns`. The object handed to done is as stored. */
void store_create(struct store *s, const struct store_kind *kind, const char *ns, const json_t *obj,
                  store_done_fn *done, void *arg);
void store_update(struct store *s, const struct store_kind *kind, const json_t *obj,
                  store_done_fn *done, void *arg);
enum store_patch {
        STORE_PATCH_MERGE,
        STORE_PATCH_JSON,
        STORE_PATCH_STRATEGIC /* kube only; embedded: merge, lists replaced */
};
/* A metadata.resourceVersion inside a merge patch is a precondition. Of status.nodes, the object
 * handed to done of a merge patch holds those the patch named (embedded; store_get has all). */
void store_patch(struct store *s, struct store_ref ref, enum store_patch type, const json_t *patch,
                 store_done_fn *done, void *arg);
/* Writes made while this is set are bookkeeping in no hurry: on the embedded driver they may share
 * a later commit (db.h: db_patient). */
void store_patient(struct store *s, bool patient);
void store_hurry(struct store *s); /* what was in no hurry goes now */
struct store_delete_opts {
        const char *uid; /* precondition, NULL = none */
};
void store_delete(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                  store_done_fn *done, void *arg);

struct store_list_opts {
        const char *label_selector; /* Kubernetes syntax, NULL = all */
        const char *field_selector; /* metadata.name=, metadata.namespace=, status.phase= ...; kube
                                       passes it on */
        size_t limit;               /* 0 = all */
        const char *cont;           /* metadata.continue of the page before */
        bool no_nodes;              /* leave status.nodes out (embedded: not even read) */
};
/* ns NULL = all namespaces. done gets {"items": [...], "metadata": {"resourceVersion",
 * "continue"?}}. */
void store_list(struct store *s, const struct store_kind *kind, const char *ns,
                const struct store_list_opts *o, store_done_fn *done, void *arg);

enum store_event {
        STORE_ADDED,
        STORE_MODIFIED,
        STORE_DELETED,
        STORE_BOOKMARK,
        STORE_GONE,
        STORE_ENDED
};
/* GONE: history was trimmed, list again. ENDED: the connection went, watch again from the last
 * version (`e` says why). Both end the watch: nothing comes after them, and its owner still has to
 * stop it, now or later. Events that follow each other quickly may be folded into the newest state
 * of the object. A watch without a version begins with what is there, as ADDED events. */
typedef void store_watch_fn(void *arg, enum store_event type, json_t *obj, const struct err *e);
struct store_watch;
void store_watch(struct store_watch **out, struct store *s, const struct store_kind *kind,
                 const char *ns, const struct store_list_opts *o, const char *resource_version,
                 store_watch_fn *fn, void *arg);
struct store_watch *store_watch_stop(struct store_watch *w);

/* list + watch that keeps itself alive: relists on GONE and on errors with jittered back-off, and
 * reports deletions that happened meanwhile. What every daemon uses. */
struct store_follow;
struct store_follow_handlers {
        void (*set)(void *arg, json_t *obj);  /* new or changed */
        void (*gone)(void *arg, json_t *obj); /* kind, name, namespace, uid and last version only */
        void (*synced)(void *arg);            /* after the first complete list; may be NULL */
        /* A list failed and is tried again; may be NULL. */
        void (*failed)(void *arg, const struct err *e);
};
int store_follow(struct store_follow **out, struct store *s, const struct store_kind *kind,
                 const char *ns, const struct store_list_opts *o,
                 const struct store_follow_handlers *h, void *arg, struct err *e) MUST_CHECK;
struct store_follow *store_follow_stop(struct store_follow *f);

/* Blocking conveniences for commands and start-up (they run the loop until the answer). */
int store_get_now(struct store *s, struct store_ref ref, json_t **out, struct err *e) MUST_CHECK;
int store_create_now(struct store *s, const struct store_kind *kind, const char *ns,
                     const json_t *obj, json_t **out, struct err *e) MUST_CHECK;
int store_list_now(struct store *s, const struct store_kind *kind, const char *ns,
                   const struct store_list_opts *o, json_t **out, struct err *e) MUST_CHECK;
int store_patch_now(struct store *s, struct store_ref ref, enum store_patch type,
                    const json_t *patch, json_t **out, struct err *e) MUST_CHECK;
int store_delete_now(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                     struct err *e) MUST_CHECK;
/* Create, or merge-patch when it exists (kubectl apply, client side). *created says which; may be
 * NULL. */
int store_apply_now(struct store *s, const char *ns, const json_t *obj, json_t **out, bool *created,
                    struct err *e) MUST_CHECK;

/* Small accessors. Borrowed. */
const char *obj_name(const json_t *o);
const char *obj_ns(const json_t *o); /* "default" when absent */
const char *obj_uid(const json_t *o);
const char *obj_version(const json_t *o); /* metadata.resourceVersion */
const char *obj_label(const json_t *o, const char *key);
const char *obj_annotation(const json_t *o, const char *key);

/* Values behind secretKeyRef and configMapKeyRef: the store first, then the mounts of
 * base/secret.h. Asynchronous. `found` false with no error = absent and optional. The secret is
 * owned by the callee. */
struct secret;
typedef void store_secret_fn(void *arg, struct secret *value_taken, const struct err *e);
void store_secret(struct store *s, const char *ns, const char *name, const char *key,
                  store_secret_fn *done, void *arg);
typedef void store_config_fn(void *arg, const char *value, const struct err *e);
void store_config(struct store *s, const char *ns, const char *name, const char *key,
                  store_config_fn *done, void *arg);
