/* workflow/artifact/artifact.c: which driver an artifact belongs to. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/artifact/artifact.h"
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/net/http_wait.h"
#include "workflow/artifact/artifact_driver.h"
#include "workflow/artifact/location.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct artifact_driver *const drivers[] = {
#define ARTIFACT(type) &artifact_driver_##type,
#include "workflow/artifact/artifacts.def"
#undef ARTIFACT
};
static const char *const later[] = {"gcs", "azure", "oss", "hdfs", "plugin"};

int artifacts_open(struct artifacts **out, const char *data_dir, struct err *e)
{
        AUTO(mem_free) char *path = fs_join(data_dir, "artifacts");
        if (fs_mkdirs(path, 0700, e) < 0)
                return -1;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        *out = NEW(struct artifacts);
        (*out)->store = fd;
        return 0;
}

struct artifacts *artifacts_close(struct artifacts *a)
{
        if (!a)
                return NULL;
        close(a->store);
        http_wait_free(a->http);
        mem_free(a);
        return NULL;
}

int artifacts_remote(struct artifacts *a, const struct location_secrets *secrets, bool guard,
                     struct err *e)
{
        a->secrets = secrets;
        a->guard = guard;
        return a->http ? 0 : http_wait_new(&a->http, e);
}

void artifacts_cancel(struct artifacts *a)
{
        if (a->http)
                http_wait_cancel(a->http);
}

static const struct artifact_driver *find_driver(const json_t *artifact, const json_t **at,
                                                 struct err *e)
{
        for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
                if ((*at = json_object_get(artifact, drivers[i]->type)))
                        return drivers[i];
        for (size_t i = 0; i < ARRAY_LEN(later); i++) {
                if (!json_object_get(artifact, later[i]))
                        continue;
                err_set(e, ERR_UNSUPPORTED, "not supported yet: artifact location %s", later[i]);
                return NULL;
        }
        err_set(e, ERR_NOT_FOUND, "the artifact has no location");
        return NULL;
}

static const struct artifact_driver *find(const struct artifacts *a, const json_t *artifact,
                                          const json_t **at, struct err *e)
{
        const struct artifact_driver *d = find_driver(artifact, at, e);
        if (!d || a->http || !location_is_remote(d->type))
                return d;
        err_set(e, ERR_UNAVAILABLE, "no way to %s from here", d->type);
        return NULL;
}

int artifact_check(const json_t *artifact, enum artifact_way way, struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find_driver(artifact, &at, e);
        if (d && (way == ARTIFACT_FETCH ? !d->fetch : !d->save))
                return err_set(e, ERR_UNSUPPORTED, "%s cannot be %s", d->type,
                               way == ARTIFACT_FETCH ? "read" : "written");
        return d ? 0 : -1;
}

static int named(const json_t *artifact, int rc, struct err *e)
{
        const char *name = json_str(artifact, "name");
        return rc < 0 ? err_wrap(e, "artifact \"%s\"", name ? name : "") : 0;
}

int artifact_stat(struct artifacts *a, const json_t *artifact, const char *sub,
                  struct artifact_info *out, struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        return named(artifact, d ? d->stat(a, at, sub, out, e) : -1, e);
}

int artifact_open(struct artifacts *a, const json_t *artifact, const char *sub, int *fd,
                  struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        return named(artifact, d ? d->open(a, at, sub, fd, e) : -1, e);
}

int artifact_list(struct artifacts *a, const json_t *artifact, const char *sub, json_t **out,
                  struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        return named(artifact, d ? d->list(a, at, sub, out, e) : -1, e);
}

int artifact_pack(struct artifacts *a, const json_t *artifact, const char *sub, int fd,
                  struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        return named(artifact, d ? d->pack(a, at, sub, fd, e) : -1, e);
}

int artifact_delete(struct artifacts *a, const json_t *artifact, struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        return named(artifact, d ? d->delete (a, at, e) : -1, e);
}

int artifact_fetch(struct artifacts *a, const json_t *artifact, const char *sub, int to_dir,
                   const char *to, struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d =
                artifact_check(artifact, ARTIFACT_FETCH, e) < 0 ? NULL : find(a, artifact, &at, e);
        return named(artifact, d ? d->fetch(a, at, sub, to_dir, to, e) : -1, e);
}

int artifact_save(struct artifacts *a, const json_t *artifact, int from_dir, const char *from,
                  struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d =
                artifact_check(artifact, ARTIFACT_SAVE, e) < 0 ? NULL : find(a, artifact, &at, e);
        return named(artifact, d ? d->save(a, at, from_dir, from, e) : -1, e);
}

int artifact_keys(struct artifacts *a, const json_t *artifact, json_t **out, struct err *e)
{
        const json_t *at;
        const struct artifact_driver *d = find(a, artifact, &at, e);
        AUTO_JSON json_t *keys = json_array();
        if (d && !d->keys)
                return named(artifact, err_set(e, ERR_UNSUPPORTED, "%s cannot be listed", d->type),
                             e);
        if (!d || d->keys(a, at, keys, e) < 0)
                return named(artifact, -1, e);
        *out = TAKE(keys);
        return 0;
}
