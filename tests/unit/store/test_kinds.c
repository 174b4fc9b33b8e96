/* tests/unit/store/test_kinds.c SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/store/store.h"
#include "tests/unit/unit.h"

static void plurals_are_inflected_as_upstream(void **state UNUSED)
{
        static const struct {
                const char *api, *kind, *group, *version, *plural;
        } rows[] = {{"argoproj.io/v1alpha1", "Workflow", "argoproj.io", "v1alpha1", "workflows"},
                    {"argoproj.io/v1alpha1", "EventBus", "argoproj.io", "v1alpha1", "eventbus"},
                    {"v1", "Endpoints", "", "v1", "endpointses"},
                    {"v1", "Pod", "", "v1", "pods"},
                    {"x.io/v1", "Index", "x.io", "v1", "indexes"},
                    {"networking.k8s.io/v1", "NetworkPolicy", "networking.k8s.io", "v1",
                     "networkpolicies"},
                    {"x.io/v1", "Gateway", "x.io", "v1", "gateways"},
                    {"networking.k8s.io/v1", "Ingress", "networking.k8s.io", "v1", "ingresses"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_JSON json_t *o =
                        json_pack("{s:s,s:s}", "apiVersion", rows[i].api, "kind", rows[i].kind);
                struct store_kind k;
                ERR_SLOT(e);
                assert_int_equal(store_kind_of(&k, o, &e), 0);
                assert_string_equal(k.group, rows[i].group);
                assert_string_equal(k.version, rows[i].version);
                assert_string_equal(k.plural, rows[i].plural);
                store_kind_deinit(&k);
        }
}

static void words_of_the_command_line_name_kinds(void **state UNUSED)
{
        assert_ptr_equal(store_kind_by_word("wf"), &STORE_WORKFLOW);
        assert_ptr_equal(store_kind_by_word("Workflows"), &STORE_WORKFLOW);
        assert_ptr_equal(store_kind_by_word("wftmpl"), &STORE_WORKFLOW_TEMPLATE);
        assert_ptr_equal(store_kind_by_word("clusterwftmpl"), &STORE_CLUSTER_WORKFLOW_TEMPLATE);
        assert_null(store_kind_by_word("w"));
        assert_null(store_kind_by_word(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(plurals_are_inflected_as_upstream),
                                           cmocka_unit_test(words_of_the_command_line_name_kinds)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
