/* common/lang/expr/expr.c: see expr.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/sprig/gojson.h"

static int failed(const struct ex_error *ee, struct err *e)
{
        return err_set(e, ee->limit ? ERR_LIMIT : ERR_INVALID, "offset %zu: %s", ee->at, ee->words);
}

/* Tokens, tree, rewritten tree. */
static bool compile(struct expr *x, struct arena *a, struct ex_tree *tree, ex_hidden_fn *hidden,
                    void *arg, struct ex_error *ee)
{
        struct ex_token *tokens;
        if (!ex_lex(a, x->text, x->dialect, &tokens, ee))
                return false;
        struct ex_parser p = {.arena = a,
                              .x = hidden ? NULL : x,
                              .dialect = x->dialect,
                              .tokens = tokens,
                              .ee = ee,
                              .hidden = hidden,
                              .hidden_arg = arg,
                              .tree = tree};
        if (!ex_parse(&p))
                return false;
        tree->fast = ex_optimize(a, tree->root, x->dialect, ee);
        return tree->fast != NULL;
}

static bool check_events(struct expr *x, struct ex_error *ee)
{
        struct ex_checker c = {.arena = &x->arena, .dialect = EXPR_EVENTS, .ee = ee};
        if (!ex_check(&c, &x->tree))
                return false;
        x->types = c.types;
        return true;
}

int expr_new(struct expr **out, struct str text, enum expr_dialect d, size_t *at, struct err *e)
{
        struct ex_error ee = {0};
        AUTO(expr_free) struct expr *x = NEW(struct expr);
        arena_init(&x->arena, 0);
        x->dialect = d;
        if (text.n > LANG_TEXT) {
                ee.limit = true;
                ex_error_set(&ee, 0, "the expression is longer than %d bytes", LANG_TEXT);
        } else {
                x->text = (struct str){arena_strndup(&x->arena, text.p ? text.p : "", text.n),
                                       text.n};
                if (compile(x, &x->arena, &x->tree, NULL, NULL, &ee) && d == EXPR_EVENTS)
                        check_events(x, &ee);
        }
        if (at)
                *at = ee.at;
        if (ee.set)
                return failed(&ee, e);
        *out = TAKE(x);
        return 0;
}

struct expr *expr_free(struct expr *x)
{
        if (x) {
                for (size_t i = 0; i < x->nregexes; i++)
                        goregex_free(x->regexes[i]);
                mem_free(x->regexes);
                arena_deinit(&x->arena);
                mem_free(x);
        }
        return NULL;
}

/* ---- evaluation ---- */

struct names {
        struct arena *arena;
        struct val env;
};

static bool is_variable(void *arg, struct str name)
{
        const struct names *n = arg;
        return val_get(n->arena, n->env, name).kind != VAL_MISSING;
}

/* A variable named like a builtin that is called: the text means something else then. */
static bool hides_builtin(const struct ex_node *n, const struct names *names)
{
        if (n->kind == EX_BUILTIN &&
            val_get(names->arena, names->env, str_of(n->builtin->name)).kind != VAL_MISSING)
                return true;
        for (size_t i = 0; i < n->n; i++)
                if (n->kid[i] && hides_builtin(n->kid[i], names))
                        return true;
        return false;
}

/* The tree for these variables, checked. */
static bool prepare(const struct expr *x, struct arena *a, struct val env, struct ex_tree *again,
                    const struct ex_tree **tree, const struct ex_type ***types, struct ex_error *ee)
{
        struct names names = {a, env};
        struct ex_checker c = {.arena = a, .dialect = x->dialect, .env = env, .ee = ee};
        *tree = &x->tree;
        *types = x->types;
        if (x->dialect == EXPR_EVENTS)
                return true;
        if (x->tree.calls_builtins && hides_builtin(x->tree.root, &names)) {
                if (!compile((struct expr *)(uintptr_t)x, a, again, is_variable, &names, ee))
                        return false;
                *tree = again;
        }
        if (!ex_check(&c, *tree))
                return false;
        *types = c.types;
        return true;
}

static int run(const struct expr *x, const struct ex_tree *tree, struct ex_eval *ev,
               struct val *out, struct err *e)
{
        ev->vars =
                tree->slots ? arena_try_alloc(ev->go.arena, tree->slots * sizeof(*ev->vars)) : NULL;
        for (size_t i = 0; ev->vars && i < tree->slots; i++)
                ev->vars[i] = val_nil();
        struct val v;
        bool ok = tree->slots && !ev->vars ? go_full(&ev->go) : ex_run(ev, tree->fast, &v);
        (void)x;
        go_env_end(&ev->go);
        if (ok && !ev->go.failed) {
                *out = v;
                return 0;
        }
        if (!err_is_set(e) && !ev->go.failed)
                return err_set(e, ERR_INTERNAL, "offset %zu: the evaluation failed", ev->at);
        return err_wrap(e, "offset %zu", ev->at);
}

int expr_eval(const struct expr *x, struct val env, struct clock *clock, struct arena *a,
              struct val *out, struct err *e)
{
        struct ex_error ee;
        struct ex_tree again = {0};
        const struct ex_tree *tree;
        const struct ex_type **types;
        ee.set = ee.limit = false;
        if (!prepare(x, a, env, &again, &tree, &types, &ee))
                return failed(&ee, e);
        struct err own = {0};
        struct ex_eval ev = {
                .go = {.arena = a, .clock = clock, .steps = LANG_STEPS, .e = e ? e : &own},
                .dialect = x->dialect,
                .types = types,
                .env = env};
        int rc = run(x, tree, &ev, out, e ? e : &own);
        err_clear(&own);
        return rc;
}

int expr_test(const struct expr *x, struct val env, struct clock *clock, struct arena *a, bool *out,
              struct err *e)
{
        struct val v;
        if (expr_eval(x, env, clock, a, &v, e) < 0)
                return -1;
        if (v.kind != VAL_BOOL)
                return err_set(e, ERR_INVALID, "offset 0: the result is %s, not a boolean",
                               ex_val_type(v));
        *out = v.b;
        return 0;
}

/* ---- names ---- */

/* "a.b.c" into buf, as far as it is constant. False: no variable is at its root. */
static bool dotted(const struct ex_node *n, char *buf, size_t cap, size_t *len)
{
        struct str part;
        if (n->kind == EX_CHAIN)
                return dotted(n->kid[0], buf, cap, len);
        if (n->kind == EX_IDENT) {
                part = n->text;
        } else if (n->kind == EX_MEMBER) {
                if (n->kid[0]->kind == EX_ENV)
                        *len = 0;
                else if (!dotted(n->kid[0], buf, cap, len))
                        return false;
                if (n->kid[1]->kind != EX_STR)
                        return true;
                part = n->kid[1]->text;
                if (*len && *len < cap)
                        buf[(*len)++] = '.';
        } else {
                return false;
        }
        if (n->kind == EX_IDENT)
                *len = 0;
        for (size_t i = 0; i < part.n && *len < cap; i++)
                buf[(*len)++] = part.p[i];
        return true;
}

static void each_name(const struct ex_node *n, expr_name_fn *each, void *arg)
{
        char buf[1024];
        size_t len = 0;
        if ((n->kind == EX_IDENT || n->kind == EX_MEMBER) && dotted(n, buf, sizeof(buf), &len) &&
            len)
                each(arg, (struct str){buf, len});
        for (size_t i = 0; i < n->n; i++) {
                const struct ex_node *kid = n->kid[i];
                /* The links of a path are told with it. */
                while (i == 0 && kid && n->kind == EX_MEMBER && kid->kind == EX_CHAIN)
                        kid = kid->kid[0];
                if (!kid || (i == 0 && n->kind == EX_MEMBER && kid->kind == EX_IDENT))
                        continue;
                if (i == 0 && n->kind == EX_MEMBER && kid->kind == EX_MEMBER) {
                        const struct ex_node *base = kid;
                        while (base->kind == EX_MEMBER || base->kind == EX_CHAIN) {
                                if (base->kind == EX_MEMBER && base->kid[1]->kind != EX_STR)
                                        each_name(base->kid[1], each, arg);
                                base = base->kid[0];
                        }
                        if (base->kind != EX_IDENT && base->kind != EX_ENV)
                                each_name(base, each, arg);
                        continue;
                }
                each_name(kid, each, arg);
        }
}

void expr_each_name(const struct expr *x, expr_name_fn *each, void *arg)
{
        each_name(x->tree.root, each, arg);
}

/* ---- variables and results ---- */

static bool any_dash(struct str s)
{
        return memchr(s.p, '-', s.n) != NULL;
}

/* Sets value at a.b.c; what is no map on the way gives way. */
static bool expand_one(struct arena *a, struct val map, struct str key, struct val value)
{
        const char *dot = key.n ? memchr(key.p, '.', key.n) : NULL;
        if (!dot)
                return val_map_set(a, map, val_str(key), value);
        struct str head = {key.p, (size_t)(dot - key.p)};
        struct val inner = val_get(a, map, head);
        if (inner.kind != VAL_MAP) {
                inner = val_map_new(a, 4);
                if (inner.kind != VAL_MAP || !val_map_set(a, map, val_str(head), inner))
                        return false;
        }
        return expand_one(a, inner, (struct str){dot + 1, key.n - head.n - 1}, value);
}

/* Is a longer name of `flat` below this one? */
static bool hidden_by_longer(struct val flat, size_t at)
{
        struct str key = flat.map->entries[at].key.s;
        for (size_t i = 0; i < flat.map->n; i++) {
                struct str other = flat.map->entries[i].key.s;
                if (other.n > key.n && other.p[key.n] == '.' &&
                    (key.n == 0 || memcmp(other.p, key.p, key.n) == 0))
                        return true;
        }
        return false;
}

struct val expr_expand(struct arena *a, struct val flat, bool dashes)
{
        if (flat.kind != VAL_MAP || !val_open(a, flat))
                return val_nil();
        bool plain = true;
        for (size_t i = 0; i < flat.map->n && plain; i++) {
                struct str key = flat.map->entries[i].key.s;
                plain = !key.n || (!memchr(key.p, '.', key.n) && !(dashes && any_dash(key)));
        }
        if (plain)
                return flat;
        struct val out = val_map_new(a, flat.map->n);
        for (size_t i = 0; out.kind == VAL_MAP && i < flat.map->n; i++) {
                struct str key = flat.map->entries[i].key.s;
                if (hidden_by_longer(flat, i))
                        continue;
                if (dashes && key.n && any_dash(key)) {
                        char *p = arena_try_alloc(a, key.n);
                        if (!p)
                                return val_nil();
                        for (size_t k = 0; k < key.n; k++)
                                p[k] = key.p[k] == '-' ? '_' : key.p[k];
                        key.p = p;
                }
                if (!expand_one(a, out, key, flat.map->entries[i].value))
                        return val_nil();
        }
        return out;
}

bool expr_json(struct abuf *b, struct val v)
{
        struct gojson j = {b, NULL, true};
        return gojson_put(&j, v);
}
