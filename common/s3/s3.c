/* common/s3/s3.c: see s3.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/s3/s3_priv.h"
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

enum { CUSTOMER_KEY_BYTES = 32 };

static char *choose_endpoint(const struct s3_options *o)
{
        if (!str_empty(o->endpoint))
                return mem_strdup(o->endpoint);
        return str_empty(o->region) ? mem_strdup("s3.amazonaws.com")
                                    : mem_printf("s3.%s.amazonaws.com", o->region);
}

static struct secret *secret_copy(const struct secret *s)
{
        return s ? secret_new(secret_reveal(s), secret_len(s)) : NULL;
}

static int check(const struct s3_options *o, struct err *e)
{
        if (str_empty(o->bucket))
                return err_set(e, ERR_INVALID,
                               "s3.bucket: there is none, and no artifact "
                               "repository that could say it");
        if (strpbrk(o->bucket, "/?#") || (o->endpoint && strpbrk(o->endpoint, "/?#@ ")))
                return err_set(e, ERR_INVALID,
                               "s3.endpoint: \"%s\", s3.bucket: \"%s\": host:port and a plain name "
                               "are expected, without scheme and path",
                               o->endpoint ? o->endpoint : "", o->bucket);
        return 0;
}

static int take_customer_key(struct s3 *s, const struct secret *key, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(1024), md5 = BUF_INIT(1024);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        if (!key)
                return 0;
        if (secret_len(key) != CUSTOMER_KEY_BYTES)
                return err_set(e, ERR_INVALID,
                               "s3.encryptionOptions.serverSideCustomerKeySecret: the key must "
                               "have %d bytes",
                               CUSTOMER_KEY_BYTES);
        EVP_Digest(secret_reveal(key), secret_len(key), digest, &n, EVP_md5(), NULL);
        base64_put(&text, secret_reveal(key), secret_len(key));
        base64_put(&md5, digest, n);
        s->customer_key = buf_take(&text);
        s->customer_md5 = buf_take(&md5);
        return 0;
}

int s3_open(struct s3 **out, const struct s3_options *o, struct err *e)
{
        if (check(o, e) < 0)
                return -1;
        AUTO(s3_close) struct s3 *s = NEW(struct s3);
        s->endpoint = choose_endpoint(o);
        s->bucket = mem_strdup(o->bucket);
        s->region = mem_strdup(str_empty(o->region) ? "us-east-1" : o->region);
        s->access_key = mem_strdup(o->access_key);
        s->secret_key =
                o->access_key && !o->secret_key ? secret_new("", 0) : secret_copy(o->secret_key);
        s->session_token = o->session_token ? mem_strdup(secret_reveal(o->session_token)) : NULL;
        s->ca_pem = mem_strdup(o->ca_pem);
        s->encryption = mem_strdup(o->encryption);
        s->kms_key = mem_strdup(o->kms_key);
        s->kms_context = mem_strdup(o->kms_context);
        s->insecure = o->insecure;
        s->virtual_host = o->virtual_host;
        s->guard = o->guard;
        s->part_bytes = o->part_bytes ? o->part_bytes : S3_PART_BYTES;
        if (take_customer_key(s, o->customer_key, e) < 0)
                return -1;
        s->http = o->http;
        s->own_http = !o->http;
        if (s->own_http && http_wait_new(&s->http, e) < 0)
                return -1;
        *out = TAKE(s);
        return 0;
}

struct s3 *s3_close(struct s3 *s)
{
        if (!s)
                return NULL;
        if (s->own_http)
                http_wait_free(s->http);
        if (s->session_token)
                explicit_bzero(s->session_token, strlen(s->session_token));
        if (s->customer_key)
                explicit_bzero(s->customer_key, strlen(s->customer_key));
        char *texts[] = {s->customer_key, s->customer_md5, s->endpoint,     s->bucket,
                         s->region,       s->access_key,   s->ca_pem,       s->encryption,
                         s->kms_key,      s->kms_context,  s->session_token};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                mem_free(texts[i]);
        secret_free(s->secret_key);
        mem_free(s);
        return NULL;
}

/* ---- get ---- */

struct download {
        int fd;
        int64_t start; /* position of the file before the first byte */
        uint64_t got, max;
        bool resumed;
        char *etag;
        struct err why;
};

static void on_status(void *arg, int status)
{
        struct download *d = arg;
        if (status != 200 || !d->resumed)
                return; /* 206: it goes on */
        if (ftruncate(d->fd, d->start) < 0 || lseek(d->fd, d->start, SEEK_SET) < 0)
                err_errno(&d->why, errno, "start the download again");
        d->got = 0;
}

static bool on_data(void *arg, const void *data, size_t n)
{
        struct download *d = arg;
        if (err_is_set(&d->why))
                return false;
        d->got += n;
        if (d->got > d->max)
                err_set(&d->why, ERR_LIMIT, "it is larger than %llu bytes",
                        (unsigned long long)d->max);
        else if (fs_write_all(d->fd, data, n, &d->why) == 0)
                return true;
        return false;
}

/* One more attempt, from where the last one was cut off. */
static int get_rest(struct s3 *s, const char *key, struct download *d, struct err *e)
{
        char range[48];
        const struct http_response *answer;
        snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)d->got);
        struct http_header extra[] = {{"Range", range}, {"If-Match", d->etag}, {0}};
        d->resumed = d->got > 0;
        if (!d->etag)
                extra[1] = (struct http_header){0};
        struct s3_request r = {.method = "GET",
                               .key = key,
                               .extra = d->resumed ? extra : NULL,
                               .on_data = on_data,
                               .on_status = on_status,
                               .arg = d};
        return s3_call_once(s, &r, &answer, e);
}

int s3_get(struct s3 *s, const char *key, int fd, uint64_t max_bytes, struct err *e)
{
        struct download d = {.fd = fd, .start = lseek(fd, 0, SEEK_CUR), .max = max_bytes};
        int rc = -1;
        for (int attempt = 1; attempt <= S3_ATTEMPTS; attempt++) {
                uint64_t before = d.got;
                err_clear(e);
                rc = get_rest(s, key, &d, e);
                if (rc == 0 || err_is_set(&d.why) || !err_retryable(e->code))
                        break;
                const char *etag = http_response_header(http_wait_partial(s->http), "ETag");
                if (!d.etag)
                        d.etag = mem_strdup(etag); /* what goes on must be the same object */
                if (d.got > before)
                        attempt = 1; /* it moves on: only standing still counts */
                struct err waiting = {0};
                if (http_wait_pause(s->http, INT64_C(250) << attempt, &waiting) < 0) {
                        err_clear(&waiting);
                        break;
                }
        }
        if (err_is_set(&d.why)) {
                err_clear(e);
                err_move(e, &d.why);
                rc = err_wrap(e, "GET s3://%s/%s", s->bucket, key);
        }
        mem_free(d.etag);
        return rc;
}

/* ---- put, stat, delete, bucket ---- */

void s3_encryption_headers(const struct s3 *s, struct http_header to[4])
{
        size_t n = 0;
        if (s->encryption)
                to[n++] = (struct http_header){"x-amz-server-side-encryption", s->encryption};
        if (s->encryption && s->kms_key)
                to[n++] = (struct http_header){"x-amz-server-side-encryption-aws-kms-key-id",
                                               s->kms_key};
        if (s->encryption && s->kms_context)
                to[n++] = (struct http_header){"x-amz-server-side-encryption-context",
                                               s->kms_context};
        to[n] = (struct http_header){0};
}

int s3_put(struct s3 *s, const char *key, int fd, uint64_t bytes, struct err *e)
{
        struct http_header extra[4];
        if (bytes > s->part_bytes)
                return s3_put_multipart(s, key, fd, bytes, e);
        s3_encryption_headers(s, extra);
        struct http_file file = {fd, 0, bytes};
        struct s3_request r = {.method = "PUT", .key = key, .extra = extra, .file = &file};
        return s3_call(s, &r, NULL, e);
}

int s3_stat(struct s3 *s, const char *key, struct s3_object *out, struct err *e)
{
        const struct http_response *answer;
        struct s3_request r = {.method = "HEAD", .key = key};
        if (s3_call(s, &r, &answer, e) < 0)
                return -1;
        const char *length = http_response_header(answer, "Content-Length");
        *out = (struct s3_object){.key = key};
        if (!length || !str_to_u64(length, &out->bytes))
                return err_set(e, ERR_PROTOCOL, "HEAD s3://%s/%s: no Content-Length", s->bucket,
                               key);
        return 0;
}

int s3_delete(struct s3 *s, const char *key, struct err *e)
{
        struct s3_request r = {.method = "DELETE", .key = key};
        if (s3_call(s, &r, NULL, e) == 0)
                return 0;
        if (e->code != ERR_NOT_FOUND || strstr(err_msg(e), "NoSuchBucket"))
                return -1;
        err_clear(e);
        return 0;
}

int s3_make_bucket(struct s3 *s, bool object_locking, struct err *e)
{
        static const char text[] = "<CreateBucketConfiguration "
                                   "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                   "<LocationConstraint>%s</LocationConstraint>"
                                   "</CreateBucketConfiguration>";
        AUTO(mem_free)
        char *body = streq(s->region, "us-east-1")
                             ? NULL
                             : mem_printf("%.*s%s%s", (int)(strstr(text, "%s") - text), text,
                                          s->region, strstr(text, "%s") + 2);
        struct http_header lock[] = {{"x-amz-bucket-object-lock-enabled", "true"}, {0}};
        struct s3_request r = {.method = "PUT",
                               .extra = object_locking ? lock : NULL,
                               .body = body,
                               .body_len = body ? strlen(body) : 0};
        if (s3_call(s, &r, NULL, e) == 0)
                return 0;
        const char *words = err_msg(e);
        if (!strstr(words, "BucketAlreadyOwnedByYou") && !strstr(words, "BucketAlreadyExists"))
                return -1;
        err_clear(e);
        return 0;
}
