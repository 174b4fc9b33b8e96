/* common/lang/lua.h: Lua 5.1 scripts of Sensors: `filters.script` and `transform.script`.
 *
 * Runs on liblua5.1 and answers as gopher-lua does: numbers print in their shortest form, patterns,
 * string.format, tables and error texts are gopher-lua's; what liblua cannot do (the length
 * metamethod of tables, more than 14 digits of a number joined with ..) is in
 * docs/reference/lua.md. The global `event` is the payload; nulls and lists inside of lists are
 * left out, as there. A script has no files, processes, modules, environment or bytecode: io,
 * package, debug and the rest of os are there by name and refuse by name. Each run has a state of
 * its own. Limits: limits.h in steps (instructions, bytes handled, pattern steps) and memory; a
 * script that meets one cannot catch it. Threads: any; a script is immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/lang/value.h"

struct luascript;
/* INVALID with the line in the words ("<string>:3: ..."); *at is the offset of that line. */
int luascript_new(struct luascript **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct luascript *luascript_free(struct luascript *s);
AUTO_DEFINE(luascript_free, struct luascript *);

typedef void luascript_emit_fn(void *arg, struct str line);
struct luascript_host {
        struct clock *clock;     /* of os.time and os.date; NULL: they answer 1970 */
        uint64_t seed;           /* of math.random */
        struct val event;        /* VAL_MAP, or VAL_MISSING: no `event` */
        luascript_emit_fn *emit; /* not NULL: the function emit(...), used by tests */
        void *arg;
};
/* *out is the last value that the script returns, in `a`: VAL_NIL when there is none, VAL_OTHER for
 * functions and threads. A table with a positive whole key is a list, any other a map. INVALID: the
 * script failed; LIMIT. */
int luascript_run(const struct luascript *s, const struct luascript_host *host, struct arena *a,
                  struct val *out, struct err *e) MUST_CHECK;
