/* common/lang/unicode/unicode.h: what Go's unicode package knows of a character, for the functions
 * that depend on it. Simple (one to one) case mappings. Threads: any; pure.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

uint32_t uni_upper(uint32_t c);
uint32_t uni_lower(uint32_t c);
uint32_t uni_title(uint32_t c);
bool uni_is_upper(uint32_t c);
bool uni_is_lower(uint32_t c);
bool uni_is_title(uint32_t c);
bool uni_is_letter(uint32_t c);
bool uni_is_digit(uint32_t c);  /* decimal digits */
bool uni_is_number(uint32_t c); /* all numbers */
bool uni_is_punct(uint32_t c);
bool uni_is_space(uint32_t c);
bool uni_is_print(
        uint32_t c); /* letters, marks, numbers, punctuation, symbols and the ASCII space */
