/* bench/lang_reference.h: the reference sides of lang_speed.c: what somebody would write by hand
 * for one question, and the inputs of both sides. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* A webhook payload of about 1.2 KB: {"header": ..., "body": {..., "kind", "pages", "meta"}}. */
const char *reference_event(void);
/* body.kind contains "invoice", body.pages > 10, body.meta.urgent is true: one pass over the text.
 */
bool reference_scan(const char *p, size_t n);
bool reference_jansson(const char *p, size_t n); /* the same after parsing it whole */

/* A document of about `bytes` with {"rows": [...], "meta": {"answer": 4711}}. */
void reference_document(struct buf *out, size_t bytes);

const char *reference_template(void); /* Go template, about 1 KB, five values */
const char *reference_template_data(void);
void reference_print(char *out, size_t n);
