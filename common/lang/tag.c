/* common/lang/tag.c: see tag.h. A string is scanned once for "{{"; the text up to the first "}}" is
 * the tag, as in fasttemplate. Trees are rebuilt only along the paths that hold tags.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/tag.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include <string.h>

static const char *find2(const char *p, size_t n, char c)
{
        const char *end = p + n;
        while (p + 1 < end) {
                p = memchr(p, c, (size_t)(end - p) - 1);
                if (!p)
                        return NULL;
                if (p[1] == c)
                        return p;
                p++;
        }
        return NULL;
}

/* Argo trims in JSON text, where a tab or newline is two characters and no white space: only spaces
 * are trimmed. */
static struct str trim_spaces(struct str s)
{
        while (s.n && s.p[0] == ' ')
                s.p++, s.n--;
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        return s;
}

bool tag_any(const char *text, size_t n)
{
        const char *open = find2(text, n, '{');
        return open && find2(open + 2, n - (size_t)(open + 2 - text), '}');
}

static int put_found(enum tag_found found, struct str tag, struct buf *out,
                     const struct tag_opts *o, struct err *e)
{
        switch (found) {
        case TAG_VALUE: return 0;
        case TAG_ABSENT:
                return err_set(e, ERR_INVALID,
                               "unable to substitute {{%.*s}}: output is an absent optional "
                               "(skipped/omitted node with no default)",
                               (int)tag.n, tag.p);
        case TAG_UNKNOWN:
                if (!o->strict) {
                        buf_adds(out, "{{");
                        buf_add(out, tag.p, tag.n);
                        buf_adds(out, "}}");
                        return 0;
                }
                break;
        case TAG_MISSING: break;
        }
        return err_set(e, ERR_NOT_FOUND, "failed to resolve {{%.*s}}", (int)tag.n, tag.p);
}

/* {{prefix{{inner}}rest}}: `tag` is "prefix{{inner"; what follows up to the next "}}" completes the
 * outer name. */
static int put_nested(struct buf *out, struct str tag, struct str *rest, const struct tag_opts *o,
                      bool *done, struct err *e)
{
        const char *inner = NULL;
        for (size_t i = tag.n; i >= 2 && !inner; i--)
                if (tag.p[i - 2] == '{' && tag.p[i - 1] == '{')
                        inner = tag.p + i - 2;
        if (!inner || inner == tag.p)
                return 0;
        struct str name = {inner + 2, (size_t)(tag.p + tag.n - inner - 2)};
        AUTO_BUF struct buf outer = BUF_INIT(TAG_MAX_BYTES);
        buf_add(&outer, tag.p, (size_t)(inner - tag.p));
        size_t prefix = outer.len;
        enum tag_found found = o->lookup(o->arg, name, &outer);
        if (found == TAG_ABSENT)
                return err_set(
                        e, ERR_INVALID,
                        "unable to substitute nested tag {{%.*s}}: \"%.*s\" is an absent optional",
                        (int)tag.n, tag.p, (int)name.n, name.p);
        if (found != TAG_VALUE)
                return 0;
        *done = true;
        const char *close = find2(rest->p, rest->n, '}');
        bool composable = close && !memchr(outer.data + prefix, '}', outer.len - prefix) &&
                          !memchr(outer.data + prefix, '{', outer.len - prefix);
        if (composable) {
                buf_add(&outer, rest->p, (size_t)(close - rest->p));
                struct str composed = trim_spaces((struct str){outer.data, outer.len});
                size_t before = out->len;
                if (!o->once && o->lookup(o->arg, composed, out) == TAG_VALUE) {
                        size_t used = (size_t)(close + 2 - rest->p);
                        *rest = (struct str){rest->p + used, rest->n - used};
                        return 0;
                }
                buf_truncate(out, before);
                buf_truncate(&outer, outer.len - (size_t)(close - rest->p));
        }
        buf_adds(out, "{{");
        buf_add(out, outer.data, outer.len);
        return 0;
}

static int put_expr(struct buf *out, struct str tag, const struct tag_opts *o, struct err *e)
{
        bool keep = o->keep_expr;
        if (!keep) {
                struct str expr = {tag.p + 1, tag.n - 1};
                if (!o->expr)
                        return err_set(e, ERR_UNSUPPORTED,
                                       "not supported yet: expression tag {{%.*s}}", (int)tag.n,
                                       tag.p);
                size_t before = out->len;
                if (o->expr(o->arg, expr, out, &keep, e) < 0)
                        return -1;
                if (keep)
                        buf_truncate(out, before);
        }
        if (keep) {
                buf_adds(out, "{{");
                buf_add(out, tag.p, tag.n);
                buf_adds(out, "}}");
        }
        return 0;
}

static int put_tag(struct buf *out, struct str tag, struct str *rest, const struct tag_opts *o,
                   struct err *e)
{
        if (tag.n && tag.p[0] == '=')
                return put_expr(out, tag, o, e);
        size_t before = out->len;
        enum tag_found found = o->lookup(o->arg, trim_spaces(tag), out);
        if (found != TAG_VALUE)
                buf_truncate(out, before);
        if (found == TAG_UNKNOWN || found == TAG_MISSING) {
                bool done = false;
                if (put_nested(out, tag, rest, o, &done, e) < 0)
                        return -1;
                if (done)
                        return 0;
        }
        return put_found(found, tag, out, o, e);
}

int tag_text(struct buf *out, const char *text, size_t n, const struct tag_opts *o, struct err *e)
{
        struct str rest = {text, n};
        while (rest.n) {
                const char *open = find2(rest.p, rest.n, '{');
                const char *close =
                        open ? find2(open + 2, rest.n - (size_t)(open + 2 - rest.p), '}') : NULL;
                if (open && !close && o->closed)
                        return err_set(
                                e, ERR_INVALID, "a tag is not closed: %.*s",
                                (int)(rest.p + rest.n - open > 60 ? 60 : rest.p + rest.n - open),
                                open);
                if (!close)
                        break;
                buf_add(out, rest.p, (size_t)(open - rest.p));
                struct str tag = {open + 2, (size_t)(close - open - 2)};
                size_t used = (size_t)(close + 2 - rest.p);
                rest = (struct str){rest.p + used, rest.n - used};
                if (put_tag(out, tag, &rest, o, e) < 0)
                        return -1;
        }
        buf_add(out, rest.p, rest.n);
        if (out->overflow)
                return err_set(e, ERR_LIMIT, "the text grows past %zu bytes by its tags", out->max);
        return 0;
}

int tag_string(char **out, const char *text, const struct tag_opts *o, struct err *e)
{
        size_t n = strlen(text);
        if (!tag_any(text, n)) {
                *out = mem_strndup(text, n);
                return 0;
        }
        AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
        if (tag_text(&b, text, n, o, e) < 0)
                return -1;
        *out = b.len ? buf_take(&b) : mem_strdup("");
        return 0;
}

static int string_node(json_t **out, json_t *s, const struct tag_opts *o, struct err *e)
{
        const char *text = json_string_value(s);
        size_t n = json_string_length(s);
        if (!tag_any(text, n)) {
                *out = json_incref(s);
                return 0;
        }
        AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
        if (tag_text(&b, text, n, o, e) < 0)
                return -1;
        *out = json_stringn_nocheck(buf_str(&b), b.len);
        return 0;
}

static int tree(json_t **out, json_t *j, const struct tag_opts *o, int depth, struct err *e);

static int list_node(json_t **out, json_t *list, const struct tag_opts *o, int depth, struct err *e)
{
        AUTO_JSON json_t *copy = NULL;
        for (size_t i = 0; i < json_array_size(list); i++) {
                json_t *old = json_array_get(list, i), *item;
                if (tree(&item, old, o, depth, e) < 0)
                        return -1;
                if (item != old && !copy)
                        copy = json_copy(list);
                if (copy)
                        json_array_set_new(copy, i, item);
                else
                        json_decref(item);
        }
        *out = copy ? TAKE(copy) : json_incref(list);
        return 0;
}

/* Keys with tags are rare; then the map is rebuilt so that the order is kept. */
static int map_with_tagged_keys(json_t **out, json_t *map, const struct tag_opts *o, int depth,
                                struct err *e)
{
        AUTO_JSON json_t *copy = json_object();
        const char *key;
        json_t *old;
        json_object_foreach (map, key, old) {
                AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
                json_t *item;
                if (tag_text(&b, key, strlen(key), o, e) < 0 || tree(&item, old, o, depth, e) < 0)
                        return -1;
                json_object_set_new_nocheck(copy, buf_str(&b), item);
        }
        *out = TAKE(copy);
        return 0;
}

static int map_node(json_t **out, json_t *map, const struct tag_opts *o, int depth, struct err *e)
{
        AUTO_JSON json_t *copy = NULL;
        const char *key;
        json_t *old;
        json_object_foreach (map, key, old) {
                if (tag_any(key, strlen(key)))
                        return map_with_tagged_keys(out, map, o, depth, e);
        }
        json_object_foreach (map, key, old) {
                json_t *item;
                if (tree(&item, old, o, depth, e) < 0)
                        return -1;
                if (item != old && !copy)
                        copy = json_copy(map);
                if (copy)
                        json_object_set_new_nocheck(copy, key, item);
                else
                        json_decref(item);
        }
        *out = copy ? TAKE(copy) : json_incref(map);
        return 0;
}

static int tree(json_t **out, json_t *j, const struct tag_opts *o, int depth, struct err *e)
{
        if (depth > TAG_MAX_DEPTH)
                return err_set(e, ERR_LIMIT, "nested deeper than %d levels", TAG_MAX_DEPTH);
        switch (json_typeof(j)) {
        case JSON_STRING: return string_node(out, j, o, e);
        case JSON_ARRAY: return list_node(out, j, o, depth + 1, e);
        case JSON_OBJECT: return map_node(out, j, o, depth + 1, e);
        default: *out = json_incref(j); return 0;
        }
}

int tag_tree(json_t **out, json_t *j, const struct tag_opts *o, struct err *e)
{
        return tree(out, j, o, 0, e);
}

static bool any_in(const json_t *j, int depth)
{
        if (depth > TAG_MAX_DEPTH)
                return true; /* let tag_tree say so */
        const char *key;
        json_t *v;
        size_t i;
        switch (json_typeof(j)) {
        case JSON_STRING: return tag_any(json_string_value(j), json_string_length(j));
        case JSON_ARRAY:
                json_array_foreach (j, i, v) {
                        if (any_in(v, depth + 1))
                                return true;
                }
                return false;
        case JSON_OBJECT:
                json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                        if (tag_any(key, strlen(key)) || any_in(v, depth + 1))
                                return true;
                }
                return false;
        default: return false;
        }
}

bool tag_any_in_tree(const json_t *j)
{
        return any_in(j, 0);
}

static struct str innermost(struct str tag)
{
        for (size_t i = tag.n; i >= 2; i--)
                if (tag.p[i - 2] == '{' && tag.p[i - 1] == '{')
                        return (struct str){tag.p + i, tag.n - i};
        return tag;
}

void tag_each(const char *text, size_t n, tag_each_fn *each, void *arg)
{
        struct str rest = {text, n};
        for (;;) {
                const char *open = find2(rest.p, rest.n, '{');
                const char *close =
                        open ? find2(open + 2, rest.n - (size_t)(open + 2 - rest.p), '}') : NULL;
                if (!close)
                        return;
                struct str tag = {open + 2, (size_t)(close - open - 2)};
                if (tag.n && tag.p[0] == '=')
                        each(arg, tag, tag, true);
                else
                        each(arg, trim_spaces(tag), trim_spaces(innermost(tag)), false);
                size_t used = (size_t)(close + 2 - rest.p);
                rest = (struct str){rest.p + used, rest.n - used};
        }
}
