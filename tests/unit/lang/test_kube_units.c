/* tests/unit/lang/test_kube_units.c: selectors, quantities, durations. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/labelsel.h"
#include "common/lang/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool get(const void *thing, struct str key, struct str *value)
{
        for (const char *const *p = thing; *p; p += 2) {
                if (str_eq(key, p[0])) {
                        *value = str_of(p[1]);
                        return true;
                }
        }
        return false;
}

static void label_selectors_match_and_print_in_order(void **state)
{
        (void)state;
        static const char *const labels[] = {"app", "web", "tier", "3", "none", "", NULL};
        static const struct {
                const char *text, *canonical;
                bool matches;
        } rows[] = {
                {"", "", true},
                {" app = web , tier>2", "app=web,tier>2", true},
                {"tier<3,app", "app,tier<3", false},
                {"app notin (db, web)", "app notin (db,web)", false},
                {"z notin (a),!y", "!y,z notin (a)", true},
                {"none in (,x)", "none in (,x)", true},
                {"none==", "none==", true},
                {"app in (web,web,a)", "app in (a,web)", true},
                {"app!=web", "app!=web", false},
                {"app > 1", "app>1", false},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(labelsel_free) struct labelsel *s = NULL;
                AUTO_BUF struct buf out = BUF_INIT(1000);
                assert_int_equal(labelsel_labels(&s, str_of(rows[i].text), NULL, NULL), 0);
                labelsel_put(s, &out);
                assert_string_equal(buf_str(&out), rows[i].canonical);
                assert_int_equal(labelsel_matches(s, get, labels), rows[i].matches);
        }
}

static void field_selectors_take_an_absent_field_for_empty(void **state)
{
        (void)state;
        static const char *const fields[] = {"metadata.name", "a,b", NULL};
        static const struct {
                const char *text;
                bool matches;
        } rows[] = {
                {"metadata.name=a\\,b", true},
                {"metadata.name!=a\\,b", false},
                {"z=", true},
                {"z!=,metadata.name==a\\,b", false},
                {"=", true},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(labelsel_free) struct labelsel *s = NULL;
                assert_int_equal(labelsel_fields(&s, str_of(rows[i].text), NULL, NULL), 0);
                assert_int_equal(labelsel_matches(s, get, fields), rows[i].matches);
        }
}

static void a_bad_selector_is_refused_with_its_place(void **state)
{
        (void)state;
        static const struct {
                bool field;
                const char *text;
                size_t at;
        } rows[] = {
                {false, "app in (a b)", 10}, {false, "app,", 4},  {false, "a=b=c", 3},
                {false, "x,-a=1", 2},        {false, "a=1;2", 2}, {false, "a/b/c", 0},
                {false, "A.com/x", 0},       {false, "t>x", 2},   {true, "a=b,c", 4},
                {true, "a=b=c", 3},          {true, "a=b\\q", 3}, {true, "a=\\", 2},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct labelsel *s = NULL;
                size_t at = 99;
                int rc = rows[i].field ? labelsel_fields(&s, str_of(rows[i].text), &at, NULL)
                                       : labelsel_labels(&s, str_of(rows[i].text), &at, NULL);
                assert_int_equal(rc, -1);
                assert_int_equal(at, rows[i].at);
        }
}

static void quantities_are_exact_and_canonical(void **state)
{
        (void)state;
        static const struct {
                const char *text, *canonical;
                int64_t value, milli;
        } rows[] = {
                {"1.5", "1500m", 2, 1500},
                {"1.5Gi", "1536Mi", 1610612736, 1610612736000},
                {"1000k", "1M", 1000000, 1000000000},
                {"0.5m", "500u", 1, 1},
                {"5e-1", "500e-3", 1, 500},
                {"-100m", "-100m", -1, -100},
                {"001", "001", 1, 1000},
                {"Ki", "0", 0, 0},
                {"0.0000000001", "1n", 1, 1},
                {"100Ei", "9223372036854775807", INT64_MAX, INT64_MAX},
                {"99999999999999999999", "99999999999999999999", INT64_MAX, INT64_MAX},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct quantity q;
                AUTO_BUF struct buf out = BUF_INIT(200);
                assert_int_equal(quantity_parse(&q, str_of(rows[i].text), NULL), 0);
                quantity_put(&q, &out);
                assert_string_equal(buf_str(&out), rows[i].canonical);
                assert_int_equal(quantity_value(&q), rows[i].value);
                assert_int_equal(quantity_milli(&q), rows[i].milli);
        }
        static const char *const bad[] = {"", "1K", "1 k", "--1", "0x10", "1e", "1kk", "Ei"};
        struct quantity q;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(quantity_parse(&q, str_of(bad[i]), NULL), -1);
}

static void quantities_compare_by_size(void **state)
{
        (void)state;
        static const struct {
                const char *a, *b;
                int order;
        } rows[] = {{"1", "1000m", 0}, {"1Ki", "1k", 1}, {"-2", "1", -1}, {"-2", "-1", -1},
                    {"-0", "0", 0},    {"0", "1n", -1},  {"9", "10", -1}, {"1.5Gi", "1536Mi", 0}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct quantity a, b;
                assert_int_equal(quantity_parse(&a, str_of(rows[i].a), NULL), 0);
                assert_int_equal(quantity_parse(&b, str_of(rows[i].b), NULL), 0);
                assert_int_equal(quantity_compare(&a, &b), rows[i].order);
                assert_int_equal(quantity_compare(&b, &a), -rows[i].order);
        }
        struct quantity q;
        assert_int_equal(quantity_parse(&q, STR("1.25Ki"), NULL), 0);
        assert_true(quantity_double(&q) == 1280.0);
}

static void argo_durations_may_be_bare_seconds(void **state)
{
        (void)state;
        int64_t ns;
        assert_true(godur_parse_argo(STR("10"), &ns) && ns == 10000000000);
        assert_true(godur_parse_argo(STR("-1m30s"), &ns) && ns == -90000000000);
        assert_false(godur_parse_argo(STR("1.5"), &ns));
        assert_false(godur_parse(STR("10"), &ns));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(label_selectors_match_and_print_in_order),
                cmocka_unit_test(field_selectors_take_an_absent_field_for_empty),
                cmocka_unit_test(a_bad_selector_is_refused_with_its_place),
                cmocka_unit_test(quantities_are_exact_and_canonical),
                cmocka_unit_test(quantities_compare_by_size),
                cmocka_unit_test(argo_durations_may_be_bare_seconds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
