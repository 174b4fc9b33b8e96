/* workflow/archive/archive.c: what all drivers share; see archive.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/archive/archive_driver.h"
#include <stdlib.h>

enum { NOW_TIMEOUT_MS = 70000 };

static int64_t time_of(const json_t *workflow, const char *part, const char *key)
{
        const char *text = json_str(workflow, part, key);
        int64_t ns = 0;
        return text && time_parse_rfc3339(text, &ns) ? ns : 0;
}

int archive_row_of(struct archive_row *out, const json_t *workflow, struct err *e)
{
        *out = (struct archive_row){obj_uid(workflow),
                                    obj_ns(workflow),
                                    obj_name(workflow),
                                    json_str(workflow, "status", "phase"),
                                    time_of(workflow, "metadata", "creationTimestamp"),
                                    time_of(workflow, "status", "startedAt"),
                                    time_of(workflow, "status", "finishedAt")};
        if (str_empty(out->uid) || str_empty(out->name))
                return err_set(e, ERR_INVALID, "a workflow without uid or name cannot be archived");
        if (!out->phase)
                out->phase = "";
        return 0;
}

/* ---- taking ---- */

struct taking { /* a driver that is not in the store's database */
        struct archive *a;
        char *uid;
        archive_done_fn *done;
        void *arg;
};

static void on_read(void *arg, json_t *obj, const struct err *e)
{
        struct taking *t = arg;
        struct err other = {0};
        if (!e && !streq(obj_uid(obj), t->uid)) {
                err_set(&other, ERR_NOT_FOUND, "the workflow is gone");
                e = &other;
        }
        if (e)
                t->done(t->arg, NULL, e);
        else
                t->a->driver->put(t->a, obj, t->done, t->arg);
        err_clear(&other);
        free(t->uid);
        free(t);
}

void archive_take(struct archive *a, struct store *s, struct store_ref ref, const char *uid,
                  archive_done_fn *done, void *arg)
{
        if (a->driver->take) {
                a->driver->take(a, ref, uid, done, arg);
                return;
        }
        struct taking *t = NEW(struct taking);
        *t = (struct taking){a, mem_strdup(uid), done, arg};
        store_get(s, ref, on_read, t);
}

/* ---- passing on ---- */

struct archive *archive_close(struct archive *a)
{
        if (a)
                a->driver->close(a);
        return NULL;
}

void archive_get(struct archive *a, const struct archive_key *key, archive_done_fn *done, void *arg)
{
        a->driver->get(a, key, done, arg);
}

void archive_list(struct archive *a, const struct archive_query *q, archive_done_fn *done,
                  void *arg)
{
        a->driver->list(a, q, done, arg);
}

void archive_delete(struct archive *a, const char *uid, archive_done_fn *done, void *arg)
{
        a->driver->remove(a, uid, done, arg);
}

void archive_trim(struct archive *a, struct wall before, archive_done_fn *done, void *arg)
{
        a->driver->trim(a, before, done, arg);
}

void archive_labels(struct archive *a, const char *ns, const char *key, archive_done_fn *done,
                    void *arg)
{
        a->driver->labels(a, ns, key, done, arg);
}

/* ---- now ---- */

struct answer { /* on the heap while the call is under way: a late answer frees it */
        json_t *obj;
        struct err err;
        bool done, abandoned;
};

static void answer_free(struct answer *x)
{
        json_decref(x->obj);
        err_clear(&x->err);
        free(x);
}

static void on_answer(void *arg, json_t *obj, const struct err *e)
{
        struct answer *x = arg;
        if (x->abandoned) {
                answer_free(x);
                return;
        }
        x->obj = json_incref(obj);
        if (e)
                err_copy(&x->err, e);
        x->done = true;
}

static int await(struct archive *a, struct answer *x, json_t **out, struct err *e)
{
        if (!loop_run_until(a->loop, &x->done, NOW_TIMEOUT_MS)) {
                x->abandoned = true;
                return err_set(e, ERR_TIMEOUT, "the archive did not answer within %d s",
                               NOW_TIMEOUT_MS / 1000);
        }
        int r = err_is_set(&x->err) ? -1 : 0;
        if (r < 0)
                err_move(e, &x->err);
        else if (out)
                *out = json_incref(x->obj);
        answer_free(x);
        return r;
}

int archive_get_now(struct archive *a, const struct archive_key *key, json_t **out, struct err *e)
{
        struct answer *x = NEW(struct answer);
        archive_get(a, key, on_answer, x);
        return await(a, x, out, e);
}

int archive_list_now(struct archive *a, const struct archive_query *q, json_t **out, struct err *e)
{
        struct answer *x = NEW(struct answer);
        archive_list(a, q, on_answer, x);
        return await(a, x, out, e);
}

int archive_delete_now(struct archive *a, const char *uid, struct err *e)
{
        struct answer *x = NEW(struct answer);
        archive_delete(a, uid, on_answer, x);
        return await(a, x, NULL, e);
}

int archive_labels_now(struct archive *a, const char *ns, const char *key, json_t **out,
                       struct err *e)
{
        struct answer *x = NEW(struct answer);
        archive_labels(a, ns, key, on_answer, x);
        return await(a, x, out, e);
}
