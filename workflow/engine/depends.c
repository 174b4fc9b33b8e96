/* workflow/engine/depends.c: see depends.h. Recursive descent to postfix: terms are (task, result
 * set), operators AND, OR, NOT. The words and, or, not are task names here, as in Argo.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/depends.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <ctype.h>

enum { DEPENDS_MAX_DEPTH = 64, DEPENDS_MAX_STACK = 4096 };
enum dep_op { DEP_TERM, DEP_AND, DEP_OR, DEP_NOT };
struct dep_code {
        uint8_t op;
        uint8_t results;
        uint32_t task;
};
struct depends {
        int refs;
        struct dep_code *code; /* NULL: all of tasks[] by bare[] */
        size_t n, cap;
        uint32_t *tasks;
        uint8_t *bare;
        size_t n_tasks, cap_tasks;
};
struct dep_parser {
        const char *text, *p;
        struct depends *d;
        depends_task_fn *task;
        void *arg;
        int depth;
        struct err *e;
};

static struct depends *depends_new(void)
{
        struct depends *d = NEW(struct depends);
        d->refs = 1;
        return d;
}

static void emit(struct depends *d, enum dep_op op, uint32_t task, unsigned results)
{
        mem_grow(d->code, d->cap, d->n + 1);
        d->code[d->n++] = (struct dep_code){(uint8_t)op, (uint8_t)results, task};
        if (op != DEP_TERM)
                return;
        for (size_t i = 0; i < d->n_tasks && d->n_tasks < 64; i++)
                if (d->tasks[i] == task)
                        return;
        mem_grow(d->tasks, d->cap_tasks, d->n_tasks + 1);
        d->tasks[d->n_tasks++] = task;
}

static int fail(struct dep_parser *s, const char *why)
{
        return err_set(s->e, ERR_INVALID, "depends '%s': %s at column %d", s->text, why,
                       (int)(s->p - s->text) + 1);
}

static void skip_space(struct dep_parser *s)
{
        while (isspace((unsigned char)*s->p))
                s->p++;
}

static bool take(struct dep_parser *s, const char *op)
{
        skip_space(s);
        size_t n = strlen(op);
        if (strncmp(s->p, op, n) != 0)
                return false;
        s->p += n;
        return true;
}

static int result_bits(struct dep_parser *s, const char *name, size_t n, unsigned *out)
{
        static const struct {
                const char *name;
                unsigned bit;
        } known[] = {{"Succeeded", DEP_SUCCEEDED},
                     {"Failed", DEP_FAILED},
                     {"Errored", DEP_ERRORED},
                     {"Skipped", DEP_SKIPPED},
                     {"Omitted", DEP_OMITTED},
                     {"Daemoned", DEP_DAEMONED},
                     {"AnySucceeded", DEP_ANY_SUCCEEDED},
                     {"AllFailed", DEP_ALL_FAILED}};
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (str_eq((struct str){name, n}, known[i].name)) {
                        *out = known[i].bit;
                        return 0;
                }
        return err_set(s->e, ERR_INVALID,
                       "depends '%s': task result '%.*s' is invalid (Succeeded, Failed, Errored, "
                       "Skipped, Omitted, "
                       "Daemoned, AnySucceeded, AllFailed)",
                       s->text, (int)n, name);
}

static int term(struct dep_parser *s)
{
        skip_space(s);
        const char *from = s->p;
        while (isalnum((unsigned char)*s->p) || *s->p == '-' || *s->p == '_')
                s->p++;
        size_t n = (size_t)(s->p - from);
        if (!n)
                return fail(s, *s->p ? "a task name is expected" : "it ends too early");
        unsigned bare = DEP_SUCCEEDED, results;
        uint32_t task = s->task(s->arg, from, n, &bare);
        if (task == UINT32_MAX)
                return err_set(s->e, ERR_INVALID, "depends '%s': dependency '%.*s' not defined",
                               s->text, (int)n, from);
        results = bare;
        if (*s->p == '.') {
                const char *r = ++s->p;
                while (isalnum((unsigned char)*s->p))
                        s->p++;
                if (result_bits(s, r, (size_t)(s->p - r), &results) < 0)
                        return -1;
        }
        emit(s->d, DEP_TERM, task, results);
        return 0;
}

static int any_of(struct dep_parser *s);

static int unary(struct dep_parser *s)
{
        if (++s->depth > DEPENDS_MAX_DEPTH)
                return fail(s, "nested too deeply");
        int r = 0;
        if (take(s, "!")) {
                r = unary(s);
                if (r == 0)
                        emit(s->d, DEP_NOT, 0, 0);
        } else if (take(s, "(")) {
                r = any_of(s);
                if (r == 0 && !take(s, ")"))
                        r = fail(s, "')' is missing");
        } else
                r = term(s);
        s->depth--;
        return r;
}

static int all_of(struct dep_parser *s)
{
        if (unary(s) < 0)
                return -1;
        while (take(s, "&&")) {
                if (unary(s) < 0)
                        return -1;
                emit(s->d, DEP_AND, 0, 0);
        }
        return 0;
}

static int any_of(struct dep_parser *s)
{
        if (all_of(s) < 0)
                return -1;
        while (take(s, "||")) {
                if (all_of(s) < 0)
                        return -1;
                emit(s->d, DEP_OR, 0, 0);
        }
        return 0;
}

int depends_parse(struct depends **out, const char *text, depends_task_fn *task, void *arg,
                  struct err *e)
{
        struct dep_parser s = {
                .text = text, .p = text, .d = depends_new(), .task = task, .arg = arg, .e = e};
        int r = any_of(&s);
        skip_space(&s);
        if (r == 0 && *s.p)
                r = fail(&s, "unexpected text");
        if (r == 0 && s.d->n > DEPENDS_MAX_STACK)
                r = fail(&s, "it is too long");
        if (r < 0) {
                depends_free(s.d);
                return -1;
        }
        *out = s.d;
        return 0;
}

struct depends *depends_all(const uint32_t *tasks, const unsigned *bare, size_t n)
{
        struct depends *d = depends_new();
        d->tasks = mem_calloc(n + 1, sizeof(*d->tasks));
        d->bare = mem_calloc(n + 1, 1);
        d->n_tasks = n;
        for (size_t i = 0; i < n; i++) {
                d->tasks[i] = tasks[i];
                d->bare[i] = (uint8_t)bare[i];
        }
        return d;
}

struct depends *depends_ref(struct depends *d)
{
        if (d)
                d->refs++;
        return d;
}

bool depends_same_names(const json_t *a, const json_t *b)
{
        size_t n = json_array_size(a);
        if (n != json_array_size(b))
                return false;
        for (size_t i = 0; i < n; i++) {
                const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
                if (x != y && !streq(json_string_value(x), json_string_value(y)))
                        return false;
        }
        return n > 0;
}

struct depends *depends_free(struct depends *d)
{
        if (d && --d->refs == 0) {
                mem_free(d->code);
                mem_free(d->tasks);
                mem_free(d->bare);
                mem_free(d);
        }
        return NULL;
}

const uint32_t *depends_tasks(const struct depends *d, size_t *n)
{
        *n = d->n_tasks;
        return d->tasks;
}

bool depends_uses_loop_results(const struct depends *d, uint32_t task)
{
        for (size_t i = 0; i < d->n; i++)
                if (d->code[i].op == DEP_TERM && d->code[i].task == task &&
                    (d->code[i].results & (DEP_ANY_SUCCEEDED | DEP_ALL_FAILED)))
                        return true;
        return false;
}

static bool eval_all(const struct depends *d, depends_results_fn *results, void *arg)
{
        for (size_t i = 0; i < d->n_tasks; i++)
                if (!(results(arg, d->tasks[i]) & d->bare[i]))
                        return false;
        return true;
}

bool depends_eval(const struct depends *d, depends_results_fn *results, void *arg)
{
        if (!d->code)
                return eval_all(d, results, arg);
        bool stack[DEPENDS_MAX_STACK];
        size_t n = 0;
        for (size_t i = 0; i < d->n; i++) {
                const struct dep_code *c = &d->code[i];
                switch ((enum dep_op)c->op) {
                case DEP_TERM: stack[n++] = (results(arg, c->task) & c->results) != 0; break;
                case DEP_NOT: stack[n - 1] = !stack[n - 1]; break;
                case DEP_AND: n--, stack[n - 1] = stack[n - 1] && stack[n]; break;
                case DEP_OR: n--, stack[n - 1] = stack[n - 1] || stack[n]; break;
                }
        }
        return n == 0 || stack[0];
}
