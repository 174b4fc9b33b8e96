/* workflow/spec/shapes_pod.c: what Argo takes from Kubernetes' own types: containers, volumes,
 * placement, security.
 *
 * Field names and kinds are those of core/v1. A field whose parent has no effect locally is only
 * checked for its kind. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/shapes.h"

#define FIELD(name, kind) HAS(name, kind, NULL, NULL)
#define BELOW(name, kind, table) HAS(name, kind, table, NULL)

static const struct shape label_requirement[] = {FIELD("key", STR), FIELD("operator", STR),
                                                 FIELD("values", STRS), END};
const struct shape label_selector[] = {FIELD("matchLabels", MAP),
                                       BELOW("matchExpressions", LIST, label_requirement), END};

static const struct shape node_selector_requirement[] = {FIELD("key", STR), FIELD("operator", STR),
                                                         FIELD("values", STRS), END};
static const struct shape node_selector_term[] = {
        BELOW("matchExpressions", LIST, node_selector_requirement),
        BELOW("matchFields", LIST, node_selector_requirement), END};
static const struct shape node_selector[] = {BELOW("nodeSelectorTerms", LIST, node_selector_term),
                                             END};
static const struct shape preferred_scheduling_term[] = {
        FIELD("weight", INT), BELOW("preference", OBJ, node_selector_term), END};
static const struct shape node_affinity[] = {
        BELOW("requiredDuringSchedulingIgnoredDuringExecution", OBJ, node_selector),
        BELOW("preferredDuringSchedulingIgnoredDuringExecution", LIST, preferred_scheduling_term),
        END};
static const struct shape pod_affinity_term[] = {BELOW("labelSelector", OBJ, label_selector),
                                                 FIELD("namespaces", STRS),
                                                 FIELD("topologyKey", STR),
                                                 BELOW("namespaceSelector", OBJ, label_selector),
                                                 FIELD("matchLabelKeys", STRS),
                                                 FIELD("mismatchLabelKeys", STRS),
                                                 END};
static const struct shape weighted_pod_affinity_term[] = {
        FIELD("weight", INT), BELOW("podAffinityTerm", OBJ, pod_affinity_term), END};
static const struct shape pod_affinity[] = {
        BELOW("requiredDuringSchedulingIgnoredDuringExecution", LIST, pod_affinity_term),
        BELOW("preferredDuringSchedulingIgnoredDuringExecution", LIST, weighted_pod_affinity_term),
        END};
static const struct shape pod_anti_affinity[] = {
        BELOW("requiredDuringSchedulingIgnoredDuringExecution", LIST, pod_affinity_term),
        BELOW("preferredDuringSchedulingIgnoredDuringExecution", LIST, weighted_pod_affinity_term),
        END};
const struct shape affinity_shape[] = {BELOW("nodeAffinity", OBJ, node_affinity),
                                       BELOW("podAffinity", OBJ, pod_affinity),
                                       BELOW("podAntiAffinity", OBJ, pod_anti_affinity), END};
const struct shape toleration_shape[] = {
        FIELD("key", STR),    FIELD("operator", STR),          FIELD("value", STR),
        FIELD("effect", STR), FIELD("tolerationSeconds", INT), END};
static const struct shape se_linux_options[] = {FIELD("user", STR), FIELD("role", STR),
                                                FIELD("type", STR), FIELD("level", STR), END};
static const struct shape windows_security_context_options[] = {
        FIELD("gmsaCredentialSpecName", STR), FIELD("gmsaCredentialSpec", STR),
        FIELD("runAsUserName", STR), FIELD("hostProcess", BOOL), END};
static const struct shape sysctl[] = {FIELD("name", STR), FIELD("value", STR), END};
static const struct shape seccomp_profile[] = {FIELD("type", STR), FIELD("localhostProfile", STR),
                                               END};
static const struct shape app_armor_profile[] = {FIELD("type", STR), FIELD("localhostProfile", STR),
                                                 END};
const struct shape pod_security_shape[] = {
        KUBE("seLinuxOptions", OBJ, se_linux_options, NULL),
        KUBE("windowsOptions", OBJ, windows_security_context_options, NULL),
        FIELD("runAsUser", INT),
        FIELD("runAsGroup", INT),
        FIELD("runAsNonRoot", BOOL),
        FIELD("supplementalGroups", VALUES),
        KUBE("supplementalGroupsPolicy", STR, NULL, NULL),
        FIELD("fsGroup", INT),
        KUBE("sysctls", LIST, sysctl, NULL),
        KUBE("fsGroupChangePolicy", STR, NULL, NULL),
        KUBE("seccompProfile", OBJ, seccomp_profile, NULL),
        KUBE("appArmorProfile", OBJ, app_armor_profile, NULL),
        KUBE("seLinuxChangePolicy", STR, NULL, NULL),
        END};
static const struct shape capabilities[] = {FIELD("add", STRS), FIELD("drop", STRS), END};
const struct shape security_shape[] = {
        BELOW("capabilities", OBJ, capabilities),
        FIELD("privileged", BOOL),
        KUBE("seLinuxOptions", OBJ, se_linux_options, NULL),
        KUBE("windowsOptions", OBJ, windows_security_context_options, NULL),
        FIELD("runAsUser", INT),
        FIELD("runAsGroup", INT),
        FIELD("runAsNonRoot", BOOL),
        FIELD("readOnlyRootFilesystem", BOOL),
        FIELD("allowPrivilegeEscalation", BOOL),
        KUBE("procMount", STR, NULL, NULL),
        KUBE("seccompProfile", OBJ, seccomp_profile, NULL),
        KUBE("appArmorProfile", OBJ, app_armor_profile, NULL),
        END};
const struct shape host_alias_shape[] = {FIELD("ip", STR), FIELD("hostnames", STRS), END};
const struct shape local_reference_shape[] = {FIELD("name", STR), END};
static const struct shape pod_dns_config_option[] = {FIELD("name", STR), FIELD("value", STR), END};
const struct shape dns_config_shape[] = {FIELD("nameservers", STRS), FIELD("searches", STRS),
                                         BELOW("options", LIST, pod_dns_config_option), END};
const struct shape resource_claim_shape[] = {FIELD("name", STR), FIELD("resourceClaimName", STR),
                                             FIELD("resourceClaimTemplateName", STR), END};
static const struct shape resource_claim[] = {FIELD("name", STR), FIELD("request", STR), END};
const struct shape resources_shape[] = {FIELD("limits", QUANTITIES), FIELD("requests", QUANTITIES),
                                        BELOW("claims", LIST, resource_claim), END};
static const struct shape container_port[] = {FIELD("name", STR),          FIELD("hostPort", INT),
                                              FIELD("containerPort", INT), FIELD("protocol", STR),
                                              FIELD("hostIP", STR),        END};
static const struct shape config_map_env_source[] = {FIELD("name", STR), FIELD("optional", BOOL),
                                                     END};
static const struct shape secret_env_source[] = {FIELD("name", STR), FIELD("optional", BOOL), END};
static const struct shape env_from_source[] = {FIELD("prefix", STR),
                                               BELOW("configMapRef", OBJ, config_map_env_source),
                                               BELOW("secretRef", OBJ, secret_env_source), END};
static const struct shape object_field_selector[] = {FIELD("apiVersion", STR),
                                                     FIELD("fieldPath", STR), END};
static const struct shape resource_field_selector[] = {
        FIELD("containerName", STR), FIELD("resource", STR), FIELD("divisor", QUANTITY), END};
const struct shape config_map_key_shape[] = {FIELD("name", STR), FIELD("key", STR),
                                             FIELD("optional", BOOL), END};
const struct shape secret_key_shape[] = {FIELD("name", STR), FIELD("key", STR),
                                         FIELD("optional", BOOL), END};
static const struct shape file_key_selector[] = {FIELD("volumeName", STR), FIELD("path", STR),
                                                 FIELD("key", STR), FIELD("optional", BOOL), END};
static const struct shape env_var_source[] = {
        HAS("fieldRef", OBJ, object_field_selector, "A field of the pod."),
        HAS("resourceFieldRef", OBJ, resource_field_selector, "A limit or request."),
        HAS("configMapKeyRef", OBJ, config_map_key_shape, "A key of a ConfigMap."),
        HAS("secretKeyRef", OBJ, secret_key_shape, "A key of a Secret."),
        NOT_YET_BESIDE("fileKeyRef", OBJ, file_key_selector, "A key of a file."),
        END};
const struct shape env_shape[] = {
        HAS("name", STR, NULL, "The name."), HAS("value", STR, NULL, "The value; any scalar."),
        HAS("valueFrom", OBJ, env_var_source, "A Secret or ConfigMap that holds the value."), END};
static const struct shape container_resize_policy[] = {FIELD("resourceName", STR),
                                                       FIELD("restartPolicy", STR), END};
static const struct shape container_restart_rule_on_exit_codes[] = {FIELD("operator", STR),
                                                                    FIELD("values", VALUES), END};
static const struct shape container_restart_rule[] = {
        FIELD("action", STR), BELOW("exitCodes", OBJ, container_restart_rule_on_exit_codes), END};
const struct shape mount_shape[] = {
        HAS("name", STR, NULL, "The volume."),
        HAS("readOnly", BOOL, NULL, "No writing."),
        KUBE("recursiveReadOnly", STR, NULL, "No writing below either."),
        HAS("mountPath", STR, NULL, "Where it appears."),
        HAS("subPath", STR, NULL, "A file or folder within it."),
        KUBE("mountPropagation", STR, NULL, "Whether mounts inside are seen outside."),
        HAS("subPathExpr", STR, NULL, "Like subPath, with variables."),
        FIELD("bindMountOptions", STRS),
        END};
static const struct shape volume_device[] = {FIELD("name", STR), FIELD("devicePath", STR), END};
static const struct shape exec_action[] = {FIELD("command", STRS), END};
static const struct shape http_header[] = {FIELD("name", STR), FIELD("value", STR), END};
static const struct shape http_get_action[] = {FIELD("path", STR),
                                               FIELD("port", INTSTR),
                                               FIELD("host", STR),
                                               FIELD("scheme", STR),
                                               BELOW("httpHeaders", LIST, http_header),
                                               FIELD("protocol", STR),
                                               END};
static const struct shape tcp_socket_action[] = {FIELD("port", INTSTR), FIELD("host", STR), END};
static const struct shape grpc_action[] = {FIELD("port", INT), FIELD("service", STR),
                                           FIELD("mode", STR), END};
static const struct shape probe[] = {BELOW("exec", OBJ, exec_action),
                                     BELOW("httpGet", OBJ, http_get_action),
                                     BELOW("tcpSocket", OBJ, tcp_socket_action),
                                     NOT_YET_BESIDE("grpc", OBJ, grpc_action, "A gRPC check."),
                                     FIELD("initialDelaySeconds", INT),
                                     FIELD("timeoutSeconds", INT),
                                     FIELD("periodSeconds", INT),
                                     FIELD("successThreshold", INT),
                                     FIELD("failureThreshold", INT),
                                     FIELD("terminationGracePeriodSeconds", INT),
                                     END};
static const struct shape sleep_action[] = {FIELD("seconds", INT), END};
static const struct shape lifecycle_handler[] = {
        BELOW("exec", OBJ, exec_action), BELOW("httpGet", OBJ, http_get_action),
        BELOW("tcpSocket", OBJ, tcp_socket_action), BELOW("sleep", OBJ, sleep_action), END};
static const struct shape lifecycle[] = {BELOW("postStart", OBJ, lifecycle_handler),
                                         BELOW("preStop", OBJ, lifecycle_handler),
                                         KUBE("stopSignal", STR, NULL, NULL), END};
#define CONTAINER_FIELDS                                                                           \
        HAS("name", STR, NULL, "Taken for `main` in container and script templates."),             \
                DIFFERS("image", STR, NULL,                                                        \
                        "The image. Nothing is pulled: locally it stands for a root folder or a "  \
                        "loaded image, else for the root of the host."),                           \
                HAS("command", STRS, NULL,                                                         \
                    "The program. Without one, the entrypoint of the image."),                     \
                HAS("args", STRS, NULL, "Arguments of the program."),                              \
                HAS("workingDir", STR, NULL, "The folder the program starts in."),                 \
                HAS("ports", LIST, container_port,                                                 \
                    "Ports, for documentation and probes that name them."),                        \
                HAS("envFrom", LIST, env_from_source,                                              \
                    "All keys of ConfigMaps and Secrets as variables."),                           \
                HAS("env", LIST, env_shape, "Environment variables."),                             \
                HAS("resources", OBJ, resources_shape,                                             \
                    "Limits as cgroups, where the machine has them; requests have no effect."),    \
                KUBE("resizePolicy", LIST, container_resize_policy, "What a resize restarts."),    \
                DIFFERS("restartPolicy", STR, NULL,                                                \
                        "Always makes a sidecar of an init container; else no effect."),           \
                KUBE("restartPolicyRules", LIST, container_restart_rule, "Restart by exit code."), \
                HAS("volumeMounts", LIST, mount_shape, "Where volumes appear."),                   \
                KUBE("volumeDevices", LIST, volume_device, "Raw block devices."),                  \
                HAS("livenessProbe", OBJ, probe, "Ends what hangs."),                              \
                HAS("readinessProbe", OBJ, probe, "When a daemon counts as ready."),               \
                HAS("startupProbe", OBJ, probe, "Holds the other probes back."),                   \
                HAS("lifecycle", OBJ, lifecycle, "Commands after the start and before the stop."), \
                HAS("terminationMessagePath", STR, NULL, "Where the last words are read from."),   \
                KUBE("terminationMessagePolicy", STR, NULL, "What the last words are."),           \
                KUBE("imagePullPolicy", STR, NULL, "When images are pulled."),                     \
                HAS("securityContext", OBJ, security_shape,                                        \
                    "User, group, capabilities of this container."),                               \
                KUBE("stdin", BOOL, NULL, "Keeps stdin open."),                                    \
                KUBE("stdinOnce", BOOL, NULL, "Closes stdin after the first client."),             \
                KUBE("tty", BOOL, NULL, "A terminal.")

const struct shape container_shape[] = {CONTAINER_FIELDS, END};
const struct shape script_shape[] = {
        CONTAINER_FIELDS,
        HAS("source", STR, NULL, "The script; the interpreter in `command` gets it as a file."),
        END};
const struct shape user_container_shape[] = {
        CONTAINER_FIELDS,
        HAS("mirrorVolumeMounts", BOOL, NULL,
            "Mounts the volumes of the main container at the same paths."),
        END};
const struct shape container_node_shape[] = {
        CONTAINER_FIELDS,
        HAS("dependencies", STRS, NULL, "Containers of the set that must end well first."), END};
static const struct shape host_path_volume_source[] = {FIELD("path", STR), FIELD("type", STR), END};
const struct shape empty_dir_shape[] = {FIELD("medium", STR), FIELD("sizeLimit", QUANTITY),
                                        FIELD("mode", INT), END};
static const struct shape gce_persistent_disk_volume_source[] = {
        FIELD("pdName", STR), FIELD("fsType", STR), FIELD("partition", INT),
        FIELD("readOnly", BOOL), END};
static const struct shape aws_elastic_block_store_volume_source[] = {
        FIELD("volumeID", STR), FIELD("fsType", STR), FIELD("partition", INT),
        FIELD("readOnly", BOOL), END};
static const struct shape git_repo_volume_source[] = {
        FIELD("repository", STR), FIELD("revision", STR), FIELD("directory", STR), END};
static const struct shape key_to_path[] = {FIELD("key", STR), FIELD("path", STR),
                                           FIELD("mode", INT), FIELD("user", INT), END};
static const struct shape secret_volume_source[] = {
        FIELD("secretName", STR), BELOW("items", LIST, key_to_path), FIELD("defaultMode", INT),
        FIELD("optional", BOOL),  FIELD("defaultUser", INT),         END};
static const struct shape nfs_volume_source[] = {FIELD("server", STR), FIELD("path", STR),
                                                 FIELD("readOnly", BOOL), END};
static const struct shape iscsi_volume_source[] = {FIELD("targetPortal", STR),
                                                   FIELD("iqn", STR),
                                                   FIELD("lun", INT),
                                                   FIELD("iscsiInterface", STR),
                                                   FIELD("fsType", STR),
                                                   FIELD("readOnly", BOOL),
                                                   FIELD("portals", STRS),
                                                   FIELD("chapAuthDiscovery", BOOL),
                                                   FIELD("chapAuthSession", BOOL),
                                                   BELOW("secretRef", OBJ, local_reference_shape),
                                                   FIELD("initiatorName", STR),
                                                   END};
static const struct shape glusterfs_volume_source[] = {FIELD("endpoints", STR), FIELD("path", STR),
                                                       FIELD("readOnly", BOOL), END};
static const struct shape persistent_volume_claim_volume_source[] = {FIELD("claimName", STR),
                                                                     FIELD("readOnly", BOOL), END};
static const struct shape rbd_volume_source[] = {FIELD("monitors", STRS),
                                                 FIELD("image", STR),
                                                 FIELD("fsType", STR),
                                                 FIELD("pool", STR),
                                                 FIELD("user", STR),
                                                 FIELD("keyring", STR),
                                                 BELOW("secretRef", OBJ, local_reference_shape),
                                                 FIELD("readOnly", BOOL),
                                                 END};
static const struct shape flex_volume_source[] = {FIELD("driver", STR),
                                                  FIELD("fsType", STR),
                                                  BELOW("secretRef", OBJ, local_reference_shape),
                                                  FIELD("readOnly", BOOL),
                                                  FIELD("options", MAP),
                                                  END};
static const struct shape cinder_volume_source[] = {
        FIELD("volumeID", STR), FIELD("fsType", STR), FIELD("readOnly", BOOL),
        BELOW("secretRef", OBJ, local_reference_shape), END};
static const struct shape ceph_fs_volume_source[] = {FIELD("monitors", STRS),
                                                     FIELD("path", STR),
                                                     FIELD("user", STR),
                                                     FIELD("secretFile", STR),
                                                     BELOW("secretRef", OBJ, local_reference_shape),
                                                     FIELD("readOnly", BOOL),
                                                     END};
static const struct shape flocker_volume_source[] = {FIELD("datasetName", STR),
                                                     FIELD("datasetUUID", STR), END};
static const struct shape downward_api_volume_file[] = {
        FIELD("path", STR),
        BELOW("fieldRef", OBJ, object_field_selector),
        BELOW("resourceFieldRef", OBJ, resource_field_selector),
        FIELD("mode", INT),
        FIELD("user", INT),
        END};
static const struct shape downward_api_volume_source[] = {
        BELOW("items", LIST, downward_api_volume_file), FIELD("defaultMode", INT),
        FIELD("defaultUser", INT), END};
static const struct shape fc_volume_source[] = {FIELD("targetWWNs", STRS), FIELD("lun", INT),
                                                FIELD("fsType", STR),      FIELD("readOnly", BOOL),
                                                FIELD("wwids", STRS),      END};
static const struct shape azure_file_volume_source[] = {
        FIELD("secretName", STR), FIELD("shareName", STR), FIELD("readOnly", BOOL), END};
static const struct shape config_map_volume_source[] = {
        FIELD("name", STR),      BELOW("items", LIST, key_to_path), FIELD("defaultMode", INT),
        FIELD("optional", BOOL), FIELD("defaultUser", INT),         END};
static const struct shape vsphere_virtual_disk_volume_source[] = {
        FIELD("volumePath", STR), FIELD("fsType", STR), FIELD("storagePolicyName", STR),
        FIELD("storagePolicyID", STR), END};
static const struct shape quobyte_volume_source[] = {FIELD("registry", STR),
                                                     FIELD("volume", STR),
                                                     FIELD("readOnly", BOOL),
                                                     FIELD("user", STR),
                                                     FIELD("group", STR),
                                                     FIELD("tenant", STR),
                                                     END};
static const struct shape azure_disk_volume_source[] = {FIELD("diskName", STR),
                                                        FIELD("diskURI", STR),
                                                        FIELD("cachingMode", STR),
                                                        FIELD("fsType", STR),
                                                        FIELD("readOnly", BOOL),
                                                        FIELD("kind", STR),
                                                        END};
static const struct shape photon_persistent_disk_volume_source[] = {FIELD("pdID", STR),
                                                                    FIELD("fsType", STR), END};
static const struct shape secret_projection[] = {
        FIELD("name", STR), BELOW("items", LIST, key_to_path), FIELD("optional", BOOL), END};
static const struct shape downward_api_projection[] = {
        BELOW("items", LIST, downward_api_volume_file), END};
static const struct shape config_map_projection[] = {
        FIELD("name", STR), BELOW("items", LIST, key_to_path), FIELD("optional", BOOL), END};
static const struct shape service_account_token_projection[] = {
        FIELD("audience", STR), FIELD("expirationSeconds", INT), FIELD("path", STR),
        FIELD("user", INT), END};
static const struct shape cluster_trust_bundle_projection[] = {
        FIELD("name", STR),
        FIELD("signerName", STR),
        BELOW("labelSelector", OBJ, label_selector),
        FIELD("optional", BOOL),
        FIELD("path", STR),
        FIELD("user", INT),
        END};
static const struct shape pod_certificate_projection[] = {FIELD("signerName", STR),
                                                          FIELD("keyType", STR),
                                                          FIELD("maxExpirationSeconds", INT),
                                                          FIELD("credentialBundlePath", STR),
                                                          FIELD("keyPath", STR),
                                                          FIELD("certificateChainPath", STR),
                                                          FIELD("userAnnotations", MAP),
                                                          FIELD("user", INT),
                                                          END};
static const struct shape volume_projection[] = {
        BELOW("secret", OBJ, secret_projection),
        BELOW("downwardAPI", OBJ, downward_api_projection),
        BELOW("configMap", OBJ, config_map_projection),
        NOT_YET_BESIDE("serviceAccountToken", OBJ, service_account_token_projection, "A token."),
        NOT_YET_BESIDE("clusterTrustBundle", OBJ, cluster_trust_bundle_projection, "Certificates."),
        NOT_YET_BESIDE("podCertificate", OBJ, pod_certificate_projection, "A certificate."),
        END};
static const struct shape projected_volume_source[] = {BELOW("sources", LIST, volume_projection),
                                                       FIELD("defaultMode", INT),
                                                       FIELD("defaultUser", INT), END};
static const struct shape portworx_volume_source[] = {FIELD("volumeID", STR), FIELD("fsType", STR),
                                                      FIELD("readOnly", BOOL), END};
static const struct shape scale_io_volume_source[] = {
        FIELD("gateway", STR),
        FIELD("system", STR),
        BELOW("secretRef", OBJ, local_reference_shape),
        FIELD("sslEnabled", BOOL),
        FIELD("protectionDomain", STR),
        FIELD("storagePool", STR),
        FIELD("storageMode", STR),
        FIELD("volumeName", STR),
        FIELD("fsType", STR),
        FIELD("readOnly", BOOL),
        END};
static const struct shape storage_os_volume_source[] = {
        FIELD("volumeName", STR),
        FIELD("volumeNamespace", STR),
        FIELD("fsType", STR),
        FIELD("readOnly", BOOL),
        BELOW("secretRef", OBJ, local_reference_shape),
        END};
static const struct shape csi_volume_source[] = {
        FIELD("driver", STR),
        FIELD("readOnly", BOOL),
        FIELD("fsType", STR),
        FIELD("volumeAttributes", MAP),
        BELOW("nodePublishSecretRef", OBJ, local_reference_shape),
        END};
static const struct shape volume_resource_requirements[] = {FIELD("limits", QUANTITIES),
                                                            FIELD("requests", QUANTITIES), END};
static const struct shape typed_local_object_reference[] = {
        FIELD("apiGroup", STR), FIELD("kind", STR), FIELD("name", STR), END};
static const struct shape typed_object_reference[] = {FIELD("apiGroup", STR), FIELD("kind", STR),
                                                      FIELD("name", STR), FIELD("namespace", STR),
                                                      END};
static const struct shape persistent_volume_claim_spec[] = {
        FIELD("accessModes", STRS),
        BELOW("selector", OBJ, label_selector),
        BELOW("resources", OBJ, volume_resource_requirements),
        FIELD("volumeName", STR),
        FIELD("storageClassName", STR),
        FIELD("volumeMode", STR),
        BELOW("dataSource", OBJ, typed_local_object_reference),
        BELOW("dataSourceRef", OBJ, typed_object_reference),
        FIELD("volumeAttributesClassName", STR),
        END};
static const struct shape persistent_volume_claim_template[] = {
        BELOW("metadata", OBJ, object_meta_shape), BELOW("spec", OBJ, persistent_volume_claim_spec),
        END};
static const struct shape ephemeral_volume_source[] = {
        BELOW("volumeClaimTemplate", OBJ, persistent_volume_claim_template), END};
static const struct shape image_volume_source[] = {FIELD("reference", STR),
                                                   FIELD("pullPolicy", STR), END};
const struct shape volume_shape[] = {
        HAS("name", STR, NULL, "Named by volumeMounts."),
        HAS("hostPath", OBJ, host_path_volume_source, "A folder of this machine, where allowed."),
        HAS("emptyDir", OBJ, empty_dir_shape, "A folder that lives as long as the step."),
        NOT_YET_BESIDE("gcePersistentDisk", OBJ, gce_persistent_disk_volume_source,
                       "A disk of Google Cloud."),
        NOT_YET_BESIDE("awsElasticBlockStore", OBJ, aws_elastic_block_store_volume_source,
                       "A disk of AWS."),
        NOT_YET_BESIDE("gitRepo", OBJ, git_repo_volume_source, "A git clone (obsolete)."),
        HAS("secret", OBJ, secret_volume_source, "Files from a Secret."),
        NOT_YET_BESIDE("nfs", OBJ, nfs_volume_source, "An NFS share."),
        NOT_YET_BESIDE("iscsi", OBJ, iscsi_volume_source, "An iSCSI disk."),
        NOT_YET_BESIDE("glusterfs", OBJ, glusterfs_volume_source, "A Gluster share."),
        DIFFERS("persistentVolumeClaim", OBJ, persistent_volume_claim_volume_source,
                "A folder beneath the data directory that is kept; made when absent."),
        NOT_YET_BESIDE("rbd", OBJ, rbd_volume_source, "A Ceph disk."),
        NOT_YET_BESIDE("flexVolume", OBJ, flex_volume_source, "A driver (obsolete)."),
        NOT_YET_BESIDE("cinder", OBJ, cinder_volume_source, "A disk of OpenStack."),
        NOT_YET_BESIDE("cephfs", OBJ, ceph_fs_volume_source, "A Ceph share."),
        NOT_YET_BESIDE("flocker", OBJ, flocker_volume_source, "A Flocker disk."),
        HAS("downwardAPI", OBJ, downward_api_volume_source, "Files with facts about the pod."),
        NOT_YET_BESIDE("fc", OBJ, fc_volume_source, "A Fibre Channel disk."),
        NOT_YET_BESIDE("azureFile", OBJ, azure_file_volume_source, "A share of Azure."),
        HAS("configMap", OBJ, config_map_volume_source, "Files from a ConfigMap."),
        NOT_YET_BESIDE("vsphereVolume", OBJ, vsphere_virtual_disk_volume_source,
                       "A disk of vSphere."),
        NOT_YET_BESIDE("quobyte", OBJ, quobyte_volume_source, "A Quobyte share."),
        NOT_YET_BESIDE("azureDisk", OBJ, azure_disk_volume_source, "A disk of Azure."),
        NOT_YET_BESIDE("photonPersistentDisk", OBJ, photon_persistent_disk_volume_source,
                       "A disk of Photon."),
        HAS("projected", OBJ, projected_volume_source, "Several sources in one folder."),
        NOT_YET_BESIDE("portworxVolume", OBJ, portworx_volume_source, "A Portworx disk."),
        NOT_YET_BESIDE("scaleIO", OBJ, scale_io_volume_source, "A ScaleIO disk."),
        NOT_YET_BESIDE("storageos", OBJ, storage_os_volume_source, "A StorageOS disk."),
        NOT_YET_BESIDE("csi", OBJ, csi_volume_source, "A driver."),
        DIFFERS("ephemeral", OBJ, ephemeral_volume_source,
                "A claim that lives as long as the step: an emptyDir."),
        NOT_YET_BESIDE("image", OBJ, image_volume_source, "Files of an image."),
        END};
static const struct shape persistent_volume_claim_condition[] = {FIELD("type", STR),
                                                                 FIELD("status", STR),
                                                                 FIELD("lastProbeTime", STR),
                                                                 FIELD("lastTransitionTime", STR),
                                                                 FIELD("reason", STR),
                                                                 FIELD("message", STR),
                                                                 END};
static const struct shape modify_volume_status[] = {FIELD("targetVolumeAttributesClassName", STR),
                                                    FIELD("status", STR), END};
static const struct shape volume_health_condition[] = {FIELD("status", STR), FIELD("reason", STR),
                                                       FIELD("message", STR), END};
static const struct shape volume_health_status[] = {
        BELOW("healthConditions", LIST, volume_health_condition), FIELD("lastTransitionTime", STR),
        END};
static const struct shape persistent_volume_claim_status[] = {
        FIELD("phase", STR),
        FIELD("accessModes", STRS),
        FIELD("capacity", QUANTITIES),
        BELOW("conditions", LIST, persistent_volume_claim_condition),
        FIELD("allocatedResources", QUANTITIES),
        FIELD("allocatedResourceStatuses", MAP),
        FIELD("currentVolumeAttributesClassName", STR),
        BELOW("modifyVolumeStatus", OBJ, modify_volume_status),
        BELOW("healthStatus", OBJ, volume_health_status),
        END};
const struct shape claim_shape[] = {BELOW("metadata", OBJ, object_meta_shape),
                                    BELOW("spec", OBJ, persistent_volume_claim_spec),
                                    BELOW("status", OBJ, persistent_volume_claim_status), END};
