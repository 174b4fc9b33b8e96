/* common/lang/lua/lua_priv.h: one run of a script. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/limits.h"
#include "common/lang/lua.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { LUAX_MEMORY = 16 << 20, LUAX_HOOK = 100, LUAX_BYTES_PER_STEP = 64, LUAX_CPU_MS = 500 };

struct luax_run {
        const struct luascript_host *host;
        size_t memory;    /* held now */
        size_t allocated; /* since the last look */
        int64_t steps;    /* left */
        int64_t started_ms;
        unsigned looks;
        uint64_t random;
        bool over; /* a limit was met: no pcall may catch that */
};
struct luax_run *luax_run(lua_State *L);
/* Counts n steps; raises when there are none left. */
void luax_charge(lua_State *L, size_t n);
void luax_charge_bytes(lua_State *L, size_t n);
/* Raises with "<string>:LINE: " of the nearest Lua function in front. */
int luax_error(lua_State *L, const char *fmt, ...) PRINTF_LIKE(2, 3);
void luax_where(lua_State *L, int level); /* pushes it */

/* A number as gopher-lua prints it. */
enum { LUAX_NUMBER = 400 };
size_t luax_number(double d, char out[LUAX_NUMBER]);
/* tostring(): pushes the text of the value at idx. */
struct str luax_tostring(lua_State *L, int idx);
struct str luax_check_str(lua_State *L, int arg);
int luax_check_int(lua_State *L, int arg); /* a double cut to an int */
int luax_opt_int(lua_State *L, int arg, int otherwise);
void luax_push(lua_State *L, struct str s);

void luax_open_base(lua_State *L);
void luax_open_string(lua_State *L);
void luax_open_table(lua_State *L);
void luax_open_math(lua_State *L);
void luax_open_os(lua_State *L);

/* ---- patterns ---- */
struct luax_match {
        int n;           /* entries of at: two for each capture, the whole match first */
        uint32_t at[66]; /* (position << 1) | 1 for a position capture, position << 1 else */
};
static inline size_t luax_at(const struct luax_match *m, int i)
{
        return m->at[i] >> 1;
}
static inline bool luax_is_position(const struct luax_match *m, int i)
{
        return m->at[i] & 1;
}
/* All matches (up to limit, -1: all) from an offset, as a block of userdata that is left on the
 * stack. Raises on a bad pattern. */
struct luax_match *luax_find(lua_State *L, struct str pattern, struct str text, size_t offset,
                             int limit, size_t *count);

/* ---- values ---- */
void luax_push_val(lua_State *L, struct val v, struct arena *a); /* pushes a table for a map */
int luax_to_val(lua_State *L, int idx, struct arena *a, struct val *out, struct err *e);
