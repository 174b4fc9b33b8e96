/* workflow/binding/binding.c: see binding.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/binding/binding.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "common/store/store.h"
#include <stdlib.h>

enum { ARENA_MAX = 64 << 20, NAME_DIGITS = 12 };

struct binding {
        struct binding_event ev;
        struct clock *clock;
        struct arena arena;
        struct val env;
};

struct binding *binding_new(const struct binding_event *ev, struct clock *clock)
{
        struct binding *b = NEW(struct binding);
        b->ev = *ev;
        b->clock = clock;
        arena_init(&b->arena, ARENA_MAX);
        b->env = val_map_new(&b->arena, 4);
        struct val payload =
                ev->payload ? val_from_tree(&b->arena, ev->payload, VAL_FLOATS) : val_nil();
        val_map_put(&b->arena, b->env, "payload", payload);
        val_map_put(&b->arena, b->env, "metadata",
                    val_from_tree(&b->arena, ev->metadata, VAL_FLOATS));
        val_map_put(&b->arena, b->env, "namespace", val_text(ev->ns));
        val_map_put(&b->arena, b->env, "discriminator", val_text(ev->discriminator));
        return b;
}

struct binding *binding_free(struct binding *b)
{
        if (!b)
                return NULL;
        arena_deinit(&b->arena);
        free(b);
        return NULL;
}

int binding_selects(struct binding *b, const json_t *object, bool *out, struct err *e)
{
        const char *text = json_str(object, "spec", "event", "selector");
        AUTO(expr_free) struct expr *x = NULL;
        if (expr_new(&x, str_of(text ? text : ""), EXPR_WORKFLOWS, NULL, e) < 0 ||
            expr_test(x, b->env, b->clock, &b->arena, out, e) < 0)
                return err_wrap(e, "failed to evaluate workflow template expression");
        return 0;
}

/* ---- values ---- */

static int evaluate(struct binding *b, const char *text, struct val *out, struct err *e)
{
        AUTO(expr_free) struct expr *x = NULL;
        return expr_new(&x, str_of(text ? text : ""), EXPR_WORKFLOWS, NULL, e) < 0
                       ? -1
                       : expr_eval(x, b->env, b->clock, &b->arena, out, e);
}

/* Metadata is text. */
static int put_text(struct binding *b, json_t *meta, const char *map, const char *key,
                    const json_t *expression, struct err *e)
{
        struct val v;
        if (evaluate(b, json_string_value(expression), &v, e) < 0)
                return err_wrap(e, "failed to evaluate workflow %s \"%s\" expression",
                                map ? map : "metadata", key);
        if (v.kind != VAL_STR)
                return err_set(e, ERR_INVALID,
                               "workflow %s \"%s\" expression must evaluate to a string",
                               map ? map : "metadata", key);
        json_t *text = json_stringn(v.s.p ? v.s.p : "", v.s.n);
        if (map)
                json_put_at(meta, text, map, key);
        else
                json_object_set_new(meta, key, text);
        return 0;
}

static int put_metadata(struct binding *b, json_t *meta, const json_t *wanted, struct err *e)
{
        static const char *const names[] = {"name", "generateName"}, *const maps[] = {
                                                                             "labels",
                                                                             "annotations"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const json_t *x = json_object_get(wanted, names[i]);
                if (json_string_length(x) && put_text(b, meta, NULL, names[i], x, e) < 0)
                        return -1;
        }
        for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
                const char *key;
                json_t *x;
                json_object_foreach (json_object_get(wanted, maps[i]), key, x)
                        if (put_text(b, meta, maps[i], key, x, e) < 0)
                                return -1;
        }
        return 0;
}

static int put_parameter(struct binding *b, json_t *list, const json_t *p, struct err *e)
{
        const char *name = json_str(p, "name"), *text = json_str(p, "valueFrom", "event");
        struct val v;
        if (str_empty(text))
                return err_set(e, ERR_INVALID,
                               "malformed workflow template parameter \"%s\": valueFrom.event is "
                               "required",
                               name ? name : "");
        if (evaluate(b, text, &v, e) < 0)
                return err_wrap(e,
                                "failed to evaluate workflow template parameter \"%s\" expression",
                                name ? name : "");
        struct abuf json = abuf_in(&b->arena);
        if (v.kind != VAL_STR && (!expr_json(&json, v) || json.failed))
                return err_set(e, ERR_INVALID,
                               "workflow template parameter \"%s\": the value has no JSON form",
                               name ? name : "");
        struct str s = v.kind == VAL_STR ? v.s : (struct str){json.p, json.n};
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", name ? name : "", "value",
                                              json_stringn(s.p ? s.p : "", s.n)));
        return 0;
}

static int put_arguments(struct binding *b, json_t *workflow, const json_t *arguments,
                         struct err *e)
{
        json_t *list = json_array(), *p;
        size_t i;
        json_put_at(workflow, list, "spec", "arguments", "parameters");
        json_array_foreach (json_object_get(arguments, "parameters"), i, p)
                if (put_parameter(b, list, p, e) < 0)
                        return -1;
        return 0;
}

/* ---- the workflow ---- */

/* One delivery makes one workflow of one binding, however often it is repeated. */
static void name_after_key(struct binding *b, json_t *meta, const json_t *object)
{
        unsigned char sum[32];
        char digits[NAME_DIGITS + 1];
        struct sha256 h;
        if (!b->ev.key || json_object_get(meta, "name"))
                return;
        sha256_init(&h);
        sha256_adds(&h, b->ev.ns);
        sha256_adds(&h, obj_name(object));
        sha256_adds(&h, b->ev.discriminator);
        sha256_adds(&h, b->ev.key);
        sha256_end(&h, sum);
        base32_name(digits, NAME_DIGITS, sum);
        AUTO(mem_free) char *name = mem_printf("%s%s", json_str(meta, "generateName"), digits);
        json_object_set_new(meta, "name", json_string(name));
        json_object_del(meta, "generateName");
}

int binding_workflow(struct binding *b, const json_t *object, json_t **out, struct err *e)
{
        const json_t *submit = json_at(object, "spec", "submit");
        const char *name = json_str(submit, "workflowTemplateRef", "name");
        bool cluster = json_is_true(json_at(submit, "workflowTemplateRef", "clusterScope"));
        if (!submit)
                return 0;
        if (str_empty(name))
                return err_set(e, ERR_INVALID, "submit.workflowTemplateRef.name is required");
        AUTO(mem_free) char *prefix = mem_printf("%s-", name);
        AUTO_JSON json_t *wf =
                json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:{s:{s:s}}}", "apiVersion",
                          "argoproj.io/v1alpha1", "kind", "Workflow", "metadata", "generateName",
                          prefix, "namespace", b->ev.ns, "labels",
                          cluster ? "workflows.argoproj.io/cluster-workflow-template"
                                  : "workflows.argoproj.io/workflow-template",
                          name, "workflows.argoproj.io/workflow-event-binding", obj_name(object),
                          "spec", "workflowTemplateRef", "name", name);
        json_t *meta = json_object_get(wf, "metadata");
        if (cluster)
                json_put_at(wf, json_true(), "spec", "workflowTemplateRef", "clusterScope");
        if (put_metadata(b, meta, json_object_get(submit, "metadata"), e) < 0 ||
            (json_object_get(submit, "arguments") &&
             put_arguments(b, wf, json_object_get(submit, "arguments"), e) < 0))
                return -1;
        if (json_object_get(meta, "name"))
                json_object_del(meta, "generateName");
        name_after_key(b, meta, object);
        *out = json_incref(wf);
        return 0;
}
