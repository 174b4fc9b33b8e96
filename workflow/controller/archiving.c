/* workflow/controller/archiving.c: each workflow that has completed is copied into the archive
 * once, then labelled; a crash in between repeats the copy, which replaces itself. Workflows that
 * ended before the archive was switched on are taken too. SPDX-License-Identifier: Apache-2.0 */
#include "common/store/selector.h"
#include "workflow/archive/archive.h"
#include "workflow/controller/config.h"
#include "workflow/controller/finished.h"
#include <stdlib.h>

#define STATUS_LABEL "workflows.argoproj.io/workflow-archiving-status"
#define STRATEGY_LABEL "workflows.argoproj.io/archive-strategy"
enum { AGAIN_MS = 5000, TRIM_LONGEST_MS = 24 * 3600 * 1000, TRIM_SHORTEST_MS = 1000 };

struct copy {                /* of one workflow, on its way */
        struct archiving *a; /* NULL: nobody waits any more */
        char *ns, *name, *uid;
        bool labelling;
        struct loop_timer again;
        UT_hash_handle hh;
};
struct archiving {
        struct controller *c;
        struct archive *archive;
        const struct controller_config *config;
        struct selector *selector; /* NULL: all */
        struct copy *copies;       /* by uid */
        struct loop_timer trim;
        struct archiving **trimming; /* the answer looks here for us */
};

/* ---- which ---- */

static bool is_wanted(const struct archiving *a, const json_t *obj)
{
        return !streq(obj_label(obj, STATUS_LABEL), "Archived") &&
               !streq(obj_label(obj, STRATEGY_LABEL), "false") &&
               (!a->selector || selector_matches(a->selector, obj));
}

/* ---- copying ---- */

static void copy_free(struct copy *x)
{
        if (x->a) {
                timer_cancel(x->a->c->o.loop, &x->again);
                HASH_DEL(x->a->copies, x);
        }
        free(x->ns);
        free(x->name);
        free(x->uid);
        free(x);
}

static void on_step(void *arg, json_t *obj, const struct err *e);

static void step(struct copy *x)
{
        struct controller *c = x->a->c;
        const struct store_ref ref = {&STORE_WORKFLOW, x->ns, x->name};
        if (!x->labelling) {
                archive_take(x->a->archive, c->o.store, ref, x->uid, on_step, x);
                return;
        }
        AUTO_JSON json_t *patch = json_pack("{s:{s:s, s:{s:s}}}", "metadata", "uid", x->uid,
                                            "labels", STATUS_LABEL, "Archived");
        store_patch(c->o.store, ref, STORE_PATCH_MERGE, patch, on_step, x);
}

static void on_again(void *arg)
{
        step(arg);
}

static void on_step(void *arg, json_t *obj UNUSED, const struct err *e)
{
        struct copy *x = arg;
        if (!x->a || (e && (e->code == ERR_NOT_FOUND || e->code == ERR_CONFLICT ||
                            e->code == ERR_INVALID))) {
                copy_free(x);
        } else if (e) {
                log_warn(x->a->c->log, "A workflow cannot be archived, trying again.",
                         F_STR("workflow", x->name), F_STR("namespace", x->ns), F_ERR(e));
                timer_after_ms(x->a->c->o.loop, &x->again, AGAIN_MS);
        } else if (x->labelling) {
                copy_free(x);
        } else {
                x->labelling = true;
                step(x);
        }
}

static void copy_start(struct archiving *a, const json_t *obj)
{
        struct copy *x;
        const char *uid = obj_uid(obj);
        HASH_FIND_STR(a->copies, uid, x);
        if (x)
                return;
        x = NEW(struct copy);
        x->a = a;
        x->ns = mem_strdup(obj_ns(obj));
        x->name = mem_strdup(obj_name(obj));
        x->uid = mem_strdup(uid);
        timer_init(&x->again, on_again, x);
        HASH_ADD_KEYPTR(hh, a->copies, x->uid, strlen(x->uid), x);
        step(x);
}

bool archiving_look(struct archiving *a, const json_t *obj)
{
        if (!a || !is_wanted(a, obj))
                return true;
        if (!a->c->draining)
                copy_start(a, obj);
        return false;
}

size_t archiving_busy(const struct archiving *a)
{
        return a ? HASH_COUNT(a->copies) : 0;
}

/* ---- archiveTTL ---- */

static void on_trimmed(void *arg, json_t *obj, const struct err *e)
{
        struct archiving **slot = arg, *a = *slot;
        free(slot);
        if (!a)
                return;
        a->trimming = NULL;
        if (e)
                log_warn(a->c->log, "The archive cannot be trimmed.", F_ERR(e));
        else if (json_integer_value(json_object_get(obj, "deleted")))
                log_info(a->c->log, "Old workflows left the archive.",
                         F_INT("workflows", json_integer_value(json_object_get(obj, "deleted"))));
        int64_t ms = a->config->archive_ttl_ns / NS_PER_MS;
        timer_after_ms(a->c->o.loop, &a->trim,
                       ms > TRIM_LONGEST_MS    ? TRIM_LONGEST_MS
                       : ms < TRIM_SHORTEST_MS ? TRIM_SHORTEST_MS
                                               : ms);
}

static void on_trim(void *arg)
{
        struct archiving *a = arg;
        a->trimming = NEW(struct archiving *);
        *a->trimming = a;
        archive_trim(a->archive,
                     (struct wall){loop_wall(a->c->o.loop).ns - a->config->archive_ttl_ns},
                     on_trimmed, a->trimming);
}

/* ---- life ---- */

struct archiving *archiving_new(struct controller *c)
{
        ERR_SLOT(e);
        const struct controller_config *config = c->o.config;
        if (!c->o.archive || !config || !config->persistence.archive)
                return NULL;
        struct archiving *a = NEW(struct archiving);
        a->c = c;
        a->archive = c->o.archive;
        a->config = config;
        if (selector_labels(&a->selector, config->archive_selector, &e) < 0) {
                log_error(c->log, "persistence.archiveLabelSelector: every workflow is archived.",
                          F_ERR(&e));
                err_clear(&e);
        }
        timer_init(&a->trim, on_trim, a);
        if (config->archive_ttl_ns)
                timer_after_ms(c->o.loop, &a->trim, 0);
        return a;
}

struct archiving *archiving_free(struct archiving *a)
{
        if (!a)
                return NULL;
        struct copy *x, *next;
        HASH_ITER (hh, a->copies, x, next) {
                HASH_DEL(a->copies, x);
                x->a = NULL;
                if (timer_armed(&x->again)) {
                        timer_cancel(a->c->o.loop, &x->again);
                        copy_free(x);
                }
        }
        timer_cancel(a->c->o.loop, &a->trim);
        if (a->trimming)
                *a->trimming = NULL;
        selector_free(a->selector);
        free(a);
        return NULL;
}
