/* tests/fuzz/fuzz_watch_stream.c: a watch's bytes give the same events however they are cut, and
 * never more than whole lines. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/kube/kube_status.h"
#include "common/kube/kube_stream.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { LINE_MAX_BYTES = 512 };

/* An error event's status is read too: it is a peer's word like any other. */
static void put_event(struct buf *out, const struct kube_event *ev)
{
        static const struct kube_target target = {
                .group = "g", .version = "v1", .plural = "things"};
        buf_addf(out, "%d", (int)ev->type);
        json_put(out, ev->object, JSON_STYLE_SORTED);
        if (ev->type != KUBE_ERROR)
                return;
        struct err e = {0};
        FUZZ_CHECK(kube_event_err(&(struct kube_question){KUBE_WATCH, &target, NULL}, ev->object,
                                  &e) == -1);
        FUZZ_CHECK(e.code != ERR_NONE && e.msg);
        err_clear(&e);
}

static void run(struct buf *out, const uint8_t *data, size_t size, size_t piece)
{
        struct kube_stream s;
        kube_stream_init(&s, LINE_MAX_BYTES);
        for (size_t at = 0; at < size; at += piece) {
                struct kube_event ev = {0};
                struct err e = {0};
                int r;
                FUZZ_CHECK(kube_stream_add(&s, data + at, piece < size - at ? piece : size - at));
                while ((r = kube_stream_next(&s, &ev, &e)) == 1) {
                        put_event(out, &ev);
                        kube_event_deinit(&ev);
                }
                if (r < 0) {
                        buf_addf(out, "!%d", (int)e.code);
                        err_clear(&e);
                        break;
                }
        }
        kube_stream_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_BUF struct buf whole = BUF_INIT(BUF_UNBOUNDED);
        AUTO_BUF struct buf cut = BUF_INIT(BUF_UNBOUNDED);
        if (size == 0 || size > (1 << 20))
                return 0;
        run(&whole, data, size, size);
        run(&cut, data, size, 1 + data[0] % 61);
        FUZZ_CHECK(whole.len == cut.len &&
                   (!whole.len || memcmp(whole.data, cut.data, whole.len) == 0));
        return 0;
}
