/* common/lang/gotime/gozone.c: see gotime.h: zones from TZif files (RFC 8536), with the rule at
 * their end for the times behind the last listed change. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct zone_kind {
        int32_t offset;
        bool dst;
        unsigned char abbrev; /* index into the abbreviations */
};
struct change {
        int64_t at;
        unsigned char kind;
};
/* When in a year a rule switches: month/week/day (M), or a day of the year. */
struct rule_date {
        char form; /* 'M', 'J' (1-365, no leap day), 'N' (0-365) */
        int month, week, day;
        int64_t seconds; /* of the local clock */
};
struct rule {
        bool any, has_dst;
        struct str std_abbrev, dst_abbrev;
        int32_t std_offset, dst_offset;
        struct rule_date start, end;
};
struct val_zone {
        const char *name;
        struct str fixed_abbrev;
        int32_t fixed_offset;
        bool fixed;
        const struct zone_kind *kinds;
        size_t nkinds;
        const struct change *changes;
        size_t nchanges;
        const char *abbrevs; /* NUL-separated */
        struct rule rule;
};

/* ---- the rule: "EST5EDT,M3.2.0,M11.1.0/2" ---- */

static bool rule_number(const char **p, int64_t *out, int64_t max)
{
        if (!isdigit((unsigned char)**p))
                return false;
        for (*out = 0; isdigit((unsigned char)**p); (*p)++) {
                *out = *out * 10 + (**p - '0');
                if (*out > max)
                        return false;
        }
        return true;
}

static bool rule_abbrev(const char **p, struct str *out)
{
        const char *from = *p;
        if (*from == '<') {
                const char *end = strchr(from, '>');
                if (!end)
                        return false;
                *out = (struct str){from + 1, (size_t)(end - from) - 1};
                *p = end + 1;
                return true;
        }
        while (isalpha((unsigned char)**p))
                (*p)++;
        *out = (struct str){from, (size_t)(*p - from)};
        return out->n >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool rule_time(const char **p, int64_t *out)
{
        int64_t h, m = 0, s = 0;
        bool negative = **p == '-';
        if (**p == '-' || **p == '+')
                (*p)++;
        if (!rule_number(p, &h, 24 * 7))
                return false;
        if (**p == ':') {
                (*p)++;
                if (!rule_number(p, &m, 59))
                        return false;
        }
        if (**p == ':') {
                (*p)++;
                if (!rule_number(p, &s, 59))
                        return false;
        }
        *out = h * 3600 + m * 60 + s;
        if (negative)
                *out = -*out;
        return true;
}

static bool rule_date(const char **p, struct rule_date *out)
{
        int64_t a = 0, b = 0, c = 0;
        *out = (struct rule_date){.form = 'N', .seconds = 7200};
        if (**p == 'J' || **p == 'M')
                out->form = *(*p)++;
        if (!rule_number(p, &a, 365))
                return false;
        if (out->form == 'M') {
                if (*(*p)++ != '.' || !rule_number(p, &b, 5) || *(*p)++ != '.' ||
                    !rule_number(p, &c, 6))
                        return false;
                out->month = (int)a;
                out->week = (int)b;
        }
        out->day = (int)(out->form == 'M' ? c : a);
        if (**p == '/') {
                (*p)++;
                return rule_time(p, &out->seconds);
        }
        return true;
}

static bool parse_rule(const char *p, struct rule *r)
{
        int64_t offset;
        if (!rule_abbrev(&p, &r->std_abbrev) || !rule_time(&p, &offset))
                return false;
        r->std_offset = (int32_t)-offset;
        r->any = true;
        if (!*p)
                return true;
        if (!rule_abbrev(&p, &r->dst_abbrev))
                return false;
        r->dst_offset = r->std_offset + 3600;
        if (*p && *p != ',') {
                if (!rule_time(&p, &offset))
                        return false;
                r->dst_offset = (int32_t)-offset;
        }
        if (!*p)
                p = ",M3.2.0,M11.1.0";
        r->has_dst = *p == ',' && (p++, rule_date(&p, &r->start)) && *p == ',' &&
                     (p++, rule_date(&p, &r->end));
        return r->has_dst && !*p;
}

static int64_t days_from_epoch(int64_t year, int month, int day)
{
        return gotime_date(year, month, day, 0, 0, 0, 0, NULL).sec / 86400;
}

static bool is_leap(int64_t y)
{
        return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Seconds since 1970 of the local clock at which the rule switches in this year. */
static int64_t rule_moment(const struct rule_date *r, int64_t year)
{
        int64_t day;
        if (r->form == 'J') {
                day = days_from_epoch(year, 1, 1) + r->day - 1 + (is_leap(year) && r->day >= 60);
        } else if (r->form == 'N') {
                day = days_from_epoch(year, 1, 1) + r->day;
        } else {
                int64_t first = days_from_epoch(year, r->month, 1);
                int64_t weekday = ((first % 7) + 11) % 7;
                day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
                int64_t next = r->month == 12 ? days_from_epoch(year + 1, 1, 1)
                                              : days_from_epoch(year, r->month + 1, 1);
                while (day >= next)
                        day -= 7;
        }
        return day * 86400 + r->seconds;
}

static struct gozone_span rule_span(const struct rule *r, int64_t sec, int64_t last)
{
        struct gozone_span std = {r->std_offset, r->std_abbrev, false, last, INT64_MAX};
        if (!r->has_dst)
                return std;
        struct gozone_span dst = {r->dst_offset, r->dst_abbrev, true, last, INT64_MAX};
        int64_t year = gotime_civil((struct val_time){sec + r->std_offset, 0, NULL}).year;
        struct gozone_span best = std;
        /* The switches of three years in order; the last one at or before `sec` holds. */
        for (int64_t y = year - 1; y <= year + 1; y++) {
                int64_t on = rule_moment(&r->start, y) - r->std_offset;
                int64_t off = rule_moment(&r->end, y) - r->dst_offset;
                for (int k = 0; k < 2; k++) {
                        bool is_on = (k == 0) == (on < off);
                        int64_t at = is_on ? on : off;
                        if (at <= sec) {
                                best = is_on ? dst : std;
                                best.from = at > last ? at : last;
                        } else if (best.to == INT64_MAX) {
                                best.to = at;
                        }
                }
        }
        return best;
}

/* ---- TZif ---- */

struct reader {
        const unsigned char *p;
        size_t left;
};

static const unsigned char *take(struct reader *r, size_t n)
{
        const unsigned char *p = r->p;
        if (r->left < n)
                return NULL;
        r->p += n;
        r->left -= n;
        return p;
}

static int64_t big_endian(const unsigned char *p, size_t n)
{
        uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
        for (size_t i = 0; i < n; i++)
                v = v << 8 | p[i];
        return (int64_t)v;
}

struct header {
        size_t utc, std, leap, times, kinds, chars;
        char version;
};

static bool read_header(struct reader *r, struct header *h)
{
        const unsigned char *p = take(r, 44);
        if (!p || memcmp(p, "TZif", 4) != 0)
                return false;
        h->version = (char)p[4];
        size_t *const fields[] = {&h->utc, &h->std, &h->leap, &h->times, &h->kinds, &h->chars};
        for (size_t i = 0; i < 6; i++) {
                *fields[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
                if (*fields[i] > 10000)
                        return false;
        }
        return h->kinds > 0 && h->kinds < 256;
}

static bool read_block(struct reader *r, const struct header *h, size_t width, struct arena *a,
                       struct val_zone *z)
{
        const unsigned char *times = take(r, h->times * width), *idx = take(r, h->times);
        const unsigned char *kinds = take(r, h->kinds * 6), *chars = take(r, h->chars);
        if (!take(r, h->leap * (width + 4) + h->std + h->utc) || !times || !idx || !kinds || !chars)
                return false;
        struct change *changes = arena_try_alloc(a, (h->times + 1) * sizeof(*changes));
        struct zone_kind *list = arena_try_alloc(a, h->kinds * sizeof(*list));
        char *text = arena_try_alloc(a, h->chars + 1);
        if (!changes || !list || !text)
                return false;
        for (size_t i = 0; i < h->times; i++) {
                if (idx[i] >= h->kinds)
                        return false;
                changes[i] = (struct change){big_endian(times + i * width, width), idx[i]};
        }
        for (size_t i = 0; i < h->kinds; i++) {
                const unsigned char *k = kinds + 6 * i;
                if (k[5] >= h->chars)
                        return false;
                list[i] = (struct zone_kind){(int32_t)big_endian(k, 4), k[4] != 0, k[5]};
        }
        memcpy(text, chars, h->chars);
        text[h->chars] = '\0';
        z->changes = changes;
        z->nchanges = h->times;
        z->kinds = list;
        z->nkinds = h->kinds;
        z->abbrevs = text;
        return true;
}

static bool parse_file(const unsigned char *data, size_t n, struct arena *a, struct val_zone *z)
{
        struct reader r = {data, n};
        struct header h;
        if (!read_header(&r, &h))
                return false;
        if (h.version < '2')
                return read_block(&r, &h, 4, a, z);
        if (!take(&r, h.times * 5 + h.kinds * 6 + h.chars + h.leap * 8 + h.std + h.utc) ||
            !read_header(&r, &h) || !read_block(&r, &h, 8, a, z))
                return false;
        if (r.left > 2 && r.p[0] == '\n' && r.p[r.left - 1] == '\n') {
                char *rule = arena_try_alloc(a, r.left);
                if (!rule)
                        return false;
                memcpy(rule, r.p + 1, r.left - 2);
                rule[r.left - 2] = '\0';
                struct rule parsed = {0};
                if (parse_rule(rule, &parsed))
                        z->rule = parsed;
        }
        return true;
}

/* Names of the database only: no way out of its folder. */
static bool name_ok(struct str name)
{
        if (name.n == 0 || name.n > 100 || name.p[0] == '/' || name.p[0] == '.')
                return false;
        for (size_t i = 0; i < name.n; i++) {
                char c = name.p[i];
                if (!isalnum((unsigned char)c) && !strchr("_+-/", c))
                        return false;
        }
        return true;
}

static bool read_file(struct str name, unsigned char *out, size_t max, size_t *n)
{
        char path[200];
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", (int)name.n, name.p);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        if (fd < 0)
                return false;
        ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, out, max) : -1;
        close(fd);
        *n = got > 0 ? (size_t)got : 0;
        return got > 0;
}

bool gozone_load(struct arena *a, struct str name, const struct val_zone **out)
{
        enum { FILE_MAX = 64 << 10 };
        if (name.n == 0 || str_eq(name, "UTC") || str_eq(name, "Local")) {
                *out = NULL;
                return true;
        }
        size_t n;
        unsigned char *data = name_ok(name) ? mem_alloc(FILE_MAX) : NULL;
        struct val_zone *z = arena_try_alloc(a, sizeof(*z));
        bool ok = data && z && read_file(name, data, FILE_MAX, &n);
        if (ok) {
                *z = (struct val_zone){0};
                char *copy = arena_try_alloc(a, name.n + 1);
                ok = copy && parse_file(data, n, a, z);
                if (ok) {
                        memcpy(copy, name.p, name.n);
                        copy[name.n] = '\0';
                        z->name = copy;
                        *out = z;
                }
        }
        mem_free(data);
        return ok;
}

const struct val_zone *gozone_fixed(struct arena *a, struct str abbrev, int32_t offset)
{
        struct val_zone *z = arena_try_alloc(a, sizeof(*z));
        char *copy = arena_try_alloc(a, abbrev.n + 1);
        if (!z || !copy)
                return NULL;
        if (abbrev.n)
                memcpy(copy, abbrev.p, abbrev.n);
        copy[abbrev.n] = '\0';
        *z = (struct val_zone){.name = copy,
                               .fixed = true,
                               .fixed_offset = offset,
                               .fixed_abbrev = {copy, abbrev.n}};
        return z;
}

const char *gozone_name(const struct val_zone *z)
{
        return z ? z->name : "UTC";
}

/* Before the first change: the first kind, unless it is daylight saving time; then the first
 * standard one. */
static const struct zone_kind *first_kind(const struct val_zone *z)
{
        if (z->nchanges && z->kinds[z->changes[0].kind].dst)
                for (size_t i = z->changes[0].kind; i-- > 0;)
                        if (!z->kinds[i].dst)
                                return &z->kinds[i];
        bool used = false;
        for (size_t i = 0; i < z->nchanges; i++)
                used |= z->changes[i].kind == 0;
        if (!used)
                return &z->kinds[0];
        for (size_t i = 0; i < z->nkinds; i++)
                if (!z->kinds[i].dst)
                        return &z->kinds[i];
        return &z->kinds[0];
}

static struct gozone_span span_of(const struct val_zone *z, const struct zone_kind *k, int64_t from,
                                  int64_t to)
{
        return (struct gozone_span){k->offset, str_of(z->abbrevs + k->abbrev), k->dst, from, to};
}

struct gozone_span gozone_at(const struct val_zone *z, int64_t sec)
{
        if (!z)
                return (struct gozone_span){0, STR("UTC"), false, INT64_MIN, INT64_MAX};
        if (z->fixed)
                return (struct gozone_span){z->fixed_offset, z->fixed_abbrev, false, INT64_MIN,
                                            INT64_MAX};
        if (z->nchanges == 0 || sec < z->changes[0].at) {
                int64_t to = z->nchanges ? z->changes[0].at : INT64_MAX;
                if (z->nchanges == 0 && z->rule.any)
                        return rule_span(&z->rule, sec, INT64_MIN);
                return span_of(z, first_kind(z), INT64_MIN, to);
        }
        size_t lo = 0, hi = z->nchanges;
        while (hi - lo > 1) {
                size_t mid = (lo + hi) / 2;
                if (sec < z->changes[mid].at)
                        hi = mid;
                else
                        lo = mid;
        }
        if (lo == z->nchanges - 1 && z->rule.any)
                return rule_span(&z->rule, sec, z->changes[lo].at);
        return span_of(z, &z->kinds[z->changes[lo].kind], z->changes[lo].at,
                       hi < z->nchanges ? z->changes[hi].at : INT64_MAX);
}

static bool same_text(struct str a, struct str b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool gozone_offset_of(const struct val_zone *z, struct str abbrev, int64_t sec, int32_t *offset)
{
        if (!z || z->fixed) {
                struct gozone_span at = gozone_at(z, sec);
                *offset = at.offset;
                return same_text(at.abbrev, abbrev);
        }
        /* First a kind that is in force at that reading of the clock, else any with the name. */
        for (size_t i = 0; i < z->nkinds; i++) {
                const struct zone_kind *k = &z->kinds[i];
                if (str_eq(abbrev, z->abbrevs + k->abbrev) &&
                    same_text(gozone_at(z, sec - k->offset).abbrev, abbrev)) {
                        *offset = gozone_at(z, sec - k->offset).offset;
                        return true;
                }
        }
        for (size_t i = 0; i < z->nkinds; i++) {
                if (str_eq(abbrev, z->abbrevs + z->kinds[i].abbrev)) {
                        *offset = z->kinds[i].offset;
                        return true;
                }
        }
        return false;
}
