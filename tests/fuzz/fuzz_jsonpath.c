/* tests/fuzz/fuzz_jsonpath.c: any bytes as a path over a fixed document. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/jsonpath.h"
#include "tests/fuzz/fuzz.h"

static const char *const DATA = "{\"a\":[1,2.5,\"x\",null,true,{\"b\":[[1],[2,3]]}],\"b\":{\"c\":"
                                "{\"a\":\"text\"}},\"l\":[{\"n\":1,\"s\":\"one\"},{\"n\":2}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct jsonpath *p = NULL;
        struct str text = {(const char *)data, size};
        size_t at = 0;
        if (jsonpath_new(&p, text, &at, NULL) == 0) {
                struct buf out = BUF_INIT(1 << 16);
                struct arena a;
                arena_init(&a, 1 << 20);
                struct val doc = val_from_json(&a, str_of(DATA), VAL_FLOATS);
                (void)!jsonpath_put(p, doc, (enum jsonpath_missing)(size % 2), &a, &out, NULL);
                arena_deinit(&a);
                buf_deinit(&out);
        } else {
                FUZZ_CHECK(at <= size);
        }
        jsonpath_free(p);
        return 0;
}
