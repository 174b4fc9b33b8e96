/* common/net/http_route.c: see http_route.h. SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/net/http_route.h"
#include "common/base/mem.h"
#include <pcre2.h>
#include <stdlib.h>
#include <uthash.h>

struct http_path { /* one pattern and the routes (methods) that share it */
        char *pattern;
        struct http_route *routes;
        struct http_path *next; /* of the patterns */
        pcre2_code *regex;      /* NULL: exact or whole segments */
        char *names[HTTP_MAX_PARAMS];
        size_t n_names;
        UT_hash_handle hh;
};

static struct http_path *path_free(struct http_path *p)
{
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_names; i++)
                free(p->names[i]);
        pcre2_code_free(p->regex);
        free(p->pattern);
        free(p);
        return NULL;
}
AUTO_DEFINE(path_free, struct http_path *);

/* ---- compiling a pattern ---- */

static const char *brace_end(
        const char *s) /* s is behind '{'; regexes may hold braces themselves */
{
        for (int depth = 1; *s; s++) {
                depth += *s == '{' ? 1 : *s == '}' ? -1 : 0;
                if (depth == 0)
                        return s;
        }
        return NULL;
}

static int add_name(struct http_path *p, const char *name, size_t n, struct err *e)
{
        if (p->n_names == HTTP_MAX_PARAMS)
                return err_set(e, ERR_INVALID, "path %s: more than %d variables", p->pattern,
                               HTTP_MAX_PARAMS);
        if (n == 0)
                return err_set(e, ERR_INVALID, "path %s: a variable without a name", p->pattern);
        p->names[p->n_names++] = mem_strndup(name, n);
        return 0;
}

static void put_literal(struct buf *b, char c)
{
        if (strchr("\\^$.|?*+()[]{}#-", c))
                buf_addc(b, '\\');
        buf_addc(b, c);
}

/* Collects the names and writes the pattern as a regex; *whole tells that segments are enough to
 * match it. */
static int translate(struct http_path *p, struct buf *re, bool *whole, struct err *e)
{
        *whole = true;
        buf_addc(re, '^');
        for (const char *s = p->pattern; *s; s++) {
                if (*s == '*' && s[1] == '\0' && s > p->pattern && s[-1] == '/') {
                        if (add_name(p, "*", 1, e) < 0)
                                return -1;
                        buf_addf(re, "(?<v%zu>.*)", p->n_names - 1);
                        continue;
                }
                if (*s != '{') {
                        put_literal(re, *s);
                        continue;
                }
                const char *end = brace_end(s + 1);
                if (!end)
                        return err_set(e, ERR_INVALID, "path %s: a '{' without its '}'",
                                       p->pattern);
                const char *colon = memchr(s, ':', (size_t)(end - s));
                if (add_name(p, s + 1, (size_t)((colon ? colon : end) - s - 1), e) < 0)
                        return -1;
                if (colon || s[-1] != '/' || (end[1] && end[1] != '/'))
                        *whole = false;
                buf_addf(re, "(?<v%zu>%.*s)", p->n_names - 1, colon ? (int)(end - colon - 1) : 5,
                         colon ? colon + 1 : "[^/]+");
                s = end;
        }
        buf_adds(re, "$");
        return 0;
}

static int compile(struct http_path *p, struct err *e)
{
        AUTO_BUF struct buf re = BUF_INIT(16384);
        bool whole;
        if (translate(p, &re, &whole, e) < 0)
                return -1;
        if (whole)
                return 0;
        int code;
        PCRE2_SIZE at;
        p->regex = pcre2_compile((PCRE2_SPTR)buf_str(&re), re.len,
                                 PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL, &code, &at, NULL);
        if (p->regex)
                return 0;
        PCRE2_UCHAR words[128];
        pcre2_get_error_message(code, words, sizeof(words));
        return err_set(e, ERR_INVALID, "path %s: %s", p->pattern, (const char *)words);
}

/* ---- the table ---- */

static struct http_path *find_pattern(const struct http_routes *t, const char *pattern)
{
        struct http_path *p;
        HASH_FIND_STR(t->exact, pattern, p);
        if (p)
                return p;
        for (p = t->patterns; p; p = p->next)
                if (streq(p->pattern, pattern))
                        return p;
        return NULL;
}

static int path_new(struct http_path **out, struct http_routes *t, const char *pattern,
                    struct err *e)
{
        if (pattern[0] != '/')
                return err_set(e, ERR_INVALID, "path %s: must begin with '/'", pattern);
        AUTO(path_free) struct http_path *p = NEW(struct http_path);
        p->pattern = mem_strdup(pattern);
        if (compile(p, e) < 0)
                return -1;
        if (p->n_names == 0) {
                HASH_ADD_KEYPTR(hh, t->exact, p->pattern, strlen(p->pattern), p);
        } else {
                struct http_path **end = &t->patterns;
                while (*end)
                        end = &(*end)->next;
                *end = p;
        }
        *out = TAKE(p);
        return 0;
}

static void drop_path(struct http_routes *t, struct http_path *p)
{
        if (p->n_names == 0) {
                HASH_DEL(t->exact, p);
        } else {
                struct http_path **at = &t->patterns;
                while (*at != p)
                        at = &(*at)->next;
                *at = p->next;
        }
        path_free(p);
}

struct http_route *http_routes_add(struct http_routes *t, const char *method, const char *pattern,
                                   http_handler_fn *fn, void *arg, struct err *e)
{
        struct http_path *p = find_pattern(t, pattern);
        if (!p && path_new(&p, t, pattern, e) < 0)
                return NULL;
        for (struct http_route *r = p->routes; r; r = r->next)
                if (streq(r->method, method)) {
                        err_set(e, ERR_CONFLICT, "%s %s is served already",
                                method ? method : "any method on", pattern);
                        return NULL;
                }
        struct http_route *r = NEW(struct http_route);
        *r = (struct http_route){
                .path = p, .method = mem_strdup(method), .fn = fn, .arg = arg, .refs = 1};
        struct http_route **end = &p->routes;
        while (*end)
                end = &(*end)->next;
        *end = r;
        return r;
}

void http_route_unref(struct http_route *r)
{
        if (!r || --r->refs > 0)
                return;
        free(r->method);
        free(r);
}

void http_routes_remove(struct http_routes *t, struct http_route *r)
{
        struct http_path *p = r->path;
        struct http_route **at = &p->routes;
        while (*at != r)
                at = &(*at)->next;
        *at = r->next;
        r->path = NULL;
        http_route_unref(r);
        if (!p->routes)
                drop_path(t, p);
}

void http_routes_deinit(struct http_routes *t)
{
        struct http_path *p, *next;
        HASH_ITER (hh, t->exact, p, next) {
                for (bool last = false; !last;) {
                        last = p->routes->next == NULL; /* the last removal frees p */
                        http_routes_remove(t, p->routes);
                }
        }
        while (t->patterns)
                http_routes_remove(t, t->patterns->routes);
}

/* ---- matching ---- */

static bool match_segments(struct http_path *p, const char *path, struct http_match *m)
{
        const char *pat = p->pattern;
        m->n = 0;
        while (*pat) {
                if (*pat == '{') {
                        size_t n = strcspn(path, "/");
                        if (n == 0)
                                return false;
                        m->params[m->n].name = p->names[m->n];
                        m->params[m->n++].value = (struct str){path, n};
                        path += n;
                        pat = brace_end(pat + 1) + 1;
                } else if (*pat == '*' && pat[1] == '\0' && m->n + 1 == p->n_names) {
                        m->params[m->n].name = p->names[m->n];
                        m->params[m->n++].value = str_of(path);
                        return true;
                } else if (*pat++ != *path++) {
                        return false;
                }
        }
        return *path == '\0';
}

static bool match_regex(struct http_path *p, const char *path, struct http_match *m)
{
        pcre2_match_data *md = pcre2_match_data_create_from_pattern(p->regex, NULL);
        pcre2_match_context *ctx = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(ctx,
                              20000); /* a hostile path must not make the pattern run for long */
        bool ok = pcre2_match(p->regex, (PCRE2_SPTR)path, strlen(path), 0, 0, md, ctx) > 0;
        if (ok) {
                PCRE2_SIZE *at = pcre2_get_ovector_pointer(md);
                m->n = p->n_names;
                for (size_t i = 0; i < p->n_names; i++) {
                        char name[24];
                        snprintf(name, sizeof(name), "v%zu", i);
                        int k = pcre2_substring_number_from_name(p->regex, (PCRE2_SPTR)name);
                        m->params[i].name = p->names[i];
                        m->params[i].value =
                                (struct str){path + at[2 * k], at[2 * k + 1] - at[2 * k]};
                }
        }
        pcre2_match_context_free(ctx);
        pcre2_match_data_free(md);
        return ok;
}

bool http_routes_find(const struct http_routes *t, const char *path, struct http_match *m)
{
        m->n = 0;
        HASH_FIND_STR(t->exact, path, m->path);
        if (m->path)
                return true;
        for (struct http_path *p = t->patterns; p; p = p->next)
                if (p->regex ? match_regex(p, path, m) : match_segments(p, path, m)) {
                        m->path = p;
                        return true;
                }
        return false;
}

struct http_route *http_path_pick(const struct http_path *p, const char *method)
{
        struct http_route *any = NULL, *get = NULL;
        for (struct http_route *r = p->routes; r; r = r->next) {
                if (!r->method)
                        any = r;
                else if (streq(r->method, method))
                        return r;
                else if (streq(r->method, "GET"))
                        get = r;
        }
        return get && streq(method, "HEAD") ? get : any;
}

void http_path_allow(const struct http_path *p, struct buf *out)
{
        for (const struct http_route *r = p->routes; r; r = r->next) {
                buf_adds(out, out->len ? ", " : "");
                buf_adds(out, r->method ? r->method : "*");
                if (streq(r->method, "GET"))
                        buf_adds(out, ", HEAD");
        }
}

/* ---- clean paths ---- */

static bool is_clean(const char *path)
{
        for (const char *s = path; (s = strchr(s, '/')); s++)
                if (s[1] == '/' ||
                    (s[1] == '.' && (s[2] == '/' || s[2] == '\0' ||
                                     (s[2] == '.' && (s[3] == '/' || s[3] == '\0')))))
                        return false;
        return path[0] == '/';
}

bool http_path_clean(struct buf *out, const char *path)
{
        if (is_clean(path))
                return false;
        bool slash = false;
        for (const char *s = path; *s;) {
                size_t n = strcspn(s, "/");
                slash = s[n] == '/';
                if (n == 2 && memcmp(s, "..", 2) == 0) {
                        while (out->len && out->data[out->len - 1] != '/')
                                buf_truncate(out, out->len - 1);
                        buf_truncate(out, out->len ? out->len - 1 : 0);
                } else if (n && !(n == 1 && *s == '.')) {
                        buf_addc(out, '/');
                        buf_add(out, s, n);
                }
                s += n + slash;
        }
        if (slash || out->len == 0)
                buf_addc(out, '/');
        return true;
}
