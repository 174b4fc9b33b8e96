/* common/lang/sprig/sprig_date.c: dates and durations. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/sprig/sprig_priv.h"

/* What sprig takes for a date: a time, seconds since 1970, and anything else for now. */
static bool date_of(struct go_env *env, struct val v, struct val_time *out)
{
        bool number = v.kind == VAL_INT &&
                      (v.type == VAL_T_USUAL || v.type == VAL_T_INT64 || v.type == VAL_T_INT32);
        if (v.kind == VAL_TIME)
                *out = *v.time;
        else if (number)
                *out = (struct val_time){.sec = v.i};
        else
                return sprig_now(env, out);
        return true;
}

static bool format(struct go_env *env, struct str layout, struct val date, struct str zone,
                   struct val *out)
{
        struct val_time t;
        struct abuf b = abuf_in(env->arena);
        if (!date_of(env, date, &t))
                return false;
        if (!gozone_load(env->arena, zone, &t.zone))
                t.zone = NULL;
        gotime_format(&b, layout, t);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_date)
{
        SPRIG_ARGS;
        return format(env, args[0].s, args[1], STR(""), out);
}

SPRIG_FN(fn_dateInZone)
{
        SPRIG_ARGS;
        return format(env, args[0].s, args[1], args[2].s, out);
}

SPRIG_FN(fn_htmlDate)
{
        SPRIG_ARGS;
        return format(env, STR("2006-01-02"), args[0], STR(""), out);
}

SPRIG_FN(fn_htmlDateInZone)
{
        SPRIG_ARGS;
        return format(env, STR("2006-01-02"), args[0], args[1].s, out);
}

SPRIG_FN(fn_now)
{
        SPRIG_ARGS;
        struct val_time t;
        return sprig_now(env, &t) && sprig_time(env, t, out);
}

SPRIG_FN(fn_toDate)
{
        SPRIG_ARGS;
        struct val_time t;
        if (!gotime_parse(env->arena, args[0].s, args[1].s, NULL, &t, NULL))
                t = gotime_zero();
        return sprig_time(env, t, out);
}

SPRIG_FN(fn_mustToDate)
{
        SPRIG_ARGS;
        struct val_time t;
        const char *why;
        if (!gotime_parse(env->arena, args[0].s, args[1].s, NULL, &t, &why))
                return go_fail(env, ERR_INVALID, "parsing time: %s", why);
        return sprig_time(env, t, out);
}

SPRIG_FN(fn_unixEpoch)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        abuf_addf(&b, "%lld", (long long)args[0].time->sec);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_dateModify)
{
        SPRIG_ARGS;
        int64_t d;
        if (!godur_parse(args[0].s, &d)) {
                *out = args[1];
                return true;
        }
        return sprig_time(env, gotime_add(*args[1].time, d), out);
}

SPRIG_FN(fn_mustDateModify)
{
        SPRIG_ARGS;
        int64_t d;
        if (!godur_parse(args[0].s, &d))
                return go_fail(env, ERR_INVALID, "invalid duration");
        return sprig_time(env, gotime_add(*args[1].time, d), out);
}

/* ---- durations ---- */

static bool put_duration(struct go_env *env, int64_t ns, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        godur_put(&b, ns);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_ago)
{
        SPRIG_ARGS;
        struct val_time t, now;
        struct val date = args[0];
        if (date.kind == VAL_INT && date.type == VAL_T_INT32)
                date = val_nil();
        if (!sprig_now(env, &now) || !date_of(env, date, &t))
                return false;
        return put_duration(env, godur_round(gotime_sub(now, t), NS_PER_S), out);
}

SPRIG_FN(fn_duration)
{
        SPRIG_ARGS;
        int64_t seconds = 0;
        if (args[0].kind == VAL_STR && args[0].type == VAL_T_USUAL) {
                if (gonum_int(args[0].s, 10, 64, &seconds) == GONUM_SYNTAX)
                        seconds = 0;
        } else if (args[0].kind == VAL_INT && args[0].type == VAL_T_INT64) {
                seconds = args[0].i;
        }
        return put_duration(env, (int64_t)((uint64_t)seconds * (uint64_t)NS_PER_S), out);
}

SPRIG_FN(fn_durationRound)
{
        SPRIG_ARGS;
        static const struct {
                uint64_t seconds;
                const char *unit;
        } units[] = {{31536000, "y"}, {2592000, "mo"}, {86400, "d"},
                     {3600, "h"},     {60, "m"},       {1, "s"}};
        int64_t d = 0;
        struct abuf b = abuf_in(env->arena);
        struct val_time now;
        if (args[0].kind == VAL_STR && args[0].type == VAL_T_USUAL) {
                if (!godur_parse(args[0].s, &d))
                        d = 0;
        } else if (args[0].kind == VAL_INT && args[0].type == VAL_T_INT64) {
                d = args[0].i;
        } else if (args[0].kind == VAL_TIME) {
                if (!sprig_now(env, &now))
                        return false;
                d = gotime_sub(now, *args[0].time);
        }
        uint64_t u = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                uint64_t unit = units[i].seconds * (uint64_t)NS_PER_S;
                if (u > unit) {
                        abuf_addf(&b, "%llu%s", (unsigned long long)(u / unit), units[i].unit);
                        return go_return_text(env, &b, out);
                }
        }
        return go_return_str(out, STR("0s"));
}
