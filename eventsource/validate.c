/* eventsource/validate.c: all problems of one EventSource in one run (argo-events.md 9.2, 9.3).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "eventsource/source_filter.h"
#include "eventsource/sources.h"
#include "eventsource/webhook_context.h"
#include <stdlib.h>
#include <uthash.h>

/* Keys of spec that steer pods and services: accepted, without effect where we run sources
 * ourselves. */
static const struct {
        const char *name;
        json_type type;
        const char *expected;
} deployment_keys[] = {
        {"template", JSON_OBJECT, "a map"},
        {"service", JSON_OBJECT, "a map"},
        {"replicas", JSON_INTEGER, "a whole number"},
        {"eventBusName", JSON_STRING, "a string"},
};

struct seen { /* an event name and where it was used first */
        const char *event, *type;
        UT_hash_handle hh;
};
struct validation {
        struct diags *d;
        struct field_opts opts;
        struct seen *seen;
        const char *first_active, *first_passive; /* types of either class */
};

static bool check_deployment_key(struct validation *v, const char *key, const json_t *value,
                                 const struct jpath *spec)
{
        for (size_t i = 0; i < ARRAY_LEN(deployment_keys); i++) {
                if (!streq(deployment_keys[i].name, key))
                        continue;
                struct jpath here = jpath_key(spec, key);
                if (json_is_null(value))
                        return true;
                if (json_typeof(value) != deployment_keys[i].type)
                        diag_error(v->d, &here, "E003", NULL, "expected %s, found %s",
                                   deployment_keys[i].expected, json_kind_name(value));
                else
                        diag_at_key(v->d, SEV_INFO, &here, "W002", NULL, "has no effect here");
                return true;
        }
        return false;
}

static void check_name(struct validation *v, const char *type, const char *event,
                       const struct jpath *at)
{
        struct seen *first;
        HASH_FIND_STR(v->seen, event, first);
        if (first) {
                diag_at_key(v->d, SEV_ERROR, at, "E103", NULL,
                            "event \"%s\" exists already, under %s", event, first->type);
                return;
        }
        struct seen *s = NEW(struct seen);
        s->event = event;
        s->type = type;
        HASH_ADD_KEYPTR(hh, v->seen, s->event, strlen(s->event), s);
}

static void check_event(struct validation *v, const struct source_driver *drv, const json_t *config,
                        const struct jpath *at)
{
        AUTO_JSON json_t *empty = json_object();
        void *loaded = mem_alloc(drv->config_size);
        const json_t *given = json_is_null(config) ? empty : config;
        if (fields_load(loaded, drv->fields, given, at, &v->opts, v->d) == 0 ||
            json_is_object(given)) {
                source_filter_check(source_filter_of(drv->fields, loaded), at, v->d);
                if (drv->check)
                        drv->check(loaded, at, v->d);
        }
        fields_free(loaded, drv->fields);
        free(loaded);
}

static void check_class(struct validation *v, const struct source_type *t, const struct jpath *at)
{
        const char **mine = t->active_active ? &v->first_active : &v->first_passive;
        const char *other = t->active_active ? v->first_passive : v->first_active;
        if (!*mine && other)
                diag_at_key(v->d, SEV_ERROR, at, "E104", "use a second EventSource",
                            "%s may not stand beside %s in one EventSource", t->name, other);
        *mine = t->name;
}

static void check_type(struct validation *v, const struct source_type *t, const json_t *events,
                       const struct jpath *at)
{
        const struct source_driver *drv = source_driver_find(t->name);
        if (json_is_null(events))
                return;
        if (!json_is_object(events)) {
                diag_error(v->d, at, "E003", NULL, "expected a map of event names, found %s",
                           json_kind_name(events));
                return;
        }
        if (json_object_size(events) == 0)
                return;
        check_class(v, t, at);
        if (!drv)
                diag_at_key(v->d, v->opts.allow_later ? SEV_WARNING : SEV_ERROR, at, "E007", NULL,
                            "not supported yet: source type %s", t->name);
        const char *event;
        json_t *config;
        json_object_foreach ((json_t *)(uintptr_t)events, event, config) {
                struct jpath here = jpath_key(at, event);
                check_name(v, t->name, event, &here);
                if (drv)
                        check_event(v, drv, config, &here);
        }
}

static void unknown_key(struct validation *v, const char *key, const struct jpath *at)
{
        const char *names[64];
        size_t n = 0;
        for (const struct source_type *t = source_types(); t->name && n < ARRAY_LEN(names); t++)
                names[n++] = t->name;
        for (size_t i = 0; i < ARRAY_LEN(deployment_keys) && n < ARRAY_LEN(names); i++)
                names[n++] = deployment_keys[i].name;
        const char *near = str_nearest(key, names, n);
        AUTO(mem_free) char *hint = near ? mem_printf("did you mean \"%s\"?", near) : NULL;
        diag_at_key(v->d, v->opts.strict ? SEV_ERROR : SEV_WARNING, at, near ? "E100" : "W001",
                    hint, near ? "unknown source type" : "unknown field");
}

static void check_spec(struct validation *v, const json_t *spec, const struct jpath *at)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)spec, key, value) {
                struct jpath here = jpath_key(at, key);
                const struct source_type *t = source_type_find(key);
                if (t)
                        check_type(v, t, value, &here);
                else if (!check_deployment_key(v, key, value, at))
                        unknown_key(v, key, &here);
        }
}

int eventsource_validate(const json_t *object, bool strict, struct diags *d)
{
        struct validation v = {.d = d, .opts = {.strict = strict}};
        size_t before = d->errors;
        struct jpath at = jpath_key(NULL, "spec");
        const json_t *spec = json_object_get(object, "spec");
        if (str_empty(json_str(object, "metadata", "name"))) {
                struct jpath metadata = jpath_key(NULL, "metadata"),
                             name = jpath_key(&metadata, "name");
                diag_error(d, &name, "E004", NULL, "required field is missing");
        }
        if (spec && !json_is_null(spec) && !json_is_object(spec))
                diag_error(d, &at, "E003", NULL, "expected a map, found %s", json_kind_name(spec));
        else
                check_spec(&v, spec, &at);
        eventsource_check_ports(spec, &at, d);
        struct seen *s, *next;
        HASH_ITER (hh, v.seen, s, next) {
                HASH_DEL(v.seen, s);
                free(s);
        }
        return d->errors > before ? -1 : 0;
}
