/* common/lang/jq/jq_native.c: see jq_priv.h: operators, and the functions of texts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_priv.h"
#include "common/lang/unicode/unicode.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* ---- words ---- */

bool jq_unfit0(struct jq_run *r, const char *name, struct jv v)
{
        return jq_fail(r, "%s cannot be applied to: %.*s", name, SHOWN(jq_shown(r, v)));
}

bool jq_unfit1(struct jq_run *r, const char *name, struct jv v, struct jv w)
{
        struct str shown = jv_preview(&r->mem, w);
        return jq_fail(r, "%s(%.*s) cannot be applied to: %.*s", name, SHOWN(shown),
                       SHOWN(jq_shown(r, v)));
}

bool jq_failed0(struct jq_run *r, const char *name, struct jv v, const char *why)
{
        struct str shown = jv_preview(&r->mem, v);
        return jq_fail(r, "%s cannot be applied to %.*s: %s", name, SHOWN(shown), why);
}

bool jq_failed1(struct jq_run *r, const char *name, struct jv v, struct jv w, const char *why)
{
        struct str shown = jv_preview(&r->mem, v), arg = jv_preview(&r->mem, w);
        return jq_fail(r, "%s(%.*s) cannot be applied to %.*s: %s", name, SHOWN(arg), SHOWN(shown),
                       why);
}

/* ---- operators ---- */

static bool unfit_operator(struct jq_run *r, const char *verb, struct jv a, struct jv b)
{
        return jq_fail(r, "cannot %s: %.*s and %.*s", verb, SHOWN(jq_shown(r, a)),
                       SHOWN(jq_shown(r, b)));
}

struct merge {
        struct jq_run *r;
        struct jv out;
        bool deep;
};

static struct jv merged(struct jq_run *r, struct jv a, struct jv b, bool deep);

static void merge_member(void *arg, struct str key, struct jv v)
{
        struct merge *m = arg;
        const struct jv *old = m->deep ? jv_get(m->out, key) : NULL;
        if (old && old->kind == JV_OBJECT && v.kind == JV_OBJECT)
                v = merged(m->r, *old, v, true);
        jv_charge(&m->r->mem, 2);
        m->out = jv_set(&m->r->mem, m->out, key, v);
}

static struct jv merged(struct jq_run *r, struct jv a, struct jv b, bool deep)
{
        struct merge m = {r, a, deep};
        jv_each(b, merge_member, &m);
        return m.out;
}

static struct jv joined(struct jq_run *r, struct jv a, struct jv b)
{
        if (a.kind == JV_STR) {
                char *p = jv_alloc(&r->mem, a.s.n + b.s.n + 1);
                jv_charge(&r->mem, (a.s.n + b.s.n) / 64);
                memcpy(p, a.s.n ? a.s.p : "", a.s.n);
                memcpy(p + a.s.n, b.s.n ? b.s.p : "", b.s.n);
                return jv_str((struct str){p, a.s.n + b.s.n});
        }
        if (jv_len(a) == 0)
                return b;
        for (size_t i = 0; i < jv_len(b); i++)
                a = jv_append(&r->mem, a, jv_at(b, i));
        jv_charge(&r->mem, jv_len(b) / 16);
        return a;
}

static struct jv without(struct jq_run *r, struct jv a, struct jv b)
{
        struct jv out = jv_array_new(&r->mem, jv_len(a));
        for (size_t i = 0; i < jv_len(a); i++) {
                bool drop = false;
                for (size_t k = 0; k < jv_len(b) && !drop; k++)
                        drop = jv_compare(&r->mem, jv_at(a, i), jv_at(b, k)) == 0;
                if (!drop)
                        out = jv_append(&r->mem, out, jv_at(a, i));
        }
        return out;
}

static bool repeated(struct jq_run *r, struct str s, double n, struct jv *out)
{
        *out = jv_null();
        if (n < 0 || isnan(n))
                return true;
        size_t times = n > INT32_MAX ? INT32_MAX : (size_t)n;
        if (s.n * times >= INT32_MAX) {
                struct str text = jv_preview(&r->mem, jv_str(s)),
                           count = jv_preview(&r->mem, jv_float(n));
                return jq_fail(r, "repeat string result too large: %.*s * %.*s", SHOWN(text),
                               SHOWN(count));
        }
        jv_charge(&r->mem, s.n * times / 64);
        char *p = jv_alloc(&r->mem, s.n * times + 1);
        for (size_t i = 0; s.n && i < times; i++)
                memcpy(p + i * s.n, s.p, s.n);
        *out = jv_str((struct str){p, s.n * times});
        return true;
}

static struct jv split(struct jq_run *r, struct str s, struct str by)
{
        struct jv out = jv_array_new(&r->mem, 4);
        size_t from = 0;
        uint32_t cp;
        jv_charge(&r->mem, s.n / 16);
        for (size_t i = 0; by.n == 0 && i < s.n;) {
                size_t n = utf8_decode(s.p + i, s.n - i, &cp);
                out = jv_append(&r->mem, out, jv_str((struct str){s.p + i, n}));
                i += n;
        }
        if (by.n == 0)
                return out;
        for (const char *at; (at = memmem(s.p + from, s.n - from, by.p, by.n));) {
                size_t end = (size_t)(at - s.p);
                out = jv_append(&r->mem, out, jv_str((struct str){s.p + from, end - from}));
                from = end + by.n;
        }
        return jv_append(&r->mem, out, jv_str((struct str){s.p + from, s.n - from}));
}

static bool multiply(struct jq_run *r, struct jv a, struct jv b, struct jv *out)
{
        double n;
        if (a.kind == JV_OBJECT && b.kind == JV_OBJECT) {
                *out = merged(r, a, b, true);
                return true;
        }
        if (a.kind == JV_STR && jv_to_double(&r->mem, b, &n))
                return repeated(r, a.s, n, out);
        if (b.kind == JV_STR && jv_to_double(&r->mem, a, &n))
                return repeated(r, b.s, n, out);
        return unfit_operator(r, "multiply", a, b);
}

static bool add(struct jq_run *r, struct jv a, struct jv b, struct jv *out)
{
        if (a.kind == JV_NULL || b.kind == JV_NULL)
                *out = a.kind == JV_NULL ? b : a;
        else if (a.kind == b.kind && (a.kind == JV_STR || a.kind == JV_ARRAY))
                *out = joined(r, a, b);
        else if (a.kind == JV_OBJECT && b.kind == JV_OBJECT)
                *out = merged(r, a, b, false);
        else
                return unfit_operator(r, "add", a, b);
        return true;
}

bool jq_binary(struct jq_run *r, enum jv_op op, struct jv a, struct jv b, struct jv *out)
{
        if (jv_is_number(a) && jv_is_number(b)) {
                if (jv_arith(&r->mem, op, a, b, out))
                        return true;
                return jq_fail(r, "cannot %s %.*s by: %.*s", op == JV_DIV ? "divide" : "modulo",
                               SHOWN(jq_shown(r, a)), SHOWN(jq_shown(r, b)));
        }
        switch (op) {
        case JV_ADD: return add(r, a, b, out);
        case JV_SUB:
                if (a.kind != JV_ARRAY || b.kind != JV_ARRAY)
                        return unfit_operator(r, "subtract", a, b);
                *out = without(r, a, b);
                return true;
        case JV_MUL: return multiply(r, a, b, out);
        case JV_DIV:
                if (a.kind != JV_STR || b.kind != JV_STR)
                        return unfit_operator(r, "divide", a, b);
                *out = a.s.n ? split(r, a.s, b.s) : jv_array_new(&r->mem, 0);
                return true;
        default: return unfit_operator(r, "modulo", a, b);
        }
}

/* ---- texts ---- */

static bool give(struct jv *out, struct jv v)
{
        *out = v;
        return true;
}

bool jq_tostring(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return give(out, in.kind == JV_STR ? in : jv_str(jv_json(&r->mem, in)));
}

static bool fn_tojson(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return give(out, jv_str(jv_json(&r->mem, in)));
}

static bool fn_fromjson(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        const char *why;
        (void)args;
        if (in.kind != JV_STR)
                return jq_unfit0(r, "fromjson", in);
        if (jv_parse(&r->mem, in.s, true, out, &why))
                return true;
        if (strstr(why, "after top-level value"))
                return jq_unfit0(r, "fromjson", in);
        if (strstr(why, "unexpected end"))
                why = in.s.n ? "unexpected EOF" : "EOF";
        return jq_failed0(r, "fromjson", in, why);
}

static bool is_number_text(struct str s)
{
        size_t i = 0, n = 0;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
                i++;
        if (i >= s.n || !(isdigit((unsigned char)s.p[i]) ||
                          (s.p[i] == '.' && i + 1 < s.n && isdigit((unsigned char)s.p[i + 1]))))
                return false;
        for (bool point = false;
             i < s.n && (isdigit((unsigned char)s.p[i]) || (s.p[i] == '.' && !point)); i++)
                point |= s.p[i] == '.';
        if (i == s.n)
                return true;
        if ((s.p[i++] | 0x20) != 'e')
                return false;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
                i++;
        for (; i < s.n && isdigit((unsigned char)s.p[i]); n++)
                i++;
        return n && i == s.n;
}

static bool fn_tonumber(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (jv_is_number(in))
                return give(out, in);
        if (in.kind != JV_STR)
                return jq_unfit0(r, "tonumber", in);
        if (!is_number_text(in.s))
                return jq_failed0(r, "tonumber", in, "invalid number");
        return give(out, jv_number(&r->mem, in.s));
}

static bool fn_toboolean(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind == JV_TRUE || in.kind == JV_FALSE)
                return give(out, in);
        if (in.kind != JV_STR)
                return jq_unfit0(r, "toboolean", in);
        bool yes = str_eq(in.s, "true");
        if (!yes && !str_eq(in.s, "false"))
                return jq_failed0(r, "toboolean", in, "invalid boolean");
        return give(out, jv_bool(yes));
}

static bool starts(struct str s, struct str t)
{
        return s.n >= t.n && memcmp(s.p, t.p, t.n) == 0;
}

static bool ends(struct str s, struct str t)
{
        return s.n >= t.n && memcmp(s.p + s.n - t.n, t.p, t.n) == 0;
}

static struct str cut_front(struct str s, struct str t)
{
        return starts(s, t) ? (struct str){s.p + t.n, s.n - t.n} : s;
}

static struct str cut_back(struct str s, struct str t)
{
        return ends(s, t) ? (struct str){s.p, s.n - t.n} : s;
}

#define TWO_TEXTS(fn, name, value)                                                            \
        static bool fn(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out) \
        {                                                                                     \
                if (in.kind != JV_STR || args[0].kind != JV_STR)                              \
                        return jq_unfit1(r, name, in, args[0]);                               \
                struct str s = in.s, t = args[0].s;                                           \
                return give(out, value);                                                      \
        }
TWO_TEXTS(fn_startswith, "startswith", jv_bool(starts(s, t)))
TWO_TEXTS(fn_endswith, "endswith", jv_bool(ends(s, t)))
TWO_TEXTS(fn_ltrimstr, "ltrimstr", jv_str(cut_front(s, t)))
TWO_TEXTS(fn_rtrimstr, "rtrimstr", jv_str(cut_back(s, t)))
TWO_TEXTS(fn_trimstr, "trimstr", jv_str(cut_back(cut_front(s, t), t)))

static struct str trimmed(struct str s, bool left, bool right)
{
        struct str inner = {s.p, 0};
        size_t end = 0;
        bool begun = false;
        for (size_t i = 0; i < s.n;) {
                uint32_t cp;
                size_t n = utf8_decode(s.p + i, s.n - i, &cp);
                bool space = uni_is_space(cp);
                if (!begun && (!space || !left)) {
                        inner.p = s.p + i;
                        begun = true;
                }
                if (!space || !right)
                        end = i + n;
                i += n;
        }
        inner.n = begun && s.p + end > inner.p ? (size_t)(s.p + end - inner.p) : 0;
        return inner;
}

#define TRIM(fn, name, left, right)                                                           \
        static bool fn(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out) \
        {                                                                                     \
                (void)args;                                                                   \
                if (in.kind != JV_STR)                                                        \
                        return jq_unfit0(r, name, in);                                        \
                return give(out, jv_str(trimmed(in.s, left, right)));                         \
        }
TRIM(fn_trim, "trim", true, true)
TRIM(fn_ltrim, "ltrim", true, false)
TRIM(fn_rtrim, "rtrim", false, true)

struct jv jq_explode(struct jv_mem *m, struct str s)
{
        struct jv out = jv_array_new(m, s.n);
        uint32_t cp;
        jv_charge(m, s.n / 16);
        for (size_t i = 0; i < s.n;) {
                i += utf8_decode(s.p + i, s.n - i, &cp);
                out = jv_append(m, out, jv_int(cp));
        }
        return out;
}

static bool fn_explode(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_STR)
                return jq_unfit0(r, "explode", in);
        return give(out, jq_explode(&r->mem, in.s));
}

static bool fn_implode(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_ARRAY)
                return jq_unfit0(r, "implode", in);
        char *p = jv_alloc(&r->mem, 4 * jv_len(in) + 1);
        size_t n = 0;
        for (size_t i = 0; i < jv_len(in); i++) {
                int64_t c;
                if (!jv_to_int(&r->mem, jv_at(in, i), &c))
                        return jq_unfit0(r, "implode", in);
                if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
                        c = 0xFFFD;
                n += utf8_encode((uint32_t)c, p + n);
        }
        return give(out, jv_str((struct str){p, n}));
}

/* There are no modules. */
static bool fn_modulemeta(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args, (void)out;
        if (in.kind != JV_STR)
                return jq_unfit0(r, "modulemeta", in);
        return jq_fail(r, "cannot load module: %.*s", SHOWN(jq_shown(r, in)));
}

static bool fn_split(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        if (in.kind != JV_STR || args[0].kind != JV_STR)
                return jq_unfit0(r, "split", in.kind != JV_STR ? in : args[0]);
        if (in.s.n == 0 && args[0].s.n == 0)
                return give(out, jv_array_new(&r->mem, 0));
        return give(out, split(r, in.s, args[0].s));
}

static bool map_ascii(struct jq_run *r, const char *name, struct jv in, int (*map)(int),
                      struct jv *out)
{
        if (in.kind != JV_STR)
                return jq_unfit0(r, name, in);
        char *p = jv_alloc(&r->mem, in.s.n + 1);
        for (size_t i = 0; i < in.s.n; i++)
                p[i] = (unsigned char)in.s.p[i] < 0x80 ? (char)map((unsigned char)in.s.p[i])
                                                       : in.s.p[i];
        return give(out, jv_str((struct str){p, in.s.n}));
}

static bool fn_downcase(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return map_ascii(r, "ascii_downcase", in, tolower, out);
}

static bool fn_upcase(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        return map_ascii(r, "ascii_upcase", in, toupper, out);
}

static bool fn_utf8bytelength(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        if (in.kind != JV_STR)
                return jq_unfit0(r, "utf8bytelength", in);
        return give(out, jv_int((int64_t)in.s.n));
}

/* ---- errors ---- */

static bool raise_value(struct jq_run *r, enum fault fault, struct jv v)
{
        r->fault = fault;
        r->fault_is_value = true;
        r->fault_value = v;
        return false;
}

static bool fn_error0(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        (void)out;
        return raise_value(r, FAULT_ERROR, in);
}

static bool fn_error1(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)in;
        (void)out;
        return raise_value(r, FAULT_ERROR, args[0]);
}

static bool fn_halt(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)in;
        (void)args;
        (void)out;
        return raise_value(r, FAULT_HALT, jv_null());
}

static bool fn_halt_error0(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)args;
        (void)out;
        return raise_value(r, FAULT_HALT, in);
}

static bool fn_halt_error1(struct jq_run *r, struct jv in, const struct jv *args, struct jv *out)
{
        (void)out;
        if (!jv_is_number(args[0]))
                return jq_unfit0(r, "halt_error", args[0]);
        return raise_value(r, FAULT_HALT, in);
}

const struct native jq_text_natives[] = {{"tostring", 0, jq_tostring},
                                         {"tojson", 0, fn_tojson},
                                         {"fromjson", 0, fn_fromjson},
                                         {"tonumber", 0, fn_tonumber},
                                         {"toboolean", 0, fn_toboolean},
                                         {"startswith", 1, fn_startswith},
                                         {"endswith", 1, fn_endswith},
                                         {"ltrimstr", 1, fn_ltrimstr},
                                         {"rtrimstr", 1, fn_rtrimstr},
                                         {"trimstr", 1, fn_trimstr},
                                         {"ltrim", 0, fn_ltrim},
                                         {"rtrim", 0, fn_rtrim},
                                         {"trim", 0, fn_trim},
                                         {"explode", 0, fn_explode},
                                         {"implode", 0, fn_implode},
                                         {"modulemeta", 0, fn_modulemeta},
                                         {"split", 1, fn_split},
                                         {"ascii_downcase", 0, fn_downcase},
                                         {"ascii_upcase", 0, fn_upcase},
                                         {"utf8bytelength", 0, fn_utf8bytelength},
                                         {"error", 0, fn_error0},
                                         {"error", 1, fn_error1},
                                         {"halt", 0, fn_halt},
                                         {"halt_error", 0, fn_halt_error0},
                                         {"halt_error", 1, fn_halt_error1},
                                         {NULL, 0, NULL}};

/* ---- the tables ---- */

static const struct native *const tables[] = {jq_text_natives, jq_list_natives, jq_math_natives,
                                              jq_time_natives, jq_regex_natives};

const struct native *jq_native(struct str name, size_t n_args)
{
        for (size_t t = 0; t < ARRAY_LEN(tables); t++)
                for (const struct native *n = tables[t]; n->name; n++)
                        if (n->n_args == n_args && str_eq(name, n->name))
                                return n;
        return NULL;
}

void jq_native_each(void (*fn)(void *arg, const char *name, size_t n_args), void *arg)
{
        for (size_t t = 0; t < ARRAY_LEN(tables); t++)
                for (const struct native *n = tables[t]; n->name; n++)
                        fn(arg, n->name, n->n_args);
}
