/* eventsource/kafka_marks.c: see kafka_marks.h. A queue per partition; done marks leave it from the
 * front. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/kafka_marks.h"
#include "common/base/mem.h"
#include <stdlib.h>

struct kafka_mark {
        struct kafka_mark *next;
        struct partition *partition; /* NULL: dropped, to be freed when it is done */
        int64_t offset;
        bool done;
};
struct partition {
        struct partition *next;
        int32_t number;
        struct kafka_mark *first, **end;
};
struct kafka_marks {
        kafka_store_fn *store;
        void *arg;
        struct partition *partitions;
};

struct kafka_marks *kafka_marks_new(kafka_store_fn *store, void *arg)
{
        struct kafka_marks *m = NEW(struct kafka_marks);
        m->store = store;
        m->arg = arg;
        return m;
}

static void free_queue(struct partition *p, bool under_way_too)
{
        while (p->first) {
                struct kafka_mark *mark = p->first;
                p->first = mark->next;
                mark->partition = NULL;
                if (mark->done || under_way_too)
                        free(mark);
        }
        p->end = &p->first;
}

struct kafka_marks *kafka_marks_free(struct kafka_marks *m)
{
        while (m && m->partitions) {
                struct partition *p = m->partitions;
                m->partitions = p->next;
                free_queue(p, true);
                free(p);
        }
        free(m);
        return NULL;
}

static struct partition *find(struct kafka_marks *m, int32_t number)
{
        for (struct partition *p = m->partitions; p; p = p->next)
                if (p->number == number)
                        return p;
        struct partition *p = NEW(struct partition);
        p->number = number;
        p->end = &p->first;
        p->next = m->partitions;
        m->partitions = p;
        return p;
}

void kafka_marks_begin_partition(struct kafka_marks *m, int32_t partition)
{
        free_queue(find(m, partition), false);
}

void kafka_marks_drop_partition(struct kafka_marks *m, int32_t partition)
{
        free_queue(find(m, partition), false);
}

struct kafka_mark *kafka_mark_begin(struct kafka_marks *m, int32_t partition, int64_t offset)
{
        struct partition *p = find(m, partition);
        struct kafka_mark *mark = NEW(struct kafka_mark);
        mark->partition = p;
        mark->offset = offset;
        *p->end = mark;
        p->end = &mark->next;
        return mark;
}

void kafka_mark_done(struct kafka_marks *m, struct kafka_mark *mark)
{
        struct partition *p = mark->partition;
        if (!p) {
                free(mark);
                return;
        }
        mark->done = true;
        int64_t next = -1;
        while (p->first && p->first->done) {
                struct kafka_mark *first = p->first;
                p->first = first->next;
                if (!p->first)
                        p->end = &p->first;
                next = first->offset + 1;
                free(first);
        }
        if (next >= 0)
                m->store(m->arg, p->number, next);
}
