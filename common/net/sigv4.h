/* common/net/sigv4.h: AWS Signature Version 4 for S3, signed by us: libcurl 7.88 signs too little
 * (no x-amz-content-sha256) and does not sort the query.
 *
 * The caller sends exactly what it has signed: the encoded path, the query in the order given back,
 * and the headers. Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/net/http_client.h"

struct sigv4_keys {
        const char *region, *service; /* "us-east-1", "s3" */
        const char *access_key;
        const struct secret *secret_key;
        const char *session_token; /* NULL: none */
};
#define SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
struct sigv4_request {
        const char *method, *host, *path;  /* path: percent-encoded, begins with "/" */
        const char *query;                 /* canonical: sigv4_query_add(); "" for none */
        const char *payload_sha256;        /* hex */
        const struct http_header *headers; /* further ones to sign; end with {NULL}; may be NULL */
};
enum { SIGV4_HEADERS = 4 }; /* that sigv4_sign makes, and the end */
struct sigv4_signature {
        char date[17]; /* 20260102T030405Z */
        struct buf authorization;
        /* x-amz-date, x-amz-content-sha256, Authorization, x-amz-security-token when there is one,
         * {NULL} */
        struct http_header headers[SIGV4_HEADERS + 1];
};
/* `out` is initialised here; sigv4_signature_deinit() wipes it. Header values point into it and
 * into the request and keys. */
void sigv4_sign(struct sigv4_signature *out, const struct sigv4_keys *k,
                const struct sigv4_request *r, struct wall now);
void sigv4_signature_deinit(struct sigv4_signature *s);

/* "name=value" pairs, encoded and kept sorted by name, then value. */
struct sigv4_query {
        char **pairs;
        size_t n, cap;
};
void sigv4_query_add(struct sigv4_query *q, const char *name, const char *value);
char *sigv4_query_text(const struct sigv4_query *q) MUST_CHECK; /* heap, "" for none */
void sigv4_query_deinit(struct sigv4_query *q);
