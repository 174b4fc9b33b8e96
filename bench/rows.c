/* bench/rows.c: see rows.h. SPDX-License-Identifier: Apache-2.0 */
#include "bench/rows.h"
#include "common/base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double read_us(clockid_t clock)
{
        struct timespec t;
        clock_gettime(clock, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double bench_now_us(void)
{
        return read_us(CLOCK_MONOTONIC);
}

double bench_cpu_us(void)
{
        return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

double bench_median(double *v, size_t n)
{
        qsort(v, n, sizeof(*v), by_value);
        return v[n / 2];
}

double bench_quartile(const double *sorted, size_t n, int which)
{
        return sorted[which == 1 ? n / 4 : n - 1 - n / 4];
}

NORETURN void bench_die(const char *program, const char *what, const struct err *e)
{
        fprintf(stderr, "%s: %s%s%s\n", program, what, e ? ": " : "", e ? err_msg(e) : "");
        exit(1);
}

bool bench_report(const char *row, double value, enum bench_better better, double goal,
                  const char *unit)
{
        bool ok = better == BENCH_AT_MOST ? value <= goal : value >= goal;
        printf("%s %.2f%s (goal %s %g%s) %s\n", row, value, unit,
               better == BENCH_AT_MOST ? "<=" : ">=", goal, unit, ok ? "ok" : "short");
        fflush(stdout);
        return ok;
}

int bench_main(const struct bench_row *rows, size_t n, int argc, char **argv)
{
        bool good = true;
        for (size_t i = 0; i < n; i++) {
                bool asked = argc < 2;
                for (int k = 1; k < argc; k++)
                        asked |= streq(argv[k], rows[i].name);
                if (asked)
                        good &= rows[i].run();
        }
        return good ? 0 : 1;
}
