/* common/lang/goregex/goregex_class.c: see goregex_priv.h.
 *
 * A class is written as code points. Case folding is left to PCRE2, which folds every range of a
 * class in (?i); that is what Go does too, but for negated sets (\W, [:^alpha:]): they are folded
 * before they are negated. These go, already complete, into a second class without folding.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex/goregex_priv.h"
#include <ctype.h>

struct named_set {
        const char *name;
        const char *ranges; /* pairs of characters */
};
static const struct named_set posix_sets[] = {
        {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"blank", "\t\t  "},  {"digit", "09"},
        {"graph", "!~"},     {"lower", "az"},   {"print", " ~"},      {"punct", "!/:@[`{~"},
        {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZ__az"}, {"xdigit", "09AFaf"},
};
static const struct named_set perl_sets[] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};

/* Multi-word scripts are also known by their exact names; PCRE2 knows the others itself. */
static const struct {
        const char *name, *category;
} aliases[] = {
        {"letter", "L"},
        {"cased_letter", "L&"},
        {"lc", "L&"},
        {"uppercase_letter", "Lu"},
        {"lowercase_letter", "Ll"},
        {"titlecase_letter", "Lt"},
        {"modifier_letter", "Lm"},
        {"other_letter", "Lo"},
        {"mark", "M"},
        {"combining_mark", "M"},
        {"nonspacing_mark", "Mn"},
        {"spacing_mark", "Mc"},
        {"enclosing_mark", "Me"},
        {"number", "N"},
        {"decimal_number", "Nd"},
        {"digit", "Nd"},
        {"letter_number", "Nl"},
        {"other_number", "No"},
        {"punctuation", "P"},
        {"punct", "P"},
        {"connector_punctuation", "Pc"},
        {"dash_punctuation", "Pd"},
        {"open_punctuation", "Ps"},
        {"close_punctuation", "Pe"},
        {"initial_punctuation", "Pi"},
        {"final_punctuation", "Pf"},
        {"other_punctuation", "Po"},
        {"symbol", "S"},
        {"math_symbol", "Sm"},
        {"currency_symbol", "Sc"},
        {"modifier_symbol", "Sk"},
        {"other_symbol", "So"},
        {"separator", "Z"},
        {"space_separator", "Zs"},
        {"line_separator", "Zl"},
        {"paragraph_separator", "Zp"},
        {"other", "C"},
        {"control", "Cc"},
        {"cntrl", "Cc"},
        {"format", "Cf"},
        {"surrogate", "Cs"},
        {"private_use", "Co"},
        {"unassigned", "Cn"},
};

struct class
{
        struct gre *g;
        struct buf folded; /* items to which case folding applies */
        struct buf exact;  /* items that are complete as they are */
        bool negated;
};

static void put_range(struct buf *b, uint32_t lo, uint32_t hi)
{
        if (lo >= 0xD800 && lo <= 0xDFFF)
                lo = 0xE000;
        if (hi >= 0xD800 && hi <= 0xDFFF)
                hi = 0xD7FF;
        if (lo > hi)
                return;
        gre_put_char(b, lo);
        if (lo < hi) {
                buf_addc(b, '-');
                gre_put_char(b, hi);
        }
}

/* All characters outside the (ASCII) ranges; with folding also the long s and the Kelvin sign are
 * inside. */
static void put_complement(struct buf *b, const char *ranges, bool fold)
{
        uint32_t next = 0;
        bool letters = false;
        for (const char *p = ranges; *p; p += 2) {
                if ((unsigned char)*p > next)
                        put_range(b, next, (uint32_t)(unsigned char)*p - 1);
                next = (uint32_t)(unsigned char)p[1] + 1;
                letters |= p[0] <= 'k' && p[1] >= 's';
                letters |= p[0] <= 'K' && p[1] >= 'S';
        }
        if (fold && letters) {
                put_range(b, next, 0x17E);
                put_range(b, 0x180, 0x2129);
                next = 0x212B;
        }
        put_range(b, next, 0x10FFFF);
}

/* In (?i) the complement of lower-case letters lacks the upper-case ones too. */
static const char *folded_ranges(const char *ranges)
{
        return strcmp(ranges, "az") == 0 || strcmp(ranges, "AZ") == 0 ? "AZaz" : ranges;
}

static void put_set(struct class *c, const char *ranges, bool negated)
{
        bool fold = c->g->fold;
        if (negated) {
                put_complement(fold ? &c->exact : &c->folded, fold ? folded_ranges(ranges) : ranges,
                               fold);
                return;
        }
        for (const char *p = ranges; *p; p += 2)
                put_range(&c->folded, (unsigned char)p[0], (unsigned char)p[1]);
}

static const struct named_set *find_set(const struct named_set *sets, size_t n, struct str name)
{
        for (size_t i = 0; i < n; i++)
                if (str_eq(name, sets[i].name))
                        return &sets[i];
        return NULL;
}

/* [:name:] at g->at. 1: taken, 0: it is none. */
static int posix_class(struct class *c)
{
        struct gre *g = c->g;
        struct str rest = {g->text.p + g->at, g->text.n - g->at};
        const char *end =
                rest.n > 3 && rest.p[1] == ':' ? memmem(rest.p + 2, rest.n - 2, ":]", 2) : NULL;
        if (!end)
                return 0;
        struct str name = {rest.p + 2, (size_t)(end - rest.p) - 2};
        bool negated = name.n && name.p[0] == '^';
        if (negated) {
                name.p++;
                name.n--;
        }
        const struct named_set *set = find_set(posix_sets, ARRAY_LEN(posix_sets), name);
        if (set) {
                put_set(c, set->ranges, negated);
        } else if (str_eq(name, "ascii") || str_eq(name, "cntrl")) {
                bool ascii = str_eq(name, "ascii"); /* holds NUL, so no string can list it */
                struct buf *b = g->fold && negated ? &c->exact : &c->folded;
                if (!negated)
                        buf_adds(b, ascii ? "\\x{0}-\\x{7f}" : "\\x{0}-\\x{1f}\\x{7f}");
                else if (ascii && g->fold)
                        buf_adds(b, "\\x{80}-\\x{17e}\\x{180}-\\x{2129}\\x{212b}-\\x{10ffff}");
                else
                        buf_adds(b, ascii ? "\\x{80}-\\x{10ffff}"
                                          : "\\x{20}-\\x{7e}\\x{80}-\\x{10ffff}");
        } else {
                return gre_error(g, g->at, "no such class as in this [:name:]");
        }
        g->at += (size_t)(end - rest.p) + 2;
        return 1;
}

/* The name without _ - and spaces, in lower case. False: too long to be one. */
static bool canonical(struct str name, char out[40])
{
        size_t n = 0;
        for (size_t i = 0; i < name.n; i++) {
                if (strchr("_- ", name.p[i]) && name.p[i])
                        continue;
                if (n == 39)
                        return false;
                out[n++] = (char)tolower((unsigned char)name.p[i]);
        }
        out[n] = '\0';
        return n > 0;
}

static const char *category_of(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
                char plain[40];
                if (canonical(str_of(aliases[i].name), plain) && streq(plain, name))
                        return aliases[i].category;
        }
        return NULL;
}

/* Letters only: nothing else can come from a name into the output. */
static bool put_property(struct buf *b, const char *name, bool negated, bool fold)
{
        const char *category = category_of(name);
        char own[3] = {(char)toupper((unsigned char)name[0]), name[1], 0};
        if (!category && strlen(name) <= 2)
                category = own;
        for (const char *p = name; *p; p++)
                if (!isalpha((unsigned char)*p))
                        return false;
        if (fold && category && strlen(category) == 2 && category[0] == 'L' &&
            strchr("ult", category[1]))
                category = "L&";
        if (category)
                buf_addf(b, "\\%c{%s}", negated ? 'P' : 'p', category);
        else if (streq(name, "any"))
                buf_adds(b, negated ? "\\P{Any}" : "\\p{Any}");
        else if (streq(name, "assigned"))
                buf_adds(b, negated ? "\\p{Cn}" : "\\P{Cn}");
        else if (strlen(name) == 4 && !strstr("cham lisu thai modi miao toto kawi ", name))
                return false; /* PCRE2 would take ISO codes such as Grek */
        else
                buf_addf(b, "\\%c{sc:%s}", negated ? 'P' : 'p', name);
        return true;
}

/* \pL \p{Greek} \P{^Lu}; g->at is at the p. */
static int property(struct class *c)
{
        struct gre *g = c->g;
        size_t start = g->at - 1;
        bool negated = g->text.p[g->at++] == 'P';
        struct str name = {g->text.p + g->at, 1};
        if (g->at >= g->text.n)
                return gre_error(g, start, "the name of a Unicode class is missing");
        if (*name.p == '{') {
                const char *end = memchr(name.p, '}', g->text.n - g->at);
                if (!end)
                        return gre_error(g, start, "a } is missing");
                name = (struct str){name.p + 1, (size_t)(end - name.p) - 1};
                g->at += name.n + 2;
        } else {
                g->at++;
        }
        if (name.n && name.p[0] == '^') {
                negated = !negated;
                name = (struct str){name.p + 1, name.n - 1};
        }
        char plain[40];
        if (!canonical(name, plain))
                return gre_error(g, start, "no such Unicode class");
        if (streq(plain, "ascii")) {
                struct buf *b = g->fold && negated ? &c->exact : &c->folded;
                buf_adds(b, !negated  ? "\\x{0}-\\x{7f}"
                            : g->fold ? "\\x{80}-\\x{17e}\\x{180}-\\x{2129}\\x{212b}-\\x{10ffff}"
                                      : "\\x{80}-\\x{10ffff}");
                return 0;
        }
        if (!put_property(&c->folded, plain, negated, g->fold))
                return gre_error(g, start, "no such Unicode class");
        return 0;
}

/* \d and the like; g->at is at the letter. */
static int escape_item(struct class *c)
{
        struct gre *g = c->g;
        char letter = g->text.p[g->at];
        if (letter == 'p' || letter == 'P')
                return property(c);
        char low = (char)tolower((unsigned char)letter);
        const struct named_set *set =
                find_set(perl_sets, ARRAY_LEN(perl_sets), (struct str){&low, 1});
        put_set(c, set->ranges, letter != low);
        g->at++;
        return 0;
}

/* One character of a class, escaped or not. */
static int class_char(struct gre *g, uint32_t *cp)
{
        if (g->at >= g->text.n)
                return gre_error(g, g->at, "a ] is missing");
        if (g->text.p[g->at] != '\\')
                return gre_next(g, cp);
        g->at++;
        return gre_escape(g, cp);
}

static int range_item(struct class *c)
{
        struct gre *g = c->g;
        size_t start = g->at;
        uint32_t lo, hi;
        if (class_char(g, &lo) < 0)
                return -1;
        hi = lo;
        if (g->text.n - g->at >= 2 && g->text.p[g->at] == '-' && g->text.p[g->at + 1] != ']') {
                g->at++;
                if (class_char(g, &hi) < 0)
                        return -1;
                if (hi < lo)
                        return gre_error(g, start, "a range of characters runs backwards");
        }
        put_range(&c->folded, lo, hi);
        return 0;
}

static int items(struct class *c)
{
        struct gre *g = c->g;
        size_t open = g->at - 1;
        if (g->at < g->text.n && g->text.p[g->at] == '^') {
                c->negated = true;
                g->at++;
        }
        for (bool first = true; g->at >= g->text.n || g->text.p[g->at] != ']' || first;
             first = false) {
                if (g->at >= g->text.n)
                        return gre_error(g, open, "a ] is missing");
                const char *p = g->text.p + g->at;
                size_t left = g->text.n - g->at;
                if (left > 2 && p[0] == '[' && p[1] == ':') {
                        int taken = posix_class(c);
                        if (taken < 0)
                                return -1;
                        if (taken)
                                continue;
                }
                if (left >= 2 && p[0] == '\\' && p[1] && strchr("dDsSwWpP", p[1])) {
                        g->at++;
                        if (escape_item(c) < 0)
                                return -1;
                        continue;
                }
                if (range_item(c) < 0)
                        return -1;
        }
        g->at++;
        return 0;
}

static void emit(struct class *c)
{
        struct buf *out = &c->g->out;
        if (c->folded.len == 0 && c->exact.len == 0) { /* surrogates only */
                buf_adds(out, c->negated ? "(?s:.)" : "(?!)");
        } else if (c->exact.len == 0) {
                buf_addf(out, "[%s%s]", c->negated ? "^" : "", buf_str(&c->folded));
        } else {
                buf_adds(out, c->negated ? "(?:(?!(?-i:[" : "(?:(?-i:[");
                buf_adds(out, buf_str(&c->exact));
                buf_adds(out, "])");
                if (c->folded.len)
                        buf_addf(out, "|[%s]", buf_str(&c->folded));
                buf_adds(out, c->negated ? ")(?s:.))" : ")");
        }
        if (c->folded.overflow || c->exact.overflow)
                out->overflow = true;
        buf_deinit(&c->folded);
        buf_deinit(&c->exact);
}

static struct class start(struct gre *g)
{
        return (struct class){
                .g = g, .folded = BUF_INIT(g->out.max), .exact = BUF_INIT(g->out.max)};
}

int gre_class(struct gre *g)
{
        struct class c = start(g);
        int rc = items(&c);
        emit(&c);
        return rc;
}

int gre_class_escape(struct gre *g)
{
        struct class c = start(g);
        int rc = escape_item(&c);
        emit(&c);
        return rc;
}
