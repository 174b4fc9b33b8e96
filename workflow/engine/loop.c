/* workflow/engine/loop.c: withItems, withParam, withSequence: the items of a loop and the task of
 * each (argo-workflows.md 2.9). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "workflow/engine/engine_priv.h"
#include <inttypes.h>

enum { LOOP_MAX_ITEMS = 1000000, FORMAT_MAX = 256 };

/* ---- the items ---- */

/* The items of a JSON list; numbers keep their text (2.50, 12345678901234567890), so they become
 * strings, which print the same. */
static json_t *list_items(const char *text, size_t n, struct err *e)
{
        AUTO_JSON json_t *list = json_array();
        size_t i = json_skip_space(text, n, json_skip_space(text, n, 0) + 1);
        while (i < n && text[i] != ']') {
                size_t end = json_skip(text, n, i);
                json_t *item = NULL;
                if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))
                        item = json_stringn(text + i, end - i);
                else if (json_parse(&item, text + i, end - i, e) < 0)
                        return NULL;
                json_array_append_new(list, item);
                i = json_skip_space(text, n, end);
                if (i < n && text[i] == ',')
                        i = json_skip_space(text, n, i + 1);
        }
        return TAKE(list);
}

static int parse_param(json_t **items, const char *text, struct err *e)
{
        struct err why = {0};
        json_t *list = NULL;
        size_t n = strlen(text);
        bool fine = json_scan(text, n, &why) == 0;
        bool is_list = fine && text[json_skip_space(text, n, 0)] == '[';
        if (is_list)
                list = list_items(text, n, &why);
        if (!fine || (is_list && !list)) {
                err_set(e, ERR_INVALID,
                        "withParam value could not be parsed as a JSON list: %.1000s: %s", text,
                        err_msg(&why));
                err_clear(&why);
                return -1;
        }
        if (!is_list)
                return err_set(e, ERR_INVALID,
                               "withParam value could not be parsed as a JSON list: %.1000s: it is "
                               "not a list",
                               text);
        *items = list;
        return 0;
}

static int sequence_number(const json_t *sequence, const char *key, bool *given, int64_t *out,
                           struct err *e)
{
        const json_t *v = json_object_get(sequence, key);
        *given = v && !json_is_null(v) && !(json_is_string(v) && !*json_string_value(v));
        *out = 0;
        if (!*given)
                return 0;
        char *text = json_scalar_text(v);
        bool ok = str_to_i64(text, out);
        int r = ok ? 0
                   : err_set(e, ERR_INVALID, "withSequence.%s: '%s' is not an integer", key, text);
        mem_free(text);
        return r;
}

struct verb {
        bool plus, minus, space, zero, sharp;
        int width, precision; /* -1: none */
        char letter;
};

static const char *read_verb(struct verb *v, const char *p)
{
        *v = (struct verb){.width = 0, .precision = -1};
        for (; *p && strchr("+- 0#", *p); p++) {
                v->plus |= *p == '+';
                v->minus |= *p == '-';
                v->space |= *p == ' ';
                v->zero |= *p == '0';
                v->sharp |= *p == '#';
        }
        for (; *p >= '0' && *p <= '9' && v->width < FORMAT_MAX; p++)
                v->width = v->width * 10 + (*p - '0');
        if (*p == '.')
                for (p++, v->precision = 0; *p >= '0' && *p <= '9' && v->precision < FORMAT_MAX;
                     p++)
                        v->precision = v->precision * 10 + (*p - '0');
        v->letter = *p;
        return *p ? p + 1 : p;
}

static size_t digits_of(char out[80], uint64_t n, char letter)
{
        unsigned base = letter == 'b'                    ? 2
                        : letter == 'o' || letter == 'O' ? 8
                        : letter == 'x' || letter == 'X' ? 16
                                                         : 10;
        const char *letters = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
        size_t len = 0;
        do
                out[len++] = letters[n % base];
        while (n /= base);
        for (size_t i = 0; i < len / 2; i++) {
                char c = out[i];
                out[i] = out[len - 1 - i];
                out[len - 1 - i] = c;
        }
        return len;
}

static void put_integer(struct buf *out, const struct verb *v, int64_t n)
{
        static const struct {
                char letter;
                const char *prefix;
        } prefixes[] = {{'x', "0x"}, {'X', "0X"}, {'o', "0"}, {'b', "0b"}};
        char digits[80], sign[2] = {n < 0 ? '-' : v->plus ? '+' : v->space ? ' ' : 0};
        size_t len = digits_of(digits, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, v->letter);
        const char *prefix = v->letter == 'O' ? "0o" : "";
        for (size_t i = 0; i < ARRAY_LEN(prefixes) && v->sharp; i++)
                prefix = prefixes[i].letter == v->letter ? prefixes[i].prefix : prefix;
        int used = (int)(len + strlen(prefix) + strlen(sign)),
            zeros = v->precision > (int)len ? v->precision - (int)len : 0;
        if (v->zero && !v->minus && v->precision < 0 && v->width > used)
                zeros = v->width - used;
        int pad = v->width - used - zeros;
        for (int i = 0; i < pad && !v->minus; i++)
                buf_addc(out, ' ');
        buf_addf(out, "%s%s", sign, prefix);
        while (zeros-- > 0)
                buf_addc(out, '0');
        buf_add(out, digits, len);
        for (int i = 0; i < pad && v->minus; i++)
                buf_addc(out, ' ');
}

/* Sprintf(format, int64) as Go does it: one verb takes the number, what is too much or unknown is
 * said in the text. */
static void format_number(struct buf *out, const char *format, int64_t n)
{
        bool used = false;
        for (const char *p = format; *p;) {
                struct verb v;
                if (*p != '%') {
                        buf_addc(out, *p++);
                        continue;
                }
                p = read_verb(&v, p + 1);
                if (v.letter == '%')
                        buf_addc(out, '%');
                else if (!v.letter)
                        buf_adds(out, "%!(NOVERB)");
                else if (used)
                        buf_addf(out, "%%!%c(MISSING)", v.letter);
                else if (!strchr("dxXobOv", v.letter))
                        buf_addf(out, "%%!%c(int=%" PRId64 ")", v.letter, n);
                else
                        put_integer(out, &v, n);
                used = used || (v.letter && v.letter != '%');
        }
        if (!used)
                buf_addf(out, "%%!(EXTRA int=%" PRId64 ")", n);
}

static void add_number(json_t *items, const char *format, int64_t n)
{
        AUTO_BUF struct buf text = BUF_INIT((size_t)FORMAT_MAX * FORMAT_MAX);
        if (str_empty(format))
                buf_addf(&text, "%" PRId64, n);
        else
                format_number(&text, format, n);
        json_array_append_new(items, json_string(buf_str(&text)));
}

static int sequence_items(json_t **items, const json_t *sequence, struct err *e)
{
        int64_t start, end, count;
        bool has_start, has_end, has_count;
        const char *format = json_str(sequence, "format");
        if (sequence_number(sequence, "start", &has_start, &start, e) < 0 ||
            sequence_number(sequence, "end", &has_end, &end, e) < 0 ||
            sequence_number(sequence, "count", &has_count, &count, e) < 0)
                return -1;
        if (!has_count && !has_end)
                return err_set(e, ERR_INVALID, "must have count or end in withSequence");
        if (has_count && has_end)
                return err_set(e, ERR_INVALID,
                               "only one of count or end can be defined in withSequence");
        if (has_count && count == 0) {
                *items = json_array();
                return 0;
        }
        if (has_count)
                end = start + count - 1;
        uint64_t n =
                start <= end ? (uint64_t)end - (uint64_t)start : (uint64_t)start - (uint64_t)end;
        if (n >= LOOP_MAX_ITEMS)
                return err_set(e, ERR_LIMIT, "withSequence: more than %d items", LOOP_MAX_ITEMS);
        if (format && strlen(format) > FORMAT_MAX)
                return err_set(e, ERR_LIMIT, "withSequence.format: longer than %d characters",
                               FORMAT_MAX);
        *items = json_array();
        for (uint64_t i = 0; i <= n; i++)
                add_number(*items, format, start <= end ? start + (int64_t)i : start - (int64_t)i);
        return 0;
}

int loop_items(json_t **items, const json_t *body, struct err *e)
{
        json_t *list = json_object_get(body, "withItems");
        const char *param = json_str(body, "withParam");
        const json_t *sequence = json_object_get(body, "withSequence");
        *items = NULL;
        if (json_array_size(list))
                *items = json_incref(list);
        else if (!str_empty(param) && parse_param(items, param, e) < 0)
                return -1;
        else if (!*items && json_is_object(sequence) && sequence_items(items, sequence, e) < 0)
                return -1;
        if (json_array_size(*items) > LOOP_MAX_ITEMS) {
                json_decref(*items);
                return err_set(e, ERR_LIMIT, "a loop over more than %d items", LOOP_MAX_ITEMS);
        }
        return 0;
}

/* ---- names ---- */

/* As Go prints a value with %v. */
static void put_plain(struct buf *b, const json_t *v, int depth)
{
        size_t i;
        json_t *item;
        if (json_is_string(v)) {
                buf_adds(b, json_string_value(v));
        } else if (json_is_array(v) && depth < 16) {
                buf_addc(b, '[');
                json_array_foreach ((json_t *)(uintptr_t)v, i, item) {
                        if (i)
                                buf_addc(b, ' ');
                        put_plain(b, item, depth + 1);
                }
                buf_addc(b, ']');
        } else
                json_put(b, v, JSON_STYLE_SORTED);
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_map(struct buf *b, const json_t *map)
{
        size_t n = json_object_size(map), i = 0;
        const char **keys = mem_calloc(n + 1, sizeof(*keys)), *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)map, key, v)
                keys[i++] = key;
        qsort(keys, n, sizeof(*keys), by_text);
        for (i = 0; i < n; i++) {
                buf_addf(b, "%s%s:", i ? "," : "", keys[i]);
                put_plain(b, json_object_get(map, keys[i]), 0);
        }
        mem_free(keys);
}

char *loop_child_name(const char *base, uint32_t index, const json_t *item)
{
        AUTO_BUF struct buf text = BUF_INIT(1 << 20), name = BUF_INIT(2 << 20);
        if (json_is_null(item))
                buf_adds(&text, "[]");
        else if (json_is_object(item))
                put_map(&text, item);
        else if (json_is_string(item)) {
                json_put(&text, item, JSON_STYLE_GO_HTML);
                buf_truncate(&text, text.len ? text.len - 1 : 0);
                buf_consume(&text, 1);
        } else
                put_plain(&text, item, 0);
        buf_addf(&name, "%s(%u:", base, index);
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] != '(' && text.data[i] != ')')
                        buf_addc(&name, text.data[i]);
        buf_addc(&name, ')');
        return buf_take(&name);
}

/* ---- expansion ---- */

struct fanout *fanout_new(json_t *items, json_t *body, json_t *late)
{
        struct fanout *l = NEW(struct fanout);
        l->late = json_array_size(late) ? json_incref(late) : NULL;
        l->items = items;
        l->n = (uint32_t)json_array_size(items);
        l->nodes = mem_calloc(l->n + 1, sizeof(*l->nodes));
        for (uint32_t i = 0; i < l->n; i++)
                l->nodes[i] = NONE;
        l->body = json_copy(body);
        json_object_del(l->body, "withItems");
        json_object_del(l->body, "withParam");
        json_object_del(l->body, "withSequence");
        return l;
}

struct fanout *fanout_free(struct fanout *l)
{
        if (l) {
                json_decref(l->items);
                json_decref(l->body);
                json_decref(l->late);
                mem_free(l->nodes);
                mem_free(l);
        }
        return NULL;
}

int loop_body(json_t **out, const struct fanout *l, uint32_t index, struct scope *s, struct err *e)
{
        s->item = json_array_get(l->items, index);
        s->item_only = true; /* what could be known was known before */
        s->late = l->late;
        return scope_tree(out, l->body, s, e);
}
