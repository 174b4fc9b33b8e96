/* tests/unit/lang/test_gotemplate.c: what the recorded cases do not say of Go templates with sprig.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/lang/gotemplate.h"
#include "tests/unit/unit.h"

static void templates_print_what_go_prints(void **state UNUSED)
{
        static const struct {
                const char *text, *printed;
        } rows[] = {
                {"{{ toJson (list) }}", "[]"}, /* an empty list is not a nil one */
                {"{{ toJson (dict \"a\" (tuple)) }}", "{\"a\":[]}"},
                {"{{ printf \"%#v\" (list) }}", "[]interface {}{}"},
                {"{{ .Input.n | int | add 1 }}", "6"},
                {"{{ with .Input.nothing }}x{{ else }}none{{ end }}", "none"},
                {"{{ .Input.nothing }}", "<no value>"},
        };
        struct arena a;
        arena_init(&a, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(gotmpl_free) struct gotmpl *t = NULL;
                AUTO_BUF struct buf out = BUF_INIT(4096);
                struct err e = {0};
                arena_reset(&a);
                if (gotmpl_new(&t, str_of(rows[i].text), NULL, &e) < 0 ||
                    gotmpl_render_input(t, str_of("{\"n\":5}"), NULL, &a, &out, &e) < 0)
                        fail_msg("%s: %s", rows[i].text, err_msg(&e));
                assert_string_equal(buf_str(&out), rows[i].printed);
        }
        arena_deinit(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(templates_print_what_go_prints)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
