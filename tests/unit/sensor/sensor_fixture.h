/* tests/unit/sensor/sensor_fixture.h: sensors and events in one line each. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "sensor/core.h"
#include "tests/unit/unit.h"

/* A Sensor from YAML text; asserts that it is valid. */
static inline struct sensor_spec *spec_of(const char *yaml)
{
        AUTO_JSON json_t *object = NULL;
        AUTO_DIAGS struct diags d;
        ERR_SLOT(e);
        diags_init(&d);
        struct sensor_spec *spec = NULL;
        if (yaml_parse_one(&object, yaml, strlen(yaml), &e) < 0)
                fail_msg("%s", err_msg(&e));
        if (sensor_spec_new(&spec, object, false, &d) < 0)
                fail_msg("%s: %s", d.items[0].path, d.items[0].msg);
        return spec;
}

static inline struct sensor_event *event_of(const char *source, const char *name, const char *id,
                                            const char *data)
{
        AUTO_BUF struct buf ce = BUF_INIT(65536);
        cloudevent_put(&ce, &(struct cloudevent){.id = id,
                                                 .source = source,
                                                 .subject = name,
                                                 .type = "webhook",
                                                 .time = {INT64_C(1700000000) * NS_PER_S},
                                                 .data = str_of(data)});
        char subject[256];
        snprintf(subject, sizeof(subject), "%s.%s", source, name);
        struct bus_msg *msg = bus_msg_new(subject, id, buf_str(&ce), ce.len,
                                          (struct wall){INT64_C(1700000000) * NS_PER_S}, false);
        struct sensor_event *ev = NULL;
        ERR_SLOT(e);
        if (sensor_event_new(&ev, msg, &e) < 0)
                fail_msg("%s", err_msg(&e));
        bus_msg_unref(msg);
        return ev;
}
