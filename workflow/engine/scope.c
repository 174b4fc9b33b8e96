/* workflow/engine/scope.c: what a tag's name stands for, at the place where it is said.
 *
 * One lookup serves every place: workflow.* from the globals, inputs.* from the inputs bound to the
 * template under work, steps.* and tasks.* from the children of the composite around, item from the
 * loop. Argo reaches the same in several passes over JSON text; here each string is read once
 * (argo-workflows.md 2.16, 2.17). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"
#include <inttypes.h>

static bool cut(struct str *s, const char *prefix)
{
        size_t n = strlen(prefix);
        if (s->n < n || memcmp(s->p, prefix, n) != 0)
                return false;
        *s = (struct str){s->p + n, s->n - n};
        return true;
}

static enum tag_found put(struct buf *out, const char *text)
{
        if (!text)
                return TAG_UNKNOWN;
        buf_adds(out, text);
        return TAG_VALUE;
}

static enum tag_found put_scalar(struct buf *out, const json_t *v)
{
        if (!v)
                return TAG_UNKNOWN;
        if (json_is_string(v)) {
                buf_add(out, json_string_value(v), json_string_length(v));
                return TAG_VALUE;
        }
        char *text = json_scalar_text(v);
        buf_adds(out, text);
        mem_free(text);
        return TAG_VALUE;
}

static enum tag_found put_time(struct buf *out, int64_t s)
{
        char text[40];
        if (!s)
                return TAG_MISSING;
        time_rfc3339(s * NS_PER_S, text);
        return put(out, text);
}

/* ---- workflow. ---- */

static enum tag_found lookup_workflow(const struct scope *s, struct str full, struct buf *out)
{
        const struct wf *wf = s->wf;
        if (str_eq(full, "workflow.duration")) {
                buf_addf(out, "%f",
                         wf->started_ns ? (double)(wf->now_ns - wf->started_ns) / (double)NS_PER_S
                                        : 0.0);
                return TAG_VALUE;
        }
        return put(out, global_get(wf, full.p, full.n));
}

/* ---- inputs. ---- */

static enum tag_found lookup_inputs(const struct scope *s, struct str name, struct buf *out)
{
        const json_t *params = json_object_get(s->inputs, "parameters");
        if (cut(&name, "parameters.")) {
                const json_t *p = named_item(params, name.p, name.n);
                return p ? put_scalar(out, json_object_get(p, "value")) : TAG_UNKNOWN;
        }
        if (str_eq(name, "parameters")) {
                char *text = params ? json_text(params, JSON_STYLE_GO_HTML) : mem_strdup("null");
                enum tag_found r = put(out, text);
                mem_free(text);
                return r;
        }
        if (cut(&name, "artifacts.") && name.n > 5 &&
            memcmp(name.p + name.n - 5, ".path", 5) == 0) {
                const json_t *a =
                        named_item(json_object_get(s->inputs, "artifacts"), name.p, name.n - 5);
                return put(out, json_str(a, "path"));
        }
        return TAG_UNKNOWN;
}

static enum tag_found lookup_outputs(const struct scope *s, struct str name, struct buf *out)
{
        bool param = cut(&name, "parameters.");
        if ((!param && !cut(&name, "artifacts.")) || name.n <= 5 ||
            memcmp(name.p + name.n - 5, ".path", 5) != 0)
                return TAG_UNKNOWN;
        const json_t *item =
                named_item(json_object_get(s->outputs, param ? "parameters" : "artifacts"), name.p,
                           name.n - 5);
        return put(out, param ? json_str(item, "valueFrom", "path") : json_str(item, "path"));
}

/* ---- steps. and tasks. ---- */

static const struct node *last_of_retry(const struct wf *wf, const struct node *n)
{
        const struct node *last = n;
        for (uint32_t i = 0; n->type == NODE_RETRY && i < n->children.n; i++)
                if (!node_at(wf, n->children.v[i])->hooked)
                        last = node_at(wf, n->children.v[i]);
        return last;
}

static bool is_left_out(const struct node *n)
{
        return n->phase == PHASE_SKIPPED || n->phase == PHASE_OMITTED;
}

static enum tag_found lookup_node_outputs(struct scope *s, const struct node *n, struct str name,
                                          struct buf *out)
{
        const char *value = NULL;
        if (str_eq(name, "result")) {
                const json_t *result = json_object_get(n->outputs, "result");
                if (result)
                        return put_scalar(out, result);
        } else if (cut(&name, "parameters.")) {
                const json_t *p =
                        named_item(json_object_get(n->outputs, "parameters"), name.p, name.n);
                value = outputs_parameter(n, name.p, name.n);
                if (p && !value)
                        return TAG_ABSENT;
                if (!value && is_left_out(n))
                        value = outputs_default(s->wf, n, name.p, name.n);
        } else
                return TAG_UNKNOWN; /* artifacts are no text */
        if (value)
                return put(out, value);
        return is_left_out(n) ? TAG_ABSENT : TAG_MISSING;
}

static enum tag_found lookup_node(struct scope *s, const struct node *n, struct str name,
                                  struct buf *out)
{
        const struct node *real = last_of_retry(s->wf, n);
        if (cut(&name, "outputs."))
                return lookup_node_outputs(s, n->outputs ? n : real, name, out);
        if (str_eq(name, "status"))
                return put(out, node_phase_name(n->phase));
        if (str_eq(name, "id")) {
                struct arena a;
                arena_init(&a, 0);
                enum tag_found r = put(out, node_id_text(s->wf, real, &a));
                arena_deinit(&a);
                return r;
        }
        if (str_eq(name, "startedAt"))
                return put_time(out, real->started_s);
        if (str_eq(name, "finishedAt"))
                return put_time(out, real->finished_s);
        const char *value = NULL;
        if (str_eq(name, "ip"))
                value = real->pod_ip;
        else if (str_eq(name, "hostNodeName"))
                value = real->host;
        else if (str_eq(name, "exitCode"))
                value = json_str(real->outputs, "exitCode");
        if (value)
                return put(out, value);
        return is_left_out(n) ? TAG_ABSENT : TAG_MISSING;
}

static enum tag_found lookup_task(struct scope *s, struct str name, struct buf *out)
{
        if (s->frame == NONE)
                return TAG_UNKNOWN;
        struct wf *wf = s->wf;
        const struct node *around = node_at(wf, s->frame);
        const char *dot = memchr(name.p, '.', name.n);
        if (!dot || !around->frame)
                return TAG_UNKNOWN;
        uint32_t i = tmpl_task_index(around->frame->tmpl, name.p, (size_t)(dot - name.p));
        if (i == NONE)
                return TAG_MISSING;
        const struct slot *slot = &around->frame->slots[i];
        const struct node *self = s->self ? node_at(wf, s->self) : NULL;
        struct str rest = {dot + 1, name.n - (size_t)(dot + 1 - name.p)}, what = rest;
        if (self && self->slot == i)
                return lookup_node(s, self, rest, out);
        if (slot->loop && slot->node == NONE &&
            str_eq(rest, "status")) /* of a loop of steps: its group's */
                return put(out,
                           node_phase_name(
                                   node_at(wf, node_at(wf, slot->loop->nodes[0])->owner)->phase));
        if (slot->loop && cut(&what, "outputs."))
                return outputs_aggregate(wf, slot->loop, what, out)     ? TAG_VALUE
                       : memcmp(what.p, "art", what.n < 3 ? what.n : 3) ? TAG_MISSING
                                                                        : TAG_UNKNOWN;
        if (slot->node == NONE)
                return TAG_MISSING;
        return lookup_node(s, node_at(wf, slot->node), rest, out);
}

/* ---- item, retries ---- */

/* Argo inserts the string fields of a map item in their JSON-escaped form (surprise 19 of
 * argo-workflows.md 13). */
static void put_escaped(struct buf *out, const json_t *v)
{
        AUTO_BUF struct buf quoted = BUF_INIT(TAG_MAX_BYTES);
        json_put(&quoted, v, JSON_STYLE_GO_HTML);
        bool string = json_is_string(v);
        buf_add(out, buf_str(&quoted) + string, quoted.len - (string ? 2 : 0));
}

static enum tag_found lookup_item(const struct scope *s, struct str name, struct buf *out)
{
        if (!s->item)
                return TAG_UNKNOWN;
        if (str_eq(name, "item")) {
                if (json_is_string(s->item))
                        buf_add(out, json_string_value(s->item), json_string_length(s->item));
                else
                        json_put(out, s->item, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
                return TAG_VALUE;
        }
        if (!cut(&name, "item.") || !json_is_object(s->item))
                return TAG_MISSING;
        const json_t *v = json_object_getn(s->item, name.p, name.n);
        if (!v)
                return TAG_MISSING;
        put_escaped(out, v);
        return TAG_VALUE;
}

static enum tag_found lookup_retry(const struct scope *s, struct str name, struct buf *out)
{
        if (s->attempt < 0)
                return TAG_UNKNOWN;
        if (str_eq(name, "retries")) {
                buf_addf(out, "%d", s->attempt);
                return TAG_VALUE;
        }
        const struct node *last = s->last_attempt == NONE ? NULL : node_at(s->wf, s->last_attempt);
        if (str_eq(name, "lastRetry.exitCode")) {
                const char *code = last ? json_str(last->outputs, "exitCode") : NULL;
                return put(out, code ? code : s->judges_retry ? "-1" : "0");
        }
        if (str_eq(name, "lastRetry.status"))
                return put(out, last ? node_phase_name(last->phase) : "");
        if (str_eq(name, "lastRetry.message"))
                return put(out, last && last->message ? last->message : "");
        if (str_eq(name, "lastRetry.duration")) {
                buf_addf(out, "%" PRId64, last ? last->finished_s - last->started_s : 0);
                return TAG_VALUE;
        }
        return TAG_UNKNOWN;
}

enum tag_found scope_lookup(void *arg, struct str name, struct buf *out)
{
        struct scope *s = arg;
        struct str rest = name;
        if (s->item_only)
                return str_eq(name, "item") || cut(&rest, "item.") ? lookup_item(s, name, out)
                                                                   : TAG_UNKNOWN;
        if (cut(&rest, "workflow."))
                return lookup_workflow(s, name, out);
        if (cut(&rest, "inputs."))
                return s->inputs ? lookup_inputs(s, rest, out) : TAG_UNKNOWN;
        if (cut(&rest, "steps.") || cut(&rest, "tasks.")) {
                bool step = name.p[0] == 's';
                if (str_eq(rest, "name"))
                        return s->task_name && step == s->task_is_step ? put(out, s->task_name)
                                                                       : TAG_UNKNOWN;
                enum tag_found found = lookup_task(s, rest, out);
                return s->absent_ok && found != TAG_VALUE ? TAG_UNKNOWN : found;
        }
        if (str_eq(name, "item") || cut(&rest, "item."))
                return lookup_item(s, name, out);
        if (str_eq(name, "node.name"))
                return put(out, s->node_name);
        if (str_eq(name, "pod.name"))
                return put(out, s->pod_name);
        if (cut(&rest, "outputs."))
                return lookup_outputs(s, rest, out);
        return lookup_retry(s, name, out);
}

struct tag_opts scope_tags(struct scope *s)
{
        return (struct tag_opts){.lookup = scope_lookup, .expr = scope_expression, .arg = s};
}

int scope_tree(json_t **out, json_t *tree, struct scope *s, struct err *e)
{
        struct tag_opts o = scope_tags(s);
        return tag_tree(out, tree, &o, e);
}

/* Argo calls everything that is no task a step; the entry, exit handlers and hooks are steps
 * without a name. */
void scope_name_node(struct scope *s, const char *name, enum node_role role, uint32_t boundary)
{
        s->node_name = name;
        s->task_is_step = role != ROLE_TASK && role != ROLE_ITEM;
        if (s->wf->nodes && boundary != NONE && node_at(s->wf, boundary)->type == NODE_STEPS)
                s->task_is_step = true;
        s->task_name = "";
        if (boundary == NONE || role == ROLE_HOOK)
                return;
        size_t n = strlen(node_at(s->wf, boundary)->name);
        const char *tail = strncmp(name, node_at(s->wf, boundary)->name, n) == 0 ? name + n : name;
        if (*tail == '[') /* the group of a step */
                tail += strcspn(tail, "]") + 1;
        s->task_name = *tail == '.' ? tail + 1 : tail;
}

void scope_name_of(struct scope *s, uint32_t node)
{
        const struct node *n = node_at(s->wf, node);
        if (n->role == ROLE_ATTEMPT)
                n = node_at(s->wf, n->owner);
        scope_name_node(s, n->name, n->role, n->boundary);
}

struct scope scope_of(struct wf *wf, uint32_t composite)
{
        const struct node *n = node_at(wf, composite);
        struct scope s = {.wf = wf,
                          .frame = composite,
                          .inputs = n->inputs,
                          .attempt = -1,
                          .last_attempt = NONE};
        scope_name_of(&s, composite);
        if (n->role == ROLE_ATTEMPT) {
                s.attempt = (int)n->slot;
                s.last_attempt = retry_attempt(wf, n->owner, (int64_t)n->slot - 1);
        }
        return s;
}

/* ---- whole references ---- */

/* "{{ x }}" -> x; false when the text is anything else. */
static bool only_tag(const char *text, struct str *name)
{
        struct str s = str_trim(str_of(text));
        if (s.n < 4 || memcmp(s.p, "{{", 2) != 0 || memcmp(s.p + s.n - 2, "}}", 2) != 0)
                return false;
        *name = str_trim((struct str){s.p + 2, s.n - 4});
        for (size_t i = 0; i + 1 < name->n; i++)
                if ((name->p[i] == '}' && name->p[i + 1] == '}') || name->p[i] == '{')
                        return false;
        return name->n && name->p[0] != '=';
}

int scope_reference(char **out, const char *text, struct scope *s, bool *absent, struct err *e)
{
        struct str name;
        *absent = false;
        if (only_tag(text, &name)) {
                AUTO_BUF struct buf b = BUF_INIT(TAG_MAX_BYTES);
                enum tag_found found = scope_lookup(s, name, &b);
                *absent = found == TAG_ABSENT;
                if (*absent)
                        return 0;
                if (found != TAG_VALUE)
                        return err_set(e, ERR_NOT_FOUND, "unable to resolve {{%.*s}}", (int)name.n,
                                       name.p);
                *out = b.len ? buf_take(&b) : mem_strdup("");
                return 0;
        }
        struct tag_opts o = scope_tags(s);
        return tag_string(out, text, &o, e);
}

static const json_t *task_artifact(struct scope *s, struct str name)
{
        const char *dot = memchr(name.p, '.', name.n);
        const struct node *around = s->frame == NONE ? NULL : node_at(s->wf, s->frame);
        if (!dot || !around || !around->frame)
                return NULL;
        uint32_t i = tmpl_task_index(around->frame->tmpl, name.p, (size_t)(dot - name.p));
        struct str rest = {dot + 1, name.n - (size_t)(dot + 1 - name.p)};
        if (i == NONE || !cut(&rest, "outputs.artifacts.") || around->frame->slots[i].node == NONE)
                return NULL;
        const struct node *n = node_at(s->wf, around->frame->slots[i].node);
        n = n->outputs ? n : last_of_retry(s->wf, n);
        return named_item(json_object_get(n->outputs, "artifacts"), rest.p, rest.n);
}

int scope_artifact(json_t **out, const char *from, struct scope *s, struct err *e)
{
        struct str name, rest;
        const json_t *found = NULL;
        if (!only_tag(from, &name))
                return err_set(e, ERR_INVALID,
                               "unable to resolve '%s': a single {{reference}} is expected", from);
        rest = name;
        if (cut(&rest, "inputs.artifacts."))
                found = named_item(json_object_get(s->inputs, "artifacts"), rest.p, rest.n);
        else if (cut(&rest, "workflow.outputs.artifacts."))
                found = named_item(json_object_get(s->wf->outputs, "artifacts"), rest.p, rest.n);
        else if (cut(&rest, "workflow.artifacts."))
                found = named_item(json_at(s->wf->spec, "arguments", "artifacts"), rest.p, rest.n);
        else if (cut(&rest, "steps.") || cut(&rest, "tasks."))
                found = task_artifact(s, rest);
        if (!found)
                return err_set(e, ERR_NOT_FOUND, "Unable to resolve: {{%.*s}}", (int)name.n,
                               name.p);
        *out = json_incref((json_t *)(uintptr_t)found);
        return 0;
}
