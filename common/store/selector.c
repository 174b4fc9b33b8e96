/* common/store/selector.c: see selector.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/store/selector.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <ctype.h>
#include <stdlib.h>

enum op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_ABSENT };
struct requirement {
        enum op op;
        char *key;
        char **values;
        size_t n, cap;
};
struct selector {
        bool fields;
        struct requirement *items;
        size_t n, cap;
};
struct parser {
        const char *text, *at;
        bool fields;
};

static void skip_space(struct parser *p)
{
        while (isspace((unsigned char)*p->at))
                p->at++;
}

static int complain(const struct parser *p, const char *expected, struct err *e)
{
        return err_set(e, ERR_INVALID, "selector \"%s\": offset %d: expected %s, found %s%.12s%s",
                       p->text, (int)(p->at - p->text), expected, *p->at ? "\"" : "the end", p->at,
                       *p->at ? "\"" : "");
}

static char *word(struct parser *p, const char *ends)
{
        skip_space(p);
        size_t n = strcspn(p->at, ends);
        char *w = mem_strndup(p->at, n);
        p->at += n;
        return w;
}

static void add_value(struct requirement *r, char *value_taken)
{
        mem_grow(r->values, r->cap, r->n + 1);
        r->values[r->n++] = value_taken;
}

static int parse_set(struct parser *p, struct requirement *r, struct err *e)
{
        skip_space(p);
        if (*p->at != '(')
                return complain(p, "'('", e);
        p->at++;
        for (;;) {
                add_value(r, word(p, ",) \t"));
                skip_space(p);
                if (*p->at == ')') {
                        p->at++;
                        return 0;
                }
                if (*p->at != ',')
                        return complain(p, "',' or ')'", e);
                p->at++;
        }
}

static bool keyword(struct parser *p, const char *name)
{
        size_t n = strlen(name);
        if (strncmp(p->at, name, n) != 0 || (isalnum((unsigned char)p->at[n])))
                return false;
        p->at += n;
        return true;
}

static int parse_one(struct parser *p, struct requirement *r, struct err *e)
{
        skip_space(p);
        bool negated = *p->at == '!' && p->at[1] != '=';
        p->at += negated;
        r->key = word(p, "=!,() \t");
        if (!*r->key)
                return complain(p, "a key", e);
        skip_space(p);
        if (negated || *p->at == ',' || !*p->at) {
                r->op = negated ? OP_ABSENT : OP_EXISTS;
                return p->fields ? complain(p, "= or !=", e) : 0;
        }
        if (!p->fields && keyword(p, "in")) {
                r->op = OP_IN;
                return parse_set(p, r, e);
        }
        if (!p->fields && keyword(p, "notin")) {
                r->op = OP_NOT_IN;
                return parse_set(p, r, e);
        }
        if (*p->at != '=' && strncmp(p->at, "!=", 2) != 0)
                return complain(p, p->fields ? "=, == or !=" : "=, ==, !=, in or notin", e);
        r->op = *p->at == '!' ? OP_NOT_IN : OP_IN;
        p->at += *p->at == '!' || p->at[1] == '=' ? 2 : 1;
        add_value(r, word(p, ", \t"));
        return 0;
}

static int parse(struct selector **out, const char *text, bool fields, struct err *e)
{
        struct parser p = {text ? text : "", text ? text : "", fields};
        skip_space(&p);
        if (!*p.at) {
                *out = NULL;
                return 0;
        }
        AUTO(selector_free) struct selector *s = NEW(struct selector);
        s->fields = fields;
        for (;;) {
                mem_grow(s->items, s->cap, s->n + 1);
                struct requirement *r = &s->items[s->n++];
                *r = (struct requirement){0};
                if (parse_one(&p, r, e) < 0)
                        return -1;
                skip_space(&p);
                if (!*p.at)
                        break;
                if (*p.at != ',')
                        return complain(&p, "','", e);
                p.at++;
        }
        *out = TAKE(s);
        return 0;
}

int selector_labels(struct selector **out, const char *text, struct err *e)
{
        return parse(out, text, false, e);
}

int selector_fields(struct selector **out, const char *text, struct err *e)
{
        return parse(out, text, true, e);
}

struct selector *selector_free(struct selector *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                for (size_t k = 0; k < s->items[i].n; k++)
                        free(s->items[i].values[k]);
                free(s->items[i].values);
                free(s->items[i].key);
        }
        free(s->items);
        free(s);
        return NULL;
}

static const char *value_of(const struct selector *s, const json_t *object, const char *key)
{
        if (!s->fields)
                return json_str(object, "metadata", "labels", key);
        const json_t *at = object;
        for (const char *p = key; at && *p;) {
                size_t n = strcspn(p, ".");
                AUTO(mem_free) char *step = mem_strndup(p, n);
                at = json_object_get(at, step);
                p += n + (p[n] == '.');
        }
        const char *text = json_string_value(at);
        return text ? text : "";
}

static bool meets(const struct selector *s, const struct requirement *r, const json_t *object)
{
        const char *value = value_of(s, object, r->key);
        bool listed = false;
        for (size_t i = 0; i < r->n; i++)
                listed |= streq(value, r->values[i]);
        switch (r->op) {
        case OP_IN: return listed;
        case OP_NOT_IN: return !listed;
        case OP_EXISTS: return value != NULL;
        case OP_ABSENT: return value == NULL;
        }
        return false;
}

bool selector_matches(const struct selector *s, const json_t *object)
{
        for (size_t i = 0; s && i < s->n; i++)
                if (!meets(s, &s->items[i], object))
                        return false;
        return true;
}

const char *selector_equals(const struct selector *s, const char *key)
{
        for (size_t i = 0; s && i < s->n; i++)
                if (s->items[i].op == OP_IN && s->items[i].n == 1 && streq(s->items[i].key, key))
                        return s->items[i].values[0];
        return NULL;
}

bool selector_nth_equals(const struct selector *s, size_t n, const char **key, const char **value)
{
        for (size_t i = 0; s && i < s->n; i++)
                if (s->items[i].op == OP_IN && s->items[i].n == 1 && n-- == 0) {
                        *key = s->items[i].key;
                        *value = s->items[i].values[0];
                        return true;
                }
        return false;
}

const char *selector_other_key(const struct selector *s, const char *const *keys)
{
        for (size_t i = 0; s && i < s->n; i++) {
                const char *const *k = keys;
                while (*k && !streq(*k, s->items[i].key))
                        k++;
                if (!*k)
                        return s->items[i].key;
        }
        return NULL;
}
