/* common/lang/gotemplate/gt_exec.c: see gotemplate.h: nodes walked, output written; compile and
 * render. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"
#include "common/lang/goregex.h"
#include "common/lang/gotemplate/gt_priv.h"
#include <stdarg.h>
#include <stdio.h>

enum { RUN_DEPTH = 2000 }; /* constructs in constructs, template calls included */

/* ---- errors ---- */

bool gt_fail(struct gt_state *s, const struct gt_node *n, const char *fmt, ...)
{
        char words[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        size_t pos = n ? n->pos : 0;
        if (s->env.failed) {
                if (err_is_set(s->env.e))
                        err_wrap(s->env.e, "template: offset %zu: %s", pos, words);
                return false;
        }
        s->env.failed = true;
        err_set(s->env.e, ERR_INVALID, "template: offset %zu: %s", pos, words);
        return false;
}

bool gt_enter(struct gt_state *s, const struct gt_node *n)
{
        if (++s->depth > RUN_DEPTH) {
                s->env.failed = true;
                err_set(s->env.e, ERR_LIMIT,
                        "template: offset %zu: nested too deeply (does a template call itself?)",
                        n ? n->pos : 0);
                return false;
        }
        return true;
}

/* ---- values ---- */

bool gt_truth(struct gt_state *s, struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return v.b;
        case VAL_INT:
        case VAL_DURATION: return v.i != 0;
        case VAL_FLOAT: return v.f != 0;
        case VAL_STR: return v.type == VAL_T_ERROR || v.s.n;
        case VAL_LIST:
        case VAL_MAP: return val_len(s->env.arena, v) > 0;
        case VAL_TIME:
        case VAL_OTHER: return true;
        default: return false;
        }
}

bool gt_put_value(struct gt_state *s, struct val v)
{
        if (v.kind == VAL_STR) {
                buf_add(s->out, v.s.p, v.s.n);
        } else if (v.kind == VAL_FLOAT) {
                char text[GONUM_TEXT];
                buf_add(s->out, text, gonum_format(text, v.f, 'g'));
        } else if (v.kind == VAL_MISSING || v.kind == VAL_NIL) {
                buf_adds(s->out, "<no value>");
        } else {
                struct abuf b = abuf_in(s->env.arena);
                gofmt_value(&b, v);
                if (b.failed)
                        return go_full(&s->env);
                buf_add(s->out, b.p, b.n);
        }
        return true;
}

static bool check_output(struct gt_state *s)
{
        if (!s->out->overflow)
                return true;
        s->env.failed = true;
        err_set(s->env.e, ERR_LIMIT, "template: the result is larger than %zu bytes", s->out->max);
        return false;
}

/* ---- walking ---- */

static enum gt_walk walk_list(struct gt_state *s, struct val dot, const struct gt_list *list);

static enum gt_walk walk_if_or_with(struct gt_state *s, struct val dot, const struct gt_node *n)
{
        size_t mark = s->nvars;
        struct val v;
        enum gt_walk w = GT_OK;
        if (!gt_eval_pipe(s, dot, n->inner, &v))
                return GT_FAILED;
        if (gt_truth(s, v))
                w = walk_list(s, n->type == GTN_WITH ? v : dot, &n->list);
        else
                w = walk_list(s, dot, &n->otherwise);
        s->nvars = mark;
        return w;
}

struct loop {
        const struct gt_node *n;
        size_t mark; /* variables before those of the body */
};

/* One turn of a range. GT_WALK_BREAK ends it. */
static enum gt_walk turn(struct gt_state *s, const struct loop *l, struct val index,
                         struct val item)
{
        const struct gt_node *pipe = l->n->inner;
        if (!go_step(&s->env, 1)) {
                gt_fail(s, l->n, "range");
                return GT_FAILED;
        }
        if (pipe->ndecl && pipe->assign) {
                bool ok = gt_set_var(s, l->n, pipe->decl[0], pipe->ndecl > 1 ? index : item);
                if (ok && pipe->ndecl > 1)
                        ok = gt_set_var(s, l->n, pipe->decl[1], item);
                if (!ok)
                        return GT_FAILED;
        } else if (pipe->ndecl) {
                s->vars[l->mark - 1].value = item;
                if (pipe->ndecl > 1)
                        s->vars[l->mark - 2].value = index;
        }
        enum gt_walk w = walk_list(s, item, &l->n->list);
        s->nvars = l->mark;
        return w == GT_WALK_CONTINUE ? GT_OK : w;
}

static enum gt_walk range_int(struct gt_state *s, const struct loop *l, struct val v)
{
        enum gt_walk w = GT_OK;
        for (int64_t i = 0; i < v.i && w == GT_OK; i++) {
                struct val item = v;
                item.i = i;
                w = turn(s, l, (struct val){0}, item);
        }
        return w;
}

static enum gt_walk range_list(struct gt_state *s, const struct loop *l, struct val v)
{
        enum gt_walk w = GT_OK;
        for (size_t i = 0; i < v.list->n && w == GT_OK; i++)
                w = turn(s, l, val_int((int64_t)i), v.list->items[i]);
        return w;
}

/* The entries as they are now: the body may change the map. */
static enum gt_walk range_map(struct gt_state *s, const struct loop *l, struct val v)
{
        enum gt_walk w = GT_OK;
        size_t n = v.map->n;
        struct val_entry *entries = arena_try_alloc(s->env.arena, (n + 1) * sizeof(*entries));
        if (!entries || !val_open_sorted(s->env.arena, v)) {
                go_full(&s->env);
                return GT_FAILED;
        }
        memcpy(entries, v.map->entries, n * sizeof(*entries));
        for (size_t i = 0; i < n && w == GT_OK; i++)
                w = turn(s, l, entries[i].key, entries[i].value);
        return w;
}

static enum gt_walk walk_range(struct gt_state *s, struct val dot, const struct gt_node *n)
{
        size_t mark = s->nvars;
        struct val v;
        enum gt_walk w = GT_OK;
        if (!gt_eval_pipe(s, dot, n->inner, &v))
                return GT_FAILED;
        if (!val_open(s->env.arena, v)) {
                go_full(&s->env);
                return GT_FAILED;
        }
        struct loop l = {n, s->nvars};
        if (v.kind == VAL_INT && n->inner->ndecl > 1) {
                gt_fail(s, n, "can't use a number to iterate over more than one variable");
                return GT_FAILED;
        }
        bool empty = v.kind == VAL_INT    ? v.i <= 0
                     : v.kind == VAL_LIST ? v.list->n == 0
                     : v.kind == VAL_MAP  ? v.map->n == 0
                                          : v.kind == VAL_MISSING;
        if (empty)
                w = walk_list(s, dot, &n->otherwise);
        else if (v.kind == VAL_INT)
                w = range_int(s, &l, v);
        else if (v.kind == VAL_LIST)
                w = range_list(s, &l, v);
        else if (v.kind == VAL_MAP)
                w = range_map(s, &l, v);
        else
                w = gt_fail(s, n, "range can't iterate over a value of type %s", gofmt_type(v))
                            ? GT_OK
                            : GT_FAILED;
        s->nvars = mark;
        if (!empty && w == GT_WALK_BREAK)
                w = GT_OK;
        return w;
}

static const struct gt_list *find_template(const struct gotmpl *t, struct str name)
{
        for (const struct gt_define *d = t->defines; d; d = d->next)
                if (d->name.n == name.n && memcmp(d->name.p, name.p, name.n) == 0)
                        return &d->list;
        return NULL;
}

static enum gt_walk walk_template(struct gt_state *s, struct val dot, const struct gt_node *n)
{
        const struct gt_list *list = find_template(s->t, n->text);
        struct val v = {0};
        if (!list) {
                gt_fail(s, n, "template \"%.*s\" not defined",
                        (int)(n->text.n > 60 ? 60 : n->text.n), n->text.p);
                return GT_FAILED;
        }
        if (n->inner && !gt_eval_pipe(s, dot, n->inner, &v))
                return GT_FAILED;
        size_t mark = s->nvars, frame = s->frame;
        s->frame = mark;
        if (!gt_push_var(s, STR("$"), v))
                return GT_FAILED;
        enum gt_walk w = walk_list(s, v, list);
        s->nvars = mark;
        s->frame = frame;
        return w;
}

static enum gt_walk walk(struct gt_state *s, struct val dot, const struct gt_node *n)
{
        struct val v;
        s->at = n;
        switch (n->type) {
        case GTN_TEXT:
                buf_add(s->out, n->text.p, n->text.n);
                return check_output(s) ? GT_OK : GT_FAILED;
        case GTN_ACTION:
                if (!gt_eval_pipe(s, dot, n->inner, &v))
                        return GT_FAILED;
                if (n->inner->ndecl == 0 && (!gt_put_value(s, v) || !check_output(s)))
                        return GT_FAILED;
                return GT_OK;
        case GTN_IF:
        case GTN_WITH: return walk_if_or_with(s, dot, n);
        case GTN_RANGE: return walk_range(s, dot, n);
        case GTN_TEMPLATE: return walk_template(s, dot, n);
        case GTN_BREAK: return GT_WALK_BREAK;
        default: return GT_WALK_CONTINUE;
        }
}

static enum gt_walk walk_list(struct gt_state *s, struct val dot, const struct gt_list *list)
{
        enum gt_walk w = GT_OK;
        if (!list->first)
                return GT_OK;
        if (!gt_enter(s, list->first))
                return GT_FAILED;
        for (const struct gt_node *n = list->first; n && w == GT_OK; n = n->next) {
                if (!go_step(&s->env, 1)) {
                        gt_fail(s, n, "too much work");
                        return GT_FAILED;
                }
                w = walk(s, dot, n);
        }
        gt_leave(s);
        return w;
}

/* ---- public ---- */

int gotmpl_new(struct gotmpl **out, struct str text, size_t *at, struct err *e)
{
        if (at)
                *at = 0;
        if (text.n > LANG_TEXT)
                return err_set(e, ERR_LIMIT, "template: %zu bytes are too many", text.n);
        AUTO(gotmpl_free) struct gotmpl *t = NEW(struct gotmpl);
        arena_init(&t->arena, 0);
        t->text = (struct str){arena_strndup(&t->arena, text.p ? text.p : "", text.n), text.n};
        struct gt_parser p = {.t = t, .lex = {.in = t->text}, .e = e};
        int rc = gt_parse(&p);
        mem_free(p.vars);
        if (rc < 0) {
                if (at)
                        *at = p.error_at;
                return -1;
        }
        *out = TAKE(t);
        return 0;
}

struct gotmpl *gotmpl_free(struct gotmpl *t)
{
        if (t) {
                arena_deinit(&t->arena);
                mem_free(t);
        }
        return NULL;
}

int gotmpl_render(const struct gotmpl *t, struct val dot, struct clock *clock, struct arena *a,
                  struct buf *out, struct err *e)
{
        struct err own = {0};
        struct gt_state s = {.t = t, .out = out};
        size_t before = out->len;
        s.env = (struct go_env){.arena = a, .clock = clock, .steps = LANG_STEPS, .e = e ? e : &own};
        bool ok = gt_push_var(&s, STR("$"), dot) && walk_list(&s, dot, &t->root) == GT_OK &&
                  check_output(&s);
        go_env_end(&s.env);
        err_clear(&own);
        if (!ok) {
                buf_truncate(out, before);
                if (e && !err_is_set(e))
                        err_set(e, ERR_INTERNAL, "template: failed");
                return -1;
        }
        return 0;
}

int gotmpl_render_input(const struct gotmpl *t, struct str input_json, struct clock *clock,
                        struct arena *a, struct buf *out, struct err *e)
{
        struct val dot = val_map_new(a, 1);
        if (dot.kind != VAL_MAP ||
            !val_map_put(a, dot, "Input", val_from_json(a, input_json, VAL_FLOATS)))
                return err_set(e, ERR_LIMIT, "template: not enough memory");
        return gotmpl_render(t, dot, clock, a, out, e);
}

bool gotmpl_is_empty(struct str result)
{
        return result.n == 0 || str_eq(result, "<no value>");
}

/* ---- roots ---- */

struct roots {
        struct str *names;
        size_t n, max;
};

static void add_root(struct roots *r, const struct gt_node *n)
{
        if (n->type != GTN_FIELD)
                return;
        if (r->n < r->max)
                r->names[r->n] = n->names[0];
        r->n++;
}

static void roots_of_pipe(struct roots *r, const struct gt_node *pipe)
{
        for (const struct gt_command *c = pipe ? pipe->commands : NULL; c; c = c->next) {
                for (const struct gt_node *a = c->args; a; a = a->next) {
                        add_root(r, a);
                        roots_of_pipe(r, a->type == GTN_PIPE ? a : a->inner);
                }
        }
}

static void roots_of_list(struct roots *r, const struct gt_list *list)
{
        for (const struct gt_node *n = list->first; n; n = n->next) {
                roots_of_pipe(r, n->inner);
                roots_of_list(r, &n->list);
                roots_of_list(r, &n->otherwise);
        }
}

size_t gotmpl_roots(const struct gotmpl *t, struct str *names, size_t max)
{
        struct roots r = {names, 0, max};
        roots_of_list(&r, &t->root);
        return r.n;
}
