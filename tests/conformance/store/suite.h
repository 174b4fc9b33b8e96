/* tests/conformance/store/suite.h: what the files of the store suite share: a store of the driver
 * under test, blocking calls, and a recorder of watch events. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "tests/unit/unit.h"

struct suite {
        const char *driver; /* "embedded", "kube" */
        const char *kubeconfig;
        struct loop *loop;
        struct db *db;
        char *dir;
        struct store *store;
        char ns[40]; /* one per test */
        int serial;
};
extern struct suite suite; /* cmocka tests have no other way to an argument of main */
static inline bool on_kube(void)
{
        return streq(suite.driver, "kube");
}

int suite_begin_test(void **state);
json_t *parse(const char *text); /* single quotes stand for double ones */
/* A Workflow {metadata: {name, labels}, spec: {entrypoint}}. labels: "a=b,c=d" or NULL. */
json_t *workflow(const char *name, const char *labels);
struct store_ref wf(const char *name);

/* Blocking; fail the test on an error. The tree is the caller's. */
json_t *create(const json_t *obj);
json_t *get(const char *name);
json_t *patch(const char *name, const char *merge);
json_t *update(const json_t *obj);
json_t *list(const struct store_list_opts *o);
void delete (const char *name);
/* The code a call ends with. */
enum err_code create_code(const json_t *obj);
enum err_code get_code(const char *name);
enum err_code patch_code(const char *name, enum store_patch type, const char *text);
enum err_code update_code(const json_t *obj);
enum err_code delete_code(const char *name, const char *uid);
enum err_code list_code(const struct store_list_opts *o);

struct recorder { /* of watch events, as words: "ADDED a", "MODIFIED a", ... */
        char *lines[256];
        json_t *objects[256];
        size_t n;
        struct store_watch *watch;
        bool ended;
};
void record(struct recorder *r, const struct store_list_opts *o, const char *version);
void record_all_ns(struct recorder *r, const struct store_list_opts *o, const char *version);
/* Runs the loop until the line was recorded; fails after ten seconds with what was. */
void wait_line(struct recorder *r, const char *line);
size_t count_line(const struct recorder *r, const char *line);
void stop(struct recorder *r);
