/* workflow/spec/shapes_data.c: parameters, artifacts and where artifacts live.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/shapes.h"

const struct shape nothing_shape[] = {END};

/* ---- parameters ---- */

static const struct shape value_from[] = {
        HAS("path", STR, NULL,
            "A file of the step that holds the value; one newline at its end is dropped."),
        HAS("default", TEXT, NULL, "The value when the source has none."),
        HAS("parameter", STR, NULL, "A tag that names the value, in steps and dag templates."),
        HAS("configMapKeyRef", OBJ, config_map_key_shape, "A key of a ConfigMap."),
        HAS("supplied", OBJ, nothing_shape, "Given by a user when the workflow is resumed."),
        HAS("expression", STR, NULL, "An expression that yields the value, without braces."),
        HAS("jsonPath", STR, NULL, "A path into the resource that a resource template made."),
        HAS("jqFilter", STR, NULL, "A jq filter over that resource."),
        HAS("event", STR, NULL, "An expression over the event, in WorkflowEventBindings."),
        END};
const struct shape parameter_shape[] = {
        HAS("name", STR, NULL, "Letters, digits, '-' and '_'."),
        HAS("value", TEXT, NULL,
            "The value; numbers and booleans become text. In inputs it is a default."),
        HAS("default", TEXT, NULL, "The value when none is supplied."),
        HAS("enum", TEXTS, NULL,
            "The values that are allowed; only checked before the workflow starts."),
        HAS("description", TEXT, NULL, "For people."),
        HAS("globalName", STR, NULL, "Also known as workflow.outputs.parameters.<name>."),
        HAS("valueFrom", OBJ, value_from, "Where the value comes from."),
        END};

/* ---- where artifacts live ---- */

static const struct shape oauth_param[] = {HAS("key", STR, NULL, NULL),
                                           HAS("value", STR, NULL, NULL), END};
static const struct shape oauth[] = {HAS("clientIDSecret", OBJ, secret_key_shape, NULL),
                                     HAS("clientSecretSecret", OBJ, secret_key_shape, NULL),
                                     HAS("tokenURLSecret", OBJ, secret_key_shape, NULL),
                                     HAS("scopes", STRS, NULL, NULL),
                                     HAS("endpointParams", LIST, oauth_param, NULL),
                                     END};
static const struct shape client_cert[] = {HAS("clientCertSecret", OBJ, secret_key_shape, NULL),
                                           HAS("clientKeySecret", OBJ, secret_key_shape, NULL),
                                           END};
static const struct shape basic_auth[] = {HAS("usernameSecret", OBJ, secret_key_shape, NULL),
                                          HAS("passwordSecret", OBJ, secret_key_shape, NULL), END};
static const struct shape http_auth[] = {
        HAS("clientCert", OBJ, client_cert, "A certificate of ours."),
        HAS("oauth2", OBJ, oauth, "A token from an OAuth2 server."),
        HAS("basicAuth", OBJ, basic_auth, "User and password."), END};
static const struct shape plain_header[] = {HAS("name", STR, NULL, NULL),
                                            HAS("value", STR, NULL, NULL), END};
static const struct shape encryption[] = {
        HAS("kmsKeyId", STR, NULL, NULL), HAS("kmsEncryptionContext", STR, NULL, NULL),
        HAS("enableEncryption", BOOL, NULL, NULL),
        HAS("serverSideCustomerKeySecret", OBJ, secret_key_shape, NULL), END};
static const struct shape create_bucket[] = {HAS("objectLocking", BOOL, NULL, NULL), END};
static const struct shape s3[] = {
        HAS("endpoint", STR, NULL, "Host and port of the store."),
        HAS("bucket", STR, NULL, "The bucket."),
        HAS("region", STR, NULL, "The region; empty means us-east-1."),
        HAS("insecure", BOOL, NULL, "http instead of https."),
        HAS("accessKeySecret", OBJ, secret_key_shape, "The access key."),
        HAS("secretKeySecret", OBJ, secret_key_shape, "The secret key."),
        HAS("sessionTokenSecret", OBJ, secret_key_shape, "A session token."),
        NOT_YET_BESIDE("roleARN", STR, NULL, "A role to assume."),
        HAS("useSDKCreds", BOOL, NULL, "Credentials from the machine."),
        HAS("createBucketIfNotPresent", OBJ, create_bucket, "Makes the bucket."),
        HAS("encryptionOptions", OBJ, encryption, "Encryption on the server."),
        HAS("caSecret", OBJ, secret_key_shape, "The authority of the server's certificate."),
        HAS("key", STR, NULL, "The object, or a prefix for a folder."),
        HAS("addressingStyle", STR, NULL, "path, virtual or auto."),
        END};
static const struct shape git[] = {HAS("repo", STR, NULL, NULL),
                                   HAS("revision", STR, NULL, NULL),
                                   HAS("depth", INT, NULL, NULL),
                                   HAS("fetch", STRS, NULL, NULL),
                                   HAS("usernameSecret", OBJ, secret_key_shape, NULL),
                                   HAS("passwordSecret", OBJ, secret_key_shape, NULL),
                                   HAS("sshPrivateKeySecret", OBJ, secret_key_shape, NULL),
                                   HAS("insecureIgnoreHostKey", BOOL, NULL, NULL),
                                   HAS("disableSubmodules", BOOL, NULL, NULL),
                                   HAS("singleBranch", BOOL, NULL, NULL),
                                   HAS("branch", STR, NULL, NULL),
                                   HAS("insecureSkipTLS", BOOL, NULL, NULL),
                                   END};
static const struct shape http[] = {HAS("url", STR, NULL, "The address."),
                                    HAS("headers", LIST, plain_header, "Headers of the request."),
                                    HAS("auth", OBJ, http_auth, "How we say who we are."), END};
static const struct shape artifactory[] = {HAS("url", STR, NULL, NULL),
                                           HAS("usernameSecret", OBJ, secret_key_shape, NULL),
                                           HAS("passwordSecret", OBJ, secret_key_shape, NULL), END};
static const struct shape hdfs[] = {HAS("addresses", STRS, NULL, NULL),
                                    HAS("path", STR, NULL, NULL),
                                    HAS("force", BOOL, NULL, NULL),
                                    HAS("hdfsUser", STR, NULL, NULL),
                                    HAS("krbCCacheSecret", OBJ, secret_key_shape, NULL),
                                    HAS("krbKeytabSecret", OBJ, secret_key_shape, NULL),
                                    HAS("krbUsername", STR, NULL, NULL),
                                    HAS("krbRealm", STR, NULL, NULL),
                                    HAS("krbConfigConfigMap", OBJ, config_map_key_shape, NULL),
                                    HAS("krbServicePrincipalName", STR, NULL, NULL),
                                    HAS("dataTransferProtection", STR, NULL, NULL),
                                    END};
static const struct shape lifecycle_rule[] = {HAS("markInfrequentAccessAfterDays", INT, NULL, NULL),
                                              HAS("markDeletionAfterDays", INT, NULL, NULL), END};
static const struct shape oss[] = {HAS("endpoint", STR, NULL, NULL),
                                   HAS("bucket", STR, NULL, NULL),
                                   HAS("accessKeySecret", OBJ, secret_key_shape, NULL),
                                   HAS("secretKeySecret", OBJ, secret_key_shape, NULL),
                                   HAS("createBucketIfNotPresent", BOOL, NULL, NULL),
                                   HAS("securityToken", STR, NULL, NULL),
                                   HAS("lifecycleRule", OBJ, lifecycle_rule, NULL),
                                   HAS("useSDKCreds", BOOL, NULL, NULL),
                                   HAS("key", STR, NULL, NULL),
                                   END};
static const struct shape gcs[] = {HAS("bucket", STR, NULL, NULL),
                                   HAS("serviceAccountKeySecret", OBJ, secret_key_shape, NULL),
                                   HAS("key", STR, NULL, NULL), END};
static const struct shape azure[] = {HAS("endpoint", STR, NULL, NULL),
                                     HAS("container", STR, NULL, NULL),
                                     HAS("accountKeySecret", OBJ, secret_key_shape, NULL),
                                     HAS("useSDKCreds", BOOL, NULL, NULL),
                                     HAS("blob", STR, NULL, NULL),
                                     END};
static const struct shape artifact_plugin[] = {
        HAS("name", STR, NULL, NULL), HAS("configuration", STR, NULL, NULL),
        HAS("connectionTimeoutSeconds", INT, NULL, NULL), HAS("key", STR, NULL, NULL), END};
static const struct shape raw[] = {HAS("data", STR, NULL, "The text of the file."), END};
static const struct shape folder[] = {HAS("key", STR, NULL, "The file in our folder store."), END};

#define LOCATIONS                                                                          \
        HAS("folder", OBJ, folder, "Our own: a folder of this machine."),                  \
                HAS("raw", OBJ, raw, "The text stands in the workflow."),                  \
                HAS("s3", OBJ, s3, "An S3 store."), HAS("http", OBJ, http, "An address."), \
                HAS("git", OBJ, git, "A git repository; inputs only."),                    \
                NOT_YET_BESIDE("gcs", OBJ, gcs, "Google Cloud Storage."),                  \
                NOT_YET_BESIDE("azure", OBJ, azure, "Azure Blob Storage."),                \
                NOT_YET_BESIDE("oss", OBJ, oss, "Alibaba Cloud OSS."),                     \
                NOT_YET_BESIDE("hdfs", OBJ, hdfs, "Hadoop."),                              \
                HAS("artifactory", OBJ, artifactory, "JFrog Artifactory."),                \
                NOT_YET_BESIDE("plugin", OBJ, artifact_plugin,                             \
                               "An artifact driver of somebody else.")

/* ---- artifacts ---- */

static const struct shape archive_tar[] = {
        HAS("compressionLevel", INT, NULL, "0 to 9; without it, gzip's own choice."), END};
static const struct shape archive[] = {HAS("none", OBJ, nothing_shape, "Files as they are."),
                                       HAS("tar", OBJ, archive_tar, "A tarball."),
                                       HAS("zip", OBJ, nothing_shape, "A zip file."), END};
#define ARTIFACT_GC_FIELDS                                                                \
        HAS("strategy", STR, NULL, "OnWorkflowCompletion, OnWorkflowDeletion or Never."), \
                KUBE("podMetadata", OBJ, metadata_shape,                                  \
                     "Labels and annotations of the pod that deletes."),                  \
                KUBE("serviceAccountName", STR, NULL, "Its service account."),            \
                KUBE("env", LIST, env_shape, "Its environment."),                         \
                KUBE("volumes", LIST, volume_shape, "Its volumes."),                      \
                KUBE("volumeMounts", LIST, mount_shape, "Its mounts.")

static const struct shape own_artifact_gc[] = {ARTIFACT_GC_FIELDS, END};
const struct shape artifact_gc_shape[] = {
        ARTIFACT_GC_FIELDS,
        HAS("forceFinalizerRemoval", BOOL, NULL,
            "The workflow may go although artifacts could not be deleted."),
        KUBE("podSpecPatch", STR, NULL, "A patch for the pod that deletes."), END};
const struct shape artifact_location_shape[] = {
        HAS("archiveLogs", BOOL, NULL, "Logs are kept as an artifact."), LOCATIONS, END};
const struct shape artifact_shape[] = {
        HAS("name", STR, NULL, "Letters, digits, '-' and '_'."),
        HAS("path", STR, NULL, "Where the file is put, or taken from, in the step."),
        HAS("mode", INT, NULL, "Permissions of an input."),
        HAS("recurseMode", BOOL, NULL, "Gives the mode to everything below a folder."),
        HAS("optional", BOOL, NULL, "May be missing."),
        HAS("from", STR, NULL, "A tag that names another artifact."),
        HAS("fromExpression", STR, NULL, "An expression that yields an artifact."),
        HAS("subPath", STR, NULL, "A file or folder within it."),
        HAS("globalName", STR, NULL, "Also known as workflow.outputs.artifacts.<name>."),
        DIFFERS("archive", OBJ, archive,
                "How outputs are packed and inputs unpacked; without it, outputs are kept as plain "
                "files."),
        HAS("archiveLogs", BOOL, NULL, "Logs are kept as an artifact."),
        HAS("artifactGC", OBJ, own_artifact_gc, "When it is deleted."),
        HAS("deleted", BOOL, NULL, "Set when it has been deleted."),
        LOCATIONS,
        END};
const struct shape arguments_shape[] = {HAS("parameters", LIST, parameter_shape, "Values by name."),
                                        HAS("artifacts", LIST, artifact_shape, "Files by name."),
                                        END};
const struct shape inputs_shape[] = {
        HAS("parameters", LIST, parameter_shape, "What a call must supply, or has a default."),
        HAS("artifacts", LIST, artifact_shape,
            "Files that are put in place before the step begins."),
        END};
const struct shape outputs_shape[] = {
        HAS("parameters", LIST, parameter_shape, "Values that later steps may use."),
        HAS("artifacts", LIST, artifact_shape, "Files that are kept."),
        HAS("result", STR, NULL, "Set when it runs: what the main container printed."),
        HAS("exitCode", STR, NULL, "Set when it runs."), END};
