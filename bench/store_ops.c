/* bench/store_ops.c: what the embedded store costs: creates, patches of single nodes of large
 * workflows, pages of long lists, watches. store_ops [OBJECTS]; prints one figure per line, asserts
 * nothing. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "common/store/store.h"
#include <stdio.h>
#include <stdlib.h>

struct bench {
        struct loop *loop;
        struct db *db;
        struct store *store;
        size_t waiting;
        bool idle;
        size_t told;
};

static int64_t now_ns(void)
{
        return clock_mono(clock_system()).ns;
}

static void on_done(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct bench *b = arg;
        if (e) {
                fprintf(stderr, "store_ops: %s\n", err_msg(e));
                exit(1);
        }
        b->idle = --b->waiting == 0;
}

static void wait_all(struct bench *b)
{
        if (!loop_run_until(b->loop, &b->idle, 60000))
                exit(1);
        b->idle = false;
}

static json_t *workflow(size_t i)
{
        AUTO(mem_free) char *name = mem_printf("workflow-%08zu", i);
        json_t *o = json_pack("{s:s, s:s, s:{s:s, s:{s:s, s:s}}, s:{s:s, s:[{s:s, s:{s:s, s:[s, s, "
                              "s]}}]}, s:{s:s}}",
                              "apiVersion", "argoproj.io/v1alpha1", "kind", "Workflow", "metadata",
                              "name", name, "labels", "workflows.argoproj.io/phase",
                              i % 10 ? "Succeeded" : "Running", "team", i % 1000 ? "red" : "blue",
                              "spec", "entrypoint", "main", "templates", "name", "main",
                              "container", "image", "alpine:3.19", "command", "sh", "-c",
                              "echo hello", "status", "phase", i % 10 ? "Succeeded" : "Running");
        return o;
}

static void create(struct bench *b, size_t from, size_t n)
{
        b->waiting = n;
        for (size_t i = 0; i < n; i++) {
                AUTO_JSON json_t *o = workflow(from + i);
                store_create(b->store, &STORE_WORKFLOW, "default", o, on_done, b);
        }
        wait_all(b);
}

static size_t creates(struct bench *b, size_t from, size_t width, size_t turns)
{
        int64_t begin = now_ns();
        for (size_t i = 0; i < turns; i++)
                create(b, from + i * width, width);
        double seconds = (double)(now_ns() - begin) / 1e9;
        printf("create, %zu per turn: %.0f/s, %.0f us per turn\n", width,
               (double)(width * turns) / seconds, seconds * 1e6 / (double)turns);
        return from + width * turns;
}

static void patch_nodes(struct bench *b, const char *name, size_t first, size_t n,
                        const char *phase)
{
        AUTO_JSON json_t *nodes = json_object();
        for (size_t i = first; i < first + n; i++) {
                AUTO(mem_free) char *id = mem_printf("%s-%010zu", name, i);
                json_object_set_new(nodes, id,
                                    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:[{s:s, s:s}]}}",
                                              "id", id, "name", id, "type", "Pod", "phase", phase,
                                              "startedAt", "2026-01-02T03:04:05Z", "templateName",
                                              "main", "inputs", "parameters", "name", "page",
                                              "value", "17"));
        }
        AUTO_JSON json_t *patch =
                json_pack("{s:{s:s, s:O}}", "status", "phase", "Running", "nodes", nodes);
        b->waiting = 1;
        store_patch(b->store, (struct store_ref){&STORE_WORKFLOW, "default", name},
                    STORE_PATCH_MERGE, patch, on_done, b);
        wait_all(b);
}

static void large_workflow(struct bench *b, size_t n_nodes)
{
        const char *name = "workflow-00000000";
        int64_t begin = now_ns();
        for (size_t i = 0; i < n_nodes; i += 100)
                patch_nodes(b, name, i, 100, "Pending");
        printf("%zu nodes in patches of 100: %.1f us per node\n", n_nodes,
               (double)(now_ns() - begin) / 1000 / (double)n_nodes);
        begin = now_ns();
        for (size_t i = 0; i < 1000; i++)
                patch_nodes(b, name, i * 7 % (n_nodes - 3), 3, i % 2 ? "Running" : "Succeeded");
        printf("patch of 3 nodes of %zu: %.0f us\n", n_nodes, (double)(now_ns() - begin) / 1e6);
        begin = now_ns();
        b->waiting = 1;
        store_get(b->store, (struct store_ref){&STORE_WORKFLOW, "default", name}, on_done, b);
        wait_all(b);
        printf("get with %zu nodes: %.1f ms\n", n_nodes, (double)(now_ns() - begin) / 1e6);
}

static void on_event(void *arg, enum store_event type UNUSED, json_t *obj UNUSED,
                     const struct err *e UNUSED)
{
        ((struct bench *)arg)->told++;
}

/* The same while somebody watches the workflow with all its nodes. */
static void watched(struct bench *b, size_t n_nodes)
{
        struct store_watch *w;
        store_watch(&w, b->store, &STORE_WORKFLOW, "default",
                    &(struct store_list_opts){.field_selector = "metadata.name=workflow-00000000"},
                    NULL, on_event, b);
        patch_nodes(b, "workflow-00000000", 0, 3, "Failed");
        b->told = 0;
        int64_t begin = now_ns();
        for (size_t i = 0; i < 200; i++)
                patch_nodes(b, "workflow-00000000", i * 7 % (n_nodes - 3), 3,
                            i % 2 ? "Pending" : "Failed");
        printf("patch of 3 nodes of %zu, watched: %.0f us, %zu events\n", n_nodes,
               (double)(now_ns() - begin) / 1000 / 200, b->told);
        store_watch_stop(w);
}

static void pages(struct bench *b, const char *selector, size_t limit)
{
        enum { TIMES = 50 };
        struct store_list_opts o = {.label_selector = selector, .limit = limit, .no_nodes = true};
        int64_t begin = now_ns();
        int times = limit ? TIMES : 1;
        for (int i = 0; i < times; i++) {
                b->waiting = 1;
                store_list(b->store, &STORE_WORKFLOW, "default", &o, on_done, b);
                wait_all(b);
        }
        printf("list %s, %s: %.0f us\n", selector ? selector : "everything",
               limit ? "page of 50" : "whole", (double)(now_ns() - begin) / 1000 / times);
}

static void watches(struct bench *b, size_t n, size_t from)
{
        struct store_watch **all = mem_calloc(n, sizeof(*all));
        struct store_list_opts o = {.no_nodes = true, .label_selector = "team=green"};
        struct store_list_opts fits = {.no_nodes = true};
        AUTO_JSON json_t *page = NULL;
        struct err e = {0};
        if (store_list_now(b->store, &STORE_WORKFLOW, "default",
                           &(struct store_list_opts){.limit = 1}, &page, &e) < 0)
                exit(1);
        for (size_t i = 0; i < n; i++)
                store_watch(&all[i], b->store, &STORE_WORKFLOW, "default", i % 2 ? &o : &fits,
                            json_str(page, "metadata", "resourceVersion"), on_event, b);
        b->told = 0;
        int64_t begin = now_ns();
        for (size_t i = 0; i < 100; i++)
                create(b, from + i * 10, 10);
        double us = (double)(now_ns() - begin) / 1000;
        printf("%zu watches, 1000 creates: %.1f ms, %zu events, %.2f us per watch and change\n", n,
               us / 1000, b->told, us / 1000 / (double)n);
        for (size_t i = 0; i < n; i++)
                store_watch_stop(all[i]);
        mem_free(all);
}

int main(int argc, char **argv)
{
        ERR_SLOT(e);
        struct bench b = {0};
        size_t objects = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000, next = 0;
        char dir[] = "/tmp/store_ops.XXXXXX";
        AUTO(mem_free) char *path = mkdtemp(dir) ? fs_join(dir, "db") : NULL;
        if (!path || loop_new(&b.loop, clock_system(), &e) < 0 ||
            db_open(&b.db, b.loop, path, NULL, &e) < 0 || store_embedded(&b.store, b.db, &e) < 0)
                return 1;
        next = creates(&b, next, 1, 500);
        pages(&b, NULL, 50);
        next = creates(&b, next, 64, (objects - 500) / 64);
        large_workflow(&b, 10000);
        watched(&b, 10000);
        pages(&b, NULL, 50);
        pages(&b, "workflows.argoproj.io/phase=Running", 50);
        pages(&b, "team=blue", 50);
        pages(&b, "workflows.argoproj.io/phase=Running,team=blue", 50);
        pages(&b, "team!=red", 50);
        pages(&b, NULL, 0);
        watches(&b, 1, next);
        watches(&b, 1000, next + 10000);
        store_close(b.store);
        db_close(b.db);
        loop_free(b.loop);
        return fs_remove_tree(dir, &e) < 0;
}
