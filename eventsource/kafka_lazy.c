/* eventsource/kafka_lazy.c: see kafka_lazy.h. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/kafka_lazy.h"

struct kafka_functions kafka_fn;

int kafka_load(struct err *e)
{
        static const char *const names[] = {
#define FUNCTION(name) #name,
                KAFKA_FUNCTIONS(FUNCTION)
#undef FUNCTION
        };
        _Static_assert(sizeof(kafka_fn) == sizeof(names), "one pointer each");
        return lazy_load("librdkafka.so.1", names, (void **)&kafka_fn, ARRAY_LEN(names), e);
}
