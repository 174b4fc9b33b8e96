/* workflow/cron/spec.c: see cronwf.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/lang/cron.h"
#include "workflow/cron/cronwf.h"
#include <stdlib.h>

static int add_schedule(struct cronwf_spec *s, const char *text, const char *zone, struct buf *all,
                        struct err *e)
{
        AUTO(mem_free)
        char *whole = str_empty(zone) ? mem_strdup(text) : mem_printf("CRON_TZ=%s %s", zone, text);
        if (cron_new(&s->schedules[s->n], str_of(whole), CRON_STANDARD, NULL, e) < 0)
                return err_wrap(e, "cron schedule %s is malformed", whole);
        buf_addf(all, "%s%s", s->n ? "," : "", whole);
        s->n++;
        return 0;
}

static int read_schedules(struct cronwf_spec *s, const json_t *spec, struct err *e)
{
        const json_t *list = json_object_get(spec, "schedules");
        AUTO_BUF struct buf all = BUF_INIT(BUF_UNBOUNDED);
        size_t i;
        json_t *item;
        s->schedules = mem_calloc(json_array_size(list) + 1, sizeof(*s->schedules));
        json_array_foreach (list, i, item) {
                if (!json_is_string(item))
                        return err_set(e, ERR_INVALID, "schedules[%zu]: expected a string", i);
                if (add_schedule(s, json_string_value(item), json_str(spec, "timezone"), &all, e) <
                    0)
                        return -1;
        }
        if (!s->n)
                return err_set(e, ERR_INVALID, "cron workflow must have at least one schedule");
        s->text = mem_strdup(buf_str(&all));
        return 0;
}

static int read_policy(struct cronwf_spec *s, const char *text, struct err *e)
{
        static const char *const words[] = {"Allow", "Forbid", "Replace"};
        if (str_empty(text))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (!streq(text, words[i]))
                        continue;
                s->policy = (enum cronwf_policy)i;
                return 0;
        }
        return err_set(e, ERR_INVALID, "'%s' is not a valid concurrencyPolicy", text);
}

static int64_t number(const json_t *spec, const char *key, int64_t otherwise)
{
        const json_t *v = json_object_get(spec, key);
        return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : otherwise;
}

int cronwf_spec_new(struct cronwf_spec **out, const json_t *object, struct err *e)
{
        const json_t *spec = json_object_get(object, "spec");
        const char *when = json_str(spec, "when"),
                   *stop = json_str(spec, "stopStrategy", "expression");
        AUTO(cronwf_spec_free) struct cronwf_spec *s = NEW(struct cronwf_spec);
        if (read_schedules(s, spec, e) < 0 ||
            read_policy(s, json_str(spec, "concurrencyPolicy"), e) < 0)
                return -1;
        int64_t deadline = number(spec, "startingDeadlineSeconds", -1);
        s->deadline_ns = deadline < 0                      ? -1
                         : deadline > INT64_MAX / NS_PER_S ? INT64_MAX
                                                           : deadline * NS_PER_S;
        s->keep_succeeded = number(spec, "successfulJobsHistoryLimit", 3);
        s->keep_failed = number(spec, "failedJobsHistoryLimit", 1);
        s->suspend = json_is_true(json_object_get(spec, "suspend"));
        s->when = str_empty(when) ? NULL : mem_strdup(when);
        s->stop = str_empty(stop) ? NULL : mem_strdup(stop);
        *out = TAKE(s);
        return 0;
}

struct cronwf_spec *cronwf_spec_free(struct cronwf_spec *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                cron_free(s->schedules[i]);
        free(s->schedules);
        free(s->text);
        free(s->when);
        free(s->stop);
        free(s);
        return NULL;
}
