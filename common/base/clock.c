/* common/base/clock.c: see clock.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include <time.h>

static int64_t read_clock(clockid_t id)
{
        struct timespec ts;
        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static struct mono system_mono(struct clock *c UNUSED)
{
        return (struct mono){read_clock(CLOCK_MONOTONIC)};
}

static struct wall system_wall(struct clock *c UNUSED)
{
        return (struct wall){read_clock(CLOCK_REALTIME)};
}

struct clock *clock_system(void)
{
        static struct clock system = {system_mono, system_wall};
        return &system;
}

static struct mono fake_mono(struct clock *c)
{
        return container_of(c, struct fake_clock, clock)->mono_now;
}

static struct wall fake_wall(struct clock *c)
{
        return container_of(c, struct fake_clock, clock)->wall_now;
}

void fake_clock_init(struct fake_clock *f, struct wall start)
{
        *f = (struct fake_clock){{fake_mono, fake_wall}, {NS_PER_S}, start};
}

void fake_clock_advance(struct fake_clock *f, int64_t ns)
{
        f->mono_now.ns += ns;
        f->wall_now.ns += ns;
}
