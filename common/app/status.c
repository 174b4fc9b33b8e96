/* common/app/status.c: metrics and health over HTTP, and the log's settings; see daemon.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/daemon.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/str.h"
#include "common/net/http_server.h"

static void on_metrics(struct http_req *r, void *arg UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        metrics_put(&b);
        http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b), b.len);
}

static void on_alive(struct http_req *r, void *arg UNUSED)
{
        http_reply_text(r, 200, "ok\n");
}

static void on_ready(struct http_req *r, void *arg)
{
        struct app_status *st = arg;
        if (st->ready(st->arg))
                http_reply_text(r, 200, "ok\n");
        else
                http_reply_text(r, 503, "not ready\n");
}

int app_serve_status(struct http_server *s, struct app_status *st, struct err *e)
{
        const struct {
                const char *path;
                http_handler_fn *fn;
        } routes[] = {{"/metrics", on_metrics},
                      {"/healthz", on_alive},
                      {"/health", on_ready},
                      {"/readyz", on_ready}};
        for (size_t i = 0; i < ARRAY_LEN(routes); i++)
                if (!http_route_add(s, "GET", routes[i].path, routes[i].fn, st, e))
                        return -1;
        return 0;
}

int app_configure_log(const char *level, const char *format, struct err *e)
{
        enum log_level l = LOG_INFO;
        if (!str_empty(level) && !log_level_parse(level, &l))
                return err_set(e, ERR_INVALID,
                               "--log-level: %s is not one of debug, info, warn, error", level);
        log_configure(l, streq(format, "json") ? LOG_JSON : LOG_LOGFMT);
        return 0;
}
