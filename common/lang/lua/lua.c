/* common/lang/lua/lua.c: see lua.h: the life of a run, its budget, and values in and out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gonum.h"
#include "common/lang/lua/lua_priv.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

struct luascript {
        char *text;
        size_t n;
};

/* ---- budget ---- */

static void *allocate(void *ud, void *p, size_t old, size_t size)
{
        struct luax_run *r = ud;
        if (size == 0) {
                r->memory -= old;
                free(p);
                return NULL;
        }
        if (size > old && r->memory - old + size > LUAX_MEMORY)
                return NULL;
        void *q = realloc(p, size);
        if (q) {
                r->memory += size - old;
                r->allocated += size;
        }
        return q;
}

struct luax_run *luax_run(lua_State *L)
{
        void *ud;
        lua_getallocf(L, &ud);
        return ud;
}

void luax_charge(lua_State *L, size_t n)
{
        struct luax_run *r = luax_run(L);
        r->steps -= (int64_t)n;
        if (r->steps <= 0) {
                r->over = true;
                luaL_error(L, "the script takes more than %d steps", LANG_STEPS);
        }
}

void luax_charge_bytes(lua_State *L, size_t n)
{
        luax_charge(L, n / LUAX_BYTES_PER_STEP + 1);
}

static int64_t cpu_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

/* Joining and comparing megabytes costs one instruction and may allocate nothing: what no count
 * sees, the time of the processor does. */
static void check_cpu(lua_State *L, struct luax_run *r)
{
        enum { LOOKS = 10 };
        if (++r->looks % LOOKS != 0 || cpu_ms() - r->started_ms < LUAX_CPU_MS)
                return;
        r->over = true;
        luaL_error(L, "the script takes more than %d ms of the processor", LUAX_CPU_MS);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
        (void)ar;
        struct luax_run *r = luax_run(L);
        size_t bytes = r->allocated;
        r->allocated = 0;
        check_cpu(L, r);
        luax_charge(L, LUAX_HOOK + bytes / LUAX_BYTES_PER_STEP);
}

/* ---- values ---- */

static void push_list(lua_State *L, struct val v, struct arena *a)
{
        size_t n = val_len(a, v);
        int at = 0;
        lua_newtable(L);
        for (size_t i = 0; i < n; i++) {
                struct val item = val_at(a, v, i);
                if (item.kind == VAL_NIL || item.kind == VAL_LIST || item.kind == VAL_MISSING)
                        continue;
                luax_push_val(L, item, a);
                lua_rawseti(L, -2, ++at);
        }
}

static void push_map(lua_State *L, struct val v, struct arena *a)
{
        lua_newtable(L);
        if (!val_open(a, v))
                luaL_error(L, "not enough memory");
        for (size_t i = 0; i < v.map->n; i++) {
                struct val_entry *entry = &v.map->entries[i];
                if (entry->value.kind == VAL_NIL || entry->key.kind != VAL_STR)
                        continue;
                luax_push(L, entry->key.s);
                luax_push_val(L, entry->value, a);
                lua_rawset(L, -3);
        }
}

void luax_push_val(lua_State *L, struct val v, struct arena *a)
{
        luaL_checkstack(L, 4, "an event nested too deep");
        switch (v.kind) {
        case VAL_BOOL: lua_pushboolean(L, v.b); break;
        case VAL_INT: lua_pushnumber(L, (double)v.i); break;
        case VAL_FLOAT: lua_pushnumber(L, v.f); break;
        case VAL_STR: luax_push(L, v.s); break;
        case VAL_LIST: push_list(L, v, a); break;
        case VAL_MAP: push_map(L, v, a); break;
        default: lua_pushnil(L); break;
        }
}

/* The largest positive whole key, 0 when there is none. */
static size_t max_key(lua_State *L, int table)
{
        double max = 0;
        enum { MAX_INDEX = 67108864 };
        lua_pushnil(L);
        while (lua_next(L, table)) {
                lua_pop(L, 1);
                double k = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
                if (k > max && k < MAX_INDEX && k == floor(k))
                        max = k;
        }
        return (size_t)max;
}

static bool says_array(lua_State *L, int table)
{
        if (!lua_getmetatable(L, table))
                return false;
        lua_getfield(L, -1, "__is_array");
        bool yes = lua_isboolean(L, -1) && lua_toboolean(L, -1);
        lua_pop(L, 2);
        return yes;
}

static int too_large(struct err *e)
{
        return err_set(e, ERR_LIMIT, "what the script returns is too large");
}

static struct str copy_text(struct arena *a, const char *p, size_t n)
{
        char *q = arena_try_alloc(a, n + 1);
        if (!q)
                return (struct str){0};
        memcpy(q, p, n);
        return (struct str){q, n};
}

static int list_to_val(lua_State *L, int table, size_t n, struct arena *a, struct val *out,
                       struct err *e)
{
        *out = n > LANG_STEPS ? val_nil() : val_list_new(a, n);
        if (out->kind != VAL_LIST)
                return too_large(e);
        for (size_t i = 0; i < n; i++) {
                lua_rawgeti(L, table, (int)i + 1);
                if (luax_to_val(L, lua_gettop(L), a, &out->list->items[i], e) < 0)
                        return -1;
                lua_pop(L, 1);
        }
        return 0;
}

static int map_to_val(lua_State *L, int table, struct arena *a, struct val *out, struct err *e)
{
        *out = val_map_new(a, 8);
        if (out->kind != VAL_MAP)
                return too_large(e);
        lua_pushnil(L);
        while (lua_next(L, table)) {
                struct val value;
                int top = lua_gettop(L);
                if (luax_to_val(L, top, a, &value, e) < 0)
                        return -1;
                struct str key = luax_tostring(L, top - 1);
                key = copy_text(a, key.p, key.n);
                if (!key.p || !val_map_set(a, *out, val_str(key), value))
                        return too_large(e);
                lua_settop(L, top - 1);
        }
        return 0;
}

int luax_to_val(lua_State *L, int idx, struct arena *a, struct val *out, struct err *e)
{
        size_t n;
        const char *p;
        if (lua_gettop(L) > 4 * LANG_DEPTH || !lua_checkstack(L, 6))
                return err_set(e, ERR_LIMIT, "what the script returns is nested deeper than %d",
                               LANG_DEPTH);
        switch (lua_type(L, idx)) {
        case LUA_TNONE:
        case LUA_TNIL: *out = val_nil(); return 0;
        case LUA_TBOOLEAN: *out = val_bool(lua_toboolean(L, idx)); return 0;
        case LUA_TNUMBER: *out = val_float(lua_tonumber(L, idx)); return 0;
        case LUA_TSTRING:
                p = lua_tolstring(L, idx, &n);
                *out = val_str(copy_text(a, p, n));
                return out->s.p ? 0 : too_large(e);
        case LUA_TTABLE: break;
        default: *out = (struct val){.kind = VAL_OTHER}; return 0;
        }
        n = max_key(L, idx);
        if (n > 0 || says_array(L, idx))
                return list_to_val(L, idx, n, a, out, e);
        return map_to_val(L, idx, a, out, e);
}

/* ---- a run ---- */

static int refuse_member(lua_State *L)
{
        return luax_error(L, "%s.%s is not there: scripts have no files, processes or modules",
                          lua_tostring(L, lua_upvalueindex(1)), luax_tostring(L, 2).p);
}

/* A library by name only: whatever is looked up in it is refused. */
static void open_nothing(lua_State *L, const char *name)
{
        lua_newtable(L);
        lua_newtable(L);
        lua_pushstring(L, name);
        lua_pushcclosure(L, refuse_member, 1);
        lua_setfield(L, -2, "__index");
        lua_setmetatable(L, -2);
        lua_setglobal(L, name);
}

static int emit(lua_State *L)
{
        struct luax_run *r = luax_run(L);
        luaL_Buffer b;
        int n = lua_gettop(L);
        luaL_buffinit(L, &b);
        for (int i = 1; i <= n; i++) {
                if (i > 1)
                        luaL_addchar(&b, '\t');
                luax_tostring(L, i);
                luaL_addvalue(&b);
        }
        luaL_pushresult(&b);
        size_t len;
        const char *p = lua_tolstring(L, -1, &len);
        luax_charge_bytes(L, len);
        r->host->emit(r->host->arg, (struct str){p, len});
        return 0;
}

static void open_libraries(lua_State *L)
{
        luax_open_base(L);
        luax_open_string(L);
        luax_open_table(L);
        luax_open_math(L);
        luax_open_os(L);
        static const char *const absent[] = {"io", "package", "debug", "channel"};
        for (size_t i = 0; i < ARRAY_LEN(absent); i++)
                open_nothing(L, absent[i]);
        lua_settop(L, 0);
}

struct call {
        const struct luascript *script;
        const struct luascript_host *host;
        struct arena *arena;
        struct val *out;
        struct err *e;
        int rc;
};

/* Everything that may raise, under one lua_cpcall. */
static int run_protected(lua_State *L)
{
        struct call *c = lua_touserdata(L, 1);
        open_libraries(L);
        if (c->host->emit)
                lua_register(L, "emit", emit);
        if (c->host->event.kind == VAL_MAP) {
                luax_push_val(L, c->host->event, c->arena);
                lua_setglobal(L, "event");
        }
        if (luaL_loadbuffer(L, c->script->text, c->script->n, "=<string>") != 0)
                return lua_error(L);
        lua_sethook(L, on_count, LUA_MASKCOUNT, LUAX_HOOK);
        lua_call(L, 0, LUA_MULTRET);
        lua_sethook(L, NULL, 0, 0);
        struct val v = val_nil();
        int top = lua_gettop(L);
        c->rc = top ? luax_to_val(L, top, c->arena, &v, c->e) : 0;
        if (c->rc == 0)
                *c->out = v;
        return 0;
}

static lua_State *new_state(struct luax_run *r, struct err *e)
{
        lua_State *L = lua_newstate(allocate, r);
        if (!L)
                err_set(e, ERR_LIMIT, "no memory for a script");
        return L;
}

static int failed(lua_State *L, const struct luax_run *r, int status, struct err *e)
{
        bool limit = r->over || status == LUA_ERRMEM;
        const char *words = lua_isstring(L, -1) ? lua_tostring(L, -1) : NULL;
        if (words)
                return err_set(e, limit ? ERR_LIMIT : ERR_INVALID, "%s", words);
        return err_set(e, ERR_INVALID, "the script raised a value that is no text (%s)",
                       luaL_typename(L, -1));
}

int luascript_run(const struct luascript *s, const struct luascript_host *host, struct arena *a,
                  struct val *out, struct err *e)
{
        struct luax_run r = {
                .host = host, .steps = LANG_STEPS, .random = host->seed * 2 + 0x9E3779B97F4A7C15u};
        struct call c = {s, host, a, out, e, 0};
        lua_State *L = new_state(&r, e);
        if (!L)
                return -1;
        int status = lua_cpcall(L, run_protected, &c), rc = c.rc;
        if (status != 0) {
                err_clear(e);
                rc = failed(L, &r, status, e);
        }
        lua_close(L);
        return rc;
}

/* ---- compiling ---- */

/* The offset at which the line named in "<string>:LINE:" begins. */
static size_t offset_of(struct str text, const char *words)
{
        const char *colon = strchr(words, ':');
        long line = colon ? strtol(colon + 1, NULL, 10) : 1;
        size_t at = 0;
        for (; line > 1; line--) {
                const char *nl = memchr(text.p + at, '\n', text.n - at);
                if (!nl)
                        break;
                at = (size_t)(nl - text.p) + 1;
        }
        return at;
}

static int check_syntax(struct str text, size_t *at, struct err *e)
{
        struct luax_run r = {.steps = LANG_STEPS};
        lua_State *L = new_state(&r, e);
        if (!L)
                return -1;
        int rc = 0, status = luaL_loadbuffer(L, text.p, text.n, "=<string>");
        if (status != 0) {
                size_t where = offset_of(text, luaL_optstring(L, -1, ""));
                if (at)
                        *at = where;
                rc = err_set(e, status == LUA_ERRMEM ? ERR_LIMIT : ERR_INVALID, "offset %zu: %s",
                             where, luaL_optstring(L, -1, "syntax error"));
        }
        lua_close(L);
        return rc;
}

int luascript_new(struct luascript **out, struct str text, size_t *at, struct err *e)
{
        if (at)
                *at = 0;
        if (!text.p)
                text = STR("");
        if (text.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "a script of more than %d bytes", LANG_TEXT);
        if (text.n && text.p[0] == LUA_SIGNATURE[0])
                return err_set(e, ERR_INVALID, "offset 0: bytecode is not taken");
        if (check_syntax(text, at, e) < 0)
                return -1;
        struct luascript *s = NEW(struct luascript);
        s->text = mem_strndup(text.p, text.n);
        s->n = text.n;
        *out = s;
        return 0;
}

struct luascript *luascript_free(struct luascript *s)
{
        if (s) {
                mem_free(s->text);
                mem_free(s);
        }
        return NULL;
}
