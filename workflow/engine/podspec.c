/* workflow/engine/podspec.c: podSpecPatch. The resolved template is turned into the parts of a pod
 * spec that a patch can reach, the patches (the workflow's, then the template's) are laid over it,
 * and what came out is put back where runners look for it (argo-workflows.md 1.1).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/yaml/yaml.h"
#include "workflow/engine/engine_priv.h"
#include "workflow/spec/merge.h"

/* Fields that stand in a template as they do in a pod spec. */
static const char *const same_name[] = {"nodeSelector",
                                        "affinity",
                                        "tolerations",
                                        "schedulerName",
                                        "hostAliases",
                                        "securityContext",
                                        "serviceAccountName",
                                        "priorityClassName",
                                        "volumes",
                                        "initContainers",
                                        "resourceClaims",
                                        "activeDeadlineSeconds",
                                        "hostNetwork",
                                        "dnsPolicy",
                                        "dnsConfig",
                                        "imagePullSecrets",
                                        "runtimeClassName",
                                        "terminationGracePeriodSeconds",
                                        "enableServiceLinks",
                                        "automountServiceAccountToken"};

static const char *main_key(const json_t *tmpl)
{
        return json_object_get(tmpl, "script") ? "script" : "container";
}

static json_t *main_containers(const json_t *tmpl)
{
        const json_t *set = json_at(tmpl, "containerSet", "containers"),
                     *main = json_object_get(tmpl, main_key(tmpl));
        if (set)
                return json_copy((json_t *)(uintptr_t)set);
        json_t *list = json_array(),
               *copy = main ? json_copy((json_t *)(uintptr_t)main) : json_object();
        json_object_set_new(copy, "name", json_string("main"));
        json_array_append_new(list, copy);
        return list;
}

static json_t *pod_spec(const json_t *tmpl)
{
        json_t *spec = json_object(), *list = main_containers(tmpl);
        for (size_t i = 0; i < ARRAY_LEN(same_name); i++) {
                json_t *v = json_object_get(tmpl, same_name[i]);
                if (v)
                        json_object_set_nocheck(spec, same_name[i], v);
        }
        json_array_extend(list, json_object_get(tmpl, "sidecars"));
        json_object_set_new_nocheck(spec, "containers", list);
        return spec;
}

/* ---- back into the template ---- */

static bool in_set(const json_t *tmpl, const char *name)
{
        return named_item(json_at(tmpl, "containerSet", "containers"), name, strlen(name)) != NULL;
}

static void put_main(json_t *tmpl, const json_t *container)
{
        json_t *copy = json_copy((json_t *)(uintptr_t)container);
        if (!json_object_get(tmpl, main_key(tmpl)))
                json_decref(copy); /* resource and data: their main container is not the user's */
        else {
                json_object_del(copy, "name");
                json_object_set_new_nocheck(tmpl, main_key(tmpl), copy);
        }
}

static void put_containers(json_t *tmpl, const json_t *list)
{
        json_t *set = json_array(), *sidecars = json_array(), *c;
        const json_t *is_set = json_object_get(tmpl, "containerSet");
        size_t i;
        json_array_foreach ((json_t *)(uintptr_t)list, i, c) {
                const char *name = json_str(c, "name");
                name = name ? name : "";
                if (is_set && in_set(tmpl, name))
                        json_array_append(set, c);
                else if (!is_set && streq(name, "main"))
                        put_main(tmpl, c);
                else if (!streq(name, "wait") && !streq(name, "init"))
                        json_array_append(sidecars, c);
        }
        if (is_set) {
                json_t *copy = json_copy((json_t *)(uintptr_t)is_set);
                json_object_set_nocheck(copy, "containers", set);
                json_object_set_new_nocheck(tmpl, "containerSet", copy);
        }
        if (json_array_size(sidecars) || json_object_get(tmpl, "sidecars"))
                json_object_set_nocheck(tmpl, "sidecars", sidecars);
        json_decref(set);
        json_decref(sidecars);
}

static void put_back(json_t *tmpl, const json_t *spec)
{
        for (size_t i = 0; i < ARRAY_LEN(same_name); i++) {
                json_t *v = json_object_get(spec, same_name[i]);
                if (v)
                        json_object_set_nocheck(tmpl, same_name[i], v);
                else
                        json_object_del(tmpl, same_name[i]);
        }
        put_containers(tmpl, json_object_get(spec, "containers"));
}

/* ---- patches ---- */

static int parse(json_t **out, const char *text, struct err *e)
{
        struct str s = str_trim(str_of(text));
        int r = s.n && s.p[0] == '{' ? json_parse(out, s.p, s.n, e)
                                     : yaml_parse_one(out, text, strlen(text), e);
        if (r == 0 && !json_is_object(*out)) {
                json_decref(*out);
                *out = NULL;
                r = err_set(e, ERR_INVALID, "a map is expected");
        }
        return r;
}

static int apply(json_t **spec, const char *text, struct err *e)
{
        AUTO_JSON json_t *patch = NULL;
        if (str_empty(text))
                return 0;
        if (parse(&patch, text, e) < 0)
                return err_wrap(e, "Error applying PodSpecPatch");
        json_t *next = spec_patch(*spec, patch);
        json_decref(*spec);
        *spec = next;
        return 0;
}

int podspec_patch(struct wf *wf, json_t *tmpl, struct scope *s, struct err *e)
{
        const char *outer = json_str(wf->spec, "podSpecPatch"),
                   *own = json_str(tmpl, "podSpecPatch");
        if (str_empty(outer) && str_empty(own))
                return 0;
        char *text = NULL;
        struct tag_opts o = scope_tags(s);
        if (!str_empty(outer) && tag_string(&text, outer, &o, e) < 0)
                return -1;
        json_t *spec = pod_spec(tmpl);
        int r = apply(&spec, text, e);
        if (r == 0)
                r = apply(&spec, own, e);
        if (r == 0)
                put_back(tmpl, spec);
        json_decref(spec);
        mem_free(text);
        return r;
}
