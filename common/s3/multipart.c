/* common/s3/multipart.c: a large file in parts. An upload that was begun earlier (a controller that
 * was killed) is found by its key and goes on: a part that is there with the same size and MD5 is
 * not sent again. What cannot be finished is aborted, so that no parts stay behind.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/hash.h"
#include "common/s3/s3_priv.h"
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

struct part {
        char *etag; /* as the server gave it, without quotes; NULL: not there */
        uint64_t bytes;
};
struct upload {
        struct s3 *s;
        const char *key;
        int fd;
        uint64_t bytes, part_bytes;
        size_t n;
        char *id;
        struct part *parts;
        /* while answers are read */
        char *seen_key, *seen_id, *etag, *code, *message;
        uint64_t number, size;
};

static void keep(char **slot, const char *text)
{
        mem_free(*slot);
        *slot = mem_strdup(text);
}

static char *unquoted(const char *text)
{
        size_t n = strlen(text);
        return n >= 2 && text[0] == '"' ? mem_strndup(text + 1, n - 2) : mem_strdup(text);
}

/* ---- an upload that was begun ---- */

static void on_upload(void *arg, const char *path, const char *text)
{
        struct upload *u = arg;
        if (streq(path, "Upload/Key"))
                keep(&u->seen_key, text);
        else if (streq(path, "Upload/UploadId"))
                keep(&u->seen_id, text);
        else if (streq(path, "Upload") && streq(u->seen_key, u->key) && u->seen_id)
                keep(&u->id, u->seen_id);
}

static void on_part(void *arg, const char *path, const char *text)
{
        struct upload *u = arg;
        if (streq(path, "Part/PartNumber") && !str_to_u64(text, &u->number))
                u->number = 0;
        else if (streq(path, "Part/Size") && !str_to_u64(text, &u->size))
                u->size = 0;
        else if (streq(path, "Part/ETag"))
                keep(&u->etag, text);
        if (!streq(path, "Part") || !u->number || u->number > u->n || !u->etag)
                return;
        struct part *p = &u->parts[u->number - 1];
        mem_free(p->etag);
        *p = (struct part){unquoted(u->etag), u->size};
}

static int ask(struct upload *u, const char *key, const char *name, const char *value,
               const char *name2, const char *value2, xml_element_fn *each, struct err *e)
{
        struct sigv4_query q = {0};
        const struct http_response *answer;
        sigv4_query_add(&q, name, value);
        sigv4_query_add(&q, name2, value2);
        struct s3_request r = {.method = "GET", .key = key, .query = &q};
        int rc = s3_call(u->s, &r, &answer, e);
        if (rc == 0)
                rc = xml_each(answer->body.data, answer->body.len, each, u, e);
        sigv4_query_deinit(&q);
        return rc;
}

/* Finding none, or not being allowed to look, only means to begin anew. */
static void find_begun(struct upload *u)
{
        struct err e = {0};
        if (ask(u, NULL, "uploads", "", "prefix", u->key, on_upload, &e) == 0 && u->id &&
            ask(u, u->key, "uploadId", u->id, "max-parts", "10000", on_part, &e) < 0)
                mem_free(TAKE(u->id));
        err_clear(&e);
}

static bool md5_of(int fd, uint64_t at, uint64_t n, char hex[33])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        char chunk[64 * 1024];
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        bool ok = EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1;
        while (ok && n) {
                ssize_t got =
                        pread(fd, chunk, n < sizeof(chunk) ? (size_t)n : sizeof(chunk), (off_t)at);
                ok = got > 0;
                if (ok)
                        EVP_DigestUpdate(md, chunk, (size_t)got);
                at += ok ? (uint64_t)got : 0;
                n -= ok ? (uint64_t)got : 0;
        }
        ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
        EVP_MD_CTX_free(md);
        if (ok)
                hex_put(hex, digest, 16);
        return ok;
}

static bool part_is_there(const struct upload *u, size_t i, const struct http_file *f)
{
        char hex[33];
        return u->parts[i].etag && u->parts[i].bytes == f->n && md5_of(f->fd, f->at, f->n, hex) &&
               streq(u->parts[i].etag, hex);
}

/* ---- begin, send, complete ---- */

static void on_begun(void *arg, const char *path, const char *text)
{
        if (streq(path, "UploadId"))
                keep(&((struct upload *)arg)->id, text);
}

static int begin(struct upload *u, struct err *e)
{
        struct http_header extra[4];
        struct sigv4_query q = {0};
        const struct http_response *answer;
        sigv4_query_add(&q, "uploads", "");
        s3_encryption_headers(u->s, extra);
        struct s3_request r = {.method = "POST", .key = u->key, .query = &q, .extra = extra};
        int rc = s3_call(u->s, &r, &answer, e);
        if (rc == 0)
                rc = xml_each(answer->body.data, answer->body.len, on_begun, u, e);
        if (rc == 0 && !u->id)
                rc = err_set(e, ERR_PROTOCOL, "POST s3://%s/%s?uploads: no UploadId", u->s->bucket,
                             u->key);
        sigv4_query_deinit(&q);
        return rc;
}

static int send_part(struct upload *u, size_t i, struct err *e)
{
        char number[24];
        uint64_t at = (uint64_t)i * u->part_bytes, left = u->bytes - at;
        struct http_file f = {u->fd, at, left < u->part_bytes ? left : u->part_bytes};
        struct sigv4_query q = {0};
        const struct http_response *answer;
        if (part_is_there(u, i, &f))
                return 0;
        snprintf(number, sizeof(number), "%zu", i + 1);
        sigv4_query_add(&q, "partNumber", number);
        sigv4_query_add(&q, "uploadId", u->id);
        struct s3_request r = {.method = "PUT", .key = u->key, .query = &q, .file = &f};
        int rc = s3_call(u->s, &r, &answer, e);
        const char *etag = rc == 0 ? http_response_header(answer, "ETag") : NULL;
        if (etag) {
                mem_free(u->parts[i].etag);
                u->parts[i] = (struct part){unquoted(etag), f.n};
        } else if (rc == 0) {
                rc = err_set(e, ERR_PROTOCOL, "PUT s3://%s/%s, part %s: no ETag", u->s->bucket,
                             u->key, number);
        }
        sigv4_query_deinit(&q);
        return rc < 0 ? err_wrap(e, "part %zu of %zu", i + 1, u->n) : 0;
}

static void on_completed(void *arg, const char *path, const char *text)
{
        struct upload *u = arg;
        if (streq(path, "Code"))
                keep(&u->code, text);
        else if (streq(path, "Message"))
                keep(&u->message, text);
}

static int complete(struct upload *u, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        struct sigv4_query q = {0};
        const struct http_response *answer;
        buf_adds(&b, "<CompleteMultipartUpload>");
        for (size_t i = 0; i < u->n; i++)
                buf_addf(&b, "<Part><PartNumber>%zu</PartNumber><ETag>\"%s\"</ETag></Part>", i + 1,
                         u->parts[i].etag);
        buf_adds(&b, "</CompleteMultipartUpload>");
        sigv4_query_add(&q, "uploadId", u->id);
        struct s3_request r = {
                .method = "POST", .key = u->key, .query = &q, .body = b.data, .body_len = b.len};
        int rc = s3_call(u->s, &r, &answer, e);
        if (rc == 0)
                rc = xml_each(answer->body.data, answer->body.len, on_completed, u, e);
        if (rc == 0 && u->code) /* 200 is sent before the parts are joined */
                rc = err_set(e, ERR_UNAVAILABLE, "complete s3://%s/%s: %s: %s", u->s->bucket,
                             u->key, u->code, u->message ? u->message : "");
        sigv4_query_deinit(&q);
        return rc;
}

static void give_up(struct upload *u)
{
        struct err e = {0};
        struct sigv4_query q = {0};
        sigv4_query_add(&q, "uploadId", u->id);
        struct s3_request r = {.method = "DELETE", .key = u->key, .query = &q};
        if (s3_call_once(u->s, &r, NULL, &e) < 0)
                err_clear(&e); /* the first problem is told; a lifecycle rule sweeps the rest */
        sigv4_query_deinit(&q);
}

static void upload_deinit(struct upload *u)
{
        for (size_t i = 0; i < u->n; i++)
                mem_free(u->parts[i].etag);
        char *texts[] = {u->id, u->seen_key, u->seen_id, u->etag, u->code, u->message};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                mem_free(texts[i]);
        mem_free(u->parts);
}

int s3_put_multipart(struct s3 *s, const char *key, int fd, uint64_t bytes, struct err *e)
{
        uint64_t part = s->part_bytes;
        while (bytes / part >= S3_PARTS_MAX)
                part *= 2;
        struct upload u = {.s = s, .key = key, .fd = fd, .bytes = bytes, .part_bytes = part};
        u.n = (size_t)((bytes + part - 1) / part);
        u.parts = mem_calloc(u.n, sizeof(*u.parts));
        find_begun(&u);
        int rc = u.id ? 0 : begin(&u, e);
        for (size_t i = 0; rc == 0 && i < u.n; i++)
                rc = send_part(&u, i, e);
        if (rc == 0)
                rc = complete(&u, e);
        if (rc < 0 && u.id && !err_retryable(e->code)) /* else the next attempt goes on */
                give_up(&u);
        upload_deinit(&u);
        return rc;
}
