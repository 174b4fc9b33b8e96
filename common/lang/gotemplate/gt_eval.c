/* common/lang/gotemplate/gt_eval.c: see gt_priv.h: pipelines, commands, fields, arguments.
 *
 * Two kinds of nothing are kept apart as in Go: VAL_MISSING (no value: a key that is not there) and
 * VAL_NIL (null in the data). A field of the first is nothing again, a field of the second is an
 * error; as the result of a pipeline null becomes "no value". SPDX-License-Identifier: Apache-2.0
 */
#include "common/lang/gofmt.h"
#include "common/lang/gotemplate/gt_priv.h"

/* What a command gets as its last argument from the pipeline. */
struct final {
        bool any;
        struct val v;
};

static bool eval_arg(struct gt_state *s, struct val dot, char type, const struct gt_node *n,
                     struct val *out);

/* ---- calls ---- */

static bool check_type(struct gt_state *s, const struct gt_node *n, char type, struct val *v)
{
        if (v->kind == VAL_MISSING) {
                if (type == 'a' || type == 'm' || type == 'l') {
                        *v = val_nil();
                        if (type != 'a')
                                *v = (struct val){.kind = VAL_MISSING};
                        return true;
                }
                return gt_fail(s, n, "invalid value; expected %s", go_param_name(type));
        }
        if (go_assignable(type, *v))
                return true;
        return gt_fail(s, n, "wrong type for value; expected %s; got %s", go_param_name(type),
                       v->kind == VAL_NIL ? "interface {}" : gofmt_type(*v));
}

/* A nil map or list where a parameter wants one: an empty one that remembers. */
static bool fill_nil(struct gt_state *s, char type, struct val *v)
{
        if (v->kind != VAL_MISSING)
                return true;
        *v = type == 'm' ? val_map_new(s->env.arena, 0) : val_list_new(s->env.arena, 0);
        v->extra = VAL_X_NIL;
        return v->kind != VAL_NIL || go_full(&s->env);
}

static bool check_count(struct gt_state *s, const struct gt_node *n, const struct go_func *f,
                        size_t got)
{
        size_t min = go_params_min(f);
        if (go_params_variadic(f)) {
                if (got < min)
                        return gt_fail(s, n,
                                       "wrong number of args for %s: want at least %zu got %zu",
                                       f->name, min, got);
        } else if (got != min) {
                return gt_fail(s, n, "wrong number of args for %s: want %zu got %zu", f->name, min,
                               got);
        }
        return true;
}

/* and, or: arguments are evaluated until one decides. */
static bool short_circuit(struct gt_state *s, struct val dot, const struct go_func *f,
                          const struct gt_node *args, struct final final, struct val *out)
{
        *out = (struct val){0};
        for (const struct gt_node *a = args; a; a = a->next) {
                if (!eval_arg(s, dot, 'a', a, out))
                        return false;
                if (gt_truth(s, *out) == gt_is_or(f))
                        return true;
        }
        if (final.any)
                *out = final.v;
        return true;
}

/* args: those behind the name. `receiver` is in front for methods. */
static bool call(struct gt_state *s, struct val dot, const struct gt_node *n,
                 const struct go_func *f, const struct val *receiver, const struct gt_node *args,
                 struct final final, struct val *out)
{
        size_t count = final.any, skip = receiver ? 1 : 0, i = 0;
        for (const struct gt_node *a = args; a; a = a->next)
                count++;
        if (!check_count(s, n, f, count))
                return false;
        if (gt_is_and(f) || gt_is_or(f))
                return short_circuit(s, dot, f, args, final, out);
        struct val *argv = arena_try_alloc(s->env.arena, (count + skip + 1) * sizeof(*argv));
        if (!argv)
                return go_full(&s->env);
        if (receiver)
                argv[0] = *receiver;
        for (const struct gt_node *a = args; a; a = a->next, i++) {
                char type = go_param(f, i);
                if (!eval_arg(s, dot, type, a, &argv[skip + i]) ||
                    !fill_nil(s, type, &argv[skip + i]))
                        return false;
        }
        if (final.any) {
                char type = go_param(f, i);
                argv[skip + i] = final.v;
                if (!check_type(s, n, type, &argv[skip + i]) || !fill_nil(s, type, &argv[skip + i]))
                        return false;
        }
        s->at = n;
        *out = (struct val){0};
        if (!go_step(&s->env, 1) || !f->fn(&s->env, argv, count + skip, out))
                return gt_fail(s, n, "error calling %s", f->name);
        return true;
}

/* ---- fields ---- */

static bool eval_field(struct gt_state *s, struct val dot, const struct gt_node *n, struct str name,
                       const struct gt_node *args, struct final final, struct val receiver,
                       struct val *out)
{
        if (receiver.kind == VAL_MISSING) {
                *out = receiver;
                return true;
        }
        int shown = (int)(name.n > 60 ? 60 : name.n);
        if (receiver.kind == VAL_NIL)
                return gt_fail(s, n, "nil pointer evaluating interface {}.%.*s", shown, name.p);
        const struct go_func *method = receiver.kind == VAL_MAP ? NULL : go_method(receiver, name);
        if (method)
                return call(s, dot, n, method, &receiver, args, final, out);
        if (receiver.kind != VAL_MAP)
                return gt_fail(s, n, "can't evaluate field %.*s in type %s", shown, name.p,
                               gofmt_type(receiver));
        if (args || final.any)
                return gt_fail(s, n, "%.*s is not a method but has arguments", shown, name.p);
        if (!val_open(s->env.arena, receiver))
                return go_full(&s->env);
        *out = val_get(s->env.arena, receiver, name);
        return go_step(&s->env, 1);
}

static bool eval_chain(struct gt_state *s, struct val dot, const struct gt_node *n,
                       struct val receiver, const struct gt_node *args, struct final final,
                       struct val *out)
{
        struct final none = {0};
        for (size_t i = 0; i + 1 < n->nnames; i++)
                if (!eval_field(s, dot, n, n->names[i], NULL, none, receiver, &receiver))
                        return false;
        return eval_field(s, dot, n, n->names[n->nnames - 1], args, final, receiver, out);
}

static bool no_arguments(struct gt_state *s, const struct gt_node *n, const struct gt_node *args,
                         struct final final)
{
        return !args && !final.any ? true : gt_fail(s, n, "can't give argument to non-function");
}

static struct gt_var *find_var(struct gt_state *s, struct str name)
{
        for (size_t i = s->nvars; i > s->frame; i--) {
                struct gt_var *v = &s->vars[i - 1];
                if (v->name.n == name.n && memcmp(v->name.p, name.p, name.n) == 0)
                        return v;
        }
        return NULL;
}

bool gt_push_var(struct gt_state *s, struct str name, struct val v)
{
        if (s->nvars == s->cap_vars) {
                size_t cap = s->cap_vars ? s->cap_vars * 2 : 8;
                struct gt_var *more = arena_try_alloc(s->env.arena, cap * sizeof(*more));
                if (!more)
                        return go_full(&s->env);
                if (s->nvars)
                        memcpy(more, s->vars, s->nvars * sizeof(*more));
                s->vars = more;
                s->cap_vars = cap;
        }
        s->vars[s->nvars++] = (struct gt_var){name, v};
        return true;
}

bool gt_set_var(struct gt_state *s, const struct gt_node *n, struct str name, struct val v)
{
        struct gt_var *var = find_var(s, name);
        if (!var)
                return gt_fail(s, n, "undefined variable: %.*s", (int)name.n, name.p);
        var->value = v;
        return true;
}

static bool eval_variable(struct gt_state *s, struct val dot, const struct gt_node *n,
                          const struct gt_node *args, struct final final, struct val *out)
{
        struct gt_var *var = find_var(s, n->text);
        if (!var)
                return gt_fail(s, n, "undefined variable: %.*s", (int)n->text.n, n->text.p);
        if (n->nnames)
                return eval_chain(s, dot, n, var->value, args, final, out);
        *out = var->value;
        return no_arguments(s, n, args, final);
}

/* (pipe).a.b: the inside is evaluated like an argument of no type. */
static bool eval_chain_node(struct gt_state *s, struct val dot, const struct gt_node *n,
                            const struct gt_node *args, struct final final, struct val *out)
{
        struct val inner;
        if (!eval_arg(s, dot, 0, n->inner, &inner))
                return false;
        return eval_chain(s, dot, n, inner, args, final, out);
}

/* ---- constants ---- */

static bool ideal_constant(struct gt_state *s, const struct gt_node *n, struct val *out)
{
        if (n->plain_float)
                *out = val_float(n->f);
        else if (n->is_int)
                *out = val_int(n->i);
        else
                return gt_fail(s, n, "the number overflows int");
        return true;
}

/* A literal where the parameter has this type. */
static bool literal(struct gt_state *s, char type, const struct gt_node *n, struct val *out)
{
        bool number = n->type == GTN_NUMBER;
        switch (type) {
        case 'b':
                *out = val_bool(n->truth);
                return n->type == GTN_BOOL ? true : gt_fail(s, n, "expected bool");
        case 's':
                *out = val_str(n->text);
                return n->type == GTN_STRING ? true : gt_fail(s, n, "expected string");
        case 'i':
                *out = val_int(n->i);
                return number && n->is_int ? true : gt_fail(s, n, "expected integer");
        case 'I':
        case 'D':
                *out = (struct val){.kind = type == 'D' ? VAL_DURATION : VAL_INT,
                                    .type = type == 'D' ? VAL_T_USUAL : VAL_T_INT64,
                                    .i = n->i};
                return number && n->is_int ? true : gt_fail(s, n, "expected integer");
        case 'u':
                *out = (struct val){
                        .kind = VAL_INT, .type = VAL_T_UINT32, .i = (int64_t)(uint32_t)n->u};
                return number && n->is_uint ? true : gt_fail(s, n, "expected unsigned integer");
        case 'f':
                *out = val_float(n->f);
                return number && n->is_float ? true : gt_fail(s, n, "expected float");
        case 'a':
        case 0: break;
        default:
                return gt_fail(s, n, "can't handle a literal for an argument of type %s",
                               go_param_name(type));
        }
        switch (n->type) {
        case GTN_BOOL: *out = val_bool(n->truth); return true;
        case GTN_STRING: *out = val_str(n->text); return true;
        default: return ideal_constant(s, n, out);
        }
}

/* type 0: none. */
static bool eval_arg(struct gt_state *s, struct val dot, char type, const struct gt_node *n,
                     struct val *out)
{
        struct final none = {0};
        bool ok = true;
        s->at = n;
        switch (n->type) {
        case GTN_DOT: *out = dot; break;
        case GTN_NIL:
                if (type != 'a' && type != 'm' && type != 'l')
                        return gt_fail(s, n, "cannot assign nil to %s", go_param_name(type));
                *out = (struct val){0};
                break;
        case GTN_FIELD: ok = eval_chain(s, dot, n, dot, NULL, none, out); break;
        case GTN_VARIABLE: ok = eval_variable(s, dot, n, NULL, none, out); break;
        case GTN_PIPE: ok = gt_eval_pipe(s, dot, n, out); break;
        case GTN_IDENT: ok = call(s, dot, n, n->func, NULL, NULL, none, out); break;
        case GTN_CHAIN: ok = eval_chain_node(s, dot, n, NULL, none, out); break;
        default: return literal(s, type, n, out);
        }
        return ok && (type == 0 || check_type(s, n, type, out));
}

/* ---- commands and pipelines ---- */

static bool eval_command(struct gt_state *s, struct val dot, const struct gt_command *c,
                         struct final final, struct val *out)
{
        const struct gt_node *first = c->args, *rest = first->next;
        s->at = first;
        switch (first->type) {
        case GTN_FIELD: return eval_chain(s, dot, first, dot, rest, final, out);
        case GTN_CHAIN: return eval_chain_node(s, dot, first, rest, final, out);
        case GTN_IDENT: return call(s, dot, first, first->func, NULL, rest, final, out);
        case GTN_VARIABLE: return eval_variable(s, dot, first, rest, final, out);
        default: break;
        }
        if (!no_arguments(s, first, rest, final))
                return false;
        switch (first->type) {
        case GTN_PIPE: return gt_eval_pipe(s, dot, first, out);
        case GTN_DOT: *out = dot; return true;
        case GTN_NIL: return gt_fail(s, first, "nil is not a command");
        case GTN_BOOL: *out = val_bool(first->truth); return true;
        case GTN_STRING: *out = val_str(first->text); return true;
        default: return ideal_constant(s, first, out);
        }
}

bool gt_eval_pipe(struct gt_state *s, struct val dot, const struct gt_node *pipe, struct val *out)
{
        struct final final = {0};
        if (!gt_enter(s, pipe))
                return false;
        for (const struct gt_command *c = pipe->commands; c; c = c->next) {
                if (!eval_command(s, dot, c, final, &final.v))
                        return false;
                if (final.v.kind == VAL_NIL)
                        final.v.kind = VAL_MISSING;
                final.any = true;
        }
        gt_leave(s);
        for (unsigned i = 0; i < pipe->ndecl; i++) {
                bool ok = pipe->assign ? gt_set_var(s, pipe, pipe->decl[i], final.v)
                                       : gt_push_var(s, pipe->decl[i], final.v);
                if (!ok)
                        return false;
        }
        *out = final.v;
        return true;
}
