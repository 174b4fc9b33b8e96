/* workflow/spec/shapes_template.c: templates, steps and tasks. SPDX-License-Identifier: Apache-2.0
 */
#include "workflow/spec/shapes.h"

const struct shape metadata_shape[] = {HAS("labels", MAP, NULL, "Labels of the pod."),
                                       HAS("annotations", MAP, NULL, "Annotations of the pod."),
                                       END};
static const struct shape owner_reference[] = {HAS("apiVersion", STR, NULL, NULL),
                                               HAS("kind", STR, NULL, NULL),
                                               HAS("name", STR, NULL, NULL),
                                               HAS("uid", STR, NULL, NULL),
                                               HAS("controller", BOOL, NULL, NULL),
                                               HAS("blockOwnerDeletion", BOOL, NULL, NULL),
                                               END};
const struct shape object_meta_shape[] = {
        HAS("name", STR, NULL, "The name of the object."),
        HAS("generateName", STR, NULL, "A prefix; the rest of the name is made."),
        HAS("namespace", STR, NULL, "The namespace."),
        HAS("labels", MAP, NULL, "For selectors; known as workflow.labels.<name>."),
        HAS("annotations", MAP, NULL,
            "For people and tools; known as workflow.annotations.<name>."),
        HAS("finalizers", STRS, NULL, "What must be done before it may go."),
        HAS("ownerReferences", LIST, owner_reference, "What it belongs to."),
        HAS("uid", STR, NULL, "Made by the store."),
        HAS("resourceVersion", STR, NULL, "Made by the store."),
        HAS("generation", INT, NULL, "Made by the store."),
        HAS("creationTimestamp", STR, NULL, "Made by the store."),
        HAS("deletionTimestamp", STR, NULL, "Made by the store."),
        HAS("deletionGracePeriodSeconds", INT, NULL, "Made by the store."),
        HAS("selfLink", STR, NULL, "No longer used."),
        HAS("managedFields", VALUES, NULL, "Made by the store."),
        END};

/* ---- steps and tasks ---- */

const struct shape template_ref_shape[] = {
        HAS("name", STR, NULL, "The WorkflowTemplate or ClusterWorkflowTemplate."),
        HAS("template", STR, NULL, "The template in it."),
        HAS("clusterScope", BOOL, NULL, "A ClusterWorkflowTemplate is meant."), END};
const struct shape hook_shape[] = {
        HAS("template", STR, NULL, "The template that runs."),
        HAS("templateRef", OBJ, template_ref_shape, "A template of another resource."),
        HAS("arguments", OBJ, arguments_shape, "What it gets."),
        HAS("expression", STR, NULL, "When it runs; needed for every hook but 'exit'."), END};
static const struct shape continue_on[] = {HAS("error", BOOL, NULL, "Go on after Error."),
                                           HAS("failed", BOOL, NULL, "Go on after Failed."), END};
static const struct shape sequence[] = {
        HAS("count", INTSTR, NULL, "How many; not together with end."),
        HAS("start", INTSTR, NULL, "The first number, 0 without it."),
        HAS("end", INTSTR, NULL, "The last number, included; smaller than start counts down."),
        HAS("format", STR, NULL, "printf format of the item, such as %02d."), END};

#define TASK_FIELDS                                                                             \
        HAS("name", STR, NULL, "Unique in its template."),                                      \
                HAS("template", STR, NULL, "The template to run."),                             \
                HAS("templateRef", OBJ, template_ref_shape, "A template of another resource."), \
                HAS("inline", OBJ, template_shape, "The template itself."),                     \
                HAS("arguments", OBJ, arguments_shape, "What its inputs get."),                 \
                HAS("when", STR, NULL, "A condition; false skips it."),                         \
                HAS("withItems", VALUES, NULL,                                                  \
                    "Runs once per item of the list; an empty list is no loop."),               \
                HAS("withParam", STR, NULL, "Runs once per item of a JSON list."),              \
                HAS("withSequence", OBJ, sequence, "Runs once per number."),                    \
                HAS("continueOn", OBJ, continue_on, "Failures that do not fail the template."), \
                HAS("onExit", STR, NULL, "Older spelling of hooks.exit.template."),             \
                HAS("hooks", NAMED, hook_shape, "Templates that run at moments of its life.")

const struct shape step_shape[] = {TASK_FIELDS, END};
const struct shape task_shape[] = {
        TASK_FIELDS, HAS("dependencies", STRS, NULL, "Tasks that must end well first."),
        HAS("depends", STR, NULL, "The same as a condition: \"a && (b.Failed || c.Skipped)\"."),
        END};
static const struct shape dag[] = {
        HAS("tasks", LIST, task_shape,
            "The tasks; those that do not depend on each other run together."),
        HAS("target", STR, NULL, "Only these tasks and what they depend on; names between spaces."),
        HAS("failFast", BOOL, NULL, "No new tasks once one has failed; true without it."), END};

/* ---- what leaves do ---- */

static const struct shape container_set_retry[] = {
        HAS("retries", INTSTR, NULL, "How often, on top of the first try."),
        HAS("duration", STR, NULL, "The pause between tries."), END};
static const struct shape container_set[] = {
        HAS("containers", LIST, container_node_shape,
            "The containers; one called main carries inputs and outputs."),
        HAS("volumeMounts", LIST, mount_shape, "Mounts of every container."),
        HAS("retryStrategy", OBJ, container_set_retry, "Tries within the pod."), END};
static const struct shape manifest_from[] = {
        HAS("artifact", OBJ, artifact_shape, "The input artifact that holds it."), END};
static const struct shape resource[] = {
        HAS("action", STR, NULL, "get, create, apply, delete, replace or patch."),
        HAS("mergeStrategy", STR, NULL, "How a patch is merged: strategic, merge or json."),
        HAS("manifest", STR, NULL, "The object as YAML."),
        HAS("manifestFrom", OBJ, manifest_from, "The object from an artifact."),
        HAS("setOwnerReference", BOOL, NULL, "The object goes with the workflow."),
        HAS("successCondition", STR, NULL, "When the object counts as done."),
        HAS("failureCondition", STR, NULL, "When it counts as failed."),
        HAS("flags", STRS, NULL, "Flags for kubectl."),
        END};
static const struct shape artifact_paths[] = {HAS("name", STR, NULL, NULL),
                                              HAS("path", STR, NULL, NULL),
                                              HAS("mode", INT, NULL, NULL),
                                              HAS("from", STR, NULL, NULL),
                                              HAS("optional", BOOL, NULL, NULL),
                                              HAS("subPath", STR, NULL, NULL),
                                              HAS("s3", ANY, NULL, NULL),
                                              HAS("gcs", ANY, NULL, NULL),
                                              HAS("azure", ANY, NULL, NULL),
                                              HAS("oss", ANY, NULL, NULL),
                                              HAS("hdfs", ANY, NULL, NULL),
                                              HAS("http", ANY, NULL, NULL),
                                              HAS("git", ANY, NULL, NULL),
                                              HAS("raw", ANY, NULL, NULL),
                                              HAS("artifactory", ANY, NULL, NULL),
                                              HAS("plugin", ANY, NULL, NULL),
                                              HAS("folder", ANY, NULL, NULL),
                                              HAS("archive", ANY, NULL, NULL),
                                              HAS("archiveLogs", BOOL, NULL, NULL),
                                              HAS("artifactGC", ANY, NULL, NULL),
                                              HAS("globalName", STR, NULL, NULL),
                                              HAS("recurseMode", BOOL, NULL, NULL),
                                              HAS("fromExpression", STR, NULL, NULL),
                                              HAS("deleted", BOOL, NULL, NULL),
                                              END};
static const struct shape data_source[] = {
        HAS("artifactPaths", OBJ, artifact_paths, "Lists the keys below an artifact location."),
        END};
static const struct shape transformation[] = {
        HAS("expression", STR, NULL, "An expression over `data`."), END};
static const struct shape data[] = {
        HAS("source", OBJ, data_source, "Where the list comes from."),
        HAS("transformation", LIST, transformation, "What is done with it, in order."), END};
static const struct shape header_source[] = {
        HAS("secretKeyRef", OBJ, secret_key_shape, "A key of a Secret."), END};
const struct shape header_shape[] = {
        HAS("name", STR, NULL, "The header."), HAS("value", STR, NULL, "Its value."),
        HAS("valueFrom", OBJ, header_source, "Where its value comes from."), END};
static const struct shape http_body[] = {HAS("bytes", STR, NULL, "The bytes as base64."), END};
static const struct shape http[] = {
        HAS("url", STR, NULL, "The address."),
        HAS("method", STR, NULL, "GET without it."),
        HAS("headers", LIST, header_shape, "Headers of the request."),
        HAS("timeoutSeconds", INT, NULL, "How long an answer may take."),
        HAS("body", STR, NULL, "The body of the request."),
        HAS("bodyFrom", OBJ, http_body, "The body as bytes."),
        HAS("successCondition", STR, NULL, "An expression over the answer; 2xx without it."),
        HAS("insecureSkipVerify", BOOL, NULL, "The server's certificate is not checked."),
        END};
static const struct shape suspend[] = {
        HAS("duration", STR, NULL, "Goes on by itself after this time; until resumed without it."),
        END};

/* ---- control ---- */

static const struct shape backoff[] = {
        HAS("duration", STR, NULL, "The first pause; a bare number is seconds."),
        HAS("factor", INTSTR, NULL, "Every pause is this many times the one before."),
        HAS("maxDuration", STR, NULL, "No more tries after this time."),
        HAS("cap", STR, NULL, "No pause is longer."), END};
static const struct shape retry_affinity[] = {
        HAS("nodeAntiAffinity", OBJ, nothing_shape, "Another machine for every try."), END};
const struct shape retry_strategy_shape[] = {
        HAS("limit", INTSTR, NULL, "Tries after the first; without it, no end."),
        HAS("retryPolicy", STR, NULL, "OnFailure, OnError, OnTransientError or Always."),
        HAS("backoff", OBJ, backoff, "Pauses between tries."),
        KUBE("affinity", OBJ, retry_affinity, "Where the next try runs."),
        HAS("expression", STR, NULL, "Whether there is another try."),
        END};
static const struct shape semaphore_database[] = {HAS("key", STR, NULL, "The row of the limit."),
                                                  END};
static const struct shape semaphore[] = {
        HAS("configMapKeyRef", OBJ, config_map_key_shape,
            "The ConfigMap key that holds the limit."),
        DIFFERS("database", OBJ, semaphore_database,
                "The limit is a sync limit (`tiphys sync`); one controller."),
        HAS("namespace", STR, NULL, "Shared with workflows of that namespace."), END};
static const struct shape mutex[] = {
        HAS("name", STR, NULL, "The name of the lock."),
        HAS("namespace", STR, NULL, "Shared with workflows of that namespace."),
        DIFFERS("database", BOOL, NULL, "A lock of another name space; one controller."), END};
const struct shape synchronization_shape[] = {
        HAS("semaphores", LIST, semaphore, "At most so many at a time."),
        HAS("mutexes", LIST, mutex, "One at a time."), END};
static const struct shape cache[] = {
        HAS("configMap", OBJ, config_map_key_shape, "The ConfigMap that keeps the entries."), END};
static const struct shape memoize[] = {HAS("key", STR, NULL, "The key of the entry."),
                                       HAS("cache", OBJ, cache, "Where entries are kept."),
                                       HAS("maxAge", STR, NULL, "Older entries do not count."),
                                       END};

/* ---- metrics ---- */

static const struct shape metric_label[] = {HAS("key", STR, NULL, NULL),
                                            HAS("value", STR, NULL, NULL), END};
static const struct shape gauge[] = {HAS("value", STR, NULL, "The value."),
                                     HAS("realtime", BOOL, NULL, "Updated while it runs."),
                                     HAS("operation", STR, NULL, "Set, Add or Sub."), END};
static const struct shape counter[] = {HAS("value", STR, NULL, "What is added."), END};
static const struct shape histogram[] = {HAS("value", STR, NULL, "The value."),
                                         HAS("buckets", VALUES, NULL, "Upper bounds."), END};
static const struct shape prometheus[] = {
        HAS("name", STR, NULL, "Letters, digits, '_' and ':'."),
        HAS("labels", LIST, metric_label, "Labels and their values."),
        HAS("help", STR, NULL, "A sentence; required."),
        HAS("when", STR, NULL, "Only emitted when this holds."),
        HAS("gauge", OBJ, gauge, "A value that goes up and down."),
        HAS("histogram", OBJ, histogram, "A distribution."),
        HAS("counter", OBJ, counter, "A value that goes up."),
        END};
const struct shape metrics_shape[] = {HAS("prometheus", LIST, prometheus, "Metrics of your own."),
                                      END};
static const struct shape executor[] = {
        HAS("serviceAccountName", STR, NULL, "The service account of our helper."), END};

/* ---- templates ---- */

const struct shape template_shape[] = {
        HAS("name", STR, NULL, "Unique in its resource: letters, digits and '-', at most 128."),
        HAS("inputs", OBJ, inputs_shape, "What the template takes."),
        HAS("outputs", OBJ, outputs_shape, "What it gives."),
        HAS("metadata", OBJ, metadata_shape, "Labels and annotations of its pods."),
        HAS("annotations", MAP, NULL,
            "Annotations of the template; display-name renames its nodes."),
        HAS("container", OBJ, container_shape, "Runs one program."),
        HAS("script", OBJ, script_shape,
            "Runs a program on a script; what it prints is the result."),
        HAS("steps", GROUPS, step_shape,
            "Groups of steps: one group after the other, the steps of a group together."),
        HAS("dag", OBJ, dag, "Tasks with dependencies."),
        HAS("suspend", OBJ, suspend, "Waits."),
        HAS("containerSet", OBJ, container_set, "Several containers in one pod."),
        HAS("resource", OBJ, resource, "Creates or changes an object and waits for it."),
        HAS("data", OBJ, data, "Lists artifacts and transforms the list."),
        HAS("http", OBJ, http, "Sends a request."),
        HAS("plugin", ONE_KEY, NULL, "Asks an executor plugin; the key is its name."),
        HAS("daemon", BOOL, NULL,
            "Counts as done once it is ready; ends with the template around it."),
        HAS("activeDeadlineSeconds", INTSTR, NULL, "How long the pod may run."),
        HAS("timeout", STR, NULL, "How long the node may take, waiting included; with a unit."),
        HAS("pendingTimeout", STR, NULL, "How long the node may wait to start."),
        HAS("retryStrategy", OBJ, retry_strategy_shape, "What happens after a failure."),
        HAS("parallelism", INT, NULL, "At most so many children at a time."),
        HAS("failFast", BOOL, NULL, "No new child once one has failed; false without it."),
        HAS("synchronization", OBJ, synchronization_shape, "Locks held while it runs."),
        HAS("memoize", OBJ, memoize, "Outputs of an earlier run with the same key."),
        HAS("metrics", OBJ, metrics_shape, "Metrics it emits."),
        HAS("initContainers", LIST, user_container_shape, "Run before main, one after the other."),
        HAS("sidecars", LIST, user_container_shape, "Run beside main and end with it."),
        HAS("volumes", LIST, volume_shape, "Volumes its containers may mount."),
        HAS("archiveLocation", OBJ, artifact_location_shape, "Where its artifacts and logs go."),
        KUBE("priorityClassName", STR, NULL, "The priority class of the pod."),
        KUBE("nodeSelector", MAP, NULL, "Labels a machine must have."),
        KUBE("affinity", OBJ, affinity_shape, "Rules for the choice of a machine."),
        KUBE("tolerations", LIST, toleration_shape, "Taints that do not matter."),
        KUBE("schedulerName", STR, NULL, "The scheduler."),
        HAS("hostAliases", LIST, host_alias_shape, "Entries for /etc/hosts."),
        HAS("securityContext", OBJ, pod_security_shape, "User and group of all containers."),
        KUBE("serviceAccountName", STR, NULL, "The identity of the pod."),
        KUBE("automountServiceAccountToken", BOOL, NULL, "Whether main gets its token."),
        KUBE("executor", OBJ, executor, "The identity of our helper."),
        HAS("podResources", OBJ, resources_shape, "Requests and limits of the whole pod."),
        KUBE("resourceClaims", LIST, resource_claim_shape, "Devices."),
        HAS("podSpecPatch", STR, NULL, "A patch for the finished pod, as YAML or JSON."),
        END};
