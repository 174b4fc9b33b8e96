/* tests/fuzz/fuzz.h: what a fuzz target defines. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* returns 0; a fault is an abort */

/* Not assert(): it must also hold in builds without asserts. */
#define FUZZ_CHECK(condition)     \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)
