/* common/lang/expr/expr_jsonpath_script.c: see expr_jsonpath.h: expressions of filters. The
 * original looks for one operator after the other, the weakest first, and splits the text there;
 * its way through brackets decides which texts it understands. SPDX-License-Identifier: Apache-2.0
 */
#include "common/lang/expr/expr_jsonpath.h"
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gofmt.h"
#include "common/lang/gonum.h"

enum { SCRIPT_DEPTH = 400 };

static const char *const operators[] = {
        "",  "||", "&&", "==", "!=", "<=", ">=",     "<",  ">", "=~", "!",
        "+", "-",  "**", "*",  "/",  "%",  "not in", "in", "@", "$"};
enum {
        OP_EMPTY, /* only met inside of brackets */
        OP_OR,
        OP_AND,
        OP_EQ,
        OP_NE,
        OP_LE,
        OP_GE,
        OP_LT,
        OP_GT,
        OP_MATCH,
        OP_NOT,
        OP_ADD,
        OP_SUB,
        OP_POW,
        OP_MUL,
        OP_DIV,
        OP_MOD,
        OP_NOT_IN,
        OP_IN,
        OP_CURRENT,
        OP_ROOT,
        OP_COUNT
};

struct jp_op;
struct operand {
        enum { O_NIL, O_OP, O_VALUE } kind;
        struct jp_op *op;
        struct val v; /* a text as written, or a list or map of JSON */
};
struct jp_op {
        int op;
        struct operand a, b;
        struct jp_path path;
};
struct jp_expr {
        struct str text;
        struct jp_op *root;
};

/* ---- compile ---- */

/* Where the operator stands outside of quotes and brackets; -1: nowhere. */
static ptrdiff_t find_operator(struct str s, const char *op)
{
        size_t len = strlen(op);
        bool single = false, dbl = false;
        long square = 0, round = 0;
        for (size_t i = 0; i < s.n; i++) {
                bool quoted = single || dbl;
                switch (s.p[i]) {
                case '(': round += !quoted && square <= 0; break;
                case ')': round -= !quoted && square <= 0; break;
                case '[': square += !quoted && round <= 0; break;
                case ']': square -= !quoted && round <= 0; break;
                case '\'': single ^= !dbl && square <= 0 && round <= 0; break;
                case '"': dbl ^= !single && square <= 0 && round <= 0; break;
                default: break;
                }
                /* A bracket or quote that is skipped for what is around it ends the look at it. */
                if (single || dbl || square > 0 || round > 0 || len > i + 1)
                        continue;
                if (len == 0 || memcmp(s.p + i + 1 - len, op, len) == 0)
                        return (ptrdiff_t)(i + 1 - len);
        }
        return -1;
}

static bool build(struct jp *j, struct str s, int first, struct jp_op **out);

static bool json_operand(struct jp *j, struct str s, struct operand *out)
{
        bool list = s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']';
        bool map = s.n > 1 && s.p[0] == '{' && s.p[s.n - 1] == '}';
        out->v = val_str(s);
        if ((list || map) && gj_valid(s))
                out->v = val_from_json(j->ev->go.arena, s, VAL_FLOATS);
        return true;
}

static bool operand(struct jp *j, struct str s, int first, struct operand *out)
{
        if (!build(j, s, first, &out->op))
                return false;
        s = jp_trim(s);
        out->kind = out->op ? O_OP : s.n ? O_VALUE : O_NIL;
        return out->kind != O_VALUE || json_operand(j, s, out);
}

static bool make(struct jp *j, int op, struct operand a, struct operand b, struct str s,
                 struct jp_op **out)
{
        struct jp_op *n = jp_alloc(j, sizeof(*n));
        if (!n)
                return false;
        *n = (struct jp_op){.op = op, .a = a, .b = b};
        if ((op == OP_CURRENT || op == OP_ROOT) && !jp_parse(j, s, &n->path))
                return false;
        *out = n;
        return true;
}

/* Operators from `first` on are tried; *out NULL: the text is an operand. */
static bool build_inner(struct jp *j, struct str s, int first, struct jp_op **out)
{
        int at = first;
        struct operand a = {0}, b = {0};
        *out = NULL;
        s = jp_trim(s);
        if (!s.n)
                return true;
        if (s.p[0] == '(' && s.p[s.n - 1] == ')') {
                s = jp_trim((struct str){s.p + 1, s.n >= 2 ? s.n - 2 : 0});
                first = OP_EMPTY; /* all operators again */
        }
        const char *text = operators[at];
        ptrdiff_t idx = find_operator(s, text);
        bool last = first == OP_COUNT - 1, name = at == OP_CURRENT || at == OP_ROOT;
        if (idx < 0)
                return last || build(j, s, first + 1, out);
        size_t len = strlen(text);
        struct str left = jp_trim((struct str){s.p, (size_t)idx});
        struct str right = jp_trim((struct str){s.p + idx + len, s.n - (size_t)idx - len});
        if (!right.n && !name)
                return last || build(j, s, first + 1, out);
        if (!operand(j, right, first, &b))
                return false;
        if (!left.n && !name && at != OP_NOT)
                return last || build(j, s, first + 1, out);
        if (!operand(j, left, first, &a))
                return false;
        if ((name || at == OP_NOT) && a.kind != O_NIL)
                return last || build(j, s, first + 1, out);
        if (at == OP_EMPTY)
                return jp_soft(j, "unsupported operator in an expression");
        return make(j, at, a, b, s, out);
}

static bool build(struct jp *j, struct str s, int first, struct jp_op **out)
{
        if (++j->depth > SCRIPT_DEPTH)
                return go_fail(&j->ev->go, ERR_LIMIT, "a JSONPath expression is nested too deeply");
        bool ok = go_step(&j->ev->go, 1 + s.n / 16) && build_inner(j, s, first, out);
        j->depth--;
        return ok;
}

bool jp_compile(struct jp *j, struct str text, struct jp_expr **out)
{
        struct jp_expr *x = jp_alloc(j, sizeof(*x));
        if (!x)
                return false;
        x->text = text;
        *out = x;
        return build(j, text, OP_OR, &x->root);
}

/* ---- evaluate ---- */

struct names {
        struct val root, current;
};

static bool evaluate(struct jp *j, const struct jp_op *op, const struct names *n, struct val *out);

/* $ @ nil null as operands. */
static bool named(struct str s, const struct names *n, struct val *out)
{
        if (str_eq(s, "$"))
                *out = n->root;
        else if (str_eq(s, "@"))
                *out = n->current;
        else if (str_eq(s, "nil") || str_eq(s, "null"))
                *out = val_nil();
        else
                return false;
        return true;
}

/* The value of an operand: *is_name when a name stood for it. */
static bool value_of(struct jp *j, const struct operand *o, const struct names *n, struct val *out,
                     bool *is_name)
{
        *out = o->v;
        *is_name = false;
        if (o->kind == O_OP && !evaluate(j, o->op, n, out))
                return false;
        if (out->kind == VAL_STR)
                *is_name = named(out->s, n, out);
        return true;
}

static struct str text_of(struct jp *j, struct val v)
{
        struct abuf b = abuf_in(j->ev->go.arena);
        if (v.kind == VAL_STR)
                return v.s;
        gofmt_value(&b, v.kind == VAL_MISSING ? val_nil() : v);
        if (b.failed)
                go_full(&j->ev->go);
        return abuf_str(&b);
}

static bool get_number(struct jp *j, const struct operand *o, const struct names *n, double *out)
{
        struct val v;
        bool name;
        if (o->kind == O_NIL)
                return jp_soft(j, "invalid argument. is nil");
        if (!value_of(j, o, n, &v, &name))
                return false;
        return gonum_float(text_of(j, v), out) == GONUM_OK ||
               jp_soft(j, "invalid argument. expected number");
}

static bool get_integer(struct jp *j, const struct operand *o, const struct names *n, int64_t *out)
{
        struct val v;
        bool name;
        if (o->kind == O_NIL)
                return jp_soft(j, "invalid argument. is nil");
        if (!value_of(j, o, n, &v, &name))
                return false;
        return jp_parse_int(text_of(j, v), out) || jp_soft(j, "invalid argument. expected integer");
}

static bool get_boolean(struct jp *j, const struct operand *o, const struct names *n, bool *out)
{
        struct val v;
        bool name;
        *out = false;
        if (o->kind == O_NIL)
                return true;
        if (!value_of(j, o, n, &v, &name))
                return false;
        return ex_is_nil(v) || gonum_bool(text_of(j, v), out) ||
               jp_soft(j, "invalid argument. expected boolean");
}

static bool is_quoted(struct str s, char q)
{
        return s.n > 1 && s.p[0] == q && s.p[s.n - 1] == q;
}

/* With ' around it. */
static bool in_quotes(struct jp *j, struct str s, struct str *out)
{
        char *p = jp_alloc(j, s.n + 2);
        if (!p)
                return false;
        p[0] = p[s.n + 1] = '\'';
        if (s.n)
                memcpy(p + 1, s.p, s.n);
        *out = (struct str){p, s.n + 2};
        return true;
}

static bool get_string(struct jp *j, const struct operand *o, const struct names *n,
                       struct str *out)
{
        struct val v;
        bool name;
        if (o->kind == O_NIL)
                return jp_soft(j, "invalid argument. is nil");
        if (!value_of(j, o, n, &v, &name))
                return false;
        *out = text_of(j, v);
        if (v.kind != VAL_STR || is_quoted(*out, '\''))
                return !j->ev->go.failed;
        bool dbl = is_quoted(*out, '"');
        if (dbl)
                *out = (struct str){out->p + 1, out->n - 2};
        return name || dbl ? in_quotes(j, *out, out) : true;
}

static bool get_elements(struct jp *j, const struct operand *o, const struct names *n,
                         struct val *out)
{
        struct arena *a = j->ev->go.arena;
        bool name;
        if (o->kind == O_NIL)
                return jp_soft(j, "invalid argument. is nil");
        if (!value_of(j, o, n, out, &name))
                return false;
        if (out->kind == VAL_STR && !name) {
                struct str s = out->s;
                bool json = s.n > 1 && ((s.p[0] == '{' && s.p[s.n - 1] == '}') ||
                                        (s.p[0] == '[' && s.p[s.n - 1] == ']'));
                if (json && !gj_valid(s))
                        return jp_soft(j, "invalid argument");
                if (json)
                        *out = val_from_json(a, s, VAL_FLOATS);
        }
        if (out->kind != VAL_LIST && out->kind != VAL_MAP)
                return jp_soft(j, "invalid argument. expected array, map, or slice");
        return val_open(a, *out) || go_full(&j->ev->go);
}

static bool same(struct val a, struct val b)
{
        if (a.kind != b.kind)
                return false;
        return a.kind == VAL_FLOAT  ? a.f == b.f
               : a.kind == VAL_BOOL ? a.b == b.b
               : a.kind == VAL_STR  ? a.s.n == b.s.n && (!a.s.n || !memcmp(a.s.p, b.s.p, a.s.n))
                                    : a.kind == VAL_NIL;
}

static bool is_in(struct jp *j, const struct jp_op *op, const struct names *n, bool *out)
{
        double d;
        bool b;
        struct str s;
        struct val item, list;
        if (get_number(j, &op->a, n, &d))
                item = val_float(d);
        else if (get_string(j, &op->a, n, &s))
                item = val_str(s);
        else if (get_boolean(j, &op->a, n, &b))
                item = op->a.kind == O_NIL ? val_bool(false) : val_bool(b);
        else
                item = (struct val){0};
        if (j->ev->go.failed || !get_elements(j, &op->b, n, &list))
                return false;
        *out = false;
        size_t len = list.kind == VAL_LIST ? list.list->n : list.map->n;
        for (size_t i = 0; i < len && !*out; i++)
                *out = same(list.kind == VAL_LIST ? list.list->items[i]
                                                  : list.map->entries[i].value,
                            item);
        return go_step(&j->ev->go, len);
}

static struct str unquoted(struct str s)
{
        return is_quoted(s, '\'') ? (struct str){s.p + 1, s.n - 2} : s;
}

static bool match(struct jp *j, const struct jp_op *op, const struct names *n, struct val *out)
{
        struct str s, pattern;
        const struct goregex *re;
        struct err e = {0};
        bool yes;
        if (!get_string(j, &op->a, n, &s) || !get_string(j, &op->b, n, &pattern))
                return false;
        if (!j->ev->go.regexes)
                j->ev->go.regexes = goregex_cache_new(16);
        if (goregex_cached(j->ev->go.regexes, unquoted(pattern), &re, &e) < 0) {
                err_clear(&e);
                return jp_soft(j, "invalid argument. expected a valid regexp");
        }
        if (goregex_match(re, unquoted(s), j->ev->go.arena, &yes, &e) < 0) {
                go_fail(&j->ev->go, e.code, "%s", err_msg(&e));
                err_clear(&e);
                return false;
        }
        *out = val_bool(yes);
        return true;
}

static bool equality(struct jp *j, const struct jp_op *op, const struct names *n, struct val *out)
{
        double x, y;
        struct str s, t;
        bool same_value;
        if (get_number(j, &op->a, n, &x) && get_number(j, &op->b, n, &y)) {
                same_value = x == y;
        } else {
                if (j->ev->go.failed || !get_string(j, &op->a, n, &s) ||
                    !get_string(j, &op->b, n, &t))
                        return false;
                same_value = s.n == t.n && (!s.n || memcmp(s.p, t.p, s.n) == 0);
        }
        *out = val_bool(same_value == (op->op == OP_EQ));
        return true;
}

static bool calculate(struct jp *j, const struct jp_op *op, const struct names *n, struct val *out)
{
        double x, y;
        int64_t a, b;
        if (op->op == OP_MOD) {
                if (!get_integer(j, &op->a, n, &a) || !get_integer(j, &op->b, n, &b))
                        return false;
                if (b == 0)
                        return ex_fail(j->ev, "integer divide by zero");
                *out = (struct val){.kind = VAL_INT, .type = VAL_T_INT64, .i = b == -1 ? 0 : a % b};
                return true;
        }
        if (!get_number(j, &op->a, n, &x) || !get_number(j, &op->b, n, &y))
                return false;
        switch (op->op) {
        case OP_LE: *out = val_bool(x <= y); break;
        case OP_GE: *out = val_bool(x >= y); break;
        case OP_LT: *out = val_bool(x < y); break;
        case OP_GT: *out = val_bool(x > y); break;
        case OP_ADD: *out = val_float(x + y); break;
        case OP_SUB: *out = val_float(x - y); break;
        case OP_MUL: *out = val_float(x * y); break;
        case OP_DIV: *out = val_float(x / y); break;
        default: *out = val_float(gonum_pow(x, y));
        }
        return true;
}

static bool evaluate(struct jp *j, const struct jp_op *op, const struct names *n, struct val *out)
{
        bool a, b;
        struct str s;
        if (!go_step(&j->ev->go, 1))
                return false;
        switch (op->op) {
        case OP_OR:
        case OP_AND:
                if (!get_boolean(j, &op->a, n, &a) || !get_boolean(j, &op->b, n, &b))
                        return false;
                *out = val_bool(op->op == OP_OR ? a || b : a && b);
                return true;
        case OP_NOT:
                if (!get_boolean(j, &op->b, n, &b))
                        return false;
                *out = val_bool(!b);
                return true;
        case OP_EQ:
        case OP_NE: return equality(j, op, n, out);
        case OP_MATCH: return match(j, op, n, out);
        case OP_IN:
        case OP_NOT_IN:
                if (!is_in(j, op, n, &a))
                        return false;
                *out = val_bool(a == (op->op == OP_IN));
                return true;
        case OP_CURRENT:
        case OP_ROOT:
                if (!jp_apply(j, &op->path, 0, n->root, n->current, out))
                        return false;
                if (out->kind != VAL_STR || is_quoted(out->s, '\''))
                        return true;
                if (!in_quotes(j, out->s, &s))
                        return false;
                *out = val_str(s);
                return true;
        default: return calculate(j, op, n, out);
        }
}

bool jp_evaluate(struct jp *j, const struct jp_expr *x, struct val root, struct val current,
                 struct val *out)
{
        struct names n = {root, current};
        struct operand o = {.kind = O_VALUE, .v = val_str(x->text)};
        double d;
        bool b;
        if (!x->text.n)
                return jp_soft(j, "invalid expression. is empty");
        if (x->root)
                return evaluate(j, x->root, &n, out);
        if (named(x->text, &n, out))
                return true;
        if (get_number(j, &o, &n, &d))
                *out = val_float(d);
        else if (get_boolean(j, &o, &n, &b))
                *out = val_bool(b);
        else
                *out = val_str(x->text);
        return !j->ev->go.failed;
}
