/* common/kube/kube_priv.h: what the files of the client share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/kube/kube_client.h"
#include "common/net/http_client.h"
#include <sys/stat.h>

/* ---- kube_auth.c: credentials that follow their files ---- */

struct kube_watched {     /* a small file, read again when it is another one */
        const char *path; /* NULL: there is none */
        struct stat last;
        bool read;
};
struct kube_auth {                        /* embed it */
        const struct kube_config *config; /* borrowed */
        struct kube_watched token_file, ca_file;
        struct secret *token; /* from the file */
        char *ca_pem;         /* from the file */
};
void kube_auth_init(struct kube_auth *a, const struct kube_config *config);
void kube_auth_deinit(struct kube_auth *a);
/* Fill in bearer and tls. They stay valid until the next call of this function. */
int kube_auth_apply(struct kube_auth *a, struct http_call_spec *spec, struct err *e) MUST_CHECK;
/* After a 401: read the token again whatever its date; true when it is another one. */
bool kube_auth_renewed(struct kube_auth *a);

/* ---- kube_url.c ---- */

/* server + path + query. INVALID for names that would change the meaning of the path. */
int kube_url(struct buf *out, const char *server, const struct kube_request *r,
             struct err *e) MUST_CHECK;

/* ---- kube_client.c ---- */

/* As kube_call, but the bytes of a good answer go to on_data as they come, done gets no answer, and
 * there is no time limit except between two bytes. on_data returning false ends the call with an
 * error. */
typedef bool kube_data_fn(void *arg, const void *data, size_t n);
struct kube_call *kube_call_stream(struct kube_client *c, const struct kube_request *r,
                                   kube_data_fn *on_data, int idle_timeout_ms, kube_done_fn *done,
                                   void *arg);
