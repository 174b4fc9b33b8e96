/* common/lang/gonum.h: numbers and booleans as Go's strconv reads and prints them.
 *
 * Shared by all languages whose originals are written in Go. Nothing here allocates except for
 * numbers of more than 500 digits. Threads: any; pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum gonum_status { GONUM_OK, GONUM_SYNTAX, GONUM_RANGE };

/* ParseFloat(s, 64): decimal, hexadecimal with p exponent, inf, infinity, nan, 1_000. Syntax errors
 * give 0, out of range gives an infinity. */
enum gonum_status gonum_float(struct str s, double *out);
/* ParseInt(s, base, bits) with base 0 (prefixes 0x 0o 0b 0, underscores) or 2..36; bits 8..64. Out
 * of range gives the nearest. */
enum gonum_status gonum_int(struct str s, unsigned base, unsigned bits, int64_t *out);
enum gonum_status gonum_uint(struct str s, unsigned base, unsigned bits, uint64_t *out);
/* ParseBool: 1 t T true True TRUE and their opposites. */
bool gonum_bool(struct str s, bool *out);

/* Conversions as compiled Go does them on amd64: out of range and NaN give the smallest int64. */
int64_t gonum_f64_to_i64(double d);
uint64_t gonum_f64_to_u64(double d);

/* math.Pow. */
double gonum_pow(double x, double y);

/* FormatFloat(d, verb, -1, 64): the shortest text that reads back; verb e E f F g G. Returns the
 * length. */
enum { GONUM_TEXT = 352 };
size_t gonum_format(char out[GONUM_TEXT], double d, char verb);
/* Shortest digits d1d2d3... (no leading zero but "0") of a finite |d| = 0.d1d2d3... * 10^exp. */
void gonum_digits(double d, char digits[20], int *exp);
/* JSON as Go's encoder prints a float64: 'f', exponents below 1e-6 and from 1e21 (1e-7, 1e+21). */
size_t gonum_format_json(char out[GONUM_TEXT], double d);
