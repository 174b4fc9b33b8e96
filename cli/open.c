/* cli/open.c: commands look into the data folder, where a running `tiphys dev` or the daemons work:
 * several processes may share it, and what one commits wakes the others. Here: opening it, and
 * finding resources by the words users type. SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include <stdlib.h>

const char *cli_ns(const struct cli *c)
{
        return c->g.ns ? c->g.ns : c->app.ns ? c->app.ns : "default";
}

const char *cli_list_ns(const struct cli *c)
{
        return c->g.all_namespaces ? NULL : cli_ns(c);
}

static bool in_cluster(const struct cli *c)
{
        return c->g.kubeconfig || c->g.context;
}

int cli_no_cluster(const struct cli *c, const char *why, struct err *e)
{
        return in_cluster(c) ? err_set(e, ERR_UNSUPPORTED, "--kubeconfig and --context: %s", why)
                             : 0;
}

static int check_folder(const struct cli *c, bool reads, struct err *e)
{
        if (!reads || app_data_exists(c->data_dir))
                return 0;
        return err_set(e, ERR_NOT_FOUND,
                       "nothing ever ran on the data folder %s: start `tiphys dev`, or name "
                       "another one with --data",
                       c->data_dir);
}

int cli_open(struct cli *c, enum cli_open how, struct err *e)
{
        bool reads = how == CLI_READ || how == CLI_EVENTS,
             events = how == CLI_EVENTS || how == CLI_EVENTS_WRITE;
        c->data_dir = app_data_dir(c->g.data);
        if (events &&
            cli_no_cluster(c, "events are in the data folder of the daemons, not in a cluster", e) <
                    0)
                return -1;
        if (!in_cluster(c) && check_folder(c, reads, e) < 0)
                return -1;
        struct app_options o = {.data_dir = c->data_dir,
                                .read_only = reads,
                                .no_bus = !events,
                                .kubeconfig = c->g.kubeconfig,
                                .context = c->g.context};
        return app_open(&c->app, &o, e);
}

bool cli_controller_runs(struct cli *c)
{
        struct app_holder h;
        return in_cluster(c) ||
               app_lock_holder(c->data_dir, "controller", &h); /* a cluster looks after itself */
}

/* ---- finding ---- */

struct names {
        const char **items;
        size_t n, cap;
};

static const json_t *newest(const json_t *items)
{
        const json_t *best = NULL, *item;
        size_t i;
        json_array_foreach (items, i, item) {
                const char *a = json_str(item, "metadata", "creationTimestamp");
                const char *b = best ? json_str(best, "metadata", "creationTimestamp") : "";
                if (!best || strcmp(a ? a : "", b) >= 0)
                        best = item;
        }
        return best;
}

static int fail_missing(const struct cli *c, const struct store_kind *kind, const char *word,
                        const json_t *items, struct err *e)
{
        struct names names = {0};
        const json_t *item;
        size_t i;
        json_array_foreach (items, i, item) {
                mem_grow(names.items, names.cap, names.n + 1);
                names.items[names.n++] = obj_name(item);
        }
        const char *near = str_nearest(word, names.items, names.n);
        if (near)
                err_set(e, ERR_NOT_FOUND, "there is no %s %s in namespace %s; did you mean %s?",
                        kind->kind, word, cli_ns(c), near);
        else
                err_set(e, ERR_NOT_FOUND,
                        "there is no %s %s in namespace %s (`tiphys list` shows what is there)",
                        kind->kind, word, cli_ns(c));
        free(names.items);
        return -1;
}

static int by_prefix(const struct cli *c, const struct store_kind *kind, const char *word,
                     const json_t *items, const json_t **out, struct err *e)
{
        const json_t *item;
        size_t i, matches = 0;
        json_array_foreach (items, i, item) {
                if (!str_starts(obj_name(item), word))
                        continue;
                *out = item;
                matches++;
        }
        if (matches == 1)
                return 0;
        if (matches > 1)
                return err_set(e, ERR_INVALID, "%s is the beginning of %zu names; type more of it",
                               word, matches);
        return fail_missing(c, kind, word, items, e);
}

int cli_find(struct cli *c, const struct store_kind *kind, const char *word, json_t **out,
             struct err *e)
{
        const char *ns = cli_ns(c);
        if (!streq(word, "@latest")) {
                if (store_get_now(c->app.store, (struct store_ref){kind, ns, word}, out, e) == 0)
                        return 0;
                if (e->code != ERR_NOT_FOUND)
                        return -1;
                err_clear(e);
        }
        AUTO_JSON json_t *list = NULL;
        const struct store_list_opts o = {.no_nodes = true};
        if (store_list_now(c->app.store, kind, ns, &o, &list, e) < 0)
                return -1;
        const json_t *items = json_object_get(list, "items"), *found = NULL;
        if (streq(word, "@latest"))
                found = newest(items);
        else if (by_prefix(c, kind, word, items, &found, e) < 0)
                return -1;
        if (!found)
                return err_set(e, ERR_NOT_FOUND, "there is no %s in namespace %s yet", kind->kind,
                               ns);
        return store_get_now(c->app.store, (struct store_ref){kind, ns, obj_name(found)}, out, e);
}

int cli_find_workflow(struct cli *c, const char *word, json_t **out, struct err *e)
{
        return cli_find(c, &STORE_WORKFLOW, word, out, e);
}
