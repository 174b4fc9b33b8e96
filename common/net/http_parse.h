/* common/net/http_parse.h: reading one HTTP/1.1 request from bytes that come in pieces; pure,
 * private to net.
 *
 * Strict on purpose (reliability.md SEC-13, threat "smuggling"): lines end in CRLF, no obs-fold,
 * one Content-Length of plain digits, Transfer-Encoding only `chunked` and never together with
 * Content-Length, exactly one Host. Anything two servers could read in two ways is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { HTTP_MAX_HEADERS = 100, HTTP_MAX_HEADER_LINE = 8192, HTTP_MAX_HEAD = 65535 };

struct http_span { /* offsets, because the buffer may move while the body arrives */
        uint16_t at, len;
};
enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };
struct http_head {
        struct http_span method, path, query;
        struct http_header_span {
                struct http_span name, value;
        } headers[HTTP_MAX_HEADERS];
        size_t n_headers;
        size_t size;             /* of the head in bytes, with the empty line */
        uint64_t content_length; /* when framing is HTTP_LENGTH */
        enum http_framing framing;
        bool http_1_0, keep_alive, expect_continue,
                encoded /* a Content-Encoding that is not identity */;
};

struct http_problem { /* what is wrong with a request, as an answer */
        int status;
        const char *text;
};

/* Looks for the end of the head in text[*scanned..n); *scanned keeps the place between calls (start
 * with 0). Returns the size of the head, 0 when more is needed, -1 with *p (bare LF). */
int http_head_find(const char *text, size_t n, size_t *scanned, struct http_problem *p);

/* Parses text[0..size), the size http_head_find() told. Names, values, method, path and query are
 * NUL-terminated in place. */
int http_head_parse(struct http_head *h, char *text, size_t size, size_t max_uri,
                    struct http_problem *p);

/* Chunked bodies, decoded in place: everything of `b` from `body_at + body_len` on is still
 * encoded; decoded bytes are moved down. Returns 1 when the body is complete (what follows it stays
 * behind body_at + body_len), 0 when more is needed, -1 with *p. */
struct http_chunks {
        enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER } state;
        uint64_t left;
        size_t trailer_bytes;
};
int http_chunks_decode(struct http_chunks *c, struct buf *b, size_t body_at, size_t *body_len,
                       size_t max_body, struct http_problem *p);

bool http_is_token(const char *s, size_t n); /* method and header names */
