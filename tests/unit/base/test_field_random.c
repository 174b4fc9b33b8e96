/* tests/unit/base/test_field_random.c: random trees against a table of every kind: nothing leaks
 * (ASan), nothing crashes, and the answer agrees with the problems reported. The seed is fixed;
 * TIPHYS_SEED gives another. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"

struct node {
        char *name;
        char *s, *any, *is;
        bool b;
        int64_t i, d;
        double f;
        int e;
        json_t *j;
        struct key_ref ref;
        struct node *next;
        struct field_list list, map;
        struct field_strs strs;
        struct field_map pairs;
};
static const char *const choices[] = {"one", "two", NULL};
static const struct field fields[];
static const struct field fields[] = {
        FIELD(struct node, s, FIELD_STR, .flags = FIELD_NONEMPTY | FIELD_SECRET),
        FIELD(struct node, any, FIELD_ANYSTR, .def = "7"),
        FIELD(struct node, is, FIELD_INTSTR, .flags = FIELD_DEPRECATED),
        FIELD(struct node, b, FIELD_BOOL),
        FIELD(struct node, i, FIELD_INT, .min = -5, .max = 5),
        FIELD(struct node, d, FIELD_DURATION, .def = "1s"),
        FIELD(struct node, f, FIELD_DOUBLE),
        FIELD(struct node, e, FIELD_ENUM, .choices = choices),
        FIELD(struct node, j, FIELD_JSON),
        FIELD(struct node, ref, FIELD_OBJ, .sub = key_ref_fields),
        FIELD(struct node, next, FIELD_OBJ_PTR, .sub = fields, .sub_size = sizeof(struct node)),
        FIELD(struct node, list, FIELD_LIST, .sub = fields, .sub_size = sizeof(struct node)),
        FIELD(struct node, map, FIELD_NAMED, .sub = fields, .sub_size = sizeof(struct node)),
        FIELD(struct node, strs, FIELD_STRS),
        FIELD(struct node, pairs, FIELD_MAP),
        {.name = "later", .kind = FIELD_LATER},
        FIELD_END,
};

static uint64_t seed = 20261124;

static uint64_t next_random(uint64_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed % below;
}

static json_t *random_scalar(void)
{
        static const char *const words[] = {"", "one", "two", "10s", "x", "name", "\xC3\xA9"};
        switch (next_random(7)) {
        case 0: return json_null();
        case 1: return json_boolean(next_random(2));
        case 2: return json_integer((json_int_t)next_random(20) - 10);
        case 3: return json_integer(INT64_MAX);
        case 4: return json_real((double)next_random(1000) / 7);
        case 5: return json_stringn("a\0b", 3);
        default: return json_string(words[next_random(ARRAY_LEN(words))]);
        }
}

static const char *random_key(void)
{
        size_t n = ARRAY_LEN(fields) - 1;
        uint64_t i = next_random(n + 3);
        return i < n ? fields[i].name : i == n ? "name" : i == n + 1 ? "key" : "nosuch";
}

static json_t *random_tree(int depth)
{
        uint64_t kind = depth ? next_random(4) : 0;
        if (kind <= 1)
                return random_scalar();
        json_t *j = kind == 2 ? json_array() : json_object();
        for (uint64_t n = next_random(6); n; n--) {
                json_t *v = random_tree(depth - 1);
                if (kind == 2)
                        json_array_append_new(j, v);
                else
                        json_object_set_new(j, random_key(), v);
        }
        return j;
}

static void any_tree_loads_or_is_refused_and_can_be_freed(void **state UNUSED)
{
        for (int round = 0; round < 5000; round++) {
                AUTO_JSON json_t *j = json_object();
                for (int k = 0; k < 6; k++)
                        json_object_set_new(j, random_key(), random_tree(5));
                AUTO_DIAGS struct diags d;
                diags_init(&d);
                const struct field_opts opts = {.strict = next_random(2),
                                                .text_scalars = next_random(2)};
                struct node n = {0};
                int r = fields_load(&n, fields, j, NULL, &opts, &d);
                if ((r < 0) != (d.errors > 0)) {
                        AUTO(mem_free) char *text = json_text(j, 0);
                        fail_msg("%d with %zu errors: %s", r, d.errors, text);
                }
                assert_true(!n.s || *n.s || d.errors);
                assert_true(n.i >= -5 && n.i <= 5);
                assert_true(n.e == 0 || n.e == 1);
                fields_free(&n, fields);
        }
}

int main(void)
{
        const char *other = getenv("TIPHYS_SEED");
        if (other)
                seed = strtoull(other, NULL, 10) | 1;
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_tree_loads_or_is_refused_and_can_be_freed)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
