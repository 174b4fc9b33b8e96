/* common/yaml/emit.c: trees as block-style YAML, as kubectl prints them: two spaces, list items in
 * the column of their key, texts of several lines as "|" blocks, quotes only where a reader would
 * take the text for something else. What is written here is read back as the same tree.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/yaml/yaml_priv.h"
#include <string.h>

enum { SIMPLE_KEY_MAX = 1000 /* libyaml takes 1024 characters, quotes and escapes included */ };

static void put_value(struct buf *b, const json_t *j, unsigned indent);

static void put_indent(struct buf *b, unsigned indent)
{
        for (unsigned i = 0; i < indent; i++)
                buf_addc(b, ' ');
}

/* ---- strings ---- */

/* Characters that a YAML text may hold as they are and that are no line breaks. */
static bool is_printable(uint32_t cp)
{
        return (cp >= 0x20 && cp < 0x7f) ||
               (cp >= 0xA0 && cp <= 0xFFFD && cp != 0x2028 && cp != 0x2029 && cp != 0xFEFF) ||
               cp >= 0x10000;
}

struct look {           /* at a string */
        bool printable; /* but for line feeds and tabs */
        bool lines;     /* holds a line feed */
        bool tabs;
        bool odd_lines; /* white space at the end of a line */
};

static struct look look_at(const char *s, size_t n)
{
        struct look l = {.printable = true};
        for (size_t i = 0; i < n;) {
                uint32_t cp;
                i += utf8_decode(s + i, n - i, &cp);
                l.lines |= cp == '\n';
                l.tabs |= cp == '\t';
                l.odd_lines |= (cp == ' ' || cp == '\t') && (i == n || s[i] == '\n');
                l.printable &= cp == '\n' || cp == '\t' || is_printable(cp);
        }
        return l;
}

static void put_double_quoted(struct buf *b, const char *s, size_t n)
{
        static const char from[] = "\"\\\n\t\r", to[] = "\"\\ntr";
        buf_addc(b, '"');
        for (size_t i = 0; i < n;) {
                uint32_t cp;
                size_t len = utf8_decode(s + i, n - i, &cp);
                const char *short_escape = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
                if (short_escape)
                        buf_addf(b, "\\%c", to[short_escape - from]);
                else if (is_printable(cp))
                        buf_add(b, s + i, len);
                else
                        buf_addf(b, "\\u%04X", cp);
                i += len;
        }
        buf_addc(b, '"');
}

static void put_single_quoted(struct buf *b, const char *s, size_t n)
{
        buf_addc(b, '\'');
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '\'')
                        buf_addc(b, '\'');
                buf_addc(b, s[i]);
        }
        buf_addc(b, '\'');
}

/* Would the text be read as something other than this plain scalar, by its punctuation? */
static bool has_special_shape(const char *s, size_t n)
{
        if (strchr(",[]{}#&*!|>'\"%@`", s[0]) || (n == 1 && s[0] == '='))
                return true;
        if (strchr("-?:", s[0]) && (n == 1 || s[1] == ' ' || s[1] == s[0]))
                return true;
        if (s[0] == ' ' || s[n - 1] == ' ' || s[n - 1] == ':')
                return true;
        if (n >= 3 && (memcmp(s, "---", 3) == 0 || memcmp(s, "...", 3) == 0))
                return true;
        return memmem(s, n, ": ", 2) || memmem(s, n, " #", 2);
}

/* On one line: plain where possible, else in quotes. */
static void put_line(struct buf *b, const char *s, size_t n, const struct look *l)
{
        if (!l->printable || l->lines || l->tabs)
                put_double_quoted(b, s, n);
        else if (!scalar_reads_as_text(s, n))
                put_double_quoted(b, s, n);
        else if (has_special_shape(s, n))
                put_single_quoted(b, s, n);
        else
                buf_add(b, s, n);
}

/* The break behind the last line comes from whoever writes what follows. */
static void put_block(struct buf *b, const char *s, size_t n, unsigned indent)
{
        bool ends_line = s[n - 1] == '\n';
        bool keep = ends_line && n >= 2 && s[n - 2] == '\n';
        buf_adds(b, keep ? "|+" : ends_line ? "|" : "|-");
        for (size_t i = 0; i < n;) {
                const char *end = memchr(s + i, '\n', n - i);
                size_t len = end ? (size_t)(end - s) - i : n - i;
                buf_addc(b, '\n');
                if (len) {
                        put_indent(b, indent);
                        buf_add(b, s + i, len);
                }
                i += len + 1;
        }
}

static void put_string(struct buf *b, const json_t *j, unsigned indent)
{
        const char *s = json_string_value(j);
        size_t n = json_string_length(j);
        struct look l = look_at(s, n);
        if (l.lines && l.printable && !l.odd_lines && s[0] != '\n' && s[0] != ' ' && s[0] != '\t')
                put_block(b, s, n, indent ? indent : 2);
        else
                put_line(b, s, n, &l);
}

/* ---- containers ---- */

static bool is_block(const json_t *j)
{
        return json_object_size(j) > 0 || json_array_size(j) > 0;
}

static void put_key(struct buf *b, const char *key)
{
        size_t n = strlen(key);
        struct look l = look_at(key, n);
        if (streq(key, "<<"))
                buf_adds(b, "\"<<\"");
        else
                put_line(b, key, n, &l);
}

static void put_member(struct buf *b, const char *key, const json_t *v, unsigned indent)
{
        AUTO_BUF struct buf k = BUF_INIT(BUF_UNBOUNDED);
        put_key(&k, key);
        bool is_simple = k.len <= SIMPLE_KEY_MAX;
        buf_addf(b, "%s%s", is_simple ? "" : "? ", buf_str(&k));
        if (!is_simple) {
                buf_addc(b, '\n');
                put_indent(b, indent);
        }
        buf_addc(b, ':');
        unsigned deeper = json_is_array(v) ? indent : indent + 2;
        if (is_block(v)) {
                buf_addc(b, '\n');
                put_indent(b, deeper);
        } else {
                buf_addc(b, ' ');
        }
        put_value(b, v, deeper);
}

static void put_map(struct buf *b, const json_t *j, unsigned indent)
{
        const char *key;
        json_t *v;
        bool first = true;
        json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                if (!first) {
                        buf_addc(b, '\n');
                        put_indent(b, indent);
                }
                first = false;
                put_member(b, key, v, indent);
        }
}

static void put_list(struct buf *b, const json_t *j, unsigned indent)
{
        size_t i;
        json_t *v;
        json_array_foreach ((json_t *)(uintptr_t)j, i, v) {
                if (i) {
                        buf_addc(b, '\n');
                        put_indent(b, indent);
                }
                buf_adds(b, "- ");
                put_value(b, v, indent + 2);
        }
}

/* The cursor stands where the value begins; `indent` is its column. */
static void put_value(struct buf *b, const json_t *j, unsigned indent)
{
        if (json_is_string(j))
                put_string(b, j, indent);
        else if (json_object_size(j))
                put_map(b, j, indent);
        else if (json_array_size(j))
                put_list(b, j, indent);
        else
                json_put(b, j, JSON_STYLE_COMPACT); /* numbers, words, {} and [] */
}

void yaml_put(struct buf *b, const json_t *j)
{
        put_value(b, j, 0);
        buf_addc(b, '\n');
}
