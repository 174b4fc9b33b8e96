/* common/kube/kubeconfig.h: which cluster, as whom: kubeconfig files and the files of a pod.
 *
 * The rules are kubectl's: a path given by hand is the only file and must exist; else $KUBECONFIG,
 * a list of files of which the first to name a thing wins; else ~/.kube/config; else, when nothing
 * was found and we run in a pod, the service account's files. Relative paths count from the file
 * that holds them. Only the context in use is checked: what another context needs and we do not
 * support is no problem. `exec`, `auth-provider`, impersonation and `proxy-url` are refused with
 * "not supported yet". Problems name file:line:col. Threads: any; reads files, so at start-up.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/secret.h"

struct kube_config {  /* strings are heap; NULL where not given */
        char *origin; /* "context \"dev\" of /home/ann/.kube/config", "the service account of this
                         pod" */
        char *server; /* "https://host:port/prefix" without a slash at the end */
        char *ns;     /* where commands work unless told otherwise; never NULL */
        char *ca_file, *ca_pem;
        char *tls_server_name;
        bool insecure_skip_tls_verify;
        char *token_file; /* read again when it changes; wins over `token` */
        struct secret *token;
        char *cert_file, *cert_pem;
        char *key_file;
        struct secret *key_pem;
};
struct kube_config *kube_config_free(struct kube_config *c);
AUTO_DEFINE(kube_config_free, struct kube_config *);

struct kube_config_opts {
        const char *path;    /* --kubeconfig; NULL: the rules above */
        const char *context; /* --context; NULL: current-context */
};
/* NOT_FOUND when there is neither a file nor a pod around us; the words say where it looked. */
int kube_config_load(struct kube_config **out, const struct kube_config_opts *o,
                     struct err *e) MUST_CHECK;

/* The pod's: KUBERNETES_SERVICE_HOST and _PORT, and token, ca.crt, namespace in
 * /var/run/secrets/kubernetes.io/serviceaccount, or in the folder TIPHYS_INCLUSTER_ROOT. */
bool kube_in_cluster(void);
int kube_config_in_cluster(struct kube_config **out, struct err *e) MUST_CHECK;
