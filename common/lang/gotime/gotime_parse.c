/* common/lang/gotime/gotime_parse.c: see gotime.h: texts read by a layout. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/gotime/gotime_layout.h"
#include <strings.h>

struct parse {
        struct str layout, text;
        size_t at; /* in text */
        int64_t year;
        int month, day, yday, hour, minute, second, ns;
        bool am, pm, utc, has_offset;
        int32_t offset;
        struct str abbrev;
        const char *why;
};

static bool fail(struct parse *p, const char *why)
{
        p->why = why;
        return false;
}

static bool bad(struct parse *p)
{
        return fail(p, "the text does not fit the layout");
}

static bool digit_at(const struct parse *p, size_t i)
{
        return i < p->text.n && p->text.p[i] >= '0' && p->text.p[i] <= '9';
}

/* One to `max` digits; all of them if `fixed`. */
static bool number(struct parse *p, int max, bool fixed, int *out)
{
        int n = 0;
        *out = 0;
        while (n < max && digit_at(p, p->at))
                *out = *out * 10 + (p->text.p[p->at++] - '0'), n++;
        return n > 0 && (!fixed || n == max) ? true : bad(p);
}

static bool ranged(struct parse *p, int max, bool fixed, int *out, int lo, int hi, const char *why)
{
        if (!number(p, max, fixed, out))
                return false;
        return *out >= lo && *out <= hi ? true : fail(p, why);
}

static bool name(struct parse *p, const char *const *names, int count, size_t len, int *out)
{
        for (int i = 0; i < count; i++) {
                size_t n = len ? len : strlen(names[i]);
                if (p->text.n - p->at >= n && strncasecmp(p->text.p + p->at, names[i], n) == 0) {
                        p->at += n;
                        *out = i;
                        return true;
                }
        }
        return bad(p);
}

/* A space of the layout takes any number of spaces; all else must be there as it is. */
static bool literal(struct parse *p, struct str prefix)
{
        for (size_t i = 0; i < prefix.n;) {
                if (prefix.p[i] == ' ') {
                        if (p->at < p->text.n && p->text.p[p->at] != ' ')
                                return bad(p);
                        while (i < prefix.n && prefix.p[i] == ' ')
                                i++;
                        while (p->at < p->text.n && p->text.p[p->at] == ' ')
                                p->at++;
                        continue;
                }
                if (p->at >= p->text.n || p->text.p[p->at] != prefix.p[i])
                        return bad(p);
                i++;
                p->at++;
        }
        return true;
}

/* ".123" of `digits` digits at p->at. */
static bool fraction(struct parse *p, size_t digits)
{
        char sep = p->at < p->text.n ? p->text.p[p->at] : 0;
        if (sep != '.' && sep != ',')
                return bad(p);
        p->ns = 0;
        for (size_t i = 0; i < 9; i++) {
                int d = 0;
                if (i < digits) {
                        if (!digit_at(p, p->at + 1 + i))
                                return bad(p);
                        d = p->text.p[p->at + 1 + i] - '0';
                }
                p->ns = p->ns * 10 + d;
        }
        p->at += 1 + digits;
        return true;
}

static size_t digits_behind_point(const struct parse *p)
{
        size_t n = 0;
        char sep = p->at < p->text.n ? p->text.p[p->at] : 0;
        while ((sep == '.' || sep == ',') && digit_at(p, p->at + 1 + n))
                n++;
        return n;
}

static bool second(struct parse *p, const struct layout_item *item)
{
        if (!ranged(p, 2, item->part == LP_ZERO_SECOND, &p->second, 0, 59, "second out of range"))
                return false;
        size_t n = digits_behind_point(p);
        if (n == 0)
                return true;
        enum layout_part next = layout_next(p->layout, item->to).part;
        return next == LP_FRACTION0 || next == LP_FRACTION9 || fraction(p, n);
}

static bool am_pm(struct parse *p, bool upper)
{
        const char *t = p->text.p + p->at;
        if (p->text.n - p->at < 2 || (t[1] != 'M' && t[1] != 'm') || (t[1] == 'M') != upper)
                return bad(p);
        p->pm = t[0] == (upper ? 'P' : 'p');
        p->am = t[0] == (upper ? 'A' : 'a');
        p->at += 2;
        return p->pm || p->am ? true : bad(p);
}

static bool offset(struct parse *p, const struct layout_item *item)
{
        if (item->z && p->at < p->text.n && p->text.p[p->at] == 'Z') {
                p->at++;
                p->utc = true;
                return true;
        }
        char sign = p->at < p->text.n ? p->text.p[p->at] : 0;
        int h = 0, m = 0, s = 0;
        if (sign != '+' && sign != '-')
                return bad(p);
        p->at++;
        if (!number(p, 2, true, &h))
                return false;
        for (int k = 0; k < 2; k++) {
                if (!(k == 0 ? item->minutes : item->seconds))
                        continue;
                if (item->colon && (p->at >= p->text.n || p->text.p[p->at++] != ':'))
                        return bad(p);
                if (!number(p, 2, true, k == 0 ? &m : &s))
                        return false;
        }
        if (h > 24 || m > 60 || s > 60)
                return fail(p, "zone offset out of range");
        p->offset = (h * 60 + m) * 60 + s;
        if (sign == '-')
                p->offset = -p->offset;
        p->has_offset = p->offset != -1;
        return true;
}

/* "+03" behind an abbreviation: its length, 0 when there is none. */
static size_t signed_hours(struct str s)
{
        size_t n = 1;
        unsigned x = 0;
        if (s.n < 2 || (s.p[0] != '+' && s.p[0] != '-'))
                return 0;
        for (; n < s.n && s.p[n] >= '0' && s.p[n] <= '9'; n++)
                x = x > 1000 ? x : x * 10 + (unsigned)(s.p[n] - '0');
        return n > 1 && x <= 23 ? n : 0;
}

static size_t abbrev_length(struct str s)
{
        if (s.n < 3)
                return 0;
        if (s.n >= 4 && (memcmp(s.p, "ChST", 4) == 0 || memcmp(s.p, "MeST", 4) == 0))
                return 4;
        if (memcmp(s.p, "GMT", 3) == 0)
                return 3 + signed_hours((struct str){s.p + 3, s.n - 3});
        if (s.p[0] == '+' || s.p[0] == '-')
                return signed_hours(s);
        size_t upper = 0;
        while (upper < 6 && upper < s.n && s.p[upper] >= 'A' && s.p[upper] <= 'Z')
                upper++;
        if (upper == 5)
                return s.p[4] == 'T' ? 5 : 0;
        if (upper == 4)
                return s.p[3] == 'T' || memcmp(s.p, "WITA", 4) == 0 ? 4 : 0;
        return upper == 3 ? 3 : 0;
}

static bool abbrev(struct parse *p)
{
        struct str rest = {p->text.p + p->at, p->text.n - p->at};
        if (rest.n >= 3 && memcmp(rest.p, "UTC", 3) == 0) {
                p->utc = true;
                p->at += 3;
                return true;
        }
        size_t n = abbrev_length(rest);
        if (n == 0)
                return bad(p);
        p->abbrev = (struct str){rest.p, n};
        p->at += n;
        return true;
}

static void skip_space(struct parse *p)
{
        if (p->at < p->text.n && p->text.p[p->at] == ' ')
                p->at++;
}

static bool year(struct parse *p, bool four)
{
        int y;
        if (!number(p, four ? 4 : 2, true, &y))
                return false;
        p->year = four ? y : y >= 69 ? y + 1900 : y + 2000;
        return true;
}

static bool month(struct parse *p, const struct layout_item *item)
{
        if (item->part == LP_MONTH || item->part == LP_LONG_MONTH) {
                if (!name(p, gotime_months, 12, item->part == LP_MONTH ? 3 : 0, &p->month))
                        return false;
                p->month++;
                return true;
        }
        return ranged(p, 2, item->part == LP_ZERO_MONTH, &p->month, 1, 12, "month out of range");
}

static bool part(struct parse *p, const struct layout_item *item)
{
        int ignored;
        switch (item->part) {
        case LP_LONG_MONTH:
        case LP_MONTH:
        case LP_NUM_MONTH:
        case LP_ZERO_MONTH: return month(p, item);
        case LP_LONG_WEEKDAY: return name(p, gotime_days, 7, 0, &ignored);
        case LP_WEEKDAY: return name(p, gotime_days, 7, 3, &ignored);
        case LP_UNDER_DAY: skip_space(p); return number(p, 2, false, &p->day);
        case LP_DAY: return number(p, 2, false, &p->day);
        case LP_ZERO_DAY: return number(p, 2, true, &p->day);
        case LP_UNDER_YDAY:
                skip_space(p);
                skip_space(p);
                return number(p, 3, false, &p->yday);
        case LP_ZERO_YDAY: return number(p, 3, true, &p->yday);
        case LP_HOUR: return ranged(p, 2, false, &p->hour, 0, 23, "hour out of range");
        case LP_HOUR12: return ranged(p, 2, false, &p->hour, 0, 12, "hour out of range");
        case LP_ZERO_HOUR12: return ranged(p, 2, true, &p->hour, 0, 12, "hour out of range");
        case LP_MINUTE: return ranged(p, 2, false, &p->minute, 0, 59, "minute out of range");
        case LP_ZERO_MINUTE: return ranged(p, 2, true, &p->minute, 0, 59, "minute out of range");
        case LP_SECOND:
        case LP_ZERO_SECOND: return second(p, item);
        case LP_LONG_YEAR: return year(p, true);
        case LP_YEAR: return year(p, false);
        case LP_PM: return am_pm(p, true);
        case LP_pm: return am_pm(p, false);
        case LP_ABBREV: return abbrev(p);
        case LP_OFFSET: return offset(p, item);
        case LP_FRACTION0: return fraction(p, (size_t)item->digits);
        case LP_FRACTION9: {
                size_t n = digits_behind_point(p);
                return n == 0 || fraction(p, n);
        }
        case LP_NONE: break;
        }
        return true;
}

static int days_in(int m, int64_t y)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
        return days[m - 1] + (m == 2 && leap);
}

/* The day of the year, checked against month and day where these were given too. */
static bool use_yday(struct parse *p)
{
        int m = 1, d = p->yday;
        if (d < 1)
                return fail(p, "day of the year out of range");
        while (m <= 12 && d > days_in(m, p->year))
                d -= days_in(m++, p->year);
        if (m > 12)
                return fail(p, "day of the year out of range");
        if ((p->month > 0 && p->month != m) || (p->day >= 0 && p->day != d))
                return fail(p, "day of the year does not match the date");
        p->month = m;
        p->day = d;
        return true;
}

static bool finish(struct parse *p, struct arena *a, const struct val_zone *zone,
                   struct val_time *out)
{
        if (p->pm && p->hour < 12)
                p->hour += 12;
        else if (p->am && p->hour == 12)
                p->hour = 0;
        if (p->yday >= 0 && !use_yday(p))
                return false;
        int m = p->month > 0 ? p->month : 1, d = p->day >= 0 ? p->day : 1;
        if (d < 1 || d > days_in(m, p->year))
                return fail(p, "day out of range");
        bool plain = !p->utc && !p->has_offset && p->abbrev.n == 0;
        *out = gotime_date(p->year, m, d, p->hour, p->minute, p->second, p->ns,
                           plain ? zone : NULL);
        if (p->utc || plain)
                return true;
        int32_t offset_s = p->offset;
        if (p->has_offset) {
                out->sec -= offset_s;
                struct gozone_span at = gozone_at(zone, out->sec);
                bool same =
                        p->abbrev.n == 0 || (p->abbrev.n == at.abbrev.n &&
                                             memcmp(p->abbrev.p, at.abbrev.p, at.abbrev.n) == 0);
                if (at.offset == offset_s && same) {
                        out->zone = zone;
                        return true;
                }
        } else if (gozone_offset_of(zone, p->abbrev, out->sec, &offset_s)) {
                out->sec -= offset_s;
                out->zone = zone;
                return true;
        } else {
                offset_s = 0;
                if (p->abbrev.n > 3 && memcmp(p->abbrev.p, "GMT", 3) == 0) {
                        for (size_t i = 4; i < p->abbrev.n; i++)
                                offset_s = offset_s * 10 + (p->abbrev.p[i] - '0');
                        offset_s *= p->abbrev.p[3] == '-' ? -3600 : 3600;
                }
        }
        out->zone = gozone_fixed(a, p->abbrev, offset_s);
        return out->zone ? true : fail(p, "not enough memory");
}

bool gotime_parse(struct arena *a, struct str layout, struct str text, const struct val_zone *zone,
                  struct val_time *out, const char **why)
{
        struct parse p = {.layout = layout, .text = text, .month = -1, .day = -1, .yday = -1};
        bool ok = true;
        for (size_t from = 0; ok;) {
                struct layout_item item = layout_next(layout, from);
                ok = literal(&p, (struct str){layout.p + from, item.from - from});
                if (!ok || item.part == LP_NONE)
                        break;
                ok = part(&p, &item);
                from = item.to;
        }
        if (ok && p.at != text.n)
                ok = fail(&p, "there is more text than layout");
        struct val_time t;
        ok = ok && finish(&p, a, zone, &t);
        if (ok)
                *out = t;
        if (why)
                *why = p.why;
        return ok;
}
