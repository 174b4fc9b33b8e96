/* tests/fuzz/fuzz_govaluate.c: any bytes as an expression and as a `when`: compiled or refused with
 * a place; every variable is a text, then a list. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/govaluate.h"
#include "common/lang/when.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void evaluate(const struct govaluate *g, const char *json)
{
        struct arena a;
        struct val vars[16], v;
        arena_init(&a, 4 << 20);
        struct val value = val_from_json(&a, str_of(json), VAL_FLOATS);
        size_t n = govaluate_nvars(g);
        for (size_t i = 0; i < 16; i++)
                vars[i] = value;
        if (n <= 16)
                (void)!govaluate_eval(g, vars, &a, &v, NULL);
        arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct govaluate *g;
        size_t at = 0;
        bool yes;
        char *text = malloc(size + 1);
        memcpy(text, data, size);
        text[size] = 0;
        (void)!when_eval(&yes, text, WHEN_WORDS_ARE_STRINGS, NULL);
        (void)!when_check(text, NULL);
        if (govaluate_new(&g, (struct str){text, size}, &at, NULL) == 0) {
                evaluate(g, "\"2024-01-02\"");
                evaluate(g, "[1, \"a\", null]");
                evaluate(g, "3.5");
                govaluate_free(g);
        } else {
                FUZZ_CHECK(at <= size);
        }
        free(text);
        return 0;
}
