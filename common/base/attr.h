/* common/base/attr.h: compiler attributes and the ownership helpers used everywhere.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* AUTO(foo_free) struct foo *f = NULL;   frees f at scope end; the free function takes NULL.
 * *out = TAKE(f);                        hands f over and leaves NULL behind. */
#define AUTO(free_fn) __attribute__((cleanup(auto_##free_fn)))
#define TAKE(ptr)                                  \
        ({                                         \
                __typeof__(ptr) take_tmp_ = (ptr); \
                (ptr) = NULL;                      \
                take_tmp_;                         \
        })
/* AUTO_DEFINE(foo_free, struct foo *) beside the declaration of foo_free makes AUTO(foo_free) work.
 */
#define AUTO_DEFINE(free_fn, type)                        \
        static inline UNUSED void auto_##free_fn(type *p) \
        {                                                 \
                free_fn(*p);                              \
                *p = NULL;                                \
        }                                                 \
        struct auto_swallow_semicolon
