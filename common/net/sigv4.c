/* common/net/sigv4.c: see sigv4.h. Canonical request -> string to sign -> signature with a key
 * derived from the secret, day, region and service. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/sigv4.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/url.h"
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { CANONICAL_MAX = 1024 * 1024, SIGNED_HEADERS_MAX = 32 };

static void hmac(unsigned char out[32], const void *key, size_t key_len, const char *text)
{
        HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, NULL);
}

static void sign_text(char hex[65], const struct sigv4_keys *k, const char *day, const char *text)
{
        unsigned char key[32], mac[32];
        AUTO(mem_free) char *first = mem_printf("AWS4%s", secret_reveal(k->secret_key));
        hmac(key, first, strlen(first), day);
        hmac(key, key, sizeof(key), k->region);
        hmac(key, key, sizeof(key), k->service);
        hmac(key, key, sizeof(key), "aws4_request");
        hmac(mac, key, sizeof(key), text);
        hex_put(hex, mac, sizeof(mac));
        explicit_bzero(first, strlen(first));
        explicit_bzero(key, sizeof(key));
}

/* ---- headers to sign ---- */

static int by_name(const void *a, const void *b)
{
        return strcasecmp(((const struct http_header *)a)->name,
                          ((const struct http_header *)b)->name);
}

static size_t collect(struct http_header to[SIGNED_HEADERS_MAX], const struct sigv4_keys *k,
                      const struct sigv4_request *r, const char *date)
{
        size_t n = 0;
        to[n++] = (struct http_header){"host", r->host};
        to[n++] = (struct http_header){"x-amz-content-sha256", r->payload_sha256};
        to[n++] = (struct http_header){"x-amz-date", date};
        if (k->session_token)
                to[n++] = (struct http_header){"x-amz-security-token", k->session_token};
        for (const struct http_header *h = r->headers; h && h->name && n < SIGNED_HEADERS_MAX; h++)
                to[n++] = *h;
        qsort(to, n, sizeof(*to), by_name);
        return n;
}

static void put_lower(struct buf *b, const char *s)
{
        for (; *s; s++)
                buf_addc(b, (char)tolower((unsigned char)*s));
}

static void put_names(struct buf *b, const struct http_header *h, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (i)
                        buf_addc(b, ';');
                put_lower(b, h[i].name);
        }
}

static void put_canonical(struct buf *b, const struct sigv4_request *r, const struct http_header *h,
                          size_t n)
{
        buf_addf(b, "%s\n%s\n%s\n", r->method, r->path, r->query);
        for (size_t i = 0; i < n; i++) {
                struct str value = str_trim(str_of(h[i].value));
                put_lower(b, h[i].name);
                buf_addc(b, ':');
                buf_add(b, value.p, value.n);
                buf_addc(b, '\n');
        }
        buf_addc(b, '\n');
        put_names(b, h, n);
        buf_addf(b, "\n%s", r->payload_sha256);
}

/* ---- the signature ---- */

static void put_date(char out[17], struct wall now)
{
        struct tm tm;
        time_t s = (time_t)(now.ns / NS_PER_S);
        gmtime_r(&s, &tm);
        strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
}

void sigv4_sign(struct sigv4_signature *out, const struct sigv4_keys *k,
                const struct sigv4_request *r, struct wall now)
{
        struct http_header signed_headers[SIGNED_HEADERS_MAX];
        AUTO_BUF struct buf canonical = BUF_INIT(CANONICAL_MAX);
        unsigned char digest[32];
        char hex[65], day[9];
        *out = (struct sigv4_signature){.authorization = BUF_INIT(16 * 1024)};
        put_date(out->date, now);
        snprintf(day, sizeof(day), "%.8s", out->date);
        size_t n = collect(signed_headers, k, r, out->date);
        put_canonical(&canonical, r, signed_headers, n);
        sha256_of(buf_str(&canonical), canonical.len, digest);
        hex_put(hex, digest, sizeof(digest));
        AUTO(mem_free)
        char *scope = mem_printf("%s/%s/%s/aws4_request", day, k->region, k->service);
        AUTO(mem_free)
        char *text = mem_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", out->date, scope, hex);
        sign_text(hex, k, day, text);
        buf_addf(&out->authorization,
                 "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", k->access_key, scope);
        put_names(&out->authorization, signed_headers, n);
        buf_addf(&out->authorization, ", Signature=%s", hex);
        struct http_header *h = out->headers;
        *h++ = (struct http_header){"x-amz-date", out->date};
        *h++ = (struct http_header){"x-amz-content-sha256", r->payload_sha256};
        *h++ = (struct http_header){"Authorization", buf_str(&out->authorization)};
        if (k->session_token)
                *h++ = (struct http_header){"x-amz-security-token", k->session_token};
}

void sigv4_signature_deinit(struct sigv4_signature *s)
{
        if (s->authorization.data)
                explicit_bzero(s->authorization.data, s->authorization.cap);
        buf_deinit(&s->authorization);
}

/* ---- the query ---- */

/* Names sort before their longer relatives: compared up to "=", then the values. */
static int compare_pairs(const char *a, const char *b)
{
        size_t an = strcspn(a, "="), bn = strcspn(b, "=");
        int order = memcmp(a, b, an < bn ? an : bn);
        if (order)
                return order;
        return an != bn ? (an < bn ? -1 : 1) : strcmp(a, b);
}

void sigv4_query_add(struct sigv4_query *q, const char *name, const char *value)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        url_encode_component(&b, name);
        buf_addc(&b, '=');
        url_encode_component(&b, value);
        mem_grow(q->pairs, q->cap, q->n + 1);
        size_t at = q->n++;
        for (; at > 0 && compare_pairs(b.data, q->pairs[at - 1]) < 0; at--)
                q->pairs[at] = q->pairs[at - 1];
        q->pairs[at] = buf_take(&b);
}

char *sigv4_query_text(const struct sigv4_query *q)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < q->n; i++)
                buf_addf(&b, "%s%s", i ? "&" : "", q->pairs[i]);
        return mem_strdup(buf_str(&b));
}

void sigv4_query_deinit(struct sigv4_query *q)
{
        for (size_t i = 0; i < q->n; i++)
                mem_free(q->pairs[i]);
        mem_free(q->pairs);
        *q = (struct sigv4_query){0};
}
