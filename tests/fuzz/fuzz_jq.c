/* tests/fuzz/fuzz_jq.c: a program, and behind a 0 byte its input (else a fixed one); what comes out
 * is JSON. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "common/lang/jq.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static bool check(void *arg, struct str text, bool finite)
{
        (void)finite;
        FUZZ_CHECK(json_scan(text.p, text.n, NULL) == 0);
        return ++*(int *)arg < 100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct jq *q = NULL;
        struct str text = {(const char *)data, size},
                   input = STR("{\"a\":5,\"b\":\"text\",\"c\":[1,{\"d\":2.5}],\"e\":null}");
        const char *cut = size ? memchr(text.p, 0, size) : NULL;
        size_t at = 0;
        int n = 0;
        if (cut) {
                text.n = (size_t)(cut - text.p);
                input = (struct str){cut + 1, size - text.n - 1};
        }
        if (jq_new(&q, text, &at, NULL) < 0) {
                FUZZ_CHECK(at <= text.n);
                return 0;
        }
        (void)!jq_run(q, input, clock_system(), check, &n, NULL);
        jq_free(q);
        return 0;
}
