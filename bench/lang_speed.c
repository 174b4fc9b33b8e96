/* bench/lang_speed.c: rows F1, F2, GJSON and TMPL: what one evaluation of the small languages
 * costs, beside a hand-written program for the same question in the same run.
 *
 *   F1     three data filters, AND-ed, on a 1.2 KB event : a scan written for these three fields,
 *          and jansson parse + look-up
 *   F2     a compiled expression that asks the same : F1
 *   GJSON  one path in a 10 KB document, the value near its end : memchr for every quote in it
 *   TMPL   a 1 KB template with five values : snprintf of the same output
 *
 * Each row also counts our calls of malloc while evaluating: there must be none. Rounds are
 * interleaved A B B A; the figure is the median of the ratios.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/lang_reference.h"
#include "bench/rows.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/lang/expr.h"
#include "common/lang/gjson.h"
#include "common/lang/gotemplate.h"
#include "sensor/filter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 15, ROUND_NS = 20 * 1000 * 1000 };

/* ---- our calls of malloc, counted (ld --wrap) ---- */

static size_t mallocs;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n)
{
        mallocs++;
        return __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size)
{
        mallocs++;
        return __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n)
{
        mallocs++;
        return __real_realloc(p, n);
}

/* ---- timing ---- */

typedef void side_fn(void *arg);

/* Nanoseconds for one call, over about ROUND_NS. */
static double cost(side_fn *fn, void *arg)
{
        size_t n = 0, batch = 16;
        double from = bench_now_us() * 1e3, spent;
        do {
                for (size_t i = 0; i < batch; i++)
                        fn(arg);
                n += batch;
                spent = bench_now_us() * 1e3 - from;
        } while (spent < ROUND_NS);
        return spent / (double)n;
}

struct pair {                                /* ours beside the reference */
        double ratio, ours_ns, reference_ns; /* ratio: reference / ours; more is better */
        double mallocs;                      /* per evaluation of ours */
};

static struct pair measure(side_fn *ours, side_fn *reference, void *arg)
{
        double ratios[ROUNDS], a[ROUNDS], b[ROUNDS];
        cost(ours, arg);
        for (int i = 0; i < ROUNDS; i++) {
                if (i % 2)
                        b[i] = cost(reference, arg);
                a[i] = cost(ours, arg);
                if (i % 2 == 0)
                        b[i] = cost(reference, arg);
                ratios[i] = b[i] / a[i];
        }
        size_t before = mallocs;
        for (int i = 0; i < 1000; i++)
                ours(arg);
        struct pair p = {.mallocs = (double)(mallocs - before) / 1000};
        p.ratio = bench_median(ratios, ROUNDS);
        p.ours_ns = bench_median(a, ROUNDS);
        p.reference_ns = bench_median(b, ROUNDS);
        return p;
}

static NORETURN void die(const char *what, const struct err *e)
{
        bench_die("lang_speed", what, e);
}

static void check(bool holds, const char *what)
{
        if (!holds)
                die(what, NULL);
}

/* ---- F1, F2 ---- */

struct event_side {
        struct cloudevent event;
        struct filter *filter;
        struct expr *expr;
        struct arena arena;
        struct buf why;
};

static void ours_filter(void *arg)
{
        struct event_side *s = arg;
        arena_reset(&s->arena);
        check(filter_check(s->filter, &s->event, &s->arena, &s->why) == FILTER_PASS,
              "the filter must pass");
}

static void scan_by_hand(void *arg)
{
        const struct event_side *s = arg;
        check(reference_scan(s->event.data.p, s->event.data.n), "the scan must pass");
}

static void parse_all(void *arg)
{
        const struct event_side *s = arg;
        check(reference_jansson(s->event.data.p, s->event.data.n), "jansson must pass");
}

static void ours_expr(void *arg)
{
        struct event_side *s = arg;
        struct err e = {0};
        bool passes = false;
        arena_reset(&s->arena);
        struct val env = val_from_json(&s->arena, s->event.data, VAL_FLOATS);
        if (expr_test(s->expr, env, NULL, &s->arena, &passes, &e) < 0)
                die("expression", &e);
        check(passes, "the expression must pass");
}

static void event_side_open(struct event_side *s)
{
        static const char filters[] =
                "{\"data\":[{\"path\":\"body.kind\",\"type\":\"string\",\"value\":[\"invoice\"]},"
                "{\"path\":\"body.pages\",\"type\":\"number\",\"comparator\":\">\",\"value\":["
                "\"10\"]},"
                "{\"path\":\"body.meta.urgent\",\"type\":\"bool\",\"value\":[\"true\"]}]}";
        static const char text[] =
                "body.kind matches 'invoice' && body.pages > 10 && body.meta.urgent == true";
        struct err e = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        *s = (struct event_side){.why = BUF_INIT(4096)};
        arena_init(&s->arena, 16 << 20);
        s->event = (struct cloudevent){.data = str_of(reference_event())};
        AUTO_JSON json_t *tree = json_loads(filters, 0, NULL);
        if (filter_new(&s->filter, tree, false, NULL, false, &d) < 0)
                die("the filters do not compile", NULL);
        if (expr_new(&s->expr, str_of(text), EXPR_EVENTS, NULL, &e) < 0)
                die("the expression does not compile", &e);
}

static void event_side_close(struct event_side *s)
{
        filter_free(s->filter);
        expr_free(s->expr);
        arena_deinit(&s->arena);
        buf_deinit(&s->why);
}

static bool row_f1(void)
{
        struct event_side s;
        event_side_open(&s);
        struct pair hand = measure(ours_filter, scan_by_hand, &s);
        struct pair parse = measure(ours_filter, parse_all, &s);
        printf("   %zu bytes: ours %.0f ns, by hand %.0f ns, jansson %.0f ns\n", s.event.data.n,
               hand.ours_ns, hand.reference_ns, parse.reference_ns);
        bool good = bench_report("F1", hand.ratio, BENCH_AT_LEAST, 0.5, "");
        good &= bench_report("F1.jansson", parse.ratio, BENCH_AT_LEAST, 10, "x");
        good &= bench_report("F1.mallocs", hand.mallocs, BENCH_AT_MOST, 0, "");
        event_side_close(&s);
        return good;
}

static bool row_f2(void)
{
        struct event_side s;
        event_side_open(&s);
        struct pair p = measure(ours_expr, ours_filter, &s);
        printf("   expression %.0f ns, filters %.0f ns\n", p.ours_ns, p.reference_ns);
        bool good = bench_report("F2", p.ratio, BENCH_AT_LEAST, 0.3, "");
        good &= bench_report("F2.mallocs", p.mallocs, BENCH_AT_MOST, 0, "");
        event_side_close(&s);
        return good;
}

/* ---- GJSON ---- */

struct path_side {
        struct str json;
        struct gjson_path *path;
        struct arena arena;
        size_t quotes;
};

static void ours_path(void *arg)
{
        struct path_side *s = arg;
        struct err e = {0};
        struct gjson found;
        arena_reset(&s->arena);
        if (gjson_find(s->path, s->json, &s->arena, &found, &e) < 0)
                die("path", &e);
        check(found.exists && found.num == 4711, "the value must be found");
}

static void count_quotes(void *arg)
{
        struct path_side *s = arg;
        const char *p = s->json.p, *end = p + s->json.n;
        size_t n = 0;
        while ((p = memchr(p, '"', (size_t)(end - p)))) {
                n++;
                p++;
        }
        s->quotes = n;
}

static bool row_gjson(void)
{
        AUTO_BUF struct buf doc = BUF_INIT(BUF_UNBOUNDED);
        reference_document(&doc, 10 << 10);
        struct path_side s = {.json = {buf_str(&doc), doc.len}};
        struct err e = {0};
        arena_init(&s.arena, 1 << 20);
        if (gjson_path_new(&s.path, str_of("meta.answer"), &e) < 0)
                die("path", &e);
        struct pair p = measure(ours_path, count_quotes, &s);
        double gb = (double)s.json.n / p.ours_ns, half = 0.5 * (double)s.json.n / p.reference_ns;
        printf("   %zu bytes: ours %.2f GB/s, memchr of quotes %.2f GB/s\n", s.json.n, gb,
               (double)s.json.n / p.reference_ns);
        bool good = bench_report("GJSON", gb, BENCH_AT_LEAST, half < 1 ? half : 1, "GB/s");
        good &= bench_report("GJSON.mallocs", p.mallocs, BENCH_AT_MOST, 0, "");
        gjson_path_free(s.path);
        arena_deinit(&s.arena);
        return good;
}

/* ---- TMPL ---- */

struct text_side {
        struct gotmpl *template;
        struct str data;
        struct arena arena;
        struct buf out;
        char printed[4096];
};

static void ours_template(void *arg)
{
        struct text_side *s = arg;
        struct err e = {0};
        arena_reset(&s->arena);
        buf_reset(&s->out);
        if (gotmpl_render_input(s->template, s->data, NULL, &s->arena, &s->out, &e) < 0)
                die("template", &e);
}

static void print_it(void *arg)
{
        struct text_side *s = arg;
        reference_print(s->printed, sizeof(s->printed));
}

static bool row_tmpl(void)
{
        struct text_side s = {.out = BUF_INIT(1 << 20), .data = str_of(reference_template_data())};
        struct err e = {0};
        arena_init(&s.arena, 1 << 20);
        if (gotmpl_new(&s.template, str_of(reference_template()), NULL, &e) < 0)
                die("template", &e);
        struct pair p = measure(ours_template, print_it, &s);
        check(streq(buf_str(&s.out), s.printed), "both sides must print the same");
        printf("   %zu bytes of output: ours %.2f us, snprintf %.2f us\n", s.out.len,
               p.ours_ns / 1e3, p.reference_ns / 1e3);
        bool good = bench_report("TMPL", p.ours_ns / 1e3, BENCH_AT_MOST, 5, "us");
        good &= bench_report("TMPL.mallocs", p.mallocs, BENCH_AT_MOST, 0, "");
        gotmpl_free(s.template);
        arena_deinit(&s.arena);
        buf_deinit(&s.out);
        return good;
}

int main(int argc, char **argv)
{
        static const struct bench_row rows[] = {
                {"F1", row_f1}, {"F2", row_f2}, {"GJSON", row_gjson}, {"TMPL", row_tmpl}};
        return bench_main(rows, ARRAY_LEN(rows), argc, argv);
}
