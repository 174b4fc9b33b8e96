/* tests/unit/base/test_log.c: the lines, their fields, repeats. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/log.h"
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

static int fds[2];

static int capture(void **state UNUSED)
{
        if (pipe(fds) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
                return -1;
        log_set_fd(fds[1]);
        log_configure(LOG_INFO, LOG_LOGFMT);
        return 0;
}

static int release(void **state UNUSED)
{
        log_set_fd(2);
        log_configure(LOG_INFO, LOG_LOGFMT);
        close(fds[0]);
        close(fds[1]);
        return 0;
}

static const char *lines(void)
{
        static char text[1 << 17];
        size_t n = 0;
        ssize_t r;
        while (n + 1 < sizeof(text) && (r = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
                n += (size_t)r;
        text[n] = '\0';
        return text;
}

/* What stands behind the time stamp. */
static const char *line(void)
{
        const char *level = strstr(lines(), "level=");
        return level ? level : "";
}

static void logfmt_quotes_only_what_needs_it(void **state UNUSED)
{
        log_warn(log_root(), "trigger failed", F_STR("trigger", "a b"), F_STR("plain", "x/y:1"),
                 F_INT("n", -7), F_UINT("u", 7), F_BOOL("b", true), F_DOUBLE("d", 0.5),
                 F_STR("empty", ""), F_STR("null", NULL));
        assert_string_equal(
                line(),
                "level=warn msg=\"trigger failed\" trigger=\"a b\" plain=x/y:1 n=-7 u=7 b=true "
                "d=0.5 empty=\"\" null=\"\"\n");
}

static void values_cannot_forge_lines_or_fields(void **state UNUSED)
{
        log_info(log_root(), "m1", F_STR("v", "x\nlevel=error msg=forged"),
                 F_STR("w", "a=b \"q\""));
        assert_string_equal(
                line(), "level=info msg=m1 v=\"x\\nlevel=error msg=forged\" w=\"a=b \\\"q\\\"\"\n");
}

static void json_lines_parse(void **state UNUSED)
{
        log_configure(LOG_INFO, LOG_JSON);
        log_error(log_root(), "bad", F_STR("s", "a\"b\x01\xFF"), F_INT("n", 1), F_BOOL("b", false));
        json_error_t je;
        json_t *j = json_loads(lines(), 0, &je);
        assert_non_null(j);
        assert_string_equal(json_string_value(json_object_get(j, "level")), "error");
        assert_string_equal(json_string_value(json_object_get(j, "msg")), "bad");
        assert_int_equal(json_integer_value(json_object_get(j, "n")), 1);
        json_decref(j);
}

static void levels_below_the_minimum_are_silent(void **state UNUSED)
{
        log_debug(log_root(), "quiet");
        assert_string_equal(lines(), "");
        enum log_level level = LOG_INFO;
        assert_true(log_level_parse("debug", &level));
        assert_int_equal(level, LOG_DEBUG);
        assert_false(log_level_parse("loud", &level));
}

static void children_carry_the_fields_of_their_parents(void **state UNUSED)
{
        char name[] = "s1";
        struct log *sensor = log_with(log_root(), F_STR("sensor", name));
        name[0] = 'X'; /* values were copied */
        struct log *trigger = log_with(sensor, F_STR("trigger", "t1"), F_INT("n", 2));
        log_info(trigger, "fired", F_STR("event", "e"));
        assert_string_equal(line(), "level=info msg=fired sensor=s1 trigger=t1 n=2 event=e\n");
        log_free(trigger);
        log_free(sensor);
        assert_null(log_free(log_root()));
}

static void errors_show_their_words(void **state UNUSED)
{
        struct err e = {0};
        (void)err_set(&e, ERR_INVALID, "no such field");
        log_error(log_root(), "refused", F_ERR(&e));
        assert_string_equal(line(), "level=error msg=refused error=\"no such field\"\n");
        log_configure(LOG_DEBUG, LOG_LOGFMT);
        log_error(log_root(), "refused too", F_ERR(&e));
        assert_non_null(strstr(lines(), "error_at="));
        err_clear(&e);
}

static void repeats_are_not_printed_for_ever(void **state UNUSED)
{
        for (int i = 0; i < 1000; i++)
                log_warn(log_root(), "the same again", F_INT("i", i));
        int n = 0;
        for (const char *p = lines(); (p = strstr(p, "the same again")); p++)
                n++;
        assert_int_equal(n, 20);
}

static void a_line_that_is_too_long_still_ends(void **state UNUSED)
{
        static char text[20000];
        memset(text, 'x', sizeof(text) - 1);
        log_info(log_root(), "long", F_STR("a", "1"), F_STR("text", text), F_STR("b", "2"));
        const char *l = lines();
        assert_true(strlen(l) < 9000);
        assert_int_equal(l[strlen(l) - 1], '\n');
        assert_non_null(strstr(l, "a=1"));
        assert_non_null(strstr(l, "xxx... b=2"));
}

static void a_json_line_that_is_too_long_still_parses(void **state UNUSED)
{
        static char text[5000];
        memset(text, '"', sizeof(text) - 1); /* doubles when it is escaped */
        log_configure(LOG_INFO, LOG_JSON);
        log_info(log_root(), "long json", F_STR("text", text), F_STR("b", "2"));
        json_error_t je;
        json_t *j = json_loads(lines(), 0, &je);
        if (!j)
                fail_msg("%s", je.text);
        assert_string_equal(json_string_value(json_object_get(j, "b")), "2");
        json_decref(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(logfmt_quotes_only_what_needs_it),
                TEST(values_cannot_forge_lines_or_fields),
                TEST(json_lines_parse),
                TEST(levels_below_the_minimum_are_silent),
                TEST(children_carry_the_fields_of_their_parents),
                TEST(errors_show_their_words),
                TEST(repeats_are_not_printed_for_ever),
                TEST(a_line_that_is_too_long_still_ends),
                TEST(a_json_line_that_is_too_long_still_parses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
