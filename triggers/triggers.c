/* triggers/triggers.c: the registry of triggers.def. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "triggers/trigger_driver.h"
#include <stdlib.h>

#define TRIGGER(type) extern const struct trigger_driver trigger_##type;
#include "triggers/triggers.def"
#undef TRIGGER

static const struct trigger_driver *const drivers[] = {
#define TRIGGER(type) &trigger_##type,
#include "triggers/triggers.def"
#undef TRIGGER
        NULL};

const struct trigger_driver *const *trigger_drivers(void)
{
        return drivers;
}

const struct trigger_driver *trigger_driver_find(const char *type)
{
        for (size_t i = 0; drivers[i]; i++)
                if (streq(drivers[i]->type, type))
                        return drivers[i];
        return NULL;
}

enum trigger_outcome trigger_outcome_of(const struct err *e)
{
        return err_retryable(e->code) ? TRIGGER_RETRY : TRIGGER_REJECT;
}

struct trigger_action *trigger_action_free(struct trigger_action *a)
{
        if (!a)
                return NULL;
        json_decref(a->template);
        log_free(a->log);
        free(a->state);
        free(a);
        return NULL;
}
