/* eventsource/webhook.c: the `webhook` source: any HTTP request becomes {header, body, metadata?}
 * (argo-events.md 2). Answers 200 `success` with X-Tiphys-Event-Id once the bus has the event
 * durably (`success` without an id when the filter dropped it). SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "eventsource/source_filter.h"
#include "eventsource/webhook_context.h"
#include "eventsource/webhook_payload.h"
#include <stdlib.h>

enum { KEEP_BUFFER = 65536 };

struct webhook_source {
        struct webhook_config context;
        struct source_filter *filter;
};
struct webhook_state {
        struct source *source;
        struct webhook_hook *hook;
        struct buf payload;   /* reused */
        struct arena scratch; /* of one request */
        struct buf metadata;  /* rendered once, with its comma */
        source_done_fn *done;
};

static const struct field fields[] = {WEBHOOK_CONTEXT_FIELDS(struct webhook_source, context),
                                      FILTER_FIELD(struct webhook_source, filter), FIELD_END};

/* ---- answers; they touch nothing of the source, which may be gone by then ---- */

static void answer(struct http_req *r, const char *event_id, const struct err *e, bool argo)
{
        if (!e) {
                if (event_id)
                        http_reply_header(r, "X-Tiphys-Event-Id", event_id);
                http_reply(r, 200, "text/plain; charset=utf-8", "success", 7);
        } else if (e->code == ERR_CONFLICT && !argo) {
                http_reply_text(r, 409, err_msg(e));
        } else if (e->code == ERR_INVALID && !argo) {
                http_reply_text(r, 400, err_msg(e));
        } else {
                webhook_reply_unavailable(r, argo, "failed to record event");
        }
}

static void on_done(void *arg, const char *event_id, const struct err *e)
{
        answer(arg, event_id, e, false);
}

static void on_done_argo(void *arg, const char *event_id, const struct err *e)
{
        answer(arg, event_id, e, true);
}

/* ---- requests ---- */

static int put_payload(struct webhook_state *w, struct http_req *r, struct webhook_facts *f,
                       struct err *e)
{
        struct buf *b = &w->payload;
        buf_reset(b);
        buf_adds(b, "{\"header\":");
        webhook_put_headers(b, r, f);
        buf_adds(b, ",\"body\":");
        int status =
                webhook_put_body(b, r, f, w->done == on_done_argo, webhook_max_payload(w->hook), e);
        if (status)
                return status;
        buf_add(b, buf_str(&w->metadata), w->metadata.len);
        buf_addc(b, '}');
        return 0;
}

static void refuse(struct webhook_state *w, struct http_req *r, int status, struct err *e)
{
        source_bad_event(w->source, e);
        bool twice = w->done == on_done_argo &&
                     (e->code == ERR_LIMIT || status == 500); /* as Argo prints it */
        AUTO(mem_free) char *text = mem_printf("%s%s", err_msg(e), twice ? err_msg(e) : "");
        http_reply_text(r, status, text);
}

static void on_request(struct http_req *r, void *arg)
{
        struct webhook_state *w = arg;
        struct webhook_facts f = {.scratch = &w->scratch};
        ERR_SLOT(e);
        int status = put_payload(w, r, &f, &e);
        if (status) {
                refuse(w, r, status, &e);
                err_clear(&e);
        } else {
                if (f.structured)
                        webhook_read_cloudevent(&f, http_req_body(r));
                const char *id = webhook_dedup_id(&f, source_event_name(w->source));
                f.ext[f.n_ext].name = NULL;
                struct source_event ev = {.data = {w->payload.data, w->payload.len},
                                          .id = id,
                                          .dedup = id != NULL,
                                          .same = http_req_body(r),
                                          .ext = f.n_ext ? f.ext : NULL};
                source_emit(w->source, &ev, w->done, r);
        }
        arena_reset(&w->scratch);
        if (w->payload.cap > KEEP_BUFFER)
                buf_deinit(&w->payload);
}

/* ---- the driver ---- */

static void render_metadata(struct buf *b, const struct field_map *m)
{
        if (m->n == 0)
                return;
        AUTO_JSON json_t *o = json_object();
        for (size_t i = 0; i < m->n; i++)
                json_object_set_new(o, m->items[i].key, json_string(m->items[i].value));
        buf_adds(b, ",\"metadata\":");
        json_put(b, o, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
}

static int webhook_start(struct source *s, struct err *e)
{
        const struct webhook_source *c = source_config(s);
        struct webhook_state *w = source_state(s);
        w->source = s;
        w->done = source_compat_argo(s) ? on_done_argo : on_done;
        buf_init(&w->payload, BUF_UNBOUNDED);
        buf_init(&w->metadata, BUF_UNBOUNDED);
        arena_init(&w->scratch, 0);
        render_metadata(&w->metadata, &c->context.metadata);
        if (webhook_open(&w->hook, s, &c->context, on_request, w, e) < 0)
                return -1;
        source_up(s);
        return 0;
}

static void webhook_stop(struct source *s)
{
        struct webhook_state *w = source_state(s);
        w->hook = webhook_close(w->hook);
        buf_deinit(&w->payload);
        buf_deinit(&w->metadata);
        arena_deinit(&w->scratch);
}

static void pause(struct source *s, bool paused)
{
        struct webhook_state *w = source_state(s);
        webhook_pause(w->hook, paused);
}

static void check(const void *config, const struct jpath *at, struct diags *d)
{
        webhook_config_check(&((const struct webhook_source *)config)->context, at, d);
}

const struct source_driver source_webhook = {
        .type = "webhook",
        .fields = fields,
        .config_size = sizeof(struct webhook_source),
        .state_size = sizeof(struct webhook_state),
        .active_active = true,
        .check = check,
        .start = webhook_start,
        .stop = webhook_stop,
        .pause = pause,
        .starts_without_secrets = true,
        .done_after_stop = true,
};
