/* tests/unit/workflow_image/test_load.c: tarballs made here become layers, or are refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"
#include "workflow/image/image.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct place {
        char dir[64];
        struct images *images;
};
struct entry {
        char type;                  /* - d l (link) h (hard link) c (device) */
        const char *path, *content; /* or target */
};

static int setup(void **state)
{
        struct place *p = NEW(struct place);
        struct err e = {0};
        snprintf(p->dir, sizeof(p->dir), "/tmp/tiphys-image-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        if (images_open(&p->images, p->dir, NULL, &e) < 0)
                fail_msg("%s", err_msg(&e));
        *state = p;
        return 0;
}

static int teardown(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        images_close(p->images);
        if (fs_remove_tree(p->dir, &e) < 0)
                fail_msg("%s", err_msg(&e));
        mem_free(p);
        return 0;
}

static char *in(const struct place *p, const char *name)
{
        return fs_join(p->dir, name);
}

static void write_tar(const char *path, const struct entry *entries, bool gzip)
{
        struct archive *a = archive_write_new();
        archive_write_set_format_pax_restricted(a);
        if (gzip)
                archive_write_add_filter_gzip(a);
        assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
        for (; entries->type; entries++) {
                struct archive_entry *ent = archive_entry_new();
                archive_entry_set_pathname(ent, entries->path);
                archive_entry_set_perm(ent, entries->type == 'd' ? 0755 : 0644);
                archive_entry_set_filetype(ent, entries->type == 'd'   ? AE_IFDIR
                                                : entries->type == 'l' ? AE_IFLNK
                                                : entries->type == 'c' ? AE_IFCHR
                                                                       : AE_IFREG);
                if (entries->type == 'l')
                        archive_entry_set_symlink(ent, entries->content);
                if (entries->type == 'h')
                        archive_entry_set_hardlink(ent, entries->content);
                if (entries->type == '-')
                        archive_entry_set_size(ent, (la_int64_t)strlen(entries->content));
                if (entries->type == 'c')
                        archive_entry_set_rdev(ent, 0x0103);
                assert_int_equal(archive_write_header(a, ent), ARCHIVE_OK);
                if (entries->type == '-')
                        archive_write_data(a, entries->content, strlen(entries->content));
                archive_entry_free(ent);
        }
        archive_write_close(a);
        archive_write_free(a);
}

static int load(struct place *p, const char *file, const char *name, struct err *e)
{
        AUTO_JSON json_t *loaded = NULL;
        AUTO(mem_free) char *path = in(p, file);
        return images_load(p->images, path, name, &loaded, e);
}

/* The folder of its topmost layer. */
static char *layer_of(struct place *p, const char *name, size_t n)
{
        struct image image;
        struct err e = {0};
        if (image_find(&image, p->images, name, &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_true(image.known);
        assert_int_equal(json_array_size(image.layers), n);
        const char *path = json_string_value(json_array_get(image.layers, 0));
        assert_true(str_starts(path, "../"));
        char *out = in(p, path + 3);
        image_deinit(&image);
        return out;
}

static void a_tarball_of_a_root_is_one_layer(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct stat st;
        static const struct entry entries[] = {
                {'d', "./bin/", NULL},       {'-', "./bin/sh", "#!"},     {'l', "bin/ash", "sh"},
                {'h', "bin/bash", "bin/sh"}, {'d', "dev", NULL},          {'c', "dev/null", NULL},
                {'l', "etc", "/somewhere"},  {'-', "/abs/olute", "here"}, {0}};
        AUTO(mem_free) char *path = in(p, "root.tar.gz");
        write_tar(path, entries, true);
        assert_int_equal(load(p, "root.tar.gz", NULL, &e), -1);
        assert_non_null(strstr(err_msg(&e), "give one with --name"));
        err_clear(&e);
        if (load(p, "root.tar.gz", "tools:1", &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO(mem_free)
        char *layer = layer_of(p, "docker.io/library/tools:1", 1), *sh = fs_join(layer, "bin/sh"),
             *bash = fs_join(layer, "bin/bash"), *abs = fs_join(layer, "abs/olute"),
             *null = fs_join(layer, "dev/null");
        assert_int_equal(stat(sh, &st), 0);
        ino_t inode = st.st_ino;
        assert_int_equal(stat(bash, &st), 0);
        assert_int_equal(st.st_ino, inode);
        assert_true(fs_exists(abs));
        assert_false(fs_exists(null));
}

static void deleted_files_become_marks_of_overlayfs(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct stat st;
        char value[8];
        static const struct entry entries[] = {{'d', "a", NULL},
                                               {'-', "a/.wh.gone", ""},
                                               {'-', "b/.wh..wh..opq", ""},
                                               {'-', "b/new", "x"},
                                               {'-', ".wh.c", ""},
                                               {'d', "c", NULL},
                                               {0}};
        AUTO(mem_free) char *path = in(p, "l.tar");
        if (geteuid() != 0)
                skip();
        write_tar(path, entries, false);
        if (load(p, "l.tar", "x", &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO(mem_free)
        char *layer = layer_of(p, "x", 1), *gone = fs_join(layer, "a/gone"),
             *b = fs_join(layer, "b"), *c = fs_join(layer, "c");
        assert_int_equal(lstat(gone, &st), 0);
        assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
        assert_int_equal(getxattr(b, "trusted.overlay.opaque", value, sizeof(value)), 1);
        assert_int_equal(lstat(c, &st), 0);
        assert_true(S_ISDIR(st.st_mode));
        assert_int_equal(getxattr(c, "trusted.overlay.opaque", value, sizeof(value)), 1);
}

static void what_leads_out_of_an_image_is_refused(void **state)
{
        struct place *p = *state;
        static const struct {
                struct entry entries[4];
                const char *words;
        } rows[] = {
                {{{'-', "../out", "x"}}, "leads out of the image"},
                {{{'-', "a/../../out", "x"}}, "leads out of the image"},
                {{{'h', "passwd", "../../etc/passwd"}}, "outside of the layer"},
                {{{'h', "passwd", "nothing"}}, "links to nothing"},
                {{{'d', "x", NULL}, {'c', "x/disk", NULL}}, "a device node: refused"},
        };
        AUTO(mem_free) char *path = in(p, "bad.tar"), *layers = in(p, "images/layers");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = {0};
                write_tar(path, rows[i].entries, false);
                assert_int_equal(load(p, "bad.tar", "bad", &e), -1);
                if (!strstr(err_msg(&e), rows[i].words))
                        fail_msg("%s", err_msg(&e));
                err_clear(&e);
                assert_int_equal(rmdir(layers), 0); /* nothing stayed behind */
        }
}

/* A link of the tarball is followed inside of it only. */
static void links_lead_nowhere_but_into_the_image(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        static const struct entry entries[] = {
                {'l', "out", "/"}, {'-', "out/tiphys-was-here", "x"}, {0}};
        AUTO(mem_free) char *path = in(p, "l.tar");
        write_tar(path, entries, false);
        if (load(p, "l.tar", "x", &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO(mem_free)
        char *layer = layer_of(p, "x", 1), *inside = fs_join(layer, "tiphys-was-here");
        assert_true(fs_exists(inside));
        assert_false(fs_exists("/tiphys-was-here"));
}

static void hash_of(const char *path, char hex[65])
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct err e = {0};
        unsigned char digest[32];
        if (fs_read(&b, path, 1 << 20, &e) < 0)
                fail_msg("%s", err_msg(&e));
        sha256_of(b.data, b.len, digest);
        hex_put(hex, digest, sizeof(digest));
}

static void put(const char *path, const char *text)
{
        struct err e = {0};
        if (fs_write_atomic(path, text, strlen(text), 0644, &e) < 0)
                fail_msg("%s", err_msg(&e));
}

/* As `docker save` wrote it for ten years; `diff` NULL: the true one. */
static void write_docker(struct place *p, const char *dir, const char *tag, const char *content,
                         const char *diff)
{
        AUTO(mem_free)
        char *at = in(p, dir), *layer = fs_join(at, "layer.tar"),
             *config = fs_join(at, "config.json"), *manifest = fs_join(at, "manifest.json");
        const struct entry entries[] = {{'-', "file", content}, {0}};
        char hex[65];
        mkdir(at, 0755);
        write_tar(layer, entries, false);
        hash_of(layer, hex);
        AUTO(mem_free)
        char *text = mem_printf(
                     "{\"os\": \"linux\", \"config\": {\"Entrypoint\": [\"/file\"], \"Cmd\": "
                     "[\"a\"], \"Env\": [\"K=V\"], \"User\": \"7:8\", \"WorkingDir\": \"/w\"}, "
                     "\"rootfs\": {\"diff_ids\": [\"sha256:%s\"]}}",
                     diff ? diff : hex),
             *list = mem_printf(
                     "[{\"Config\": \"config.json\", \"RepoTags\": [\"%s\"], \"Layers\": "
                     "[\"layer.tar\"]}]",
                     tag);
        put(config, text);
        put(manifest, list);
}

static void a_docker_archive_says_what_to_run(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct image image;
        write_docker(p, "d", "me/app:2", "one", NULL);
        if (load(p, "d", NULL, &e) < 0 || image_find(&image, p->images, "me/app:2", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_string_equal(json_string_value(json_array_get(image.command, 0)), "/file");
        assert_string_equal(json_string_value(json_array_get(image.args, 0)), "a");
        assert_string_equal(json_string_value(json_array_get(image.env, 0)), "K=V");
        assert_string_equal(image.user, "7:8");
        assert_string_equal(image.workdir, "/w");
        image_deinit(&image);
}

static void a_layer_with_another_digest_is_refused(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        static const char other[] =
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        write_docker(p, "d", "me/app:2", "one", other);
        assert_int_equal(load(p, "d", NULL, &e), -1);
        assert_non_null(strstr(err_msg(&e), "its digest is sha256:"));
        err_clear(&e);
}

static void images_share_layers_until_the_last_one_goes(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        write_docker(p, "a", "one", "same", NULL);
        write_docker(p, "b", "two", "same", NULL);
        if (load(p, "a", NULL, &e) < 0 || load(p, "b", NULL, &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO(mem_free) char *one = layer_of(p, "one", 1), *two = layer_of(p, "two", 1);
        assert_string_equal(one, two);
        if (images_remove(p->images, "one", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_true(fs_exists(two));
        if (images_remove(p->images, "two", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_false(fs_exists(two));
        assert_int_equal(images_remove(p->images, "two", &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        err_clear(&e);
}

static void another_process_sees_what_was_loaded(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct images *other = NULL;
        struct image image;
        if (images_open(&other, p->dir, NULL, &e) < 0 || image_find(&image, other, "late", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_false(image.known);
        write_docker(p, "a", "late", "x", NULL);
        if (load(p, "a", NULL, &e) < 0 || image_find(&image, other, "late", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_true(image.known);
        image_deinit(&image);
        images_close(other);
}

static void a_folder_is_used_where_it_is(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct image image;
        AUTO(mem_free) char *root = in(p, "rootfs");
        mkdir(root, 0755);
        if (load(p, "rootfs", "mine", &e) < 0 || image_find(&image, p->images, "mine", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_string_equal(image.root, root);
        assert_null(image.layers);
        image_deinit(&image);
}

static void what_is_neither_is_named(void **state)
{
        struct place *p = *state;
        static const char *const contents[] = {"", "not a tarball at all", "\x1f\x8b\x08 broken"};
        AUTO(mem_free) char *path = in(p, "x");
        for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
                struct err e = {0};
                put(path, contents[i]);
                assert_int_equal(load(p, "x", "x", &e), -1);
                assert_non_null(strstr(err_msg(&e), "neither a folder nor a tarball"));
                err_clear(&e);
        }
        struct err e = {0};
        assert_int_equal(load(p, "nothing", "x", &e), -1);
        err_clear(&e);
}

static void configured_images_come_before_loaded_ones(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        struct images *i = NULL;
        struct image image;
        AUTO_JSON json_t *config =
                json_pack("{s:{s:s, s:[s]}}", "busybox", "root", "/srv/busybox", "command", "sh");
        if (images_open(&i, p->dir, config, &e) < 0 ||
            image_find(&image, i, "docker.io/library/busybox:latest", &e) < 0)
                fail_msg("%s", err_msg(&e));
        assert_string_equal(image.root, "/srv/busybox");
        assert_int_equal(json_array_size(image.command), 1);
        image_deinit(&image);
        images_close(i);
}

/* Such names are in every ca-certificates; Debian's python3 writes them as pax headers. */
static void names_may_be_utf8(void **state)
{
        struct place *p = *state;
        struct err e = {0};
        AUTO(mem_free)
        char *line =
                mem_printf("cd %s && mkdir t && echo x > t/F\xc5\x91tan\xc3\xbas && ln -s "
                           "F\xc5\x91tan\xc3\xbas t/l\xc3\xa9 && tar --format=pax -cf u.tar -C t .",
                           p->dir);
        assert_int_equal(system(line), 0);
        if (load(p, "u.tar", "u", &e) < 0)
                fail_msg("%s", err_msg(&e));
        AUTO(mem_free) char *layer = layer_of(p, "u", 1), *link = fs_join(layer, "l\xc3\xa9");
        assert_true(fs_exists(link));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_tarball_of_a_root_is_one_layer),
                T(deleted_files_become_marks_of_overlayfs),
                T(what_leads_out_of_an_image_is_refused),
                T(links_lead_nowhere_but_into_the_image),
                T(names_may_be_utf8),
                T(a_docker_archive_says_what_to_run),
                T(a_layer_with_another_digest_is_refused),
                T(images_share_layers_until_the_last_one_goes),
                T(another_process_sees_what_was_loaded),
                T(a_folder_is_used_where_it_is),
                T(what_is_neither_is_named),
                T(configured_images_come_before_loaded_ones),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
