/* workflow/engine/depends.h: the conditions between the tasks of a DAG.
 *
 * `depends: "A && (B.Failed || !C.Skipped)"` is compiled once to postfix code over task indexes;
 * `dependencies: [A, B]` becomes the same code (argo-workflows.md 2.7). A bare name means
 * Succeeded, Skipped or Daemoned, plus Errored and Failed where that task's continueOn says so.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dep_result {
        DEP_SUCCEEDED = 1,
        DEP_FAILED = 2,
        DEP_ERRORED = 4,
        DEP_SKIPPED = 8,
        DEP_OMITTED = 16,
        DEP_DAEMONED = 32,
        DEP_ANY_SUCCEEDED = 64,
        DEP_ALL_FAILED = 128,
};
struct depends; /* immutable, counted; one thread */

/* Looks a task name up: its index or UINT32_MAX; *bare is what its bare name stands for. */
typedef uint32_t depends_task_fn(void *arg, const char *name, size_t n, unsigned *bare);
/* INVALID with the offending name or place. */
int depends_parse(struct depends **out, const char *text, depends_task_fn *task, void *arg,
                  struct err *e) MUST_CHECK;
/* All of the named tasks by their bare meaning. */
struct depends *depends_all(const uint32_t *tasks, const unsigned *bare, size_t n);
/* Wide layers say one list a thousand times: those who say the same share the code for it. */
struct depends *depends_ref(struct depends *d);
bool depends_same_names(const json_t *a, const json_t *b); /* lists of names */
struct depends *depends_free(struct depends *d);           /* drops one reference; NULL is fine */

/* The distinct tasks that are named. */
const uint32_t *depends_tasks(const struct depends *d, size_t *n);
/* Does it use AnySucceeded or AllFailed of this task? */
bool depends_uses_loop_results(const struct depends *d, uint32_t task);
/* `results` gives the set of dep_result bits that hold for a task. */
typedef unsigned depends_results_fn(void *arg, uint32_t task);
bool depends_eval(const struct depends *d, depends_results_fn *results, void *arg);
