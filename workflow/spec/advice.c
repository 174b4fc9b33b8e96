/* workflow/spec/advice.c: warnings of lint: what Argo takes and only finds when it runs, and what
 * has no use.
 *
 * It looks at the workflow's own templates as they stand; nothing here changes a verdict.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/tag.h"
#include "common/lang/when.h"
#include "workflow/engine/depends.h"
#include "workflow/spec/check.h"
#include "workflow/spec/strings.h"

enum { LOCK_STEPS = 20000 };

struct advisor {
        struct check *c;
        size_t budget;              /* calls that are followed in search of locks */
        struct check_name *reached; /* templates */
        const json_t *locks[64];    /* mutexes held on the way to the template under work */
        size_t n_locks;
        const char *way[64];
        size_t depth;
};

typedef void call_fn(void *arg, const json_t *call, const struct jpath *at);

/* Every step and task of a template, with its place. */
static void each_call(const json_t *body, const struct jpath *at, call_fn *fn, void *arg)
{
        struct jpath steps = jpath_key(at, "steps"), dag = jpath_key(at, "dag"),
                     tasks = jpath_key(&dag, "tasks");
        size_t i, k;
        json_t *group, *call;
        json_array_foreach (json_object_get(body, "steps"), i, group) {
                struct jpath outer = jpath_index(&steps, i);
                json_array_foreach (group, k, call) {
                        struct jpath here = jpath_index(&outer, k);
                        fn(arg, call, &here);
                }
        }
        json_array_foreach (json_at(body, "dag", "tasks"), i, call) {
                struct jpath here = jpath_index(&tasks, i);
                fn(arg, call, &here);
        }
}

static const json_t *template_of(const struct check *c, const char *name)
{
        const struct check_name *t =
                name ? check_set_find(c->local.templates, name, strlen(name)) : NULL;
        return t ? t->body : NULL;
}

/* ---- arguments nobody takes ---- */

static void check_taken(struct check *c, const json_t *callee, const json_t *call, const char *kind,
                        const char *word, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "arguments"), list = jpath_key(&up, kind);
        const json_t *inputs = json_at(callee, "inputs", kind);
        size_t i;
        json_t *arg;
        json_array_foreach (json_at(call, "arguments", kind), i, arg) {
                const char *name = json_str(arg, "name"), *callee_name = json_str(callee, "name");
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "name");
                if (!name || check_named(inputs, name))
                        continue;
                const char *names[100];
                size_t n = 0, k;
                json_t *input;
                json_array_foreach ((json_t *)(uintptr_t)inputs, k, input)
                        if (n < ARRAY_LEN(names) && json_str(input, "name"))
                                names[n++] = json_str(input, "name");
                const char *near = str_nearest(name, names, n);
                AUTO(mem_free) char *hint = near ? mem_printf("did you mean '%s'?", near) : NULL;
                WARN(c, &here, "W310", hint, "template %s has no input %s '%s'",
                     callee_name ? callee_name : "inline", word, name);
        }
}

static char *with_tags_as(const char *text, const char *value)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        for (const char *close; *text;) {
                bool tag = text[0] == '{' && text[1] == '{' && (close = strstr(text, "}}"));
                if (tag)
                        buf_adds(&b, value);
                else
                        buf_addc(&b, *text);
                text = tag ? close + 2 : text + 1;
        }
        return b.len ? buf_take(&b) : mem_strdup("");
}

/* Whatever its tags stand for, does it give true or false? Tried with a number, a word and a
 * boolean. */
static void check_when_type(struct check *c, const char *when, const struct jpath *at)
{
        static const char *const samples[] = {"1", "word", "true"};
        struct err why = {0};
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                AUTO(mem_free) char *text = with_tags_as(when, samples[i]);
                bool yes;
                err_clear(&why);
                if (when_eval(&yes, text, WHEN_WORDS_ARE_STRINGS, &why) == 0)
                        return;
        }
        err_clear(&why);
        if (when_check(when, &why) == 0) /* else it was said already */
                WARN(c, at, "W301", "a condition compares something: {{x}} == done",
                     "the condition gives neither true nor false, whatever its tags stand for");
        err_clear(&why);
}

static void advise_call(void *arg, const json_t *call, const struct jpath *at)
{
        struct advisor *a = arg;
        const json_t *inlined = json_object_get(call, "inline"),
                     *callee = inlined ? inlined : template_of(a->c, json_str(call, "template"));
        const char *when = json_str(call, "when");
        struct jpath here = jpath_key(at, "when");
        struct err why = {0};
        bool yes;
        if (callee) {
                check_taken(a->c, callee, call, "parameters", "parameter", at);
                check_taken(a->c, callee, call, "artifacts", "artifact", at);
        }
        if (!str_empty(when) && strstr(when, "{{"))
                check_when_type(a->c, when, &here);
        else if (!str_empty(when) && when_eval(&yes, when, WHEN_WORDS_ARE_STRINGS, &why) == 0)
                WARN(a->c, &here, "W317", NULL, "the condition is always %s",
                     yes ? "true" : "false");
        err_clear(&why);
}

/* ---- what nothing names ---- */

struct usage {
        const char *name; /* "inputs.parameters.x" */
        size_t n;
};

/* As a tag, or in an expression, where the last part may stand in brackets. */
static bool names_it(void *arg, const char *text, size_t n)
{
        const struct usage *u = arg;
        const char *last = strrchr(u->name, '.') + 1;
        if (memmem(text, n, u->name, u->n))
                return true;
        size_t stem = (size_t)(last - 1 - u->name);
        if (!memmem(text, n, u->name, stem))
                return false;
        const char *p = memmem(text, n, last, strlen(last));
        bool all = memmem(text, n, "toJson(", 7) || memmem(text, n, "toJSON(", 7);
        for (const char *end = text + n; p;
             p = memmem(p + 1, (size_t)(end - p - 1), last, strlen(last)))
                if (p > text && (p[-1] == '\'' || p[-1] == '"'))
                        return true;
        char whole[64];
        snprintf(whole, sizeof(whole), "{{%.*s}}", (int)(stem > 50 ? 50 : stem), u->name);
        return all || memmem(text, n, whole, strlen(whole));
}

static bool is_named(const json_t *tree, const char *kind, const char *name)
{
        AUTO(mem_free) char *full = mem_printf("%s.%s", kind, name);
        struct usage u = {full, strlen(full)};
        return strings_any(tree, names_it, &u);
}

/* Inputs of suspend and plugin templates are shown to people or sent on whole. */
static void advise_inputs(struct check *c, const json_t *body, const struct jpath *at)
{
        enum tmpl_type type = tmpl_type_of(body);
        struct jpath up = jpath_key(at, "inputs"), list = jpath_key(&up, "parameters");
        AUTO_JSON json_t *rest = json_copy((json_t *)(uintptr_t)body);
        size_t i;
        json_t *p;
        if (type == TMPL_SUSPEND || type == TMPL_PLUGIN)
                return;
        json_array_foreach (json_at(body, "inputs", "parameters"), i, p) {
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "name");
                const char *name = json_str(p, "name");
                if (!str_empty(name) && !is_named(rest, "inputs.parameters", name))
                        WARN(c, &here, "W312", NULL, "input parameter '%s' is never used", name);
        }
}

/* Arguments also reach inputs of the same name of the entrypoint. */
static void advise_arguments(struct check *c)
{
        const json_t *entry = template_of(c, json_str(c->spec, "entrypoint"));
        struct jpath up = jpath_key(c->spec_at, "arguments"), list = jpath_key(&up, "parameters");
        size_t i;
        json_t *p;
        if (c->referenced)
                return;
        json_array_foreach (json_at(c->spec, "arguments", "parameters"), i, p) {
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "name");
                const char *name = json_str(p, "name");
                if (str_empty(name) || check_named(json_at(entry, "inputs", "parameters"), name) ||
                    is_named(c->spec, "workflow.parameters", name))
                        continue;
                WARN(c, &here, "W312", NULL, "argument '%s' is never used", name);
        }
}

/* ---- what nothing reaches ---- */

static void reach(struct advisor *a, const json_t *call);

static void reach_call(void *arg, const json_t *call, const struct jpath *at)
{
        (void)at;
        reach(arg, call);
}

static void reach_hooks(struct advisor *a, const json_t *holder)
{
        const char *key, *on_exit = json_str(holder, "onExit");
        json_t *hook;
        json_object_foreach (json_object_get(holder, "hooks"), key, hook)
                reach(a, hook);
        AUTO_JSON json_t *call = on_exit ? json_pack("{s:s}", "template", on_exit) : NULL;
        if (call)
                reach(a, call);
}

static void reach(struct advisor *a, const json_t *call)
{
        const char *name = json_str(call, "template");
        const json_t *body = json_object_get(call, "inline");
        bool was_there = false;
        reach_hooks(a, call);
        if (!body && name) {
                body = template_of(a->c, name);
                check_set_add(&a->reached, name, strlen(name), &was_there);
        }
        if (!body || was_there || a->depth >= 500)
                return;
        a->depth++;
        each_call(body, NULL, reach_call, a);
        a->depth--;
}

static void advise_unreached(struct advisor *a)
{
        struct jpath up = jpath_key(a->c->spec_at, "templates");
        const char *entry = json_str(a->c->spec, "entrypoint");
        if (a->c->lenient || str_empty(entry) || a->c->referenced)
                return;
        AUTO_JSON json_t *start = json_pack("{s:s}", "template", entry);
        reach(a, start);
        reach_hooks(a, a->c->spec);
        for (struct check_name *t = a->c->local.templates; t; t = t->hh.next) {
                struct jpath one = jpath_index(&up, t->index), here = jpath_key(&one, "name");
                if (!check_set_find(a->reached, t->name, strlen(t->name)))
                        WARN(a->c, &here, "W311", NULL, "template '%s' is never used", t->name);
        }
        check_set_free(&a->reached);
}

/* ---- tasks a target leaves out ---- */

struct targets {
        const json_t *tasks;
        struct check_name *needed;
};

static void need(struct targets *t, const char *name, size_t n, int depth);

static uint32_t need_task(void *arg, const char *name, size_t n, unsigned *bare)
{
        (void)bare;
        need(arg, name, n, 0);
        return 0;
}

static void need(struct targets *t, const char *name, size_t n, int depth)
{
        AUTO(mem_free) char *copy = mem_strndup(name, n);
        const json_t *task = check_named(t->tasks, copy);
        const char *depends = json_str(task, "depends");
        struct depends *d = NULL;
        struct err why = {0};
        bool was_there;
        size_t i;
        json_t *dep;
        check_set_add(&t->needed, name, n, &was_there);
        if (was_there || !task || depth > 200)
                return;
        json_array_foreach (json_object_get(task, "dependencies"), i, dep)
                if (json_is_string(dep))
                        need(t, json_string_value(dep), json_string_length(dep), depth + 1);
        if (!str_empty(depends) && depends_parse(&d, depends, need_task, t, &why) < 0)
                err_clear(&why); /* said by the rules */
        depends_free(d);
}

static void advise_targets(struct check *c, const json_t *body, const struct jpath *at)
{
        const char *target = json_str(body, "dag", "target");
        struct targets t = {json_at(body, "dag", "tasks"), NULL};
        struct jpath dag = jpath_key(at, "dag"), list = jpath_key(&dag, "tasks");
        size_t i;
        json_t *task;
        if (str_empty(target) || strstr(target, "{{"))
                return;
        for (const char *p = target + strspn(target, " "); *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");
                need(&t, p, n, 0);
                p += n;
        }
        json_array_foreach ((json_t *)(uintptr_t)t.tasks, i, task) {
                const char *name = json_str(task, "name");
                struct jpath one = jpath_index(&list, i), here = jpath_key(&one, "name");
                if (name && !check_set_find(t.needed, name, strlen(name)))
                        WARN(c, &here, "W314", NULL,
                             "task '%s' is never reached: the target is '%s'", name, target);
        }
        check_set_free(&t.needed);
}

/* ---- a mutex that the caller holds ---- */

static void follow_locks(struct advisor *a, const char *name, const json_t *body,
                         const struct jpath *at);

static void follow_call(void *arg, const json_t *call, const struct jpath *at)
{
        struct advisor *a = arg;
        const char *name = json_str(call, "template");
        const json_t *inlined = json_object_get(call, "inline"),
                     *body = inlined ? inlined : template_of(a->c, name);
        if (body)
                follow_locks(a, inlined ? "inline" : name, body, at);
}

/* A name of another namespace, or in the database, is another lock. */
static bool is_same_lock(const json_t *x, const json_t *y)
{
        return streq(json_str(x, "name"), json_str(y, "name")) &&
               streq(json_str(x, "namespace"), json_str(y, "namespace")) &&
               json_is_true(json_object_get(x, "database")) ==
                       json_is_true(json_object_get(y, "database"));
}

static bool holds(const struct advisor *a, const json_t *mutex)
{
        for (size_t i = 0; i < a->n_locks; i++)
                if (is_same_lock(a->locks[i], mutex))
                        return true;
        return false;
}

static void follow_locks(struct advisor *a, const char *name, const json_t *body,
                         const struct jpath *at)
{
        size_t before = a->n_locks, i;
        json_t *mutex;
        if (!a->budget)
                return;
        a->budget--;
        for (i = 0; i < a->depth; i++)
                if (streq(a->way[i], name) && strcmp(name, "inline") != 0)
                        return; /* a recursion */
        json_array_foreach (json_at(body, "synchronization", "mutexes"), i, mutex) {
                const char *lock = json_str(mutex, "name");
                if (!lock || strstr(lock, "{{"))
                        continue;
                if (holds(a, mutex))
                        WARN(a->c, at, "W313", "give one of them another name",
                             "'%s' waits for mutex '%s', which a template that calls it holds: it "
                             "would wait for ever",
                             name, lock);
                else if (a->n_locks < ARRAY_LEN(a->locks))
                        a->locks[a->n_locks++] = mutex;
        }
        if (a->n_locks && a->depth < ARRAY_LEN(a->way)) {
                a->way[a->depth++] = name;
                each_call(body, at, follow_call, a);
                a->depth--;
        }
        a->n_locks = before;
}

/* Argo finds it when the lock is asked for. */
static void advise_semaphores(struct check *c, const json_t *body, const struct jpath *at)
{
        struct jpath sync = jpath_key(at, "synchronization"), list = jpath_key(&sync, "semaphores");
        size_t i;
        json_t *s;
        json_array_foreach (json_at(body, "synchronization", "semaphores"), i, s) {
                struct jpath here = jpath_index(&list, i);
                bool map = json_object_get(s, "configMapKeyRef"),
                     row = json_object_get(s, "database");
                if (map == row)
                        WARN(c, &here, "W318", "give it configMapKeyRef or database",
                             "the semaphore has %s: an error when it runs",
                             map ? "two limits" : "no limit");
        }
}

static void advise_locks(struct advisor *a)
{
        struct jpath up = jpath_key(a->c->spec_at, "templates");
        size_t i;
        json_t *mutex;
        json_array_foreach (json_at(a->c->spec, "synchronization", "mutexes"), i, mutex) {
                if (json_str(mutex, "name") && a->n_locks < ARRAY_LEN(a->locks))
                        a->locks[a->n_locks++] = mutex;
        }
        size_t own = a->n_locks;
        for (struct check_name *t = a->c->local.templates; t; t = t->hh.next) {
                struct jpath here = jpath_index(&up, t->index);
                if (own || json_at(t->body, "synchronization", "mutexes"))
                        follow_locks(a, t->name, t->body, &here);
                a->n_locks = own;
        }
        a->n_locks = 0;
        advise_semaphores(a->c, a->c->spec, a->c->spec_at);
}

void check_advice(struct check *c)
{
        struct advisor a = {.c = c, .budget = LOCK_STEPS};
        struct jpath up = jpath_key(c->spec_at, "templates");
        for (struct check_name *t = c->local.templates; t; t = t->hh.next) {
                struct jpath here = jpath_index(&up, t->index);
                each_call(t->body, &here, advise_call, &a);
                advise_inputs(c, t->body, &here);
                advise_targets(c, t->body, &here);
                advise_semaphores(c, t->body, &here);
                check_late_values(c, t->body, &here);
        }
        check_late_labels(c);
        advise_arguments(c);
        advise_unreached(&a);
        advise_locks(&a);
        check_expressions(c, c->spec, c->spec_at);
}
