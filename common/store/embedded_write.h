/* common/store/embedded_write.h: one write on its way, for embedded_write.c and embedded_patch.c.
 * The functions run inside the transaction; -1 fails the operation, what a caller may expect is set
 * in `refused`. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/store/embedded.h"

struct write_op {
        struct db_op op;
        struct estore *s;
        int (*run)(struct db_tx *tx, struct write_op *w, struct err *e);
        char *kind, *words, *ns, *name; /* name NULL: from generateName */
        json_t *input;                  /* ours */
        enum store_patch patch;
        char *uid; /* of a delete */
        struct wall now;
        store_done_fn *done;
        void *arg;
        /* the outcome */
        struct err refused;
        json_t *result; /* handed to the caller */
        json_t *body;   /* as stored, without nodes; NULL: nothing was written */
        int64_t object, version;
        struct write_op *next, **prev;
};

struct key write_key(const struct write_op *w);
int write_missing(struct write_op *w); /* refused: it is not there; returns 0 */
int write_stale(struct write_op *w);   /* refused: it changed meanwhile; returns 0 */
int write_next_version(struct db_tx *tx, struct write_op *w, struct err *e) MUST_CHECK;
/* Is the version that `obj` names, if any, the newest? */
bool write_version_matches(const json_t *obj, const struct row *old);
/* `body` is prepared but for its version: store it if it differs from what is there or nodes were
 * written. */
int write_body(struct db_tx *tx, struct write_op *w, const struct row *old, json_t *body,
               const json_t *nodes, struct err *e) MUST_CHECK;
/* A whole new object, nodes included, takes the place of the old one. `obj` is ours. */
int write_replace(struct db_tx *tx, struct write_op *w, const struct row *old, json_t *obj,
                  struct err *e) MUST_CHECK;
int write_run_patch(struct db_tx *tx, struct write_op *w, struct err *e) MUST_CHECK;
