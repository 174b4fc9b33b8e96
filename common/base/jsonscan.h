/* common/base/jsonscan.h: the payload scanner: event bodies as raw bytes, validated once, never
 * built into a tree. Strict RFC 8259: UTF-8, no duplicate check (duplicates in a body survive),
 * depth and size limits, trailing bytes refused. Threads: any; pure. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { JSON_SCAN_DEPTH = 64 };
/* Well-formed? The error says "line 1 column 17: expected ':' after the key, found 'x'". One pass,
 * no allocation. */
int json_scan(const char *text, size_t n, struct err *e) MUST_CHECK;
/* The same, and append the text without white space; with `html` also < > & U+2028 U+2029 escaped
 * as Go's encoder does. */
int json_compact(struct buf *out, const char *text, size_t n, bool html, struct err *e) MUST_CHECK;

/* Skip one value that starts at text[i] in WELL-FORMED JSON; returns the index behind it. */
size_t json_skip(const char *text, size_t n, size_t i);
size_t json_skip_space(const char *text, size_t n, size_t i);
/* The value of a top-level member in well-formed JSON (first occurrence), as raw text; .p NULL when
 * absent. */
struct str json_member(const char *text, size_t n, const char *key);
/* Unescape a raw JSON string (with its quotes) to UTF-8. False when it is not a string. */
bool json_unquote(struct buf *out, struct str raw);
