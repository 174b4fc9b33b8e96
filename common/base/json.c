/* common/base/json.c: see json.h. The shortest double is found by trying 15, 16 and 17 digits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_DEPTH_MAX = 64 };

/* Bytes of a string that need a look: 1 always, 2 when HTML is escaped. */
static const uint8_t special[256] = {[0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x80 ... 0xff] = 1,
                                     ['<'] = 2,        ['>'] = 2, ['&'] = 2};

static void put_string(struct buf *b, const char *s, size_t n, bool html)
{
        static const char hex[] = "0123456789abcdef";
        const uint8_t look = html ? 3 : 1;
        buf_addc(b, '"');
        size_t from = 0, i = 0;
        while (i < n) {
                unsigned char c = (unsigned char)s[i];
                if (!(special[c] & look)) {
                        i++;
                        continue;
                }
                if (c >= 0x80) {
                        uint32_t cp;
                        size_t len = utf8_decode(s + i, n - i, &cp);
                        bool line_sep = html && (cp == 0x2028 || cp == 0x2029);
                        if (len > 1 && !line_sep) {
                                i += len;
                                continue;
                        }
                        buf_add(b, s + from, i - from);
                        if (line_sep)
                                buf_addf(b, "\\u%04x", cp);
                        else
                                buf_adds(b, "\xEF\xBF\xBD");
                        i += len;
                        from = i;
                        continue;
                }
                buf_add(b, s + from, i - from);
                switch (c) {
                case '"': buf_adds(b, "\\\""); break;
                case '\\': buf_adds(b, "\\\\"); break;
                case '\n': buf_adds(b, "\\n"); break;
                case '\r': buf_adds(b, "\\r"); break;
                case '\t': buf_adds(b, "\\t"); break;
                case '\b': buf_adds(b, "\\b"); break;
                case '\f': buf_adds(b, "\\f"); break;
                default: {
                        char u[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], 0};
                        buf_adds(b, u);
                }
                }
                from = ++i;
        }
        buf_add(b, s + from, n - from);
        buf_addc(b, '"');
}

void json_put_string(struct buf *b, const char *s, size_t n)
{
        put_string(b, s, n, false);
}

void json_put_string_html(struct buf *b, const char *s, size_t n)
{
        put_string(b, s, n, true);
}

/* Digits and decimal exponent of the shortest representation: value = 0.d1d2d3... * 10^exp10. */
static void shortest(double d, char digits[20], int *exp10)
{
        char text[40];
        /* any 15 digits survive a double, so fewer need no try; not so for the smallest ones */
        for (int precision = d < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
                snprintf(text, sizeof(text), "%.*e", precision, d);
                if (strtod(text, NULL) == d)
                        break;
        }
        size_t n = 0;
        const char *p = text;
        for (; *p && *p != 'e'; p++)
                if (*p >= '0' && *p <= '9')
                        digits[n++] = *p;
        *exp10 = atoi(p + 1) + 1;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        digits[n] = '\0';
}

static void put_double(struct buf *b, double d, bool allow_exponent)
{
        if (isnan(d) || isinf(d)) {
                buf_adds(b, "null");
                return;
        }
        if (d == 0) {
                buf_adds(b, signbit(d) ? "-0" : "0");
                return;
        }
        if (d < 0) {
                buf_addc(b, '-');
                d = -d;
        }
        char digits[20];
        int e;
        shortest(d, digits, &e);
        int n = (int)strlen(digits);
        if (allow_exponent && (d < 1e-6 || d >= 1e21)) {
                buf_addc(b, digits[0]);
                if (n > 1)
                        buf_addf(b, ".%s", digits + 1);
                buf_addf(b, "e%c%02d", e - 1 < 0 ? '-' : '+', abs(e - 1));
        } else if (e <= 0) {
                buf_adds(b, "0.");
                for (int i = 0; i < -e; i++)
                        buf_addc(b, '0');
                buf_adds(b, digits);
        } else if (n <= e) {
                buf_adds(b, digits);
                for (int i = n; i < e; i++)
                        buf_addc(b, '0');
        } else {
                buf_addf(b, "%.*s.%s", e, digits, digits + e);
        }
}

void json_put_double(struct buf *b, double d)
{
        put_double(b, d, true);
}

static int by_key(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void newline(struct buf *b, unsigned style, int depth)
{
        if (!(style & JSON_STYLE_INDENT))
                return;
        buf_addc(b, '\n');
        for (int i = 0; i < depth; i++)
                buf_adds(b, "  ");
}

static void put_value(struct buf *b, const json_t *j, unsigned style, int depth);

static void put_member(struct buf *b, const char *key, const json_t *value, unsigned style,
                       int depth, bool first)
{
        if (!first)
                buf_addc(b, ',');
        newline(b, style, depth);
        put_string(b, key, strlen(key), style & JSON_STYLE_GO_HTML);
        buf_adds(b, style & JSON_STYLE_INDENT ? ": " : ":");
        put_value(b, value, style, depth);
}

static void put_object(struct buf *b, const json_t *j, unsigned style, int depth)
{
        size_t n = json_object_size(j);
        if (n == 0) {
                buf_adds(b, "{}");
                return;
        }
        buf_addc(b, '{');
        const char *key;
        json_t *value;
        json_t *object = (json_t *)(uintptr_t)j;
        bool first = true;
        if (style & JSON_STYLE_SORTED) {
                const char **keys = mem_calloc(n, sizeof(*keys));
                size_t i = 0;
                json_object_foreach (object, key, value)
                        keys[i++] = key;
                qsort(keys, n, sizeof(*keys), by_key);
                for (i = 0; i < n; i++, first = false)
                        put_member(b, keys[i], json_object_get(j, keys[i]), style, depth + 1,
                                   first);
                free(keys);
        } else {
                json_object_foreach (object, key, value) {
                        put_member(b, key, value, style, depth + 1, first);
                        first = false;
                }
        }
        newline(b, style, depth);
        buf_addc(b, '}');
}

static void put_array(struct buf *b, const json_t *j, unsigned style, int depth)
{
        size_t n = json_array_size(j);
        buf_addc(b, '[');
        for (size_t i = 0; i < n; i++) {
                if (i)
                        buf_addc(b, ',');
                newline(b, style, depth + 1);
                put_value(b, json_array_get(j, i), style, depth + 1);
        }
        if (n)
                newline(b, style, depth);
        buf_addc(b, ']');
}

static void put_value(struct buf *b, const json_t *j, unsigned style, int depth)
{
        switch (j ? json_typeof(j) : JSON_NULL) {
        case JSON_OBJECT: put_object(b, j, style, depth); break;
        case JSON_ARRAY: put_array(b, j, style, depth); break;
        case JSON_STRING:
                put_string(b, json_string_value(j), json_string_length(j),
                           style & JSON_STYLE_GO_HTML);
                break;
        case JSON_INTEGER: buf_addf(b, "%lld", (long long)json_integer_value(j)); break;
        case JSON_REAL: put_double(b, json_real_value(j), true); break;
        case JSON_TRUE: buf_adds(b, "true"); break;
        case JSON_FALSE: buf_adds(b, "false"); break;
        case JSON_NULL: buf_adds(b, "null"); break;
        }
}

void json_put(struct buf *b, const json_t *j, unsigned style)
{
        put_value(b, j, style, 0);
}

char *json_text(const json_t *j, unsigned style)
{
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        json_put(&b, j, style);
        return buf_take(&b);
}

static int depth_of(const char *text, size_t n)
{
        int depth = 0, max = 0;
        bool in_string = false;
        for (size_t i = 0; i < n; i++) {
                char c = text[i];
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        max = ++depth > max ? depth : max;
                } else if (c == '}' || c == ']') {
                        depth--;
                }
        }
        return max;
}

int json_parse(json_t **out, const char *text, size_t n, struct err *e)
{
        if (depth_of(text, n) > JSON_DEPTH_MAX)
                return err_set(e, ERR_LIMIT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
        json_error_t je;
        json_t *j =
                json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
        if (!j)
                return err_set(e, ERR_INVALID, "line %d column %d: %s", je.line, je.column,
                               je.text);
        *out = j;
        return 0;
}

json_t *json_at_keys(const json_t *j, const char *const *keys)
{
        for (; j && *keys; keys++)
                j = json_object_get(j, *keys);
        return (json_t *)(uintptr_t)j;
}

void json_put_at_keys(json_t *j, json_t *value, const char *const *keys)
{
        for (; keys[1]; keys++) {
                json_t *next = json_object_get(j, *keys);
                if (!json_is_object(next)) {
                        next = json_object();
                        json_object_set_new(j, *keys, next);
                }
                j = next;
        }
        json_object_set_new(j, *keys, value);
}

void json_merge_patch(json_t **target, const json_t *patch)
{
        if (!json_is_object(patch)) {
                json_decref(*target);
                *target = json_deep_copy(patch);
                return;
        }
        if (!json_is_object(*target)) {
                json_decref(*target);
                *target = json_object();
        }
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
                if (json_is_null(value)) {
                        json_object_del(*target, key);
                        continue;
                }
                json_t *old = json_incref(json_object_get(*target, key));
                json_merge_patch(&old, value);
                json_object_set_new(*target, key, old);
        }
}

json_t *json_merge_patched(const json_t *old, const json_t *patch)
{
        if (!json_is_object(patch))
                return json_deep_copy(patch);
        json_t *out = json_is_object(old) ? json_copy((json_t *)(uintptr_t)old) : json_object();
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
                if (json_is_null(value))
                        json_object_del(out, key);
                else
                        json_object_set_new(out, key,
                                            json_merge_patched(json_object_get(old, key), value));
        }
        return out;
}

json_t *json_merge_diff(const json_t *from, const json_t *to)
{
        json_t *diff = json_object();
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)from, key, value) {
                if (!json_object_get(to, key))
                        json_object_set_new(diff, key, json_null());
        }
        json_object_foreach ((json_t *)(uintptr_t)to, key, value) {
                json_t *old = json_object_get(from, key);
                if (old && json_equal(old, value))
                        continue;
                if (json_is_object(old) && json_is_object(value))
                        json_object_set_new(diff, key, json_merge_diff(old, value));
                else
                        json_object_set(diff, key, value);
        }
        return diff;
}

char *json_scalar_text(const json_t *j)
{
        if (json_is_string(j))
                return mem_strndup(json_string_value(j), json_string_length(j));
        if (json_is_real(j)) {
                struct buf b = BUF_INIT(BUF_UNBOUNDED);
                put_double(&b, json_real_value(j), false);
                return buf_take(&b);
        }
        return json_text(j, JSON_STYLE_COMPACT);
}

/* ---- RFC 6902 ---- */

static char *unescape_token(const char *p, size_t n)
{
        char *s = mem_strndup(p, n), *w = s;
        for (const char *r = s; *r; r++) {
                if (r[0] == '~' && (r[1] == '0' || r[1] == '1')) {
                        *w++ = r[1] == '0' ? '~' : '/';
                        r++;
                } else {
                        *w++ = *r;
                }
        }
        *w = '\0';
        return s;
}

/* RFC 6901: no sign, no leading zero. */
static bool is_index(const char *token, uint64_t *index)
{
        return (token[0] != '0' || !token[1]) && str_to_u64(token, index);
}

/* Find the parent of the last token of a JSON pointer; *token is that last token (heap). */
static json_t *pointer_parent(json_t *root, const char *pointer, char **token)
{
        json_t *at = root;
        const char *p = pointer;
        while (*p == '/') {
                const char *end = strchrnul(p + 1, '/');
                AUTO(mem_free) char *t = unescape_token(p + 1, (size_t)(end - p - 1));
                if (!*end) {
                        *token = TAKE(t);
                        return at;
                }
                uint64_t index;
                if (json_is_object(at))
                        at = json_object_get(at, t);
                else if (json_is_array(at) && is_index(t, &index))
                        at = json_array_get(at, index);
                else
                        return NULL;
                p = end;
        }
        return NULL;
}

static json_t *pointer_child(json_t *parent, const char *token)
{
        uint64_t index;
        if (json_is_object(parent))
                return json_object_get(parent, token);
        if (json_is_array(parent) && is_index(token, &index))
                return json_array_get(parent, index);
        return NULL;
}

static json_t *pointer_get(json_t *root, const char *pointer)
{
        if (!*pointer)
                return root;
        AUTO(mem_free) char *token = NULL;
        json_t *parent = pointer_parent(root, pointer, &token);
        return parent ? pointer_child(parent, token) : NULL;
}

static int pointer_remove(json_t *root, const char *pointer, struct err *e)
{
        AUTO(mem_free) char *token = NULL;
        json_t *parent = pointer_parent(root, pointer, &token);
        if (!parent || !pointer_child(parent, token))
                return err_set(e, ERR_INVALID, "json patch: nothing at \"%s\"", pointer);
        uint64_t index;
        if (json_is_object(parent))
                json_object_del(parent, token);
        else if (is_index(token, &index))
                json_array_remove(parent, index);
        return 0;
}

static int pointer_add(json_t **root, const char *pointer, json_t *value_taken, bool replace,
                       struct err *e)
{
        AUTO_JSON json_t *value = value_taken;
        if (!value)
                return err_set(e, ERR_INVALID, "json patch: \"%s\": value is missing", pointer);
        if (!*pointer) {
                json_decref(*root);
                *root = TAKE(value);
                return 0;
        }
        AUTO(mem_free) char *token = NULL;
        json_t *parent = pointer_parent(*root, pointer, &token);
        if (!parent || (replace && !pointer_child(parent, token)))
                return err_set(e, ERR_INVALID, "json patch: nothing at \"%s\"", pointer);
        uint64_t index = json_array_size(parent);
        if (json_is_object(parent)) {
                json_object_set(parent, token, value);
                return 0;
        }
        if (!json_is_array(parent) || (!streq(token, "-") && !is_index(token, &index)) ||
            index > json_array_size(parent))
                return err_set(e, ERR_INVALID, "json patch: \"%s\" is not a place in a list",
                               pointer);
        if (replace)
                json_array_set(parent, index, value);
        else
                json_array_insert(parent, index, value);
        return 0;
}

static int patch_one(json_t **root, json_t *op, struct err *e)
{
        const char *name = json_str(op, "op"), *path = json_str(op, "path"),
                   *from = json_str(op, "from");
        json_t *value = json_object_get(op, "value");
        if (!name || !path)
                return err_set(e, ERR_INVALID, "json patch: op and path are required");
        if (streq(name, "add"))
                return pointer_add(root, path, json_deep_copy(value), false, e);
        if (streq(name, "replace"))
                return pointer_add(root, path, json_deep_copy(value), true, e);
        if (streq(name, "remove"))
                return pointer_remove(*root, path, e);
        if (streq(name, "test")) {
                json_t *at = pointer_get(*root, path);
                if (!at || !json_equal(at, value))
                        return err_set(e, ERR_INVALID, "json patch: test of \"%s\" failed", path);
                return 0;
        }
        if (streq(name, "move") || streq(name, "copy")) {
                json_t *at = from ? pointer_get(*root, from) : NULL;
                if (!at)
                        return err_set(e, ERR_INVALID, "json patch: nothing at \"%s\"",
                                       from ? from : "");
                json_t *copy = json_deep_copy(at);
                if (streq(name, "move") && pointer_remove(*root, from, e) < 0) {
                        json_decref(copy);
                        return -1;
                }
                return pointer_add(root, path, copy, false, e);
        }
        return err_set(e, ERR_INVALID, "json patch: unknown op \"%s\"", name);
}

int json_apply_patch(json_t **target, const json_t *patch, struct err *e)
{
        if (!json_is_array(patch))
                return err_set(e, ERR_INVALID, "a json patch is a list of operations");
        AUTO_JSON json_t *work = json_deep_copy(*target);
        size_t i;
        json_t *op;
        json_array_foreach ((json_t *)(uintptr_t)patch, i, op)
                if (patch_one(&work, op, e) < 0)
                        return -1;
        json_decref(*target);
        *target = TAKE(work);
        return 0;
}

/* ---- bytes ---- */

json_t *json_string_of_bytes(const void *data, size_t n)
{
        const char *text = n ? data : "";
        json_t *j = json_stringn(text, n);
        if (j)
                return j;
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t at = 0; at < n;) {
                uint32_t cp;
                char out[4];
                at += utf8_decode(text + at, n - at, &cp);
                buf_add(&b, out, utf8_encode(cp, out));
        }
        j = json_stringn(buf_str(&b), b.len);
        return j ? j : json_string("");
}
