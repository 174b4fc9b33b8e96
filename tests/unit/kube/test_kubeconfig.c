/* tests/unit/kube/test_kubeconfig.c: which cluster, as whom. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kubeconfig.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/tiphys-kubeconfig-XXXXXX";

/* ---- helpers ---- */

static char *write_file(const char *name, const char *text)
{
        char *path = fs_join(dir, name);
        struct err e = {0};
        assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, &e), 0);
        return path;
}

static void forget_environment(void)
{
        unsetenv("KUBECONFIG");
        unsetenv("KUBERNETES_SERVICE_HOST");
        unsetenv("KUBERNETES_SERVICE_PORT");
        unsetenv("TIPHYS_INCLUSTER_ROOT");
        setenv("HOME", dir, 1);
}

static struct kube_config *load_context(const char *text, const char *context)
{
        AUTO(mem_free) char *path = write_file("config.yaml", text);
        struct kube_config *c = NULL;
        struct err e = {0};
        if (kube_config_load(&c, &(struct kube_config_opts){path, context}, &e) < 0)
                fail_msg("%s", err_msg(&e));
        return c;
}

static void expect_refused(const char *text, enum err_code code, const char *words)
{
        AUTO(mem_free) char *path = write_file("config.yaml", text);
        struct kube_config *c = NULL;
        struct err e = {0};
        assert_int_equal(kube_config_load(&c, &(struct kube_config_opts){.path = path}, &e), -1);
        assert_null(c);
        if (e.code != code || !strstr(e.msg, words))
                fail_msg("%s: %s\nwanted %s: %s", err_code_name(e.code), e.msg, err_code_name(code),
                         words);
        err_clear(&e);
}

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://a:6443'}}]\n"
#define CONTEXT "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
#define USER(fields) "users: [{name: u, user: {" fields "}}]\n"

/* ---- tests ---- */

static void takes_server_token_and_namespace_of_the_current_context(void **state UNUSED)
{
        AUTO(kube_config_free)
        struct kube_config *c = load_context(
                "apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: dev\n"
                "clusters:\n- name: one\n  cluster: {server: 'https://one:6443/k8s/', "
                "certificate-authority: pki/ca.crt,"
                " tls-server-name: api.one}\n- name: two\n  cluster: {server: 'https://two:6443'}\n"
                "users:\n- name: ann\n  user: {token: secret-1}\n"
                "contexts:\n- name: other\n  context: {cluster: two, user: ann}\n"
                "- name: dev\n  context: {cluster: one, user: ann, namespace: team-a}\n",
                NULL);
        AUTO(mem_free) char *ca = fs_join(dir, "pki/ca.crt");
        assert_string_equal(c->server, "https://one:6443/k8s");
        assert_string_equal(c->ca_file, ca);
        assert_string_equal(c->tls_server_name, "api.one");
        assert_string_equal(c->ns, "team-a");
        assert_true(secret_matches(c->token, "secret-1", 8));
        assert_non_null(strstr(c->origin, "context \"dev\" of "));
}

static void takes_the_context_that_is_asked_for(void **state UNUSED)
{
        AUTO(kube_config_free)
        struct kube_config *c =
                load_context(CLUSTER "contexts: [{name: x, context: {cluster: "
                                     "gone}}, {name: second, context: {cluster: c}}]\n"
                                     "current-context: x\nusers: null\n",
                             "second");
        assert_string_equal(c->server, "https://a:6443");
        assert_string_equal(c->ns, "default");
        assert_null(c->token);
}

static void decodes_inline_certificates_and_prefers_them_to_files(void **state UNUSED)
{
        AUTO(kube_config_free)
        struct kube_config *c = load_context(
                "clusters: [{name: c, cluster: {server: 'https://a', certificate-authority: x.crt, "
                "certificate-authority-data: Q0EgUEVN}}]\n" CONTEXT USER(
                        "client-certificate: c.crt, client-certificate-data: Q0VSVA==, "
                        "client-key-data: S0VZ"),
                NULL);
        assert_string_equal(c->ca_pem, "CA PEM");
        assert_null(c->ca_file);
        assert_string_equal(c->cert_pem, "CERT");
        assert_null(c->cert_file);
        assert_true(secret_matches(c->key_pem, "KEY", 3));
}

static void what_another_context_needs_is_no_problem(void **state UNUSED)
{
        AUTO(kube_config_free)
        struct kube_config *c =
                load_context(CLUSTER CONTEXT "users:\n- {name: u, user: {token: t}}\n- {name: v, "
                                             "user: {exec: {command: aws}}}\n",
                             NULL);
        assert_true(secret_matches(c->token, "t", 1));
}

static void refuses_what_it_does_not_understand_and_names_the_place(void **state UNUSED)
{
        static const struct {
                const char *text;
                enum err_code code;
                const char *words;
        } cases[] = {
                {CLUSTER CONTEXT "users:\n- name: u\n  user:\n    exec: {command: aws}\n",
                 ERR_INVALID, "config.yaml:7:"},
                {CLUSTER CONTEXT USER("exec: {command: aws}"), ERR_INVALID,
                 "not supported yet: field exec"},
                {CLUSTER CONTEXT USER("auth-provider: {name: gcp}"), ERR_INVALID,
                 "not supported yet"},
                {CLUSTER CONTEXT USER("as: bob"), ERR_INVALID, "not supported yet"},
                {CLUSTER CONTEXT USER("client-certificate: a.crt"), ERR_INVALID,
                 "its key go together"},
                {CLUSTER CONTEXT USER("client-key-data: '***'"), ERR_INVALID,
                 "client-key-data is not base64"},
                {CLUSTER CONTEXT USER("token: 12"), ERR_INVALID,
                 "expected a string, found a number"},
                {"clusters: [{name: c, cluster: {server: 'https://a', proxy-url: "
                 "'http://p'}}]\n" CONTEXT USER("token: t"),
                 ERR_INVALID, "not supported yet: field proxy-url"},
                {"clusters: [{name: c, cluster: {}}]\n" CONTEXT USER("token: t"), ERR_INVALID,
                 "clusters[0].cluster.server"},
                {"clusters: [{name: c, cluster: {server: 'a:6443'}}]\n" CONTEXT USER("token: t"),
                 ERR_INVALID, "not of the form https://host:port"},
                {"clusters: [{name: c, cluster: {server: 'https://a:1@b'}}]\n" CONTEXT USER(
                         "token: t"),
                 ERR_INVALID, "not of the form https://host:port"},
                {"clusters: [{name: c, cluster: {server: 'https://a', insecure-skip-tls-verify: "
                 "true, certificate-authority: x}}]\n" CONTEXT USER("token: t"),
                 ERR_INVALID, "one of them is wrong"},
                {CONTEXT CLUSTER, ERR_NOT_FOUND, "there is no user \"u\"; there is none at all"},
                {CONTEXT USER("token: t"), ERR_NOT_FOUND, "there is no cluster \"c\""},
                {CLUSTER "contexts: [{name: x, context: {cluster: c}}, {name: z, context: "
                         "{cluster: c}}]\ncurrent-context: w\n",
                 ERR_NOT_FOUND, "there is no context \"w\"; there are: x, z"},
                {CLUSTER "contexts: [{name: x, context: {cluster: c}}]\n", ERR_INVALID,
                 "no current-context; pass --context NAME, one of: x"},
                {"clusters: {name: c}\n", ERR_INVALID, "expected a list"},
                {"clusters: [\n", ERR_INVALID, "config.yaml:"},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                expect_refused(cases[i].text, cases[i].code, cases[i].words);
}

static void sends_credentials_over_tls_or_to_loopback_only(void **state UNUSED)
{
        static const struct {
                const char *server;
                bool fine;
        } cases[] = {{"http://api:8080", false},       {"http://127.0.0.1.evil:80", false},
                     {"http://127.0.0.1:8001", true},  {"http://localhost:8001", true},
                     {"http://localhost.evil", false}, {"http://[::1]:8001", true},
                     {"https://api:8080", true}};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO(mem_free)
                char *text = mem_printf(
                        "clusters: [{name: c, cluster: {server: '%s'}}]\n" CONTEXT USER("token: t"),
                        cases[i].server);
                if (!cases[i].fine) {
                        expect_refused(text, ERR_INVALID, "has no TLS");
                        continue;
                }
                AUTO(kube_config_free) struct kube_config *c = load_context(text, NULL);
                assert_string_equal(c->server, cases[i].server);
        }
}

static void merges_files_and_the_first_wins(void **state UNUSED)
{
        AUTO(mem_free)
        char *a = write_file("a.yaml", "users: [{name: u, user: {tokenFile: token}}]\n");
        AUTO(mem_free)
        char *b =
                write_file("b.yaml", CLUSTER CONTEXT "users: [{name: u, user: {token: second}}]\n");
        AUTO(mem_free) char *list = mem_printf("%s:%s/absent:%s", a, dir, b);
        AUTO(mem_free) char *token = fs_join(dir, "token");
        setenv("KUBECONFIG", list, 1);
        AUTO(kube_config_free) struct kube_config *c = NULL;
        struct err e = {0};
        assert_int_equal(kube_config_load(&c, &(struct kube_config_opts){0}, &e), 0);
        assert_string_equal(c->token_file, token);
        assert_null(c->token);
        assert_string_equal(c->server, "https://a:6443");
        forget_environment();
}

static void reads_the_file_in_the_home_folder(void **state UNUSED)
{
        struct err e = {0};
        AUTO(mem_free) char *kube = fs_join(dir, ".kube");
        assert_int_equal(fs_mkdirs(kube, 0700, &e), 0);
        AUTO(mem_free) char *path = write_file(".kube/config", CLUSTER CONTEXT USER("token: home"));
        AUTO(kube_config_free) struct kube_config *c = NULL;
        assert_int_equal(kube_config_load(&c, &(struct kube_config_opts){0}, &e), 0);
        assert_true(secret_matches(c->token, "home", 4));
        assert_int_equal(unlink(path), 0);
}

static void says_where_it_looked(void **state UNUSED)
{
        struct kube_config *c = NULL;
        struct err e = {0};
        assert_int_equal(kube_config_load(&c, &(struct kube_config_opts){0}, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_non_null(strstr(e.msg, "/.kube/config is not there, and this is not a pod"));
        err_clear(&e);
        assert_int_equal(
                kube_config_load(&c, &(struct kube_config_opts){.path = "/absent/config"}, &e), -1);
        assert_non_null(strstr(e.msg, "/absent/config"));
        err_clear(&e);
}

static void finds_itself_in_a_pod(void **state UNUSED)
{
        AUTO(mem_free) char *token = write_file("token", "abc");
        mem_free(write_file("namespace", "team-b\n"));
        AUTO(mem_free) char *ca = fs_join(dir, "ca.crt");
        setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
        setenv("KUBERNETES_SERVICE_PORT", "443", 1);
        setenv("TIPHYS_INCLUSTER_ROOT", dir, 1);
        AUTO(kube_config_free) struct kube_config *c = NULL;
        struct err e = {0};
        assert_int_equal(kube_config_load(&c, &(struct kube_config_opts){0}, &e), 0);
        assert_string_equal(c->server, "https://10.96.0.1:443");
        assert_string_equal(c->ns, "team-b");
        assert_string_equal(c->token_file, token);
        assert_string_equal(c->ca_file, ca);
        AUTO(kube_config_free) struct kube_config *six = NULL;
        setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
        assert_int_equal(kube_config_in_cluster(&six, &e), 0);
        assert_string_equal(six->server, "https://[fd00::1]:443");
        forget_environment();
}

static int make_dir(void **state UNUSED)
{
        if (!mkdtemp(dir))
                return -1;
        forget_environment();
        return 0;
}

static int remove_dir(void **state UNUSED)
{
        struct err e = {0};
        return fs_remove_tree(dir, &e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_server_token_and_namespace_of_the_current_context),
                cmocka_unit_test(takes_the_context_that_is_asked_for),
                cmocka_unit_test(decodes_inline_certificates_and_prefers_them_to_files),
                cmocka_unit_test(what_another_context_needs_is_no_problem),
                cmocka_unit_test(refuses_what_it_does_not_understand_and_names_the_place),
                cmocka_unit_test(sends_credentials_over_tls_or_to_loopback_only),
                cmocka_unit_test(merges_files_and_the_first_wins),
                cmocka_unit_test(reads_the_file_in_the_home_folder),
                cmocka_unit_test(says_where_it_looked),
                cmocka_unit_test(finds_itself_in_a_pod),
        };
        return cmocka_run_group_tests_name("kubeconfig", tests, make_dir, remove_dir);
}
