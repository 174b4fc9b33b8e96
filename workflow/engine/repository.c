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

static int check_kind(const json_t *repository, const struct wf *wf, struct err *e)
{
        static const char *const known[] = {"s3",   "gcs",         "azure", "oss",
                                            "hdfs", "artifactory", "plugin"};
        for (size_t i = 0; i < ARRAY_LEN(known) && !wf->any_storage; i++)
                if (json_object_get(repository, known[i]))
                        return err_set(e, ERR_UNSUPPORTED,
                                       "not supported yet: artifact repository of kind %s (use "
                                       "folder: {keyFormat: ...})",
                                       known[i]);
        return 0;
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
