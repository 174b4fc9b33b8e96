/* tests/unit/net/test_cert.c: see test_cert.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/test_cert.h"
#include "common/base/mem.h"
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static char *text_of(BIO *bio)
{
        char *data;
        long n = BIO_get_mem_data(bio, &data);
        char *text = mem_strndup(data, (size_t)n);
        BIO_free(bio);
        return text;
}

static void add_extension(X509 *x, int nid, const char *value)
{
        X509V3_CTX ctx;
        X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        X509_add_ext(x, ext, -1);
        X509_EXTENSION_free(ext);
}

void test_cert_make(struct test_cert *c, const char *host)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x), 86400);
        X509_set_pubkey(x, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                   (const unsigned char *)host, -1, -1, 0);
        X509_set_issuer_name(x, X509_get_subject_name(x));
        AUTO(mem_free) char *san = mem_printf("DNS:%s", host);
        add_extension(x, NID_subject_alt_name, san);
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(x, key, EVP_sha256());
        BIO *bio = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(bio, x);
        c->cert = text_of(bio);
        bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
        c->key = text_of(bio);
        X509_free(x);
        EVP_PKEY_free(key);
}

void test_cert_free(struct test_cert *c)
{
        free(c->cert);
        free(c->key);
}
