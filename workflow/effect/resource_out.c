/* workflow/effect/resource_out.c: output parameters of a resource template, from the object as it
 * is in the end. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq.h"
#include "common/lang/jsonpath.h"
#include "workflow/effect/effect_priv.h"

enum { VALUE_MAX = 1024 * 1024, SCRATCH_BYTES = 16 * 1024 * 1024 };

static int by_path(struct buf *to, const char *path, const json_t *object, struct err *e)
{
        AUTO(jsonpath_free) struct jsonpath *p = NULL;
        struct arena a;
        arena_init(&a, SCRATCH_BYTES);
        int rc = jsonpath_new(&p, str_of(path), NULL, e);
        if (rc == 0)
                rc = jsonpath_put(p, val_from_tree(&a, object, VAL_INTS_AND_FLOATS),
                                  JSONPATH_MISSING_IS_EMPTY, &a, to, e);
        arena_deinit(&a);
        return rc < 0 ? err_wrap(e, "jsonPath %s", path) : 0;
}

struct jq_lines {
        struct buf *to;
        bool any;
};

/* As jq -r: strings as they are, one output a line. */
static bool add_line(void *arg, struct str json, bool finite UNUSED)
{
        struct jq_lines *l = arg;
        AUTO_JSON json_t *value = json_loadb(json.p, json.n, JSON_DECODE_ANY, NULL);
        if (l->any)
                buf_addc(l->to, '\n');
        l->any = true;
        if (json_is_string(value))
                buf_add(l->to, json_string_value(value), json_string_length(value));
        else
                buf_add(l->to, json.p, json.n);
        return !l->to->overflow;
}

static int by_filter(struct buf *to, const char *filter, const json_t *object, struct err *e)
{
        AUTO(jq_free) struct jq *q = NULL;
        AUTO(mem_free) char *text = json_text(object, JSON_STYLE_COMPACT);
        struct jq_lines lines = {to, false};
        if (jq_new(&q, str_of(filter), NULL, e) < 0 ||
            jq_run(q, str_of(text), clock_system(), add_line, &lines, e) < 0)
                return err_wrap(e, "jqFilter %s", filter);
        return 0;
}

static int value_of(char **out, const json_t *param, const json_t *object, struct err *e)
{
        const char *path = json_str(param, "valueFrom", "jsonPath"),
                   *filter = json_str(param, "valueFrom", "jqFilter");
        AUTO_BUF struct buf text = BUF_INIT(VALUE_MAX);
        int rc = path     ? by_path(&text, path, object, e)
                 : filter ? by_filter(&text, filter, object, e)
                          : err_set(e, ERR_INVALID, "jsonPath or jqFilter is expected");
        if (rc == 0 && text.overflow)
                rc = err_set(e, ERR_LIMIT, "more than %d bytes", VALUE_MAX);
        struct str value = {buf_str(&text), text.len};
        if (!path)
                value = str_trim(value);
        if (rc == 0)
                *out = mem_strndup(value.p, value.n);
        return rc;
}

static int add_param(json_t *list, const json_t *param, const json_t *object, struct err *e)
{
        const json_t *fallback = json_at(param, "valueFrom", "default");
        const char *name = json_str(param, "name");
        AUTO(mem_free) char *value = NULL;
        if (!json_object_get(param, "valueFrom")) /* a fixed value is the engine's to say */
                return 0;
        if (!object) { /* deleted: nothing to look into */
                value = fallback ? json_scalar_text(fallback) : mem_strdup("");
        } else if (value_of(&value, param, object, e) < 0) {
                if (!fallback)
                        return err_wrap(e, "output parameter \"%s\"", name ? name : "");
                err_clear(e);
                value = json_scalar_text(fallback);
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", name ? name : "", "value",
                                              json_string_of_bytes(value, strlen(value))));
        return 0;
}

int resource_outputs(json_t **out, const json_t *template, const json_t *object, struct err *e)
{
        AUTO_JSON json_t *params = json_array();
        size_t i;
        json_t *param;
        json_array_foreach (json_at(template, "outputs", "parameters"), i, param) {
                if (add_param(params, param, object, e) < 0)
                        return -1;
        }
        *out = json_pack("{s:s}", "exitCode", "0");
        if (json_array_size(params))
                json_object_set(*out, "parameters", params);
        return 0;
}
