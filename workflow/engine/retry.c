/* workflow/engine/retry.c: a Retry node and its attempts x(0), x(1), ... (argo-workflows.md 2.10).
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include <math.h>

uint32_t retry_attempt(const struct wf *wf, uint32_t retry, int64_t number)
{
        if (number < 0)
                return NONE;
        char *name = mem_printf("%s(%lld)", node_at(wf, retry)->name, (long long)number);
        uint32_t node = node_find(wf, name);
        mem_free(name);
        return node;
}

/* ---- the strategy ---- */

struct strategy {
        bool has_limit, on_failed, on_error, transient;
        int64_t limit;
        bool has_backoff, has_duration, has_factor;
        int64_t duration_ns, cap_ns, max_ns;
        double factor;
};

/* "10", 10: seconds; "1m30s": a Go duration. */
bool retry_duration(const json_t *v, int64_t *ns)
{
        if (!v || json_is_null(v))
                return false;
        char *text = json_scalar_text(v);
        int64_t s;
        bool ok = true;
        if (str_to_i64(text, &s))
                *ns = s * NS_PER_S;
        else
                ok = duration_parse(text, ns);
        mem_free(text);
        return ok;
}

static bool int_or_string(const json_t *v, double *out)
{
        if (!v || json_is_null(v))
                return false;
        char *text = json_scalar_text(v);
        bool ok = str_to_double(text, out);
        mem_free(text);
        return ok;
}

/* The strategy as it stands in the template, its tags resolved as in the rest of it. */
static int render_strategy(json_t **out, struct wf *wf, uint32_t retry, struct err *e)
{
        const struct node *n = node_at(wf, retry);
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        json_t *expression = json_object_get(n->tmpl->retry, "expression");
        AUTO_JSON json_t *bare = json_copy(n->tmpl->retry);
        json_object_del(bare, "expression");
        s.inputs = n->inputs;
        scope_name_of(&s, retry);
        json_t *rendered = NULL;
        if (scope_tree(&rendered, bare, &s, e) < 0)
                return -1;
        *out = json_copy(rendered);
        json_decref(rendered);
        if (expression)
                json_object_set_nocheck(*out, "expression", expression);
        return 0;
}

static void read_strategy(struct strategy *s, const json_t *j)
{
        const char *policy = json_str(j, "retryPolicy");
        const json_t *backoff = json_object_get(j, "backoff");
        double limit;
        *s = (struct strategy){0};
        if (str_empty(policy))
                policy = str_empty(json_str(j, "expression")) ? "OnFailure" : "Always";
        s->on_failed = streq(policy, "Always") || streq(policy, "OnFailure");
        s->on_error = streq(policy, "Always") || streq(policy, "OnError");
        s->transient = streq(policy, "OnTransientError");
        s->has_limit = int_or_string(json_object_get(j, "limit"), &limit);
        s->limit = s->has_limit ? (int64_t)limit : 0;
        s->has_backoff = json_is_object(backoff);
        s->has_duration = retry_duration(json_object_get(backoff, "duration"), &s->duration_ns);
        retry_duration(json_object_get(backoff, "cap"), &s->cap_ns);
        retry_duration(json_object_get(backoff, "maxDuration"), &s->max_ns);
        s->has_factor = int_or_string(json_object_get(backoff, "factor"), &s->factor);
}

static int64_t backoff_ns(const struct strategy *s, uint32_t attempts)
{
        double wait = (double)s->duration_ns;
        if (s->has_factor && s->factor > 0)
                wait *= pow(s->factor, (double)attempts - 1);
        if (s->cap_ns && wait > (double)s->cap_ns)
                wait = (double)s->cap_ns;
        return wait > 9e18 ? INT64_MAX / 2 : (int64_t)wait;
}

/* Words that tell a passing trouble from a lasting one (Argo's errors.IsTransientErr, for
 * messages). */
static bool is_transient(const char *message)
{
        static const char *const words[] = {"TLS handshake timeout",
                                            "i/o timeout",
                                            "connection timed out",
                                            "connection reset by peer",
                                            "transport is closing",
                                            "connection refused",
                                            "net/http: timeout awaiting response headers",
                                            "Internal error occurred",
                                            "http2: client connection lost"};
        for (size_t i = 0; message && i < ARRAY_LEN(words); i++)
                if (strstr(message, words[i]))
                        return true;
        return false;
}

/* ---- the node ---- */

static void finish(struct wf *wf, uint32_t retry, enum node_phase phase, const char *message,
                   uint32_t last)
{
        json_t *outputs = node_at(wf, last)->outputs;
        if (outputs)
                node_set_outputs(wf, retry, json_incref(outputs));
        node_set(wf, retry, phase, message ? message : "");
        node_close(wf, retry);
}

static bool start_attempt(struct wf *wf, uint32_t retry)
{
        struct frame *f = node_at(wf, retry)->frame;
        uint32_t node = NONE;
        f->wait_until_ns = 0;
        if (exec_attempt(wf, retry, f->attempts, &node) == EXEC_BLOCKED)
                return false;
        f->attempts++;
        return true;
}

static void start_or_wait(struct wf *wf, uint32_t retry)
{
        if (!start_attempt(wf, retry))
                task_block(wf, retry);
}

static char *human(int64_t ns)
{
        int64_t s = ns / NS_PER_S;
        static const struct {
                int64_t s;
                const char *name;
        } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
        AUTO_BUF struct buf b = BUF_INIT(256);
        int put = 0;
        for (size_t i = 0; i < ARRAY_LEN(units) && put < 2; i++) {
                int64_t n = s / units[i].s;
                s %= units[i].s;
                if (!n && !(put == 0 && i + 1 == ARRAY_LEN(units)))
                        continue;
                buf_addf(&b, "%s%lld %s%s", put ? " " : "", (long long)n, units[i].name,
                         n == 1 ? "" : "s");
                put++;
        }
        return buf_take(&b);
}

/* True: the wait is over or there is none. False: it waits, or it ended for good. */
static bool wait_passed(struct wf *wf, uint32_t retry, const struct strategy *s, uint32_t last)
{
        struct frame *f = node_at(wf, retry)->frame;
        const struct node *l = node_at(wf, last);
        uint32_t first = retry_attempt(wf, retry, 0);
        int64_t end = 0;
        if (!s->has_backoff)
                return true;
        if (s->max_ns && first != NONE) {
                end = node_at(wf, first)->started_s * NS_PER_S + s->max_ns;
                if (wf->now_ns > end) {
                        finish(wf, retry, l->phase, "Max duration limit exceeded", last);
                        return false;
                }
        }
        if (!s->has_duration) {
                struct err why = {0};
                err_set(&why, ERR_INVALID, "no base duration specified for retryStrategy");
                exec_raise(wf, retry, &why);
                node_close(wf, retry);
                return false;
        }
        int64_t wait = backoff_ns(s, f->attempts), until = l->finished_s * NS_PER_S + wait;
        bool late =
                f->attempts > 1 && wait > 0; /* it began just after the end of a wait, not at it */
        if (end && until + late > end) {
                finish(wf, retry, l->phase, "Backoff would exceed max duration limit", last);
                return false;
        }
        bool waits = wf->now_ns < until || (wait > 0 && wf->now_ns == until && !wf->timers_fire);
        if (waits && s->has_limit && f->attempts <= s->limit) {
                char *text = human(wait), *message = mem_printf("Backoff for %s", text);
                f->wait_until_ns = until;
                node_set(wf, retry, node_at(wf, retry)->phase, message);
                control_timer(wf, until, retry);
                mem_free(text);
                mem_free(message);
                return false;
        }
        node_set(wf, retry, node_at(wf, retry)->phase, "");
        return true;
}

static bool policy_allows(const struct strategy *s, const struct node *last)
{
        if (s->transient)
                return is_transient(last->message);
        return last->phase == PHASE_ERROR ? s->on_error : s->on_failed;
}

/* False: the node has ended, by the expression or by an error in it. */
static bool expression_allows(struct wf *wf, uint32_t retry, const json_t *strategy, uint32_t last)
{
        const char *text = json_str(strategy, "expression");
        struct err why = {0};
        bool goes_on = true;
        if (str_empty(text))
                return true;
        struct scope s = {.wf = wf,
                          .frame = NONE,
                          .inputs = node_at(wf, last)->inputs,
                          .attempt = (int)node_at(wf, retry)->frame->attempts - 1,
                          .last_attempt = last,
                          .judges_retry = true};
        if (scope_test(&goes_on, text, &s, &why) < 0) {
                exec_raise(wf, retry, &why);
                node_close(wf, retry);
                return false;
        }
        if (!goes_on)
                finish(wf, retry, node_at(wf, last)->phase,
                       "retryStrategy.expression evaluated to false", last);
        return goes_on;
}

static void decide(struct wf *wf, uint32_t retry, uint32_t last)
{
        const struct node *l = node_at(wf, last);
        struct frame *f = node_at(wf, retry)->frame;
        struct strategy s;
        struct err why = {0};
        AUTO_JSON json_t *strategy = NULL;
        if (l->daemoned) {
                daemon_mark_retry(wf, retry);
                return;
        }
        if (node_at(wf, retry)->daemoned && daemon_is_forgotten(wf, retry))
                return;
        daemon_unmark(wf, retry);
        if (!phase_bad(l->phase)) {
                finish(wf, retry, PHASE_SUCCEEDED, NULL, last);
                return;
        }
        if (render_strategy(&strategy, wf, retry, &why) < 0) {
                exec_raise(wf, retry, &why);
                node_close(wf, retry);
                return;
        }
        read_strategy(&s, strategy);
        if (wf->shutdown != SHUTDOWN_NONE) {
                finish(wf, retry, l->phase,
                       wf->shutdown == SHUTDOWN_STOP ? "Stopped with strategy 'Stop'"
                                                     : "Stopped with strategy 'Terminate'",
                       last);
                return;
        }
        if (wf->late || wf->now_ns >= wf->deadline_ns) {
                finish(wf, retry, l->phase, "retry exceeded workflow deadline", last);
                return;
        }
        bool raised = l->raised;
        if (raised && !s.on_error) {
                err_set(&why, ERR_INVALID, "%s", l->message ? l->message : "");
                exec_raise(wf, retry, &why);
                node_close(wf, retry);
                return;
        }
        if (!wait_passed(wf, retry, &s, last))
                return;
        if (!policy_allows(&s, l))
                finish(wf, retry, l->phase, l->message, last);
        else if (s.has_limit && f->attempts > s.limit)
                finish(wf, retry, l->phase, "No more retries left", last);
        else if (expression_allows(wf, retry, strategy, last))
                start_or_wait(wf, retry);
}

void retry_open(struct wf *wf, uint32_t retry)
{
        struct node *n = node_at(wf, retry);
        n->frame = NEW(struct frame);
        n->frame->tmpl = n->tmpl;
        uint32_t existing = 0;
        while (retry_attempt(wf, retry, existing) != NONE)
                existing++;
        n->frame->attempts = existing ? existing - 1 : 0;
        start_or_wait(wf, retry); /* the last one is taken over when it exists */
}

void retry_child_done(struct wf *wf, uint32_t retry, uint32_t child)
{
        struct frame *f = node_at(wf, retry)->frame;
        if (!f || node_at(wf, retry)->phase >= PHASE_SUCCEEDED ||
            node_at(wf, child)->slot + 1 != f->attempts)
                return;
        decide(wf, retry, child);
}

void retry_due(struct wf *wf, uint32_t retry)
{
        struct frame *f = node_at(wf, retry)->frame;
        if (!f || !f->wait_until_ns || !f->attempts)
                return;
        uint32_t last = retry_attempt(wf, retry, (int64_t)f->attempts - 1);
        if (last != NONE)
                decide(wf, retry, last);
}

bool retry_unblock(struct wf *wf, uint32_t retry)
{
        return !node_at(wf, retry)->frame || start_attempt(wf, retry);
}
