/* tests/unit/workflow_artifact/scratch.h: a folder for one test, made and listed as text.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct scratch {
        char *path;
        int dir;
};
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* Lines "path" (folder when it ends in /), "path=content", "path->target". */
void scratch_make(struct scratch *s, const char *lines);
/* The same form, sorted by path, for what is beneath `name`. Heap. */
char *scratch_list(struct scratch *s, const char *name);
void assert_tree(struct scratch *s, const char *name, const char *want);
void assert_ok(int rc, struct err *e);
void assert_refused(int rc, struct err *e, enum err_code code, const char *words);
