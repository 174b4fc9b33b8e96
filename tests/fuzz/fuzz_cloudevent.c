/* tests/fuzz/fuzz_cloudevent.c: what is read is complete, lies where it may, and survives being
 * written and read again. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/net/cloudevent.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void write_and_read(const struct cloudevent *ce)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        struct arena scratch;
        struct cloudevent again;
        arena_init(&scratch, 0);
        cloudevent_put(&b, ce);
        FUZZ_CHECK(json_scan(b.data, b.len, NULL) == 0);
        FUZZ_CHECK(cloudevent_parse(&again, b.data, b.len, &scratch, NULL) == 0);
        FUZZ_CHECK(streq(again.id, ce->id) && streq(again.source, ce->source) &&
                   streq(again.type, ce->type));
        FUZZ_CHECK(streq(again.subject, ce->subject) && again.n_ext == ce->n_ext &&
                   again.time.ns == ce->time.ns);
        FUZZ_CHECK(again.data.n == ce->data.n &&
                   (!again.data.n || memcmp(again.data.p, ce->data.p, ce->data.n) == 0));
        arena_deinit(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct cloudevent ce;
        struct arena scratch;
        struct err e = {0};
        arena_init(&scratch, 0);
        int r = cloudevent_parse(&ce, (const char *)data, size, &scratch, &e);
        FUZZ_CHECK((r < 0) == err_is_set(&e));
        err_clear(&e);
        if (r == 0) {
                FUZZ_CHECK(*ce.id && *ce.source && *ce.type && ce.n_ext <= ARRAY_LEN(ce.ext));
                /* data_base64 may hold anything; inline data is JSON */
                if (!ce.data.p || json_scan(ce.data.p, ce.data.n, NULL) == 0)
                        write_and_read(&ce);
        }
        arena_deinit(&scratch);
        return 0;
}
