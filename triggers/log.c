/* triggers/log.c: the boring trigger: one log line per event. SPDX-License-Identifier: Apache-2.0
 */
#include "triggers/parameters.h"

struct log_trigger {
        int64_t interval_seconds;
};

static const struct field log_fields[] = {
        FIELD(struct log_trigger, interval_seconds, FIELD_INT, .name = "intervalSeconds",
              .max = INT64_MAX,
              .help = "has no effect, upstream either: repeated lines are counted by the logger"),
        FIELD_END};

static void log_execute(struct trigger_action *a)
{
        for (size_t i = 0; i < a->n_events; i++) {
                const struct trigger_event *ev = &a->events[i];
                struct buf context = BUF_INIT(4096), data = BUF_INIT(4096);
                trigger_context_put(&context, ev);
                buf_add(&data, ev->data.p, ev->data.n < 2048 ? ev->data.n : 2048);
                log_info(a->log, "event", F_STR("dependencyName", ev->dependency),
                         F_STR("eventContext", buf_str(&context)),
                         F_STR("eventData", buf_str(&data)));
                buf_deinit(&context);
                buf_deinit(&data);
        }
        trigger_finish(a, TRIGGER_OK, "logged", NULL);
}

const struct trigger_driver trigger_log = {.type = "log",
                                           .fields = log_fields,
                                           .config_size = sizeof(struct log_trigger),
                                           .execute = log_execute};
