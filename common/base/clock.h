/* common/base/clock.h: time that tests can turn.
 * Monotonic and wall-clock times are different types. A clock is passed in; nobody calls time()
 * behind it. Threads: the system clock from any; a fake clock from the thread of its loop.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include <stdint.h>

struct mono { /* nanoseconds since some fixed point; never goes back */
        int64_t ns;
};
struct wall { /* nanoseconds since 1970-01-01T00:00:00Z */
        int64_t ns;
};
enum { NS_PER_MS = 1000000 };
#define NS_PER_S INT64_C(1000000000)

struct clock {
        struct mono (*mono)(struct clock *);
        struct wall (*wall)(struct clock *);
};
struct clock *clock_system(void);

struct fake_clock {
        struct clock clock;
        struct mono mono_now;
        struct wall wall_now;
};
void fake_clock_init(struct fake_clock *f, struct wall start); /* monotonic time starts at 1 s */
void fake_clock_advance(struct fake_clock *f,
                        int64_t ns); /* both; see loop_run_ready() for timers */

static inline struct mono clock_mono(struct clock *c)
{
        return c->mono(c);
}
static inline struct wall clock_wall(struct clock *c)
{
        return c->wall(c);
}
static inline struct mono mono_add_ms(struct mono t, int64_t ms)
{
        return (struct mono){t.ns + ms * NS_PER_MS};
}
