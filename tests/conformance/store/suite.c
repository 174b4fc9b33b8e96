/* tests/conformance/store/suite.c: see suite.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/store/suite.h"
#include "common/base/fs.h"
#include "common/base/rand.h"
#include "common/db/db.h"
#include "common/kube/kube_client.h"

struct suite suite;

static void die(const char *what, struct err *e)
{
        fprintf(stderr, "store_suite: %s: %s\n", what, err_msg(e));
        exit(2);
}

static void open_kube(void)
{
        struct err e = {0};
        struct kube_config *config;
        struct kube_client *client;
        if (kube_config_load(&config, &(struct kube_config_opts){.path = suite.kubeconfig}, &e) <
                    0 ||
            kube_client_new(&client, suite.loop, config, &e) < 0 ||
            store_kube(&suite.store, client, &e) < 0)
                die("kube", &e);
}

static void open_embedded(void)
{
        struct err e = {0};
        char dir[] = "/tmp/store_suite.XXXXXX";
        if (!mkdtemp(dir))
                die("mkdtemp", &e);
        suite.dir = mem_strdup(dir);
        AUTO(mem_free) char *path = fs_join(dir, "db");
        if (db_open(&suite.db, suite.loop, path, &(struct db_options){.unsafe_no_sync = true}, &e) <
                    0 ||
            store_embedded(&suite.store, suite.db, &e) < 0)
                die("embedded", &e);
}

int suite_begin_test(void **state UNUSED)
{
        struct err e = {0};
        if (!suite.store) {
                if (loop_new(&suite.loop, clock_system(), &e) < 0)
                        die("loop", &e);
                if (on_kube())
                        open_kube();
                else
                        open_embedded();
        }
        char suffix[9];
        rand_suffix(suffix, 8);
        snprintf(suite.ns, sizeof(suite.ns), "suite-%d-%s", ++suite.serial, suffix);
        AUTO_JSON json_t *ns = json_pack("{s:s,s:s,s:{s:s}}", "apiVersion", "v1", "kind",
                                         "Namespace", "metadata", "name", suite.ns);
        if (store_create_now(suite.store, store_kind_find("v1", "Namespace"), NULL, ns, NULL, &e) <
            0)
                die("namespace", &e);
        return 0;
}

json_t *parse(const char *text)
{
        AUTO(mem_free) char *copy = mem_strdup(text);
        for (char *p = copy; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_error_t je;
        json_t *j = json_loads(copy, JSON_DECODE_ANY, &je);
        if (!j)
                fail_msg("bad JSON in the test: %s: %s", je.text, text);
        return j;
}

json_t *workflow(const char *name, const char *labels)
{
        json_t *o =
                parse("{'apiVersion': 'argoproj.io/v1alpha1', 'kind': 'Workflow', 'metadata': {},"
                      " 'spec': {'entrypoint': 'main'}}");
        json_put_at(o, json_string(name), "metadata", "name");
        AUTO(mem_free) char *copy = mem_strdup(labels ? labels : "");
        for (char *save, *pair = strtok_r(copy, ",", &save); pair;
             pair = strtok_r(NULL, ",", &save)) {
                char *value = strchr(pair, '=');
                *value++ = '\0';
                json_put_at(o, json_string(value), "metadata", "labels", pair);
        }
        return o;
}

struct store_ref wf(const char *name)
{
        return (struct store_ref){&STORE_WORKFLOW, suite.ns, name};
}

/* ---- calls ---- */

struct answer {
        json_t *obj;
        struct err err;
        bool done;
};

static void on_answer(void *arg, json_t *obj, const struct err *e)
{
        struct answer *a = arg;
        assert_false(a->done); /* exactly once */
        a->obj = json_incref(obj);
        if (e)
                err_copy(&a->err, e);
        assert_true((obj != NULL) != (e != NULL));
        a->done = true;
}

static json_t *must(struct answer *a, const char *what)
{
        if (!loop_run_until(suite.loop, &a->done, 20000))
                fail_msg("%s: no answer", what);
        if (err_is_set(&a->err))
                fail_msg("%s: %s", what, err_msg(&a->err));
        return a->obj;
}

static enum err_code code(struct answer *a)
{
        if (!loop_run_until(suite.loop, &a->done, 20000))
                fail_msg("no answer");
        enum err_code c = a->err.code;
        err_clear(&a->err);
        json_decref(a->obj);
        return c;
}

static const struct store_kind *kind_of(const json_t *obj)
{
        return store_kind_find(json_str(obj, "apiVersion"), json_str(obj, "kind"));
}

json_t *create(const json_t *obj)
{
        struct answer a = {0};
        store_create(suite.store, kind_of(obj), suite.ns, obj, on_answer, &a);
        assert_false(a.done); /* never from inside the call */
        return must(&a, "create");
}

enum err_code create_code(const json_t *obj)
{
        struct answer a = {0};
        store_create(suite.store, kind_of(obj), suite.ns, obj, on_answer, &a);
        return code(&a);
}

json_t *get(const char *name)
{
        struct answer a = {0};
        store_get(suite.store, wf(name), on_answer, &a);
        assert_false(a.done);
        return must(&a, "get");
}

enum err_code get_code(const char *name)
{
        struct answer a = {0};
        store_get(suite.store, wf(name), on_answer, &a);
        return code(&a);
}

json_t *patch(const char *name, const char *merge)
{
        struct answer a = {0};
        AUTO_JSON json_t *p = parse(merge);
        store_patch(suite.store, wf(name), STORE_PATCH_MERGE, p, on_answer, &a);
        return must(&a, "patch");
}

enum err_code patch_code(const char *name, enum store_patch type, const char *text)
{
        struct answer a = {0};
        AUTO_JSON json_t *p = parse(text);
        store_patch(suite.store, wf(name), type, p, on_answer, &a);
        return code(&a);
}

json_t *update(const json_t *obj)
{
        struct answer a = {0};
        store_update(suite.store, kind_of(obj), obj, on_answer, &a);
        return must(&a, "update");
}

enum err_code update_code(const json_t *obj)
{
        struct answer a = {0};
        store_update(suite.store, kind_of(obj), obj, on_answer, &a);
        return code(&a);
}

json_t *list(const struct store_list_opts *o)
{
        struct answer a = {0};
        store_list(suite.store, &STORE_WORKFLOW, suite.ns, o, on_answer, &a);
        return must(&a, "list");
}

enum err_code list_code(const struct store_list_opts *o)
{
        struct answer a = {0};
        store_list(suite.store, &STORE_WORKFLOW, suite.ns, o, on_answer, &a);
        return code(&a);
}

enum err_code delete_code(const char *name, const char *uid)
{
        struct answer a = {0};
        store_delete(suite.store, wf(name), &(struct store_delete_opts){uid}, on_answer, &a);
        return code(&a);
}

void delete (const char *name)
{
        assert_int_equal(delete_code(name, NULL), ERR_NONE);
}

/* ---- watches ---- */

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e)
{
        static const char *const words[] = {"ADDED",    "MODIFIED", "DELETED",
                                            "BOOKMARK", "GONE",     "ENDED"};
        struct recorder *r = arg;
        assert_false(r->ended); /* nothing comes after the end */
        if (type == STORE_BOOKMARK)
                return;
        assert_true(r->n < ARRAY_LEN(r->lines));
        if (type == STORE_GONE || type == STORE_ENDED)
                r->ended = true;
        assert_true((obj == NULL) == r->ended);
        r->lines[r->n] = mem_printf("%s %s", words[type],
                                    obj ? obj_name(obj)
                                    : e ? err_code_name(e->code)
                                        : "");
        r->objects[r->n++] = json_incref(obj);
}

void record(struct recorder *r, const struct store_list_opts *o, const char *version)
{
        *r = (struct recorder){0};
        store_watch(&r->watch, suite.store, &STORE_WORKFLOW, suite.ns, o, version, on_event, r);
        assert_int_equal(r->n, 0);
}

void record_all_ns(struct recorder *r, const struct store_list_opts *o, const char *version)
{
        *r = (struct recorder){0};
        store_watch(&r->watch, suite.store, &STORE_WORKFLOW, NULL, o, version, on_event, r);
}

size_t count_line(const struct recorder *r, const char *line)
{
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
                n += streq(r->lines[i], line);
        return n;
}

void wait_line(struct recorder *r, const char *line)
{
        struct mono end = mono_add_ms(clock_mono(clock_system()), 10000);
        while (!count_line(r, line) && clock_mono(clock_system()).ns < end.ns) {
                bool never = false;
                loop_run_until(suite.loop, &never, 2);
        }
        if (count_line(r, line))
                return;
        for (size_t i = 0; i < r->n; i++)
                print_error("recorded: %s\n", r->lines[i]);
        fail_msg("never recorded: %s", line);
}

void stop(struct recorder *r)
{
        store_watch_stop(r->watch);
        for (size_t i = 0; i < r->n; i++) {
                mem_free(r->lines[i]);
                json_decref(r->objects[i]);
        }
        r->n = 0;
}
