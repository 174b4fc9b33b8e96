/* common/base/diag.c: see diag.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/diag.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdlib.h>
#include <string.h>

enum { PATH_STEPS_MAX = 128, PATH_BYTES_MAX = 4096, KEEP_DEFAULT = 200 };

/* ---- paths ---- */

static bool is_plain_key(const char *key)
{
        if (!*key)
                return false;
        for (; *key; key++) {
                unsigned char c = (unsigned char)*key;
                if (c <= ' ' || c == 0x7f || strchr(".[]\"'", c))
                        return false;
        }
        return true;
}

void jpath_put(struct buf *b, const struct jpath *p)
{
        const struct jpath *steps[PATH_STEPS_MAX];
        size_t n = 0;
        for (; p && n < PATH_STEPS_MAX; p = p->up)
                steps[n++] = p;
        size_t start = b->len;
        while (n--) {
                const struct jpath *s = steps[n];
                if (!s->key) {
                        buf_addf(b, "[%zu]", s->index);
                } else if (is_plain_key(s->key)) {
                        if (b->len > start)
                                buf_addc(b, '.');
                        buf_adds(b, s->key);
                } else {
                        buf_addc(b, '[');
                        json_put_string(b, s->key, strlen(s->key));
                        buf_addc(b, ']');
                }
        }
}

/* ---- collecting ---- */

void diags_init(struct diags *d)
{
        *d = (struct diags){.max = KEEP_DEFAULT};
}

void diags_deinit(struct diags *d)
{
        for (size_t i = 0; i < d->n; i++) {
                struct diag *it = &d->items[i];
                free(it->code);
                free(it->path);
                free(it->msg);
                free(it->hint);
                free(it->file);
        }
        free(d->items);
        *d = (struct diags){.max = d->max};
}

/* The slot of one more problem, or NULL when enough are kept. */
static struct diag *add(struct diags *d, enum severity s, const char *code, const char *hint)
{
        d->errors += s == SEV_ERROR;
        d->warnings += s == SEV_WARNING;
        d->unsupported += s == SEV_UNSUPPORTED;
        if (d->n >= (d->max ? d->max : KEEP_DEFAULT))
                return NULL;
        mem_grow(d->items, d->cap, d->n + 1);
        struct diag *it = &d->items[d->n++];
        *it = (struct diag){.severity = s, .code = mem_strdup(code), .hint = mem_strdup(hint)};
        return it;
}

void diags_move(struct diags *to, struct diags *from)
{
        size_t i = 0, max = to->max ? to->max : KEEP_DEFAULT;
        for (; i < from->n && to->n < max; i++) {
                mem_grow(to->items, to->cap, to->n + 1);
                to->items[to->n++] = from->items[i];
                from->items[i] = (struct diag){0}; /* its texts moved */
        }
        to->errors += from->errors;
        to->warnings += from->warnings;
        to->unsupported += from->unsupported;
        diags_deinit(from);
}

static void place(struct diag *it, const struct diags *d, bool at_key)
{
        if (!d->marks) {
                it->file = mem_strdup(d->prefix);
                return;
        }
        it->file = mem_strdup(marks_file(d->marks));
        bool exact;
        if (!marks_find(d->marks, it->path, &it->at, &exact))
                return;
        /* what is missing is looked for at the key of what should hold it */
        it->at_key = it->at.key_line && (at_key || !exact);
}

PRINTF_LIKE(7, 0)
static void add_at_path(struct diags *d, enum severity s, const struct jpath *at, bool at_key,
                        const char *code, const char *hint, const char *fmt, va_list ap)
{
        struct diag *it = add(d, s, code, hint);
        if (!it)
                return;
        struct buf path = BUF_INIT(PATH_BYTES_MAX);
        jpath_put(&path, at);
        it->path = buf_take(&path);
        it->msg = mem_vprintf(fmt, ap);
        place(it, d, at_key);
}

void diag_error(struct diags *d, const struct jpath *at, const char *code, const char *hint,
                const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_at_path(d, SEV_ERROR, at, false, code, hint, fmt, ap);
        va_end(ap);
}

void diag_warn(struct diags *d, const struct jpath *at, const char *code, const char *hint,
               const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_at_path(d, SEV_WARNING, at, false, code, hint, fmt, ap);
        va_end(ap);
}

void diag_unsupported(struct diags *d, const struct jpath *at, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_at_path(d, SEV_UNSUPPORTED, at, true, "E007", NULL, fmt, ap);
        va_end(ap);
}

void diag_at_key(struct diags *d, enum severity s, const struct jpath *at, const char *code,
                 const char *hint, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_at_path(d, s, at, true, code, hint, fmt, ap);
        va_end(ap);
}

/* ---- parts of texts ---- */

/* How often `part` stands in the value before this one. */
static size_t nth(const char *text, struct str part)
{
        size_t n = 0;
        for (const char *p = text; p < part.p; p++) {
                p = memmem(p, (size_t)(part.p - p), part.p, part.n);
                if (!p)
                        break;
                n++;
        }
        return n;
}

/* Where the scalar that begins at `p` ends: at the next line that is not indented deeper than the
 * line it begins on. */
static const char *scalar_end(const char *source, const char *p)
{
        const char *line = p;
        while (line > source && line[-1] != '\n')
                line--;
        size_t base = strspn(line, " ");
        for (p += strcspn(p, "\n"); *p; p += strcspn(p, "\n")) {
                size_t indent = strspn(p + 1, " ");
                if (p[1 + indent] && p[1 + indent] != '\n' && p[1 + indent] != '\r' &&
                    indent <= base)
                        break;
                p++;
        }
        return p;
}

static const char *at_mark(const char *source, struct mark at)
{
        for (unsigned line = 1; source && line < at.line; line++) {
                source = strchr(source, '\n');
                source = source ? source + 1 : NULL;
        }
        for (unsigned col = 1; source && *source && col < at.col; col++) {
                uint32_t cp;
                source += utf8_decode(source, strnlen(source, 4), &cp);
        }
        return source;
}

/* A text as it was written mostly holds its parts as they are; where it does not, the place stays
 * the text's own. */
static void place_part(struct diag *it, const char *source, const char *text, struct str part)
{
        const char *from = it->at.line && !it->at_key ? at_mark(source, it->at) : NULL;
        if (!from || !part.n)
                return;
        const char *end = scalar_end(source, from), *found = NULL, *p = from;
        for (size_t i = nth(text, part) + 1; i && p < end; i--) {
                found = memmem(p, (size_t)(end - p), part.p, part.n);
                if (!found)
                        return;
                p = found + 1;
        }
        if (!found)
                return;
        const char *line = found;
        while (line > source && line[-1] != '\n')
                line--;
        for (p = from; p < found; p++)
                it->at.line += *p == '\n';
        it->at.col = 1;
        for (p = line; p < found; it->at.col++) {
                uint32_t cp;
                p += utf8_decode(p, (size_t)(found - p), &cp);
        }
}

void diag_in_text(struct diags *d, enum severity s, const struct jpath *at, const char *text,
                  struct str part, const char *code, const char *hint, const char *fmt, ...)
{
        size_t before = d->n;
        va_list ap;
        va_start(ap, fmt);
        add_at_path(d, s, at, false, code, hint, fmt, ap);
        va_end(ap);
        if (d->n > before && d->source)
                place_part(&d->items[before], d->source, text, part);
}

void diag_at_place(struct diags *d, enum severity s, const char *file, unsigned line, unsigned col,
                   const char *code, const char *hint, const char *fmt, ...)
{
        struct diag *it = add(d, s, code, hint);
        if (!it)
                return;
        va_list ap;
        va_start(ap, fmt);
        it->msg = mem_vprintf(fmt, ap);
        va_end(ap);
        it->path = mem_strdup("");
        it->file = mem_strdup(file);
        it->at = (struct mark){.line = line, .col = col};
}

/* ---- showing ---- */

const char *severity_name(enum severity s)
{
        static const char *const names[] = {"error", "warning", "info", "unsupported"};
        return names[s];
}

const char *json_kind_name(const json_t *j)
{
        switch (j ? json_typeof(j) : JSON_NULL) {
        case JSON_OBJECT: return "a map";
        case JSON_ARRAY: return "a list";
        case JSON_STRING: return "a string";
        case JSON_INTEGER:
        case JSON_REAL: return "a number";
        case JSON_TRUE:
        case JSON_FALSE: return "a boolean";
        default: return "null";
        }
}

static unsigned line_of(const struct diag *d)
{
        return d->at_key ? d->at.key_line : d->at.line;
}

static unsigned col_of(const struct diag *d)
{
        return d->at_key ? d->at.key_col : d->at.col;
}

static void put_place(struct buf *b, const struct diag *d)
{
        buf_adds(b, d->file);
        if (line_of(d))
                buf_addf(b, ":%u:%u", line_of(d), col_of(d));
}

static void put_words(struct buf *b, const struct diag *d)
{
        if (*d->path)
                buf_addf(b, "%s: ", d->path);
        buf_adds(b, d->msg);
}

void diag_put_line(struct buf *b, const struct diag *d)
{
        if (d->file) {
                put_place(b, d);
                buf_adds(b, ": ");
        }
        buf_addf(b, "%s: ", severity_name(d->severity));
        put_words(b, d);
        if (d->hint)
                buf_addf(b, " (hint: %s)", d->hint);
        buf_addf(b, " [%s]", d->code);
}

static struct str line_at(const char *source, unsigned line)
{
        while (source && --line) {
                source = strchr(source, '\n');
                source = source ? source + 1 : NULL;
        }
        return source ? (struct str){source, strcspn(source, "\r\n")} : (struct str){0};
}

/* The column in bytes, tabs kept so that the caret stands below its character. */
static void put_caret_indent(struct buf *b, struct str line, unsigned col)
{
        size_t i = 0;
        for (unsigned c = 1; c < col; c++) {
                uint32_t cp;
                buf_addc(b, i < line.n && line.p[i] == '\t' ? '\t' : ' ');
                i += i < line.n ? utf8_decode(line.p + i, line.n - i, &cp) : 0;
        }
}

struct palette {
        const char *severity, *bold, *frame, *off;
};

static struct palette palette_for(enum severity s, bool colour)
{
        static const char *const by_severity[] = {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m",
                                                  "\x1b[1;35m"};
        if (!colour)
                return (struct palette){"", "", "", ""};
        return (struct palette){by_severity[s], "\x1b[1m", "\x1b[1;34m", "\x1b[0m"};
}

static void put_excerpt(struct buf *b, const struct diag *d, const char *source, struct palette c)
{
        unsigned line_no = line_of(d);
        struct str line = line_no ? line_at(source, line_no) : (struct str){0};
        if (!line.p)
                return;
        char number[16];
        int width = snprintf(number, sizeof(number), "%u", line_no);
        buf_addf(b, "%s%*s |%s\n%s%s |%s ", c.frame, width, "", c.off, c.frame, number, c.off);
        buf_add(b, line.p, line.n);
        buf_addf(b, "\n%s%*s |%s ", c.frame, width, "", c.off);
        put_caret_indent(b, line, col_of(d));
        buf_addf(b, "%s^%s\n", c.severity, c.off);
}

void diag_put_pretty(struct buf *b, const struct diag *d, const char *source, bool colour)
{
        struct palette c = palette_for(d->severity, colour);
        buf_addf(b, "%s%s[%s]%s%s: ", c.severity, severity_name(d->severity), d->code, c.off,
                 c.bold);
        put_words(b, d);
        buf_addf(b, "%s\n", c.off);
        if (d->file) {
                buf_addf(b, "  %s-->%s ", c.frame, c.off);
                put_place(b, d);
                buf_addc(b, '\n');
        }
        put_excerpt(b, d, source, c);
        if (d->hint)
                buf_addf(b, "  %s= hint:%s %s\n", c.frame, c.off, d->hint);
}

int diags_err(const struct diags *d, struct err *e)
{
        if (!diags_refused(d))
                return 0;
        enum severity worst = d->errors ? SEV_ERROR : SEV_UNSUPPORTED;
        const struct diag *first = NULL;
        for (size_t i = 0; i < d->n && !first; i++)
                if (d->items[i].severity == worst)
                        first = &d->items[i];
        if (!first) /* behind too many warnings to be kept */
                return err_set(e, ERR_INVALID, "%zu errors", diags_refused(d));
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (first->file) {
                put_place(&b, first);
                buf_adds(&b, ": ");
        }
        put_words(&b, first);
        if (first->hint)
                buf_addf(&b, " (hint: %s)", first->hint);
        if (diags_refused(d) > 1)
                buf_addf(&b, " (and %zu more)", diags_refused(d) - 1);
        return err_set(e, ERR_INVALID, "%s", buf_str(&b));
}

/* ---- codes ---- */

static const struct diag_code codes[] = {
#define DIAG_CODE(code, severity, title, explanation) {#code, severity, title, explanation},
#include "common/base/diag_codes.def"
#undef DIAG_CODE
};

const struct diag_code *diag_codes(size_t *n)
{
        *n = ARRAY_LEN(codes);
        return codes;
}

const struct diag_code *diag_code_find(const char *code)
{
        for (size_t i = 0; i < ARRAY_LEN(codes); i++)
                if (streq(codes[i].code, code))
                        return &codes[i];
        return NULL;
}
