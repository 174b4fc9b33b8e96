/* workflow/spec/shapes.h: how the tables of fields are written, and which share which.
 *
 * One row per field: HAS("timeout", STR, NULL, "What it does."). To flip a field, change the word
 * in front: HAS             works DIFFERS         works, not quite as in Argo; the sentence says
 * how KUBE            kept for Kubernetes, no effect locally NOT_YET         refused at submit by
 * name NOT_YET_BESIDE  the same, but it does not change the tree of nodes: a simulation may go on
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/spec/shape.h"

#define ROW(name, kind, support, table, help)            \
        {                                                \
                name, SHAPE_##kind, support, table, help \
        }
#define HAS(name, kind, table, help) ROW(name, kind, SUPPORTED, table, help)
#define DIFFERS(name, kind, table, help) ROW(name, kind, DIFFERENT, table, help)
#define KUBE(name, kind, table, help) ROW(name, kind, KUBE_ONLY, table, help)
#define NOT_YET(name, kind, table, help) ROW(name, kind, LATER, table, help)
#define NOT_YET_BESIDE(name, kind, table, help) ROW(name, kind, LATER_BESIDE, table, help)
#define END ROW(NULL, ANY, SUPPORTED, NULL, NULL)

/* shapes_data.c: parameters, artifacts */
extern const struct shape arguments_shape[], inputs_shape[], outputs_shape[], artifact_shape[],
        artifact_location_shape[], artifact_gc_shape[], parameter_shape[], header_shape[],
        nothing_shape[];
/* shapes_pod.c: Kubernetes' types */
extern const struct shape affinity_shape[], toleration_shape[], pod_security_shape[],
        security_shape[], host_alias_shape[], local_reference_shape[], dns_config_shape[],
        resource_claim_shape[], resources_shape[], volume_shape[], claim_shape[], mount_shape[],
        env_shape[], secret_key_shape[], config_map_key_shape[], label_selector[],
        container_shape[], script_shape[], user_container_shape[], container_node_shape[],
        empty_dir_shape[];
/* shapes_template.c */
extern const struct shape metadata_shape[], hook_shape[], retry_strategy_shape[],
        synchronization_shape[], metrics_shape[], template_ref_shape[];
