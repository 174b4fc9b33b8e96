/* common/base/log.c: see log.h. The settings are the one process-wide state of this folder: a log
 * has one output. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 8192, LOG_VALUE_MAX = 4096, REPEAT_SLOTS = 64, REPEAT_FREE = 20 };
#define REPEAT_WINDOW_NS (10 * NS_PER_S)

struct log {
        const struct log *parent;
        size_t n;
        struct log_field fields[4]; /* string values owned */
};

static struct log root;
static struct {
        enum log_level min_level;
        enum log_format format;
        int fd;
} settings = {LOG_INFO, LOG_LOGFMT, 2};

/* Repeats are recognised by (logger, message pointer): messages are literals. */
static struct repeat {
        const struct log *l;
        const char *msg;
        int64_t since_ns;
        uint64_t count;
} repeats[REPEAT_SLOTS];
static pthread_mutex_t repeats_lock = PTHREAD_MUTEX_INITIALIZER;

struct log *log_root(void)
{
        return &root;
}

struct log *log_new(const struct log *parent, const struct log_field *fields)
{
        struct log *l = NEW(struct log);
        l->parent = parent;
        for (; fields->key && l->n < ARRAY_LEN(l->fields); fields++) {
                l->fields[l->n] = *fields;
                if (fields->kind == LF_STR)
                        l->fields[l->n].s = mem_strdup(fields->s);
                l->n++;
        }
        return l;
}

struct log *log_free(struct log *l)
{
        if (!l || l == &root)
                return NULL;
        pthread_mutex_lock(&repeats_lock);
        for (size_t i = 0; i < REPEAT_SLOTS; i++)
                if (repeats[i].l == l)
                        repeats[i] = (struct repeat){0};
        pthread_mutex_unlock(&repeats_lock);
        for (size_t i = 0; i < l->n; i++)
                if (l->fields[i].kind == LF_STR)
                        free((void *)(uintptr_t)l->fields[i].s);
        free(l);
        return NULL;
}

void log_configure(enum log_level min_level, enum log_format format)
{
        settings.min_level = min_level;
        settings.format = format;
}

void log_set_fd(int fd)
{
        settings.fd = fd;
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool log_level_parse(const char *name, enum log_level *out)
{
        for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
                if (streq(name, level_names[i])) {
                        *out = (enum log_level)i;
                        return true;
                }
        return false;
}

static bool needs_quotes(const char *s)
{
        if (!*s)
                return true;
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' ||
                    (unsigned char)*s >= 0x7f)
                        return true;
        return false;
}

static void put_text(struct buf *b, enum log_format f, const char *s)
{
        if (!s)
                s = "";
        AUTO(mem_free) char *cut = NULL;
        if (strnlen(s, LOG_VALUE_MAX + 1) > LOG_VALUE_MAX)
                s = cut = mem_printf("%.*s...", LOG_VALUE_MAX, s);
        if (f == LOG_JSON || needs_quotes(s))
                json_put_string(b, s, strlen(s));
        else
                buf_adds(b, s);
}

static void put_field_always(struct buf *b, enum log_format f, const struct log_field *field)
{
        if (f == LOG_JSON) {
                buf_addc(b, ',');
                json_put_string(b, field->key, strlen(field->key));
                buf_addc(b, ':');
        } else {
                buf_addf(b, " %s=", field->key);
        }
        switch (field->kind) {
        case LF_STR: put_text(b, f, field->s); break;
        case LF_INT: buf_addf(b, "%lld", (long long)field->i); break;
        case LF_UINT: buf_addf(b, "%llu", (unsigned long long)field->u); break;
        case LF_DOUBLE: json_put_double(b, field->d); break;
        case LF_BOOL: buf_adds(b, field->b ? "true" : "false"); break;
        case LF_ERR:
                put_text(b, f, err_msg(field->e));
                if (field->e && field->e->file && settings.min_level == LOG_DEBUG) {
                        char at[256];
                        snprintf(at, sizeof(at), "%s:%d", field->e->file, field->e->line);
                        put_field_always(b, f, &F_STR("error_at", at));
                }
                break;
        }
}

/* A field that finds no room is left out whole, so that the line stays one that machines can read.
 */
static void put_field(struct buf *b, enum log_format f, const struct log_field *field)
{
        size_t before = b->len;
        put_field_always(b, f, field);
        if (!b->overflow)
                return;
        b->overflow = false;
        buf_truncate(b, before);
}

static void put_logger_fields(struct buf *b, enum log_format f, const struct log *l)
{
        if (!l)
                return;
        put_logger_fields(b, f, l->parent);
        for (size_t i = 0; i < l->n; i++)
                put_field(b, f, &l->fields[i]);
}

/* How many lines this one stands for: 0 = drop it, 1 = itself, more = a summary of the dropped. */
static uint64_t admit(const struct log *l, const char *msg, int64_t now_ns)
{
        uint64_t admitted = 1;
        size_t slot = ((uintptr_t)msg >> 3 ^ (uintptr_t)l >> 5) % REPEAT_SLOTS;
        pthread_mutex_lock(&repeats_lock);
        struct repeat *r = &repeats[slot];
        if (r->l != l || r->msg != msg || now_ns - r->since_ns > REPEAT_WINDOW_NS) {
                if (r->l == l && r->msg == msg && r->count > REPEAT_FREE)
                        admitted = r->count - REPEAT_FREE + 1;
                *r = (struct repeat){l, msg, now_ns, 1};
        } else if (++r->count > REPEAT_FREE) {
                admitted = 0;
        }
        pthread_mutex_unlock(&repeats_lock);
        return admitted;
}

void log_emit(const struct log *l, enum log_level level, const char *msg,
              const struct log_field *fields)
{
        if (level < settings.min_level)
                return;
        int64_t now = clock_wall(clock_system()).ns;
        uint64_t stands_for = admit(l, msg, now);
        if (stands_for == 0)
                return;
        enum log_format f = settings.format;
        char ts[40];
        time_rfc3339_nano(now / NS_PER_MS * NS_PER_MS, ts);
        AUTO_BUF struct buf b = BUF_INIT(LOG_LINE_MAX);
        if (f == LOG_JSON)
                buf_addf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", ts, level_names[level]);
        else
                buf_addf(&b, "ts=%s level=%s msg=", ts, level_names[level]);
        put_text(&b, f, msg);
        put_logger_fields(&b, f, l);
        for (; fields->key; fields++)
                put_field(&b, f, fields);
        if (stands_for > 1)
                put_field(&b, f, &F_UINT("repeated", stands_for));
        b.max += 2; /* the end of the line always fits */
        buf_adds(&b, f == LOG_JSON ? "}\n" : "\n");
        ssize_t ignored = write(settings.fd, b.data, b.len);
        (void)ignored;
}
