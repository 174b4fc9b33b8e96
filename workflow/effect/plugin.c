/* workflow/effect/plugin.c: {"plugin": {<name>: ...}}: the protocol of Argo's executor plugins.
 *
 * POST <address>/api/v1/template.execute {"workflow": {"metadata"}, "template"}; the answer is
 * {"node": {"phase", "message", "outputs"}, "requeue": "10s"}. A plugin that does not know the
 * template answers 404 or no node: the next one is asked, the one of that name first. As long as
 * the phase is not an end it is asked again after `requeue`. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/effect_priv.h"

enum { TIMEOUT_MS = 30000, ANSWER_MAX = 1024 * 1024, REQUEUE_MS = 5000 };

struct plugin_state {
        const char *wanted; /* the one key of the template */
        size_t at;          /* in the order of asking */
        struct secret *token;
        struct http_call *call;
        struct loop_timer again;
        bool timed;
};

static void ask(struct effect *f);

/* The plugin of that name first, then the others as configured. */
static const json_t *plugin_at(const struct effect *f, size_t at)
{
        const struct plugin_state *s = f->state;
        const json_t *all = f->all->o.plugins, *p;
        size_t i, found = json_array_size(all);
        json_array_foreach ((json_t *)(uintptr_t)all, i, p) {
                if (streq(json_str(p, "name"), s->wanted))
                        found = i;
        }
        if (found == json_array_size(all))
                return json_array_get(all, at);
        return json_array_get(all, at == 0 ? found : at <= found ? at - 1 : at);
}

static void nobody(struct effect *f)
{
        const struct plugin_state *s = f->state;
        AUTO_BUF struct buf names = BUF_INIT(4096);
        size_t i;
        json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)f->all->o.plugins, i, p)
                buf_addf(&names, "%s%s", i ? ", " : "", json_str(p, "name"));
        effect_end(f, POD_ERROR, -1, NULL,
                   "no executor plugin knows \"%s\"; configured (executorPlugins): %s", s->wanted,
                   names.len ? buf_str(&names) : "none");
}

static void next_plugin(struct effect *f)
{
        struct plugin_state *s = f->state;
        s->at++;
        s->token = secret_free(s->token);
        ask(f);
}

/* ---- the answer ---- */

static enum pod_phase phase_of(const char *text)
{
        return streq(text, "Succeeded")                    ? POD_SUCCEEDED
               : streq(text, "Failed")                     ? POD_FAILED
               : streq(text, "Error")                      ? POD_ERROR
               : str_empty(text) || streq(text, "Running") ? POD_RUNNING
               : streq(text, "Pending")                    ? POD_PENDING
                                                           : POD_ERROR;
}

static void on_again(void *arg)
{
        ask(arg);
}

static void requeue(struct effect *f, const char *text)
{
        struct plugin_state *s = f->state;
        int64_t ns = INT64_C(0);
        if (str_empty(text) || !duration_parse(text, &ns) || ns <= 0)
                ns = (int64_t)REQUEUE_MS * NS_PER_MS;
        if (!s->timed)
                timer_init(&s->again, on_again, f);
        s->timed = true;
        timer_after_ms(f->all->o.loop, &s->again, ns / NS_PER_MS);
}

static void take_node(struct effect *f, const json_t *answer)
{
        const json_t *node = json_object_get(answer, "node"),
                     *outputs = json_object_get(node, "outputs");
        const char *phase = json_str(node, "phase"), *message = json_str(node, "message");
        enum pod_phase end = phase_of(phase);
        if (end < POD_SUCCEEDED) {
                requeue(f, json_str(answer, "requeue"));
                return;
        }
        if (end == POD_ERROR && !streq(phase, "Error"))
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: unknown phase \"%s\"",
                           json_str(plugin_at(f, ((struct plugin_state *)f->state)->at), "name"),
                           phase);
        effect_end(f, end, -1, json_is_object(outputs) ? json_deep_copy(outputs) : NULL, "%s",
                   message ? message : "");
}

static void on_answer(void *arg, const struct http_response *r, const struct err *failed)
{
        struct effect *f = arg;
        struct plugin_state *s = f->state;
        const char *name = json_str(plugin_at(f, s->at), "name");
        AUTO_JSON json_t *answer = NULL;
        struct err e = {0};
        s->call = NULL;
        if (!failed && r->status == 404) {
                next_plugin(f);
                return;
        }
        if (failed)
                err_copy(&e, failed);
        else if (r->status / 100 != 2)
                http_status_err(r, &e);
        if (err_is_set(&e) || json_parse(&answer, buf_str(&r->body), r->body.len, &e) < 0)
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: %s", name ? name : "", err_msg(&e));
        else if (!json_is_object(json_object_get(answer, "node")))
                next_plugin(f);
        else
                take_node(f, answer);
        err_clear(&e);
}

/* ---- the question ---- */

static void send_question(struct effect *f, const json_t *plugin)
{
        struct plugin_state *s = f->state;
        const char *address = json_str(plugin, "address");
        AUTO_JSON json_t *body =
                json_pack("{s:{s:{s:s, s:s, s:s}}, s:O}", "workflow", "metadata", "name",
                          f->workflow, "namespace", f->ns, "uid", f->uid, "template", f->template);
        AUTO(mem_free) char *text = json_text(body, JSON_STYLE_COMPACT);
        AUTO(mem_free)
        char *url = mem_printf("%s%sapi/v1/template.execute", address,
                               str_ends(address, "/") ? "" : "/");
        const struct http_header headers[] = {
                {"Content-Type", "application/json"}, {"Idempotency-Key", f->key}, {0}};
        const struct http_call_spec spec = {.method = "POST",
                                            .url = url,
                                            .headers = headers,
                                            .body = text,
                                            .body_len = strlen(text),
                                            .bearer = s->token,
                                            .timeout_ms = TIMEOUT_MS,
                                            .max_response_bytes = ANSWER_MAX};
        s->call = http_call(f->all->http, &spec, on_answer, f);
}

static void on_token(void *arg, struct secret *value_taken, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (!f) {
                secret_free(value_taken);
                return;
        }
        struct plugin_state *s = f->state;
        const json_t *plugin = plugin_at(f, s->at);
        s->token = value_taken;
        if (value_taken)
                send_question(f, plugin);
        else
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: its tokenSecret: %s",
                           json_str(plugin, "name"), e ? err_msg(e) : "not found");
}

static void ask(struct effect *f)
{
        struct plugin_state *s = f->state;
        const json_t *plugin = plugin_at(f, s->at), *ref = json_object_get(plugin, "tokenSecret");
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key"),
                   *ns = json_str(ref, "namespace");
        if (!plugin)
                nobody(f);
        else if (ref && !s->token)
                store_secret(f->all->o.store, ns ? ns : "default", name ? name : "", key ? key : "",
                             on_token, effect_asks(f));
        else
                send_question(f, plugin);
}

static void plugin_start(struct effect *f, const json_t *spec)
{
        struct plugin_state *s = f->state;
        s->wanted = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)spec));
        s->wanted = s->wanted ? s->wanted : "";
        ask(f);
}

static void plugin_stop(struct effect *f)
{
        struct plugin_state *s = f->state;
        if (s->call)
                http_call_cancel(s->call);
        s->call = NULL;
        if (s->timed)
                timer_cancel(f->all->o.loop, &s->again);
        s->token = secret_free(s->token);
}

const struct effect_kind effect_plugin = {.member = "plugin",
                                          .state_size = sizeof(struct plugin_state),
                                          .start = plugin_start,
                                          .stop = plugin_stop};
