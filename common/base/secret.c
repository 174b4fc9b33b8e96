/* common/base/secret.c: see secret.h. Each secret has pages of its own, left out of core dumps;
 * secrets are few. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/secret.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOUNTED_VALUE_MAX = 1 << 20 }; /* as a Secret or ConfigMap in Kubernetes */

struct secret {
        size_t mapped, len;
        char data[];
};

struct secret *secret_new(const void *data, size_t n)
{
        size_t size = sizeof(struct secret) + n + 1;
        struct secret *s =
                mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (s == MAP_FAILED) {
                fprintf(stderr, "tiphys: no memory for a secret: %s\n", strerror(errno));
                abort();
        }
        madvise(s, size, MADV_DONTDUMP);
        s->mapped = size;
        s->len = n;
        if (n)
                memcpy(s->data, data, n);
        return s;
}

struct secret *secret_free(struct secret *s)
{
        if (!s)
                return NULL;
        size_t size = s->mapped;
        explicit_bzero(s, size);
        munmap(s, size);
        return NULL;
}

bool secret_matches(const struct secret *s, const void *data, size_t n)
{
        return s && secret_equal(s->data, s->len, data, n);
}

const char *secret_reveal(const struct secret *s)
{
        return s->data;
}

size_t secret_len(const struct secret *s)
{
        return s->len;
}

/* ---- mounts ---- */

/* Names come from users' files: one path component, nothing else. */
static bool is_component(const char *s)
{
        return !str_empty(s) && !strchr(s, '/') && !streq(s, ".") && !streq(s, "..");
}

static char *env_name(const char *prefix, const char *name, const char *key)
{
        char *env = mem_printf("%s_%s_%s", prefix, name, key);
        for (char *p = env; *p; p++)
                *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
        return env;
}

static void trim_newline(struct buf *b)
{
        if (b->len && b->data[b->len - 1] == '\n')
                buf_truncate(b, b->len - 1);
}

static int read_mount(struct buf *out, const char *what, const char *folder, const char *env_prefix,
                      const char *name, const char *key, struct err *e)
{
        if (!is_component(name) || !is_component(key))
                return err_set(e, ERR_INVALID, "%s \"%s\", key \"%s\": not a name", what,
                               name ? name : "", key ? key : "");
        const char *prefix = getenv("TIPHYS_MOUNTS");
        AUTO(mem_free)
        char *path = mem_printf("%s/%s/%s/%s", str_empty(prefix) ? "/argo-events" : prefix, folder,
                                name, key);
        ERR_SLOT(why);
        if (fs_read(out, path, MOUNTED_VALUE_MAX, &why) == 0) {
                trim_newline(out);
                return 0;
        }
        if (why.code != ERR_NOT_FOUND) {
                err_move(e, &why);
                return err_wrap(e, "%s \"%s\", key \"%s\"", what, name, key);
        }
        err_clear(&why);
        AUTO(mem_free) char *env = env_name(env_prefix, name, key);
        const char *value = getenv(env);
        if (!value)
                return err_set(e, ERR_NOT_FOUND,
                               "%s \"%s\", key \"%s\": no file %s, and %s is not set", what, name,
                               key, path, env);
        buf_adds(out, value);
        trim_newline(out);
        return 0;
}

int secret_from_mounts(struct secret **out, const char *name, const char *key, struct err *e)
{
        struct buf b = BUF_INIT(MOUNTED_VALUE_MAX);
        int r = read_mount(&b, "secret", "secrets", "TIPHYS_SECRET", name, key, e);
        if (r == 0)
                *out = secret_new(b.data, b.len);
        if (b.data)
                explicit_bzero(b.data, b.cap);
        buf_deinit(&b);
        return r;
}

int config_from_mounts(char **out, const char *name, const char *key, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(MOUNTED_VALUE_MAX);
        if (read_mount(&b, "config map", "config", "TIPHYS_CONFIG", name, key, e) < 0)
                return -1;
        *out = buf_take(&b);
        return 0;
}
