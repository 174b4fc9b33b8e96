/* common/base/hash.c: see hash.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/base/rand.h"
#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

uint32_t fnv1a32(const void *data, size_t n)
{
        const unsigned char *p = data;
        uint32_t h = 2166136261u;
        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 16777619u;
        return h;
}

uint64_t fnv1a64(const void *data, size_t n)
{
        const unsigned char *p = data;
        uint64_t h = 14695981039346656037u;
        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 1099511628211u;
        return h;
}

uint64_t sum64(const void *data, size_t n)
{
        const unsigned char *p = data;
        uint64_t h = n * UINT64_C(0x9E3779B97F4A7C15), word;
        for (; n; p += 8, n -= n < 8 ? n : 8) {
                word = 0;
                memcpy(&word, p, n < 8 ? n : 8);
                h = (h ^ le64toh(word)) * UINT64_C(0xD6E8FEB86659FD93);
                h ^= h >> 32;
        }
        return h;
}

static EVP_MD *sha256;

static void fetch_sha256(void)
{
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Looked up once: OpenSSL 3 does it anew for each digest otherwise, which takes longer than the
 * digest of a short text. */
static const EVP_MD *sha256_method(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, fetch_sha256);
        return sha256 ? sha256 : EVP_sha256();
}

void sha256_init(struct sha256 *h)
{
        h->ctx = EVP_MD_CTX_new();
        EVP_DigestInit_ex(h->ctx, sha256_method(), NULL);
}

void sha256_add(struct sha256 *h, const void *data, size_t n)
{
        EVP_DigestUpdate(h->ctx, data, n);
}

void sha256_adds(struct sha256 *h, const char *s)
{
        sha256_add(h, s, strlen(s) + 1);
}

void sha256_end(struct sha256 *h, unsigned char out[32])
{
        EVP_DigestFinal_ex(h->ctx, out, NULL);
        EVP_MD_CTX_free(h->ctx);
        h->ctx = NULL;
}

void sha256_of(const void *data, size_t n, unsigned char out[32])
{
        struct sha256 h;
        sha256_init(&h);
        sha256_add(&h, data, n);
        sha256_end(&h, out);
}

void hex_put(char *out, const void *data, size_t n)
{
        static const char hex[] = "0123456789abcdef";
        const unsigned char *p = data;
        for (size_t i = 0; i < n; i++) {
                *out++ = hex[p[i] >> 4];
                *out++ = hex[p[i] & 15];
        }
        *out = '\0';
}

void base32_name(char *out, size_t n, const unsigned char *bytes)
{
        static const char alphabet[] = "bcdfghjklmnpqrstvwxz0123456789aeu"; /* 32 used */
        unsigned bits = 0, have = 0;
        for (size_t i = 0; i < n; i++) {
                if (have < 5) {
                        bits = bits << 8 | *bytes++;
                        have += 8;
                }
                have -= 5;
                out[i] = alphabet[bits >> have & 31];
        }
        out[n] = '\0';
}

void base64_put(struct buf *b, const void *data, size_t n)
{
        char *at = buf_reserve(b, (n + 2) / 3 * 4);
        if (!at || !n)
                return;
        b->len += (size_t)EVP_EncodeBlock((unsigned char *)at, data, (int)n);
}

static int sextet(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_get(struct buf *b, const char *text, size_t n)
{
        unsigned bits = 0, have = 0;
        size_t symbols = 0, padding = 0;
        for (size_t i = 0; i < n; i++) {
                char c = text[i];
                if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
                        continue;
                if (c == '=') {
                        padding++;
                        continue;
                }
                int v = sextet(c);
                if (v < 0 || padding)
                        return false;
                symbols++;
                bits = bits << 6 | (unsigned)v;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        buf_addc(b, (char)(bits >> have & 0xff));
                }
        }
        return symbols % 4 != 1 && padding <= 2 && (padding == 0 || (symbols + padding) % 4 == 0);
}

bool secret_equal(const void *a, size_t an, const void *b, size_t bn)
{
        unsigned char key[32], ha[32], hb[32];
        rand_bytes(key, sizeof(key));
        HMAC(sha256_method(), key, sizeof(key), a, an, ha, NULL);
        HMAC(sha256_method(), key, sizeof(key), b, bn, hb, NULL);
        return CRYPTO_memcmp(ha, hb, sizeof(ha)) == 0;
}
