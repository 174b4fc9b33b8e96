/* common/lang/cron/cron.c: see cron.h: the search for the next and the previous activation.
 *
 * Both walk from the largest unit to the smallest: while a unit does not fit, step to the next (or
 * the end of the previous) one; when a step carries over into a larger unit, begin again. What days
 * with 23, 25 or no midnight do follows from stepping by elapsed hours but by calendar days: it is
 * robfig's answer, which the recorded cases hold us to. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/cron/cron_priv.h"

enum { YEARS = 5 };
#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static bool has(uint64_t set, int value)
{
        return set >> value & 1;
}

static bool day_fits(const struct cron *c, const struct gocivil *t)
{
        bool dom = has(c->dom, t->day), dow = has(c->dow, t->weekday);
        return (c->dom | c->dow) & CRON_STAR ? dom && dow : dom || dow;
}

/* Nothing to search for: a list without items. */
static bool is_empty(const struct cron *c)
{
        return !c->minute || !c->hour || !c->month || !(c->dom | c->dow);
}

/* A midnight that does not exist was moved: back to the hour that begins the day. */
static struct val_time near_midnight(struct val_time t)
{
        int hour = gotime_civil(t).hour;
        if (hour == 0)
                return t;
        return gotime_add(t, (hour > 12 ? 24 - hour : -hour) * HOUR);
}

enum { FITS, AGAIN }; /* of a step: the unit fits; or a larger unit changed */

struct search {
        const struct cron *c;
        struct val_time t;
        struct gocivil now; /* of t */
        bool moved;         /* t was set to the beginning of a unit */
};

static void move_to(struct search *s, struct val_time t)
{
        s->t = t;
        s->now = gotime_civil(t);
}

static void begin(struct search *s, int64_t day, int64_t hour)
{
        if (!s->moved)
                move_to(s, gotime_date(s->now.year, s->now.month, day, hour, 0, 0, 0, s->t.zone));
        s->moved = true;
}

static int next_month(struct search *s)
{
        while (!has(s->c->month, s->now.month)) {
                begin(s, 1, 0);
                move_to(s, gotime_add_date(s->t, 0, 1, 0));
                if (s->now.month == 1)
                        return AGAIN;
        }
        return FITS;
}

static int next_day(struct search *s)
{
        while (!day_fits(s->c, &s->now)) {
                begin(s, s->now.day, 0);
                struct val_time next = near_midnight(gotime_add_date(s->t, 0, 0, 1));
                if (gotime_compare(next, s->t) <= 0) /* that day was left out (Apia, 2011) */
                        next = gotime_add(s->t, 24 * HOUR);
                move_to(s, next);
                if (s->now.day == 1)
                        return AGAIN;
        }
        return FITS;
}

static int next_hour(struct search *s)
{
        while (!has(s->c->hour, s->now.hour)) {
                begin(s, s->now.day, s->now.hour);
                move_to(s, gotime_add(s->t, HOUR));
                if (s->now.hour == 0)
                        return AGAIN;
        }
        return FITS;
}

static int next_minute(struct search *s)
{
        while (!has(s->c->minute, s->now.minute)) {
                if (!s->moved)
                        s->t = gotime_round(s->t, MINUTE, false);
                s->moved = true;
                move_to(s, gotime_add(s->t, MINUTE));
                if (s->now.minute == 0)
                        return AGAIN;
        }
        return FITS;
}

static int next_second(struct search *s)
{
        while (s->now.second != 0) {
                s->moved = true;
                move_to(s, gotime_add(s->t, SECOND));
                if (s->now.second == 0)
                        return AGAIN;
        }
        return FITS;
}

static struct val_time in_own_zone(const struct cron *c, struct val_time t)
{
        if (c->has_zone)
                t.zone = c->zone;
        return t;
}

bool cron_next(const struct cron *c, struct val_time t, struct val_time *out)
{
        if (c->every_ns) {
                *out = gotime_add(t, c->every_ns - t.nsec);
                return true;
        }
        if (is_empty(c))
                return false;
        struct search s = {.c = c};
        move_to(&s, gotime_add(in_own_zone(c, t), SECOND - t.nsec));
        for (int64_t limit = s.now.year + YEARS; s.now.year <= limit;) {
                if (next_month(&s) == FITS && next_day(&s) == FITS && next_hour(&s) == FITS &&
                    next_minute(&s) == FITS && next_second(&s) == FITS) {
                        *out = s.t;
                        out->zone = t.zone;
                        return true;
                }
        }
        return false;
}

/* The last second before `begin`. In the first passage of an hour that happens twice, the beginning
 * may be that of the second one: then by what has elapsed of the unit (the original hangs here). */
static void step_before(struct search *s, struct val_time begin, int64_t elapsed)
{
        if (gotime_compare(begin, s->t) > 0)
                begin = gotime_add(s->t, -elapsed * SECOND);
        move_to(s, gotime_add(begin, -SECOND));
}

static struct val_time reading(const struct search *s, int64_t day, int64_t hour, int64_t minute)
{
        return gotime_date(s->now.year, s->now.month, day, hour, minute, 0, 0, s->t.zone);
}

static int prev_month(struct search *s)
{
        while (!has(s->c->month, s->now.month)) {
                step_before(s, reading(s, 1, 0, 0), 0);
                if (s->now.month == 12)
                        return AGAIN;
        }
        return FITS;
}

static int64_t since_midnight(const struct search *s)
{
        return s->now.hour * 3600 + s->now.minute * 60 + s->now.second;
}

static int prev_day(struct search *s)
{
        while (!day_fits(s->c, &s->now)) {
                int month = s->now.month;
                step_before(s, near_midnight(reading(s, s->now.day, 0, 0)), since_midnight(s));
                if (s->now.month != month)
                        return AGAIN;
        }
        return FITS;
}

static int prev_hour(struct search *s)
{
        while (!has(s->c->hour, s->now.hour)) {
                step_before(s, reading(s, s->now.day, s->now.hour, 0),
                            s->now.minute * 60 + s->now.second);
                if (s->now.hour == 23)
                        return AGAIN;
        }
        return FITS;
}

static int prev_minute(struct search *s)
{
        while (!has(s->c->minute, s->now.minute)) {
                step_before(s, reading(s, s->now.day, s->now.hour, s->now.minute), s->now.second);
                if (s->now.minute == 59)
                        return AGAIN;
        }
        return FITS;
}

static int prev_second(struct search *s)
{
        while (s->now.second != 0) {
                move_to(s, gotime_add(s->t, -SECOND));
                if (s->now.second == 59)
                        return AGAIN;
        }
        return FITS;
}

bool cron_prev(const struct cron *c, struct val_time t, struct val_time *out)
{
        if (c->every_ns || is_empty(c))
                return false;
        struct search s = {.c = c};
        move_to(&s, gotime_add(in_own_zone(c, t), -SECOND - t.nsec));
        for (int64_t limit = s.now.year - YEARS; s.now.year >= limit;) {
                if (prev_month(&s) == FITS && prev_day(&s) == FITS && prev_hour(&s) == FITS &&
                    prev_minute(&s) == FITS && prev_second(&s) == FITS) {
                        *out = s.t;
                        out->zone = t.zone;
                        return true;
                }
        }
        return false;
}

static struct val_time time_of_ns(int64_t ns, const struct val_zone *zone)
{
        return gotime_add((struct val_time){.zone = zone}, ns);
}

static bool ns_of_time(struct val_time t, int64_t *out)
{
        *out = gotime_sub(t, (struct val_time){0});
        return *out != INT64_MAX && *out != INT64_MIN;
}

bool cron_next_ns(const struct cron *c, int64_t after_ns, const struct val_zone *zone, int64_t *out)
{
        struct val_time t;
        return cron_next(c, time_of_ns(after_ns, zone), &t) && ns_of_time(t, out);
}

bool cron_prev_ns(const struct cron *c, int64_t before_ns, const struct val_zone *zone,
                  int64_t *out)
{
        struct val_time t;
        return cron_prev(c, time_of_ns(before_ns, zone), &t) && ns_of_time(t, out);
}
