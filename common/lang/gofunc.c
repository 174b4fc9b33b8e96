/* common/lang/gofunc.c: see gofunc.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofunc.h"
#include "common/lang/goregex.h"
#include <stdarg.h>
#include <stdio.h>

bool go_fail(struct go_env *env, enum err_code code, const char *fmt, ...)
{
        char words[400];
        va_list ap;
        if (env->failed)
                return false;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        env->failed = true;
        err_set(env->e, code, "%s", words);
        return false;
}

bool go_full(struct go_env *env)
{
        return go_fail(env, ERR_LIMIT, "more than %zu bytes of memory are needed", env->arena->max);
}

bool go_step(struct go_env *env, size_t cost)
{
        if (env->steps < cost)
                return go_fail(env, ERR_LIMIT, "more than %d steps are needed", 1000000);
        env->steps -= cost;
        return !env->failed;
}

void go_env_end(struct go_env *env)
{
        env->regexes = goregex_cache_free(env->regexes);
}

/* Tables are sorted by name. */
const struct go_func *go_find(const struct go_func *table, size_t n, struct str name)
{
        size_t lo = 0, hi = n;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                int order = strncmp(table[mid].name, name.p, name.n);
                if (order == 0 && table[mid].name[name.n])
                        order = 1;
                if (order == 0)
                        return &table[mid];
                if (order < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return NULL;
}

size_t go_params_min(const struct go_func *f)
{
        const char *star = strchr(f->types, '*');
        return star ? (size_t)(star - f->types) : strlen(f->types);
}

bool go_params_variadic(const struct go_func *f)
{
        return strchr(f->types, '*') != NULL;
}

char go_param(const struct go_func *f, size_t i)
{
        size_t min = go_params_min(f);
        if (i < min)
                return f->types[i];
        return go_params_variadic(f) ? f->types[min + 1] : 0;
}

const char *go_param_name(char type)
{
        switch (type) {
        case 's': return "string";
        case 'i': return "int";
        case 'I': return "int64";
        case 'u': return "uint32";
        case 'f': return "float64";
        case 'b': return "bool";
        case 'm': return "map[string]interface {}";
        case 'l': return "[]interface {}";
        case 't': return "time.Time";
        case 'v': return "*semver.Version";
        case 'D': return "time.Duration";
        default: return "interface {}";
        }
}

bool go_assignable(char type, struct val v)
{
        switch (type) {
        case 's': return v.kind == VAL_STR && v.type == VAL_T_USUAL;
        case 'i': return v.kind == VAL_INT && v.type == VAL_T_USUAL;
        case 'I': return v.kind == VAL_INT && v.type == VAL_T_INT64;
        case 'u': return v.kind == VAL_INT && v.type == VAL_T_UINT32;
        case 'f': return v.kind == VAL_FLOAT;
        case 'b': return v.kind == VAL_BOOL;
        case 'm': return v.kind == VAL_MAP && v.type == VAL_T_USUAL;
        case 'l': return v.kind == VAL_LIST && v.type == VAL_T_USUAL;
        case 't': return v.kind == VAL_TIME;
        case 'v': return v.kind == VAL_OTHER && v.type == VAL_T_SEMVER;
        case 'D': return v.kind == VAL_DURATION;
        default: return true;
        }
}

bool go_return_text(struct go_env *env, const struct abuf *b, struct val *out)
{
        if (b->failed)
                return go_full(env);
        *out = val_str(abuf_str(b));
        return true;
}

bool go_return_str(struct val *out, struct str s)
{
        *out = val_str(s);
        return true;
}
