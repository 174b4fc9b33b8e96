/* common/lang/gotemplate.h: Go text/template with sprig, as Argo Events' dataTemplate,
 * contextTemplate and filter templates.
 *
 * The language is Go 1.26's text/template with the functions of sprig v3.3.0: actions, pipelines,
 * variables, if/else/with/range (also over integers)/ break/continue, define/template/block,
 * comments, {{- -}}, comparison, printf with all verbs. env and expandenv are refused at compile
 * time, and so is getHostByName; functions that draw random numbers or generate keys are listed in
 * docs/reference/gotemplate.md. Values: JSON numbers are float64 ({{eq .Input.n 5}} is an error,
 * {{printf "%d" .Input.n}} prints %!d(float64=5)); a missing key prints <no value>. The result is
 * what the template printed; that "" and "<no value>" count as failures is the caller's rule.
 * Limits (limits.h): steps, nesting LANG_DEPTH, 2000 constructs and template calls inside each
 * other while running, the caps of the arena and of out. Threads: a compiled template is immutable.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/lang/value.h"

struct gotmpl;
int gotmpl_new(struct gotmpl **out, struct str text, size_t *at, struct err *e) MUST_CHECK;
struct gotmpl *gotmpl_free(struct gotmpl *t);
AUTO_DEFINE(gotmpl_free, struct gotmpl *);

/* Append the rendered text to `out`; on failure `out` is as before. `dot` is the root value:
 * usually a map with "Input". `clock` serves now, ago, ...; NULL: those functions fail. */
int gotmpl_render(const struct gotmpl *t, struct val dot, struct clock *clock, struct arena *a,
                  struct buf *out, struct err *e) MUST_CHECK;

/* The common case {{...}} over {"Input": <JSON text>}: same result. */
int gotmpl_render_input(const struct gotmpl *t, struct str input_json, struct clock *clock,
                        struct arena *a, struct buf *out, struct err *e) MUST_CHECK;

/* Would a caller see this result as empty? (Argo Events: "" and "<no value>") */
bool gotmpl_is_empty(struct str result);

/* Names of the fields looked up directly under the root in order of appearance ("Input", "Events"),
 * for lint; borrowed. Returns how many there are; at most `max` are stored. */
size_t gotmpl_roots(const struct gotmpl *t, struct str *names, size_t max);
