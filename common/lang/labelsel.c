/* common/lang/labelsel.c: see labelsel.h. Label selectors are read token by token, field selectors
 * by cutting at commas, as their originals do: the two have little in common but the matching.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/labelsel.h"
#include "common/base/mem.h"
#include "common/lang/gonum.h"
#include "common/lang/labelsel_priv.h"
#include "common/lang/limits.h"
#include <stdlib.h>

int labelsel_start(struct labelsel **out, struct str text, struct err *e)
{
        if (text.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "selector: longer than %d bytes", LANG_TEXT);
        struct labelsel *s = NEW(struct labelsel);
        arena_init(&s->arena, 0);
        s->text = (struct str){arena_strndup(&s->arena, text.p ? text.p : "", text.n), text.n};
        *out = s;
        return 0;
}

struct labelsel *labelsel_free(struct labelsel *s)
{
        if (s) {
                mem_free(s->terms);
                arena_deinit(&s->arena);
                mem_free(s);
        }
        return NULL;
}

struct labelsel_term *labelsel_add(struct labelsel *s)
{
        mem_grow(s->terms, s->cap, s->n + 1);
        struct labelsel_term *t = &s->terms[s->n];
        *t = (struct labelsel_term){0};
        s->n++;
        return t;
}

int labelsel_order(struct str a, struct str b)
{
        int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
        return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_value(const void *a, const void *b)
{
        return labelsel_order(*(const struct str *)a, *(const struct str *)b);
}

void labelsel_values(struct labelsel *s, struct labelsel_term *t, struct str *values, size_t n)
{
        struct str *own = arena_alloc(&s->arena, (n ? n : 1) * sizeof(*own));
        if (n)
                memcpy(own, values, n * sizeof(*own));
        qsort(own, n, sizeof(*own), by_value);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
                if (!kept || labelsel_order(own[i], own[kept - 1]) != 0)
                        own[kept++] = own[i];
        t->values = own;
        t->nvalues = kept;
}

size_t labelsel_nterms(const struct labelsel *s)
{
        return s ? s->n : 0;
}

const struct labelsel_term *labelsel_term(const struct labelsel *s, size_t i)
{
        return &s->terms[i];
}

/* ---- matching ---- */

static bool has_value(const struct labelsel_term *t, struct str value)
{
        for (size_t i = 0; i < t->nvalues; i++)
                if (labelsel_order(t->values[i], value) == 0)
                        return true;
        return false;
}

static bool compares(const struct labelsel_term *t, struct str value)
{
        int64_t have, want;
        if (gonum_int(value, 10, 64, &have) != GONUM_OK ||
            gonum_int(t->values[0], 10, 64, &want) != GONUM_OK)
                return false;
        return t->op == SEL_GREATER ? have > want : have < want;
}

static bool term_matches(const struct labelsel *s, const struct labelsel_term *t, labelsel_get *get,
                         const void *thing)
{
        struct str value = {0};
        bool has = get(thing, t->key, &value);
        if (s->fields && !has) {
                value = STR("");
                has = true;
        }
        switch (t->op) {
        case SEL_EXISTS: return has;
        case SEL_ABSENT: return !has;
        case SEL_EQUAL:
        case SEL_IN: return has && has_value(t, value);
        case SEL_NOT_EQUAL:
        case SEL_NOT_IN: return !has || !has_value(t, value);
        default: return has && compares(t, value);
        }
}

bool labelsel_matches(const struct labelsel *s, labelsel_get *get, const void *thing)
{
        for (size_t i = 0; s && i < s->n; i++)
                if (!term_matches(s, &s->terms[i], get, thing))
                        return false;
        return true;
}

/* ---- printing ---- */

static void put_value(const struct labelsel *s, struct str value, struct buf *out)
{
        for (size_t i = 0; i < value.n; i++) {
                if (s->fields && memchr("\\,=", value.p[i], 3))
                        buf_addc(out, '\\');
                buf_addc(out, value.p[i]);
        }
}

static void put_term(const struct labelsel *s, const struct labelsel_term *t, struct buf *out)
{
        static const char *const ops[] = {
                [SEL_EXISTS] = "",      [SEL_ABSENT] = "",  [SEL_EQUAL] = "=",
                [SEL_NOT_EQUAL] = "!=", [SEL_IN] = " in (", [SEL_NOT_IN] = " notin (",
                [SEL_GREATER] = ">",    [SEL_LESS] = "<",
        };
        if (t->op == SEL_ABSENT)
                buf_addc(out, '!');
        buf_add(out, t->key.p, t->key.n);
        buf_adds(out, ops[t->op]);
        if (t->doubled)
                buf_addc(out, '=');
        for (size_t i = 0; i < t->nvalues; i++) {
                if (i)
                        buf_addc(out, ',');
                put_value(s, t->values[i], out);
        }
        if (t->op == SEL_IN || t->op == SEL_NOT_IN)
                buf_addc(out, ')');
}

void labelsel_put(const struct labelsel *s, struct buf *out)
{
        for (size_t i = 0; s && i < s->n; i++) {
                if (i)
                        buf_addc(out, ',');
                put_term(s, &s->terms[i], out);
        }
}

/* ---- fields ---- */

/* The value of a field term: \\ \, \= are one character; a bare one of them is an error. */
static bool unescape(struct labelsel *s, struct str raw, struct str *out, size_t *bad)
{
        char *p = arena_alloc(&s->arena, raw.n + 1);
        size_t n = 0;
        for (size_t i = 0; i < raw.n; i++) {
                bool escaped = raw.p[i] == '\\';
                *bad = i;
                i += escaped;
                bool special = i < raw.n && memchr("\\,=", raw.p[i], 3);
                if (escaped != special)
                        return false;
                p[n++] = raw.p[i];
        }
        *out = (struct str){p, n};
        return true;
}

static int add_field(struct labelsel *s, struct str part, size_t *at, struct err *e)
{
        size_t start = (size_t)(part.p - s->text.p);
        const char *eq = memchr(part.p, '=', part.n);
        if (!eq) {
                *at = start;
                return err_set(e, ERR_INVALID,
                               "field selector: offset %zu: \"%.*s\" has none of = == !=", start,
                               (int)part.n, part.p);
        }
        size_t key = (size_t)(eq - part.p), value = key + 1;
        enum labelsel_op op = SEL_EQUAL;
        if (key && part.p[key - 1] == '!') {
                op = SEL_NOT_EQUAL;
                key--;
        } else if (value < part.n && part.p[value] == '=') {
                value++;
        }
        struct str v;
        size_t bad = 0;
        if (!unescape(s, (struct str){part.p + value, part.n - value}, &v, &bad)) {
                *at = start + value + bad;
                return err_set(e, ERR_INVALID,
                               "field selector: offset %zu: in a value , = and \\ are written with "
                               "a backslash before them, and nothing else is",
                               *at);
        }
        if (key == 0 && v.n == 0)
                return 0; /* says nothing */
        struct labelsel_term *t = labelsel_add(s);
        t->key = (struct str){part.p, key};
        t->op = op;
        labelsel_values(s, t, &v, 1);
        return 0;
}

static size_t term_end(struct str text, size_t i)
{
        for (; i < text.n && text.p[i] != ','; i++)
                if (text.p[i] == '\\')
                        i++;
        return i < text.n ? i : text.n;
}

int labelsel_fields(struct labelsel **out, struct str text, size_t *at, struct err *e)
{
        AUTO(labelsel_free) struct labelsel *s = NULL;
        size_t here = 0, n = 0, cap = 0;
        int rc = 0;
        if (labelsel_start(&s, text, e) < 0)
                return -1;
        s->fields = true;
        struct str *parts = NULL;
        for (size_t i = 0, end; i < s->text.n; i = end + 1) {
                end = term_end(s->text, i);
                mem_grow(parts, cap, n + 1);
                if (end > i)
                        parts[n++] = (struct str){s->text.p + i, end - i};
        }
        if (n)
                qsort(parts, n, sizeof(*parts), by_value);
        for (size_t i = 0; i < n && rc == 0; i++)
                rc = add_field(s, parts[i], &here, e);
        mem_free(parts);
        if (at)
                *at = here;
        if (rc == 0)
                *out = TAKE(s);
        return rc;
}
