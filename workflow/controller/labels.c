/* workflow/controller/labels.c: see labels.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/controller/labels.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

static const char *join(struct buf *b)
{
        return b->len ? "," : "";
}

static int put_values(struct buf *b, const json_t *values, const char *key, struct err *e)
{
        size_t i;
        json_t *v;
        if (!json_array_size(values))
                return err_set(e, ERR_INVALID, "matchExpressions: %s: values are required", key);
        json_array_foreach (values, i, v) {
                if (!json_is_string(v))
                        return err_set(e, ERR_INVALID, "matchExpressions: %s: a value is no string",
                                       key);
                buf_addf(b, "%s%s", i ? "," : "", json_string_value(v));
        }
        buf_addc(b, ')');
        return 0;
}

static int put_rule(struct buf *b, const json_t *rule, struct err *e)
{
        const char *key = json_str(rule, "key"), *op = json_str(rule, "operator");
        if (str_empty(key) || str_empty(op))
                return err_set(e, ERR_INVALID, "matchExpressions: key and operator are required");
        buf_adds(b, join(b));
        if (streq(op, "Exists")) {
                buf_adds(b, key);
        } else if (streq(op, "DoesNotExist")) {
                buf_addf(b, "!%s", key);
        } else if (streq(op, "In") || streq(op, "NotIn")) {
                buf_addf(b, "%s %s (", key, streq(op, "In") ? "in" : "notin");
                return put_values(b, json_object_get(rule, "values"), key, e);
        } else {
                return err_set(e, ERR_INVALID,
                               "matchExpressions: %s: operator \"%s\" (expected In, NotIn, Exists "
                               "or DoesNotExist)",
                               key, op);
        }
        return 0;
}

int label_selector_text(char **out, const json_t *selector, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        const char *key;
        json_t *v;
        size_t i;
        json_object_foreach (json_object_get(selector, "matchLabels"), key, v) {
                if (!json_is_string(v))
                        return err_set(e, ERR_INVALID, "matchLabels: %s: expected a string", key);
                buf_addf(&b, "%s%s=%s", join(&b), key, json_string_value(v));
        }
        json_array_foreach (json_object_get(selector, "matchExpressions"), i, v)
                if (put_rule(&b, v, e) < 0)
                        return -1;
        *out = mem_strdup(buf_str(&b));
        return 0;
}
