/* common/lang/value_priv.h: what value.c and value_json.c share. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/lang/value.h"

bool val_map_reserve(struct arena *a, struct val_map *m, size_t need);
void val_map_drop_doubles(struct val_map *m); /* of equal keys the last stays */
int val_compare_keys(struct val a, struct val b);
bool val_open_map(struct arena *a, struct val_map *m); /* from raw text or tree */
bool val_open_list(struct arena *a, struct val_list *l);
