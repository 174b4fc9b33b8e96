/* common/kube/kubeconfig_item.c: one context, cluster or user of a kubeconfig, by field tables.
 * Inline data wins over files, and a token file over a token, as in kubectl.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kubeconfig_priv.h"
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 1 << 20 };

/* ---- tables ---- */

static const struct field context_fields[] = {
        FIELD(struct kube_context, cluster, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "a name of clusters"),
        FIELD(struct kube_context, user, FIELD_STR, .help = "a name of users; none: anonymous"),
        FIELD(struct kube_context, ns, FIELD_STR, .name = "namespace",
              .help = "where commands work unless told otherwise"),
        {.name = "extensions", .kind = FIELD_NO_EFFECT, .help = "of other tools"},
        FIELD_END};

struct cluster {
        char *server, *ca_file, *ca_data, *tls_server_name;
        bool insecure;
};
static const struct field cluster_fields[] = {
        FIELD(struct cluster, server, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "https://host:port"),
        FIELD(struct cluster, ca_file, FIELD_STR, .name = "certificate-authority",
              .help = "file of the CA"),
        FIELD(struct cluster, ca_data, FIELD_STR, .name = "certificate-authority-data",
              .help = "the CA itself, base64"),
        FIELD(struct cluster, insecure, FIELD_BOOL, .name = "insecure-skip-tls-verify",
              .help = "trust anybody"),
        FIELD(struct cluster, tls_server_name, FIELD_STR, .name = "tls-server-name",
              .help = "the name the certificate must carry, instead of the host's"),
        {.name = "proxy-url", .kind = FIELD_LATER, .help = "a proxy on the way"},
        {.name = "disable-compression",
         .kind = FIELD_NO_EFFECT,
         .help = "answers are never compressed"},
        {.name = "extensions", .kind = FIELD_NO_EFFECT, .help = "of other tools"},
        FIELD_END};

struct user {
        char *token, *token_file, *cert_file, *cert_data, *key_file, *key_data;
};
static const struct field user_fields[] = {
        FIELD(struct user, token, FIELD_STR, .flags = FIELD_SECRET, .help = "bearer token"),
        FIELD(struct user, token_file, FIELD_STR, .name = "tokenFile",
              .help = "file of the bearer token, read again when it changes"),
        FIELD(struct user, cert_file, FIELD_STR, .name = "client-certificate",
              .help = "file of the client certificate"),
        FIELD(struct user, cert_data, FIELD_STR, .name = "client-certificate-data",
              .help = "the certificate itself, base64"),
        FIELD(struct user, key_file, FIELD_STR, .name = "client-key", .help = "file of its key"),
        FIELD(struct user, key_data, FIELD_STR, .name = "client-key-data", .flags = FIELD_SECRET,
              .help = "the key itself, base64"),
        {.name = "exec", .kind = FIELD_LATER, .help = "a program that prints credentials"},
        {.name = "auth-provider", .kind = FIELD_LATER, .help = "left out of Kubernetes 1.26"},
        {.name = "as", .kind = FIELD_LATER, .help = "impersonation"},
        {.name = "as-uid", .kind = FIELD_LATER, .help = "impersonation"},
        {.name = "as-groups", .kind = FIELD_LATER, .help = "impersonation"},
        {.name = "as-user-extra", .kind = FIELD_LATER, .help = "impersonation"},
        {.name = "username",
         .kind = FIELD_LATER,
         .help = "basic authentication, left out of Kubernetes 1.19"},
        {.name = "password",
         .kind = FIELD_LATER,
         .help = "basic authentication, left out of Kubernetes 1.19"},
        {.name = "extensions", .kind = FIELD_NO_EFFECT, .help = "of other tools"},
        FIELD_END};

/* ---- helpers ---- */

static int load(void *out, const struct field *table, const struct kube_item *item, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        d.marks = item->marks;
        d.prefix = item->file;
        AUTO(mem_free) char *list = mem_printf("%ss", item->what);
        struct jpath lists = jpath_key(NULL, list), at = jpath_index(&lists, item->index),
                     here = jpath_key(&at, item->what);
        return fields_load(out, table, item->tree, &here, &(struct field_opts){0}, &d) < 0
                       ? diags_err(&d, e)
                       : 0;
}

static char *beside(const char *file,
                    const char *path) /* paths count from the file that names them */
{
        const char *slash = strrchr(file, '/');
        if (str_empty(path))
                return NULL;
        if (*path == '/' || !slash)
                return mem_strdup(path);
        return mem_printf("%.*s/%s", (int)(slash - file), file, path);
}

static int decode(struct buf *out, const char *base64, const struct kube_item *item,
                  const char *field, struct err *e)
{
        if (!base64_get(out, base64, strlen(base64)) || !out->len)
                return err_set(e, ERR_INVALID, "%s: %ss[%zu].%s.%s is not base64", item->file,
                               item->what, item->index, item->what, field);
        return 0;
}

static void wipe(struct buf *b)
{
        if (b->data)
                explicit_bzero(b->data, b->cap);
        buf_deinit(b);
}

/* ---- contexts, clusters, users ---- */

int kube_context_load(struct kube_context *out, const struct kube_item *item, struct err *e)
{
        return load(out, context_fields, item, e);
}

void kube_context_deinit(struct kube_context *c)
{
        fields_free(c, context_fields);
}

static int take_cluster(struct kube_config *c, struct cluster *from, const struct kube_item *item,
                        struct err *e)
{
        if (!str_empty(from->ca_data)) {
                struct buf pem = BUF_INIT(PEM_MAX);
                if (decode(&pem, from->ca_data, item, "certificate-authority-data", e) < 0) {
                        buf_deinit(&pem);
                        return -1;
                }
                c->ca_pem = buf_take(&pem);
        } else {
                c->ca_file = beside(item->file, from->ca_file);
        }
        for (size_t n = strlen(from->server); n && from->server[n - 1] == '/'; n--)
                from->server[n - 1] = '\0';
        c->server = TAKE(from->server);
        c->tls_server_name = str_empty(from->tls_server_name) ? NULL : TAKE(from->tls_server_name);
        c->insecure_skip_tls_verify = from->insecure;
        if (from->insecure && (c->ca_pem || c->ca_file))
                return err_set(e, ERR_INVALID,
                               "%s: clusters[%zu].cluster names a certificate-authority and says "
                               "insecure-skip-tls-verify: "
                               "one of them is wrong",
                               item->file, item->index);
        return 0;
}

int kube_cluster_load(struct kube_config *c, const struct kube_item *item, struct err *e)
{
        struct cluster from = {0};
        int r = load(&from, cluster_fields, item, e);
        if (r == 0)
                r = take_cluster(c, &from, item, e);
        fields_free(&from, cluster_fields);
        return r;
}

static int take_certificate(struct kube_config *c, struct user *from, const struct kube_item *item,
                            struct err *e)
{
        struct buf pem = BUF_INIT(PEM_MAX);
        int r = 0;
        if (!str_empty(from->cert_data)) {
                r = decode(&pem, from->cert_data, item, "client-certificate-data", e);
                if (r == 0)
                        c->cert_pem = buf_take(&pem);
        } else {
                c->cert_file = beside(item->file, from->cert_file);
        }
        if (r == 0 && !str_empty(from->key_data)) {
                r = decode(&pem, from->key_data, item, "client-key-data", e);
                if (r == 0)
                        c->key_pem = secret_new(pem.data, pem.len);
        } else {
                c->key_file = beside(item->file, from->key_file);
        }
        wipe(&pem);
        if (r == 0 && !(c->cert_pem || c->cert_file) != !(c->key_pem || c->key_file))
                return err_set(e, ERR_INVALID,
                               "%s: users[%zu].user: a client certificate and its key go together; "
                               "one is missing",
                               item->file, item->index);
        return r;
}

int kube_user_load(struct kube_config *c, const struct kube_item *item, struct err *e)
{
        struct user from = {0};
        int r = load(&from, user_fields, item, e);
        if (r == 0) {
                c->token_file = beside(item->file, from.token_file);
                if (!str_empty(from.token))
                        c->token = secret_new(from.token, strlen(from.token));
                r = take_certificate(c, &from, item, e);
        }
        char *const secrets[] = {from.token, from.key_data};
        for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
                if (secrets[i])
                        explicit_bzero(secrets[i], strlen(secrets[i]));
        fields_free(&from, user_fields);
        return r;
}

/* ---- the whole ---- */

static bool is_loopback(struct str host)
{
        bool v4 = host.n > 4 && memcmp(host.p, "127.", 4) == 0;
        for (size_t i = 0; v4 && i < host.n; i++)
                v4 = strchr("0123456789.", host.p[i]);
        return v4 || str_eq(host, "localhost") || str_eq(host, "[::1]");
}

static struct str host_of(const char *address)
{
        size_t n = *address == '[' ? strcspn(address, "]") + 1 : strcspn(address, ":/");
        return (struct str){address, n};
}

int kube_config_check(const struct kube_config *c, struct err *e)
{
        bool tls = str_starts(c->server, "https://"), plain = str_starts(c->server, "http://");
        const char *address = c->server + (tls ? strlen("https://") : strlen("http://"));
        if ((!tls && !plain) || !*address || strpbrk(address, "@?# \\"))
                return err_set(e, ERR_INVALID,
                               "%s: server \"%s\" is not of the form https://host:port", c->origin,
                               c->server);
        bool credentials = c->token || c->token_file || c->cert_file || c->cert_pem;
        if (plain && credentials && !is_loopback(host_of(address)))
                return err_set(
                        e, ERR_INVALID,
                        "%s: server %s has no TLS, so the user's credentials are not sent there",
                        c->origin, c->server);
        return 0;
}
