/* tests/fuzz/fuzz_goregex.c: a pattern on the first line, any bytes as text: compiled or refused,
 * spans inside the text, every match bounded. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *nl = size ? memchr(data, '\n', size) : NULL;
        struct goregex *re;
        if (!nl)
                return 0;
        struct str pattern = {(const char *)data, (size_t)(nl - (const char *)data)};
        struct str text = {nl + 1, size - pattern.n - 1};
        size_t at = 0;
        if (goregex_new(&re, pattern, &at, NULL) < 0) {
                FUZZ_CHECK(at <= pattern.n);
                return 0;
        }
        struct arena a;
        struct goregex_iter it = {0};
        struct goregex_span spans[4];
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        arena_init(&a, 24 << 20);
        for (bool found = true; found;) {
                if (goregex_next(re, text, &it, &a, &found, spans, 4, NULL) < 0 || !found)
                        break;
                FUZZ_CHECK(spans[0].from <= spans[0].to && spans[0].to <= text.n);
        }
        (void)!goregex_replace(re, text, STR("$1x${2}"), false, &a, &out, NULL);
        arena_deinit(&a);
        goregex_free(re);
        return 0;
}
