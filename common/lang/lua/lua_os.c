/* common/lang/lua/lua_os.c: the harmless part of os, over the clock of the run; the rest refuses by
 * name. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/gotime.h"
#include "common/lang/lua/lua_priv.h"
#include <math.h>

static struct val_time now(lua_State *L)
{
        struct clock *c = luax_run(L)->host->clock;
        return gotime_add((struct val_time){0}, c ? clock_wall(c).ns : 0);
}

static int os_clock(lua_State *L)
{
        lua_pushnumber(L, (double)(LANG_STEPS - luax_run(L)->steps) / 1e8);
        return 1;
}

static int os_difftime(lua_State *L)
{
        lua_pushnumber(L, trunc(luaL_checknumber(L, 1)) - trunc(luaL_checknumber(L, 2)));
        return 1;
}

static int os_getenv(lua_State *L)
{
        luax_check_str(L, 1);
        lua_pushnil(L);
        return 1;
}

static int os_setlocale(lua_State *L)
{
        lua_pushboolean(L, 0);
        return 1;
}

/* A number, or a text that is one, of the table at 1. */
static int64_t field(lua_State *L, const char *name, int64_t otherwise)
{
        lua_pushstring(L, name);
        lua_rawget(L, 1);
        double d = (double)otherwise;
        if (lua_type(L, -1) == LUA_TNUMBER) {
                d = lua_tonumber(L, -1);
        } else if (lua_type(L, -1) == LUA_TSTRING) {
                char *end;
                const char *text = lua_tostring(L, -1);
                double v = strtod(text, &end);
                if (end != text && !*end)
                        d = v;
        }
        lua_pop(L, 1);
        return gonum_f64_to_i64(trunc(d));
}

static int64_t small(int64_t v)
{
        return v > 1000000000 ? 1000000000 : v < -1000000000 ? -1000000000 : v;
}

static int os_time(lua_State *L)
{
        if (lua_isnoneornil(L, 1)) {
                lua_pushnumber(L, (double)now(L).sec);
                return 1;
        }
        luaL_checktype(L, 1, LUA_TTABLE);
        int64_t sec = small(field(L, "sec", 0)), min = small(field(L, "min", 0));
        int64_t hour = small(field(L, "hour", 12)), day = small(field(L, "day", -1));
        int64_t month = small(field(L, "month", -1)), year = small(field(L, "year", -1));
        lua_pushnumber(L, (double)gotime_date(year, month, day, hour, min, sec, 0, NULL).sec);
        return 1;
}

static const char *layout_of(char c)
{
        static const char *const layouts[128] = {['a'] = "mon",
                                                 ['A'] = "Monday",
                                                 ['b'] = "Jan",
                                                 ['B'] = "January",
                                                 ['c'] = "02 Jan 06 15:04 MST",
                                                 ['d'] = "02",
                                                 ['F'] = "2006-01-02",
                                                 ['H'] = "15",
                                                 ['I'] = "03",
                                                 ['m'] = "01",
                                                 ['M'] = "04",
                                                 ['p'] = "PM",
                                                 ['P'] = "pm",
                                                 ['S'] = "05",
                                                 ['x'] = "15/04/05",
                                                 ['X'] = "15:04:05",
                                                 ['y'] = "06",
                                                 ['Y'] = "2006",
                                                 ['z'] = "-0700",
                                                 ['Z'] = "MST"};
        return c > 0 ? layouts[(int)c] : NULL;
}

static void put_time(struct abuf *b, struct str f, struct val_time t)
{
        for (size_t i = 0; i < f.n; i++) {
                if (f.p[i] != '%' || i + 1 == f.n) {
                        abuf_addc(b, f.p[i]);
                        continue;
                }
                char c = f.p[++i];
                const char *layout = layout_of(c);
                if (layout)
                        gotime_format(b, str_of(layout), t);
                else if (c == 'w')
                        abuf_addf(b, "%d", gotime_civil(t).weekday);
                else if (c == '%')
                        abuf_addc(b, '%');
                else
                        abuf_addf(b, "%%%c", c);
        }
}

static void set_number(lua_State *L, const char *name, double d)
{
        lua_pushnumber(L, d);
        lua_setfield(L, -2, name);
}

static int date_table(lua_State *L, struct val_time t)
{
        struct gocivil c = gotime_civil(t);
        lua_newtable(L);
        set_number(L, "year", (double)c.year);
        set_number(L, "month", c.month);
        set_number(L, "day", c.day);
        set_number(L, "hour", c.hour);
        set_number(L, "min", c.minute);
        set_number(L, "sec", c.second);
        set_number(L, "wday", c.weekday + 1);
        set_number(L, "yday", 0);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "isdst");
        return 1;
}

static int os_date(lua_State *L)
{
        struct val_time t = now(L);
        struct str f = STR("%c");
        struct arena a;
        if (lua_gettop(L) >= 1)
                f = luax_check_str(L, 1);
        while (f.n && f.p[0] == '!')
                f = (struct str){f.p + 1, f.n - 1};
        if (lua_gettop(L) >= 2)
                t = (struct val_time){.sec = gonum_f64_to_i64(luaL_checknumber(L, 2))};
        if (t.sec > INT64_C(1) << 50 || t.sec < -(INT64_C(1) << 50))
                return luax_error(L, "a time out of range");
        if (f.n >= 2 && memcmp(f.p, "*t", 2) == 0)
                return date_table(L, t);
        luax_charge_bytes(L, f.n * 16);
        arena_init(&a, 1 << 20);
        struct abuf b = abuf_in(&a);
        put_time(&b, f, t);
        char text[1024];
        size_t n = b.n < sizeof(text) ? b.n : sizeof(text);
        memcpy(text, b.n ? b.p : "", n);
        bool cut = b.failed || b.n > sizeof(text);
        arena_deinit(&a); /* before anything that may raise */
        if (cut)
                return luax_error(L, "a date of more than %zu bytes", sizeof(text));
        lua_pushlstring(L, text, n);
        return 1;
}

static int refuse(lua_State *L)
{
        return luax_error(L, "os.%s is not there: scripts have no files or processes",
                          lua_tostring(L, lua_upvalueindex(1)));
}

void luax_open_os(lua_State *L)
{
        static const luaL_Reg functions[] = {
                {"clock", os_clock},   {"date", os_date},           {"difftime", os_difftime},
                {"getenv", os_getenv}, {"setlocale", os_setlocale}, {"time", os_time},
                {NULL, NULL}};
        static const char *const refused[] = {"execute", "exit",   "remove",
                                              "rename",  "setenv", "tmpname"};
        luaL_register(L, "os", functions);
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                lua_pushstring(L, refused[i]);
                lua_pushcclosure(L, refuse, 1);
                lua_setfield(L, -2, refused[i]);
        }
        lua_settop(L, 0);
}
