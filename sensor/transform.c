/* sensor/transform.c: see transform.h. SPDX-License-Identifier: Apache-2.0 */
#include "sensor/transform.h"
#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/jsonscan.h"
#include "common/base/str.h"
#include "common/lang/jq.h"
#include "common/lang/limits.h"
#include "common/lang/lua.h"
#include "common/lang/sprig/gojson.h"

const struct field transform_fields[] = {
        FIELD(struct transform, jq, FIELD_STR,
              .help = "jq program over the payload; its first output, an object, is the new one"),
        FIELD(struct transform, script, FIELD_STR,
              .help = "Lua script over the global `event`; returns the new payload, a table"),
        FIELD_END};

void transform_compile(struct transform *t, const struct jpath *at, struct diags *d)
{
        struct jpath script = jpath_key(at, "script"), jq = jpath_key(at, "jq");
        ERR_SLOT(e);
        if (!str_empty(t->jq) && jq_new(&t->program, str_of(t->jq), NULL, &e) < 0) {
                diag_error(d, &jq, "E046", NULL, "%s", err_msg(&e));
                err_clear(&e);
        }
        if (str_empty(t->jq) && !str_empty(t->script) &&
            luascript_new(&t->lua, str_of(t->script), NULL, &e) < 0) {
                diag_error(d, &script, "E046", NULL, "%s", err_msg(&e));
                err_clear(&e);
        }
}

void transform_clear(struct transform *t)
{
        t->lua = luascript_free(t->lua);
        t->program = jq_free(t->program);
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

struct first_output {
        struct arena *arena;
        struct str json; /* .p NULL: none came */
        bool finite, held;
};

static bool take_first(void *arg, struct str json, bool finite)
{
        struct first_output *first = arg;
        AUTO_BUF struct buf text = BUF_INIT(LANG_OUTPUT);
        first->finite = finite;
        first->held = json_compact(&text, json.p, json.n, true, NULL) == 0 && !text.overflow;
        first->json = (struct str){arena_strndup(first->arena, buf_str(&text), text.len), text.len};
        return false;
}

static int run_jq(const struct transform *t, struct str data, struct arena *a, struct str *out,
                  struct err *e)
{
        struct first_output first = {.arena = a};
        if (jq_run(t->program, data, clock_system(), take_first, &first, e) < 0)
                return err_wrap(e, "jq");
        if (!first.json.p)
                return err_set(e, ERR_INVALID, "the jq program has no output");
        if (!first.held)
                return err_set(e, ERR_LIMIT, "the new payload is too large");
        if (*first.json.p != '{')
                return err_set(e, ERR_INVALID, "the jq program's first output must be an object");
        if (!first.finite)
                return err_set(e, ERR_INVALID,
                               "the new payload holds what JSON cannot (NaN, an infinity)");
        *out = first.json;
        return 0;
}

static int run(const struct transform *t, const struct cloudevent *ev, struct arena *a,
               struct str *out, struct err *e)
{
        struct val payload;
        if (payload_object(ev->data, a, &payload, e) < 0)
                return -1;
        if (!t->program)
                return run_script(t, ev, payload, a, out, e);
        bool object = ev->data.p[json_skip_space(ev->data.p, ev->data.n, 0)] == '{';
        return run_jq(t, object ? ev->data : STR("{}"), a, out, e);
}

int transform_apply(const struct transform *t, const struct cloudevent *ev, struct arena *a,
                    struct str *out, struct err *e)
{
        *out = (struct str){0};
        if (!ev->data.p || !(t->lua || t->program))
                return 0;
        return run(t, ev, a, out, e) < 0 ? err_wrap(e, "transform") : 0;
}
