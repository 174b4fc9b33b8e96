/* workflow/engine/exec.c: one template at one place of the tree: resolved, its inputs bound, its
 * node made, set going (argo-workflows.md 2.5). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include "workflow/engine/memo.h"
#include "workflow/engine/sync.h"
#include "workflow/spec/merge.h"
#include <ctype.h>

/* ---- which template ---- */

static json_t *stored_template(const struct wf *wf, const char *scope, const char *name)
{
        char *key = mem_printf("%s/%s", scope, name);
        json_t *t = json_object_get(wf->stored_templates, key);
        mem_free(key);
        return t;
}

/* Other resources' templates are snapshotted on first use, so that later edits do not disturb a
 * running workflow. */
static void store_template(struct wf *wf, const struct tmpl_scope *scope, const struct tmpl *t)
{
        if (scope == wf->local || stored_template(wf, scope->full, t->name))
                return;
        char *key = mem_printf("%s/%s", scope->full, t->name);
        if (!wf->stored_templates)
                wf->stored_templates = json_object();
        json_object_set_nocheck(wf->stored_templates, key, t->body);
        wf->changed = true;
        mem_free(key);
}

/* The templates of a resource: what is stored already wins over what the resource says now. */
static json_t *scope_templates(const struct wf *wf, const char *full, const json_t *resource)
{
        json_t *list = json_array(), *t;
        size_t i, n = strlen(full);
        const char *key;
        json_object_foreach (wf->stored_templates, key, t) {
                if (strncmp(key, full, n) == 0 && key[n] == '/')
                        json_array_append(list, t);
        }
        json_array_foreach (json_at(resource, "spec", "templates"), i, t) {
                const char *name = json_str(t, "name");
                if (name && !named_item(list, name, strlen(name)))
                        json_array_append(list, t);
        }
        return list;
}

struct tmpl_scope *exec_scope(struct wf *wf, const char *full)
{
        struct tmpl_scope *s;
        HASH_FIND_STR(wf->scopes, full, s);
        if (s)
                return s;
        const char *slash = strchr(full, '/');
        if (!slash || strncmp(full, "local/", 6) == 0) /* of a resubmitted one: its old name */
                return wf->local;
        bool cluster = strncmp(full, "cluster/", 8) == 0;
        const char *kind = cluster ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
        const json_t *resource =
                wf->lookup.fn ? wf->lookup.fn(wf->lookup.arg, kind, wf->ns, slash + 1) : NULL;
        AUTO_JSON json_t *raw = scope_templates(wf, full, resource),
                         *templates = spec_normal_templates(raw);
        s = tmpl_scope_new(cluster ? "cluster" : "namespaced", slash + 1, templates,
                           json_object_get(wf->spec, "templateDefaults"),
                           json_object_get(wf->spec, "retryStrategy"));
        s->missing = !resource && !json_array_size(templates);
        HASH_ADD_KEYPTR(hh, wf->scopes, s->full, strlen(s->full), s);
        return s;
}

static int resolve_inline(struct wf *wf, struct tmpl_scope *scope, json_t *body, struct tmpl **out,
                          struct err *e)
{
        for (size_t i = 0; i < wf->n_inlined; i++)
                if (wf->inlined_from[i] == body) {
                        *out = wf->inlined[i];
                        return 0;
                }
        if (tmpl_compile(out, scope, body, e) < 0)
                return -1;
        mem_grow(wf->inlined, wf->cap_inlined, wf->n_inlined + 1);
        mem_grow(wf->inlined_from, wf->cap_inlined_from, wf->n_inlined + 1);
        wf->inlined[wf->n_inlined] = *out;
        wf->inlined_from[wf->n_inlined++] = json_incref(body);
        return 0;
}

int exec_resolve(struct wf *wf, struct tmpl_scope *scope, const json_t *ref, struct tmpl **out,
                 struct err *e)
{
        const json_t *remote = json_object_get(ref, "templateRef");
        json_t *inlined = json_object_get(ref, "inline");
        if (json_is_object(inlined))
                return resolve_inline(wf, scope, inlined, out, e);
        if (!json_is_object(remote)) {
                const char *name = json_str(ref, "template");
                return tmpl_find(out, scope, name ? name : "", e);
        }
        const char *name = json_str(remote, "name"), *template = json_str(remote, "template");
        bool cluster = json_is_true(json_object_get(remote, "clusterScope"));
        char *full = mem_printf("%s/%s", cluster ? "cluster" : "namespaced", name ? name : "");
        struct tmpl_scope *other = exec_scope(wf, full);
        mem_free(full);
        if (other->missing)
                return err_set(e, ERR_NOT_FOUND, "%s \"%s\" not found",
                               cluster ? "clusterworkflowtemplates.argoproj.io"
                                       : "workflowtemplates.argoproj.io",
                               name ? name : "");
        if (tmpl_find(out, other, template ? template : "", e) < 0)
                return err_wrap(e, "template reference %s.%s not found", name ? name : "",
                                template ? template : "");
        store_template(wf, other, *out);
        return 0;
}

/* ---- limits ---- */

static const struct tmpl *boundary_tmpl(const struct wf *wf, uint32_t boundary)
{
        return boundary == NONE ? NULL : node_at(wf, boundary)->tmpl;
}

bool exec_room(struct wf *wf, uint32_t boundary, bool exit_tree)
{
        if (wf->opening) { /* first everything that was there, then what is new, in order */
                wf->freed = true;
                return false;
        }
        if (wf_is_over(wf, exit_tree)) /* it fails at once */
                return true;
        if (!exec_has_room(wf, boundary))
                return false;
        const struct node *around = boundary == NONE ? NULL : node_at(wf, boundary);
        bool siblings_wait =
                around && around->type == NODE_DAG && around->frame && around->frame->ready.n;
        if (wf->unblocking || !(siblings_wait || (wf->parallelism && wf->blocked.n)))
                return true;
        wf->freed = true; /* others wait: the walk over them gives the room to who is first in the
                             tree */
        return false;
}

bool exec_has_room(const struct wf *wf, uint32_t boundary)
{
        const struct tmpl *t = boundary_tmpl(wf, boundary);
        if (wf->parallelism && wf->active_pods >= wf->parallelism)
                return false;
        if (fail_fast_holds(wf, boundary))
                return false;
        return !t || !t->parallelism || node_at(wf, boundary)->active_children < t->parallelism;
}

/* ---- nodes ---- */

static void copy_origin(struct wf *wf, uint32_t index, const struct exec *x)
{
        struct node *n = node_at(wf, index);
        const char *name = json_str(x->ref, "template");
        json_t *remote = json_object_get(x->ref, "templateRef");
        n->template_name = name && !json_is_object(remote) ? wf_intern(wf, name) : "";
        n->template_ref = json_is_object(remote) ? json_incref(remote) : NULL;
        n->scope = wf_intern(wf, x->scope->full);
        n->item = x->item;
        n->hooked = x->hooked;
        n->exit_tree = x->exit_tree;
        n->depth = x->depth;
}

static uint32_t add(struct wf *wf, const struct exec *x, enum node_type type, enum node_phase phase,
                    const char *message)
{
        struct node_new how = {.name = x->name,
                               .type = type,
                               .phase = phase,
                               .boundary = x->boundary,
                               .owner = x->owner,
                               .slot = x->slot,
                               .role = x->role,
                               .message = message};
        uint32_t index = node_add(wf, &how);
        copy_origin(wf, index, x);
        return index;
}

uint32_t exec_idle_node(struct wf *wf, const struct exec *x, enum node_phase phase,
                        const char *message)
{
        uint32_t index = add(wf, x, NODE_SKIPPED, phase, message);
        struct tmpl *t = NULL;
        struct err why = {0};
        if (exec_resolve(wf, x->scope, x->ref, &t, &why) == 0)
                node_at(wf, index)->tmpl = t; /* its outputs may have defaults */
        err_clear(&why);
        return index;
}

void exec_raise(struct wf *wf, uint32_t node, struct err *e)
{
        node_at(wf, node)->raised = true;
        node_set(wf, node, PHASE_ERROR, err_msg(e));
        err_clear(e);
}

static uint32_t error_node(struct wf *wf, const struct exec *x, struct err *e)
{
        uint32_t index = exec_idle_node(wf, x, PHASE_ERROR, err_msg(e));
        node_at(wf, index)->raised = true;
        err_clear(e);
        return index;
}

static enum node_type type_of(const struct tmpl *t)
{
        switch (t->type) {
        case TMPL_STEPS: return NODE_STEPS;
        case TMPL_DAG: return NODE_DAG;
        case TMPL_SUSPEND: return NODE_SUSPEND;
        case TMPL_HTTP: return NODE_HTTP;
        case TMPL_PLUGIN: return NODE_PLUGIN;
        default: return NODE_POD;
        }
}

static void open_node(struct wf *wf, uint32_t index)
{
        const struct node *n = node_at(wf, index);
        if (n->phase == PHASE_PENDING && !node_is_work(n))
                node_set(wf, index, PHASE_RUNNING, NULL); /* it had to wait for a lock */
        switch ((enum node_type)node_at(wf, index)->type) {
        case NODE_STEPS: steps_open(wf, index); break;
        case NODE_DAG: dag_open(wf, index); break;
        case NODE_RETRY: retry_open(wf, index); break;
        case NODE_SUSPEND: suspend_open(wf, index); break;
        default: pod_start(wf, index); break;
        }
}

/* "{{node.name}}", "{{steps.name}}" and friends inside the template that is bound. */
static struct scope binding_scope(struct wf *wf, const struct exec *x)
{
        struct scope s = {.wf = wf, .frame = NONE, .attempt = -1, .last_attempt = NONE};
        scope_name_node(&s, x->name, x->role, x->boundary);
        return s;
}

/* A node that exists already (the state was restored): give it its place and go on with it. */
static void take_over(struct wf *wf, uint32_t index, const struct exec *x)
{
        struct node *n = node_at(wf, index);
        struct scope s = binding_scope(wf, x);
        struct tmpl *t = NULL;
        struct err why = {0};
        n->owner = x->owner;
        n->slot = x->slot;
        n->role = (uint8_t)x->role;
        n->item = x->item;
        n->exit_tree = x->exit_tree;
        n->depth = x->depth;
        if (exec_resolve(wf, x->scope, x->ref, &t, &why) == 0)
                n->tmpl = t;
        if (node_fulfilled(n)) {
                err_clear(&why);
                node_requeue(wf, index);
                if (n->daemoned && n->type == NODE_RETRY && t)
                        retry_open(wf, index);
        } else if (!t)
                exec_raise(wf, index, &why);
        else if (!sync_resume(wf, index, &s))
                open_node(wf, index);
}

static bool good_display_name(const char *s)
{
        size_t n = strlen(s);
        for (size_t i = 0; i < n; i++) {
                bool inner = i > 0 && i + 1 < n && (s[i] == '-' || s[i] == '.');
                if (!isalnum((unsigned char)s[i]) && !inner)
                        return false;
        }
        return n >= 2 && n <= 63;
}

/* The annotation of the template that renames the node. False: it was an error, and the node says
 * so. */
static bool rename_node(struct wf *wf, uint32_t index, struct scope *s)
{
        struct node *n = node_at(wf, index);
        const char *text = json_str(json_object_get(n->tmpl->body, "annotations"),
                                    "workflows.argoproj.io/display-name");
        struct tag_opts o = scope_tags(s);
        struct err why = {0};
        char *name = NULL;
        if (!text)
                return true;
        if (tag_string(&name, text, &o, &why) == 0 && !good_display_name(name))
                err_set(&why, ERR_INVALID,
                        "displayName must match the regex "
                        "^[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]$");
        bool fine = !why.code;
        if (fine)
                n->display = wf_intern(wf, name);
        else
                exec_raise(wf, index, &why);
        mem_free(name);
        return fine;
}

void exec_unlocked(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        struct scope s = {
                .wf = wf, .frame = NONE, .inputs = n->inputs, .attempt = -1, .last_attempt = NONE};
        struct memo memo;
        struct err why = {0};
        scope_name_of(&s, index);
        if (memo_look(&memo, wf, n->tmpl, &s, &why) < 0)
                exec_raise(wf, index, &why);
        else if (!memo_apply(wf, index, &memo))
                open_node(wf, index);
        memo_deinit(&memo);
}

/* Makes the node and sets it going, asks for its locks, or gives it its memoized result. */
static int begin_node(struct wf *wf, const struct exec *x, struct tmpl *t, struct scope *s,
                      uint32_t *node, struct err *e)
{
        AUTO_JSON json_t *locks = NULL;
        struct memo memo = {0};
        json_t *inputs = (json_t *)(uintptr_t)s->inputs;
        if (sync_names(&locks, wf, t, s, e) < 0 || (!locks && memo_look(&memo, wf, t, s, e) < 0))
                return -1;
        bool pending = (tmpl_is_leaf(t) && t->type != TMPL_SUSPEND && !t->retry) || locks;
        *node = add(wf, x, t->retry ? NODE_RETRY : type_of(t),
                    pending ? PHASE_PENDING : PHASE_RUNNING, NULL);
        struct node *n = node_at(wf, *node);
        n->tmpl = t;
        n->inputs = json_incref(inputs);
        if (!rename_node(wf, *node, s))
                ;
        else if (locks && !wf_is_over(wf, x->exit_tree))
                sync_ask(wf, *node, TAKE(locks));
        else if (!memo_apply(wf, *node, &memo))
                open_node(wf, *node);
        memo_deinit(&memo);
        return 0;
}

enum exec_result exec_template(struct wf *wf, const struct exec *x, uint32_t *node)
{
        struct err why = {0};
        struct tmpl *t = NULL;
        AUTO_JSON json_t *inputs = NULL;
        *node = node_find(wf, x->name);
        if (*node != NONE) {
                take_over(wf, *node, x);
                return EXEC_OK;
        }
        if (x->skip) {
                *node = exec_idle_node(wf, x, PHASE_SKIPPED, x->skip);
                return EXEC_OK;
        }
        if (!limits_node(wf))
                return EXEC_BLOCKED;
        if (x->depth >= WF_MAX_DEPTH) {
                *node = exec_idle_node(wf, x, PHASE_ERROR,
                                       "Maximum recursion depth exceeded: templates are nested "
                                       "deeper than 100 levels");
                return EXEC_OK;
        }
        struct scope s = binding_scope(wf, x);
        if (exec_resolve(wf, x->scope, x->ref, &t, &why) < 0 ||
            args_bind(&inputs, t, json_object_get(x->ref, "arguments"), &s, &why) < 0) {
                *node = error_node(wf, x, &why);
                return EXEC_OK;
        }
        if (!exec_room(wf, x->boundary, x->exit_tree))
                return EXEC_BLOCKED;
        s.inputs = inputs;
        if (begin_node(wf, x, t, &s, node, &why) < 0)
                *node = error_node(wf, x, &why);
        return EXEC_OK;
}

enum exec_result exec_attempt(struct wf *wf, uint32_t retry, uint32_t number, uint32_t *node)
{
        const struct node *r = node_at(wf, retry);
        char *name = mem_printf("%s(%u)", r->name, number);
        *node = node_find(wf, name);
        struct exec x = {.name = name,
                         .boundary = r->boundary,
                         .owner = retry,
                         .slot = number,
                         .item = r->item,
                         .role = ROLE_ATTEMPT,
                         .hooked = r->hooked,
                         .exit_tree = r->exit_tree,
                         .depth = r->depth};
        bool exists = *node != NONE;
        if (!exists && (!limits_node(wf) ||
                        ((wf->opening || wf->parallelism) && !exec_room(wf, NONE, r->exit_tree)))) {
                mem_free(name);
                return EXEC_BLOCKED;
        }
        const struct tmpl *t = r->tmpl;
        if (!exists) {
                bool pod = tmpl_is_leaf(t) && t->type != TMPL_SUSPEND;
                struct node_new how = {.name = name,
                                       .type = type_of(t),
                                       .phase = pod ? PHASE_PENDING : PHASE_RUNNING,
                                       .boundary = x.boundary,
                                       .owner = retry,
                                       .slot = number,
                                       .role = ROLE_ATTEMPT};
                *node = node_add(wf, &how);
        }
        mem_free(name);
        r = node_at(wf, retry);
        struct node *n = node_at(wf, *node);
        n->owner = retry;
        n->slot = number;
        n->role = ROLE_ATTEMPT;
        n->tmpl = t;
        n->template_name = r->template_name;
        n->scope = r->scope;
        n->item = r->item;
        n->exit_tree = r->exit_tree;
        n->hooked = r->hooked;
        n->depth = r->depth;
        n->retried = true;
        /* A hook shares its flags with its attempts, as in Argo. */
        node_at(wf, retry)->retried = r->hooked;
        if (!n->memo)
                n->memo = json_incref(r->memo);
        if (!n->template_ref)
                n->template_ref = json_incref(r->template_ref);
        node_link_once(wf, retry, *node);
        if (exists && node_fulfilled(n)) {
                node_requeue(wf, *node);
                return EXEC_OK;
        }
        if (!n->inputs && r->inputs) {
                struct scope s = {
                        .wf = wf, .frame = NONE, .attempt = (int)number, .last_attempt = NONE};
                s.last_attempt = retry_attempt(wf, retry, (int64_t)number - 1);
                struct err why = {0};
                json_t *inputs = NULL;
                if (scope_tree(&inputs, r->inputs, &s, &why) < 0) {
                        exec_raise(wf, *node, &why);
                        return EXEC_OK;
                }
                n->inputs = inputs;
        }
        open_node(wf, *node);
        return EXEC_OK;
}

struct exec exec_child(struct wf *wf, uint32_t composite, uint32_t owner, enum node_role role,
                       uint32_t slot)
{
        const struct node *c = node_at(wf, composite);
        return (struct exec){.boundary = composite,
                             .owner = owner,
                             .role = role,
                             .slot = slot,
                             .item = NONE,
                             .scope = c->frame ? c->frame->tmpl->scope : wf->local,
                             .exit_tree = c->exit_tree,
                             .depth = (uint16_t)(c->depth + 1)};
}
