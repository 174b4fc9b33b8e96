/* common/lang/labelsel_priv.h: what the two readers of selectors share. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/lang/labelsel.h"

struct labelsel {
        struct arena arena;
        struct str text; /* our copy: keys point into it */
        struct labelsel_term *terms;
        size_t n, cap;
        bool fields;
};

int labelsel_start(struct labelsel **out, struct str text, struct err *e);
struct labelsel_term *labelsel_add(struct labelsel *s);
void labelsel_values(struct labelsel *s, struct labelsel_term *t, struct str *values, size_t n);
int labelsel_order(struct str a, struct str b);
