/* common/store/now.c: blocking conveniences for commands and start-up: they run the loop until the
 * answer. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"

enum { NOW_TIMEOUT_MS = 70000 };

/* On the heap while the call is under way: after a time-out the late answer frees it. */
struct answer {
        json_t *obj;
        struct err err;
        bool done, abandoned;
};

static void answer_free(struct answer *a)
{
        json_decref(a->obj);
        err_clear(&a->err);
        mem_free(a);
}

static void on_answer(void *arg, json_t *obj, const struct err *e)
{
        struct answer *a = arg;
        if (a->abandoned) {
                answer_free(a);
                return;
        }
        a->obj = json_incref(obj);
        if (e)
                err_copy(&a->err, e);
        a->done = true;
}

static int await(struct store *s, struct answer *a, json_t **out, struct err *e)
{
        if (!loop_run_until(store_loop(s), &a->done, NOW_TIMEOUT_MS)) {
                a->abandoned = true;
                return err_set(e, ERR_TIMEOUT, "the store did not answer within %d s",
                               NOW_TIMEOUT_MS / 1000);
        }
        int r = err_is_set(&a->err) ? -1 : 0;
        if (r < 0)
                err_move(e, &a->err);
        else if (out)
                *out = json_incref(a->obj);
        answer_free(a);
        return r;
}

int store_get_now(struct store *s, struct store_ref ref, json_t **out, struct err *e)
{
        struct answer *a = NEW(struct answer);
        store_get(s, ref, on_answer, a);
        return await(s, a, out, e);
}

int store_create_now(struct store *s, const struct store_kind *kind, const char *ns,
                     const json_t *obj, json_t **out, struct err *e)
{
        struct answer *a = NEW(struct answer);
        store_create(s, kind, ns, obj, on_answer, a);
        return await(s, a, out, e);
}

int store_list_now(struct store *s, const struct store_kind *kind, const char *ns,
                   const struct store_list_opts *o, json_t **out, struct err *e)
{
        struct answer *a = NEW(struct answer);
        store_list(s, kind, ns, o, on_answer, a);
        return await(s, a, out, e);
}

int store_patch_now(struct store *s, struct store_ref ref, enum store_patch type,
                    const json_t *patch, json_t **out, struct err *e)
{
        struct answer *a = NEW(struct answer);
        store_patch(s, ref, type, patch, on_answer, a);
        return await(s, a, out, e);
}

int store_delete_now(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                     struct err *e)
{
        struct answer *a = NEW(struct answer);
        store_delete(s, ref, o, on_answer, a);
        return await(s, a, NULL, e);
}

int store_apply_now(struct store *s, const char *ns, const json_t *obj, json_t **out, bool *created,
                    struct err *e)
{
        struct store_kind kind;
        if (store_kind_of(&kind, obj, e) < 0)
                return -1;
        const char *own = json_str(obj, "metadata", "namespace"), *name = obj_name(obj);
        struct store_ref ref = {&kind, str_empty(own) ? ns : own, name};
        struct err local = {0};
        int r = store_create_now(s, &kind, ref.ns, obj, out, &local);
        if (created)
                *created = r == 0;
        if (r < 0 && local.code == ERR_CONFLICT && name) {
                err_clear(&local);
                AUTO_JSON json_t *patch = json_deep_copy(obj);
                json_object_del(json_object_get(patch, "metadata"), "resourceVersion");
                json_object_del(json_object_get(patch, "metadata"), "uid");
                r = store_patch_now(s, ref, STORE_PATCH_MERGE, patch, out, &local);
        }
        if (r < 0) {
                err_wrap(&local, "%s %s", kind.kind, name ? name : "");
                err_move(e, &local);
        }
        store_kind_deinit(&kind);
        return r;
}
