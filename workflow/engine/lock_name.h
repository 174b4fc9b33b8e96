/* workflow/engine/lock_name.h: what locks are called, and where their limits stand.
 *
 *   "ns/Mutex/name"          one at a time
 *   "ns/ConfigMap/name/key"  as many as the value of that key says
 *   "ns/Database/key"        as many as the sync limit `key` of that namespace says: a key of the
 *                            ConfigMap SYNC_LIMITS (`tiphys sync`; docs/decisions/0034)
 *   "ns/DatabaseMutex/name"  one at a time; people see it as "ns/Database/name", as in Argo, where
 *                            only the place in the status tells it from a semaphore
 * Limits are read anew at every question, so a change counts at once. Pure. SPDX-License-
 * Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "workflow/engine/engine.h"

#define SYNC_LIMITS "tiphys-sync-limits"

struct lock_name {
        char *ns, *kind, *name, *key; /* key: "" for all but ConfigMaps */
        char *text;                   /* they point into it */
};
bool lock_name_parse(struct lock_name *out, const char *name); /* false: no such form */
void lock_name_deinit(struct lock_name *n);
bool lock_name_is_semaphore(const char *name);
bool lock_name_in_database(const struct lock_name *n, bool *mutex); /* `mutex`: when it is */
/* 0: there is none, or it is no number above 0. */
int64_t lock_limit(const struct wf_lookup *lookup, const char *name);
/* Is a lock of this name fine, and has its semaphore a limit? INVALID with Argo's words. */
int lock_name_check(const struct wf_lookup *lookup, const char *name, struct err *e) MUST_CHECK;
/* As it stands in the status, in the arena or `name` itself; and back, heap. */
const char *lock_name_shown(const char *name, struct arena *a);
char *lock_name_of_mutex(const char *shown);
