/* common/lang/gotime/gotime_format.c: see gotime.h: layouts read, times printed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/gotime/gotime_layout.h"
#include <stdlib.h>
#include <string.h>

/* Longer names stand before their beginnings. `word`: a small letter behind it makes it another
 * word. */
static const struct {
        const char *text;
        enum layout_part part;
        bool word;
} fixed_parts[] = {
        {"January", LP_LONG_MONTH, false},
        {"Jan", LP_MONTH, true},
        {"Monday", LP_LONG_WEEKDAY, false},
        {"Mon", LP_WEEKDAY, true},
        {"MST", LP_ABBREV, false},
        {"002", LP_ZERO_YDAY, false},
        {"01", LP_ZERO_MONTH, false},
        {"02", LP_ZERO_DAY, false},
        {"03", LP_ZERO_HOUR12, false},
        {"04", LP_ZERO_MINUTE, false},
        {"05", LP_ZERO_SECOND, false},
        {"06", LP_YEAR, false},
        {"15", LP_HOUR, false},
        {"1", LP_NUM_MONTH, false},
        {"2006", LP_LONG_YEAR, false},
        {"2", LP_DAY, false},
        {"__2", LP_UNDER_YDAY, false},
        {"_2", LP_UNDER_DAY, false},
        {"3", LP_HOUR12, false},
        {"4", LP_MINUTE, false},
        {"5", LP_SECOND, false},
        {"PM", LP_PM, false},
        {"pm", LP_pm, false},
};
static const struct {
        const char *text;
        bool colon, minutes, seconds;
} offsets[] = {
        {"070000", false, true, true}, {"07:00:00", true, true, true}, {"0700", false, true, false},
        {"07:00", true, true, false},  {"07", false, false, false},
};

static bool starts(struct str s, size_t i, const char *text)
{
        size_t n = strlen(text);
        return s.n - i >= n && memcmp(s.p + i, text, n) == 0;
}

static bool fraction_item(struct str l, size_t i, struct layout_item *item)
{
        char digit = i + 1 < l.n ? l.p[i + 1] : 0;
        if (digit != '0' && digit != '9')
                return false;
        size_t end = i + 1;
        while (end < l.n && l.p[end] == digit)
                end++;
        if (end < l.n && l.p[end] >= '0' && l.p[end] <= '9')
                return false;
        *item = (struct layout_item){.part = digit == '0' ? LP_FRACTION0 : LP_FRACTION9,
                                     .from = i,
                                     .to = end,
                                     .separator = l.p[i],
                                     .digits = (int)(end - i) - 1};
        return true;
}

static bool offset_item(struct str l, size_t i, struct layout_item *item)
{
        for (size_t k = 0; k < ARRAY_LEN(offsets); k++) {
                if (!starts(l, i + 1, offsets[k].text))
                        continue;
                *item = (struct layout_item){.part = LP_OFFSET,
                                             .from = i,
                                             .to = i + 1 + strlen(offsets[k].text),
                                             .z = l.p[i] == 'Z',
                                             .colon = offsets[k].colon,
                                             .minutes = offsets[k].minutes,
                                             .seconds = offsets[k].seconds};
                return true;
        }
        return false;
}

static bool fixed_item(struct str l, size_t i, struct layout_item *item)
{
        if (starts(l, i, "_2006")) { /* a literal _ and the year */
                *item = (struct layout_item){.part = LP_LONG_YEAR, .from = i + 1, .to = i + 5};
                return true;
        }
        for (size_t k = 0; k < ARRAY_LEN(fixed_parts); k++) {
                size_t end = i + strlen(fixed_parts[k].text);
                if (!starts(l, i, fixed_parts[k].text))
                        continue;
                if (fixed_parts[k].word && end < l.n && l.p[end] >= 'a' && l.p[end] <= 'z')
                        continue;
                *item = (struct layout_item){.part = fixed_parts[k].part, .from = i, .to = end};
                return true;
        }
        return false;
}

struct layout_item layout_next(struct str l, size_t from)
{
        struct layout_item item;
        for (size_t i = from; i < l.n; i++) {
                char c = l.p[i];
                bool found = false;
                if (c == '.' || c == ',')
                        found = fraction_item(l, i, &item);
                else if (c == '-' || c == 'Z')
                        found = offset_item(l, i, &item);
                else if (strchr("JM012345_Pp", c) && c)
                        found = fixed_item(l, i, &item);
                if (found)
                        return item;
        }
        return (struct layout_item){.part = LP_NONE, .from = l.n, .to = l.n};
}

/* ---- printing ---- */

static void put_offset(struct buf *b, const struct layout_item *item, int32_t offset)
{
        if (item->z && offset == 0) {
                buf_addc(b, 'Z');
                return;
        }
        int seconds = abs(offset);
        const char *colon = item->colon ? ":" : "";
        buf_addf(b, "%c%02d", offset < 0 ? '-' : '+', seconds / 3600);
        if (item->minutes)
                buf_addf(b, "%s%02d", colon, seconds / 60 % 60);
        if (item->seconds)
                buf_addf(b, "%s%02d", colon, seconds % 60);
}

static void put_fraction(struct buf *b, const struct layout_item *item, int ns)
{
        char digits[16];
        int n = item->digits > 9 ? 9 : item->digits;
        snprintf(digits, sizeof(digits), "%09d", ns);
        if (item->part == LP_FRACTION9) {
                while (n > 0 && digits[n - 1] == '0')
                        n--;
                if (n == 0)
                        return;
        }
        buf_addc(b, item->separator);
        buf_add(b, digits, (size_t)n);
        for (int i = 9; item->part == LP_FRACTION0 && i < item->digits; i++)
                buf_addc(b, '0');
}

static void put_abbrev(struct buf *b, const struct gocivil *c)
{
        if (c->abbrev.n) {
                buf_add(b, c->abbrev.p, c->abbrev.n);
                return;
        }
        int minutes = abs(c->offset) / 60;
        buf_addf(b, "%c%02d", c->offset < 0 ? '-' : '+', minutes / 60);
        if (minutes % 60)
                buf_addf(b, "%02d", minutes % 60);
}

static void put_year(struct buf *b, int64_t year)
{
        buf_addf(b, year < 0 ? "-%04lld" : "%04lld", (long long)(year < 0 ? -year : year));
}

static void put_item(struct buf *b, const struct layout_item *item, const struct gocivil *c)
{
        int hour12 = c->hour % 12 ? c->hour % 12 : 12;
        switch (item->part) {
        case LP_LONG_MONTH: buf_adds(b, gotime_months[c->month - 1]); break;
        case LP_MONTH: buf_add(b, gotime_months[c->month - 1], 3); break;
        case LP_NUM_MONTH: buf_addf(b, "%d", c->month); break;
        case LP_ZERO_MONTH: buf_addf(b, "%02d", c->month); break;
        case LP_LONG_WEEKDAY: buf_adds(b, gotime_days[c->weekday]); break;
        case LP_WEEKDAY: buf_add(b, gotime_days[c->weekday], 3); break;
        case LP_DAY: buf_addf(b, "%d", c->day); break;
        case LP_UNDER_DAY: buf_addf(b, "%2d", c->day); break;
        case LP_ZERO_DAY: buf_addf(b, "%02d", c->day); break;
        case LP_UNDER_YDAY: buf_addf(b, "%3d", c->yearday); break;
        case LP_ZERO_YDAY: buf_addf(b, "%03d", c->yearday); break;
        case LP_HOUR: buf_addf(b, "%02d", c->hour); break;
        case LP_HOUR12: buf_addf(b, "%d", hour12); break;
        case LP_ZERO_HOUR12: buf_addf(b, "%02d", hour12); break;
        case LP_MINUTE: buf_addf(b, "%d", c->minute); break;
        case LP_ZERO_MINUTE: buf_addf(b, "%02d", c->minute); break;
        case LP_SECOND: buf_addf(b, "%d", c->second); break;
        case LP_ZERO_SECOND: buf_addf(b, "%02d", c->second); break;
        case LP_LONG_YEAR: put_year(b, c->year); break;
        case LP_YEAR: buf_addf(b, "%02d", (int)(c->year % 100)); break;
        case LP_PM: buf_adds(b, c->hour >= 12 ? "PM" : "AM"); break;
        case LP_pm: buf_adds(b, c->hour >= 12 ? "pm" : "am"); break;
        case LP_ABBREV: put_abbrev(b, c); break;
        case LP_OFFSET: put_offset(b, item, c->offset); break;
        case LP_FRACTION0:
        case LP_FRACTION9: put_fraction(b, item, c->nanosecond); break;
        case LP_NONE: break;
        }
}

void gotime_format(struct buf *b, struct str layout, struct val_time t)
{
        struct gocivil c = gotime_civil(t);
        for (size_t at = 0; at < layout.n;) {
                struct layout_item item = layout_next(layout, at);
                buf_add(b, layout.p + at, item.from - at);
                put_item(b, &item, &c);
                at = item.to;
        }
}

void gotime_put(struct buf *b, struct val_time t)
{
        gotime_format(b, STR("2006-01-02 15:04:05.999999999 -0700 MST"), t);
}
