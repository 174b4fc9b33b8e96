/* tests/unit/workflow_engine/random_workflow.c: see random_workflow.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/unit/workflow_engine/random_workflow.h"
#include "workflow/engine/lock_name.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct source {
        uint64_t state;
        bool limited; /* by parallelism: daemons that keep their place would wait for themselves */
        bool waits;   /* "nap" waits for somebody who resumes it */
};

static unsigned below(struct source *s, unsigned n)
{
        s->state = s->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(s->state >> 33) % n;
}

static const char *pick_template(struct source *s, int level)
{
        static const char *const leaves[] = {"ok",     "maybe",   "retried", "echo",  "maybe",
                                             "serve",  "set",     "ask",     "nap",   "picky",
                                             "locked", "limited", "both",    "known", "list",
                                             "list",   "again",   "timed",   "deep",  "pressed"};
        static char name[16];
        if (level < 2 && below(s, 3) == 0) {
                snprintf(name, sizeof(name), "t%d-%u", level + 1, below(s, 2));
                return name;
        }
        const char *leaf = leaves[below(s, sizeof(leaves) / sizeof(*leaves))];
        bool serves = strcmp(leaf, "serve") == 0 || strcmp(leaf, "again") == 0;
        return s->limited && serves ? "ok" : leaf;
}

static void decorate(struct source *s, json_t *task, bool dag, int level)
{
        static const char *const inner[] = {"t1-0", "t2-0", "ok"};
        char condition[64];
        const char *name = json_string_value(json_object_get(task, "name"));
        snprintf(condition, sizeof(condition), "%s[\"%s\"].status == \"%s\"",
                 dag ? "tasks" : "steps", name, below(s, 2) ? "Running" : "Succeeded");
        switch (below(s, 15)) {
        case 0: json_object_set_new(task, "withItems", json_pack("[i,s,b]", 1, "x", 1)); break;
        case 1:
                json_object_set_new(task, "withSequence",
                                    json_pack("{s:i}", "count", (int)below(s, 4)));
                break;
        case 2:
                json_object_set_new(task, "when", json_string(below(s, 2) ? "1 == 1" : "1 == 2"));
                break;
        case 3:
                json_object_set_new(task, "onExit", json_string(below(s, 4) ? "ok" : inner[level]));
                break;
        case 4:
                if (!dag)
                        json_object_set_new(task, "continueOn", json_pack("{s:b}", "failed", 1));
                break;
        case 8: json_object_set_new(task, "withParam", json_string("[\"p\", {\"k\": 1}]")); break;
        case 5:
                json_object_set_new(task, "hooks",
                                    json_pack("{s:{s:s,s:s}}", below(s, 3) ? "when" : "exit",
                                              "template", below(s, 3) ? "ok" : "maybe",
                                              "expression", condition));
                break;
        case 6:
                json_object_set_new(task, "when",
                                    json_string("{{=workflow.name == 'wf' && len('ab') > 1}}"));
                break;
        case 7:
                json_object_set_new(task, "withItems", json_pack("[s,s]", "a", "b"));
                json_object_set_new(task, "when", json_string("{{=item}} == b"));
                break;
        default: break;
        }
}

/* A loop over what another said: "list" says a list, and so does a loop of anything. */
static void loop_over(struct source *s, json_t *task, const char *kind, const json_t *before)
{
        char text[64];
        if (strcmp(json_string_value(json_object_get(before, "template")), "list") != 0 ||
            !below(s, 3))
                return;
        snprintf(text, sizeof(text), "{{%s.%s.outputs.result}}", kind,
                 json_string_value(json_object_get(before, "name")));
        json_object_del(task, "withItems");
        json_object_del(task, "withSequence");
        json_object_set_new(task, "withParam", json_string(text));
}

static json_t *steps_template(struct source *s, const char *name, int level)
{
        json_t *groups = json_array();
        unsigned n_groups = 1 + below(s, 3), number = 0;
        for (unsigned g = 0; g < n_groups; g++) {
                json_t *group = json_array();
                unsigned n = 1 + below(s, 3);
                for (unsigned i = 0; i < n; i++) {
                        char step[16];
                        snprintf(step, sizeof(step), "s%u", number++);
                        json_t *task = json_pack("{s:s,s:s}", "name", step, "template",
                                                 pick_template(s, level));
                        decorate(s, task, false, level);
                        if (g)
                                loop_over(s, task, "steps",
                                          json_array_get(json_array_get(groups, g - 1), 0));
                        json_array_append_new(group, task);
                }
                json_array_append_new(groups, group);
        }
        return json_pack("{s:s,s:o}", "name", name, "steps", groups);
}

/* The old way to say it, which goes with continueOn. */
static void depend_simply(struct source *s, json_t *task, unsigned i)
{
        char first[16], second[16];
        unsigned a = below(s, i), b = below(s, i);
        snprintf(first, sizeof(first), "d%u", a);
        snprintf(second, sizeof(second), "d%u", b);
        json_object_set_new(task, "dependencies",
                            a == b ? json_pack("[s]", first) : json_pack("[s,s]", first, second));
}

static void depend(struct source *s, json_t *task, unsigned i, const json_t *tasks)
{
        static const char *const results[] = {"", ".Succeeded", ".Failed", ".Skipped", ".Omitted"};
        char depends[64];
        unsigned a = below(s, i);
        snprintf(depends, sizeof(depends), "%sd%u%s %s d%u", below(s, 5) ? "" : "!", a,
                 results[below(s, 5)], below(s, 2) ? "&&" : "||", below(s, i));
        json_object_set_new(task, "depends", json_string(depends));
        loop_over(s, task, "tasks", json_array_get(tasks, a));
}

static json_t *dag_template(struct source *s, const char *name, int level)
{
        json_t *tasks = json_array();
        unsigned n = 1 + below(s, 6);
        bool simple = below(s, 5) == 0;
        for (unsigned i = 0; i < n; i++) {
                char task_name[16];
                snprintf(task_name, sizeof(task_name), "d%u", i);
                json_t *task = json_pack("{s:s,s:s}", "name", task_name, "template",
                                         pick_template(s, level));
                decorate(s, task, true, level);
                if (i && below(s, 3) && simple)
                        depend_simply(s, task, i);
                else if (i && below(s, 3))
                        depend(s, task, i, tasks);
                if (simple && !below(s, 4))
                        json_object_set_new(task, "continueOn",
                                            json_pack("{s:b,s:b}", "failed", 1, "error", 1));
                json_array_append_new(tasks, task);
        }
        json_t *dag = json_pack("{s:o}", "tasks", tasks);
        if (below(s, 3) == 0)
                json_object_set_new(dag, "failFast", json_boolean(below(s, 2)));
        if (n > 2 && below(s, 8) == 0)
                json_object_set_new(dag, "target", json_string(below(s, 2) ? "d1" : "d0 d2"));
        return json_pack("{s:s,s:o}", "name", name, "dag", dag);
}

static json_t *composite(struct source *s, const char *name, int level)
{
        json_t *t = below(s, 2) ? steps_template(s, name, level) : dag_template(s, name, level);
        if (s->limited && below(s, 3) == 0)
                json_object_set_new(t, "parallelism", json_integer(1 + below(s, 3)));
        if (s->limited && below(s, 4) == 0)
                json_object_set_new(t, "failFast", json_true());
        if (below(s, 5) == 0)
                json_object_set_new(t, "retryStrategy", json_pack("{s:i}", "limit", 1));
        return t;
}

static const char locked[] = "{\"name\":\"locked\",\"container\":{\"image\":\"i\"},"
                             "\"synchronization\":{\"mutexes\":[{\"name\":\"x\"}]}}";
static const char limited[] =
        "{\"name\":\"limited\",\"container\":{\"image\":\"i\"},\"retryStrategy\":{\"limit\":1},"
        "\"synchronization\":{\"semaphores\":[{\"configMapKeyRef\":{\"name\":\"limits\",\"key\":"
        "\"two\"}}]}}";
static const char both[] = "{\"name\":\"both\",\"suspend\":{\"duration\":\"2\"},"
                           "\"synchronization\":{\"mutexes\":[{\"name\":"
                           "\"x\"},{\"name\":\"y\",\"database\":true}],\"semaphores\":["
                           "{\"database\":{\"key\":\"two\"}}]}}";
static const char known[] =
        "{\"name\":\"known\",\"container\":{\"image\":\"i\"},\"memoize\":{\"key\":\"k\","
        "\"cache\":{\"configMap\":{\"name\":\"cache\"}}}}";

static const char list_result[] =
        "{\"name\":\"list\",\"script\":{\"image\":\"i\",\"source\":\"x\"}}";
static const char again[] =
        "{\"name\":\"again\",\"daemon\":true,\"container\":{\"image\":\"i\"},"
        "\"retryStrategy\":{\"limit\":3,\"retryPolicy\":\"Always\",\"backoff\":{"
        "\"duration\":\"2\"}}}";
static const char timed[] =
        "{\"name\":\"timed\",\"container\":{\"image\":\"i\"},\"timeout\":\"3s\"}";
static const char pressed[] =
        "{\"name\":\"pressed\",\"container\":{\"image\":\"i\"},\"retryStrategy\":{\"limit\":5,"
        "\"backoff\":{\"duration\":\"1\",\"factor\":2,\"maxDuration\":\"6\"}}}";
static const char deep[] =
        "{\"name\":\"deep\",\"inputs\":{\"parameters\":[{\"name\":\"n\",\"value\":\"2\"}]},"
        "\"steps\":["
        "[{\"name\":\"do\",\"template\":\"maybe\"}],[{\"name\":\"more\",\"template\":\"deep\","
        "\"when\":"
        "\"{{inputs.parameters.n}} > 0\",\"arguments\":{\"parameters\":[{\"name\":\"n\",\"value\":"
        "\"{{=asInt(inputs.parameters.n) - 1}}\"}]}}]]}";
static const char wait[] = "{\"name\":\"nap\",\"suspend\":{}}";

static json_t *templates(struct source *s)
{
        json_t *list = json_array();
        json_array_append_new(list, composite(s, "main", 0));
        for (int level = 1; level <= 2; level++)
                for (unsigned k = 0; k < 2; k++) {
                        char name[16];
                        snprintf(name, sizeof(name), "t%d-%u", level, k);
                        json_array_append_new(list, composite(s, name, level));
                }
        json_array_append_new(list,
                              json_pack("{s:s,s:{s:s}}", "name", "ok", "container", "image", "i"));
        json_array_append_new(
                list, json_pack("{s:s,s:{s:s}}", "name", "maybe", "container", "image", "i"));
        json_array_append_new(list, json_pack("{s:s,s:{s:s,s:[s]}}", "name", "echo", "container",
                                              "image", "i", "args", "{{node.name}}"));
        json_array_append_new(list, json_pack("{s:s,s:b,s:{s:s}}", "name", "serve", "daemon", 1,
                                              "container", "image", "i"));
        json_array_append_new(list,
                              json_pack("{s:s,s:{s:[{s:s,s:s},{s:s,s:s,s:[s]}]}}", "name", "set",
                                        "containerSet", "containers", "name", "a", "image", "i",
                                        "name", "main", "image", "i", "dependencies", "a"));
        json_array_append_new(list, json_pack("{s:s,s:{s:s}}", "name", "ask", "http", "url",
                                              "http://{{workflow.name}}"));
        json_array_append_new(list, s->waits ? json_loads(wait, 0, NULL)
                                             : json_pack("{s:s,s:{s:s}}", "name", "nap", "suspend",
                                                         "duration", "2"));
        json_array_append_new(list, json_pack("{s:s,s:{s:i,s:s},s:{s:s}}", "name", "picky",
                                              "retryStrategy", "limit", 3, "expression",
                                              "lastRetry.status == 'Failed' && asInt(retries) < 2",
                                              "container", "image", "i"));
        json_array_append_new(list,
                              json_pack("{s:s,s:{s:i,s:s,s:{s:s}},s:{s:s}}", "name", "retried",
                                        "retryStrategy", "limit", 2, "retryPolicy", "Always",
                                        "backoff", "duration", "3", "container", "image", "i"));
        json_array_append_new(list, json_loads(locked, 0, NULL));
        json_array_append_new(list, json_loads(limited, 0, NULL));
        json_array_append_new(list, json_loads(both, 0, NULL));
        json_array_append_new(list, json_loads(known, 0, NULL));
        json_array_append_new(list, json_loads(list_result, 0, NULL));
        json_array_append_new(list, json_loads(again, 0, NULL));
        json_array_append_new(list, json_loads(timed, 0, NULL));
        json_array_append_new(list, json_loads(pressed, 0, NULL));
        json_array_append_new(list, json_loads(deep, 0, NULL));
        return list;
}

static json_t *rules(struct source *s)
{
        json_t *list = json_array();
        static const char *const phases[] = {"Failed", "Error", "Deleted", "Succeeded"};
        static const char *const of[] = {"retried", "maybe", "maybe", "picky", "pressed"};
        for (unsigned i = 0; i < 5; i++) {
                char glob[16];
                snprintf(glob, sizeof(glob), "*%u*", below(s, 6));
                json_array_append_new(list,
                                      json_pack("{s:{s:s,s:s},s:s,s:i}", "match", "template", of[i],
                                                "node", glob, "phase", phases[below(s, 4)],
                                                "duration", (int)(1 + below(s, 5))));
        }
        if (below(s, 3) == 0)
                json_array_append_new(list, json_pack("{s:{s:s,s:i},s:s,s:i}", "match", "template",
                                                      "again", "attempt", 0, "phase", "Failed",
                                                      "duration", 3));
        json_array_append_new(list, json_pack("{s:{s:s},s:s}", "match", "template", "list",
                                              "result", "[\"a\", 2]"));
        return list;
}

static json_t *actions(struct source *s)
{
        static const char *const what[] = {"stop", "terminate", "suspend"};
        json_t *list = json_array();
        if (below(s, 6) == 0) {
                unsigned k = below(s, 3);
                json_array_append_new(
                        list, json_pack("{s:i,s:s}", "at", (int)(1 + below(s, 6)), "do", what[k]));
                if (k == 2)
                        json_array_append_new(list,
                                              json_pack("{s:i,s:s}", "at", 9, "do", "resume"));
        }
        return list;
}

static void add_exit_and_locks(struct source *s, json_t *spec)
{
        static const char *const handlers[] = {"ok", "maybe", "t2-1"};
        if (below(s, 4) == 0)
                json_object_set_new(spec, "onExit", json_string(handlers[below(s, 3)]));
        if (below(s, 12) == 0)
                json_object_set_new(spec, "synchronization",
                                    json_pack("{s:[{s:s}]}", "mutexes", "name", "whole"));
}

json_t *random_workflow(uint64_t seed, bool resumed)
{
        struct source s = {.state = seed * 2 + 1, .limited = seed % 2};
        s.waits = resumed && below(&s, 3) == 0;
        json_t *spec = json_pack("{s:s,s:o}", "entrypoint", "main", "templates", templates(&s));
        if (s.limited && below(&s, 2) == 0)
                json_object_set_new(spec, "parallelism", json_integer(1 + below(&s, 4)));
        if (below(&s, 6) == 0)
                json_object_set_new(spec, "activeDeadlineSeconds", json_integer(2 + below(&s, 8)));
        if (below(&s, 8) == 0)
                json_object_set_new(spec, "hooks",
                                    json_pack("{s:{s:s,s:s}}", "any", "template", "ok",
                                              "expression",
                                              below(&s, 2) ? "workflow.status == 'Failed'"
                                                           : "workflow.status == 'Running'"));
        add_exit_and_locks(&s, spec);
        json_t *workflow = json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:o}", "kind", "Workflow",
                                     "metadata", "name", "wf", "namespace", "default", "uid", "u",
                                     "creationTimestamp", "2000-01-01T00:00:00Z", "spec", spec);
        json_t *limits =
                json_pack("[{s:s,s:{s:s},s:{s:s}},{s:s,s:{s:s},s:{s:s}}]", "kind", "ConfigMap",
                          "metadata", "name", "limits", "data", "two", "2", "kind", "ConfigMap",
                          "metadata", "name", SYNC_LIMITS, "data", "two", "2");
        return json_pack("{s:s,s:o,s:{s:o},s:o,s:o}", "name", "random", "workflow", workflow,
                         "pods", "rules", rules(&s), "actions", actions(&s), "objects", limits);
}
