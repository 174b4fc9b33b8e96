/* workflow/spec/advice_values.c: values that Argo reads only when it runs: durations, numbers, keys
 * of caches, labels, lists of loops. Those that hold a tag are known then at the earliest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/lang/labelsel.h"
#include "workflow/spec/check.h"
#include <ctype.h>

typedef bool good_fn(const char *text);

static bool is_number(const char *text)
{
        double n;
        return str_to_double(text, &n);
}

static bool is_duration(const char *text)
{
        int64_t ns;
        return duration_parse(text, &ns);
}

static bool is_seconds_or_duration(const char *text)
{
        int64_t n;
        return str_to_i64(text, &n) || is_duration(text);
}

static bool is_cache_key(const char *text)
{
        for (const char *p = text; *p; p++)
                if (!isalnum((unsigned char)*p) && !(*p == '-' && p > text))
                        return false;
        return *text;
}

static bool is_label(const char *text)
{
        return label_value_valid(str_of(text), NULL);
}

static bool is_list(const char *text)
{
        AUTO_JSON json_t *list = NULL;
        struct err why = {0};
        bool ok = json_parse(&list, text, strlen(text), &why) == 0 && json_is_array(list);
        err_clear(&why);
        return ok;
}

static void check_field(struct check *c, const json_t *holder, const char *key, good_fn *good,
                        const char *what, const struct jpath *at)
{
        const char *text = json_str(holder, key);
        struct jpath here = jpath_key(at, key);
        if (!str_empty(text) && !strstr(text, "{{") && !good(text))
                WARN(c, &here, "W309", NULL, "'%.60s' is no %s: found only when it runs", text,
                     what);
}

static void check_retry(struct check *c, const json_t *holder, const struct jpath *at)
{
        const json_t *retry = json_object_get(holder, "retryStrategy");
        struct jpath up = jpath_key(at, "retryStrategy"), backoff = jpath_key(&up, "backoff");
        static const char *const durations[] = {"duration", "cap", "maxDuration"};
        check_field(c, retry, "limit", is_number, "number", &up);
        retry = json_object_get(retry, "backoff");
        check_field(c, retry, "factor", is_number, "number", &backoff);
        for (size_t i = 0; i < ARRAY_LEN(durations); i++)
                check_field(c, retry, durations[i], is_seconds_or_duration, "duration", &backoff);
}

/* A list that is an argument of the workflow, as it stands in the file. */
static void check_loop(struct check *c, const json_t *call, const struct jpath *at)
{
        static const char from[] = "workflow.parameters.";
        const char *param = json_str(call, "withParam");
        struct str tag = str_trim(str_of(param ? param : ""));
        if (tag.n < 4 || memcmp(tag.p, "{{", 2) != 0 || memcmp(tag.p + tag.n - 2, "}}", 2) != 0)
                return;
        tag = str_trim((struct str){tag.p + 2, tag.n - 4});
        if (tag.n <= strlen(from) || memcmp(tag.p, from, strlen(from)) != 0)
                return;
        AUTO(mem_free) char *name = mem_strndup(tag.p + strlen(from), tag.n - strlen(from));
        const char *value =
                json_str(check_named(json_at(c->spec, "arguments", "parameters"), name), "value");
        struct jpath here = jpath_key(at, "withParam");
        if (value && !strstr(value, "{{") && !is_list(value))
                WARN(c, &here, "W304", NULL, "argument '%s' is no JSON list: '%.60s'", name, value);
}

static void check_loops_of(struct check *c, const json_t *body, const struct jpath *at)
{
        struct jpath steps = jpath_key(at, "steps"), dag = jpath_key(at, "dag"),
                     tasks = jpath_key(&dag, "tasks");
        json_t *group, *call;
        size_t i, k;
        json_array_foreach (json_object_get(body, "steps"), i, group) {
                struct jpath outer = jpath_index(&steps, i);
                json_array_foreach (group, k, call) {
                        struct jpath here = jpath_index(&outer, k);
                        check_loop(c, call, &here);
                }
        }
        json_array_foreach (json_at(body, "dag", "tasks"), i, call) {
                struct jpath here = jpath_index(&tasks, i);
                check_loop(c, call, &here);
        }
}

void check_late_values(struct check *c, const json_t *body, const struct jpath *at)
{
        struct jpath suspend = jpath_key(at, "suspend"), memo = jpath_key(at, "memoize");
        check_field(c, json_object_get(body, "suspend"), "duration", is_seconds_or_duration,
                    "duration", &suspend);
        check_field(c, json_object_get(body, "memoize"), "key", is_cache_key,
                    "key of a cache (letters, digits and '-')", &memo);
        check_field(c, json_object_get(body, "memoize"), "maxAge", is_duration, "duration", &memo);
        check_retry(c, body, at);
        check_loops_of(c, body, at);
}

void check_late_labels(struct check *c)
{
        struct jpath up = jpath_key(c->spec_at, "workflowMetadata"),
                     list = jpath_key(&up, "labels");
        const json_t *labels = json_at(c->spec, "workflowMetadata", "labels");
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)labels, key, v)
                check_field(c, labels, key, is_label, "value of a label", &list);
        check_retry(c, c->spec, c->spec_at);
}
