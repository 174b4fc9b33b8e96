/* common/base/table.h: uthash as this house uses it: with our own hash function, since clang warns
 * about the one it brings. Include this instead of <uthash.h>. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/hash.h"
#define HASH_FUNCTION(key, len, out) ((out) = fnv1a32((key), (len)))
#include <uthash.h>
