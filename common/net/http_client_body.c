/* common/net/http_client_body.c: a body read from a file while it is sent (and once more after a
 * redirect), and the headers of an answer. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/http_client_priv.h"
#include <errno.h>
#include <strings.h>
#include <unistd.h>

enum { HEADERS_MAX = 256 };

static size_t read_file(char *to, size_t size, size_t n, void *arg)
{
        struct http_call *call = arg;
        uint64_t left = call->file.n - call->file_sent;
        n *= size;
        n = n < left ? n : (size_t)left;
        ssize_t got;
        do
                got = n ? pread(call->file.fd, to, n, (off_t)(call->file.at + call->file_sent)) : 0;
        while (got < 0 && errno == EINTR);
        if (got < 0 || (got == 0 && n)) /* it became shorter: what was promised cannot be sent */
                return CURL_READFUNC_ABORT;
        call->file_sent += (uint64_t)got;
        return (size_t)got;
}

static int rewind_file(void *arg, curl_off_t offset, int origin)
{
        struct http_call *call = arg;
        if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > call->file.n)
                return CURL_SEEKFUNC_FAIL;
        call->file_sent = (uint64_t)offset;
        return CURL_SEEKFUNC_OK;
}

void http_call_send_file(struct http_call *call, const struct http_call_spec *spec)
{
        call->file = *spec->file;
        call->file_sent = 0;
        curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file.n);
        curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, read_file);
        curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
        curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, rewind_file);
        curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call);
        curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, spec->method);
}

/* ---- headers ---- */

void http_call_drop_headers(struct http_call *call)
{
        for (size_t i = 0; i < call->n_headers; i++)
                mem_free((char *)(uintptr_t)call->response.headers[i].name);
        call->n_headers = 0;
}

void http_call_keep_header(struct http_call *call, const char *line, size_t n)
{
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* another answer begins */
                http_call_drop_headers(call);
                return;
        }
        const char *colon = memchr(line, ':', n);
        if (!colon || call->n_headers == HEADERS_MAX)
                return;
        struct str value = str_trim((struct str){colon + 1, n - (size_t)(colon + 1 - line)});
        size_t name_len = (size_t)(colon - line);
        char *both = mem_alloc(name_len + value.n + 2); /* "name\0value\0" */
        memcpy(both, line, name_len);
        memcpy(both + name_len + 1, value.p, value.n);
        mem_grow(call->response.headers, call->cap_headers, call->n_headers + 2);
        call->response.headers[call->n_headers++] = (struct http_header){both, both + name_len + 1};
        call->response.headers[call->n_headers] = (struct http_header){0};
}

const char *http_response_header(const struct http_response *r, const char *name)
{
        for (const struct http_header *h = r->headers; h && h->name; h++)
                if (strcasecmp(h->name, name) == 0)
                        return h->value;
        return NULL;
}
