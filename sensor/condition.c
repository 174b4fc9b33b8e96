/* sensor/condition.c: see condition.h. A recursive descent into a postfix program of at most a few
 * dozen steps; nesting is limited, evaluation is one loop over the program.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sensor/condition.h"
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <ctype.h>
#include <stdlib.h>

enum { DEPTH_MAX = 32, STEPS_MAX = 512, OP_AND = -1, OP_OR = -2 };

struct condition {
        int program[STEPS_MAX]; /* >= 0: push dependency; OP_AND, OP_OR: combine the top two */
        size_t n;
        uint64_t uses;
        bool has_and;
        char *text;
};

struct parser {
        const char *text, *at;
        const char *const *names;
        size_t n_names;
        struct condition *c;
        struct buf normal;
        int depth;
};

static int complain(const struct parser *p, const char *expected, struct err *e)
{
        size_t column = (size_t)(p->at - p->text) + 1;
        if (!*p->at)
                return err_set(e, ERR_INVALID, "column %zu: expected %s, found the end", column,
                               expected);
        int shown = (int)strcspn(p->at + 1, " \t\r\n()&|") + 1;
        return err_set(e, ERR_INVALID, "column %zu: expected %s, found \"%.*s\"", column, expected,
                       shown, p->at);
}

static void skip_space(struct parser *p)
{
        while (isspace((unsigned char)*p->at))
                p->at++;
}

static int emit(struct parser *p, int step, struct err *e)
{
        if (p->c->n == STEPS_MAX)
                return err_set(e, ERR_LIMIT, "more than %d terms", STEPS_MAX / 2);
        p->c->program[p->c->n++] = step;
        return 0;
}

static int parse_or(struct parser *p, struct err *e);

static int parse_name(struct parser *p, struct err *e)
{
        size_t len = strcspn(p->at, " \t\r\n()&|");
        if (len == 0)
                return complain(p, "a dependency name or '('", e);
        for (size_t i = 0; i < p->n_names; i++) {
                if (!str_eq((struct str){p->at, len}, p->names[i]))
                        continue;
                buf_add(&p->normal, p->at, len);
                p->at += len;
                p->c->uses |= UINT64_C(1) << i;
                return emit(p, (int)i, e);
        }
        AUTO(mem_free) char *word = mem_strndup(p->at, len);
        const char *near = str_nearest(word, p->names, p->n_names);
        return err_set(e, ERR_INVALID, "column %zu: no dependency is named \"%s\"%s%s%s",
                       (size_t)(p->at - p->text) + 1, word, near ? " (did you mean \"" : "",
                       near ? near : "", near ? "\"?)" : "");
}

static int parse_primary(struct parser *p, struct err *e)
{
        skip_space(p);
        if (*p->at == '!')
                return err_set(
                        e, ERR_INVALID,
                        "column %zu: conditions know no negation: only &&, || and parentheses",
                        (size_t)(p->at - p->text) + 1);
        if (*p->at != '(')
                return parse_name(p, e);
        if (++p->depth > DEPTH_MAX)
                return err_set(e, ERR_LIMIT, "parentheses nested deeper than %d", DEPTH_MAX);
        p->at++;
        buf_addc(&p->normal, '(');
        if (parse_or(p, e) < 0)
                return -1;
        skip_space(p);
        if (*p->at != ')')
                return complain(p, "')', && or ||", e);
        p->at++;
        buf_addc(&p->normal, ')');
        p->depth--;
        return 0;
}

static int parse_chain(struct parser *p, const char *op, int step,
                       int (*operand)(struct parser *, struct err *), struct err *e)
{
        if (operand(p, e) < 0)
                return -1;
        for (skip_space(p); str_starts(p->at, op); skip_space(p)) {
                p->at += 2;
                buf_adds(&p->normal, op);
                p->c->has_and |= step == OP_AND;
                if (operand(p, e) < 0 || emit(p, step, e) < 0)
                        return -1;
        }
        return 0;
}

static int parse_and(struct parser *p, struct err *e)
{
        return parse_chain(p, "&&", OP_AND, parse_primary, e);
}

static int parse_or(struct parser *p, struct err *e)
{
        return parse_chain(p, "||", OP_OR, parse_and, e);
}

static int all_of(struct condition *c, const char *const *names, size_t n)
{
        struct buf text = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < n; i++) {
                c->program[c->n++] = (int)i;
                if (i)
                        c->program[c->n++] = OP_AND;
                c->uses |= UINT64_C(1) << i;
                buf_addf(&text, "%s%s", i ? "&&" : "", names[i]);
        }
        c->has_and = n > 1;
        c->text = buf_take(&text);
        return 0;
}

int condition_new(struct condition **out, const char *text, const char *const *names, size_t n,
                  struct err *e)
{
        if (n == 0 || n > CONDITION_DEPS_MAX)
                return err_set(e, ERR_LIMIT, "%zu dependencies; between 1 and %d are possible", n,
                               CONDITION_DEPS_MAX);
        AUTO(condition_free) struct condition *c = NEW(struct condition);
        if (str_empty(text)) {
                all_of(c, names, n);
                *out = TAKE(c);
                return 0;
        }
        struct parser p = {text, text, names, n, c, BUF_INIT(BUF_UNBOUNDED), 0};
        int r = parse_or(&p, e);
        skip_space(&p);
        if (r == 0 && *p.at)
                r = complain(&p, "&& or ||", e);
        c->text = buf_take(&p.normal);
        if (r == 0)
                *out = TAKE(c);
        return r;
}

struct condition *condition_free(struct condition *c)
{
        if (c)
                free(c->text);
        free(c);
        return NULL;
}

bool condition_holds(const struct condition *c, uint64_t satisfied)
{
        bool stack[STEPS_MAX];
        size_t n = 0;
        for (size_t i = 0; i < c->n; i++) {
                int step = c->program[i];
                if (step >= 0) {
                        stack[n++] = satisfied >> step & 1;
                        continue;
                }
                n--;
                stack[n - 1] = step == OP_AND ? stack[n - 1] && stack[n] : stack[n - 1] || stack[n];
        }
        return n == 1 && stack[0];
}

uint64_t condition_uses(const struct condition *c)
{
        return c->uses;
}

bool condition_simple(const struct condition *c)
{
        return !c->has_and;
}

const char *condition_text(const struct condition *c)
{
        return c->text;
}

char *condition_missing(const struct condition *c, uint64_t satisfied, const char *const *names)
{
        struct buf b = BUF_INIT(BUF_UNBOUNDED);
        uint64_t missing = c->uses & ~satisfied;
        for (size_t i = 0; missing >> i; i++) {
                if (!(missing >> i & 1))
                        continue;
                bool last = !(missing >> (i + 1));
                buf_addf(&b, "%s%s", b.len == 0 ? "" : last ? " and " : ", ", names[i]);
                if (i == 63)
                        break;
        }
        return buf_take(&b);
}
