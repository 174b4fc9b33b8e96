/* workflow/artifact/raw.c: {"raw": {"data"}}: text written in the workflow itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "workflow/artifact/artifact_driver.h"
#include "workflow/artifact/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static artifact_stat_fn raw_stat;
static artifact_open_fn raw_open;
static artifact_list_fn raw_list;
static artifact_pack_fn raw_pack;
static artifact_delete_fn raw_delete;

static int raw_stat(struct artifacts *a UNUSED, const json_t *at, const char *sub,
                    struct artifact_info *out, struct err *e)
{
        if (sub && *sub)
                return err_set(e, ERR_NOT_FOUND, "it is one text, without parts");
        *out = (struct artifact_info){.bytes = json_string_length(json_object_get(at, "data"))};
        return 0;
}

static int raw_open(struct artifacts *a, const json_t *at, const char *sub, int *fd, struct err *e)
{
        struct artifact_info info;
        const json_t *data = json_object_get(at, "data");
        if (raw_stat(a, at, sub, &info, e) < 0)
                return -1;
        int got = memfd_create("artifact", MFD_CLOEXEC);
        if (got < 0)
                return err_errno(e, errno, "memfd");
        if (fs_write_all(got, json_string_value(data), json_string_length(data), e) < 0 ||
            lseek(got, 0, SEEK_SET) < 0) {
                close(got);
                return err_is_set(e) ? -1 : err_errno(e, errno, "memfd");
        }
        *fd = got;
        return 0;
}

static int raw_list(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                    json_t **out UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is one text, no folder");
}

static int raw_pack(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                    int fd UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is one text: read it as it is");
}

static int raw_delete(struct artifacts *a UNUSED, const json_t *at UNUSED, struct err *e UNUSED)
{
        return 0; /* it goes with its workflow */
}

const struct artifact_driver artifact_driver_raw = {.type = "raw",
                                                    .stat = raw_stat,
                                                    .open = raw_open,
                                                    .list = raw_list,
                                                    .pack = raw_pack,
                                                    .delete = raw_delete};
