/* workflow/engine/claims.c: volumeClaimTemplates: volumes that are made for one workflow, named
 * <workflow>-<claim>, and gone with it or before (volumeClaimGC). SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/engine_priv.h"

json_t *claims_volumes(const struct wf *wf)
{
        const json_t *templates = json_object_get(wf->spec, "volumeClaimTemplates");
        json_t *volumes = json_array(), *t;
        size_t i;
        json_array_foreach (templates, i, t) {
                const char *name = json_str(t, "metadata", "name");
                char *claim = mem_printf("%s-%s", wf->name, name ? name : "");
                json_array_append_new(volumes,
                                      json_pack("{s:s, s:{s:s}}", "name", name ? name : "",
                                                "persistentVolumeClaim", "claimName", claim));
                mem_free(claim);
        }
        return volumes;
}

/* OnWorkflowSuccess unless it says otherwise. */
static bool collected(const struct wf *wf)
{
        const char *strategy = json_str(wf->spec, "volumeClaimGC", "strategy");
        if (!wf->completed)
                return false;
        return streq(strategy, "OnWorkflowCompletion") || streq(wf->phase, "Succeeded");
}

json_t *claims_status(const struct wf *wf)
{
        if (!json_array_size(json_object_get(wf->spec, "volumeClaimTemplates")) || !wf->begun ||
            collected(wf))
                return NULL;
        return claims_volumes(wf);
}

json_t *wf_claims_json(const struct wf *wf)
{
        return claims_volumes(wf);
}
