/* workflow/spec/needs.h: what a workflow needs of the world to run: images, stores, Kubernetes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>

/* A sorted list without duplicates: "image alpine:3.23", "store s3", "kubernetes: resource
 * template", "network: http template", "plugin x", "secret x", "configmap x", "sync limit x",
 * "volume claim x", "person: suspend without a duration". `spec` is a workflow's (or template's)
 * spec. New reference.
 */
json_t *wf_needs(const json_t *spec);
