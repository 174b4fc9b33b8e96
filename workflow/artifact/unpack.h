/* workflow/artifact/unpack.h: what the readers of tarballs and zip archives share; tar.h says what
 * is refused. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/artifact/tree.h"
#include <archive.h>
#include <archive_entry.h>

/* Everything from `first` on, which was read from `reader` (not freed here), becomes to_dir/to.
 * `what` begins the words of errors. */
int unpack_archive(struct archive *reader, const char *what, struct archive_entry *first,
                   int to_dir, const char *to, struct tree_copy *limits, struct err *e) MUST_CHECK;
/* Of an entry; NULL: there is none. What is no text of this locale may still be UTF-8: pax headers
 * are. */
const char *unpack_path(struct archive_entry *entry);
const char *unpack_link(struct archive_entry *entry);
const char *unpack_hard_link(struct archive_entry *entry);
