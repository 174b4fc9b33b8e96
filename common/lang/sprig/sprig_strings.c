/* common/lang/sprig/sprig_strings.c: texts: trim, cut, search, split, quote. Positions count bytes,
 * as in the original. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include "common/lang/unicode/unicode.h"

static struct str cut(struct str s, size_t from, size_t to)
{
        return (struct str){s.p + from, to - from};
}

static size_t rune_at(struct str s, size_t i, uint32_t *cp)
{
        return utf8_decode(s.p + i, s.n - i, cp);
}

/* The width of the last character of s. */
static size_t last_rune(struct str s, uint32_t *cp)
{
        for (size_t back = 1; back <= 4 && back <= s.n; back++) {
                if (((unsigned char)s.p[s.n - back] & 0xC0) == 0x80)
                        continue;
                if (rune_at(s, s.n - back, cp) == back)
                        return back;
                break;
        }
        *cp = 0xFFFD;
        return 1;
}

SPRIG_FN(fn_trim)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        uint32_t cp;
        while (s.n) {
                size_t len = rune_at(s, 0, &cp);
                if (!uni_is_space(cp))
                        break;
                s = cut(s, len, s.n);
        }
        while (s.n) {
                size_t len = last_rune(s, &cp);
                if (!uni_is_space(cp))
                        break;
                s.n -= len;
        }
        return go_return_str(out, s);
}

static bool in_set(struct str set, uint32_t cp)
{
        for (size_t i = 0; i < set.n;) {
                uint32_t c;
                i += rune_at(set, i, &c);
                if (c == cp)
                        return true;
        }
        return false;
}

SPRIG_FN(fn_trimAll)
{
        SPRIG_ARGS;
        struct str set = args[0].s, s = args[1].s;
        uint32_t cp;
        while (s.n) {
                size_t len = rune_at(s, 0, &cp);
                if (!in_set(set, cp))
                        break;
                s = cut(s, len, s.n);
        }
        while (s.n) {
                size_t len = last_rune(s, &cp);
                if (!in_set(set, cp))
                        break;
                s.n -= len;
        }
        return go_return_str(out, s);
}

static bool starts(struct str s, struct str prefix)
{
        return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static bool ends(struct str s, struct str suffix)
{
        return s.n >= suffix.n &&
               (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

SPRIG_FN(fn_trimPrefix)
{
        SPRIG_ARGS;
        struct str s = args[1].s;
        return go_return_str(out, starts(s, args[0].s) ? cut(s, args[0].s.n, s.n) : s);
}

SPRIG_FN(fn_trimSuffix)
{
        SPRIG_ARGS;
        struct str s = args[1].s;
        return go_return_str(out, ends(s, args[0].s) ? cut(s, 0, s.n - args[0].s.n) : s);
}

SPRIG_FN(fn_hasPrefix)
{
        SPRIG_ARGS;
        *out = val_bool(starts(args[1].s, args[0].s));
        return true;
}

SPRIG_FN(fn_hasSuffix)
{
        SPRIG_ARGS;
        *out = val_bool(ends(args[1].s, args[0].s));
        return true;
}

/* Index of `what` in s at or after `from`, SIZE_MAX when absent. */
static size_t find(struct str s, struct str what, size_t from)
{
        if (what.n == 0)
                return from;
        const char *at = from < s.n ? memmem(s.p + from, s.n - from, what.p, what.n) : NULL;
        return at ? (size_t)(at - s.p) : SIZE_MAX;
}

SPRIG_FN(fn_contains)
{
        SPRIG_ARGS;
        *out = val_bool(find(args[1].s, args[0].s, 0) != SIZE_MAX);
        return true;
}

/* An empty `old` stands before each character and at the end. */
static void replace_empty(struct abuf *b, struct str s, struct str new)
{
        for (size_t i = 0; i < s.n && !b->failed;) {
                uint32_t cp;
                size_t len = rune_at(s, i, &cp);
                abuf_add(b, new);
                abuf_add(b, cut(s, i, i + len));
                i += len;
        }
        abuf_add(b, new);
}

SPRIG_FN(fn_replace)
{
        SPRIG_ARGS;
        struct str old = args[0].s, new = args[1].s, s = args[2].s;
        struct abuf b = abuf_in(env->arena);
        if (old.n == 0) {
                replace_empty(&b, s, new);
                return go_return_text(env, &b, out);
        }
        size_t from = 0;
        for (size_t at; (at = find(s, old, from)) != SIZE_MAX && !b.failed; from = at + old.n) {
                abuf_add(&b, cut(s, from, at));
                abuf_add(&b, new);
        }
        abuf_add(&b, cut(s, from, s.n));
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_repeat)
{
        SPRIG_ARGS;
        struct str s = args[1].s;
        struct abuf b = abuf_in(env->arena);
        if (args[0].i < 0)
                return go_fail(env, ERR_INVALID, "strings: negative Repeat count");
        if (s.n && (uint64_t)args[0].i > env->arena->max / s.n)
                return go_full(env);
        for (int64_t i = 0; i < args[0].i && s.n; i++)
                abuf_add(&b, s);
        return go_return_text(env, &b, out);
}

/* ---- parts ---- */

SPRIG_FN(fn_substr)
{
        SPRIG_ARGS;
        int64_t start = args[0].i, end = args[1].i, len = (int64_t)args[2].s.n;
        if (start < 0)
                start = 0;
        else if (end < 0 || end > len)
                end = len;
        if (end < 0 || end > len || start > end)
                return go_fail(env, ERR_INVALID, "slice bounds out of range [%lld:%lld]",
                               (long long)start, (long long)end);
        return go_return_str(out, cut(args[2].s, (size_t)start, (size_t)end));
}

SPRIG_FN(fn_trunc)
{
        SPRIG_ARGS;
        int64_t c = args[0].i, len = (int64_t)args[1].s.n;
        struct str s = args[1].s;
        if (c < 0 && c > -len)
                s = cut(s, (size_t)(len + c), s.n);
        else if (c >= 0 && len > c)
                s.n = (size_t)c;
        return go_return_str(out, s);
}

static void abbreviate(struct abuf *b, struct str s, int64_t offset, int64_t width)
{
        int64_t len = (int64_t)s.n;
        if (width < 4)
                return;
        if (len <= width) {
                abuf_add(b, s);
                return;
        }
        if (offset > len)
                offset = len;
        if (len - offset < width - 3)
                offset = len - (width - 3);
        if (offset <= 4) {
                abuf_add(b, cut(s, 0, (size_t)(width - 3)));
                abuf_adds(b, "...");
        } else if (width >= 7) {
                abuf_adds(b, "...");
                if (offset + width - 3 < len)
                        abbreviate(b, cut(s, (size_t)offset, s.n), 0, width - 3);
                else
                        abuf_add(b, cut(s, (size_t)(len - (width - 3)), s.n));
        }
}

SPRIG_FN(fn_abbrev)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        if (args[0].i < 4)
                return go_return_str(out, args[1].s);
        abbreviate(&b, args[1].s, 0, args[0].i);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_abbrevboth)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        if (args[1].i < 4 || (args[0].i > 0 && args[1].i < 7))
                return go_return_str(out, args[2].s);
        abbreviate(&b, args[2].s, args[0].i, args[1].i);
        return go_return_text(env, &b, out);
}

/* ---- splitting ---- */

/* At most `limit` parts (negative: all). */
static bool split(struct go_env *env, struct str sep, struct str s, int64_t limit,
                  struct sprig_list *l)
{
        size_t from = 0;
        if (limit == 0)
                return true;
        while (limit < 0 || (int64_t)l->n < limit - 1) {
                size_t at, skip = sep.n;
                if (sep.n == 0) { /* one character each */
                        uint32_t cp;
                        if (from >= s.n)
                                return true;
                        at = from + rune_at(s, from, &cp);
                        if (at >= s.n)
                                break;
                } else {
                        at = find(s, sep, from);
                        if (at == SIZE_MAX)
                                break;
                }
                if (!sprig_push_str(l, cut(s, from, at)))
                        return false;
                from = at + skip;
        }
        if (sep.n == 0 && from >= s.n)
                return true;
        (void)env;
        return sprig_push_str(l, cut(s, from, s.n));
}

SPRIG_FN(fn_splitList)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return split(env, args[0].s, args[1].s, -1, &l) && sprig_list_value(&l, VAL_T_STRINGS, out);
}

static bool numbered(struct go_env *env, const struct sprig_list *l, struct val *out)
{
        *out = val_map_new(env->arena, l->n);
        for (size_t i = 0; i < l->n && out->kind == VAL_MAP; i++) {
                struct abuf key = abuf_in(env->arena);
                abuf_addf(&key, "_%zu", i);
                if (key.failed ||
                    !val_map_set(env->arena, *out, val_str(abuf_str(&key)), l->items[i]))
                        return go_full(env);
        }
        if (out->kind != VAL_MAP)
                return go_full(env);
        out->type = VAL_T_STRMAP;
        return true;
}

SPRIG_FN(fn_split)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return split(env, args[0].s, args[1].s, -1, &l) && numbered(env, &l, out);
}

SPRIG_FN(fn_splitn)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        return split(env, args[0].s, args[2].s, args[1].i, &l) && numbered(env, &l, out);
}

/* ---- quoting and joining ---- */

SPRIG_FN(fn_quote)
{
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < n; i++) {
                struct str s;
                if (sprig_nothing(args[i]))
                        continue;
                if (!sprig_text(env, args[i], &s))
                        return false;
                if (b.n)
                        abuf_addc(&b, ' ');
                gofmt_quote(&b, s, false);
        }
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_squote)
{
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < n; i++) {
                if (sprig_nothing(args[i]))
                        continue;
                abuf_adds(&b, b.n ? " '" : "'");
                gofmt_value(&b, args[i]);
                abuf_addc(&b, '\'');
        }
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_cat)
{
        struct abuf b = abuf_in(env->arena);
        bool first = true;
        for (size_t i = 0; i < n; i++) {
                if (sprig_nothing(args[i]))
                        continue;
                if (!first)
                        abuf_addc(&b, ' ');
                first = false;
                gofmt_value(&b, args[i]);
        }
        return go_return_text(env, &b, out);
}

static void indent(struct abuf *b, int64_t spaces, struct str s)
{
        bool line_start = true;
        for (size_t i = 0;; i++) {
                for (int64_t k = 0; line_start && k < spaces && !b->failed; k++)
                        abuf_addc(b, ' ');
                if (i >= s.n)
                        break;
                abuf_addc(b, s.p[i]);
                line_start = s.p[i] == '\n';
        }
}

static bool indented(struct go_env *env, const struct val *args, const char *before,
                     struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        if (args[0].i < 0)
                return go_fail(env, ERR_INVALID, "strings: negative Repeat count");
        abuf_adds(&b, before);
        indent(&b, args[0].i, args[1].s);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_indent)
{
        SPRIG_ARGS;
        return indented(env, args, "", out);
}

SPRIG_FN(fn_nindent)
{
        SPRIG_ARGS;
        return indented(env, args, "\n", out);
}

SPRIG_FN(fn_plural)
{
        SPRIG_ARGS;
        *out = args[args[2].i == 1 ? 0 : 1];
        return true;
}
