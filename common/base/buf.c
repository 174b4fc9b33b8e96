/* common/base/buf.c: see buf.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
        *b = BUF_INIT(max_bytes);
}

void buf_deinit(struct buf *b)
{
        free(b->data);
        *b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
        b->len = 0;
        b->overflow = false;
        if (b->data)
                b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
        if (b->overflow || n > b->max - b->len || n >= SIZE_MAX - b->len) {
                b->overflow = true;
                return NULL;
        }
        if (b->len + n + 1 > b->cap || !b->data) {
                size_t cap = b->cap ? b->cap : 64;
                while (cap < b->len + n + 1)
                        cap = cap * 2;
                b->data = mem_realloc(b->data, cap, 1);
                b->data[b->len] = '\0';
                b->cap = cap;
                b->data[b->len] = '\0';
        }
        return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
        bool fits = !b->overflow && n < b->cap - b->len && n <= b->max - b->len; /* mostly */
        char *at = fits ? b->data + b->len : buf_reserve(b, n);
        if (!at)
                return;
        if (n)
                memcpy(at, data, n);
        b->len += n;
        b->data[b->len] = '\0';
}

void buf_addc(struct buf *b, char c)
{
        buf_add(b, &c, 1);
}

void buf_adds(struct buf *b, const char *s)
{
        buf_add(b, s, strlen(s));
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
        va_list again;
        va_copy(again, ap);
        char small[256];
        int n = vsnprintf(small, sizeof(small), fmt, ap);
        if (n >= 0 && (size_t)n < sizeof(small)) {
                buf_add(b, small, (size_t)n);
        } else if (n > 0) {
                char *at = buf_reserve(b, (size_t)n);
                if (at) {
                        vsnprintf(at, (size_t)n + 1, fmt, again);
                        b->len += (size_t)n;
                }
        }
        va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        buf_vaddf(b, fmt, ap);
        va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
        if (n >= b->len) {
                b->len = 0;
        } else {
                memmove(b->data, b->data + n, b->len - n);
                b->len -= n;
        }
        if (b->data)
                b->data[b->len] = '\0';
}

void buf_truncate(struct buf *b, size_t len)
{
        if (len < b->len) {
                b->len = len;
                b->data[len] = '\0';
        }
}

const char *buf_str(const struct buf *b)
{
        return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
        char *s = b->data ? b->data : mem_strdup("");
        *b = BUF_INIT(b->max);
        return s;
}
