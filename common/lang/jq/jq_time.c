/* common/lang/jq/jq_time.c: see jq_priv.h: broken-down times ([year, month from 0, day, hour,
 * minute, seconds, weekday, day of the year from 0]), strftime and strptime. Everything is UTC.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/gotime.h"
#include "common/lang/jq/jq_priv.h"
#include <ctype.h>
#include <math.h>
#include <strings.h>

static bool give(struct jv *out, struct jv v)
{
        *out = v;
        return true;
}

/* ---- seconds and arrays ---- */

static struct jv broken_down(struct jq_run *r, double d)
{
        struct val_time t = {.sec = gonum_f64_to_i64(d)};
        double rest = isfinite(d) ? (d - floor(d)) * 1e9 : 0;
        if (t.sec > INT64_C(1) << 50 || t.sec < -(INT64_C(1) << 50))
                t.sec = 0;
        t.nsec = (int32_t)rest;
        struct gocivil c = gotime_civil(t);
        struct jv_mem *m = &r->mem;
        struct jv a = jv_array_new(m, 8);
        a = jv_append(m, a, jv_int(c.year));
        a = jv_append(m, a, jv_int(c.month - 1));
        a = jv_append(m, a, jv_int(c.day));
        a = jv_append(m, a, jv_int(c.hour));
        a = jv_append(m, a, jv_int(c.minute));
        a = jv_append(m, a, jv_float(c.second + c.nanosecond / 1e9));
        a = jv_append(m, a, jv_int(c.weekday));
        return jv_append(m, a, jv_int(c.yearday - 1));
}

static int64_t small(int64_t v)
{
        return v > 1000000000 ? 1000000000 : v < -1000000000 ? -1000000000 : v;
}

/* False: not eight numbers. */
static bool instant(struct jq_run *r, struct jv a, struct val_time *out)
{
        int64_t part[8] = {0}, ns = 0;
        for (size_t i = 0; i < 8 && i < jv_len(a); i++) {
                double d;
                if (i == 5) {
                        if (!jv_to_double(&r->mem, jv_at(a, i), &d))
                                return false;
                        part[i] = gonum_f64_to_i64(d);
                        ns = isfinite(d) ? (int64_t)((d - floor(d)) * 1e9) : 0;
                } else if (!jv_to_int(&r->mem, jv_at(a, i), &part[i])) {
                        return false;
                }
        }
        *out = gotime_date(small(part[0]), small(part[1]) + 1, small(part[2]), small(part[3]),
                           small(part[4]), small(part[5]), ns, NULL);
        return true;
}

static double seconds(struct val_time t)
{
        return (double)t.sec + t.nsec / 1e9;
}

static bool fn_gmtime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double d;
        (void)args;
        if (!jv_to_double(&r->mem, in, &d))
                return jq_unfit0(r, "gmtime", in);
        return give(out, broken_down(r, d));
}

static bool fn_localtime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        double d;
        (void)args;
        if (!jv_to_double(&r->mem, in, &d))
                return jq_unfit0(r, "localtime", in);
        return give(out, broken_down(r, d));
}

static bool fn_mktime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct val_time t;
        (void)args;
        if (in.kind != JV_ARRAY)
                return jq_unfit0(r, "mktime", in);
        if (!instant(r, in, &t))
                return jq_failed0(r, "mktime", in, "expected an array of 8 numbers");
        return give(out, jv_float(seconds(t)));
}

static bool fn_now(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)in;
        (void)args;
        int64_t ns = r->clock ? clock_wall(r->clock).ns : 0;
        return give(out, jv_float((double)(ns / 1000000000) + (double)(ns % 1000000000) / 1e9));
}

/* ---- strftime ---- */

struct field {    /* flags of one directive */
        char pad; /* '0', ' ', or '-' for none; 0: not given */
        int width;
        bool upper, swap;
};

static void put_number(struct abuf *b, const struct field *f, char pad, int width, int64_t n)
{
        char text[32];
        char fill = f->pad ? f->pad : pad;
        snprintf(text, sizeof(text), "%lld", (long long)(n < 0 ? -n : n));
        int have = (int)strlen(text) + (n < 0);
        if (f->width > width)
                width = f->width;
        if (n < 0 && fill == '0')
                abuf_addc(b, '-');
        for (; fill != '-' && have < width; have++)
                abuf_addc(b, fill);
        if (n < 0 && fill != '0')
                abuf_addc(b, '-');
        abuf_adds(b, text);
}

static void put_name(struct abuf *b, const struct field *f, const char *name, size_t n)
{
        int have = (int)n;
        bool small_letters = f->swap && n > 1 && isupper((unsigned char)name[1]);
        for (; f->pad != '-' && have < f->width; have++)
                abuf_addc(b, f->pad == '0' ? '0' : ' ');
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)name[i];
                abuf_addc(b, (char)(small_letters         ? tolower(c)
                                    : f->upper || f->swap ? toupper(c)
                                                          : c));
        }
}

static void iso_week(const struct gocivil *c, int64_t *year, int *week)
{
        int weekday = (c->weekday + 6) % 7; /* Monday 0 */
        struct val_time thursday =
                gotime_date(c->year, c->month, c->day + 3 - weekday, 0, 0, 0, 0, NULL);
        struct gocivil t = gotime_civil(thursday);
        *year = t.year;
        *week = (t.yearday - 1) / 7 + 1;
}

static void put_format(struct abuf *b, struct str format, struct val_time t, int depth);

static void put_composed(struct abuf *b, const char *format, struct val_time t, int depth)
{
        put_format(b, str_of(format), t, depth + 1);
}

static bool put_clock(struct abuf *b, char verb, const struct field *f, const struct gocivil *c)
{
        struct field swapped = *f;
        switch (verb) {
        case 'k': put_number(b, f, ' ', 2, c->hour); return true;
        case 'H': put_number(b, f, '0', 2, c->hour); return true;
        case 'l': put_number(b, f, ' ', 2, c->hour % 12 ? c->hour % 12 : 12); return true;
        case 'I': put_number(b, f, '0', 2, c->hour % 12 ? c->hour % 12 : 12); return true;
        case 'M': put_number(b, f, '0', 2, c->minute); return true;
        case 'S': put_number(b, f, '0', 2, c->second); return true;
        case 'f': put_number(b, f, '0', f->width ? f->width : 6, c->nanosecond / 1000); return true;
        case 'P': swapped.swap = !(f->upper || f->swap); break;
        case 'p': break;
        default: return false;
        }
        put_name(b, &swapped, c->hour < 12 ? "AM" : "PM", 2);
        return true;
}

static bool put_date(struct abuf *b, char verb, const struct field *f, const struct gocivil *c)
{
        int64_t year;
        int week, monday = (c->weekday + 6) % 7;
        iso_week(c, &year, &week);
        switch (verb) {
        case 'Y': put_number(b, f, '0', f->width ? f->width : 4, c->year); return true;
        case 'y': put_number(b, f, '0', 2, llabs(c->year % 100)); return true;
        case 'C': put_number(b, f, '0', 2, c->year / 100); return true;
        case 'g': put_number(b, f, '0', 2, llabs(year % 100)); return true;
        case 'G': put_number(b, f, '0', f->width ? f->width : 4, year); return true;
        case 'm': put_number(b, f, '0', 2, c->month); return true;
        case 'B':
                put_name(b, f, gotime_months[c->month - 1], strlen(gotime_months[c->month - 1]));
                return true;
        case 'b':
        case 'h': put_name(b, f, gotime_months[c->month - 1], 3); return true;
        case 'A':
                put_name(b, f, gotime_days[c->weekday], strlen(gotime_days[c->weekday]));
                return true;
        case 'a': put_name(b, f, gotime_days[c->weekday], 3); return true;
        case 'w': put_number(b, f, '0', 1, c->weekday); return true;
        case 'u': put_number(b, f, '0', 1, c->weekday ? c->weekday : 7); return true;
        case 'V': put_number(b, f, '0', 2, week); return true;
        case 'U': put_number(b, f, '0', 2, (c->yearday + 6 - c->weekday) / 7); return true;
        case 'W': put_number(b, f, '0', 2, (c->yearday + 6 - monday) / 7); return true;
        case 'e': put_number(b, f, ' ', 2, c->day); return true;
        case 'd': put_number(b, f, '0', 2, c->day); return true;
        case 'j': put_number(b, f, '0', 3, c->yearday); return true;
        default: return false;
        }
}

static bool put_other(struct abuf *b, char verb, const struct field *f, struct val_time t,
                      int depth)
{
        static const struct {
                char verb;
                const char *format;
        } composed[] = {{'c', "%a %b %e %H:%M:%S %Y"},
                        {'+', "%a %b %e %H:%M:%S %Z %Y"},
                        {'v', "%e-%b-%Y"},
                        {'r', "%I:%M:%S %p"},
                        {'F', "%Y-%m-%d"},
                        {'D', "%m/%d/%y"},
                        {'x', "%m/%d/%y"},
                        {'T', "%H:%M:%S"},
                        {'X', "%H:%M:%S"},
                        {'R', "%H:%M"}};
        for (size_t i = 0; i < ARRAY_LEN(composed); i++) {
                if (composed[i].verb == verb && depth == 0) {
                        put_composed(b, composed[i].format, t, depth);
                        return true;
                }
        }
        switch (verb) {
        case 's': put_number(b, f, ' ', 1, t.sec); return true;
        case 'Z': put_name(b, f, "UTC", 3); return true;
        case 'z': abuf_adds(b, "+0000"); return true;
        case 't': put_name(b, f, "\t", 1); return true;
        case 'n': put_name(b, f, "\n", 1); return true;
        case '%': put_name(b, f, "%", 1); return true;
        default: return false;
        }
}

/* Behind a %: flags and width; *i is at the verb, or at the end. */
static struct field read_flags(struct str s, size_t *i)
{
        struct field f = {0};
        for (; *i < s.n; (*i)++) {
                char c = s.p[*i];
                if (c == '-' || c == '_' || c == '0')
                        f.pad = c == '_' ? ' ' : c;
                else if (c == '^')
                        f.upper = true;
                else if (c == '#')
                        f.swap = true;
                else
                        break;
        }
        for (; *i < s.n && isdigit((unsigned char)s.p[*i]); (*i)++)
                f.width = f.width < 100 ? f.width * 10 + (s.p[*i] - '0') : 1024;
        if (f.width && f.pad == '-')
                f.pad = ' ';
        return f;
}

static void put_format(struct abuf *b, struct str s, struct val_time t, int depth)
{
        struct gocivil c = gotime_civil(t);
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] != '%' || i + 1 == s.n) {
                        abuf_addc(b, s.p[i]);
                        continue;
                }
                size_t from = i++;
                struct field f = read_flags(s, &i);
                char verb = i < s.n ? s.p[i] : '\0';
                size_t colons = 0;
                while (verb == ':' && i + colons < s.n && s.p[i + colons] == ':')
                        colons++;
                if (colons && colons <= 3 && i + colons < s.n && s.p[i + colons] == 'z') {
                        abuf_adds(b, colons == 1 ? "+00:00" : colons == 2 ? "+00:00:00" : "+00");
                        i += colons;
                } else if (!verb || (!put_date(b, verb, &f, &c) && !put_clock(b, verb, &f, &c) &&
                                     !put_other(b, verb, &f, t, depth))) {
                        abuf_add(b, (struct str){s.p + from, (i < s.n ? i + 1 : s.n) - from});
                }
        }
}

static bool format_time(struct jq_run *r, const char *name, struct jv in, struct jv format,
                        struct jv *out)
{
        double d;
        struct val_time t;
        struct abuf b = abuf_in(&r->arena);
        if (jv_to_double(&r->mem, in, &d))
                in = broken_down(r, d);
        if (in.kind != JV_ARRAY || format.kind != JV_STR)
                return jq_unfit1(r, name, in, format);
        if (!instant(r, in, &t))
                return jq_failed1(r, name, in, format, "expected an array of 8 numbers");
        jv_charge(&r->mem, format.s.n);
        put_format(&b, format.s, t, 0);
        if (b.failed)
                (void)jv_alloc(&r->mem, SIZE_MAX / 2); /* leaves: no memory */
        jv_charge(&r->mem, b.n / 16);
        return give(out, jv_str(abuf_str(&b)));
}

static bool fn_strftime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return format_time(r, "strftime", in, args[0], out);
}

static bool fn_strflocaltime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        return format_time(r, "strflocaltime", in, args[0], out);
}

/* ---- strptime ---- */

struct scan {
        struct str s, format;
        size_t j; /* in s */
        int64_t year, month, day, hour, minute, second, ns, yday, week, weekday, century, offset;
        int week_start; /* of %U %W %V: Sunday 0, Monday 1, Thursday 4; -1: none */
        bool pm, iso_year;
        char why[200];
};

static bool no(struct scan *x, const char *before, char c, const char *after)
{
        snprintf(x->why, sizeof(x->why), "%s%c%s", before, c, after);
        return false;
}

static bool digits(struct scan *x, size_t max, int64_t least, int64_t most, char verb, int64_t *out)
{
        size_t from = x->j;
        int64_t v = 0;
        for (; x->j < x->s.n && x->j - from < max && isdigit((unsigned char)x->s.p[x->j]); x->j++)
                v = v * 10 + (x->s.p[x->j] - '0');
        *out = v;
        return (x->j > from && v >= least && v <= most) || no(x, "cannot parse \"%", verb, "\"");
}

static bool word(struct scan *x, const char *const *names, size_t n, size_t len, char verb,
                 int64_t *out)
{
        for (size_t i = 0; i < n; i++) {
                size_t k = len ? len : strlen(names[i]);
                if (x->s.n - x->j >= k && strncasecmp(x->s.p + x->j, names[i], k) == 0) {
                        x->j += k;
                        *out = (int64_t)i + 1;
                        return true;
                }
        }
        return no(x, "cannot parse \"%", verb, "\"");
}

static bool sign(struct scan *x)
{
        bool minus = x->j < x->s.n && x->s.p[x->j] == '-';
        x->j += minus;
        return minus;
}

static void space(struct scan *x)
{
        if (x->j < x->s.n && x->s.p[x->j] == ' ')
                x->j++;
}

static bool two(struct scan *x, int64_t most, int64_t *out)
{
        size_t from = x->j;
        return digits(x, 2, 0, most, 'z', out) && x->j == from + 2;
}

static bool zone_offset(struct scan *x)
{
        int64_t h, m = 0, s = 0;
        if (x->j >= x->s.n)
                return no(x, "cannot parse \"%", 'z', "\"");
        char c = x->s.p[x->j++];
        if (c == 'Z') {
                x->offset = 0;
                return true;
        }
        if ((c != '+' && c != '-') || !two(x, 23, &h))
                return no(x, "cannot parse \"%", 'z', "\"");
        bool colon = x->j < x->s.n && x->s.p[x->j] == ':';
        size_t at = x->j;
        x->j += colon;
        if (!two(x, 59, &m)) {
                x->j = colon ? at + 1 : at;
                m = 0;
        } else if (colon && x->j < x->s.n && x->s.p[x->j] == ':') {
                at = x->j++;
                if (!two(x, 59, &s)) {
                        x->j = at;
                        s = 0;
                }
        }
        x->offset = (c == '-' ? -1 : 1) * (h * 3600 + m * 60 + s);
        return true;
}

static bool zone_name(struct scan *x)
{
        size_t from = x->j;
        while (x->j < x->s.n && isupper((unsigned char)x->s.p[x->j]))
                x->j++;
        size_t n = x->j - from;
        return (n >= 3 && n <= 5) || no(x, "cannot parse with \"%", 'Z', "\"");
}

static bool unix_seconds(struct scan *x)
{
        int64_t v;
        bool minus = sign(x);
        if (!digits(x, 11, 0, INT64_MAX, 's', &v))
                return false;
        struct gocivil c = gotime_civil((struct val_time){.sec = minus ? -v : v});
        x->year = c.year;
        x->month = c.month;
        x->day = c.day;
        x->hour = c.hour;
        x->minute = c.minute;
        x->second = c.second;
        return true;
}

static bool week_of(struct scan *x, char verb, int64_t least, int start, int64_t weekday)
{
        x->week_start = start;
        if (!x->weekday)
                x->weekday = weekday;
        return digits(x, 2, least, 53, verb, &x->week);
}

static bool scan_date(struct scan *x, char verb, bool *known)
{
        bool minus;
        int64_t v;
        switch (verb) {
        case 'G':
        case 'Y':
                x->iso_year |= verb == 'G';
                minus = sign(x);
                if (!digits(x, 4, 0, 9999, verb, &x->year))
                        return false;
                x->year = minus ? -x->year : x->year;
                return true;
        case 'g':
        case 'y':
                x->iso_year |= verb == 'g';
                if (!digits(x, 2, 0, 99, verb, &v))
                        return false;
                x->year = v < 69 ? v + 2000 : v + 1900;
                return true;
        case 'C': return digits(x, 2, 0, 99, verb, &x->century);
        case 'm': return digits(x, 2, 1, 12, verb, &x->month);
        case 'B': return word(x, gotime_months, 12, 0, verb, &x->month);
        case 'b':
        case 'h': return word(x, gotime_months, 12, 3, verb, &x->month);
        case 'A': return word(x, gotime_days, 7, 0, verb, &x->weekday);
        case 'a': return word(x, gotime_days, 7, 3, verb, &x->weekday);
        case 'w': return digits(x, 1, 0, 6, verb, &x->weekday) && (x->weekday++, true);
        case 'u':
                return digits(x, 1, 1, 7, verb, &x->weekday) &&
                       (x->weekday = x->weekday % 7 + 1, true);
        case 'V': return week_of(x, verb, 1, 4, 2);
        case 'U': return week_of(x, verb, 0, 0, 1);
        case 'W': return week_of(x, verb, 0, 1, 2);
        case 'e': space(x); return digits(x, 2, 1, 31, verb, &x->day);
        case 'd': return digits(x, 2, 1, 31, verb, &x->day);
        case 'j': return digits(x, 3, 1, 366, verb, &x->yday);
        default: *known = false; return true;
        }
}

static bool scan_clock(struct scan *x, char verb, bool *known)
{
        static const char *const halves[] = {"AM", "PM"};
        int64_t v;
        size_t from = x->j;
        switch (verb) {
        case 'k': space(x); return digits(x, 2, 0, 23, verb, &x->hour);
        case 'H': return digits(x, 2, 0, 23, verb, &x->hour);
        case 'l':
        case 'I':
                if (verb == 'l')
                        space(x);
                if (!digits(x, 2, 1, 12, verb, &x->hour))
                        return false;
                x->hour %= 12;
                return true;
        case 'P':
        case 'p': return word(x, halves, 2, 0, verb, &v) && (x->pm = v == 2, true);
        case 'M': return digits(x, 2, 0, 59, verb, &x->minute);
        case 'S': return digits(x, 2, 0, 60, verb, &x->second);
        case 's': return unix_seconds(x);
        case 'f':
                if (!digits(x, 6, 0, 999999, verb, &x->ns))
                        return false;
                for (size_t n = x->j - from; n < 9; n++)
                        x->ns *= 10;
                return true;
        case 'Z': return zone_name(x);
        case 'z': return zone_offset(x);
        default: *known = false; return true;
        }
}

static bool scan_format(struct scan *x, struct str f, int depth);

static bool scan_verb(struct scan *x, char verb, int depth)
{
        static const struct {
                char verb;
                const char *format;
        } composed[] = {{'c', "%a %b %e %H:%M:%S %Y"},
                        {'+', "%a %b %e %H:%M:%S %Z %Y"},
                        {'v', "%e-%b-%Y"},
                        {'r', "%I:%M:%S %p"},
                        {'F', "%Y-%m-%d"},
                        {'D', "%m/%d/%y"},
                        {'x', "%m/%d/%y"},
                        {'T', "%H:%M:%S"},
                        {'X', "%H:%M:%S"},
                        {'R', "%H:%M"}};
        bool known = true;
        bool ok = scan_date(x, verb, &known);
        if (!known) {
                known = true;
                ok = scan_clock(x, verb, &known);
        }
        if (known)
                return ok;
        for (size_t i = 0; depth == 0 && i < ARRAY_LEN(composed); i++)
                if (composed[i].verb == verb)
                        return scan_format(x, str_of(composed[i].format), 1);
        if (verb == 't' || verb == 'n') {
                size_t from = x->j;
                while (x->j < x->s.n && isspace((unsigned char)x->s.p[x->j]))
                        x->j++;
                return x->j > from || no(x, "expected a space for \"%", verb, "\"");
        }
        if (verb != '%')
                return no(x, "unexpected format \"%", verb, "\"");
        if (x->j >= x->s.n || x->s.p[x->j] != '%')
                return no(x, "expected '", '%', "'");
        x->j++;
        return true;
}

static bool scan_format(struct scan *x, struct str f, int depth)
{
        for (size_t i = 0; i < f.n; i++) {
                if (f.p[i] != '%') {
                        if (x->j >= x->s.n || x->s.p[x->j] != f.p[i])
                                return no(x, "expected '", f.p[i], "'");
                        x->j++;
                        continue;
                }
                if (++i == f.n)
                        return no(x, "stray \"", '%', "\"");
                while (f.p[i] == ':' && i + 1 < f.n)
                        i++;
                if (!scan_verb(x, f.p[i], depth))
                        return false;
        }
        return true;
}

static bool assemble(struct scan *x, struct val_time *out)
{
        if (x->pm)
                x->hour += 12;
        if (x->century >= 0)
                x->year = x->century * 100 + x->year % 100;
        if (!x->day && x->yday > 0) {
                if (x->iso_year)
                        return no(x, "use \"%Y\" to parse non-ISO year for \"%", 'j', "\"");
                x->month = 1;
                x->day = x->yday;
        } else if (!x->day && x->week_start >= 0) {
                if ((x->week_start == 4) != x->iso_year)
                        return no(x, "the year does not go with \"%",
                                  x->week_start == 4 ? 'V' : 'U', "\"");
                if (x->week_start > 0 && x->weekday == 1)
                        x->week++;
                struct val_time t = gotime_date(x->year, 1, -x->week_start, x->hour, x->minute,
                                                x->second, x->ns, NULL);
                int64_t days = x->week * 7 - gotime_civil(t).weekday + x->weekday - 1;
                *out = gotime_add_date(t, 0, 0, days);
                out->sec -= x->offset;
                return true;
        } else if (!x->day) {
                x->day = 1;
        }
        *out = gotime_date(x->year, x->month, x->day, x->hour, x->minute, x->second, x->ns, NULL);
        out->sec -= x->offset;
        return true;
}

static bool fn_strptime(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        struct val_time t;
        if (in.kind != JV_STR || args[0].kind != JV_STR)
                return jq_unfit1(r, "strptime", in, args[0]);
        struct scan x = {.s = in.s,
                         .format = args[0].s,
                         .year = 1900,
                         .month = 1,
                         .century = -1,
                         .week_start = -1};
        jv_charge(&r->mem, in.s.n + args[0].s.n);
        bool ok = scan_format(&x, args[0].s, 0);
        if (ok && x.j < in.s.n) {
                snprintf(x.why, sizeof(x.why), "unparsed string \"%.*s\"",
                         (int)(in.s.n - x.j > 100 ? 100 : in.s.n - x.j), in.s.p + x.j);
                ok = false;
        }
        ok = ok && assemble(&x, &t);
        if (!ok) {
                struct abuf why = abuf_in(&r->arena);
                abuf_adds(&why, "failed to parse ");
                gofmt_quote(&why, in.s, false);
                abuf_adds(&why, " with ");
                gofmt_quote(&why, args[0].s, false);
                abuf_addf(&why, ": %s", x.why);
                abuf_addc(&why, '\0');
                return jq_failed1(r, "strptime", in, args[0], why.failed ? x.why : why.p);
        }
        if (gotime_is_zero(t))
                return jq_unfit1(r, "strptime", in, args[0]);
        return give(out, broken_down(r, seconds(t)));
}

const struct native jq_time_natives[] = {
        {"gmtime", 0, fn_gmtime},     {"localtime", 0, fn_localtime},
        {"mktime", 0, fn_mktime},     {"now", 0, fn_now},
        {"strftime", 1, fn_strftime}, {"strflocaltime", 1, fn_strflocaltime},
        {"strptime", 1, fn_strptime}, {NULL, 0, NULL}};
