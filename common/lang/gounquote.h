/* common/lang/gounquote.h: escapes in quoted texts, as Go's strconv.UnquoteChar reads them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/str.h"

/* s.p[*i] is behind a backslash; `quote` may be escaped. True with the bytes in out, and *i behind
 * the escape. \a \b \f \n \r \t \v \\ \xhh \ooo \uhhhh \Uhhhhhhhh. */
bool gounquote_escape(struct str s, size_t *i, char quote, char out[4], size_t *len);
