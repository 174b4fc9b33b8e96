/* common/net/tls.c: see tls.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls.h"
#include "common/base/mem.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>

struct tls_server {
        SSL_CTX *ctx;
};

static inline UNUSED void auto_ctx(SSL_CTX **c)
{
        SSL_CTX_free(*c);
}
#define AUTO_CTX __attribute__((cleanup(auto_ctx)))
static inline UNUSED void auto_bio(BIO **b)
{
        BIO_free(*b);
}
#define AUTO_BIO __attribute__((cleanup(auto_bio)))

int tls_err(struct err *e, enum err_code code, const char *what)
{
        char words[256] = "unknown TLS error";
        unsigned long first = ERR_get_error();
        if (first)
                ERR_error_string_n(first, words, sizeof(words));
        ERR_clear_error();
        return err_set(e, code, "%s: %s", what, words);
}

static BIO *pem_bio(const char *pem)
{
        return BIO_new_mem_buf(pem, -1);
}

/* The first certificate is ours, the others are its chain. */
static int use_chain(SSL_CTX *ctx, const char *pem, struct err *e)
{
        AUTO_BIO BIO *bio = pem_bio(pem);
        X509 *own = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
        if (!own)
                return tls_err(e, ERR_INVALID, "server certificate");
        int ok = SSL_CTX_use_certificate(ctx, own);
        X509_free(own);
        if (ok != 1)
                return tls_err(e, ERR_INVALID, "server certificate");
        X509 *next;
        while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
                if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
                        X509_free(next);
                        return tls_err(e, ERR_INVALID, "certificate chain");
                }
        ERR_clear_error(); /* the end of the file */
        return 0;
}

static int use_key(SSL_CTX *ctx, const char *pem, struct err *e)
{
        AUTO_BIO BIO *bio = pem_bio(pem);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        if (!key)
                return tls_err(e, ERR_INVALID, "private key");
        int ok = SSL_CTX_use_PrivateKey(ctx, key);
        EVP_PKEY_free(key);
        if (ok != 1 || SSL_CTX_check_private_key(ctx) != 1)
                return tls_err(e, ERR_INVALID, "private key does not fit the certificate");
        return 0;
}

static int trust(SSL_CTX *ctx, const char *pem, bool tell_clients, struct err *e)
{
        AUTO_BIO BIO *bio = pem_bio(pem);
        X509 *ca;
        int n = 0;
        while ((ca = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
                if (tell_clients)
                        SSL_CTX_add_client_CA(ctx, ca);
                X509_free(ca);
                n++;
        }
        if (n == 0)
                return tls_err(e, ERR_INVALID, "CA certificate");
        ERR_clear_error();
        return 0;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
        signal(SIGPIPE, SIG_IGN);
        SSL_CTX *ctx = SSL_CTX_new(method);
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        return ctx;
}

static int pick_http_1_1(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_len,
                         const unsigned char *in, unsigned in_len, void *arg UNUSED)
{
        static const unsigned char ours[] = "\x08http/1.1";
        unsigned char *picked;
        int r = SSL_select_next_proto(&picked, out_len, ours, sizeof(ours) - 1, in, in_len);
        *out = picked;
        return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int server_ctx(SSL_CTX **out, const char *cert_pem, const char *key_pem,
                      const char *client_ca_pem, struct err *e)
{
        AUTO_CTX SSL_CTX *ctx = new_ctx(TLS_server_method());
        if (use_chain(ctx, cert_pem, e) < 0 || use_key(ctx, key_pem, e) < 0)
                return -1;
        SSL_CTX_set_alpn_select_cb(ctx, pick_http_1_1, NULL);
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"tiphys", 6);
        if (client_ca_pem) {
                if (trust(ctx, client_ca_pem, true, e) < 0)
                        return -1;
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        }
        *out = TAKE(ctx);
        return 0;
}

int tls_server_new(struct tls_server **out, const char *cert_pem, const char *key_pem,
                   const char *client_ca_pem, struct err *e)
{
        SSL_CTX *ctx;
        if (server_ctx(&ctx, cert_pem, key_pem, client_ca_pem, e) < 0)
                return -1;
        struct tls_server *t = NEW(struct tls_server);
        t->ctx = ctx;
        *out = t;
        return 0;
}

int tls_server_reload(struct tls_server *t, const char *cert_pem, const char *key_pem,
                      const char *client_ca_pem, struct err *e)
{
        SSL_CTX *ctx;
        if (server_ctx(&ctx, cert_pem, key_pem, client_ca_pem, e) < 0)
                return -1;
        SSL_CTX_free(t->ctx); /* connections hold their own reference */
        t->ctx = ctx;
        return 0;
}

struct tls_server *tls_server_free(struct tls_server *t)
{
        if (!t)
                return NULL;
        SSL_CTX_free(t->ctx);
        free(t);
        return NULL;
}

SSL_CTX *tls_server_ctx(struct tls_server *t)
{
        return t->ctx;
}

int tls_client_ctx(SSL_CTX **out, const char *ca_pem, const char *cert_pem, const char *key_pem,
                   bool insecure_skip_verify, struct err *e)
{
        AUTO_CTX SSL_CTX *ctx = new_ctx(TLS_client_method());
        if (ca_pem ? trust(ctx, ca_pem, false, e) < 0 : SSL_CTX_set_default_verify_paths(ctx) != 1)
                return ca_pem ? -1 : tls_err(e, ERR_INTERNAL, "system certificates");
        if (cert_pem && use_chain(ctx, cert_pem, e) < 0)
                return err_wrap(e, "client certificate");
        if (key_pem && use_key(ctx, key_pem, e) < 0)
                return err_wrap(e, "client certificate");
        SSL_CTX_set_verify(ctx, insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
        *out = TAKE(ctx);
        return 0;
}

SSL *tls_client_new(SSL_CTX *ctx, const char *host)
{
        SSL *ssl = SSL_new(ctx);
        unsigned char address[16];
        bool is_ip =
                inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
        if (is_ip) {
                X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
        } else {
                SSL_set_tlsext_host_name(ssl, host);
                SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
                SSL_set1_host(ssl, host);
        }
        SSL_set_connect_state(ssl);
        return ssl;
}
