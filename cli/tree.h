/* cli/tree.h: a workflow as text: the header block and the tree of its nodes, as `argo get` draws
 * them. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/term.h"
#include "common/base/clock.h"

struct tree_view {
        const struct term *term;
        struct wall now;
        bool wide;          /* artifacts of each node */
        const char *status; /* only nodes in this phase; NULL: all */
        size_t max_rows; /* 0: all; else the rows that matter most are kept: those that run, failed,
                            then the rest in order */
        size_t max_width; /* 0: do not cut */
};
void tree_put_header(struct buf *b, const json_t *wf, const struct tree_view *v);
void tree_put_nodes(struct buf *b, const json_t *wf, const struct tree_view *v);
/* Both, to standard output. */
void tree_print(struct cli *c, const json_t *wf, bool wide, const char *status);
const char *tree_icon(const struct term *t, const char *phase);
/* "Running", "Running (Suspended)", "Pending" for an empty phase. */
const char *tree_status_word(const json_t *wf);
/* Name of a node's pod (v2 names); heap. */
char *tree_pod_name(const json_t *wf, const json_t *node) MUST_CHECK;
