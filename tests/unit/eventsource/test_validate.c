/* tests/unit/eventsource/test_validate.c: what lint says about EventSources.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "eventsource/eventsource.h"
#include "eventsource/source_driver.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *name, *spec;
        int errors;
        const char *line; /* one of the lines says so; NULL: no line at all */
} rows[] = {
        {"good", "{'webhook':{'e':{'endpoint':'/x','port':'12000','method':'POST'}}}", 0, NULL},
        {"empty", "{}", 0, NULL},
        {"no endpoint", "{'webhook':{'e':{'port':'1','method':'POST'}}}", 1,
         "spec.webhook.e.endpoint: required"},
        {"nothing at all", "{'webhook':{'e':null}}", 2, "spec.webhook.e.port: required"},
        {"empty endpoint", "{'webhook':{'e':{'endpoint':'','port':'1','method':'POST'}}}", 1,
         "must not be empty"},
        {"port as a number", "{'webhook':{'e':{'endpoint':'/x','port':12000,'method':'POST'}}}", 1,
         "put it in quotes"},
        {"port as a word", "{'webhook':{'e':{'endpoint':'/x','port':'abc','method':'POST'}}}", 1,
         "E101"},
        {"port out of range", "{'webhook':{'e':{'endpoint':'/x','port':'65536','method':'POST'}}}",
         0, "W101"},
        {"lower-case method", "{'webhook':{'e':{'endpoint':'/x','port':'1','method':'post'}}}", 0,
         "W100"},
        {"no method", "{'webhook':{'e':{'endpoint':'/x','port':'1'}}}", 0, "W100"},
        {"no slash", "{'webhook':{'e':{'endpoint':'x','port':'1','method':'POST'}}}", 0, "W102"},
        {"half a certificate",
         "{'webhook':{'e':{'endpoint':'/"
         "x','port':'1','method':'POST','serverCertSecret':{'name':'a','key':'b'}}}}",
         1, "E102"},
        {"misspelt field",
         "{'webhook':{'e':{'endpoint':'/x','port':'1','method':'POST','authsecret':{}}}}", 0,
         "did you mean \"authSecret\"?"},
        {"unknown type with a near match", "{'webhok':{}}", 0, "did you mean \"webhook\"?"},
        {"known type, later", "{'sns':{'e':{}}}", 1, "not supported yet: source type sns"},
        {"filter",
         "{'webhook':{'e':{'endpoint':'/"
         "x','port':'1','method':'POST','filter':{'expression':'body.a > 1'}}}}",
         0, NULL},
        {"filter that does not parse",
         "{'webhook':{'e':{'endpoint':'/"
         "x','port':'1','method':'POST','filter':{'expression':'body.a >'}}}}",
         1, "spec.webhook.e.filter.expression: offset 8"},
        {"filter without an expression",
         "{'webhook':{'e':{'endpoint':'/x','port':'1','method':'POST','filter':{}}}}", 1,
         "spec.webhook.e.filter.expression: required"},
        {"one name twice",
         "{'webhook':{'e':{'endpoint':'/x','port':'1','method':'POST'}},'github':{'e':{}}}", 2,
         "event \"e\" exists already"},
        {"classes that may not mix",
         "{'webhook':{'e':{'endpoint':'/x','port':'1','method':'POST'}},'calendar':{'c':{}}}", 2,
         "may not stand beside"},
        {"types are maps", "{'webhook':[]}", 1, "expected a map of event names"},
        {"deployment keys have no effect",
         "{'replicas':2,'eventBusName':'x','service':{},'template':{}}", 0, "W002"},
        {"deployment keys have types", "{'replicas':'2'}", 1, "expected a whole number"},
        {"one endpoint twice",
         "{'webhook':{'a':{'endpoint':'/x','port':'1','method':'POST'},'b':{'endpoint':'/"
         "x','port':'1','method':'post'}}}",
         0, "W104"},
        {"one port with and without TLS",
         "{'webhook':{'a':{'endpoint':'/a','port':'1','method':'POST'},'b':{'endpoint':'/"
         "b','port':'1','method':'POST',"
         "'serverCertSecret':{'name':'a','key':'b'},'serverKeySecret':{'name':'a','key':'b'}}}}",
         0, "W105"},
};

static void put_all(struct buf *out, const struct diags *d)
{
        for (size_t i = 0; i < d->n; i++) {
                buf_addf(out, "%s ", d->items[i].code);
                diag_put_line(out, &d->items[i]);
                buf_addc(out, '\n');
        }
}

static void says_what_the_table_says(void **state UNUSED)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(mem_free) char *spec = mem_strdup(rows[i].spec);
                for (char *c = spec; *c; c++)
                        *c = *c == '\'' ? '"' : *c;
                AUTO_JSON json_t *o = json_pack("{s:{s:s},s:o}", "metadata", "name", "es", "spec",
                                                json_loads(spec, 0, NULL));
                assert_non_null(o);
                AUTO_DIAGS struct diags d;
                AUTO_BUF struct buf text = BUF_INIT(65536);
                diags_init(&d);
                int r = eventsource_validate(o, false, &d);
                put_all(&text, &d);
                bool said = rows[i].line ? strstr(buf_str(&text), rows[i].line) != NULL : d.n == 0;
                if ((int)d.errors != rows[i].errors || (r < 0) != (d.errors > 0) || !said)
                        fail_msg("%s: %zu errors\n%s", rows[i].name, d.errors, buf_str(&text));
        }
}

static void strict_refuses_unknown_fields(void **state UNUSED)
{
        AUTO_JSON json_t *o =
                json_pack("{s:{s:s},s:{s:{}}}", "metadata", "name", "es", "spec", "webhok");
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        assert_int_equal(eventsource_validate(o, true, &d), -1);
}

static void every_driver_has_sound_tables(void **state UNUSED)
{
        for (const struct source_driver *const *p = source_drivers(); *p; p++) {
                AUTO_DIAGS struct diags d;
                AUTO_JSON json_t *empty = json_object();
                diags_init(&d);
                void *config = mem_alloc((*p)->config_size);
                int ignored = fields_load(config, (*p)->fields, empty, NULL, NULL,
                                          &d); /* required ones are missing */
                (void)ignored;
                fields_free(config, (*p)->fields);
                free(config);
                assert_ptr_equal(source_driver_find((*p)->type), *p);
                for (const struct field *f = (*p)->fields; f->name; f++)
                        if (!f->help || !*f->help)
                                fail_msg("%s: field %s has no help", (*p)->type, f->name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(says_what_the_table_says),
                cmocka_unit_test(strict_refuses_unknown_fields),
                cmocka_unit_test(every_driver_has_sound_tables),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
