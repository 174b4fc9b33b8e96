/* tests/conformance/events/filter_cases.c: recorded filters of EventSources (eventfilter.jsonl)
 * against eventsource/source_filter.c. An expression that does not compile drops everything there
 * and is refused here: both count as dropped. The last line is "N passed, N failed, N listed"; exit
 * code 77 when the records are not there. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "eventsource/source_filter.h"
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 64 << 20 };

static bool passes(const struct expr *x, struct str payload, struct arena *a)
{
        ERR_SLOT(e);
        bool pass = payload.n && json_scan(payload.p, payload.n, NULL) == 0 &&
                    source_filter_passes(x, payload, clock_system(), a, &e);
        err_clear(&e);
        return pass;
}

static bool run(struct str line, const json_t *rec)
{
        AUTO(expr_free) struct expr *x = NULL;
        struct arena a;
        ERR_SLOT(e);
        struct str event = json_member(line.p, line.n, "event");
        const char *text = json_str(rec, "event", "dataText");
        struct str payload = text ? str_of(text) : json_member(event.p, event.n, "data");
        bool pass = false;
        arena_init(&a, ARENA_MAX);
        if (expr_new(&x, str_of(json_str(rec, "expression")), EXPR_EVENTS, NULL, &e) == 0)
                pass = passes(x, payload, &a);
        arena_deinit(&a);
        err_clear(&e);
        return pass == json_is_true(json_object_get(rec, "pass"));
}

int main(int argc, char **argv)
{
        const char *shared = getenv("TIPHYS_SHARED");
        AUTO(mem_free)
        char *path = argc > 1 ? mem_strdup(argv[1])
                              : mem_printf("%s/conformance/events/eventfilter.jsonl",
                                           shared ? shared : "../shared");
        FILE *f = fopen(path, "r");
        if (!f) {
                printf("NOT RUN: no recorded cases at %s (set TIPHYS_SHARED)\n", path);
                return 77;
        }
        char *line = NULL;
        size_t cap = 0, passed = 0, failed = 0;
        for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
                AUTO_JSON json_t *rec = json_loadb(line, (size_t)n, JSON_DECODE_INT_AS_REAL, NULL);
                bool ok = run((struct str){line, (size_t)n}, rec);
                passed += ok;
                failed += !ok;
                if (!ok)
                        printf("FAIL %s\n", json_str(rec, "expression"));
        }
        free(line);
        fclose(f);
        printf("%zu passed, %zu failed, 0 listed\n", passed, failed);
        return failed ? 1 : 0;
}
