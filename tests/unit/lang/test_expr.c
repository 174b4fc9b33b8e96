/* tests/unit/lang/test_expr.c: the expr language, table by table. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/buf.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "tests/unit/unit.h"

static const char env_text[] =
        "{\"n\":5,\"f\":2.5,\"s\":\"Hello\",\"no\":null,\"list\":[1,2,3],"
        "\"obj\":{\"a\":1,\"b\":{\"c\":\"deep\"}},\"steps.a.outputs.result\":\"7\","
        "\"users\":[{\"name\":\"Ann\",\"age\":30},{\"name\":\"Bob\",\"age\":25}]}";

/* The result as JSON, or the words of the error. */
static void answer(char *out, size_t cap, const char *text, enum expr_dialect d)
{
        struct arena a;
        struct err e = {0};
        AUTO(expr_free) struct expr *x = NULL;
        struct val v;
        arena_init(&a, 8 << 20);
        struct val env = val_from_json(&a, str_of(env_text),
                                       d == EXPR_EVENTS ? VAL_FLOATS : VAL_INTS_AND_FLOATS);
        env = expr_expand(&a, env, d == EXPR_EVENTS);
        if (expr_new(&x, str_of(text), d, NULL, &e) < 0 ||
            expr_eval(x, env, NULL, &a, &v, &e) < 0) {
                snprintf(out, cap, "%s", err_msg(&e));
                err_clear(&e);
        } else {
                struct abuf b = abuf_in(&a);
                if (expr_json(&b, v))
                        snprintf(out, cap, "%.*s", (int)b.n, b.p);
                else
                        snprintf(out, cap, "(no JSON)");
        }
        arena_deinit(&a);
}

static void check(const char *text, enum expr_dialect d, const char *want)
{
        char got[512];
        answer(got, sizeof(got), text, d);
        if (strcmp(got, want) != 0)
                fail_msg("%s: expected %s, got %s", text, want, got);
}

struct row {
        const char *text, *want;
};

static void evaluates_workflow_expressions(void **state)
{
        static const struct row rows[] = {
                {"n + 1", "6"},
                {"7 / 2", "3.5"},
                {"-2 ** 2", "-4"},
                {"n > 3 ? 'big' : 'small'", "\"big\""},
                {"asInt(steps.a.outputs.result) + 1", "8"},
                {"users | filter(.age == 30) | map(.name)", "[\"Ann\"]"},
                {"let x = n; x * 2", "10"},
                {"if n > 3 { 1 } else { 2 }", "1"},
                {"obj?.zzz?.y ?? 'none'", "\"none\""},
                {"1 < n < 9", "true"},
                {"sprig.upper(s)", "\"HELLO\""},
                {"date('2024-03-10T14:30:00Z').Year()", "2024"},
                {"groupBy(list, # > 1)", "(no JSON)"},
                {"toJson(obj)", "\"{\\\"a\\\":1,\\\"b\\\":{\\\"c\\\":\\\"deep\\\"}}\""},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].text, EXPR_WORKFLOWS, rows[i].want);
}

static void evaluates_event_filters_without_types(void **state)
{
        static const struct row rows[] = {
                {"zzz == nil", "true"},
                {"n == 5.0", "true"},
                {"1 in no", "false"},
                {"[1, 2] == [1, 2.0]", "false"},
                {"len == 5", "offset 4: invalid operation: == (mismatched types func and int)"},
                {"n % 2", "offset 2: invalid operation: float64 % int"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].text, EXPR_EVENTS, rows[i].want);
}

static void says_where_and_why(void **state)
{
        static const struct row rows[] = {
                {"1 +", "offset 3: unexpected end of the expression"},
                {"n + 'a'", "offset 2: invalid operation: + (mismatched types int and string)"},
                {"nosuch.x", "offset 0: unknown name nosuch"},
                {"true or nosuch", "offset 8: unknown name nosuch"},
                {"upper(n)", "offset 6: cannot use int as argument (type string) to call upper"},
                {"upper(s, s)", "offset 0: too many arguments to call upper"},
                {"obj.zzz.y", "offset 8: cannot fetch y from nil"},
                {"list[9]", "offset 4: index out of range: 9 (array length is 3)"},
                {"'a' 'b'", "offset 4: unexpected \"b\""},
                {"\"abc", "offset 0: literal not terminated"},
                {"s matches '('", "offset 10: regex: offset 1: a ) is missing"},
                {"now()", "offset 0: there is no clock here"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                check(rows[i].text, EXPR_WORKFLOWS, rows[i].want);
}

static void stays_within_its_budget(void **state)
{
        char text[3000], got[512];
        (void)state;
        check("map(1..250000, # + 1)", EXPR_WORKFLOWS,
              "offset 0: more than 8388608 bytes of memory are needed");
        check("1..1000000", EXPR_WORKFLOWS, "offset 1: more than 1000000 list items are made");
        check("reduce(1..40000, #acc + len(filter(1..40, # > 3)), 0)", EXPR_WORKFLOWS,
              "offset 44: more than 1000000 steps are needed");
        memset(text, '(', 2000);
        text[2000] = '\0';
        answer(got, sizeof(got), text, EXPR_WORKFLOWS);
        assert_non_null(strstr(got, "nested deeper than"));
}

static void note_name(void *arg, struct str dotted)
{
        buf_add(arg, dotted.p, dotted.n);
        buf_addc(arg, ' ');
}

static void tells_the_variables(void **state)
{
        static const struct row rows[] = {
                {"steps.a.outputs.result == '0'", "steps.a.outputs.result "},
                {"x['a'].b + y", "x.a.b y "},
                {"filter(xs, .ok and # in ys)", "xs ys "},
                {"a?.b?.c ?? $env.d.e", "a.b.c d.e "},
                {"let v = q; v.w", "q "},
                {"asInt(retries) > lastRetry[k]", "asInt retries lastRetry k "},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(expr_free) struct expr *x = NULL;
                AUTO_BUF struct buf b = BUF_INIT(4096);
                struct err e = {0};
                assert_int_equal(expr_new(&x, str_of(rows[i].text), EXPR_WORKFLOWS, NULL, &e), 0);
                expr_each_name(x, note_name, &b);
                assert_string_equal(buf_str(&b), rows[i].want);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evaluates_workflow_expressions),
                cmocka_unit_test(evaluates_event_filters_without_types),
                cmocka_unit_test(says_where_and_why),
                cmocka_unit_test(stays_within_its_budget),
                cmocka_unit_test(tells_the_variables),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
