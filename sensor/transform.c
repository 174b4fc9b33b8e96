/* sensor/transform.c: see transform.h. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/transform.h"
#include "common/base/hash.h"
#include "common/base/jsonscan.h"
#include "common/base/str.h"
#include "common/lang/limits.h"
#include "common/lang/lua.h"
#include "common/lang/sprig/gojson.h"

const struct field transform_fields[] = {
        {.name = "jq", .kind = FIELD_LATER, .help = "jq program over the payload"},
        FIELD(struct transform, script, FIELD_STR,
              .help = "Lua script over the global `event`; returns the new payload, a table"),
        FIELD_END};

void transform_compile(struct transform *t, const struct jpath *at, struct diags *d)
{
        struct jpath script = jpath_key(at, "script");
        ERR_SLOT(e);
        if (!str_empty(t->script) && luascript_new(&t->lua, str_of(t->script), NULL, &e) < 0) {
                diag_error(d, &script, "E046", NULL, "%s", err_msg(&e));
                err_clear(&e);
        }
}

void transform_clear(struct transform *t)
{
        t->lua = luascript_free(t->lua);
}

int payload_object(struct str data, struct arena *a, struct val *out, struct err *e)
{
        if (json_scan(data.p, data.n, e) < 0)
                return err_wrap(e, "payload");
        struct val v = val_from_json(a, data, VAL_FLOATS);
        if (v.kind == VAL_NIL)
                v = val_map_new(a, 0);
        if (v.kind != VAL_MAP)
                return err_set(e, ERR_INVALID, "scripts take a JSON object, the payload is %s",
                               v.kind == VAL_LIST  ? "a list"
                               : v.kind == VAL_STR ? "a text"
                                                   : "a lone value");
        *out = v;
        return 0;
}

uint64_t payload_seed(const struct cloudevent *ev)
{
        return ev->id ? fnv1a64(ev->id, strlen(ev->id)) : 0;
}

static int to_text(struct val v, struct arena *a, struct str *out, struct err *e)
{
        struct abuf b = abuf_in(a);
        struct gojson j = {.b = &b, .html = true};
        if (!gojson_put(&j, v))
                return err_set(e, b.failed ? ERR_LIMIT : ERR_INVALID, "%s",
                               b.failed ? "the new payload is too large"
                                        : "the new payload holds what JSON cannot (a function, an "
                                          "infinity)");
        *out = abuf_str(&b);
        return 0;
}

static int run_script(const struct transform *t, const struct cloudevent *ev, struct val payload,
                      struct arena *a, struct str *out, struct err *e)
{
        struct luascript_host host = {
                .clock = clock_system(), .seed = payload_seed(ev), .event = payload};
        struct val v;
        if (luascript_run(t->lua, &host, a, &v, e) < 0)
                return err_wrap(e, "script");
        if (v.kind != VAL_MAP && v.kind != VAL_LIST)
                return err_set(e, ERR_INVALID,
                               "the script must return a table (its last value counts)");
        return to_text(v, a, out, e);
}

int transform_apply(const struct transform *t, const struct cloudevent *ev, struct arena *a,
                    struct str *out, struct err *e)
{
        struct val payload;
        *out = (struct str){0};
        if (!ev->data.p || !t->lua)
                return 0;
        if (payload_object(ev->data, a, &payload, e) < 0 ||
            run_script(t, ev, payload, a, out, e) < 0)
                return err_wrap(e, "transform");
        return 0;
}
