/* tests/fuzz/fuzz_lua.c: any bytes as a script, within its budget. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/lua.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct luascript *s = NULL;
        size_t at = 0;
        if (luascript_new(&s, (struct str){(const char *)data, size}, &at, NULL) < 0) {
                FUZZ_CHECK(at <= size);
                return 0;
        }
        struct arena a;
        struct val v;
        arena_init(&a, 1 << 20);
        struct luascript_host host = {
                .event = val_from_json(&a, STR("{\"a\":5,\"b\":\"text\",\"c\":[1,{\"d\":2.5}]}"),
                                       VAL_FLOATS)};
        (void)!luascript_run(s, &host, &a, &v, NULL);
        arena_deinit(&a);
        luascript_free(s);
        return 0;
}
