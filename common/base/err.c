/* common/base/err.c: see err.h. The words grow at the front: "sensor a: trigger b: POST ...:
 * timeout". SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *name;
        bool retryable;
        int http, exit_code;
} codes[] = {
        [ERR_NONE] = {"NONE", false, 200, 0},
#define ERROR_CODE(name_, text, retry_, http_, exit_) \
        [ERR_##name_] = {#name_, retry_, http_, exit_},
#include "common/base/errors.def"
#undef ERROR_CODE
};

static void place(struct err *e, enum err_code code, const char *file, int line, const char *func)
{
        assert(e->code == ERR_NONE && "an error slot was set twice without being reported");
        assert(code > ERR_NONE && code < ERR_CODE_COUNT);
        e->code = code;
        e->file = file;
        e->line = line;
        e->func = func;
}

int err_set_at(struct err *e, enum err_code code, const char *file, int line, const char *func,
               const char *fmt, ...)
{
        if (!e)
                return -1;
        place(e, code, file, line, func);
        va_list ap;
        va_start(ap, fmt);
        e->msg = mem_vprintf(fmt, ap);
        va_end(ap);
        return -1;
}

static enum err_code code_of_errno(int errnum)
{
        switch (errnum) {
        case ENOENT:
        case ENOTDIR:
        case ESRCH: return ERR_NOT_FOUND;
        case EACCES:
        case EPERM:
        case EROFS: return ERR_DENIED;
        case EEXIST: return ERR_CONFLICT;
        case ENOSPC:
        case EDQUOT: return ERR_FULL;
        case EFBIG:
        case E2BIG:
        case ENAMETOOLONG: return ERR_LIMIT;
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EPIPE:
        case EADDRINUSE:
        case EADDRNOTAVAIL:
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOMEM: return ERR_UNAVAILABLE;
        case ETIMEDOUT: return ERR_TIMEOUT;
        case EINVAL:
        case ELOOP:
        case EXDEV:
        case EISDIR: return ERR_INVALID;
        default: return ERR_INTERNAL;
        }
}

int err_errno_at(struct err *e, int errnum, const char *file, int line, const char *func,
                 const char *fmt, ...)
{
        if (!e)
                return -1;
        place(e, code_of_errno(errnum), file, line, func);
        va_list ap;
        va_start(ap, fmt);
        AUTO(mem_free) char *what = mem_vprintf(fmt, ap);
        va_end(ap);
        char text[128];
        e->msg = mem_printf("%s: %s", what, strerror_r(errnum, text, sizeof(text)));
        return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
        if (!err_is_set(e))
                return -1;
        va_list ap;
        va_start(ap, fmt);
        AUTO(mem_free) char *front = mem_vprintf(fmt, ap);
        va_end(ap);
        char *joined = mem_printf("%s: %s", front, e->msg);
        free(e->msg);
        e->msg = joined;
        return -1;
}

const char *err_msg(const struct err *e)
{
        return e && e->msg ? e->msg : "no error";
}

void err_clear(struct err *e)
{
        if (!e)
                return;
        free(e->msg);
        *e = (struct err){0};
}

void err_copy(struct err *to, const struct err *from)
{
        if (!to)
                return;
        *to = *from;
        to->msg = from->msg ? mem_strdup(from->msg) : NULL;
}

void err_move(struct err *to, struct err *from)
{
        if (to)
                *to = *from;
        else
                free(from->msg);
        *from = (struct err){0};
}

void err_slot_end(struct err *e)
{
        if (err_is_set(e))
                log_error(log_root(), "unreported error", F_ERR(e));
        err_clear(e);
}

const char *err_code_name(enum err_code code)
{
        return codes[code].name;
}

bool err_retryable(enum err_code code)
{
        return codes[code].retryable;
}

int err_http_status(enum err_code code)
{
        return codes[code].http;
}

int err_exit_code(enum err_code code)
{
        return codes[code].exit_code;
}
