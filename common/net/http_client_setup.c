/* common/net/http_client_setup.c: a call's description as curl options. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/addr_guard.h"
#include "common/net/http_client_priv.h"
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SET(call, option, value) curl_easy_setopt((call)->easy, CURLOPT_##option, (value))

static inline UNUSED void auto_curlu(CURLU **u)
{
        curl_url_cleanup(*u);
}
static inline UNUSED void auto_curl_text(char **s)
{
        curl_free(*s);
}
#define AUTO_CURLU __attribute__((cleanup(auto_curlu)))
#define AUTO_CURL_TEXT __attribute__((cleanup(auto_curl_text)))

/* ---- URL ---- */

/* Without credentials, query and fragment: fit for messages. */
static void name_call(struct http_call *call, const char *method, CURLU *url)
{
        AUTO_CURLU CURLU *u = curl_url_dup(url);
        AUTO_CURL_TEXT char *text = NULL;
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(u, CURLUPART_QUERY, NULL, 0);
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        curl_url_get(u, CURLUPART_URL, &text, 0);
        call->what = mem_printf("%s %s", method, text ? text : "?");
}

/* Verify and greet the peer as `server_name`, though the URL's host is where we connect. */
static void rename_peer(struct http_call *call, CURLU *url, const struct http_call_spec *spec)
{
        AUTO_CURL_TEXT char *host = NULL;
        AUTO_CURL_TEXT char *port = NULL;
        curl_url_get(url, CURLUPART_HOST, &host, 0);
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
        AUTO(mem_free) char *to = mem_printf("::%s:%s", host, port);
        call->connect_to = curl_slist_append(NULL, to);
        SET(call, CONNECT_TO, call->connect_to);
        if (!spec->host) {
                AUTO(mem_free) char *header = mem_printf("Host: %s:%s", host, port);
                call->headers = curl_slist_append(call->headers, header);
        }
        curl_url_set(url, CURLUPART_HOST, spec->tls.server_name, 0);
}

static int set_url(struct http_call *call, const struct http_call_spec *spec, struct err *e)
{
        AUTO_CURLU CURLU *url = curl_url();
        AUTO_CURL_TEXT char *scheme = NULL;
        AUTO_CURL_TEXT char *text = NULL;
        CURLUcode r = curl_url_set(url, CURLUPART_URL, spec->url,
                                   CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
        if (r != CURLUE_OK)
                return err_set(e, ERR_INVALID, "%s: the URL cannot be read: %s", spec->method,
                               curl_url_strerror(r));
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
        name_call(call, spec->method, url);
        if (!streq(scheme, "http") && !streq(scheme, "https"))
                return err_set(e, ERR_INVALID, "%s: only http and https are allowed", call->what);
        if (spec->tls.server_name)
                rename_peer(call, url, spec);
        curl_url_get(url, CURLUPART_URL, &text, 0);
        SET(call, URL, text);
        SET(call, PROTOCOLS_STR, "http,https");
        SET(call, REDIR_PROTOCOLS_STR, "http,https");
        SET(call, FOLLOWLOCATION, spec->max_redirects > 0 ? 1L : 0L);
        SET(call, MAXREDIRS, (long)spec->max_redirects);
        return 0;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
        AUTO_CURL_TEXT char *x = NULL;
        AUTO_CURL_TEXT char *y = NULL;
        curl_url_get(a, part, &x, CURLU_DEFAULT_PORT);
        curl_url_get(b, part, &y, CURLU_DEFAULT_PORT);
        return x && y && strcasecmp(x, y) == 0;
}

int http_url_follow(char **out, bool *same_host, const char *url, const char *location,
                    struct err *e)
{
        if (curl_load(e) < 0)
                return -1;
        AUTO_CURLU CURLU *from = curl_url();
        AUTO_CURL_TEXT char *text = NULL;
        CURLUcode r = curl_url_set(from, CURLUPART_URL, url, CURLU_URLENCODE);
        AUTO_CURLU CURLU *to = curl_url_dup(from);
        if (r == CURLUE_OK)
                r = curl_url_set(to, CURLUPART_URL, location, CURLU_URLENCODE);
        if (r == CURLUE_OK)
                r = curl_url_get(to, CURLUPART_URL, &text, 0);
        if (r != CURLUE_OK)
                return err_set(e, ERR_PROTOCOL, "the redirect cannot be followed: %s",
                               curl_url_strerror(r));
        *same_host = same_part(from, to, CURLUPART_HOST) && same_part(from, to, CURLUPART_PORT) &&
                     same_part(from, to, CURLUPART_SCHEME);
        *out = mem_strdup(text);
        return 0;
}

/* ---- headers and body ---- */

static bool has_control(const char *s)
{
        for (; *s; s++)
                if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
                        return true;
        return false;
}

static bool has_header(const struct http_header *h, const char *name)
{
        for (; h && h->name; h++)
                if (strcasecmp(h->name, name) == 0)
                        return true;
        return false;
}

static void add_line(struct http_call *call, char *line_taken)
{
        call->headers = curl_slist_append(call->headers, line_taken);
        mem_free(line_taken);
}

static int set_headers(struct http_call *call, const struct http_call_spec *spec, struct err *e)
{
        for (const struct http_header *h = spec->headers; h && h->name; h++) {
                if (!*h->name || strpbrk(h->name, ": \t") || has_control(h->name) ||
                    has_control(h->value))
                        return err_set(e, ERR_INVALID, "%s: header \"%s\" cannot be sent",
                                       call->what, h->name);
                add_line(call, *h->value ? mem_printf("%s: %s", h->name, h->value)
                                         : mem_printf("%s;", h->name));
        }
        if (spec->host && has_control(spec->host))
                return err_set(e, ERR_INVALID, "%s: the host name cannot be sent", call->what);
        if (spec->host && !has_header(spec->headers, "Host"))
                add_line(call, mem_printf("Host: %s", spec->host));
        /* what curl would add by itself */
        add_line(call, mem_strdup("Expect:"));
        if (!has_header(spec->headers, "Content-Type"))
                add_line(call, mem_strdup("Content-Type:"));
        if (spec->no_default_headers && !has_header(spec->headers, "Accept"))
                add_line(call, mem_strdup("Accept:"));
        else if (!spec->no_default_headers)
                SET(call, USERAGENT, "tiphys/" TIPHYS_VERSION);
        SET(call, HTTPHEADER, call->headers);
        return 0;
}

static void set_body(struct http_call *call, const struct http_call_spec *spec)
{
        const char *m = spec->method;
        bool wants_body = streq(m, "POST") || streq(m, "PUT") || streq(m, "PATCH");
        if (streq(m, "HEAD")) {
                SET(call, NOBODY, 1L);
                return;
        }
        if (spec->file) {
                http_call_send_file(call, spec);
                return;
        }
        if (spec->body_len || wants_body) {
                SET(call, POSTFIELDSIZE_LARGE, (curl_off_t)spec->body_len);
                SET(call, COPYPOSTFIELDS, spec->body_len ? spec->body : "");
        } else {
                SET(call, HTTPGET, 1L);
        }
        SET(call, CUSTOMREQUEST, m);
}

/* ---- credentials and TLS ---- */

static void set_credentials(struct http_call *call, const struct http_call_spec *spec)
{
        if (spec->bearer) {
                SET(call, HTTPAUTH, CURLAUTH_BEARER);
                SET(call, XOAUTH2_BEARER, secret_reveal(spec->bearer));
        } else if (spec->user) {
                SET(call, HTTPAUTH, CURLAUTH_BASIC);
                SET(call, USERNAME, spec->user);
                SET(call, PASSWORD, spec->password ? secret_reveal(spec->password) : "");
        }
}

static struct curl_blob blob_of(const char *text)
{
        return (struct curl_blob){(void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY};
}

static void set_tls(struct http_call *call, const struct http_tls *t)
{
        if (t->ca_file)
                SET(call, CAINFO, t->ca_file);
        if (t->cert_file)
                SET(call, SSLCERT, t->cert_file);
        if (t->key_file)
                SET(call, SSLKEY, t->key_file);
        struct curl_blob blob;
        if (t->ca_pem) {
                blob = blob_of(t->ca_pem);
                SET(call, CAINFO_BLOB, &blob);
        }
        if (t->cert_pem) {
                blob = blob_of(t->cert_pem);
                SET(call, SSLCERT_BLOB, &blob);
        }
        if (t->key_pem) {
                blob = blob_of(t->key_pem);
                SET(call, SSLKEY_BLOB, &blob);
        }
        SET(call, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SET(call, SSL_VERIFYPEER, t->insecure_skip_verify ? 0L : 1L);
        SET(call, SSL_VERIFYHOST, t->insecure_skip_verify ? 0L : 2L);
}

/* ---- limits ---- */

static curl_socket_t open_guarded(void *arg, curlsocktype purpose UNUSED, struct curl_sockaddr *a)
{
        struct http_call *call = arg;
        const char *kind = addr_guard_kind(&a->addr);
        if (kind) {
                call->refused = kind;
                return CURL_SOCKET_BAD;
        }
        return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static curl_socket_t take_connected(void *arg, curlsocktype purpose UNUSED,
                                    struct curl_sockaddr *a UNUSED)
{
        struct http_call *call = arg;
        int fd = call->connected; /* curl closes it */
        call->connected = -1;
        return fd;
}

static int is_connected(void *arg UNUSED, curl_socket_t fd UNUSED, curlsocktype purpose UNUSED)
{
        return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static void set_connection(struct http_call *call, const struct http_call_spec *spec)
{
        if (!spec->guard && !spec->connected)
                return;
        SET(call, FRESH_CONNECT, 1L); /* not one that another call has opened */
        SET(call, PROXY, "");
        SET(call, OPENSOCKETFUNCTION, spec->connected ? take_connected : open_guarded);
        SET(call, OPENSOCKETDATA, call);
        if (spec->connected) {
                SET(call, SOCKOPTFUNCTION, is_connected);
                SET(call, FORBID_REUSE, 1L);
        }
}

static void set_limits(struct http_call *call, const struct http_call_spec *spec)
{
        SET(call, NOSIGNAL, 1L);
        SET(call, HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        SET(call, CONNECTTIMEOUT_MS,
            (long)(spec->connect_timeout_ms ? spec->connect_timeout_ms : HTTP_CONNECT_MS));
        if (spec->timeout_ms >= 0)
                SET(call, TIMEOUT_MS, (long)(spec->timeout_ms ? spec->timeout_ms : HTTP_TOTAL_MS));
        if (spec->idle_timeout_ms > 0) {
                SET(call, LOW_SPEED_LIMIT, 1L);
                SET(call, LOW_SPEED_TIME, (long)((spec->idle_timeout_ms + 999) / 1000));
        }
}

int http_call_setup(struct http_call *call, const struct http_call_spec *spec, struct err *e)
{
        if (set_url(call, spec, e) < 0 || set_headers(call, spec, e) < 0)
                return -1;
        set_body(call, spec);
        set_credentials(call, spec);
        set_tls(call, &spec->tls);
        set_limits(call, spec);
        set_connection(call, spec);
        return 0;
}
