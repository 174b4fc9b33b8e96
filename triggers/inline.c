/* triggers/inline.c: see inline.h. SPDX-License-Identifier: Apache-2.0 */
#include "triggers/inline.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/lang/gjson.h"
#include "common/lang/gotemplate.h"
#include "common/lang/limits.h"
#include "triggers/parameters.h"
#include <ctype.h>
#include <stdlib.h>

enum { INLINE_DEPTH = 64 };

struct tag {
        size_t from, to;   /* of {{...}} in the text */
        struct str inside; /* trimmed, without {{- -}} */
        bool trim_left, trim_right;
};

/* The next tag that is ours, at or after `at`. */
static bool next_tag(struct str text, size_t at, struct tag *out)
{
        for (size_t i = at; i + 1 < text.n; i++) {
                if (text.p[i] != '{' || text.p[i + 1] != '{')
                        continue;
                size_t from = i + 2;
                bool trim_left = from < text.n && text.p[from] == '-';
                const char *end = memmem(text.p + from, text.n - from, "}}", 2);
                if (!end)
                        return false;
                size_t to = (size_t)(end - text.p);
                bool trim_right = to > from && text.p[to - 1] == '-';
                struct str inside = str_trim((struct str){
                        text.p + from + trim_left,
                        to - from - trim_left - (trim_right && to > from + trim_left)});
                bool input = inside.n >= 6 && memcmp(inside.p, ".Input", 6) == 0 &&
                             (inside.n == 6 || !isalnum((unsigned char)inside.p[6]));
                bool events = inside.n > 8 && memcmp(inside.p, ".Events.", 8) == 0;
                if (input || events) {
                        *out = (struct tag){i, to + 2, inside, trim_left, trim_right};
                        return true;
                }
                i = to + 1;
        }
        return false;
}

static bool is_ours(struct str text)
{
        struct tag t;
        return text.n >= 10 && next_tag(text, 0, &t);
}

/* ---- the view {context, body, headers, data} of one event ---- */

static struct str member_or_empty(struct str doc, const char *key)
{
        size_t i = json_skip_space(doc.p, doc.n, 0);
        if (i >= doc.n || doc.p[i] != '{')
                return (struct str){NULL, 0};
        return json_member(doc.p, doc.n, key);
}

static void put_view(struct buf *b, const struct trigger_event *ev)
{
        struct str body = member_or_empty(ev->data, "body"),
                   headers = member_or_empty(ev->data, "header");
        if (!headers.p)
                headers = member_or_empty(ev->data, "headers");
        buf_adds(b, "{\"context\":");
        trigger_context_put(b, ev);
        if (body.p) {
                buf_adds(b, ",\"body\":");
                buf_add(b, body.p, body.n);
        }
        if (headers.p) {
                buf_adds(b, ",\"headers\":");
                buf_add(b, headers.p, headers.n);
        }
        if (ev->data.n) {
                buf_adds(b, ",\"data\":");
                buf_add(b, ev->data.p, ev->data.n);
        }
        buf_addc(b, '}');
}

struct renderer {
        const struct trigger_event *events;
        size_t n;
        struct buf root; /* {"Input": view, "Events": {dep: view}}, made with the first tag */
        struct arena arena;
        int depth;
};

static struct str root(struct renderer *r)
{
        if (!r->root.len) {
                buf_adds(&r->root, "{\"Input\":");
                put_view(&r->root, &r->events[0]);
                buf_adds(&r->root, ",\"Events\":{");
                for (size_t i = 0; i < r->n; i++) {
                        if (i)
                                buf_addc(&r->root, ',');
                        json_put_string(&r->root, r->events[i].dependency,
                                        strlen(r->events[i].dependency));
                        buf_addc(&r->root, ':');
                        put_view(&r->root, &r->events[i]);
                }
                buf_adds(&r->root, "}}");
        }
        return (struct str){buf_str(&r->root), r->root.len};
}

/* ".Input.body.document_id": dots and names only, so that the value can be taken as it stands. */
static bool plain_path(struct str inside)
{
        for (size_t i = 0; i < inside.n; i++)
                if (!isalnum((unsigned char)inside.p[i]) && !strchr("._-", inside.p[i]) &&
                    (unsigned char)inside.p[i] < 0x80)
                        return false;
        return inside.p[inside.n - 1] != '.' && !memmem(inside.p, inside.n, "..", 2);
}

static struct str member_of(struct str doc, struct str key, struct arena *a)
{
        char *name = arena_strndup(a, key.p, key.n);
        size_t i = json_skip_space(doc.p, doc.n, 0);
        if (i < doc.n && doc.p[i] == '{')
                return json_member(doc.p, doc.n, name);
        struct gjson r; /* a list index */
        ERR_SLOT(e);
        uint64_t index;
        if (i < doc.n && doc.p[i] == '[' && str_to_u64(name, &index) &&
            gjson_get(doc, str_of(name), a, &r, &e) == 0 && r.exists)
                return r.raw;
        err_clear(&e);
        return (struct str){NULL, 0};
}

static int put_plain(struct renderer *r, struct buf *out, struct str inside, struct err *e)
{
        struct str at = root(r);
        for (size_t i = 1; i <= inside.n;) {
                const char *dot = memchr(inside.p + i, '.', inside.n - i);
                size_t end = dot ? (size_t)(dot - inside.p) : inside.n;
                struct str key = {inside.p + i, end - i};
                at = member_of(at, key, &r->arena);
                if (!at.p)
                        return err_set(e, ERR_INVALID,
                                       "tag {{%.*s}}: the event has nothing at %.*s", (int)inside.n,
                                       inside.p, (int)end, inside.p);
                i = end + 1;
        }
        if (at.n && at.p[0] == '"') {
                json_unquote(out, at);
                return 0;
        }
        if (json_compact(out, at.p, at.n, false, e) < 0)
                return err_wrap(e, "tag {{%.*s}}", (int)inside.n, inside.p);
        return 0;
}

static int put_template(struct renderer *r, struct buf *out, struct str inside, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(LANG_TEXT), result = BUF_INIT(LANG_OUTPUT);
        buf_adds(&text, "{{");
        buf_add(&text, inside.p, inside.n);
        buf_adds(&text, "}}");
        AUTO(gotmpl_free) struct gotmpl *t = NULL;
        struct val dot = val_from_json(&r->arena, root(r), VAL_FLOATS);
        if (gotmpl_new(&t, (struct str){buf_str(&text), text.len}, NULL, e) < 0 ||
            gotmpl_render(t, dot, clock_system(), &r->arena, &result, e) < 0)
                return err_wrap(e, "tag {{%.*s}}", (int)inside.n, inside.p);
        if (str_eq((struct str){buf_str(&result), result.len}, "<no value>"))
                return err_set(e, ERR_INVALID, "tag {{%.*s}}: the event has no such value",
                               (int)inside.n, inside.p);
        buf_add(out, buf_str(&result), result.len);
        return 0;
}

static int render_text(struct renderer *r, struct buf *out, struct str text, struct err *e)
{
        size_t at = 0;
        struct tag t;
        while (next_tag(text, at, &t)) {
                size_t until = t.from;
                while (t.trim_left && until > at && isspace((unsigned char)text.p[until - 1]))
                        until--;
                buf_add(out, text.p + at, until - at);
                if ((plain_path(t.inside) ? put_plain(r, out, t.inside, e)
                                          : put_template(r, out, t.inside, e)) < 0)
                        return -1;
                at = t.to;
                while (t.trim_right && at < text.n && isspace((unsigned char)text.p[at]))
                        at++;
        }
        buf_add(out, text.p + at, text.n - at);
        return out->overflow
                       ? err_set(e, ERR_LIMIT, "rendered text is larger than %zu bytes", out->max)
                       : 0;
}

/* ---- the tree ---- */

static int render_value(struct renderer *r, json_t *value, json_t **replacement, struct err *e);

static int render_object(struct renderer *r, json_t *object, struct err *e)
{
        const char *key;
        json_t *value;
        void *tmp;
        json_object_foreach_safe(object, tmp, key, value)
        {
                json_t *new = NULL;
                if (render_value(r, value, &new, e) < 0)
                        return err_wrap(e, "%s", key);
                if (new)
                        json_object_set_new(object, key, new);
        }
        return 0;
}

static int render_array(struct renderer *r, json_t *array, struct err *e)
{
        size_t i;
        json_t *value;
        json_array_foreach (array, i, value) {
                json_t *new = NULL;
                if (render_value(r, value, &new, e) < 0)
                        return err_wrap(e, "[%zu]", i);
                if (new)
                        json_array_set_new(array, i, new);
        }
        return 0;
}

static int render_value(struct renderer *r, json_t *value, json_t **replacement, struct err *e)
{
        if (json_is_string(value)) {
                struct str text = {json_string_value(value), json_string_length(value)};
                if (!is_ours(text))
                        return 0;
                AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT);
                if (render_text(r, &out, text, e) < 0)
                        return -1;
                *replacement = json_stringn(buf_str(&out), out.len);
                return *replacement ? 0 : err_set(e, ERR_INVALID, "the rendered text is not UTF-8");
        }
        if (!json_is_object(value) && !json_is_array(value))
                return 0;
        if (++r->depth > INLINE_DEPTH)
                return err_set(e, ERR_LIMIT, "the resource is nested deeper than %d", INLINE_DEPTH);
        int result = json_is_object(value) ? render_object(r, value, e) : render_array(r, value, e);
        r->depth--;
        return result;
}

int inline_render(json_t **tree, const struct trigger_event *events, size_t n, struct err *e)
{
        struct renderer r = {.events = events, .n = n, .root = BUF_INIT(LANG_OUTPUT)};
        arena_init(&r.arena, LANG_MEMORY);
        json_t *new = NULL;
        int result = n ? render_value(&r, *tree, &new, e) : 0;
        if (new) {
                json_decref(*tree);
                *tree = new;
        }
        buf_deinit(&r.root);
        arena_deinit(&r.arena);
        return result;
}

/* ---- lint ---- */

static void check_tag(const struct tag *t, const char *const *dependencies, size_t n,
                      const struct jpath *at, struct diags *d)
{
        if (plain_path(t->inside)) {
                if (!dependencies || memcmp(t->inside.p, ".Events.", 8) != 0)
                        return;
                size_t len = strcspn(t->inside.p + 8, ". }|");
                for (size_t i = 0; i < n; i++)
                        if (str_eq((struct str){t->inside.p + 8, len}, dependencies[i]))
                                return;
                AUTO(mem_free) char *word = mem_strndup(t->inside.p + 8, len);
                diag_error(d, at, "E033", str_nearest(word, dependencies, n),
                           "{{%.*s}}: no dependency is named \"%s\"", (int)t->inside.n, t->inside.p,
                           word);
                return;
        }
        ERR_SLOT(e);
        AUTO(mem_free) char *text = mem_printf("{{%.*s}}", (int)t->inside.n, t->inside.p);
        struct gotmpl *compiled = NULL;
        if (gotmpl_new(&compiled, str_of(text), NULL, &e) < 0) {
                diag_error(d, at, "E032", NULL, "%s: %s", text, err_msg(&e));
                err_clear(&e);
        }
        gotmpl_free(compiled);
}

static void check_value(const json_t *value, const char *const *deps, size_t n,
                        const struct jpath *at, int depth, struct diags *d)
{
        const char *key;
        json_t *child;
        size_t i;
        struct tag t;
        if (depth > INLINE_DEPTH)
                return;
        if (json_is_string(value)) {
                struct str text = {json_string_value(value), json_string_length(value)};
                for (size_t from = 0; next_tag(text, from, &t); from = t.to)
                        check_tag(&t, deps, n, at, d);
        }
        json_object_foreach ((json_t *)(uintptr_t)value, key, child) {
                struct jpath here = jpath_key(at, key);
                check_value(child, deps, n, &here, depth + 1, d);
        }
        json_array_foreach ((json_t *)(uintptr_t)value, i, child) {
                struct jpath here = jpath_index(at, i);
                check_value(child, deps, n, &here, depth + 1, d);
        }
}

void inline_check(const json_t *tree, const char *const *dependencies, size_t n,
                  const struct jpath *at, struct diags *d)
{
        check_value(tree, dependencies, n, at, 0, d);
}
