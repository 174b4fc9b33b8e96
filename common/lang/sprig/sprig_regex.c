/* common/lang/sprig/sprig_regex.c: regular expressions. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"
#include "common/lang/sprig/sprig_priv.h"

/* An error of the regex package becomes ours. */
static bool passed(struct go_env *env, int rc, struct err *e)
{
        if (rc == 0)
                return true;
        go_fail(env, e->code, "%s", err_msg(e));
        err_clear(e);
        return false;
}

static bool match(struct go_env *env, const struct val *args, struct val *out)
{
        const struct goregex *re;
        struct err e = {0};
        bool matched;
        if (!sprig_regex(env, args[0].s, &re) ||
            !passed(env, goregex_match(re, args[1].s, env->arena, &matched, &e), &e))
                return false;
        *out = val_bool(matched);
        return true;
}

SPRIG_FN(fn_mustRegexMatch)
{
        SPRIG_ARGS;
        return match(env, args, out);
}

/* A broken pattern matches nothing. */
SPRIG_FN(fn_regexMatch)
{
        SPRIG_ARGS;
        struct goregex *re;
        if (goregex_new(&re, args[0].s, NULL, NULL) < 0) {
                *out = val_bool(false);
                return true;
        }
        goregex_free(re);
        return match(env, args, out);
}

SPRIG_FN(fn_regexFind)
{
        SPRIG_ARGS;
        const struct goregex *re;
        struct goregex_span span;
        struct err e = {0};
        bool found;
        if (!sprig_regex(env, args[0].s, &re) ||
            !passed(env, goregex_find(re, args[1].s, 0, env->arena, &found, &span, 1, &e), &e))
                return false;
        struct str s = found ? (struct str){args[1].s.p + span.from, span.to - span.from} : STR("");
        return go_return_str(out, s);
}

struct matches {
        struct goregex_iter it;
        const struct goregex *re;
        struct str text;
        int64_t left; /* negative: all */
};

static bool next(struct go_env *env, struct matches *m, bool *found, struct goregex_span *span)
{
        struct err e = {0};
        *found = false;
        if (m->left == 0)
                return true;
        m->left -= m->left > 0;
        return go_step(env, 1) &&
               passed(env, goregex_next(m->re, m->text, &m->it, env->arena, found, span, 1, &e),
                      &e);
}

SPRIG_FN(fn_regexFindAll)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        struct matches m = {.text = args[1].s, .left = args[2].i};
        struct goregex_span span;
        bool found = true;
        if (!sprig_regex(env, args[0].s, &m.re))
                return false;
        for (;;) {
                if (!next(env, &m, &found, &span))
                        return false;
                if (!found)
                        break;
                if (!sprig_push_str(&l, (struct str){m.text.p + span.from, span.to - span.from}))
                        return false;
        }
        if (!sprig_list_value(&l, VAL_T_STRINGS, out))
                return false;
        out->extra = l.n ? 0 : VAL_X_NIL;
        return true;
}

SPRIG_FN(fn_regexSplit)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        struct matches m = {.text = args[1].s, .left = args[2].i};
        struct goregex_span span;
        size_t begin = 0, end = 0;
        int64_t limit = args[2].i;
        bool found;
        if (!sprig_regex(env, args[0].s, &m.re))
                return false;
        if (limit == 0) {
                if (!sprig_list_value(&l, VAL_T_STRINGS, out))
                        return false;
                out->extra = VAL_X_NIL;
                return true;
        }
        if (args[0].s.n && m.text.n == 0)
                return sprig_push_str(&l, STR("")) && sprig_list_value(&l, VAL_T_STRINGS, out);
        for (;;) {
                if (!next(env, &m, &found, &span))
                        return false;
                if (!found || (limit > 0 && (int64_t)l.n == limit - 1))
                        break;
                end = span.from;
                if (span.to && !sprig_push_str(&l, (struct str){m.text.p + begin, end - begin}))
                        return false;
                begin = span.to;
        }
        if (end != m.text.n &&
            !sprig_push_str(&l, (struct str){m.text.p + begin, m.text.n - begin}))
                return false;
        return sprig_list_value(&l, VAL_T_STRINGS, out);
}

/* goregex writes to a struct buf. */
static bool replace(struct go_env *env, const struct val *args, bool literal, struct val *out)
{
        const struct goregex *re;
        struct err e = {0};
        AUTO_BUF struct buf b = BUF_INIT(env->arena->max ? env->arena->max : SIZE_MAX);
        if (!sprig_regex(env, args[0].s, &re) ||
            !passed(env, goregex_replace(re, args[1].s, args[2].s, literal, env->arena, &b, &e),
                    &e))
                return false;
        struct abuf copy = abuf_in(env->arena);
        abuf_add(&copy, (struct str){b.data, b.len});
        return go_return_text(env, &copy, out);
}

SPRIG_FN(fn_regexReplaceAll)
{
        SPRIG_ARGS;
        return replace(env, args, false, out);
}

SPRIG_FN(fn_regexReplaceAllLiteral)
{
        SPRIG_ARGS;
        return replace(env, args, true, out);
}

SPRIG_FN(fn_regexQuoteMeta)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < args[0].s.n; i++) {
                char c = args[0].s.p[i];
                if (c && strchr("\\.+*?()|[]{}^$", c))
                        abuf_addc(&b, '\\');
                abuf_addc(&b, c);
        }
        return go_return_text(env, &b, out);
}
