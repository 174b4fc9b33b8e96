/* common/kube/kube_auth.c: the token and the CA of a pod are replaced under our feet every hour or
 * so. One stat() per request notices (the mounts are symbolic links to a folder that is swapped, so
 * the inode changes). A file that cannot be read for a moment leaves the value before it in use, as
 * client-go does. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kube_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

void kube_auth_init(struct kube_auth *a, const struct kube_config *config)
{
        *a = (struct kube_auth){.config = config,
                                .token_file.path = config->token_file,
                                .ca_file.path = config->ca_pem ? NULL : config->ca_file};
}

void kube_auth_deinit(struct kube_auth *a)
{
        secret_free(a->token);
        free(a->ca_pem);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* 1 read into `out`, 0 nothing new, -1 failed and there is no earlier value. */
static int read_when_new(struct kube_watched *w, struct buf *out, struct err *e)
{
        struct stat now;
        if (!w->path)
                return 0;
        if (stat(w->path, &now) < 0)
                return w->read ? 0 : err_errno(e, errno, "%s", w->path);
        if (w->read && same_file(&now, &w->last))
                return 0;
        if (fs_read(out, w->path, FILE_MAX_BYTES, w->read ? NULL : e) < 0)
                return w->read ? 0 : -1;
        if (!str_trim((struct str){buf_str(out), out->len}).n)
                return w->read ? 0 : err_set(e, ERR_INVALID, "%s is empty", w->path);
        w->last = now;
        w->read = true;
        return 1;
}

static int refresh_token(struct kube_auth *a, struct err *e)
{
        struct buf b = BUF_INIT(FILE_MAX_BYTES);
        int r = read_when_new(&a->token_file, &b, e);
        if (r == 1) {
                struct str token = str_trim((struct str){b.data, b.len});
                secret_free(a->token);
                a->token = secret_new(token.p, token.n);
        }
        if (b.data)
                explicit_bzero(b.data, b.cap);
        buf_deinit(&b);
        return r < 0 ? -1 : 0;
}

static int refresh_ca(struct kube_auth *a, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(FILE_MAX_BYTES);
        int r = read_when_new(&a->ca_file, &b, e);
        if (r == 1) {
                free(a->ca_pem);
                a->ca_pem = buf_take(&b);
        }
        return r < 0 ? -1 : 0;
}

int kube_auth_apply(struct kube_auth *a, struct http_call_spec *spec, struct err *e)
{
        const struct kube_config *c = a->config;
        if (refresh_token(a, e) < 0 || refresh_ca(a, e) < 0)
                return err_wrap(e, "%s", c->origin);
        spec->bearer = a->token ? a->token : c->token;
        spec->tls = (struct http_tls){.ca_pem = a->ca_pem ? a->ca_pem : c->ca_pem,
                                      .cert_file = c->cert_pem ? NULL : c->cert_file,
                                      .cert_pem = c->cert_pem,
                                      .key_file = c->key_pem ? NULL : c->key_file,
                                      .key_pem = c->key_pem ? secret_reveal(c->key_pem) : NULL,
                                      .insecure_skip_verify = c->insecure_skip_tls_verify,
                                      .server_name = c->tls_server_name};
        return 0;
}

bool kube_auth_renewed(struct kube_auth *a)
{
        if (!a->token)
                return false;
        struct secret *before = secret_new(secret_reveal(a->token), secret_len(a->token));
        a->token_file.last = (struct stat){0};
        bool renewed = refresh_token(a, NULL) == 0 &&
                       !secret_matches(before, secret_reveal(a->token), secret_len(a->token));
        secret_free(before);
        return renewed;
}
