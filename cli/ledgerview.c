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

/* Records are gathered before anybody is told: the bus must not be read from inside a reading. */
struct reading {
        struct record {
                char *key;
                json_t *value;
        } * items;
        size_t n, cap;
};

static bool on_state(void *arg, const char *key, const char *value, size_t len)
{
        struct reading *g = arg;
        struct err e = {0};
        json_t *j = NULL;
        if (json_parse(&j, value, len, &e) < 0) { /* written by a newer version? show the rest */
                err_clear(&e);
                return true;
        }
        mem_grow(g->items, g->cap, g->n + 1);
        g->items[g->n++] = (struct record){mem_strdup(key), j};
        return true;
}

/* Tells of every record, in order; false when `each` has seen enough. */
static bool tell(struct reading *g, struct ledger_record r, ledger_each_fn *each, void *arg)
{
        bool more = true;
        for (size_t i = 0; i < g->n; i++) {
                r.key = g->items[i].key;
                r.value = g->items[i].value;
                more = more && each(arg, &r);
                free(g->items[i].key);
                json_decref(g->items[i].value);
        }
        free(g->items);
        return more;
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

static int read_space(struct bus *b, char *space, const char *key, ledger_each_fn *each, void *arg,
                      bool *more, struct err *e)
{
        struct reading g = {0};
        struct ledger_record r = {0};
        int rc = bus_state_each(b, space, key, on_state, &g, e);
        if (!split_space(space, &r)) /* no space of a sensor */
                r.ns = r.sensor = r.uid = "";
        *more = tell(&g, r, each, arg);
        return rc;
}

int ledger_each(struct bus *b, const char *kind, const char *key, ledger_each_fn *each, void *arg,
                struct err *e)
{
        struct spaces spaces = {0};
        AUTO(mem_free) char *prefix = mem_printf("%s/", kind);
        int r = bus_spaces_each(b, prefix, add_space, &spaces, e);
        bool more = true;
        for (size_t i = 0; i < spaces.n; i++) {
                if (r == 0 && more)
                        r = read_space(b, spaces.items[i], key, each, arg, &more, e);
                free(spaces.items[i]);
        }
        free(spaces.items);
        return r;
}
