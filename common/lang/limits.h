/* common/lang/limits.h: what one evaluation of a small language may cost.
 *
 * Every language here is compiled once and evaluated many times. An evaluation does no I/O, sees no
 * environment and takes its memory from the caller's arena, whose `max` is the memory cap; output
 * goes to the caller's buf, whose `max` is the output cap; steps are counted against the budget
 * below. Past any of them the evaluation ends with ERR_LIMIT. Compile errors are ERR_INVALID and
 * say where: "offset 17: ..." in the words and the number in `*at` (a byte offset into the text; at
 * may be NULL). Error texts quote the program, never the data: data may hold secrets. Threads:
 * compiled programs are immutable, so any number of threads may evaluate them, each with its own
 * arena. SPDX-License-Identifier: Apache-2.0 */
#pragma once

enum {
        LANG_STEPS = 1000000,  /* of one evaluation: nodes visited, items produced */
        LANG_MEMORY = 8 << 20, /* default arena max for one evaluation */
        LANG_OUTPUT = 4 << 20, /* default buf max for the output of one evaluation */
        LANG_TEXT = 1 << 20,   /* longest program text */
        LANG_DEPTH = 200,      /* nesting of program texts; of values: see each header */
};
