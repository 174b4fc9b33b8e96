/* common/net/tls.h: server certificates for listeners; TLS 1.2 and up, OpenSSL defaults, reload
 * without closing the listener. PEM texts; the owner of the certificate (a Secret, files) calls
 * tls_server_reload() when it changes: connections that are open keep the old one. OpenSSL writes
 * to sockets itself, so these functions make the process ignore SIGPIPE. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <openssl/ssl.h>

struct tls_server;
/* client_ca_pem: clients must show a certificate of it; NULL: none asked for. */
int tls_server_new(struct tls_server **out, const char *cert_pem, const char *key_pem,
                   const char *client_ca_pem, struct err *e) MUST_CHECK;
/* On failure the old certificate stays. */
int tls_server_reload(struct tls_server *t, const char *cert_pem, const char *key_pem,
                      const char *client_ca_pem, struct err *e) MUST_CHECK;
struct tls_server *tls_server_free(struct tls_server *t);
AUTO_DEFINE(tls_server_free, struct tls_server *);
SSL_CTX *tls_server_ctx(struct tls_server *t);
/* For clients that are not curl (redis): verifies the host name unless told not to. PEM texts may
 * be NULL. */
int tls_client_ctx(SSL_CTX **out, const char *ca_pem, const char *cert_pem, const char *key_pem,
                   bool insecure_skip_verify, struct err *e) MUST_CHECK;
/* A connection of such a context to `host`: sends SNI, and checks the name (or IP address) unless
 * verification is off. */
SSL *tls_client_new(SSL_CTX *ctx, const char *host);
/* OpenSSL's own words for what just failed, put into *e as "<what>: <words>"; returns -1. Clears
 * its error queue. */
int tls_err(struct err *e, enum err_code code, const char *what);
