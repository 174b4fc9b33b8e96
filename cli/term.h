/* cli/term.h: the terminal: colours, glyphs, tables, times as people say them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"

enum term_style {
        TERM_OFF,
        TERM_BOLD,
        TERM_DIM,
        TERM_RED,
        TERM_GREEN,
        TERM_YELLOW,
        TERM_BLUE,
        TERM_MAGENTA,
        TERM_CYAN,
        TERM_ERR_RED,
        TERM_ERR_OFF
};
void term_init(struct term *t, bool no_color, bool no_utf8);
/* The escape sequence, or "" without colour. */
const char *term_on(const struct term *t, enum term_style s);
size_t term_columns(const char *text); /* width of UTF-8 text without escape sequences */
/* Styled by phase: "Succeeded" green, ... */
enum term_style term_phase_style(const char *phase);

/* A table: cells are added row by row; columns are aligned when it is printed, two blanks between
 * them. */
struct table {
        char **cells;
        enum term_style *styles;
        size_t n, cap, columns;
};
void table_init(struct table *t, size_t columns);
void table_deinit(struct table *t);
static inline UNUSED void auto_table_deinit(struct table *t)
{
        table_deinit(t);
}
#define AUTO_TABLE __attribute__((cleanup(auto_table_deinit)))
void table_cell(struct table *t, const char *text); /* NULL: "" */
void table_cellf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_style(struct table *t, enum term_style s);      /* of the last cell */
void table_row(struct table *t, const char *const *cells); /* NULL-terminated */
/* Cut lines at max_width display columns (0: do not). */
void table_put(struct buf *b, const struct table *t, const struct term *term, size_t max_width);

/* The first `max_lines` lines of a text, each cut at max_width columns; lines with escape sequences
 * are left whole. Returns how many. */
size_t term_put_lines(struct buf *b, const char *text, size_t max_lines, size_t max_width);

/* "5s", "3m", "2h", "4d": as kubectl and argo print ages. */
void human_age(char out[24], int64_t ns);
/* "12 seconds", "1 minute 5 seconds": as argo prints durations in `get`. */
void human_duration(char out[64], int64_t ns);
/* Nanoseconds of an RFC 3339 string member; 0 when absent. */
int64_t json_time(const json_t *j);
#define json_time_at(j, ...) json_time(json_at((j), __VA_ARGS__))
