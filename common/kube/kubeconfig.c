/* common/kube/kubeconfig.c: find the files, merge them by name, pick the context.
 *
 * Merging needs no merged tree: a name is looked up in one file after the other and the first hit
 * wins, together with the file it stands in, which is where its relative paths count from and its
 * marks belong to. SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/kubeconfig.h"
#include "common/base/field.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kubeconfig_priv.h"
#include "common/yaml/yaml.h"
#include <stdlib.h>
#include <string.h>

/* ---- the file ---- */

struct entry { /* of contexts, clusters, users: only one of the three trees is there */
        char *name;
        json_t *context, *cluster, *user;
};
static const struct field context_entry_fields[] = {
        FIELD(struct entry, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "what contexts call it"),
        FIELD(struct entry, context, FIELD_JSON, .flags = FIELD_REQUIRED,
              .help = "cluster, user and namespace"),
        FIELD_END};
static const struct field cluster_entry_fields[] = {
        FIELD(struct entry, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "what contexts call it"),
        FIELD(struct entry, cluster, FIELD_JSON, .flags = FIELD_REQUIRED,
              .help = "where it is and how to know it"),
        FIELD_END};
static const struct field user_entry_fields[] = {
        FIELD(struct entry, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "what contexts call it"),
        FIELD(struct entry, user, FIELD_JSON, .flags = FIELD_REQUIRED, .help = "credentials"),
        FIELD_END};

struct root {
        char *api_version, *kind, *current_context;
        struct field_list contexts, clusters, users;
};
static const struct field root_fields[] = {
        FIELD(struct root, api_version, FIELD_STR, .name = "apiVersion", .help = "v1"),
        FIELD(struct root, kind, FIELD_STR, .help = "Config"),
        FIELD(struct root, current_context, FIELD_STR, .name = "current-context",
              .help = "the context in use"),
        FIELD(struct root, contexts, FIELD_LIST, .sub = context_entry_fields,
              .sub_size = sizeof(struct entry), .help = "cluster + user + namespace"),
        FIELD(struct root, clusters, FIELD_LIST, .sub = cluster_entry_fields,
              .sub_size = sizeof(struct entry), .help = "API servers"),
        FIELD(struct root, users, FIELD_LIST, .sub = user_entry_fields,
              .sub_size = sizeof(struct entry), .help = "identities"),
        {.name = "preferences", .kind = FIELD_NO_EFFECT, .help = "of kubectl"},
        {.name = "extensions", .kind = FIELD_NO_EFFECT, .help = "of other tools"},
        FIELD_END};

struct file {
        char *path;
        struct yaml_docs docs;
        struct root root;
};
struct files {
        struct file *items;
        size_t n, cap;
};

static void files_deinit(struct files *f)
{
        for (size_t i = 0; i < f->n; i++) {
                free(f->items[i].path);
                yaml_docs_deinit(&f->items[i].docs);
                fields_free(&f->items[i].root, root_fields);
        }
        free(f->items);
}

static const struct marks *file_marks(const struct file *f)
{
        return f->docs.n ? f->docs.items[0].marks : NULL;
}

static int load_file(struct files *to, const char *path, struct diags *d)
{
        mem_grow(to->items, to->cap, to->n + 1);
        struct file *f = &to->items[to->n++];
        *f = (struct file){.path = mem_strdup(path)};
        if (yaml_load_file(&f->docs, path, d) < 0)
                return -1;
        if (!f->docs.n)
                return 0; /* an empty file is an empty configuration */
        d->marks = file_marks(f);
        d->prefix = f->path;
        int r = fields_load(&f->root, root_fields, f->docs.items[0].root, NULL,
                            &(struct field_opts){0}, d);
        d->marks = NULL;
        d->prefix = NULL;
        return r;
}

/* ---- which files ---- */

/* A list as in $PATH; files that are not there are left out, as kubectl does. */
static int load_list(struct files *to, const char *list, struct diags *d)
{
        AUTO(mem_free) char *copy = mem_strdup(list);
        int r = 0;
        for (char *save = NULL, *path = strtok_r(copy, ":", &save); path;
             path = strtok_r(NULL, ":", &save))
                if (fs_exists(path) && load_file(to, path, d) < 0)
                        r = -1;
        return r;
}

/* `where` gets the words for "nothing there". */
static int load_files(struct files *to, const char *given, char **where, struct diags *d)
{
        const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
        if (given) {
                *where = mem_strdup(given);
                return load_file(to, given, d);
        }
        if (!str_empty(list)) {
                *where = mem_printf("$KUBECONFIG (%s)", list);
                return load_list(to, list, d);
        }
        AUTO(mem_free) char *path = mem_printf("%s/.kube/config", str_empty(home) ? "" : home);
        *where = mem_strdup(path);
        return fs_exists(path) ? load_file(to, path, d) : 0;
}

/* ---- lookups ---- */

typedef struct field_list *list_of_fn(struct file *f);
static struct field_list *contexts_of(struct file *f)
{
        return &f->root.contexts;
}
static struct field_list *clusters_of(struct file *f)
{
        return &f->root.clusters;
}
static struct field_list *users_of(struct file *f)
{
        return &f->root.users;
}

static void put_names(struct buf *b, struct files *files, list_of_fn *of)
{
        for (size_t i = 0; i < files->n; i++) {
                const struct field_list *l = of(&files->items[i]);
                for (size_t k = 0; k < l->n; k++)
                        buf_addf(b, "%s%s", b->len ? ", " : "",
                                 field_items(*l, struct entry)[k].name);
        }
}

static int unknown(struct files *files, list_of_fn *of, const char *what, const char *name,
                   const char *where, struct err *e)
{
        AUTO_BUF struct buf names = BUF_INIT(500);
        put_names(&names, files, of);
        return err_set(e, ERR_NOT_FOUND, "%s: there is no %s \"%s\"; there %s %s", where, what,
                       name, names.len ? "are:" : "is",
                       names.len ? buf_str(&names) : "none at all");
}

static int find(struct kube_item *out, struct files *files, list_of_fn *of, const char *what,
                const char *name, const char *where, struct err *e)
{
        for (size_t i = 0; i < files->n; i++) {
                struct file *f = &files->items[i];
                const struct field_list *l = of(f);
                for (size_t k = 0; k < l->n; k++) {
                        const struct entry *entry = &field_items(*l, struct entry)[k];
                        if (!streq(entry->name, name))
                                continue;
                        const json_t *tree = entry->context   ? entry->context
                                             : entry->cluster ? entry->cluster
                                                              : entry->user;
                        *out = (struct kube_item){tree, file_marks(f), f->path, what, k};
                        return 0;
                }
        }
        return unknown(files, of, what, name, where, e);
}

static const char *current_context(const struct files *files)
{
        for (size_t i = 0; i < files->n; i++)
                if (!str_empty(files->items[i].root.current_context))
                        return files->items[i].root.current_context;
        return NULL;
}

/* ---- put together ---- */

static int choose(struct kube_config *c, struct files *files, const char *name, const char *where,
                  struct err *e)
{
        struct kube_item item;
        struct kube_context context = {0};
        if (find(&item, files, contexts_of, "context", name, where, e) < 0)
                return -1;
        c->origin = mem_printf("context \"%s\" of %s", name, item.file);
        int r = kube_context_load(&context, &item, e);
        if (r == 0)
                r = find(&item, files, clusters_of, "cluster", context.cluster, where, e);
        if (r == 0)
                r = kube_cluster_load(c, &item, e);
        if (r == 0 && !str_empty(context.user)) { /* none: anonymous */
                r = find(&item, files, users_of, "user", context.user, where, e);
                if (r == 0)
                        r = kube_user_load(c, &item, e);
        }
        c->ns = str_empty(context.ns) ? mem_strdup("default") : TAKE(context.ns);
        kube_context_deinit(&context);
        return r;
}

static int load(struct kube_config **out, struct files *files, const struct kube_config_opts *o,
                struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        AUTO(mem_free) char *where = NULL;
        if (load_files(files, o->path, &where, &d) < 0)
                return diags_err(&d, e);
        const char *context = o->context ? o->context : current_context(files);
        if (!files->n && !o->context && kube_in_cluster())
                return kube_config_in_cluster(out, e);
        if (!files->n)
                return err_set(e, ERR_NOT_FOUND,
                               "no cluster is configured: %s is not there, and this is not a pod; "
                               "pass --kubeconfig FILE",
                               where);
        if (!context) {
                AUTO_BUF struct buf names = BUF_INIT(500);
                put_names(&names, files, contexts_of);
                return err_set(e, ERR_INVALID,
                               "%s: no current-context; pass --context NAME, one of: %s", where,
                               buf_str(&names));
        }
        AUTO(kube_config_free) struct kube_config *c = NEW(struct kube_config);
        if (choose(c, files, context, where, e) < 0 || kube_config_check(c, e) < 0)
                return -1;
        *out = TAKE(c);
        return 0;
}

int kube_config_load(struct kube_config **out, const struct kube_config_opts *o, struct err *e)
{
        struct files files = {0};
        int r = load(out, &files, o, e);
        files_deinit(&files);
        return r;
}

struct kube_config *kube_config_free(struct kube_config *c)
{
        if (!c)
                return NULL;
        char *const texts[] = {c->origin,   c->server,          c->ns,         c->ca_file,
                               c->ca_pem,   c->tls_server_name, c->token_file, c->cert_file,
                               c->cert_pem, c->key_file};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                free(texts[i]);
        secret_free(c->token);
        secret_free(c->key_pem);
        free(c);
        return NULL;
}
