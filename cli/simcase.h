/* cli/simcase.h: what `tiphys simulate` runs: a workflow, what it refers to, and scripts that say
 * what its pods do and what is expected. From any files: documents are told apart by what they
 * hold. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/files.h"
#include "workflow/spec/shape.h"

struct simcase {
        json_t *workflow;          /* owned; NULL: none was found */
        const struct marks *marks; /* of its document, borrowed */
        bool embedded;             /* it stands in a script */
        const char *forced;        /* entrypoint of the command line, or NULL; borrowed */
        const char *entrypoint;    /* that one or the first a script names; NULL: the workflow's */
        json_t *objects, *scripts; /* owned lists; objects: templates and ConfigMaps */
        struct files files;        /* keeps the texts */
};
/* Problems go to `d`. A CronWorkflow or a WorkflowTemplate with an entrypoint (its own, a script's,
 * or `entrypoint` unless NULL) stands for a workflow when there is none. */
int simcase_load(struct simcase *s, const char *const *paths, size_t n, const char *entrypoint,
                 struct diags *d) MUST_CHECK;
void simcase_deinit(struct simcase *s);
static inline UNUSED void auto_simcase_deinit(struct simcase *s)
{
        simcase_deinit(s);
}
#define AUTO_SIMCASE __attribute__((cleanup(auto_simcase_deinit)))
/* The input of simulate_run() with one of the scripts (or NULL). New reference. */
json_t *simcase_input(const struct simcase *s, const json_t *script);
/* NAME=VALUE of the command line, into a workflow: before it is checked, and again over what a
 * script gives. */
int simcase_set_parameters(json_t *wf, const struct opt_list *list, struct err *e) MUST_CHECK;
/* Every rule for the workflow, as far as it matters for a simulation. */
int simcase_check(const struct simcase *s, struct diags *d) MUST_CHECK;
bool simcase_is_script(const json_t *document);    /* by the fields it has */
extern const struct shape simulate_script_shape[]; /* also for the reference pages */

/* ---- simexpect.c ---- */
/* One line per difference between `expect` and what came out; returns how many. `expect.nodes` as a
 * list is compared whole (the recorded form), as a map only what it says. */
size_t simexpect_compare(struct buf *out, const json_t *expect, const json_t *result,
                         const json_t *workflow);

/* ---- simview.c ---- */
/* When each step ran: virtual seconds since the start, a bar each. */
void simview_put_timeline(struct buf *b, const json_t *workflow, const struct term *term);
