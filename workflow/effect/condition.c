/* workflow/effect/condition.c: conditions of resources: label selectors whose keys are gjson paths
 * into the object. Any failure condition that holds ends the wait; the success conditions have to
 * hold all. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson.h"
#include "common/lang/labelsel.h"
#include "workflow/effect/effect_priv.h"

enum { SCRATCH_BYTES = 16 * 1024 * 1024 };

struct conditions {
        struct labelsel *success, *failure; /* NULL: none */
        char *failure_text;
};

static int compile(struct labelsel **out, const char *text, const char *name, struct err *e)
{
        if (str_empty(text))
                return 0;
        if (labelsel_labels(out, str_of(text), NULL, e) < 0)
                return err_wrap(e, "resource.%s: \"%s\"", name, text);
        return 0;
}

int conditions_new(struct conditions **out, const char *success, const char *failure, struct err *e)
{
        AUTO(conditions_free) struct conditions *c = NEW(struct conditions);
        if (compile(&c->success, success, "successCondition", e) < 0 ||
            compile(&c->failure, failure, "failureCondition", e) < 0)
                return -1;
        c->failure_text = mem_strdup(failure);
        *out = TAKE(c);
        return 0;
}

struct conditions *conditions_free(struct conditions *c)
{
        if (!c)
                return NULL;
        labelsel_free(c->success);
        labelsel_free(c->failure);
        mem_free(c->failure_text);
        mem_free(c);
        return NULL;
}

/* ---- one term ---- */

static bool is_one_of(const struct labelsel_term *t, struct str value)
{
        for (size_t i = 0; i < t->nvalues; i++)
                if (t->values[i].n == value.n && memcmp(t->values[i].p, value.p, value.n) == 0)
                        return true;
        return false;
}

static bool compares(const struct labelsel_term *t, struct str value)
{
        int64_t have, want;
        AUTO(mem_free) char *text = mem_strndup(value.p ? value.p : "", value.n);
        AUTO(mem_free)
        char *limit = t->nvalues ? mem_strndup(t->values[0].p, t->values[0].n) : mem_strdup("");
        if (!str_to_i64(text, &have) || !str_to_i64(limit, &want))
                return false;
        return t->op == SEL_GREATER ? have > want : have < want;
}

static bool term_holds(const struct labelsel_term *t, struct str json, struct arena *a)
{
        struct gjson found = {0};
        struct err e = {0};
        if (gjson_get(json, t->key, a, &found, &e) < 0)
                err_clear(&e);
        struct str value = gjson_string(&found, a);
        switch (t->op) {
        case SEL_EXISTS: return found.exists;
        case SEL_ABSENT: return !found.exists;
        case SEL_EQUAL:
        case SEL_IN: return found.exists && is_one_of(t, value);
        case SEL_NOT_EQUAL:
        case SEL_NOT_IN: return !found.exists || !is_one_of(t, value);
        default: return found.exists && compares(t, value);
        }
}

enum condition conditions_check(const struct conditions *c, const json_t *object, struct err *e)
{
        AUTO(mem_free) char *text = json_text(object, JSON_STYLE_COMPACT);
        enum condition state = CONDITION_MET;
        struct arena a;
        arena_init(&a, SCRATCH_BYTES);
        for (size_t i = 0; c->failure && i < labelsel_nterms(c->failure); i++)
                if (term_holds(labelsel_term(c->failure, i), str_of(text), &a))
                        state = CONDITION_FAILED;
        for (size_t i = 0; state == CONDITION_MET && c->success && i < labelsel_nterms(c->success);
             i++)
                if (!term_holds(labelsel_term(c->success, i), str_of(text), &a))
                        state = CONDITION_WAIT;
        if (state == CONDITION_FAILED)
                err_set(e, ERR_INVALID, "failure condition '%s' evaluated true", c->failure_text);
        arena_deinit(&a);
        return state;
}
