/* common/base/err.h: errors that keep their words and their origin.
 *
 * A `struct err` lives on the caller's stack. Functions that can fail return 0 or -1, take the slot
 * last and leave their outputs untouched on failure. err_set() records where the failure was found,
 * err_wrap() puts context in front while it travels up; only the top (a loop callback, main) logs.
 * Threads: a slot belongs to one thread; err_copy() moves words between threads.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include <stdbool.h>
#include <stdint.h>

/* Few codes, chosen for what a caller may do. errors.def maps them to HTTP and exit codes. */
enum err_code {
        ERR_NONE = 0,
#define ERROR_CODE(name, text, retryable, http, exit_code) ERR_##name,
#include "common/base/errors.def"
#undef ERROR_CODE
        ERR_CODE_COUNT
};

struct err {
        enum err_code code;
        char *msg; /* heap, owned by the slot */
        const char *file;
        int line;
        const char *func;
        int64_t retry_after_ms; /* hint from a peer (Retry-After); 0 = none */
};

/* ERR_SLOT(e): a slot that logs "unreported error" at scope end when nobody reported or cleared it.
 */
#define ERR_SLOT(name) __attribute__((cleanup(err_slot_end))) struct err name = {0}

#define err_set(e, code, ...) err_set_at((e), (code), __FILE__, __LINE__, __func__, __VA_ARGS__)
#define err_errno(e, num, ...) err_errno_at((e), (num), __FILE__, __LINE__, __func__, __VA_ARGS__)

/* All three return -1, so that `return err_set(...)` reads well. A NULL slot is allowed. */
int err_set_at(struct err *e, enum err_code code, const char *file, int line, const char *func,
               const char *fmt, ...) PRINTF_LIKE(6, 7);
/* As err_set with ": <strerror>" appended; the code is derived from errno (ENOENT: NOT_FOUND,
 * EACCES: DENIED, ENOSPC: FULL, ECONNREFUSED and friends: UNAVAILABLE, ETIMEDOUT: TIMEOUT, else
 * INTERNAL). */
int err_errno_at(struct err *e, int errnum, const char *file, int line, const char *func,
                 const char *fmt, ...) PRINTF_LIKE(6, 7);
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline bool err_is_set(const struct err *e)
{
        return e && e->code != ERR_NONE;
}
const char *err_msg(const struct err *e); /* never NULL */
void err_clear(struct err *e);            /* reported or handled: the slot is empty again */
void err_copy(struct err *to, const struct err *from);
void err_move(struct err *to, struct err *from); /* `from` is empty afterwards */
void err_slot_end(struct err *e);

const char *err_code_name(enum err_code code); /* "INVALID", ... */
bool err_retryable(enum err_code code);        /* the single place that decides */
int err_http_status(enum err_code code);
int err_exit_code(enum err_code code);
