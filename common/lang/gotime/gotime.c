/* common/lang/gotime/gotime.c: see gotime.h: the calendar and durations.
 * Days are counted from 1970 in the proleptic Gregorian calendar; years start in March while
 * counting, so that the leap day is last. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/base/str.h"
#include "common/lang/gonum.h"

const char *const gotime_months[12] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
const char *const gotime_days[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday"};
enum { DAY = 86400 };

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of the first of a month (1 to 12). */
static int64_t month_start(int64_t year, int month)
{
        year -= month <= 2;
        int64_t era = floor_div(year, 400), yoe = year - era * 400;
        int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
        return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, struct gocivil *c)
{
        int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
        int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
        c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
        c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
        c->year = yoe + era * 400 + (c->month <= 2);
        c->weekday = (int)((days % 7 + 11) % 7);
        c->yearday = (int)(days - month_start(c->year, 1) + 1);
}

struct gocivil gotime_civil(struct val_time t)
{
        struct gozone_span at = gozone_at(t.zone, t.sec);
        struct gocivil c = {.nanosecond = t.nsec, .offset = at.offset, .abbrev = at.abbrev};
        int64_t local = t.sec + at.offset, days = floor_div(local, DAY), rest = local - days * DAY;
        date_of(days, &c);
        c.hour = (int)(rest / 3600);
        c.minute = (int)(rest / 60 % 60);
        c.second = (int)(rest % 60);
        return c;
}

static void carry(int64_t *high, int64_t *low, int64_t base)
{
        int64_t n = floor_div(*low, base);
        *high += n;
        *low -= n * base;
}

struct val_time gotime_date(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                            int64_t second, int64_t nanosecond, const struct val_zone *zone)
{
        month--;
        carry(&year, &month, 12);
        carry(&second, &nanosecond, 1000000000);
        carry(&minute, &second, 60);
        carry(&hour, &minute, 60);
        carry(&day, &hour, 24);
        int64_t sec = (month_start(year, (int)month + 1) + day - 1) * DAY + hour * 3600 +
                      minute * 60 + second;
        if (zone) {
                /* Take the offset that holds at that reading; if it leads out of its span, the one
                 * there. */
                struct gozone_span at = gozone_at(zone, sec);
                if (at.offset) {
                        int64_t utc = sec - at.offset;
                        if (utc < at.from || utc >= at.to)
                                at = gozone_at(zone, utc);
                        sec -= at.offset;
                }
        }
        return (struct val_time){sec, (int32_t)nanosecond, zone};
}

struct val_time gotime_add(struct val_time t, int64_t ns)
{
        int64_t nsec = t.nsec + ns % 1000000000;
        t.sec += ns / 1000000000;
        carry(&t.sec, &nsec, 1000000000);
        t.nsec = (int32_t)nsec;
        return t;
}

struct val_time gotime_add_date(struct val_time t, int64_t years, int64_t months, int64_t days)
{
        struct gocivil c = gotime_civil(t);
        return gotime_date(c.year + years, c.month + months, c.day + days, c.hour, c.minute,
                           c.second, c.nanosecond, t.zone);
}

int gotime_compare(struct val_time a, struct val_time b)
{
        if (a.sec != b.sec)
                return a.sec < b.sec ? -1 : 1;
        return a.nsec < b.nsec ? -1 : a.nsec > b.nsec;
}

int64_t gotime_sub(struct val_time a, struct val_time b)
{
        __int128 d = ((__int128)a.sec - b.sec) * 1000000000 + (a.nsec - b.nsec);
        return d > INT64_MAX ? INT64_MAX : d < INT64_MIN ? INT64_MIN : (int64_t)d;
}

struct val_time gotime_zero(void)
{
        return (struct val_time){.sec = INT64_C(-62135596800)};
}

bool gotime_is_zero(struct val_time t)
{
        return t.sec == gotime_zero().sec && t.nsec == 0;
}

struct val_time gotime_round(struct val_time t, int64_t unit, bool up_half)
{
        if (unit <= 0)
                return t;
        __int128 since = ((__int128)t.sec - gotime_zero().sec) * 1000000000 + t.nsec;
        int64_t rest = (int64_t)(since % unit);
        if (rest < 0)
                rest += unit;
        if (up_half && rest + rest >= unit)
                return gotime_add(t, unit - rest);
        return gotime_add(t, -rest);
}

/* ---- durations ---- */

static bool duration_unit(struct str u, uint64_t *ns)
{
        static const struct {
                const char *name;
                uint64_t ns;
        } units[] = {{"ns", 1},
                     {"us", 1000},
                     {"\xC2\xB5s", 1000},
                     {"\xCE\xBCs", 1000},
                     {"ms", 1000000},
                     {"s", 1000000000},
                     {"m", UINT64_C(60000000000)},
                     {"h", UINT64_C(3600000000000)}};
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (str_eq(u, units[i].name)) {
                        *ns = units[i].ns;
                        return true;
                }
        }
        return false;
}

static bool is_digit(struct str s, size_t i)
{
        return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static const uint64_t DURATION_LIMIT = UINT64_C(1) << 63;

/* Digits behind the point, as many as fit. */
static double fraction(struct str s, size_t *i, uint64_t *value)
{
        double scale = 1;
        bool full = false;
        for (; is_digit(s, *i); (*i)++) {
                full |= *value > (DURATION_LIMIT - 1) / 10;
                if (full)
                        continue;
                *value = *value * 10 + (uint64_t)(s.p[*i] - '0');
                scale *= 10;
        }
        return scale;
}

/* One "1.5h" at *i. */
static bool duration_part(struct str s, size_t *i, uint64_t *out)
{
        uint64_t whole = 0, part = 0, unit;
        size_t from = *i;
        double scale = 1;
        bool digits = false;
        for (; is_digit(s, *i); (*i)++, digits = true) {
                if (whole > DURATION_LIMIT / 10)
                        return false;
                whole = whole * 10 + (uint64_t)(s.p[*i] - '0');
                if (whole > DURATION_LIMIT)
                        return false;
        }
        if (*i < s.n && s.p[*i] == '.') {
                from = ++*i;
                scale = fraction(s, i, &part);
                digits |= *i > from;
        }
        size_t name = *i;
        while (*i < s.n && s.p[*i] != '.' && !is_digit(s, *i))
                ++*i;
        if (!digits || !duration_unit((struct str){s.p + name, *i - name}, &unit))
                return false;
        if (whole > DURATION_LIMIT / unit)
                return false;
        *out = whole * unit;
        if (part)
                *out += (uint64_t)((double)part * ((double)unit / scale));
        return *out <= DURATION_LIMIT;
}

bool godur_parse(struct str s, int64_t *ns)
{
        bool negative = s.n && s.p[0] == '-';
        uint64_t total = 0;
        size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
        if (i == s.n)
                return false;
        if (s.n - i == 1 && s.p[i] == '0') {
                *ns = 0;
                return true;
        }
        while (i < s.n) {
                uint64_t part;
                if (!duration_part(s, &i, &part))
                        return false;
                total += part;
                if (total > DURATION_LIMIT)
                        return false;
        }
        if (!negative && total == DURATION_LIMIT)
                return false;
        *ns = (int64_t)(negative ? 0 - total : total);
        return true;
}

bool godur_parse_argo(struct str s, int64_t *ns)
{
        int64_t seconds;
        if (gonum_int(s, 10, 64, &seconds) != GONUM_OK)
                return godur_parse(s, ns);
        *ns = (int64_t)((uint64_t)seconds * 1000000000u); /* wraps, as there */
        return true;
}

void godur_put(struct abuf *b, int64_t ns)
{
        char text[48];
        duration_format(ns, text);
        abuf_adds(b, text);
}

int64_t godur_truncate(int64_t d, int64_t unit)
{
        return unit <= 0 ? d : d - d % unit;
}

int64_t godur_round(int64_t d, int64_t unit)
{
        if (unit <= 0)
                return d;
        int64_t rest = d % unit;
        if (d < 0) {
                rest = -rest;
                if ((uint64_t)rest + (uint64_t)rest < (uint64_t)unit)
                        return d + rest;
                return __builtin_sub_overflow(d, unit - rest, &d) ? INT64_MIN : d;
        }
        if ((uint64_t)rest + (uint64_t)rest < (uint64_t)unit)
                return d - rest;
        return __builtin_add_overflow(d, unit - rest, &d) ? INT64_MAX : d;
}
