/* common/lang/gonum_format.c: floats as Go prints them.
 * Small integers are printed directly; else the shortest digits are found by trying 15, 16 and 17
 * of them, and laid out by hand: the C library's %g decides differently. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gonum.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t put_u64(char *out, uint64_t u)
{
        char tmp[20];
        size_t n = 0;
        do
                tmp[n++] = (char)('0' + u % 10);
        while (u /= 10);
        for (size_t i = 0; i < n; i++)
                out[i] = tmp[n - 1 - i];
        return n;
}

void gonum_digits(double d, char digits[20], int *exp)
{
        char text[40];
        d = fabs(d);
        if (d < 1e15 && d == (double)(uint64_t)d) {
                size_t n = put_u64(digits, (uint64_t)d);
                *exp = (int)n;
                while (n > 1 && digits[n - 1] == '0')
                        n--;
                digits[n] = '\0';
                if (digits[0] == '0')
                        *exp = 1;
                return;
        }
        for (int precision = 14; precision <= 16; precision++) {
                snprintf(text, sizeof(text), "%.*e", precision, d);
                if (strtod(text, NULL) == d)
                        break;
        }
        size_t n = 0;
        const char *p = text;
        for (; *p && *p != 'e'; p++)
                if (*p >= '0' && *p <= '9')
                        digits[n++] = *p;
        *exp = atoi(p + 1) + 1;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        digits[n] = '\0';
}

/* d.ddde+XX with at least `min_exp` digits of exponent. */
static size_t layout_e(char *out, const char *digits, int exp, char e, int min_exp)
{
        size_t n = 0;
        out[n++] = digits[0];
        if (digits[1]) {
                out[n++] = '.';
                for (const char *p = digits + 1; *p; p++)
                        out[n++] = *p;
        }
        int x = exp - 1;
        return n + (size_t)sprintf(out + n, "%c%c%0*d", e, x < 0 ? '-' : '+', min_exp, abs(x));
}

static size_t layout_f(char *out, const char *digits, int exp)
{
        size_t n = 0, i = 0;
        if (exp <= 0)
                out[n++] = '0';
        for (int left = exp; left > 0; left--)
                out[n++] = digits[i] ? digits[i++] : '0';
        if (!digits[i])
                return n;
        out[n++] = '.';
        for (int zeros = exp; zeros < 0; zeros++)
                out[n++] = '0';
        while (digits[i])
                out[n++] = digits[i++];
        return n;
}

/* Infinities and NaN; 0 for ordinary numbers. */
static size_t layout_special(char *out, double d)
{
        if (isfinite(d))
                return 0;
        strcpy(out, isnan(d) ? "NaN" : d < 0 ? "-Inf" : "+Inf");
        return strlen(out);
}

size_t gonum_format(char out[GONUM_TEXT], double d, char verb)
{
        size_t n = layout_special(out, d);
        if (n)
                return n;
        if (signbit(d))
                out[n++] = '-';
        char digits[20];
        int exp;
        gonum_digits(d, digits, &exp);
        if (d == 0)
                strcpy(digits, "0");
        char low = (char)(verb | 0x20);
        char e = verb == 'E' || verb == 'G' ? 'E' : 'e';
        bool small = exp - 1 < -4 || exp - 1 >= 6;
        if (low == 'e' || (low == 'g' && small))
                n += layout_e(out + n, digits, exp, e, 2);
        else
                n += layout_f(out + n, digits, exp);
        out[n] = '\0';
        return n;
}

size_t gonum_format_json(char out[GONUM_TEXT], double d)
{
        double a = fabs(d);
        if (a == 0 || (a >= 1e-6 && a < 1e21) || !isfinite(d))
                return gonum_format(out, d, 'f');
        char digits[20];
        int exp;
        size_t n = 0;
        if (d < 0)
                out[n++] = '-';
        gonum_digits(d, digits, &exp);
        n += layout_e(out + n, digits, exp, 'e', 1);
        out[n] = '\0';
        return n;
}
