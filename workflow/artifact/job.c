/* workflow/artifact/job.c: see job.h. An abandoned job that waits for the store is freed by the
 * answer; one on a thread when the thread comes back. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/job.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/artifact/location.h"

enum { THREADS = 4 };

struct artifact_job {
        struct artifact_job_spec spec;
        char *ns, *data_dir;
        bool abandoned, cancelled, working, starting, ended;
        json_t *wanted; /* secrets to look up: [{"name", "key"}] */
        size_t asked;
        struct location_secrets *secrets;
        struct artifacts *artifacts;
        struct err why;
};

static void job_free(struct artifact_job *j)
{
        json_decref(j->wanted);
        artifacts_close(j->artifacts);
        location_secrets_free(j->secrets);
        err_clear(&j->why);
        mem_free(j->ns);
        mem_free(j->data_dir);
        if (j->spec.free_arg)
                j->spec.free_arg(j->spec.arg);
        mem_free(j);
}

static void end(struct artifact_job *j)
{
        j->ended = true;
        if (!j->abandoned)
                j->spec.done(j->spec.arg, err_is_set(&j->why) ? &j->why : NULL);
        if (!j->starting) /* else artifact_job_start frees it */
                job_free(j);
}

/* ---- the thread ---- */

static void work(void *arg)
{
        struct artifact_job *j = arg;
        if (j->spec.work(j->artifacts, j->spec.arg, &j->why) == 0)
                err_clear(&j->why);
}

static void on_worked(void *arg)
{
        struct artifact_job *j = arg;
        j->working = false;
        end(j);
}

static void begin_work(struct artifact_job *j)
{
        struct artifact_job_spec *s = &j->spec;
        if (j->cancelled)
                err_set(&j->why, ERR_UNAVAILABLE, "cancelled");
        if (j->cancelled || artifacts_open(&j->artifacts, j->data_dir, &j->why) < 0 ||
            artifacts_remote(j->artifacts, j->secrets, s->guard, &j->why) < 0 ||
            (!*s->pool && pool_new(s->pool, s->loop, THREADS, &j->why) < 0)) {
                end(j);
                return;
        }
        j->working = true;
        pool_run(*s->pool, work, on_worked, j);
}

/* ---- secrets, one after the other ---- */

static void ask_next(struct artifact_job *j);

static void on_secret(void *arg, struct secret *value_taken, const struct err *e)
{
        struct artifact_job *j = arg;
        const json_t *ref = json_array_get(j->wanted, j->asked++);
        if (j->abandoned) {
                secret_free(value_taken);
                job_free(j);
                return;
        }
        if (value_taken)
                location_secrets_add(j->secrets, json_str(ref, "name"), json_str(ref, "key"),
                                     value_taken);
        else if (e && e->code != ERR_NOT_FOUND) /* who needs one that is missing says so */
                err_copy(&j->why, e);
        if (err_is_set(&j->why))
                end(j);
        else
                ask_next(j);
}

static void ask_next(struct artifact_job *j)
{
        const json_t *ref = json_array_get(j->wanted, j->asked);
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        if (!ref) {
                begin_work(j);
        } else if (j->spec.store) {
                store_secret(j->spec.store, j->ns, name, key, on_secret, j);
        } else {
                struct err e = {0};
                struct secret *value = NULL;
                int rc = secret_from_mounts(&value, name, key, &e);
                on_secret(j, value, rc < 0 ? &e : NULL);
                err_clear(&e);
        }
}

static void want(void *arg, const char *name, const char *key)
{
        json_t *list = arg, *known;
        size_t i;
        json_array_foreach (list, i, known) {
                if (streq(json_str(known, "name"), name) && streq(json_str(known, "key"), key))
                        return;
        }
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "key", key));
}

/* ---- the calls of job.h ---- */

struct artifact_job *artifact_job_start(const struct artifact_job_spec *spec)
{
        struct artifact_job *j = NEW(struct artifact_job);
        j->spec = *spec;
        j->ns = mem_strdup(spec->ns ? spec->ns : "default");
        j->data_dir = mem_strdup(spec->data_dir);
        j->wanted = json_array();
        j->secrets = location_secrets_new();
        location_each_secret(spec->locations, want, j->wanted);
        j->starting = true;
        ask_next(j);
        j->starting = false;
        if (!j->ended)
                return j;
        job_free(j);
        return NULL;
}

void artifact_job_cancel(struct artifact_job *j)
{
        if (!j)
                return;
        j->cancelled = true;
        if (j->working)
                artifacts_cancel(j->artifacts);
}

void artifact_job_abandon(struct artifact_job *j)
{
        if (!j)
                return;
        j->abandoned = true;
        artifact_job_cancel(j);
}
