/* common/base/user_metrics.c: see user_metrics.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/user_metrics.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/str.h"
#include "common/base/table.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

struct series {
        char *key; /* the labels as exposed: a="b",c="d" */
        double value, sum;
        uint64_t count, *in_bucket;
        struct wall since; /* counting */
        char *owner;       /* NULL: no real-time series */
        bool counting;
        struct mono touched;
        UT_hash_handle hh;
};
struct family {
        char *name, *help, *label_keys;
        enum user_metric_kind kind;
        double *buckets;
        size_t n_buckets;
        struct series *series;
        UT_hash_handle hh;
};
struct user_metrics {
        char *prefix;
        struct clock *clock;
        int64_t ttl_ns;
        struct family *metrics;
        struct metrics_part part;
};

/* ---- definitions ---- */

static bool name_ok(const char *name, bool colon)
{
        if (str_empty(name) || isdigit((unsigned char)*name))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && *name != '_' && !(colon && *name == ':'))
                        return false;
        return true;
}

static int check(const struct user_metrics *u, const struct user_metric *m, struct err *e)
{
        AUTO(mem_free) char *full = mem_printf("%s%s", u->prefix, m->name ? m->name : "");
        if (!name_ok(m->name, true))
                return err_set(e, ERR_INVALID, "metric name '%s' is invalid",
                               m->name ? m->name : "");
        if (metrics_has(full))
                return err_set(e, ERR_CONFLICT, "the name is that of a built-in metric");
        if (m->n_labels > USER_LABELS_MAX)
                return err_set(e, ERR_LIMIT, "more than %d labels", USER_LABELS_MAX);
        for (size_t i = 0; i < m->n_labels; i++)
                if (!name_ok(m->labels[i].key, false))
                        return err_set(e, ERR_INVALID, "metric label '%s' is invalid",
                                       m->labels[i].key ? m->labels[i].key : "");
        for (size_t i = 0; i < m->n_buckets; i++)
                if (!isfinite(m->buckets[i]) || (i && m->buckets[i] <= m->buckets[i - 1]))
                        return err_set(e, ERR_INVALID, "buckets must be ascending numbers");
        return 0;
}

static char *label_keys(const struct user_metric *m)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < m->n_labels; i++)
                buf_addf(&b, "%s,", m->labels[i].key);
        return mem_strdup(buf_str(&b));
}

static char *labels_text(const struct user_metric *m)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < m->n_labels; i++) {
                buf_addf(&b, "%s%s=\"", i ? "," : "", m->labels[i].key);
                metrics_put_escaped(&b, m->labels[i].value ? m->labels[i].value : "", true);
                buf_addc(&b, '"');
        }
        return mem_strdup(buf_str(&b));
}

static struct family *define(struct user_metrics *u, const struct user_metric *m, char *keys_taken)
{
        struct family *x = NEW(struct family);
        x->name = mem_strdup(m->name);
        x->help = mem_strdup(m->help ? m->help : "");
        x->label_keys = keys_taken;
        x->kind = m->kind;
        x->n_buckets = m->n_buckets;
        x->buckets = mem_calloc(m->n_buckets + 1, sizeof(*x->buckets));
        if (m->n_buckets)
                memcpy(x->buckets, m->buckets, m->n_buckets * sizeof(*x->buckets));
        HASH_ADD_KEYPTR(hh, u->metrics, x->name, strlen(x->name), x);
        return x;
}

static int find_metric(struct user_metrics *u, const struct user_metric *m, struct family **out,
                       struct err *e)
{
        struct family *x;
        if (check(u, m, e) < 0)
                return -1;
        AUTO(mem_free) char *keys = label_keys(m);
        HASH_FIND_STR(u->metrics, m->name, x);
        if (!x && HASH_COUNT(u->metrics) >= USER_METRICS_MAX)
                return err_set(e, ERR_LIMIT, "more than %d metrics are defined", USER_METRICS_MAX);
        if (!x)
                x = define(u, m, TAKE(keys));
        else if (x->kind != m->kind || !streq(x->label_keys, keys) ||
                 !streq(x->help, m->help ? m->help : "") || x->n_buckets != m->n_buckets)
                return err_set(e, ERR_CONFLICT,
                               "it is defined already with another type, help, labels or buckets");
        *out = x;
        return 0;
}

static int find_series(struct user_metrics *u, const struct user_metric *m, struct family **metric,
                       struct series **out, struct err *e)
{
        struct series *s;
        if (find_metric(u, m, metric, e) < 0)
                return -1;
        AUTO(mem_free) char *key = labels_text(m);
        HASH_FIND_STR((*metric)->series, key, s);
        if (!s && HASH_COUNT((*metric)->series) >= USER_SERIES_MAX)
                return err_set(e, ERR_LIMIT, "more than %d combinations of label values",
                               USER_SERIES_MAX);
        if (!s) {
                s = NEW(struct series);
                s->key = TAKE(key);
                s->in_bucket = mem_calloc(m->n_buckets + 1, sizeof(*s->in_bucket));
                HASH_ADD_KEYPTR(hh, (*metric)->series, s->key, strlen(s->key), s);
        }
        s->touched = clock_mono(u->clock);
        *out = s;
        return 0;
}

/* ---- values ---- */

static void series_free(struct family *x, struct series *s)
{
        HASH_DEL(x->series, s);
        free(s->key);
        free(s->owner);
        free(s->in_bucket);
        free(s);
}

int user_metric_add(struct user_metrics *u, const struct user_metric *m, double v, struct err *e)
{
        struct family *x;
        struct series *s;
        if (find_series(u, m, &x, &s, e) < 0)
                return -1;
        s->value += v;
        return 0;
}

int user_metric_set(struct user_metrics *u, const struct user_metric *m, double v, struct err *e)
{
        struct family *x;
        struct series *s;
        if (find_series(u, m, &x, &s, e) < 0)
                return -1;
        s->value = v;
        s->counting = false;
        return 0;
}

int user_metric_observe(struct user_metrics *u, const struct user_metric *m, double v,
                        struct err *e)
{
        struct family *x;
        struct series *s;
        if (find_series(u, m, &x, &s, e) < 0)
                return -1;
        for (size_t i = 0; i < x->n_buckets; i++)
                s->in_bucket[i] += v <= x->buckets[i];
        s->sum += v;
        s->count++;
        return 0;
}

int user_metric_count_since(struct user_metrics *u, const struct user_metric *m, struct wall since,
                            const char *owner, struct err *e)
{
        struct family *x;
        struct series *s;
        if (find_series(u, m, &x, &s, e) < 0)
                return -1;
        s->since = since;
        s->counting = true;
        free(s->owner);
        s->owner = mem_strdup(owner);
        return 0;
}

static void drop_empty(struct user_metrics *u, struct family *x)
{
        if (x->series)
                return;
        HASH_DEL(u->metrics, x);
        free(x->name);
        free(x->help);
        free(x->label_keys);
        free(x->buckets);
        free(x);
}

/* Those that `owner` counted; with owner NULL those that are too old. */
static void drop(struct user_metrics *u, const char *owner)
{
        int64_t now = clock_mono(u->clock).ns;
        struct family *x, *next_x;
        struct series *s, *next;
        HASH_ITER (hh, u->metrics, x, next_x) {
                HASH_ITER (hh, x->series, s, next)
                        if (owner ? streq(s->owner, owner)
                                  : !s->counting && now - s->touched.ns > u->ttl_ns)
                                series_free(x, s);
                drop_empty(u, x);
        }
}

void user_metrics_forget(struct user_metrics *u, const char *owner)
{
        drop(u, owner);
}

/* ---- text ---- */

static void put_line(struct buf *b, const char *full, const char *suffix, const char *labels,
                     const char *more, double v)
{
        buf_addf(b, "%s%s", full, suffix);
        if (*labels || *more)
                buf_addf(b, "{%s%s%s}", labels, *labels && *more ? "," : "", more);
        buf_addc(b, ' ');
        json_put_double(b, v);
        buf_addc(b, '\n');
}

static void put_histogram(struct buf *b, const struct family *x, const struct series *s,
                          const char *full)
{
        for (size_t i = 0; i <= x->n_buckets; i++) {
                AUTO_BUF struct buf le = BUF_INIT(BUF_UNBOUNDED);
                buf_adds(&le, "le=\"");
                if (i < x->n_buckets)
                        json_put_double(&le, x->buckets[i]);
                else
                        buf_adds(&le, "+Inf");
                buf_addc(&le, '"');
                put_line(b, full, "_bucket", s->key, buf_str(&le),
                         (double)(i < x->n_buckets ? s->in_bucket[i] : s->count));
        }
        put_line(b, full, "_sum", s->key, "", s->sum);
        put_line(b, full, "_count", s->key, "", (double)s->count);
}

static int by_name(struct family *a, struct family *b)
{
        return strcmp(a->name, b->name);
}

static int by_key(struct series *a, struct series *b)
{
        return strcmp(a->key, b->key);
}

static void put_metric(struct buf *b, const struct user_metrics *u, struct family *x)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};
        AUTO(mem_free) char *full = mem_printf("%s%s", u->prefix, x->name);
        struct series *s, *next;
        HASH_SORT(x->series, by_key);
        buf_addf(b, "# HELP %s ", full);
        metrics_put_escaped(b, x->help, false);
        buf_addf(b, "\n# TYPE %s %s\n", full, kinds[x->kind]);
        HASH_ITER (hh, x->series, s, next) {
                double v = s->counting ? (double)(clock_wall(u->clock).ns - s->since.ns) /
                                                 (double)NS_PER_S
                                       : s->value;
                if (x->kind == USER_HISTOGRAM)
                        put_histogram(b, x, s, full);
                else
                        put_line(b, full, "", s->key, "", v);
        }
}

static void put_all(void *arg, struct buf *b)
{
        struct user_metrics *u = arg;
        struct family *x, *next;
        if (u->ttl_ns)
                drop(u, NULL);
        HASH_SORT(u->metrics, by_name);
        HASH_ITER (hh, u->metrics, x, next)
                put_metric(b, u, x);
}

/* ---- life ---- */

struct user_metrics *user_metrics_new(const char *prefix, struct clock *clock, int64_t ttl_ns)
{
        struct user_metrics *u = NEW(struct user_metrics);
        u->prefix = mem_strdup(prefix);
        u->clock = clock;
        u->ttl_ns = ttl_ns;
        u->part = (struct metrics_part){.put = put_all, .arg = u};
        metrics_part_add(&u->part);
        return u;
}

struct user_metrics *user_metrics_free(struct user_metrics *u)
{
        struct family *x, *next_x;
        struct series *s, *next;
        if (!u)
                return NULL;
        metrics_part_remove(&u->part);
        HASH_ITER (hh, u->metrics, x, next_x) {
                HASH_ITER (hh, x->series, s, next)
                        series_free(x, s);
                drop_empty(u, x);
        }
        free(u->prefix);
        free(u);
        return NULL;
}
