/* server/api/watch.c: the stream of changes of Workflows: what is there first, then every change. A
 * reader that falls more than a megabyte behind is cut off; it lists and watches again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "server/api/api_priv.h"
#include <stdlib.h>

struct stream {
        struct api *api; /* NULL: ended, a listing is awaited */
        struct http_req *req;
        struct store_watch *watch;
        char *ns, *labels, *fields;
        bool sse, listing, started;
        struct loop_task end; /* the reader has gone: not from inside a write to it */
        struct stream *next, **prev;
};

static void stream_free(struct stream *s)
{
        free(s->ns);
        free(s->labels);
        free(s->fields);
        free(s);
}

static void stream_end(struct stream *s)
{
        *s->prev = s->next;
        if (s->next)
                s->next->prev = s->prev;
        loop_undefer(store_loop(s->api->store), &s->end);
        s->api = NULL;
        s->watch = store_watch_stop(s->watch);
        http_req_on_close(s->req, NULL, NULL);
        if (s->started)
                http_stream_end(s->req);
        else
                http_reply_text(s->req, 503, "stopping\n");
        if (!s->listing)
                stream_free(s);
}

void api_streams_end(struct api *a)
{
        while (a->streams)
                stream_end(a->streams);
}

static bool put_event(struct stream *s, const char *type, const json_t *obj)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_addf(&b, "%s{\"result\":{\"type\":\"%s\",\"object\":", s->sse ? "data: " : "", type);
        json_put(&b, obj, JSON_STYLE_COMPACT);
        buf_adds(&b, s->sse ? "}}\n\n" : "}}\n");
        return http_stream_chunk(s->req, b.data, b.len);
}

static void on_event(void *arg, enum store_event type, json_t *obj, const struct err *e UNUSED)
{
        static const char *const words[] = {"ADDED", "MODIFIED", "DELETED"};
        struct stream *s = arg;
        bool ended = type == STORE_GONE || type == STORE_ENDED;
        if (ended || (type <= STORE_DELETED && !put_event(s, words[type], obj)))
                loop_defer(store_loop(s->api->store), &s->end);
}

static void on_listed(void *arg, json_t *list, const struct err *e)
{
        struct stream *s = arg;
        s->listing = false;
        if (!s->api) {
                stream_free(s);
                return;
        }
        if (e) {
                log_warn(log_root(), "A watch of workflows cannot begin.", F_ERR(e));
                stream_end(s);
                return;
        }
        s->started = true;
        http_stream_start(s->req, 200, s->sse ? "text/event-stream" : "application/json");
        json_t *item;
        size_t i;
        json_array_foreach (json_object_get(list, "items"), i, item) {
                if (!put_event(s, "ADDED", item)) {
                        stream_end(s);
                        return;
                }
        }
        const struct store_list_opts o = {.label_selector = s->labels, .field_selector = s->fields};
        store_watch(&s->watch, s->api->store, &STORE_WORKFLOW, s->ns, &o,
                    json_str(list, "metadata", "resourceVersion"), on_event, s);
}

static void on_end(void *arg)
{
        stream_end(arg);
}

static void on_close(struct http_req *r UNUSED, void *arg)
{
        struct stream *s = arg;
        loop_defer(store_loop(s->api->store), &s->end);
}

void api_watch_workflows(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct stream *s = NEW(struct stream);
        struct store_list_opts o;
        api_list_opts(r, &o);
        const char *accept = http_req_header(r, "Accept");
        *s = (struct stream){.api = a,
                             .req = r,
                             .ns = mem_strdup(api_ns(r)),
                             .labels = mem_strdup(o.label_selector),
                             .fields = mem_strdup(o.field_selector),
                             .sse = accept && strstr(accept, "text/event-stream"),
                             .listing = true,
                             .next = a->streams,
                             .prev = &a->streams};
        if (s->next)
                s->next->prev = &s->next;
        a->streams = s;
        task_init(&s->end, on_end, s);
        http_req_on_close(r, on_close, s);
        o.limit = 0;
        store_list(a->store, &STORE_WORKFLOW, s->ns, &o, on_listed, s);
}
