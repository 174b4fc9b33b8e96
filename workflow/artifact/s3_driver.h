/* workflow/artifact/s3_driver.h: shared by the two files of the s3 driver. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/s3/s3.h"
#include "workflow/artifact/artifact_driver.h"

/* The store of a location, with its keys from the secrets or the environment. */
int s3_place(struct s3 **out, struct artifacts *a, const json_t *at, struct err *e) MUST_CHECK;
/* The same and the key (heap), which must be there. */
int s3_place_and_key(struct s3 **s3, char **key, struct artifacts *a, const json_t *at,
                     const char *sub, struct err *e) MUST_CHECK;
char *s3_folder_prefix(const char *key) MUST_CHECK; /* with a slash at its end; heap */
struct s3_keys { /* collected before they are used: one request at a time */
        char **items;
        size_t n, cap;
};
s3_each_fn s3_add_key; /* arg: struct s3_keys */
/* s3_transfer.c */
artifact_fetch_fn s3_fetch;
artifact_save_fn s3_save;
