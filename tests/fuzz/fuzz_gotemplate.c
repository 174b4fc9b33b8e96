/* tests/fuzz/fuzz_gotemplate.c: a template, a NUL, a JSON document: compiled or refused with a
 * place, rendered or refused, output bounded. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/lang/gotemplate.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *nul = size ? memchr(data, 0, size) : NULL;
        struct str text = {(const char *)data, nul ? (size_t)(nul - (const char *)data) : size};
        struct str json = nul ? (struct str){nul + 1, size - text.n - 1} : STR("{\"a\":[1,\"x\"]}");
        struct gotmpl *t;
        size_t at = 0;
        if (gotmpl_new(&t, text, &at, NULL) < 0) {
                FUZZ_CHECK(at <= text.n);
                return 0;
        }
        struct arena a;
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        arena_init(&a, 4 << 20);
        buf_adds(&out, "kept");
        if (gotmpl_render_input(t, json, NULL, &a, &out, NULL) < 0)
                FUZZ_CHECK(strcmp(buf_str(&out), "kept") == 0);
        arena_deinit(&a);
        gotmpl_free(t);
        return 0;
}
