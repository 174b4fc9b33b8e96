/* common/lang/jsonpath/jsonpath_eval.c: see jsonpath.h: each node turns a list of values into
 * another one.
 *
 * VAL_MISSING stands for Go's invalid value (a document or loop item that is null), VAL_NIL for a
 * null found inside of a document: the original skips the one and not the other. A node that fails
 * still has an answer, which [?(...)] without a comparison looks at. Loops run the rest of the
 * template again for each item, until an {end} stops them. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt.h"
#include "common/lang/jsonpath/jsonpath_priv.h"
#include "common/lang/sprig/gojson.h"

struct vec {
        struct val *p;
        size_t n, cap;
};
struct run {
        struct arena *arena;
        enum jsonpath_missing missing;
        size_t steps;
        int begin_range, in_range, end_range, depth;
        const struct jp_node *last_end; /* where the newest {end} stands in the root list */
        struct buf *out;
        struct err *e;
};

static int too_much(struct run *r)
{
        return err_set(r->e, ERR_LIMIT, "the path finds more than an evaluation may hold");
}

static int push(struct run *r, struct vec *v, struct val x)
{
        if (r->steps == 0)
                return too_much(r);
        r->steps--;
        if (v->n == v->cap) {
                size_t cap = v->cap ? v->cap * 2 : 4;
                struct val *p = arena_try_alloc(r->arena, cap * sizeof(*p));
                if (!p)
                        return too_much(r);
                if (v->n)
                        memcpy(p, v->p, v->n * sizeof(*p));
                v->p = p;
                v->cap = cap;
        }
        v->p[v->n++] = x;
        return 0;
}

static int walk(struct run *r, struct vec in, const struct jp_node *n, struct vec *out);

/* *out is set on failure too: what the failing node answers. */
static int walk_list(struct run *r, struct vec in, const struct jp_list *list, struct vec *out)
{
        *out = in;
        for (const struct jp_node *n = list->first; n; n = n->next) {
                struct vec got = {0};
                int rc = walk(r, *out, n, &got);
                *out = got;
                if (rc < 0)
                        return -1;
        }
        return 0;
}

/* ---- nodes ---- */

static int constant(struct run *r, size_t times, struct val x, struct vec *out)
{
        for (size_t i = 0; i < times; i++)
                if (push(r, out, x) < 0)
                        return -1;
        return 0;
}

static int eval_field(struct run *r, struct vec in, struct str name, struct vec *out)
{
        if (in.n == 0)
                return 0;
        for (size_t i = 0; i < in.n; i++) {
                if (in.p[i].kind != VAL_MAP)
                        continue;
                struct val found = val_get(r->arena, in.p[i], name);
                if (found.kind != VAL_MISSING && push(r, out, found) < 0)
                        return -1;
        }
        if (out->n == 0 && r->missing == JSONPATH_MISSING_FAILS)
                return err_set(r->e, ERR_NOT_FOUND, "%.*s is not found", (int)name.n, name.p);
        return 0;
}

/* The part [*from, *to) of a list of n items. False: there is nothing to do for any value. */
static int resolve_bounds(struct run *r, const struct jp_bound *b, int64_t n, int64_t *from,
                          int64_t *to)
{
        *from = b[0].known ? b[0].value : 0;
        *to = b[1].known ? b[1].value : n;
        if (*from < 0)
                *from += n;
        if (*to < 0 || (*to == 0 && b[1].derived))
                *to += n;
        if (*from == *to)
                return 0;
        if (*from >= n || *from < 0 || *to > n || *to < 0)
                return err_set(
                        r->e, ERR_NOT_FOUND, "array index out of bounds: index %lld, length %lld",
                        (long long)(*from >= n || *from < 0 ? *from : *to - 1), (long long)n);
        if (*from > *to)
                return err_set(r->e, ERR_INVALID, "[%lld:%lld] runs backwards", (long long)*from,
                               (long long)*to);
        if (b[2].known && b[2].value <= 0)
                return err_set(r->e, ERR_INVALID, "the step of [a:b:step] must be above 0");
        return 0;
}

static int eval_array(struct run *r, struct vec in, const struct jp_bound *b, struct vec *out)
{
        for (size_t i = 0; i < in.n; i++) {
                int64_t from, to, step = b[2].known ? b[2].value : 1;
                struct val v = in.p[i];
                if (v.kind == VAL_NIL)
                        continue;
                int rc = 0;
                if (v.kind != VAL_LIST)
                        rc = err_set(r->e, ERR_INVALID, "%s is no list: [...] does not fit",
                                     gofmt_kind(v));
                if (rc < 0 || resolve_bounds(r, b, (int64_t)val_len(r->arena, v), &from, &to) < 0) {
                        *out = in;
                        return -1;
                }
                if (from == to)
                        return 0; /* the original leaves the values behind alone, too */
                for (int64_t k = from; k < to; k += step) {
                        if (push(r, out, val_at(r->arena, v, (size_t)k)) < 0)
                                return -1;
                        if (step > to - k)
                                break;
                }
        }
        return 0;
}

static int eval_union(struct run *r, struct vec in, const struct jp_list *parts, struct vec *out)
{
        for (const struct jp_node *n = parts->first; n; n = n->next) {
                struct vec got;
                if (walk_list(r, in, &n->list, &got) < 0) {
                        *out = in;
                        return -1;
                }
                for (size_t i = 0; i < got.n; i++)
                        if (push(r, out, got.p[i]) < 0)
                                return -1;
        }
        return 0;
}

/* The parts of a map, list or text (its bytes). */
static int push_children(struct run *r, struct val v, struct vec *out)
{
        if (v.kind == VAL_MAP) {
                if (!val_open_sorted(r->arena, v))
                        return too_much(r);
                for (size_t i = 0; i < v.map->n; i++)
                        if (push(r, out, v.map->entries[i].value) < 0)
                                return -1;
        } else if (v.kind == VAL_LIST) {
                size_t n = val_len(r->arena, v);
                for (size_t i = 0; i < n; i++)
                        if (push(r, out, val_at(r->arena, v, i)) < 0)
                                return -1;
        } else if (v.kind == VAL_STR) {
                for (size_t i = 0; i < v.s.n; i++)
                        if (push(r, out, val_int((unsigned char)v.s.p[i])) < 0)
                                return -1;
        }
        return 0;
}

static int eval_wildcard(struct run *r, struct vec in, struct vec *out)
{
        for (size_t i = 0; i < in.n; i++)
                if (push_children(r, in.p[i], out) < 0)
                        return -1;
        return 0;
}

/* Every value that has parts, before its parts. */
static int eval_recursive(struct run *r, struct vec in, struct vec *out, int depth)
{
        if (depth > LANG_DEPTH)
                return err_set(r->e, ERR_LIMIT, "data nested deeper than %d", LANG_DEPTH);
        for (size_t i = 0; i < in.n; i++) {
                struct vec children = {0};
                if (push_children(r, in.p[i], &children) < 0)
                        return -1;
                if (children.n &&
                    (push(r, out, in.p[i]) < 0 || eval_recursive(r, children, out, depth + 1) < 0))
                        return -1;
        }
        return 0;
}

static int eval_identifier(struct run *r, struct vec in, struct str name, struct vec *out)
{
        if (str_eq(name, "range")) {
                r->begin_range++;
                *out = in;
        } else if (!str_eq(name, "end")) {
                *out = in;
                return err_set(r->e, ERR_INVALID,
                               "unrecognized identifier %.*s (fields begin "
                               "with a point)",
                               (int)name.n, name.p);
        } else if (r->in_range == 0) {
                return err_set(r->e, ERR_INVALID, "{end} without a {range ...}");
        } else {
                r->end_range++;
        }
        return 0;
}

/* ---- filters ---- */

enum basic { B_NONE, B_BOOL, B_INT, B_FLOAT, B_TEXT };

static enum basic basic_kind(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return B_BOOL;
        case VAL_INT: return B_INT;
        case VAL_FLOAT: return B_FLOAT;
        case VAL_STR: return B_TEXT;
        default: return B_NONE;
        }
}

static int text_order(struct str a, struct str b)
{
        int c = memcmp(a.n ? a.p : "", b.n ? b.p : "", a.n < b.n ? a.n : b.n);
        return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool is_equal(struct val a, struct val b)
{
        switch (basic_kind(a)) {
        case B_BOOL: return a.b == b.b;
        case B_INT: return a.i == b.i;
        case B_FLOAT: return a.f == b.f;
        default: return text_order(a.s, b.s) == 0;
        }
}

static bool is_less(struct val a, struct val b)
{
        switch (basic_kind(a)) {
        case B_INT: return a.i < b.i;
        case B_FLOAT: return a.f < b.f;
        default: return text_order(a.s, b.s) < 0;
        }
}

static int compare(struct run *r, enum jp_op op, struct val a, struct val b, bool *out)
{
        bool orders = op != JP_EQ && op != JP_NE;
        if (op == JP_BAD_OP)
                return err_set(r->e, ERR_INVALID,
                               "a filter compares with == != < <= > >= and nothing else");
        if (basic_kind(a) == B_NONE || basic_kind(b) == B_NONE ||
            (orders && basic_kind(a) == B_BOOL && basic_kind(b) == B_BOOL))
                return err_set(r->e, ERR_INVALID, "a filter cannot compare %s with %s",
                               gofmt_kind(a), gofmt_kind(b));
        if (basic_kind(a) != basic_kind(b))
                return err_set(r->e, ERR_INVALID,
                               "a filter compares %s with %s: both must be of one type (a number "
                               "of the document is a float64: write 3.0)",
                               gofmt_kind(a), gofmt_kind(b));
        switch (op) {
        case JP_EQ: *out = is_equal(a, b); break;
        case JP_NE: *out = !is_equal(a, b); break;
        case JP_LT: *out = is_less(a, b); break;
        case JP_GE: *out = !is_less(a, b); break;
        case JP_LE: *out = is_less(a, b) || is_equal(a, b); break;
        default: *out = !(is_less(a, b) || is_equal(a, b)); break;
        }
        return 0;
}

static int only_one(struct run *r)
{
        return err_set(r->e, ERR_INVALID, "a filter can only compare one element at a time");
}

static int filter_exists(struct run *r, const struct jp_node *n, struct vec item, bool *keep)
{
        struct vec left;
        struct err local = {0}, *outer = r->e;
        r->e = &local;
        (void)walk_list(r, item, &n->filter.left, &left);
        r->e = outer;
        bool limit = local.code == ERR_LIMIT;
        err_clear(&local);
        *keep = left.n > 0;
        return limit ? too_much(r) : 0;
}

static int filter_keeps(struct run *r, const struct jp_node *n, struct vec item, bool *keep)
{
        struct vec left, right;
        *keep = false;
        if (n->filter.op == JP_EXISTS)
                return filter_exists(r, n, item, keep);
        if (walk_list(r, item, &n->filter.left, &left) < 0)
                return -1;
        if (left.n == 0)
                return 0;
        if (left.n > 1)
                return only_one(r);
        if (walk_list(r, item, &n->filter.right, &right) < 0)
                return -1;
        if (right.n == 0)
                return 0;
        if (right.n > 1)
                return only_one(r);
        return compare(r, n->filter.op, left.p[0], right.p[0], keep);
}

static int eval_filter(struct run *r, struct vec in, const struct jp_node *n, struct vec *out)
{
        for (size_t i = 0; i < in.n; i++) {
                if (in.p[i].kind != VAL_LIST) {
                        *out = in;
                        return err_set(r->e, ERR_INVALID, "%s is no list: a filter does not fit",
                                       gofmt_kind(in.p[i]));
                }
                size_t len = val_len(r->arena, in.p[i]);
                for (size_t k = 0; k < len; k++) {
                        struct vec item = {0};
                        bool keep;
                        if (push(r, &item, val_at(r->arena, in.p[i], k)) < 0)
                                return -1;
                        if (filter_keeps(r, n, item, &keep) < 0) {
                                *out = in;
                                return -1;
                        }
                        if (keep && push(r, out, item.p[0]) < 0)
                                return -1;
                }
        }
        return 0;
}

static int walk(struct run *r, struct vec in, const struct jp_node *n, struct vec *out)
{
        switch (n->kind) {
        case JP_LIST: return walk_list(r, in, &n->list, out);
        case JP_TEXT: return push(r, out, val_str(n->text));
        case JP_FIELD: return eval_field(r, in, n->text, out);
        case JP_ARRAY: return eval_array(r, in, n->bounds, out);
        case JP_FILTER: return eval_filter(r, in, n, out);
        case JP_INT: return constant(r, in.n, val_int(n->i), out);
        case JP_FLOAT: return constant(r, in.n, val_float(n->f), out);
        case JP_BOOL: return constant(r, in.n, val_bool(n->b), out);
        case JP_WILDCARD: return eval_wildcard(r, in, out);
        case JP_RECURSIVE: return eval_recursive(r, in, out, 0);
        case JP_UNION: return eval_union(r, in, &n->list, out);
        case JP_IDENTIFIER: return eval_identifier(r, in, n->text, out);
        }
        return 0;
}

/* ---- printing, and the loop over the template ---- */

static int print_value(struct run *r, struct val v)
{
        struct abuf b = abuf_in(r->arena);
        if (v.kind == VAL_MAP || v.kind == VAL_LIST) {
                struct gojson j = {.b = &b, .html = true};
                if (!gojson_put(&j, v) && !b.failed)
                        return err_set(r->e, ERR_INVALID, "a result has no JSON form");
        } else if (v.kind == VAL_NIL) {
                abuf_adds(&b, "null");
        } else if (v.kind == VAL_MISSING) {
                abuf_adds(&b, "<no value>");
        } else {
                gofmt_value(&b, v);
        }
        buf_add(r->out, b.p, b.n);
        return b.failed || r->out->overflow ? too_much(r) : 0;
}

static int print_results(struct run *r, struct vec v)
{
        for (size_t i = 0; i < v.n; i++) {
                if (print_value(r, v.p[i]) < 0)
                        return -1;
                if (i + 1 < v.n)
                        buf_addc(r->out, ' ');
        }
        return 0;
}

static int run_from(struct run *r, const struct jp_node *first, struct val data, bool print);

/* The rest of the template for each item of a {range ...}; *at becomes where the loop ended. */
static int run_range(struct run *r, const struct jp_node **at, struct vec items, bool print)
{
        const struct jp_node *rest = (*at)->next;
        r->begin_range--;
        r->in_range++;
        for (size_t i = 0; i < items.n; i++) {
                if (items.p[i].kind == VAL_MISSING)
                        return err_set(r->e, ERR_INVALID, "{range} over no value at all");
                if (run_from(r, rest, items.p[i], print) < 0)
                        return -1;
        }
        if (items.n == 0 && run_from(r, rest, val_nil(), false) < 0)
                return -1;
        r->in_range--;
        for (const struct jp_node *n = rest; n; n = n->next)
                if (n == r->last_end)
                        *at = n;
        return 0;
}

static int run_from(struct run *r, const struct jp_node *first, struct val data, bool print)
{
        struct vec cur = {0};
        if (data.kind == VAL_NIL)
                data = (struct val){0};
        if (r->depth >= LANG_DEPTH)
                return err_set(r->e, ERR_LIMIT, "loops nested deeper than %d", LANG_DEPTH);
        if (push(r, &cur, data) < 0)
                return -1;
        r->depth++;
        for (const struct jp_node *n = first; n; n = n->next) {
                struct vec results = {0};
                if (walk(r, cur, n, &results) < 0)
                        return -1;
                if (r->end_range > 0 && r->end_range <= r->in_range) {
                        r->end_range--;
                        r->last_end = n;
                        break;
                }
                if (r->begin_range > 0) {
                        if (run_range(r, &n, results, print) < 0)
                                return -1;
                } else if (print && print_results(r, results) < 0) {
                        return -1;
                }
        }
        r->depth--;
        return 0;
}

int jsonpath_put(const struct jsonpath *p, struct val data, enum jsonpath_missing missing,
                 struct arena *a, struct buf *out, struct err *e)
{
        struct run r = {.arena = a, .missing = missing, .steps = LANG_STEPS, .out = out, .e = e};
        return run_from(&r, p->root.first, data, true);
}
