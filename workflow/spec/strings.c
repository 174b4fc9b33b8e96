/* workflow/spec/strings.c: see strings.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/strings.h"
#include <stdint.h>

enum { STRINGS_MAX_DEPTH = 64 };

static bool walk(const json_t *j, strings_fn *each, void *arg, int depth)
{
        const char *key;
        json_t *v;
        size_t i;
        if (json_is_string(j))
                return each(arg, json_string_value(j), json_string_length(j));
        if (depth > STRINGS_MAX_DEPTH)
                return false;
        json_array_foreach ((json_t *)(uintptr_t)j, i, v) {
                if (walk(v, each, arg, depth + 1))
                        return true;
        }
        json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                if (walk(v, each, arg, depth + 1))
                        return true;
        }
        return false;
}

bool strings_any(const json_t *tree, strings_fn *each, void *arg)
{
        return walk(tree, each, arg, 0);
}
