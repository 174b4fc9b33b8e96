/* cli/eval.h: the languages of `tiphys eval`: one line in eval_languages[] and one function each.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"
#include "common/base/clock.h"
#include "common/lang/value.h"

enum eval_language {
        EVAL_EXPR,
        EVAL_FILTER,
        EVAL_TAG,
        EVAL_WHEN,
        EVAL_GOVALUATE,
        EVAL_GJSON,
        EVAL_JSONPATH,
        EVAL_TEMPLATE,
        EVAL_LUA,
        EVAL_JQ,
        EVAL_REGEX,
        EVAL_CRON,
        EVAL_SELECTOR,
        EVAL_FIELD_SELECTOR,
        EVAL_QUANTITY,
        EVAL_DURATION,
        EVAL_LANGUAGES
};

struct eval_opts {
        const char *program[EVAL_LANGUAGES];
        const char *event, *input, *output, *now, *timezone;
        struct opt_list vars, fields;
        int64_t count;
        bool strict, test;
};

struct eval {
        const struct eval_opts *o;
        struct str program, data; /* data: the event as text; empty: none */
        struct arena *arena;
        struct clock *clock;
        struct buf text; /* the result for people */
        struct buf json; /* the result as JSON; empty: `text` as a JSON string */
        bool truth;      /* the result is true */
        bool compiling;  /* an error is one of the program, or of the data as such */
};

/* Fills text (and json, truth). NOT_FOUND: there is no result. */
typedef int eval_fn(struct eval *v, struct err *e);
#define EVAL_FN(language) eval_fn eval_##language
EVAL_FN(expr);
EVAL_FN(filter);
EVAL_FN(tag);
EVAL_FN(when);
EVAL_FN(govaluate);
EVAL_FN(gjson);
EVAL_FN(jsonpath);
EVAL_FN(template);
EVAL_FN(lua);
EVAL_FN(jq);
EVAL_FN(regex);
EVAL_FN(cron);
EVAL_FN(selector);
EVAL_FN(field_selector);
EVAL_FN(quantity);
EVAL_FN(duration);

/* Members of the event and --var, by name; values as they are. */
int eval_variables(struct eval *v, enum val_numbers numbers, struct val *out,
                   struct err *e) MUST_CHECK;
int eval_data(struct eval *v, enum val_numbers numbers, struct val *out, struct err *e) MUST_CHECK;
/* Splits "name=value"; INVALID without "=". */
int eval_pair(const char *option, const char *pair, struct str *name, struct str *value,
              struct err *e) MUST_CHECK;
int eval_result(struct eval *v, struct val result, struct err *e) MUST_CHECK;
