/* tests/fuzz/fuzz_expr.c: any bytes as an expression of both dialects: refused with a place in the
 * text, or evaluated twice with the same answer. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { MEMORY = 4 << 20 };
static const char event[] =
        "{\"s\":\"Hello\",\"n\":5,\"f\":2.5,\"t\":true,\"nul\":null,\"list\":[3,1,2],"
        "\"users\":[{\"name\":\"Ann\",\"age\":30},{\"name\":\"Bob\",\"age\":25}],"
        "\"o\":{\"a\":{\"b\":[1,{\"c\":\"deep\"}]}},\"my-key\":\"x\",\"a.b\":1}";

static void on_name(void *arg, struct str name)
{
        size_t *bytes = arg;
        for (size_t i = 0; i < name.n; i++) /* readable to its end */
                *bytes += (unsigned char)name.p[i];
}

static int run(const struct expr *x, enum expr_dialect d, struct arena *a, struct abuf *json)
{
        struct fake_clock clock;
        struct val out;
        fake_clock_init(&clock, (struct wall){1767323045678901234});
        struct val env =
                expr_expand(a,
                            val_from_json(a, str_of(event),
                                          d == EXPR_EVENTS ? VAL_FLOATS : VAL_INTS_AND_FLOATS),
                            d == EXPR_EVENTS);
        int r = expr_eval(x, env, &clock.clock, a, &out, NULL);
        *json = abuf_in(a);
        if (r == 0)
                (void)expr_json(json, out);
        return r;
}

static void one(struct str text, enum expr_dialect d)
{
        struct expr *x;
        size_t at = 0, bytes = 0;
        if (expr_new(&x, text, d, &at, NULL) < 0) {
                FUZZ_CHECK(at <= text.n);
                return;
        }
        struct arena a, b;
        struct abuf first, again;
        arena_init(&a, MEMORY);
        arena_init(&b, MEMORY);
        expr_each_name(x, on_name, &bytes);
        int r = run(x, d, &a, &first);
        FUZZ_CHECK(run(x, d, &b, &again) == r);
        FUZZ_CHECK(first.n == again.n && (!first.n || memcmp(first.p, again.p, first.n) == 0));
        arena_deinit(&a);
        arena_deinit(&b);
        expr_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size ? size : 1); /* exact, so that reads past the end are seen */
        memcpy(text, data, size);
        one((struct str){text, size}, EXPR_WORKFLOWS);
        one((struct str){text, size}, EXPR_EVENTS);
        free(text);
        return 0;
}
