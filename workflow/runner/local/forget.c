/* workflow/runner/local/forget.c: what a finished workflow has left behind, removed on the pool.
 * Its folders are moved aside at once: the workflow may be retried, and its pods have the same
 * names. The artifacts of a workflow may have any key; the executor notes each in
 * logs/<uid>/artifacts. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/runner/local/local_priv.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 256 * 1024 * 1024 };

static void forget_artifacts(const char *data_dir, const char *uid)
{
        ERR_SLOT(e);
        AUTO_BUF struct buf list = BUF_INIT(LIST_MAX);
        AUTO(mem_free) char *path = mem_printf("%s/logs/%s/artifacts", data_dir, uid);
        AUTO(mem_free) char *store = mem_printf("%s/artifacts", data_dir);
        int fd = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fs_exists(path) && fs_read(&list, path, LIST_MAX, &e) == 0) {
                char *save, *key = strtok_r(list.data, "\n", &save);
                for (; key && folder_delete(fd, key, &e) == 0; key = strtok_r(NULL, "\n", &save))
                        ;
        }
        if (fd >= 0)
                close(fd);
        if (err_is_set(&e))
                log_warn(log_root(), "artifacts of a workflow stay behind",
                         F_STR("workflow uid", uid), F_ERR(&e));
        err_clear(&e);
}

/* ---- state files for other pods ---- */

enum { SPARES_MAX = 512 };
struct spares {
        unsigned refs; /* the runner's, and one of each job that may add to them */
        uint64_t number[SPARES_MAX], last;
        unsigned n, due;
};

struct spares *spares_new(void)
{
        struct spares *s = NEW(struct spares);
        s->refs = 1;
        return s;
}

void spares_unref(struct spares *s)
{
        if (s && --s->refs == 0)
                mem_free(s);
}

uint64_t spare_take(struct spares *s)
{
        return s->n ? s->number[--s->n] : 0;
}

/* ---- a workflow ---- */

struct forget {
        struct spares *spares; /* of the loop's thread */
        char *data_dir, *uid;
        char *pods, *staging; /* where they were moved to; NULL: there are none */
        enum runner_forget what;
        uint64_t spare;        /* state files become spare/<this>, and so on */
        unsigned wanted, kept; /* at most; so many did */
};

/* Names that begin with a dot belong to nobody any more; what a killed controller has left of them
 * goes at the next start. NULL: there is no such folder. */
static char *move_aside(const char *data_dir, const char *kind, const char *uid)
{
        AUTO(mem_free) char *from = mem_printf("%s/%s/%s", data_dir, kind, uid);
        if (!fs_exists(from))
                return NULL;
        for (unsigned n = 0; n < 1000; n++) {
                AUTO(mem_free) char *to = mem_printf("%s/%s/.%s-%u", data_dir, kind, uid, n);
                if (!fs_exists(to) && rename(from, to) == 0)
                        return TAKE(to);
        }
        return TAKE(from);
}

static void remove_folder(const char *path, const char *uid)
{
        ERR_SLOT(e);
        if (path && fs_remove_tree(path, &e) < 0) {
                log_warn(log_root(), "what a workflow left behind could not be removed",
                         F_STR("workflow uid", uid), F_ERR(&e));
                err_clear(&e);
        }
}

/* State files that are kept for other pods (workflow/executor/supervisor.c): empty, under a name
 * that nobody has. */
static void keep_spares(struct forget *f)
{
        DIR *d = f->pods && f->wanted ? opendir(f->pods) : NULL;
        for (const struct dirent *entry; d && f->kept < f->wanted && (entry = readdir(d));) {
                if (entry->d_type != DT_REG)
                        continue;
                AUTO(mem_free)
                char *to = mem_printf("%s/spare/%llu", f->data_dir,
                                      (unsigned long long)f->spare + f->kept);
                int fd = openat(dirfd(d), entry->d_name, O_WRONLY | O_CLOEXEC);
                bool good = fd >= 0 && ftruncate(fd, 0) == 0 &&
                            renameat(dirfd(d), entry->d_name, AT_FDCWD, to) == 0;
                if (fd >= 0)
                        close(fd);
                if (!good)
                        break; /* they are removed with the folder */
                f->kept++;
        }
        if (d)
                closedir(d);
}

static void forget_now(void *arg)
{
        struct forget *f = arg;
        keep_spares(f);
        AUTO(mem_free) char *logs = mem_printf("%s/logs/%s", f->data_dir, f->uid);
        remove_folder(f->pods, f->uid);
        remove_folder(f->staging, f->uid);
        if (f->what == FORGET_ARTIFACTS)
                forget_artifacts(f->data_dir, f->uid); /* the list of them is among the logs */
        if (f->what != FORGET_PODS)
                remove_folder(logs, f->uid);
}

static void forget_done(void *arg)
{
        struct forget *f = arg;
        f->spares->due -= f->wanted;
        for (unsigned i = 0; i < f->kept; i++)
                f->spares->number[f->spares->n++] = f->spare + i;
        spares_unref(f->spares);
        mem_free(f->data_dir);
        mem_free(f->uid);
        mem_free(f->pods);
        mem_free(f->staging);
        mem_free(f);
}

void runner_forget(struct runner *r, const char *workflow_uid, enum runner_forget what)
{
        if (!name_valid(workflow_uid))
                return;
        struct forget *f = NEW(struct forget);
        struct spares *spares = r->spares;
        *f = (struct forget){.data_dir = mem_strdup(r->data_dir),
                             .uid = mem_strdup(workflow_uid),
                             .pods = move_aside(r->data_dir, "pods", workflow_uid),
                             .staging = move_aside(r->data_dir, "artifacts/" STAGING, workflow_uid),
                             .what = what,
                             .spares = spares,
                             .spare = spares->last + 1,
                             .wanted = SPARES_MAX - spares->n - spares->due};
        spares->refs++;
        spares->last += f->wanted;
        spares->due += f->wanted;
        if (r->o.pool) {
                pool_run(r->o.pool, forget_now, forget_done, f);
                return;
        }
        forget_now(f);
        forget_done(f);
}

/* ---- inputs that were fetched for a pod ---- */

static void remove_fetched(void *path)
{
        remove_folder(path, "");
}

void forget_fetched(struct runner *r, const char *uid, const char *node)
{
        char *path = mem_printf("%s/artifacts/" STAGING "/%s/%s/in", r->data_dir, uid, node);
        if (r->o.pool) {
                pool_run(r->o.pool, remove_fetched, mem_free, path);
                return;
        }
        remove_fetched(path);
        mem_free(path);
}

/* ---- one pod ---- */

struct forget_pod {
        char *logs, *folder, *prefix; /* prefix NULL: every log */
};

static bool is_log_of(const char *name, const char *prefix)
{
        return str_ends(name, ".log") && (!prefix || str_starts(name, prefix));
}

static void forget_pod_now(void *arg)
{
        const struct forget_pod *f = arg;
        ERR_SLOT(e);
        DIR *d = opendir(f->logs);
        for (const struct dirent *entry; d && (entry = readdir(d));)
                if (is_log_of(entry->d_name, f->prefix))
                        unlinkat(dirfd(d), entry->d_name, 0);
        if (d)
                closedir(d);
        if (f->folder && fs_remove_tree(f->folder, &e) < 0) {
                log_warn(log_root(), "what a pod left behind could not be removed",
                         F_STR("path", f->folder), F_ERR(&e));
                err_clear(&e);
        }
}

static void forget_pod_done(void *arg)
{
        struct forget_pod *f = arg;
        mem_free(f->logs);
        mem_free(f->folder);
        mem_free(f->prefix);
        mem_free(f);
}

void runner_forget_pod(struct runner *r, const char *workflow_uid, const char *node_id)
{
        if (!name_valid(workflow_uid) || (node_id && !name_valid(node_id)))
                return;
        struct forget_pod *f = NEW(struct forget_pod);
        f->logs = mem_printf("%s/logs/%s", r->data_dir, workflow_uid);
        if (node_id) {
                f->folder = mem_printf("%s/pods/%s/%s", r->data_dir, workflow_uid, node_id);
                f->prefix = mem_printf("%s.", node_id);
        }
        if (r->o.pool) {
                pool_run(r->o.pool, forget_pod_now, forget_pod_done, f);
                return;
        }
        forget_pod_now(f);
        forget_pod_done(f);
}

/* ---- what was moved aside before the controller was killed ---- */

static int is_entry(const struct dirent *entry)
{
        return !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
}

static int is_aside(const struct dirent *entry)
{
        return is_entry(entry) && entry->d_name[0] == '.';
}

static void remove_entries(const char *data_dir, const char *kind,
                           int (*which)(const struct dirent *entry))
{
        AUTO(mem_free) char *folder = mem_printf("%s/%s", data_dir, kind);
        struct dirent **names = NULL;
        int n = scandir(folder, &names, which, NULL);
        for (int i = 0; i < n; i++) {
                AUTO(mem_free) char *path = mem_printf("%s/%s", folder, names[i]->d_name);
                remove_folder(path, names[i]->d_name);
                free(names[i]);
        }
        free(names);
}

void forget_left_aside(const char *data_dir)
{
        remove_entries(data_dir, "spare", is_entry);
        remove_entries(data_dir, "pods", is_aside);
        remove_entries(data_dir, "artifacts/" STAGING, is_aside);
}

/* ---- claims ---- */

struct claim {
        char *path;
};

static void claim_now(void *arg)
{
        const struct claim *c = arg;
        ERR_SLOT(e);
        if (fs_remove_tree(c->path, &e) < 0) {
                log_warn(log_root(), "a volume claim could not be removed", F_STR("path", c->path),
                         F_ERR(&e));
                err_clear(&e);
        }
}

static void claim_done(void *arg)
{
        struct claim *c = arg;
        mem_free(c->path);
        mem_free(c);
}

void runner_forget_claim(struct runner *r, const char *ns, const char *claim)
{
        if (!name_valid(ns) || !name_valid(claim))
                return;
        struct claim *c = NEW(struct claim);
        c->path = mem_printf("%s/volumes/%s/%s", r->data_dir, ns, claim);
        if (r->o.pool) {
                pool_run(r->o.pool, claim_now, claim_done, c);
                return;
        }
        claim_now(c);
        claim_done(c);
}
