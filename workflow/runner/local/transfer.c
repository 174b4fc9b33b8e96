/* workflow/runner/local/transfer.c: artifacts that lie elsewhere, fetched before a pod starts and
 * saved after it ended.
 *
 * First the secrets that the locations name are looked up on the loop, then a thread of the
 * runner's own pool does the work: a slow server holds up nobody but its own pod. What is saved
 * lies under a staging key of the folder store until the other side has it, and the record of it in
 * the pod's final status says where it goes: a runner that was killed meanwhile finds both again
 * and saves once more. A staging key that is gone was saved. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/artifact/artifact.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/tar.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4 };

struct transfer {
        struct loop *loop;
        struct runner *runner;  /* as long as `pod` is there, or work is under way */
        struct runner_pod *pod; /* NULL: given up */
        transfer_done_fn *done;
        char *ns, *data_dir;
        bool saving, working, timed_out;
        json_t *items;
        json_t *wanted; /* secrets to look up: [{"name", "key"}] */
        size_t asked;
        struct location_secrets *secrets;
        struct artifacts *artifacts;
        struct loop_timer deadline;
        struct err why;
};

static void transfer_free(struct transfer *t)
{
        timer_cancel(t->loop, &t->deadline);
        json_decref(t->items);
        json_decref(t->wanted);
        artifacts_close(t->artifacts);
        location_secrets_free(t->secrets);
        err_clear(&t->why);
        mem_free(t->ns);
        mem_free(t->data_dir);
        mem_free(t);
}

/* ---- the work, on a thread ---- */

static int with_parent(int store, const char *key, const char **name, struct err *e)
{
        int dir = tree_parent(store, key, name, TREE_NO_LINKS, -1);
        return dir < 0 ? err_errno(e, errno, "%s", key) : dir;
}

static int unzip(int dir, const char *packed, const char *name, struct err *e)
{
        struct tree_copy limits = {.max_bytes = ARTIFACT_BYTES_MAX,
                                   .max_entries = ARTIFACT_ENTRIES_MAX};
        int fd = openat(dir, packed, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", packed);
        int rc = zip_unpack(fd, dir, name, &limits, e);
        close(fd);
        if (rc == 0 && unlinkat(dir, packed, 0) < 0)
                rc = err_errno(e, errno, "%s", packed);
        return rc;
}

static int fetch_one(struct transfer *t, int store, const json_t *item, struct err *e)
{
        const json_t *artifact = json_object_get(item, "artifact");
        const char *name, *sub = json_str(artifact, "subPath");
        bool zip = json_is_true(json_object_get(item, "zip"));
        int dir = with_parent(store, json_str(item, "to"), &name, e);
        if (dir < 0)
                return -1;
        AUTO(mem_free) char *packed = mem_printf(".packed.%s", name);
        int rc = tree_remove(dir, name) < 0 || tree_remove(dir, packed) < 0
                         ? err_errno(e, errno, "%s", name)
                         : artifact_fetch(t->artifacts, artifact, sub, dir, zip ? packed : name, e);
        if (rc == 0 && zip)
                rc = unzip(dir, packed, name, e);
        close(dir);
        if (rc < 0 && e->code == ERR_NOT_FOUND &&
            json_is_true(json_object_get(artifact, "optional"))) {
                err_clear(e);
                rc = 0;
        }
        return rc < 0 ? err_wrap(e, "failed to load input") : 0;
}

static int save_zipped(struct transfer *t, int dir, const char *name, const json_t *artifact,
                       struct err *e)
{
        const char *path = json_str(artifact, "path"), *slash = path ? strrchr(path, '/') : NULL;
        const char *inside = slash && slash[1] ? slash + 1 : name;
        AUTO(mem_free) char *folder = mem_printf(".zip.%s", name);
        int top = -1, fd = -1, rc = 0;
        /* the archive names what is in it as the step did */
        if (tree_remove(dir, folder) < 0 || mkdirat(dir, folder, 0700) < 0 ||
            (top = openat(dir, folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            renameat(dir, name, top, inside) < 0 ||
            (fd = openat(top, ".zip", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) < 0)
                rc = err_errno(e, errno, "%s", folder);
        if (rc == 0)
                rc = zip_pack(top, inside, fd, -1, e);
        if (rc == 0)
                rc = artifact_save(t->artifacts, artifact, top, ".zip", e);
        if (rc < 0 && top >= 0 && renameat(top, inside, dir, name) < 0)
                err_wrap(e, "(%s stays in %s)", name, folder);
        if (fd >= 0)
                close(fd);
        if (top >= 0)
                close(top);
        if (rc == 0 && tree_remove(dir, folder) < 0)
                rc = err_errno(e, errno, "%s", folder);
        return rc;
}

static int save_one(struct transfer *t, int store, const json_t *item, struct err *e)
{
        const json_t *artifact = json_object_get(item, "artifact");
        const char *name;
        struct stat st;
        int dir = with_parent(store, json_str(item, "from"), &name, e);
        if (dir < 0)
                return -1;
        int rc = 0;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                rc = json_is_true(json_object_get(item, "zip"))
                             ? save_zipped(t, dir, name, artifact, e)
                             : artifact_save(t->artifacts, artifact, dir, name, e);
                if (rc == 0 && tree_remove(dir, name) < 0)
                        rc = err_errno(e, errno, "%s", name);
        }
        close(dir);
        return rc < 0 ? err_wrap(e, "failed to save output") : 0;
}

static void work(void *arg)
{
        struct transfer *t = arg;
        AUTO(mem_free) char *path = mem_printf("%s/artifacts", t->data_dir);
        int store = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        size_t i;
        json_t *item;
        if (store < 0) {
                err_errno(&t->why, errno, "%s", path);
                return;
        }
        json_array_foreach (t->items, i, item) {
                struct err e = {0};
                if ((t->saving ? save_one(t, store, item, &e) : fetch_one(t, store, item, &e)) < 0)
                        err_is_set(&t->why) ? err_clear(&e) : err_move(&t->why, &e);
                if (err_is_set(&t->why) && !t->saving)
                        break;
        }
        close(store);
}

/* ---- around it, on the loop ---- */

static void tell(struct transfer *t)
{
        struct runner_pod *p = t->pod;
        struct err e = {0};
        err_move(&e, &t->why);
        if (t->timed_out) {
                err_clear(&e);
                err_set(&e, ERR_TIMEOUT, "the pod's deadline has passed");
        } else if (e.code == ERR_TIMEOUT) {
                e.code = ERR_UNAVAILABLE; /* of a server, not of the pod */
        }
        transfer_done_fn *done = t->done;
        if (p)
                p->transfer = NULL;
        transfer_free(t);
        if (p)
                done(p, err_is_set(&e) ? &e : NULL);
        err_clear(&e);
}

static void on_worked(void *arg)
{
        struct transfer *t = arg;
        t->working = false;
        tell(t);
}

static void begin_work(struct transfer *t)
{
        struct runner *r = t->runner;
        if (t->timed_out || artifacts_open(&t->artifacts, r->data_dir, &t->why) < 0 ||
            artifacts_remote(t->artifacts, t->secrets, r->o.guard_addresses, &t->why) < 0 ||
            (!r->transfers && pool_new(&r->transfers, r->o.loop, THREADS, &t->why) < 0)) {
                tell(t);
                return;
        }
        t->working = true;
        pool_run(r->transfers, work, on_worked, t);
}

static void ask_next(struct transfer *t);

static void on_secret(void *arg, struct secret *value_taken, const struct err *e)
{
        struct transfer *t = arg;
        const json_t *ref = json_array_get(t->wanted, t->asked++);
        if (!t->pod) {
                secret_free(value_taken);
                transfer_free(t);
                return;
        }
        if (value_taken)
                location_secrets_add(t->secrets, json_str(ref, "name"), json_str(ref, "key"),
                                     value_taken);
        else if (e && e->code != ERR_NOT_FOUND) /* who needs one that is missing says so */
                err_copy(&t->why, e);
        if (err_is_set(&t->why))
                tell(t);
        else
                ask_next(t);
}

static void ask_next(struct transfer *t)
{
        struct store *s = t->runner->o.store;
        const json_t *ref = json_array_get(t->wanted, t->asked);
        const char *name = json_str(ref, "name"), *key = json_str(ref, "key");
        if (!ref) {
                begin_work(t);
        } else if (s) {
                store_secret(s, t->ns, name, key, on_secret, t);
        } else {
                struct err e = {0};
                struct secret *value = NULL;
                int rc = secret_from_mounts(&value, name, key, &e);
                on_secret(t, value, rc < 0 ? &e : NULL);
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

static void on_deadline(void *arg)
{
        struct transfer *t = arg;
        t->timed_out = true;
        transfer_cancel(t);
}

static struct transfer *transfer_new(struct runner_pod *p, const char *ns, json_t *items_taken,
                                     transfer_done_fn *done)
{
        struct transfer *t = NEW(struct transfer);
        size_t i;
        json_t *item;
        t->loop = p->runner->o.loop;
        t->runner = p->runner;
        t->pod = p;
        t->done = done;
        t->ns = mem_strdup(ns ? ns : "default");
        t->data_dir = mem_strdup(p->runner->data_dir);
        t->items = items_taken;
        t->wanted = json_array();
        t->secrets = location_secrets_new();
        timer_init(&t->deadline, on_deadline, t);
        json_array_foreach (t->items, i, item)
                location_each_secret(json_object_get(item, "artifact"), want, t->wanted);
        p->transfer = t;
        return t;
}

void transfer_fetch(struct runner_pod *p, const char *ns, json_t *fetches_taken, int64_t deadline_s,
                    transfer_done_fn *done)
{
        struct transfer *t = transfer_new(p, ns, fetches_taken, done);
        if (deadline_s > 0)
                timer_after_ms(p->runner->o.loop, &t->deadline, deadline_s * 1000);
        ask_next(t);
}

static json_t *saves_of(struct wire status, const char **ns)
{
        json_t *saves = json_array();
        for (struct wire w = status; wire_next(&w);) {
                json_t *record = NULL;
                const char *text =
                        w.tag == R_ARTIFACT ? wire_find_str(wire_group(&w), R_JSON) : NULL;
                if (!text || !strstr(text, SAVE_MEMBER) ||
                    json_parse(&record, text, strlen(text), NULL) < 0)
                        continue;
                json_t *save = json_object_get(record, SAVE_MEMBER);
                if (save)
                        json_array_append(saves, save);
                json_decref(record);
        }
        *ns = json_str(json_array_get(saves, 0), "namespace");
        return saves;
}

bool transfer_save(struct runner_pod *p, struct wire status, transfer_done_fn *done)
{
        const char *ns;
        json_t *saves = saves_of(status, &ns);
        if (!json_array_size(saves)) {
                json_decref(saves);
                return false;
        }
        struct transfer *t = transfer_new(p, ns, saves, done);
        t->saving = true;
        ask_next(t);
        return true;
}

void transfer_cancel(struct transfer *t)
{
        if (t && t->artifacts)
                artifacts_cancel(t->artifacts);
}

void transfer_abandon(struct transfer *t)
{
        if (!t)
                return;
        t->pod = NULL;
        timer_cancel(t->loop, &t->deadline);
        if (t->working)
                transfer_cancel(t);
        /* else a secret is being looked up: its answer frees it */
}
