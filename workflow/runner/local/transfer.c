/* workflow/runner/local/transfer.c: artifacts that lie elsewhere, fetched before a pod starts and
 * saved after it ended, as jobs on threads of the runner (artifact/job.h).
 *
 * What is saved lies under a staging key of the folder store until the other side has it, and the
 * record of it in the pod's final status says where it goes: a runner that was killed meanwhile
 * finds both again and saves once more. A staging key that is gone was saved.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/artifact.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/job.h"
#include "workflow/artifact/tar.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct transfer {
        struct loop *loop;
        struct runner_pod *pod; /* NULL: given up */
        transfer_done_fn *done;
        char *data_dir;
        bool saving, timed_out;
        json_t *items;
        struct artifact_job *job;
        struct loop_timer deadline;
};

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

static int fetch_one(struct artifacts *a, int store, const json_t *item, struct err *e)
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
                         : artifact_fetch(a, artifact, sub, dir, zip ? packed : name, e);
        if (rc == 0 && zip && unzip(dir, packed, name, e) < 0)
                rc = err_wrap(e, "artifact \"%s\"", json_str(artifact, "name"));
        close(dir);
        if (rc < 0 && e->code == ERR_NOT_FOUND &&
            json_is_true(json_object_get(artifact, "optional"))) {
                err_clear(e);
                rc = 0;
        }
        return rc < 0 ? err_wrap(e, "failed to load input") : 0;
}

static int save_zipped(struct artifacts *a, int dir, const char *name, const json_t *artifact,
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
                rc = artifact_save(a, artifact, top, ".zip", e);
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

static int save_one(struct artifacts *a, int store, const json_t *item, struct err *e)
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
                             ? save_zipped(a, dir, name, artifact, e)
                             : artifact_save(a, artifact, dir, name, e);
                if (rc == 0 && tree_remove(dir, name) < 0)
                        rc = err_errno(e, errno, "%s", name);
        }
        close(dir);
        return rc < 0 ? err_wrap(e, "failed to save output") : 0;
}

static int work(struct artifacts *artifacts, void *arg, struct err *e)
{
        struct transfer *t = arg;
        AUTO(mem_free) char *path = mem_printf("%s/artifacts", t->data_dir);
        int store = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), rc = 0;
        size_t i;
        json_t *item;
        if (store < 0)
                return err_errno(e, errno, "%s", path);
        json_array_foreach (t->items, i, item) {
                struct err one = {0};
                int got = t->saving ? save_one(artifacts, store, item, &one)
                                    : fetch_one(artifacts, store, item, &one);
                if (got < 0 && rc == 0)
                        err_move(e, &one);
                err_clear(&one);
                rc = got < 0 ? -1 : rc;
                if (rc < 0 && !t->saving) /* what can be saved is saved */
                        break;
        }
        close(store);
        return rc;
}

/* ---- around it, on the loop ---- */

static void transfer_free(void *arg)
{
        struct transfer *t = arg;
        timer_cancel(t->loop, &t->deadline);
        json_decref(t->items);
        mem_free(t->data_dir);
        mem_free(t);
}

static void on_done(void *arg, const struct err *failed)
{
        struct transfer *t = arg;
        struct runner_pod *p = t->pod;
        struct err e = {0};
        timer_cancel(t->loop, &t->deadline);
        if (t->timed_out)
                err_set(&e, ERR_TIMEOUT, "the pod's deadline has passed");
        else if (failed)
                err_copy(&e, failed);
        if (e.code == ERR_TIMEOUT && !t->timed_out)
                e.code = ERR_UNAVAILABLE; /* of a server, not of the pod */
        t->job = NULL;
        if (p) {
                p->transfer = NULL;
                t->done(p, err_is_set(&e) ? &e : NULL);
        }
        err_clear(&e);
}

static void on_deadline(void *arg)
{
        struct transfer *t = arg;
        t->timed_out = true;
        transfer_cancel(t);
}

static void transfer_start(struct transfer *t)
{
        struct runner *r = t->pod->runner;
        const char *ns = json_str(json_array_get(t->items, 0), "namespace");
        const struct artifact_job_spec spec = {.loop = r->o.loop,
                                               .pool = &r->transfers,
                                               .store = r->o.store,
                                               .ns = ns ? ns : t->pod->ns,
                                               .data_dir = r->data_dir,
                                               .guard = r->o.guard_addresses,
                                               .locations = t->items,
                                               .work = work,
                                               .done = on_done,
                                               .free_arg = transfer_free,
                                               .arg = t};
        struct runner_pod *p = t->pod;
        struct artifact_job *job = artifact_job_start(&spec);
        if (job) /* else t is gone already */
                p->transfer->job = job;
}

static struct transfer *transfer_new(struct runner_pod *p, json_t *items_taken,
                                     transfer_done_fn *done)
{
        struct transfer *t = NEW(struct transfer);
        t->loop = p->runner->o.loop;
        t->pod = p;
        t->done = done;
        t->data_dir = mem_strdup(p->runner->data_dir);
        t->items = items_taken;
        timer_init(&t->deadline, on_deadline, t);
        p->transfer = t;
        return t;
}

void transfer_fetch(struct runner_pod *p, json_t *fetches_taken, int64_t deadline_s,
                    transfer_done_fn *done)
{
        struct transfer *t = transfer_new(p, fetches_taken, done);
        if (deadline_s > 0)
                timer_after_ms(t->loop, &t->deadline, deadline_s * 1000);
        transfer_start(t);
}

static json_t *saves_of(struct wire status)
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
        return saves;
}

bool transfer_save(struct runner_pod *p, struct wire status, transfer_done_fn *done)
{
        json_t *saves = saves_of(status);
        if (!json_array_size(saves)) {
                json_decref(saves);
                return false;
        }
        struct transfer *t = transfer_new(p, saves, done);
        t->saving = true;
        transfer_start(t);
        return true;
}

void transfer_cancel(struct transfer *t)
{
        if (t)
                artifact_job_cancel(t->job);
}

void transfer_abandon(struct transfer *t)
{
        if (!t)
                return;
        t->pod = NULL;
        timer_cancel(t->loop, &t->deadline);
        artifact_job_abandon(t->job);
}
