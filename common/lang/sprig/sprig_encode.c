/* common/lang/sprig/sprig_encode.c: base64 and base32. A broken text decodes to the words of Go's
 * error, as in the original. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"

static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* `bits` per character, `block` characters per group. */
static void encode(struct abuf *b, struct str s, const char *alphabet, unsigned bits, size_t block)
{
        uint32_t pool = 0;
        unsigned have = 0;
        size_t written = 0;
        for (size_t i = 0; i < s.n; i++) {
                pool = pool << 8 | (unsigned char)s.p[i];
                have += 8;
                while (have >= bits) {
                        have -= bits;
                        abuf_addc(b, alphabet[pool >> have & ((1u << bits) - 1)]);
                        written++;
                }
        }
        if (have) {
                abuf_addc(b, alphabet[pool << (bits - have) & ((1u << bits) - 1)]);
                written++;
        }
        while (written++ % block)
                abuf_addc(b, '=');
}

SPRIG_FN(fn_b64enc)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        encode(&b, args[0].s, alphabet64, 6, 4);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_b32enc)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        encode(&b, args[0].s, alphabet32, 5, 8);
        return go_return_text(env, &b, out);
}

static int digit_of(const char *alphabet, char c)
{
        const char *at = c ? strchr(alphabet, c) : NULL;
        return at ? (int)(at - alphabet) : -1;
}

static void put_bytes(struct abuf *b, const unsigned char *digits, size_t n, unsigned bits)
{
        uint32_t pool = 0;
        unsigned have = 0;
        for (size_t i = 0; i < n; i++) {
                pool = pool << bits | digits[i];
                have += bits;
                if (have >= 8) {
                        have -= 8;
                        abuf_addc(b, (char)(pool >> have & 255));
                }
        }
}

static bool is_newline(char c)
{
        return c == '\n' || c == '\r';
}

/* Behind the first '=' of a group with j digits: padding must follow and nothing else. The place of
 * the fault, or -1. */
static long padding64(struct str s, size_t *i, size_t j)
{
        if (j < 2)
                return (long)*i - 1;
        if (j == 2) {
                while (*i < s.n && is_newline(s.p[*i]))
                        ++*i;
                if (*i == s.n)
                        return (long)s.n;
                if (s.p[*i] != '=')
                        return (long)*i - 1;
                ++*i;
        }
        while (*i < s.n && is_newline(s.p[*i]))
                ++*i;
        return *i < s.n ? (long)*i : -1;
}

static long decode64(struct abuf *b, struct str s)
{
        for (size_t i = 0; i < s.n;) {
                unsigned char digits[4];
                size_t j = 0;
                bool end = false;
                while (j < 4) {
                        if (i == s.n) {
                                if (j == 0)
                                        return -1;
                                return (long)(i - j);
                        }
                        char c = s.p[i++];
                        int d = digit_of(alphabet64, c);
                        if (d >= 0) {
                                digits[j++] = (unsigned char)d;
                                continue;
                        }
                        if (is_newline(c))
                                continue;
                        if (c != '=')
                                return (long)i - 1;
                        long fault = padding64(s, &i, j);
                        if (fault >= 0)
                                return fault;
                        end = true;
                        break;
                }
                put_bytes(b, digits, j, 6);
                if (end)
                        break;
        }
        return -1;
}

static long decode32(struct abuf *b, struct str in)
{
        struct abuf plain = abuf_in(b->arena);
        for (size_t i = 0; i < in.n; i++)
                if (!is_newline(in.p[i]))
                        abuf_addc(&plain, in.p[i]);
        struct str s = abuf_str(&plain);
        b->failed |= plain.failed;
        for (size_t i = 0; i < s.n;) {
                unsigned char digits[8];
                size_t j = 0;
                bool end = false;
                while (j < 8) {
                        if (i == s.n)
                                return (long)(i - j);
                        char c = s.p[i++];
                        size_t left = s.n - i;
                        if (c == '=' && j >= 2 && left < 8) {
                                if (left + j < 7)
                                        return (long)s.n;
                                for (size_t k = 0; k < 7 - j; k++)
                                        if (left > k && s.p[i + k] != '=')
                                                return (long)(i + k) - 1;
                                if (j == 3 || j == 6)
                                        return (long)i - 1;
                                end = true;
                                break;
                        }
                        int d = digit_of(alphabet32, c);
                        if (d < 0)
                                return (long)i - 1;
                        digits[j++] = (unsigned char)d;
                }
                put_bytes(b, digits, j, 5);
                if (end)
                        break;
        }
        return -1;
}

static bool decoded(struct go_env *env, struct abuf *b, long fault, const char *name,
                    struct val *out)
{
        if (fault >= 0) {
                b->n = 0;
                abuf_addf(b, "illegal %s data at input byte %ld", name, fault);
        }
        return go_return_text(env, b, out);
}

SPRIG_FN(fn_b64dec)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        return decoded(env, &b, decode64(&b, args[0].s), "base64", out);
}

SPRIG_FN(fn_b32dec)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        return decoded(env, &b, decode32(&b, args[0].s), "base32", out);
}

bool sprig_base64(struct abuf *b, struct str s, bool decode)
{
        if (decode)
                return decode64(b, s) < 0;
        encode(b, s, alphabet64, 6, 4);
        return true;
}
