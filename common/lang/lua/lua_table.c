/* common/lang/lua/lua_table.c: table and math as gopher-lua has them. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/lua/lua_priv.h"
#include <float.h>
#include <math.h>

static int length(lua_State *L)
{
        luaL_checktype(L, 1, LUA_TTABLE);
        return (int)lua_objlen(L, 1);
}

static int table_concat(lua_State *L)
{
        luaL_Buffer b;
        int n = length(L), top = lua_gettop(L);
        struct str sep = lua_isnoneornil(L, 2) ? STR("") : luax_check_str(L, 2);
        int i = luax_opt_int(L, 3, 1), j = luax_opt_int(L, 4, n);
        if (top == 3 && (i > n || i < 1))
                return lua_pushliteral(L, ""), 1;
        i = i > n ? n : i;
        i = i < 1 ? 1 : i;
        j = j > n ? n : j;
        luaL_buffinit(L, &b);
        for (; i <= j; i++) {
                lua_rawgeti(L, 1, i);
                if (!lua_isstring(L, -1))
                        return luax_error(L, "invalid value (%s) at index %d in table for concat",
                                          luaL_typename(L, -1), i);
                struct str s = luax_tostring(L, -1);
                luax_charge_bytes(L, s.n + sep.n);
                lua_remove(L, -2);
                luaL_addvalue(&b);
                if (i != j)
                        luaL_addlstring(&b, sep.p, sep.n);
        }
        luaL_pushresult(&b);
        return 1;
}

static int table_insert(lua_State *L)
{
        int n = length(L), top = lua_gettop(L);
        if (top == 1)
                return luax_error(L, "wrong number of arguments");
        if (top == 2) {
                if (!lua_isnil(L, 2))
                        lua_rawseti(L, 1, n + 1);
                return 0;
        }
        int at = luax_check_int(L, 2);
        luaL_checkany(L, 3);
        lua_settop(L, 3);
        if (at >= 1 && at <= n) {
                luax_charge(L, (size_t)(n - at + 1));
                for (int i = n; i >= at; i--) {
                        lua_rawgeti(L, 1, i);
                        lua_rawseti(L, 1, i + 1);
                }
        }
        lua_rawseti(L, 1, at);
        return 0;
}

static int table_remove(lua_State *L)
{
        int n = length(L), at = lua_gettop(L) == 1 ? -1 : luax_check_int(L, 2);
        if (n == 0 || at > n)
                return lua_pushnil(L), 1;
        if (at < 1)
                at = n;
        lua_rawgeti(L, 1, at);
        luax_charge(L, (size_t)(n - at + 1));
        for (; at < n; at++) {
                lua_rawgeti(L, 1, at + 1);
                lua_rawseti(L, 1, at);
        }
        lua_pushnil(L);
        lua_rawseti(L, 1, n);
        return 1;
}

static int table_getn(lua_State *L)
{
        lua_pushnumber(L, length(L));
        return 1;
}

static int table_maxn(lua_State *L)
{
        double max = 0;
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, 1)) {
                lua_pop(L, 1);
                double k = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
                if (k > max && k == floor(k))
                        max = k;
                luax_charge(L, 1);
        }
        lua_pushnumber(L, max);
        return 1;
}

/* ---- sort: insertion for short tables, as Go does, else a merge: an order that contradicts itself
 * does no harm ---- */

/* Compares the values at two places of the stack. */
static bool less(lua_State *L, int a, int b)
{
        luax_charge(L, 1);
        if (lua_isnoneornil(L, 2))
                return lua_lessthan(L, a, b);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, a);
        lua_pushvalue(L, b);
        lua_call(L, 2, 1);
        bool yes = lua_toboolean(L, -1);
        lua_pop(L, 1);
        return yes;
}

static void insertion_sort(lua_State *L, int from, int to)
{
        for (int i = from + 1; i <= to; i++) {
                for (int j = i; j > from; j--) {
                        lua_rawgeti(L, 1, j);
                        lua_rawgeti(L, 1, j - 1);
                        int top = lua_gettop(L);
                        if (!less(L, top - 1, top)) {
                                lua_pop(L, 2);
                                break;
                        }
                        lua_rawseti(L, 1, j);
                        lua_rawseti(L, 1, j - 1);
                }
        }
}

/* Table 3 is room to merge in. */
static void merge(lua_State *L, int from, int middle, int to)
{
        int a = from, b = middle + 1;
        for (int k = from; k <= to; k++) {
                bool right = a > middle;
                if (a <= middle && b <= to) {
                        lua_rawgeti(L, 1, b);
                        lua_rawgeti(L, 1, a);
                        right = less(L, lua_gettop(L) - 1, lua_gettop(L));
                        lua_pop(L, 2);
                }
                lua_rawgeti(L, 1, right ? b++ : a++);
                lua_rawseti(L, 3, k);
        }
        for (int k = from; k <= to; k++) {
                lua_rawgeti(L, 3, k);
                lua_rawseti(L, 1, k);
        }
}

static int table_sort(lua_State *L)
{
        enum { RUN = 12 };
        int n = length(L);
        if (lua_gettop(L) != 1)
                luaL_checktype(L, 2, LUA_TFUNCTION);
        lua_settop(L, 2);
        lua_newtable(L);
        for (int i = 1; i <= n; i += RUN)
                insertion_sort(L, i, i + RUN - 1 < n ? i + RUN - 1 : n);
        for (int width = RUN; width < n; width *= 2)
                for (int i = 1; i + width <= n; i += 2 * width)
                        merge(L, i, i + width - 1, i + 2 * width - 1 < n ? i + 2 * width - 1 : n);
        return 0;
}

void luax_open_table(lua_State *L)
{
        static const luaL_Reg functions[] = {{"concat", table_concat},
                                             {"getn", table_getn},
                                             {"insert", table_insert},
                                             {"maxn", table_maxn},
                                             {"remove", table_remove},
                                             {"sort", table_sort},
                                             {NULL, NULL}};
        luaL_register(L, "table", functions);
        lua_settop(L, 0);
}

/* ---- math ---- */

static int math_extreme(lua_State *L, int sign)
{
        int n = lua_gettop(L);
        if (n == 0)
                return luax_error(L, "wrong number of arguments");
        double best = luaL_checknumber(L, 1);
        for (int i = 2; i <= n; i++) {
                double v = luaL_checknumber(L, i);
                if (sign > 0 ? v > best : v < best)
                        best = v;
        }
        lua_pushnumber(L, best);
        return 1;
}

static int math_max(lua_State *L)
{
        return math_extreme(L, 1);
}

static int math_min(lua_State *L)
{
        return math_extreme(L, -1);
}

static int math_mod(lua_State *L)
{
        double a = luaL_checknumber(L, 1), b = luaL_checknumber(L, 2);
        double r = fmod(a, b);
        lua_pushnumber(L, r * b < 0 ? r + b : r);
        return 1;
}

static int math_modf(lua_State *L)
{
        double whole, d = luaL_checknumber(L, 1), rest = modf(d, &whole);
        lua_pushnumber(L, whole);
        lua_pushnumber(L, isinf(d) ? NAN : rest);
        return 2;
}

static int math_deg(lua_State *L)
{
        lua_pushnumber(L, luaL_checknumber(L, 1) * 180 / M_PI);
        return 1;
}

static int math_rad(lua_State *L)
{
        lua_pushnumber(L, luaL_checknumber(L, 1) * M_PI / 180);
        return 1;
}

static int math_pow(lua_State *L)
{
        lua_pushnumber(L, gonum_pow(luaL_checknumber(L, 1), luaL_checknumber(L, 2)));
        return 1;
}

static double next_random(lua_State *L)
{
        uint64_t x = luax_run(L)->random; /* xorshift64* */
        x = x ? x : 1;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        luax_run(L)->random = x;
        return (double)((x * 0x2545F4914F6CDD1Du) >> 11) / 9007199254740992.0;
}

static int math_random(lua_State *L)
{
        if (lua_gettop(L) == 0) {
                lua_pushnumber(L, next_random(L));
                return 1;
        }
        bool one = lua_gettop(L) == 1;
        double from = one ? 1 : luax_check_int(L, 1), to = luax_check_int(L, one ? 1 : 2);
        if (to < from)
                return luax_error(L, "invalid argument: the interval is empty");
        lua_pushnumber(L, from + floor(next_random(L) * (to - from + 1)));
        return 1;
}

static int math_randomseed(lua_State *L)
{
        luax_run(L)->random = (uint64_t)(int64_t)luax_check_int(L, 1) * 2 + 1;
        return 0;
}

void luax_open_math(lua_State *L)
{
        static const luaL_Reg functions[] = {
                {"deg", math_deg}, {"max", math_max},       {"min", math_min},
                {"mod", math_mod}, {"modf", math_modf},     {"pow", math_pow},
                {"rad", math_rad}, {"random", math_random}, {"randomseed", math_randomseed},
                {NULL, NULL}};
        lua_pushcfunction(L, luaopen_math);
        lua_call(L, 0, 0);
        luaL_register(L, "math", functions);
        lua_pushnumber(L, DBL_MAX);
        lua_setfield(L, -2, "huge");
        lua_settop(L, 0);
}
