/* common/net/curl_lazy.c: see curl_lazy.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/curl_lazy.h"
#include <pthread.h>

struct curl_functions curl_fn;

static int load(struct err *e)
{
        static const char *const names[] = {
#define FUNCTION(name) #name,
                CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
        };
        _Static_assert(sizeof(curl_fn) == sizeof(names), "one pointer each");
        bool first = !curl_easy_cleanup;
        if (lazy_load("libcurl.so.4", names, (void **)&curl_fn, ARRAY_LEN(names), e) < 0)
                return err_wrap(e, "HTTP client");
        if (first && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return err_set(e, ERR_INTERNAL, "curl cannot be initialised");
        return 0;
}

int curl_load(struct err *e)
{
        static pthread_mutex_t lock =
                PTHREAD_MUTEX_INITIALIZER; /* transfers load it from worker threads */
        pthread_mutex_lock(&lock);
        int rc = load(e);
        pthread_mutex_unlock(&lock);
        return rc;
}
