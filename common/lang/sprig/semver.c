/* common/lang/sprig/semver.c: see semver.h. A constraint is a list of alternatives (||), each a
 * list of comparisons that must all hold; "1.2 - 1.4" stands for >= 1.2, <= 1.4.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/semver.h"
#include "common/lang/gonum.h"
#include "common/lang/sprig/sprig_priv.h"
#include <ctype.h>

static bool ident_char(char c)
{
        return isalnum((unsigned char)c) || c == '-';
}

static bool is_number(struct str s)
{
        for (size_t i = 0; i < s.n; i++)
                if (!isdigit((unsigned char)s.p[i]))
                        return false;
        return s.n > 0;
}

/* Dot-separated identifiers at *i: as many as there are. */
static bool identifiers(struct str s, size_t *i, struct str *out)
{
        size_t from = *i, at = *i;
        for (;;) {
                size_t begin = at;
                while (at < s.n && ident_char(s.p[at]))
                        at++;
                if (at == begin)
                        break;
                *i = at;
                if (at >= s.n || s.p[at] != '.')
                        break;
                at++;
        }
        *out = (struct str){s.p + from, *i - from};
        return *i > from;
}

/* "-pre" and "+meta" at *i. */
static void suffixes(struct str s, size_t *i, struct str *pre, struct str *meta)
{
        size_t at = *i + 1;
        *pre = *meta = STR("");
        if (*i < s.n && s.p[*i] == '-' && identifiers(s, &at, pre))
                *i = at;
        at = *i + 1;
        if (*i < s.n && s.p[*i] == '+' && identifiers(s, &at, meta))
                *i = at;
}

static bool numeric_parts_ok(struct str pre)
{
        size_t from = 0;
        for (size_t i = 0; i <= pre.n; i++) {
                if (i < pre.n && pre.p[i] != '.')
                        continue;
                struct str part = {pre.p + from, i - from};
                if (is_number(part) && part.n > 1 && part.p[0] == '0')
                        return false;
                from = i + 1;
        }
        return true;
}

bool semver_parse(struct str text, struct semver *out, const char **why)
{
        uint64_t *const parts[] = {&out->major, &out->minor, &out->patch};
        size_t i = text.n && text.p[0] == 'v';
        *out = (struct semver){.original = text};
        *why = "Invalid Semantic Version";
        for (size_t k = 0; k < 3; k++) {
                size_t from = i;
                if (k > 0 && (i >= text.n || text.p[i] != '.' || i + 1 >= text.n ||
                              !isdigit((unsigned char)text.p[i + 1])))
                        break;
                from = i += k > 0;
                while (i < text.n && isdigit((unsigned char)text.p[i]))
                        i++;
                if (i == from)
                        return false;
                if (gonum_uint((struct str){text.p + from, i - from}, 10, 64, parts[k]) !=
                    GONUM_OK) {
                        *why = "Error parsing version segment";
                        return false;
                }
        }
        suffixes(text, &i, &out->pre, &out->meta);
        if (i != text.n)
                return false;
        *why = "Version segment starts with 0";
        return numeric_parts_ok(out->pre);
}

void semver_put(struct abuf *b, const struct semver *v)
{
        abuf_addf(b, "%llu.%llu.%llu", (unsigned long long)v->major, (unsigned long long)v->minor,
                  (unsigned long long)v->patch);
        if (v->pre.n) {
                abuf_addc(b, '-');
                abuf_add(b, v->pre);
        }
        if (v->meta.n) {
                abuf_addc(b, '+');
                abuf_add(b, v->meta);
        }
}

/* ---- order ---- */

static struct str next_part(struct str *rest)
{
        const char *dot = rest->n ? memchr(rest->p, '.', rest->n) : NULL;
        struct str part = {rest->p, dot ? (size_t)(dot - rest->p) : rest->n};
        size_t skip = part.n + (dot != NULL);
        *rest = (struct str){rest->p + skip, rest->n - skip};
        return part;
}

static int compare_part(struct str a, struct str b)
{
        uint64_t x, y;
        bool na = gonum_uint(a, 10, 64, &x) == GONUM_OK, nb = gonum_uint(b, 10, 64, &y) == GONUM_OK;
        size_t n = a.n < b.n ? a.n : b.n;
        int order = n ? memcmp(a.p, b.p, n) : 0;
        if (order == 0 && a.n == b.n)
                return 0;
        if (a.n == 0 || b.n == 0)
                return a.n == 0 ? -1 : 1;
        if (na != nb)
                return na ? -1 : 1;
        if (na)
                return x > y ? 1 : -1;
        return order ? order : a.n < b.n ? -1 : 1;
}

static int compare_pre(struct str a, struct str b)
{
        while (a.n || b.n) {
                int order = compare_part(next_part(&a), next_part(&b));
                if (order)
                        return order < 0 ? -1 : 1;
        }
        return 0;
}

int semver_compare(const struct semver *a, const struct semver *b)
{
        if (a->major != b->major)
                return a->major < b->major ? -1 : 1;
        if (a->minor != b->minor)
                return a->minor < b->minor ? -1 : 1;
        if (a->patch != b->patch)
                return a->patch < b->patch ? -1 : 1;
        if (a->pre.n == 0 || b->pre.n == 0)
                return (a->pre.n == 0) - (b->pre.n == 0);
        return compare_pre(a->pre, b->pre);
}

/* ---- constraints ---- */

struct comparison {
        char op[3];
        struct semver v;
        bool dirty, minor_dirty, patch_dirty; /* 1.x, 1.2.x: parts left open */
};

static bool part_char(char c)
{
        return isdigit((unsigned char)c) || (c && strchr("xX*|", c));
}

/* A version with open parts at *i. The pieces: three numbers ("" when absent), pre. */
static bool open_version(struct str s, size_t *i, struct str pieces[3], struct str *pre)
{
        struct str meta;
        size_t at = *i;
        if (at < s.n && s.p[at] == 'v')
                at++;
        for (size_t k = 0; k < 3; k++) {
                size_t from = at + (k > 0), end = from;
                pieces[k] = STR("");
                if (k > 0 && (at >= s.n || s.p[at] != '.'))
                        continue;
                while (end < s.n && part_char(s.p[end]))
                        end++;
                if (end == from)
                        continue;
                pieces[k] = (struct str){s.p + from, end - from};
                at = end;
        }
        if (pieces[0].n == 0)
                return false;
        suffixes(s, &at, pre, &meta);
        *i = at;
        return true;
}

static bool is_open(struct str piece)
{
        return piece.n == 0 || (piece.n == 1 && strchr("xX*", piece.p[0]));
}

static void skip_space(struct str s, size_t *i)
{
        while (*i < s.n && strchr("\t\n\f\r ", s.p[*i]) && s.p[*i])
                ++*i;
}

static bool read_comparison(struct str s, size_t *i, struct comparison *c)
{
        static const char *const ops[] = {"!=", ">=", "=>", "<=", "=<", "~>",
                                          "=",  ">",  "<",  "~",  "^"};
        struct str pieces[3], pre;
        *c = (struct comparison){.op = ""};
        for (size_t k = 0; k < ARRAY_LEN(ops); k++) {
                size_t n = strlen(ops[k]);
                if (s.n - *i >= n && memcmp(s.p + *i, ops[k], n) == 0) {
                        memcpy(c->op, ops[k], n);
                        *i += n;
                        break;
                }
        }
        skip_space(s, i);
        if (!open_version(s, i, pieces, &pre))
                return false;
        c->v.pre = pre;
        c->dirty = is_open(pieces[0]) || is_open(pieces[1]) || is_open(pieces[2]);
        bool any = is_open(pieces[0]);
        c->minor_dirty = !any && is_open(pieces[1]);
        c->patch_dirty = !any && !c->minor_dirty && is_open(pieces[2]);
        uint64_t *const parts[] = {&c->v.major, &c->v.minor, &c->v.patch};
        size_t closed = any ? 0 : c->minor_dirty ? 1 : c->patch_dirty ? 2 : 3;
        for (size_t k = 0; k < closed; k++)
                if (gonum_uint(pieces[k], 10, 64, parts[k]) != GONUM_OK)
                        return false;
        return numeric_parts_ok(pre);
}

static bool tilde(const struct semver *v, const struct comparison *c)
{
        const struct semver *w = &c->v;
        if (semver_compare(v, w) < 0)
                return false;
        if (w->major == 0 && w->minor == 0 && w->patch == 0 && !c->minor_dirty && !c->patch_dirty)
                return true;
        return v->major == w->major && (v->minor == w->minor || c->minor_dirty);
}

static bool caret(const struct semver *v, const struct comparison *c)
{
        const struct semver *w = &c->v;
        if (semver_compare(v, w) < 0)
                return false;
        if (w->major > 0 || c->minor_dirty)
                return v->major == w->major;
        if (v->major > 0)
                return false;
        if (w->minor > 0 || c->patch_dirty)
                return v->minor == w->minor;
        return v->minor == 0 && v->patch == w->patch;
}

static bool not_equal(const struct semver *v, const struct comparison *c)
{
        const struct semver *w = &c->v;
        if (!c->dirty)
                return semver_compare(v, w) != 0;
        if (v->pre.n && w->pre.n == 0)
                return false;
        if (w->major != v->major)
                return true;
        if (c->minor_dirty)
                return false;
        if (w->minor != v->minor)
                return true;
        if (c->patch_dirty)
                return (v->pre.n || w->pre.n) && compare_pre(v->pre, w->pre) != 0;
        return w->patch != v->patch || semver_compare(v, w) != 0;
}

static bool greater(const struct semver *v, const struct comparison *c)
{
        const struct semver *w = &c->v;
        if (!c->dirty)
                return semver_compare(v, w) > 0;
        if (v->major != w->major)
                return v->major > w->major;
        if (c->minor_dirty)
                return false;
        if (c->patch_dirty)
                return v->minor > w->minor;
        return semver_compare(v, w) > 0;
}

static bool less_or_equal(const struct semver *v, const struct comparison *c)
{
        const struct semver *w = &c->v;
        if (!c->dirty)
                return semver_compare(v, w) <= 0;
        if (v->major > w->major)
                return false;
        return !(v->major == w->major && v->minor > w->minor && !c->minor_dirty);
}

static bool holds(const struct semver *v, const struct comparison *c)
{
        if (strcmp(c->op, "!=") == 0)
                return not_equal(v, c);
        if (v->pre.n && c->v.pre.n == 0) /* pre-releases only where they are asked for */
                return false;
        switch (c->op[0]) {
        case '>':
                if (c->op[1])
                        return semver_compare(v, &c->v) >= 0;
                return greater(v, c);
        case '<':
                if (c->op[1])
                        return less_or_equal(v, c);
                return semver_compare(v, &c->v) < 0;
        case '~': return tilde(v, c);
        case '^': return caret(v, c);
        default:
                if (c->op[1] == '>')
                        return semver_compare(v, &c->v) >= 0;
                if (c->op[1] == '<')
                        return less_or_equal(v, c);
                return c->dirty ? tilde(v, c) : semver_compare(v, &c->v) == 0;
        }
}

/* "a - b" at *i: both ends hold. False: it is no range. */
static bool range(struct str s, size_t *i, const struct semver *v, bool *ok)
{
        size_t at = *i;
        struct comparison low, high;
        if (!read_comparison(s, &at, &low) || low.op[0])
                return false;
        size_t before = at;
        skip_space(s, &at);
        if (at == before || at >= s.n || s.p[at] != '-')
                return false;
        before = ++at;
        skip_space(s, &at);
        if (at == before || !read_comparison(s, &at, &high) || high.op[0])
                return false;
        memcpy(low.op, ">=", 3);
        memcpy(high.op, "<=", 3);
        *ok &= holds(v, &low) && holds(v, &high);
        *i = at;
        return true;
}

/* All comparisons between two ||. */
static bool alternative(struct str s, const struct semver *v, bool *ok)
{
        size_t i = 0;
        *ok = true;
        for (bool first = true;; first = false) {
                size_t before = i;
                skip_space(s, &i);
                bool spaced = i > before;
                if (i >= s.n)
                        return !first;
                if (!first && s.p[i] == ',') {
                        i++;
                        skip_space(s, &i);
                        spaced = true;
                }
                if (!first && !spaced)
                        return false;
                struct comparison c;
                if (range(s, &i, v, ok))
                        continue;
                if (!read_comparison(s, &i, &c))
                        return false;
                *ok &= holds(v, &c);
        }
}

bool semver_check(struct str constraint, const struct semver *v, bool *ok, const char **why)
{
        *ok = false;
        for (size_t from = 0; from <= constraint.n;) {
                struct str rest = {constraint.p + from, constraint.n - from};
                const char *bars = rest.n >= 2 ? memmem(rest.p, rest.n, "||", 2) : NULL;
                struct str one = {rest.p, bars ? (size_t)(bars - rest.p) : rest.n};
                bool this_one;
                if (!alternative(one, v, &this_one)) {
                        *why = "improper constraint";
                        return false;
                }
                *ok |= this_one;
                from += one.n + 2;
                if (!bars)
                        break;
        }
        return true;
}

/* ---- functions ---- */

SPRIG_FN(fn_semver)
{
        SPRIG_ARGS;
        const char *why;
        struct semver *v = arena_try_alloc(env->arena, sizeof(*v));
        if (!v)
                return go_full(env);
        if (!semver_parse(args[0].s, v, &why))
                return go_fail(env, ERR_INVALID, "%s", why);
        *out = (struct val){.kind = VAL_OTHER, .type = VAL_T_SEMVER, .other = v};
        return true;
}

SPRIG_FN(fn_semverCompare)
{
        SPRIG_ARGS;
        struct semver v;
        const char *why;
        bool ok;
        if (!semver_parse(args[1].s, &v, &why) || !semver_check(args[0].s, &v, &ok, &why))
                return go_fail(env, ERR_INVALID, "%s", why);
        *out = val_bool(ok);
        return true;
}
