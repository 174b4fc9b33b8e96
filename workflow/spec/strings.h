/* workflow/spec/strings.h: every string of a tree, without printing it. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

/* Stops and returns true as soon as `each` does. Keys are not visited. Deeper than 64 levels is not
 * visited. */
typedef bool strings_fn(void *arg, const char *text, size_t n);
bool strings_any(const json_t *tree, strings_fn *each, void *arg);
