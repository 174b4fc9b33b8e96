/* tests/fuzz/fuzz_workflow.c: validation takes any document: it never crashes, gives each problem a
 * known code, and a normalised spec is normal. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "workflow/spec/merge.h"
#include "workflow/spec/needs.h"
#include "workflow/spec/validate.h"
#include <string.h>

static const json_t *find(void *arg, const char *kind, const char *ns, const char *name)
{
        const struct yaml_docs *docs = arg;
        (void)ns;
        for (size_t i = 0; i < docs->n; i++)
                if (streq(json_str(docs->items[i].root, "kind"), kind) &&
                    streq(json_str(docs->items[i].root, "metadata", "name"), name))
                        return docs->items[i].root;
        return NULL;
}

static void check_places(const struct diags *d, const char *text)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        for (size_t i = 0; i < d->n; i++) {
                FUZZ_CHECK(diag_code_find(d->items[i].code));
                diag_put_pretty(&b, &d->items[i], text, true);
                b.len = 0;
        }
}

static void check_document(const json_t *root, const struct wf_lookup *lookup, struct diags *d)
{
        const struct shape_options options = {
                .lint = true, .advice = true, .ignore_missing = json_object_size(root) % 2};
        size_t before = diags_refused(d);
        int r = wf_validate_with(root, lookup, &options, d);
        FUZZ_CHECK((r < 0) == (diags_refused(d) > before));
        AUTO_JSON json_t *normal = spec_normal(json_object_get(root, "spec"));
        AUTO_JSON json_t *again = spec_normal(normal);
        FUZZ_CHECK(again == normal);
        AUTO_JSON json_t *needs = wf_needs(normal);
        FUZZ_CHECK(json_is_array(needs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs;
        char *text = strndup((const char *)data, size);
        size_t n = strlen(text);
        diags_init(&d);
        (void)!yaml_load(&docs, "fuzz.yaml", text, n, &d);
        const struct wf_lookup lookup = {find, &docs};
        for (size_t i = 0; i < docs.n; i++) {
                d.marks = docs.items[i].marks;
                d.source = text;
                check_document(docs.items[i].root, &lookup, &d);
        }
        check_places(&d, text);
        yaml_docs_deinit(&docs);
        free(text);
        return 0;
}
