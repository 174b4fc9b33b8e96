/* common/base/metrics.c: see metrics.h. One process has one exposition, so the registry is
 * process-wide like the log. Finding a series takes a lock, bumping it does not: a series never
 * moves and is never freed. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/metrics.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_MAX = 3, SERIES_MAX = 5000 /* per metric; label values may come from users */ };

struct metric_series {
        struct metric_series *next; /* of the same metric */
        char *values[LABELS_MAX];
        _Atomic int64_t count; /* the value of counters and gauges; the number of observations of
                                  summaries */
        _Atomic uint64_t sum_bits; /* a double */
};

static const struct {
        const char *name;
        enum metric_kind kind;
        const char *labels, *help;
} metrics[] = {
#define METRIC(id, name, kind, labels, help) {name, kind, labels, help},
#include "common/base/metrics.def"
#undef METRIC
};

static struct {
        pthread_mutex_t lock;
        struct {
                struct metric_series *first;
                size_t n;
        } of[METRIC_COUNT];
        char *const_name, *const_value;
        struct metrics_part *parts;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t label_count(enum metric m)
{
        size_t n = *metrics[m].labels ? 1 : 0;
        for (const char *p = metrics[m].labels; *p; p++)
                n += *p == ',';
        return n;
}

static struct metric_series *find(enum metric m, const char *const values[LABELS_MAX])
{
        for (struct metric_series *s = registry.of[m].first; s; s = s->next)
                if (streq(s->values[0], values[0]) && streq(s->values[1], values[1]) &&
                    streq(s->values[2], values[2]))
                        return s;
        return NULL;
}

static struct metric_series *add(enum metric m, const char *const values[LABELS_MAX])
{
        struct metric_series *s = NEW(struct metric_series);
        for (size_t i = 0; i < LABELS_MAX; i++)
                s->values[i] = mem_strdup(values[i]);
        s->next = registry.of[m].first;
        registry.of[m].first = s;
        registry.of[m].n++;
        return s;
}

struct metric_series *metric_series(enum metric m, const char *v1, const char *v2, const char *v3)
{
        static const char *const other[LABELS_MAX] = {"_other", "_other", "_other"};
        const char *const values[LABELS_MAX] = {v1 ? v1 : "", v2 ? v2 : "", v3 ? v3 : ""};
        pthread_mutex_lock(&registry.lock);
        struct metric_series *s = find(m, values);
        if (!s && registry.of[m].n >= SERIES_MAX)
                s = find(m, other);
        if (!s)
                s = add(m, registry.of[m].n >= SERIES_MAX ? other : values);
        pthread_mutex_unlock(&registry.lock);
        return s;
}

void metric_add(struct metric_series *s, int64_t n)
{
        atomic_fetch_add_explicit(&s->count, n, memory_order_relaxed);
}

void metric_set(struct metric_series *s, int64_t v)
{
        atomic_store_explicit(&s->count, v, memory_order_relaxed);
}

static double from_bits(uint64_t bits)
{
        double d;
        memcpy(&d, &bits, sizeof(d));
        return d;
}

static uint64_t to_bits(double d)
{
        uint64_t bits;
        memcpy(&bits, &d, sizeof(bits));
        return bits;
}

void metric_observe(struct metric_series *s, double v)
{
        uint64_t old = atomic_load_explicit(&s->sum_bits, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&s->sum_bits, &old,
                                                      to_bits(from_bits(old) + v),
                                                      memory_order_relaxed, memory_order_relaxed))
                ;
        atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
}

int64_t metric_value(const struct metric_series *s)
{
        return atomic_load_explicit(&s->count, memory_order_relaxed);
}

void metrics_set_const_label(const char *name, const char *value)
{
        pthread_mutex_lock(&registry.lock);
        free(registry.const_name);
        free(registry.const_value);
        registry.const_name = mem_strdup(name);
        registry.const_value = mem_strdup(value);
        pthread_mutex_unlock(&registry.lock);
}

/* ---- text ---- */

void metrics_put_escaped(struct buf *b, const char *s, bool quotes)
{
        for (; *s; s++) {
                if (*s == '\\')
                        buf_adds(b, "\\\\");
                else if (*s == '\n')
                        buf_adds(b, "\\n");
                else if (*s == '"' && quotes)
                        buf_adds(b, "\\\"");
                else
                        buf_addc(b, *s);
        }
}

static void put_label(struct buf *b, struct str name, const char *value, bool *first)
{
        buf_addc(b, *first ? '{' : ',');
        *first = false;
        buf_add(b, name.p, name.n);
        buf_adds(b, "=\"");
        metrics_put_escaped(b, value, true);
        buf_addc(b, '"');
}

static void put_labels(struct buf *b, enum metric m, const struct metric_series *s)
{
        bool first = true;
        if (registry.const_name)
                put_label(b, str_of(registry.const_name), registry.const_value, &first);
        const char *p = metrics[m].labels;
        for (size_t i = 0, n = label_count(m); i < n; i++) {
                size_t len = strcspn(p, ",");
                put_label(b, (struct str){p, len}, s->values[i], &first);
                p += len + (p[len] == ',');
        }
        if (!first)
                buf_addc(b, '}');
}

static void put_series(struct buf *b, enum metric m, const struct metric_series *s)
{
        if (metrics[m].kind == METRIC_SUMMARY) {
                buf_addf(b, "%s_sum", metrics[m].name);
                put_labels(b, m, s);
                buf_addc(b, ' ');
                json_put_double(
                        b, from_bits(atomic_load_explicit(&s->sum_bits, memory_order_relaxed)));
                buf_addf(b, "\n%s_count", metrics[m].name);
        } else {
                buf_adds(b, metrics[m].name);
        }
        put_labels(b, m, s);
        buf_addf(b, " %lld\n", (long long)metric_value(s));
}

static int by_labels(const void *a, const void *b)
{
        const struct metric_series *x = *(struct metric_series *const *)a;
        const struct metric_series *y = *(struct metric_series *const *)b;
        for (size_t i = 0; i < LABELS_MAX; i++) {
                int r = strcmp(x->values[i], y->values[i]);
                if (r)
                        return r;
        }
        return 0;
}

static const char *kind_name(enum metric_kind kind)
{
        static const char *const names[] = {[METRIC_COUNTER] = "counter",
                                            [METRIC_GAUGE] = "gauge",
                                            [METRIC_SUMMARY] = "summary"};
        return names[kind];
}

static void put_metric(struct buf *b, enum metric m)
{
        static const struct metric_series nothing = {0};
        if (!registry.of[m].n && label_count(m))
                return;
        buf_addf(b, "# HELP %s ", metrics[m].name);
        metrics_put_escaped(b, metrics[m].help, false);
        buf_addf(b, "\n# TYPE %s %s\n", metrics[m].name, kind_name(metrics[m].kind));
        if (!registry.of[m].n) { /* without labels: the one series it will have */
                put_series(b, m, &nothing);
                return;
        }
        size_t n = 0;
        struct metric_series **sorted = mem_calloc(registry.of[m].n, sizeof(*sorted));
        for (struct metric_series *s = registry.of[m].first; s; s = s->next)
                sorted[n++] = s;
        qsort(sorted, n, sizeof(*sorted), by_labels);
        for (size_t i = 0; i < n; i++)
                put_series(b, m, sorted[i]);
        free(sorted);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(metrics[*(const enum metric *)a].name, metrics[*(const enum metric *)b].name);
}

static void sort_by_name(enum metric order[METRIC_COUNT])
{
        for (int i = 0; i < METRIC_COUNT; i++)
                order[i] = (enum metric)i;
        qsort(order, METRIC_COUNT, sizeof(*order), by_name);
}

void metrics_put(struct buf *b)
{
        enum metric order[METRIC_COUNT];
        sort_by_name(order);
        pthread_mutex_lock(&registry.lock);
        for (size_t i = 0; i < METRIC_COUNT; i++)
                put_metric(b, order[i]);
        pthread_mutex_unlock(&registry.lock);
        for (struct metrics_part *p = registry.parts; p; p = p->next)
                p->put(p->arg, b);
}

void metrics_part_add(struct metrics_part *p)
{
        p->next = registry.parts;
        registry.parts = p;
}

void metrics_part_remove(struct metrics_part *p)
{
        for (struct metrics_part **x = &registry.parts; *x; x = &(*x)->next) {
                if (*x != p)
                        continue;
                *x = p->next;
                return;
        }
}

bool metrics_has(const char *name)
{
        for (int i = 0; i < METRIC_COUNT; i++)
                if (streq(metrics[i].name, name))
                        return true;
        return false;
}

void metrics_put_doc(struct buf *b)
{
        enum metric order[METRIC_COUNT];
        sort_by_name(order);
        buf_adds(b, "| metric | kind | labels | meaning |\n|---|---|---|---|\n");
        for (size_t i = 0; i < METRIC_COUNT; i++) {
                enum metric m = order[i];
                buf_addf(b, "| `%s` | %s | %s | %s |\n", metrics[m].name,
                         kind_name(metrics[m].kind), metrics[m].labels, metrics[m].help);
        }
}
