/* workflow/engine/simulate_redo.c: a simulated workflow that has ended is retried or resubmitted:
 * the object is what a controller would have stored, the engine begins with it anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/redo.h"
#include "workflow/engine/simulate_priv.h"

/* Pods whose nodes run again are new ones; with another workflow they all are. */
static void forget_pods(struct simulation *s)
{
        struct sim_pod *p, *next;
        HASH_ITER (hh, s->pods, p, next)
                if (!json_at(s->workflow, "status", "nodes", p->id))
                        sim_forget_pod(s, p);
}

static char **strings_of(const json_t *list)
{
        size_t i;
        json_t *v;
        char **out = mem_calloc(json_array_size(list) + 1, sizeof(*out));
        json_array_foreach ((json_t *)(uintptr_t)list, i, v)
                out[i] = (char *)(uintptr_t)json_string_value(v);
        return out;
}

/* What the API server gives a new object. */
static void complete_metadata(struct simulation *s, json_t *made, const char *new_name)
{
        char now[40];
        time_rfc3339(s->now_ns, now);
        if (new_name)
                json_put_at(made, json_string(new_name), "metadata", "name");
        json_put_at(made, json_string("00000000-0000-4000-8000-000000000002"), "metadata", "uid");
        json_put_at(made, json_string(now), "metadata", "creationTimestamp");
}

int sim_redo(struct simulation *s, const json_t *action, char **refused, struct err *e)
{
        const json_t *override = json_object_get(action, "override");
        const char *new_name = json_str(action, "newName");
        bool resubmit = streq(json_str(action, "do"), "resubmit");
        AUTO(mem_free) char **parameters = strings_of(override);
        AUTO_JSON json_t *made = NULL;
        struct err why = {0};
        struct redo r = {.parameters = (const char *const *)parameters,
                         .n_parameters = json_array_size(override),
                         .now = {s->now_ns},
                         .restart_successful =
                                 json_is_true(json_object_get(action, "restartSuccessful")),
                         .node_field_selector = json_str(action, "nodeFieldSelector"),
                         .memoized = json_is_true(json_object_get(action, "memoized")),
                         .new_name = new_name ? new_name : "resubmitted"};
        int done = resubmit ? redo_resubmit(&made, sim_stored(s), &r, &why)
                            : redo_retry(&made, sim_stored(s), &r, &why);
        if (done < 0) {
                *refused = mem_strdup(err_msg(&why));
                err_clear(&why);
                return 0;
        }
        if (resubmit)
                complete_metadata(s, made, r.new_name);
        s->run++;
        json_decref(s->workflow);
        s->workflow = TAKE(made);
        forget_pods(s);
        return sim_load(s, e);
}
