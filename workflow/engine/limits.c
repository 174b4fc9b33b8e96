/* workflow/engine/limits.c: how big one workflow may become. A bomb (loops in loops, recursion that
 * fans out, endless outputs) ends in Error with words that say which limit it met, before it costs
 * the others their memory. What is counted only grows: nodes, items of all loops that were
 * expanded, bytes of the outputs that pods reported. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

static void say(struct wf *wf, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct wf *wf, const char *fmt, ...)
{
        va_list ap;
        if (wf->too_big)
                return;
        va_start(ap, fmt);
        wf->too_big = mem_vprintf(fmt, ap);
        va_end(ap);
}

void limits_init(struct wf *wf, const struct wf_defaults *d)
{
        wf->max_nodes = d && d->max_nodes ? d->max_nodes : WF_MAX_NODES;
        wf->max_output_bytes = d && d->max_output_bytes ? d->max_output_bytes : WF_MAX_OUTPUT_BYTES;
}

bool limits_node(struct wf *wf)
{
        if (wf->n_nodes < wf->max_nodes)
                return !wf->too_big;
        say(wf, "the workflow has more than %u nodes (limits.nodes of the controller)",
            wf->max_nodes);
        return false;
}

int limits_items(struct wf *wf, size_t n, struct err *e)
{
        wf->loop_items += n;
        if (wf->loop_items <= wf->max_nodes)
                return 0;
        say(wf,
            "the loops of the workflow have more than %u items (limits.nodes of the controller)",
            wf->max_nodes);
        return err_set(e, ERR_LIMIT, "%s", wf->too_big);
}

static uint64_t text_bytes(const json_t *j)
{
        uint64_t n = json_string_length(j);
        const char *key;
        json_t *v;
        size_t i;
        json_object_foreach ((json_t *)(uintptr_t)j, key, v)
                n += text_bytes(v);
        json_array_foreach ((json_t *)(uintptr_t)j, i, v)
                n += text_bytes(v);
        return n;
}

void limits_outputs(struct wf *wf, const json_t *outputs)
{
        wf->output_bytes += text_bytes(outputs);
        if (wf->output_bytes > wf->max_output_bytes)
                say(wf,
                    "the outputs of the steps are more than %llu bytes together "
                    "(limits.outputBytes "
                    "of the controller); large data belongs into artifacts",
                    (unsigned long long)wf->max_output_bytes);
}

void limits_end(struct wf *wf)
{
        if (wf->too_big && !wf->completed)
                wf_fail(wf, "Error", "%s", wf->too_big);
}
