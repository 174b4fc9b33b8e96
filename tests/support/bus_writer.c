/* tests/support/bus_writer.c: a process that fault tests may kill: appends events to an embedded
 * bus for ever and says which were acknowledged.
 *
 *      bus_writer DB WIDTH SIZE [PREFIX]
 *
 * WIDTH events of SIZE bytes per turn; one line each on stdout: `ack POS ID` or `refused CODE`. An
 * id tells the data of its event: the id again and again. Every second event says that its id comes
 * from upstream. After a refusal it tries again 20 ms later. Ends with 0 when its stdout is closed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/bus/bus.h"
#include "common/db/db.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct writer {
        struct loop *loop;
        struct bus *bus;
        const char *prefix;
        size_t width, size, waiting, serial;
        bool refused;
        char **ids;
        struct buf out;
        struct loop_timer next;
};
struct slot {
        struct writer *w;
        size_t index;
};
static struct slot *slots;

static void end_of_turn(struct writer *w)
{
        const char *p = w->out.data;
        for (size_t left = w->out.len; left;) {
                ssize_t n = write(1, p, left);
                if (n < 0) {
                        loop_stop(w->loop);
                        return;
                }
                p += n;
                left -= (size_t)n;
        }
        buf_reset(&w->out);
        timer_after_ms(w->loop, &w->next, w->refused ? 20 : 0);
}

static void on_stored(void *arg, enum bus_outcome outcome UNUSED, uint64_t pos, const struct err *e)
{
        struct slot *s = arg;
        struct writer *w = s->w;
        if (e)
                buf_addf(&w->out, "refused %s\n", err_code_name(e->code));
        else
                buf_addf(&w->out, "ack %llu %s\n", (unsigned long long)pos, w->ids[s->index]);
        w->refused |= e != NULL;
        if (--w->waiting == 0)
                end_of_turn(w);
}

static void append(struct writer *w, size_t i)
{
        char *data = mem_alloc(w->size + 1);
        mem_free(w->ids[i]);
        w->ids[i] = mem_printf("%s%016zx", w->prefix, w->serial++);
        size_t n = strlen(w->ids[i]);
        for (size_t k = 0; k < w->size; k++)
                data[k] = w->ids[i][k % n];
        struct bus_msg *m =
                bus_msg_new("test.event", w->ids[i], data, w->size, loop_wall(w->loop), i % 2);
        bus_append(w->bus, m, on_stored, &slots[i]);
        bus_msg_unref(m);
        mem_free(data);
}

static void turn(void *arg)
{
        struct writer *w = arg;
        w->waiting = w->width;
        w->refused = false;
        for (size_t i = 0; i < w->width; i++)
                append(w, i);
}

int main(int argc, char **argv)
{
        struct err e = {0};
        struct db *db;
        struct writer w = {.out = BUF_INIT(1 << 24)};
        if (argc < 4)
                return 2;
        w.width = strtoul(argv[2], NULL, 10);
        w.size = strtoul(argv[3], NULL, 10);
        uint64_t fresh = rand_u64();
        char prefix[20];
        snprintf(prefix, sizeof(prefix), "%016llx", (unsigned long long)fresh);
        w.prefix = argc > 4 ? argv[4] : prefix;
        w.ids = mem_calloc(w.width, sizeof(char *));
        slots = mem_calloc(w.width, sizeof(*slots));
        for (size_t i = 0; i < w.width; i++)
                slots[i] = (struct slot){&w, i};
        signal(SIGPIPE, SIG_IGN);
        if (loop_new(&w.loop, clock_system(), &e) < 0 ||
            db_open(&db, w.loop, argv[1], NULL, &e) < 0 || bus_embedded(&w.bus, db, NULL, &e) < 0) {
                fprintf(stderr, "bus_writer: %s\n", err_msg(&e));
                return 1;
        }
        timer_init(&w.next, turn, &w);
        turn(&w);
        loop_run(w.loop);
        bus_close(w.bus);
        db_close(db);
        return 0;
}
