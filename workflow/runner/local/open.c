/* workflow/runner/local/open.c: a local runner is opened and closed. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "workflow/image/image.h"
#include "workflow/runner/local/local_priv.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { PODS_PER_CORE = 4 };

static char *find_executor(const char *given)
{
        char self[PATH_MAX];
        if (given)
                return mem_strdup(given);
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        self[n > 0 ? n : 0] = '\0';
        char *slash = strrchr(self, '/');
        if (slash) {
                slash[1] = '\0';
                AUTO(mem_free) char *beside = mem_printf("%stiphys-executor", self);
                if (access(beside, X_OK) == 0)
                        return TAKE(beside);
        }
        return mem_strdup("tiphys-executor"); /* from PATH */
}

static int open_data_dir(struct runner *r, struct err *e)
{
        char full[PATH_MAX];
        if (fs_mkdirs(r->o.data_dir, 0700, e) < 0)
                return -1;
        if (!realpath(r->o.data_dir, full))
                return err_errno(e, errno, "%s", r->o.data_dir);
        r->data_dir = mem_strdup(full);
        r->o.data_dir = r->data_dir;
        return 0;
}

int runner_local(struct runner **out, const struct runner_local_options *o,
                 runner_update_fn *update, void *arg, struct err *e)
{
        AUTO(runner_free) struct runner *r = NEW(struct runner);
        r->o = *o;
        r->sock = -1;
        r->update = update;
        r->arg = arg;
        r->queue_end = &r->queue;
        r->told_end = &r->told;
        r->sandbox = o->isolation != ISOLATION_NONE;
        if (r->o.max_running <= 0)
                r->o.max_running = PODS_PER_CORE * get_nprocs();
        gethostname(r->host, sizeof(r->host) - 1);
        task_init(&r->tell, on_tell, r);
        timer_init(&r->restart, NULL, NULL);
        workers_init(r);
        r->spares = spares_new();
        r->executor = find_executor(o->executor);
        if (open_data_dir(r, e) < 0 || images_open(&r->images, r->data_dir, o->images, e) < 0 ||
            link_open(r, e) < 0)
                return err_wrap(e, "local runner");
        forget_left_aside(r->data_dir);
        *out = TAKE(r);
        return 0;
}

struct runner *runner_free(struct runner *r)
{
        if (!r)
                return NULL;
        loop_undefer(r->o.loop, &r->tell);
        link_close(r);
        struct runner_pod *p, *next;
        HASH_ITER (by_key, r->by_key, p, next) {
                pod_free(p);
        }
        pool_free(r->transfers); /* they were told to end */
        r->images = images_close(r->images);
        spares_unref(r->spares);
        mem_free(r->data_dir);
        mem_free(r->executor);
        mem_free(r->words);
        mem_free(r);
        return NULL;
}

bool runner_sandboxes(const struct runner *r)
{
        return r->sandbox;
}

const char *runner_describe(struct runner *r)
{
        return r->words ? r->words : "";
}

char *runner_log_path(const char *data_dir, const char *workflow_uid, const char *node_id,
                      const char *container)
{
        return mem_printf("%s/logs/%s/%s.%s.log", data_dir, workflow_uid, node_id, container);
}
