/* tests/unit/workflow_runner/test_wire.c: records and frames. SPDX-License-Identifier: Apache-2.0
 */
#include "workflow/executor/wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void reads_back_what_was_written(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        wire_put_str(&b, S_UID, "u1");
        wire_put_u64(&b, S_CAPTURE, 1);
        size_t group = wire_begin(&b, S_INPUT);
        wire_put_str(&b, IN_NAME, "in");
        wire_put(&b, IN_DATA, "a\0b", 3);
        wire_end(&b, group);
        wire_put_str(&b, S_NODE, "");
        struct wire w = wire_read(b.data, b.len);
        assert_true(wire_next(&w));
        assert_int_equal(w.tag, S_UID);
        assert_string_equal(w.data, "u1");
        assert_true(wire_next(&w));
        assert_int_equal(wire_u64(&w), 1);
        assert_true(wire_next(&w));
        struct wire in = wire_group(&w);
        assert_string_equal(wire_find_str(in, IN_NAME), "in");
        assert_true(wire_find(&in, IN_DATA));
        assert_int_equal(in.n, 3);
        assert_memory_equal(in.data, "a\0b", 4);
        assert_true(wire_next(&w));
        assert_string_equal(w.data, "");
        assert_false(wire_next(&w));
        assert_false(wire_bad(&w));
        assert_int_equal(wire_find_u64(wire_read(b.data, b.len), S_DEADLINE_MS, 7), 7);
}

static void every_cut_of_a_message_is_noticed(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        wire_put_str(&b, S_UID, "some text");
        wire_put_u64(&b, S_CAPTURE, 1);
        size_t looks_whole = 0;
        for (size_t n = 1; n < b.len; n++) {
                struct wire w = wire_read(b.data, n);
                while (wire_next(&w))
                        ;
                looks_whole += !wire_bad(&w);
        }
        assert_int_equal(looks_whole, 1); /* the cut between the two records */
}

static void a_torn_frame_is_not_there(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(4096), body = BUF_INIT(4096);
        wire_put_str(&body, R_MESSAGE, "fine");
        frame_put(&b, 7, FRAME_RUNNING, "", 0);
        frame_put(&b, 7, FRAME_FINAL, body.data, body.len);
        enum frame_kind kind;
        struct wire content;
        size_t at = 0;
        assert_true(frame_next(b.data, b.len, &at, 7, &kind, &content));
        assert_int_equal(kind, FRAME_RUNNING);
        size_t second = at;
        assert_false(frame_next(b.data, b.len, &at, 8, &kind, &content)); /* of another pod */
        assert_true(frame_next(b.data, b.len, &at, 7, &kind, &content));
        assert_string_equal(wire_find_str(content, R_MESSAGE), "fine");
        for (size_t n = second; n < b.len; n++) {
                at = second;
                assert_false(frame_next(b.data, n, &at, 7, &kind, &content));
        }
        b.data[b.len - 3] ^= 1;
        at = second;
        assert_false(frame_next(b.data, b.len, &at, 7, &kind, &content));
}

static void owners_differ(void **state UNUSED)
{
        assert_true(frame_owner("a", "bc") != frame_owner("ab", "c"));
        assert_true(frame_owner("a", "b") == frame_owner("a", "b"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_back_what_was_written),
                cmocka_unit_test(every_cut_of_a_message_is_noticed),
                cmocka_unit_test(a_torn_frame_is_not_there),
                cmocka_unit_test(owners_differ),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
