/* workflow/artifact/http_auth.c: see http_auth.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/http_auth.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/url.h"
#include "workflow/artifact/location.h"

enum { FORM_MAX = 64 * 1024, TOKEN_TIMEOUT_MS = 30000 };

static void put_pair(struct buf *b, const char *name, const char *value)
{
        if (b->len)
                buf_addc(b, '&');
        url_encode_component(b, name);
        buf_addc(b, '=');
        url_encode_component(b, value);
}

static void put_form(struct buf *b, const json_t *oauth)
{
        AUTO_BUF struct buf scopes = BUF_INIT(FORM_MAX);
        size_t i;
        json_t *j;
        put_pair(b, "grant_type", "client_credentials");
        json_array_foreach (json_object_get(oauth, "scopes"), i, j)
                buf_addf(&scopes, "%s%s", i ? " " : "", json_string_value(j));
        if (scopes.len)
                put_pair(b, "scope", buf_str(&scopes));
        json_array_foreach (json_object_get(oauth, "endpointParams"), i, j)
                put_pair(b, json_str(j, "key") ? json_str(j, "key") : "",
                         json_str(j, "value") ? json_str(j, "value") : "");
}

static int read_token(struct secret **out, const struct http_response *r, struct err *e)
{
        AUTO_JSON json_t *body = NULL;
        struct err ignored = {0};
        if (r->status / 100 != 2)
                return http_status_err(r, e);
        if (json_parse(&body, buf_str(&r->body), r->body.len, &ignored) < 0)
                err_clear(&ignored);
        const char *token = json_str(body, "access_token");
        if (str_empty(token))
                return err_set(e, ERR_PROTOCOL, "the answer has no access_token");
        *out = secret_new(token, strlen(token));
        return 0;
}

static int fetch_token(struct http_auth *out, struct artifacts *a, const json_t *oauth,
                       struct err *e)
{
        const struct secret *id, *secret, *url;
        const struct http_response *answer;
        AUTO_BUF struct buf form = BUF_INIT(FORM_MAX);
        if (location_secret(a->secrets, oauth, "clientIDSecret", &id, e) < 0 ||
            location_secret(a->secrets, oauth, "clientSecretSecret", &secret, e) < 0 ||
            location_secret(a->secrets, oauth, "tokenURLSecret", &url, e) < 0)
                return -1;
        if (!id || !secret || !url)
                return err_set(e, ERR_INVALID,
                               "clientIDSecret, clientSecretSecret and "
                               "tokenURLSecret are needed");
        put_form(&form, oauth);
        const struct http_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                              {0}};
        const struct http_call_spec spec = {.method = "POST",
                                            .url = secret_reveal(url),
                                            .headers = headers,
                                            .body = form.data,
                                            .body_len = form.len,
                                            .user = secret_reveal(id),
                                            .password = secret,
                                            .timeout_ms = TOKEN_TIMEOUT_MS,
                                            .guard = a->guard};
        if (http_wait_call(a->http, &spec, NULL, &answer, e) < 0)
                return -1;
        return read_token(&out->token, answer, e);
}

int http_auth_of(struct http_auth *out, struct artifacts *a, const json_t *auth, struct err *e)
{
        const json_t *basic = json_object_get(auth, "basicAuth"),
                     *cert = json_object_get(auth, "clientCert"),
                     *oauth = json_object_get(auth, "oauth2");
        if (location_secret(a->secrets, basic, "usernameSecret", &out->user, e) < 0 ||
            location_secret(a->secrets, basic, "passwordSecret", &out->password, e) < 0 ||
            location_secret(a->secrets, cert, "clientCertSecret", &out->cert, e) < 0 ||
            location_secret(a->secrets, cert, "clientKeySecret", &out->key, e) < 0)
                return -1;
        if (json_object_size(oauth) && fetch_token(out, a, oauth, e) < 0)
                return err_wrap(e, "auth.oauth2");
        return 0;
}

void http_auth_put(struct http_call_spec *spec, const struct http_auth *auth)
{
        if (auth->user) {
                spec->user = secret_reveal(auth->user);
                spec->password = auth->password;
        }
        if (auth->cert) {
                spec->tls.cert_pem = secret_reveal(auth->cert);
                spec->tls.key_pem = auth->key ? secret_reveal(auth->key) : NULL;
        }
        spec->bearer = auth->token;
}

void http_auth_deinit(struct http_auth *auth)
{
        secret_free(auth->token);
}
