/* tests/unit/workflow_engine/cases.c: see cases.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_engine/cases.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "workflow/engine/simulate.h"

static int by_name(const void *a, const void *b)
{
        return strcmp(json_str(*(json_t *const *)a, "name"), json_str(*(json_t *const *)b, "name"));
}

static char *phases(const json_t *result)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        const char *message = json_str(result, "message");
        const json_t *list = json_object_get(result, "nodes"), *nodes[16];
        size_t n = json_array_size(list);
        assert_true(n <= 16);
        for (size_t i = 0; i < n; i++)
                nodes[i] = json_array_get(list, i);
        qsort(nodes, n, sizeof(*nodes), by_name);
        buf_addf(&b, "%s%s", json_str(result, "phase"),
                 json_object_get(result, "stalled") ? " stalled" : "");
        if (message && !strstr(message, "child '"))
                buf_addf(&b, " (%s)", message);
        for (size_t i = 0; i < n; i++)
                buf_addf(&b, " %s:%s", json_str(nodes[i], "name"), json_str(nodes[i], "phase"));
        return buf_take(&b);
}

void assert_case(const char *yaml, const char *wanted)
{
        AUTO_JSON json_t *test_case = NULL;
        struct err e = {0};
        if (yaml_parse_one(&test_case, yaml, strlen(yaml), &e) < 0)
                fail_msg("%s", err_msg(&e));
        for (int restored = 0; restored < 2; restored++) {
                struct simulate_options o = {.restore_each_step = restored, .max_steps = 1000};
                AUTO_JSON json_t *result = NULL;
                if (simulate_run(&result, test_case, &o, &e) < 0)
                        fail_msg("%s", err_msg(&e));
                char *found = phases(result);
                if (strcmp(found, wanted) != 0)
                        fail_msg("%s:\nexpected %s\nfound    %s", restored ? "restored" : "plain",
                                 wanted, found);
                free(found);
        }
}
