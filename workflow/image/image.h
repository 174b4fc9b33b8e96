/* workflow/image/image.h: what an image is on this machine: a folder that the configuration names,
 * or layers that were loaded (`tiphys image load`).
 *
 *   reference.c  names: docker.io/library/busybox:latest
 *   images.c     the index <data>/images/index.json, and what an image name means
 *   load.c       folders, OCI layouts, docker and OCI archives, root file system tarballs
 *   manifest.c   manifests and configurations in them
 *   layer.c      a layer's tarball -> <data>/images/layers/<id>, shared by all images that have it
 * Loading and removing hold a lock, so commands and a running daemon may share the data folder.
 * Threads: any, one at a time per struct images; everything blocks. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct images;
/* config: image name -> {"root", "command", "args", "env", "user", "workingDir"} (Argo's
 * "entrypoint" and "cmd" too), or NULL; borrowed for life. */
int images_open(struct images **out, const char *data_dir, const json_t *config,
                struct err *e) MUST_CHECK;
struct images *images_close(struct images *i);
AUTO_DEFINE(images_close, struct images *);

struct image {
        bool known;
        char *root;     /* a folder; NULL: the host's root, or layers */
        json_t *layers; /* paths relative to <data>/sandbox, topmost first; NULL without */
        json_t *command, *args, *env; /* lists of strings; NULL without */
        char *user, *workdir;
};
/* Unknown names are no error: out->known says so. INVALID when the index cannot be read. */
int image_find(struct image *out, struct images *i, const char *name, struct err *e) MUST_CHECK;
void image_deinit(struct image *image);

/* `path`: a folder with a root file system (used where it is, needs a name), an OCI layout, a
 * docker or OCI archive, or a tarball of a root file system (needs a name). `name` NULL: as it says
 * itself. *loaded: the names, new reference. */
int images_load(struct images *i, const char *path, const char *name, json_t **loaded,
                struct err *e) MUST_CHECK;
/* [{"name", "id", "layers", "root", "loaded"}], sorted; new reference. */
int images_list(struct images *i, json_t **out, struct err *e) MUST_CHECK;
/* NOT_FOUND when there is no such image. Layers that no other image has go too. */
int images_remove(struct images *i, const char *name, struct err *e) MUST_CHECK;

/* "busybox" -> "docker.io/library/busybox:latest"; "a/b@sha256:..." keeps its digest. Heap; NULL
 * and INVALID when it is no image name. */
char *reference_normal(const char *name, struct err *e) MUST_CHECK;
