/* common/lang/sprig/sprig_case.c: letters' cases, words, wrapping. Where the original works on
 * bytes as if they were characters (initials, nospace), so does this. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include "common/lang/unicode/unicode.h"

static void put_rune(struct abuf *b, uint32_t cp)
{
        char utf8[4];
        abuf_add(b, (struct str){utf8, utf8_encode(cp, utf8)});
}

typedef uint32_t map_fn(uint32_t cp, uint32_t before);

/* Each character through fn; `before` is the one in front (a space at first). Broken bytes become
 * U+FFFD. */
static bool map_runes(struct go_env *env, struct str s, map_fn *fn, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        uint32_t before = ' ';
        for (size_t i = 0; i < s.n && !b.failed;) {
                uint32_t cp;
                i += utf8_decode(s.p + i, s.n - i, &cp);
                put_rune(&b, fn(cp, before));
                before = cp;
        }
        return go_return_text(env, &b, out);
}

static uint32_t to_upper(uint32_t cp, uint32_t before)
{
        (void)before;
        return uni_upper(cp);
}

static uint32_t to_lower(uint32_t cp, uint32_t before)
{
        (void)before;
        return uni_lower(cp);
}

static bool separates(uint32_t cp)
{
        if (cp < 0x80)
                return !(cp == '_' || (cp >= '0' && cp <= '9') || uni_is_letter(cp));
        return !uni_is_letter(cp) && !uni_is_digit(cp) && uni_is_space(cp);
}

static uint32_t to_title(uint32_t cp, uint32_t before)
{
        return separates(before) ? uni_title(cp) : cp;
}

static uint32_t to_untitle(uint32_t cp, uint32_t before)
{
        return uni_is_space(before) ? uni_lower(cp) : cp;
}

SPRIG_FN(fn_upper)
{
        SPRIG_ARGS;
        return map_runes(env, args[0].s, to_upper, out);
}

SPRIG_FN(fn_lower)
{
        SPRIG_ARGS;
        return map_runes(env, args[0].s, to_lower, out);
}

SPRIG_FN(fn_title)
{
        SPRIG_ARGS;
        return map_runes(env, args[0].s, to_title, out);
}

SPRIG_FN(fn_untitle)
{
        SPRIG_ARGS;
        return map_runes(env, args[0].s, to_untitle, out);
}

SPRIG_FN(fn_swapcase)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        struct abuf b = abuf_in(env->arena);
        bool space = true;
        for (size_t i = 0; i < s.n && !b.failed;) {
                uint32_t cp;
                i += utf8_decode(s.p + i, s.n - i, &cp);
                if (uni_is_upper(cp) || uni_is_title(cp)) {
                        cp = uni_lower(cp);
                        space = false;
                } else if (uni_is_lower(cp)) {
                        cp = space ? uni_title(cp) : uni_upper(cp);
                        space = false;
                } else {
                        space = uni_is_space(cp);
                }
                put_rune(&b, cp);
        }
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_nospace)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        struct abuf b = abuf_in(env->arena);
        bool any = false;
        for (size_t i = 0; i < s.n; i++)
                any |= uni_is_space((unsigned char)s.p[i]);
        if (!any)
                return go_return_str(out, s);
        for (size_t i = 0; i < s.n; i++)
                if (!uni_is_space((unsigned char)s.p[i]))
                        put_rune(&b, (unsigned char)s.p[i]);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_initials)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        struct abuf b = abuf_in(env->arena);
        bool gap = true;
        for (size_t i = 0; i < s.n; i++) {
                uint32_t c = (unsigned char)s.p[i];
                if (uni_is_space(c)) {
                        gap = true;
                } else if (gap) {
                        put_rune(&b, c);
                        gap = false;
                }
        }
        return go_return_text(env, &b, out);
}

/* ---- wrapping ---- */

static void wrap(struct abuf *b, struct str s, int64_t width, struct str newline, bool cut_words)
{
        size_t at = 0;
        if (newline.n == 0)
                newline = STR("\n");
        size_t w = width < 1 ? 1 : (size_t)width;
        while (s.n - at > w && !b->failed) {
                if (s.p[at] == ' ') {
                        at++;
                        continue;
                }
                const char *space = memrchr(s.p + at, ' ', w + 1);
                size_t end;
                if (space) {
                        end = (size_t)(space - s.p);
                } else if (cut_words) {
                        abuf_add(b, (struct str){s.p + at, w});
                        abuf_add(b, newline);
                        at += w;
                        continue;
                } else {
                        space = memchr(s.p + at + w, ' ', s.n - at - w);
                        if (!space)
                                break;
                        end = (size_t)(space - s.p);
                }
                abuf_add(b, (struct str){s.p + at, end - at});
                abuf_add(b, newline);
                at = end + 1;
        }
        abuf_add(b, (struct str){s.p + at, s.n - at});
}

SPRIG_FN(fn_wrap)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        wrap(&b, args[1].s, args[0].i, STR(""), false);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_wrapWith)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        wrap(&b, args[2].s, args[0].i, args[1].s, true);
        return go_return_text(env, &b, out);
}

/* ---- snake_case, kebab-case, CamelCase ---- */

static bool is_connector(uint32_t cp)
{
        return cp == '-' || cp == '_' || uni_is_space(cp);
}

SPRIG_FN(fn_camelcase)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        struct abuf b = abuf_in(env->arena);
        uint32_t now = 0, before;
        bool upper_word = false, have = false;
        size_t i = 0;
        while (i < s.n) { /* connectors in front stay */
                i += utf8_decode(s.p + i, s.n - i, &now);
                have = true;
                if (!is_connector(now)) {
                        upper_word = uni_is_upper(now);
                        now = uni_upper(now);
                        break;
                }
                put_rune(&b, now);
        }
        if (i >= s.n) {
                if (have)
                        put_rune(&b, now);
                return go_return_text(env, &b, out);
        }
        while (i < s.n && !b.failed) {
                before = now;
                i += utf8_decode(s.p + i, s.n - i, &now);
                if (is_connector(now) && is_connector(before)) {
                        put_rune(&b, before);
                } else if (is_connector(before)) {
                        upper_word = uni_is_upper(now);
                        now = uni_upper(now);
                } else {
                        if (upper_word && uni_is_upper(now))
                                now = uni_lower(now);
                        else
                                upper_word = false;
                        put_rune(&b, before);
                }
        }
        put_rune(&b, now);
        return go_return_text(env, &b, out);
}

enum word_kind {
        WORD_NONE,
        WORD_NUMBER,
        WORD_UPPER,
        WORD_ALPHA,
        WORD_CONNECTOR,
        WORD_PUNCT,
        WORD_OTHER
};
struct word {
        enum word_kind kind;
        struct str text;
};

/* The next character that is valid; bytes that are not are taken along. `previous` when there is
 * none. */
static uint32_t next_valid(struct str s, size_t i, uint32_t previous, size_t *len)
{
        *len = 0;
        while (i + *len < s.n) {
                uint32_t cp;
                *len += utf8_decode(s.p + i + *len, s.n - i - *len, &cp);
                if (cp != 0xFFFD)
                        return cp;
        }
        return previous;
}

/* Letters, but ideographs: these are words of another kind. */
static bool is_alphabet(uint32_t cp)
{
        bool ideograph = (cp >= 0x4E00 && cp <= 0x9FCC) || (cp >= 0x3400 && cp <= 0x4D85) ||
                         (cp >= 0x20000 && cp <= 0x2B81D);
        return uni_is_letter(cp) && !ideograph;
}

static enum word_kind kind_of(uint32_t cp)
{
        if (is_connector(cp))
                return WORD_CONNECTOR;
        if (uni_is_punct(cp))
                return WORD_PUNCT;
        if (uni_is_upper(cp))
                return WORD_UPPER;
        if (is_alphabet(cp))
                return WORD_ALPHA;
        return uni_is_number(cp) ? WORD_NUMBER : WORD_OTHER;
}

static bool goes_on(enum word_kind kind, uint32_t cp, size_t len)
{
        switch (kind) {
        case WORD_CONNECTOR: return is_connector(cp);
        case WORD_PUNCT: return uni_is_punct(cp);
        case WORD_ALPHA: return is_alphabet(cp) && !uni_is_upper(cp);
        case WORD_NUMBER: return uni_is_number(cp);
        default:
                return len && !is_connector(cp) && !is_alphabet(cp) && !uni_is_number(cp) &&
                       !uni_is_punct(cp);
        }
}

/* "HTTPServer": the S begins the next word; "Server": one word. */
static size_t upper_word(struct str s, size_t from, size_t i, uint32_t cp)
{
        size_t len, last = 0;
        if (i >= s.n)
                return i;
        cp = next_valid(s, i, cp, &len);
        if (!uni_is_upper(cp)) {
                while (i < s.n && is_alphabet(cp) && !uni_is_upper(cp)) {
                        i += len;
                        cp = next_valid(s, i, cp, &len);
                }
                return i;
        }
        while (i < s.n && uni_is_upper(cp)) {
                last = len;
                i += len;
                if (i >= s.n)
                        break;
                cp = next_valid(s, i, cp, &len);
        }
        (void)from;
        return i < s.n && is_alphabet(cp) ? i - last : i;
}

static struct word next_word(struct str *rest)
{
        struct str s = *rest;
        struct word w = {WORD_NONE, {s.p, 0}};
        size_t len, i;
        if (s.n == 0)
                return w;
        uint32_t cp = next_valid(s, 0, 0xFFFD, &len);
        i = len;
        if (cp != 0xFFFD) {
                w.kind = kind_of(cp);
                if (w.kind == WORD_UPPER) {
                        i = upper_word(s, 0, i, cp);
                } else {
                        while (i < s.n) {
                                cp = next_valid(s, i, cp, &len);
                                if (!goes_on(w.kind, cp, len))
                                        break;
                                i += len;
                        }
                }
        }
        w.text.n = i;
        *rest = (struct str){s.p + i, s.n - i};
        return w;
}

static void put_lower(struct abuf *b, struct word w, char connector)
{
        if (w.kind != WORD_UPPER && w.kind != WORD_CONNECTOR) {
                abuf_add(b, w.text);
                return;
        }
        for (size_t i = 0; i < w.text.n && !b->failed;) {
                uint32_t cp;
                i += utf8_decode(w.text.p + i, w.text.n - i, &cp);
                put_rune(b, is_connector(cp)   ? (uint32_t)connector
                            : uni_is_upper(cp) ? uni_lower(cp)
                                               : cp);
        }
}

/* Letters and numbers that follow a number stay with it ("2m3s"). Returns the word behind. */
static struct word numbers_and_letters(struct abuf *b, struct word w, struct str *rest,
                                       char connector)
{
        while (w.kind == WORD_ALPHA || w.kind == WORD_NUMBER) {
                put_lower(b, w, connector);
                w = next_word(rest);
        }
        return w;
}

static bool separate(struct word w)
{
        return w.kind != WORD_CONNECTOR && w.kind != WORD_PUNCT;
}

/* A word with letters was written; `w` is the one behind it. */
static struct word after_letters(struct abuf *b, struct word w, struct str *rest, char connector)
{
        if (w.kind != WORD_NUMBER) {
                if (separate(w))
                        abuf_addc(b, connector);
                return w;
        }
        if (rest->n == 0)
                return w;
        struct word number = w;
        w = next_word(rest);
        if (w.kind != WORD_ALPHA) { /* "Bld4Floor": the number ends the word */
                put_lower(b, number, connector);
                if (separate(w))
                        abuf_addc(b, connector);
                return w;
        }
        abuf_addc(b, connector); /* "HTTP2xx": it begins one */
        put_lower(b, number, connector);
        w = numbers_and_letters(b, w, rest, connector);
        if (w.kind != WORD_NONE && separate(w))
                abuf_addc(b, connector);
        return w;
}

static bool to_words(struct go_env *env, struct str s, char connector, struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        if (s.n == 0)
                return go_return_str(out, s);
        struct word w = next_word(&s);
        while (s.n && !b.failed) {
                if (w.kind != WORD_CONNECTOR)
                        put_lower(&b, w, connector);
                struct word before = w;
                w = next_word(&s);
                switch (before.kind) {
                case WORD_NUMBER:
                        w = numbers_and_letters(&b, w, &s, connector);
                        if (w.kind != WORD_NONE && separate(w))
                                abuf_addc(&b, connector);
                        break;
                case WORD_CONNECTOR: put_lower(&b, before, connector); break;
                case WORD_PUNCT: break;
                default: w = after_letters(&b, w, &s, connector);
                }
        }
        put_lower(&b, w, connector);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_snakecase)
{
        SPRIG_ARGS;
        return to_words(env, args[0].s, '_', out);
}

SPRIG_FN(fn_kebabcase)
{
        SPRIG_ARGS;
        return to_words(env, args[0].s, '-', out);
}
