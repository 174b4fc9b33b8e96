/* bench/rows.h: what the C programs of ./dev bench share: the clock, medians, the line that ends a
 * row, and a main that runs the rows named on the command line.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>

double bench_now_us(void);                /* of the wall */
double bench_cpu_us(void);                /* time of this process on the processor */
double bench_median(double *v, size_t n); /* sorts */
double bench_quartile(const double *sorted, size_t n, int which); /* 1 or 3 */
NORETURN void bench_die(const char *program, const char *what, const struct err *e);

enum bench_better { BENCH_AT_LEAST, BENCH_AT_MOST };
/* "ROW 0.53x (goal >= 0.5x) ok"; true when it holds. */
bool bench_report(const char *row, double value, enum bench_better better, double goal,
                  const char *unit);

struct bench_row {
        const char *name;
        bool (*run)(void);
};
/* Runs the rows named in argv, or all; the exit code. */
int bench_main(const struct bench_row *rows, size_t n, int argc, char **argv);
