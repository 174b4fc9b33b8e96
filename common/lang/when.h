/* common/lang/when.h: the conditions of `when:`: a boolean expression over literals.
 *
 * The text has its tags substituted already. Language: govaluate's (Argo v4.1;
 * conformance/lang/when.jsonl): numbers, 'strings' and "strings", true, false, parentheses and
 * lists (a, b); ** * / % + - ; == != < <= > >= =~ !~ in ; && || ! ; ?: and ??. A bare word is a
 * string for steps and tasks (heads == heads) and an unknown variable, hence an error, for
 * CronWorkflows. Limits: WHEN_MAX_DEPTH levels of nesting, WHEN_MAX_BYTES of text, regular
 * expressions with PCRE2's match limits. Strings that look like dates are unix
 * seconds. Threads: any; pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include <stdbool.h>

enum { WHEN_MAX_DEPTH = 64, WHEN_MAX_BYTES = 1 << 20 };
enum when_words { WHEN_WORDS_ARE_STRINGS, WHEN_WORDS_ARE_UNKNOWN };

/* INVALID with words that name the place and the cause. An empty text is true where words are
 * strings. */
int when_eval(bool *out, const char *text, enum when_words words, struct err *e) MUST_CHECK;
/* Only the grammar: what lint can say of a text whose tags are not substituted yet (each tag stands
 * for a word). */
int when_check(const char *text, struct err *e) MUST_CHECK;
