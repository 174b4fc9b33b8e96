/* workflow/spec/check_cron.c: rule 31: CronWorkflows. They are checked whole, and not run yet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"
#include <ctype.h>
#include <unistd.h>

struct cron_field {
        const char *name;
        int min, max;
        const char *words; /* three letters each, counted from min */
};
static const struct cron_field fields[] = {{"minute", 0, 59, NULL},
                                           {"hour", 0, 23, NULL},
                                           {"day of month", 1, 31, NULL},
                                           {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                           {"day of week", 0, 6, "sunmontuewedthufrisat"}};

static const char *number(const struct cron_field *f, const char *p, int *out)
{
        if (isdigit((unsigned char)*p)) {
                for (*out = 0; isdigit((unsigned char)*p) && *out < 10000; p++)
                        *out = *out * 10 + (*p - '0');
                return p;
        }
        for (int i = 0; f->words && f->words[(size_t)i * 3]; i++)
                if (strncasecmp(p, f->words + (size_t)i * 3, 3) == 0) {
                        *out = f->min + i;
                        return p + 3;
                }
        return NULL;
}

/* One of "*", "?", "a", "a-b", each with "/step". */
static const char *range(const struct cron_field *f, const char *p)
{
        int from = f->min, to = f->max, step = 1;
        if (*p == '*' || *p == '?')
                p++;
        else {
                p = number(f, p, &from);
                if (!p)
                        return NULL;
                to = from;
                if (*p == '-')
                        p = number(f, p + 1, &to);
        }
        if (p && *p == '/')
                p = number(f, p + 1, &step);
        return p && from >= f->min && to <= f->max && from <= to && step > 0 ? p : NULL;
}

static bool field_ok(const struct cron_field *f, const char *text, size_t n)
{
        char copy[256];
        if (n >= sizeof(copy))
                return false;
        memcpy(copy, text, n);
        copy[n] = 0;
        for (const char *p = copy;;) {
                p = range(f, p);
                if (!p)
                        return false;
                if (!*p)
                        return true;
                if (*p++ != ',')
                        return false;
        }
}

static bool descriptor_ok(const char *text)
{
        static const char *const known[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                            "@daily",  "@midnight", "@hourly"};
        int64_t ns;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (strcmp(text, known[i]) == 0)
                        return true;
        return str_starts(text, "@every ") && duration_parse(text + 7, &ns);
}

static bool zone_ok(const char *name, size_t n)
{
        char path[512];
        if (!n || memmem(name, n, "..", 2) || name[0] == '/')
                return n == 0;
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", (int)n, name);
        return (n == 3 && memcmp(name, "UTC", 3) == 0) || access(path, R_OK) == 0;
}

static void check_schedule(struct check *c, const char *text, const struct jpath *at)
{
        const char *p = text;
        if (str_starts(p, "CRON_TZ=") || str_starts(p, "TZ=")) {
                const char *zone = strchr(p, '=') + 1;
                size_t n = strcspn(zone, " ");
                if (!zone_ok(zone, n))
                        FAIL(c, at, "E319", NULL, "unknown time zone %.*s", (int)n, zone);
                p = zone + n;
        }
        p += strspn(p, " \t");
        if (*p == '@') {
                if (!descriptor_ok(p))
                        FAIL(c, at, "E319", NULL,
                             "cron schedule %s is malformed: unknown descriptor", text);
                return;
        }
        size_t n = 0;
        for (; *p; n++) {
                size_t len = strcspn(p, " \t");
                if (n < ARRAY_LEN(fields) && !field_ok(&fields[n], p, len))
                        FAIL(c, at, "E319", NULL, "cron schedule %s is malformed: %s: '%.*s'", text,
                             fields[n].name, (int)len, p);
                p += len;
                p += strspn(p, " \t");
        }
        if (n != ARRAY_LEN(fields))
                FAIL(c, at, "E319", NULL,
                     "cron schedule %s is malformed: expected exactly 5 fields, found %zu", text,
                     n);
}

void check_cron(struct check *c, const json_t *spec, const struct jpath *at)
{
        static const char *const policies[] = {"", "Allow", "Forbid", "Replace"};
        struct jpath up = jpath_key(at, "schedules"), here = jpath_key(at, "timezone");
        const char *zone = json_str(spec, "timezone"),
                   *policy = json_str(spec, "concurrencyPolicy");
        size_t i;
        json_t *s;
        shape_check(spec, cron_spec_shape, at, &c->options, c->d);
        if (!json_array_size(json_object_get(spec, "schedules")))
                FAIL(c, at, "E319", NULL, "a cron workflow must have at least one schedule");
        json_array_foreach (json_object_get(spec, "schedules"), i, s) {
                struct jpath item = jpath_index(&up, i);
                if (json_is_string(s))
                        check_schedule(c, json_string_value(s), &item);
        }
        if (zone && !zone_ok(zone, strlen(zone)))
                FAIL(c, &here, "E319", NULL, "invalid timezone \"%s\"", zone);
        here = jpath_key(at, "concurrencyPolicy");
        bool known = !policy;
        for (i = 0; policy && i < ARRAY_LEN(policies); i++)
                known = known || strcmp(policy, policies[i]) == 0;
        if (!known)
                FAIL(c, &here, "E005", NULL,
                     "'%s' is not a valid concurrencyPolicy (Allow, Forbid, Replace)", policy);
        here = jpath_key(at, "startingDeadlineSeconds");
        if (json_integer_value(json_object_get(spec, "startingDeadlineSeconds")) < 0)
                FAIL(c, &here, "E006", NULL, "startingDeadlineSeconds must be positive");
        here = jpath_key(at, "workflowSpec");
        check_workflow(c, json_object_get(spec, "workflowSpec"), &here);
        if (!c->options.simulation)
                FAIL(c, NULL, "E007", NULL, "not supported yet: kind CronWorkflow");
}
