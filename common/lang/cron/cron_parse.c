/* common/lang/cron/cron_parse.c: see cron.h: texts to bit sets, one bit per allowed value.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/cron/cron_priv.h"
#include "common/lang/gonum.h"
#include "common/lang/unicode/unicode.h"
#include <strings.h>

struct bounds {
        const char *name;
        unsigned min, max;
        const char *const *names; /* of min, min + 1, ...; NULL: none */
};
static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
enum { MINUTE, HOUR, DOM, MONTH, DOW, FIELDS };
static const struct bounds bounds[FIELDS] = {{"minute", 0, 59, NULL},
                                             {"hour", 0, 23, NULL},
                                             {"day of month", 1, 31, NULL},
                                             {"month", 1, 12, months},
                                             {"day of week", 0, 6, days}};

struct parse {
        const char *text; /* the whole, for offsets */
        size_t *at;
        struct err *e;
};
#define refuse(p, place, fmt, ...)                        \
        (refused_at((p), (place)),                        \
         err_set((p)->e, ERR_INVALID, "offset %zu: " fmt, \
                 (size_t)((place) - (p)->text) __VA_OPT__(, ) __VA_ARGS__))

static void refused_at(const struct parse *p, const char *place)
{
        if (p->at)
                *p->at = (size_t)(place - p->text);
}

/* Cuts at the first c: the part before it; *rest is what follows, .p NULL when there is no c. */
static struct str cut(struct str s, char c, struct str *rest)
{
        const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
        *rest = at ? (struct str){at + 1, s.n - (size_t)(at - s.p) - 1} : (struct str){0};
        return at ? (struct str){s.p, (size_t)(at - s.p)} : s;
}

static int number(const struct parse *p, struct str s, const struct bounds *b, unsigned *out)
{
        int64_t n;
        if (gonum_int(s, 10, 64, &n) != GONUM_OK || n < 0)
                return refuse(p, s.p, "%s: expected a number%s, found '%.*s'", b->name,
                              b->names == months ? " or JAN to DEC"
                              : b->names         ? " or SUN to SAT"
                                                 : "",
                              (int)s.n, s.p);
        *out = n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
        return 0;
}

static int number_or_name(const struct parse *p, struct str s, const struct bounds *b,
                          unsigned *out)
{
        for (unsigned i = 0; b->names && s.n == 3 && i <= b->max - b->min; i++) {
                if (strncasecmp(s.p, b->names[i], 3) == 0) {
                        *out = b->min + i;
                        return 0;
                }
        }
        return number(p, s, b, out);
}

static int check_range(const struct parse *p, struct str s, const struct bounds *b, unsigned from,
                       unsigned to)
{
        if (from < b->min)
                return refuse(p, s.p, "%s: %u is below %u", b->name, from, b->min);
        if (to > b->max)
                return refuse(p, s.p, "%s: %u is above %u%s", b->name, to, b->max,
                              b->names == days && to == 7 ? " (Sunday is 0)" : "");
        if (from > to)
                return refuse(p, s.p, "%s: %u-%u runs backwards", b->name, from, to);
        return 0;
}

/* *, ?, n or a-b. *open: no upper end was given. */
static int parse_span(const struct parse *p, struct str s, const struct bounds *b, unsigned *from,
                      unsigned *to, bool *star)
{
        struct str high, more, low = cut(s, '-', &high);
        *star = str_eq(low, "*") || str_eq(low, "?");
        if (*star) {
                *from = b->min;
                *to = b->max;
                return 0;
        }
        if (number_or_name(p, low, b, from) < 0)
                return -1;
        *to = *from;
        if (!high.p)
                return 0;
        high = cut(high, '-', &more);
        if (more.p)
                return refuse(p, s.p, "%s: too many hyphens in '%.*s'", b->name, (int)s.n, s.p);
        return number_or_name(p, high, b, to);
}

static int parse_item(const struct parse *p, struct str s, const struct bounds *b, uint64_t *bits)
{
        struct str step_text, more, span = cut(s, '/', &step_text);
        unsigned from, to, step = 1;
        bool star;
        if (parse_span(p, span, b, &from, &to, &star) < 0)
                return -1;
        if (step_text.p) {
                step_text = cut(step_text, '/', &more);
                if (number(p, step_text, b, &step) < 0)
                        return -1;
                if (more.p)
                        return refuse(p, s.p, "%s: too many slashes in '%.*s'", b->name, (int)s.n,
                                      s.p);
                if (span.n == 0 || !memchr(span.p, '-', span.n))
                        to = b->max; /* n/step runs to the end */
        }
        if (check_range(p, s, b, from, to) < 0)
                return -1;
        if (step == 0)
                return refuse(p, step_text.p, "%s: a step of 0", b->name);
        for (uint64_t i = from; i <= to; i += step)
                *bits |= UINT64_C(1) << i;
        if (star && step == 1)
                *bits |= CRON_STAR;
        return 0;
}

/* A list; empty items are nothing. */
static int parse_field(const struct parse *p, struct str s, const struct bounds *b, uint64_t *bits)
{
        *bits = 0;
        for (struct str rest = s; rest.p;) {
                struct str item = cut(rest, ',', &rest);
                if (item.n && parse_item(p, item, b, bits) < 0)
                        return -1;
        }
        return 0;
}

/* Up to max fields between white space, as Go knows it; returns how many there are in all. */
static size_t split(struct str s, struct str *out, size_t max)
{
        size_t n = 0, start = 0;
        bool inside = false;
        for (size_t i = 0; i <= s.n;) {
                uint32_t c = ' ';
                size_t len = i < s.n ? utf8_decode(s.p + i, s.n - i, &c) : 1;
                if (uni_is_space(c)) {
                        if (inside && n++ < max)
                                out[n - 1] = (struct str){s.p + start, i - start};
                        inside = false;
                } else if (!inside) {
                        start = i;
                        inside = true;
                }
                i += len;
        }
        return n;
}

static int parse_fields(const struct parse *p, struct str s, struct cron *c)
{
        struct str f[FIELDS];
        uint64_t *const sets[FIELDS] = {&c->minute, &c->hour, &c->dom, &c->month, &c->dow};
        size_t n = split(s, f, FIELDS);
        if (n != FIELDS)
                return refuse(p, s.p,
                              "expected exactly 5 fields (minute hour day month weekday), found "
                              "%zu%s",
                              n, n == 6 ? "; there is no field for seconds" : "");
        for (size_t i = 0; i < FIELDS; i++)
                if (parse_field(p, f[i], &bounds[i], sets[i]) < 0)
                        return -1;
        return 0;
}

static int parse_every(const struct parse *p, struct str s, struct cron *c)
{
        int64_t ns;
        if (!godur_parse(s, &ns))
                return refuse(p, s.p,
                              "expected a duration such as 1h30m (units: ns us ms s m h), found "
                              "'%.*s'",
                              (int)s.n, s.p);
        ns -= ns % 1000000000;
        c->every_ns = ns < 1000000000 ? 1000000000 : ns;
        return 0;
}

static int parse_descriptor(const struct parse *p, struct str s, struct cron *c)
{
        static const struct {
                const char *name, *fields;
        } known[] = {{"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"},
                     {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                     {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                     {"@hourly", "0 * * * *"}};
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (str_eq(s, known[i].name))
                        return parse_fields(p, str_of(known[i].fields), c);
        if (s.n >= 7 && memcmp(s.p, "@every ", 7) == 0)
                return parse_every(p, (struct str){s.p + 7, s.n - 7}, c);
        return refuse(p, s.p,
                      "unrecognized descriptor '%.*s'; there are @yearly @monthly @weekly @daily "
                      "@hourly and @every 5m",
                      (int)s.n, s.p);
}

static struct str trim_space(struct str s)
{
        struct str inner = {s.p, 0};
        for (size_t i = 0; i < s.n;) {
                uint32_t c;
                size_t len = utf8_decode(s.p + i, s.n - i, &c);
                if (!uni_is_space(c)) {
                        if (!inner.n)
                                inner.p = s.p + i;
                        inner.n = (size_t)(s.p + i + len - inner.p);
                }
                i += len;
        }
        return inner;
}

/* "CRON_TZ=Zone " in front of *s. */
static int parse_zone(const struct parse *p, struct str *s, struct cron *c)
{
        size_t prefix = s->n >= 3 && memcmp(s->p, "TZ=", 3) == 0        ? 3
                        : s->n >= 8 && memcmp(s->p, "CRON_TZ=", 8) == 0 ? 8
                                                                        : 0;
        struct str rest, name;
        if (!prefix)
                return 0;
        name = cut((struct str){s->p + prefix, s->n - prefix}, ' ', &rest);
        if (!rest.p)
                return refuse(p, name.p + name.n,
                              "expected a space and five fields behind the "
                              "time zone");
        if (!gozone_load(&c->arena, name, &c->zone))
                return refuse(p, name.p, "unknown time zone '%.*s'", (int)name.n, name.p);
        c->has_zone = !str_eq(name, "Local");
        *s = trim_space(rest);
        return 0;
}

static int parse(const struct parse *p, struct str s, enum cron_dialect d, struct cron *c)
{
        if (s.n == 0)
                return refuse(p, s.p, "an empty schedule");
        if (s.n > CRON_TEXT) {
                refused_at(p, s.p);
                return err_set(p->e, ERR_LIMIT, "offset 0: a schedule of more than %d bytes",
                               CRON_TEXT);
        }
        if (parse_zone(p, &s, c) < 0)
                return -1;
        if (s.n == 0 || s.p[0] != '@')
                return parse_fields(p, s, c);
        if (d == CRON_FIELDS)
                return refuse(p, s.p, "'%.*s': only five fields are taken here", (int)s.n, s.p);
        return parse_descriptor(p, s, c);
}

int cron_new(struct cron **out, struct str text, enum cron_dialect d, size_t *at, struct err *e)
{
        AUTO(cron_free) struct cron *c = NEW(struct cron);
        if (!text.p)
                text = STR("");
        struct parse p = {text.p, at, e};
        arena_init(&c->arena, 0);
        if (parse(&p, text, d, c) < 0)
                return -1;
        *out = TAKE(c);
        return 0;
}

struct cron *cron_free(struct cron *c)
{
        if (c) {
                arena_deinit(&c->arena);
                mem_free(c);
        }
        return NULL;
}
