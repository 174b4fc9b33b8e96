/* workflow/effect/plugin.c: {"plugin": {<name>: ...}}: the protocol of Argo's executor plugins,
 * spoken with those of the workflow (spec.executorPlugins: sidecar.h) or, without such, with those
 * of the configuration.
 *
 * POST <address>/api/v1/template.execute {"workflow": {"metadata"}, "template"}; the answer is
 * {"node": {"phase", "message", "progress", "outputs"}, "requeue": "10s"}. A plugin that does not
 * know the template answers 404 or no node: the next one is asked, the one of that name first. As
 * long as the phase is not an end it is asked again after `requeue`. A plugin that cannot be
 * reached, or answers 503, is asked again a few times. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/effect_priv.h"
#include "workflow/effect/sidecar.h"

enum { TIMEOUT_MS = 30000, ANSWER_MAX = 1024 * 1024, REQUEUE_MS = 5000 };
enum { TRIES = 5, RETRY_FIRST_MS = 1000 };

struct plugin_state {
        const char *wanted; /* the one key of the template */
        const json_t *plugins;
        bool beside; /* they are the workflow's */
        size_t at;   /* in the order of asking */
        int tries;   /* in vain, of this one */
        struct sidecar_user *user;
        struct secret *token;
        struct http_call *call;
        struct loop_timer again;
        bool timed;
};

static void ask(struct effect *f);

static const char *name_of(const json_t *plugin)
{
        const char *name = json_str(plugin, "name");
        return name ? name : json_str(plugin, "metadata", "name");
}

/* The plugin of that name first, then the others as configured. */
static size_t index_at(const struct plugin_state *s, size_t at)
{
        size_t i, n = json_array_size(s->plugins), found = n;
        const json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)s->plugins, i, p) {
                if (streq(name_of(p), s->wanted))
                        found = i;
        }
        return found == n ? at : at == 0 ? found : at <= found ? at - 1 : at;
}

static const json_t *plugin_now(const struct effect *f)
{
        const struct plugin_state *s = f->state;
        return json_array_get(s->plugins, index_at(s, s->at));
}

static const char *name_now(const struct effect *f)
{
        const char *name = name_of(plugin_now(f));
        return name ? name : "";
}

static void nobody(struct effect *f)
{
        const struct plugin_state *s = f->state;
        AUTO_BUF struct buf names = BUF_INIT(4096);
        size_t i;
        json_t *p;
        json_array_foreach ((json_t *)(uintptr_t)s->plugins, i, p)
                buf_addf(&names, "%s%s", i ? ", " : "", name_of(p));
        effect_end(f, POD_ERROR, -1, NULL, "no executor plugin knows \"%s\"; %s: %s", s->wanted,
                   s->beside ? "of the workflow (spec.executorPlugins)"
                             : "configured (executorPlugins)",
                   names.len ? buf_str(&names) : "none");
}

static void next_plugin(struct effect *f)
{
        struct plugin_state *s = f->state;
        s->at++;
        s->tries = 0;
        sidecar_leave(TAKE(s->user));
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

static void ask_after(struct effect *f, int64_t ms)
{
        struct plugin_state *s = f->state;
        if (!s->timed)
                timer_init(&s->again, on_again, f);
        s->timed = true;
        timer_after_ms(f->all->o.loop, &s->again, ms);
}

static void requeue(struct effect *f, const char *text)
{
        int64_t ns = INT64_C(0);
        if (str_empty(text) || !duration_parse(text, &ns) || ns <= 0)
                ns = (int64_t)REQUEUE_MS * NS_PER_MS;
        ask_after(f, ns / NS_PER_MS);
}

static void take_node(struct effect *f, const json_t *answer)
{
        const json_t *node = json_object_get(answer, "node"),
                     *outputs = json_object_get(node, "outputs");
        const char *phase = json_str(node, "phase"), *message = json_str(node, "message");
        enum pod_phase end = phase_of(phase);
        effect_progress(f, json_str(node, "progress"));
        if (end < POD_SUCCEEDED) {
                effect_note(f, message);
                requeue(f, json_str(answer, "requeue"));
                return;
        }
        if (end == POD_ERROR && !streq(phase, "Error"))
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: unknown phase \"%s\"", name_now(f),
                           phase);
        effect_end(f, end, -1, json_is_object(outputs) ? json_deep_copy(outputs) : NULL, "%s",
                   message ? message : "");
}

/* It may be starting, or be started again: Argo's agent tries as often. */
static void in_vain(struct effect *f, const struct err *e)
{
        struct plugin_state *s = f->state;
        if (++s->tries < TRIES) {
                ask_after(f, (int64_t)RETRY_FIRST_MS << (s->tries - 1));
                return;
        }
        AUTO(mem_free) char *story = s->user ? sidecar_user_story(s->user) : mem_strdup("");
        effect_end(f, POD_ERROR, -1, NULL, "plugin %s: %s%s%s", name_now(f), err_msg(e),
                   *story ? "; " : "", story);
}

static bool is_in_vain(const struct http_response *r, const struct err *failed)
{
        return failed ? failed->code == ERR_UNAVAILABLE || failed->code == ERR_TIMEOUT
                      : r->status == 503;
}

static void judge(struct effect *f, const struct http_response *r, struct err *e)
{
        AUTO_JSON json_t *answer = NULL;
        if (err_is_set(e) || json_parse(&answer, buf_str(&r->body), r->body.len, e) < 0)
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: %s", name_now(f), err_msg(e));
        else if (!json_is_object(json_object_get(answer, "node")))
                next_plugin(f);
        else
                take_node(f, answer);
}

static void on_answer(void *arg, const struct http_response *r, const struct err *failed)
{
        struct effect *f = arg;
        struct plugin_state *s = f->state;
        struct err e = {0};
        s->call = NULL;
        if (failed)
                err_copy(&e, failed);
        else if (r->status / 100 != 2 && r->status != 404)
                http_status_err(r, &e);
        if (!failed && s->user)
                sidecar_answered(s->user);
        if (is_in_vain(r, failed)) {
                in_vain(f, &e);
        } else if (!failed && r->status == 404) {
                next_plugin(f);
        } else {
                s->tries = 0;
                judge(f, r, &e);
        }
        err_clear(&e);
}

/* ---- the question ---- */

/* `socket` NULL: one to the address. */
struct question {
        const char *address, *host;
        const int *socket;
        const struct secret *token;
};

static void send_question(struct effect *f, const struct question *q)
{
        struct plugin_state *s = f->state;
        AUTO_JSON json_t *body =
                json_pack("{s:{s:{s:s, s:s, s:s}}, s:O}", "workflow", "metadata", "name",
                          f->workflow, "namespace", f->ns, "uid", f->uid, "template", f->template);
        AUTO(mem_free) char *text = json_text(body, JSON_STYLE_COMPACT);
        AUTO(mem_free)
        char *url = mem_printf("%s%sapi/v1/template.execute", q->address,
                               str_ends(q->address, "/") ? "" : "/");
        const struct http_header headers[] = {
                {"Content-Type", "application/json"}, {"Idempotency-Key", f->key}, {0}};
        const struct http_call_spec spec = {.method = "POST",
                                            .url = url,
                                            .headers = headers,
                                            .body = text,
                                            .body_len = strlen(text),
                                            .bearer = q->token,
                                            .timeout_ms = TIMEOUT_MS,
                                            .max_response_bytes = ANSWER_MAX,
                                            .host = q->host,
                                            .connected = q->socket};
        s->call = http_call(f->all->http, &spec, on_answer, f);
}

/* ---- of the configuration ---- */

static void ask_there(struct effect *f)
{
        const struct plugin_state *s = f->state;
        send_question(f, &(struct question){.address = json_str(plugin_now(f), "address"),
                                            .token = s->token});
}

static void on_token(void *arg, struct secret *value_taken, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (!f) {
                secret_free(value_taken);
                return;
        }
        struct plugin_state *s = f->state;
        s->token = value_taken;
        if (value_taken)
                ask_there(f);
        else
                effect_end(f, POD_ERROR, -1, NULL, "plugin %s: its tokenSecret: %s", name_now(f),
                           e ? err_msg(e) : "not found");
}

static void ask_address(struct effect *f, const json_t *plugin)
{
        struct plugin_state *s = f->state;
        const json_t *ref = json_object_get(plugin, "tokenSecret");
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key"),
                   *ns = json_str(ref, "namespace");
        if (ref && !s->token)
                store_secret(f->all->o.store, ns ? ns : "default", name ? name : "", key ? key : "",
                             on_token, effect_asks(f));
        else
                ask_there(f);
}

/* ---- beside the workflow ---- */

static void on_ready(void *arg, int fd, const struct err *e)
{
        struct effect *f = arg;
        const struct plugin_state *s = f->state;
        if (fd < 0) {
                effect_end(f, POD_ERROR, -1, NULL, "%s", err_msg(e));
                return;
        }
        uint16_t port = sidecar_port(s->user);
        AUTO(mem_free) char *address = mem_printf("http://127.0.0.1:%u", port);
        AUTO(mem_free) char *host = mem_printf("localhost:%u", port);
        effect_note(f, NULL);
        send_question(f, &(struct question){.address = address,
                                            .host = host,
                                            .socket = &fd,
                                            .token = sidecar_token(s->user)});
}

static void on_waits(void *arg, const char *why)
{
        effect_note(arg, why);
}

static void ask_sidecar(struct effect *f)
{
        struct plugin_state *s = f->state;
        const struct sidecar_of of = {
                .ns = f->ns, .workflow = f->workflow, .uid = f->uid, .spec = f->spec};
        if (!s->user)
                s->user = sidecar_join(f->all->sidecars, &of, index_at(s, s->at), on_ready,
                                       on_waits, f);
        sidecar_connect(s->user);
}

/* ---- all ---- */

static void ask(struct effect *f)
{
        const struct plugin_state *s = f->state;
        const json_t *plugin = plugin_now(f);
        if (!plugin)
                nobody(f);
        else if (s->beside)
                ask_sidecar(f);
        else
                ask_address(f, plugin);
}

static void plugin_start(struct effect *f, const json_t *spec)
{
        struct plugin_state *s = f->state;
        const json_t *own = json_object_get(f->spec, "executorPlugins");
        s->wanted = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)spec));
        s->wanted = s->wanted ? s->wanted : "";
        s->beside = json_array_size(own) > 0;
        s->plugins = s->beside ? own : f->all->o.plugins;
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
        sidecar_leave(TAKE(s->user));
}

const struct effect_kind effect_plugin = {.member = "plugin",
                                          .state_size = sizeof(struct plugin_state),
                                          .start = plugin_start,
                                          .stop = plugin_stop};
