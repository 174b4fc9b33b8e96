/* workflow/artifact/http_auth.h: who we are to an HTTP server: {"basicAuth", "clientCert",
 * "oauth2"} of a location. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/net/http_wait.h"
#include "workflow/artifact/artifact_driver.h"

struct http_auth {
        const struct secret *user, *password, *cert, *key; /* borrowed from the secrets */
        struct secret *token;                              /* owned */
};
/* oauth2 asks its token URL (client credentials) for a token. */
int http_auth_of(struct http_auth *out, struct artifacts *a, const json_t *auth,
                 struct err *e) MUST_CHECK;
void http_auth_put(struct http_call_spec *spec, const struct http_auth *auth);
void http_auth_deinit(struct http_auth *auth);
