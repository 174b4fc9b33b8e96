/* cli/term.c: see term.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* ---- colours ---- */

void term_init(struct term *t, bool no_color, bool no_utf8)
{
        const char *force = getenv("CLICOLOR_FORCE"), *name = getenv("TERM");
        struct winsize w = {0};
        setlocale(LC_CTYPE, "");
        t->tty = isatty(STDOUT_FILENO);
        bool forced = !str_empty(force) && !streq(force, "0");
        t->colour = !no_color && str_empty(getenv("NO_COLOR")) &&
                    (forced || (t->tty && !streq(name, "dumb")));
        t->utf8 = !no_utf8 && (!t->tty || streq(nl_langinfo(CODESET), "UTF-8"));
        t->width = 80;
        t->height = 24;
        if (t->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col) {
                t->width = w.ws_col;
                t->height = w.ws_row;
        }
}

const char *term_on(const struct term *t, enum term_style s)
{
        static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m",  "\033[31m",
                                            "\033[32m", "\033[33m", "\033[34m", "\033[35m",
                                            "\033[36m", "\033[31m", "\033[0m"};
        if (s >= TERM_ERR_RED && !isatty(STDERR_FILENO))
                return "";
        return t->colour ? codes[s] : "";
}

enum term_style term_phase_style(const char *phase)
{
        if (streq(phase, "Succeeded"))
                return TERM_GREEN;
        if (streq(phase, "Failed") || streq(phase, "Error"))
                return TERM_RED;
        if (streq(phase, "Running"))
                return TERM_CYAN;
        if (streq(phase, "Pending"))
                return TERM_YELLOW;
        return TERM_OFF;
}

size_t term_columns(const char *text)
{
        size_t columns = 0, n = strlen(text);
        for (size_t i = 0; i < n;) {
                uint32_t cp;
                i += utf8_decode(text + i, n - i, &cp);
                int w = cp < 0x300 ? 1 : wcwidth((wchar_t)cp);
                columns += w < 0 ? 1 : (size_t)w;
        }
        return columns;
}

/* ---- tables ---- */

void table_init(struct table *t, size_t columns)
{
        *t = (struct table){.columns = columns};
}

void table_deinit(struct table *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->cells[i]);
        free(t->cells);
        free(t->styles);
        *t = (struct table){0};
}

static void add_take(struct table *t, char *text)
{
        size_t styles_cap = t->cap;
        mem_grow(t->cells, t->cap, t->n + 1);
        mem_grow(t->styles, styles_cap, t->n + 1);
        for (char *p = text; *p; p++) /* one row, one line */
                if (*p == '\n' || *p == '\r' || *p == '\t' || *p == '\033')
                        *p = ' ';
        t->cells[t->n] = text;
        t->styles[t->n++] = TERM_OFF;
}

void table_cell(struct table *t, const char *text)
{
        add_take(t, mem_strdup(text ? text : ""));
}

void table_cellf(struct table *t, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        add_take(t, mem_vprintf(fmt, ap));
        va_end(ap);
}

void table_style(struct table *t, enum term_style s)
{
        t->styles[t->n - 1] = s;
}

void table_row(struct table *t, const char *const *cells)
{
        for (size_t i = 0; cells[i]; i++)
                table_cell(t, cells[i]);
}

/* The text, at most `max` columns of it; returns how many. */
static size_t put_cut(struct buf *b, const char *text, size_t max)
{
        size_t columns = 0, n = strlen(text), i = 0;
        while (i < n) {
                uint32_t cp;
                size_t bytes = utf8_decode(text + i, n - i, &cp);
                int w = cp < 0x300 ? 1 : wcwidth((wchar_t)cp);
                size_t width = w < 0 ? 1 : (size_t)w;
                if (columns + width > max)
                        break;
                columns += width;
                i += bytes;
        }
        buf_add(b, text, i);
        return columns;
}

static void put_row(struct buf *b, const struct table *t, size_t row, const size_t *widths,
                    const struct term *term, size_t max)
{
        size_t used = 0, owed = 0;
        for (size_t c = 0; c < t->columns && used < max; c++) {
                size_t i = row * t->columns + c;
                if (i >= t->n)
                        break;
                if (t->cells[i][0]) {
                        for (; owed && used < max; owed--, used++)
                                buf_addc(b, ' ');
                        if (t->styles[i])
                                buf_adds(b, term_on(term, t->styles[i]));
                        size_t put = put_cut(b, t->cells[i], max - used);
                        if (t->styles[i])
                                buf_adds(b, term_on(term, TERM_OFF));
                        used += put;
                        owed += widths[c] > put ? widths[c] - put : 0;
                } else {
                        owed += widths[c];
                }
                owed += widths[c] ? 2 : 0;
        }
        buf_addc(b, '\n');
}

void table_put(struct buf *b, const struct table *t, const struct term *term, size_t max_width)
{
        size_t rows = t->columns ? (t->n + t->columns - 1) / t->columns : 0;
        AUTO(mem_free) size_t *widths = mem_calloc(t->columns + 1, sizeof(*widths));
        for (size_t i = 0; i < t->n; i++) {
                size_t w = term_columns(t->cells[i]);
                if (w > widths[i % t->columns])
                        widths[i % t->columns] = w;
        }
        for (size_t r = 0; r < rows; r++)
                put_row(b, t, r, widths, term, max_width ? max_width : SIZE_MAX);
}

size_t term_put_lines(struct buf *b, const char *text, size_t max_lines, size_t max_width)
{
        size_t lines = 0;
        while (*text && lines < max_lines) {
                size_t n = strcspn(text, "\n");
                AUTO(mem_free) char *line = mem_strndup(text, n);
                put_cut(b, line, strchr(line, '\033') ? SIZE_MAX : max_width);
                buf_addc(b, '\n');
                text += n + (text[n] == '\n');
                lines++;
        }
        return lines;
}

/* ---- times ---- */

void human_age(char out[24], int64_t ns)
{
        int64_t s = ns < 0 ? 0 : ns / 1000000000;
        if (s < 60)
                snprintf(out, 24, "%llds", (long long)s);
        else if (s < 3600)
                snprintf(out, 24, "%lldm", (long long)s / 60);
        else if (s < 86400)
                snprintf(out, 24, "%lldh", (long long)s / 3600);
        else
                snprintf(out, 24, "%lldd", (long long)s / 86400);
}

void human_duration(char out[64], int64_t ns)
{
        static const struct {
                int64_t s;
                const char *word;
        } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
        int64_t s = ns < 0 ? 0 : ns / 1000000000;
        size_t u = 0;
        while (u < 3 && s < units[u].s)
                u++;
        int64_t first = s / units[u].s, rest = s % units[u].s;
        int n = snprintf(out, 64, "%lld %s%s", (long long)first, units[u].word,
                         first == 1 ? "" : "s");
        if (u < 3 && rest / units[u + 1].s) {
                int64_t second = rest / units[u + 1].s;
                snprintf(out + n, 64 - (size_t)n, " %lld %s%s", (long long)second,
                         units[u + 1].word, second == 1 ? "" : "s");
        }
}

int64_t json_time(const json_t *j)
{
        int64_t ns = 0;
        const char *text = json_string_value(j);
        return text && time_parse_rfc3339(text, &ns) ? ns : 0;
}
