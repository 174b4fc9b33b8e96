/* workflow/spec/check_outputs.c: what a template gives, by its type. SPDX-License-Identifier:
 * Apache-2.0 */
#include "workflow/spec/check.h"

static void check_kind_for_type(struct check *c, const json_t *from, enum tmpl_type type,
                                const struct jpath *at)
{
        bool parameter = check_given(from, "parameter"),
             expression = check_given(from, "expression");
        switch (type) {
        case TMPL_CONTAINER:
        case TMPL_CONTAINER_SET:
        case TMPL_SCRIPT:
                if (!check_given(from, "path"))
                        FAIL(c, at, "E312", NULL,
                             "valueFrom.path must be specified for %s templates",
                             check_type_name(type));
                break;
        case TMPL_RESOURCE:
                if (!check_given(from, "jqFilter") && !check_given(from, "jsonPath"))
                        FAIL(c, at, "E312", NULL,
                             "valueFrom.jqFilter or jsonPath must be specified for Resource "
                             "templates");
                break;
        case TMPL_STEPS:
        case TMPL_DAG:
                if (!parameter && !expression)
                        FAIL(c, at, "E312", NULL,
                             "valueFrom.parameter or expression must be specified for %s templates",
                             check_type_name(type));
                break;
        default: break;
        }
}

static void check_value_from(struct check *c, const json_t *from, enum tmpl_type type,
                             const struct jpath *at)
{
        static const char *const kinds[] = {"path", "jqFilter", "jsonPath", "parameter",
                                            "expression"};
        size_t n = check_has_value(from, "supplied");
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                n += check_given(from, kinds[i]);
        if (n > 1)
                FAIL(c, at, "E312", NULL,
                     "multiple valueFrom types specified: choose one of path, jqFilter, jsonPath, "
                     "parameter, expression");
        else if (!n)
                FAIL(c, at, "E312", NULL,
                     "valueFrom type unspecified: choose one of path, jqFilter, jsonPath, "
                     "parameter, expression");
        check_kind_for_type(c, from, type, at);
}

static void check_global_name(struct check *c, const json_t *item, const struct jpath *at)
{
        const char *name = json_str(item, "globalName");
        struct jpath here = jpath_key(at, "globalName");
        if (!str_empty(name) && !check_has_tag(name) && !check_value_name_ok(name))
                FAIL(c, &here, "E303", NULL,
                     "globalName '%s' is invalid: letters, digits, '-' and '_'", name);
}

static void check_parameter(struct check *c, const json_t *item, enum tmpl_type type,
                            const struct jpath *at)
{
        const json_t *from = json_object_get(item, "valueFrom");
        struct jpath here = jpath_key(at, "valueFrom");
        if (json_is_object(from) && check_has_value(item, "value"))
                FAIL(c, at, "E312", NULL, "the output has both valueFrom and value: choose one");
        else if (json_is_object(from))
                check_value_from(c, from, type, &here);
        else if (!check_has_value(item, "value"))
                FAIL(c, at, "E306", NULL, "the output has neither valueFrom nor value");
        check_global_name(c, item, at);
}

static void check_artifact(struct check *c, const json_t *item, enum tmpl_type type,
                           const struct jpath *at)
{
        struct jpath here = jpath_key(at, "path");
        if (check_is_leaf(type))
                check_artifact_path(c, item, at);
        else if (check_given(item, "path"))
                FAIL(c, &here, "E313", NULL,
                     "path is only valid in container and script templates");
        check_global_name(c, item, at);
}

void check_outputs(struct check *c, const json_t *body, enum tmpl_type type, const struct jpath *at)
{
        const json_t *outputs = json_object_get(body, "outputs");
        struct jpath top = jpath_key(at, "outputs"), up = jpath_key(&top, "parameters");
        struct check_name *seen = NULL;
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(outputs, "parameters"), i, item) {
                struct jpath here = jpath_index(&up, i);
                check_name(c, item, "parameter", NAME_VALUE, &seen, &here);
                check_parameter(c, item, type, &here);
        }
        check_set_free(&seen);
        up = jpath_key(&top, "artifacts");
        json_array_foreach (json_object_get(outputs, "artifacts"), i, item) {
                struct jpath here = jpath_index(&up, i);
                check_name(c, item, "artifact", NAME_VALUE, &seen, &here);
                check_artifact(c, item, type, &here);
        }
        check_set_free(&seen);
}
