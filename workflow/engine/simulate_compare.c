/* workflow/engine/simulate_compare.c: expected against actual, by the rules of
 * conformance/workflow/README.md: nodes by name, lists of names as sets, times inside strings
 * masked, the wording of most messages free. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/lang/quantity.h"
#include "workflow/engine/simulate.h"
#include <ctype.h>

struct comparison {
        struct buf *out;
        size_t n;
        const char *at; /* node name or "workflow" */
};

static void differ(struct comparison *c, const char *key, const json_t *expected,
                   const json_t *actual)
{
        char *e = expected ? json_text(expected, JSON_STYLE_SORTED) : mem_strdup("nothing");
        char *a = actual ? json_text(actual, JSON_STYLE_SORTED) : mem_strdup("nothing");
        buf_addf(c->out, "%s: %s: expected %s, found %s\n", c->at, key, e, a);
        mem_free(e);
        mem_free(a);
        c->n++;
}

/* ---- times in strings ---- */

static size_t time_length(const char *p)
{
        static const char rfc3339[] = "dddd-dd-ddTdd:dd:ddZ",
                          go[] = "dddd-dd-dd dd:dd:dd +0000 UTC";
        const char *const forms[] = {rfc3339, go};
        for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
                size_t i = 0;
                while (forms[f][i] && (forms[f][i] == 'd' ? isdigit((unsigned char)p[i]) != 0
                                                          : p[i] == forms[f][i]))
                        i++;
                if (!forms[f][i])
                        return i;
        }
        return 0;
}

static char *masked(const char *text)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        while (*text) {
                size_t n = time_length(text);
                if (n)
                        buf_adds(&b, "<time>");
                else
                        buf_addc(&b, *text);
                text += n ? n : 1;
        }
        return b.len ? buf_take(&b) : mem_strdup("");
}

static bool same_text(const char *a, const char *b)
{
        char *x = masked(a), *y = masked(b);
        bool same = strcmp(x, y) == 0;
        mem_free(x);
        mem_free(y);
        return same;
}

/* Kubernetes writes quantities in a form of its own: 2000m is 2. */
static bool same_amounts(const json_t *a, const json_t *b)
{
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)a, key, v) {
                char *x = json_scalar_text(v), *y = json_scalar_text(json_object_get(b, key));
                struct quantity p, q;
                bool equal = x && y && quantity_parse(&p, str_of(x), NULL) == 0 &&
                             quantity_parse(&q, str_of(y), NULL) == 0 &&
                             quantity_compare(&p, &q) == 0;
                equal = equal || streq(x, y);
                mem_free(x);
                mem_free(y);
                if (!equal)
                        return false;
        }
        return json_object_size(a) == json_object_size(b);
}

static bool same(const json_t *a, const json_t *b, int depth)
{
        if (json_is_string(a) && json_is_string(b))
                return same_text(json_string_value(a), json_string_value(b));
        if (json_is_number(a) && json_is_number(b))
                return json_number_value(a) == json_number_value(b);
        if (depth > 32 || json_typeof(a) != json_typeof(b))
                return false;
        size_t i;
        const char *key;
        json_t *v;
        if (json_is_array(a)) {
                json_array_foreach ((json_t *)(uintptr_t)a, i, v) {
                        if (!json_array_get(b, i) || !same(v, json_array_get(b, i), depth + 1))
                                return false;
                }
                return json_array_size(a) == json_array_size(b);
        }
        if (!json_is_object(a))
                return json_equal(a, b);
        json_object_foreach ((json_t *)(uintptr_t)a, key, v) {
                const json_t *other = json_object_get(b, key);
                bool amounts = streq(key, "limits") || streq(key, "requests");
                if (!other || !(amounts ? same_amounts(v, other) : same(v, other, depth + 1)))
                        return false;
        }
        return json_object_size(a) == json_object_size(b);
}

static bool holds(const json_t *list, const json_t *item)
{
        size_t i;
        json_t *v;
        json_array_foreach ((json_t *)(uintptr_t)list, i, v) {
                if (json_equal(v, item))
                        return true;
        }
        return false;
}

static bool is_unknown(const json_t *name)
{
        return json_is_string(name) && json_string_value(name)[0] == '?';
}

static bool subset(const json_t *a, const json_t *b)
{
        size_t i;
        json_t *v;
        json_array_foreach ((json_t *)(uintptr_t)a, i, v) {
                if (!is_unknown(v) && !holds(b, v))
                        return false;
        }
        return true;
}

/* ---- messages ---- */

static bool exact_wording(const char *message)
{
        static const char *const fixed[] = {"omitted: ", "No more retries left",
                                            "Stopped with strategy ", "main: Error (exit code "};
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                if (str_starts(message, fixed[i]))
                        return true;
        return (str_starts(message, "when '") && str_ends(message, "evaluated false")) ||
               (str_starts(message, "child '") && str_ends(message, "' failed"));
}

static void compare_message(struct comparison *c, const json_t *expected, const json_t *actual)
{
        const char *e = json_string_value(expected), *a = json_string_value(actual);
        if (str_empty(e) && str_empty(a))
                return;
        bool fine = e && a && (exact_wording(e) ? same_text(e, a) : *a != 0);
        if (!fine)
                differ(c, "message", expected, actual);
}

/* ---- nodes ---- */

static bool is_failed_branch(const json_t *node)
{
        const char *phase = json_str(node, "phase");
        return streq(phase, "Failed") || streq(phase, "Error");
}

static void compare_node(struct comparison *c, const json_t *expected, const json_t *actual)
{
        static const char *const keys[] = {
                "id",          "displayName", "type",    "phase",   "templateName",
                "templateRef", "boundary",    "inputs",  "outputs", "hooked",
                "retried",     "daemoned",    "podName", "pod",     "memoization",
                "waitingFor",  "http",        "plugin"};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                const json_t *e = json_object_get(expected, keys[i]),
                             *a = json_object_get(actual, keys[i]);
                if ((e || a) && (!e || !a || !same(e, a, 0)))
                        differ(c, keys[i], e, a);
        }
        compare_message(c, json_object_get(expected, "message"),
                        json_object_get(actual, "message"));
        const json_t *e = json_object_get(expected, "children"),
                     *a = json_object_get(actual, "children");
        if (!subset(e, a) || !subset(a, e))
                differ(c, "children", e, a);
        e = json_object_get(expected, "outboundNodes");
        a = json_object_get(actual, "outboundNodes");
        if (!is_failed_branch(expected) && (!subset(e, a) || !subset(a, e)))
                differ(c, "outboundNodes", e, a);
}

static const json_t *by_name(const json_t *index, const json_t *node)
{
        const char *name = json_str(node, "name");
        return name ? json_object_get(index, name) : NULL;
}

static json_t *index_of(const json_t *nodes)
{
        json_t *out = json_object(), *n;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)nodes, i, n) {
                if (json_str(n, "name"))
                        json_object_set(out, json_str(n, "name"), n);
        }
        return out;
}

static void compare_nodes(struct comparison *c, const json_t *expected, const json_t *actual)
{
        AUTO_JSON json_t *want = index_of(expected), *have = index_of(actual);
        size_t i;
        json_t *n;
        json_array_foreach ((json_t *)(uintptr_t)expected, i, n) {
                const json_t *other = by_name(have, n);
                c->at = json_str(n, "name");
                if (other)
                        compare_node(c, n, other);
                else
                        differ(c, "node", json_object_get(n, "phase"), NULL);
        }
        json_array_foreach ((json_t *)(uintptr_t)actual, i, n) {
                c->at = json_str(n, "name");
                if (!by_name(want, n))
                        differ(c, "node", NULL, json_object_get(n, "phase"));
        }
        c->at = "workflow";
}

/* ---- waves: what was created at each second, whatever the order within it ---- */

static json_t *waves_by_time(const json_t *waves)
{
        json_t *out = json_object(), *w;
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)waves, i, w) {
                char key[24];
                snprintf(key, sizeof(key), "%lld",
                         (long long)json_integer_value(json_object_get(w, "t")));
                json_t *at = json_object_get(out, key), *nodes = json_object_get(w, "nodes");
                if (json_object_get(w, "count")) {
                        json_int_t n = json_integer_value(json_object_get(w, "count")) +
                                       json_integer_value(at);
                        json_object_set_new(out, key, json_integer(n));
                        continue;
                }
                if (!at) {
                        at = json_array();
                        json_object_set_new(out, key, at);
                }
                json_array_extend(at, nodes);
        }
        return out;
}

static void compare_waves(struct comparison *c, const json_t *expected, const json_t *actual)
{
        AUTO_JSON json_t *want = waves_by_time(expected), *have = waves_by_time(actual);
        const char *key;
        json_t *v;
        json_object_foreach (want, key, v) {
                const json_t *other = json_object_get(have, key);
                bool fine = json_is_integer(v)
                                    ? json_integer_value(v) == (json_int_t)json_array_size(other)
                                    : subset(v, other) && subset(other, v);
                char name[40];
                snprintf(name, sizeof(name), "pods created at %s s", key);
                if (!fine)
                        differ(c, name, v, other);
        }
        json_object_foreach (have, key, v) {
                char name[40];
                snprintf(name, sizeof(name), "pods created at %s s", key);
                if (!json_object_get(want, key))
                        differ(c, name, NULL, v);
        }
}

size_t simulate_compare(struct buf *differences, const json_t *expected, const json_t *actual)
{
        static const char *const keys[] = {"phase",   "progress",     "outputs", "labels",
                                           "stalled", "workflowName", "caches"};
        struct comparison c = {.out = differences, .at = "workflow"};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                const json_t *e = json_object_get(expected, keys[i]),
                             *a = json_object_get(actual, keys[i]);
                if ((e || a) && (!e || !a || !same(e, a, 0)))
                        differ(&c, keys[i], e, a);
        }
        compare_message(&c, json_object_get(expected, "message"),
                        json_object_get(actual, "message"));
        if (json_object_get(actual, "failedAction"))
                differ(&c, "action", NULL, json_object_get(actual, "failedAction"));
        if (json_object_get(expected, "nodeCounts")) {
                if (!same(json_object_get(expected, "nodeCounts"),
                          json_object_get(actual, "nodeCounts"), 0))
                        differ(&c, "nodeCounts", json_object_get(expected, "nodeCounts"),
                               json_object_get(actual, "nodeCounts"));
        } else
                compare_nodes(&c, json_object_get(expected, "nodes"),
                              json_object_get(actual, "nodes"));
        compare_waves(&c, json_object_get(expected, "waves"), json_object_get(actual, "waves"));
        return c.n;
}
