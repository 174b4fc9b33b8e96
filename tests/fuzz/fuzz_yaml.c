/* tests/fuzz/fuzz_yaml.c: yaml_load never crashes, keeps its limits, marks its nodes, and what it
 * loads yaml_put can write so that it reads back equal. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/yaml/yaml.h"
#include "tests/fuzz/fuzz.h"

static void check_root(const struct yaml_doc *doc)
{
        struct mark at;
        bool exact;
        FUZZ_CHECK(doc->root && marks_find(doc->marks, "", &at, &exact));
        FUZZ_CHECK(exact && at.line >= 1 && at.col >= 1);
}

static void check_round_trip(const json_t *j)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        yaml_put(&b, j);
        AUTO_JSON json_t *again = NULL;
        struct err e = {0};
        FUZZ_CHECK(yaml_parse_one(&again, buf_str(&b), b.len, &e) == 0);
        FUZZ_CHECK(json_equal(again, j));
}

static void check_diags(const struct diags *d)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < d->n; i++) {
                FUZZ_CHECK(diag_code_find(d->items[i].code));
                diag_put_line(&b, &d->items[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        int r = yaml_load(&docs, "fuzz.yaml", (const char *)data, size, &d);
        FUZZ_CHECK((r < 0) == (d.errors > 0));
        check_diags(&d);
        for (size_t i = 0; i < docs.n; i++) {
                check_root(&docs.items[i]);
                check_round_trip(docs.items[i].root);
        }
        yaml_docs_deinit(&docs);
        return 0;
}
