/* tests/unit/eventsource/test_kafka_marks.c SPDX-License-Identifier: Apache-2.0 */
#include "common/base/attr.h"
#include "eventsource/kafka_marks.h"
#include "tests/unit/unit.h"

struct stored {
        int32_t partition;
        int64_t next;
        int calls;
};

static void on_store(void *arg, int32_t partition, int64_t next)
{
        struct stored *s = arg;
        *s = (struct stored){partition, next, s->calls + 1};
}

static void offset_waits_for_the_slowest_record(void **state UNUSED)
{
        struct stored s = {0};
        struct kafka_marks *m = kafka_marks_new(on_store, &s);
        struct kafka_mark *a = kafka_mark_begin(m, 0, 10), *b = kafka_mark_begin(m, 0, 11),
                          *c = kafka_mark_begin(m, 0, 13);
        kafka_mark_done(m, b);
        kafka_mark_done(m, c);
        assert_int_equal(s.calls, 0);
        kafka_mark_done(m, a);
        assert_int_equal(s.calls, 1);
        assert_int_equal(s.next, 14);
        kafka_marks_free(m);
}

static void partitions_do_not_wait_for_each_other(void **state UNUSED)
{
        struct stored s = {0};
        struct kafka_marks *m = kafka_marks_new(on_store, &s);
        kafka_mark_begin(m, 0, 1);
        kafka_mark_done(m, kafka_mark_begin(m, 7, 5));
        assert_int_equal(s.partition, 7);
        assert_int_equal(s.next, 6);
        kafka_marks_free(m);
}

static void revoked_partition_stores_nothing_more(void **state UNUSED)
{
        struct stored s = {0};
        struct kafka_marks *m = kafka_marks_new(on_store, &s);
        struct kafka_mark *late = kafka_mark_begin(m, 0, 1), *done = kafka_mark_begin(m, 0, 2);
        kafka_mark_done(m, done);
        kafka_marks_drop_partition(m, 0);
        kafka_mark_done(m, late);
        assert_int_equal(s.calls, 0);
        kafka_marks_begin_partition(m, 0);
        kafka_mark_done(m, kafka_mark_begin(m, 0, 1));
        assert_int_equal(s.next, 2);
        kafka_marks_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(offset_waits_for_the_slowest_record),
                                           cmocka_unit_test(partitions_do_not_wait_for_each_other),
                                           cmocka_unit_test(revoked_partition_stores_nothing_more)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
