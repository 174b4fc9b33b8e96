/* tests/unit/unit.h: cmocka with the headers it wants before it. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */
