/* common/s3/xml.h: S3's answers, read by expat: one callback for each element with text.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <stddef.h>

enum { XML_DEPTH_MAX = 16, XML_TEXT_MAX = 64 * 1024 };
/* `path` is the way from the root, without it: "Contents/Key"; "" is the root itself. Called at the
 * end of each element: `text` is its own text ("" for none). */
typedef void xml_element_fn(void *arg, const char *path, const char *text);
/* PROTOCOL when it is not well-formed; document types are refused. */
int xml_each(const char *data, size_t n, xml_element_fn *each, void *arg, struct err *e) MUST_CHECK;
