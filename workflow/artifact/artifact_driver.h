/* workflow/artifact/artifact_driver.h: for those who write a driver. One line in artifacts.def, one
 * file. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/artifact/artifact.h"

struct artifacts {
        int store; /* folder of the folder store */
};
/* `at` is the location object, e.g. {"key": "..."}; the words of an error need not repeat it. */
typedef int artifact_stat_fn(struct artifacts *a, const json_t *at, const char *sub,
                             struct artifact_info *out, struct err *e);
typedef int artifact_open_fn(struct artifacts *a, const json_t *at, const char *sub, int *fd,
                             struct err *e);
typedef int artifact_list_fn(struct artifacts *a, const json_t *at, const char *sub, json_t **out,
                             struct err *e);
typedef int artifact_pack_fn(struct artifacts *a, const json_t *at, const char *sub, int fd,
                             struct err *e);
typedef int artifact_delete_fn(struct artifacts *a, const json_t *at, struct err *e);
struct artifact_driver {
        const char *type;
        artifact_stat_fn *stat;
        artifact_open_fn *open;
        artifact_list_fn *list;
        artifact_pack_fn *pack;
        artifact_delete_fn *delete;
};
#define ARTIFACT(type) extern const struct artifact_driver artifact_driver_##type;
#include "workflow/artifact/artifacts.def"
#undef ARTIFACT
