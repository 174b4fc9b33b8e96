/* workflow/artifact/place.h: where an output artifact of a step goes, how it is packed, and what
 * its node says of it.
 *
 * The folder store keeps what a step wrote as it is, under <prefix>/<artifact>/<file name>, and the
 * record says so ("archive": {"none": {}}), so that whoever consumes it does not look for a
 * tarball; a tarball is made only when `archive.tar` or a key that ends in .tgz asks for one
 * (docs/decisions/0020). Elsewhere Argo's rule holds: a tarball, unless archive says none or zip.
 * Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include <jansson.h>
#include <stdbool.h>

#define STAGING ".transfer" /* keys of the folder store on their way */

/* Where artifacts of a pod go that do not say it. */
struct place_home {
        char *prefix;             /* of their keys */
        const char *type;         /* of the repository: "folder", "s3", ... */
        const json_t *repository; /* archiveLocation, borrowed; NULL: none */
};
/* `fallback`: the prefix when the repository names none. */
int place_home(struct place_home *h, const json_t *repository, const char *fallback,
               struct err *e) MUST_CHECK;
void place_home_deinit(struct place_home *h);

enum packing { AS_IT_IS, PACK_TAR, PACK_ZIP };
struct place { /* of one artifact */
        enum packing packing;
        int level;      /* of compression, -1: the default */
        bool here;      /* in the folder store */
        json_t *whole;  /* the artifact with its final location, made whole */
        json_t *record; /* what becomes part of the node's outputs */
};
/* p is the caller's to deinit, also after a failure. */
int place_output(struct place *p, const json_t *artifact, const struct place_home *h,
                 struct err *e) MUST_CHECK;
void place_deinit(struct place *p);

/* A key of the folder store: one that means a folder may end in "/". Heap. */
char *place_own_key(const char *key) MUST_CHECK;
int place_check_key(const char *type, const char *key, struct err *e) MUST_CHECK;
char *place_base_name(const char *path) MUST_CHECK; /* "/a/b/" is "b"; heap */
