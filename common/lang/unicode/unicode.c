/* common/lang/unicode/unicode.c: see unicode.h. Categories are runs that last until the next run
 * begins; stretches in which capital and small letters alternate are one run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/unicode/unicode.h"
#include "common/base/attr.h"

enum {
        NONE,
        UPPER,
        LOWER,
        TITLE,
        OTHER_LETTER,
        DIGIT,
        OTHER_NUMBER,
        MARK,
        PUNCT,
        SPACE,
        SYMBOL,
        UPPER_FIRST, /* alternating, a capital first */
        LOWER_FIRST
};
struct run {
        uint32_t from;
        unsigned char class;
};
struct case_run {
        uint32_t from, to;
        unsigned char stride;
        int32_t upper, lower, title; /* to be added */
};
#include "common/lang/unicode/unicode_tables.inc"

static unsigned class_of(uint32_t c)
{
        unsigned lo = 0, hi = ARRAY_LEN(runs);
        while (hi - lo > 1) {
                unsigned mid = (lo + hi) / 2;
                if (runs[mid].from <= c)
                        lo = mid;
                else
                        hi = mid;
        }
        unsigned class = runs[lo].class, odd = (c - runs[lo].from) & 1;
        if (class == UPPER_FIRST)
                return odd ? LOWER : UPPER;
        if (class == LOWER_FIRST)
                return odd ? UPPER : LOWER;
        return class;
}

/* Runs may interleave (stride 2), so the neighbours of the place are looked at too. */
static const struct case_run *case_of(uint32_t c)
{
        unsigned lo = 0, hi = ARRAY_LEN(case_runs);
        while (hi - lo > 1) {
                unsigned mid = (lo + hi) / 2;
                if (case_runs[mid].from <= c)
                        lo = mid;
                else
                        hi = mid;
        }
        for (unsigned back = 0; back < 3 && back <= lo; back++) {
                const struct case_run *r = &case_runs[lo - back];
                if (c >= r->from && c <= r->to && (c - r->from) % r->stride == 0)
                        return r;
        }
        return NULL;
}

static uint32_t shifted(uint32_t c, int32_t delta)
{
        return (uint32_t)((int32_t)c + delta);
}

uint32_t uni_upper(uint32_t c)
{
        if (c < 0x80)
                return c >= 'a' && c <= 'z' ? c - 32 : c;
        const struct case_run *r = case_of(c);
        return r ? shifted(c, r->upper) : c;
}

uint32_t uni_lower(uint32_t c)
{
        if (c < 0x80)
                return c >= 'A' && c <= 'Z' ? c + 32 : c;
        const struct case_run *r = case_of(c);
        return r ? shifted(c, r->lower) : c;
}

uint32_t uni_title(uint32_t c)
{
        if (c < 0x80)
                return uni_upper(c);
        const struct case_run *r = case_of(c);
        return r ? shifted(c, r->title) : c;
}

bool uni_is_upper(uint32_t c)
{
        return class_of(c) == UPPER;
}

bool uni_is_lower(uint32_t c)
{
        return class_of(c) == LOWER;
}

bool uni_is_title(uint32_t c)
{
        return class_of(c) == TITLE;
}

bool uni_is_letter(uint32_t c)
{
        unsigned class = class_of(c);
        return class >= UPPER && class <= OTHER_LETTER;
}

bool uni_is_digit(uint32_t c)
{
        return class_of(c) == DIGIT;
}

bool uni_is_number(uint32_t c)
{
        unsigned class = class_of(c);
        return class == DIGIT || class == OTHER_NUMBER;
}

bool uni_is_punct(uint32_t c)
{
        return class_of(c) == PUNCT;
}

bool uni_is_space(uint32_t c)
{
        if (c < 0x100)
                return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xA0;
        return class_of(c) == SPACE;
}

bool uni_is_print(uint32_t c)
{
        if (c < 0x80)
                return c >= ' ' && c < 0x7F;
        unsigned class = class_of(c);
        return class != NONE && class != SPACE;
}
