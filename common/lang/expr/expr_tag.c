/* common/lang/expr/expr_tag.c: see tagexpr.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"
#include "common/lang/tagexpr.h"

bool tag_must_all(void *arg, struct str name)
{
        (void)arg;
        (void)name;
        return true;
}

/* ---- is it there? ---- */

static bool cut_part(struct str *path, struct str *part)
{
        const char *dot = path->n ? memchr(path->p, '.', path->n) : NULL;
        size_t n = dot ? (size_t)(dot - path->p) : path->n;
        if (!path->n)
                return false;
        *part = (struct str){path->p, n};
        *path = dot ? (struct str){dot + 1, path->n - n - 1} : (struct str){path->p + n, 0};
        return true;
}

/* Is there a variable or a function of this dotted name? nil counts. */
static bool exists(const struct tag_expr *t, struct str path)
{
        struct str part;
        struct val v = t->env;
        if (!cut_part(&path, &part))
                return false;
        if (str_eq(part, "sprig"))
                return !cut_part(&path, &part) || (sprig_find(part) != NULL && !path.n);
        if (ex_env_sig(part))
                return path.n == 0;
        do {
                if (v.kind != VAL_MAP)
                        return false;
                v = val_get(t->arena, v, part);
                if (v.kind == VAL_MISSING)
                        return false;
        } while (cut_part(&path, &part));
        return true;
}

/* "a.b.c" of a chain of constant members. False: it is none. */
static bool path_of(const struct ex_node *n, char *buf, size_t cap, size_t *len)
{
        if (n->kind == EX_IDENT || n->kind == EX_VAR || n->kind == EX_ENV) {
                *len = 0;
        } else {
                if (n->kind != EX_MEMBER || n->kid[1]->kind != EX_STR ||
                    !path_of(n->kid[0], buf, cap, len) || *len >= cap)
                        return false;
                buf[(*len)++] = '.';
        }
        struct str part = n->kind == EX_MEMBER ? n->kid[1]->text : n->text;
        if (part.n > cap - *len)
                return false;
        memcpy(buf + *len, part.p, part.n);
        *len += part.n;
        return true;
}

struct search {
        const struct tag_expr *t;
        size_t missing;
        char must[512]; /* the first that must be there and is not */
};

static void look_at(struct search *s, const struct ex_node *n)
{
        char path[512];
        size_t len;
        if (!path_of(n, path, sizeof(path), &len) || exists(s->t, (struct str){path, len}))
                return;
        s->missing++;
        if (!s->must[0] && s->t->must && s->t->must(s->t->arg, (struct str){path, len}))
                snprintf(s->must, sizeof(s->must), "%.*s", (int)len, path);
}

/* Names from the root on, so that the shortest missing one is told. `optional`: on the left of ??,
 * where members may be absent (their root may not). */
static void search(struct search *s, const struct ex_node *n, bool optional)
{
        bool coalesce = n->kind == EX_BINARY && n->op == EX_OP_COALESCE;
        bool spine = n->kind == EX_MEMBER || n->kind == EX_CHAIN;
        for (size_t i = 0; i < n->n; i++)
                if (n->kid[i])
                        search(s, n->kid[i],
                               (coalesce && (i == 0 || optional)) || (spine && optional && i == 0));
        if (n->kind == EX_IDENT || n->kind == EX_VAR || n->kind == EX_ENV ||
            (n->kind == EX_MEMBER && !optional))
                look_at(s, n);
}

/* Variables that appear late: an expression that names them waits for them. */
static const char *const late[] = {"item",
                                   "retries",
                                   "lastRetry.exitCode",
                                   "lastRetry.status",
                                   "lastRetry.duration",
                                   "lastRetry.message",
                                   "workflow.status",
                                   "workflow.failures"};

/* Do the tokens of "a.b" follow each other somewhere? */
static bool names(const struct ex_token *tokens, struct str variable)
{
        for (; tokens->kind != EX_T_EOF; tokens++) {
                struct str path = variable, part;
                const struct ex_token *t = tokens;
                bool first = true;
                while (cut_part(&path, &part)) {
                        if (!first) {
                                if (t->kind != EX_T_OP || !str_eq(t->text, "."))
                                        break;
                                t++;
                        }
                        if (t->kind != EX_T_IDENT || t->text.n != part.n ||
                            memcmp(t->text.p, part.p, part.n) != 0)
                                break;
                        t++;
                        first = false;
                        if (!path.n)
                                return true;
                }
        }
        return false;
}

static bool waits(const struct tag_expr *t, struct str text)
{
        struct ex_token *tokens;
        struct ex_error ee = {0};
        if (!ex_lex(t->arena, text, EXPR_WORKFLOWS, &tokens, &ee))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(late); i++) {
                struct str name = str_of(late[i]);
                if (memmem(text.p, text.n, name.p, name.n) && names(tokens, name) &&
                    !exists(t, name))
                        return true;
        }
        return false;
}

/* Argo puts placeholders for values that only a later pass knows; with one about, no failure is
 * final. */
static bool any_placeholder(struct arena *a, struct val v, unsigned depth)
{
        static const char mark[] = "__argo__internal__placeholder";
        if (v.kind == VAL_STR)
                return v.s.n >= sizeof(mark) - 1 && memcmp(v.s.p, mark, sizeof(mark) - 1) == 0;
        if (v.kind != VAL_MAP || depth > 8 || !val_open(a, v))
                return false;
        for (size_t i = 0; i < v.map->n; i++)
                if (any_placeholder(a, v.map->entries[i].value, depth + 1))
                        return true;
        return false;
}

/* ---- the result ---- */

static int put_value(const struct tag_expr *t, struct val v, struct buf *out, struct err *e)
{
        struct abuf b = abuf_in(t->arena);
        if (v.kind == VAL_STR && v.type == VAL_T_USUAL) {
                buf_add(out, v.s.p, v.s.n);
                return 0;
        }
        if (!expr_json(&b, v))
                return err_set(e, b.failed ? ERR_LIMIT : ERR_INVALID,
                               "failed to evaluate expression: the result, %s, has no JSON form",
                               ex_val_type(v));
        struct str s = abuf_str(&b);
        if (s.n >= 2 && s.p[0] == '"') { /* a time */
                s.p++;
                s.n -= 2;
        }
        buf_add(out, s.p, s.n);
        return 0;
}

static int evaluate(const struct tag_expr *t, const struct expr *x, bool may_stay, struct buf *out,
                    bool *keep, struct err *e)
{
        struct val v;
        struct err why = {0};
        bool waiting = any_placeholder(t->arena, t->env, 0);
        if (may_stay && waits(t, x->text)) {
                *keep = true;
                return 0;
        }
        int rc = expr_eval(x, t->env, t->clock, t->arena, &v, &why);
        if ((rc < 0 || v.kind == VAL_NIL) && (may_stay || waiting)) {
                err_clear(&why);
                *keep = true;
                return 0;
        }
        if (rc == 0 && v.kind == VAL_NIL)
                err_set(&why, ERR_INVALID, "the result is nil");
        else if (rc == 0)
                rc = put_value(t, v, out, &why);
        if (why.code && may_stay) {
                err_clear(&why);
                *keep = true;
                return 0;
        }
        if (!why.code)
                return rc;
        err_move(e, &why);
        return err_wrap(e, "failed to evaluate expression \"%.*s\"",
                        (int)(x->text.n > 200 ? 200 : x->text.n), x->text.p);
}

int tag_expr_put(const struct tag_expr *t, struct str text, struct buf *out, bool *keep,
                 struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        struct search s = {.t = t};
        *keep = false;
        if (expr_new(&x, text, EXPR_WORKFLOWS, NULL, e) < 0) {
                if (any_placeholder(t->arena, t->env, 0)) {
                        err_clear(e);
                        *keep = true;
                        return 0;
                }
                return err_wrap(e, "failed to evaluate expression \"%.*s\"",
                                (int)(text.n > 200 ? 200 : text.n), text.p);
        }
        search(&s, x->tree.root, false);
        if (s.must[0])
                return err_set(e, ERR_NOT_FOUND, "failed to evaluate expression: %s is missing",
                               s.must);
        return evaluate(t, x, t->may_stay || s.missing > 0, out, keep, e);
}

int tag_expr_check(struct str text, size_t *at, struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        return expr_new(&x, text, EXPR_WORKFLOWS, at, e);
}
