/* common/base/buf.h: the one growing byte buffer. It is born with a maximum; a write past it
 * changes nothing more and marks the buffer as overflowed, which the writer checks once at the end.
 * The content is always followed by a NUL that does not count. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/attr.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
        char *data; /* NULL until the first write */
        size_t len, cap, max;
        bool overflow;
};
#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})
#define BUF_UNBOUNDED SIZE_MAX

void buf_init(struct buf *b, size_t max_bytes);
void buf_deinit(struct buf *b); /* keeps max, so the buffer may be used again */
static inline UNUSED void auto_buf_deinit(struct buf *b)
{
        buf_deinit(b);
}
#define AUTO_BUF __attribute__((cleanup(auto_buf_deinit)))

void buf_reset(struct buf *b); /* empty, memory kept */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
char *buf_reserve(struct buf *b,
                  size_t n); /* room for n more bytes at the end, or NULL (overflow) */
void buf_consume(struct buf *b, size_t n); /* drop n bytes at the front */
void buf_truncate(struct buf *b, size_t len);
const char *buf_str(const struct buf *b); /* "" when empty, never NULL */
char *buf_take(struct buf *b);            /* the heap string; the buffer is empty afterwards */
