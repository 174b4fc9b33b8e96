/* common/net/url.c: see url.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/url.h"

static int hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)(c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at s[*i], which moves on; -1 for a malformed escape. */
static int next_byte(struct str s, size_t *i, bool plus)
{
        char c = s.p[(*i)++];
        if (c == '+' && plus)
                return ' ';
        if (c != '%')
                return (unsigned char)c;
        if (*i + 2 > s.n || hex(s.p[*i]) < 0 || hex(s.p[*i + 1]) < 0)
                return -1;
        int b = hex(s.p[*i]) * 16 + hex(s.p[*i + 1]);
        *i += 2;
        return b;
}

bool url_decode_in_place(char *s, bool plus)
{
        struct str in = str_of(s);
        if (!memchr(s, '%', in.n) && !(plus && memchr(s, '+', in.n)))
                return true;
        for (size_t i = 0; i < in.n;) {
                int b = next_byte(in, &i, plus);
                if (b <= 0)
                        return false;
                *s++ = (char)b;
        }
        *s = '\0';
        return true;
}

bool url_decode(struct buf *out, struct str s, bool plus)
{
        for (size_t i = 0; i < s.n;) {
                int b = next_byte(s, &i, plus);
                if (b < 0)
                        return false;
                buf_addc(out, (char)b);
        }
        return true;
}

static void encode(struct buf *out, const char *s, const char *keep)
{
        static const char digits[] = "0123456789ABCDEF";
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || strchr(keep, c);
                if (plain) {
                        buf_addc(out, (char)c);
                        continue;
                }
                buf_addc(out, '%');
                buf_addc(out, digits[c >> 4]);
                buf_addc(out, digits[c & 15]);
        }
}

void url_encode_path(struct buf *out, const char *path)
{
        encode(out, path, "-_.~$&+,/:;=@");
}

void url_encode_component(struct buf *out, const char *text)
{
        encode(out, text, "-_.~");
}

bool url_query_next(struct url_query *q, struct str *key, struct str *value, bool *bad)
{
        while (q->rest.n) {
                const char *amp = memchr(q->rest.p, '&', q->rest.n);
                struct str pair = {q->rest.p, amp ? (size_t)(amp - q->rest.p) : q->rest.n};
                size_t used = pair.n + (amp != NULL);
                q->rest = (struct str){q->rest.p + used, q->rest.n - used};
                if (pair.n == 0)
                        continue;
                const char *eq = memchr(pair.p, '=', pair.n);
                *key = (struct str){pair.p, eq ? (size_t)(eq - pair.p) : pair.n};
                *value = eq ? (struct str){eq + 1, pair.n - key->n - 1}
                            : (struct str){pair.p + pair.n, 0};
                *bad = memchr(pair.p, ';', pair.n) != NULL;
                return true;
        }
        return false;
}
