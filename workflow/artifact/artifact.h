/* workflow/artifact/artifact.h: artifacts by their JSON: for the server, the CLI and garbage
 * collection.
 *
 * An artifact is an object as in status.nodes[].outputs.artifacts or inputs.artifacts: {"name",
 * "path", <location>, ...}, the location (made whole: location.h) being one of artifacts.def:
 * {"folder": {"key"}}, {"raw": {"data"}}, {"s3": {...}}, ... `sub` is a path inside a folder, or
 * NULL. Steps do not come this way: the executor works on the folder store itself (folder.h).
 * Threads: any; everything blocks, so on the loop only for small answers. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

struct artifacts; /* the stores of one data directory */
int artifacts_open(struct artifacts **out, const char *data_dir, struct err *e) MUST_CHECK;
struct artifacts *artifacts_close(struct artifacts *a);
AUTO_DEFINE(artifacts_close, struct artifacts *);

/* For stores elsewhere: the values of the secrets that locations name, borrowed for life, and
 * whether private addresses are refused. Until it was called they answer UNAVAILABLE. */
struct location_secrets;
int artifacts_remote(struct artifacts *a, const struct location_secrets *secrets, bool guard,
                     struct err *e) MUST_CHECK;
/* What runs and all that follows ends with UNAVAILABLE. Any thread. */
void artifacts_cancel(struct artifacts *a);

/* Is there a driver for it that can do this? UNSUPPORTED, by name, when not. */
enum artifact_way { ARTIFACT_FETCH, ARTIFACT_SAVE };
int artifact_check(const json_t *artifact, enum artifact_way way, struct err *e) MUST_CHECK;

struct artifact_info {
        bool folder;
        uint64_t bytes; /* of a file */
        struct wall modified;
};
/* NOT_FOUND when the content is gone, UNSUPPORTED "not supported yet: artifact location s3" for
 * other locations. */
int artifact_stat(struct artifacts *a, const json_t *artifact, const char *sub,
                  struct artifact_info *out, struct err *e) MUST_CHECK;
/* A descriptor to read a file from its start; INVALID for a folder. */
int artifact_open(struct artifacts *a, const json_t *artifact, const char *sub, int *fd,
                  struct err *e) MUST_CHECK;
/* What is in a folder, sorted: [{"name", "folder": bool, "bytes"}]. New reference. */
int artifact_list(struct artifacts *a, const json_t *artifact, const char *sub, json_t **out,
                  struct err *e) MUST_CHECK;
/* File or folder as a gzip tarball, as Argo would have stored it, written to `fd`. */
int artifact_pack(struct artifacts *a, const json_t *artifact, const char *sub, int fd,
                  struct err *e) MUST_CHECK;
int artifact_delete(struct artifacts *a, const json_t *artifact, struct err *e) MUST_CHECK;
/* Place its content as to_dir/to, which must not exist: a file or a tree, as it is stored (nothing
 * is unpacked). NOT_FOUND when there is none. */
int artifact_fetch(struct artifacts *a, const json_t *artifact, const char *sub, int to_dir,
                   const char *to, struct err *e) MUST_CHECK;
/* Store from_dir/from, a file or a tree, as it is, in place of what was there. */
int artifact_save(struct artifacts *a, const json_t *artifact, int from_dir, const char *from,
                  struct err *e) MUST_CHECK;
/* The keys of all files below the location, sorted: ["a/b", ...]. New reference. */
int artifact_keys(struct artifacts *a, const json_t *artifact, json_t **out,
                  struct err *e) MUST_CHECK;
