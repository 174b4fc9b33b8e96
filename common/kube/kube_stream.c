/* common/kube/kube_stream.c: see kube_stream.h. Bytes gather in one buffer; whole lines are taken
 * from its front and the rest is moved up once per turn, when the last whole line is out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/kube_stream.h"
#include "common/base/json.h"
#include "common/base/str.h"
#include <string.h>

void kube_stream_init(struct kube_stream *s, size_t line_max)
{
        *s = (struct kube_stream){.line_max = line_max};
        buf_init(&s->in, line_max + KUBE_STREAM_SLACK);
}

void kube_stream_deinit(struct kube_stream *s)
{
        buf_deinit(&s->in);
}

bool kube_stream_add(struct kube_stream *s, const void *data, size_t n)
{
        buf_add(&s->in, data, n);
        return !s->in.overflow;
}

void kube_event_deinit(struct kube_event *ev)
{
        json_decref(ev->object);
        ev->object = NULL;
}

static int decode(struct kube_event *out, struct str line, struct err *e)
{
        static const char *const types[] = {[KUBE_ADDED] = "ADDED",
                                            [KUBE_MODIFIED] = "MODIFIED",
                                            [KUBE_DELETED] = "DELETED",
                                            [KUBE_BOOKMARK] = "BOOKMARK",
                                            [KUBE_ERROR] = "ERROR"};
        AUTO_JSON json_t *event = NULL;
        if (json_parse(&event, line.p, line.n, e) < 0) {
                e->code = ERR_PROTOCOL;
                return err_wrap(e, "watch event");
        }
        const char *type = json_str(event, "type");
        json_t *object = json_object_get(event, "object");
        if (!type || !json_is_object(object))
                return err_set(e, ERR_PROTOCOL, "watch event: no type, or no object");
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (!streq(type, types[i]))
                        continue;
                *out = (struct kube_event){(enum kube_event_type)i, json_incref(object)};
                return 0;
        }
        return err_set(e, ERR_PROTOCOL, "watch event: unknown type \"%.40s\"", type);
}

/* The line at the front without its end; false when there is no whole one. */
static bool next_line(struct kube_stream *s, struct str *line)
{
        const char *start = s->in.data + s->taken, *end = NULL;
        if (s->seen < s->in.len)
                end = memchr(s->in.data + s->seen, '\n', s->in.len - s->seen);
        if (!end) {
                if (s->taken)
                        buf_consume(&s->in, s->taken);
                s->taken = 0;
                s->seen = s->in.len;
                return false;
        }
        *line = (struct str){start, (size_t)(end - start)};
        s->taken = s->seen = (size_t)(end - s->in.data) + 1;
        return true;
}

int kube_stream_next(struct kube_stream *s, struct kube_event *out, struct err *e)
{
        struct str line;
        while (next_line(s, &line)) {
                if (line.n > s->line_max)
                        return err_set(e, ERR_LIMIT,
                                       "watch event of %zu bytes; at most %zu are taken", line.n,
                                       s->line_max);
                if (str_trim(line).n) /* blank lines keep connections alive */
                        return decode(out, line, e) < 0 ? -1 : 1;
        }
        if (s->in.len > s->line_max)
                return err_set(e, ERR_LIMIT, "watch event of more than %zu bytes", s->line_max);
        return 0;
}
