/* common/base/str.c: see str.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool str_starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
        size_t n = strlen(s), m = strlen(suffix);
        return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

struct str str_trim(struct str s)
{
        while (s.n && isspace((unsigned char)s.p[0])) {
                s.p++;
                s.n--;
        }
        while (s.n && isspace((unsigned char)s.p[s.n - 1]))
                s.n--;
        return s;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
        const unsigned char *u = (const unsigned char *)s;
        *cp = 0xFFFD;
        if (n == 0)
                return 0;
        if (u[0] < 0x80) {
                *cp = u[0];
                return 1;
        }
        size_t len = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
        if (u[0] < 0xC2 || u[0] > 0xF4 || n < len)
                return 1;
        uint32_t v = u[0] & (0xFFu >> (len + 1));
        for (size_t i = 1; i < len; i++) {
                if ((u[i] & 0xC0) != 0x80)
                        return 1;
                v = v << 6 | (u[i] & 0x3Fu);
        }
        if ((len == 3 && (v < 0x800 || (v >= 0xD800 && v <= 0xDFFF))) ||
            (len == 4 && (v < 0x10000 || v > 0x10FFFF)))
                return 1;
        *cp = v;
        return len;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
        if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
                cp = 0xFFFD;
        if (cp < 0x80) {
                out[0] = (char)cp;
                return 1;
        }
        if (cp < 0x800) {
                out[0] = (char)(0xC0 | cp >> 6);
                out[1] = (char)(0x80 | (cp & 0x3F));
                return 2;
        }
        if (cp < 0x10000) {
                out[0] = (char)(0xE0 | cp >> 12);
                out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
                out[2] = (char)(0x80 | (cp & 0x3F));
                return 3;
        }
        out[0] = (char)(0xF0 | cp >> 18);
        out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
        out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[3] = (char)(0x80 | (cp & 0x3F));
        return 4;
}

bool utf8_valid(const char *s, size_t n)
{
        for (size_t i = 0; i < n;) {
                if ((unsigned char)s[i] < 0x80) {
                        i++;
                        continue;
                }
                uint32_t cp;
                size_t len = utf8_decode(s + i, n - i, &cp);
                if (len == 1)
                        return false;
                i += len;
        }
        return true;
}

static size_t edit_distance(const char *a, const char *b)
{
        size_t n = strlen(a), m = strlen(b);
        if (n > 63 || m > 63)
                return 64;
        unsigned char row[64];
        for (size_t j = 0; j <= m; j++)
                row[j] = (unsigned char)j;
        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];
                row[0] = (unsigned char)i;
                for (size_t j = 1; j <= m; j++) {
                        size_t up = row[j];
                        bool same = tolower((unsigned char)a[i - 1]) ==
                                    tolower((unsigned char)b[j - 1]);
                        size_t best = diagonal + (same ? 0 : 1);
                        if (up + 1 < best)
                                best = up + 1;
                        if ((size_t)row[j - 1] + 1 < best)
                                best = (size_t)row[j - 1] + 1;
                        row[j] = (unsigned char)best;
                        diagonal = up;
                }
        }
        return row[m];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
        const char *best = NULL;
        size_t best_distance = strlen(word) / 3 + 1;
        for (size_t i = 0; i < n; i++) {
                size_t d = edit_distance(word, candidates[i]);
                if (d < best_distance ||
                    (d == best_distance && !best && d <= strlen(word) / 3 + 0)) {
                        best = candidates[i];
                        best_distance = d;
                }
        }
        return best;
}

bool str_to_i64(const char *s, int64_t *out)
{
        if (!s || !*s || isspace((unsigned char)*s))
                return false;
        char *end;
        errno = 0;
        long long v = strtoll(s, &end, 10);
        if (errno || *end)
                return false;
        *out = v;
        return true;
}

bool str_to_u64(const char *s, uint64_t *out)
{
        if (!s || !isdigit((unsigned char)*s))
                return false;
        char *end;
        errno = 0;
        unsigned long long v = strtoull(s, &end, 10);
        if (errno || *end)
                return false;
        *out = v;
        return true;
}

bool str_to_double(const char *s, double *out)
{
        if (!s || !*s || isspace((unsigned char)*s))
                return false;
        char *end;
        double v = strtod(s, &end); /* programs never call setlocale: the C locale holds */
        if (*end || !isfinite(v) || strpbrk(s, "xXpP"))
                return false;
        *out = v;
        return true;
}

bool duration_parse(const char *s, int64_t *ns)
{
        static const struct {
                const char *name;
                double ns;
        } units[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                     {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
        if (!s || !*s)
                return false;
        bool negative = *s == '-';
        if (*s == '-' || *s == '+')
                s++;
        if (strcmp(s, "0") == 0) {
                *ns = 0;
                return true;
        }
        long double total = 0;
        if (!*s)
                return false;
        while (*s) {
                if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])))
                        return false;
                char *end;
                long double v = 0, scale = 1;
                for (end = (char *)(uintptr_t)s; isdigit((unsigned char)*end); end++)
                        v = v * 10 + (*end - '0');
                if (*end == '.')
                        for (end++; isdigit((unsigned char)*end); end++) {
                                scale /= 10;
                                v += (*end - '0') * scale;
                        }
                size_t best = ARRAY_LEN(units), best_len = 0;
                for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                        size_t n = strlen(units[i].name);
                        if (n > best_len && strncmp(end, units[i].name, n) == 0) {
                                best = i;
                                best_len = n;
                        }
                }
                if (best == ARRAY_LEN(units))
                        return false;
                total += v * (long double)units[best].ns;
                s = end + best_len;
        }
        if (total > (long double)INT64_MAX)
                return false;
        *ns = (int64_t)llroundl(total);
        if (negative)
                *ns = -*ns;
        return true;
}

static void format_fraction(char *out, uint64_t value, uint64_t unit, const char *suffix)
{
        uint64_t whole = value / unit, rest = value % unit;
        int n = sprintf(out, "%llu", (unsigned long long)whole);
        if (rest) {
                int digits = unit == 1000000000 ? 9 : unit == 1000000 ? 6 : 3;
                n += sprintf(out + n, ".%0*llu", digits, (unsigned long long)rest);
                while (out[n - 1] == '0')
                        n--;
        }
        strcpy(out + n, suffix);
}

void duration_format(int64_t ns, char out[40])
{
        uint64_t u = ns < 0 ? (uint64_t)0 - (uint64_t)ns : (uint64_t)ns;
        if (ns < 0)
                *out++ = '-';
        if (u == 0)
                strcpy(out, "0s");
        else if (u < 1000)
                sprintf(out, "%lluns", (unsigned long long)u);
        else if (u < 1000000)
                format_fraction(out, u, 1000, "µs");
        else if (u < 1000000000)
                format_fraction(out, u, 1000000, "ms");
        else {
                uint64_t minutes = u / 60000000000ull;
                if (minutes >= 60)
                        out += sprintf(out, "%lluh", (unsigned long long)(minutes / 60));
                if (minutes)
                        out += sprintf(out, "%llum", (unsigned long long)(minutes % 60));
                format_fraction(out, u % 60000000000ull, 1000000000, "s");
        }
}

static void split_ns(int64_t unix_ns, struct tm *tm, long *nanos)
{
        time_t sec = (time_t)(unix_ns / 1000000000);
        *nanos = (long)(unix_ns % 1000000000);
        if (*nanos < 0) {
                *nanos += 1000000000;
                sec--;
        }
        gmtime_r(&sec, tm);
}

static char *put_digits(char *to, long n, int width)
{
        for (int i = width - 1; i >= 0; i--, n /= 10)
                to[i] = (char)('0' + n % 10);
        return to + width;
}

/* Every event is stamped, so no strftime here. "2026-01-02T03:04:05", the years of 64-bit
 * nanoseconds have four digits. */
static char *put_seconds(char *to, const struct tm *tm)
{
        const int parts[] = {tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec};
        to = put_digits(to, tm->tm_year + 1900, 4);
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                *to++ = "--T::"[i];
                to = put_digits(to, parts[i], 2);
        }
        return to;
}

void time_rfc3339(int64_t unix_ns, char out[40])
{
        struct tm tm;
        long nanos;
        split_ns(unix_ns, &tm, &nanos);
        memcpy(put_seconds(out, &tm), "Z", 2);
}

void time_rfc3339_nano(int64_t unix_ns, char out[40])
{
        struct tm tm;
        long nanos;
        split_ns(unix_ns, &tm, &nanos);
        char *to = put_seconds(out, &tm);
        if (nanos) {
                *to++ = '.';
                to = put_digits(to, nanos, 9);
                while (to[-1] == '0')
                        to--;
        }
        memcpy(to, "Z", 2);
}

static bool digits(const char **s, int n, int *out)
{
        *out = 0;
        for (int i = 0; i < n; i++, (*s)++) {
                if (!isdigit((unsigned char)**s))
                        return false;
                *out = *out * 10 + (**s - '0');
        }
        return true;
}

static bool skip(const char **s, char c)
{
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

static int days_in(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return days[month - 1] + (leap && month == 2);
}

bool time_parse_rfc3339(const char *s, int64_t *unix_ns)
{
        struct tm tm = {0};
        int year, month;
        if (!s || !digits(&s, 4, &year) || !skip(&s, '-') || !digits(&s, 2, &month) ||
            !skip(&s, '-') || !digits(&s, 2, &tm.tm_mday) || (*s != 'T' && *s != 't' && *s != ' '))
                return false;
        s++;
        if (!digits(&s, 2, &tm.tm_hour) || !skip(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
            !skip(&s, ':') || !digits(&s, 2, &tm.tm_sec))
                return false;
        if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > days_in(year, month) ||
            tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
                return false;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        int64_t nanos = 0, scale = 100000000;
        if (*s == '.') {
                s++;
                if (!isdigit((unsigned char)*s))
                        return false;
                for (; isdigit((unsigned char)*s); s++, scale /= 10)
                        nanos += (*s - '0') * scale;
        }
        int64_t offset = 0;
        if (*s == 'Z' || *s == 'z') {
                s++;
        } else if (*s == '+' || *s == '-') {
                int sign = *s++ == '-' ? -1 : 1, h, m;
                if (!digits(&s, 2, &h) || !skip(&s, ':') || !digits(&s, 2, &m) || h > 23 || m > 59)
                        return false;
                offset = sign * (h * 3600 + m * 60);
        } else {
                return false;
        }
        if (*s)
                return false;
        int64_t ns; /* years 1677 to 2262 */
        if (__builtin_mul_overflow((int64_t)timegm(&tm) - offset, INT64_C(1000000000), &ns) ||
            __builtin_add_overflow(ns, nanos, &ns))
                return false;
        *unix_ns = ns;
        return true;
}
