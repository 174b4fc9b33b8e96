/* common/lang/sprig/methods.c: methods of the values that functions return: times, durations,
 * months, versions. args[0] is the receiver. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/sprig/semver.h"
#include "common/lang/sprig/sprig_priv.h"

#define METHOD(name) \
        static bool name(struct go_env *env, const struct val *args, size_t n, struct val *out)

/* ---- time ---- */

#define CIVIL(name, expression)                                 \
        METHOD(time_##name)                                     \
        {                                                       \
                SPRIG_ARGS;                                     \
                struct gocivil c = gotime_civil(*args[0].time); \
                *out = val_int(expression);                     \
                return true;                                    \
        }
CIVIL(year, c.year)
CIVIL(day, c.day)
CIVIL(hour, c.hour)
CIVIL(minute, c.minute)
CIVIL(second, c.second)
CIVIL(nanosecond, c.nanosecond)
CIVIL(yearday, c.yearday)

METHOD(time_month)
{
        SPRIG_ARGS;
        *out = val_int(gotime_civil(*args[0].time).month);
        out->type = VAL_T_MONTH;
        return true;
}

METHOD(time_weekday)
{
        SPRIG_ARGS;
        *out = val_int(gotime_civil(*args[0].time).weekday);
        out->type = VAL_T_WEEKDAY;
        return true;
}

/* Nanoseconds since 1970 wrap around as in Go. */
static int64_t unix_ns(const struct val_time *t)
{
        return (int64_t)((uint64_t)t->sec * (uint64_t)NS_PER_S + (uint64_t)t->nsec);
}

METHOD(time_unix)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].time->sec);
        return true;
}

METHOD(time_unixmilli)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].time->sec * 1000 + args[0].time->nsec / 1000000);
        return true;
}

METHOD(time_unixmicro)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].time->sec * 1000000 + args[0].time->nsec / 1000);
        return true;
}

METHOD(time_unixnano)
{
        SPRIG_ARGS;
        *out = sprig_int64(unix_ns(args[0].time));
        return true;
}

METHOD(time_utc)
{
        SPRIG_ARGS;
        struct val_time t = *args[0].time;
        t.zone = NULL;
        return sprig_time(env, t, out);
}

METHOD(time_format)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        gotime_format(&b, args[1].s, *args[0].time);
        return go_return_text(env, &b, out);
}

METHOD(any_string)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        gofmt_method(&b, args[0]);
        return go_return_text(env, &b, out);
}

METHOD(time_add)
{
        SPRIG_ARGS;
        return sprig_time(env, gotime_add(*args[0].time, args[1].i), out);
}

METHOD(time_adddate)
{
        SPRIG_ARGS;
        return sprig_time(env, gotime_add_date(*args[0].time, args[1].i, args[2].i, args[3].i),
                          out);
}

METHOD(time_sub)
{
        SPRIG_ARGS;
        *out = (struct val){.kind = VAL_DURATION, .i = gotime_sub(*args[0].time, *args[1].time)};
        return true;
}

METHOD(time_truncate)
{
        SPRIG_ARGS;
        return sprig_time(env, gotime_round(*args[0].time, args[1].i, false), out);
}

METHOD(time_round)
{
        SPRIG_ARGS;
        return sprig_time(env, gotime_round(*args[0].time, args[1].i, true), out);
}

METHOD(time_after)
{
        SPRIG_ARGS;
        *out = val_bool(gotime_compare(*args[0].time, *args[1].time) > 0);
        return true;
}

METHOD(time_before)
{
        SPRIG_ARGS;
        *out = val_bool(gotime_compare(*args[0].time, *args[1].time) < 0);
        return true;
}

METHOD(time_equal)
{
        SPRIG_ARGS;
        *out = val_bool(gotime_compare(*args[0].time, *args[1].time) == 0);
        return true;
}

METHOD(time_compare)
{
        SPRIG_ARGS;
        *out = val_int(gotime_compare(*args[0].time, *args[1].time));
        return true;
}

METHOD(time_iszero)
{
        SPRIG_ARGS;
        *out = val_bool(gotime_is_zero(*args[0].time));
        return true;
}

METHOD(time_isdst)
{
        SPRIG_ARGS;
        *out = val_bool(gozone_at(args[0].time->zone, args[0].time->sec).dst);
        return true;
}

static const struct go_func time_methods[] = {
        {"Add", "D", time_add},
        {"AddDate", "iii", time_adddate},
        {"After", "t", time_after},
        {"Before", "t", time_before},
        {"Compare", "t", time_compare},
        {"Day", "", time_day},
        {"Equal", "t", time_equal},
        {"Format", "s", time_format},
        {"Hour", "", time_hour},
        {"IsDST", "", time_isdst},
        {"IsZero", "", time_iszero},
        {"Local", "", time_utc},
        {"Minute", "", time_minute},
        {"Month", "", time_month},
        {"Nanosecond", "", time_nanosecond},
        {"Round", "D", time_round},
        {"Second", "", time_second},
        {"String", "", any_string},
        {"Sub", "t", time_sub},
        {"Truncate", "D", time_truncate},
        {"UTC", "", time_utc},
        {"Unix", "", time_unix},
        {"UnixMicro", "", time_unixmicro},
        {"UnixMilli", "", time_unixmilli},
        {"UnixNano", "", time_unixnano},
        {"Weekday", "", time_weekday},
        {"Year", "", time_year},
        {"YearDay", "", time_yearday},
};

/* ---- durations ---- */

/* Whole and fraction apart, as Go computes Hours(), Minutes(), Seconds(). */
static double in_units(int64_t d, int64_t unit)
{
        return (double)(d / unit) + (double)(d % unit) / (double)unit;
}

METHOD(duration_hours)
{
        SPRIG_ARGS;
        *out = val_float(in_units(args[0].i, INT64_C(3600000000000)));
        return true;
}

METHOD(duration_minutes)
{
        SPRIG_ARGS;
        *out = val_float(in_units(args[0].i, INT64_C(60000000000)));
        return true;
}

METHOD(duration_seconds)
{
        SPRIG_ARGS;
        *out = val_float(in_units(args[0].i, NS_PER_S));
        return true;
}

METHOD(duration_milliseconds)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].i / 1000000);
        return true;
}

METHOD(duration_microseconds)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].i / 1000);
        return true;
}

METHOD(duration_nanoseconds)
{
        SPRIG_ARGS;
        *out = sprig_int64(args[0].i);
        return true;
}

METHOD(duration_abs)
{
        SPRIG_ARGS;
        *out = args[0];
        if (out->i < 0)
                out->i = out->i == INT64_MIN ? INT64_MAX : -out->i;
        return true;
}

METHOD(duration_round)
{
        SPRIG_ARGS;
        *out = args[0];
        out->i = godur_round(args[0].i, args[1].i);
        return true;
}

METHOD(duration_truncate)
{
        SPRIG_ARGS;
        *out = args[0];
        out->i = godur_truncate(args[0].i, args[1].i);
        return true;
}

static const struct go_func duration_methods[] = {
        {"Abs", "", duration_abs},
        {"Hours", "", duration_hours},
        {"Microseconds", "", duration_microseconds},
        {"Milliseconds", "", duration_milliseconds},
        {"Minutes", "", duration_minutes},
        {"Nanoseconds", "", duration_nanoseconds},
        {"Round", "D", duration_round},
        {"Seconds", "", duration_seconds},
        {"String", "", any_string},
        {"Truncate", "D", duration_truncate},
};
static const struct go_func string_only[] = {{"String", "", any_string}};

/* ---- versions ---- */

static struct val uint64_val(uint64_t u)
{
        return (struct val){.kind = VAL_INT, .type = VAL_T_UINT64, .i = (int64_t)u};
}

METHOD(semver_major)
{
        SPRIG_ARGS;
        *out = uint64_val(((const struct semver *)args[0].other)->major);
        return true;
}

METHOD(semver_minor)
{
        SPRIG_ARGS;
        *out = uint64_val(((const struct semver *)args[0].other)->minor);
        return true;
}

METHOD(semver_patch)
{
        SPRIG_ARGS;
        *out = uint64_val(((const struct semver *)args[0].other)->patch);
        return true;
}

METHOD(semver_prerelease)
{
        SPRIG_ARGS;
        return go_return_str(out, ((const struct semver *)args[0].other)->pre);
}

METHOD(semver_metadata)
{
        SPRIG_ARGS;
        return go_return_str(out, ((const struct semver *)args[0].other)->meta);
}

METHOD(semver_original)
{
        SPRIG_ARGS;
        return go_return_str(out, ((const struct semver *)args[0].other)->original);
}

/* IncMajor and the like return a new version whose original keeps a leading v. */
static bool next_version(struct go_env *env, const struct semver *old, char part, struct val *out)
{
        struct semver *v = arena_try_alloc(env->arena, sizeof(*v));
        struct abuf b = abuf_in(env->arena);
        if (!v)
                return go_full(env);
        *v = (struct semver){.major = old->major, .minor = old->minor, .patch = old->patch};
        if (part == 'p') {
                v->patch += old->pre.n == 0;
        } else {
                v->patch = 0;
                v->minor = part == 'M' ? 0 : old->minor + 1;
                v->major += part == 'M';
        }
        if (old->original.n && old->original.p[0] == 'v')
                abuf_addc(&b, 'v');
        semver_put(&b, v);
        v->original = abuf_str(&b);
        *out = (struct val){.kind = VAL_OTHER, .type = VAL_T_SEMVER, .other = v};
        return !b.failed || go_full(env);
}

METHOD(semver_incmajor)
{
        SPRIG_ARGS;
        return next_version(env, args[0].other, 'M', out);
}

METHOD(semver_incminor)
{
        SPRIG_ARGS;
        return next_version(env, args[0].other, 'm', out);
}

METHOD(semver_incpatch)
{
        SPRIG_ARGS;
        return next_version(env, args[0].other, 'p', out);
}

METHOD(semver_do_compare)
{
        SPRIG_ARGS;
        *out = val_int(semver_compare(args[0].other, args[1].other));
        return true;
}

METHOD(semver_equal)
{
        SPRIG_ARGS;
        *out = val_bool(semver_compare(args[0].other, args[1].other) == 0);
        return true;
}

METHOD(semver_greater)
{
        SPRIG_ARGS;
        *out = val_bool(semver_compare(args[0].other, args[1].other) > 0);
        return true;
}

METHOD(semver_less)
{
        SPRIG_ARGS;
        *out = val_bool(semver_compare(args[0].other, args[1].other) < 0);
        return true;
}

static const struct go_func semver_methods[] = {
        {"Compare", "v", semver_do_compare},   {"Equal", "v", semver_equal},
        {"GreaterThan", "v", semver_greater},  {"IncMajor", "", semver_incmajor},
        {"IncMinor", "", semver_incminor},     {"IncPatch", "", semver_incpatch},
        {"LessThan", "v", semver_less},        {"Major", "", semver_major},
        {"Metadata", "", semver_metadata},     {"Minor", "", semver_minor},
        {"Original", "", semver_original},     {"Patch", "", semver_patch},
        {"Prerelease", "", semver_prerelease}, {"String", "", any_string},
};

const struct go_func *go_method(struct val v, struct str name)
{
        if (v.kind == VAL_TIME)
                return go_find(time_methods, ARRAY_LEN(time_methods), name);
        if (v.kind == VAL_DURATION)
                return go_find(duration_methods, ARRAY_LEN(duration_methods), name);
        if (v.kind == VAL_INT && (v.type == VAL_T_MONTH || v.type == VAL_T_WEEKDAY))
                return go_find(string_only, ARRAY_LEN(string_only), name);
        if (v.kind == VAL_OTHER && v.type == VAL_T_SEMVER)
                return go_find(semver_methods, ARRAY_LEN(semver_methods), name);
        return NULL;
}
