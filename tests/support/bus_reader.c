/* tests/support/bus_reader.c: what a bus that was written by bus_writer holds, one line per event
 * in order:
 *
 *      bus_reader DB               POS ID ok|damaged
 *      bus_reader DB follow N      the same, as a consumer, until N events came; waits without
 * polling
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
        struct loop *loop;
        struct bus_consumer *consumer;
        size_t left;
};

static void print(const struct bus_msg *m)
{
        size_t n = strlen(m->id);
        bool ok = true;
        for (size_t k = 0; k < m->len; k++)
                ok &= m->data[k] == m->id[k % n];
        printf("%llu %s %s\n", (unsigned long long)m->pos, m->id, ok ? "ok" : "damaged");
}

static bool on_message(void *arg UNUSED, const struct bus_msg *m)
{
        print(m);
        return true;
}

static void on_messages(void *arg, struct bus_msg *const *msgs, size_t n)
{
        struct reader *r = arg;
        for (size_t i = 0; i < n && r->left; i++, r->left--)
                print(msgs[i]);
        if (!r->left)
                loop_stop(r->loop);
        else
                bus_commit(r->consumer, msgs[n - 1]->pos, NULL, 0, NULL, NULL);
}

static int run(struct reader *r, struct bus *bus, struct err *e)
{
        if (!r->left)
                return bus_messages(bus, &(struct bus_query){.limit = SIZE_MAX >> 1}, on_message,
                                    NULL, e);
        struct bus_consumer_options o = {.name = "reader", .window = 1024};
        if (bus_consume(&r->consumer, bus, &o, on_messages, r, e) < 0)
                return -1;
        loop_run(r->loop);
        return 0;
}

int main(int argc, char **argv)
{
        struct err e = {0};
        struct db *db;
        struct bus *bus;
        struct reader r = {.left = argc > 3 ? strtoul(argv[3], NULL, 10) : 0};
        if (argc < 2)
                return 2;
        if (loop_new(&r.loop, clock_system(), &e) < 0 ||
            db_open(&db, r.loop, argv[1], NULL, &e) < 0 || bus_embedded(&bus, db, NULL, &e) < 0 ||
            run(&r, bus, &e) < 0) {
                fprintf(stderr, "bus_reader: %s\n", err_msg(&e));
                return 1;
        }
        bus_close(bus);
        db_close(db);
        return 0;
}
