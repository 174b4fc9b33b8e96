/* common/lang/gofunc.h: functions of the originals as Go sees them: a name, parameter types, a
 * body. Go templates and expr call the same sprig functions through this. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/lang/abuf.h"
#include "common/lang/value.h"

struct goregex_cache;
/* One evaluation, as far as functions see it. */
struct go_env {
        struct arena *arena;
        struct clock *clock; /* NULL: no time */
        size_t steps;        /* left */
        struct err *e;       /* set by the first failure */
        bool failed;
        struct goregex_cache *regexes; /* made on first use, freed by go_env_end() */
};
void go_env_end(struct go_env *env);
/* Both return false. Words name the function and the cause, never data. */
bool go_fail(struct go_env *env, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool go_full(struct go_env *env); /* the arena is full */
bool go_step(struct go_env *env, size_t cost);

typedef bool go_fn(struct go_env *env, const struct val *args, size_t n, struct val *out);
/* Parameter types, one letter each: a any, s string, i int, I int64, u uint32, f float64, b bool, m
 * map[string]interface {}, l []interface {}, t time.Time, v semver, D duration; '*' before the last
 * one: any number of it. */
struct go_func {
        const char *name;
        const char *types;
        go_fn *fn;
};
const struct go_func *go_find(const struct go_func *table, size_t n, struct str name);
/* The type of argument i, 0 when there are too many. */
char go_param(const struct go_func *f, size_t i);
size_t go_params_min(const struct go_func *f);
bool go_params_variadic(const struct go_func *f);
const char *go_param_name(char type); /* "string", "map[string]interface {}" */
/* Is the value assignable to the parameter, as Go's reflection has it? */
bool go_assignable(char type, struct val v);

/* sprig's FuncMap without env, expandenv and getHostByName. */
const struct go_func *sprig_find(struct str name);
/* Why a function of sprig is refused at compile time, or NULL. */
const char *sprig_refused(struct str name);
/* A method of a value (time, duration, semver ...): its receiver is argument 0, not counted in
 * `types`. */
const struct go_func *go_method(struct val receiver, struct str name);

/* Results: text in the arena. */
bool go_return_text(struct go_env *env, const struct abuf *b, struct val *out);
bool go_return_str(struct val *out, struct str s);
