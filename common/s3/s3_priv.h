/* common/s3/s3_priv.h: shared inside common/s3.
 *
 *   request.c    one signed request, tried again where that may help; the server's words as errors
 *   s3.c         open, whole objects, buckets
 *   list.c       what is there
 *   multipart.c  large files in parts
 *   xml.c        answers
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/s3/s3.h"
#include "common/s3/xml.h"

enum { S3_ATTEMPTS = 4, S3_IDLE_MS = 60000, S3_ANSWER_MAX = 8 * 1024 * 1024 };
#define S3_PART_BYTES (UINT64_C(16) << 20)
enum { S3_PARTS_MAX = 10000 };

struct s3 {
        struct http_wait *http;
        bool own_http;
        char *endpoint, *bucket, *region, *access_key, *ca_pem;
        char *encryption, *kms_key, *kms_context;
        struct secret *secret_key;
        char *session_token;
        char *customer_key, *customer_md5; /* base64; NULL: none */
        bool insecure, virtual_host, guard;
        uint64_t part_bytes;
};

struct s3_request {
        const char *method, *key;        /* key NULL: the bucket */
        struct sigv4_query *query;       /* may be NULL */
        const struct http_header *extra; /* signed too; end with {NULL}; may be NULL */
        const void *body;
        size_t body_len;
        const struct http_file *file;
        bool (*on_data)(void *arg, const void *data, size_t n);
        void (*on_status)(void *arg, int status);
        void *arg;
};
/* Answers that are no 2xx are errors with the server's code and words. *out may be NULL; valid
 * until the next request. */
int s3_call(struct s3 *s, const struct s3_request *r, const struct http_response **out,
            struct err *e) MUST_CHECK;
/* The same, without trying again. */
int s3_call_once(struct s3 *s, const struct s3_request *r, const struct http_response **out,
                 struct err *e) MUST_CHECK;
int s3_put_multipart(struct s3 *s, const char *key, int fd, uint64_t bytes,
                     struct err *e) MUST_CHECK;
void s3_encryption_headers(const struct s3 *s, struct http_header to[4]);
