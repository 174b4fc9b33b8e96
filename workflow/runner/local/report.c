/* workflow/runner/local/report.c: status records of the executor -> struct pod_status for the
 * controller. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <stdio.h>

static void add_param(json_t *list, struct wire param)
{
        struct wire value = param;
        if (!wire_find(&value, R_VALUE))
                return;
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", wire_find_str(param, R_NAME),
                                              "value", json_string_of_bytes(value.data, value.n)));
}

static void add_artifact(json_t *list, struct wire artifact)
{
        json_t *j = NULL;
        const char *text = wire_find_str(artifact, R_JSON);
        if (!text || json_parse(&j, text, strlen(text), NULL) < 0)
                return;
        json_object_del(j, SAVE_MEMBER);
        json_array_append_new(list, j);
}

static json_t *outputs_json(struct wire status, int exit_code)
{
        AUTO_JSON json_t *params = json_array(), *artifacts = json_array();
        json_t *out = json_object();
        for (struct wire w = status; wire_next(&w);) {
                if (w.tag == R_PARAM)
                        add_param(params, wire_group(&w));
                else if (w.tag == R_ARTIFACT)
                        add_artifact(artifacts, wire_group(&w));
                else if (w.tag == R_RESULT)
                        json_object_set_new(out, "result", json_string_of_bytes(w.data, w.n));
        }
        if (json_array_size(params))
                json_object_set(out, "parameters", params);
        if (json_array_size(artifacts))
                json_object_set(out, "artifacts", artifacts);
        if (exit_code >= 0) {
                char text[16];
                snprintf(text, sizeof(text), "%d", exit_code);
                json_object_set_new(out, "exitCode", json_string(text));
        }
        return out;
}

/* [{"name", "exitCode", "message"}] of a pod of several containers; NULL without. */
static json_t *containers_json(struct wire records)
{
        json_t *list = NULL;
        while (wire_find(&records, R_CONTAINER)) {
                struct wire c = wire_group(&records), code = c;
                const char *message = wire_find_str(c, R_MESSAGE);
                json_t *j = json_pack("{s:s}", "name", wire_find_str(c, R_NAME));
                if (wire_find(&code, R_EXIT_CODE))
                        json_object_set_new(j, "exitCode", json_integer((int64_t)wire_u64(&code)));
                if (!str_empty(message))
                        json_object_set_new(j, "message",
                                            json_string_of_bytes(message, strlen(message)));
                list = list ? list : json_array();
                json_array_append_new(list, j);
        }
        return list;
}

static const char *ip_of(struct wire records)
{
        const char *ip = wire_find_str(records, R_IP);
        return ip ? ip : "127.0.0.1";
}

void report_final(struct runner *r, const char *uid, const char *node, struct wire status)
{
        int exit_code = (int)(int64_t)wire_find_u64(status, R_EXIT_CODE, UINT64_MAX);
        AUTO_JSON json_t *outputs = outputs_json(status, exit_code);
        AUTO_JSON json_t *containers = containers_json(status);
        const char *message = wire_find_str(status, R_MESSAGE),
                   *note = wire_find_str(status, R_NOTE);
        AUTO_JSON json_t *clean =
                json_string_of_bytes(message ? message : "", message ? strlen(message) : 0);
        struct pod_status st = {.phase = (enum pod_phase)wire_find_u64(status, R_PHASE, POD_ERROR),
                                .message = json_string_value(clean),
                                .exit_code = exit_code,
                                .outputs = json_object_size(outputs) ? outputs : NULL,
                                .containers = containers,
                                .ip = ip_of(status),
                                .host = r->host,
                                .started = {(int64_t)wire_find_u64(status, R_STARTED, 0)},
                                .finished = {(int64_t)wire_find_u64(status, R_FINISHED, 0)}};
        if (note)
                log_warn(log_root(), "step", F_STR("node", node), F_STR("note", note));
        r->update(r->arg, uid, node, &st);
}

void report_phase(struct runner *r, const char *uid, const char *node, enum pod_phase phase,
                  int64_t started_ns, struct wire running)
{
        AUTO_JSON json_t *containers = containers_json(running);
        struct pod_status st = {.phase = phase,
                                .message = "",
                                .exit_code = -1,
                                .ready = wire_find_u64(running, R_READY, 0),
                                .containers = containers,
                                .ip = ip_of(running),
                                .host = r->host,
                                .started = {started_ns}};
        r->update(r->arg, uid, node, &st);
}
