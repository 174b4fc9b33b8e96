/* eventsource/webhook_payload.c: see webhook_payload.h. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/webhook_payload.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/net/cloudevent.h"
#include "common/net/url.h"
#include <stdlib.h>
#include <strings.h>

/* ---- headers ---- */

enum { MAX_HEADERS = 100, FORM_FIELDS_MAX = 10000, ID_MAX = 200 };

struct header_line {
        struct str name; /* canonical, in the arena */
        const char *value;
};
struct header_list {
        struct header_line items[MAX_HEADERS + 1];
        size_t n;
        struct webhook_facts *facts;
        bool pragma_no_cache, cache_control;
};

/* "x-foo-bar" -> "X-Foo-Bar", as Go's textproto. */
static struct str canonical(struct arena *a, const char *name)
{
        size_t n = strlen(name);
        char *to = arena_alloc(a, n + 1);
        bool upper = true;
        for (size_t i = 0; i < n; i++) {
                char c = name[i];
                if (upper && c >= 'a' && c <= 'z')
                        c = (char)(c - 'a' + 'A');
                else if (!upper && c >= 'A' && c <= 'Z')
                        c = (char)(c - 'A' + 'a');
                to[i] = c;
                upper = c == '-';
        }
        to[n] = '\0';
        return (struct str){to, n};
}

static void add_ext(struct webhook_facts *f, const char *name, const char *value)
{
        if (f->n_ext + 1 < ARRAY_LEN(f->ext))
                f->ext[f->n_ext++] = (struct source_ext){name, value};
}

/* Attribute names that get "ce" in front, because the envelope has its own of that name. */
static bool is_core_attribute(const char *name)
{
        static const char *const core[] = {"id",   "source",          "type",       "subject",
                                           "time", "datacontenttype", "dataschema", "specversion"};
        for (size_t i = 0; i < ARRAY_LEN(core); i++)
                if (streq(core[i], name))
                        return true;
        return false;
}

static void take_attribute(struct webhook_facts *f, const char *name, const char *value)
{
        bool ours = str_starts(name, "ce") &&
                    is_core_attribute(name + 2); /* would pass for an attribute */
        if (ours || streq(name, "specversion"))
                return;
        for (const char *c = name; *c; c++)
                if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
                        return; /* not an attribute name */
        if (is_core_attribute(name))
                name = arena_printf(f->scratch, "ce%s", name);
        add_ext(f, name, value);
}

/* Ce-Id, Ce-Source ...: values are percent-encoded (HTTP binding of CloudEvents). */
static void take_ce_header(struct webhook_facts *f, struct str name, const char *value)
{
        char *lower = arena_strndup(f->scratch, name.p + 3, name.n - 3);
        for (char *c = lower; *c; c++)
                *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        char *plain = arena_strndup(f->scratch, value, strlen(value));
        if (url_decode_in_place(plain, false))
                take_attribute(f, lower, plain);
}

/* Headers by which senders name a delivery, so that a redelivery is recognised
 * (docs/compatibility.md). */
static const char *const id_headers[] = {"Webhook-Id", "Idempotency-Key", "X-Github-Delivery"};

static void learn(struct header_list *l, struct str name, const char *value)
{
        struct webhook_facts *f = l->facts;
        switch (name.p[0]) {
        case 'C':
                if (name.n > 3 && memcmp(name.p, "Ce-", 3) == 0)
                        take_ce_header(f, name, value);
                else if (streq(name.p, "Content-Type") && !f->content_type)
                        f->content_type = value;
                else if (streq(name.p, "Cache-Control"))
                        l->cache_control = true;
                return;
        case 'P':
                if (streq(name.p, "Pragma") && streq(value, "no-cache"))
                        l->pragma_no_cache = true;
                return;
        case 'I':
        case 'W':
        case 'X':
                for (size_t i = 0; i < ARRAY_LEN(id_headers); i++)
                        if (streq(name.p, id_headers[i]) && *value && !f->id)
                                f->id = value;
                return;
        default: return;
        }
}

static bool left_out(struct str name)
{
        return streq(name.p, "Host") || streq(name.p, "Transfer-Encoding") ||
               streq(name.p, "Trailer");
}

static void insert_sorted(struct header_list *l, struct str name, const char *value)
{
        size_t i = l->n++;
        for (; i > 0 && strcmp(l->items[i - 1].name.p, name.p) > 0; i--)
                l->items[i] = l->items[i - 1];
        l->items[i] = (struct header_line){name, value};
}

static bool collect(void *arg, const char *name, const char *value)
{
        struct header_list *l = arg;
        if (l->n == MAX_HEADERS)
                return false;
        struct str canon = canonical(l->facts->scratch, name);
        learn(l, canon, value);
        if (left_out(canon))
                return true;
        if (streq(canon.p, "Authorization"))
                value = "*** Masked Auth Secret ***";
        insert_sorted(l, canon, value);
        return true;
}

void webhook_put_headers(struct buf *out, struct http_req *r, struct webhook_facts *f)
{
        struct header_list l;
        l.n = 0;
        l.facts = f;
        l.pragma_no_cache = l.cache_control = false;
        http_req_headers(r, collect, &l);
        if (l.pragma_no_cache && !l.cache_control) /* Go adds it while it reads the request */
                insert_sorted(&l, STR("Cache-Control"), "no-cache");
        buf_addc(out, '{');
        for (size_t i = 0; i < l.n; i++) {
                bool again = i > 0 && streq(l.items[i - 1].name.p, l.items[i].name.p);
                if (again) {
                        out->len--; /* the closing bracket */
                        buf_addc(out, ',');
                } else {
                        if (i)
                                buf_addc(out, ',');
                        json_put_string_html(out, l.items[i].name.p, l.items[i].name.n);
                        buf_add(out, ":[", 2);
                }
                json_put_string_html(out, l.items[i].value, strlen(l.items[i].value));
                buf_addc(out, ']');
        }
        buf_addc(out, '}');
        f->structured = f->content_type &&
                        strncasecmp(f->content_type, "application/cloudevents+json", 28) == 0;
}

/* ---- forms ---- */

struct form_pair {
        size_t key, key_len, value, value_len; /* in the decoded text */
        size_t order;
        const struct buf *text;
};

static int compare_pairs(const void *a, const void *b)
{
        const struct form_pair *x = a, *y = b;
        size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
        int c = memcmp(buf_str(x->text) + x->key, buf_str(y->text) + y->key, n);
        if (c == 0 && x->key_len != y->key_len)
                c = x->key_len < y->key_len ? -1 : 1;
        return c ? c : x->order < y->order ? -1 : 1;
}

/* Decoded key and value, one behind the other in `text`. */
static bool decode_pair(struct form_pair *p, struct buf *text, struct str key, struct str value)
{
        p->key = text->len;
        if (!url_decode(text, key, true))
                return false;
        p->key_len = text->len - p->key;
        p->value = text->len;
        if (!url_decode(text, value, true))
                return false;
        p->value_len = text->len - p->value;
        p->text = text;
        return true;
}

static void put_pairs(struct buf *out, const struct form_pair *pairs, size_t n)
{
        buf_addc(out, '{');
        for (size_t i = 0; i < n; i++) {
                const struct form_pair *p = &pairs[i];
                const char *text = buf_str(p->text);
                bool again = i > 0 && pairs[i - 1].key_len == p->key_len &&
                             memcmp(text + pairs[i - 1].key, text + p->key, p->key_len) == 0;
                if (again) {
                        out->len--;
                        buf_addc(out, ',');
                } else {
                        if (i)
                                buf_addc(out, ',');
                        json_put_string_html(out, text + p->key, p->key_len);
                        buf_add(out, ":[", 2);
                }
                json_put_string_html(out, text + p->value, p->value_len);
                buf_addc(out, ']');
        }
        buf_addc(out, '}');
}

int webhook_put_form(struct buf *out, struct str form, bool lenient, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(form.n + 1);
        AUTO(mem_free) struct form_pair *pairs = NULL;
        size_t n = 0, cap = 0;
        struct url_query q = {form};
        struct str key, value;
        bool bad;
        while (url_query_next(&q, &key, &value, &bad)) {
                if (n == FORM_FIELDS_MAX)
                        return err_set(e, ERR_LIMIT, "more than %d form fields", FORM_FIELDS_MAX);
                mem_grow(pairs, cap, n + 1);
                if (!bad && decode_pair(&pairs[n], &text, key, value)) {
                        pairs[n].order = n;
                        n++;
                } else if (!lenient) {
                        return bad ? err_set(e, ERR_INVALID, "invalid semicolon separator in query")
                                   : err_set(e, ERR_INVALID, "invalid URL escape in the form");
                }
        }
        if (n)
                qsort(pairs, n, sizeof(*pairs), compare_pairs);
        put_pairs(out, pairs, n);
        return 0;
}

/* ---- bodies ---- */

/* "Text/HTML; charset=x" is text/html. */
static bool media_type_is(const char *content_type, const char *type)
{
        size_t n = strlen(type);
        return content_type && strncasecmp(content_type, type, n) == 0 &&
               strchr("; \t", content_type[n]) != NULL;
}

static bool is_form(const char *content_type, bool argo)
{
        static const char form[] = "application/x-www-form-urlencoded";
        return argo ? streq(content_type, form) : media_type_is(content_type, form);
}

/* What cannot be anything but JSON: those types, and requests that name none. */
static bool must_be_json(const char *content_type)
{
        if (str_empty(content_type) || media_type_is(content_type, "application/json"))
                return true;
        size_t n = strcspn(content_type, "; \t");
        return n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0;
}

static int put_json_or_text(struct buf *out, struct str body, const char *content_type, bool argo,
                            struct err *e)
{
        size_t before = out->len;
        if (json_compact(out, body.p, body.n, true, e) == 0)
                return 0;
        buf_truncate(out, before);
        if (argo) {
                err_wrap(e, "json: error calling MarshalJSON for type *json.RawMessage");
                return 400;
        }
        if (must_be_json(content_type)) {
                err_wrap(e, "the body is not JSON");
                return 400;
        }
        err_clear(e);
        if (utf8_valid(body.p, body.n)) {
                json_put_string_html(out, body.p, body.n);
        } else {
                buf_addc(out, '"');
                base64_put(out, body.p, body.n);
                buf_addc(out, '"');
        }
        return 0;
}

static int put_posted(struct buf *out, struct str body, const char *content_type, bool argo,
                      size_t max_body, struct err *e)
{
        if (is_form(content_type, argo)) {
                if (webhook_put_form(out, body, false, e) == 0)
                        return 0;
                return argo ? 500 : 400;
        }
        if (argo && body.n > max_body) {
                err_set(e, ERR_LIMIT, "failed to parse request body, http: request body too large");
                return 400;
        }
        return put_json_or_text(out, body, content_type, argo, e);
}

int webhook_put_body(struct buf *out, struct http_req *r, const struct webhook_facts *f, bool argo,
                     size_t max_body, struct err *e)
{
        const char *method = http_req_method(r);
        struct str body = http_req_body(r);
        bool bodyless =
                streq(method, "GET") ||
                (!argo && (streq(method, "HEAD") ||
                           (body.n == 0 && (streq(method, "DELETE") || streq(method, "OPTIONS")))));
        if (bodyless) {
                if (webhook_put_form(out, str_of(http_req_query(r)), true, e) == 0)
                        return 0;
                return 400;
        }
        if (argo && !streq(method, "POST")) {
                err_set(e, ERR_INVALID, "unsupoorted method: %s", method); /* spelt as in Argo */
                return 400;
        }
        return put_posted(out, body, f->content_type, argo, max_body, e);
}

/* ---- identity ---- */

static const char *find_ext(const struct webhook_facts *f, const char *name)
{
        for (size_t i = 0; i < f->n_ext; i++)
                if (streq(f->ext[i].name, name))
                        return f->ext[i].value;
        return NULL;
}

void webhook_read_cloudevent(struct webhook_facts *f, struct str body)
{
        struct cloudevent ce;
        ERR_SLOT(e);
        if (cloudevent_parse(&ce, body.p, body.n, f->scratch, &e) < 0) {
                err_clear(&e); /* plain JSON, whatever its content type says */
                return;
        }
        f->n_ext = 0; /* structured mode: headers do not count */
        take_attribute(f, "id", ce.id);
        take_attribute(f, "source", ce.source);
        take_attribute(f, "type", ce.type);
        if (ce.subject)
                take_attribute(f, "subject", ce.subject);
        if (ce.datacontenttype)
                take_attribute(f, "datacontenttype", ce.datacontenttype);
        if (ce.time.ns) {
                char *time = arena_alloc(f->scratch, 40);
                time_rfc3339_nano(ce.time.ns, time);
                take_attribute(f, "time", time);
        }
        for (size_t i = 0; i < ce.n_ext; i++)
                take_attribute(f, ce.ext[i].name, ce.ext[i].value);
}

/* A CloudEvent is known by source and id together. */
static const char *identity(struct webhook_facts *f)
{
        const char *id = find_ext(f, "ceid"), *source = find_ext(f, "cesource");
        if (id && source && *id)
                return arena_printf(f->scratch, "%s:%s", source, id);
        f->n_ext = 0; /* stray Ce- headers are no CloudEvent */
        return f->id;
}

const char *webhook_dedup_id(struct webhook_facts *f, const char *event)
{
        const char *what = identity(f);
        if (!what)
                return NULL;
        size_t n = strlen(what);
        bool plain = n <= ID_MAX && utf8_valid(what, n);
        for (const char *c = what; plain && *c; c++)
                plain = (unsigned char)*c > ' ';
        if (plain)
                return arena_printf(f->scratch, "%s:%s", event, what);
        unsigned char digest[32];
        char hex[65];
        sha256_of(what, n, digest);
        hex_put(hex, digest, sizeof(digest));
        return arena_printf(f->scratch, "%s:%s", event, hex);
}
