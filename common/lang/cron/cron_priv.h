/* common/lang/cron/cron_priv.h: a compiled schedule. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/cron.h"

#define CRON_STAR (UINT64_C(1) << 63) /* the field was * or ? */

struct cron {
        struct arena arena; /* holds the zone */
        bool has_zone;
        const struct val_zone *zone;
        int64_t every_ns; /* 0: the fields below */
        uint64_t minute, hour, dom, month, dow;
};
