/* common/lang/expr/expr_fn_time.c: see expr_priv.h: dates, durations, zones.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/sprig_priv.h"

#define FN(name) EX_BUILTIN_FN(name)

static bool is_zone(struct val v)
{
        return v.kind == VAL_OTHER && v.type == EX_V_LOCATION;
}

FN(now)
{
        struct val_time t;
        if (!sprig_now(&ev->go, &t))
                return false;
        if (n) {
                if (!is_zone(args[0]))
                        return ex_fail(ev, "now takes a time zone, found %s", ex_val_type(args[0]));
                t.zone = args[0].other;
        }
        return sprig_time(&ev->go, t, out);
}

FN(duration)
{
        int64_t ns;
        if (args[0].kind != VAL_STR)
                return ex_fail(ev, "a string is expected, found %s", ex_val_type(args[0]));
        if (!godur_parse(args[0].s, &ns))
                return ex_fail(ev, "invalid duration");
        *out = (struct val){.kind = VAL_DURATION, .i = ns};
        return true;
}

static bool zone_of(struct ex_eval *ev, struct val v, const struct val_zone **out)
{
        if (v.kind != VAL_STR)
                return ex_fail(ev, "the name of a time zone is expected, found %s", ex_val_type(v));
        return gozone_load(ev->go.arena, v.s, out) || ex_fail(ev, "unknown time zone");
}

FN(timezone)
{
        const struct val_zone *z;
        if (!zone_of(ev, args[0], &z))
                return false;
        *out = (struct val){.kind = VAL_OTHER, .type = EX_V_LOCATION, .other = z};
        return true;
}

static bool parse(struct ex_eval *ev, struct str layout, struct str text,
                  const struct val_zone *zone, struct val *out)
{
        struct val_time t;
        const char *why;
        if (!gotime_parse(ev->go.arena, layout, text, zone, &t, &why))
                return ex_fail(ev, "parsing time: %s", why);
        return sprig_time(&ev->go, t, out);
}

static bool parse_any(struct ex_eval *ev, struct str text, const struct val_zone *zone,
                      struct val *out)
{
        static const char *const layouts[] = {"2006-01-02",
                                              "15:04:05",
                                              "2006-01-02 15:04:05",
                                              "2006-01-02T15:04:05Z07:00",
                                              "02 Jan 06 15:04 MST",
                                              "Monday, 02-Jan-06 15:04:05 MST",
                                              "Mon, 02 Jan 2006 15:04:05 MST"};
        struct val_time t;
        for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
                if (gotime_parse(ev->go.arena, str_of(layouts[i]), text, zone, &t, NULL))
                        return sprig_time(&ev->go, t, out);
        return ex_fail(ev, "invalid date");
}

/* date([zone,] text [, layout [, zone]]) */
FN(date)
{
        const struct val_zone *zone = NULL;
        if (n && is_zone(args[0])) {
                zone = args[0].other;
                args++;
                n--;
        }
        for (size_t i = 0; i < n || i == 0; i++)
                if (i >= n || args[i].kind != VAL_STR)
                        return ex_fail(ev, "date wants strings, found %s",
                                       i < n ? ex_val_type(args[i]) : "nothing");
        if (n == 3 && !zone_of(ev, args[2], &zone))
                return false;
        return n == 1 ? parse_any(ev, args[0].s, zone, out)
                      : parse(ev, args[1].s, args[0].s, zone, out);
}
