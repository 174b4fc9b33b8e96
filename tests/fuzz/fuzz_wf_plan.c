/* tests/fuzz/fuzz_wf_plan.c: workflows as users write them: checked, planned, run in virtual time,
 * and what was run restored and replayed. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/yaml/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "workflow/engine/simulate.h"

enum { MAX_TEXT = 16 << 10, MAX_STEPS = 200 };

static void run(json_t *test_case, bool restore)
{
        struct simulate_options o = {
                .restore_each_step = restore, .check_replay = !restore, .max_steps = MAX_STEPS};
        json_t *result = NULL;
        struct err e = {0};
        if (simulate_run(&result, test_case, &o, &e) < 0 &&
            e.code == ERR_INTERNAL) /* a replay that differs */
                abort();
        err_clear(&e);
        json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        AUTO_JSON json_t *spec = NULL;
        struct err e = {0};
        if (n > MAX_TEXT)
                return 0;
        if (yaml_parse_one(&spec, (const char *)data, n, &e) < 0 || !json_is_object(spec)) {
                err_clear(&e);
                return 0;
        }
        AUTO_JSON json_t *test_case =
                json_pack("{s:{s:s,s:{s:s,s:s,s:s},s:O},s:{}}", "workflow", "kind", "Workflow",
                          "metadata", "name", "wf", "uid", "u", "creationTimestamp",
                          "2000-01-01T00:00:00Z", "spec", spec, "pods");
        run(test_case, false);
        run(test_case, true);
        return 0;
}
