/* workflow/controller/config.h: the controller's configuration file.
 *
 * Names and meanings are those of Argo's workflow-controller-configmap, so that file may be given
 * as it is: a ConfigMap (its `data`, each value YAML; or all of it under `config`), or the same
 * keys as a plain YAML map. What is not there yet is refused by name. Threads: any; read-only once
 * loaded. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/field.h"

struct config_retention { /* how many finished workflows stay, the newest; -1: no limit */
        int64_t completed, succeeded, failed, errored;
};
struct config_persistence {
        bool archive;
        char *archive_ttl; /* "180d", "36h"; NULL: for ever */
        json_t *archive_label_selector;
};
struct config_metrics {
        bool enabled;
        char *metrics_ttl;
};
struct config_limits { /* of one workflow */
        int64_t nodes, output_bytes;
};
struct controller_config {
        json_t *workflow_defaults;          /* a Workflow without kind: {metadata, spec}; NULL */
        struct config_retention *retention; /* NULL: everything stays */
        struct config_persistence persistence;
        struct config_metrics metrics;
        struct config_limits limits;
        json_t *artifact_repository; /* {"archiveLogs", "folder" | "s3"}; NULL: the folder store */
        json_t *executor_plugins;    /* [{"name", "address", "tokenSecret"}]; NULL: none */
        json_t *images;              /* see runner_local_options; NULL: none */
        bool guard_addresses;        /* outbound calls of templates and artifacts */
        int64_t pod_gc_delay_ns;
        int64_t parallelism, namespace_parallelism; /* workflows at once; 0: no limit */
        /* from the texts above */
        int64_t archive_ttl_ns, metrics_ttl_ns; /* 0: for ever */
        char *archive_selector;                 /* Kubernetes syntax; NULL: every workflow */
};
/* `path` NULL: the defaults. */
int controller_config_load(struct controller_config **out, const char *path,
                           struct err *e) MUST_CHECK;
int controller_config_parse(struct controller_config **out, const char *file, const char *text,
                            size_t n, struct err *e) MUST_CHECK;
struct controller_config *controller_config_free(struct controller_config *c);
AUTO_DEFINE(controller_config_free, struct controller_config *);
extern const struct field controller_config_fields[]; /* for the reference */
