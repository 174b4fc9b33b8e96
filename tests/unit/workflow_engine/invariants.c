/* tests/unit/workflow_engine/invariants.c: see invariants.h. It reads stored objects only, and
 * judges conditions with code of its own: those of random_workflow.c, "[!]a[.Result] op b".
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_engine/invariants.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

static int rank(const char *phase)
{
        if (!phase || !*phase)
                return -1;
        return streq(phase, "Pending") ? 0 : streq(phase, "Running") ? 1 : 2;
}

static bool is_done(const json_t *node)
{
        return rank(json_str(node, "phase")) == 2 ||
               json_is_true(json_object_get(node, "daemoned"));
}

/* ---- INV-8 ---- */

static char *compare(const char *what, const char *from, const char *to, bool may_fail)
{
        bool same_end = rank(from) < 2 || streq(from, to) || (may_fail && streq(to, "Failed"));
        if (rank(to) >= rank(from) && same_end)
                return NULL;
        return mem_printf("INV-8: %s goes from %s to %s", what, from, to ? to : "nothing");
}

char *invariant_forward(const json_t *before, const json_t *after)
{
        const char *id, *phase = json_str(before, "phase");
        json_t *node;
        char *words =
                phase ? compare("the workflow", phase, json_str(after, "phase"), false) : NULL;
        json_object_foreach (json_object_get(before, "nodes"), id, node) {
                const json_t *now = json_at(after, "nodes", id);
                /* a group that is done fails after all when a daemon of it dies (as in Argo) */
                bool group = streq(json_str(node, "type"), "StepGroup");
                if (!words)
                        words = compare(json_str(node, "name"), json_str(node, "phase"),
                                        json_str(now, "phase"), group);
        }
        return words;
}

/* ---- INV-9 ---- */

static const json_t *node_named(const json_t *object, const char *name)
{
        const char *id;
        json_t *node;
        json_object_foreach (json_at(object, "status", "nodes"), id, node) {
                if (streq(json_str(node, "name"), name))
                        return node;
        }
        return NULL;
}

static const json_t *task_of(const json_t *object, const json_t *dag, const char *task)
{
        size_t i, k;
        json_t *t, *found;
        json_array_foreach (json_at(object, "spec", "templates"), i, t) {
                if (!streq(json_str(t, "name"), json_str(dag, "templateName")))
                        continue;
                json_array_foreach (json_at(t, "dag", "tasks"), k, found) {
                        if (streq(json_str(found, "name"), task))
                                return found;
                }
        }
        return NULL;
}

static bool has_result(const json_t *node, const char *result)
{
        const char *phase = json_str(node, "phase");
        if (!*result)
                return streq(phase, "Succeeded") || streq(phase, "Skipped") ||
                       json_is_true(json_object_get(node, "daemoned"));
        return streq(phase, result);
}

static bool serves(const json_t *node)
{
        const char *template = json_str(node, "templateName");
        return streq(template, "serve") || streq(template, "again");
}

/* A daemon that served when it was asked may wait for its next attempt now. */
static bool is_tried_again(const json_t *object, const json_t *node)
{
        char *name = mem_printf("%s(0)", json_str(node, "name"));
        const json_t *first = serves(node) ? node_named(object, name) : NULL;
        mem_free(name);
        return rank(json_str(first, "phase")) == 2;
}

/* One side of a condition: 1 holds, 0 does not, -1 is not done; what a daemon said when it was
 * asked nobody knows any more: 1. */
static int side(const json_t *object, const char *dag, const char *text)
{
        char name[32], *dot;
        bool negated = *text == '!';
        snprintf(name, sizeof(name), "%s", text + negated);
        dot = strchr(name, '.');
        if (dot)
                *dot = 0;
        char *full = mem_printf("%s.%s", dag, name);
        const json_t *node = node_named(object, full);
        mem_free(full);
        if (node && is_tried_again(object, node))
                return 1;
        if (!node || !is_done(node))
                return -1;
        if (serves(node))
                return 1;
        return has_result(node, dot ? dot + 1 : "") != negated;
}

/* The old way: each must have ended well, or go on all the same. */
static char *check_dependencies(const json_t *object, const json_t *dag, const json_t *task)
{
        size_t i;
        json_t *before;
        json_array_foreach (json_object_get(task, "dependencies"), i, before) {
                const char *name = json_string_value(before);
                char *full = mem_printf("%s.%s", json_str(dag, "name"), name);
                const json_t *node = node_named(object, full);
                bool tolerant = json_object_get(task_of(object, dag, name), "continueOn"),
                     bad = rank(json_str(node, "phase")) == 2 && !has_result(node, "") &&
                           !streq(json_str(node, "phase"), "Omitted");
                bool fine = node && (is_tried_again(object, node) ||
                                     (is_done(node) && (!bad || tolerant || serves(node))));
                mem_free(full);
                if (!fine)
                        return mem_printf("INV-9: %s.%s starts ahead of %s", json_str(dag, "name"),
                                          json_str(task, "name"), name);
        }
        return NULL;
}

static char *check_depends(const json_t *object, const json_t *dag, const char *task)
{
        const char *depends = json_str(task_of(object, dag, task), "depends"),
                   *name = json_str(dag, "name");
        char a[32], op[4], b[32];
        if (json_object_get(task_of(object, dag, task), "dependencies"))
                return check_dependencies(object, dag, task_of(object, dag, task));
        if (!depends || sscanf(depends, "%31s %3s %31s", a, op, b) != 3)
                return NULL;
        int x = side(object, name, a), y = side(object, name, b);
        if (x >= 0 && y >= 0 && (streq(op, "&&") ? x && y : x || y))
                return NULL;
        return mem_printf("INV-9: %s.%s starts though \"%s\" is %s", name, task, depends,
                          x < 0 || y < 0 ? "undecided" : "false");
}

/* "d1(0:a)(2)" -> d1; NULL for hooks, which stand behind their task whatever it came to. */
static char *task_name(const json_t *node)
{
        const char *display = json_str(node, "displayName");
        size_t n = strcspn(display, "(.");
        return display[n] == '.' ? NULL : mem_strndup(display, n);
}

static char *check_attempt(const json_t *object, const json_t *node)
{
        const char *name = json_str(node, "name"), *open = strrchr(name, '(');
        if (!json_is_true(json_at(node, "nodeFlag", "retried")) || !open || strchr(open, ':'))
                return NULL;
        unsigned number = (unsigned)strtoul(open + 1, NULL, 10);
        if (!number)
                return NULL;
        char *before = mem_printf("%.*s(%u)", (int)(open - name), name, number - 1);
        const json_t *last = node_named(object, before);
        bool fine = last && rank(json_str(last, "phase")) == 2;
        mem_free(before);
        return fine ? NULL : mem_printf("INV-9: %s starts before the attempt ahead ended", name);
}

/* "wf[1].s2" around "wf": the group ahead must have succeeded. */
static char *check_group(const json_t *object, const json_t *steps, const json_t *node)
{
        const char *name = json_str(node, "name"), *around = json_str(steps, "name");
        size_t n = strlen(around);
        unsigned long group = strncmp(name, around, n) == 0 && name[n] == '['
                                      ? strtoul(name + n + 1, NULL, 10)
                                      : 0;
        if (!group)
                return NULL;
        char *before = mem_printf("%s[%lu]", around, group - 1);
        const json_t *ahead = node_named(object, before);
        bool fine = ahead && streq(json_str(ahead, "phase"), "Succeeded");
        mem_free(before);
        return fine ? NULL : mem_printf("INV-9: %s starts ahead of the group before it", name);
}

char *invariant_start(const json_t *object, const char *node_id)
{
        const json_t *nodes = json_at(object, "status", "nodes"),
                     *node = json_object_get(nodes, node_id);
        if (rank(json_str(object, "status", "phase")) == 2)
                return mem_printf("INV-9: %s starts behind the end of the workflow", node_id);
        if (!node)
                return mem_printf("INV-9: %s starts before it is stored", node_id);
        char *words = check_attempt(object, node);
        while (node && !words) {
                const char *boundary = json_str(node, "boundaryID");
                const json_t *around = boundary ? json_object_get(nodes, boundary) : NULL;
                char *task =
                        around && streq(json_str(around, "type"), "DAG") ? task_name(node) : NULL;
                if (around && streq(json_str(around, "type"), "Steps"))
                        words = check_group(object, around, node);
                if (task && !words)
                        words = check_depends(object, around, task);
                mem_free(task);
                node = around;
        }
        return words;
}

/* ---- the end ---- */

/* What failed before all of it was done (a daemon died) leaves things as they were, as in Argo. */
static bool is_below_failure(const json_t *nodes, const json_t *node)
{
        while (node) {
                const char *boundary = json_str(node, "boundaryID"), *phase;
                node = boundary ? json_object_get(nodes, boundary) : NULL;
                phase = json_str(node, "phase");
                if (streq(phase, "Failed") || streq(phase, "Error"))
                        return true;
        }
        return false;
}

char *invariant_undone(const json_t *object, const char *words)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        const char *id;
        json_t *n;
        buf_adds(&b, words);
        json_object_foreach (json_at(object, "status", "nodes"), id, n) {
                const char *phase = json_str(n, "phase"), *message = json_str(n, "message");
                if (rank(phase) < 2)
                        buf_addf(&b, "\n    %s %s: %s %s", json_str(n, "type"), json_str(n, "name"),
                                 phase, message ? message : "");
        }
        return buf_take(&b);
}

char *invariant_end(const json_t *object)
{
        const json_t *nodes = json_at(object, "status", "nodes");
        const char *id;
        json_t *node;
        if (!streq(json_str(object, "status", "phase"), "Succeeded"))
                return NULL;
        json_object_foreach (json_at(object, "status", "nodes"), id, node) {
                if (rank(json_str(node, "phase")) < 2 && !is_below_failure(nodes, node))
                        return mem_printf("it has succeeded while %s is %s", json_str(node, "name"),
                                          json_str(node, "phase"));
        }
        return NULL;
}
