/* common/base/hash.h: FNV-1a (Argo's node ids), SHA-256, base32/base64/hex, constant-time compare.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t fnv1a32(const void *data, size_t n);
uint64_t fnv1a64(const void *data, size_t n);
/* A check of bytes against damage, eight at a time; the same on every machine. Not for tables that
 * strangers fill. */
uint64_t sum64(const void *data, size_t n);
struct sha256 {
        void *ctx;
};
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t n);
void sha256_adds(struct sha256 *h,
                 const char *s); /* with its NUL, so that fields cannot run into each other */
void sha256_end(struct sha256 *h, unsigned char out[32]);
void sha256_of(const void *data, size_t n, unsigned char out[32]);
void hex_put(char *out, const void *data, size_t n); /* 2n characters and a NUL */
/* n characters of lower-case base32 without vowels look-alikes (Kubernetes-safe names), then NUL.
 */
void base32_name(char *out, size_t n, const unsigned char *bytes);
void base64_put(struct buf *b, const void *data, size_t n);
bool base64_get(struct buf *b, const char *text,
                size_t n); /* standard alphabet, padding optional, white space skipped */
bool secret_equal(const void *a, size_t an, const void *b,
                  size_t bn); /* constant time, hides the length (HMAC) */
