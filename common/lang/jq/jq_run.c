/* common/lang/jq/jq_run.c: see jq.h: the machine.
 *
 * It is a loop over four states. EVAL looks at a node with an environment and an input; RETURN
 * hands a value to the continuation that waits for it; BACK takes the newest choice to find another
 * value; FAULT drops choices until one of them catches the error. Continuations and environments
 * are immutable lists, choices are a stack: so generators, backtracking, tail calls and `break`
 * need no C recursion, and every turn of the loop is a step. A value may carry the path by which it
 * was reached, inside of path(f): then `p` is not NULL. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_machine.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- memory and steps ---- */

static void NORETURN give_up(struct jv_mem *m, const char *why)
{
        m->why = why;
        longjmp(*m->exit, 1);
}

void *jv_alloc(struct jv_mem *m, size_t n)
{
        void *p = arena_try_alloc(m->arena, n);
        if (!p)
                give_up(m, "the program needs too much memory");
        return p;
}

void jv_charge(struct jv_mem *m, size_t steps)
{
        if (m->steps < steps)
                give_up(m, "the program takes too many steps");
        m->steps -= steps;
}

void jv_too_deep(struct jv_mem *m)
{
        give_up(m, "the program builds a value that is nested too deep");
}

bool jq_fail(struct jq_run *r, const char *fmt, ...)
{
        char words[1000];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        r->fault = FAULT_ERROR;
        r->fault_is_value = false;
        r->fault_value = jv_str(jv_text(&r->mem, words, strlen(words)));
        return false;
}

struct str jq_shown(struct jq_run *r, struct jv v)
{
        if (v.kind == JV_NULL)
                return STR("null");
        struct str shown = jv_preview(&r->mem, v);
        const char *type = jv_type(v);
        char *p = jv_alloc(&r->mem, shown.n + strlen(type) + 4);
        int n = sprintf(p, "%s (%.*s)", type, SHOWN(shown));
        return (struct str){p, (size_t)n};
}

/* ---- parts of the machine ---- */

struct kont *kont_new(struct machine *x, enum kont_kind kind, struct kont *next)
{
        struct kont *k = jv_alloc(&x->r.mem, sizeof(*k));
        *k = (struct kont){.kind = kind, .next = next, .n = x->n, .env = x->env, .in = x->it};
        return k;
}

struct choice *choice_new(struct machine *x, enum choice_kind kind)
{
        if (x->n_choices == x->choices_cap) {
                size_t cap = x->choices_cap ? 2 * x->choices_cap : 64;
                struct choice *more = jv_alloc(&x->r.mem, cap * sizeof(*more));
                if (x->n_choices)
                        memcpy(more, x->choices, x->n_choices * sizeof(*more));
                x->choices = more;
                x->choices_cap = cap;
        }
        struct choice *c = &x->choices[x->n_choices++];
        *c = (struct choice){.kind = kind, .n = x->n, .env = x->env, .in = x->it, .k = x->k};
        return c;
}

struct state *state_new(struct machine *x, struct jv v)
{
        struct state *s = jv_alloc(&x->r.mem, sizeof(*s));
        *s = (struct state){.v = v};
        return s;
}

static const struct cell *at_distance(const struct cell *env, size_t distance)
{
        while (distance--)
                env = env->up;
        return env;
}

static struct cell *pushed(struct machine *x, const struct cell *up)
{
        struct cell *c = jv_alloc(&x->r.mem, sizeof(*c));
        *c = (struct cell){.up = up};
        return c;
}

const struct cell *with_value(struct machine *x, const struct cell *up, struct jv v)
{
        struct cell *c = pushed(x, up);
        c->v = v;
        return c;
}

void eval(struct machine *x, const struct jn *n, const struct cell *env, struct item it,
          struct kont *k)
{
        x->mode = EVAL;
        x->n = n;
        x->env = env;
        x->it = it;
        x->k = k;
}

void give(struct machine *x, struct jv v, const struct jpath *p, struct kont *k)
{
        x->mode = RETURN;
        x->it = (struct item){v, p};
        x->k = k;
}

static struct item plain(struct item it)
{
        return (struct item){it.v, NULL};
}

/* ---- paths ---- */

struct item path_root(struct machine *x, struct jv v)
{
        struct jpath *p = jv_alloc(&x->r.mem, sizeof(*p));
        *p = (struct jpath){.value = v};
        return (struct item){v, p};
}

const struct jpath *path_step(struct machine *x, const struct jpath *up, struct jv key,
                              struct jv value)
{
        struct jpath *p = jv_alloc(&x->r.mem, sizeof(*p));
        *p = (struct jpath){key, value, up};
        return p;
}

/* Is it still the value that the path led to, and not one that was computed? */
bool path_intact(struct item it)
{
        struct jv v = it.v, w = it.p->value;
        if (v.kind != w.kind)
                return false;
        switch (v.kind) {
        case JV_INT: return v.i == w.i;
        case JV_FLOAT: return v.f == w.f || (v.f != v.f && w.f != w.f);
        case JV_BIG: return v.s.p == w.s.p;
        case JV_TEXT:
        case JV_STR: return str_order(v.s, w.s) == 0;
        case JV_ARRAY: return v.a->n == w.a->n && (v.a->n == 0 || v.a->items == w.a->items);
        case JV_OBJECT: return v.o == w.o;
        default: return true;
        }
}

bool path_array(struct machine *x, struct item it, struct jv *out)
{
        size_t n = 0;
        if (!path_intact(it))
                return jq_fail(&x->r, "invalid path against: %.*s", SHOWN(jq_shown(&x->r, it.v)));
        for (const struct jpath *p = it.p; p->up; p = p->up)
                n++;
        struct jv *keys = jv_alloc(&x->r.mem, (n + 1) * sizeof(*keys));
        size_t i = n;
        for (const struct jpath *p = it.p; p->up; p = p->up)
                keys[--i] = p->key;
        *out = jv_array_new(&x->r.mem, n);
        for (; i < n; i++)
                *out = jv_append(&x->r.mem, *out, keys[i]);
        return true;
}

/* After looking up a key: the path grows, when one is kept. */
static void give_step(struct machine *x, struct item from, struct jv key, struct jv value,
                      struct kont *k)
{
        if (from.p && !path_intact(from)) {
                jq_fail(&x->r, "invalid path against: %.*s", SHOWN(jq_shown(&x->r, from.v)));
                x->mode = FAULT;
                return;
        }
        give(x, value, from.p ? path_step(x, from.p, key, value) : NULL, k);
}

static struct jv slice_key(struct machine *x, struct jv from, struct jv to)
{
        struct jv o = jv_set(&x->r.mem, jv_object(), STR("start"), from);
        return jv_set(&x->r.mem, o, STR("end"), to);
}

/* `.a[1].b` with constant keys only: its path. */
static bool constant_path(struct machine *x, const struct jn *n, struct jv *out)
{
        if (n->kind == J_IDENTITY) {
                *out = jv_array_new(&x->r.mem, 4);
                return true;
        }
        if (n->kind != J_INDEX || n->b->kind != J_CONST || !constant_path(x, n->a, out))
                return false;
        *out = jv_append(&x->r.mem, *out, n->b->value);
        return true;
}

/* ---- iteration ---- */

static void iterate_from(struct machine *x, struct jv values, struct jv keys, size_t i,
                         const struct jpath *p, struct kont *k)
{
        if (i + 1 < jv_len(values)) {
                struct choice *c = choice_new(x, CH_ITERATE);
                c->x = values;
                c->y = keys;
                c->i = i + 1;
                c->in.p = p;
                c->k = k;
        }
        struct jv v = jv_at(values, i), key;
        if (p) {
                key = keys.kind == JV_ARRAY ? jv_at(keys, i) : jv_int((int64_t)i);
                p = path_step(x, p, key, v);
        }
        give(x, v, p, k);
}

static void iterate(struct machine *x, struct item it, struct kont *k)
{
        if (it.v.kind != JV_ARRAY && it.v.kind != JV_OBJECT) {
                jq_fail(&x->r, "cannot iterate over: %.*s", SHOWN(jq_shown(&x->r, it.v)));
                x->mode = FAULT;
        } else if (it.p && !path_intact(it)) {
                jq_fail(&x->r, "invalid path on iterating against: %.*s",
                        SHOWN(jq_shown(&x->r, it.v)));
                x->mode = FAULT;
        } else {
                struct jv values = jv_values(&x->r.mem, it.v), keys = jv_null();
                if (it.p && it.v.kind == JV_OBJECT)
                        keys = jv_keys(&x->r.mem, it.v);
                if (jv_len(values) == 0)
                        x->mode = BACK;
                else
                        iterate_from(x, values, keys, 0, it.p, k);
        }
}

static void range_from(struct machine *x, struct jv at, struct jv to, struct jv by,
                       const struct jpath *p, struct kont *k)
{
        struct jv next;
        if (jv_compare(&x->r.mem, by, jv_int(0)) * jv_compare(&x->r.mem, at, to) >= 0) {
                x->mode = BACK;
                return;
        }
        (void)jv_arith(&x->r.mem, JV_ADD, at, by, &next);
        struct choice *c = choice_new(x, CH_RANGE);
        c->x = next;
        c->y = to;
        c->z = by;
        c->in.p = p;
        c->k = k;
        give(x, at, p, k);
}

/* ---- calls ---- */

static void call_native(struct machine *x, const struct jn *n, struct item in,
                        const struct arg *args, struct kont *k)
{
        struct jv list[3], out;
        size_t i = 0;
        for (; args; args = args->next)
                list[i++] = args->v;
        if (n->kind == J_RANGE) {
                for (i = 0; i < 3; i++) {
                        if (jv_is_number(list[i]))
                                continue;
                        jq_fail(&x->r, "range cannot be applied to: %.*s",
                                SHOWN(jq_shown(&x->r, list[i])));
                        x->mode = FAULT;
                        return;
                }
                range_from(x, list[0], list[1], list[2], in.p, k);
                return;
        }
        if (!n->native->fn(&x->r, in.v, list, &out)) {
                x->mode = FAULT;
                return;
        }
        if (!in.p || !streq(n->native->name, "getpath")) {
                give(x, out, in.p, k);
                return;
        }
        if (!path_intact(in)) {
                jq_fail(&x->r, "invalid path against: %.*s", SHOWN(jq_shown(&x->r, in.v)));
                x->mode = FAULT;
                return;
        }
        for (i = 0; i < jv_len(list[0]); i++)
                in.p = path_step(x, in.p, jv_at(list[0], i), out);
        give(x, out, in.p, k);
}

/* Evaluates the arguments from the last to the first. */
static void next_arg(struct machine *x, const struct jn *n, const struct cell *env, struct item in,
                     struct arg *args, size_t left, struct kont *k)
{
        if (left == 0) {
                call_native(x, n, in, args, k);
                return;
        }
        struct kont *wait = kont_new(x, K_ARGUMENT, k);
        wait->n = n;
        wait->env = env;
        wait->in = in;
        wait->ptr = args;
        wait->i = left - 1;
        bool apart = n->kind == J_NATIVE && streq(n->native->name, "getpath");
        eval(x, n->args[left - 1], env, apart ? plain(in) : in, wait);
}

static void on_argument(struct machine *x, struct kont *k)
{
        struct arg *a = jv_alloc(&x->r.mem, sizeof(*a));
        *a = (struct arg){x->it.v, k->ptr};
        struct item in = k->in;
        if (x->it.p)
                in.p = x->it.p;
        next_arg(x, k->n, k->env, in, a, k->i, k->next);
}

/* Binds the parameters with a $, from number i on, then runs the body. k->env: the caller's. */
static void next_parameter(struct machine *x, const struct jn *n, const struct cell *caller,
                           const struct cell *env, struct item in, size_t i, struct kont *k)
{
        const struct jdef *d = n->def;
        while (i < d->n_args && d->args[i].p[0] != '$')
                i++;
        if (i == d->n_args) {
                eval(x, d->body, env, in, k);
                return;
        }
        struct kont *wait = kont_new(x, K_PARAMETER, k);
        wait->n = n;
        wait->env = caller;
        wait->in = in;
        wait->ptr = (void *)(uintptr_t)env;
        wait->i = i;
        eval(x, n->args[i], caller, plain(in), wait);
}

static void call(struct machine *x, const struct jn *n, const struct cell *home)
{
        const struct cell *caller = x->env, *env = home;
        for (size_t i = 0; i < n->n_args; i++) {
                struct cell *c = pushed(x, env);
                c->body = n->args[i];
                c->home = caller;
                env = c;
        }
        next_parameter(x, n, caller, env, x->it, 0, x->k);
}

/* ---- EVAL ---- */

static void eval_update(struct machine *x, const struct jn *n, struct kont *wait)
{
        struct item in = x->it;
        struct kont *after = x->k;
        x->k = after;
        struct choice *c = choice_new(x, CH_UPDATED);
        c->ptr = wait->ptr;
        eval(x, n->a, x->env, path_root(x, in.v), wait);
}

static void eval_assignment(struct machine *x)
{
        const struct jn *n = x->n;
        struct kont *wait;
        if (n->kind == J_MODIFY) {
                wait = kont_new(x, K_MODIFY_PATH, NULL);
                wait->ptr = state_new(x, x->it.v);
                eval_update(x, n, wait);
                return;
        }
        wait = kont_new(x, K_ASSIGN_VALUE, x->k);
        eval(x, n->b, x->env, plain(x->it), wait);
}

static void eval_label(struct machine *x)
{
        int64_t id = ++x->labels;
        choice_new(x, CH_LABEL)->i = (size_t)id;
        struct cell *c = pushed(x, x->env);
        c->v = jv_int(id);
        eval(x, x->n->a, c, x->it, x->k);
}

static void eval_break(struct machine *x)
{
        x->r.fault = FAULT_BREAK;
        x->r.fault_value = at_distance(x->env, x->n->distance)->v;
        x->mode = FAULT;
}

static void eval_collection(struct machine *x, enum choice_kind end, enum kont_kind each,
                            struct jv first)
{
        struct state *s = state_new(x, first);
        choice_new(x, end)->ptr = s;
        struct kont *wait = kont_new(x, each, NULL);
        wait->ptr = s;
        eval(x, x->n->a, x->env, x->it, wait);
}

static void eval_array(struct machine *x)
{
        if (x->n->a)
                eval_collection(x, CH_COLLECTED, K_COLLECT, jv_array_new(&x->r.mem, 4));
        else
                give(x, jv_array_new(&x->r.mem, 0), x->it.p, x->k);
}

static void eval_alternative(struct machine *x)
{
        struct state *found = state_new(x, jv_bool(false));
        choice_new(x, CH_ALTERNATIVE)->ptr = found;
        struct kont *wait = kont_new(x, K_ALTERNATIVE, x->k);
        wait->ptr = found;
        eval(x, x->n->a, x->env, x->it, wait);
}

static void eval_try(struct machine *x)
{
        size_t here = x->n_choices;
        choice_new(x, CH_TRY);
        struct kont *wait = kont_new(x, K_TRY_END, x->k);
        wait->i = here;
        eval(x, x->n->a, x->env, x->it, wait);
}

/* Waits for one child; `apart`: the path is none of its business. */
static void wait_for(struct machine *x, enum kont_kind kind, const struct jn *child, bool apart)
{
        struct kont *wait = kont_new(x, kind, x->k);
        eval(x, child, x->env, apart ? plain(x->it) : x->it, wait);
}

static void eval_slice(struct machine *x)
{
        const struct jn *n = x->n;
        if (n->b) {
                wait_for(x, K_SLICE_FROM, n->b, true);
                return;
        }
        struct kont *wait = kont_new(x, K_SLICE_TO, x->k); /* there is an end then */
        wait->x = jv_null();
        eval(x, n->c, x->env, plain(x->it), wait);
}

static void eval_definition(struct machine *x)
{
        struct cell *c = pushed(x, x->env);
        c->def = x->n->def;
        eval(x, x->n->a, c, x->it, x->k);
}

static void eval_closure(struct machine *x)
{
        const struct cell *c = at_distance(x->env, x->n->distance);
        eval(x, c->body, c->home, x->it, x->k);
}

static void eval_node(struct machine *x)
{
        const struct jn *n = x->n;
        switch (n->kind) {
        case J_IDENTITY: x->mode = RETURN; break;
        case J_CONST: give(x, n->value, x->it.p, x->k); break;
        case J_PIPE: wait_for(x, K_PIPE, n->a, false); break;
        case J_COMMA:
                choice_new(x, CH_EVAL);
                eval(x, n->a, x->env, x->it, x->k);
                break;
        case J_ALT: eval_alternative(x); break;
        case J_AND:
        case J_OR: wait_for(x, K_LOGIC_LEFT, n->a, true); break;
        case J_BINARY:
        case J_COMPARE: wait_for(x, K_RIGHT, n->b, false); break;
        case J_NEGATE:
        case J_PLUS: wait_for(x, K_SIGN, n->a, false); break;
        case J_ASSIGN:
        case J_MODIFY:
        case J_UPDATE: eval_assignment(x); break;
        case J_INDEX: wait_for(x, K_KEY, n->b, true); break;
        case J_SLICE: eval_slice(x); break;
        case J_ITERATE: wait_for(x, K_ITERATE, n->a, false); break;
        case J_TRY: eval_try(x); break;
        case J_IF: wait_for(x, K_IF, n->a, true); break;
        case J_REDUCE:
        case J_FOREACH: wait_for(x, K_LOOP_START, n->b, false); break;
        case J_LABEL: eval_label(x); break;
        case J_BREAK: eval_break(x); break;
        case J_BIND: wait_for(x, K_BIND, n->a, true); break;
        case J_OBJECT: object_next(x, n->entries, x->env, x->it, NULL, x->k, n); break;
        case J_ARRAY: eval_array(x); break;
        case J_DEF: eval_definition(x); break;
        case J_PATH: {
                struct kont *wait = kont_new(x, K_PATH_END, x->k);
                eval(x, n->a, x->env, path_root(x, x->it.v), wait);
                break;
        }
        case J_VARIABLE: give(x, at_distance(x->env, n->distance)->v, x->it.p, x->k); break;
        case J_CLOSURE: eval_closure(x); break;
        case J_FUNCTION: call(x, n, at_distance(x->env, n->distance)); break;
        case J_BUILTIN: call(x, n, NULL); break;
        case J_NATIVE:
        case J_RANGE: next_arg(x, n, x->env, x->it, NULL, n->n_args, x->k); break;
        case J_LAST: eval_collection(x, CH_LAST, K_LAST, (struct jv){.kind = JV_HOLE}); break;
        default: x->mode = BACK; break; /* J_EMPTY */
        }
}

/* ---- RETURN ---- */

static void fail_or_give(struct machine *x, bool ok, struct jv v, const struct jpath *p,
                         struct kont *k)
{
        if (ok)
                give(x, v, p, k);
        else
                x->mode = FAULT;
}

static void on_left(struct machine *x, struct kont *k)
{
        struct jv out = jv_null();
        if (k->n->kind == J_BINARY) {
                bool ok = jq_binary(&x->r, (enum jv_op)k->n->op, x->it.v, k->x, &out);
                fail_or_give(x, ok, out, x->it.p, k->next);
                return;
        }
        int c = jv_compare(&x->r.mem, x->it.v, k->x);
        bool yes = false;
        switch (k->n->op) {
        case CMP_EQ: yes = c == 0; break;
        case CMP_NE: yes = c != 0; break;
        case CMP_LT: yes = c < 0; break;
        case CMP_LE: yes = c <= 0; break;
        case CMP_GT: yes = c > 0; break;
        default: yes = c >= 0; break;
        }
        give(x, jv_bool(yes), x->it.p, k->next);
}

static void on_right(struct machine *x, struct kont *k)
{
        struct kont *wait = kont_new(x, K_LEFT, k->next);
        wait->n = k->n;
        wait->x = x->it.v;
        eval(x, k->n->a, k->env, (struct item){k->in.v, x->it.p}, wait);
}

static void on_sign(struct machine *x, struct kont *k)
{
        bool minus = k->n->kind == J_NEGATE;
        if (!jv_is_number(x->it.v)) {
                jq_fail(&x->r, "cannot %s: %.*s", minus ? "negate" : "plus",
                        SHOWN(jq_shown(&x->r, x->it.v)));
                x->mode = FAULT;
                return;
        }
        give(x, minus ? jv_negate(&x->r.mem, x->it.v) : x->it.v, x->it.p, k->next);
}

static void on_logic_left(struct machine *x, struct kont *k)
{
        bool left = jv_truthy(x->it.v), is_or = k->n->kind == J_OR;
        if (left == is_or) {
                give(x, jv_bool(is_or), k->in.p, k->next);
                return;
        }
        struct kont *wait = kont_new(x, K_LOGIC_RIGHT, k->next);
        wait->in = k->in;
        eval(x, k->n->b, k->env, plain(k->in), wait);
}

static void on_key(struct machine *x, struct kont *k)
{
        struct kont *wait = kont_new(x, K_INDEX, k->next);
        wait->x = x->it.v;
        eval(x, k->n->a, k->env, k->in, wait);
}

static void on_index(struct machine *x, struct kont *k)
{
        struct jv out;
        if (jq_index(&x->r, x->it.v, k->x, &out))
                give_step(x, x->it, k->x, out, k->next);
        else
                x->mode = FAULT;
}

static void on_slice_from(struct machine *x, struct kont *k)
{
        if (k->n->c) {
                struct kont *wait = kont_new(x, K_SLICE_TO, k->next);
                wait->n = k->n;
                wait->env = k->env;
                wait->in = k->in;
                wait->x = x->it.v;
                eval(x, k->n->c, k->env, plain(k->in), wait);
                return;
        }
        struct kont *wait = kont_new(x, K_SLICE, k->next);
        wait->x = x->it.v;
        wait->y = jv_null();
        eval(x, k->n->a, k->env, k->in, wait);
}

static void on_slice_to(struct machine *x, struct kont *k)
{
        struct kont *wait = kont_new(x, K_SLICE, k->next);
        wait->x = k->x;
        wait->y = x->it.v;
        eval(x, k->n->a, k->env, k->in, wait);
}

static void on_slice(struct machine *x, struct kont *k)
{
        struct jv out;
        if (jq_slice(&x->r, x->it.v, k->x, k->y, &out))
                give_step(x, x->it, x->it.p ? slice_key(x, k->x, k->y) : jv_null(), out, k->next);
        else
                x->mode = FAULT;
}

static void on_path_end(struct machine *x, struct kont *k)
{
        struct jv path = jv_null();
        bool ok = path_array(x, x->it, &path);
        fail_or_give(x, ok, path, k->in.p, k->next);
}

/* ---- assignments ---- */

static void on_assign_value(struct machine *x, struct kont *k)
{
        struct jv path, out, value = x->it.v;
        if (k->n->kind == J_ASSIGN && k->n->a->kind != J_IDENTITY &&
            constant_path(x, k->n->a, &path)) {
                bool ok = jq_setpath(&x->r, k->in.v, path, value, &out);
                fail_or_give(x, ok, ok ? out : jv_null(), k->in.p, k->next);
                return;
        }
        x->n = k->n;
        x->env = k->env;
        x->it = k->in;
        x->k = k->next;
        struct kont *wait = kont_new(x, K_ASSIGN_PATH, NULL);
        wait->x = value;
        wait->ptr = state_new(x, k->in.v);
        eval_update(x, k->n, wait);
}

/* The new value of a place: x itself, or what the operator makes of both. */
static bool assigned(struct machine *x, const struct kont *k, struct jv path, struct jv *out)
{
        struct state *s = k->ptr;
        *out = k->x;
        if (k->n->kind == J_ASSIGN)
                return true;
        struct jv old;
        if (!jq_getpath(&x->r, s->v, path, &old))
                return false;
        if (k->n->op == OP_ALT) {
                *out = jv_truthy(old) ? old : k->x;
                return true;
        }
        return jq_binary(&x->r, (enum jv_op)k->n->op, old, k->x, out);
}

static void on_assign_path(struct machine *x, struct kont *k)
{
        struct state *s = k->ptr;
        struct jv path, value;
        bool ok = path_array(x, x->it, &path) && assigned(x, k, path, &value) &&
                  jq_setpath(&x->r, s->v, path, value, &s->v);
        x->mode = ok ? BACK : FAULT;
}

static void on_modify_path(struct machine *x, struct kont *k)
{
        struct state *s = k->ptr;
        struct jv path, old;
        if (!path_array(x, x->it, &path) || !jq_getpath(&x->r, s->v, path, &old)) {
                x->mode = FAULT;
                return;
        }
        size_t here = x->n_choices;
        struct choice *c = choice_new(x, CH_NOTHING_CAME);
        c->ptr = s;
        c->x = path;
        struct kont *wait = kont_new(x, K_MODIFY_SET, NULL);
        wait->ptr = s;
        wait->x = path;
        wait->i = here;
        eval(x, k->n->b, k->env, (struct item){old, NULL}, wait);
}

/* The first value counts: the choices behind it are cut. */
static void on_modify_set(struct machine *x, struct kont *k)
{
        struct state *s = k->ptr;
        x->n_choices = k->i;
        x->mode = jq_setpath(&x->r, s->v, k->x, x->it.v, &s->v) ? BACK : FAULT;
}

/* ---- the rest of RETURN ---- */

static void on_loop_start(struct machine *x, struct kont *k)
{
        struct state *s = state_new(x, x->it.v);
        if (k->n->kind == J_REDUCE) {
                struct choice *c = choice_new(x, CH_REDUCED);
                c->ptr = s;
                c->in.p = x->it.p;
                c->k = k->next;
        }
        struct kont *wait = kont_new(x, K_LOOP_ITEM, k->next);
        wait->n = k->n;
        wait->env = k->env;
        wait->ptr = s;
        eval(x, k->n->a, k->env, (struct item){k->in.v, x->it.p}, wait);
}

static void on_loop_update(struct machine *x, struct kont *k)
{
        struct state *s = k->ptr;
        s->v = x->it.v;
        if (k->n->kind == J_REDUCE)
                x->mode = BACK;
        else if (k->n->d)
                eval(x, k->n->d, k->env, x->it, k->next);
        else
                x->k = k->next;
}

static void on_alternative(struct machine *x, struct kont *k)
{
        struct state *found = k->ptr;
        if (!jv_truthy(x->it.v)) {
                x->mode = BACK;
                return;
        }
        found->v = jv_bool(true);
        x->k = k->next;
}

static void on_if(struct machine *x, struct kont *k)
{
        const struct jn *branch = jv_truthy(x->it.v) ? k->n->b : k->n->c;
        if (branch)
                eval(x, branch, k->env, k->in, k->next);
        else
                give(x, k->in.v, k->in.p, k->next);
}

static void on_parameter(struct machine *x, struct kont *k)
{
        const struct cell *env = with_value(x, k->ptr, x->it.v);
        next_parameter(x, k->n, k->env, env, k->in, k->i + 1, k->next);
}

static void on_output(struct machine *x)
{
        struct jv v = x->it.v;
        bool finite = true;
        struct str json = jv_json(&x->r.mem, v);
        finite = jv_is_finite(v);
        x->stopped = !x->output(x->output_arg, json, finite);
        x->mode = BACK;
}

static void on_return(struct machine *x)
{
        struct kont *k = x->k;
        struct state *s = k ? k->ptr : NULL;
        if (!k) {
                on_output(x);
                return;
        }
        switch (k->kind) {
        case K_PIPE: eval(x, k->n->b, k->env, x->it, k->next); break;
        case K_ALTERNATIVE: on_alternative(x, k); break;
        case K_LOGIC_LEFT: on_logic_left(x, k); break;
        case K_LOGIC_RIGHT: give(x, jv_bool(jv_truthy(x->it.v)), k->in.p, k->next); break;
        case K_RIGHT: on_right(x, k); break;
        case K_LEFT: on_left(x, k); break;
        case K_SIGN: on_sign(x, k); break;
        case K_ASSIGN_VALUE: on_assign_value(x, k); break;
        case K_ASSIGN_PATH: on_assign_path(x, k); break;
        case K_MODIFY_PATH: on_modify_path(x, k); break;
        case K_MODIFY_SET: on_modify_set(x, k); break;
        case K_KEY: on_key(x, k); break;
        case K_INDEX: on_index(x, k); break;
        case K_SLICE_FROM: on_slice_from(x, k); break;
        case K_SLICE_TO: on_slice_to(x, k); break;
        case K_SLICE: on_slice(x, k); break;
        case K_ITERATE: iterate(x, x->it, k->next); break;
        case K_TRY_END:
                choice_new(x, CH_TRY_END)->i = k->i;
                x->k = k->next;
                break;
        case K_IF: on_if(x, k); break;
        case K_LOOP_START: on_loop_start(x, k); break;
        case K_LOOP_ITEM: bind_start(x, k, x->it.v, x->it.p); break;
        case K_LOOP_UPDATE: on_loop_update(x, k); break;
        case K_BIND: bind_start(x, k, x->it.v, k->in.p); break;
        case K_PATTERN_KEY: bind_on_key(x, k); break;
        case K_OBJECT_KEY:
        case K_OBJECT_VALUE: object_on(x, k); break;
        case K_COLLECT:
                s->v = jv_append(&x->r.mem, s->v, x->it.v);
                x->mode = BACK;
                break;
        case K_LAST:
                s->v = x->it.v;
                x->mode = BACK;
                break;
        case K_PATH_END: on_path_end(x, k); break;
        case K_ARGUMENT: on_argument(x, k); break;
        case K_PARAMETER: on_parameter(x, k); break;
        }
}

/* ---- BACK and FAULT ---- */

static void on_updated(struct machine *x, struct choice c)
{
        struct state *s = c.ptr;
        struct jv out = s->v;
        bool ok = s->holes.kind != JV_ARRAY || jq_delpaths(&x->r, s->v, s->holes, &out);
        fail_or_give(x, ok, out, c.in.p, c.k);
}

static void back(struct machine *x)
{
        struct choice c = x->choices[--x->n_choices];
        struct state *s = c.ptr;
        switch (c.kind) {
        case CH_EVAL: eval(x, c.n->b, c.env, c.in, c.k); break;
        case CH_ITERATE: iterate_from(x, c.x, c.y, c.i, c.in.p, c.k); break;
        case CH_RANGE: range_from(x, c.x, c.y, c.z, c.in.p, c.k); break;
        case CH_COLLECTED:
        case CH_REDUCED: give(x, s->v, c.in.p, c.k); break;
        case CH_LAST:
                if (s->v.kind != JV_HOLE)
                        give(x, s->v, c.in.p, c.k);
                break;
        case CH_ALTERNATIVE:
                if (!jv_truthy(s->v))
                        eval(x, c.n->b, c.env, c.in, c.k);
                break;
        case CH_UPDATED: on_updated(x, c); break;
        case CH_NOTHING_CAME:
                if (s->holes.kind != JV_ARRAY)
                        s->holes = jv_array_new(&x->r.mem, 4);
                s->holes = jv_append(&x->r.mem, s->holes, c.x);
                break;
        case CH_TRY:
        case CH_TRY_END:
        case CH_LABEL:
        case CH_OTHER_PATTERN: break; /* they wait for faults */
        }
}

static void caught(struct machine *x, struct choice c)
{
        struct jv v = x->r.fault_value;
        x->r.fault = FAULT_NONE;
        if (c.n->b)
                eval(x, c.n->b, c.env, (struct item){v, c.in.p}, c.k);
        else
                x->mode = BACK;
}

/* Errors behind the end of a `try` are not its own: all tries that lie between are passed over. */
static void unwind(struct machine *x)
{
        size_t ended = SIZE_MAX;
        while (x->n_choices) {
                struct choice c = x->choices[--x->n_choices];
                if (c.kind == CH_TRY_END && c.i < ended)
                        ended = c.i;
                if (c.kind == CH_TRY && x->n_choices < ended && x->r.fault == FAULT_ERROR) {
                        caught(x, c);
                        return;
                }
                if (c.kind == CH_OTHER_PATTERN) {
                        x->r.fault = FAULT_NONE;
                        bind_other(x, &c);
                        return;
                }
                if (c.kind == CH_LABEL && x->r.fault == FAULT_BREAK &&
                    (int64_t)c.i == x->r.fault_value.i) {
                        x->r.fault = FAULT_NONE;
                        x->mode = BACK;
                        return;
                }
        }
        x->stopped = true;
}

static void run_machine(struct machine *x)
{
        while (!x->stopped) {
                jv_charge(&x->r.mem, 1);
                switch (x->mode) {
                case EVAL: eval_node(x); break;
                case RETURN: on_return(x); break;
                case BACK:
                        if (x->n_choices == 0)
                                return;
                        back(x);
                        break;
                case FAULT: unwind(x); break;
                }
        }
}

/* ---- jq_run ---- */

static int report(struct machine *x, struct err *e)
{
        struct jq_run *r = &x->r;
        if (r->fault == FAULT_NONE)
                return 0;
        struct str words =
                r->fault_value.kind == JV_STR ? r->fault_value.s : jv_json(&r->mem, r->fault_value);
        return err_set(e, ERR_INVALID, "%s%s%.*s", r->fault == FAULT_HALT ? "halt " : "",
                       r->fault_is_value ? "error: " : "", (int)(words.n > 300 ? 300 : words.n),
                       words.p);
}

static int run_all(struct machine *x, const struct jq *q, struct str input, struct err *e)
{
        jmp_buf exit;
        const char *why;
        struct jv v;
        x->r.mem.exit = &exit;
        if (setjmp(exit) != 0)
                return err_set(e, ERR_LIMIT, "%s", x->r.mem.why);
        if (!jv_parse(&x->r.mem, input, false, &v, &why))
                return err_set(e, ERR_INVALID, "input: %s", why);
        eval(x, q->root, NULL, (struct item){v, NULL}, NULL);
        run_machine(x);
        return report(x, e);
}

int jq_run(const struct jq *q, struct str input, struct clock *clock, jq_output_fn *output,
           void *arg, struct err *e)
{
        struct machine *x = NEW(struct machine);
        arena_init(&x->r.arena, JQ_MEMORY);
        x->r.mem = (struct jv_mem){.arena = &x->r.arena, .steps = LANG_STEPS};
        x->r.clock = clock;
        x->r.prelude = q->prelude;
        x->output = output;
        x->output_arg = arg;
        int rc = run_all(x, q, input, e);
        jq_regexes_free(&x->r);
        arena_deinit(&x->r.arena);
        mem_free(x);
        return rc;
}

/* ---- jq_new ---- */

static int compile(struct jq_compile *c, struct jq *q, struct str text)
{
        jmp_buf exit;
        c->mem.exit = &exit;
        if (setjmp(exit) != 0)
                return err_set(c->e, ERR_LIMIT, "%s", c->mem.why);
        c->text = str_of(jq_prelude);
        q->prelude = c->prelude = jq_parse_prelude(c);
        if (!q->prelude)
                return -1;
        c->text = text;
        c->pos = 0;
        q->root = jq_parse(c);
        return q->root ? jq_resolve(c, q->root) : -1;
}

int jq_new(struct jq **out, struct str text, size_t *at, struct err *e)
{
        enum { JQ_TEXT = 256 << 10 };
        AUTO(jq_free) struct jq *q = NEW(struct jq);
        ERR_SLOT(own);
        arena_init(&q->arena, 0);
        if (at)
                *at = 0;
        if (text.n > JQ_TEXT)
                return err_set(e, ERR_LIMIT, "a program of more than %d bytes", JQ_TEXT);
        struct str copy = {arena_strndup(&q->arena, text.p ? text.p : "", text.n), text.n};
        struct jq_compile *c = NEW(struct jq_compile);
        *c = (struct jq_compile){.arena = &q->arena,
                                 .mem = {.arena = &q->arena, .steps = LANG_STEPS},
                                 .at = at,
                                 .e = e ? e : &own};
        int rc = compile(c, q, copy);
        mem_free(c);
        err_clear(&own);
        if (rc < 0)
                return -1;
        *out = TAKE(q);
        return 0;
}

struct jq *jq_free(struct jq *q)
{
        if (q) {
                arena_deinit(&q->arena);
                mem_free(q);
        }
        return NULL;
}
