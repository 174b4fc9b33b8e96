/* cli/output.h: -o json|yaml|name for any objects. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/term.h"

extern const char *const output_formats[]; /* json, yaml, name, wide */
#define OPT_OUTPUT(type)                                                                         \
        OPT(type, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT", .choices = output_formats, \
            .help = "how to print it")
/* True when `format` is json, yaml or name and the objects were printed so. `list`: an array;
 * printed as one object when it holds one and `single` is set, else as a List. */
bool output_objects(const char *format, const json_t *list, bool single);
