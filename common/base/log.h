/* common/base/log.h: structured log lines: a constant message, the changing parts as fields.
 *
 *      log_warn(t->log, "trigger failed", F_STR("trigger", t->name), F_INT("attempt", n),
 * F_ERR(&e));
 *
 * One encoder each for logfmt (people) and JSON (machines), to stderr. A logger carries fields that
 * every line of its instance shares. Levels: error = someone must act, warn = we coped, info =
 * lifecycle, debug = the rest. A line that repeats (same message, same logger) more than 20 times
 * in 10 s is counted and summarised instead. A value is cut at 4096 bytes, a field that finds no
 * room in a line of 8192 is left out; the line stays parseable. Never log secrets or whole configs:
 * struct secret has no field constructor. Threads: any. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
        const char *key; /* NULL ends the list */
        enum { LF_STR, LF_INT, LF_UINT, LF_DOUBLE, LF_BOOL, LF_ERR } kind;
        union {
                const char *s;
                int64_t i;
                uint64_t u;
                double d;
                bool b;
                const struct err *e;
        };
};
#define F_STR(k, v) ((struct log_field){.key = (k), .kind = LF_STR, .s = (v)})
#define F_INT(k, v) ((struct log_field){.key = (k), .kind = LF_INT, .i = (v)})
#define F_UINT(k, v) ((struct log_field){.key = (k), .kind = LF_UINT, .u = (v)})
#define F_DOUBLE(k, v) ((struct log_field){.key = (k), .kind = LF_DOUBLE, .d = (v)})
#define F_BOOL(k, v) ((struct log_field){.key = (k), .kind = LF_BOOL, .b = (v)})
#define F_ERR(e_) ((struct log_field){.key = "error", .kind = LF_ERR, .e = (e_)})

struct log; /* a logger: a parent and some fields */
struct log *log_root(void);
/* A child logger with up to four more fields; keys must be literals, values are copied. Freed by
 * log_free. */
struct log *log_new(const struct log *parent, const struct log_field *fields);
struct log *log_free(struct log *l);
#define log_with(parent, ...) log_new((parent), (const struct log_field[]){__VA_ARGS__, {0}})

void log_configure(enum log_level min_level, enum log_format format); /* before threads start */
void log_set_fd(int fd);                                              /* tests; default 2 */
bool log_level_parse(const char *name, enum log_level *out);

void log_emit(const struct log *l, enum log_level level, const char *msg,
              const struct log_field *fields);
#define log_at(l, level, msg, ...) \
        log_emit((l), (level), (msg), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_debug(l, msg, ...) log_at(l, LOG_DEBUG, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_info(l, msg, ...) log_at(l, LOG_INFO, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(l, msg, ...) log_at(l, LOG_WARN, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_error(l, msg, ...) log_at(l, LOG_ERROR, msg __VA_OPT__(, ) __VA_ARGS__)
