/* cli/banner.c: what `tiphys dev` says when it is up: one fact per line, stable, made to be read by
 * people and by grep. SPDX-License-Identifier: Apache-2.0 */
#include "cli/dev.h"
#include "cli/term.h"
#include "common/net/http_server.h"
#include "eventsource/eventsource.h"
#include "workflow/controller/controller.h"
#include "workflow/runner/runner.h"

enum { MAX_NOTE = 250 };

static void put_source(void *arg, const struct source_info *i)
{
        struct buf *b = arg;
        const char *label = str_empty(i->type) ? "source" : i->type;
        buf_addf(b, "  %-10s %s%s%s/%s", label, i->url ? i->url : "", i->url ? "  " : "", i->name,
                 i->event);
        if (!streq(i->state, "up"))
                buf_addf(b, " (%s%s%s)", i->state, i->error ? ": " : "", i->error ? i->error : "");
        buf_addc(b, '\n');
}

static void put_next_command(struct buf *b, const struct dev *d)
{
        AUTO(mem_free) char *usual = app_data_dir(NULL);
        buf_adds(b, "  next       tiphys submit --watch FILE");
        if (!streq(usual, d->cli->data_dir))
                buf_addf(b, " --data %s", d->cli->data_dir);
        buf_addc(b, '\n');
}

void dev_put_banner(struct buf *b, struct dev *d)
{
        char api[MAX_NOTE];
        snprintf(api, sizeof(api), "http://127.0.0.1:%u", http_server_port(d->http));
        app_lock_note(d->locks[0], api);
        struct controller_info info = controller_info(d->controller);
        int64_t ms = (loop_now(d->cli->app.loop).ns - d->started.ns) / NS_PER_MS;
        buf_addf(b, "tiphys dev %s is ready (%lld ms)\n", TIPHYS_VERSION, (long long)ms);
        buf_addf(b, "  api        %s\n", api);
        eventsources_each(d->sources, put_source, b);
        buf_addf(b, "  data       %s (%s)\n", d->cli->data_dir,
                 d->o->rm ? "removed at the end" : "kept: a second start goes on here");
        buf_addf(b, "  isolation  %s\n", runner_describe(d->runner));
        if (info.workflows)
                buf_addf(b, "  resumed    %zu unfinished workflow%s\n", info.workflows,
                         info.workflows == 1 ? "" : "s");
        put_next_command(b, d);
}
