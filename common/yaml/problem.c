/* common/yaml/problem.c: libyaml's complaints in our words, at the place where a person would look,
 * with a hint. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/yaml/yaml_priv.h"
#include <string.h>

static const char indent_hint[] =
        "keys of one map must start in the same column, and deeper than the key above them";
static const char braces_hint[] = "put quotes around \"{{...}}\"";

struct str yaml_text_line(const struct yaml_text *t, unsigned line)
{
        const char *p = t->p, *end = t->p + t->n;
        while (--line) {
                p = memchr(p, '\n', (size_t)(end - p));
                if (!p)
                        return (struct str){end, 0};
                p++;
        }
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        return (struct str){p, n && p[n - 1] == '\r' ? n - 1 : n};
}

void yaml_text_place(const struct yaml_text *t, size_t offset, unsigned *line, unsigned *col)
{
        *line = *col = 1;
        for (size_t i = 0; i < offset && i < t->n; i++) {
                if (t->p[i] == '\n') {
                        ++*line;
                        *col = 1;
                } else if (((unsigned char)t->p[i] & 0xC0) != 0x80) {
                        ++*col;
                }
        }
}

/* The part of the line before the column, and the character there. */
static struct str before(struct str line, unsigned col)
{
        size_t i = 0;
        for (unsigned c = 1; c < col && i < line.n; c++) {
                uint32_t cp;
                i += utf8_decode(line.p + i, line.n - i, &cp);
        }
        return (struct str){line.p, i};
}

static bool holds(struct str s, const char *what)
{
        return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static bool is_indented_by_tab(struct str line)
{
        size_t i = 0;
        while (i < line.n && line.p[i] == ' ')
                i++;
        return i < line.n && line.p[i] == '\t';
}

struct problem {
        unsigned line, col;
        struct str text, before; /* the line, and what stands before the place */
        char at;                 /* the byte there, 0 at the end of the line */
};

static const char *hint_mapping_values(const struct problem *p)
{
        if (holds(p->before, ": "))
                return "put quotes around a value that holds \": \"";
        return "this line is indented deeper than the one above, which already has a value; keys "
               "of one "
               "map must start in the same column";
}

static const char *hint_flow(const struct problem *p)
{
        return holds(p->text, "{{") ? braces_hint : "a ',' is missing, or a bracket is not closed";
}

static const char *hint_start(const struct problem *p)
{
        return p->at == '%' || p->at == '@' || p->at == '`' ? "put the value in quotes" : NULL;
}

static const char *hint_key(const struct problem *p)
{
        return holds(p->text, "{{") ? braces_hint : indent_hint;
}

static const struct {
        const char *problem;                              /* libyaml's words */
        const char *words, *hint;                         /* ours; NULL: as they are, none */
        const char *(*find_hint)(const struct problem *); /* instead of hint */
} known[] = {
        {"mapping values are not allowed in this context", "mapping values are not allowed here",
         NULL, hint_mapping_values},
        {"found character that cannot start any token", "a value cannot begin with this character",
         NULL, hint_start},
        {"did not find expected key", "expected a key of the map", NULL, hint_key},
        {"did not find expected '-' indicator", "expected \"- \", the next item of the list",
         "items of one list must start in the same column", NULL},
        {"could not find expected ':'", "expected ':' behind the key",
         "a key needs \": \" and a value; or a quote or a '|' is missing above", NULL},
        {"did not find expected ',' or ']'", "expected ',' or ']'", NULL, hint_flow},
        {"did not find expected ',' or '}'", "expected ',' or '}'", NULL, hint_flow},
        {"did not find expected <document start>", "expected the end of the document",
         "a further document begins with a line \"---\"; keys of the top map must start in the "
         "first column",
         NULL},
        {"block sequence entries are not allowed in this context",
         "a list item is not allowed here",
         "begin the list on the next line, or put the value in quotes", NULL},
        {"found unknown escape character", "no such escape in double quotes",
         "use single quotes, or write the backslash twice", NULL},
        {"did not find expected node content", "expected a value", NULL, hint_flow},
        {"found undefined tag handle", "unknown tag", "values that begin with '!' need quotes",
         NULL},
};

static struct problem look_at(const struct yaml_text *t, unsigned line, unsigned col)
{
        struct problem p = {.line = line, .col = col, .text = yaml_text_line(t, line)};
        p.before = before(p.text, col);
        p.at = p.before.n < p.text.n ? p.text.p[p.before.n] : '\0';
        return p;
}

static void report(const struct yaml_text *t, struct diags *d, const struct problem *p,
                   const char *words, const char *hint)
{
        diag_at_place(d, SEV_ERROR, t->file, p->line, p->col, "E001", hint, "%s", words);
}

static bool is_about_tab(const yaml_parser_t *p, const struct problem *at)
{
        return at->at == '\t' || strstr(p->problem, "tab character") ||
               is_indented_by_tab(at->text);
}

static void report_known(const struct yaml_text *t, const yaml_parser_t *p,
                         const struct problem *at, struct diags *d)
{
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                if (!streq(p->problem, known[i].problem))
                        continue;
                const char *hint = known[i].find_hint ? known[i].find_hint(at) : known[i].hint;
                report(t, d, at, known[i].words, hint);
                return;
        }
        AUTO(mem_free)
        char *words =
                p->context ? mem_printf("%s %s", p->problem, p->context) : mem_strdup(p->problem);
        report(t, d, at, words, NULL);
}

static void report_reader(const struct yaml_text *t, const yaml_parser_t *p, size_t first_byte,
                          struct diags *d)
{
        unsigned line, col;
        yaml_text_place(t, first_byte + p->problem_offset, &line, &col);
        if (p->problem_value >= 0 && strstr(p->problem, "control characters"))
                diag_at_place(d, SEV_ERROR, t->file, line, col, "E001",
                              "write it as an escape in double quotes",
                              "the control character U+%04X is not allowed",
                              (unsigned)p->problem_value);
        else
                diag_at_place(d, SEV_ERROR, t->file, line, col, "E001", NULL, "%s", p->problem);
}

void yaml_report_syntax(const struct yaml_text *t, const yaml_parser_t *p, unsigned first_line,
                        struct diags *d)
{
        if (p->error == YAML_READER_ERROR) {
                struct str line = yaml_text_line(t, first_line + 1);
                report_reader(t, p, (size_t)(line.p - t->p), d);
                return;
        }
        struct problem at = look_at(t, first_line + (unsigned)p->problem_mark.line + 1,
                                    (unsigned)p->problem_mark.column + 1);
        bool in_quotes = p->context && strstr(p->context, "quoted scalar");
        if (in_quotes && strstr(p->problem, "unexpected")) { /* the end of the text says nothing */
                at = look_at(t, first_line + (unsigned)p->context_mark.line + 1,
                             (unsigned)p->context_mark.column + 1);
                report(t, d, &at, "the quote that opens here is never closed", NULL);
        } else if (is_about_tab(p, &at)) {
                report(t, d, &at, "a tab cannot indent", "indent with spaces");
        } else {
                report_known(t, p, &at, d);
        }
}
