/* common/kube/kubeconfig_priv.h: between kubeconfig.c (files and names) and kubeconfig_item.c (what
 * stands in them). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/diag.h"
#include "common/kube/kubeconfig.h"

struct kube_item { /* borrowed: one entry of contexts, clusters or users */
        const json_t *tree;
        const struct marks *marks;
        const char *file;
        const char *what; /* "cluster" */
        size_t index;
};
struct kube_context {
        char *cluster, *user, *ns;
};
int kube_context_load(struct kube_context *out, const struct kube_item *item,
                      struct err *e) MUST_CHECK;
void kube_context_deinit(struct kube_context *c);
int kube_cluster_load(struct kube_config *c, const struct kube_item *item,
                      struct err *e) MUST_CHECK;
int kube_user_load(struct kube_config *c, const struct kube_item *item, struct err *e) MUST_CHECK;
/* What must hold for the whole: a server, https wherever a credential is sent. */
int kube_config_check(const struct kube_config *c, struct err *e) MUST_CHECK;
