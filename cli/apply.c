/* cli/apply.c: objects from files into the store. Everything is asked for at once, created or
 * patched at once: on the embedded store that is one commit, however many files there are. What a
 * file no longer says under spec or data is taken away, labels and annotations of others stay.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/term.h"
#include <stdlib.h>

const char *applied_word(enum applied a)
{
        static const char *const words[] = {"created", "configured", "unchanged", "failed"};
        return words[a];
}

struct apply {
        struct store *s;
        const char *ns;
        bool create_only, done;
        size_t open; /* answers awaited */
        struct item {
                struct apply *a;
                const struct file_object *o;
                struct apply_one *out;
        } * items;
};

static void item_end(struct item *i, enum applied what, json_t *stored, const struct err *e)
{
        i->out->what = what;
        i->out->stored = json_incref(stored);
        if (e)
                err_copy(&i->out->error, e);
        i->a->done = --i->a->open == 0;
}

static void on_created(void *arg, json_t *obj, const struct err *e)
{
        item_end(arg, e ? APPLIED_FAILED : APPLIED_CREATED, obj, e);
}

static void on_patched(void *arg, json_t *obj, const struct err *e)
{
        item_end(arg, e ? APPLIED_FAILED : APPLIED_CONFIGURED, obj, e);
}

/* Labels and annotations that the file names; nothing is taken away. */
static void diff_metadata(json_t *patch, const json_t *old, const json_t *new)
{
        static const char *const maps[] = {"labels", "annotations"};
        for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
                json_t *value;
                const char *key;
                json_object_foreach (json_at(new, "metadata", maps[i]), key, value)
                        if (!json_equal(json_at(old, "metadata", maps[i], key), value))
                                json_put_at(patch, json_incref(value), "metadata", maps[i], key);
        }
}

static json_t *diff(const json_t *old, const json_t *new)
{
        json_t *patch = json_object(), *value;
        const char *key;
        json_object_foreach ((json_t *)(uintptr_t) new, key, value) {
                if (streq(key, "metadata") || streq(key, "status") || streq(key, "apiVersion") ||
                    streq(key, "kind"))
                        continue;
                const json_t *was = json_object_get(old, key);
                json_t *part = was ? json_merge_diff(was, value) : json_incref(value);
                if (!was || json_object_size(part))
                        json_object_set(patch, key, part);
                json_decref(part);
        }
        diff_metadata(patch, old, new);
        return patch;
}

static void create(struct item *i)
{
        store_create(i->a->s, &i->o->kind, i->a->ns, i->o->obj, on_created, i);
}

static void on_found(void *arg, json_t *obj, const struct err *e)
{
        struct item *i = arg;
        if (e && e->code == ERR_NOT_FOUND) {
                create(i);
                return;
        }
        if (e) {
                item_end(i, APPLIED_FAILED, NULL, e);
                return;
        }
        AUTO_JSON json_t *patch = diff(obj, i->o->obj);
        if (json_object_size(patch) == 0) {
                item_end(i, APPLIED_UNCHANGED, obj, NULL);
                return;
        }
        const char *ns = json_str(obj, "metadata", "namespace");
        store_patch(i->a->s, (struct store_ref){&i->o->kind, ns, obj_name(obj)}, STORE_PATCH_MERGE,
                    patch, on_patched, i);
}

static void begin(struct item *i)
{
        const char *name = json_str(i->o->obj, "metadata", "name"),
                   *ns = json_str(i->o->obj, "metadata", "namespace");
        i->a->open++;
        if (i->a->create_only || str_empty(name))
                create(i);
        else
                store_get(i->a->s, (struct store_ref){&i->o->kind, ns ? ns : i->a->ns, name},
                          on_found, i);
}

int apply_files(struct apply_one **out, struct store *s, const struct files *f, const char *ns,
                bool create_only, struct err *e)
{
        struct apply a = {.s = s, .ns = ns, .create_only = create_only, .done = f->n == 0};
        *out = mem_calloc(f->n + 1, sizeof(**out));
        a.items = mem_calloc(f->n + 1, sizeof(*a.items));
        for (size_t i = 0; i < f->n; i++) {
                a.items[i] = (struct item){&a, &f->items[i], &(*out)[i]};
                begin(&a.items[i]);
        }
        while (!a.done)
                loop_run_until(store_loop(s), &a.done, 60000);
        free(a.items);
        for (size_t i = 0; i < f->n; i++) {
                if ((*out)[i].what != APPLIED_FAILED)
                        continue;
                err_copy(e, &(*out)[i].error);
                return err_wrap(e, "%s %s", f->items[i].kind.kind, obj_name(f->items[i].obj));
        }
        return 0;
}

void apply_free(struct apply_one *list, size_t n)
{
        for (size_t i = 0; list && i < n; i++) {
                json_decref(list[i].stored);
                err_clear(&list[i].error);
        }
        free(list);
}

/* ---- the command ---- */

struct apply_opts {
        struct opt_list files;
        bool strict;
};
static const struct opt apply_opts[] = {
        OPT(struct apply_opts, files, OPT_LIST, .name = "filename", .letter = 'f', .arg = "PATH",
            .help = "file, folder, or - for standard input; may be repeated"),
        OPT(struct apply_opts, strict, OPT_FLAG, .help = "unknown fields are errors"), OPT_END};

static void print_applied(const struct cli *c, const struct files *f, const struct apply_one *list)
{
        for (size_t i = 0; i < f->n; i++) {
                const json_t *obj = list[i].stored ? list[i].stored : f->items[i].obj;
                const char *group = f->items[i].kind.group;
                if (list[i].what == APPLIED_FAILED)
                        cli_say(c, "%s/%s: %s", f->items[i].kind.kind, obj_name(obj),
                                err_msg(&list[i].error));
                else
                        printf("%s%s%s/%s %s\n", f->items[i].kind.plural, *group ? "." : "", group,
                               obj_name(obj), applied_word(list[i].what));
        }
}

static int apply_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct apply_opts *o = opts;
        AUTO_FILES struct files f = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct opt_list paths = {0};
        for (size_t i = 0; i < o->files.n; i++)
                opt_list_add(&paths, o->files.items[i]);
        for (size_t i = 0; i < n; i++)
                opt_list_add(&paths, args[i]);
        if (paths.n == 0)
                return err_set(e, ERR_INVALID,
                               "apply: name a file or folder: tiphys apply -f PATH");
        int code = EXIT_USAGE;
        bool loaded = files_load(&f, paths.items, paths.n, &d) == 0;
        free(paths.items);
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        if (files_check(&f, c->app.store, cli_ns(c), o->strict, &d) == 0 && loaded) {
                struct apply_one *list = NULL;
                code = apply_files(&list, c->app.store, &f, cli_ns(c), false, e) < 0 ? EXIT_FAILED
                                                                                     : EXIT_OK;
                print_applied(c, &f, list);
                apply_free(list, f.n);
                if (code == EXIT_FAILED) {
                        code = err_exit_code(e->code);
                        err_clear(e);
                }
        }
        files_print_problems(c, &f, &d, true);
        return code;
}

const struct command command_apply = {
        .name = "apply",
        .operands = "[PATH...]",
        .summary = "Create or change resources from files",
        .examples = "  tiphys apply -f config/docproc/\n  cat sensor.yaml | tiphys apply -f -\n",
        .opts = apply_opts,
        .opts_size = sizeof(struct apply_opts),
        .kind = OPERANDS_FILES,
        .run = apply_run};
