/* workflow/engine/plan.c: see plan.h. Task tables are built in one pass over the template; who uses
 * the result of whom is found by one scan over the template's text. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/engine/plan.h"
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/lang/tag.h"
#include "common/lang/tagexpr.h"
#include "workflow/spec/merge.h"
#include "workflow/spec/strings.h"

static const struct {
        const char *key;
        enum tmpl_type type;
} type_keys[] = {
        {"container", TMPL_CONTAINER},
        {"script", TMPL_SCRIPT},
        {"steps", TMPL_STEPS},
        {"dag", TMPL_DAG},
        {"suspend", TMPL_SUSPEND},
        {"resource", TMPL_RESOURCE},
        {"containerSet", TMPL_CONTAINER_SET},
        {"data", TMPL_DATA},
        {"http", TMPL_HTTP},
        {"plugin", TMPL_PLUGIN},
};

enum tmpl_type tmpl_type_of(const json_t *body)
{
        for (size_t i = 0; i < ARRAY_LEN(type_keys); i++) {
                const json_t *v = json_object_get(body, type_keys[i].key);
                if (v && !json_is_null(v))
                        return type_keys[i].type;
        }
        return TMPL_NONE;
}

bool tmpl_is_pod(const struct tmpl *t)
{
        switch (t->type) {
        case TMPL_CONTAINER:
        case TMPL_SCRIPT:
        case TMPL_RESOURCE:
        case TMPL_CONTAINER_SET:
        case TMPL_DATA: return true;
        default: return false;
        }
}

bool tmpl_is_leaf(const struct tmpl *t)
{
        return t->type != TMPL_STEPS && t->type != TMPL_DAG;
}

json_t *tmpl_with_defaults(const json_t *body, const json_t *defaults)
{
        if (!defaults)
                return json_incref((json_t *)(uintptr_t)body);
        AUTO_JSON json_t *fit = json_copy((json_t *)(uintptr_t)defaults);
        enum tmpl_type own = tmpl_type_of(body);
        for (size_t i = 0; i < ARRAY_LEN(type_keys); i++)
                if (type_keys[i].type != own)
                        json_object_del(fit, type_keys[i].key);
        return spec_merge(fit, body);
}

/* ---- tasks ---- */

struct task_name {
        const char *name;
        uint32_t index;
        UT_hash_handle hh;
};
struct compiler {
        struct tmpl *t;
        const json_t *list; /* dependencies compiled last, and what they became */
        struct depends *list_depends;
        struct err *e;
};

static bool flag_at(const json_t *j, const char *a, const char *b)
{
        return json_is_true(json_at(j, a, b));
}

static void fill_task(struct task *task, json_t *body, uint32_t group)
{
        const json_t *items = json_object_get(body, "withItems");
        const char *when = json_str(body, "when");
        const char *param = json_str(body, "withParam");
        const char *old_exit = json_str(body, "onExit");
        task->name = json_str(body, "name");
        task->name = task->name ? task->name : "";
        task->name_tagged = tag_any(task->name, strlen(task->name));
        task->body = json_copy(body);
        json_object_del(task->body, "hooks"); /* rendered when they run */
        json_object_del(task->body, "onExit");
        json_object_del(task->body, "dependencies"); /* names: nothing in them is rendered */
        task->when = when ? when : "";
        task->group = group;
        task->tagged = tag_any_in_tree(task->body);
        task->loops = json_array_size(items) > 0 || !str_empty(param) ||
                      json_is_object(json_object_get(body, "withSequence"));
        task->continue_failed = flag_at(body, "continueOn", "failed");
        task->continue_error = flag_at(body, "continueOn", "error");
        task->exit_hook = json_incref(json_at(body, "hooks", "exit"));
        if (json_object_size(json_object_get(body, "hooks"))) {
                task->hooks = json_copy(json_object_get(body, "hooks"));
                json_object_del(task->hooks, "exit");
        }
        if (task->hooks && !json_object_size(task->hooks)) {
                json_decref(task->hooks);
                task->hooks = NULL;
        }
        task->hooks_see_workflow = task->hooks && hooks_speak_of_workflow(task->hooks);
        if (!task->exit_hook && !str_empty(old_exit))
                task->exit_hook = json_pack("{s:s}", "template", old_exit);
}

static void add_name(struct compiler *c, uint32_t index)
{
        struct tmpl *t = c->t;
        struct task_name *n = &t->name_pool[index], *old;
        n->name = t->tasks[index].name;
        n->index = index;
        HASH_FIND_STR(t->names, n->name, old);
        if (!old)
                HASH_ADD_KEYPTR(hh, t->names, n->name, strlen(n->name), n);
}

uint32_t tmpl_task_index(const struct tmpl *t, const char *name, size_t n)
{
        struct task_name *found;
        HASH_FIND(hh, t->names, name, n, found);
        return found ? found->index : NONE;
}

/* "steps.a.outputs.result", "tasks['a'].outputs.result": the name begins behind the prefix. */
static void mark_result_use(struct compiler *c, const char *text, const char *prefix)
{
        size_t skip = strlen(prefix);
        for (const char *at = text; (at = strstr(at, prefix)); at += skip) {
                const char *name = at + skip;
                size_t n = strcspn(name, ".'\"] {}");
                uint32_t index = tmpl_task_index(c->t, name, n);
                const char *rest = name + n + strspn(name + n, "'\"]");
                if (index != NONE && strncmp(rest, ".outputs.result", 15) == 0)
                        c->t->tasks[index].result_used = true;
        }
}

static bool mark_result_uses(void *arg, const char *text, size_t n)
{
        struct compiler *c = arg;
        bool dag = c->t->type == TMPL_DAG;
        if (n < 15 || !strstr(text, ".outputs.result"))
                return false;
        mark_result_use(c, text, dag ? "tasks." : "steps.");
        mark_result_use(c, text, dag ? "tasks['" : "steps['");
        mark_result_use(c, text, dag ? "tasks[\"" : "steps[\"");
        return false;
}

/* {{=1 +}}: whoever uses the template gets the error, as in Argo. */
static void check_expression(void *arg, struct str tag, struct str inner, bool is_expr)
{
        struct compiler *c = arg;
        struct str text = {tag.p + 1, tag.n - 1};
        (void)inner;
        if (!is_expr || err_is_set(c->e) || tag_expr_check(text, NULL, c->e) == 0)
                return;
        err_wrap(c->e, "failed to evaluate expression \"%.*s\"", (int)(text.n > 200 ? 200 : text.n),
                 text.p);
}

static bool check_expressions(void *arg, const char *text, size_t n)
{
        struct compiler *c = arg;
        tag_each(text, n, check_expression, c);
        return err_is_set(c->e);
}

static void compile_steps(struct compiler *c)
{
        struct tmpl *t = c->t;
        json_t *groups = json_object_get(t->body, "steps"), *group, *step;
        size_t i, j;
        t->n_groups = (uint32_t)json_array_size(groups);
        t->group_start = mem_calloc(t->n_groups + 1, sizeof(*t->group_start));
        json_array_foreach (groups, i, group)
                t->n_tasks += (uint32_t)json_array_size(group);
        t->tasks = mem_calloc(t->n_tasks + 1, sizeof(*t->tasks));
        t->name_pool = mem_calloc(t->n_tasks + 1, sizeof(*t->name_pool));
        uint32_t n = 0;
        json_array_foreach (groups, i, group) {
                t->group_start[i] = n;
                json_array_foreach (group, j, step) {
                        fill_task(&t->tasks[n], step, (uint32_t)i);
                        add_name(c, n++);
                }
        }
        t->group_start[t->n_groups] = n;
}

static unsigned bare_meaning(const struct task *task)
{
        unsigned bits = DEP_SUCCEEDED | DEP_SKIPPED | DEP_DAEMONED;
        bits |= task->continue_error ? DEP_ERRORED : 0;
        return bits | (task->continue_failed ? DEP_FAILED : 0);
}

static uint32_t depends_task(void *arg, const char *name, size_t n, unsigned *bare)
{
        const struct compiler *c = arg;
        uint32_t index = tmpl_task_index(c->t, name, n);
        if (index != NONE)
                *bare = bare_meaning(&c->t->tasks[index]);
        return index;
}

static int compile_dependencies(struct compiler *c, struct task *task, const json_t *list)
{
        if (depends_same_names(list, c->list)) {
                task->depends = depends_ref(c->list_depends);
                return 0;
        }
        size_t n = 0, i;
        json_t *item;
        uint32_t *tasks = mem_calloc(json_array_size(list) + 1, sizeof(*tasks));
        unsigned *bare = mem_calloc(json_array_size(list) + 1, sizeof(*bare));
        int r = 0;
        json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
                const char *name = json_string_value(item);
                name = name ? name : "";
                uint32_t index = tmpl_task_index(c->t, name, strlen(name));
                if (index == NONE) {
                        r = err_set(c->e, ERR_INVALID, "tasks.%s dependency '%s' not defined",
                                    task->name, name);
                        break;
                }
                bare[n] = bare_meaning(&c->t->tasks[index]);
                tasks[n++] = index;
        }
        if (r == 0 && n)
                c->list_depends = task->depends = depends_all(tasks, bare, n);
        c->list = task->depends ? list : NULL;
        mem_free(tasks);
        mem_free(bare);
        return r;
}

static int compile_depends(struct compiler *c, struct task *task, const json_t *body)
{
        const char *depends = json_str(task->body, "depends");
        if (!str_empty(depends))
                return depends_parse(&task->depends, depends, depends_task, c, c->e);
        return compile_dependencies(c, task, json_object_get(body, "dependencies"));
}

/* Turn "who I depend on" around. */
static void link_dependents(struct tmpl *t)
{
        for (int pass = 0; pass < 2; pass++) {
                for (uint32_t i = 0; i < t->n_tasks; i++) {
                        size_t n = 0;
                        const uint32_t *deps =
                                t->tasks[i].depends ? depends_tasks(t->tasks[i].depends, &n) : NULL;
                        for (size_t k = 0; k < n; k++) {
                                struct task *to = &t->tasks[deps[k]];
                                to->leaf = false;
                                if (pass)
                                        to->dependents[to->n_dependents] = i;
                                to->n_dependents++;
                        }
                }
                for (uint32_t i = 0; i < t->n_tasks && !pass; i++) {
                        struct task *task = &t->tasks[i];
                        if (task->n_dependents)
                                task->dependents =
                                        mem_calloc(task->n_dependents, sizeof(*task->dependents));
                        task->n_dependents = 0;
                }
        }
}

static int compile_dag(struct compiler *c)
{
        struct tmpl *t = c->t;
        json_t *dag = json_object_get(t->body, "dag");
        json_t *tasks = json_object_get(dag, "tasks"), *body;
        size_t i;
        t->target = json_str(dag, "target");
        t->dag_fail_fast = !json_is_false(json_object_get(dag, "failFast"));
        t->n_tasks = (uint32_t)json_array_size(tasks);
        t->tasks = mem_calloc(t->n_tasks + 1, sizeof(*t->tasks));
        t->name_pool = mem_calloc(t->n_tasks + 1, sizeof(*t->name_pool));
        json_array_foreach (tasks, i, body) {
                fill_task(&t->tasks[i], body, 0);
                t->tasks[i].leaf = true;
                add_name(c, (uint32_t)i);
        }
        for (i = 0; i < t->n_tasks; i++)
                if (compile_depends(c, &t->tasks[i], json_array_get(tasks, i)) < 0)
                        return -1;
        link_dependents(t);
        return 0;
}

/* ---- templates ---- */

static int64_t int_field(const json_t *j, const char *key)
{
        const json_t *v = json_object_get(j, key);
        int64_t n = json_integer_value(v);
        if (json_is_string(v) && !str_to_i64(json_string_value(v), &n))
                n = 0;
        return n;
}

static void fill(struct tmpl *t)
{
        t->name = json_str(t->body, "name");
        t->name = t->name ? t->name : "";
        t->type = tmpl_type_of(t->body);
        t->inputs = json_object_get(t->body, "inputs");
        t->outputs = json_object_get(t->body, "outputs");
        t->retry = json_object_get(t->body, "retryStrategy");
        t->retry = json_is_object(t->retry) ? t->retry : t->scope->retry;
        t->parallelism = int_field(t->body, "parallelism");
        t->fail_fast = json_is_true(json_object_get(t->body, "failFast"));
        t->daemon = json_is_true(json_object_get(t->body, "daemon"));
        t->target = "";
        if (tmpl_is_leaf(t)) {
                t->leaf_body = json_copy(t->body);
                json_object_del(t->leaf_body, "inputs");
        }
}

static bool members_any(const json_t *object, const char *but, strings_fn *each, void *arg)
{
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)(uintptr_t)object, key, v)
                if (!streq(key, but) && strings_any(v, each, arg))
                        return true;
        return false;
}

/* Every text of the template but the names in `dependencies` of tasks, of which a wide DAG has
 * millions; they were resolved already. */
static bool texts_any(const struct tmpl *t, strings_fn *each, void *arg)
{
        if (t->type != TMPL_DAG)
                return strings_any(t->body, each, arg);
        const json_t *dag = json_object_get(t->body, "dag");
        size_t i;
        json_t *task;
        json_array_foreach (json_object_get(dag, "tasks"), i, task)
                if (members_any(task, "dependencies", each, arg))
                        return true;
        return members_any(dag, "tasks", each, arg) || members_any(t->body, "dag", each, arg);
}

int tmpl_compile(struct tmpl **out, struct tmpl_scope *s, json_t *body, struct err *e)
{
        struct tmpl *t = NEW(struct tmpl);
        t->scope = s;
        t->body = tmpl_with_defaults(body, s->defaults);
        fill(t);
        struct compiler c = {.t = t, .e = e};
        int r = 0;
        if (t->type == TMPL_STEPS)
                compile_steps(&c);
        else if (t->type == TMPL_DAG)
                r = compile_dag(&c);
        else if (t->type == TMPL_NONE)
                r = err_set(e, ERR_INVALID, "template '%s': template type unspecified", t->name);
        t->target = t->target ? t->target : "";
        if (r == 0 && t->tasks)
                texts_any(t, mark_result_uses, &c);
        if (r == 0 && texts_any(t, check_expressions, &c))
                r = -1;
        if (r < 0) {
                tmpl_free(t);
                return -1;
        }
        *out = t;
        return 0;
}

struct tmpl *tmpl_free(struct tmpl *t)
{
        if (!t)
                return NULL;
        for (uint32_t i = 0; i < t->n_tasks && t->tasks; i++) {
                json_decref(t->tasks[i].body);
                json_decref(t->tasks[i].exit_hook);
                json_decref(t->tasks[i].hooks);
                depends_free(t->tasks[i].depends);
                mem_free(t->tasks[i].dependents);
        }
        HASH_CLEAR(hh, t->names);
        mem_free(t->name_pool);
        mem_free(t->tasks);
        mem_free(t->group_start);
        json_decref(t->leaf_body);
        json_decref(t->body);
        mem_free(t);
        return NULL;
}

struct tmpl_scope *tmpl_scope_new(const char *kind, const char *name, const json_t *templates,
                                  const json_t *defaults, const json_t *retry)
{
        struct tmpl_scope *s = NEW(struct tmpl_scope);
        s->full = mem_printf("%s/%s", kind, name);
        s->name = s->full + strlen(kind) + 1;
        s->templates = json_incref((json_t *)(uintptr_t)templates);
        s->defaults = json_incref((json_t *)(uintptr_t)defaults);
        s->retry = json_incref((json_t *)(uintptr_t)retry);
        return s;
}

struct tmpl_scope *tmpl_scope_free(struct tmpl_scope *s)
{
        struct tmpl *t, *next;
        if (!s)
                return NULL;
        HASH_ITER (hh, s->compiled, t, next) {
                HASH_DEL(s->compiled, t);
                tmpl_free(t);
        }
        json_decref(s->templates);
        json_decref(s->defaults);
        json_decref(s->retry);
        mem_free(s->full);
        mem_free(s);
        return NULL;
}

int tmpl_find(struct tmpl **out, struct tmpl_scope *s, const char *name, struct err *e)
{
        struct tmpl *t;
        HASH_FIND_STR(s->compiled, name, t);
        if (t) {
                *out = t;
                return 0;
        }
        size_t i;
        json_t *body;
        json_array_foreach (s->templates, i, body) {
                const char *own = json_str(body, "name");
                if (!own || strcmp(own, name) != 0)
                        continue;
                if (tmpl_compile(&t, s, body, e) < 0)
                        return -1;
                HASH_ADD_KEYPTR(hh, s->compiled, t->name, strlen(t->name), t);
                *out = t;
                return 0;
        }
        return err_set(e, ERR_NOT_FOUND, "template name '%s' undefined", name);
}
