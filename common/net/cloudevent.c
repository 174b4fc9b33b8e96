/* common/net/cloudevent.c: see cloudevent.h. The text is checked once by the scanner; after that
 * members are cut out of it by position, and only attributes with escapes are copied twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/net/cloudevent.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include <stdlib.h>

/* ---- writing ---- */

/* `name` with its comma and colon: ,"id": */
#define PUT_ATTR(out, name, value)                                   \
        do {                                                         \
                buf_add((out), ",\"" name "\":", sizeof(name) + 3);  \
                json_put_string_html((out), (value), strlen(value)); \
        } while (0)

static void put_extension(struct buf *out, const struct ce_extension *x)
{
        buf_addc(out, ',');
        json_put_string_html(out, x->name, strlen(x->name));
        buf_addc(out, ':');
        json_put_string_html(out, x->value, strlen(x->value));
}

/* Insertion sort of indexes: a handful of extensions, mostly none. */
static void sort_extensions(const struct cloudevent *ce, size_t order[])
{
        for (size_t i = 0; i < ce->n_ext; i++) {
                size_t k = i;
                for (; k > 0 && strcmp(ce->ext[order[k - 1]].name, ce->ext[i].name) > 0; k--)
                        order[k] = order[k - 1];
                order[k] = i;
        }
}

void cloudevent_put(struct buf *out, const struct cloudevent *ce)
{
        char time[40];
        time_rfc3339_nano(ce->time.ns, time);
        buf_add(out, "{\"specversion\":\"1.0\"", 20);
        PUT_ATTR(out, "id", ce->id);
        PUT_ATTR(out, "source", ce->source);
        PUT_ATTR(out, "type", ce->type);
        if (ce->subject)
                PUT_ATTR(out, "subject", ce->subject);
        PUT_ATTR(out, "datacontenttype",
                 ce->datacontenttype ? ce->datacontenttype : "application/json");
        PUT_ATTR(out, "time", time);
        if (ce->data.p) {
                buf_add(out, ",\"data\":", 8);
                buf_add(out, ce->data.p, ce->data.n);
        }
        size_t order[ARRAY_LEN(ce->ext)];
        sort_extensions(ce, order);
        for (size_t i = 0; i < ce->n_ext; i++)
                put_extension(out, &ce->ext[order[i]]);
        buf_addc(out, '}');
}

/* ---- reading ---- */

/* A scalar as text in `scratch`; NULL and *e for containers and for what C strings cannot hold. */
static const char *scalar_text(struct str raw, const char *name, struct arena *scratch,
                               struct err *e)
{
        if (raw.p[0] == '{' || raw.p[0] == '[') {
                err_set(e, ERR_INVALID, "CloudEvent: attribute %s must be a string", name);
                return NULL;
        }
        if (raw.p[0] != '"')
                return arena_strndup(scratch, raw.p, raw.n);
        if (!memchr(raw.p, '\\', raw.n))
                return arena_strndup(scratch, raw.p + 1, raw.n - 2);
        AUTO_BUF struct buf b = BUF_INIT(raw.n);
        if (!json_unquote(&b, raw) || memchr(buf_str(&b), 0, b.len)) {
                err_set(e, ERR_INVALID, "CloudEvent: attribute %s holds a NUL", name);
                return NULL;
        }
        return arena_strndup(scratch, buf_str(&b), b.len);
}

static int take_base64(struct cloudevent *ce, struct str raw, struct arena *scratch, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(raw.n), data = BUF_INIT(raw.n);
        if (!json_unquote(&text, raw) || !base64_get(&data, buf_str(&text), text.len))
                return err_set(e, ERR_INVALID, "CloudEvent: data_base64 is not base64");
        ce->data = (struct str){arena_strndup(scratch, buf_str(&data), data.len), data.len};
        return 0;
}

static int take_time(struct cloudevent *ce, const char *text, struct err *e)
{
        if (!time_parse_rfc3339(text, &ce->time.ns))
                return err_set(e, ERR_INVALID, "CloudEvent: time \"%s\" is not RFC 3339", text);
        return 0;
}

static const char **known_attribute(struct cloudevent *ce, const char *name)
{
        if (streq(name, "id"))
                return &ce->id;
        if (streq(name, "source"))
                return &ce->source;
        if (streq(name, "type"))
                return &ce->type;
        if (streq(name, "subject"))
                return &ce->subject;
        return streq(name, "datacontenttype") ? &ce->datacontenttype : NULL;
}

static int take_member(struct cloudevent *ce, const char *name, struct str raw, bool *version,
                       struct arena *scratch, struct err *e)
{
        if (streq(name, "data")) {
                ce->data = raw;
                return 0;
        }
        if (streq(name, "data_base64"))
                return take_base64(ce, raw, scratch, e);
        if (raw.n == 4 && memcmp(raw.p, "null", 4) == 0)
                return 0; /* the same as absent */
        const char *text = scalar_text(raw, name, scratch, e);
        if (!text)
                return -1;
        if (streq(name, "specversion")) {
                *version = true;
                return streq(text, "1.0") ? 0
                                          : err_set(e, ERR_INVALID,
                                                    "CloudEvent: specversion %s is not 1.0", text);
        }
        if (streq(name, "time"))
                return take_time(ce, text, e);
        const char **known = known_attribute(ce, name);
        if (known) {
                *known = text;
                return 0;
        }
        if (ce->n_ext == ARRAY_LEN(ce->ext))
                return err_set(e, ERR_LIMIT, "CloudEvent: more than %zu extension attributes",
                               ARRAY_LEN(ce->ext));
        ce->ext[ce->n_ext].name = name;
        ce->ext[ce->n_ext++].value = text;
        return 0;
}

static int check_required(const struct cloudevent *ce, bool version, struct err *e)
{
        const char *missing = !version                ? "specversion"
                              : str_empty(ce->id)     ? "id"
                              : str_empty(ce->source) ? "source"
                              : str_empty(ce->type)   ? "type"
                                                      : NULL;
        return missing ? err_set(e, ERR_INVALID, "CloudEvent: attribute %s is missing", missing)
                       : 0;
}

int cloudevent_parse(struct cloudevent *ce, const char *text, size_t n, struct arena *scratch,
                     struct err *e)
{
        if (json_scan(text, n, e) < 0)
                return err_wrap(e, "CloudEvent");
        size_t i = json_skip_space(text, n, 0);
        if (text[i] != '{')
                return err_set(e, ERR_INVALID, "CloudEvent: expected a map");
        struct cloudevent got = {0};
        bool version = false;
        for (i = json_skip_space(text, n, i + 1); text[i] == '"';) {
                size_t end = json_skip(text, n, i);
                const char *name = scalar_text((struct str){text + i, end - i}, "name", scratch, e);
                if (!name)
                        return -1;
                i = json_skip_space(text, n,
                                    json_skip_space(text, n, end) + 1); /* behind the colon */
                end = json_skip(text, n, i);
                if (take_member(&got, name, (struct str){text + i, end - i}, &version, scratch, e) <
                    0)
                        return -1;
                i = json_skip_space(text, n, end);
                if (text[i] == ',')
                        i = json_skip_space(text, n, i + 1);
        }
        if (check_required(&got, version, e) < 0)
                return -1;
        *ce = got;
        return 0;
}
