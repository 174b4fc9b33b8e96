/* tests/support/s3_shell.c: common/s3 from a command line, for end-to-end tests.
 *
 *      s3_shell get KEY FILE | put KEY FILE | stat KEY | list PREFIX [/] | delete KEY | mb
 *
 * Where and who: S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_INSECURE, S3_CA (a file), S3_ACCESS_KEY,
 * S3_SECRET_KEY, S3_PART_BYTES, S3_CUSTOMER_KEY. Prints what it found; an error goes to stderr as
 * "CODE: words", exit code 1. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/s3/s3.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool print_object(void *arg UNUSED, const struct s3_object *o)
{
        printf("%s %llu\n", o->key, (unsigned long long)o->bytes);
        return true;
}

static int file_command(struct s3 *s, const char *what, const char *key, const char *path,
                        struct err *e)
{
        struct stat st;
        bool get = streq(what, "get");
        int fd = open(path, get ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0644);
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, ERR_INVALID, "%s", path);
        int rc = get ? s3_get(s, key, fd, UINT64_MAX, e)
                     : s3_put(s, key, fd, (uint64_t)st.st_size, e);
        close(fd);
        return rc;
}

static int run(struct s3 *s, int argc, char **argv, struct err *e)
{
        const char *what = argv[1], *key = argc > 2 ? argv[2] : "";
        struct s3_object o;
        if (argc > 3 && (streq(what, "get") || streq(what, "put")))
                return file_command(s, what, key, argv[3], e);
        if (streq(what, "list"))
                return s3_list(s, key, argc > 3, print_object, NULL, e);
        if (streq(what, "delete"))
                return s3_delete(s, key, e);
        if (streq(what, "mb"))
                return s3_make_bucket(s, false, e);
        if (!streq(what, "stat"))
                return err_set(e, ERR_INVALID, "unknown command %s", what);
        if (s3_stat(s, key, &o, e) < 0)
                return -1;
        print_object(NULL, &o);
        return 0;
}

int main(int argc, char **argv)
{
        struct err e = {0};
        AUTO(s3_close) struct s3 *s = NULL;
        AUTO_BUF struct buf ca = BUF_INIT(1 << 20);
        const char *secret = getenv("S3_SECRET_KEY"), *part = getenv("S3_PART_BYTES"),
                   *ca_file = getenv("S3_CA"), *own = getenv("S3_CUSTOMER_KEY");
        AUTO(secret_free) struct secret *key = secret ? secret_new(secret, strlen(secret)) : NULL;
        AUTO(secret_free) struct secret *customer = own ? secret_new(own, strlen(own)) : NULL;
        struct s3_options o = {.customer_key = customer,
                               .endpoint = getenv("S3_ENDPOINT"),
                               .bucket = getenv("S3_BUCKET"),
                               .region = getenv("S3_REGION"),
                               .insecure = getenv("S3_INSECURE"),
                               .access_key = getenv("S3_ACCESS_KEY"),
                               .secret_key = key,
                               .part_bytes = part ? strtoull(part, NULL, 10) : 0};
        int rc = argc < 2 ? err_set(&e, ERR_INVALID, "no command") : 0;
        if (rc == 0 && ca_file)
                rc = fs_read(&ca, ca_file, 1 << 20, &e);
        o.ca_pem = ca_file ? buf_str(&ca) : NULL;
        if (rc == 0 && (s3_open(&s, &o, &e) < 0 || run(s, argc, argv, &e) < 0))
                rc = -1;
        if (rc < 0)
                fprintf(stderr, "%s: %s\n", err_code_name(e.code), err_msg(&e));
        err_clear(&e);
        return rc < 0;
}
