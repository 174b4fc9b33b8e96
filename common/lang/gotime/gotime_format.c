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

static void put_offset(struct abuf *b, const struct layout_item *item, int32_t offset)
{
        if (item->z && offset == 0) {
                abuf_addc(b, 'Z');
                return;
        }
        int seconds = abs(offset);
        const char *colon = item->colon ? ":" : "";
        abuf_addf(b, "%c%02d", offset < 0 ? '-' : '+', seconds / 3600);
        if (item->minutes)
                abuf_addf(b, "%s%02d", colon, seconds / 60 % 60);
        if (item->seconds)
                abuf_addf(b, "%s%02d", colon, seconds % 60);
}

static void put_fraction(struct abuf *b, const struct layout_item *item, int ns)
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
        abuf_addc(b, item->separator);
        abuf_add(b, (struct str){digits, (size_t)n});
        for (int i = 9; item->part == LP_FRACTION0 && i < item->digits; i++)
                abuf_addc(b, '0');
}

static void put_abbrev(struct abuf *b, const struct gocivil *c)
{
        if (c->abbrev.n) {
                abuf_add(b, c->abbrev);
                return;
        }
        int minutes = abs(c->offset) / 60;
        abuf_addf(b, "%c%02d", c->offset < 0 ? '-' : '+', minutes / 60);
        if (minutes % 60)
                abuf_addf(b, "%02d", minutes % 60);
}

static void put_year(struct abuf *b, int64_t year)
{
        abuf_addf(b, year < 0 ? "-%04lld" : "%04lld", (long long)(year < 0 ? -year : year));
}

static void put_item(struct abuf *b, const struct layout_item *item, const struct gocivil *c)
{
        int hour12 = c->hour % 12 ? c->hour % 12 : 12;
        switch (item->part) {
        case LP_LONG_MONTH: abuf_adds(b, gotime_months[c->month - 1]); break;
        case LP_MONTH: abuf_add(b, (struct str){gotime_months[c->month - 1], 3}); break;
        case LP_NUM_MONTH: abuf_addf(b, "%d", c->month); break;
        case LP_ZERO_MONTH: abuf_addf(b, "%02d", c->month); break;
        case LP_LONG_WEEKDAY: abuf_adds(b, gotime_days[c->weekday]); break;
        case LP_WEEKDAY: abuf_add(b, (struct str){gotime_days[c->weekday], 3}); break;
        case LP_DAY: abuf_addf(b, "%d", c->day); break;
        case LP_UNDER_DAY: abuf_addf(b, "%2d", c->day); break;
        case LP_ZERO_DAY: abuf_addf(b, "%02d", c->day); break;
        case LP_UNDER_YDAY: abuf_addf(b, "%3d", c->yearday); break;
        case LP_ZERO_YDAY: abuf_addf(b, "%03d", c->yearday); break;
        case LP_HOUR: abuf_addf(b, "%02d", c->hour); break;
        case LP_HOUR12: abuf_addf(b, "%d", hour12); break;
        case LP_ZERO_HOUR12: abuf_addf(b, "%02d", hour12); break;
        case LP_MINUTE: abuf_addf(b, "%d", c->minute); break;
        case LP_ZERO_MINUTE: abuf_addf(b, "%02d", c->minute); break;
        case LP_SECOND: abuf_addf(b, "%d", c->second); break;
        case LP_ZERO_SECOND: abuf_addf(b, "%02d", c->second); break;
        case LP_LONG_YEAR: put_year(b, c->year); break;
        case LP_YEAR: abuf_addf(b, "%02d", (int)(c->year % 100)); break;
        case LP_PM: abuf_adds(b, c->hour >= 12 ? "PM" : "AM"); break;
        case LP_pm: abuf_adds(b, c->hour >= 12 ? "pm" : "am"); break;
        case LP_ABBREV: put_abbrev(b, c); break;
        case LP_OFFSET: put_offset(b, item, c->offset); break;
        case LP_FRACTION0:
        case LP_FRACTION9: put_fraction(b, item, c->nanosecond); break;
        case LP_NONE: break;
        }
}

void gotime_format(struct abuf *b, struct str layout, struct val_time t)
{
        struct gocivil c = gotime_civil(t);
        for (size_t at = 0; at < layout.n;) {
                struct layout_item item = layout_next(layout, at);
                abuf_add(b, (struct str){layout.p + at, item.from - at});
                put_item(b, &item, &c);
                at = item.to;
        }
}

void gotime_put(struct abuf *b, struct val_time t)
{
        gotime_format(b, STR("2006-01-02 15:04:05.999999999 -0700 MST"), t);
}
