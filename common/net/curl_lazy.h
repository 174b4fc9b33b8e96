/* common/net/curl_lazy.h: libcurl, loaded by the first call (base/lazy.h).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/lazy.h"
#define CURL_DISABLE_TYPECHECK /* its macros would take the names */
#include <curl/curl.h>
#undef curl_easy_getinfo /* macros that only count arguments */
#undef curl_easy_setopt
#undef curl_multi_setopt

/* Every function that is used stands here once as FUNCTION(name) and once as a #define. */
#define CURL_FUNCTIONS(FUNCTION)           \
        FUNCTION(curl_easy_cleanup)        \
        FUNCTION(curl_easy_getinfo)        \
        FUNCTION(curl_easy_init)           \
        FUNCTION(curl_easy_reset)          \
        FUNCTION(curl_easy_setopt)         \
        FUNCTION(curl_easy_strerror)       \
        FUNCTION(curl_free)                \
        FUNCTION(curl_global_init)         \
        FUNCTION(curl_multi_add_handle)    \
        FUNCTION(curl_multi_assign)        \
        FUNCTION(curl_multi_cleanup)       \
        FUNCTION(curl_multi_info_read)     \
        FUNCTION(curl_multi_init)          \
        FUNCTION(curl_multi_remove_handle) \
        FUNCTION(curl_multi_setopt)        \
        FUNCTION(curl_multi_socket_action) \
        FUNCTION(curl_multi_strerror)      \
        FUNCTION(curl_slist_append)        \
        FUNCTION(curl_slist_free_all)      \
        FUNCTION(curl_url)                 \
        FUNCTION(curl_url_cleanup)         \
        FUNCTION(curl_url_dup)             \
        FUNCTION(curl_url_get)             \
        FUNCTION(curl_url_set)             \
        FUNCTION(curl_url_strerror)

struct curl_functions {
#define FUNCTION(name) __typeof__(name) *name;
        CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
extern struct curl_functions curl_fn; /* filled by curl_load() */
/* Loads the library at the first call. */
int curl_load(struct err *e) MUST_CHECK;

#define curl_easy_cleanup curl_fn.curl_easy_cleanup
#define curl_easy_getinfo curl_fn.curl_easy_getinfo
#define curl_easy_init curl_fn.curl_easy_init
#define curl_easy_reset curl_fn.curl_easy_reset
#define curl_easy_setopt curl_fn.curl_easy_setopt
#define curl_easy_strerror curl_fn.curl_easy_strerror
#define curl_free curl_fn.curl_free
#define curl_global_init curl_fn.curl_global_init
#define curl_multi_add_handle curl_fn.curl_multi_add_handle
#define curl_multi_assign curl_fn.curl_multi_assign
#define curl_multi_cleanup curl_fn.curl_multi_cleanup
#define curl_multi_info_read curl_fn.curl_multi_info_read
#define curl_multi_init curl_fn.curl_multi_init
#define curl_multi_remove_handle curl_fn.curl_multi_remove_handle
#define curl_multi_setopt curl_fn.curl_multi_setopt
#define curl_multi_socket_action curl_fn.curl_multi_socket_action
#define curl_multi_strerror curl_fn.curl_multi_strerror
#define curl_slist_append curl_fn.curl_slist_append
#define curl_slist_free_all curl_fn.curl_slist_free_all
#define curl_url curl_fn.curl_url
#define curl_url_cleanup curl_fn.curl_url_cleanup
#define curl_url_dup curl_fn.curl_url_dup
#define curl_url_get curl_fn.curl_url_get
#define curl_url_set curl_fn.curl_url_set
#define curl_url_strerror curl_fn.curl_url_strerror
