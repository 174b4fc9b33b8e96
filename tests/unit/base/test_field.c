/* tests/unit/base/test_field.c: field tables fill structs and report every problem.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "tests/unit/unit.h"

struct item {
        char *name;
        int64_t weight;
};
struct tls {
        struct key_ref *ca;
        bool insecure;
};
struct cfg {
        char *endpoint, *port, *value, *mode_text;
        bool on;
        int64_t size, timeout, wait;
        double factor;
        int mode;
        json_t *any;
        struct tls tls;
        struct tls *maybe;
        struct field_list items, named;
        struct field_strs tags, texts;
        struct field_map labels;
};
static const char *const modes[] = {"fast", "safe", NULL};
static const struct field item_fields[] = {
        FIELD(struct item, name, FIELD_STR, .flags = FIELD_REQUIRED),
        FIELD(struct item, weight, FIELD_INT, .def = "1", .min = 1, .max = 10),
        FIELD_END,
};
static const struct field named_fields[] = {
        FIELD(struct item, weight, FIELD_INT, .flags = FIELD_REQUIRED),
        FIELD_END,
};
static const struct field tls_fields[] = {
        FIELD(struct tls, ca, FIELD_OBJ_PTR, .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref)),
        FIELD(struct tls, insecure, FIELD_BOOL, .def = "true"),
        FIELD_END,
};
static const struct field cfg_fields[] = {
        FIELD(struct cfg, endpoint, FIELD_STR, .def = "/", .flags = FIELD_NONEMPTY,
              .help = "path | of the hook"),
        FIELD(struct cfg, port, FIELD_INTSTR),
        FIELD(struct cfg, value, FIELD_ANYSTR),
        FIELD(struct cfg, on, FIELD_BOOL),
        FIELD(struct cfg, size, FIELD_INT, .name = "maxSize", .def = "1048576", .min = 1,
              .max = 2000000),
        FIELD(struct cfg, timeout, FIELD_DURATION, .def = "10s"),
        FIELD(struct cfg, wait, FIELD_DURATION, .unit_ns = 1000000000),
        FIELD(struct cfg, factor, FIELD_DOUBLE, .def = "1.5"),
        FIELD(struct cfg, mode, FIELD_ENUM, .choices = modes, .def = "safe"),
        FIELD(struct cfg, any, FIELD_JSON),
        FIELD(struct cfg, tls, FIELD_OBJ, .sub = tls_fields),
        FIELD(struct cfg, maybe, FIELD_OBJ_PTR, .sub = tls_fields, .sub_size = sizeof(struct tls)),
        FIELD(struct cfg, items, FIELD_LIST, .sub = item_fields, .sub_size = sizeof(struct item)),
        FIELD(struct cfg, named, FIELD_NAMED, .sub = named_fields, .sub_size = sizeof(struct item)),
        FIELD(struct cfg, tags, FIELD_STRS),
        FIELD(struct cfg, texts, FIELD_STRS, .flags = FIELD_ANY_ITEMS),
        FIELD(struct cfg, labels, FIELD_MAP),
        FIELD(struct cfg, mode_text, FIELD_STR, .name = "oldMode", .flags = FIELD_DEPRECATED,
              .help = "use mode"),
        {.name = "serviceAccountName", .kind = FIELD_LATER},
        {.name = "replicas", .kind = FIELD_NO_EFFECT},
        FIELD_END,
};

/* Load the text (single quotes for double ones); the problems, one a line, are compared. */
static void load(struct cfg *c, const char *text, struct field_opts opts, const char *problems)
{
        AUTO(mem_free) char *json = mem_strdup(text);
        for (char *p = json; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *parsed = NULL;
        struct err e = {0};
        if (json_parse(&parsed, json, strlen(json), &e) < 0)
                fail_msg("%s: %s", text, err_msg(&e));
        AUTO_JSON json_t *j = parsed;
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        int r = fields_load(c, cfg_fields, j, NULL, &opts, &d);
        AUTO_BUF struct buf b = BUF_INIT(10000);
        for (size_t i = 0; i < d.n; i++) {
                diag_put_line(&b, &d.items[i]);
                buf_addc(&b, '\n');
        }
        assert_string_equal(buf_str(&b), problems);
        assert_int_equal(r, d.errors ? -1 : 0);
}

static void absent_fields_get_their_defaults(void **state UNUSED)
{
        struct cfg c = {0};
        load(&c, "{}", (struct field_opts){0}, "");
        assert_string_equal(c.endpoint, "/");
        assert_int_equal(c.size, 1048576);
        assert_int_equal(c.timeout, 10000000000);
        assert_true(c.factor == 1.5);
        assert_int_equal(c.mode, 1);
        assert_true(c.tls.insecure); /* of an embedded struct too */
        assert_null(c.maybe);
        assert_null(c.any);
        assert_int_equal(c.items.n, 0);
        fields_free(&c, cfg_fields);
        assert_null(c.endpoint);
}

static void null_is_as_if_the_field_were_absent(void **state UNUSED)
{
        struct cfg c = {0};
        load(&c,
             "{'endpoint':null,'maxSize':null,'any':null,'items':null,'tls':null,'"
             "serviceAccountName':null}",
             (struct field_opts){0}, "");
        assert_string_equal(c.endpoint, "/");
        assert_null(c.any);
        fields_free(&c, cfg_fields);
}

static void every_kind_is_filled(void **state UNUSED)
{
        struct cfg c = {0};
        load(&c,
             "{'endpoint':'/"
             "x','port':12000,'value':1.5,'on':true,'maxSize':7,'timeout':'1m','wait':5,'factor':2,"
             "'mode':'fast','any':[1],'tls':{'insecure':false,'ca':{'name':'s','key':'k','optional'"
             ":true}},"
             "'maybe':{},'items':[{'name':'a','weight':3},{'name':'b'}],'named':{'z':{'weight':1},'"
             "y':{'weight':2}},"
             "'tags':['p','q'],'texts':['r',1,true],'labels':{'b':'1','a':'2'}}",
             (struct field_opts){0}, "");
        assert_string_equal(c.endpoint, "/x");
        assert_string_equal(c.port, "12000");
        assert_string_equal(c.value, "1.5");
        assert_true(c.on);
        assert_int_equal(c.size, 7);
        assert_int_equal(c.timeout, 60000000000);
        assert_int_equal(c.wait, 5000000000);
        assert_true(c.factor == 2);
        assert_int_equal(c.mode, 0);
        assert_int_equal(json_array_size(c.any), 1);
        assert_false(c.tls.insecure);
        assert_string_equal(c.tls.ca->name, "s");
        assert_true(c.tls.ca->optional);
        assert_true(c.maybe && c.maybe->insecure);
        struct item *items = field_items(c.items, struct item),
                    *named = field_items(c.named, struct item);
        assert_int_equal(c.items.n, 2);
        assert_string_equal(items[1].name, "b");
        assert_int_equal(items[0].weight + items[1].weight, 4);
        assert_int_equal(c.named.n, 2);
        assert_string_equal(named[0].name, "z"); /* in the order of the file */
        assert_int_equal(named[1].weight, 2);
        assert_string_equal(c.tags.items[1], "q");
        assert_string_equal(c.texts.items[1], "1");
        assert_string_equal(c.texts.items[2], "true");
        assert_string_equal(c.labels.items[0].key, "b");
        assert_string_equal(field_map_get(&c.labels, "a"), "2");
        assert_null(field_map_get(&c.labels, "nope"));
        fields_free(&c, cfg_fields);
}

static void problems_name_path_kind_and_way_out(void **state UNUSED)
{
        static const struct {
                const char *text, *problems;
        } rows[] = {
                {"{'endpoint':[]}", "error: endpoint: expected a string, found a list [E003]\n"},
                {"{'endpoint':true}", "error: endpoint: expected a string, found a boolean (hint: "
                                      "put it in quotes: bare y, yes, no, on, off, "
                                      "true, false are booleans in YAML) [E003]\n"},
                {"{'endpoint':12000}", "error: endpoint: expected a string, found a number (hint: "
                                       "put it in quotes) [E003]\n"},
                {"{'endpoint':''}", "error: endpoint: must not be empty [E004]\n"},
                {"{'endpoint':'a\\u0000b'}",
                 "error: endpoint: a NUL character stands in the text [E003]\n"},
                {"{'on':'true'}", "error: on: expected a boolean, found a string (hint: remove the "
                                  "quotes) [E003]\n"},
                {"{'maxSize':'7'}", "error: maxSize: expected a whole number, found a string "
                                    "(hint: remove the quotes) [E003]\n"},
                {"{'maxSize':1.5}", "error: maxSize: expected a whole number, found a number "
                                    "(hint: no fraction, at most 9223372036854775807) [E003]\n"},
                {"{'maxSize':0}", "error: maxSize: 0 is out of range: 1 to 2000000 [E006]\n"},
                {"{'timeout':'10'}", "error: timeout: \"10\" is not a duration (hint: for example "
                                     "\"300ms\", \"10s\", \"1h30m\") [E011]\n"},
                {"{'timeout':{}}", "error: timeout: expected a duration, found a map (hint: for "
                                   "example \"300ms\", \"10s\", \"1h30m\") [E003]\n"},
                {"{'wait':9223372036854775807}", "error: wait: longer than 292 years [E006]\n"},
                {"{'mode':'sfae'}", "error: mode: \"sfae\" is not one of: fast, safe [E005]\n"},
                {"{'mode':'saf'}", "error: mode: \"saf\" is not one of: fast, safe (hint: did you "
                                   "mean \"safe\"?) [E005]\n"},
                {"{'port':1.5}",
                 "error: port: expected a whole number or a string, found a number [E003]\n"},
                {"{'value':{}}",
                 "error: value: expected a string, a number or a boolean, found a map [E003]\n"},
                {"{'items':{'name':'a'}}", "error: items: expected a list, found a map (hint: "
                                           "begin each item with \"- \") [E003]\n"},
                {"{'items':[{},1,{'name':'x','weight':11}]}",
                 "error: items[0].name: required field is missing [E004]\n"
                 "error: items[1]: expected a map, found a number [E003]\n"
                 "error: items[2].weight: 11 is out of range: 1 to 10 [E006]\n"},
                {"{'named':{'a b':{},'c':[]}}",
                 "error: named[\"a b\"].weight: required field is missing [E004]\n"
                 "error: named.c: expected a map, found a list [E003]\n"},
                {"{'tags':'a'}", "error: tags: expected a list of strings, found a string (hint: "
                                 "begin each item with \"- \") [E003]\n"},
                {"{'tags':['a',1]}", "error: tags[1]: expected a string, found a number (hint: put "
                                     "it in quotes) [E003]\n"},
                {"{'labels':{'a.b':1}}", "error: labels[\"a.b\"]: expected a string, found a "
                                         "number (hint: put it in quotes) [E003]\n"},
                {"{'tls':[]}", "error: tls: expected a map, found a list [E003]\n"},
                {"{'maybe':{'ca':{'name':''}}}",
                 "error: maybe.ca.name: must not be empty [E004]\n"
                 "error: maybe.ca.key: required field is missing [E004]\n"},
                {"{'serviceAccountName':'x'}",
                 "error: serviceAccountName: not supported yet: field serviceAccountName [E007]\n"},
                {"{'replicas':3}", "info: replicas: has no effect here [W002]\n"},
                {"{'oldMode':'x'}", "warning: oldMode: deprecated (hint: use mode) [W003]\n"},
                {"{'endpont':'x'}",
                 "warning: endpont: unknown field (hint: did you mean \"endpoint\"?) [W001]\n"},
                {"{'MaxSize':1}",
                 "warning: MaxSize: unknown field (hint: did you mean \"maxSize\"?) [W001]\n"},
                {"{'zzzzzz':1}", "warning: zzzzzz: unknown field [W001]\n"},
                {"[]", "error: expected a map, found a list [E003]\n"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct cfg c = {0};
                load(&c, rows[i].text, (struct field_opts){0}, rows[i].problems);
                fields_free(&c, cfg_fields);
        }
}

static void options_change_severities(void **state UNUSED)
{
        struct cfg c = {0};
        load(&c, "{'zzzzzz':1}", (struct field_opts){.strict = true},
             "error: zzzzzz: unknown field [W001]\n");
        fields_free(&c, cfg_fields);
        load(&c, "{'serviceAccountName':1}", (struct field_opts){.allow_later = true},
             "warning: serviceAccountName: not supported yet: field serviceAccountName [E007]\n");
        fields_free(&c, cfg_fields);
}

static void argo_reads_numbers_and_booleans_as_text(void **state UNUSED)
{
        struct cfg c = {0};
        load(&c, "{'endpoint':true,'tags':[1.5],'labels':{'a':1}}",
             (struct field_opts){.text_scalars = true},
             "warning: endpoint: read as the text \"true\" (hint: put it in quotes) [W004]\n"
             "warning: tags[0]: read as the text \"1.5\" (hint: put it in quotes) [W004]\n"
             "warning: labels.a: read as the text \"1\" (hint: put it in quotes) [W004]\n");
        assert_string_equal(c.endpoint, "true");
        assert_string_equal(c.tags.items[0], "1.5");
        assert_string_equal(c.labels.items[0].value, "1");
        fields_free(&c, cfg_fields);
}

static void a_failed_load_leaves_what_can_be_freed(void **state UNUSED)
{
        struct cfg c = {0};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        assert_int_equal(fields_load(&c, cfg_fields, NULL, NULL, NULL, &d),
                         0); /* no object: defaults */
        fields_free(&c, cfg_fields);
        fields_free(&c, cfg_fields); /* twice is fine */
}

static void the_docs_have_a_row_per_field(void **state UNUSED)
{
        AUTO_BUF struct buf b = BUF_INIT(10000);
        fields_put_doc(&b, cfg_fields, "spec");
        static const char *const rows[] = {
                "| `spec.endpoint` | string | `/` | path \\| of the hook |\n",
                "| `spec.maxSize` | integer | `1048576` |  (1 to 2000000) |\n",
                "| `spec.mode` | `fast`, `safe` | `safe` |  |\n",
                "| `spec.tls.ca.name` | string | required | name of the Secret or ConfigMap |\n",
                "| `spec.items[].name` | string | required |  |\n",
                "| `spec.named.<name>.weight` | integer | required |  |\n",
                "| `spec.oldMode` | string |  | Deprecated. use mode |\n",
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (!strstr(buf_str(&b), rows[i]))
                        fail_msg("missing: %s in\n%s", rows[i], buf_str(&b));
}

static const struct field tree_fields[];
struct tree {
        struct field_list children;
};
static const struct field tree_fields[] = {
        FIELD(struct tree, children, FIELD_LIST, .sub = tree_fields,
              .sub_size = sizeof(struct tree)),
        FIELD_END,
};

static void a_table_that_holds_itself_loads_and_is_described_once(void **state UNUSED)
{
        AUTO_JSON json_t *j = json_pack("{s:[{s:[{},{}]},{}]}", "children", "children");
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct tree t = {0};
        assert_int_equal(fields_load(&t, tree_fields, j, NULL, NULL, &d), 0);
        assert_int_equal(field_items(t.children, struct tree)[0].children.n, 2);
        fields_free(&t, tree_fields);
        AUTO_BUF struct buf b = BUF_INIT(10000);
        fields_put_doc(&b, tree_fields, "");
        assert_string_equal(buf_str(&b), "| `children` | list |  |  |\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(absent_fields_get_their_defaults),
                cmocka_unit_test(null_is_as_if_the_field_were_absent),
                cmocka_unit_test(every_kind_is_filled),
                cmocka_unit_test(problems_name_path_kind_and_way_out),
                cmocka_unit_test(options_change_severities),
                cmocka_unit_test(argo_reads_numbers_and_booleans_as_text),
                cmocka_unit_test(a_failed_load_leaves_what_can_be_freed),
                cmocka_unit_test(the_docs_have_a_row_per_field),
                cmocka_unit_test(a_table_that_holds_itself_loads_and_is_described_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
