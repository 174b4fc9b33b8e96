/* tests/unit/net/test_cert.h: self-signed certificates for tests. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once

struct test_cert {
        char *cert, *key; /* PEM */
};
void test_cert_make(struct test_cert *c, const char *host); /* for a DNS name; is its own CA */
void test_cert_free(struct test_cert *c);
