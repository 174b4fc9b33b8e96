/* workflow/artifact/artifact_driver.h: for those who write a driver. One line in artifacts.def, one
 * file. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/artifact/artifact.h"

struct artifacts {
        int store;              /* folder of the folder store */
        struct http_wait *http; /* for stores elsewhere; NULL until artifacts_remote() */
        const struct location_secrets *secrets;
        bool guard; /* refuse private addresses */
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
/* As fetch and save of artifact.h. `sub` may be NULL. */
typedef int artifact_fetch_fn(struct artifacts *a, const json_t *at, const char *sub, int to_dir,
                              const char *to, struct err *e);
typedef int artifact_save_fn(struct artifacts *a, const json_t *at, int from_dir, const char *from,
                             struct err *e);
typedef int artifact_keys_fn(struct artifacts *a, const json_t *at, json_t *out, struct err *e);
struct artifact_driver {
        const char *type;
        artifact_stat_fn *stat;
        artifact_open_fn *open;
        artifact_list_fn *list;
        artifact_pack_fn *pack;
        artifact_delete_fn *delete;
        artifact_fetch_fn *fetch; /* NULL: it cannot be an input */
        artifact_save_fn *save;   /* NULL: it cannot be an output */
        artifact_keys_fn *keys;   /* NULL: it cannot be listed */
};
#define ARTIFACT(type) extern const struct artifact_driver artifact_driver_##type;
#include "workflow/artifact/artifacts.def"
#undef ARTIFACT
