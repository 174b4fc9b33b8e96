/* workflow/spec/check_cron.c: rule 31: CronWorkflows. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/cron.h"
#include "workflow/spec/check.h"

enum { ZONE_ARENA = 1 << 20 };

static bool zone_ok(const char *name)
{
        struct arena a;
        const struct val_zone *zone;
        arena_init(&a, ZONE_ARENA);
        bool ok = gozone_load(&a, str_of(name), &zone);
        arena_deinit(&a);
        return ok;
}

static void check_schedule(struct check *c, const char *text, const struct jpath *at)
{
        AUTO(cron_free) struct cron *cron = NULL;
        struct err why = {0};
        if (cron_new(&cron, str_of(text), CRON_STANDARD, NULL, &why) < 0)
                FAIL(c, at, "E319", NULL, "cron schedule %s is malformed: %s", text, err_msg(&why));
        err_clear(&why);
}

static void check_policy(struct check *c, const json_t *spec, const struct jpath *at)
{
        static const char *const policies[] = {"", "Allow", "Forbid", "Replace"};
        const char *policy = json_str(spec, "concurrencyPolicy");
        struct jpath here = jpath_key(at, "concurrencyPolicy");
        for (size_t i = 0; i < ARRAY_LEN(policies); i++)
                if (!policy || strcmp(policy, policies[i]) == 0)
                        return;
        FAIL(c, &here, "E005", NULL,
             "'%s' is not a valid concurrencyPolicy (Allow, Forbid, Replace)", policy);
}

static void check_stop(struct check *c, const json_t *spec, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "stopStrategy"), here = jpath_key(&up, "expression");
        check_expression(c, json_at(spec, "stopStrategy", "expression"), &here);
}

void check_cron(struct check *c, const json_t *spec, const struct jpath *at)
{
        struct jpath up = jpath_key(at, "schedules"), here = jpath_key(at, "timezone"),
                     late = jpath_key(at, "startingDeadlineSeconds"),
                     workflow = jpath_key(at, "workflowSpec");
        const char *zone = json_str(spec, "timezone");
        size_t i;
        json_t *s;
        AUTO_JSON json_t *outer = json_copy((json_t *)(uintptr_t)spec);
        json_object_del(outer, "workflowSpec"); /* checked on its own below */
        shape_check(outer, cron_spec_shape, at, &c->options, c->d);
        if (!json_array_size(json_object_get(spec, "schedules")))
                FAIL(c, at, "E319", NULL, "a cron workflow must have at least one schedule");
        json_array_foreach (json_object_get(spec, "schedules"), i, s) {
                struct jpath item = jpath_index(&up, i);
                if (json_is_string(s))
                        check_schedule(c, json_string_value(s), &item);
        }
        if (!str_empty(zone) && !zone_ok(zone))
                FAIL(c, &here, "E319", NULL, "invalid timezone \"%s\"", zone);
        check_policy(c, spec, at);
        if (json_integer_value(json_object_get(spec, "startingDeadlineSeconds")) < 0)
                FAIL(c, &late, "E006", NULL, "startingDeadlineSeconds must be positive");
        check_stop(c, spec, at);
        check_workflow(c, json_object_get(spec, "workflowSpec"), &workflow);
}
