/* common/net/http_parse.c: see http_parse.h. One pass finds the end of the head, a second cuts it
 * into spans; nothing is copied. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/http_parse.h"
#include "common/base/str.h"
#include <string.h>
#include <strings.h>

static int problem(struct http_problem *p, int status, const char *text)
{
        *p = (struct http_problem){status, text};
        return -1;
}

static const bool token_chars[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
        ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
        ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

bool http_is_token(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!token_chars[(unsigned char)s[i]])
                        return false;
        return n > 0;
}

int http_head_find(const char *text, size_t n, size_t *scanned, struct http_problem *p)
{
        size_t i = *scanned;
        while (i < n) {
                const char *lf = memchr(text + i, '\n', n - i);
                if (!lf)
                        break;
                size_t at = (size_t)(lf - text);
                if (at == 0 || text[at - 1] != '\r')
                        return problem(p, 400, "a line that does not end in CRLF");
                if (at >= 3 && text[at - 2] == '\n')
                        return (int)at + 1;
                i = at + 1;
        }
        *scanned = i;
        return 0;
}

/* ---- request line ---- */

static struct http_span span_of(const char *text, const char *from, const char *to)
{
        return (struct http_span){(uint16_t)(from - text), (uint16_t)(to - from)};
}

static int parse_version(struct http_head *h, const char *v, const char *end,
                         struct http_problem *p)
{
        if (end - v != 8 || memcmp(v, "HTTP/", 5) != 0 || v[6] != '.')
                return problem(p, 400, "malformed request line");
        if (v[5] != '1' || (v[7] != '1' && v[7] != '0'))
                return problem(p, 505, "HTTP version not supported");
        h->http_1_0 = v[7] == '0';
        h->keep_alive = !h->http_1_0;
        return 0;
}

/* "http://host/path" (absolute form) is read as its path. */
static const char *skip_authority(const char *from, const char *to)
{
        static const char *const schemes[] = {"http://", "https://"};
        for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
                size_t n = strlen(schemes[i]);
                if ((size_t)(to - from) > n && strncasecmp(from, schemes[i], n) == 0) {
                        const char *slash = memchr(from + n, '/', (size_t)(to - from) - n);
                        return slash ? slash : to;
                }
        }
        return from;
}

static int parse_target(struct http_head *h, char *text, char *from, char *to, size_t max_uri,
                        struct http_problem *p)
{
        if ((size_t)(to - from) > max_uri)
                return problem(p, 414, "URI too long");
        for (const char *c = from; c < to; c++)
                if ((unsigned char)*c <= ' ' || *c == 0x7f)
                        return problem(p, 400, "a control character in the request target");
        const char *path = skip_authority(from, to);
        bool asterisk = to - path == 1 && *path == '*';
        if (path == to || (*path != '/' && !asterisk))
                return problem(p, 400, "the request target must be a path");
        const char *question = memchr(path, '?', (size_t)(to - path));
        h->path = span_of(text, path, question ? question : to);
        h->query = question ? span_of(text, question + 1, to) : span_of(text, to, to);
        if (question)
                text[h->query.at - 1] = '\0';
        *to = '\0';
        return 0;
}

static int parse_request_line(struct http_head *h, char *text, char *line, char *end,
                              size_t max_uri, struct http_problem *p)
{
        char *sp1 = memchr(line, ' ', (size_t)(end - line));
        char *sp2 = sp1 ? memrchr(line, ' ', (size_t)(end - line)) : NULL;
        if (!sp1 || sp1 == sp2)
                return problem(p, 400, "malformed request line");
        if (!http_is_token(line, (size_t)(sp1 - line)))
                return problem(p, 400, "malformed method");
        h->method = span_of(text, line, sp1);
        *sp1 = '\0';
        if (parse_version(h, sp2 + 1, end, p) < 0)
                return -1;
        return parse_target(h, text, sp1 + 1, sp2, max_uri, p);
}

/* ---- headers ---- */

struct framing { /* what the headers say about the body, judged when all are read */
        bool length, chunked, unknown_coding;
        int hosts;
};

static int take_length(struct http_head *h, struct framing *f, struct str v, struct http_problem *p)
{
        if (f->length)
                return problem(p, 400, "Content-Length given twice");
        f->length = true;
        if (v.n == 0 || v.n > 18)
                return problem(p, v.n ? 413 : 400, "malformed Content-Length");
        uint64_t n = 0;
        for (size_t i = 0; i < v.n; i++) {
                if (v.p[i] < '0' || v.p[i] > '9')
                        return problem(p, 400, "malformed Content-Length");
                n = n * 10 + (uint64_t)(v.p[i] - '0');
        }
        h->content_length = n;
        return 0;
}

static bool same(struct str s, const char *lower)
{
        return s.n == strlen(lower) && strncasecmp(s.p, lower, s.n) == 0;
}

static void take_connection(struct http_head *h, struct str v)
{
        while (v.n) {
                const char *comma = memchr(v.p, ',', v.n);
                struct str one = str_trim((struct str){v.p, comma ? (size_t)(comma - v.p) : v.n});
                if (same(one, "close"))
                        h->keep_alive = false;
                else if (same(one, "keep-alive") && h->http_1_0)
                        h->keep_alive = true;
                size_t used = comma ? (size_t)(comma - v.p) + 1 : v.n;
                v = (struct str){v.p + used, v.n - used};
        }
}

/* The few headers that steer the connection, told apart by length first. */
static int take_special(struct http_head *h, struct framing *f, struct str name, struct str v,
                        struct http_problem *p)
{
        switch (name.n) {
        case 4:
                if (same(name, "host"))
                        f->hosts++;
                return 0;
        case 6:
                if (same(name, "expect")) {
                        if (!same(v, "100-continue"))
                                return problem(p, 417, "unknown expectation");
                        h->expect_continue = !h->http_1_0;
                }
                return 0;
        case 10:
                if (same(name, "connection"))
                        take_connection(h, v);
                return 0;
        case 14: return same(name, "content-length") ? take_length(h, f, v, p) : 0;
        case 16:
                if (same(name, "content-encoding") && v.n && !same(v, "identity"))
                        h->encoded = true;
                return 0;
        case 17:
                if (same(name, "transfer-encoding")) {
                        if (f->chunked || !same(v, "chunked"))
                                f->unknown_coding = true;
                        f->chunked = true;
                }
                return 0;
        default: return 0;
        }
}

static int parse_header(struct http_head *h, struct framing *f, char *text, char *line, char *end,
                        struct http_problem *p)
{
        if (*line == ' ' || *line == '\t')
                return problem(p, 400, "a folded header line");
        if (end - line > HTTP_MAX_HEADER_LINE)
                return problem(p, 431, "a header line is too long");
        if (h->n_headers == HTTP_MAX_HEADERS)
                return problem(p, 431, "too many headers");
        char *colon = memchr(line, ':', (size_t)(end - line));
        if (!colon || !http_is_token(line, (size_t)(colon - line)))
                return problem(p, 400, "malformed header name");
        char *from = colon + 1, *to = end;
        while (from < to && (*from == ' ' || *from == '\t'))
                from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
                to--;
        for (const char *c = from; c < to; c++)
                if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
                        return problem(p, 400, "a control character in a header");
        struct http_header_span *s = &h->headers[h->n_headers++];
        s->name = span_of(text, line, colon);
        s->value = span_of(text, from, to);
        *colon = '\0';
        *to = '\0';
        return take_special(h, f, (struct str){line, s->name.len}, (struct str){from, s->value.len},
                            p);
}

static int judge_framing(struct http_head *h, const struct framing *f, struct http_problem *p)
{
        if (f->chunked && (f->length || h->http_1_0))
                return problem(p, 400,
                               "Transfer-Encoding together with Content-Length, or in HTTP/1.0");
        if (f->unknown_coding)
                return problem(p, 501, "unknown Transfer-Encoding");
        if (f->hosts > 1 || (f->hosts == 0 && !h->http_1_0))
                return problem(p, 400, "there must be exactly one Host header");
        if (f->chunked)
                h->framing = HTTP_CHUNKED;
        else if (f->length && h->content_length)
                h->framing = HTTP_LENGTH;
        return 0;
}

int http_head_parse(struct http_head *h, char *text, size_t size, size_t max_uri,
                    struct http_problem *p)
{
        if (size > HTTP_MAX_HEAD)
                return problem(p, 431, "request header too large");
        h->n_headers = 0;
        h->size = size;
        h->content_length = 0;
        h->framing = HTTP_NO_BODY;
        h->expect_continue = h->encoded = false;
        struct framing f = {0};
        char *line = text, *end = text + size;
        for (bool first = true; line < end; first = false) {
                char *lf = memchr(line, '\n', (size_t)(end - line));
                char *eol = lf - 1; /* http_head_find() has seen the CR */
                if (eol == line && !first)
                        break;
                if (memchr(line, '\r', (size_t)(eol - line)))
                        return problem(p, 400, "a carriage return inside a line");
                int r = first ? parse_request_line(h, text, line, eol, max_uri, p)
                              : parse_header(h, &f, text, line, eol, p);
                if (r < 0)
                        return -1;
                line = lf + 1;
        }
        return judge_framing(h, &f, p);
}

/* ---- chunked bodies ---- */

enum { CHUNK_LINE_MAX = 256, TRAILER_MAX = 8192 };

/* The line that begins at `at`, without CRLF; 1 when complete, 0 when not yet, -1 when malformed.
 */
static int take_line(const struct buf *b, size_t at, size_t max, struct str *line,
                     struct http_problem *p)
{
        const char *from = b->data + at;
        const char *lf = memchr(from, '\n', b->len - at);
        size_t n = lf ? (size_t)(lf - from) : b->len - at;
        if (n > max)
                return problem(p, 400, "a line of a chunked body is too long");
        if (!lf)
                return 0;
        if (n == 0 || lf[-1] != '\r' || memchr(from, '\r', n - 1))
                return problem(p, 400, "a line of a chunked body does not end in CRLF");
        *line = (struct str){from, n - 1};
        return 1;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)(c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_chunk_size(struct http_chunks *c, struct str line, struct http_problem *p)
{
        uint64_t n = 0;
        size_t i = 0;
        for (; i < line.n && hex_digit(line.p[i]) >= 0; i++) {
                if (i == 8)
                        return problem(p, 413, "request body too large");
                n = n * 16 + (uint64_t)hex_digit(line.p[i]);
        }
        if (i == 0 || (i < line.n && line.p[i] != ';'))
                return problem(p, 400, "malformed chunk size");
        c->left = n;
        c->state = n ? CHUNK_DATA : CHUNK_TRAILER;
        return 0;
}

/* One step at *at; moves data down to *to. 1: made progress, 0: more bytes needed, 2: complete, -1:
 * malformed. */
static int decode_step(struct http_chunks *c, struct buf *b, size_t *at, size_t *to,
                       struct http_problem *p)
{
        struct str line;
        size_t have = b->len - *at;
        if (c->state == CHUNK_DATA) {
                size_t n = have < c->left ? have : (size_t)c->left;
                memmove(b->data + *to, b->data + *at, n);
                *to += n;
                *at += n;
                c->left -= n;
                if (c->left)
                        return 0;
                c->state = CHUNK_DATA_END;
                return 1;
        }
        int r = take_line(b, *at, c->state == CHUNK_TRAILER ? TRAILER_MAX : CHUNK_LINE_MAX, &line,
                          p);
        if (r <= 0)
                return r;
        *at += line.n + 2;
        if (c->state == CHUNK_SIZE)
                return parse_chunk_size(c, line, p) < 0 ? -1 : 1;
        if (c->state == CHUNK_DATA_END) {
                c->state = CHUNK_SIZE;
                return line.n ? problem(p, 400, "data behind the end of a chunk") : 1;
        }
        c->trailer_bytes += line.n + 2; /* trailers are read and dropped */
        if (c->trailer_bytes > TRAILER_MAX)
                return problem(p, 431, "trailers too large");
        return line.n ? 1 : 2;
}

int http_chunks_decode(struct http_chunks *c, struct buf *b, size_t body_at, size_t *body_len,
                       size_t max_body, struct http_problem *p)
{
        size_t at = body_at + *body_len, to = at;
        int r = 1;
        while (r == 1) {
                r = decode_step(c, b, &at, &to, p);
                if (r >= 0 &&
                    (to - body_at > max_body || (c->state == CHUNK_DATA && c->left > max_body)))
                        r = problem(p, 413, "request body too large");
        }
        *body_len = to - body_at;
        if (at != to) { /* what is left stands directly behind the decoded part */
                memmove(b->data + to, b->data + at, b->len - at);
                buf_truncate(b, b->len - (at - to));
        }
        return r == 2 ? 1 : r;
}
