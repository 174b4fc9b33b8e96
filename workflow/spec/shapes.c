/* workflow/spec/shapes.c: the fields of workflows, templates and CronWorkflows, and how far each is
 * supported (argo-workflows.md 1). The reference pages are generated from these tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/shape.h"

#define S(name, kind)                       \
        {                                   \
                name, kind, SUPPORTED, NULL \
        }
#define SUB(name, kind, table)               \
        {                                    \
                name, kind, SUPPORTED, table \
        }
#define NOT_YET(name)                        \
        {                                    \
                name, SHAPE_ANY, LATER, NULL \
        }
#define NOT_YET_BESIDE(name)                        \
        {                                           \
                name, SHAPE_ANY, LATER_BESIDE, NULL \
        }
#define KUBE(name)                               \
        {                                        \
                name, SHAPE_ANY, KUBE_ONLY, NULL \
        }
#define END                                      \
        {                                        \
                NULL, SHAPE_ANY, SUPPORTED, NULL \
        }

/* ---- parameters and artifacts ---- */

static const struct shape key_ref[] = {S("name", SHAPE_STR), S("key", SHAPE_STR),
                                       S("optional", SHAPE_BOOL), END};
static const struct shape value_from[] = {
        S("path", SHAPE_STR),       S("default", SHAPE_TEXT),
        S("parameter", SHAPE_STR),  SUB("configMapKeyRef", SHAPE_OBJ, key_ref),
        S("supplied", SHAPE_ANY),   NOT_YET("expression"),
        NOT_YET_BESIDE("jsonPath"), NOT_YET_BESIDE("jqFilter"),
        NOT_YET("event"),           END};
static const struct shape parameter[] = {S("name", SHAPE_STR),
                                         S("value", SHAPE_TEXT),
                                         S("default", SHAPE_TEXT),
                                         S("enum", SHAPE_TEXTS),
                                         S("description", SHAPE_TEXT),
                                         S("globalName", SHAPE_STR),
                                         SUB("valueFrom", SHAPE_OBJ, value_from),
                                         END};
static const struct shape archive_tar[] = {S("compressionLevel", SHAPE_INT), END};
static const struct shape archive[] = {S("none", SHAPE_ANY), SUB("tar", SHAPE_OBJ, archive_tar),
                                       S("zip", SHAPE_ANY), END};
static const struct shape raw[] = {S("data", SHAPE_STR), END};
static const struct shape folder[] = {S("key", SHAPE_STR), END};

static const struct shape make_bucket[] = {S("objectLocking", SHAPE_BOOL), END};
static const struct shape s3_encryption[] = {
        S("enableEncryption", SHAPE_BOOL), S("kmsKeyId", SHAPE_STR),
        S("kmsEncryptionContext", SHAPE_STR), NOT_YET_BESIDE("serverSideCustomerKeySecret"), END};
static const struct shape s3[] = {S("endpoint", SHAPE_STR),
                                  S("bucket", SHAPE_STR),
                                  S("region", SHAPE_STR),
                                  S("key", SHAPE_STR),
                                  S("insecure", SHAPE_BOOL),
                                  SUB("accessKeySecret", SHAPE_OBJ, key_ref),
                                  SUB("secretKeySecret", SHAPE_OBJ, key_ref),
                                  SUB("sessionTokenSecret", SHAPE_OBJ, key_ref),
                                  SUB("caSecret", SHAPE_OBJ, key_ref),
                                  S("useSDKCreds", SHAPE_BOOL),
                                  NOT_YET_BESIDE("roleARN"),
                                  S("addressingStyle", SHAPE_STR),
                                  SUB("createBucketIfNotPresent", SHAPE_OBJ, make_bucket),
                                  SUB("encryptionOptions", SHAPE_OBJ, s3_encryption),
                                  END};
static const struct shape http_header[] = {S("name", SHAPE_STR), S("value", SHAPE_STR), END};
static const struct shape basic_auth[] = {SUB("usernameSecret", SHAPE_OBJ, key_ref),
                                          SUB("passwordSecret", SHAPE_OBJ, key_ref), END};
static const struct shape client_cert[] = {SUB("clientCertSecret", SHAPE_OBJ, key_ref),
                                           SUB("clientKeySecret", SHAPE_OBJ, key_ref), END};
static const struct shape key_value[] = {S("key", SHAPE_STR), S("value", SHAPE_STR), END};
static const struct shape oauth2[] = {
        SUB("clientIDSecret", SHAPE_OBJ, key_ref),    SUB("clientSecretSecret", SHAPE_OBJ, key_ref),
        SUB("tokenURLSecret", SHAPE_OBJ, key_ref),    S("scopes", SHAPE_STRS),
        SUB("endpointParams", SHAPE_LIST, key_value), END};
static const struct shape http_auth[] = {SUB("basicAuth", SHAPE_OBJ, basic_auth),
                                         SUB("clientCert", SHAPE_OBJ, client_cert),
                                         SUB("oauth2", SHAPE_OBJ, oauth2), END};
static const struct shape http_location[] = {S("url", SHAPE_STR),
                                             SUB("headers", SHAPE_LIST, http_header),
                                             SUB("auth", SHAPE_OBJ, http_auth), END};
static const struct shape artifactory[] = {S("url", SHAPE_STR),
                                           SUB("usernameSecret", SHAPE_OBJ, key_ref),
                                           SUB("passwordSecret", SHAPE_OBJ, key_ref), END};

#define LOCATIONS                                                                                  \
        SUB("folder", SHAPE_OBJ, folder), SUB("raw", SHAPE_OBJ, raw), SUB("s3", SHAPE_OBJ, s3),    \
                SUB("http", SHAPE_OBJ, http_location), SUB("artifactory", SHAPE_OBJ, artifactory), \
                NOT_YET_BESIDE("git"), NOT_YET_BESIDE("gcs"), NOT_YET_BESIDE("azure"),             \
                NOT_YET_BESIDE("oss"), NOT_YET_BESIDE("hdfs"), NOT_YET_BESIDE("plugin")

static const struct shape artifact[] = {S("name", SHAPE_STR),
                                        S("path", SHAPE_STR),
                                        S("mode", SHAPE_INT),
                                        S("recurseMode", SHAPE_BOOL),
                                        S("optional", SHAPE_BOOL),
                                        S("from", SHAPE_STR),
                                        S("subPath", SHAPE_STR),
                                        S("globalName", SHAPE_STR),
                                        SUB("archive", SHAPE_OBJ, archive),
                                        S("archiveLogs", SHAPE_BOOL),
                                        S("deleted", SHAPE_BOOL),
                                        NOT_YET_BESIDE("artifactGC"),
                                        NOT_YET("fromExpression"),
                                        LOCATIONS,
                                        END};
static const struct shape archive_location[] = {S("archiveLogs", SHAPE_BOOL), LOCATIONS, END};
static const struct shape arguments[] = {SUB("parameters", SHAPE_LIST, parameter),
                                         SUB("artifacts", SHAPE_LIST, artifact), END};
static const struct shape outputs[] = {SUB("parameters", SHAPE_LIST, parameter),
                                       SUB("artifacts", SHAPE_LIST, artifact),
                                       S("result", SHAPE_STR), S("exitCode", SHAPE_STR), END};

/* ---- steps and tasks ---- */

static const struct shape template_ref[] = {S("name", SHAPE_STR), S("template", SHAPE_STR),
                                            S("clusterScope", SHAPE_BOOL), END};
static const struct shape hook[] = {
        S("template", SHAPE_STR), SUB("templateRef", SHAPE_OBJ, template_ref),
        SUB("arguments", SHAPE_OBJ, arguments), NOT_YET("expression"), END};
static const struct shape continue_on[] = {S("error", SHAPE_BOOL), S("failed", SHAPE_BOOL), END};
static const struct shape sequence[] = {S("count", SHAPE_INTSTR), S("start", SHAPE_INTSTR),
                                        S("end", SHAPE_INTSTR), S("format", SHAPE_STR), END};

#define TASK_FIELDS                                                                               \
        S("name", SHAPE_STR), S("template", SHAPE_STR),                                           \
                SUB("templateRef", SHAPE_OBJ, template_ref),                                      \
                SUB("inline", SHAPE_OBJ, template_shape), SUB("arguments", SHAPE_OBJ, arguments), \
                S("when", SHAPE_STR), S("withItems", SHAPE_VALUES), S("withParam", SHAPE_STR),    \
                SUB("withSequence", SHAPE_OBJ, sequence),                                         \
                SUB("continueOn", SHAPE_OBJ, continue_on), S("onExit", SHAPE_STR),                \
                SUB("hooks", SHAPE_NAMED, hook)

static const struct shape step_shape[] = {TASK_FIELDS, END};
const struct shape task_shape[] = {TASK_FIELDS, S("dependencies", SHAPE_STRS),
                                   S("depends", SHAPE_STR), END};
static const struct shape dag[] = {SUB("tasks", SHAPE_LIST, task_shape), S("target", SHAPE_STR),
                                   S("failFast", SHAPE_BOOL), END};

/* ---- pods ---- */

static const struct shape env_from[] = {
        SUB("secretKeyRef", SHAPE_OBJ, key_ref), SUB("configMapKeyRef", SHAPE_OBJ, key_ref),
        NOT_YET_BESIDE("fieldRef"), NOT_YET_BESIDE("resourceFieldRef"), END};
static const struct shape env[] = {S("name", SHAPE_STR), S("value", SHAPE_TEXT),
                                   SUB("valueFrom", SHAPE_OBJ, env_from), END};
static const struct shape mount[] = {S("name", SHAPE_STR),          S("mountPath", SHAPE_STR),
                                     S("subPath", SHAPE_STR),       S("readOnly", SHAPE_BOOL),
                                     NOT_YET_BESIDE("subPathExpr"), KUBE("mountPropagation"),
                                     KUBE("recursiveReadOnly"),     END};

#define CONTAINER_FIELDS                                                                          \
        S("name", SHAPE_STR), S("image", SHAPE_STR), S("command", SHAPE_STRS),                    \
                S("args", SHAPE_STRS), SUB("env", SHAPE_LIST, env), NOT_YET_BESIDE("envFrom"),    \
                S("workingDir", SHAPE_STR), SUB("volumeMounts", SHAPE_LIST, mount),               \
                KUBE("volumeDevices"), KUBE("resources"), KUBE("imagePullPolicy"), KUBE("ports"), \
                KUBE("livenessProbe"), KUBE("readinessProbe"), KUBE("startupProbe"),              \
                NOT_YET_BESIDE("lifecycle"), KUBE("securityContext"), KUBE("stdin"),              \
                KUBE("stdinOnce"), KUBE("tty"), KUBE("terminationMessagePath"),                   \
                KUBE("terminationMessagePolicy"), KUBE("resizePolicy"), KUBE("restartPolicy"),    \
                KUBE("restartPolicyRules")

static const struct shape container[] = {CONTAINER_FIELDS, END};
static const struct shape script[] = {CONTAINER_FIELDS, S("source", SHAPE_STR), END};
static const struct shape empty_dir[] = {S("medium", SHAPE_STR), S("sizeLimit", SHAPE_INTSTR), END};
static const struct shape host_path[] = {S("path", SHAPE_STR), S("type", SHAPE_STR), END};
static const struct shape volume[] = {S("name", SHAPE_STR),
                                      SUB("emptyDir", SHAPE_OBJ, empty_dir),
                                      SUB("hostPath", SHAPE_OBJ, host_path),
                                      NOT_YET_BESIDE("configMap"),
                                      NOT_YET_BESIDE("secret"),
                                      NOT_YET_BESIDE("persistentVolumeClaim"),
                                      NOT_YET_BESIDE("projected"),
                                      NOT_YET_BESIDE("downwardAPI"),
                                      NOT_YET_BESIDE("ephemeral"),
                                      NOT_YET_BESIDE("image"),
                                      NOT_YET_BESIDE("csi"),
                                      NOT_YET_BESIDE("nfs"),
                                      NOT_YET_BESIDE("iscsi"),
                                      NOT_YET_BESIDE("gitRepo"),
                                      NOT_YET_BESIDE("cephfs"),
                                      NOT_YET_BESIDE("rbd"),
                                      NOT_YET_BESIDE("gcePersistentDisk"),
                                      NOT_YET_BESIDE("awsElasticBlockStore"),
                                      NOT_YET_BESIDE("azureDisk"),
                                      NOT_YET_BESIDE("azureFile"),
                                      END};
static const struct shape metadata[] = {S("labels", SHAPE_MAP), S("annotations", SHAPE_MAP), END};

/* ---- templates ---- */

static const struct shape backoff[] = {S("duration", SHAPE_INTSTR), S("factor", SHAPE_INTSTR),
                                       S("maxDuration", SHAPE_STR), S("cap", SHAPE_STR), END};
static const struct shape retry_strategy[] = {S("limit", SHAPE_INTSTR),
                                              S("retryPolicy", SHAPE_STR),
                                              SUB("backoff", SHAPE_OBJ, backoff),
                                              NOT_YET("expression"),
                                              KUBE("affinity"),
                                              END};
static const struct shape suspend[] = {S("duration", SHAPE_INTSTR), END};

#define POD_PLACEMENT                                                                         \
        KUBE("nodeSelector"), KUBE("affinity"), KUBE("tolerations"), KUBE("schedulerName"),   \
                KUBE("hostAliases"), KUBE("securityContext"), KUBE("serviceAccountName"),     \
                KUBE("automountServiceAccountToken"), KUBE("executor"), KUBE("podResources"), \
                KUBE("resourceClaims"), NOT_YET_BESIDE("podSpecPatch")

const struct shape template_shape[] = {S("name", SHAPE_STR),
                                       SUB("inputs", SHAPE_OBJ, arguments),
                                       SUB("outputs", SHAPE_OBJ, outputs),
                                       SUB("metadata", SHAPE_OBJ, metadata),
                                       S("annotations", SHAPE_MAP),
                                       NOT_YET_BESIDE("daemon"),
                                       SUB("container", SHAPE_OBJ, container),
                                       SUB("script", SHAPE_OBJ, script),
                                       SUB("steps", SHAPE_GROUPS, step_shape),
                                       SUB("dag", SHAPE_OBJ, dag),
                                       SUB("suspend", SHAPE_OBJ, suspend),
                                       NOT_YET_BESIDE("containerSet"),
                                       NOT_YET_BESIDE("resource"),
                                       NOT_YET_BESIDE("data"),
                                       NOT_YET_BESIDE("http"),
                                       NOT_YET_BESIDE("plugin"),
                                       S("activeDeadlineSeconds", SHAPE_INTSTR),
                                       S("timeout", SHAPE_STR),
                                       NOT_YET_BESIDE("pendingTimeout"),
                                       SUB("retryStrategy", SHAPE_OBJ, retry_strategy),
                                       S("parallelism", SHAPE_INT),
                                       S("failFast", SHAPE_BOOL),
                                       NOT_YET("synchronization"),
                                       NOT_YET("memoize"),
                                       NOT_YET_BESIDE("metrics"),
                                       NOT_YET_BESIDE("initContainers"),
                                       NOT_YET_BESIDE("sidecars"),
                                       SUB("volumes", SHAPE_LIST, volume),
                                       SUB("archiveLocation", SHAPE_OBJ, archive_location),
                                       KUBE("priorityClassName"),
                                       POD_PLACEMENT,
                                       END};

/* ---- workflows ---- */

static const struct shape template_resource_ref[] = {S("name", SHAPE_STR),
                                                     S("clusterScope", SHAPE_BOOL), END};
static const struct shape ttl_strategy[] = {S("secondsAfterCompletion", SHAPE_INT),
                                            S("secondsAfterSuccess", SHAPE_INT),
                                            S("secondsAfterFailure", SHAPE_INT), END};
static const struct shape repository_ref[] = {S("configMap", SHAPE_STR), S("key", SHAPE_STR), END};

static const struct shape workflow_metadata[] = {
        S("labels", SHAPE_MAP), S("annotations", SHAPE_MAP), NOT_YET("labelsFrom"), END};

#define SPEC_FIELDS                                                                                \
        S("entrypoint", SHAPE_STR), SUB("arguments", SHAPE_OBJ, arguments),                        \
                SUB("templates", SHAPE_LIST, template_shape),                                      \
                SUB("templateDefaults", SHAPE_OBJ, template_shape),                                \
                SUB("workflowTemplateRef", SHAPE_OBJ, template_resource_ref),                      \
                SUB("volumes", SHAPE_LIST, volume), NOT_YET_BESIDE("volumeClaimTemplates"),        \
                NOT_YET_BESIDE("volumeClaimGC"), S("parallelism", SHAPE_INT),                      \
                SUB("artifactRepositoryRef", SHAPE_OBJ, repository_ref), S("suspend", SHAPE_BOOL), \
                SUB("podMetadata", SHAPE_OBJ, metadata), KUBE("podGC"),                            \
                KUBE("podDisruptionBudget"), SUB("ttlStrategy", SHAPE_OBJ, ttl_strategy),          \
                S("activeDeadlineSeconds", SHAPE_INT), S("onExit", SHAPE_STR),                     \
                SUB("hooks", SHAPE_NAMED, hook), NOT_YET_BESIDE("metrics"),                        \
                S("shutdown", SHAPE_STR), KUBE("priority"), NOT_YET("synchronization"),            \
                SUB("retryStrategy", SHAPE_OBJ, retry_strategy), S("archiveLogs", SHAPE_BOOL),     \
                NOT_YET_BESIDE("artifactGC"),                                                      \
                SUB("workflowMetadata", SHAPE_OBJ, workflow_metadata),                             \
                NOT_YET_BESIDE("executorPlugins"), KUBE("hostNetwork"), KUBE("dnsPolicy"),         \
                KUBE("dnsConfig"), KUBE("imagePullSecrets"), KUBE("podPriorityClassName"),         \
                POD_PLACEMENT

const struct shape workflow_spec_shape[] = {SPEC_FIELDS, END};

static const struct shape any_metadata[] = {S("labels", SHAPE_MAP),
                                            S("annotations", SHAPE_MAP),
                                            S("finalizers", SHAPE_ANY),
                                            S("name", SHAPE_STR),
                                            S("generateName", SHAPE_STR),
                                            S("namespace", SHAPE_STR),
                                            END};
static const struct shape stop_strategy[] = {S("expression", SHAPE_STR), END};
const struct shape cron_spec_shape[] = {SUB("workflowSpec", SHAPE_OBJ, workflow_spec_shape),
                                        SUB("workflowMetadata", SHAPE_OBJ, any_metadata),
                                        S("schedules", SHAPE_STRS),
                                        S("timezone", SHAPE_STR),
                                        S("when", SHAPE_STR),
                                        S("concurrencyPolicy", SHAPE_STR),
                                        S("startingDeadlineSeconds", SHAPE_INT),
                                        S("successfulJobsHistoryLimit", SHAPE_INT),
                                        S("failedJobsHistoryLimit", SHAPE_INT),
                                        SUB("stopStrategy", SHAPE_OBJ, stop_strategy),
                                        S("suspend", SHAPE_BOOL),
                                        END};
