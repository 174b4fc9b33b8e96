/* workflow/effect/data.c: {"data": {"source": {"artifactPaths"}, "transformation"}}: the keys of
 * what is stored below a location, changed by expressions over `data`. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/effect/data.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "workflow/artifact/job.h"
#include "workflow/artifact/location.h"

enum { SCRATCH_BYTES = 256 * 1024 * 1024, RESULT_MAX = 256 * 1024 };

struct listing { /* a job's */
        struct effect *of;
        json_t *artifact, *keys;
};
struct data_state {
        const json_t *spec;
        struct artifact_job *job;
        json_t *outputs; /* while its artifacts are saved */
};

/* ---- transformation ---- */

/* One expression; *data is replaced by its result. */
static int transform(struct effect *f, json_t **data, const char *text, struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        AUTO_JSON json_t *env = json_pack("{s:O}", "data", *data);
        struct arena a;
        struct val out;
        arena_init(&a, SCRATCH_BYTES);
        int rc = expr_new(&x, str_of(text), EXPR_WORKFLOWS, NULL, e);
        if (rc == 0)
                rc = expr_eval(x, val_from_tree(&a, env, VAL_INTS_AND_FLOATS),
                               loop_clock(f->all->o.loop), &a, &out, e);
        json_t *next = rc == 0 ? val_to_tree(&a, out) : NULL;
        if (rc == 0 && !next)
                rc = err_set(e, ERR_INVALID, "the result has no JSON form");
        arena_deinit(&a);
        if (rc < 0)
                return err_wrap(e, "data.transformation: '%s'", text);
        json_decref(*data);
        *data = next;
        return 0;
}

static int transform_all(struct effect *f, json_t **data, struct err *e)
{
        const struct data_state *s = f->state;
        size_t i;
        json_t *step;
        json_array_foreach (json_object_get(s->spec, "transformation"), i, step) {
                const char *text = json_str(step, "expression");
                if (transform(f, data, text ? text : "", e) < 0)
                        return -1;
        }
        return 0;
}

/* ---- outputs ---- */

static json_t *parameters_of(const struct effect *f, const char *text)
{
        json_t *list = json_array(), *decl;
        size_t i;
        json_array_foreach (json_at(f->template, "outputs", "parameters"), i, decl)
                if (!str_empty(json_str(decl, "valueFrom", "path")))
                        json_array_append_new(list, json_pack("{s:O, s:s}", "name",
                                                              json_object_get(decl, "name"),
                                                              "value", text));
        return list;
}

static json_t *outputs_of(const struct effect *f, const char *text)
{
        json_t *outputs = json_pack("{s:s}", "exitCode", "0"), *list = parameters_of(f, text);
        if (f->capture)
                json_object_set_new(outputs, "result", json_string(text));
        if (json_array_size(list))
                json_object_set(outputs, "parameters", list);
        json_decref(list);
        return outputs;
}

static void on_saved(struct effect *f, const json_t *records, const struct err *failed)
{
        struct data_state *s = f->state;
        struct err e = {0};
        s->job = NULL;
        if (failed) {
                err_copy(&e, failed);
                effect_fail_64(f, &e);
                return;
        }
        json_object_set(s->outputs, "artifacts", (json_t *)(uintptr_t)records);
        effect_end(f, POD_SUCCEEDED, 0, TAKE(s->outputs), "%s", "");
}

static bool is_text_output(const struct effect *f)
{
        return f->capture || json_array_size(json_at(f->template, "outputs", "parameters"));
}

static void finish(struct effect *f, json_t *keys, struct err *e)
{
        struct data_state *s = f->state;
        AUTO_JSON json_t *data = json_incref(keys);
        if (transform_all(f, &data, e) < 0)
                return;
        AUTO(mem_free) char *text = json_text(data, JSON_STYLE_COMPACT | JSON_STYLE_GO_HTML);
        if (is_text_output(f) && strlen(text) > RESULT_MAX) {
                err_set(e, ERR_LIMIT,
                        "the result is larger than %d bytes; as an artifact it may be", RESULT_MAX);
                return;
        }
        s->outputs = outputs_of(f, text);
        if (!data_has_artifacts(f))
                effect_end(f, POD_SUCCEEDED, 0, TAKE(s->outputs), "%s", "");
        else if (data_save(&s->job, f, text, on_saved, e) < 0)
                return; /* told by the caller */
}

/* ---- the list ---- */

static int list_keys(struct artifacts *a, void *arg, struct err *e)
{
        struct listing *l = arg;
        return artifact_keys(a, l->artifact, &l->keys, e);
}

static void on_listed(void *arg, const struct err *failed)
{
        struct listing *l = arg;
        struct effect *f = l->of;
        struct err e = {0};
        ((struct data_state *)f->state)->job = NULL;
        if (failed)
                err_copy(&e, failed);
        else
                finish(f, l->keys, &e);
        if (err_is_set(&e))
                effect_fail_64(f, &e);
}

static void free_listing(void *arg)
{
        struct listing *l = arg;
        json_decref(l->artifact);
        json_decref(l->keys);
        mem_free(l);
}

static void data_start(struct effect *f, const json_t *spec)
{
        struct data_state *s = f->state;
        const json_t *paths = json_at(spec, "source", "artifactPaths");
        struct listing *l = NEW(struct listing);
        s->spec = spec;
        l->of = f;
        l->artifact = location_complete(paths, json_object_get(f->template, "archiveLocation"));
        const struct artifact_job_spec job = {.loop = f->all->o.loop,
                                              .pool = &f->all->pool,
                                              .store = f->all->o.store,
                                              .ns = f->ns,
                                              .data_dir = f->all->data_dir,
                                              .guard = f->all->o.guard_addresses,
                                              .locations = l->artifact,
                                              .work = list_keys,
                                              .done = on_listed,
                                              .free_arg = free_listing,
                                              .arg = l};
        s->job = artifact_job_start(&job);
}

static void data_stop(struct effect *f)
{
        struct data_state *s = f->state;
        artifact_job_abandon(TAKE(s->job));
        json_decref(TAKE(s->outputs));
}

const struct effect_kind effect_data = {.member = "data",
                                        .state_size = sizeof(struct data_state),
                                        .start = data_start,
                                        .stop = data_stop};
