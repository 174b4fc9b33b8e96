/* common/store/raw.h: the embedded store's rows as they are, for tables of other folders in the
 * same database (the archive), inside one transaction: no tree is built of what is only copied.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/db/db.h"
#include "common/store/store.h"

/* *body: the object without its nodes, a new reference; *id names its nodes. 1 found, 0 not. */
int store_raw_find(struct db_tx *tx, struct store_ref ref, int64_t *id, json_t **body,
                   struct err *e) MUST_CHECK;
/* Node ids and JSON texts, in the order they were added; borrowed. The first -1 ends it. */
typedef int store_raw_node_fn(void *arg, const char *node_id, const void *json, size_t n,
                              struct err *e);
int store_raw_each_node(struct db_tx *tx, int64_t id, store_raw_node_fn *each, void *arg,
                        struct err *e) MUST_CHECK;
