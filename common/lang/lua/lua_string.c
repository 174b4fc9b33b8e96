/* common/lang/lua/lua_string.c: string as gopher-lua has it: Go's formatting and case mapping.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/lua/lua_priv.h"
#include "common/lang/unicode/unicode.h"
#include <math.h>

/* ---- positions ---- */

/* A Lua position as an offset from 0; `start`: of the first character, else of the one behind the
 * last. */
static int64_t offset_of(struct str s, int64_t i, bool start)
{
        int64_t n = (int64_t)s.n;
        if (start && i != 0)
                i--;
        if (i < 0)
                i = n + i + 1;
        if (i < 0)
                i = 0;
        return !start && i > n ? n : i;
}

static int str_byte(lua_State *L)
{
        struct str s = luax_check_str(L, 1);
        int64_t n = (int64_t)s.n;
        int64_t from = (int64_t)luax_opt_int(L, 2, 1) - 1, to = luax_opt_int(L, 3, -1);
        if (from < 0)
                from += n + 1;
        if (to < 0)
                to += n + 1;
        if (lua_gettop(L) == 2)
                to = from < 0 ? 0 : from + 1;
        from = from < 0 ? 0 : from;
        to = to > n ? n : to;
        if (to <= from)
                return 0;
        luaL_checkstack(L, (int)(to - from > 7000 ? 1000000 : to - from), "string slice too long");
        for (int64_t i = from; i < to; i++)
                lua_pushnumber(L, (unsigned char)s.p[i]);
        return (int)(to - from);
}

static int str_char(lua_State *L)
{
        luaL_Buffer b;
        int n = lua_gettop(L);
        luaL_buffinit(L, &b);
        for (int i = 1; i <= n; i++)
                luaL_addchar(&b, (char)luax_check_int(L, i));
        luaL_pushresult(&b);
        return 1;
}

static int str_sub(lua_State *L)
{
        struct str s = luax_check_str(L, 1);
        int64_t from = offset_of(s, luax_check_int(L, 2), true);
        int64_t to = offset_of(s, luax_opt_int(L, 3, -1), false);
        if (from >= (int64_t)s.n || to < from)
                return lua_pushliteral(L, ""), 1;
        luax_charge_bytes(L, (size_t)(to - from));
        lua_pushlstring(L, s.p + from, (size_t)(to - from));
        return 1;
}

static int str_len(lua_State *L)
{
        lua_pushnumber(L, (double)luax_check_str(L, 1).n);
        return 1;
}

static int str_rep(lua_State *L)
{
        luaL_Buffer b;
        struct str s = luax_check_str(L, 1);
        int n = luax_check_int(L, 2);
        if (n > 0 && s.n > (size_t)LUAX_MEMORY / (size_t)n)
                return luax_error(L, "not enough memory");
        luax_charge_bytes(L, n > 0 ? s.n * (size_t)n : 0);
        luaL_buffinit(L, &b);
        for (int i = 0; i < n && s.n; i++)
                luaL_addlstring(&b, s.p, s.n);
        luaL_pushresult(&b);
        return 1;
}

static int str_reverse(lua_State *L)
{
        luaL_Buffer b;
        struct str s = luax_check_str(L, 1);
        luax_charge_bytes(L, s.n * 8);
        luaL_buffinit(L, &b);
        for (size_t i = s.n; i-- > 0;)
                luaL_addchar(&b, s.p[i]);
        luaL_pushresult(&b);
        return 1;
}

static int map_case(lua_State *L, uint32_t (*map)(uint32_t))
{
        luaL_Buffer b;
        struct str s = luax_check_str(L, 1);
        luax_charge_bytes(L, s.n * 8);
        luaL_buffinit(L, &b);
        for (size_t i = 0; i < s.n;) {
                uint32_t c;
                char utf8[4];
                i += utf8_decode(s.p + i, s.n - i, &c);
                luaL_addlstring(&b, utf8, utf8_encode(map(c), utf8));
        }
        luaL_pushresult(&b);
        return 1;
}

static int str_lower(lua_State *L)
{
        return map_case(L, uni_lower);
}

static int str_upper(lua_State *L)
{
        return map_case(L, uni_upper);
}

static int str_dump(lua_State *L)
{
        return luax_error(L, "GopherLua does not support the string.dump");
}

/* ---- patterns ---- */

static void push_capture(lua_State *L, struct str s, const struct luax_match *m, int i)
{
        if (luax_is_position(m, i))
                lua_pushnumber(L, (double)luax_at(m, i));
        else if (luax_at(m, i) <= luax_at(m, i + 1))
                lua_pushlstring(L, s.p + luax_at(m, i), luax_at(m, i + 1) - luax_at(m, i));
        else
                luax_error(L, "invalid capture");
}

/* The captures, or the whole match when there are none. */
static int push_captures(lua_State *L, struct str s, const struct luax_match *m)
{
        luaL_checkstack(L, m->n, "too many captures");
        if (m->n == 2) {
                push_capture(L, s, m, 0);
                return 1;
        }
        for (int i = 2; i < m->n; i += 2)
                push_capture(L, s, m, i);
        return m->n / 2 - 1;
}

static int str_find(lua_State *L)
{
        struct str s = luax_check_str(L, 1), what = luax_check_str(L, 2);
        int top = lua_gettop(L);
        size_t count;
        if (what.n == 0) {
                lua_pushnumber(L, 1);
                lua_pushnumber(L, 0);
                return 2;
        }
        size_t from = (size_t)offset_of(s, luax_opt_int(L, 3, 1), true);
        if (top == 4 && lua_toboolean(L, 4)) {
                luax_charge_bytes(L, s.n);
                if (from > s.n)
                        return luax_error(L, "slice bounds out of range");
                const char *at = memmem(s.p + from, s.n - from, what.p, what.n);
                if (!at)
                        return lua_pushnil(L), 1;
                lua_pushnumber(L, (double)(at - s.p + 1));
                lua_pushnumber(L, (double)(at - s.p) + (double)what.n);
                return 2;
        }
        const struct luax_match *m = luax_find(L, what, s, from, 1, &count);
        if (!count)
                return lua_pushnil(L), 1;
        lua_pushnumber(L, (double)luax_at(m, 0) + 1);
        lua_pushnumber(L, (double)luax_at(m, 1));
        return m->n > 2 ? 2 + push_captures(L, s, m) : 2;
}

static int str_match(lua_State *L)
{
        struct str s = luax_check_str(L, 1), what = luax_check_str(L, 2);
        int64_t from = luax_opt_int(L, 3, 1);
        size_t count;
        if (from < 0)
                from += (int64_t)s.n + 1;
        from = from > 0 ? from - 1 : 0;
        const struct luax_match *m = luax_find(L, what, s, (size_t)from, 1, &count);
        return count ? push_captures(L, s, m) : 0;
}

struct gmatch {
        size_t count, next;
};

/* Upvalues: the text, the matches, struct gmatch. */
static int gmatch_next(lua_State *L)
{
        struct str s;
        s.p = lua_tolstring(L, lua_upvalueindex(1), &s.n);
        const struct luax_match *found = lua_touserdata(L, lua_upvalueindex(2));
        struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
        if (g->next >= g->count)
                return 0;
        return push_captures(L, s, &found[g->next++]);
}

static int str_gmatch(lua_State *L)
{
        struct str s = luax_check_str(L, 1), what = luax_check_str(L, 2);
        size_t count;
        lua_pushvalue(L, 1);
        luax_find(L, what, s, 0, -1, &count);
        struct gmatch *g = lua_newuserdata(L, sizeof(*g));
        *g = (struct gmatch){.count = count};
        lua_pushcclosure(L, gmatch_next, 3);
        return 1;
}

/* %0 to %9 of a replacement text. */
static void add_numbered(lua_State *L, luaL_Buffer *b, struct str s, const struct luax_match *m,
                         int digit)
{
        int i = digit * 2;
        if (i > 2 && i >= m->n)
                luax_error(L, "invalid capture index");
        if (i >= m->n)
                i = 0;
        push_capture(L, s, m, i);
        luax_tostring(L, -1);
        lua_remove(L, -2);
        luaL_addvalue(b);
}

static void add_template(lua_State *L, luaL_Buffer *b, struct str s, const struct luax_match *m)
{
        struct str repl = luax_check_str(L, 3);
        for (size_t i = 0; i < repl.n; i++) {
                if (repl.p[i] != '%' || i + 1 == repl.n) {
                        luaL_addchar(b, repl.p[i]);
                        continue;
                }
                char c = repl.p[++i];
                if (c >= '0' && c <= '9') {
                        add_numbered(L, b, s, m, c - '0');
                } else {
                        if (c != '%')
                                luaL_addchar(b, '%');
                        luaL_addchar(b, c);
                }
        }
}

/* By a table or function; false keeps the text. */
static void add_looked_up(lua_State *L, luaL_Buffer *b, struct str s, const struct luax_match *m)
{
        int base = lua_gettop(L);
        if (lua_istable(L, 3)) {
                push_capture(L, s, m, m->n > 2 ? 2 : 0);
                lua_gettable(L, 3);
        } else {
                lua_pushvalue(L, 3);
                lua_call(L, push_captures(L, s, m), 1);
        }
        if (!lua_toboolean(L, -1)) {
                lua_settop(L, base);
                lua_pushlstring(L, s.p + luax_at(m, 0), luax_at(m, 1) - luax_at(m, 0));
        } else if (lua_type(L, -1) == LUA_TNUMBER || lua_type(L, -1) == LUA_TSTRING) {
                luax_tostring(L, -1);
                lua_remove(L, -2);
        } else {
                lua_settop(L, base);
                lua_pushliteral(L, "");
        }
        luax_charge_bytes(L, lua_objlen(L, -1));
        luaL_addvalue(b);
}

static int str_gsub(lua_State *L)
{
        luaL_Buffer b;
        struct str s = luax_check_str(L, 1), what = luax_check_str(L, 2);
        int type = lua_type(L, 3), limit = luax_opt_int(L, 4, -1);
        size_t count, at = 0;
        luaL_argcheck(L, type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
                      "string or table or function expected");
        const struct luax_match *found = luax_find(L, what, s, 0, limit, &count);
        luax_charge_bytes(L, s.n);
        luaL_buffinit(L, &b);
        for (size_t i = 0; i < count; i++) {
                const struct luax_match *m = &found[i];
                luaL_addlstring(&b, s.p + at, luax_at(m, 0) - at);
                at = luax_at(m, 1);
                if (type == LUA_TSTRING) {
                        luax_charge_bytes(L, lua_objlen(L, 3));
                        add_template(L, &b, s, m);
                } else {
                        add_looked_up(L, &b, s, m);
                }
        }
        luaL_addlstring(&b, s.p + at, s.n - at);
        luaL_pushresult(&b);
        lua_pushnumber(L, (double)count);
        return 2;
}

/* ---- format: Go's Sprintf, each argument told what its verb wants ---- */

struct format {
        lua_State *L;
        struct abuf *out;
        int arg, last; /* next argument; the last one that counts */
};

static bool is_whole(double d)
{
        return d == (double)gonum_f64_to_i64(d);
}

static struct val number_for(struct format *f, double d, char *verb)
{
        char text[LUAX_NUMBER];
        if (*verb == 'q' || *verb == 's') {
                struct str s = {text, luax_number(d, text)};
                char *copy = arena_try_alloc(f->out->arena, s.n + 1);
                if (!copy)
                        return val_nil();
                memcpy(copy, text, s.n);
                return val_str((struct str){copy, s.n});
        }
        bool whole = strchr("bcdoxXU", *verb) || *verb == 'i';
        if (*verb == 'i')
                *verb = 'd';
        if (!whole && !strchr("eEfFgG", *verb))
                whole = is_whole(d);
        if (!whole)
                return val_float(d);
        struct val v = val_int(gonum_f64_to_i64(d));
        v.type = VAL_T_INT64;
        return v;
}

static struct val text_for(struct str s, char *verb)
{
        if (*verb == 'd' || *verb == 'i') {
                char *end, copy[64];
                size_t n = s.n < sizeof(copy) ? s.n : sizeof(copy) - 1;
                memcpy(copy, s.p, n);
                copy[n] = '\0';
                (void)strtod(copy, &end);
                *verb = end != copy && !*end ? 's' : 'd';
                if (*verb == 'd')
                        return val_int(0);
        }
        return val_str(s);
}

/* *verb may change to one that Go takes for the value. */
static struct val argument(struct format *f, int arg, char *verb)
{
        struct str s;
        switch (lua_type(f->L, arg)) {
        case LUA_TNUMBER: return number_for(f, lua_tonumber(f->L, arg), verb);
        case LUA_TSTRING: s.p = lua_tolstring(f->L, arg, &s.n); return text_for(s, verb);
        default:
                s = luax_tostring(f->L, arg);
                if (lua_isnil(f->L, arg) && !strchr("svqxX", *verb)) {
                        s = STR("&{}"); /* Go's view of it */
                        *verb = 's';
                }
                return val_str(s);
        }
}

/* True: it is a boolean with a verb that shows its Go type. */
static bool put_odd_boolean(struct format *f, char verb)
{
        if (!lua_isboolean(f->L, f->arg) || strchr("svqxXt", verb))
                return false;
        abuf_addf(f->out, "%%!%c(lua.LBool=%s)", verb,
                  lua_toboolean(f->L, f->arg) ? "true" : "false");
        f->arg++;
        return true;
}

/* The directive that begins at the % of f.p[*i]; *i is behind it afterwards. */
static void put_directive(struct format *f, struct str fmt, size_t *i)
{
        char piece[64];
        size_t from = (*i)++, n;
        while (*i < fmt.n && strchr(" #+-0123456789.", fmt.p[*i]) && fmt.p[*i])
                (*i)++;
        n = *i - from;
        if (*i == fmt.n || n > 20) {
                abuf_adds(f->out, "%!(NOVERB)");
                return;
        }
        char verb = fmt.p[(*i)++];
        if (verb == '%') {
                abuf_addc(f->out, '%');
                return;
        }
        if (f->arg > f->last) {
                abuf_addf(f->out, "%%!%c(MISSING)", verb);
                return;
        }
        if (put_odd_boolean(f, verb))
                return;
        if (lua_isboolean(f->L, f->arg) && verb == 't')
                verb = 's';
        struct val v = argument(f, f->arg++, &verb);
        memcpy(piece, fmt.p + from, n);
        piece[n++] = verb;
        gofmt_printf(f->out, (struct str){piece, n}, &v, 1);
}

/* Arguments that no directive took, as Go shows them. */
static void put_extra(struct format *f)
{
        static const char *const types[] = {
                [LUA_TNIL] = "*lua.LNilType",  [LUA_TBOOLEAN] = "lua.LBool",
                [LUA_TNUMBER] = "lua.LNumber", [LUA_TSTRING] = "lua.LString",
                [LUA_TTABLE] = "*lua.LTable",  [LUA_TFUNCTION] = "*lua.LFunction",
                [LUA_TTHREAD] = "*lua.LState"};
        if (f->arg > f->last)
                return;
        abuf_adds(f->out, "%!(EXTRA ");
        for (int first = f->arg; f->arg <= f->last; f->arg++) {
                int type = lua_type(f->L, f->arg);
                const char *name = type >= 0 && type < (int)ARRAY_LEN(types) ? types[type] : NULL;
                abuf_addf(f->out, "%s%s=", f->arg == first ? "" : ", ", name ? name : "?");
                abuf_add(f->out, luax_tostring(f->L, f->arg));
        }
        abuf_addc(f->out, ')');
}

static int count_directives(struct str s)
{
        int n = 0;
        for (size_t i = 0; i < s.n; i++)
                n += s.p[i] == '%';
        for (size_t i = 0; i + 1 < s.n; i++) {
                if (s.p[i] == '%' && s.p[i + 1] == '%') {
                        n--;
                        i++;
                }
        }
        return n;
}

/* Widths are at most 5 digits long here: they are counted before anything is allocated. */
static size_t widths(struct str s)
{
        size_t sum = 0, n = 0;
        for (size_t i = 0; i < s.n; i++) {
                bool digit = s.p[i] >= '0' && s.p[i] <= '9';
                n = digit ? n * 10 + (size_t)(s.p[i] - '0') : 0;
                n = n > 1000000 ? 1000000 : n;
                sum += n;
        }
        return sum;
}

static void format_all(struct format *f, struct str fmt)
{
        for (size_t i = 0; i < fmt.n;) {
                const char *percent = memchr(fmt.p + i, '%', fmt.n - i);
                size_t end = percent ? (size_t)(percent - fmt.p) : fmt.n;
                abuf_add(f->out, (struct str){fmt.p + i, end - i});
                i = end;
                if (i < fmt.n)
                        put_directive(f, fmt, &i);
        }
        put_extra(f);
}

static int collect_arena(lua_State *L)
{
        arena_deinit(lua_touserdata(L, 1));
        return 0;
}

/* An arena that is collected with the stack: what runs in between may raise. */
static struct arena *new_arena(lua_State *L)
{
        struct arena *a = lua_newuserdata(L, sizeof(*a));
        arena_init(a, LANG_OUTPUT);
        lua_newtable(L);
        lua_pushcfunction(L, collect_arena);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        return a;
}

static int str_format(lua_State *L)
{
        struct str fmt = luax_check_str(L, 1);
        int top = lua_gettop(L), take = count_directives(fmt);
        luax_charge_bytes(L, fmt.n * 16 + widths(fmt));
        struct arena *a = new_arena(L);
        struct abuf b = abuf_in(a);
        luaL_checkstack(L, top + 10, "too many arguments");
        struct format f = {L, &b, 2, take < top - 1 ? 1 + take : top};
        format_all(&f, fmt);
        if (b.failed)
                return luax_error(L, "not enough memory");
        luax_charge_bytes(L, b.n);
        lua_pushlstring(L, b.n ? b.p : "", b.n);
        arena_deinit(a); /* once more when it is collected: harmless */
        arena_init(a, 1);
        return 1;
}

void luax_open_string(lua_State *L)
{
        static const luaL_Reg functions[] = {{"byte", str_byte},       {"char", str_char},
                                             {"dump", str_dump},       {"find", str_find},
                                             {"format", str_format},   {"gfind", str_gmatch},
                                             {"gmatch", str_gmatch},   {"gsub", str_gsub},
                                             {"len", str_len},         {"lower", str_lower},
                                             {"match", str_match},     {"rep", str_rep},
                                             {"reverse", str_reverse}, {"sub", str_sub},
                                             {"upper", str_upper},     {NULL, NULL}};
        luaL_register(L, "string", functions);
        lua_settop(L, 0);
}
