/* common/base/mem.c: see mem.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NORETURN void out_of_memory(size_t size)
{
        fprintf(stderr, "tiphys: out of memory (%zu bytes wanted)\n", size);
        abort();
}

void *mem_alloc(size_t size)
{
        void *p = calloc(1, size ? size : 1);
        if (!p)
                out_of_memory(size);
        return p;
}

void *mem_calloc(size_t n, size_t size)
{
        void *p = calloc(n ? n : 1, size ? size : 1);
        if (!p)
                out_of_memory(size);
        return p;
}

void *mem_realloc(void *p, size_t n, size_t size)
{
        void *q = reallocarray(p, n ? n : 1, size ? size : 1);
        if (!q)
                out_of_memory(size);
        return q;
}

char *mem_strdup(const char *s)
{
        return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
        char *p = malloc(n + 1);
        if (!p)
                out_of_memory(n);
        if (n)
                memcpy(p, s, n);
        p[n] = '\0';
        return p;
}

char *mem_vprintf(const char *fmt, va_list ap)
{
        char *p = NULL;
        if (vasprintf(&p, fmt, ap) < 0)
                out_of_memory(0);
        return p;
}

char *mem_printf(const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        char *p = mem_vprintf(fmt, ap);
        va_end(ap);
        return p;
}

void mem_free(void *p)
{
        free(p);
}

enum { ARENA_BLOCK_BYTES = 4096 - 64 };

struct arena_block {
        struct arena_block *next;
        size_t cap;
        _Alignas(16) char data[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
        *a = (struct arena){.max = max_bytes};
}

void arena_deinit(struct arena *a)
{
        while (a->blocks) {
                struct arena_block *b = a->blocks;
                a->blocks = b->next;
                free(b);
        }
        a->used = a->cap = a->total = 0;
}

void arena_reset(struct arena *a)
{
        if (!a->blocks)
                return;
        struct arena_block *keep = a->blocks;
        while (keep->next) {
                struct arena_block *b = keep->next;
                keep->next = b->next;
                free(b);
        }
        a->used = a->total = 0;
        a->cap = keep->cap;
}

void *arena_try_alloc(struct arena *a, size_t size)
{
        size_t need = (size + 15) & ~(size_t)15;
        if (need < size || (a->max && a->total + need > a->max))
                return NULL;
        if (!a->blocks || a->used + need > a->cap) {
                size_t cap = need > ARENA_BLOCK_BYTES ? need : ARENA_BLOCK_BYTES;
                struct arena_block *b = malloc(sizeof(*b) + cap);
                if (!b)
                        out_of_memory(cap);
                b->cap = cap;
                b->next = a->blocks;
                a->blocks = b;
                a->used = 0;
                a->cap = cap;
        }
        void *p = a->blocks->data + a->used;
        a->used += need;
        a->total += need;
        return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
        void *p = arena_try_alloc(a, size);
        if (!p)
                out_of_memory(size);
        return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
        return memset(arena_alloc(a, size), 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
        char *p = arena_alloc(a, n + 1);
        if (n)
                memcpy(p, s, n);
        p[n] = '\0';
        return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        char *heap = mem_vprintf(fmt, ap);
        va_end(ap);
        char *p = arena_strndup(a, heap, strlen(heap));
        free(heap);
        return p;
}
