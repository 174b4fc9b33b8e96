/* eventsource/source_filter.c: see filter.h. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/source_filter.h"
#include "common/base/jsonscan.h"

const struct field source_filter_fields[] = {
        FIELD(struct source_filter, expression, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "expr expression over the payload: body.status == \"failed\""),
        FIELD_END};

const struct source_filter *source_filter_of(const struct field *fields, const void *config)
{
        for (const struct field *f = fields; f->name; f++)
                if (f->kind == FIELD_OBJ_PTR && f->sub == source_filter_fields)
                        return *(struct source_filter *const *)((const char *)config + f->offset);
        return NULL;
}

/* From the offset on; at the end of the text its last character, since there must be something to
 * point at. */
static struct str rest_of_line(const char *text, size_t offset)
{
        size_t len = strlen(text);
        offset = offset < len ? offset : len - 1;
        size_t n = strcspn(text + offset, "\n");
        return (struct str){text + offset, n ? n : 1};
}

void source_filter_check(const struct source_filter *c, const struct jpath *at, struct diags *d)
{
        ERR_SLOT(e);
        size_t offset = 0;
        struct expr *x = NULL;
        if (!c || str_empty(c->expression))
                return;
        if (expr_new(&x, str_of(c->expression), EXPR_EVENTS, &offset, &e) < 0) {
                struct jpath filter = jpath_key(at, "filter"),
                             here = jpath_key(&filter, "expression");
                diag_in_text(d, SEV_ERROR, &here, c->expression,
                             rest_of_line(c->expression, offset), "E105", NULL, "%s", err_msg(&e));
                err_clear(&e);
        }
        expr_free(x);
}

bool source_filter_passes(const struct expr *x, struct str payload, struct clock *clock,
                          struct arena *a, struct err *why)
{
        bool pass = false;
        struct val data = val_from_json(a, payload, VAL_FLOATS);
        if (data.kind != VAL_MAP && data.kind != VAL_NIL) {
                err_set(why, ERR_INVALID, "the payload is not an object");
                return false;
        }
        struct val env = data.kind == VAL_MAP ? expr_expand(a, data, true) : data;
        return expr_test(x, env, clock, a, &pass, why) == 0 && pass;
}
