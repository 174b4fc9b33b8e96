/* common/base/rand.c: see rand.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/rand.h"
#include "common/base/attr.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local unsigned char pool[256];
static _Thread_local size_t pool_left;

void rand_bytes(void *out, size_t n)
{
        unsigned char *to = out;
        while (n > 0) {
                if (pool_left == 0) {
                        size_t have = 0;
                        while (have < sizeof(pool)) {
                                ssize_t r = getrandom(pool + have, sizeof(pool) - have, 0);
                                if (r > 0)
                                        have += (size_t)r;
                        }
                        pool_left = sizeof(pool);
                }
                size_t take = n < pool_left ? n : pool_left;
                memcpy(to, pool + sizeof(pool) - pool_left, take);
                pool_left -= take;
                to += take;
                n -= take;
        }
}

uint64_t rand_u64(void)
{
        uint64_t v;
        rand_bytes(&v, sizeof(v));
        return v;
}

void rand_suffix(char *out, size_t n)
{
        static const char alphabet[] =
                "bcdfghjklmnpqrstvwxz2456789"; /* apimachinery's: no vowels, no look-alikes */
        for (size_t i = 0; i < n; i++)
                out[i] = alphabet[rand_u64() % (sizeof(alphabet) - 1)];
        out[n] = '\0';
}

void uuid_v4(char out[37])
{
        unsigned char b[16];
        rand_bytes(b, sizeof(b));
        b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
        b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
        static const char hex[] = "0123456789abcdef";
        for (size_t i = 0; i < 16; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *out++ = '-';
                *out++ = hex[b[i] >> 4];
                *out++ = hex[b[i] & 15];
        }
        *out = '\0';
}

void event_id_new(struct wall now, char out[33])
{
        unsigned char b[16];
        uint64_t ms = (uint64_t)(now.ns / NS_PER_MS);
        rand_bytes(b + 6, 10);
        for (int i = 5; i >= 0; i--, ms >>= 8)
                b[i] = (unsigned char)ms;
        hex_put(out, b, sizeof(b));
}
