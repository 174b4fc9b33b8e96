/* workflow/effect/resource.h: what the files of the resource template share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/fs.h"
#include "workflow/artifact/job.h"
#include "workflow/artifact/location.h"
#include "workflow/effect/effect_priv.h"
#include <unistd.h>

struct fetched { /* a manifest that is an artifact */
        struct effect *of;
        json_t *artifact;
        struct buf text;
};
struct resource { /* state of an effect */
        const json_t *spec;
        const char *action;
        struct resource_flags flags;
        json_t *manifest;
        struct store_kind kind;
        bool kind_owned;
        char *ns, *name;
        struct conditions *conditions; /* NULL: none to wait for */
        struct artifact_job *job;
        struct loop_timer retry; /* of the action */
        bool tried;              /* once in vain at least */
        int64_t pause_ms, first_try_ns;
        /* resource_wait.c */
        int64_t denied_ns; /* since when the watch is refused; 0: it is not */
        struct store_watch *watch;
        struct loop_timer again;
        bool waiting;
};

void resource_failed(struct effect *f, const struct err *why);
/* It is done: output parameters, success. `object` NULL: there is none any more. */
void resource_finish(struct effect *f, const json_t *object);
/* Do the conditions decide on this object? Then it has ended. */
bool resource_decides(struct effect *f, const json_t *object, struct err *e);
void resource_wait(struct effect *f);
void resource_wait_stop(struct effect *f);
