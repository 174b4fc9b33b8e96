/* common/s3/s3.h: objects of an S3 store (AWS, MinIO, Ceph, ...), for worker threads.
 *
 * Requests are signed by net/sigv4; path style unless asked otherwise. Downloads go straight to a
 * file and go on where they were cut off; files over one part are sent as a multipart upload whose
 * parts are read from the file while they are sent, so memory does not grow with the object, and an
 * upload that was begun earlier goes on with the parts that are there. What can be tried again
 * (cut-off connections, 5xx, SlowDown) is, three times. Errors say which request failed, the code
 * of the server and what it means; never a credential. Blocking: for worker threads.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/net/http_wait.h"
#include "common/net/sigv4.h"

struct s3_options {             /* borrowed; copied by s3_open */
        struct http_wait *http; /* to use; NULL: one of its own */
        const char *endpoint; /* host or host:port; NULL: s3.amazonaws.com, or that of the region */
        const char *bucket, *region; /* NULL region: us-east-1 */
        bool insecure;               /* http */
        bool virtual_host;           /* bucket.endpoint instead of endpoint/bucket */
        const char *access_key;      /* NULL: unsigned requests, for public buckets */
        const struct secret *secret_key, *session_token;
        const char *ca_pem;     /* NULL: the system's */
        const char *encryption; /* "AES256", "aws:kms": asked for with each new object */
        const char *kms_key, *kms_context;
        const struct secret *customer_key; /* SSE-C: 32 bytes; https only, says S3 */
        uint64_t part_bytes;               /* 0: 16 MiB */
        bool guard;                        /* as http_call_spec.guard */
};
struct s3;
int s3_open(struct s3 **out, const struct s3_options *o, struct err *e) MUST_CHECK;
struct s3 *s3_close(struct s3 *s);
AUTO_DEFINE(s3_close, struct s3 *);

/* Write the object to `fd` from its position on. NOT_FOUND when there is none; LIMIT past
 * max_bytes. */
int s3_get(struct s3 *s, const char *key, int fd, uint64_t max_bytes, struct err *e) MUST_CHECK;
/* `bytes` of the file `fd` from 0 on. */
int s3_put(struct s3 *s, const char *key, int fd, uint64_t bytes, struct err *e) MUST_CHECK;
struct s3_object {
        const char *key; /* borrowed for the callback */
        uint64_t bytes;
        bool folder; /* with a delimiter: a common prefix, key ends in "/" */
};
int s3_stat(struct s3 *s, const char *key, struct s3_object *out, struct err *e) MUST_CHECK;
/* Every object whose key begins with `prefix`, in order; `one_level`: up to the next "/" only.
 * `each` answers false to stop. */
typedef bool s3_each_fn(void *arg, const struct s3_object *o);
int s3_list(struct s3 *s, const char *prefix, bool one_level, s3_each_fn *each, void *arg,
            struct err *e) MUST_CHECK;
int s3_delete(struct s3 *s, const char *key, struct err *e) MUST_CHECK; /* absent is fine */
/* Already ours is fine. */
int s3_make_bucket(struct s3 *s, bool object_locking, struct err *e) MUST_CHECK;
