/* common/lang/gjson/gjson.c: see gjson.h: entry points, multipaths, conversions.
 * The original has no compile step and almost no syntax of its own: a component means what the
 * value it meets makes of it. So a prepared path is its text with its length checked; taking it
 * apart costs less than a key comparison. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"

/* ---- limits ---- */

bool gj_fail(struct gj *g, const char *words)
{
        if (!g->failed)
                g->failed = words;
        return false;
}

bool gj_step(struct gj *g, size_t cost)
{
        if (g->failed)
                return false;
        if (g->steps < cost)
                return gj_fail(g, "the path takes too many steps");
        g->steps -= cost;
        return true;
}

bool gj_enter(struct gj *g)
{
        if (g->failed)
                return false;
        if (++g->depth > GJSON_DEPTH) {
                g->depth--;
                return gj_fail(g, "the path is nested too deeply");
        }
        return true;
}

void gj_init(struct gj *g, struct arena *a, size_t json_len)
{
        *g = (struct gj){.arena = a, .steps = (size_t)LANG_STEPS + json_len};
}

int gj_report(const struct gj *g, struct err *e)
{
        return g->failed ? err_set(e, ERR_LIMIT, "gjson: %s", g->failed) : 0;
}

/* ---- one document ---- */

struct gjson gj_parse(struct gj *g, struct str json)
{
        struct gjson r = {0};
        size_t i = 0;
        while (i < json.n && (unsigned char)json.p[i] <= ' ')
                i++;
        if (i == json.n)
                return r;
        enum gj_kind kind = gj_kind_at(json, i);
        if (kind == GJ_OBJECT || kind == GJ_ARRAY) {
                r = (struct gjson){.type = GJSON_JSON, .raw = gj_from(json, i)};
        } else if (kind == GJ_SKIP || kind == GJ_END) {
                return r;
        } else {
                size_t at = i;
                if (!gj_read(g, json, kind, &at, &r)) { /* a string without end: what there is */
                        bool escapes;
                        gj_string_end(json, i + 1, &escapes);
                        r = (struct gjson){.type = GJSON_STRING, .raw = gj_from(json, i)};
                        r.str = gj_from(json, i + 1);
                        if (escapes)
                                r.str = gj_unescape(g, r.str);
                }
        }
        r.index = i;
        return r;
}

/* The name a multipath member gets when none is written: its last component. */
static struct str last_name(struct str path)
{
        for (size_t i = path.n; i-- > 0;) {
                if (path.p[i] != '|' && path.p[i] != '.')
                        continue;
                if (i > 0 && path.p[i - 1] == '\\')
                        continue;
                path = gj_from(path, i + 1);
                break;
        }
        for (size_t i = 0; i < path.n; i++)
                if ((unsigned char)path.p[i] < ' ' || strchr("[]{}()#|!", path.p[i]))
                        return STR("_");
        return path;
}

static void put_member_name(struct abuf *b, const struct gj_selector *s)
{
        if (s->name.n && s->name.p[0] == '"' && gj_valid(s->name))
                abuf_add(b, s->name);
        else
                gj_quote(b, s->name.n ? s->name : last_name(s->path));
        abuf_addc(b, ':');
}

/* [a,b] or {"x":a,b} at the start of the path. False: it is none after all; what is left of the
 * path (nothing, or what stands behind the bracket) is then an ordinary one, as in the original. */
static bool multipath(struct gj *g, struct str json, struct str *path, struct gjson *out)
{
        struct gj_selector *sel;
        size_t n;
        struct str rest = STR("");
        char kind = path->p[0];
        bool ok = gj_selectors(g, *path, &sel, &n, &rest);
        *path = rest;
        if (!ok || (rest.n && rest.p[0] != '|' && rest.p[0] != '.'))
                return false;
        struct abuf b = abuf_in(g->arena);
        abuf_addc(&b, kind);
        for (size_t i = 0; i < n && !g->failed; i++) {
                struct gjson r = gj_get(g, json, sel[i].path);
                if (!gj_exists(&r))
                        continue;
                if (b.n > 1)
                        abuf_addc(&b, ',');
                if (kind == '{')
                        put_member_name(&b, &sel[i]);
                struct str raw = r.raw.n ? r.raw : gj_text(g, &r);
                abuf_add(&b, raw.n ? raw : STR("null"));
        }
        abuf_addc(&b, kind == '{' ? '}' : ']');
        if (b.failed)
                gj_fail(g, "the result needs too much memory");
        *out = (struct gjson){.type = GJSON_JSON, .raw = abuf_str(&b)};
        if (rest.n)
                *out = gj_get_in(g, out, gj_from(rest, 1));
        out->index = 0;
        return true;
}

/* Paths that begin with a modifier, a literal or a multipath. */
static bool special_path(struct gj *g, struct str json, struct str *path, struct gjson *out)
{
        struct str rest, result;
        char first = path->p[0];
        bool ok = (first == '@' && gj_modify(g, json, *path, &rest, &result)) ||
                  (first == '!' && gj_literal(g, *path, &rest, &result));
        if (!ok)
                return (first == '[' || first == '{') && multipath(g, json, path, out);
        if (rest.n && (rest.p[0] == '|' || rest.p[0] == '.')) {
                *out = gj_get(g, result, gj_from(rest, 1));
                out->index = 0;
                out->indexes = NULL;
                out->nindexes = 0;
        } else {
                *out = gj_parse(g, result);
        }
        return true;
}

static struct gjson plain_path(struct gj *g, struct str json, struct str path)
{
        struct gj_walk w = {.g = g, .json = json};
        bool hit;
        if (path.n >= 2 && path.p[0] == '.' && path.p[1] == '.') {
                gj_walk_array(&w, 0, gj_from(path, 2), &hit);
        } else {
                size_t i = 0;
                while (i < json.n && json.p[i] != '{' && json.p[i] != '[')
                        i++;
                if (i < json.n && json.p[i] == '{')
                        gj_walk_object(&w, i + 1, path, &hit);
                else if (i < json.n)
                        gj_walk_array(&w, i + 1, path, &hit);
        }
        if (w.piped) {
                struct gjson r = gj_get_in(g, &w.value, w.pipe);
                r.index = 0;
                return r;
        }
        if (w.value.raw.n && !w.computed)
                w.value.index = gj_index_of(json, w.value.raw);
        return w.value;
}

struct gjson gj_get(struct gj *g, struct str json, struct str path)
{
        struct gjson r = {0};
        if (!gj_enter(g))
                return r;
        if (gj_step(g, 1 + json.n / 64) && !(path.n > 1 && special_path(g, json, &path, &r)))
                r = plain_path(g, json, path);
        gj_leave(g);
        if (g->failed)
                r = (struct gjson){0};
        return r;
}

struct gjson gj_get_in(struct gj *g, const struct gjson *r, struct str path)
{
        struct gjson found = gj_get(g, r->raw, path);
        if (!found.indexes) {
                found.index += r->index;
                return found;
        }
        size_t *moved = (size_t *)(uintptr_t)found.indexes;
        for (size_t i = 0; i < found.nindexes; i++)
                moved[i] += r->index;
        return found;
}

/* ---- members ---- */

bool gj_each_start(struct gj_each *it, const struct gjson *r)
{
        *it = (struct gj_each){.json = r->raw};
        for (; it->i < r->raw.n; it->i++) {
                char c = r->raw.p[it->i];
                if (c == '{' || c == '[') {
                        it->object = c == '{';
                        it->i++;
                        return true;
                }
                if ((unsigned char)c > ' ')
                        return false;
        }
        return false;
}

bool gj_each_next(struct gj *g, struct gj_each *it, struct gjson *key, struct gjson *value)
{
        *key = (struct gjson){0};
        if (!gj_step(g, 1))
                return false;
        struct str json = it->json;
        if (it->object) {
                while (it->i < json.n && json.p[it->i] != '"')
                        it->i++;
                if (it->i >= json.n || !gj_read(g, json, GJ_STRING, &it->i, key))
                        return false;
        }
        for (; it->i < json.n; it->i++) {
                unsigned char c = (unsigned char)json.p[it->i];
                if (c > ' ' && c != ',' && c != ':')
                        break;
        }
        size_t from = it->i;
        if (!gj_any(g, json, &it->i, value))
                return false;
        value->index = from;
        it->i++; /* whatever stands behind a value counts as its comma */
        return !g->failed;
}

/* ---- conversions ---- */

static bool digits_only(struct str raw)
{
        for (size_t i = raw.p[0] == '-'; i < raw.n; i++)
                if (raw.p[i] < '0' || raw.p[i] > '9')
                        return false;
        return true;
}

struct str gjson_string(const struct gjson *r, struct arena *a)
{
        switch (r->type) {
        case GJSON_FALSE: return STR("false");
        case GJSON_TRUE: return STR("true");
        case GJSON_STRING: return r->str;
        case GJSON_JSON: return r->raw;
        case GJSON_NUMBER: break;
        default: return STR("");
        }
        if (r->raw.n && digits_only(r->raw))
                return r->raw;
        char text[GONUM_TEXT];
        size_t n = gonum_format(text, r->num, 'f');
        char *copy = arena_try_alloc(a, n + 1);
        if (!copy)
                return (struct str){0};
        memcpy(copy, text, n + 1);
        return (struct str){copy, n};
}

struct str gj_text(struct gj *g, const struct gjson *r)
{
        struct str s = gjson_string(r, g->arena);
        if (!s.p) {
                gj_fail(g, "the result needs too much memory");
                return STR("");
        }
        return s;
}

double gjson_float(const struct gjson *r)
{
        double d = 0;
        if (r->type == GJSON_STRING)
                gonum_float(r->str, &d);
        return r->type == GJSON_TRUE ? 1 : r->type == GJSON_NUMBER ? r->num : d;
}

static bool plain_int(struct str s, int64_t *out)
{
        bool negative = s.n && s.p[0] == '-';
        uint64_t u;
        if (!gj_digits(negative ? gj_from(s, 1) : s, &u))
                return false;
        *out = (int64_t)(negative ? 0 - u : u);
        return true;
}

int64_t gjson_int(const struct gjson *r)
{
        int64_t i = 0;
        if (r->type == GJSON_TRUE)
                return 1;
        if (r->type == GJSON_STRING)
                return plain_int(r->str, &i) ? i : 0;
        if (r->type != GJSON_NUMBER)
                return 0;
        bool safe = r->num >= -9007199254740991.0 && r->num <= 9007199254740991.0;
        if (!safe && plain_int(r->raw, &i))
                return i;
        return gonum_f64_to_i64(r->num);
}

uint64_t gjson_uint(const struct gjson *r)
{
        uint64_t u;
        if (r->type == GJSON_TRUE)
                return 1;
        if (r->type == GJSON_STRING)
                return gj_digits(r->str, &u) ? u : 0;
        if (r->type != GJSON_NUMBER)
                return 0;
        bool safe = r->num >= 0 && r->num <= 9007199254740991.0;
        if (!safe && gj_digits(r->raw, &u))
                return u;
        return gonum_f64_to_u64(r->num);
}

bool gjson_bool(const struct gjson *r)
{
        bool b = false;
        if (r->type == GJSON_STRING)
                return gj_truth(r->str, &b) && b;
        return r->type == GJSON_TRUE || (r->type == GJSON_NUMBER && r->num != 0);
}

const char *gjson_type_name(enum gjson_type t)
{
        static const char *const names[] = {"Null", "False", "Number", "String", "True", "JSON"};
        return names[t];
}

/* ---- public ---- */

struct gjson_path {
        size_t n;
        char text[];
};

int gjson_path_new(struct gjson_path **out, struct str text, struct err *e)
{
        if (text.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "gjson: a path of %zu bytes is too long", text.n);
        struct gjson_path *p = mem_alloc(sizeof(*p) + text.n + 1);
        p->n = text.n;
        if (text.n)
                memcpy(p->text, text.p, text.n);
        *out = p;
        return 0;
}

struct gjson_path *gjson_path_free(struct gjson_path *p)
{
        mem_free(p);
        return NULL;
}

int gjson_find(const struct gjson_path *p, struct str json, struct arena *a, struct gjson *out,
               struct err *e)
{
        return gjson_get(json, (struct str){p->text, p->n}, a, out, e);
}

int gjson_get(struct str json, struct str path, struct arena *a, struct gjson *out, struct err *e)
{
        struct gj g;
        gj_init(&g, a, json.n);
        if (path.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "gjson: a path of %zu bytes is too long", path.n);
        struct gjson r = gj_get(&g, json, path);
        if (g.failed)
                return gj_report(&g, e);
        r.exists = gj_exists(&r);
        *out = r;
        return 0;
}

int gjson_parse(struct str json, struct arena *a, struct gjson *out, struct err *e)
{
        struct gj g;
        gj_init(&g, a, json.n);
        struct gjson r = gj_parse(&g, json);
        if (g.failed)
                return gj_report(&g, e);
        r.exists = gj_exists(&r);
        *out = r;
        return 0;
}

int gjson_each(const struct gjson *r, struct arena *a, gjson_each_fn *fn, void *arg, struct err *e)
{
        struct gj g;
        gj_init(&g, a, r->raw.n);
        struct gj_each it;
        struct gjson key = {0}, value;
        if (!gj_exists(r))
                return 0;
        if (r->type != GJSON_JSON) {
                fn(arg, &key, r);
                return 0;
        }
        if (!gj_each_start(&it, r))
                return 0;
        while (gj_each_next(&g, &it, &key, &value)) {
                key.exists = gj_exists(&key);
                value.exists = true;
                if (!fn(arg, &key, &value))
                        break;
        }
        return gj_report(&g, e);
}
