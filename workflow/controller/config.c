/* workflow/controller/config.c: see config.h. A ConfigMap holds texts: they are unpacked into one
 * map first, then one field table reads both forms. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/config.h"
#include "common/base/clock.h"
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "workflow/controller/labels.h"
#include <stdlib.h>

enum { MAX_BYTES = 1 << 20 };

static const struct field retention_fields[] = {
        FIELD(struct config_retention, completed, FIELD_INT, .def = "-1", .min = -1,
              .max = INT64_MAX, .help = "finished workflows that stay, of all phases; -1: all"),
        FIELD(struct config_retention, succeeded, FIELD_INT, .def = "-1", .min = -1,
              .max = INT64_MAX, .help = "succeeded workflows that stay"),
        FIELD(struct config_retention, failed, FIELD_INT, .def = "-1", .min = -1, .max = INT64_MAX,
              .help = "failed workflows that stay"),
        FIELD(struct config_retention, errored, FIELD_INT, .def = "-1", .min = -1, .max = INT64_MAX,
              .help = "workflows in Error that stay"),
        FIELD_END};
static const struct field persistence_fields[] = {
        FIELD(struct config_persistence, archive, FIELD_BOOL,
              .help = "finished workflows are kept in the archive"),
        FIELD(struct config_persistence, archive_ttl, FIELD_STR, .name = "archiveTTL",
              .help = "how long they stay there: 180d, 36h; for ever without it"),
        FIELD(struct config_persistence, archive_label_selector, FIELD_JSON,
              .name = "archiveLabelSelector", .help = "only workflows with these labels"),
        {.name = "nodeStatusOffLoad",
         .kind = FIELD_NO_EFFECT,
         .help = "nodes are always rows of their own"},
        {.name = "connectionPool", .kind = FIELD_NO_EFFECT, .help = "of a database server"},
        {.name = "clusterName", .kind = FIELD_NO_EFFECT, .help = "of a shared database"},
        {.name = "skipMigration", .kind = FIELD_NO_EFFECT, .help = "of a database server"},
        {.name = "dbReconnectConfig", .kind = FIELD_NO_EFFECT, .help = "of a database server"},
        {.name = "postgresql", .kind = FIELD_LATER, .help = "the archive is in the data folder"},
        {.name = "mysql", .kind = FIELD_LATER, .help = "the archive is in the data folder"},
        FIELD_END};
static const struct field metrics_fields[] = {
        FIELD(struct config_metrics, enabled, FIELD_BOOL, .def = "true",
              .help = "the metrics that workflows define are counted"),
        FIELD(struct config_metrics, metrics_ttl, FIELD_STR, .name = "metricsTTL",
              .help = "such a metric goes when it was not touched for so long"),
        {.name = "path", .kind = FIELD_NO_EFFECT, .help = "metrics are at /metrics"},
        {.name = "port", .kind = FIELD_NO_EFFECT, .help = "see --metrics-port"},
        {.name = "secure", .kind = FIELD_NO_EFFECT, .help = "the listener stands on loopback"},
        {.name = "ignoreErrors", .kind = FIELD_NO_EFFECT, .help = "a bad metric never ends a step"},
        {.name = "temporality", .kind = FIELD_NO_EFFECT, .help = "of OpenTelemetry"},
        {.name = "options", .kind = FIELD_LATER, .help = "changes to built-in metrics"},
        FIELD_END};

static const struct field limits_fields[] = {
        FIELD(struct config_limits, nodes, FIELD_INT, .def = "1500000", .min = 1, .max = 16000000,
              .help = "nodes of one workflow, and items of its loops together"),
        FIELD(struct config_limits, output_bytes, FIELD_INT, .name = "outputBytes",
              .def = "536870912", .min = 1, .max = INT64_MAX,
              .help = "outputs (not artifacts) of all steps of one workflow together"),
        FIELD_END};

/* The tables are ours, one controller has them, and a limit that changes counts at once. */
#define OF_SERVER(name_)                                                               \
        {                                                                              \
                .name = name_, .kind = FIELD_NO_EFFECT, .help = "of a database server" \
        }
static const struct field synchronization_fields[] = {
        {.name = "enableAPI", .kind = FIELD_NO_EFFECT, .help = "`tiphys sync` needs no server"},
        {.name = "semaphoreLimitCacheSeconds",
         .kind = FIELD_NO_EFFECT,
         .help = "a limit that changes counts at once"},
        OF_SERVER("controllerName"),
        OF_SERVER("limitTableName"),
        OF_SERVER("stateTableName"),
        OF_SERVER("controllerTableName"),
        OF_SERVER("lockTableName"),
        OF_SERVER("pollSeconds"),
        OF_SERVER("heartbeatSeconds"),
        OF_SERVER("inactiveControllerSeconds"),
        OF_SERVER("connectionPool"),
        OF_SERVER("skipMigration"),
        OF_SERVER("dbReconnectConfig"),
        {.name = "postgresql", .kind = FIELD_LATER, .help = "the locks are in the data folder"},
        {.name = "mysql", .kind = FIELD_LATER, .help = "the locks are in the data folder"},
        FIELD_END};

#define OTHER(name_)                                                                       \
        {                                                                                  \
                .name = name_, .kind = FIELD_NO_EFFECT, .help = "of the server or of pods" \
        }
const struct field controller_config_fields[] = {
        FIELD(struct controller_config, workflow_defaults, FIELD_JSON, .name = "workflowDefaults",
              .help = "laid under every workflow: {metadata, spec}"),
        FIELD(struct controller_config, retention, FIELD_OBJ_PTR, .name = "retentionPolicy",
              .sub = retention_fields, .sub_size = sizeof(struct config_retention),
              .help = "how many finished workflows stay; the oldest are deleted"),
        FIELD(struct controller_config, persistence, FIELD_OBJ, .sub = persistence_fields,
              .help = "the archive"),
        FIELD(struct controller_config, metrics, FIELD_OBJ, .name = "metricsConfig",
              .sub = metrics_fields, .help = "metrics"),
        FIELD(struct controller_config, limits, FIELD_OBJ, .sub = limits_fields,
              .help = "a workflow that becomes bigger ends in Error (not of Argo)"),
        FIELD(struct controller_config, pod_gc_delay_ns, FIELD_DURATION,
              .name = "podGCDeleteDelayDuration", .def = "5s",
              .help = "podGC waits so long unless the workflow says otherwise"),
        FIELD(struct controller_config, parallelism, FIELD_INT, .def = "0", .min = 0,
              .max = INT64_MAX, .help = "workflows that run at once; 0: no limit"),
        FIELD(struct controller_config, namespace_parallelism, FIELD_INT,
              .name = "namespaceParallelism", .def = "0", .min = 0, .max = INT64_MAX,
              .help = "the same per namespace"),
        {.name = "resourceRateLimit", .kind = FIELD_LATER, .help = "how quickly pods start"},
        {.name = "workflowRestrictions", .kind = FIELD_LATER, .help = "what may be submitted"},
        FIELD(struct controller_config, artifact_repository, FIELD_JSON,
              .name = "artifactRepository",
              .help = "where artifacts go unless the namespace has a ConfigMap "
                      "artifact-repositories: {archiveLogs, s3: {...}} or {folder: {keyFormat}}"),
        FIELD(struct controller_config, executor_plugins, FIELD_JSON, .name = "executorPlugins",
              .help = "who carries plugin templates out: [{name, address, tokenSecret: {namespace, "
                      "name, key}}]"),
        FIELD(struct controller_config, guard_addresses, FIELD_BOOL, .name = "denyPrivateAddresses",
              .help = "http templates and artifacts may not reach private, loopback and link-local "
                      "addresses"),
        FIELD(struct controller_config, images, FIELD_JSON,
              .help = "what images run: image name to {entrypoint, cmd}; and which folder they "
                      "stand for here: {root}"),
        {.name = "synchronization",
         .kind = FIELD_OBJ,
         .sub = synchronization_fields,
         .help = "locks in the database"},
        {.name = "instanceID", .kind = FIELD_LATER, .help = "see --selector"},
        OTHER("namespace"),
        OTHER("columns"),
        OTHER("executor"),
        OTHER("initialDelay"),
        OTHER("kubeConfig"),
        OTHER("links"),
        OTHER("mainContainer"),
        OTHER("navColor"),
        OTHER("nodeEvents"),
        OTHER("podSpecLogStrategy"),
        OTHER("sso"),
        OTHER("telemetryConfig"),
        OTHER("workflowEvents"),
        OTHER("artifactDrivers"),
        OTHER("containerRuntimeExecutor"),
        FIELD_END};
#undef OTHER

/* ---- a ConfigMap ---- */

static int unpack_value(json_t *into, const char *key, const char *text, struct err *e)
{
        AUTO_JSON json_t *v = NULL;
        if (yaml_parse_one(&v, text, strlen(text), e) < 0)
                return err_wrap(e, "data.%s", key);
        if (streq(key, "config") && json_is_object(v))
                json_object_update(into, v);
        else
                json_object_set(into, key, v);
        return 0;
}

/* *map: what the file says, as one map; a new reference. */
static int unpack(json_t **map, json_t *root, struct err *e)
{
        if (!streq(json_str(root, "kind"), "ConfigMap")) {
                *map = json_incref(root);
                return 0;
        }
        AUTO_JSON json_t *all = json_object();
        const char *key;
        json_t *v;
        json_object_foreach (json_object_get(root, "data"), key, v) {
                if (!json_is_string(v))
                        return err_set(e, ERR_INVALID, "data.%s: expected a string", key);
                if (unpack_value(all, key, json_string_value(v), e) < 0)
                        return -1;
        }
        *map = json_incref(all);
        return 0;
}

/* ---- texts ---- */

/* "180d" or a Go duration; bare digits are seconds. */
static int read_ttl(int64_t *ns, const char *text, const char *name, struct err *e)
{
        int64_t n;
        size_t len = text ? strlen(text) : 0;
        if (!len)
                return 0;
        AUTO(mem_free) char *digits = mem_strndup(text, len - 1);
        if (text[len - 1] == 'd' && str_to_i64(digits, &n) && n >= 0 && n < 100000)
                *ns = n * 24 * 3600 * NS_PER_S;
        else if (str_to_i64(text, &n) && n >= 0 && n < INT64_MAX / NS_PER_S)
                *ns = n * NS_PER_S;
        else if (!duration_parse(text, ns) || *ns < 0)
                return err_set(e, ERR_INVALID,
                               "%s: \"%s\" is no duration (180d, 36h, 90s expected)", name, text);
        return 0;
}

static int check_plugins(const json_t *plugins, struct err *e)
{
        size_t i;
        json_t *p;
        if (plugins && !json_is_array(plugins))
                return err_set(e, ERR_INVALID, "executorPlugins: a list is expected");
        json_array_foreach ((json_t *)(uintptr_t)plugins, i, p) {
                const char *name = json_str(p, "name"), *address = json_str(p, "address");
                if (str_empty(name) || !(str_starts(address ? address : "", "http://") ||
                                         str_starts(address ? address : "", "https://")))
                        return err_set(e, ERR_INVALID,
                                       "executorPlugins[%zu]: needs a name and an address "
                                       "(http://host:port)",
                                       i);
        }
        return 0;
}

static int check_images(const json_t *images, struct err *e)
{
        const char *name;
        json_t *image;
        if (images && !json_is_object(images))
                return err_set(e, ERR_INVALID, "images: a map is expected");
        json_object_foreach ((json_t *)(uintptr_t)images, name, image) {
                if (!json_is_object(image))
                        return err_set(e, ERR_INVALID,
                                       "images.%s: expected a map of entrypoint, cmd, root", name);
        }
        return 0;
}

static int finish(struct controller_config *c, struct err *e)
{
        const struct config_persistence *p = &c->persistence;
        if (read_ttl(&c->archive_ttl_ns, p->archive_ttl, "persistence.archiveTTL", e) < 0 ||
            read_ttl(&c->metrics_ttl_ns, c->metrics.metrics_ttl, "metricsConfig.metricsTTL", e) <
                    0 ||
            check_plugins(c->executor_plugins, e) < 0 || check_images(c->images, e) < 0)
                return -1;
        if (p->archive_label_selector &&
            label_selector_text(&c->archive_selector, p->archive_label_selector, e) < 0)
                return err_wrap(e, "persistence.archiveLabelSelector");
        return 0;
}

static int fill(struct controller_config *c, const json_t *map, const struct marks *marks,
                struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        d.marks = marks;
        const struct field_opts opts = {.strict = true};
        if (!json_is_object(map))
                return err_set(e, ERR_INVALID, "expected a map, found %s", json_kind_name(map));
        if (fields_load(c, controller_config_fields, map, NULL, &opts, &d) < 0)
                return diags_err(&d, e);
        return finish(c, e);
}

int controller_config_parse(struct controller_config **out, const char *file, const char *text,
                            size_t n, struct err *e)
{
        AUTO(controller_config_free) struct controller_config *c = NEW(struct controller_config);
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs = {0};
        AUTO_JSON json_t *map = NULL, *nothing = json_object();
        int r = yaml_load(&docs, file, text, n, &d) < 0 ? diags_err(&d, e) : 0;
        json_t *root = docs.n ? docs.items[0].root : nothing;
        if (r == 0)
                r = unpack(&map, root, e);
        if (r == 0) /* what stood inside texts has no place of its own */
                r = fill(c, map, map == root && docs.n ? docs.items[0].marks : NULL, e);
        yaml_docs_deinit(&docs);
        if (r < 0)
                return err_wrap(e, "configuration");
        *out = TAKE(c);
        return 0;
}

int controller_config_load(struct controller_config **out, const char *path, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(MAX_BYTES);
        if (path && fs_read(&b, path, MAX_BYTES, e) < 0)
                return err_wrap(e, "configuration");
        return controller_config_parse(out, path ? path : "(defaults)", buf_str(&b), b.len, e);
}

struct controller_config *controller_config_free(struct controller_config *c)
{
        if (!c)
                return NULL;
        fields_free(c, controller_config_fields);
        free(c->archive_selector);
        free(c);
        return NULL;
}
