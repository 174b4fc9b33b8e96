/* common/lang/gofmt.h: Go's fmt: Sprint, Sprintln, Sprintf over values, with all verbs and flags.
 *
 * Output goes to an arena buffer; a value nested deeper than 100 levels is cut with "...". %p and
 * pointers print nothing useful and are treated as bad verbs. Threads: any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include "common/lang/value.h"

void gofmt_value(struct abuf *b, struct val v); /* %v */
void gofmt_print(struct abuf *b, const struct val *args, size_t n);
void gofmt_println(struct abuf *b, const struct val *args, size_t n);
void gofmt_printf(struct abuf *b, struct str format, const struct val *args, size_t n);

const char *gofmt_type(struct val v); /* "float64", "[]interface {}", "<nil>" */
const char *gofmt_kind(struct val v); /* "float64", "slice", "invalid" */
/* strconv.Quote; `quote` is '"' or '\''. ascii: all else as \u. */
void gofmt_quote(struct abuf *b, struct str s, bool ascii);
void gofmt_quote_rune(struct abuf *b, uint32_t r, bool ascii);
/* The text of a value that has a String or Error method; false for all others. */
bool gofmt_method(struct abuf *b, struct val v);
