/* common/app/opt.h: command-line options from a table: one table yields parsing, help, completion
 * and the generated reference.
 *
 *      static const struct opt list_opts[] = {
 *              OPT(struct list_opts, running, OPT_FLAG, .help = "only those that run"),
 *              OPT(struct list_opts, labels, OPT_LIST, .name = "selector", .letter = 'l', .arg =
 * "LABELS"), OPT_END };
 *
 * Options may stand anywhere; "--" ends them; "-" is an operand. Accepted: --name value,
 * --name=value, -n value, -nvalue, grouped flags (-fx), --no-name for a flag that is on by default.
 * A long name may be cut as long as it is unique. Values are borrowed from argv. Threads: any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
        OPT_FLAG,     /* bool */
        OPT_STR,      /* const char * */
        OPT_INT,      /* int64_t; range when max > min */
        OPT_CHOICE,   /* const char *, one of .choices */
        OPT_DURATION, /* int64_t nanoseconds, as Go writes them: "90s", "1h30m"; bare digits are
                         seconds */
        OPT_LIST,     /* struct opt_list; may be repeated */
};
struct opt_list {
        const char **items;
        size_t n, cap;
};
struct opt {
        const char *name; /* long name without dashes; NULL ends the table */
        char letter;      /* 0: none */
        enum opt_kind kind;
        size_t offset;
        const char *arg;            /* what help calls the value: "FILE" */
        const char *help;           /* one sentence */
        const char *def;            /* default as text, NULL = zero */
        const char *const *choices; /* CHOICE: NULL-terminated */
        int64_t min, max;
        bool hidden;
};
#define OPT(type, member, kind_, ...)                                                           \
        {                                                                                       \
                .name = #member, .kind = (kind_), .offset = offsetof(type, member), __VA_ARGS__ \
        }
#define OPT_END              \
        {                    \
                .name = NULL \
        }

/* Tables that apply at once: those of the command and those of every command. */
struct opt_set {
        const struct opt *opts;
        void *values; /* zeroed struct of the table */
};
/* Reads argv[0..n): operands are moved to the front of argv, their number goes to *operands. Fails
 * with INVALID and words for the user ("unknown option --wtach; did you mean --watch?"). Free lists
 * with opts_free() in both cases. */
int opts_read(const struct opt_set *sets, size_t n_sets, char **argv, size_t n, size_t *operands,
              struct err *e) MUST_CHECK;
void opts_free(const struct opt_set *sets, size_t n_sets);
/* "  -w, --watch           follow it until it ends", one line per option. */
void opts_put_help(struct buf *b, const struct opt *opts);
void opts_put_doc(struct buf *b, const struct opt *opts); /* rows of a Markdown table */
/* Words that may stand where `word` begins: long names, or choices of the option `before`. One per
 * line. */
void opts_put_words(struct buf *b, const struct opt *opts, const char *before, const char *word);
/* Does this option (as typed: "-f", "--file") take the next word as its value? */
bool opts_takes_value(const struct opt *opts, const char *typed);
void opt_list_add(struct opt_list *l, const char *item);
