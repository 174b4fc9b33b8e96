/* common/net/tls.h: server certificates for listeners; TLS 1.2 and up, OpenSSL defaults, reload when the files change.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <openssl/ssl.h>

struct tls_server;
int tls_server_new(struct tls_server **out, const char *cert_pem, const char *key_pem, const char *client_ca_pem,
                   struct err *e) MUST_CHECK;
struct tls_server *tls_server_free(struct tls_server *t);
SSL_CTX *tls_server_ctx(struct tls_server *t);
/* For clients that are not curl (redis): verifies the host name unless told not to. PEM texts may be NULL. */
int tls_client_ctx(SSL_CTX **out, const char *ca_pem, const char *cert_pem, const char *key_pem, bool insecure_skip_verify,
                   struct err *e) MUST_CHECK;
