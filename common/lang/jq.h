/* common/lang/jq.h: jq programs, as gojq runs them: `transform.jq` of Sensors.
 *
 * The whole language of gojq v0.12.19 without modules, inputs and environment ($ENV is {}):
 * integers of any size, objects in the order of their keys, RE2 regular expressions, gojq's words
 * in errors (programs see them by catch). Numbers of the input are doubles. Our own interpreter and
 * not libjq, because libjq cannot be stopped, ends the process when memory is short and answers
 * differently (docs/decisions/0031-jq.md). Limits: LANG_STEPS, JQ_MEMORY, depth of programs
 * LANG_DEPTH, of data JQ_DEPTH. Threads: a compiled program is immutable. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/lang/value.h"

enum { JQ_MEMORY = 64 << 20, JQ_DEPTH = 200 };
struct jq;
/* INVALID, "offset N: ..." and N in *at (may be NULL). */
int jq_new(struct jq **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct jq *jq_free(struct jq *q);
AUTO_DEFINE(jq_free, struct jq *);

/* Called for each output: its JSON text, keys sorted, which lives until the call returns. Not
 * finite: NaN or an infinity is inside (printed as null and the largest double). False ends the
 * run, without an error. */
typedef bool jq_output_fn(void *arg, struct str json, bool finite);
/* INVALID: the program ended with an error, in gojq's words; LIMIT. `input` is JSON text. */
int jq_run(const struct jq *q, struct str input, struct clock *clock, jq_output_fn *output,
           void *arg, struct err *e) MUST_CHECK;
