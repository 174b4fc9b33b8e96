/* tests/fuzz/fuzz_http_request.c: the bytes of a request, whole and in pieces: the same answer both
 * ways, every span inside the head, a decoded body inside the buffer. The first byte of the input
 * chooses the size of the pieces. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http_parse.h"
#include "common/net/http_route.h"
#include "common/net/url.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { MAX_BODY = 4096 };

struct outcome {
        int status; /* 0: more is needed, 200: complete, else the refusal */
        size_t head, body_len;
        struct http_head parsed;
};
struct reader {
        struct buf in;
        size_t scanned;
        struct http_chunks chunks;
        struct outcome o;
};

static void check_span(const struct reader *r, struct http_span s)
{
        FUZZ_CHECK((size_t)s.at + s.len < r->o.head);
        FUZZ_CHECK(r->in.data[s.at + s.len] == '\0');
        FUZZ_CHECK(!memchr(r->in.data + s.at, '\n', s.len));
}

static void check_path(char *path)
{
        if (!url_decode_in_place(path, false))
                return;
        AUTO_BUF struct buf once = BUF_INIT(HTTP_MAX_HEAD), twice = BUF_INIT(HTTP_MAX_HEAD);
        if (!http_path_clean(&once, path))
                return;
        FUZZ_CHECK(!http_path_clean(&twice, buf_str(&once)));
}

static void parse_head(struct reader *r)
{
        struct http_problem p = {0};
        struct http_head *h = &r->o.parsed;
        int size = http_head_find(r->in.data, r->in.len, &r->scanned, &p);
        FUZZ_CHECK(size >= 0 || p.status >= 400);
        if (size < 0)
                r->o.status = p.status;
        if (size <= 0)
                return;
        r->o.head = (size_t)size;
        if (http_head_parse(h, r->in.data, r->o.head, 1024, &p) < 0) {
                FUZZ_CHECK(p.status >= 400);
                r->o.status = p.status;
                return;
        }
        check_span(r, h->method);
        check_span(r, h->path);
        check_span(r, h->query);
        for (size_t i = 0; i < h->n_headers; i++) {
                check_span(r, h->headers[i].name);
                check_span(r, h->headers[i].value);
        }
        FUZZ_CHECK(h->framing != HTTP_CHUNKED || h->content_length == 0);
}

static void read_body(struct reader *r)
{
        struct http_problem p = {0};
        const struct http_head *h = &r->o.parsed;
        if (h->framing == HTTP_CHUNKED) {
                int done = http_chunks_decode(&r->chunks, &r->in, r->o.head, &r->o.body_len,
                                              MAX_BODY, &p);
                FUZZ_CHECK(r->o.head + r->o.body_len <= r->in.len);
                r->o.status = done < 0 ? p.status : done ? 200 : 0;
        } else if (h->content_length > MAX_BODY) {
                r->o.status = 413;
        } else if (r->in.len - r->o.head >= h->content_length) {
                r->o.body_len = (size_t)h->content_length;
                r->o.status = 200;
        }
}

static void feed(struct reader *r, const uint8_t *data, size_t size, size_t piece)
{
        buf_init(&r->in, 1 << 20);
        for (size_t at = 0; at < size && r->o.status == 0; at += piece) {
                buf_add(&r->in, data + at, size - at < piece ? size - at : piece);
                if (!r->o.head)
                        parse_head(r);
                if (r->o.head && r->o.status == 0)
                        read_body(r);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;
        struct reader whole = {0}, pieces = {0};
        feed(&whole, data + 1, size - 1, size);
        feed(&pieces, data + 1, size - 1, data[0] % 7 + 1u);
        FUZZ_CHECK(whole.o.status == pieces.o.status);
        FUZZ_CHECK(whole.o.head == pieces.o.head);
        if (whole.o.status == 200) {
                FUZZ_CHECK(whole.o.body_len == pieces.o.body_len);
                FUZZ_CHECK(memcmp(whole.in.data + whole.o.head, pieces.in.data + pieces.o.head,
                                  whole.o.body_len) == 0);
                check_path(whole.in.data + whole.o.parsed.path.at);
        }
        buf_deinit(&whole.in);
        buf_deinit(&pieces.in);
        return 0;
}
