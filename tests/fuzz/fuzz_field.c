/* tests/fuzz/fuzz_field.c: fields_load takes any JSON value for a table with every kind of field,
 * and fields_free releases whatever it made. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

struct item {
        char *name;
        int64_t n;
        struct key_ref *ref;
};
static const struct field item_fields[] = {
        FIELD(struct item, n, FIELD_INT, .flags = FIELD_REQUIRED, .min = 1, .max = 10),
        FIELD(struct item, ref, FIELD_OBJ_PTR, .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref)),
        FIELD_END,
};
struct all {
        char *s, *any, *is;
        bool b;
        int64_t i, d;
        double f;
        int e;
        json_t *j;
        struct item o;
        struct field_list l, m;
        struct field_strs t;
        struct field_map p;
};
static const char *const choices[] = {"one", "two", NULL};
static const struct field fields[] = {
        FIELD(struct all, s, FIELD_STR, .def = "x"),
        FIELD(struct all, any, FIELD_ANYSTR),
        FIELD(struct all, is, FIELD_INTSTR),
        FIELD(struct all, b, FIELD_BOOL, .def = "true"),
        FIELD(struct all, i, FIELD_INT),
        FIELD(struct all, d, FIELD_DURATION, .unit_ns = 1000000000),
        FIELD(struct all, f, FIELD_DOUBLE),
        FIELD(struct all, e, FIELD_ENUM, .choices = choices),
        FIELD(struct all, j, FIELD_JSON),
        FIELD(struct all, o, FIELD_OBJ, .sub = item_fields),
        FIELD(struct all, l, FIELD_LIST, .sub = item_fields, .sub_size = sizeof(struct item)),
        FIELD(struct all, m, FIELD_NAMED, .sub = item_fields, .sub_size = sizeof(struct item)),
        FIELD(struct all, t, FIELD_STRS, .flags = FIELD_ANY_ITEMS),
        FIELD(struct all, p, FIELD_MAP),
        {.name = "later", .kind = FIELD_LATER},
        {.name = "idle", .kind = FIELD_NO_EFFECT},
        FIELD_END,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *parsed = NULL;
        if (size < 1 || json_parse(&parsed, (const char *)data + 1, size - 1, NULL) < 0)
                return 0;
        AUTO_JSON json_t *j = parsed;
        const struct field_opts opts = {
                .strict = data[0] & 1, .allow_later = data[0] & 2, .text_scalars = data[0] & 4};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct all a = {0};
        int r = fields_load(&a, fields, j, NULL, &opts, &d);
        FUZZ_CHECK((r < 0) == (d.errors > 0));
        for (size_t i = 0; i < d.n; i++)
                FUZZ_CHECK(diag_code_find(d.items[i].code));
        fields_free(&a, fields);
        return 0;
}
