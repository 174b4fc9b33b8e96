/* server/api/events.c: POST /api/v1/events/{ns}/{discriminator}: every WorkflowEventBinding of the
 * namespace is asked; the answer comes when each workflow that the event made is durable. What one
 * binding does wrong does not stop the others; the answer then says what. A delivery that is
 * repeated (Idempotency-Key, Webhook-Id, X-GitHub-Delivery) changes nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "server/api/api_priv.h"
#include "workflow/binding/binding.h"
#include <ctype.h>
#include <stdlib.h>

struct dispatch {
        struct api *api;
        struct http_req *req;
        json_t *payload, *metadata;
        struct binding_event event;
        struct binding *binding;
        size_t open;      /* answers awaited */
        struct err error; /* the first */
};
struct submission { /* of one binding */
        struct dispatch *d;
        char *binding;
        json_t *workflow;
};

/* ---- the event ---- */

static bool put_header(void *arg, const char *name, const char *value)
{
        json_t *metadata = arg;
        if (strncasecmp(name, "x-", 2) != 0 || !utf8_valid(value, strlen(value)))
                return true;
        AUTO(mem_free) char *key = mem_strdup(name);
        for (char *p = key; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        json_t *list = json_object_get(metadata, key);
        if (!list)
                json_object_set_new(metadata, key, list = json_array());
        json_array_append_new(list, json_string(value));
        return true;
}

static const char *key_of(const struct http_req *r)
{
        static const char *const names[] = {"Idempotency-Key", "Webhook-Id", "X-GitHub-Delivery"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (!str_empty(http_req_header(r, names[i])))
                        return http_req_header(r, names[i]);
        return NULL;
}

static void dispatch_free(struct dispatch *d)
{
        binding_free(d->binding);
        json_decref(d->payload);
        json_decref(d->metadata);
        err_clear(&d->error);
        free(d);
}

static void answer_done(struct dispatch *d)
{
        AUTO_JSON json_t *nothing = json_object();
        if (--d->open)
                return;
        if (err_is_set(&d->error))
                api_reply_err(d->req, &d->error);
        else
                api_reply_json(d->req, 200, nothing);
        dispatch_free(d);
}

/* ---- one binding ---- */

static void fail(struct dispatch *d, const char *binding, const struct err *e)
{
        log_warn(log_root(), "A WorkflowEventBinding could not dispatch an event.",
                 F_STR("binding", binding), F_STR("namespace", d->event.ns), F_ERR(e));
        if (err_is_set(&d->error))
                return;
        err_copy(&d->error, e);
        err_wrap(&d->error, "failed to dispatch event: %s", binding);
}

static void submission_end(struct submission *s, const struct err *e)
{
        struct dispatch *d = s->d;
        if (e)
                fail(d, s->binding, e);
        json_decref(s->workflow);
        free(s->binding);
        free(s);
        answer_done(d);
}

static void on_created(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct submission *s = arg;
        bool repeated = e && e->code == ERR_CONFLICT && s->d->event.key;
        submission_end(s, repeated ? NULL : e);
}

static void on_template(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct submission *s = arg;
        struct err why = {0};
        if (!e) {
                store_create(s->d->api->store, &STORE_WORKFLOW, s->d->event.ns, s->workflow,
                             on_created, s);
                return;
        }
        err_copy(&why, e);
        err_wrap(&why, "failed to get workflow template");
        submission_end(s, &why);
        err_clear(&why);
}

static void submit(struct dispatch *d, const json_t *binding, json_t *workflow_taken)
{
        const json_t *ref = json_at(workflow_taken, "spec", "workflowTemplateRef");
        struct submission *s = NEW(struct submission);
        *s = (struct submission){d, mem_strdup(obj_name(binding)), workflow_taken};
        d->open++;
        store_get(d->api->store,
                  (struct store_ref){json_is_true(json_object_get(ref, "clusterScope"))
                                             ? &STORE_CLUSTER_WORKFLOW_TEMPLATE
                                             : &STORE_WORKFLOW_TEMPLATE,
                                     d->event.ns, json_str(ref, "name")},
                  on_template, s);
}

static void ask(struct dispatch *d, const json_t *binding)
{
        struct err e = {0};
        bool selected = false;
        json_t *workflow = NULL;
        if (binding_selects(d->binding, binding, &selected, &e) < 0 ||
            (selected && binding_workflow(d->binding, binding, &workflow, &e) < 0))
                fail(d, obj_name(binding), &e);
        else if (workflow)
                submit(d, binding, workflow);
        err_clear(&e);
}

static void on_bindings(void *arg, json_t *list, const struct err *e)
{
        struct dispatch *d = arg;
        json_t *item;
        size_t i;
        if (e)
                err_copy(&d->error, e);
        json_array_foreach (json_object_get(list, "items"), i, item)
                ask(d, item);
        answer_done(d);
}

void api_receive_event(struct http_req *r, void *arg)
{
        struct api *a = arg;
        struct err e = {0};
        struct str body = http_req_body(r);
        struct dispatch *d = NEW(struct dispatch);
        *d = (struct dispatch){.api = a, .req = r, .metadata = json_object(), .open = 1};
        if (body.n && json_parse(&d->payload, body.p, body.n, &e) < 0) {
                err_wrap(&e, "the event is no JSON");
                api_reply_err(r, &e);
                err_clear(&e);
                dispatch_free(d);
                return;
        }
        http_req_headers(r, put_header, d->metadata);
        const char *ns = api_ns(r), *discriminator = http_req_param(r, "discriminator");
        d->event = (struct binding_event){ns ? ns : "default", discriminator ? discriminator : "",
                                          d->payload, d->metadata, key_of(r)};
        d->binding = binding_new(&d->event, loop_clock(store_loop(a->store)));
        store_list(a->store, &STORE_WORKFLOW_EVENT_BINDING, d->event.ns, NULL, on_bindings, d);
}
