/* workflow/artifact/http_driver.c: {"http": {...}} and {"artifactory": {...}}: GET is an input, PUT
 * an output.
 *
 * Only files travel: a folder has to be archived first. A GET follows redirects (credentials stay
 * with the first host), is tried again where it was not reached or the server was busy, and is
 * bounded in bytes; silence ends it. A PUT is tried again, too: it puts the same again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/http_auth.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REDIRECTS_MAX = 10, ATTEMPTS = 4, IDLE_MS = 60000, PAUSE_MS = 250, HEADERS_MAX = 64 };

struct transfer {
        struct artifacts *a;
        const char *url;
        struct http_auth auth;
        struct http_header headers[HEADERS_MAX + 1];
};

static int take_headers(struct transfer *t, const json_t *at, struct err *e)
{
        size_t i;
        json_t *j;
        json_array_foreach (json_object_get(at, "headers"), i, j) {
                const char *name = json_str(j, "name"), *value = json_str(j, "value");
                if (str_empty(name) || !value || i == HEADERS_MAX)
                        return err_set(e, ERR_INVALID, "headers[%zu]: needs a name and a value", i);
                t->headers[i] = (struct http_header){name, value};
        }
        return 0;
}

static int transfer_init(struct transfer *t, struct artifacts *a, const json_t *at, struct err *e)
{
        *t = (struct transfer){.a = a, .url = json_str(at, "url")};
        if (str_empty(t->url))
                return err_set(e, ERR_INVALID, "url: there is none");
        /* artifactory has its two secrets beside the url, http below auth.basicAuth */
        AUTO_JSON json_t *beside = json_pack("{s:O}", "basicAuth", at);
        const json_t *auth = json_object_get(at, "auth");
        return take_headers(t, at, e) < 0 ? -1 : http_auth_of(&t->auth, a, auth ? auth : beside, e);
}

/* ---- GET ---- */

struct body {
        int fd;
        uint64_t got;
        struct err why;
};

static void on_status(void *arg, int status UNUSED)
{
        struct body *b = arg; /* an attempt before may have written something */
        if (ftruncate(b->fd, 0) < 0 || lseek(b->fd, 0, SEEK_SET) < 0)
                err_errno(&b->why, errno, "begin again");
        b->got = 0;
}

static bool on_data(void *arg, const void *data, size_t n)
{
        struct body *b = arg;
        b->got += n;
        if (b->got > ARTIFACT_BYTES_MAX)
                err_set(&b->why, ERR_LIMIT, "it is larger than %llu bytes",
                        (unsigned long long)ARTIFACT_BYTES_MAX);
        return !err_is_set(&b->why) && fs_write_all(b->fd, data, n, &b->why) == 0;
}

static int call_once(struct transfer *t, struct http_call_spec *spec, void *arg, struct err *e)
{
        const struct http_response *answer;
        if (http_wait_call(t->a->http, spec, arg, &answer, e) < 0)
                return -1;
        return answer->status / 100 == 2 ? 0 : http_status_err(answer, e);
}

static int call(struct transfer *t, struct http_call_spec *spec, void *arg, const struct err *why,
                struct err *e)
{
        spec->url = t->url;
        spec->headers = t->headers;
        spec->timeout_ms = -1;
        spec->idle_timeout_ms = IDLE_MS;
        spec->guard = t->a->guard;
        http_auth_put(spec, &t->auth);
        for (int attempt = 1;; attempt++) {
                if (call_once(t, spec, arg, e) == 0)
                        return 0;
                if (err_is_set(why) || !err_retryable(e->code) || attempt == ATTEMPTS)
                        return -1;
                struct err waiting = {0};
                if (http_wait_pause(t->a->http, PAUSE_MS << attempt, &waiting) < 0) {
                        err_clear(&waiting);
                        return -1;
                }
                err_clear(e);
        }
}

static int http_fetch(struct artifacts *a, const json_t *at, const char *sub, int to_dir,
                      const char *to, struct err *e)
{
        struct transfer t;
        struct body body = {0};
        struct http_call_spec spec = {.method = "GET",
                                      .max_redirects = REDIRECTS_MAX,
                                      .on_data = on_data,
                                      .on_status = on_status};
        if (!str_empty(sub))
                return err_set(e, ERR_INVALID, "subPath: what a URL answers has no parts");
        if (transfer_init(&t, a, at, e) < 0)
                return -1;
        body.fd = openat(to_dir, to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        int rc = body.fd < 0 ? err_errno(e, errno, "%s", to) : call(&t, &spec, &body, &body.why, e);
        if (err_is_set(&body.why)) {
                err_clear(e);
                err_move(e, &body.why);
        }
        if (body.fd >= 0)
                close(body.fd);
        if (rc < 0 && body.fd >= 0)
                unlinkat(to_dir, to, 0);
        http_auth_deinit(&t.auth);
        return rc;
}

/* ---- PUT ---- */

static int put_file(struct transfer *t, int fd, struct err *e)
{
        struct stat st;
        struct err none = {0};
        if (fstat(fd, &st) < 0)
                return err_errno(e, errno, "stat");
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_INVALID,
                               "only a file can be sent by PUT: archive the folder (archive.tar "
                               "or archive.zip)");
        struct http_file file = {fd, 0, (uint64_t)st.st_size};
        struct http_call_spec spec = {
                .method = "PUT", .file = &file, .max_redirects = REDIRECTS_MAX};
        return call(t, &spec, NULL, &none, e);
}

static int http_save(struct artifacts *a, const json_t *at, int from_dir, const char *from,
                     struct err *e)
{
        struct transfer t;
        if (transfer_init(&t, a, at, e) < 0)
                return -1;
        int fd = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        int rc = fd < 0 ? err_errno(e, errno, "%s", from) : put_file(&t, fd, e);
        if (fd >= 0)
                close(fd);
        http_auth_deinit(&t.auth);
        return rc;
}

/* ---- the rest ---- */

static int http_open(struct artifacts *a, const json_t *at, const char *sub, int *fd, struct err *e)
{
        static const char name[] = ".fetched";
        int dir = openat(a->store, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        AUTO(mem_free) char *temp = mem_printf("%s.%p", name, (void *)a);
        int rc = dir < 0 ? err_errno(e, errno, "store") : http_fetch(a, at, sub, dir, temp, e);
        int got = rc == 0 ? openat(dir, temp, O_RDONLY | O_CLOEXEC) : -1;
        if (dir >= 0) {
                unlinkat(dir, temp, 0);
                close(dir);
        }
        if (rc == 0 && got < 0)
                return err_errno(e, errno, "%s", temp);
        *fd = got;
        return rc;
}

static int http_stat(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                     struct artifact_info *out, struct err *e UNUSED)
{
        *out = (struct artifact_info){0}; /* asking costs as much as reading */
        return 0;
}

static int http_list(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                     json_t **out UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is one file, no folder");
}

static int http_pack(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                     int fd UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is one file: read it as it is");
}

static int http_delete(struct artifacts *a UNUSED, const json_t *at UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "what was put to a URL is not deleted there");
}

#define HTTP_DRIVER(kind)                                                                        \
        {                                                                                        \
                .type = kind, .stat = http_stat, .open = http_open, .list = http_list,           \
                .pack = http_pack, .delete = http_delete, .fetch = http_fetch, .save = http_save \
        }
const struct artifact_driver artifact_driver_http = HTTP_DRIVER("http");
const struct artifact_driver artifact_driver_artifactory = HTTP_DRIVER("artifactory");
