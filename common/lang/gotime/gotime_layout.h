/* common/lang/gotime/gotime_layout.h: the parts of a layout, shared by format and parse.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/str.h"

enum layout_part {
        LP_NONE,
        LP_LONG_MONTH,   /* January */
        LP_MONTH,        /* Jan */
        LP_NUM_MONTH,    /* 1 */
        LP_ZERO_MONTH,   /* 01 */
        LP_LONG_WEEKDAY, /* Monday */
        LP_WEEKDAY,      /* Mon */
        LP_DAY,          /* 2 */
        LP_UNDER_DAY,    /* _2 */
        LP_ZERO_DAY,     /* 02 */
        LP_UNDER_YDAY,   /* __2 */
        LP_ZERO_YDAY,    /* 002 */
        LP_HOUR,         /* 15 */
        LP_HOUR12,       /* 3 */
        LP_ZERO_HOUR12,  /* 03 */
        LP_MINUTE,       /* 4 */
        LP_ZERO_MINUTE,  /* 04 */
        LP_SECOND,       /* 5 */
        LP_ZERO_SECOND,  /* 05 */
        LP_LONG_YEAR,    /* 2006 */
        LP_YEAR,         /* 06 */
        LP_PM,           /* PM */
        LP_pm,           /* pm */
        LP_ABBREV,       /* MST */
        LP_OFFSET,       /* -0700 and its relatives */
        LP_FRACTION0,    /* .000: all digits */
        LP_FRACTION9,    /* .999: without trailing zeros */
};
struct layout_item {
        enum layout_part part;
        size_t from, to; /* in the layout */
        bool z;          /* LP_OFFSET: Z for UTC */
        bool colon, minutes, seconds;
        char separator; /* LP_FRACTION: '.' or ',' */
        int digits;
};
/* The first item at or after `from`; part is LP_NONE (from = to = layout.n) when there is none. */
struct layout_item layout_next(struct str layout, size_t from);
