/* common/lang/expr/expr_env.c: see expr_priv.h: what Argo adds to the language: functions, the map
 * sprig; and what is called in general: methods of times. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/sprig_priv.h"

#define FN(name) EX_BUILTIN_FN(name)

static bool function(struct ex_eval *ev, struct ex_func f, struct val *out)
{
        struct ex_func *copy = arena_try_alloc(ev->go.arena, sizeof(*copy));
        if (!copy)
                return go_full(&ev->go);
        *copy = f;
        *out = (struct val){.kind = VAL_OTHER, .type = EX_V_FUNC, .other = copy};
        return true;
}

bool ex_env_get(struct ex_eval *ev, struct str name, struct val *out)
{
        const struct ex_sig *sig = ex_env_sig(name);
        if (sig)
                return function(ev,
                                (struct ex_func){.sig = sig,
                                                 .fn = str_eq(name, "asInt")      ? ex_fn_int
                                                       : str_eq(name, "asFloat")  ? ex_fn_float
                                                       : str_eq(name, "jsonpath") ? ex_fn_jsonpath
                                                                                  : ex_fn_toJson},
                                out);
        if (str_eq(name, "sprig")) {
                *out = (struct val){.kind = VAL_OTHER, .type = EX_V_SPRIG};
                return true;
        }
        if (ev->env.kind == VAL_MAP && !val_open(ev->go.arena, ev->env))
                return go_full(&ev->go);
        *out = val_get(ev->go.arena, ev->env, name);
        return true;
}

bool ex_sprig_get(struct ex_eval *ev, struct str name, struct val *out)
{
        const struct go_func *f = sprig_find(name);
        *out = val_nil();
        return !f || function(ev, (struct ex_func){.go = f}, out);
}

/* ---- methods that only expr can reach ---- */

static FN(time_in)
{
        struct val_time t = *args[0].time;
        t.zone = args[1].other;
        return sprig_time(&ev->go, t, out);
}

static FN(time_location)
{
        *out = (struct val){.kind = VAL_OTHER, .type = EX_V_LOCATION, .other = args[0].time->zone};
        return true;
}

static FN(time_zone)
{
        struct str name = gotime_civil(*args[0].time).abbrev;
        char *p = arena_try_alloc(ev->go.arena, name.n + 1);
        if (!p)
                return go_full(&ev->go);
        if (name.n)
                memcpy(p, name.p, name.n);
        *out = val_str((struct str){p, name.n});
        return true;
}

/* The year of the ISO week: that of its Thursday. */
static FN(time_isoweek)
{
        struct gocivil c = gotime_civil(*args[0].time);
        int monday = (c.weekday + 6) % 7;
        struct val_time thursday =
                gotime_date(c.year, c.month, c.day + 3 - monday, 12, 0, 0, 0, args[0].time->zone);
        *out = val_int(gotime_civil(thursday).year);
        return true;
}

static FN(location_string)
{
        *out = val_text(args[0].other ? gozone_name(args[0].other) : "UTC");
        return true;
}

static ex_fn *own_method(struct val v, struct str name)
{
        if (v.kind == VAL_OTHER)
                return v.type == EX_V_LOCATION && str_eq(name, "String") ? ex_fn_location_string
                                                                         : NULL;
        if (v.kind != VAL_TIME)
                return NULL;
        return str_eq(name, "In")         ? ex_fn_time_in
               : str_eq(name, "Location") ? ex_fn_time_location
               : str_eq(name, "Zone")     ? ex_fn_time_zone
               : str_eq(name, "ISOWeek")  ? ex_fn_time_isoweek
                                          : NULL;
}

bool ex_method_value(struct ex_eval *ev, struct val v, struct str name, struct val *out)
{
        struct ex_func f = {.receiver = v, .method = true};
        if (v.kind != VAL_TIME && v.kind != VAL_DURATION && v.kind != VAL_OTHER &&
            !(v.kind == VAL_INT && v.type))
                return false;
        if (v.kind == VAL_OTHER && (v.type == EX_V_FUNC || v.type == EX_V_SPRIG))
                return false;
        f.fn = own_method(v, name);
        f.sig = f.fn ? ex_method_sig(ex_type_of_val(v), name) : NULL;
        f.go = f.fn ? NULL : go_method(v, name);
        if (!f.fn && !f.go)
                return false;
        function(ev, f, out);
        return true;
}

/* ---- calls ---- */

static bool wrong_count(struct ex_eval *ev, size_t want, size_t n)
{
        return ex_fail(ev, "invalid number of arguments: expected %zu, got %zu", want, n);
}

/* As reflection has it: nil is the zero value of the parameter. */
static bool convert(struct ex_eval *ev, char type, struct val v, struct val *out)
{
        *out = v.kind == VAL_MISSING ? val_nil() : v;
        if (out->kind == VAL_NIL) {
                switch (type) {
                case 's': *out = val_str(STR("")); break;
                case 'b': *out = val_bool(false); break;
                case 'f': *out = val_float(0); break;
                case 'i': *out = val_int(0); break;
                case 'D': *out = (struct val){.kind = VAL_DURATION}; break;
                case 'm':
                        *out = val_map_new(ev->go.arena, 0);
                        out->extra = VAL_X_NIL;
                        return out->kind == VAL_MAP || go_full(&ev->go);
                default: break;
                }
        }
        if (type == 'z' ? v.kind == VAL_OTHER && v.type == EX_V_LOCATION
                        : go_assignable(type, *out))
                return true;
        return ex_fail(ev, "%s is given where %s is expected", ex_val_type(v), go_param_name(type));
}

static bool call_go(struct ex_eval *ev, const struct ex_func *f, const struct val *args, size_t n,
                    struct val *out)
{
        size_t min = go_params_min(f->go), own = f->method ? 1 : 0;
        if (n < min || (n > min && !go_params_variadic(f->go)))
                return wrong_count(ev, min, n);
        struct val *all = arena_try_alloc(ev->go.arena, (n + own + 1) * sizeof(*all));
        if (!all)
                return go_full(&ev->go);
        all[0] = f->receiver;
        for (size_t i = 0; i < n; i++)
                if (!convert(ev, go_param(f->go, i), args[i], &all[i + own]))
                        return false;
        return go_step(&ev->go, 1) && f->go->fn(&ev->go, all, n + own, out);
}

bool ex_call_value(struct ex_eval *ev, struct val callee, const struct val *args, size_t n,
                   struct val *out)
{
        if (ex_is_nil(callee))
                return ex_fail(ev, "invalid operation: cannot call nil");
        if (callee.kind != VAL_OTHER || callee.type != EX_V_FUNC)
                return ex_fail(ev, "invalid operation: cannot call %s", ex_val_type(callee));
        const struct ex_func *f = callee.other;
        if (f->go)
                return call_go(ev, f, args, n, out);
        struct val all[4];
        size_t params = strlen(f->sig->in), own = f->method ? 1 : 0;
        if (n != params)
                return wrong_count(ev, params, n);
        all[0] = f->receiver;
        for (size_t i = 0; i < n; i++)
                if (!convert(ev, f->sig->in[i], args[i], &all[i + own]))
                        return false;
        return f->fn(ev, all, n + own, out);
}
