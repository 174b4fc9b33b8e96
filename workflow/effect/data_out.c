/* workflow/effect/data_out.c: the output artifacts of a data template: each is a file with the
 * result, packed and kept as those of a container are. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "workflow/artifact/job.h"
#include "workflow/artifact/place.h"
#include "workflow/artifact/tar.h"
#include "workflow/effect/data.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PACKED ".packed"

struct data_out { /* a job's */
        struct effect *of;
        data_saved_fn *saved;
        char *text, *folder; /* of its own, below the staging keys of the folder store */
        struct place *places;
        size_t n;
        json_t *wholes; /* of them, for their secrets */
};

static const json_t *artifacts_of(const struct effect *f)
{
        return json_at(f->template, "outputs", "artifacts");
}

/* ---- the work, on a thread ---- */

static int create(int dir, const char *name, struct err *e)
{
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        return fd < 0 ? err_errno(e, errno, "%s", name) : fd;
}

static int write_text(int dir, const char *name, const char *text, struct err *e)
{
        int fd = create(dir, name, e);
        int rc = fd < 0 ? -1 : fs_write_all(fd, text, strlen(text), e);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int pack(int dir, const char *name, const struct place *p, struct err *e)
{
        int fd = create(dir, PACKED, e);
        int rc = fd < 0                   ? -1
                 : p->packing == PACK_ZIP ? zip_pack(dir, name, fd, -1, e)
                                          : tar_pack(dir, name, fd, p->level, e);
        if (fd >= 0)
                close(fd);
        return rc;
}

static int save_one(struct artifacts *a, const struct data_out *o, const struct place *p, int dir,
                    struct err *e)
{
        const char *path = json_str(p->whole, "path");
        AUTO(mem_free) char *name = place_base_name(path ? path : "result");
        bool as_it_is = p->packing == AS_IT_IS;
        if (write_text(dir, name, o->text, e) < 0 || (!as_it_is && pack(dir, name, p, e) < 0))
                return -1;
        return artifact_save(a, p->whole, dir, as_it_is ? name : PACKED, e);
}

static int save_all(struct artifacts *a, void *arg, struct err *e)
{
        struct data_out *o = arg;
        if (fs_remove_tree(o->folder, e) < 0 || fs_mkdirs(o->folder, 0700, e) < 0)
                return -1;
        int dir = open(o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
        if (dir < 0)
                return err_errno(e, errno, "%s", o->folder);
        for (size_t i = 0; rc == 0 && i < o->n; i++)
                if ((rc = save_one(a, o, &o->places[i], dir, e)) < 0)
                        err_wrap(e, "failed to save output artifact \"%s\"",
                                 json_str(o->places[i].whole, "name"));
        close(dir);
        struct err ignored = {0}; /* what stays goes with the workflow */
        if (fs_remove_tree(o->folder, &ignored) < 0)
                err_clear(&ignored);
        return rc;
}

/* ---- around it, on the loop ---- */

static json_t *records(const struct data_out *o)
{
        json_t *list = json_array();
        for (size_t i = 0; i < o->n; i++)
                json_array_append(list, o->places[i].record);
        return list;
}

static void on_saved(void *arg, const struct err *e)
{
        struct data_out *o = arg;
        AUTO_JSON json_t *list = records(o);
        o->saved(o->of, list, e);
}

static void out_free(void *arg)
{
        struct data_out *o = arg;
        for (size_t i = 0; i < o->n; i++)
                place_deinit(&o->places[i]);
        mem_free(o->places);
        json_decref(o->wholes);
        mem_free(o->text);
        mem_free(o->folder);
        mem_free(o);
}

static int place_all(struct data_out *o, struct err *e)
{
        const struct effect *f = o->of;
        AUTO(mem_free) char *fallback = mem_printf("%s/%s/%s", f->ns, f->workflow, f->node);
        struct place_home home = {0};
        size_t i;
        json_t *out;
        int rc = place_home(&home, json_object_get(f->template, "archiveLocation"), fallback, e);
        o->places = mem_calloc(json_array_size(artifacts_of(f)), sizeof(*o->places));
        json_array_foreach (artifacts_of(f), i, out) {
                struct place *p = &o->places[i];
                if (rc < 0)
                        break;
                o->n++;
                if (place_output(p, out, &home, e) < 0 ||
                    artifact_check(p->whole, ARTIFACT_SAVE, e) < 0)
                        rc = err_wrap(e, "output artifact \"%s\"", json_str(out, "name"));
                else
                        json_array_append(o->wholes, p->whole);
        }
        place_home_deinit(&home);
        return rc;
}

bool data_has_artifacts(const struct effect *f)
{
        return json_array_size(artifacts_of(f)) > 0;
}

int data_save(struct artifact_job **job, struct effect *f, const char *text, data_saved_fn *saved,
              struct err *e)
{
        struct data_out *o = NEW(struct data_out);
        o->of = f;
        o->saved = saved;
        o->text = mem_strdup(text);
        o->wholes = json_array();
        o->folder = mem_printf("%s/artifacts/" STAGING "/%s/%s/data", f->all->data_dir, f->uid,
                               f->node);
        if (place_all(o, e) < 0) {
                out_free(o);
                return -1;
        }
        const struct artifact_job_spec spec = {.loop = f->all->o.loop,
                                               .pool = &f->all->pool,
                                               .store = f->all->o.store,
                                               .ns = f->ns,
                                               .data_dir = f->all->data_dir,
                                               .guard = f->all->o.guard_addresses,
                                               .locations = o->wholes,
                                               .work = save_all,
                                               .done = on_saved,
                                               .free_arg = out_free,
                                               .arg = o};
        *job = artifact_job_start(&spec);
        return 0;
}
