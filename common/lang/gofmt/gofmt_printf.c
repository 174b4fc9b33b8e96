/* common/lang/gofmt/gofmt_printf.c: see gofmt.h: format texts:
 * %[flags][width][.precision][index]verb. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt/gofmt_priv.h"

enum { NUMBER_MAX = 1000000 };

struct scan {
        struct gofmt f;
        struct str format;
        size_t i; /* in format */
        const struct val *args;
        size_t nargs;
        long arg; /* the next one; may be past the end */
        bool after_index, good_index, reordered;
};

static bool digits(struct scan *s, int *out)
{
        size_t from = s->i;
        long n = 0;
        while (s->i < s->format.n && s->format.p[s->i] >= '0' && s->format.p[s->i] <= '9') {
                n = n * 10 + (s->format.p[s->i++] - '0');
                if (n > NUMBER_MAX) {
                        *out = 0;
                        return false; /* as Go: too large is no number */
                }
        }
        *out = (int)n;
        return s->i > from;
}

/* "[3]" at the place: sets the next argument. */
static void argument_index(struct scan *s)
{
        if (s->i >= s->format.n || s->format.p[s->i] != '[') {
                s->after_index = false;
                return;
        }
        s->reordered = s->after_index = true;
        const char *from = s->format.p + s->i, *end = memchr(from, ']', s->format.n - s->i);
        if (!end) {
                s->good_index = false;
                s->i++;
                return;
        }
        size_t next = (size_t)(end - s->format.p) + 1;
        int n = 0;
        s->i++;
        bool ok = digits(s, &n) && s->format.p + s->i == end && n >= 1 && (size_t)n <= s->nargs;
        s->i = next;
        if (ok)
                s->arg = n - 1;
        else
                s->good_index = false;
}

/* '*': the width or precision is an argument. */
static bool from_argument(struct scan *s, int *out)
{
        *out = 0;
        if (s->arg >= (long)s->nargs)
                return false;
        struct val v = s->args[s->arg++];
        if (v.kind != VAL_INT || v.i > NUMBER_MAX || v.i < -NUMBER_MAX)
                return false;
        *out = (int)v.i;
        return true;
}

static void read_flags(struct scan *s)
{
        for (; s->i < s->format.n; s->i++) {
                switch (s->format.p[s->i]) {
                case '#': s->f.sharp = true; break;
                case '0': s->f.zero = true; break;
                case '+': s->f.plus = true; break;
                case '-': s->f.minus = true; break;
                case ' ': s->f.space = true; break;
                default: return;
                }
        }
}

static bool peek(const struct scan *s, char c)
{
        return s->i < s->format.n && s->format.p[s->i] == c;
}

static void read_width(struct scan *s)
{
        if (peek(s, '*')) {
                s->i++;
                s->f.has_width = from_argument(s, &s->f.width);
                if (!s->f.has_width)
                        abuf_adds(s->f.b, "%!(BADWIDTH)");
                if (s->f.width < 0) {
                        s->f.width = -s->f.width;
                        s->f.minus = true;
                        s->f.zero = false;
                }
                s->after_index = false;
                return;
        }
        s->f.has_width = digits(s, &s->f.width);
        if (s->after_index && s->f.has_width)
                s->good_index = false;
}

static void read_precision(struct scan *s)
{
        if (!peek(s, '.') || s->i + 1 >= s->format.n)
                return;
        s->i++;
        if (s->after_index)
                s->good_index = false;
        argument_index(s);
        if (peek(s, '*')) {
                s->i++;
                s->f.has_precision = from_argument(s, &s->f.precision);
                if (s->f.precision < 0) {
                        s->f.precision = 0;
                        s->f.has_precision = false;
                }
                if (!s->f.has_precision)
                        abuf_adds(s->f.b, "%!(BADPREC)");
                s->after_index = false;
                return;
        }
        if (!digits(s, &s->f.precision))
                s->f.precision = 0;
        s->f.has_precision = true;
}

static void complain(struct scan *s, uint32_t verb, const char *what)
{
        char utf8[4];
        abuf_adds(s->f.b, "%!");
        abuf_add(s->f.b, (struct str){utf8, utf8_encode(verb, utf8)});
        abuf_adds(s->f.b, what);
}

static void use_verb(struct scan *s, uint32_t verb)
{
        if (verb == '%') {
                abuf_addc(s->f.b, '%');
        } else if (!s->good_index) {
                complain(s, verb, "(BADINDEX)");
        } else if (s->arg >= (long)s->nargs) {
                complain(s, verb, "(MISSING)");
        } else {
                if (verb == 'v' || verb == 'w') {
                        s->f.sharp_v = s->f.sharp;
                        s->f.sharp = false;
                        s->f.plus_v = s->f.plus;
                        s->f.plus = false;
                }
                gofmt_arg(&s->f, s->args[s->arg++], verb);
        }
}

/* Behind a '%'. False: the format ends here. */
static bool one_verb(struct scan *s)
{
        s->good_index = true;
        s->f = (struct gofmt){.b = s->f.b};
        read_flags(s);
        argument_index(s);
        read_width(s);
        read_precision(s);
        if (!s->after_index)
                argument_index(s);
        if (s->i >= s->format.n) {
                abuf_adds(s->f.b, "%!(NOVERB)");
                return false;
        }
        uint32_t verb;
        s->i += utf8_decode(s->format.p + s->i, s->format.n - s->i, &verb);
        use_verb(s, verb);
        return true;
}

static void extra_arguments(struct scan *s)
{
        s->f = (struct gofmt){.b = s->f.b};
        abuf_adds(s->f.b, "%!(EXTRA ");
        for (long i = s->arg; i < (long)s->nargs; i++) {
                struct val v = s->args[i];
                if (i > s->arg)
                        abuf_adds(s->f.b, ", ");
                if (v.kind != VAL_NIL && v.kind != VAL_MISSING) {
                        abuf_adds(s->f.b, gofmt_type(v));
                        abuf_addc(s->f.b, '=');
                }
                gofmt_arg(&s->f, v, 'v');
        }
        abuf_addc(s->f.b, ')');
}

void gofmt_printf(struct abuf *b, struct str format, const struct val *args, size_t n)
{
        struct scan s = {.f = {.b = b}, .format = format, .args = args, .nargs = n};
        while (s.i < format.n && !b->failed) {
                const char *percent = memchr(format.p + s.i, '%', format.n - s.i);
                size_t to = percent ? (size_t)(percent - format.p) : format.n;
                abuf_add(b, (struct str){format.p + s.i, to - s.i});
                s.i = to + 1;
                if (percent && !one_verb(&s))
                        break;
        }
        if (!s.reordered && s.arg < (long)n)
                extra_arguments(&s);
}
