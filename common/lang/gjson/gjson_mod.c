/* common/lang/gjson/gjson_mod.c: see gjson_priv.h: modifiers (@name, @name:argument) and literals
 * (!value). A modifier maps the text of a document to another text; nothing else is known about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include <strings.h>

typedef struct str modifier_fn(struct gj *g, struct str json, struct str arg);

static struct str finish(struct gj *g, struct abuf *b)
{
        if (b->failed)
                gj_fail(g, "the result needs too much memory");
        return abuf_str(b);
}

static bool is_array(const struct gjson *r)
{
        return r->type == GJSON_JSON && r->raw.n && r->raw.p[0] == '[';
}

static bool is_object(const struct gjson *r)
{
        return r->type == GJSON_JSON && r->raw.n && r->raw.p[0] == '{';
}

/* The members of a container as they come, or the scalar itself. */
struct members {
        struct gj_each it;
        struct gjson scalar;
        bool once;
};

static void members_start(struct members *m, const struct gjson *r)
{
        *m = (struct members){.scalar = *r, .once = gj_exists(r) && r->type != GJSON_JSON};
        if (r->type == GJSON_JSON && !gj_each_start(&m->it, r))
                m->it.i = m->it.json.n;
}

static bool members_next(struct gj *g, struct members *m, struct gjson *key, struct gjson *value)
{
        if (m->scalar.type == GJSON_JSON)
                return gj_each_next(g, &m->it, key, value);
        bool once = m->once;
        m->once = false;
        *key = (struct gjson){0};
        *value = m->scalar;
        return once;
}

/* The boolean option `name` of an argument such as {"deep":true}. */
static bool option(struct gj *g, struct str arg, const char *name)
{
        struct gjson r = gj_parse(g, arg), key, value;
        struct members m;
        bool on = false;
        members_start(&m, &r);
        while (members_next(g, &m, &key, &value))
                if (str_eq(key.str, name))
                        on = gjson_bool(&value);
        return on;
}

static struct str mod_this(struct gj *g, struct str json, struct str arg)
{
        (void)g;
        (void)arg;
        return json;
}

static struct str mod_valid(struct gj *g, struct str json, struct str arg)
{
        (void)g;
        (void)arg;
        return gj_valid(json) ? json : STR("");
}

static struct str mod_ugly(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        struct abuf b = abuf_in(g->arena);
        for (size_t i = 0; i < json.n; i++) {
                if ((unsigned char)json.p[i] <= ' ')
                        continue;
                size_t end = i + 1;
                bool escapes;
                if (json.p[i] == '"')
                        end = gj_string_end(json, i + 1, &escapes) + 1;
                abuf_add(&b, gj_slice(json, i, end));
                i = end - 1;
        }
        return finish(g, &b);
}

/* The pairs are collected first: gjson walks forwards only. */
static struct str mod_reverse(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        struct gjson r = gj_parse(g, json), key, value;
        if (!is_array(&r) && !is_object(&r))
                return json;
        struct abuf items = abuf_in(g->arena), b = abuf_in(g->arena);
        struct members m;
        members_start(&m, &r);
        while (members_next(g, &m, &key, &value) && !items.failed) {
                struct str pair[2] = {key.raw, value.raw};
                abuf_add(&items, (struct str){(const char *)pair, sizeof(pair)});
        }
        abuf_addc(&b, is_array(&r) ? '[' : '{');
        for (size_t i = items.n; i > 0; i -= 2 * sizeof(struct str)) {
                struct str pair[2];
                memcpy(pair, items.p + i - sizeof(pair), sizeof(pair));
                if (b.n > 1)
                        abuf_addc(&b, ',');
                if (is_object(&r)) {
                        abuf_add(&b, pair[0]);
                        abuf_addc(&b, ':');
                }
                abuf_add(&b, pair[1]);
        }
        abuf_addc(&b, is_array(&r) ? ']' : '}');
        if (items.failed)
                b.failed = true;
        return finish(g, &b);
}

/* Without the outer brackets. */
static struct str unwrap(struct str json)
{
        json = gj_trim(json);
        if (json.n >= 2 && (json.p[0] == '[' || json.p[0] == '{'))
                json = gj_slice(json, 1, json.n - 1);
        return json;
}

static struct str flatten(struct gj *g, struct str json, bool deep)
{
        struct gjson r = gj_parse(g, json), key, value;
        if (!is_array(&r) || !gj_enter(g))
                return json;
        struct abuf b = abuf_in(g->arena);
        struct members m;
        bool first = true;
        abuf_addc(&b, '[');
        members_start(&m, &r);
        while (members_next(g, &m, &key, &value)) {
                struct str raw = value.raw;
                if (is_array(&value))
                        raw = unwrap(deep ? flatten(g, raw, deep) : raw);
                raw = gj_trim(raw);
                if (raw.n == 0)
                        continue;
                if (!first)
                        abuf_addc(&b, ',');
                abuf_add(&b, raw);
                first = false;
        }
        abuf_addc(&b, ']');
        gj_leave(g);
        return finish(g, &b);
}

static struct str mod_flatten(struct gj *g, struct str json, struct str arg)
{
        return flatten(g, json, arg.n && option(g, arg, "deep"));
}

static struct str list_members(struct gj *g, struct str json, bool keys)
{
        struct gjson r = gj_parse(g, json), key, value;
        if (!gj_exists(&r))
                return STR("[]");
        if (!keys && is_array(&r))
                return json;
        struct abuf b = abuf_in(g->arena);
        struct members m;
        bool first = true;
        abuf_addc(&b, '[');
        members_start(&m, &r);
        while (members_next(g, &m, &key, &value)) {
                if (!first)
                        abuf_addc(&b, ',');
                abuf_add(&b, !keys ? value.raw : is_object(&r) ? key.raw : STR("null"));
                first = false;
        }
        abuf_addc(&b, ']');
        return finish(g, &b);
}

static struct str mod_keys(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        return list_members(g, json, true);
}

static struct str mod_values(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        return list_members(g, json, false);
}

/* ---- @join: one object of many; the last value of a key counts, at its first place ---- */

struct join_member {
        struct str name, raw_key, value;
};
struct join {
        struct gj *g;
        struct join_member *items;
        size_t n, cap;
        uint32_t *slots; /* item + 1, by hash */
        size_t nslots;   /* a power of two */
};

static uint32_t hash_name(struct str s)
{
        uint32_t h = 2166136261u;
        for (size_t i = 0; i < s.n; i++)
                h = (h ^ (unsigned char)s.p[i]) * 16777619u;
        return h;
}

static uint32_t *join_slot(struct join *j, struct str name)
{
        size_t at = hash_name(name) & (j->nslots - 1);
        while (j->slots[at] && !gj_same(j->items[j->slots[at] - 1].name, name))
                at = (at + 1) & (j->nslots - 1);
        return &j->slots[at];
}

static bool join_grow(struct join *j)
{
        size_t cap = j->cap ? j->cap * 2 : 16;
        struct join_member *items = arena_try_alloc(j->g->arena, cap * sizeof(*items));
        uint32_t *slots = arena_try_alloc(j->g->arena, 2 * cap * sizeof(*slots));
        if (!items || !slots)
                return gj_fail(j->g, "the result needs too much memory");
        if (j->n)
                memcpy(items, j->items, j->n * sizeof(*items));
        memset(slots, 0, 2 * cap * sizeof(*slots));
        j->items = items;
        j->cap = cap;
        j->slots = slots;
        j->nslots = 2 * cap;
        for (size_t i = 0; i < j->n; i++)
                *join_slot(j, items[i].name) = (uint32_t)i + 1;
        return true;
}

static bool join_put(struct join *j, const struct gjson *key, struct str value)
{
        if (j->n == j->cap && !join_grow(j))
                return false;
        uint32_t *slot = join_slot(j, key->str);
        if (*slot) {
                j->items[*slot - 1].value = value;
        } else {
                j->items[j->n] = (struct join_member){key->str, key->raw, value};
                *slot = (uint32_t)++j->n;
        }
        return true;
}

static void join_unique(struct gj *g, struct members *m, struct abuf *b)
{
        struct join j = {.g = g};
        struct gjson key, value;
        while (members_next(g, m, &key, &value)) {
                struct members inner;
                struct gjson k, v;
                if (!is_object(&value))
                        continue;
                members_start(&inner, &value);
                while (members_next(g, &inner, &k, &v))
                        if (!join_put(&j, &k, v.raw))
                                return;
        }
        for (size_t i = 0; i < j.n; i++) {
                if (i)
                        abuf_addc(b, ',');
                abuf_add(b, j.items[i].raw_key);
                abuf_addc(b, ':');
                abuf_add(b, j.items[i].value);
        }
}

static struct str mod_join(struct gj *g, struct str json, struct str arg)
{
        struct gjson r = gj_parse(g, json), key, value;
        if (!is_array(&r))
                return json;
        struct abuf b = abuf_in(g->arena);
        struct members m;
        bool preserve = arg.n && option(g, arg, "preserve"), first = true;
        abuf_addc(&b, '{');
        members_start(&m, &r);
        if (!preserve)
                join_unique(g, &m, &b);
        while (preserve && members_next(g, &m, &key, &value)) {
                if (!is_object(&value))
                        continue;
                if (!first)
                        abuf_addc(&b, ',');
                abuf_add(&b, unwrap(value.raw));
                first = false;
        }
        abuf_addc(&b, '}');
        return finish(g, &b);
}

static struct str mod_tostr(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        struct abuf b = abuf_in(g->arena);
        gj_quote(&b, json);
        return finish(g, &b);
}

static struct str mod_fromstr(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        if (!gj_valid(json))
                return STR("");
        struct gjson r = gj_parse(g, json);
        return gj_text(g, &r);
}

/* ---- @group: an object of arrays becomes an array of objects ---- */

static bool group_row(struct gj *g, struct abuf **rows, size_t *n, size_t *cap)
{
        if (*n == *cap) {
                size_t more_cap = *cap ? *cap * 2 : 16;
                struct abuf *more = arena_try_alloc(g->arena, more_cap * sizeof(*more));
                if (!more)
                        return gj_fail(g, "the result needs too much memory");
                if (*n)
                        memcpy(more, *rows, *n * sizeof(*more));
                *rows = more;
                *cap = more_cap;
        }
        (*rows)[(*n)++] = abuf_in(g->arena);
        return true;
}

static struct str mod_group(struct gj *g, struct str json, struct str arg)
{
        (void)arg;
        struct gjson r = gj_parse(g, json), key, list, none, value;
        if (!is_object(&r))
                return STR("");
        struct abuf *rows = NULL, b = abuf_in(g->arena);
        size_t n = 0, cap = 0;
        struct members m;
        members_start(&m, &r);
        while (members_next(g, &m, &key, &list)) {
                struct members inner;
                if (!is_array(&list))
                        continue;
                members_start(&inner, &list);
                for (size_t row = 0; members_next(g, &inner, &none, &value); row++) {
                        if (row == n && !group_row(g, &rows, &n, &cap))
                                return STR("");
                        if (rows[row].n)
                                abuf_addc(&rows[row], ',');
                        abuf_add(&rows[row], key.raw);
                        abuf_addc(&rows[row], ':');
                        abuf_add(&rows[row], value.raw);
                        b.failed |= rows[row].failed;
                }
        }
        abuf_addc(&b, '[');
        for (size_t row = 0; row < n; row++) {
                abuf_add(&b, row ? STR(",{") : STR("{"));
                abuf_add(&b, abuf_str(&rows[row]));
                abuf_addc(&b, '}');
        }
        abuf_addc(&b, ']');
        return finish(g, &b);
}

/* ---- @dig: the path asked of every value below ---- */

static void dig(struct gj *g, const struct gjson *at, struct str path, struct abuf *b)
{
        if (!gj_enter(g))
                return;
        struct gjson found = gj_get_in(g, at, path), key, value;
        if (gj_exists(&found)) {
                if (b->n > 1)
                        abuf_addc(b, ',');
                abuf_add(b, found.raw);
        }
        if (is_array(at) || is_object(at)) {
                struct members m;
                members_start(&m, at);
                while (members_next(g, &m, &key, &value))
                        dig(g, &value, path, b);
        }
        gj_leave(g);
}

static struct str mod_dig(struct gj *g, struct str json, struct str arg)
{
        struct gjson r = gj_parse(g, json);
        struct abuf b = abuf_in(g->arena);
        abuf_addc(&b, '[');
        dig(g, &r, arg, &b);
        abuf_addc(&b, ']');
        return finish(g, &b);
}

static const struct {
        const char *name;
        modifier_fn *fn;
} modifiers[] = {
        {"pretty", gj_pretty}, {"ugly", mod_ugly},       {"reverse", mod_reverse},
        {"this", mod_this},    {"flatten", mod_flatten}, {"join", mod_join},
        {"valid", mod_valid},  {"keys", mod_keys},       {"values", mod_values},
        {"tostr", mod_tostr},  {"fromstr", mod_fromstr}, {"group", mod_group},
        {"dig", mod_dig},
};

bool gj_is_modifier(struct str name)
{
        for (size_t i = 0; i < ARRAY_LEN(modifiers); i++)
                if (str_eq(name, modifiers[i].name))
                        return true;
        return false;
}

/* text begins with a bracket or a quote: the length of that value. */
static size_t value_length(struct str text)
{
        bool escapes;
        size_t n = text.p[0] == '"' ? gj_string_end(text, 1, &escapes) + 1 : gj_squash(text, 0);
        return n < text.n ? n : text.n;
}

/* The argument at the start of *rest, which moves behind it. */
static struct str take_argument(struct gj *g, struct str *rest)
{
        size_t i = 0;
        struct str all = *rest;
        if (strchr("{[\"", all.p[0]) && all.p[0]) {
                struct gjson r = gj_parse(g, all);
                if (gj_exists(&r)) {
                        i = value_length(all);
                        *rest = gj_from(all, i);
                        return gj_slice(all, 0, i);
                }
        }
        for (; i < all.n && all.p[i] != '|'; i++)
                if (all.p[i] && strchr("{[\"(", all.p[i]))
                        i += value_length(gj_from(all, i)) - 1;
        *rest = gj_from(all, i);
        return gj_slice(all, 0, i);
}

bool gj_modify(struct gj *g, struct str json, struct str path, struct str *rest, struct str *result)
{
        size_t i = 1;
        while (i < path.n && path.p[i] != ':' && path.p[i] != '|' && path.p[i] != '.')
                i++;
        struct str name = gj_slice(path, 1, i), arg = STR("");
        bool colon = i < path.n && path.p[i] == ':';
        *rest = gj_from(path, colon ? i + 1 : i);
        for (size_t k = 0; k < ARRAY_LEN(modifiers); k++) {
                if (!str_eq(name, modifiers[k].name))
                        continue;
                if (colon && rest->n)
                        arg = take_argument(g, rest);
                if (!gj_step(g, 1 + json.n / 16))
                        return false;
                *result = modifiers[k].fn(g, json, arg);
                return true;
        }
        return false;
}

bool gj_literal(struct gj *g, struct str path, struct str *rest, struct str *result)
{
        static const char *const words[] = {"true", "false", "null", "nan", "inf"};
        struct str text = gj_from(path, 1);
        (void)g;
        if (text.n && text.p[0] && strchr("{[\"+-0123456789", text.p[0])) {
                size_t n = gj_squash(text, 0);
                *result = gj_slice(text, 0, n);
                *rest = gj_from(text, n);
                return true;
        }
        size_t i = 0;
        while (i < text.n && text.p[i] != '|' && text.p[i] != '.')
                i++;
        *rest = gj_from(text, i);
        *result = gj_slice(text, 0, i);
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
                if (i == strlen(words[k]) && strncasecmp(text.p, words[k], i) == 0)
                        return true;
        return false;
}
