/* workflow/controller/annotations.c: user actions that arrive as annotations (action.h). An action
 * is applied once: its annotation goes in the same patch that records its effect, and is remembered
 * until the store shows the object without it. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/action.h"
#include "workflow/controller/controller_priv.h"
#include <stdlib.h>

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void apply(struct run *r, const char *text)
{
        ERR_SLOT(e);
        struct action a;
        AUTO_JSON json_t *keep = NULL;
        if (action_read(&a, &keep, text ? text : "", &e) == 0) {
                struct wf_input in = action_input(&a);
                if (wf_check_action(r->wf, &in, &e) == 0) {
                        log_info(r->log, "User action.", F_STR("action", action_name(a.kind)));
                        run_input(r, &in);
                        return;
                }
        }
        log_warn(r->log, "A user action was refused.", F_ERR(&e));
        err_clear(&e);
        loop_defer(r->c->o.loop, &r->turn);
}

static void forget_removed(struct run *r, const json_t *annotations)
{
        const char *key;
        json_t *value;
        void *tmp;
        json_object_foreach_safe(r->applied, tmp, key,
                                 value) if (!json_object_get(annotations, key))
                json_object_del(r->applied, key);
}

void annotations_look(struct run *r, const json_t *obj)
{
        json_t *annotations = json_at(obj, "metadata", "annotations"), *value;
        const char *key, **keys = NULL;
        size_t n = 0, cap = 0;
        json_object_foreach (annotations, key, value) {
                if (!str_starts(key, ACTION_ANNOTATION) || json_object_get(r->applied, key))
                        continue;
                mem_grow(keys, cap, n + 1);
                keys[n++] = key;
        }
        if (n)
                qsort(keys, n, sizeof(*keys), by_text);
        for (size_t i = 0; i < n; i++) {
                json_object_set_new(r->applied, keys[i], json_true());
                r->dirty_status = true;
                apply(r, json_string_value(json_object_get(annotations, keys[i])));
        }
        free(keys);
        forget_removed(r, annotations);
}

void annotations_put_done(const struct run *r, json_t *patch)
{
        const char *key;
        json_t *value;
        json_object_foreach (r->applied, key, value)
                json_put_at(patch, json_null(), "metadata", "annotations", key);
}
