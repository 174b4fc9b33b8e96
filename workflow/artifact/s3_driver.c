/* workflow/artifact/s3_driver.c: {"s3": {...}} over common/s3: where, who, and what is there;
 * s3_transfer.c moves bytes.
 *
 * One object is a file; what has no object of its own key but objects below it is a folder, each
 * file an object (archive none). Keys are paths here: an object whose key would lead outside the
 * folder is refused. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/s3_driver.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/folder.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- options ---- */

static int refuse(const json_t *at, struct err *e)
{
        static const char *const later[] = {"roleARN"};
        for (size_t i = 0; i < ARRAY_LEN(later); i++)
                if (!str_empty(json_str(at, later[i])))
                        return err_set(e, ERR_UNSUPPORTED, "not supported yet: s3.%s", later[i]);
        return 0;
}

/* The environment of the process, when the location asks for it (useSDKCreds). */
static void keys_of_environment(struct s3_options *o, struct secret **secret, struct secret **token)
{
        const char *key = getenv("AWS_SECRET_ACCESS_KEY"), *session = getenv("AWS_SESSION_TOKEN");
        o->access_key = getenv("AWS_ACCESS_KEY_ID");
        *secret = key ? secret_new(key, strlen(key)) : NULL;
        *token = session ? secret_new(session, strlen(session)) : NULL;
        o->secret_key = *secret;
        o->session_token = *token;
}

int s3_place(struct s3 **out, struct artifacts *a, const json_t *at, struct err *e)
{
        const struct secret *access = NULL, *secret = NULL, *token = NULL, *ca = NULL, *own = NULL;
        AUTO(secret_free) struct secret *env_secret = NULL;
        AUTO(secret_free) struct secret *env_token = NULL;
        const char *style = json_str(at, "addressingStyle"), *kms;
        if (refuse(at, e) < 0 ||
            location_secret(a->secrets, at, "accessKeySecret", &access, e) < 0 ||
            location_secret(a->secrets, at, "secretKeySecret", &secret, e) < 0 ||
            location_secret(a->secrets, at, "sessionTokenSecret", &token, e) < 0 ||
            location_secret(a->secrets, at, "caSecret", &ca, e) < 0 ||
            location_secret(a->secrets, json_object_get(at, "encryptionOptions"),
                            "serverSideCustomerKeySecret", &own, e) < 0)
                return -1;
        kms = json_str(at, "encryptionOptions", "kmsKeyId");
        struct s3_options o = {
                .http = a->http,
                .endpoint = json_str(at, "endpoint"),
                .bucket = json_str(at, "bucket"),
                .region = json_str(at, "region"),
                .insecure = json_is_true(json_object_get(at, "insecure")),
                .virtual_host = str_starts(style ? style : "", "virtual"),
                .access_key = access ? secret_reveal(access) : NULL,
                .secret_key = secret,
                .session_token = token,
                .ca_pem = ca ? secret_reveal(ca) : NULL,
                .encryption = !json_is_true(json_at(at, "encryptionOptions", "enableEncryption"))
                                      ? NULL
                              : str_empty(kms) ? "AES256"
                                               : "aws:kms",
                .kms_key = str_empty(kms) ? NULL : kms,
                .kms_context = json_str(at, "encryptionOptions", "kmsEncryptionContext"),
                .guard = a->guard};
        if (!access && json_is_true(json_object_get(at, "useSDKCreds")))
                keys_of_environment(&o, &env_secret, &env_token);
        return s3_open(out, &o, e);
}

static char *key_of(const json_t *at, const char *sub)
{
        AUTO(mem_free) char *key = mem_strdup(location_key(at));
        size_t n = strlen(key);
        if (str_empty(sub))
                return TAKE(key);
        return mem_printf("%s%s%s", key, n && key[n - 1] == '/' ? "" : "/", sub);
}

int s3_place_and_key(struct s3 **s3, char **key, struct artifacts *a, const json_t *at,
                     const char *sub, struct err *e)
{
        *key = key_of(at, sub);
        if (str_empty(*key))
                return err_set(e, ERR_INVALID, "s3.key: there is none");
        return s3_place(s3, a, at, e);
}

char *s3_folder_prefix(const char *key)
{
        return mem_printf("%s%s", key, str_ends(key, "/") ? "" : "/");
}

bool s3_add_key(void *arg, const struct s3_object *o)
{
        struct s3_keys *k = arg;
        mem_grow(k->items, k->cap, k->n + 1);
        k->items[k->n++] = mem_strdup(o->key);
        return k->n <= ARTIFACT_ENTRIES_MAX;
}

/* ---- look, open, list, delete ---- */

static bool first_only(void *arg, const struct s3_object *o UNUSED)
{
        *(bool *)arg = true;
        return false;
}

static int s3_driver_stat(struct artifacts *a, const json_t *at, const char *sub,
                          struct artifact_info *out, struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        struct s3_object o;
        bool any = false;
        if (s3_place_and_key(&s3, &key, a, at, sub, e) < 0)
                return -1;
        if (s3_stat(s3, key, &o, e) == 0) {
                *out = (struct artifact_info){.bytes = o.bytes};
                return 0;
        }
        AUTO(mem_free) char *prefix = s3_folder_prefix(key);
        struct err other = {0};
        if (e->code != ERR_NOT_FOUND)
                return -1;
        if (s3_list(s3, prefix, true, first_only, &any, &other) < 0 || !any) {
                err_clear(&other);
                return -1;
        }
        err_clear(e);
        *out = (struct artifact_info){.folder = true};
        return 0;
}

static int s3_driver_open(struct artifacts *a, const json_t *at, const char *sub, int *fd,
                          struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        if (s3_place_and_key(&s3, &key, a, at, sub, e) < 0)
                return -1;
        int got = openat(a->store, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (got < 0)
                return err_errno(e, errno, "temporary file");
        if (s3_get(s3, key, got, ARTIFACT_BYTES_MAX, e) < 0 || lseek(got, 0, SEEK_SET) < 0) {
                close(got);
                return -1;
        }
        *fd = got;
        return 0;
}

struct listing {
        json_t *list;
        size_t skip;
};

static bool add_entry(void *arg, const struct s3_object *o)
{
        struct listing *l = arg;
        const char *rest = o->key + l->skip;
        AUTO(mem_free) char *name = mem_strndup(rest, strlen(rest) - (size_t)o->folder);
        json_t *text = *name ? json_string(name) : NULL;
        if (text)
                json_array_append_new(l->list, json_pack("{s:o, s:b, s:I}", "name", text, "folder",
                                                         o->folder, "bytes", (json_int_t)o->bytes));
        return json_array_size(l->list) < ARTIFACT_ENTRIES_MAX;
}

static int s3_driver_list(struct artifacts *a, const json_t *at, const char *sub, json_t **out,
                          struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        if (s3_place(&s3, a, at, e) < 0)
                return -1;
        key = key_of(at, sub);
        AUTO(mem_free) char *prefix = *key ? s3_folder_prefix(key) : mem_strdup("");
        AUTO_JSON json_t *list = json_array();
        struct listing l = {list, strlen(prefix)};
        if (s3_list(s3, prefix, true, add_entry, &l, e) < 0)
                return -1;
        if (!json_array_size(list))
                return err_set(e, ERR_NOT_FOUND, "there is nothing below %s", prefix);
        *out = TAKE(list);
        return 0;
}

/* Fetched to an unnamed place of the store, packed from there. */
static int s3_pack(struct artifacts *a, const json_t *at, const char *sub, int fd, struct err *e)
{
        AUTO(mem_free) char *key = key_of(at, sub);
        size_t n = strlen(key);
        while (n && key[n - 1] == '/')
                key[--n] = '\0';
        const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
        char temp[] = ".pack.XXXXXX";
        int dir = -1;
        AUTO(mem_free) char *template = mem_printf("/proc/self/fd/%d/%s", a->store, temp);
        if (!mkdtemp(template) || (dir = open(template, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
                return err_errno(e, errno, "temporary folder");
        int rc = s3_fetch(a, at, sub, dir, name, e);
        if (rc == 0)
                rc = tar_pack(dir, name, fd, -1, e);
        close(dir);
        if (tree_remove(a->store, strrchr(template, '/') + 1) < 0 && rc == 0)
                rc = err_errno(e, errno, "remove a temporary folder");
        return rc;
}

static int s3_remove(struct artifacts *a, const json_t *at, struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = NULL;
        struct s3_keys keys = {0};
        if (s3_place_and_key(&s3, &key, a, at, NULL, e) < 0)
                return -1;
        AUTO(mem_free) char *prefix = s3_folder_prefix(key);
        int rc = s3_list(s3, prefix, false, s3_add_key, &keys, e);
        for (size_t i = 0; i < keys.n; i++) {
                if (rc == 0)
                        rc = s3_delete(s3, keys.items[i], e);
                mem_free(keys.items[i]);
        }
        mem_free(keys.items);
        return rc == 0 && !str_ends(key, "/") ? s3_delete(s3, key, e) : rc;
}

static bool add_file_key(void *arg, const struct s3_object *o)
{
        json_t *key = str_ends(o->key, "/") ? NULL : json_string(o->key);
        if (key)
                json_array_append_new(arg, key);
        return json_array_size(arg) < ARTIFACT_ENTRIES_MAX;
}

static int s3_keys(struct artifacts *a, const json_t *at, json_t *out, struct err *e)
{
        AUTO(s3_close) struct s3 *s3 = NULL;
        AUTO(mem_free) char *key = key_of(at, NULL);
        AUTO(mem_free) char *prefix = *key ? s3_folder_prefix(key) : mem_strdup("");
        return s3_place(&s3, a, at, e) < 0 ? -1 : s3_list(s3, prefix, false, add_file_key, out, e);
}

const struct artifact_driver artifact_driver_s3 = {
        .type = "s3",
        .stat = s3_driver_stat,
        .open = s3_driver_open,
        .list = s3_driver_list,
        .pack = s3_pack,
        .delete = s3_remove,
        .fetch = s3_fetch,
        .save = s3_save,
        .keys = s3_keys,
};
