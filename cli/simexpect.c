/* cli/simexpect.c: what was expected of a simulation against what came out: only what is said is
 * compared, a text may hold * for any characters. SPDX-License-Identifier: Apache-2.0 */
#include "cli/simcase.h"
#include "cli/term.h"
#include "workflow/engine/simulate.h"

struct comparison {
        struct buf *out;
        size_t n;
};

static bool glob(const char *pattern, const char *text)
{
        const char *star = NULL, *from = NULL;
        while (*text) {
                if (*pattern == '*') {
                        star = pattern++;
                        from = text;
                } else if (*pattern == *text) {
                        pattern++;
                        text++;
                } else if (star) {
                        pattern = star + 1;
                        text = ++from;
                } else
                        return false;
        }
        return !pattern[strspn(pattern, "*")];
}

static char *shown(const json_t *v)
{
        return v ? json_text(v, JSON_STYLE_SORTED) : mem_strdup("nothing");
}

static void differ(struct comparison *c, const char *where, const json_t *expected,
                   const json_t *found)
{
        AUTO(mem_free) char *e = shown(expected);
        AUTO(mem_free) char *f = shown(found);
        buf_addf(c->out, "%s: expected %s, found %s\n", where, e, f);
        c->n++;
}

/* Numbers and booleans of the expectation stand for their text where a text was found. */
static bool same_scalar(const json_t *expected, const json_t *found)
{
        if (!json_is_string(found) || json_is_null(expected))
                return json_equal(expected, found);
        AUTO(mem_free) char *text = json_scalar_text(expected);
        return glob(text, json_string_value(found));
}

static void compare(struct comparison *c, const char *where, const json_t *expected,
                    const json_t *found, int depth)
{
        const char *key;
        json_t *v;
        if (json_is_object(expected) && json_is_object(found) && depth < 32) {
                json_object_foreach ((json_t *)(uintptr_t)expected, key, v) {
                        AUTO(mem_free) char *below = mem_printf("%s.%s", where, key);
                        compare(c, below, v, json_object_get(found, key), depth + 1);
                }
        } else if (json_is_null(expected) ? found && !json_is_null(found)
                                          : !found || !same_scalar(expected, found))
                differ(c, where, expected, found);
}

/* ---- nodes ---- */

static bool is_called(const json_t *node, const char *name)
{
        const char *full = json_str(node, "name"), *display = json_str(node, "displayName");
        return (full && glob(name, full)) || (display && glob(name, display));
}

static json_t *node_called(const json_t *result, const char *name)
{
        size_t i;
        json_t *n;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                if (is_called(n, name))
                        return n;
        }
        return NULL;
}

static void compare_nodes(struct comparison *c, const json_t *expected, const json_t *result)
{
        const char *name;
        json_t *want;
        json_object_foreach ((json_t *)(uintptr_t)expected, name, want) {
                AUTO(mem_free) char *where = mem_printf("node %s", name);
                const json_t *node = node_called(result, name);
                if (json_is_null(want) && node)
                        differ(c, where, NULL, json_object_get(node, "phase"));
                else if (!json_is_null(want) && !node)
                        differ(c, where, want, NULL);
                else if (json_is_string(want)) /* "a: Succeeded" is short for its phase */
                        compare(c, where, want, json_object_get(node, "phase"), 0);
                else if (node)
                        compare(c, where, want, node, 0);
        }
}

/* ---- order ---- */

/* The wave in which a node's pod was made; -1: it has none. */
static long wave_of(const json_t *result, const char *name)
{
        const char *full = json_str(node_called(result, name), "name");
        size_t i, k;
        json_t *wave, *node;
        json_array_foreach (json_object_get(result, "waves"), i, wave) {
                json_array_foreach (json_object_get(wave, "nodes"), k, node) {
                        if (full && streq(json_string_value(node), full))
                                return (long)i;
                }
        }
        return -1;
}

static void compare_order(struct comparison *c, const json_t *list, const json_t *result)
{
        const char *before = NULL;
        long last = -1;
        size_t i;
        json_t *item;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                const char *name = json_string_value(item);
                long wave = name ? wave_of(result, name) : -1;
                if (wave < 0 || wave <= last) {
                        buf_addf(c->out,
                                 wave < 0 ? "order: %s did not run%s%s\n"
                                          : "order: %s did not start after %s%s\n",
                                 name ? name : "?", wave < 0 ? "" : before, "");
                        c->n++;
                }
                last = wave;
                before = name;
        }
}

/* ---- the whole ---- */

static json_t *duration_of(const json_t *workflow)
{
        int64_t from = json_time_at(workflow, "status", "startedAt"),
                to = json_time_at(workflow, "status", "finishedAt");
        return to >= from && to ? json_integer((to - from) / NS_PER_S) : NULL;
}

size_t simexpect_compare(struct buf *out, const json_t *expect, const json_t *result,
                         const json_t *workflow)
{
        struct comparison c = {.out = out};
        const char *key;
        json_t *v;
        if (json_is_array(json_object_get(expect, "nodes")) ||
            json_object_get(expect, "nodeCounts"))
                return simulate_compare(out, expect, result);
        if (json_object_get(result, "failedAction"))
                differ(&c, "action", NULL, json_object_get(result, "failedAction"));
        json_object_foreach ((json_t *)(uintptr_t)expect, key, v) {
                AUTO_JSON json_t *duration =
                        strcmp(key, "duration") == 0 ? duration_of(workflow) : NULL;
                if (strcmp(key, "nodes") == 0)
                        compare_nodes(&c, v, result);
                else if (strcmp(key, "order") == 0)
                        compare_order(&c, v, result);
                else
                        compare(&c, key, v, duration ? duration : json_object_get(result, key), 0);
        }
        return c.n;
}
