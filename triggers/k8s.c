/* triggers/k8s.c: create, update, patch or delete any resource, in our store or in a cluster
 * (argo-events.md 7).
 *
 * Exactly once in effect: an object without a name of its own is named from its generateName prefix
 * and the firing id, and every created object carries the firing id as an annotation. "Already
 * exists" is success only when that annotation is ours; otherwise it is a conflict that a person
 * must see. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "triggers/inline.h"
#include "triggers/parameters.h"
#include "triggers/source.h"
#include <stdlib.h>

#define ANNOTATION_FIRING "tiphys.io/firing-id"
#define ANNOTATION_EVENTS "tiphys.io/event-ids"
enum { NAME_SUFFIX_LEN = 12, NAME_PREFIX_MAX = 50 };

enum operation { OP_CREATE, OP_UPDATE, OP_PATCH, OP_DELETE };
static const char *const operations[] = {"create", "update", "patch", "delete", NULL};
static const char *const patch_types[] = {"application/merge-patch+json",
                                          "application/json-patch+json",
                                          "application/strategic-merge-patch+json", NULL};

struct k8s_trigger { /* what the field table checks; the driver reads the json_t */
        json_t *source, *parameters;
        int operation, patch_strategy;
        bool live_object;
};

static const struct field k8s_fields[] = {
        FIELD(struct k8s_trigger, source, FIELD_JSON, .flags = FIELD_REQUIRED,
              .help = "where the resource comes from"),
        FIELD(struct k8s_trigger, operation, FIELD_ENUM, .choices = operations, .def = "create",
              .help = "what to do with it"),
        FIELD(struct k8s_trigger, parameters, FIELD_JSON, .help = "applied to the resource"),
        FIELD(struct k8s_trigger, patch_strategy, FIELD_ENUM, .name = "patchStrategy",
              .choices = patch_types, .def = "application/merge-patch+json",
              .help = "content type of a patch"),
        FIELD(struct k8s_trigger, live_object, FIELD_BOOL, .name = "liveObject",
              .help = "update: parameters are applied to the object as it is in the cluster"),
        FIELD_END};

static void k8s_check(const json_t *spec, const json_t *trigger UNUSED, const struct jpath *at,
                      struct diags *d)
{
        struct jpath source = jpath_key(at, "source"), params = jpath_key(at, "parameters");
        const json_t *location = json_object_get(spec, "source");
        void *scratch = mem_alloc(source_size);
        if (fields_load(scratch, source_fields, location, &source, &(struct field_opts){0}, d) == 0)
                source_check(location, &source, d);
        fields_free(scratch, source_fields);
        free(scratch);
        params_check(json_object_get(spec, "parameters"), false, &params, d);
        struct jpath resource = jpath_key(&source, "resource");
        inline_check(json_object_get(location, "resource"), NULL, 0, &resource, d);
}

struct k8s_firing {
        struct source_fetch *fetch;
        enum operation op;
        json_t *object;
        struct store_kind kind;
        bool kind_known, cancelled, busy; /* busy: a store call will still answer */
        char *ns, *name;
};

static struct k8s_firing *state(struct trigger_action *a)
{
        return a->state;
}

static void cleanup(struct k8s_firing *f)
{
        json_decref(f->object);
        f->object = NULL;
        if (f->kind_known)
                store_kind_deinit(&f->kind);
        f->kind_known = false;
        free(f->ns);
        free(f->name);
        f->ns = f->name = NULL;
}

static void finish(struct trigger_action *a, const char *verb, const struct err *e)
{
        struct k8s_firing *f = state(a);
        if (e) {
                ERR_SLOT(words);
                err_copy(&words, e);
                err_wrap(&words, "%s %s %s/%s", operations[f->op],
                         f->kind_known ? f->kind.kind : "resource", f->ns ? f->ns : a->env->ns,
                         f->name ? f->name : "");
                cleanup(f);
                trigger_finish(a, trigger_outcome_of(&words), NULL, &words);
                err_clear(&words);
                return;
        }
        AUTO(mem_free) char *what = mem_printf("%s %s %s/%s", verb, f->kind.kind, f->ns, f->name);
        cleanup(f);
        trigger_finish(a, TRIGGER_OK, what, NULL);
}

/* ---- create ---- */

static void set_label(json_t *object, const char *key, const char *value)
{
        json_put_at(object, json_string(value), "metadata", "labels", key);
}

/* Names are at most 63 characters so that they also fit a label. */
static void name_from_firing(json_t *object, const char *firing_id)
{
        const char *prefix = json_str(object, "metadata", "generateName");
        if (json_str(object, "metadata", "name") || !prefix)
                return;
        AUTO(mem_free)
        char *name = mem_printf("%.*s%.*s", NAME_PREFIX_MAX, prefix, NAME_SUFFIX_LEN, firing_id);
        json_put_at(object, json_string(name), "metadata", "name");
}

static void mark_as_ours(struct trigger_action *a, json_t *object)
{
        set_label(object, "events.argoproj.io/sensor", a->env->sensor);
        set_label(object, "events.argoproj.io/trigger", a->trigger);
        AUTO(mem_free)
        char *ms = mem_printf("%lld", (long long)(loop_wall(a->env->loop).ns / NS_PER_MS));
        set_label(object, "events.argoproj.io/action-timestamp", ms);
        json_put_at(object, json_string(a->firing_id), "metadata", "annotations",
                    ANNOTATION_FIRING);
        struct buf ids = BUF_INIT(1024);
        for (size_t i = 0; i < a->n_events; i++)
                buf_addf(&ids, "%s%s", i ? "," : "", a->events[i].id);
        json_put_at(object, json_string(buf_str(&ids)), "metadata", "annotations",
                    ANNOTATION_EVENTS);
        buf_deinit(&ids);
}

static bool answer_wanted(struct trigger_action *a)
{
        struct k8s_firing *f = state(a);
        f->busy = false;
        if (!f->cancelled)
                return true;
        cleanup(f);
        trigger_action_free(a);
        return false;
}

static void on_existing(void *arg, json_t *object, const struct err *e)
{
        struct trigger_action *a = arg;
        if (!answer_wanted(a))
                return;
        const char *theirs = object ? obj_annotation(object, ANNOTATION_FIRING) : NULL;
        if (!e && streq(theirs, a->firing_id)) {
                finish(a, "created (earlier)", NULL);
                return;
        }
        ERR_SLOT(words);
        if (e && e->code == ERR_NOT_FOUND) /* deleted meanwhile: the effect has been there */
                err_set(&words, ERR_UNAVAILABLE, "the name was taken a moment ago and is free now");
        else if (e)
                err_copy(&words, e);
        else
                err_set(&words, ERR_CONFLICT,
                        "an object of that name exists and was not made by this firing%s%s",
                        theirs ? "; it belongs to firing " : "", theirs ? theirs : "");
        finish(a, NULL, &words);
        err_clear(&words);
}

static void on_created(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct trigger_action *a = arg;
        if (!answer_wanted(a))
                return;
        struct k8s_firing *f = state(a);
        if (e && e->code == ERR_CONFLICT) {
                f->busy = true;
                store_get(a->env->store, (struct store_ref){&f->kind, f->ns, f->name}, on_existing,
                          a);
                return;
        }
        finish(a, "created", e);
}

static void create(struct trigger_action *a)
{
        struct k8s_firing *f = state(a);
        mark_as_ours(a, f->object);
        f->busy = true;
        store_create(a->env->store, &f->kind, f->ns, f->object, on_created, a);
}

/* ---- update, patch, delete ---- */

static void on_updated(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct trigger_action *a = arg;
        if (!answer_wanted(a))
                return;
        ERR_SLOT(words);
        if (e &&
            e->code ==
                    ERR_CONFLICT) /* changed between read and write: the next attempt reads again */
                err_set(&words, ERR_UNAVAILABLE, "%s", err_msg(e));
        finish(a, "updated", err_is_set(&words) ? &words : e);
        err_clear(&words);
}

/* As mergo with override: maps merge, lists and scalars are replaced, empty values do not erase. */
static void merge_over(json_t *live, const json_t *wanted)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)wanted, key, value) {
                json_t *old = json_object_get(live, key);
                if (json_is_object(old) && json_is_object(value))
                        merge_over(old, value);
                else
                        json_object_set(live, key, value);
        }
}

static void on_live(void *arg, json_t *object, const struct err *e)
{
        struct trigger_action *a = arg;
        if (!answer_wanted(a))
                return;
        struct k8s_firing *f = state(a);
        bool live_object = json_is_true(json_object_get(a->spec, "liveObject"));
        if (e && e->code == ERR_NOT_FOUND && !live_object) {
                create(a);
                return;
        }
        if (e) {
                finish(a, NULL, e);
                return;
        }
        ERR_SLOT(words);
        AUTO_JSON json_t *live = json_deep_copy(object);
        if (live_object) {
                AUTO_JSON json_t *with = NULL;
                if (params_apply_json(&with, live, json_object_get(a->spec, "parameters"),
                                      a->events, a->n_events, &words) < 0) {
                        finish(a, NULL, &words);
                        err_clear(&words);
                        return;
                }
                json_decref(live);
                live = TAKE(with);
        } else {
                merge_over(live, f->object);
        }
        json_put_at(live, json_string(a->firing_id), "metadata", "annotations", ANNOTATION_FIRING);
        f->busy = true;
        store_update(a->env->store, &f->kind, live, on_updated, a);
}

static void on_patched(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct trigger_action *a = arg;
        if (!answer_wanted(a))
                return;
        if (e && e->code == ERR_NOT_FOUND)
                create(a);
        else
                finish(a, "patched", e);
}

static void on_deleted(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct trigger_action *a = arg;
        if (answer_wanted(a))
                finish(a, "deleted", e && e->code == ERR_NOT_FOUND ? NULL : e);
}

static enum store_patch patch_type(const json_t *spec)
{
        const char *type = json_str(spec, "patchStrategy");
        return streq(type, patch_types[1])   ? STORE_PATCH_JSON
               : streq(type, patch_types[2]) ? STORE_PATCH_STRATEGIC
                                             : STORE_PATCH_MERGE;
}

static void act(struct trigger_action *a)
{
        struct k8s_firing *f = state(a);
        struct store_ref ref = {&f->kind, f->ns, f->name};
        if (f->op == OP_CREATE) {
                create(a);
                return;
        }
        f->busy = true;
        if (f->op == OP_UPDATE)
                store_get(a->env->store, ref, on_live, a);
        else if (f->op == OP_PATCH)
                store_patch(a->env->store, ref, patch_type(a->spec), f->object, on_patched, a);
        else
                store_delete(a->env->store, ref, NULL, on_deleted, a);
}

/* ---- the resource ---- */

static int prepare(struct trigger_action *a, json_t *fetched, struct err *e)
{
        struct k8s_firing *f = state(a);
        AUTO_JSON json_t *object = fetched;
        if (inline_render(&object, a->events, a->n_events, e) < 0)
                return -1;
        const json_t *params = json_object_get(a->spec, "parameters");
        bool live = f->op == OP_UPDATE && json_is_true(json_object_get(a->spec, "liveObject"));
        if (params_apply_json(&f->object, object, live ? NULL : params, a->events, a->n_events, e) <
            0)
                return err_wrap(e, "parameters");
        if (store_kind_of(&f->kind, f->object, e) < 0)
                return -1;
        f->kind_known = true;
        name_from_firing(f->object, a->firing_id);
        const char *ns = json_str(f->object, "metadata", "namespace"), *name = obj_name(f->object);
        f->ns = mem_strdup(ns && *ns ? ns : a->env->ns);
        f->name = mem_strdup(name);
        if (str_empty(name))
                return err_set(e, ERR_INVALID,
                               "the resource has neither metadata.name nor metadata.generateName");
        if (!f->kind.cluster_scoped)
                json_put_at(f->object, json_string(f->ns), "metadata", "namespace");
        return 0;
}

static void on_fetched(void *arg, json_t *object, const struct err *e)
{
        struct trigger_action *a = arg;
        state(a)->fetch = NULL;
        ERR_SLOT(words);
        if (e)
                finish(a, NULL, e);
        else if (prepare(a, object, &words) < 0)
                finish(a, NULL, &words);
        else
                act(a);
        err_clear(&words);
}

static void k8s_execute(struct trigger_action *a)
{
        struct k8s_firing *f = state(a);
        const char *op = json_str(a->spec, "operation");
        for (f->op = OP_CREATE;
             operations[f->op] && !str_empty(op) && !streq(op, operations[f->op]);)
                f->op++;
        if (!operations[f->op]) { /* parameters can write anything here */
                f->op = OP_CREATE;
                ERR_SLOT(e);
                err_set(&e, ERR_INVALID,
                        "operation \"%s\" is none of create, update, patch, delete", op);
                finish(a, NULL, &e);
                err_clear(&e);
                return;
        }
        struct source_fetch *fetch =
                source_fetch(a->env, json_object_get(a->spec, "source"), on_fetched, a);
        if (fetch)
                f->fetch = fetch;
}

/* A store call that is under way still answers; then the action goes (answer_wanted). */
static void k8s_cancel(struct trigger_action *a)
{
        struct k8s_firing *f = state(a);
        if (f->fetch)
                source_fetch_cancel(f->fetch);
        f->cancelled = true;
        if (f->busy)
                return;
        cleanup(f);
        trigger_action_free(a);
}

const struct trigger_driver trigger_k8s = {.type = "k8s",
                                           .fields = k8s_fields,
                                           .config_size = sizeof(struct k8s_trigger),
                                           .state_size = sizeof(struct k8s_firing),
                                           .check = k8s_check,
                                           .execute = k8s_execute,
                                           .cancel = k8s_cancel,
                                           .store_only = true};
