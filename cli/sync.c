/* cli/sync.c: limits of semaphores: those in the database, and those in ConfigMaps, as `argo sync`
 * has them. A limit in the database is a key of the ConfigMap SYNC_LIMITS of its namespace
 * (docs/decisions/0034): both kinds are one key of one ConfigMap, which running workflows follow.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/term.h"
#include "workflow/engine/lock_name.h"
#include <ctype.h>
#include <strings.h>

enum { TRIES = 20 }; /* somebody else may change the same ConfigMap meanwhile */

struct sync_opts {
        const char *type, *cm_name;
        int64_t limit;
        bool no_headers;
};
/* One limit, and where it stands. */
struct place {
        struct store_ref map;
        const char *key;
        bool in_database;
};
enum change { CREATE, UPDATE, DELETE };

/* ---- which ---- */

static int place_check_key(const struct place *p, struct err *e)
{
        const char *bad = p->key;
        if (!*p->key)
                return err_set(e, ERR_INVALID, "the key of a sync limit must not be empty");
        while (!p->in_database && (isalnum((unsigned char)*bad) || strchr("-_.", *bad)) && *bad)
                bad++;
        if (p->in_database || !*bad)
                return 0;
        return err_set(e, ERR_INVALID,
                       "expected a key of a ConfigMap (letters, digits, '-', '_', '.'), found "
                       "\"%s\"",
                       p->key);
}

static int place_of(struct place *out, const struct cli *c, const struct sync_opts *o,
                    const char *key, struct err *e)
{
        bool row = o->type && strcasecmp(o->type, "database") == 0,
             map = o->type && strcasecmp(o->type, "configmap") == 0;
        if (!row && !map)
                return err_set(e, ERR_INVALID,
                               "--type: expected 'database' or 'configmap', found %s",
                               o->type ? o->type : "nothing");
        if (map && str_empty(o->cm_name))
                return err_set(e, ERR_INVALID, "--cm-name is required when --type is configmap");
        if (row && o->cm_name)
                return err_set(e, ERR_INVALID, "--cm-name goes with --type configmap");
        *out = (struct place){.map = {&STORE_CONFIG_MAP, cli_ns(c), row ? SYNC_LIMITS : o->cm_name},
                              .key = key,
                              .in_database = row};
        return key ? place_check_key(out, e) : 0;
}

static int fail_missing(const struct place *p, struct err *e)
{
        if (p->in_database)
                return err_set(e, ERR_NOT_FOUND,
                               "there is no sync limit %s in namespace %s (tiphys sync list)",
                               p->key, p->map.ns);
        return err_set(e, ERR_NOT_FOUND,
                       "there is no key %s in ConfigMap %s of namespace %s (tiphys sync create "
                       "makes it)",
                       p->key, p->map.name, p->map.ns);
}

/* *out NULL: there is no such ConfigMap. */
static int read_map(struct cli *c, const struct place *p, json_t **out, struct err *e)
{
        *out = NULL;
        if (store_get_now(c->app.store, p->map, out, e) == 0)
                return 0;
        if (e->code != ERR_NOT_FOUND)
                return -1;
        err_clear(e);
        return 0;
}

static void print_limit(const struct place *p, const char *limit)
{
        printf("Key: %s\nType: %s\n", p->key, p->in_database ? "database" : "configmap");
        if (!p->in_database)
                printf("ConfigMap Name: %s\n", p->map.name);
        printf("Namespace: %s\nLimit: %s\n", p->map.ns, limit);
}

/* ---- create, update, delete ---- */

/* CONFLICT: the ConfigMap is another than the one that was read. */
static int write_key(struct cli *c, const struct place *p, const json_t *map, json_t *value_taken,
                     struct err *e)
{
        AUTO_JSON json_t *data = json_object(), *stored = NULL;
        json_object_set_new(data, p->key, value_taken);
        AUTO_JSON json_t *obj =
                json_pack("{s:s, s:s, s:{s:s, s:s*}, s:O}", "apiVersion", "v1", "kind", "ConfigMap",
                          "metadata", "name", p->map.name, "resourceVersion",
                          map ? obj_version(map) : NULL, "data", data);
        if (map)
                return store_patch_now(c->app.store, p->map, STORE_PATCH_MERGE, obj, &stored, e);
        return store_create_now(c->app.store, p->map.kind, p->map.ns, obj, &stored, e);
}

static int try_change(struct cli *c, const struct place *p, enum change what, int64_t limit,
                      bool *again, struct err *e)
{
        AUTO_JSON json_t *map = NULL;
        if (read_map(c, p, &map, e) < 0)
                return -1;
        bool there = json_at(map, "data", p->key) != NULL;
        if (what == CREATE && there)
                return err_set(e, ERR_CONFLICT,
                               "sync limit %s cannot be created as it already exists (tiphys sync "
                               "update changes it)",
                               p->key);
        if (what != CREATE && !there)
                return fail_missing(p, e);
        json_t *value = what == DELETE ? json_null() : json_sprintf("%lld", (long long)limit);
        int r = write_key(c, p, map, value, e);
        *again = r < 0 && e->code == ERR_CONFLICT;
        return r;
}

static int change_limit(struct cli *c, const struct sync_opts *o, const char *key, enum change what,
                        struct err *e)
{
        static const char *const words[] = {"created", "updated", "deleted"};
        struct place p;
        bool again = true;
        int r = -1;
        if (place_of(&p, c, o, key, e) < 0)
                return -1;
        if (what != DELETE && !o->limit)
                return err_set(e, ERR_INVALID, "--limit: expected a number above 0");
        if (cli_open(c, CLI_WRITE, e) < 0)
                return -1;
        p.map.ns = cli_ns(c);
        for (int i = 0; i < TRIES && again; i++) {
                again = false;
                err_clear(e);
                r = try_change(c, &p, what, o->limit, &again, e);
        }
        if (r < 0)
                return -1;
        AUTO(mem_free) char *limit = mem_printf("%lld", (long long)o->limit);
        printf("Sync limit %s\n", words[what]);
        if (what != DELETE)
                print_limit(&p, limit);
        return EXIT_OK;
}

static int create_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        return change_limit(c, opts, args[0], CREATE, e);
}

static int update_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        return change_limit(c, opts, args[0], UPDATE, e);
}

static int delete_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        return change_limit(c, opts, args[0], DELETE, e);
}

/* ---- get ---- */

static int get_run(struct cli *c, const void *opts, char **args, size_t n UNUSED, struct err *e)
{
        struct place p;
        AUTO_JSON json_t *map = NULL;
        if (place_of(&p, c, opts, args[0], e) < 0 || cli_open(c, CLI_READ, e) < 0)
                return -1;
        p.map.ns = cli_ns(c);
        if (read_map(c, &p, &map, e) < 0)
                return -1;
        const char *limit = json_str(map, "data", p.key);
        if (!limit)
                return fail_missing(&p, e);
        print_limit(&p, limit);
        return EXIT_OK;
}

/* ---- list ---- */

/* How many hold the lock, and how many workflows wait for it, by what workflows say of themselves.
 */
static void count_users(const json_t *workflows, const char *lock, size_t *held, size_t *waiting)
{
        size_t i, k;
        json_t *wf, *entry;
        *held = *waiting = 0;
        json_array_foreach (workflows, i, wf) {
                const json_t *s = json_at(wf, "status", "synchronization", "semaphore");
                json_array_foreach (json_object_get(s, "holding"), k, entry)
                        if (streq(json_str(entry, "semaphore"), lock))
                                *held += json_array_size(json_object_get(entry, "holders"));
                json_array_foreach (json_object_get(s, "waiting"), k, entry)
                        *waiting += streq(json_str(entry, "semaphore"), lock);
        }
}

static void put_map(struct table *t, const json_t *map, const json_t *workflows, bool ns)
{
        bool row = streq(obj_name(map), SYNC_LIMITS);
        const char *key;
        json_t *limit;
        json_object_foreach (json_object_get(map, "data"), key, limit) {
                size_t held, waiting;
                AUTO(mem_free)
                char *lock =
                        row ? mem_printf("%s/Database/%s", obj_ns(map), key)
                            : mem_printf("%s/ConfigMap/%s/%s", obj_ns(map), obj_name(map), key);
                count_users(workflows, lock, &held, &waiting);
                if (ns)
                        table_cell(t, obj_ns(map));
                table_cell(t, key);
                table_cell(t, json_string_value(limit));
                table_cellf(t, "%zu", held);
                table_cellf(t, "%zu", waiting);
        }
}

static int list_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        static const char *const head[] = {"KEY", "LIMIT", "HELD", "WAITING", NULL};
        const struct sync_opts *o = opts;
        bool ns = c->g.all_namespaces;
        struct place p;
        AUTO_JSON json_t *maps = NULL, *workflows = NULL;
        if (place_of(&p, c, o, NULL, e) < 0 || cli_open(c, CLI_READ, e) < 0)
                return -1;
        AUTO(mem_free) char *name = mem_printf("metadata.name=%s", p.map.name);
        const struct store_list_opts of_name = {.field_selector = name}, lean = {.no_nodes = true};
        if (store_list_now(c->app.store, p.map.kind, cli_list_ns(c), &of_name, &maps, e) < 0 ||
            store_list_now(c->app.store, &STORE_WORKFLOW, NULL, &lean, &workflows, e) < 0)
                return -1;
        AUTO_TABLE struct table t;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        size_t i;
        json_t *map;
        table_init(&t, 4u + ns);
        if (ns && !o->no_headers)
                table_cell(&t, "NAMESPACE");
        if (!o->no_headers)
                table_row(&t, head);
        json_array_foreach (json_object_get(maps, "items"), i, map)
                put_map(&t, map, json_object_get(workflows, "items"), ns);
        table_put(&b, &t, &c->term, 0);
        cli_write(&b);
        return EXIT_OK;
}

/* ---- tables ---- */

#define WHERE                                                                                 \
        OPT(struct sync_opts, type, OPT_STR, .arg = "TYPE", .help = "database or configmap"), \
                OPT(struct sync_opts, cm_name, OPT_STR, .name = "cm-name", .arg = "NAME",     \
                    .help = "the ConfigMap, with --type configmap")
static const struct opt one_opts[] = {WHERE, OPT_END};
static const struct opt put_opts[] = {OPT(struct sync_opts, limit, OPT_INT, .arg = "N", .min = 1,
                                          .max = INT32_MAX,
                                          .help = "how many may hold it at a time"),
                                      WHERE, OPT_END};
static const struct opt list_opts[] = {OPT(struct sync_opts, type, OPT_STR, .arg = "TYPE",
                                           .def = "database", .help = "database or configmap"),
                                       OPT(struct sync_opts, cm_name, OPT_STR, .name = "cm-name",
                                           .arg = "NAME",
                                           .help = "the ConfigMap, with --type configmap"),
                                       OPT(struct sync_opts, no_headers, OPT_FLAG,
                                           .name = "no-headers", .help = "without the first line"),
                                       OPT_END};

#define SYNC(...) .opts_size = sizeof(struct sync_opts), __VA_ARGS__
#define ONE_KEY .operands = "KEY", .kind = OPERANDS_WORDS, .min_args = 1, .max_args = 1
const struct command command_sync_create = {
        SYNC(.name = "sync create", .summary = "Set the limit of a semaphore", ONE_KEY,
             .details = "The key is what `synchronization.semaphores[].database.key`, or the key "
                        "of `configMapKeyRef`, names. A mutex needs no limit.",
             .examples = "  tiphys sync create my-key --type database --limit 10\n"
                         "  tiphys sync create my-key --type configmap --cm-name my-configmap "
                         "--limit 10\n",
             .opts = put_opts, .run = create_run)};
const struct command command_sync_get = {
        SYNC(.name = "sync get", .summary = "Show the limit of a semaphore", ONE_KEY,
             .examples = "  tiphys sync get my-key --type database\n", .opts = one_opts,
             .run = get_run)};
const struct command command_sync_list = {
        SYNC(.name = "sync list", .summary = "Show limits of semaphores, and who uses them",
             .details = "HELD counts holders, WAITING workflows in which something waits.",
             .opts = list_opts, .kind = OPERANDS_NONE, .run = list_run)};
const struct command command_sync_update = {
        SYNC(.name = "sync update", .summary = "Change the limit of a semaphore", ONE_KEY,
             .details = "A higher limit lets those in that wait; a lower one takes nothing away "
                        "from those who hold it.",
             .examples = "  tiphys sync update my-key --type database --limit 20\n",
             .opts = put_opts, .run = update_run)};
const struct command command_sync_delete = {
        SYNC(.name = "sync delete", .summary = "Delete the limit of a semaphore", ONE_KEY,
             .details = "Who holds it goes on; who waits for it waits until there is a limit "
                        "again.",
             .examples = "  tiphys sync delete my-key --type database\n", .opts = one_opts,
             .run = delete_run)};
