/* common/s3/request.c: one signed request. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/net/url.h"
#include "common/s3/s3_priv.h"
#include <errno.h>
#include <unistd.h>

enum { PAUSE_FIRST_MS = 250, HEADERS_MAX = 16, READ_CHUNK = 64 * 1024 };

/* ---- what is sent ---- */

static int hash_file(const struct http_file *f, char hex[65], struct err *e)
{
        char chunk[READ_CHUNK];
        unsigned char digest[32];
        struct sha256 h;
        uint64_t at = f->at, end = f->at + f->n;
        errno = 0;
        sha256_init(&h);
        while (at < end) {
                size_t want = end - at < sizeof(chunk) ? (size_t)(end - at) : sizeof(chunk);
                ssize_t n = pread(f->fd, chunk, want, (off_t)at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                sha256_add(&h, chunk, (size_t)n);
                at += (uint64_t)n;
        }
        int err = errno;
        sha256_end(&h, digest);
        hex_put(hex, digest, sizeof(digest));
        if (at == end)
                return 0;
        return err ? err_errno(e, err, "read what is to be sent")
                   : err_set(e, ERR_CONFLICT, "what is to be sent became shorter");
}

static int hash_body(const struct s3_request *r, char hex[65], struct err *e)
{
        unsigned char digest[32];
        if (r->file)
                return hash_file(r->file, hex, e);
        sha256_of(r->body ? r->body : "", r->body_len, digest);
        hex_put(hex, digest, sizeof(digest));
        return 0;
}

static char *path_of(const struct s3 *s, const char *key)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        buf_addc(&b, '/');
        if (!s->virtual_host)
                url_encode_component(&b, s->bucket);
        if (key && !s->virtual_host)
                buf_addc(&b, '/');
        for (const char *at = key; at && *at;) { /* each part by S3's strict rules */
                size_t n = strcspn(at, "/");
                AUTO(mem_free) char *part = mem_strndup(at, n);
                url_encode_component(&b, part);
                at += n;
                if (*at == '/') {
                        buf_addc(&b, '/');
                        at++;
                }
        }
        return buf_take(&b);
}

static size_t add_headers(struct http_header *to, size_t n, const struct http_header *from)
{
        for (; from && from->name && n + 1 < HEADERS_MAX; from++)
                to[n++] = *from;
        to[n] = (struct http_header){0};
        return n;
}

/* SSE-C: whoever reads or writes the object shows the key. */
static size_t add_customer_key(const struct s3 *s, const struct s3_request *r,
                               struct http_header *to, size_t n)
{
#define SSE_C "x-amz-server-side-encryption-customer-"
        const struct http_header all[] = {{SSE_C "algorithm", "AES256"},
                                          {SSE_C "key", s->customer_key},
                                          {SSE_C "key-MD5", s->customer_md5},
                                          {0}};
        bool uploads = streq(r->method, "POST") && !r->body;
        if (!s->customer_key || !r->key ||
            !(uploads || streq(r->method, "PUT") || streq(r->method, "GET") ||
              streq(r->method, "HEAD")))
                return n;
        return add_headers(to, n, all);
}

static int send_signed(struct s3 *s, const struct s3_request *r, const char *sha256,
                       const struct http_response **out, struct err *e)
{
        AUTO(mem_free)
        char *host = s->virtual_host ? mem_printf("%s.%s", s->bucket, s->endpoint)
                                     : mem_strdup(s->endpoint);
        AUTO(mem_free) char *path = path_of(s, r->key);
        AUTO(mem_free) char *query = r->query ? sigv4_query_text(r->query) : mem_strdup("");
        AUTO(mem_free)
        char *url = mem_printf("%s://%s%s%s%s", s->insecure ? "http" : "https", host, path,
                               *query ? "?" : "", query);
        struct http_header headers[HEADERS_MAX] = {0};
        struct sigv4_signature signature = {0};
        struct http_header own[HEADERS_MAX] = {0}; /* signed too */
        add_customer_key(s, r, own, add_headers(own, 0, r->extra));
        size_t n = add_headers(headers, 0, own);
        if (s->access_key) {
                sigv4_sign(&signature,
                           &(struct sigv4_keys){s->region, "s3", s->access_key, s->secret_key,
                                                s->session_token},
                           &(struct sigv4_request){r->method, host, path, query, sha256, own},
                           clock_wall(clock_system()));
                add_headers(headers, n, signature.headers);
        }
        struct http_call_spec spec = {.method = r->method,
                                      .url = url,
                                      .headers = headers,
                                      .body = r->body,
                                      .body_len = r->body_len,
                                      .file = r->file,
                                      .tls = {.ca_pem = s->ca_pem},
                                      .timeout_ms = -1,
                                      .idle_timeout_ms = S3_IDLE_MS,
                                      .max_response_bytes = r->on_data ? 0 : S3_ANSWER_MAX,
                                      .guard = s->guard,
                                      .keep_headers = true,
                                      .no_default_headers = true,
                                      .on_data = r->on_data,
                                      .on_status = r->on_status};
        int rc = http_wait_call(s->http, &spec, r->arg, out, e);
        sigv4_signature_deinit(&signature);
        return rc;
}

/* ---- what comes back ---- */

struct s3_words {
        char *code, *message, *region;
};

static void on_word(void *arg, const char *path, const char *text)
{
        struct s3_words *w = arg;
        char **slot = streq(path, "Code")      ? &w->code
                      : streq(path, "Message") ? &w->message
                      : streq(path, "Region")  ? &w->region
                                               : NULL;
        if (slot && !*slot)
                *slot = mem_strdup(text);
}

static const struct {
        const char *code;
        enum err_code is;
        const char *hint;
} known_codes[] = {
        {"SignatureDoesNotMatch", ERR_DENIED, "the secret key is wrong"},
        {"InvalidAccessKeyId", ERR_DENIED, "the access key is unknown there"},
        {"AccessDenied", ERR_DENIED, "these keys may not do that"},
        {"ExpiredToken", ERR_DENIED, "the session token has expired"},
        {"RequestTimeTooSkewed", ERR_DENIED, "the clocks of the two machines differ"},
        {"NoSuchBucket", ERR_NOT_FOUND,
         "the bucket does not exist; createBucketIfNotPresent makes it"},
        {"NoSuchKey", ERR_NOT_FOUND, "there is no object with this key"},
        {"NoSuchUpload", ERR_CONFLICT, "the multipart upload was given up meanwhile"},
        {"AuthorizationHeaderMalformed", ERR_INVALID, "the region is wrong"},
        {"PermanentRedirect", ERR_INVALID, "the bucket has another endpoint or region"},
        {"EntityTooSmall", ERR_INVALID, "a part is too small"},
        {"SlowDown", ERR_UNAVAILABLE, "too many requests"},
        {"InternalError", ERR_UNAVAILABLE, "a fault of the server"},
        {"ServiceUnavailable", ERR_UNAVAILABLE, "a fault of the server"},
        {"XMinioServerNotInitialized", ERR_UNAVAILABLE, "the server is starting"},
        {"RequestTimeout", ERR_UNAVAILABLE, "the server waited too long"},
};

static int status_code(int status)
{
        return status == 404                    ? ERR_NOT_FOUND
               : status == 403 || status == 401 ? ERR_DENIED
               : status == 409 || status == 412 ? ERR_CONFLICT
               : status == 416                  ? ERR_INVALID
               : status >= 500 || status == 429 ? ERR_UNAVAILABLE
                                                : ERR_INVALID;
}

static int server_err(const struct s3 *s, const struct s3_request *r, const struct http_response *a,
                      struct err *e)
{
        struct s3_words w = {0};
        struct err ignored = {0};
        const char *hint = NULL;
        enum err_code code = (enum err_code)status_code(a->status);
        if (a->body.len && xml_each(a->body.data, a->body.len, on_word, &w, &ignored) < 0)
                err_clear(&ignored);
        for (size_t i = 0; i < ARRAY_LEN(known_codes) && w.code; i++)
                if (streq(w.code, known_codes[i].code)) {
                        code = known_codes[i].is;
                        hint = known_codes[i].hint;
                }
        const char *region = w.region ? w.region : http_response_header(a, "x-amz-bucket-region");
        err_set(e, code, "%s s3://%s%s%s at %s: HTTP %d%s%s%s%s%s%s", r->method, s->bucket,
                r->key ? "/" : "", r->key ? r->key : "", s->endpoint, a->status, w.code ? " " : "",
                w.code ? w.code : "", w.message ? ": " : "", w.message ? w.message : "",
                hint ? " - " : "", hint ? hint : "");
        if (region && !streq(region, s->region) && a->status / 100 != 5)
                err_wrap(e, "the bucket is in region %s, the request was for %s", region,
                         s->region);
        mem_free(w.code);
        mem_free(w.message);
        mem_free(w.region);
        return -1;
}

int s3_call_once(struct s3 *s, const struct s3_request *r, const struct http_response **out,
                 struct err *e)
{
        const struct http_response *answer;
        char sha256[65];
        if (hash_body(r, sha256, e) < 0 || send_signed(s, r, sha256, &answer, e) < 0)
                return -1;
        if (answer->status / 100 != 2)
                return server_err(s, r, answer, e);
        if (out)
                *out = answer;
        return 0;
}

int s3_call(struct s3 *s, const struct s3_request *r, const struct http_response **out,
            struct err *e)
{
        for (int attempt = 1;; attempt++) {
                if (s3_call_once(s, r, out, e) == 0)
                        return 0;
                if (!err_retryable(e->code) || attempt == S3_ATTEMPTS)
                        return -1;
                struct err waiting = {0};
                if (http_wait_pause(s->http, PAUSE_FIRST_MS << attempt, &waiting) < 0) {
                        err_clear(&waiting);
                        return -1;
                }
                err_clear(e);
        }
}
