/* common/lang/lua/lua_base.c: the basic functions and coroutines as gopher-lua has them.
 *
 * Types without a metatable of their own get one whose operators raise gopher-lua's words: scripts
 * show such words by pcall. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/lua/lua_priv.h"
#include <limits.h>
#include <math.h>

/* ---- texts ---- */

size_t luax_number(double d, char out[LUAX_NUMBER])
{
        if (isnan(d))
                return (size_t)snprintf(out, LUAX_NUMBER, "NaN");
        if (isinf(d))
                return (size_t)snprintf(out, LUAX_NUMBER, d < 0 ? "-Inf" : "+Inf");
        if (d == (double)gonum_f64_to_i64(d))
                return (size_t)snprintf(out, LUAX_NUMBER, "%lld", (long long)gonum_f64_to_i64(d));
        return gonum_format(out, d, 'g');
}

void luax_push(lua_State *L, struct str s)
{
        lua_pushlstring(L, s.n ? s.p : "", s.n);
}

static struct str top_str(lua_State *L)
{
        size_t n;
        const char *p = lua_tolstring(L, -1, &n);
        return (struct str){p, n};
}

/* Tables and functions are numbered in the order in which they are first printed: addresses are
 * nobody's business. */
static void push_identity(lua_State *L, int idx)
{
        lua_getfield(L, LUA_REGISTRYINDEX, "tiphys.ids");
        if (lua_isnil(L, -1)) {
                lua_pop(L, 1);
                lua_newtable(L);
                lua_pushvalue(L, -1);
                lua_setfield(L, LUA_REGISTRYINDEX, "tiphys.ids");
        }
        lua_pushvalue(L, idx);
        lua_rawget(L, -2);
        if (lua_isnil(L, -1)) {
                lua_pop(L, 1);
                lua_rawgeti(L, -1, 0);
                double id = lua_tonumber(L, -1) + 1;
                lua_pop(L, 1);
                lua_pushnumber(L, id);
                lua_rawseti(L, -2, 0);
                lua_pushvalue(L, idx);
                lua_pushnumber(L, id);
                lua_rawset(L, -3);
                lua_pushnumber(L, id);
        }
        lua_pushfstring(L, "%s: 0x%d", luaL_typename(L, idx), (int)lua_tonumber(L, -1));
        lua_replace(L, -3);
        lua_pop(L, 1);
}

struct str luax_tostring(lua_State *L, int idx)
{
        char text[LUAX_NUMBER];
        if (idx < 0)
                idx = lua_gettop(L) + idx + 1;
        luaL_checkstack(L, 6, "too much to print");
        if (lua_type(L, idx) == LUA_TTABLE && luaL_callmeta(L, idx, "__tostring")) {
                if (!lua_isstring(L, -1))
                        luax_error(L, "'tostring' must return a string to 'print'");
                return top_str(L);
        }
        switch (lua_type(L, idx)) {
        case LUA_TNUMBER:
                luax_push(L, (struct str){text, luax_number(lua_tonumber(L, idx), text)});
                break;
        case LUA_TSTRING: lua_pushvalue(L, idx); break;
        case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, idx) ? "true" : "false"); break;
        case LUA_TNIL: lua_pushliteral(L, "nil"); break;
        default: push_identity(L, idx); break;
        }
        return top_str(L);
}

/* ---- errors ---- */

void luax_where(lua_State *L, int level)
{
        lua_Debug ar;
        for (; lua_getstack(L, level, &ar); level++) {
                lua_getinfo(L, "Sl", &ar);
                if (ar.currentline > 0) {
                        lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
                        return;
                }
        }
        lua_pushliteral(L, "");
}

int luax_error(lua_State *L, const char *fmt, ...)
{
        char words[500];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        luax_where(L, 1);
        lua_pushstring(L, words);
        lua_concat(L, 2);
        return lua_error(L);
}

struct str luax_check_str(lua_State *L, int arg)
{
        struct str s;
        if (lua_type(L, arg) == LUA_TNUMBER) { /* as gopher-lua prints it, not as liblua would */
                luax_tostring(L, arg);
                lua_replace(L, arg);
        }
        s.p = luaL_checklstring(L, arg, &s.n);
        return s;
}

static int to_int(double d)
{
        return isnan(d) ? 0 : d > INT_MAX ? INT_MAX : d < INT_MIN ? INT_MIN : (int)d;
}

int luax_check_int(lua_State *L, int arg)
{
        return to_int(luaL_checknumber(L, arg));
}

int luax_opt_int(lua_State *L, int arg, int otherwise)
{
        return lua_isnoneornil(L, arg) ? otherwise : luax_check_int(L, arg);
}

static int base_error(lua_State *L)
{
        luaL_checkany(L, 1);
        int level = luax_opt_int(L, 2, 1);
        lua_settop(L, 1);
        if (lua_isstring(L, 1) && level > 0) {
                luax_where(L, level);
                luax_tostring(L, 1);
                lua_concat(L, 2);
        }
        return lua_error(L);
}

static int base_assert(lua_State *L)
{
        if (lua_toboolean(L, 1))
                return lua_gettop(L);
        return luax_error(L, "%s", luaL_optstring(L, 2, "assertion failed!"));
}

static int rethrow_limit(lua_State *L)
{
        return luax_run(L)->over ? lua_error(L) : 0;
}

static int base_pcall(lua_State *L)
{
        luaL_checkany(L, 1);
        if (!lua_isfunction(L, 1) && !luaL_getmetafield(L, 1, "__call")) {
                lua_pushboolean(L, 0);
                lua_pushfstring(L, "attempt to call a %s value", luaL_typename(L, 1));
                return 2;
        }
        if (!lua_isfunction(L, 1))
                lua_pop(L, 1);
        int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
        if (status != 0)
                rethrow_limit(L);
        lua_pushboolean(L, status == 0);
        lua_insert(L, 1);
        return lua_gettop(L);
}

/* The handler runs after the call has been left: liblua would run it where the error is raised, and
 * when that is inside our counting hook, nothing counts any more. */
static int base_xpcall(lua_State *L)
{
        luaL_checktype(L, 1, LUA_TFUNCTION);
        luaL_checktype(L, 2, LUA_TFUNCTION);
        lua_settop(L, 2);
        lua_pushvalue(L, 1);
        int status = lua_pcall(L, 0, LUA_MULTRET, 0);
        if (status != 0) {
                rethrow_limit(L);
                lua_pushvalue(L, 2);
                lua_insert(L, -2);
                lua_call(L, 1, 1);
        }
        lua_pushboolean(L, status == 0);
        lua_replace(L, 2);
        return lua_gettop(L) - 1;
}

/* ---- conversions ---- */

static struct str trim(struct str s, const char *set)
{
        while (s.n && strchr(set, s.p[0]) && s.p[0])
                s = (struct str){s.p + 1, s.n - 1};
        while (s.n && strchr(set, s.p[s.n - 1]) && s.p[s.n - 1])
                s.n--;
        return s;
}

/* False: no number. */
static bool parse_number(struct str s, bool has_base, int base, double *out)
{
        int64_t i;
        s = trim(s, " \n\t");
        if (s.n && memchr(s.p, '.', s.n))
                return gonum_float(s, out) == GONUM_OK;
        if (!has_base && s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
                s = (struct str){s.p + 2, s.n - 2};
                base = 16;
        }
        if (base < 0 || base == 1 || base > 36 || gonum_int(s, (unsigned)base, 64, &i) != GONUM_OK)
                return false;
        *out = (double)i;
        return true;
}

static int base_tonumber(lua_State *L)
{
        double d;
        int base = luax_opt_int(L, 2, 10);
        luaL_checkany(L, 1);
        if (lua_type(L, 1) == LUA_TNUMBER)
                lua_pushvalue(L, 1);
        else if (lua_type(L, 1) == LUA_TSTRING &&
                 parse_number(luax_check_str(L, 1), !lua_isnoneornil(L, 2), base, &d))
                lua_pushnumber(L, d);
        else
                lua_pushnil(L);
        return 1;
}

static int base_tostring(lua_State *L)
{
        luaL_checkany(L, 1);
        luax_tostring(L, 1);
        return 1;
}

/* print has nowhere to go. */
static int base_print(lua_State *L)
{
        for (int i = 1, n = lua_gettop(L); i <= n; i++) {
                luax_tostring(L, i);
                lua_pop(L, 1);
        }
        return 0;
}

/* ---- code ---- */

static int load_text(lua_State *L, struct str text, const char *name)
{
        luax_charge_bytes(L, text.n * 16);
        lua_pushfstring(L, "=%s", name);
        if (text.n && text.p[0] == LUA_SIGNATURE[0]) {
                lua_pushnil(L);
                lua_pushliteral(L, "bytecode is not taken");
                return 2;
        }
        if (luaL_loadbuffer(L, text.p, text.n, lua_tostring(L, -1)) == 0)
                return 1;
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
}

static int base_loadstring(lua_State *L)
{
        return load_text(L, luax_check_str(L, 1), luaL_optstring(L, 2, "<string>"));
}

static int base_load(lua_State *L)
{
        luaL_Buffer b;
        luaL_checktype(L, 1, LUA_TFUNCTION);
        const char *name = luaL_optstring(L, 2, "?");
        lua_settop(L, 2);
        luaL_buffinit(L, &b);
        for (;;) {
                lua_pushvalue(L, 1);
                lua_call(L, 0, 1);
                size_t n = lua_objlen(L, -1);
                if (lua_isnil(L, -1) || (lua_isstring(L, -1) && n == 0))
                        break;
                if (!lua_isstring(L, -1)) {
                        lua_pushnil(L);
                        lua_pushliteral(L, "reader function must return a string");
                        return 2;
                }
                luax_charge_bytes(L, n);
                luaL_addvalue(&b);
        }
        lua_pop(L, 1);
        luaL_pushresult(&b);
        return load_text(L, top_str(L), name);
}

static int refuse_call(lua_State *L)
{
        return luax_error(L, "%s is not there: scripts have no files or modules",
                          lua_tostring(L, lua_upvalueindex(1)));
}

/* ---- tables and arguments ---- */

static int base_rawset(lua_State *L)
{
        luaL_checktype(L, 1, LUA_TTABLE);
        luaL_checkany(L, 3);
        lua_settop(L, 3);
        lua_rawset(L, 1);
        return 0;
}

static int base_getmetatable(lua_State *L)
{
        luaL_checkany(L, 1);
        int type = lua_type(L, 1);
        if ((type != LUA_TTABLE && type != LUA_TSTRING) || !lua_getmetatable(L, 1)) {
                lua_pushnil(L);
                return 1;
        }
        if (type == LUA_TSTRING) /* the library, as there */
                lua_getglobal(L, "string");
        else
                luaL_getmetafield(L, 1, "__metatable");
        return 1;
}

static int base_select(lua_State *L)
{
        int n = lua_gettop(L);
        if (lua_type(L, 1) == LUA_TSTRING) {
                if (!str_eq(luax_check_str(L, 1), "#"))
                        return luaL_argerror(L, 1, "invalid string");
                lua_pushnumber(L, n - 1);
                return 1;
        }
        int i = luax_check_int(L, 1);
        if (i < 0)
                i = n + i;
        else if (i > n)
                i = n;
        luaL_argcheck(L, i >= 1, 1, "index out of range");
        return n - i;
}

static int base_unpack(lua_State *L)
{
        luaL_checktype(L, 1, LUA_TTABLE);
        int from = luax_opt_int(L, 2, 1), to = luax_opt_int(L, 3, (int)lua_objlen(L, 1));
        if (to < from)
                return 0;
        int64_t n = (int64_t)to - from + 1;
        if (n > 7000 || !lua_checkstack(L, (int)n))
                return luax_error(L, "too many results to unpack");
        luax_charge(L, (size_t)n);
        for (int64_t i = from; i <= to; i++)
                lua_rawgeti(L, 1, (int)i);
        return (int)n;
}

static int base_collectgarbage(lua_State *L)
{
        (void)L;
        return 0;
}

/* ---- coroutines ---- */

static int co_resume(lua_State *L)
{
        int n = lua_gettop(L);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, n, LUA_MULTRET);
        if (lua_toboolean(L, 1))
                return lua_gettop(L);
        rethrow_limit(L);
        const char *words = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
        bool dead = streq(words, "cannot resume dead coroutine");
        if (dead || streq(words, "cannot resume running coroutine")) {
                lua_pushstring(L, dead ? "can not resume a dead thread"
                                       : "can not resume a running thread");
                lua_replace(L, 2);
        }
        return lua_gettop(L);
}

static void open_coroutines(lua_State *L)
{
        lua_getglobal(L, "coroutine");
        lua_getfield(L, -1, "resume");
        lua_pushcclosure(L, co_resume, 1);
        lua_setfield(L, -2, "resume");
        lua_pop(L, 1);
}

/* ---- operators on what has none ---- */

static int refuse_operator(lua_State *L)
{
        return luax_error(L, "cannot perform %s operation between %s and %s",
                          lua_tostring(L, lua_upvalueindex(1)), luaL_typename(L, 1),
                          luaL_typename(L, 2));
}

static int refuse_index(lua_State *L)
{
        struct str key = luax_tostring(L, 2);
        return luax_error(L, "attempt to index a non-table object(%s) with key '%.*s'",
                          luaL_typename(L, 1), (int)(key.n > 100 ? 100 : key.n), key.p);
}

static void set_refusals(lua_State *L)
{
        static const char *const operators[][2] = {
                {"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"},      {"__div", "div"},
                {"__mod", "mod"}, {"__pow", "pow"}, {"__concat", "concat"}};
        for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
                lua_pushstring(L, operators[i][1]);
                lua_pushcclosure(L, refuse_operator, 1);
                lua_setfield(L, -2, operators[i][0]);
        }
}

static void open_type_metatables(lua_State *L)
{
        lua_newtable(L);
        set_refusals(L);
        lua_pushcfunction(L, refuse_index);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, refuse_index);
        lua_setfield(L, -2, "__newindex");
        lua_pushnil(L);
        lua_pushnumber(L, 0);
        lua_pushboolean(L, 0);
        lua_pushcfunction(L, refuse_index);
        for (int i = 1; i <= 4; i++) {
                lua_pushvalue(L, 1);
                lua_setmetatable(L, 1 + i);
        }
        lua_settop(L, 0);
        lua_pushliteral(L, "");
        if (lua_getmetatable(L, -1))
                set_refusals(L);
        lua_settop(L, 0);
}

static void open_one(lua_State *L, lua_CFunction open)
{
        lua_pushcfunction(L, open);
        lua_call(L, 0, 0);
        lua_settop(L, 0);
}

void luax_open_base(lua_State *L)
{
        static const luaL_Reg functions[] = {
                {"assert", base_assert},     {"collectgarbage", base_collectgarbage},
                {"error", base_error},       {"getmetatable", base_getmetatable},
                {"load", base_load},         {"loadstring", base_loadstring},
                {"pcall", base_pcall},       {"print", base_print},
                {"rawset", base_rawset},     {"select", base_select},
                {"tonumber", base_tonumber}, {"tostring", base_tostring},
                {"unpack", base_unpack},     {"xpcall", base_xpcall}};
        static const char *const refused[] = {"dofile", "loadfile", "module", "require"};
        static const char *const absent[] = {"gcinfo", "newproxy"};
        lua_settop(L, 0);
        open_one(L, luaopen_base);
        open_one(L, luaopen_string);
        for (size_t i = 0; i < ARRAY_LEN(functions); i++)
                lua_register(L, functions[i].name, functions[i].func);
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                lua_pushstring(L, refused[i]);
                lua_pushcclosure(L, refuse_call, 1);
                lua_setglobal(L, refused[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
                lua_pushnil(L);
                lua_setglobal(L, absent[i]);
        }
        lua_pushliteral(L, "GopherLua 0.1");
        lua_setglobal(L, "_GOPHER_LUA_VERSION");
        open_coroutines(L);
        open_type_metatables(L);
}
