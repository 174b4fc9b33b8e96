/* tests/support/store_shell.c: a store driven by lines of JSON, so that end-to-end tests in Python
 * can do anything that store.h can, at the moment they want.
 *
 *      store_shell --kubeconfig FILE | --in-cluster
 *      > {"id": 1, "op": "get", "apiVersion": "v1", "kind": "ConfigMap", "ns": "a", "name": "b"}
 *      < {"id": 1, "obj": {...}}
 *      < {"id": 1, "error": {"code": "NOT_FOUND", "msg": "...", "retryAfterMs": 0}}
 *
 * Operations: ping, get, create, update, patch (type: merge, json, strategic), delete (uid), list
 * (labelSelector, fieldSelector, limit, continue, noNodes; ns null: all), watch (version) and
 * follow, which answer many times with {"id", "event", "obj"}, and stop (of: id). It ends at the
 * end of its input. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kube_client.h"
#include "common/store/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 64 << 20 };

struct shell {
        struct loop *loop;
        struct store *store;
        struct event *input;
        struct buf in;
        struct open *opens; /* watches and follows */
        json_int_t ping_id; /* a ping is wanted: it runs the loop itself, so main does it */
        bool ended;
};
struct request { /* waits for its answer */
        json_int_t id;
        struct store_kind kind;
};
struct open {
        struct request request;
        struct shell *shell;
        struct store_watch *watch;
        struct store_follow *follow;
        struct open *next;
};

/* ---- output ---- */

static void print_line(json_int_t id, const char *event, json_t *obj, const struct err *e)
{
        AUTO_JSON json_t *line = json_object();
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        json_object_set_new(line, "id", json_integer(id));
        if (event)
                json_object_set_new(line, "event", json_string(event));
        if (e) {
                json_put_at(line, json_string(err_code_name(e->code)), "error", "code");
                json_put_at(line, json_string(err_msg(e)), "error", "msg");
                json_put_at(line, json_integer(e->retry_after_ms), "error", "retryAfterMs");
        }
        if (obj)
                json_object_set(line, "obj", obj);
        json_put(&b, line, JSON_STYLE_COMPACT);
        puts(buf_str(&b));
        fflush(stdout);
}

static void on_done(void *arg, json_t *obj, const struct err *e)
{
        struct request *r = arg;
        print_line(r->id, NULL, obj, e);
        store_kind_deinit(&r->kind);
        free(r);
}

/* ---- watch and follow ---- */

static void on_watch(void *arg, enum store_event type, json_t *obj, const struct err *e)
{
        static const char *const names[] = {"ADDED",    "MODIFIED", "DELETED",
                                            "BOOKMARK", "GONE",     "ENDED"};
        struct open *o = arg;
        print_line(o->request.id, names[type], obj, e);
}

static void on_set(void *arg, json_t *obj)
{
        print_line(((struct open *)arg)->request.id, "set", obj, NULL);
}

static void on_gone(void *arg, json_t *obj)
{
        print_line(((struct open *)arg)->request.id, "gone", obj, NULL);
}

static void on_synced(void *arg)
{
        print_line(((struct open *)arg)->request.id, "synced", NULL, NULL);
}

static struct open *open_new(struct shell *s, struct request *r_taken)
{
        struct open *o = NEW(struct open);
        *o = (struct open){.request = *r_taken, .shell = s, .next = s->opens};
        s->opens = o;
        free(r_taken);
        return o;
}

static void stop_one(struct open *o)
{
        o->watch = store_watch_stop(o->watch);
        o->follow = store_follow_stop(o->follow);
}

static void stop(struct shell *s, json_int_t id)
{
        for (struct open *o = s->opens; o; o = o->next)
                if (o->request.id == id)
                        stop_one(o);
}

/* ---- requests ---- */

static struct store_list_opts list_opts(const json_t *line)
{
        return (struct store_list_opts){
                .label_selector = json_str(line, "labelSelector"),
                .field_selector = json_str(line, "fieldSelector"),
                .limit = (size_t)json_integer_value(json_object_get(line, "limit")),
                .cont = json_str(line, "continue"),
                .no_nodes = json_is_true(json_object_get(line, "noNodes"))};
}

static enum store_patch patch_type(const char *name)
{
        return streq(name, "json")        ? STORE_PATCH_JSON
               : streq(name, "strategic") ? STORE_PATCH_STRATEGIC
                                          : STORE_PATCH_MERGE;
}

static void open_stream(struct shell *s, const char *op, struct request *r, const json_t *line)
{
        static const struct store_follow_handlers handlers = {on_set, on_gone, on_synced};
        const char *ns = json_str(line, "ns");
        struct store_list_opts opts = list_opts(line);
        struct open *o = open_new(s, r);
        ERR_SLOT(e);
        if (streq(op, "watch"))
                store_watch(&o->watch, s->store, &o->request.kind, ns, &opts,
                            json_str(line, "version"), on_watch, o);
        else if (store_follow(&o->follow, s->store, &o->request.kind, ns, &opts, &handlers, o, &e) <
                 0)
                print_line(o->request.id, NULL, NULL, &e);
        err_clear(&e);
}

static void ask_store(struct shell *s, const char *op, struct request *r, const json_t *line)
{
        const char *ns = json_str(line, "ns");
        const json_t *obj = json_object_get(line, "obj");
        struct store_ref ref = {&r->kind, ns, json_str(line, "name")};
        struct store_list_opts opts = list_opts(line);
        if (streq(op, "get"))
                store_get(s->store, ref, on_done, r);
        else if (streq(op, "create"))
                store_create(s->store, &r->kind, ns, obj, on_done, r);
        else if (streq(op, "update"))
                store_update(s->store, &r->kind, obj, on_done, r);
        else if (streq(op, "patch"))
                store_patch(s->store, ref, patch_type(json_str(line, "type")), obj, on_done, r);
        else if (streq(op, "delete"))
                store_delete(s->store, ref,
                             &(struct store_delete_opts){.uid = json_str(line, "uid")}, on_done, r);
        else if (streq(op, "list"))
                store_list(s->store, &r->kind, ns, &opts, on_done, r);
        else
                open_stream(s, op, r, line);
}

static void ping(struct shell *s)
{
        ERR_SLOT(e);
        int r = store_ping(s->store, &e);
        print_line(s->ping_id, r == 0 ? "pong" : NULL, NULL, r == 0 ? NULL : &e);
        s->ping_id = 0;
        err_clear(&e);
}

static int run_line(struct shell *s, struct str text, struct err *e)
{
        AUTO_JSON json_t *line = NULL;
        if (json_parse(&line, text.p, text.n, e) < 0)
                return -1;
        const char *op = json_str(line, "op");
        json_int_t id = json_integer_value(json_object_get(line, "id"));
        if (streq(op, "ping")) {
                s->ping_id = id;
                loop_stop(s->loop);
        } else if (streq(op, "stop")) {
                stop(s, json_integer_value(json_object_get(line, "of")));
                print_line(id, "stopped", NULL, NULL);
        } else {
                struct request *r = NEW(struct request);
                r->id = id;
                if (store_kind_of(&r->kind, line, e) < 0) {
                        free(r);
                        return -1;
                }
                ask_store(s, op, r, line);
        }
        return 0;
}

/* ---- the program ---- */

static void run_lines(struct shell *s)
{
        for (char *end; !s->ping_id && s->in.len && (end = memchr(s->in.data, '\n', s->in.len));) {
                ERR_SLOT(e);
                size_t n = (size_t)(end - s->in.data);
                AUTO(mem_free) char *line = mem_strndup(s->in.data, n);
                buf_consume(&s->in, n + 1);
                if (run_line(s, (struct str){line, n}, &e) < 0)
                        print_line(-1, NULL, NULL, &e);
                err_clear(&e);
        }
}

static void on_input(evutil_socket_t fd, short what UNUSED, void *arg)
{
        struct shell *s = arg;
        char *to = buf_reserve(&s->in, 65536);
        ssize_t n = to ? read(fd, to, 65536) : 0;
        if (n < 0 && errno == EINTR)
                return;
        if (n <= 0) {
                s->ended = true;
                loop_stop(s->loop);
                return;
        }
        s->in.len += (size_t)n;
        run_lines(s);
}

static int open_kube(struct shell *s, const char *path, bool pod, struct err *e)
{
        struct kube_config *config = NULL;
        struct kube_client *client = NULL;
        int r = pod ? kube_config_in_cluster(&config, e)
                    : kube_config_load(&config, &(struct kube_config_opts){.path = path}, e);
        if (r < 0 || kube_client_new(&client, s->loop, config, e) < 0)
                return -1;
        return store_kube(&s->store, client, e);
}

static int open_store(struct shell *s, int argc, char **argv, struct err *e)
{
        if (argc == 3 && streq(argv[1], "--kubeconfig"))
                return open_kube(s, argv[2], false, e);
        if (argc == 2 && streq(argv[1], "--in-cluster"))
                return open_kube(s, NULL, true, e);
        return err_set(e, ERR_INVALID, "usage: store_shell --kubeconfig FILE | --in-cluster");
}

static void shell_close(struct shell *s)
{
        for (struct open *o; (o = s->opens);) {
                s->opens = o->next;
                stop_one(o);
                store_kind_deinit(&o->request.kind);
                free(o);
        }
        store_close(s->store);
        if (s->input)
                event_free(s->input);
        loop_free(s->loop);
        buf_deinit(&s->in);
}

int main(int argc, char **argv)
{
        struct shell s = {.in = BUF_INIT(LINES_MAX)};
        ERR_SLOT(e);
        if (loop_new(&s.loop, clock_system(), &e) < 0 || open_store(&s, argc, argv, &e) < 0) {
                fprintf(stderr, "store_shell: %s\n", err_msg(&e));
                err_clear(&e);
                shell_close(&s);
                return 1;
        }
        s.input = event_new(loop_base(s.loop), STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &s);
        event_add(s.input, NULL);
        while (!s.ended) {
                loop_run(s.loop);
                if (s.ping_id)
                        ping(&s);
                run_lines(&s);
        }
        shell_close(&s);
        return 0;
}
