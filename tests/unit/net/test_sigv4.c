/* tests/unit/net/test_sigv4.c: signatures against the examples that AWS publishes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/sigv4.h"
#include "tests/unit/unit.h"

static struct wall day(void)
{
        struct wall at;
        assert_true(time_parse_rfc3339("2013-05-24T00:00:00Z", &at.ns));
        return at;
}

static void check(const struct sigv4_request *r, const char *want)
{
        AUTO(secret_free)
        struct secret *key = secret_new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 40);
        struct sigv4_signature s;
        sigv4_sign(&s, &(struct sigv4_keys){"us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", key, NULL},
                   r, day());
        const char *got = strstr(buf_str(&s.authorization), "Signature=");
        assert_non_null(got);
        assert_string_equal(got + 10, want);
        assert_string_equal(s.date, "20130524T000000Z");
        sigv4_signature_deinit(&s);
}

static void a_get_with_a_range_is_signed_as_in_the_documentation(void **state UNUSED)
{
        const struct http_header extra[] = {{"Range", "bytes=0-9"}, {0}};
        check(&(struct sigv4_request){"GET", "examplebucket.s3.amazonaws.com", "/test.txt", "",
                                      SIGV4_EMPTY_SHA256, extra},
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void a_put_with_further_headers_is_signed_as_in_the_documentation(void **state UNUSED)
{
        const struct http_header extra[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                            {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                            {0}};
        check(
                &(struct sigv4_request){
                        "PUT", "examplebucket.s3.amazonaws.com", "/test%24file.text", "",
                        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", extra},
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void a_query_is_signed_sorted_whatever_the_order_it_was_built_in(void **state UNUSED)
{
        struct sigv4_query q = {0};
        sigv4_query_add(&q, "prefix", "J");
        sigv4_query_add(&q, "max-keys", "2");
        AUTO(mem_free) char *text = sigv4_query_text(&q);
        assert_string_equal(text, "max-keys=2&prefix=J");
        check(&(struct sigv4_request){"GET", "examplebucket.s3.amazonaws.com", "/", text,
                                      SIGV4_EMPTY_SHA256, NULL},
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        sigv4_query_deinit(&q);
}

static void names_sort_before_longer_ones_and_values_are_encoded(void **state UNUSED)
{
        struct sigv4_query q = {0};
        sigv4_query_add(&q, "part-number", "2");
        sigv4_query_add(&q, "part", "b/c d");
        sigv4_query_add(&q, "uploads", "");
        sigv4_query_add(&q, "part", "a+~");
        AUTO(mem_free) char *text = sigv4_query_text(&q);
        assert_string_equal(text, "part=a%2B~&part=b%2Fc%20d&part-number=2&uploads=");
        sigv4_query_deinit(&q);
}

static void a_session_token_is_signed_and_sent(void **state UNUSED)
{
        AUTO(secret_free) struct secret *key = secret_new("secret", 6);
        struct sigv4_signature s;
        sigv4_sign(&s, &(struct sigv4_keys){"eu-west-1", "s3", "AK", key, "the-token"},
                   &(struct sigv4_request){"GET", "h", "/", "", SIGV4_EMPTY_SHA256, NULL}, day());
        assert_string_equal(s.headers[3].name, "x-amz-security-token");
        assert_string_equal(s.headers[3].value, "the-token");
        assert_non_null(strstr(buf_str(&s.authorization),
                               "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                               "x-amz-security-token,"));
        sigv4_signature_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_get_with_a_range_is_signed_as_in_the_documentation),
                cmocka_unit_test(a_put_with_further_headers_is_signed_as_in_the_documentation),
                cmocka_unit_test(a_query_is_signed_sorted_whatever_the_order_it_was_built_in),
                cmocka_unit_test(names_sort_before_longer_ones_and_values_are_encoded),
                cmocka_unit_test(a_session_token_is_signed_and_sent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
