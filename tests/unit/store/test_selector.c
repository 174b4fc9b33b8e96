/* tests/unit/store/test_selector.c SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/store/selector.h"
#include "tests/unit/unit.h"

static json_t *object(void)
{
        return json_pack("{s:{s:s,s:{s:s,s:s}},s:{s:s}}", "metadata", "name", "x", "labels", "app",
                         "web", "tier", "front", "status", "phase", "Running");
}

static void labels_match_as_in_kubernetes(void **state UNUSED)
{
        static const struct {
                const char *text;
                bool matches;
        } rows[] = {{"", true},
                    {"app=web", true},
                    {"app==web", true},
                    {"app=api", false},
                    {"app!=api", true},
                    {"missing!=x", true},
                    {"app in (api, web)", true},
                    {"app notin (api)", true},
                    {"missing", false},
                    {"!missing", true},
                    {"app,tier=front", true},
                    {"app=web,tier=back", false},
                    {"app in (api)", false},
                    {"missing in (x)", false},
                    {"missing notin (x)", true}};
        AUTO_JSON json_t *o = object();
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(selector_free) struct selector *s = NULL;
                ERR_SLOT(e);
                if (selector_labels(&s, rows[i].text, &e) < 0)
                        fail_msg("%s", err_msg(&e));
                if (selector_matches(s, o) != rows[i].matches)
                        fail_msg("%s", rows[i].text);
        }
}

static void fields_are_paths(void **state UNUSED)
{
        AUTO_JSON json_t *o = object();
        AUTO(selector_free) struct selector *s = NULL;
        ERR_SLOT(e);
        assert_int_equal(selector_fields(&s, "metadata.name=x,status.phase!=Failed", &e), 0);
        assert_true(selector_matches(s, o));
        assert_string_equal(selector_equals(s, "metadata.name"), "x");
        assert_null(selector_equals(s, "status.phase"));
}

static void mistakes_have_an_offset(void **state UNUSED)
{
        static const char *const texts[] = {"=x", "a=b,,c", "a in b", "a in (b", "a ~ b", "a=b c"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct selector *s = NULL;
                ERR_SLOT(e);
                if (selector_labels(&s, texts[i], &e) == 0)
                        fail_msg("accepted: %s", texts[i]);
                assert_non_null(strstr(err_msg(&e), "offset"));
                err_clear(&e);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(labels_match_as_in_kubernetes),
                                           cmocka_unit_test(fields_are_paths),
                                           cmocka_unit_test(mistakes_have_an_offset)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
