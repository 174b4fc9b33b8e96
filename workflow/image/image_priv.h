/* workflow/image/image_priv.h: shared inside workflow/image. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/image/image.h"
#include <sys/types.h>

/* <data>/images/index.json: {"images": {normal name: {"id", "digest", "layers": [ids, bottom
 * first], "root", "loaded", "config": {command, args, env, user, workingDir}}}} */
struct images {
        char *dir; /* <data>/images */
        const json_t *config;
        json_t *names; /* normal name -> name in config */
        json_t *index;
        struct timespec index_time;
        off_t index_size;
        ino_t index_inode;
};
enum { LAYERS_MAX = 128, LAYER_ID = 24 };

int images_lock(struct images *i, int *fd, struct err *e) MUST_CHECK; /* close it to unlock */
int images_read(struct images *i, struct err *e) MUST_CHECK;          /* when it has changed */
int images_write(struct images *i, struct err *e) MUST_CHECK;
void images_put(struct images *i, const char *normal, json_t *entry_taken);

/* layer.c: the tarball at `fd`, compressed or not, as layers/<id>; the id is the start of its
 * uncompressed SHA-256, which must be `diff_id` if that is given ("sha256:..."). One that is there
 * is kept. */
int layer_load(struct images *i, int fd, const char *diff_id, char id[LAYER_ID + 1],
               struct err *e) MUST_CHECK;
/* manifest.c: what lies in an unpacked archive or layout (`root`: its folder). Adds to `loaded`. */
int layout_load(struct images *i, int root, const char *name, const char *fallback, json_t *loaded,
                struct err *e) MUST_CHECK;
bool is_layout(int root);
/* An image configuration's entrypoint and the like -> ours. New reference. */
json_t *config_of_image(const json_t *image_config);
