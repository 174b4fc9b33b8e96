/* workflow/engine/metadata.c: spec.workflowMetadata: labels and annotations that a workflow gives
 * itself when it begins (argo-workflows.md 1.1). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include <ctype.h>

enum { LABEL_VALUE_MAX = 63 };

static bool is_label_value(const char *v)
{
        size_t n = strlen(v);
        if (!n)
                return true;
        if (n > LABEL_VALUE_MAX || !isalnum((unsigned char)v[0]) ||
            !isalnum((unsigned char)v[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)v[i]) && !strchr("-_.", v[i]))
                        return false;
        return true;
}

static const char label_rule[] =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character, at most 63 in all";

static void keep(struct wf *wf, const char *kind, const char *key, const char *value)
{
        char *name = mem_printf("workflow.%s.%s", kind, key);
        global_set(wf, name, value);
        mem_free(name);
        if (!wf->metadata)
                wf->metadata = json_object();
        json_put_at(wf->metadata, json_string_nocheck(value), kind, key);
}

static int take_labels(struct wf *wf, const json_t *labels, struct err *e)
{
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)labels, key, v) {
                const char *value = json_is_string(v) ? json_string_value(v) : "";
                if (!is_label_value(value))
                        return err_set(e, ERR_INVALID,
                                       "invalid label value \"%s\" for label \"%s\": %s", value,
                                       key, label_rule);
                keep(wf, "labels", key, value);
        }
        return 0;
}

/* A label whose value is computed. */
static int take_computed(struct wf *wf, const char *key, const char *expression, struct err *e)
{
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        AUTO_JSON json_t *v = NULL;
        if (scope_eval_tree(&v, expression, &s, e) < 0)
                return err_wrap(e, "failed to evaluate label \"%s\" expression \"%s\"", key,
                                expression);
        if (!json_is_string(v))
                return err_set(e, ERR_INVALID,
                               "failed to evaluate label \"%s\" expression \"%s\": it is %s but "
                               "must be a string",
                               key, expression, json_kind_name(v));
        if (!is_label_value(json_string_value(v)))
                return err_set(
                        e, ERR_INVALID,
                        "invalid label value \"%s\" for label \"%s\" and expression \"%s\": %s",
                        json_string_value(v), key, expression, label_rule);
        keep(wf, "labels", key, json_string_value(v));
        return 0;
}

/* The controller's workflowDefaults: what the object does not say itself. */
static void take_defaults(struct wf *wf, const char *kind)
{
        const json_t *own = json_at(wf->object, "metadata", kind);
        const char *key;
        json_t *v;
        json_object_foreach (json_at(wf->workflow_defaults, "metadata", kind), key, v) {
                if (json_is_string(v) && !json_object_get(own, key))
                        keep(wf, kind, key, json_string_value(v));
        }
}

int metadata_begin(struct wf *wf, struct err *e)
{
        const json_t *own = json_object_get(wf->spec, "workflowMetadata");
        const char *key;
        json_t *v;
        take_defaults(wf, "labels");
        take_defaults(wf, "annotations");
        if (take_labels(wf, json_object_get(own, "labels"), e) < 0)
                return -1;
        json_object_foreach (json_object_get(own, "annotations"), key, v)
                keep(wf, "annotations", key, json_is_string(v) ? json_string_value(v) : "");
        json_object_foreach (json_object_get(own, "labelsFrom"), key, v) {
                const char *expression = json_str(v, "expression");
                if (take_computed(wf, key, expression ? expression : "", e) < 0)
                        return -1;
        }
        wf->changed = wf->changed || wf->metadata;
        return 0;
}
