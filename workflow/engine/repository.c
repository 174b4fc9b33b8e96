/* workflow/engine/repository.c: see repository.h. The entries of the ConfigMap are YAML texts,
 * {"archiveLogs", "folder": {"keyFormat"}}. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/repository.h"
#include "common/yaml/yaml.h"

static const char annotation[] = "workflows.argoproj.io/default-artifact-repository";

static int parse(json_t **out, const char *where, const char *text, struct err *e)
{
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs = {0};
        diags_init(&d);
        int r = yaml_load(&docs, where, text, strlen(text), &d);
        if (r < 0)
                diags_err(&d, e);
        else
                *out = docs.n ? json_incref(docs.items[0].root) : json_object();
        yaml_docs_deinit(&docs);
        return r;
}

static const char *const kinds[] = {"folder", "s3",   "gcs",         "azure",
                                    "oss",    "hdfs", "artifactory", "plugin"};

/* Which of them it is; NULL for none. */
static const char *kind_of(const json_t *repository)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (json_is_object(json_object_get(repository, kinds[i])))
                        return kinds[i];
        return NULL;
}

static int check_kind(const json_t *repository, const struct wf *wf, struct err *e)
{
        const char *kind = kind_of(repository);
        if (!kind || wf->any_storage || streq(kind, "folder") || streq(kind, "s3"))
                return 0;
        return err_set(e, ERR_UNSUPPORTED,
                       "not supported yet: artifact repository of kind %s (there are folder and "
                       "s3)",
                       kind);
}

static int from_config_map(struct wf *wf, const char *name, const char *key, bool required,
                           struct err *e)
{
        const json_t *cm =
                wf->lookup.fn ? wf->lookup.fn(wf->lookup.arg, "ConfigMap", wf->ns, name) : NULL;
        if (!cm && !required)
                return 0;
        if (!cm)
                return err_set(e, ERR_NOT_FOUND,
                               "failed to resolve artifact repository: configmaps \"%s\" not found",
                               name);
        key = str_empty(key) ? json_str(json_at(cm, "metadata", "annotations"), annotation) : key;
        const char *text = key ? json_str(json_object_get(cm, "data"), key) : NULL;
        if (!text && !required)
                return 0;
        if (!text)
                return err_set(e, ERR_NOT_FOUND,
                               "failed to resolve artifact repository: config map missing key %s "
                               "for artifact repository",
                               key ? key : "(none given, and no default annotation)");
        if (parse(&wf->repository, name, text, e) < 0)
                return err_wrap(e, "artifact repository %s, key %s", name, key);
        json_decref(wf->repository_ref);
        wf->repository_ref = json_pack("{s:s,s:s,s:s,s:O}", "configMap", name, "key", key,
                                       "namespace", wf->ns, "artifactRepository", wf->repository);
        return 0;
}

int repository_choose(struct wf *wf, struct err *e)
{
        const json_t *ref = json_object_get(wf->spec, "artifactRepositoryRef");
        const char *name = json_str(ref, "configMap"), *key = json_str(ref, "key");
        const json_t *stored = json_object_get(wf->repository_ref, "artifactRepository");
        if (stored) {
                wf->repository = json_incref((json_t *)(uintptr_t)stored);
                return check_kind(wf->repository, wf, e);
        }
        if (from_config_map(wf, str_empty(name) ? "artifact-repositories" : name, key,
                            json_is_object(ref) && !wf->any_storage, e) < 0)
                return -1;
        if (!wf->repository && wf->artifact_repository) {
                wf->repository = json_incref(wf->artifact_repository);
                json_decref(wf->repository_ref);
                wf->repository_ref =
                        json_pack("{s:b,s:O}", "default", 1, "artifactRepository", wf->repository);
        }
        return check_kind(wf->repository, wf, e);
}

/* ---- the pods' ---- */

/* The settings of both, the template's own over the repository's; without keys. */
static json_t *settings(const json_t *own, const json_t *repository)
{
        json_t *at = json_is_object(repository) ? json_copy((json_t *)(uintptr_t)repository)
                                                : json_object();
        if (json_is_object(own))
                json_object_update(at, (json_t *)(uintptr_t)own);
        json_object_del(at, "keyFormat");
        json_object_del(at, "keyPrefix");
        return at;
}

int repository_location(struct wf *wf, json_t *tmpl, struct scope *s, struct err *e)
{
        const json_t *own = json_object_get(tmpl, "archiveLocation"), *repo = wf->repository;
        const json_t *wish = json_object_get(own, "archiveLogs");
        const char *kind = kind_of(own), *of_repo = kind_of(repo);
        kind = kind ? kind : of_repo ? of_repo : "folder";
        wish = wish ? wish : json_object_get(wf->spec, "archiveLogs");
        const char *format = json_str(json_object_get(repo, kind), "keyFormat"),
                   *prefix = json_str(json_object_get(repo, kind),
                                      "keyPrefix"), /* before keyFormat */
                           *given = json_str(json_object_get(own, kind), "key");
        if (!repo && !own && !wish)
                return 0;
        struct tag_opts o = scope_tags(s);
        char *key = NULL, *usual = mem_printf("%s%s{{workflow.name}}/{{pod.name}}",
                                              prefix ? prefix : "", str_empty(prefix) ? "" : "/");
        int r = tag_string(&key, given ? given : str_empty(format) ? usual : format, &o, e);
        mem_free(usual);
        if (r < 0)
                return -1;
        json_t *at = settings(json_object_get(own, kind), json_object_get(repo, kind));
        json_object_set_new_nocheck(at, "key", json_string_nocheck(key));
        bool logs = json_is_true(json_object_get(repo, "archiveLogs")) || json_is_true(wish);
        json_object_set_new_nocheck(tmpl, "archiveLocation",
                                    json_pack("{s:b,s:o}", "archiveLogs", logs, kind, at));
        mem_free(key);
        return 0;
}

/* ---- artifactGC ---- */

static bool collects(const json_t *gc)
{
        const char *strategy = json_str(gc, "strategy");
        return streq(strategy, "OnWorkflowCompletion") || streq(strategy, "OnWorkflowDeletion");
}

static bool template_collects(const json_t *tmpl)
{
        size_t i;
        json_t *artifact;
        json_array_foreach (json_at(tmpl, "outputs", "artifacts"), i, artifact) {
                if (collects(json_object_get(artifact, "artifactGC")))
                        return true;
        }
        return false;
}

bool wf_collects_artifacts(const struct wf *wf)
{
        size_t i;
        const char *key;
        json_t *tmpl;
        if (collects(json_object_get(wf->spec, "artifactGC")))
                return true;
        json_array_foreach (json_object_get(wf->spec, "templates"), i, tmpl) {
                if (template_collects(tmpl))
                        return true;
        }
        json_object_foreach (wf->stored_templates, key, tmpl) {
                if (template_collects(tmpl))
                        return true;
        }
        return false;
}
