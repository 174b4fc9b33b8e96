/* common/lang/abuf.h: a growing byte buffer in an arena, for intermediate texts of an evaluation.
 * A write that the arena cannot hold marks the buffer as failed and changes nothing more.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct abuf {
        struct arena *arena;
        char *p;
        size_t n, cap;
        bool failed;
};

static inline struct abuf abuf_in(struct arena *a)
{
        return (struct abuf){.arena = a};
}

/* Room for `more` bytes at the end, or NULL. */
static inline char *abuf_reserve(struct abuf *b, size_t more)
{
        if (b->failed)
                return NULL;
        if (more > b->cap - b->n) {
                size_t cap = b->cap ? b->cap * 2 : 64;
                while (cap - b->n < more)
                        cap *= 2;
                char *p = arena_try_alloc(b->arena, cap);
                if (!p) {
                        b->failed = true;
                        return NULL;
                }
                if (b->n)
                        memcpy(p, b->p, b->n);
                b->p = p;
                b->cap = cap;
        }
        return b->p + b->n;
}

static inline void abuf_add(struct abuf *b, struct str s)
{
        char *at = s.n ? abuf_reserve(b, s.n) : NULL;
        if (at) {
                memcpy(at, s.p, s.n);
                b->n += s.n;
        }
}

static inline void abuf_addc(struct abuf *b, char c)
{
        abuf_add(b, (struct str){&c, 1});
}

static inline void abuf_adds(struct abuf *b, const char *s)
{
        abuf_add(b, str_of(s));
}

/* Short pieces only: what is longer than 500 bytes is cut. */
static inline UNUSED PRINTF_LIKE(2, 3) void abuf_addf(struct abuf *b, const char *fmt, ...)
{
        char text[512];
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (n > 0)
                abuf_add(b, (struct str){text,
                                         (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1});
}

static inline struct str abuf_str(const struct abuf *b)
{
        return (struct str){b->p ? b->p : "", b->n};
}
