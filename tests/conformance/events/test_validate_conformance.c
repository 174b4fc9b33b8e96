/* tests/conformance/events/test_validate_conformance.c: validate.jsonl, the EventSources in it
 * whose source types we run: the same documents are valid. Others must be refused as "not supported
 * yet". SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/yaml/yaml.h"
#include "eventsource/sources.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>

enum verdict { SAME, DIFFERENT, NOT_OURS };

/* Refused here on purpose: Argo's validation passes them and its pod fails. */
static const char *const listed[] = {
        "examples/event-sources/kafka.yaml - unknown value spec.kafka.example.partition",
        "authored/eventsource/redis-valid",
        "authored/eventsource/redis-with-filter",
        "authored/eventsource/redis-extra-unknown-field",
        "authored/eventsource/kafka-group-empty",
        "authored/eventsource/redis-channels-empty",
        "authored/eventsource/redis-channel-empty-string",
};

static bool is_listed(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(listed); i++)
                if (streq(listed[i], name))
                        return true;
        return false;
}

static bool runs_all_types(const json_t *spec)
{
        const char *key;
        json_t *events;
        json_object_foreach ((json_t *)(uintptr_t)spec, key, events)
                if (source_type_find(key) && !source_driver_find(key) && json_object_size(events))
                        return false;
        return true;
}

static bool has_later(const struct diags *d)
{
        for (size_t i = 0; i < d->n; i++)
                if (streq(d->items[i].code, "E007"))
                        return true;
        return false;
}

static enum verdict judge(const json_t *rec, struct buf *why)
{
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs = {0};
        diags_init(&d);
        const char *text = json_str(rec, "yaml");
        bool ours = true;
        if (yaml_load(&docs, "case.yaml", text, strlen(text), &d) == 0 && docs.n == 1) {
                const json_t *o = docs.items[0].root;
                ours = runs_all_types(json_object_get(o, "spec"));
                d.marks = docs.items[0].marks;
                (void)!eventsource_validate(o, false, &d);
                d.marks = NULL;
        }
        for (size_t i = 0; i < d.n; i++)
                if (d.items[i].severity == SEV_ERROR) {
                        diag_put_line(why, &d.items[i]);
                        buf_addc(why, '\n');
                }
        bool later = has_later(&d);
        yaml_docs_deinit(&docs);
        if (!ours || later)
                return later ? NOT_OURS : DIFFERENT;
        return (d.errors == 0) == json_is_true(json_object_get(rec, "valid")) ? SAME : DIFFERENT;
}

static void the_same_documents_are_valid(void **state UNUSED)
{
        const char *shared = getenv("TIPHYS_SHARED");
        AUTO(mem_free)
        char *path =
                mem_printf("%s/conformance/events/validate.jsonl", shared ? shared : "../shared");
        FILE *f = fopen(path, "r");
        if (!f) {
                print_message("NOT RUN: no recorded cases at %s (set TIPHYS_SHARED)\n", path);
                skip();
        }
        char *line = NULL;
        size_t cap = 0, counts[3] = {0};
        while (getline(&line, &cap, f) > 0) {
                AUTO_JSON json_t *rec = json_loads(line, 0, NULL);
                AUTO_BUF struct buf why = BUF_INIT(1 << 20);
                const char *text = json_str(rec, "yaml");
                if (!text || !strstr(text, "kind: EventSource"))
                        continue;
                enum verdict v = judge(rec, &why);
                if (v == DIFFERENT && is_listed(json_str(rec, "name")))
                        v = NOT_OURS;
                counts[v]++;
                if (v == DIFFERENT)
                        print_error("%s: Argo says %s, we say:\n%s%s\n", json_str(rec, "name"),
                                    json_is_true(json_object_get(rec, "valid")) ? "valid"
                                                                                : "invalid",
                                    buf_str(&why), text);
        }
        free(line);
        fclose(f);
        print_message(
                "%zu records the same, %zu differ, %zu are listed or need types that come later\n",
                counts[SAME], counts[DIFFERENT], counts[NOT_OURS]);
        assert_true(counts[SAME] > 50);
        assert_int_equal(counts[DIFFERENT], 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_documents_are_valid)};
        log_configure(LOG_ERROR, LOG_LOGFMT);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
