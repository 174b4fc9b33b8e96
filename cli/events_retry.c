/* cli/events_retry.c: a dead letter is tried again, under the same firing id: the wish is written
 * on its Sensor (sensor/redrive.h), whoever runs that sensor takes it up. SPDX-License-Identifier:
 * Apache-2.0 */
#include "cli/cli.h"
#include "cli/ledgerview.h"
#include "sensor/redrive.h"

struct retry_opts {
        bool all;
};
static const struct opt retry_opts[] = {
        OPT(struct retry_opts, all, OPT_FLAG, .help = "every dead letter"), OPT_END};

struct search {
        struct hit {
                char *ns, *sensor, *id;
        } * items;
        size_t n, cap;
};

static bool on_dead(void *arg, const struct ledger_record *r)
{
        struct search *s = arg;
        mem_grow(s->items, s->cap, s->n + 1);
        s->items[s->n++] =
                (struct hit){mem_strdup(r->ns), mem_strdup(r->sensor), mem_strdup(r->key)};
        return true;
}

static int ask(struct cli *c, const struct hit *h, struct err *e)
{
        AUTO_JSON json_t *patch = redrive_patch(h->id), *stored = NULL;
        const struct store_ref ref = {&STORE_SENSOR, h->ns, h->sensor};
        if (store_patch_now(c->app.store, ref, STORE_PATCH_MERGE, patch, &stored, e) < 0)
                return err_wrap(e, "sensor %s/%s", h->ns, h->sensor);
        printf("%s will be tried again by sensor %s/%s\n", h->id, h->ns, h->sensor);
        return 0;
}

static int retry_run(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct retry_opts *o = opts;
        if (n == 0 && !o->all)
                return err_set(e, ERR_INVALID,
                               "events retry: name a firing (`tiphys events list --dead` shows "
                               "them), or --all");
        struct search s = {0};
        if (cli_open(c, CLI_EVENTS_WRITE, e) < 0)
                return -1;
        int r = ledger_each(c->app.bus, "dead", n ? args[0] : "", on_dead, &s, e);
        if (r == 0 && n && s.n == 0)
                r = err_set(e, ERR_NOT_FOUND,
                            "there is no dead letter %s (`tiphys events list --dead` shows them)",
                            args[0]);
        if (r == 0 && n && s.n > 1)
                r = err_set(e, ERR_INVALID, "%s is the beginning of %zu firings; type more of it",
                            args[0], s.n);
        for (size_t i = 0; i < s.n; i++) {
                if (r == 0)
                        r = ask(c, &s.items[i], e);
                mem_free(s.items[i].ns);
                mem_free(s.items[i].sensor);
                mem_free(s.items[i].id);
        }
        mem_free(s.items);
        return r < 0 ? -1 : EXIT_OK;
}

const struct command command_events_retry = {.name = "events retry",
                                             .operands = "[FIRING]",
                                             .summary = "Try a dead letter again",
                                             .opts = retry_opts,
                                             .opts_size = sizeof(struct retry_opts),
                                             .kind = OPERANDS_WORDS,
                                             .max_args = 1,
                                             .run = retry_run};
