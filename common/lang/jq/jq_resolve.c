/* common/lang/jq/jq_resolve.c: see jq_priv.h: which definition, parameter or variable a name means.
 *
 * At run time the environment is a list of cells; every node here adds the same cells in the same
 * order as the run will, so a name becomes a number of steps along the list. Functions of the
 * prelude see nothing but their own parameters, and are resolved when the first program uses them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_priv.h"

enum bound { VARIABLE, PARAMETER, FUNCTION, LABEL };
struct scope { /* one cell */
        const struct scope *up;
        enum bound what;
        struct str name;
        size_t n_args;
        struct jdef *def;
};

static bool same(struct str a, struct str b)
{
        return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static int resolve(struct jq_compile *c, struct jn *n, const struct scope *s);

/* ---- names ---- */

static bool names_it(const struct scope *s, const struct jn *n)
{
        switch (s->what) {
        case VARIABLE: return n->n_args == 0 && same(s->name, n->name);
        case PARAMETER: return n->n_args == 0 && same(s->name, n->name);
        case FUNCTION: return s->n_args == n->n_args && same(s->name, n->name);
        default: return false;
        }
}

static int resolve_args(struct jq_compile *c, struct jn *n, const struct scope *s)
{
        for (size_t i = 0; i < n->n_args; i++)
                if (resolve(c, n->args[i], s) < 0)
                        return -1;
        return 0;
}

static int resolve_def(struct jq_compile *c, struct jdef *d, const struct scope *outer)
{
        struct scope *cells = arena_alloc(c->arena, (2 * d->n_args + 1) * sizeof(*cells));
        const struct scope *s = outer;
        size_t n = 0;
        for (size_t i = 0; i < d->n_args; i++) {
                bool value = d->args[i].p[0] == '$';
                struct str name =
                        value ? (struct str){d->args[i].p + 1, d->args[i].n - 1} : d->args[i];
                cells[n] = (struct scope){.up = s, .what = PARAMETER, .name = name};
                s = &cells[n++];
        }
        for (size_t i = 0; i < d->n_args; i++) {
                if (d->args[i].p[0] != '$')
                        continue;
                cells[n] = (struct scope){.up = s, .what = VARIABLE, .name = d->args[i]};
                s = &cells[n++];
        }
        return resolve(c, d->body, s);
}

static int use_prelude(struct jq_compile *c, struct jn *n, struct jdef *d, const struct scope *s)
{
        n->kind = J_BUILTIN;
        n->def = d;
        if (!d->resolved) {
                d->resolved = true; /* before its body: it may call itself */
                if (resolve_def(c, d, NULL) < 0)
                        return -1;
        }
        return resolve_args(c, n, s);
}

static bool is_call(const struct jn *n, const char *name, size_t n_args)
{
        return n->n_args == n_args && str_eq(n->name, name);
}

/* What is neither a definition nor a native function. */
static bool special(struct jq_compile *c, struct jn *n)
{
        (void)c;
        if (is_call(n, "empty", 0)) {
                n->kind = J_EMPTY;
        } else if (is_call(n, "path", 1)) {
                n->kind = J_PATH;
                n->a = n->args[0];
        } else if (is_call(n, "_last", 1)) {
                n->kind = J_LAST;
                n->a = n->args[0];
        } else if (is_call(n, "_range", 3)) {
                n->kind = J_RANGE;
        } else if (is_call(n, "env", 0) || is_call(n, "$ENV", 0)) {
                n->kind = J_CONST;
                n->value = jv_object();
        } else {
                return false;
        }
        return true;
}

static int unknown(struct jq_compile *c, const struct jn *n)
{
        if (n->name.p[0] == '$')
                return jq_refuse(c, n->at, "variable not defined: %.*s", (int)n->name.n, n->name.p);
        if (is_call(n, "input", 0) || is_call(n, "inputs", 0))
                return jq_refuse(c, n->at, "input(s)/0 is not allowed");
        return jq_refuse(c, n->at, "function not defined: %.*s/%zu", (int)n->name.n, n->name.p,
                         n->n_args);
}

static int resolve_call(struct jq_compile *c, struct jn *n, const struct scope *s)
{
        size_t distance = 0;
        for (const struct scope *k = s; k; k = k->up, distance++) {
                if (!names_it(k, n))
                        continue;
                n->kind = k->what == FUNCTION    ? J_FUNCTION
                          : k->what == PARAMETER ? J_CLOSURE
                                                 : J_VARIABLE;
                n->distance = distance;
                n->def = k->def;
                return resolve_args(c, n, s);
        }
        for (struct jdef *d = c->prelude; d; d = d->next)
                if (d->n_args == n->n_args && same(d->name, n->name))
                        return use_prelude(c, n, d, s);
        if (special(c, n))
                return resolve_args(c, n, s);
        n->native = jq_native(n->name, n->n_args);
        if (!n->native)
                return unknown(c, n);
        n->kind = J_NATIVE;
        return resolve_args(c, n, s);
}

static int resolve_break(struct jq_compile *c, struct jn *n, const struct scope *s)
{
        n->distance = 0;
        for (; s; s = s->up, n->distance++)
                if (s->what == LABEL && same(s->name, n->name))
                        return 0;
        return jq_refuse(c, n->at, "label not defined: %.*s", (int)n->name.n, n->name.p);
}

/* ---- patterns ---- */

static size_t slot_of(struct jq_compile *c, struct jbind *b, struct str name)
{
        for (size_t i = 0; i < b->n_names; i++)
                if (same(b->names[i], name))
                        return i;
        struct str *more = arena_alloc(c->arena, (b->n_names + 1) * sizeof(*more));
        if (b->n_names)
                memcpy(more, b->names, b->n_names * sizeof(*more));
        more[b->n_names] = name;
        b->names = more;
        return b->n_names++;
}

static void collect(struct jq_compile *c, struct jbind *b, struct jpattern *p)
{
        if (p->kind == PAT_VARIABLE)
                p->slot = slot_of(c, b, p->name);
        for (struct jpattern *i = p->items; i; i = i->next) {
                if (p->kind == PAT_ARRAY) {
                        collect(c, b, i);
                        continue;
                }
                if (i->key_variable)
                        collect(c, b, i->key_variable);
                if (i->value)
                        collect(c, b, i->value);
        }
}

static int resolve_keys(struct jq_compile *c, struct jpattern *p, const struct scope *s)
{
        for (struct jpattern *i = p->items; i; i = i->next) {
                if (p->kind == PAT_ARRAY ? resolve_keys(c, i, s) < 0
                                         : (i->key && resolve(c, i->key, s) < 0) ||
                                                   (i->value && resolve_keys(c, i->value, s) < 0))
                        return -1;
        }
        return 0;
}

/* The cells that a binding adds; NULL in *out: refused. */
static int resolve_bind(struct jq_compile *c, struct jbind *b, const struct scope *s,
                        const struct scope **out)
{
        for (struct jpattern *p = b->patterns; p; p = p->next)
                collect(c, b, p);
        struct scope *cells = arena_alloc(c->arena, (b->n_names + 1) * sizeof(*cells));
        for (size_t i = 0; i < b->n_names; i++) {
                cells[i] = (struct scope){.up = s, .what = VARIABLE, .name = b->names[i]};
                s = &cells[i];
        }
        for (struct jpattern *p = b->patterns; p; p = p->next)
                if (resolve_keys(c, p, s) < 0)
                        return -1;
        *out = s;
        return 0;
}

/* ---- nodes ---- */

static const struct scope *pushed(struct jq_compile *c, struct scope cell)
{
        struct scope *s = arena_alloc(c->arena, sizeof(*s));
        *s = cell;
        return s;
}

static int resolve_entries(struct jq_compile *c, struct jn *n, const struct scope *s)
{
        for (struct jentry *e = n->entries; e; e = e->next)
                if (resolve(c, e->key, s) < 0 || (e->value && resolve(c, e->value, s) < 0))
                        return -1;
        return 0;
}

/* Children but `a`; *inner: the scope of `a`. */
static int resolve_rest(struct jq_compile *c, struct jn *n, const struct scope *s,
                        const struct scope **inner)
{
        const struct scope *body = s;
        *inner = s;
        switch (n->kind) {
        case J_CALL: return resolve_call(c, n, s);
        case J_BREAK: return resolve_break(c, n, s);
        case J_OBJECT: return resolve_entries(c, n, s);
        case J_LABEL:
                *inner = pushed(c, (struct scope){.up = s, .what = LABEL, .name = n->name});
                return 0;
        case J_DEF:
                *inner = pushed(c, (struct scope){.up = s,
                                                  .what = FUNCTION,
                                                  .name = n->def->name,
                                                  .n_args = n->def->n_args,
                                                  .def = n->def});
                return resolve_def(c, n->def, *inner);
        case J_BIND: return resolve_bind(c, n->bind, s, &body) < 0 ? -1 : resolve(c, n->b, body);
        case J_REDUCE:
        case J_FOREACH:
                if (resolve(c, n->b, s) < 0 || resolve_bind(c, n->bind, s, &body) < 0 ||
                    resolve(c, n->c, body) < 0)
                        return -1;
                return n->d ? resolve(c, n->d, body) : 0;
        default: break;
        }
        if ((n->b && resolve(c, n->b, s) < 0) || (n->c && resolve(c, n->c, s) < 0))
                return -1;
        return 0;
}

/* Chains of operators and suffixes lean to the left: they are followed without recursion. */
static int resolve(struct jq_compile *c, struct jn *n, const struct scope *s)
{
        while (n) {
                const struct scope *inner;
                bool args_hold_a = n->kind == J_CALL; /* a is one of them then */
                if (resolve_rest(c, n, s, &inner) < 0)
                        return -1;
                s = inner;
                n = args_hold_a ? NULL : n->a;
        }
        return 0;
}

int jq_resolve(struct jq_compile *c, struct jn *root)
{
        return resolve(c, root, NULL);
}
