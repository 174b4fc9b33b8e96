/* workflow/cron/due.c: which slot is due; see cronwf.h. Slots are whole seconds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/cron.h"
#include "workflow/cron/cronwf.h"

#define LATE_NS (CRONWF_LATE_S * NS_PER_S)

int64_t cronwf_next(const struct cronwf_spec *s, int64_t after_ns)
{
        int64_t first = INT64_MAX, slot;
        for (size_t i = 0; i < s->n; i++)
                if (cron_next_ns(s->schedules[i], after_ns, NULL, &slot) && slot < first)
                        first = slot;
        return first;
}

/* The newest slot in (after, now). */
static bool newest(const struct cron *c, int64_t after_ns, int64_t now_ns, int64_t *slot_ns)
{
        int64_t slot;
        if (cron_prev_ns(c, now_ns, NULL, &slot)) {
                *slot_ns = slot;
                return slot > after_ns;
        }
        bool found = false; /* @every counts from where it began */
        while (cron_next_ns(c, after_ns, NULL, &slot) && slot < now_ns) {
                *slot_ns = after_ns = slot;
                found = true;
        }
        return found;
}

static bool is_open(const struct cronwf_spec *s, int64_t slot_ns, int64_t now_ns)
{
        return s->deadline_ns >= 0 && now_ns - slot_ns < s->deadline_ns;
}

bool cronwf_missed(const struct cronwf_spec *s, int64_t last_ns, int64_t now_ns, int64_t *slot_ns)
{
        for (size_t i = 0; s->deadline_ns >= 0 && i < s->n; i++)
                if (newest(s->schedules[i], last_ns, now_ns, slot_ns) &&
                    is_open(s, *slot_ns, now_ns))
                        return true;
        return false;
}

bool cronwf_due(const struct cronwf_spec *s, int64_t looked_ns, int64_t now_ns, int64_t *slot_ns)
{
        int64_t slot = cronwf_next(s, looked_ns);
        if (slot <= now_ns && now_ns - slot < LATE_NS) {
                *slot_ns = slot;
                return true;
        }
        if (slot > now_ns)
                return false;
        slot = cronwf_next(s, now_ns - LATE_NS); /* those before were slept through */
        if (slot <= now_ns) {
                *slot_ns = slot;
                return true;
        }
        return cronwf_missed(s, looked_ns, now_ns, slot_ns);
}
