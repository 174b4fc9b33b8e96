/* cli/simview.c: the timeline of a simulated workflow. SPDX-License-Identifier: Apache-2.0 */
#include "cli/simcase.h"
#include "cli/term.h"
#include <stdlib.h>

enum { BAR_WIDTH = 40 };

struct span {
        int64_t from, to;
        const char *name, *phase;
};

static bool takes_time(const json_t *node)
{
        static const char *const types[] = {"Pod", "HTTP", "Plugin", "Suspend"};
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (streq(json_str(node, "type"), types[i]))
                        return true;
        return false;
}

static int by_start(const void *a, const void *b)
{
        const struct span *x = a, *y = b;
        if (x->from != y->from)
                return x->from < y->from ? -1 : 1;
        return strcmp(x->name, y->name);
}

static void put_bar(struct table *t, const struct span *s, int64_t total, const struct term *term)
{
        AUTO_BUF struct buf bar = BUF_INIT(4096);
        size_t from = total ? (size_t)(s->from * BAR_WIDTH / total) : 0,
               to = total ? (size_t)(s->to * BAR_WIDTH / total) : 0;
        for (size_t i = 0; i < from; i++)
                buf_addc(&bar, ' ');
        for (size_t i = from; i < (to > from ? to : from + 1); i++)
                buf_adds(&bar, term->utf8 ? "█" : "#");
        table_cell(t, buf_str(&bar));
        table_style(t, term_phase_style(s->phase));
}

void simview_put_timeline(struct buf *b, const json_t *workflow, const struct term *term)
{
        int64_t start = json_time_at(workflow, "status", "startedAt"), end = 0;
        json_t *nodes = json_at(workflow, "status", "nodes"), *n;
        struct span *spans = mem_calloc(json_object_size(nodes) + 1, sizeof(*spans));
        size_t count = 0;
        const char *id;
        json_object_foreach (nodes, id, n) {
                int64_t from = json_time_at(n, "startedAt"), to = json_time_at(n, "finishedAt");
                if (!takes_time(n) || !from)
                        continue;
                struct span s = {(from - start) / NS_PER_S,
                                 (to ? to - start : from - start) / NS_PER_S,
                                 json_str(n, "displayName"), json_str(n, "phase")};
                spans[count++] = s;
                end = s.to > end ? s.to : end;
        }
        qsort(spans, count, sizeof(*spans), by_start);
        AUTO_TABLE struct table t;
        table_init(&t, 4);
        for (size_t i = 0; i < count; i++) {
                table_cellf(&t, "%llds", (long long)spans[i].from);
                table_cellf(&t, "%llds", (long long)spans[i].to);
                table_cell(&t, spans[i].name);
                put_bar(&t, &spans[i], end, term);
        }
        table_put(b, &t, term, 0);
        mem_free(spans);
}
