/* cli/image.c: images of this machine: loaded, listed, removed. They lie in the data folder; a
 * `tiphys dev` that runs there sees a change at the next step. SPDX-License-Identifier: Apache-2.0
 */
#include "workflow/image/image.h"
#include "cli/cli.h"
#include "cli/term.h"

static int open_images(struct cli *c, struct images **out, struct err *e)
{
        if (cli_no_cluster(c, "images lie in the data folder", e) < 0)
                return -1;
        c->data_dir = app_data_dir(c->g.data);
        return images_open(out, c->data_dir, NULL, e);
}

/* ---- load ---- */

struct load_opts {
        const char *name;
};
static const struct opt load_opts[] = {
        OPT(struct load_opts, name, OPT_STR, .letter = 't', .arg = "NAME",
            .help = "its name here; needed where it does not say it itself"),
        OPT_END};

static int load_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        const struct load_opts *o = opts;
        AUTO(images_close) struct images *i = NULL;
        AUTO_JSON json_t *loaded = NULL;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        size_t k;
        json_t *name;
        if (open_images(c, &i, e) < 0 || images_load(i, args[0], o->name, &loaded, e) < 0)
                return -1;
        json_array_foreach (loaded, k, name)
                buf_addf(&b, "%s\n", json_string_value(name));
        cli_write(&b);
        return EXIT_OK;
}

const struct command command_image_load = {
        .name = "image load",
        .operands = "PATH",
        .summary = "Make an image known to this machine",
        .details = "PATH is an OCI layout, an archive of `docker save`, `podman save` or `skopeo "
                   "copy` "
                   "(docker-archive, oci-archive), a tarball of a root file system, or a folder "
                   "that holds one; that folder is used where it is. Layers are shared between "
                   "images, and checked against their digests.",
        .examples = "  tiphys image load alpine.tar\n"
                    "  tiphys image load ./rootfs --name registry.example/tools:1\n",
        .opts = load_opts,
        .opts_size = sizeof(struct load_opts),
        .kind = OPERANDS_FILES,
        .min_args = 1,
        .max_args = 1,
        .run = load_run};

/* ---- list ---- */

struct list_opts {
        const char *output;
        bool no_headers;
};
static const char *const outputs[] = {"json", "name", NULL};
static const struct opt list_opts[] = {OPT(struct list_opts, no_headers, OPT_FLAG,
                                           .name = "no-headers", .help = "without the first line"),
                                       OPT(struct list_opts, output, OPT_CHOICE, .letter = 'o',
                                           .arg = "FORMAT", .choices = outputs,
                                           .help = "how to print it"),
                                       OPT_END};

static void put_names(struct buf *b, const json_t *list)
{
        size_t i;
        json_t *row;
        json_array_foreach (list, i, row)
                buf_addf(b, "%s\n", json_str(row, "name"));
}

static void put_table(struct cli *c, struct buf *b, const json_t *list, bool headers)
{
        static const char *const names[] = {"NAME", "ID", "LAYERS", "ROOT", NULL};
        AUTO_TABLE struct table t;
        size_t i;
        json_t *row;
        table_init(&t, 4);
        if (headers)
                table_row(&t, names);
        json_array_foreach (list, i, row) {
                const char *id = json_str(row, "id"), *root = json_str(row, "root");
                id = id && str_starts(id, "sha256:") ? id + strlen("sha256:") : id ? id : "-";
                table_cell(&t, json_str(row, "name"));
                table_cellf(&t, "%.12s", id);
                table_cellf(&t, "%zu", json_array_size(json_object_get(row, "layers")));
                table_cell(&t, root ? root : "-");
        }
        table_put(b, &t, &c->term, 0);
}

static int list_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        const struct list_opts *o = opts;
        AUTO(images_close) struct images *i = NULL;
        AUTO_JSON json_t *list = NULL;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (open_images(c, &i, e) < 0 || images_list(i, &list, e) < 0)
                return -1;
        if (!o->output) {
                put_table(c, &b, list, !o->no_headers);
        } else if (streq(o->output, "json")) {
                json_put(&b, list, JSON_STYLE_INDENT);
                buf_addc(&b, '\n');
        } else {
                put_names(&b, list);
        }
        cli_write(&b);
        return EXIT_OK;
}

const struct command command_image_list = {.name = "image list",
                                           .summary = "Show the images of this machine",
                                           .opts = list_opts,
                                           .opts_size = sizeof(struct list_opts),
                                           .kind = OPERANDS_NONE,
                                           .run = list_run};

/* ---- remove ---- */

static int remove_run(struct cli *c, const void *opts UNUSED, char **args, size_t n, struct err *e)
{
        AUTO(images_close) struct images *i = NULL;
        if (open_images(c, &i, e) < 0)
                return -1;
        for (size_t k = 0; k < n; k++)
                if (images_remove(i, args[k], e) < 0)
                        return -1;
        return EXIT_OK;
}

const struct command command_image_remove = {
        .name = "image remove",
        .operands = "NAME...",
        .summary = "Forget an image",
        .details = "Layers that no other image has are removed; steps that run on them fail.",
        .kind = OPERANDS_WORDS,
        .min_args = 1,
        .run = remove_run};
