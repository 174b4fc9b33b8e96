/* tests/unit/workflow_engine/faults_objects.c: see faults_objects.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/unit/workflow_engine/faults_objects.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/engine.h"

const json_t *faults_find(void *arg, const char *kind, const char *ns, const char *name)
{
        json_t *const *objects = arg, *o;
        size_t i;
        (void)ns;
        json_array_foreach (*objects, i, o) {
                if (streq(json_str(o, "kind"), kind) &&
                    streq(json_str(o, "metadata", "name"), name))
                        return o;
        }
        return NULL;
}

void faults_store(json_t *objects, const json_t *data)
{
        const char *name = json_str(data, "configMap");
        json_t *map = (json_t *)(uintptr_t)faults_find(&objects, "ConfigMap", "", name);
        if (!map) {
                map = json_pack("{s:s,s:{s:s,s:{s:s}}}", "kind", "ConfigMap", "metadata", "name",
                                name, "labels", "workflows.argoproj.io/configmap-type", "Cache");
                json_array_append_new(objects, map);
        }
        char *text = json_text(json_object_get(data, "entry"), JSON_STYLE_COMPACT);
        json_put_at(map, json_string(text), "data", json_str(data, "key"));
        mem_free(text);
}

json_t *pod_outputs(const json_t *template, int phase)
{
        bool list = streq(json_str(template, "name"), "list");
        return json_pack("{s:s,s:s}", "exitCode", phase == POD_SUCCEEDED ? "0" : "1", "result",
                         list ? "[\"a\", {\"k\": 2}]" : "7");
}

json_t *pod_containers(const json_t *template, int phase, bool ready)
{
        if (!json_object_get(template, "containerSet") || phase == POD_ERROR)
                return NULL;
        if (phase >= POD_SUCCEEDED)
                return json_pack("[{s:s,s:i},{s:s,s:i}]", "name", "a", "exitCode", 0, "name",
                                 "main", "exitCode", phase != POD_SUCCEEDED);
        if (ready)
                return json_pack("[{s:s,s:i},{s:s}]", "name", "a", "exitCode", 0, "name", "main");
        return json_pack("[{s:s}]", "name", "a");
}
