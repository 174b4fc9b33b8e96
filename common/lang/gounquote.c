/* common/lang/gounquote.c: see gounquote.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gounquote.h"

static int hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gounquote_escape(struct str s, size_t *i, char quote, char out[4], size_t *len)
{
        static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
        if (*i >= s.n)
                return false;
        char c = s.p[(*i)++];
        const char *at = c ? strchr(from, c) : NULL;
        *len = 1;
        if (at || c == quote) {
                out[0] = at ? to[at - from] : c;
                return true;
        }
        unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
        bool octal = c >= '0' && c <= '7';
        uint32_t v = 0;
        if (octal)
                (*i)--;
        if (digits == 0 || s.n - *i < digits)
                return false;
        for (unsigned k = 0; k < digits; k++) {
                int d = hex(s.p[(*i)++]);
                if (d < 0 || (octal && d > 7))
                        return false;
                v = v * (octal ? 8 : 16) + (uint32_t)d;
        }
        if (c == 'x' || octal) {
                out[0] = (char)v;
                return v <= 255;
        }
        *len = utf8_encode(v, out);
        return v <= 0x10FFFF && !(v >= 0xD800 && v <= 0xDFFF);
}
