/* sensor/spec.c: see spec.h. The field tables load what has a fixed shape; trigger templates stay
 * json_t because parameters rewrite them. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spec.h"
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "triggers/parameters.h"
#include "triggers/trigger_driver.h"
#include <ctype.h>
#include <stdlib.h>

static const char *const and_or[] = {"and", "or", NULL};
static const char *const units[] = {"Second", "Minute", "Hour", NULL};

static const struct field dependency_fields[] = {
        FIELD(struct dependency_spec, name, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "name that conditions and parameters use"),
        FIELD(struct dependency_spec, event_source, FIELD_STR, .name = "eventSourceName",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .help = "metadata.name of the EventSource"),
        FIELD(struct dependency_spec, event, FIELD_STR, .name = "eventName",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "key of the event under its type in the EventSource"),
        FIELD(struct dependency_spec, filters_json, FIELD_JSON, .name = "filters",
              .help = "which events count; see filters"),
        FIELD(struct dependency_spec, filters_operator, FIELD_ENUM,
              .name = "filtersLogicalOperator", .choices = and_or, .def = "and",
              .help = "how the kinds of filters are joined"),
        FIELD(struct dependency_spec, transform, FIELD_OBJ_PTR, .sub = transform_fields,
              .sub_size = sizeof(struct transform), .help = "rewrites the payload before filters"),
        FIELD_END};

static const struct field retry_fields[] = {
        FIELD(struct retry_spec, duration_ns, FIELD_DURATION, .name = "duration", .def = "1s",
              .help = "first pause; Go duration or nanoseconds"),
        FIELD(struct retry_spec, factor, FIELD_DOUBLE, .def = "1",
              .help = "each pause is this times the one before"),
        FIELD(struct retry_spec, jitter, FIELD_DOUBLE, .def = "1",
              .help = "up to this share of the pause is added at random"),
        FIELD(struct retry_spec, steps, FIELD_INT, .def = "5", .min = 1, .max = 1000000,
              .help = "attempts in all"),
        FIELD(struct retry_spec, cap_ns, FIELD_DURATION, .name = "cap",
              .help = "longest pause (ours)"),
        FIELD_END};

static const struct field rate_limit_fields[] = {
        FIELD(struct rate_limit_spec, unit, FIELD_ENUM, .choices = units, .def = "Second",
              .help = "window"),
        FIELD(struct rate_limit_spec, requests_per_unit, FIELD_INT, .name = "requestsPerUnit",
              .flags = FIELD_REQUIRED, .min = 1, .max = INT32_MAX, .help = "firings per window"),
        FIELD_END};

/* A trigger, and the trigger that runs when it is given up. */
#define COMMON_TRIGGER_FIELDS                                                                     \
        FIELD(struct trigger_spec, template, FIELD_JSON, .flags = FIELD_REQUIRED,                 \
              .help = "name, conditions and exactly one trigger type"),                           \
                FIELD(struct trigger_spec, parameters, FIELD_JSON,                                \
                      .help = "applied to the whole template"),                                   \
                FIELD(struct trigger_spec, policy, FIELD_JSON, .help = "what counts as success"), \
                FIELD(struct trigger_spec, retry, FIELD_OBJ_PTR, .name = "retryStrategy",         \
                      .sub = retry_fields, .sub_size = sizeof(struct retry_spec),                 \
                      .help = "attempts after a retryable failure"),                              \
                FIELD(struct trigger_spec, rate_limit, FIELD_OBJ_PTR, .name = "rateLimit",        \
                      .sub = rate_limit_fields, .sub_size = sizeof(struct rate_limit_spec),       \
                      .help = "exact token bucket"),                                              \
                FIELD(struct trigger_spec, at_least_once, FIELD_BOOL, .name = "atLeastOnce",      \
                      .help = "accepted; every trigger has the guarantee here")

static const struct field dlq_fields[] = {
        COMMON_TRIGGER_FIELDS,
        {.name = "dlqTrigger", .kind = FIELD_LATER, .help = "a dlqTrigger has none of its own"},
        FIELD_END};

static const struct field trigger_fields[] = {
        COMMON_TRIGGER_FIELDS,
        FIELD(struct trigger_spec, dlq, FIELD_OBJ_PTR, .name = "dlqTrigger", .sub = dlq_fields,
              .sub_size = sizeof(struct trigger_spec),
              .help = "trigger to run with the same events when all attempts failed"),
        FIELD_END};

struct sensor_body {
        struct field_list dependencies, triggers;
};

const struct field sensor_fields[] = {
        FIELD(struct sensor_body, dependencies, FIELD_LIST, .sub = dependency_fields,
              .sub_size = sizeof(struct dependency_spec), .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "the events it waits for"),
        FIELD(struct sensor_body, triggers, FIELD_LIST, .sub = trigger_fields,
              .sub_size = sizeof(struct trigger_spec), .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "what it does then"),
        {.name = "eventBusName",
         .kind = FIELD_NO_EFFECT,
         .help = "the bus is chosen by the daemon's configuration"},
        {.name = "template", .kind = FIELD_NO_EFFECT, .help = "pod settings"},
        {.name = "replicas", .kind = FIELD_NO_EFFECT, .help = "pods of the sensor"},
        {.name = "revisionHistoryLimit", .kind = FIELD_NO_EFFECT, .help = "passed to a Deployment"},
        {.name = "errorOnFailedRound",
         .kind = FIELD_NO_EFFECT,
         .help = "read by nothing, upstream either"},
        {.name = "loggingFields", .kind = FIELD_NO_EFFECT, .help = "has no effect upstream either"},
        FIELD_END};

static const char *const template_keys[] = {"name", "conditions", "conditionsReset"};

static bool is_template_key(const char *key)
{
        for (size_t i = 0; i < ARRAY_LEN(template_keys); i++)
                if (streq(key, template_keys[i]))
                        return true;
        return false;
}

/* Trigger types of Argo Events that have no driver yet. */
static const char *const later_types[] = {
        "argoWorkflow", "awsLambda", "azureEventHubs", "azureServiceBus", "kafka", "pulsar",
        "nats",         "slack",     "openWhisk",      "custom",          "email"};

static void check_unknown_type(const json_t *template, const struct jpath *at, bool strict,
                               struct diags *d)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t) template, key, value) {
                struct jpath here = jpath_key(at, key);
                if (is_template_key(key) || trigger_driver_find(key))
                        continue;
                bool later = false;
                for (size_t i = 0; i < ARRAY_LEN(later_types); i++)
                        later |= streq(key, later_types[i]);
                if (later) {
                        diag_at_key(d, SEV_ERROR, &here, "E007", "k8s, http and log are there",
                                    "not supported yet: trigger type %s", key);
                        continue;
                }
                const char *known[32];
                size_t n = 0;
                for (const struct trigger_driver *const *t = trigger_drivers(); *t && n < 20; t++)
                        known[n++] = (*t)->type;
                for (size_t i = 0; i < ARRAY_LEN(template_keys); i++)
                        known[n++] = template_keys[i];
                const char *near = str_nearest(key, known, n);
                AUTO(mem_free) char *hint = near ? mem_printf("did you mean %s?", near) : NULL;
                diag_at_key(d, strict ? SEV_ERROR : SEV_WARNING, &here, "W001", hint,
                            "unknown field %s", key);
        }
}

static void check_name(const struct trigger_spec *t, const struct jpath *at, struct diags *d)
{
        struct jpath here = jpath_key(at, "name");
        if (str_empty(t->name))
                diag_error(d, &here, "E004", NULL, "a trigger template needs a name");
}

static void check_allowed(const json_t *status, const struct jpath *up, struct diags *d)
{
        struct jpath at = jpath_key(up, "allow");
        const json_t *allow = json_object_get(status, "allow"), *code;
        size_t i;
        if (json_is_null(status))
                return;
        if (!json_is_array(allow))
                diag_error(d, &at, "E004", NULL, "policy.status needs a list of status codes");
        json_array_foreach ((json_t *)(uintptr_t)allow, i, code) {
                struct jpath here = jpath_index(&at, i);
                if (!json_is_integer(code))
                        diag_error(d, &here, "E003", NULL, "expected a status code, found %s",
                                   json_kind_name(code));
        }
}

static void check_policy(const struct trigger_spec *t, const struct jpath *up, bool strict,
                         struct diags *d)
{
        struct jpath at = jpath_key(up, "policy");
        const json_t *policy = t->policy;
        const char *key;
        json_t *value;
        if (policy && !json_is_object(policy) && !json_is_null(policy))
                diag_error(d, &at, "E003", NULL, "expected a map, found %s",
                           json_kind_name(policy));
        json_object_foreach ((json_t *)(uintptr_t)policy, key, value) {
                struct jpath here = jpath_key(&at, key);
                if (streq(key, "status") && json_object_get(t->template, "http"))
                        check_allowed(value, &here, d);
                else if (streq(key, "k8s"))
                        diag_at_key(d, SEV_ERROR, &here, "E007", NULL,
                                    "not supported yet: field policy.k8s");
                else if (!streq(key, "status"))
                        diag_at_key(d, strict ? SEV_ERROR : SEV_WARNING, &here, "W001", NULL,
                                    "unknown field %s", key);
        }
}

static void load_reset(struct sensor_spec *s, struct reset_spec *r, const json_t *item,
                       const struct jpath *up, struct diags *d)
{
        struct jpath at = jpath_key(up, "byTime"), cron = jpath_key(&at, "cron"),
                     zone = jpath_key(&at, "timezone");
        const json_t *by_time = json_object_get(item, "byTime");
        const char *text = json_str(by_time, "cron"), *tz = json_str(by_time, "timezone");
        ERR_SLOT(e);
        if (!json_is_object(by_time)) {
                diag_error(d, &at, "E004", "byTime: {cron: \"0 0 * * *\", timezone: Europe/Berlin}",
                           "a conditionsReset needs byTime");
                return;
        }
        if (cron_new(&r->cron, str_of(text ? text : ""), CRON_FIELDS, NULL, &e) < 0) {
                diag_error(d, &cron, "E049", NULL, "%s", err_msg(&e));
                err_clear(&e);
        }
        if (!gozone_load(&s->arena, str_of(tz ? tz : ""), &r->zone))
                diag_error(d, &zone, "E048", "IANA names, such as Europe/Berlin",
                           "unknown time zone \"%s\"", tz);
}

static void load_resets(struct sensor_spec *s, struct trigger_spec *t, const struct jpath *up,
                        struct diags *d)
{
        struct jpath at = jpath_key(up, "conditionsReset");
        const json_t *list = json_object_get(t->template, "conditionsReset");
        if (list && !json_is_array(list) && !json_is_null(list))
                diag_error(d, &at, "E003", NULL, "expected a list, found %s", json_kind_name(list));
        t->n_resets = json_array_size(list);
        t->resets = mem_calloc(t->n_resets, sizeof(*t->resets));
        for (size_t i = 0; i < t->n_resets; i++) {
                struct jpath item = jpath_index(&at, i);
                load_reset(s, &t->resets[i], json_array_get(list, i), &item, d);
        }
}

static void load_template(struct sensor_spec *s, struct trigger_spec *t, const struct jpath *up,
                          bool strict, struct diags *d)
{
        struct jpath at = jpath_key(up, "template");
        if (!json_is_object(t->template)) {
                if (t->template)
                        diag_error(d, &at, "E003", NULL, "expected a map, found %s",
                                   json_kind_name(t->template));
                return;
        }
        t->name = mem_strdup(json_str(t->template, "name"));
        t->conditions_text = mem_strdup(json_str(t->template, "conditions"));
        struct jpath params = jpath_key(up, "parameters");
        params_check(t->parameters, false, &params, d);
        check_name(t, &at, d);
        check_unknown_type(t->template, &at, strict, d);
        load_resets(s, t, &at, d);
        size_t types = 0;
        for (const struct trigger_driver *const *drv = trigger_drivers(); *drv; drv++) {
                if (!json_object_get(t->template, (*drv)->type))
                        continue;
                if (!t->driver)
                        t->driver = *drv; /* Argo: the first in its order wins */
                types++;
        }
        if (types == 0 && d->errors == 0)
                diag_error(d, &at, "E020",
                           "for example http: or k8s:", "trigger %s has no trigger type",
                           t->name ? t->name : "without a name");
        if (types > 1)
                diag_warn(d, &at, "W020", NULL, "trigger %s has %zu trigger types; only %s is used",
                          t->name, types, t->driver->type);
        if (t->driver) {
                struct jpath here = jpath_key(&at, t->driver->type);
                const json_t *spec = json_object_get(t->template, t->driver->type);
                if (t->driver->fields) {
                        void *scratch = mem_alloc(t->driver->config_size);
                        if (fields_load(scratch, t->driver->fields, spec, &here,
                                        &(struct field_opts){.strict = strict}, d) == 0 &&
                            t->driver->check)
                                t->driver->check(spec, t->template, &here, d);
                        fields_free(scratch, t->driver->fields);
                        free(scratch);
                }
        }
        if (s->dependencies.n && s->dependencies.n <= CONDITION_DEPS_MAX) {
                ERR_SLOT(e);
                struct jpath here = jpath_key(&at, "conditions");
                if (condition_new(&t->conditions, t->conditions_text, s->dep_names,
                                  s->dependencies.n, &e) < 0) {
                        diag_error(d, &here, "E021", NULL, "%s", err_msg(&e));
                        err_clear(&e);
                }
        }
}

/* What Argo's validation refuses, though its filters would take it. */
static void check_filters(const json_t *filters, const struct jpath *at, struct diags *d)
{
        static const char *const compared[] = {"type", "subject", "source", "datacontenttype"};
        struct jpath context = jpath_key(at, "context"), data = jpath_key(at, "data");
        const json_t *c = json_object_get(filters, "context"), *item, *value;
        size_t i, k, n = 0;
        for (i = 0; i < ARRAY_LEN(compared); i++)
                n += !str_empty(json_str(c, compared[i]));
        if (json_is_object(c) && n == 0)
                diag_error(d, &context, "E004", NULL,
                           "a context filter needs type, subject, source or datacontenttype");
        json_array_foreach (json_object_get(filters, "data"), i, item) {
                struct jpath one = jpath_index(&data, i), values = jpath_key(&one, "value");
                json_array_foreach (json_object_get(item, "value"), k, value) {
                        struct jpath here = jpath_index(&values, k);
                        if (json_is_string(value) && !json_string_length(value))
                                diag_error(d, &here, "E004", NULL, "must not be empty");
                }
        }
}

static void load_dependencies(struct sensor_spec *s, const struct jpath *spec, bool strict,
                              struct diags *d)
{
        struct jpath list = jpath_key(spec, "dependencies");
        struct dependency_spec *deps = s->dependencies.items;
        s->dep_names = mem_calloc(s->dependencies.n + 1, sizeof(*s->dep_names));
        if (s->dependencies.n > CONDITION_DEPS_MAX)
                diag_error(d, &list, "E022", NULL, "%zu dependencies; at most %d are possible",
                           s->dependencies.n, CONDITION_DEPS_MAX);
        for (size_t i = 0; i < s->dependencies.n; i++) {
                struct jpath item = jpath_index(&list, i), name = jpath_key(&item, "name"),
                             filters = jpath_key(&item, "filters"),
                             transform = jpath_key(&item, "transform");
                s->dep_names[i] = deps[i].name ? deps[i].name : "";
                for (size_t k = 0; k < i; k++)
                        if (streq(s->dep_names[i], s->dep_names[k]))
                                diag_error(d, &name, "E023", NULL,
                                           "a dependency named \"%s\" exists already",
                                           s->dep_names[i]);
                if (strpbrk(s->dep_names[i], " \t\r\n()&|"))
                        diag_error(d, &name, "E024", NULL,
                                   "a dependency name must not hold white space or any of ()&|");
                (void)!filter_new(&deps[i].filter, deps[i].filters_json,
                                  deps[i].filters_operator == 1, &filters, strict, d);
                check_filters(deps[i].filters_json, &filters, d);
                if (deps[i].transform)
                        transform_compile(deps[i].transform, &transform, d);
        }
}

static void check_unique_triggers(const struct sensor_spec *s, const struct jpath *list,
                                  struct diags *d)
{
        const struct trigger_spec *t = s->triggers.items;
        for (size_t i = 0; i < s->triggers.n; i++)
                for (size_t k = 0; k < i; k++)
                        if (t[i].name && streq(t[i].name, t[k].name)) {
                                struct jpath item = jpath_index(list, i),
                                             tmpl = jpath_key(&item, "template"),
                                             name = jpath_key(&tmpl, "name");
                                diag_error(d, &name, "E025", NULL,
                                           "a trigger named \"%s\" exists already", t[i].name);
                        }
}

/* The dlqTriggers follow the triggers in `all`: they have queues and firings as all others, but no
 * event satisfies them. */
static void load_triggers(struct sensor_spec *s, const struct jpath *list, bool strict,
                          struct diags *d)
{
        struct trigger_spec *triggers = s->triggers.items;
        s->all = mem_calloc(2 * s->triggers.n, sizeof(*s->all));
        s->n_all = s->triggers.n;
        for (size_t i = 0; i < s->triggers.n; i++) {
                struct trigger_spec *t = s->all[i] = &triggers[i];
                struct jpath item = jpath_index(list, i), dlq = jpath_key(&item, "dlqTrigger");
                check_policy(t, &item, strict, d);
                load_template(s, t, &item, strict, d);
                t->key = mem_strdup(t->name);
                if (!t->dlq)
                        continue;
                check_policy(t->dlq, &dlq, strict, d);
                load_template(s, t->dlq, &dlq, strict, d);
                t->dlq->key = mem_printf("%s/dlq", t->name ? t->name : "");
                t->dlq_index = s->n_all;
                s->all[s->n_all++] = t->dlq;
        }
}

int sensor_spec_new(struct sensor_spec **out, const json_t *object, bool strict, struct diags *d)
{
        AUTO(sensor_spec_unref) struct sensor_spec *s = NEW(struct sensor_spec);
        s->refs = 1;
        arena_init(&s->arena, 0);
        size_t errors = d->errors;
        struct jpath spec = jpath_key(NULL, "spec");
        const char *name = obj_name(object);
        if (str_empty(name)) {
                struct jpath meta = jpath_key(NULL, "metadata"), here = jpath_key(&meta, "name");
                diag_error(d, &here, "E004", NULL, "a Sensor needs metadata.name");
        }
        s->name = mem_strdup(name ? name : "");
        s->ns = mem_strdup(obj_ns(object));
        const char *uid = obj_uid(object),
                   *created = json_str(object, "metadata", "creationTimestamp");
        s->uid = mem_strdup(uid ? uid : "");
        time_parse_rfc3339(created, &s->created.ns);
        struct sensor_body body = {0};
        const json_t *spec_json = json_object_get(object, "spec");
        json_t *none = spec_json ? NULL : json_object();
        int loaded = fields_load(&body, sensor_fields, spec_json ? spec_json : none, &spec,
                                 &(struct field_opts){.strict = strict}, d);
        json_decref(none);
        s->dependencies = body.dependencies;
        s->triggers = body.triggers;
        (void)loaded; /* what was found is checked further, so that all problems show in one run */
        load_dependencies(s, &spec, strict, d);
        struct jpath list = jpath_key(&spec, "triggers");
        load_triggers(s, &list, strict, d);
        check_unique_triggers(s, &list, d);
        if (d->errors > errors)
                return -1;
        *out = TAKE(s);
        return 0;
}

struct sensor_spec *sensor_spec_ref(struct sensor_spec *s)
{
        s->refs++;
        return s;
}

static void clear_trigger(struct trigger_spec *t)
{
        condition_free(t->conditions);
        for (size_t i = 0; i < t->n_resets; i++)
                cron_free(t->resets[i].cron);
        free(t->resets);
        free(t->name);
        free(t->key);
        free(t->conditions_text);
}

struct sensor_spec *sensor_spec_unref(struct sensor_spec *s)
{
        if (!s || --s->refs > 0)
                return NULL;
        struct dependency_spec *deps = s->dependencies.items;
        for (size_t i = 0; i < s->dependencies.n; i++) {
                filter_free(deps[i].filter);
                if (deps[i].transform)
                        transform_clear(deps[i].transform);
        }
        for (size_t i = 0; i < s->n_all; i++)
                clear_trigger(s->all[i]);
        free(s->all);
        arena_deinit(&s->arena);
        struct sensor_body body = {s->dependencies, s->triggers};
        fields_free(&body, sensor_fields);
        free(s->dep_names);
        free(s->ns);
        free(s->name);
        free(s->uid);
        free(s);
        return NULL;
}

const struct dependency_spec *sensor_dep(const struct sensor_spec *s, size_t i)
{
        return &((const struct dependency_spec *)s->dependencies.items)[i];
}

const struct trigger_spec *sensor_trigger(const struct sensor_spec *s, size_t i)
{
        return s->all[i];
}
