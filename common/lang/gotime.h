/* common/lang/gotime.h: Go's time: civil dates, zones, layouts ("2006-01-02T15:04:05Z07:00"),
 * durations.
 *
 * Instants are struct val_time of value.h (seconds and nanoseconds since 1970, and a zone, NULL for
 * UTC). Zones come from the system's tz database, which is read as constant data: names are
 * checked, nothing outside the database is opened. A zone lives in the arena it was loaded into.
 * The local zone of our processes is UTC. Threads: any. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/lang/abuf.h"
#include "common/lang/value.h"

struct gocivil {
        int64_t year;
        int month, day, hour, minute, second, nanosecond; /* month and day from 1 */
        int weekday, yearday;                             /* Sunday 0; January 1st is 1 */
        int32_t offset;                                   /* seconds east of UTC */
        struct str abbrev; /* "CET"; may be empty for a bare offset */
};
struct gocivil gotime_civil(struct val_time t);
/* time.Date: values outside their ranges carry over; a time in a gap or an overlap is chosen as Go
 * does. */
struct val_time gotime_date(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                            int64_t second, int64_t nanosecond, const struct val_zone *zone);
struct val_time gotime_add(struct val_time t, int64_t ns);
struct val_time gotime_add_date(struct val_time t, int64_t years, int64_t months, int64_t days);
int gotime_compare(struct val_time a, struct val_time b);
int64_t gotime_sub(struct val_time a, struct val_time b); /* saturates */
struct val_time gotime_zero(void);                        /* January 1, year 1 */
bool gotime_is_zero(struct val_time t);
struct val_time gotime_round(struct val_time t, int64_t unit,
                             bool up_half); /* Truncate or Round, from the zero time */

/* ---- zones ---- */
/* "", "UTC" and "Local" give NULL. False: no such zone (or the arena is full). */
bool gozone_load(struct arena *a, struct str name, const struct val_zone **out);
const struct val_zone *gozone_fixed(struct arena *a, struct str abbrev,
                                    int32_t offset); /* NULL: arena full */
const char *gozone_name(const struct val_zone *z);
/* What holds at an instant: offset and abbreviation, and from when to when (INT64_MIN/MAX: open).
 */
struct gozone_span {
        int32_t offset;
        struct str abbrev;
        bool dst;
        int64_t from, to;
};
struct gozone_span gozone_at(const struct val_zone *z, int64_t sec);
bool gozone_offset_of(const struct val_zone *z, struct str abbrev, int64_t sec, int32_t *offset);

/* ---- layouts ---- */
void gotime_format(struct abuf *b, struct str layout, struct val_time t);
void gotime_put(struct abuf *b, struct val_time t); /* Time.String() */
/* ParseInLocation. On failure *why (if not NULL) is a static text. */
bool gotime_parse(struct arena *a, struct str layout, struct str text, const struct val_zone *zone,
                  struct val_time *out, const char **why);

/* ---- durations ---- */
bool godur_parse(struct str s, int64_t *ns);
/* Argo's: a plain integer is seconds, anything else a Go duration. */
bool godur_parse_argo(struct str s, int64_t *ns);
void godur_put(struct abuf *b, int64_t ns);
int64_t godur_round(int64_t d, int64_t unit);
int64_t godur_truncate(int64_t d, int64_t unit);

extern const char *const gotime_months[12]; /* "January" */
extern const char *const gotime_days[7];    /* "Sunday" */
