/* workflow/runner/local/actions.c: probes and lifecycle hooks -> records. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/build_priv.h"

/* A number, or the name of one of the container's ports. */
static int port_of(const struct part *part, const json_t *port, uint64_t *out, struct err *e)
{
        size_t i;
        json_t *p;
        int64_t n;
        AUTO(mem_free) char *text = port ? json_scalar_text(port) : mem_strdup("");
        if (str_to_i64(text, &n) && n > 0 && n < 65536) {
                *out = (uint64_t)n;
                return 0;
        }
        json_array_foreach (json_object_get(part->container, "ports"), i, p) {
                const json_t *number = json_object_get(p, "containerPort");
                if (!streq(json_str(p, "name"), text) || !json_is_integer(number))
                        continue;
                *out = (uint64_t)json_integer_value(number);
                return 0;
        }
        return err_set(e, ERR_INVALID,
                       "port: expected a number or the name of a port of the "
                       "container, found \"%s\"",
                       text);
}

static int put_exec(struct buf *b, const json_t *exec, struct err *e)
{
        size_t i;
        json_t *arg;
        if (!json_array_size(json_object_get(exec, "command")))
                return err_set(e, ERR_INVALID, "exec.command: expected a list of strings");
        wire_put_u64(b, A_HOW, ACTION_EXEC);
        json_array_foreach (json_object_get(exec, "command"), i, arg) {
                AUTO(mem_free) char *text = json_scalar_text(arg);
                wire_put_str(b, A_ARG, text);
        }
        return 0;
}

static int put_network(const struct part *part, struct buf *b, const json_t *at, bool http,
                       struct err *e)
{
        uint64_t port = 0;
        size_t i;
        json_t *header;
        if (streq(json_str(at, "scheme"), "HTTPS"))
                return err_set(e, ERR_UNSUPPORTED,
                               "not supported yet: httpGet.scheme HTTPS (local "
                               "runner)");
        if (port_of(part, json_object_get(at, "port"), &port, e) < 0)
                return err_wrap(e, http ? "httpGet" : "tcpSocket");
        wire_put_u64(b, A_HOW, http ? ACTION_HTTP : ACTION_TCP);
        wire_put_u64(b, A_PORT, port);
        wire_put_str(b, A_HOST, json_str(at, "host"));
        wire_put_str(b, A_PATH, json_str(at, "path"));
        json_array_foreach (json_object_get(at, "httpHeaders"), i, header) {
                const char *name = json_str(header, "name"), *value = json_str(header, "value");
                if (str_empty(name) || strpbrk(name, "\r\n: ") || (value && strpbrk(value, "\r\n")))
                        return err_set(e, ERR_INVALID, "httpGet.httpHeaders[%zu]: not a header", i);
                AUTO(mem_free) char *line = mem_printf("%s: %s", name, value ? value : "");
                wire_put_str(b, A_HEADER, line);
        }
        return 0;
}

static int put_action(const struct part *part, struct buf *b, const json_t *action, struct err *e)
{
        const json_t *exec = json_object_get(action, "exec"),
                     *http = json_object_get(action, "httpGet"),
                     *tcp = json_object_get(action, "tcpSocket"),
                     *sleep = json_object_get(action, "sleep");
        if (exec)
                return put_exec(b, exec, e);
        if (http || tcp)
                return put_network(part, b, http ? http : tcp, http, e);
        if (sleep) {
                json_int_t s = json_integer_value(json_object_get(sleep, "seconds"));
                wire_put_u64(b, A_HOW, ACTION_SLEEP);
                wire_put_u64(b, A_PERIOD_MS, s > 0 ? (uint64_t)s * 1000 : 0);
                return 0;
        }
        if (json_object_get(action, "grpc"))
                return err_set(e, ERR_UNSUPPORTED, "not supported yet: grpc (local runner)");
        return err_set(e, ERR_INVALID, "expected exec, httpGet or tcpSocket");
}

static void put_times(struct buf *b, const json_t *probe)
{
        static const struct {
                const char *field;
                enum wire_tag tag;
                int unit, least;
        } rows[] = {{"initialDelaySeconds", A_DELAY_MS, 1000, 0},
                    {"periodSeconds", A_PERIOD_MS, 1000, 1},
                    {"timeoutSeconds", A_TIMEOUT_MS, 1000, 1},
                    {"successThreshold", A_SUCCESSES, 1, 1},
                    {"failureThreshold", A_FAILURES, 1, 1}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const json_t *j = json_object_get(probe, rows[i].field);
                if (json_is_integer(j) && json_integer_value(j) >= rows[i].least)
                        wire_put_u64(b, rows[i].tag,
                                     (uint64_t)(json_integer_value(j) * rows[i].unit));
        }
}

static int put_one(struct part *part, enum wire_tag tag, enum action_kind kind, const char *name,
                   const json_t *action, struct err *e)
{
        struct buf *b = &part->records;
        if (!json_is_object(action))
                return 0;
        size_t group = wire_begin(b, tag);
        wire_put_u64(b, A_KIND, kind);
        if (put_action(part, b, action, e) < 0)
                return err_wrap(e, "%s", name);
        if (tag == S_PROBE)
                put_times(b, action);
        wire_end(b, group);
        return 0;
}

int put_actions(struct part *part, struct err *e)
{
        const json_t *c = part->container;
        static const struct {
                enum wire_tag tag;
                enum action_kind kind;
                const char *at[3];
        } rows[] = {{S_PROBE, PROBE_STARTUP, {"startupProbe"}},
                    {S_PROBE, PROBE_READINESS, {"readinessProbe"}},
                    {S_PROBE, PROBE_LIVENESS, {"livenessProbe"}},
                    {S_HOOK, HOOK_STARTED, {"lifecycle", "postStart"}},
                    {S_HOOK, HOOK_STOPPING, {"lifecycle", "preStop"}}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (put_one(part, rows[i].tag, rows[i].kind,
                            rows[i].at[1] ? rows[i].at[1] : rows[i].at[0],
                            json_at_keys(c, rows[i].at), e) < 0)
                        return -1;
        return 0;
}
