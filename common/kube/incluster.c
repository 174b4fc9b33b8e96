/* common/kube/incluster.c: the identity of a pod: its service account's files.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kubeconfig.h"
#include <stdlib.h>
#include <string.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
enum { NAMESPACE_MAX = 256 };

static char *file_of(const char *name)
{
        const char *root = getenv("TIPHYS_INCLUSTER_ROOT");
        return fs_join(str_empty(root) ? SERVICE_ACCOUNT : root, name);
}

bool kube_in_cluster(void)
{
        AUTO(mem_free) char *token = file_of("token");
        return !str_empty(getenv("KUBERNETES_SERVICE_HOST")) && fs_exists(token);
}

static int read_namespace(char **out, struct err *e)
{
        AUTO(mem_free) char *path = file_of("namespace");
        AUTO_BUF struct buf b = BUF_INIT(NAMESPACE_MAX);
        if (!fs_exists(path)) {
                *out = mem_strdup("default");
                return 0;
        }
        if (fs_read(&b, path, NAMESPACE_MAX, e) < 0)
                return -1;
        struct str ns = str_trim((struct str){buf_str(&b), b.len});
        *out = ns.n ? mem_strndup(ns.p, ns.n) : mem_strdup("default");
        return 0;
}

int kube_config_in_cluster(struct kube_config **out, struct err *e)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST"),
                   *port = getenv("KUBERNETES_SERVICE_PORT");
        AUTO(mem_free) char *token = file_of("token");
        if (str_empty(host) || !fs_exists(token))
                return err_set(e, ERR_NOT_FOUND, "not in a pod with a service account: %s",
                               str_empty(host) ? "KUBERNETES_SERVICE_HOST is not set" : token);
        AUTO(kube_config_free) struct kube_config *c = NEW(struct kube_config);
        bool v6 = strchr(host, ':');
        c->origin = mem_strdup("the service account of this pod");
        c->server = mem_printf("https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
                               str_empty(port) ? "443" : port);
        c->token_file = TAKE(token);
        c->ca_file = file_of("ca.crt");
        if (read_namespace(&c->ns, e) < 0)
                return err_wrap(e, "%s", c->origin);
        *out = TAKE(c);
        return 0;
}
