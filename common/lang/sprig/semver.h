/* common/lang/sprig/semver.h: Masterminds/semver v3 versions and constraints, as sprig's semver
 * functions use them. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/abuf.h"
#include <stdint.h>

struct semver {
        uint64_t major, minor, patch;
        struct str pre, meta, original;
};
/* On failure *why is a static text. Strings point into `text`. */
bool semver_parse(struct str text, struct semver *out, const char **why);
void semver_put(struct abuf *b, const struct semver *v); /* 1.2.3-pre+meta */
int semver_compare(const struct semver *a, const struct semver *b);
bool semver_check(struct str constraint, const struct semver *v, bool *ok, const char **why);
