/* cli/logstored.c: see logstored.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/logstored.h"
#include "common/app/app.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/job.h"
#include "workflow/artifact/location.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fetch {
        struct loop *loop;
        json_t *artifact;
        int fd; /* of the text */
        bool done;
        struct err why;
};

static int open_log(struct artifacts *a, void *arg, struct err *e)
{
        struct fetch *f = arg;
        return artifact_open(a, f->artifact, NULL, &f->fd, e);
}

static void on_opened(void *arg, const struct err *e)
{
        struct fetch *f = arg;
        f->done = true;
        if (e)
                err_copy(&f->why, e);
        loop_stop(f->loop);
}

static const json_t *find_artifact(const json_t *node, const char *container)
{
        AUTO(mem_free) char *name = mem_printf("%s-logs", container);
        size_t i;
        json_t *artifact;
        json_array_foreach (json_at(node, "outputs", "artifacts"), i, artifact) {
                if (streq(json_str(artifact, "name"), name) &&
                    !json_is_true(json_object_get(artifact, "deleted")))
                        return artifact;
        }
        return NULL;
}

static int print_lines(int fd, const char *pod, log_line_fn *fn, void *arg, struct err *e)
{
        FILE *file = fdopen(fd, "r");
        char *line = NULL;
        size_t cap = 0;
        if (!file) {
                close(fd);
                return err_errno(e, errno, "log");
        }
        for (ssize_t n; (n = getline(&line, &cap, file)) > 0;) {
                if (line[n - 1] == '\n')
                        line[n - 1] = '\0';
                fn(arg,
                   &(struct log_line){.pod = pod, .time = "-", .text = line, .time_ns = INT64_MAX});
        }
        free(line);
        fclose(file);
        return 0;
}

int logs_stored(struct app *app, const json_t *wf, const json_t *node, const char *container,
                const char *pod, log_line_fn *fn, void *arg, bool *found, struct err *e)
{
        const json_t *artifact = find_artifact(node, container);
        struct pool *pool = NULL;
        *found = artifact != NULL;
        if (!artifact)
                return 0;
        struct fetch f = {.loop = app->loop, .fd = -1};
        f.artifact = location_complete(
                artifact, json_at(wf, "status", "artifactRepositoryRef", "artifactRepository"));
        const struct artifact_job_spec spec = {.loop = app->loop,
                                               .pool = &pool,
                                               .store = app->store,
                                               .ns = json_str(wf, "metadata", "namespace"),
                                               .data_dir = app->data_dir,
                                               .locations = f.artifact,
                                               .work = open_log,
                                               .done = on_opened,
                                               .arg = &f};
        if (artifact_job_start(&spec))
                while (!f.done)
                        loop_run(app->loop);
        pool_free(pool);
        json_decref(f.artifact);
        if (err_is_set(&f.why)) {
                err_move(e, &f.why);
                return err_wrap(e, "log of %s", pod);
        }
        return print_lines(f.fd, pod, fn, arg, e);
}
