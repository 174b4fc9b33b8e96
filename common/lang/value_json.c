/* common/lang/value_json.c: see value.h: JSON text and trees become values, one level at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"
#include "common/lang/value_priv.h"

static uint32_t hex4(struct str s, size_t i)
{
        uint64_t v;
        if (s.n - i < 4 || gonum_uint((struct str){s.p + i, 4}, 16, 32, &v) != GONUM_OK)
                return 0xFFFD;
        return (uint32_t)v;
}

/* \uXXXX behind the u at *i, with its pair; half a pair is U+FFFD, as in Go. */
static uint32_t unicode_escape(struct str s, size_t *i)
{
        uint32_t cp = hex4(s, *i);
        *i += 4;
        if (cp < 0xD800 || cp > 0xDFFF)
                return cp;
        if (cp < 0xDC00 && s.n - *i >= 6 && s.p[*i] == '\\' && s.p[*i + 1] == 'u') {
                uint32_t low = hex4(s, *i + 2);
                if (low >= 0xDC00 && low <= 0xDFFF) {
                        *i += 6;
                        return ((cp - 0xD800) << 10) + (low - 0xDC00) + 0x10000;
                }
        }
        return 0xFFFD;
}

/* The inside of a well-formed JSON string. False: the arena is full. */
static bool unescape(struct arena *a, struct str in, struct str *out)
{
        static const char from[] = "\\/bfnrt\"", to[] = "\\/\b\f\n\r\t\"";
        char *p = arena_try_alloc(a, in.n + 4);
        size_t n = 0;
        if (!p)
                return false;
        for (size_t i = 0; i < in.n;) {
                char c = in.p[i++];
                if (c != '\\' || i >= in.n) {
                        p[n++] = c;
                        continue;
                }
                const char *at = in.p[i] ? strchr(from, in.p[i]) : NULL;
                i++;
                if (at)
                        p[n++] = to[at - from];
                else if (in.n - i >= 4)
                        n += utf8_encode(unicode_escape(in, &i), p + n);
        }
        *out = (struct str){p, n};
        return true;
}

static struct val number(struct str raw, enum val_numbers numbers)
{
        int64_t i;
        double d = 0;
        bool fraction =
                memchr(raw.p, '.', raw.n) || memchr(raw.p, 'e', raw.n) || memchr(raw.p, 'E', raw.n);
        if (numbers == VAL_INTS_AND_FLOATS && !fraction && gonum_int(raw, 10, 64, &i) == GONUM_OK)
                return val_int(i);
        gonum_float(raw, &d);
        return val_float(d);
}

static struct val container(struct arena *a, struct str raw, enum val_numbers numbers)
{
        if (raw.p[0] == '{') {
                struct val v = val_map_new(a, 0);
                if (v.kind == VAL_MAP) {
                        v.map->raw = raw;
                        v.map->numbers = (uint8_t)numbers;
                }
                return v;
        }
        struct val_list *l = arena_try_alloc(a, sizeof(*l));
        if (!l)
                return val_nil();
        *l = (struct val_list){.raw = raw, .numbers = (uint8_t)numbers};
        return (struct val){.kind = VAL_LIST, .list = l};
}

/* The value at *i, which moves behind it. False: the arena is full. */
static bool read_value(struct arena *a, struct str json, size_t *i, enum val_numbers numbers,
                       struct val *out)
{
        size_t from = *i;
        bool escapes;
        *out = val_nil();
        switch (gj_kind_at(json, from)) {
        case GJ_STRING: {
                size_t end = gj_string_end(json, from + 1, &escapes);
                struct str s = gj_slice(json, from + 1, end);
                *i = end + 1;
                if (escapes && !unescape(a, s, &s))
                        return false;
                *out = val_str(s);
                return true;
        }
        case GJ_OBJECT:
        case GJ_ARRAY:
                *i = gj_squash(json, from);
                *out = container(a, gj_slice(json, from, *i), numbers);
                return out->kind != VAL_NIL;
        case GJ_LITERAL:
                *i = gj_literal_end(json, from);
                if (json.p[from] != 'n')
                        *out = val_bool(json.p[from] == 't');
                return true;
        case GJ_NUMBER:
                *i = gj_number_end(json, from);
                *out = number(gj_slice(json, from, *i), numbers);
                return true;
        default: *i = json.n; return true; /* not JSON */
        }
}

static size_t skip_to_value(struct str json, size_t i)
{
        while (i < json.n &&
               ((unsigned char)json.p[i] <= ' ' || json.p[i] == ',' || json.p[i] == ':'))
                i++;
        return i;
}

struct val val_from_json(struct arena *a, struct str text, enum val_numbers numbers)
{
        size_t i = skip_to_value(text, 0);
        struct val v = val_nil();
        if (i < text.n && !read_value(a, text, &i, numbers, &v))
                return val_nil();
        return v;
}

static bool open_raw_map(struct arena *a, struct val_map *m)
{
        struct str json = m->raw;
        for (size_t i = 1; i < json.n;) {
                struct val key, value;
                i = skip_to_value(json, i);
                if (i >= json.n || json.p[i] != '"')
                        break;
                if (!read_value(a, json, &i, m->numbers, &key))
                        return false;
                i = skip_to_value(json, i);
                if (i >= json.n)
                        break;
                if (!read_value(a, json, &i, m->numbers, &value) ||
                    !val_map_reserve(a, m, m->n + 1))
                        return false;
                m->entries[m->n++] = (struct val_entry){key, value};
        }
        return true;
}

static struct val from_tree(struct arena *a, const json_t *tree, enum val_numbers numbers)
{
        struct val v = val_nil();
        switch (json_typeof(tree)) {
        case JSON_TRUE:
        case JSON_FALSE: return val_bool(json_is_true(tree));
        case JSON_STRING:
                return val_str((struct str){json_string_value(tree), json_string_length(tree)});
        case JSON_REAL: return val_float(json_real_value(tree));
        case JSON_INTEGER:
                if (numbers == VAL_FLOATS)
                        return val_float((double)json_integer_value(tree));
                return val_int(json_integer_value(tree));
        case JSON_OBJECT:
                v = val_map_new(a, 0);
                if (v.kind == VAL_MAP) {
                        v.map->tree = tree;
                        v.map->numbers = (uint8_t)numbers;
                }
                return v;
        case JSON_ARRAY: {
                struct val_list *l = arena_try_alloc(a, sizeof(*l));
                if (!l)
                        return v;
                *l = (struct val_list){.tree = tree, .numbers = (uint8_t)numbers};
                return (struct val){.kind = VAL_LIST, .list = l};
        }
        default: return v;
        }
}

struct val val_from_tree(struct arena *a, const json_t *tree, enum val_numbers numbers)
{
        return tree ? from_tree(a, tree, numbers) : val_nil();
}

static bool open_tree_map(struct arena *a, struct val_map *m)
{
        const char *key;
        size_t len;
        json_t *value;
        if (!val_map_reserve(a, m, json_object_size(m->tree)))
                return false;
        json_object_keylen_foreach((json_t *)(uintptr_t)m->tree, key, len, value)
                m->entries[m->n++] = (struct val_entry){val_str((struct str){key, len}),
                                                        from_tree(a, value, m->numbers)};
        return true;
}

bool val_open_map(struct arena *a, struct val_map *m)
{
        bool ok = m->raw.p ? open_raw_map(a, m) : open_tree_map(a, m);
        if (!ok) {
                m->n = 0;
                return false;
        }
        m->raw = (struct str){0};
        m->tree = NULL;
        val_map_drop_doubles(m);
        return true;
}

static bool push(struct arena *a, struct val_list *l, size_t *cap, struct val v)
{
        if (l->n == *cap) {
                size_t more_cap = *cap ? *cap * 2 : 8;
                struct val *more = arena_try_alloc(a, more_cap * sizeof(*more));
                if (!more)
                        return false;
                if (l->n)
                        memcpy(more, l->items, l->n * sizeof(*more));
                l->items = more;
                *cap = more_cap;
        }
        l->items[l->n++] = v;
        return true;
}

bool val_open_list(struct arena *a, struct val_list *l)
{
        size_t cap = 0;
        struct val v;
        bool ok = true;
        l->n = 0;
        for (size_t i = 1; l->raw.p && i < l->raw.n && ok;) {
                i = skip_to_value(l->raw, i);
                if (i >= l->raw.n || l->raw.p[i] == ']')
                        break;
                ok = read_value(a, l->raw, &i, l->numbers, &v) && push(a, l, &cap, v);
        }
        for (size_t i = 0; l->tree && i < json_array_size(l->tree) && ok; i++)
                ok = push(a, l, &cap, from_tree(a, json_array_get(l->tree, i), l->numbers));
        if (!ok) {
                l->n = 0;
                return false;
        }
        l->raw = (struct str){0};
        l->tree = NULL;
        return true;
}
