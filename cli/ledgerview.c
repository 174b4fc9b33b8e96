/* cli/ledgerview.c: see ledgerview.h and sensor/ledger.h, which writes these records.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledgerview.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/bus/bus.h"
#include <stdlib.h>

struct spaces {
        char **items;
        size_t n, cap;
};

static bool add_space(void *arg, const char *space)
{
        struct spaces *s = arg;
        mem_grow(s->items, s->cap, s->n + 1);
        s->items[s->n++] = mem_strdup(space);
        return true;
}

struct reading {
        ledger_each_fn *each;
        void *arg;
        struct ledger_record r;
        bool stopped;
};

static bool on_state(void *arg, const char *key, const char *value, size_t len)
{
        struct reading *g = arg;
        struct err e = {0};
        AUTO_JSON json_t *j = NULL;
        if (json_parse(&j, value, len, &e) < 0) { /* written by a newer version? show the rest */
                err_clear(&e);
                return true;
        }
        g->r.key = key;
        g->r.value = j;
        g->stopped = !g->each(g->arg, &g->r);
        return !g->stopped;
}

/* "trace/default/docproc-sensor/1234": cuts the text in place. */
static bool split_space(char *space, struct ledger_record *r)
{
        char *parts[4] = {space};
        for (int i = 1; i < 4; i++) {
                char *slash = strchr(parts[i - 1], '/');
                if (!slash)
                        return false;
                *slash = '\0';
                parts[i] = slash + 1;
        }
        r->ns = parts[1];
        r->sensor = parts[2];
        r->uid = parts[3];
        return true;
}

int ledger_each(struct bus *b, const char *kind, const char *key, ledger_each_fn *each, void *arg,
                struct err *e)
{
        struct spaces spaces = {0};
        AUTO(mem_free) char *prefix = mem_printf("%s/", kind);
        struct reading g = {.each = each, .arg = arg};
        int r = bus_spaces_each(b, prefix, add_space, &spaces, e);
        for (size_t i = 0; i < spaces.n; i++) {
                AUTO(mem_free) char *parts = mem_strdup(spaces.items[i]);
                if (r == 0 && !g.stopped && split_space(parts, &g.r))
                        r = bus_state_each(b, spaces.items[i], key, on_state, &g, e);
                free(spaces.items[i]);
        }
        free(spaces.items);
        return r;
}
