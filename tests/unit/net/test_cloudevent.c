/* tests/unit/net/test_cloudevent.c: the envelope, byte for byte, and what readers accept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/net/cloudevent.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>

static void writes_argos_order_and_sorts_extensions(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        struct cloudevent ce = {.id = "5f0c6b1e8a9d4c1fb7d2a3e4c5b69788",
                                .source = "web",
                                .type = "webhook",
                                .subject = "example",
                                .time = {1767323045678901234},
                                .data = STR("{\"body\":{\"a\":1}}"),
                                .ext = {{"ceid", "\"<1>\""}, {"cea", "2"}},
                                .n_ext = 2};
        cloudevent_put(&b, &ce);
        assert_string_equal(buf_str(&b),
                            "{\"specversion\":\"1.0\",\"id\":\"5f0c6b1e8a9d4c1fb7d2a3e4c5b69788\","
                            "\"source\":\"web\",\"type\":\"webhook\","
                            "\"subject\":\"example\",\"datacontenttype\":\"application/json\","
                            "\"time\":\"2026-01-02T03:04:05.678901234Z\",\"data\":{\"body\":{\"a\":"
                            "1}},\"cea\":\"2\","
                            "\"ceid\":\"\\\"\\u003c1\\u003e\\\"\"}");
}

static void reads_what_it_wrote(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(4096);
        struct arena scratch;
        ERR_SLOT(e);
        struct cloudevent in = {.id = "a\"b",
                                .source = "s",
                                .type = "t",
                                .time = {5},
                                .data = STR("[1,2]"),
                                .ext = {{"x", "y"}},
                                .n_ext = 1},
                          out;
        arena_init(&scratch, 0);
        cloudevent_put(&b, &in);
        assert_int_equal(cloudevent_parse(&out, b.data, b.len, &scratch, &e), 0);
        assert_string_equal(out.id, "a\"b");
        assert_null(out.subject);
        assert_string_equal(out.datacontenttype, "application/json");
        assert_int_equal(out.time.ns, 5);
        assert_true(str_eq(out.data, "[1,2]"));
        assert_true(out.data.p > b.data && out.data.p < b.data + b.len); /* not copied */
        assert_int_equal(out.n_ext, 1);
        arena_deinit(&scratch);
}

static const struct {
        const char *text, *data, *error; /* data of a good one, else a word of the error */
} rows[] = {
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":"
         "\"eyJhIjoxfQ==\"}",
         "{\"a\":1}", NULL},
        {" { \"type\" : \"t\" , \"data\" : { \"a\" : [ ] } , "
         "\"id\":\"1\",\"source\":\"s\",\"specversion\":\"1.0\"}",
         "{ \"a\" : [ ] }", NULL},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":null,"
         "\"n\":5,\"b\":true}",
         NULL, NULL},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}", NULL,
         "id is missing"},
        {"{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", NULL, "specversion is missing"},
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", NULL,
         "0.3 is not 1.0"},
        {"{\"specversion\":\"1.0\",\"id\":{},\"source\":\"s\",\"type\":\"t\"}", NULL,
         "id must be a string"},
        {"{\"specversion\":\"1.0\",\"id\":\"\\u0000\",\"source\":\"s\",\"type\":\"t\"}", NULL,
         "NUL"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"time\":\"noon\"}",
         NULL, "RFC 3339"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"?"
         "\"}",
         NULL, "not base64"},
        {"[]", NULL, "expected a map"},
        {"{", NULL, "line 1"},
        {"{}", NULL, "specversion is missing"},
};

static void accepts_and_refuses_as_the_table_says(void **state UNUSED)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct cloudevent ce = {0};
                struct arena scratch;
                ERR_SLOT(e);
                arena_init(&scratch, 0);
                int r = cloudevent_parse(&ce, rows[i].text, strlen(rows[i].text), &scratch, &e);
                bool ok = rows[i].error ? r < 0 && strstr(err_msg(&e), rows[i].error)
                                        : r == 0 && (rows[i].data ? str_eq(ce.data, rows[i].data)
                                                                  : ce.data.p == NULL);
                if (!ok)
                        fail_msg("%s: %s", rows[i].text, err_msg(&e));
                err_clear(&e);
                arena_deinit(&scratch);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_argos_order_and_sorts_extensions),
                cmocka_unit_test(reads_what_it_wrote),
                cmocka_unit_test(accepts_and_refuses_as_the_table_says),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
