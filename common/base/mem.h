/* common/base/mem.h: allocation that aborts on failure, formatted strings, and an arena.
 * Small allocations never return NULL; anything sized by outside input is checked against a limit
 * by the caller first. An arena serves one evaluation or one loaded config and is dropped whole.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size) MUST_CHECK;            /* zeroed */
void *mem_calloc(size_t n, size_t size) MUST_CHECK; /* zeroed, overflow-checked */
void *mem_realloc(void *p, size_t n, size_t size) MUST_CHECK;
char *mem_strdup(const char *s) MUST_CHECK;            /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n) MUST_CHECK; /* always terminated */
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;
char *mem_vprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0) MUST_CHECK;
void mem_free(void *p);
static inline UNUSED void auto_mem_free(void *p)
{
        mem_free(*(void **)p);
}
#define NEW(type) ((type *)mem_alloc(sizeof(type)))

/* Grow `array` (a pointer) so that it has room for `need` items; `cap` is its capacity variable. */
#define mem_grow(array, cap, need)                                                  \
        do {                                                                        \
                if ((need) > (cap)) {                                               \
                        size_t grow_to_ = (cap) ? (cap)*2 : 8;                      \
                        while (grow_to_ < (need))                                   \
                                grow_to_ *= 2;                                      \
                        (array) = mem_realloc((array), grow_to_, sizeof(*(array))); \
                        (cap) = grow_to_;                                           \
                }                                                                   \
        } while (0)

struct arena_block;
struct arena {
        struct arena_block *blocks;
        size_t used, cap; /* in the newest block */
        size_t total;     /* bytes handed out since the last reset */
        size_t max;       /* 0 = unbounded; past it arena_try_alloc answers NULL */
};
void arena_init(struct arena *a, size_t max_bytes);
void arena_deinit(struct arena *a);
void arena_reset(struct arena *a);               /* keeps one block for reuse */
void *arena_alloc(struct arena *a, size_t size); /* aligned to 16, not zeroed; aborts past max */
void *arena_try_alloc(struct arena *a, size_t size) MUST_CHECK; /* NULL past max */
void *arena_zalloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
