/* cli/files.c: reading resources from files, folders and standard input. See files.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"
#include "cli/simcase.h"
#include "cli/term.h"
#include "common/base/fs.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_TEXT = 16 << 20, MAX_FOLDER_DEPTH = 16 };

/* ---- one object ---- */

static const char *const kind_words[] = {"Workflow",
                                         "WorkflowTemplate",
                                         "ClusterWorkflowTemplate",
                                         "CronWorkflow",
                                         "WorkflowEventBinding",
                                         "EventSource",
                                         "Sensor",
                                         "EventBus",
                                         "ConfigMap",
                                         "Secret"};

/* Kinds that only Argo's own parts write, and those we keep without running them. */
static bool is_known_word(const char *kind)
{
        static const char *const words[] = {"WorkflowEventBinding", "WorkflowTaskSet",
                                            "WorkflowTaskResult", "WorkflowArtifactGCTask"};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strcmp(kind, words[i]) == 0)
                        return true;
        return false;
}

static bool of_argo(const json_t *obj)
{
        const char *v = json_str(obj, "apiVersion");
        return v && str_starts(v, "argoproj.io/");
}

static bool kind_is_known(const json_t *obj, struct diags *d)
{
        const char *kind = json_str(obj, "kind"), *version = json_str(obj, "apiVersion");
        struct jpath at = jpath_key(NULL, "kind"), vat = jpath_key(NULL, "apiVersion");
        if (str_empty(kind) || str_empty(version)) {
                diag_error(d, str_empty(kind) ? &at : &vat, "E501",
                           "apiVersion: argoproj.io/v1alpha1",
                           "a resource needs apiVersion and kind; %s is missing",
                           str_empty(kind) ? "kind" : "apiVersion");
                return false;
        }
        if (store_kind_find(version, kind) || !of_argo(obj) || is_known_word(kind))
                return true;
        const char *near = str_nearest(kind, kind_words, ARRAY_LEN(kind_words));
        AUTO(mem_free) char *hint = near ? mem_printf("did you mean %s?", near) : NULL;
        diag_error(d, &at, "E500", hint, "there is no kind %s in %s", kind, version);
        return false;
}

static bool has_name(const json_t *obj, struct diags *d)
{
        const json_t *meta = json_object_get(obj, "metadata");
        const char *name = json_str(meta, "name"), *generate = json_str(meta, "generateName");
        bool may_generate = streq(json_str(obj, "kind"), "Workflow");
        if (!str_empty(name) || (may_generate && !str_empty(generate)))
                return true;
        struct jpath up = jpath_key(NULL, "metadata"), at = jpath_key(&up, "name");
        diag_error(d, &at, "E502", NULL,
                   may_generate ? "metadata.name or metadata.generateName is missing"
                                : "metadata.name is missing");
        return false;
}

static void add_object(struct files *f, json_t *obj, const struct marks *marks,
                       const struct file_text *t, struct diags *d)
{
        if (!json_is_object(obj)) {
                diag_error(d, NULL, "E501", NULL,
                           "expected a resource (a map with apiVersion and kind), found %s",
                           json_kind_name(obj));
                return;
        }
        if (!kind_is_known(obj, d) || !has_name(obj, d))
                return;
        struct file_object o = {.obj = obj, .marks = marks, .file = t->name, .source = t->text};
        const struct store_kind *known =
                store_kind_find(json_str(obj, "apiVersion"), json_str(obj, "kind"));
        struct err e = {0};
        if (known) {
                o.kind = *known;
        } else if (store_kind_of(&o.kind, obj, &e) < 0) {
                diag_error(d, NULL, "E500", NULL, "%s", err_msg(&e));
                err_clear(&e);
                return;
        }
        o.any = !known;
        mem_grow(f->items, f->cap, f->n + 1);
        f->items[f->n++] = o;
}

/* Folders also hold other things: scripts of `tiphys simulate`, JSON such as dashboards. What says
 * of itself neither apiVersion nor kind is none of ours then, unless its file was named. */
static bool is_no_resource(const struct file_text *t, const json_t *root)
{
        if (!t->found || json_object_get(root, "kind") || json_object_get(root, "apiVersion"))
                return false;
        return str_ends(t->name, ".json") || simcase_is_script(root);
}

/* A List holds resources; their places are below items[i], so the paths of their problems name no
 * line: good enough for a generated form. */
static void add_document(struct files *f, struct file_text *t, const struct yaml_doc *doc,
                         struct diags *d)
{
        d->marks = doc->marks;
        if (is_no_resource(t, doc->root)) {
                if (!t->left_out)
                        diag_at_place(d, SEV_INFO, t->name, 0, 0, "W501", NULL,
                                      "no resource: left out");
                t->left_out = true;
                return;
        }
        if (!streq(json_str(doc->root, "kind"), "List")) {
                add_object(f, doc->root, doc->marks, t, d);
                return;
        }
        json_t *item;
        size_t i;
        json_array_foreach (json_object_get(doc->root, "items"), i, item)
                add_object(f, item, NULL, t, d);
}

/* ---- texts ---- */

static int read_text(char **out, size_t *n, const char *path, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(MAX_TEXT);
        int r = streq(path, "-") ? fs_read_fd(&b, STDIN_FILENO, MAX_TEXT, e)
                                 : fs_read(&b, path, MAX_TEXT, e);
        if (r < 0)
                return -1;
        *n = b.len;
        *out = b.data ? buf_take(&b) : mem_strdup("");
        return 0;
}

struct file_text *files_read_text(struct files *f, const char *path, struct diags *d)
{
        struct err e = {0};
        char *text = NULL;
        size_t n = 0;
        const char *name = streq(path, "-") ? "<stdin>" : path;
        d->marks = NULL;
        if (read_text(&text, &n, path, &e) < 0) {
                diag_at_place(d, SEV_ERROR, name, 0, 0, "E012", NULL, "%s", err_msg(&e));
                err_clear(&e);
                return NULL;
        }
        mem_grow(f->texts, f->cap_texts, f->n_texts + 1);
        struct file_text *t = &f->texts[f->n_texts++];
        *t = (struct file_text){.name = mem_strdup(name), .text = text, .n = n};
        return t;
}

static void load_one(struct files *f, const char *path, bool named, struct diags *d)
{
        struct file_text *t = files_read_text(f, path, d);
        if (t)
                t->found = !named;
        if (!t || (yaml_load(&t->docs, t->name, t->text, t->n, d) < 0 && t->docs.n == 0))
                return; /* said */
        for (size_t i = 0; i < t->docs.n; i++)
                add_document(f, t, &t->docs.items[i], d);
        d->marks = NULL;
}

static int is_resource_file(const struct dirent *ent)
{
        const char *n = ent->d_name;
        if (n[0] == '.')
                return 0;
        return ent->d_type == DT_DIR || ent->d_type == DT_UNKNOWN || ent->d_type == DT_LNK ||
               str_ends(n, ".yaml") || str_ends(n, ".yml") || str_ends(n, ".json");
}

static void load_path(struct files *f, const char *path, int depth, bool named, struct diags *d)
{
        struct stat st;
        if (streq(path, "-") || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
                if (named || str_ends(path, ".yaml") || str_ends(path, ".yml") ||
                    str_ends(path, ".json"))
                        load_one(f, path, named, d);
                return;
        }
        struct dirent **ents = NULL;
        int n = depth < MAX_FOLDER_DEPTH ? scandir(path, &ents, is_resource_file, alphasort) : 0;
        if (n < 0)
                diag_at_place(d, SEV_ERROR, path, 0, 0, "E012", NULL, "%s", strerror(errno));
        for (int i = 0; i < n; i++) {
                AUTO(mem_free) char *below = fs_join(path, ents[i]->d_name);
                load_path(f, below, depth + 1, false, d);
                free(ents[i]);
        }
        free(ents);
}

static void find_twins(const struct files *f, struct diags *d)
{
        for (size_t i = 0; i < f->n; i++) {
                const char *name = json_str(f->items[i].obj, "metadata", "name");
                for (size_t k = 0; name && k < i; k++) {
                        const json_t *a = f->items[k].obj, *b = f->items[i].obj;
                        if (!streq(json_str(a, "metadata", "name"), name) ||
                            !streq(f->items[k].kind.kind, f->items[i].kind.kind) ||
                            !streq(obj_ns(a), obj_ns(b)))
                                continue;
                        struct jpath up = jpath_key(NULL, "metadata"), at = jpath_key(&up, "name");
                        d->marks = f->items[i].marks;
                        diag_error(d, &at, "E503", NULL, "%s %s stands twice in these files",
                                   f->items[i].kind.kind, name);
                        break;
                }
        }
        d->marks = NULL;
}

int files_load(struct files *f, const char *const *paths, size_t n, struct diags *d)
{
        size_t errors = d->errors;
        for (size_t i = 0; i < n; i++)
                load_path(f, paths[i], 0, true, d);
        find_twins(f, d);
        return d->errors > errors ? -1 : 0;
}

void files_deinit(struct files *f)
{
        for (size_t i = 0; i < f->n; i++)
                if (f->items[i].any)
                        store_kind_deinit(&f->items[i].kind);
        for (size_t i = 0; i < f->n_texts; i++) {
                yaml_docs_deinit(&f->texts[i].docs);
                free(f->texts[i].text);
                free(f->texts[i].name);
        }
        free(f->items);
        free(f->texts);
        *f = (struct files){0};
}

/* ---- printing ---- */

void files_print_problems(const struct cli *c, const struct files *f, const struct diags *d,
                          bool pretty)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        bool colour = c->term.colour && isatty(STDERR_FILENO);
        for (size_t i = 0; i < d->n; i++) {
                const char *text = NULL;
                for (size_t k = 0; k < f->n_texts; k++)
                        if (streq(f->texts[k].name, d->items[i].file))
                                text = f->texts[k].text;
                if (pretty)
                        diag_put_pretty(&b, &d->items[i], text, colour);
                else {
                        diag_put_line(&b, &d->items[i]);
                        buf_addc(&b, '\n');
                }
        }
        fwrite(buf_str(&b), 1, b.len, stderr);
}
