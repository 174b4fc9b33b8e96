/* workflow/engine/outputs.c: outputs of composites, and the aggregated outputs of loops
 * (argo-workflows.md 2.10, 2.18).
 *
 * Only Succeeded children count in an aggregate, in the order of their index.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/engine_priv.h"

const char *outputs_parameter(const struct node *n, const char *name, size_t len)
{
        return json_str(named_item(json_object_get(n->outputs, "parameters"), name, len), "value");
}

const char *outputs_default(struct wf *wf, const struct node *n, const char *name, size_t len)
{
        const struct tmpl *t = n->tmpl;
        (void)wf;
        const json_t *decl =
                t ? named_item(json_object_get(t->outputs, "parameters"), name, len) : NULL;
        return json_str(decl, "valueFrom", "default");
}

/* ---- aggregates ---- */

static const struct node *counted(const struct wf *wf, const struct fanout *l, uint32_t i)
{
        const struct node *n = l->nodes[i] == NONE ? NULL : node_at(wf, l->nodes[i]);
        return n && n->phase == PHASE_SUCCEEDED ? n : NULL;
}

int outputs_aggregate_check(const struct wf *wf, const struct fanout *l, struct err *e)
{
        for (uint32_t i = 0; i < l->n; i++) {
                const struct node *n = counted(wf, l, i);
                const json_t *result = n ? json_object_get(n->outputs, "result") : NULL;
                json_t *parsed = NULL;
                if (result && json_parse(&parsed, json_string_value(result),
                                         json_string_length(result), e) < 0)
                        return err_wrap(e,
                                        "the result of %s, one of a loop, must be JSON to become "
                                        "part of its list",
                                        n->display);
                json_decref(parsed);
        }
        return 0;
}

static bool put_results(const struct wf *wf, const struct fanout *l, struct buf *out)
{
        AUTO_JSON json_t *list = json_array();
        bool any = false;
        for (uint32_t i = 0; i < l->n; i++) {
                const struct node *n = counted(wf, l, i);
                const json_t *result = n ? json_object_get(n->outputs, "result") : NULL;
                json_t *parsed = NULL;
                if (result && json_parse(&parsed, json_string_value(result),
                                         json_string_length(result), NULL) == 0) {
                        any = true;
                        json_array_append_new(list, parsed);
                }
        }
        json_put(out, list, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
        return any;
}

static void put_all_parameters(const struct wf *wf, const struct fanout *l, struct buf *out)
{
        AUTO_JSON json_t *list = json_array();
        for (uint32_t i = 0; i < l->n; i++) {
                const struct node *n = counted(wf, l, i);
                size_t k;
                json_t *p, *map;
                if (!n || !json_array_size(json_object_get(n->outputs, "parameters")))
                        continue;
                map = json_object();
                json_array_foreach (json_object_get(n->outputs, "parameters"), k, p)
                        json_object_set_new_nocheck(map, json_str(p, "name"),
                                                    json_incref(json_object_get(p, "value")));
                json_array_append_new(list, map);
        }
        json_put(out, list, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML);
}

static bool is_structure(const char *text)
{
        struct str s = str_trim(str_of(text));
        json_t *parsed = NULL;
        if (!s.n || (s.p[0] != '{' && s.p[0] != '[') || json_parse(&parsed, s.p, s.n, NULL) < 0)
                return false;
        json_decref(parsed);
        return true;
}

/* Entries that are all JSON objects or lists are spliced as they stand; else all are quoted. */
static bool put_one_parameter(const struct wf *wf, const struct fanout *l, struct str name,
                              struct buf *out)
{
        bool any = false, structures = true;
        for (uint32_t i = 0; i < l->n; i++) {
                const struct node *n = counted(wf, l, i);
                const char *value = n ? outputs_parameter(n, name.p, name.n) : NULL;
                if (value) {
                        any = true;
                        structures = structures && is_structure(value);
                }
        }
        if (!any)
                return false;
        char sep = '[';
        for (uint32_t i = 0; i < l->n; i++) {
                const struct node *n = counted(wf, l, i);
                const char *value = n ? outputs_parameter(n, name.p, name.n) : NULL;
                if (!value)
                        continue;
                buf_addc(out, sep);
                sep = ',';
                if (structures)
                        buf_adds(out, value);
                else
                        json_put_string_html(out, value, strlen(value));
        }
        buf_addc(out, ']');
        return true;
}

bool outputs_aggregate(const struct wf *wf, const struct fanout *l, struct str what,
                       struct buf *out)
{
        if (str_eq(what, "result"))
                return put_results(wf, l, out);
        if (str_eq(what, "parameters")) {
                put_all_parameters(wf, l, out);
                return true;
        }
        if (what.n > 11 && memcmp(what.p, "parameters.", 11) == 0)
                return put_one_parameter(wf, l, (struct str){what.p + 11, what.n - 11}, out);
        return false;
}

/* ---- composites ---- */

/* valueFrom.expression: the value as text; nil is an error, but for a default. */
static int expression_value(char **out, const json_t *decl, struct scope *s, struct err *e)
{
        const char *text = json_str(decl, "valueFrom", "expression"),
                   *name = json_str(decl, "name");
        const json_t *fallback = json_at(decl, "valueFrom", "default");
        struct err why = {0};
        int r = scope_eval_text(out, text, s, &why);
        if (r < 0 && !fallback) {
                err_move(e, &why);
                return err_wrap(e, "output parameter \"%s\"", name ? name : "");
        }
        err_clear(&why);
        if (!*out && !fallback)
                return err_set(e, ERR_INVALID,
                               "output parameter \"%s\": expression \"%s\" evaluated to nil",
                               name ? name : "", text);
        if (!*out)
                *out = json_scalar_text(fallback);
        return 0;
}

static void add_parameter(json_t *list, const json_t *decl, const char *text)
{
        json_t *out = json_copy((json_t *)(uintptr_t)decl);
        json_object_set_new_nocheck(out, "value", json_string_nocheck(text));
        json_object_del(out, "valueFrom");
        json_array_append_new(list, out);
}

static int parameter_output(json_t *list, json_t *decl, struct scope *s, struct err *e)
{
        const char *name = json_str(decl, "name"), *ref = json_str(decl, "valueFrom", "parameter");
        const json_t *fallback = json_at(decl, "valueFrom", "default");
        char *text = NULL;
        bool absent = false;
        struct err why = {0};
        if (json_str(decl, "valueFrom", "expression")) {
                if (expression_value(&text, decl, s, e) < 0)
                        return -1;
                add_parameter(list, decl, text);
                mem_free(text);
                return 0;
        }
        if (!ref && json_object_get(decl, "value"))
                ref = json_str(decl, "value");
        if (!ref && !fallback)
                text = mem_strdup(""); /* it refers to nothing */
        if (ref && scope_reference(&text, ref, s, &absent, &why) < 0 && !fallback) {
                err_move(e, &why);
                return err_wrap(e, "output parameter \"%s\"", name);
        }
        err_clear(&why);
        if (absent && !fallback)
                return err_set(e, ERR_INVALID,
                               "output parameter \"%s\": \"%s\" is an absent optional "
                               "(skipped/omitted node output with no "
                               "default)",
                               name, ref);
        if (!text)
                text = json_scalar_text(fallback);
        add_parameter(list, decl, text);
        mem_free(text);
        return 0;
}

/* The artifact that `from` or `fromExpression` means. */
static int artifact_source(json_t **out, const json_t *decl, struct scope *s, struct err *e)
{
        const char *from = json_str(decl, "from"), *name = json_str(decl, "name");
        char *text = NULL;
        struct tag_opts o = scope_tags(s);
        if (!str_empty(json_str(decl, "fromExpression")))
                return scope_artifact_of(out, json_str(decl, "fromExpression"), s, e);
        if (!from)
                return err_set(e, ERR_INVALID,
                               "outputs.artifacts.%s: from or fromExpression is required",
                               name ? name : "");
        int r = tag_string(&text, from, &o, e);
        if (r == 0)
                r = scope_artifact(out, text, s, e);
        mem_free(text);
        return r;
}

static int artifact_output(json_t *list, json_t *decl, struct scope *s, struct err *e)
{
        const char *name = json_str(decl, "name");
        bool optional = json_is_true(json_object_get(decl, "optional"));
        AUTO_JSON json_t *found = NULL;
        struct err why = {0};
        int r = artifact_source(&found, decl, s, &why);
        if (r < 0 && !optional) {
                err_move(e, &why);
                return err_wrap(e, "output artifact \"%s\"", name);
        }
        err_clear(&why);
        if (!found)
                return 0;
        json_t *out = json_copy(found);
        json_object_set_nocheck(out, "name", json_object_get(decl, "name"));
        json_object_del(out, "globalName");
        if (json_str(decl, "globalName"))
                json_object_set_nocheck(out, "globalName", json_object_get(decl, "globalName"));
        json_array_append_new(list, out);
        return 0;
}

int outputs_of_composite(json_t **out, struct wf *wf, uint32_t n, struct err *e)
{
        const json_t *decls = node_at(wf, n)->tmpl->outputs;
        size_t i;
        json_t *decl;
        *out = NULL;
        if (!json_array_size(json_object_get(decls, "parameters")) &&
            !json_array_size(json_object_get(decls, "artifacts")))
                return 0;
        struct scope s = scope_of(wf, n);
        AUTO_JSON json_t *params = json_array(), *artifacts = json_array();
        json_array_foreach (json_object_get(decls, "parameters"), i, decl) {
                if (parameter_output(params, decl, &s, e) < 0)
                        return -1;
        }
        json_array_foreach (json_object_get(decls, "artifacts"), i, decl) {
                if (artifact_output(artifacts, decl, &s, e) < 0)
                        return -1;
        }
        *out = json_object();
        if (json_array_size(params))
                json_object_set_nocheck(*out, "parameters", params);
        if (json_array_size(artifacts))
                json_object_set_nocheck(*out, "artifacts", artifacts);
        return 0;
}
