/* triggers/parameters.c: see parameters.h. SPDX-License-Identifier: Apache-2.0 */
#include "triggers/parameters.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/lang/gjson.h"
#include "common/lang/gotemplate.h"
#include "common/lang/limits.h"
#include "common/lang/sjson.h"
#include "common/yaml/yaml.h"
#include <stdlib.h>

static const char *const operations[] = {"overwrite", "append", "prepend", NULL};

struct parameter { /* what the table checks and documents; resolution reads the json_t */
        json_t *src;
        char *dest;
        int operation;
};
struct parameter_source {
        char *dependency, *context_key, *context_template, *data_key, *data_template, *value;
        bool use_raw_data;
};
static const struct field source_fields[] = {
        FIELD(struct parameter_source, dependency, FIELD_STR, .name = "dependencyName",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "the dependency whose event is read"),
        FIELD(struct parameter_source, context_key, FIELD_STR, .name = "contextKey",
              .help = "path into the event's context"),
        FIELD(struct parameter_source, context_template, FIELD_STR, .name = "contextTemplate",
              .help = "Go template over the context as .Input"),
        FIELD(struct parameter_source, data_key, FIELD_STR, .name = "dataKey",
              .help = "path into the payload"),
        FIELD(struct parameter_source, data_template, FIELD_STR, .name = "dataTemplate",
              .help = "Go template over the payload as .Input; wins over dataKey"),
        FIELD(struct parameter_source, value, FIELD_STR,
              .help = "default when nothing else gives a value"),
        FIELD(struct parameter_source, use_raw_data, FIELD_BOOL, .name = "useRawData",
              .help = "set the value as JSON instead of as a string"),
        FIELD_END};
const struct field parameter_fields[] = {
        FIELD(struct parameter, src, FIELD_JSON, .flags = FIELD_REQUIRED,
              .help = "where the value comes from"),
        FIELD(struct parameter, dest, FIELD_STR, .help = "path it is set at; -1 appends to a list"),
        FIELD(struct parameter, operation, FIELD_ENUM, .choices = operations, .def = "overwrite",
              .help = "what happens to a value that is there"),
        FIELD_END};

void param_value_deinit(struct param_value *v)
{
        buf_deinit(&v->text);
        buf_deinit(&v->raw);
}

/* ---- the event as JSON ---- */

void trigger_context_put(struct buf *b, const struct trigger_event *ev)
{
        const struct {
                const char *key, *value;
        } members[] = {{"id", ev->id},
                       {"source", ev->source},
                       {"specversion", ev->specversion},
                       {"type", ev->type},
                       {"datacontenttype", ev->datacontenttype},
                       {"subject", ev->subject},
                       {"time", ev->time}};
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                buf_addf(b, "%s\"%s\":", i ? "," : "{", members[i].key);
                json_put_string_html(b, members[i].value ? members[i].value : "",
                                     strlen(members[i].value ? members[i].value : ""));
        }
        buf_addc(b, '}');
}

void trigger_event_put(struct buf *b, const struct trigger_event *ev)
{
        buf_adds(b, "{\"context\":");
        trigger_context_put(b, ev);
        if (ev->data.n) {
                buf_adds(b, ",\"data\":\"");
                base64_put(b, ev->data.p, ev->data.n);
                buf_addc(b, '"');
        }
        buf_addc(b, '}');
}

/* ---- resolve ---- */

static const struct trigger_event *find_event(const struct trigger_event *events, size_t n,
                                              const char *dependency)
{
        for (size_t i = 0; i < n; i++)
                if (streq(events[i].dependency, dependency))
                        return &events[i];
        return NULL;
}

static void set_text(struct param_value *v, struct str text)
{
        v->state = PARAM_VALUE;
        v->type = "String";
        buf_reset(&v->text);
        buf_add(&v->text, text.p, text.n);
}

/* The document a key or template looks into: the payload (YAML converted), or the context. */
static int document(struct buf *scratch, struct str *out, const struct trigger_event *ev,
                    bool context, struct err *e)
{
        if (context) {
                trigger_context_put(scratch, ev);
                *out = (struct str){buf_str(scratch), scratch->len};
                return 0;
        }
        if (streq(ev->datacontenttype, "application/json")) {
                *out = ev->data;
                return json_scan(ev->data.p, ev->data.n, e) < 0 ? err_wrap(e, "payload") : 0;
        }
        if (!streq(ev->datacontenttype, "application/yaml"))
                return err_set(e, ERR_INVALID,
                               "the payload's type is %s; keys and templates need application/json "
                               "or application/yaml",
                               ev->datacontenttype);
        AUTO_JSON json_t *tree = NULL;
        if (yaml_parse_one(&tree, ev->data.p, ev->data.n, e) < 0)
                return err_wrap(e, "payload");
        json_put(scratch, tree, JSON_STYLE_COMPACT);
        *out = (struct str){buf_str(scratch), scratch->len};
        return 0;
}

static int by_template(struct param_value *v, const char *text, struct str doc, struct arena *a,
                       struct err *e)
{
        AUTO(gotmpl_free) struct gotmpl *t = NULL;
        AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT);
        if (gotmpl_new(&t, str_of(text), NULL, e) < 0 ||
            gotmpl_render_input(t, doc, clock_system(), a, &out, e) < 0)
                return err_wrap(e, "template");
        struct str result = {buf_str(&out), out.len};
        if (gotmpl_is_empty(result))
                return err_set(e, ERR_INVALID, "template gives nothing: \"%.*s\"",
                               (int)(strlen(text) < 200 ? strlen(text) : 200), text);
        set_text(v, result);
        return 0;
}

static int by_key(struct param_value *v, const char *key, struct str doc, struct arena *a,
                  struct err *e)
{
        struct gjson r;
        if (gjson_get(doc, str_of(key), a, &r, e) < 0)
                return err_wrap(e, "key %s", key);
        if (!r.exists)
                return err_set(e, ERR_INVALID, "key %s: nothing there", key);
        struct str text = gjson_string(&r, a);
        if (r.type == GJSON_JSON || r.type == GJSON_NULL)
                text = r.raw;
        set_text(v, text);
        v->type = gjson_type_name(r.type);
        if (r.type != GJSON_STRING) /* numbers as gjson prints them: 1e2 becomes 100 */
                buf_add(&v->raw, text.p, text.n);
        return 0;
}

/* data* wins over context*, as a whole; the template first, then the key, then the default. */
static int from_event(struct param_value *v, const json_t *src, const struct trigger_event *ev,
                      struct err *e)
{
        const char *key = json_str(src, "contextKey"), *template = json_str(src, "contextTemplate");
        bool context = true;
        if (!str_empty(json_str(src, "dataKey")) || !str_empty(json_str(src, "dataTemplate"))) {
                key = json_str(src, "dataKey");
                template = json_str(src, "dataTemplate");
                context = false;
        }
        struct arena a;
        arena_init(&a, LANG_MEMORY);
        AUTO_BUF struct buf scratch = BUF_INIT(LANG_OUTPUT);
        struct str doc;
        int r = document(&scratch, &doc, ev, context, e);
        if (r == 0 && !str_empty(template)) {
                r = by_template(v, template, doc, &a, e);
                if (r < 0 && !str_empty(key)) {
                        err_clear(e);
                        r = by_key(v, key, doc, &a, e);
                }
        } else if (r == 0) {
                r = by_key(v, key ? key : "", doc, &a, e);
        }
        arena_deinit(&a);
        return r;
}

int param_resolve(struct param_value *out, const json_t *src, const struct trigger_event *events,
                  size_t n, struct err *e)
{
        const char *dep = json_str(src, "dependencyName"), *value = json_str(src, "value");
        *out = (struct param_value){.state = PARAM_ABSENT,
                                    .type = "String",
                                    .text = BUF_INIT(LANG_OUTPUT),
                                    .raw = BUF_INIT(LANG_OUTPUT)};
        const struct trigger_event *ev = find_event(events, n, dep ? dep : "");
        if (!ev) {
                if (value)
                        set_text(out, str_of(value));
                return 0;
        }
        bool addressed = !str_empty(json_str(src, "dataKey")) ||
                         !str_empty(json_str(src, "dataTemplate")) ||
                         !str_empty(json_str(src, "contextKey")) ||
                         !str_empty(json_str(src, "contextTemplate"));
        if (!addressed && value) {
                set_text(out, str_of(value));
                return 0;
        }
        if (!addressed) {
                AUTO_BUF struct buf whole = BUF_INIT(LANG_OUTPUT);
                trigger_event_put(&whole, ev);
                set_text(out, (struct str){buf_str(&whole), whole.len});
                return 0;
        }
        struct err local = {0};
        if (from_event(out, src, ev, &local) == 0)
                return 0;
        if (value) {
                err_clear(&local);
                set_text(out, str_of(value));
                return 0;
        }
        err_wrap(&local, "dependency %s", dep);
        err_move(e, &local);
        param_value_deinit(out);
        return -1;
}

/* ---- apply ---- */

static int set_one(struct buf *doc, const char *dest, const json_t *param, struct param_value *v,
                   struct arena *a, struct err *e)
{
        const char *op = json_str(param, "operation");
        bool raw = json_is_true(json_at(param, "src", "useRawData")) && v->raw.len;
        struct str text = {buf_str(&v->text), v->text.len};
        AUTO_BUF struct buf joined = BUF_INIT(LANG_OUTPUT);
        if (streq(op, "append") || streq(op, "prepend")) {
                struct gjson old;
                if (gjson_get((struct str){buf_str(doc), doc->len}, str_of(dest), a, &old, e) < 0)
                        return -1;
                if (old.exists) { /* joining makes a string, whatever it was */
                        struct str before = gjson_string(&old, a);
                        bool append = streq(op, "append");
                        buf_add(&joined, append ? before.p : text.p, append ? before.n : text.n);
                        buf_add(&joined, append ? text.p : before.p, append ? text.n : before.n);
                        text = (struct str){buf_str(&joined), joined.len};
                        raw = false;
                }
        } else if (op && *op && !streq(op, "overwrite")) {
                return err_set(e, ERR_INVALID,
                               "operation \"%s\" is none of overwrite, append, prepend", op);
        }
        AUTO_BUF struct buf out = BUF_INIT(doc->max);
        struct str whole = {buf_str(doc), doc->len};
        int r = raw ? sjson_set_raw(&out, whole, str_of(dest),
                                    (struct str){buf_str(&v->raw), v->raw.len}, a, e)
                    : sjson_set_string(&out, whole, str_of(dest), text, a, e);
        if (r < 0)
                return -1;
        struct buf swap = *doc;
        *doc = out;
        out = swap;
        return 0;
}

static int apply_one(struct buf *doc, const json_t *param, const struct trigger_event *events,
                     size_t n, struct err *e)
{
        struct param_value v;
        const char *dest = json_str(param, "dest");
        if (param_resolve(&v, json_object_get(param, "src"), events, n, e) < 0)
                return -1;
        int r = 0;
        if (v.state == PARAM_VALUE) {
                struct arena a;
                arena_init(&a, LANG_MEMORY);
                r = set_one(doc, dest ? dest : "", param, &v, &a, e);
                arena_deinit(&a);
        }
        param_value_deinit(&v);
        return r;
}

int params_apply(struct buf *doc, const json_t *params, const struct trigger_event *events,
                 size_t n, struct err *e)
{
        size_t i;
        json_t *param;
        json_array_foreach ((json_t *)(uintptr_t)params, i, param)
                if (apply_one(doc, param, events, n, e) < 0)
                        return err_wrap(e, "parameter %zu (dest %s)", i,
                                        json_str(param, "dest") ? json_str(param, "dest") : "");
        return 0;
}

int params_apply_json(json_t **out, const json_t *object, const json_t *params,
                      const struct trigger_event *events, size_t n, struct err *e)
{
        if (json_array_size(params) == 0) {
                *out = json_deep_copy(object);
                return 0;
        }
        AUTO_BUF struct buf doc = BUF_INIT(16u << 20);
        json_put(&doc, object, JSON_STYLE_COMPACT);
        if (params_apply(&doc, params, events, n, e) < 0)
                return -1;
        if (json_parse(out, buf_str(&doc), doc.len, e) < 0)
                return err_wrap(e, "after parameters");
        return 0;
}

int params_payload(struct buf *out, const json_t *params, const struct trigger_event *events,
                   size_t n, struct err *e)
{
        size_t i;
        json_t *param;
        json_array_foreach ((json_t *)(uintptr_t)params, i, param) {
                const char *dest = json_str(param, "dest");
                if (!str_empty(dest)) {
                        if (apply_one(out, param, events, n, e) < 0)
                                return err_wrap(e, "payload %zu (dest %s)", i, dest);
                        continue;
                }
                struct param_value v; /* an empty dest: the value is the whole document */
                if (param_resolve(&v, json_object_get(param, "src"), events, n, e) < 0)
                        return err_wrap(e, "payload %zu", i);
                if (v.state == PARAM_VALUE) {
                        buf_reset(out);
                        buf_add(out, buf_str(&v.text), v.text.len);
                }
                param_value_deinit(&v);
        }
        return out->overflow ? err_set(e, ERR_LIMIT, "payload larger than %zu bytes", out->max) : 0;
}

/* ---- lint ---- */

static void check_template(const char *text, const struct jpath *at, struct diags *d)
{
        if (str_empty(text))
                return;
        ERR_SLOT(e);
        struct gotmpl *t = NULL;
        if (gotmpl_new(&t, str_of(text), NULL, &e) < 0) {
                diag_error(d, at, "E032", NULL, "template: %s", err_msg(&e));
                err_clear(&e);
        }
        gotmpl_free(t);
}

static void check_one(const json_t *param, bool empty_dest_allowed, const struct jpath *at,
                      struct diags *d)
{
        struct parameter p = {0};
        struct parameter_source s = {0};
        struct jpath src = jpath_key(at, "src"), dest = jpath_key(at, "dest"),
                     data = jpath_key(&src, "dataTemplate"),
                     context = jpath_key(&src, "contextTemplate");
        if (fields_load(&p, parameter_fields, param, at, &(struct field_opts){0}, d) == 0 &&
            p.src) {
                if (str_empty(p.dest) && !empty_dest_allowed)
                        diag_error(d, &dest, "E004", NULL, "a parameter needs dest");
                if (fields_load(&s, source_fields, p.src, &src, &(struct field_opts){0}, d) == 0) {
                        check_template(s.data_template, &data, d);
                        check_template(s.context_template, &context, d);
                }
        }
        fields_free(&s, source_fields);
        fields_free(&p, parameter_fields);
}

void params_check(const json_t *params, bool empty_dest_allowed, const struct jpath *at,
                  struct diags *d)
{
        if (params && !json_is_array(params) && !json_is_null(params)) {
                diag_error(d, at, "E003", NULL, "expected a list, found %s",
                           json_kind_name(params));
                return;
        }
        size_t i;
        json_t *param;
        json_array_foreach ((json_t *)(uintptr_t)params, i, param) {
                struct jpath here = jpath_index(at, i);
                check_one(param, empty_dest_allowed, &here, d);
        }
}
