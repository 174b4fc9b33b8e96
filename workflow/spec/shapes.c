/* workflow/spec/shapes.c: the spec of workflows, CronWorkflows and WorkflowEventBindings, and how
 * far each field is supported (argo-workflows.md 1). The reference pages are generated from these
 * tables. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/shapes.h"

static const struct shape template_resource_ref[] = {
        HAS("name", STR, NULL, "The WorkflowTemplate or ClusterWorkflowTemplate."),
        HAS("clusterScope", BOOL, NULL, "A ClusterWorkflowTemplate is meant."), END};
static const struct shape repository_ref[] = {
        HAS("configMap", STR, NULL, "artifact-repositories without it."),
        HAS("key", STR, NULL, "The key in it; an annotation of the ConfigMap names the default."),
        END};
static const struct shape pod_gc[] = {
        HAS("strategy", STR, NULL,
            "OnPodCompletion, OnPodSuccess, OnWorkflowCompletion or OnWorkflowSuccess."),
        HAS("labelSelector", OBJ, label_selector, "Only pods with these labels."),
        HAS("deleteDelayDuration", STR, NULL, "How long they stay."), END};
static const struct shape disruption_budget[] = {
        HAS("minAvailable", INTSTR, NULL, NULL), HAS("maxUnavailable", INTSTR, NULL, NULL),
        HAS("selector", OBJ, label_selector, NULL),
        HAS("unhealthyPodEvictionPolicy", STR, NULL, NULL), END};
static const struct shape ttl[] = {
        HAS("secondsAfterCompletion", INT, NULL, "After any end."),
        HAS("secondsAfterSuccess", INT, NULL, "After Succeeded."),
        HAS("secondsAfterFailure", INT, NULL, "After Failed; Error counts as completion."), END};
static const struct shape claim_gc[] = {
        HAS("strategy", STR, NULL, "OnWorkflowSuccess or OnWorkflowCompletion."), END};
static const struct shape label_value_from[] = {
        HAS("expression", STR, NULL, "An expression that yields a label value."), END};
static const struct shape workflow_metadata[] = {
        HAS("labels", MAP, NULL, "Labels that are set on the workflow."),
        HAS("annotations", MAP, NULL, "Annotations that are set on the workflow."),
        HAS("labelsFrom", NAMED, label_value_from, "Labels whose value is computed."), END};
static const struct shape executor[] = {
        HAS("serviceAccountName", STR, NULL, "The service account of our helper."), END};
static const struct shape plugin_sidecar[] = {
        KUBE("automountServiceAccountToken", BOOL, NULL, "Whether it gets a token."),
        HAS("container", OBJ, container_shape,
            "The plugin's container; ports, resources and securityContext are required."),
        END};
static const struct shape plugin_spec[] = {
        HAS("sidecar", OBJ, plugin_sidecar, "How the plugin runs."), END};
static const struct shape executor_plugin[] = {
        HAS("apiVersion", STR, NULL, NULL), HAS("kind", STR, NULL, NULL),
        HAS("metadata", OBJ, object_meta_shape, "Its name is required."),
        HAS("spec", OBJ, plugin_spec, "The plugin."), END};

const struct shape workflow_spec_shape[] = {
        HAS("entrypoint", STR, NULL, "The template the workflow begins with."),
        HAS("arguments", OBJ, arguments_shape,
            "Values for the whole workflow; those of the entrypoint's inputs too."),
        HAS("templates", LIST, template_shape, "The templates."),
        HAS("templateDefaults", OBJ, template_shape,
            "Laid under every template, as far as it fits its kind."),
        HAS("workflowTemplateRef", OBJ, template_resource_ref,
            "Takes the spec from a WorkflowTemplate; what stands here wins."),
        HAS("volumes", LIST, volume_shape, "Volumes of every pod."),
        HAS("volumeClaimTemplates", LIST, claim_shape, "Volumes that are made for this workflow."),
        HAS("volumeClaimGC", OBJ, claim_gc, "When those go."),
        HAS("parallelism", INT, NULL, "At most so many pods at a time."),
        HAS("artifactRepositoryRef", OBJ, repository_ref, "Where artifacts go."),
        HAS("suspend", BOOL, NULL, "No new steps until it is resumed."),
        HAS("podMetadata", OBJ, metadata_shape, "Labels and annotations of every pod."),
        HAS("podGC", OBJ, pod_gc, "When pods are deleted."),
        KUBE("podDisruptionBudget", OBJ, disruption_budget, "How many pods may be evicted."),
        HAS("ttlStrategy", OBJ, ttl, "When the finished workflow is deleted."),
        HAS("activeDeadlineSeconds", INT, NULL, "How long the workflow may take."),
        HAS("onExit", STR, NULL, "A template that runs at the end, whatever the end."),
        HAS("hooks", NAMED, hook_shape, "Templates that run at moments of its life."),
        HAS("metrics", OBJ, metrics_shape, "Metrics it emits."),
        HAS("shutdown", STR, NULL, "Stop or Terminate."),
        HAS("priority", INT, NULL, "Who goes first when several wait."),
        HAS("synchronization", OBJ, synchronization_shape, "Locks held while it runs."),
        HAS("retryStrategy", OBJ, retry_strategy_shape,
            "For every template that has none of its own."),
        HAS("archiveLogs", BOOL, NULL, "Logs are kept as artifacts."),
        HAS("artifactGC", OBJ, artifact_gc_shape, "When artifacts are deleted."),
        HAS("workflowMetadata", OBJ, workflow_metadata,
            "Labels and annotations that are set on the workflow."),
        HAS("executorPlugins", LIST, executor_plugin,
            "Plugins that run beside the workflow; those of the configuration are not asked then."),
        HAS("hostNetwork", BOOL, NULL, "Pods use the network of the machine."),
        KUBE("dnsPolicy", STR, NULL, "How names are looked up."),
        KUBE("dnsConfig", OBJ, dns_config_shape, "Name servers and search domains."),
        KUBE("imagePullSecrets", LIST, local_reference_shape, "Credentials for image registries."),
        KUBE("podPriorityClassName", STR, NULL, "The priority class of pods."),
        KUBE("nodeSelector", MAP, NULL, "Labels a machine must have."),
        KUBE("affinity", OBJ, affinity_shape, "Rules for the choice of a machine."),
        KUBE("tolerations", LIST, toleration_shape, "Taints that do not matter."),
        KUBE("schedulerName", STR, NULL, "The scheduler."),
        HAS("hostAliases", LIST, host_alias_shape, "Entries for /etc/hosts."),
        HAS("securityContext", OBJ, pod_security_shape, "User and group of all containers."),
        KUBE("serviceAccountName", STR, NULL, "The identity of pods."),
        KUBE("automountServiceAccountToken", BOOL, NULL, "Whether main gets its token."),
        KUBE("executor", OBJ, executor, "The identity of our helper."),
        HAS("podResources", OBJ, resources_shape, "Requests and limits of whole pods."),
        KUBE("resourceClaims", LIST, resource_claim_shape, "Devices."),
        HAS("podSpecPatch", STR, NULL, "A patch for every finished pod, as YAML or JSON."),
        END};

/* ---- CronWorkflow ---- */

static const struct shape stop_strategy[] = {
        HAS("expression", STR, NULL, "An expression; true stops the schedule for good."), END};
const struct shape cron_spec_shape[] = {
        HAS("schedules", STRS, NULL, "Cron schedules with five fields, or @daily and the like."),
        HAS("timezone", STR, NULL, "The time zone of the schedules."),
        HAS("when", STR, NULL, "A condition for every run."),
        HAS("concurrencyPolicy", STR, NULL,
            "Allow, Forbid or Replace: what happens while the last run goes on."),
        HAS("startingDeadlineSeconds", INT, NULL, "How late a missed run may start."),
        HAS("successfulJobsHistoryLimit", INT, NULL,
            "How many successful runs are kept; 3 without it."),
        HAS("failedJobsHistoryLimit", INT, NULL, "How many failed runs are kept; 1 without it."),
        HAS("stopStrategy", OBJ, stop_strategy, "When the schedule ends."),
        HAS("suspend", BOOL, NULL, "No runs until it is resumed."),
        HAS("workflowSpec", OBJ, workflow_spec_shape, "The workflow."),
        HAS("workflowMetadata", OBJ, object_meta_shape, "Labels and annotations of every run."),
        END};

/* ---- WorkflowEventBinding ---- */

static const struct shape binding_event[] = {
        HAS("selector", STR, NULL,
            "An expression over payload, metadata, namespace and discriminator."),
        END};
static const struct shape binding_submit[] = {
        HAS("workflowTemplateRef", OBJ, template_resource_ref, "What is submitted."),
        HAS("metadata", OBJ, object_meta_shape,
            "Name, labels and annotations; the values are expressions."),
        HAS("arguments", OBJ, arguments_shape,
            "Parameters; valueFrom.event is an expression over the event."),
        END};
const struct shape binding_spec_shape[] = {HAS("event", OBJ, binding_event, "Which events."),
                                           HAS("submit", OBJ, binding_submit, "What happens."),
                                           END};
