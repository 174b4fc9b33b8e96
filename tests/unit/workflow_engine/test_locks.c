/* tests/unit/workflow_engine/test_locks.c: the lock table. A case is a line of what happens:
 *
 *      a+x     a asks for lock x (a, b, ... are workflows; a1, a2 nodes of a; A is a with priority)
 *      a+xy    ... for x and y together
 *      a-x     a gives x back
 *      s=2     the limit of the semaphore s becomes 2
 * s is a semaphore of a ConfigMap, r one of the database, q a mutex of the database (named r, too).
 * and after each the holders of the locks: "a" holds something, "(a)" waits; "!a" was woken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "tests/unit/unit.h"
#include "workflow/engine/lock_name.h"
#include "workflow/engine/locks.h"

static json_t *config_map; /* the one that semaphores are in, and the one of sync limits */

static const json_t *look_up(void *arg, const char *kind, const char *ns, const char *name)
{
        (void)arg;
        (void)ns;
        bool here = !strcmp(name, "limits") || !strcmp(name, SYNC_LIMITS);
        return !strcmp(kind, "ConfigMap") && here ? config_map : NULL;
}
static const struct wf_lookup lookup = {look_up, NULL};

static json_t *names_of(const char *letters)
{
        json_t *list = json_array();
        for (; *letters; letters++)
                json_array_append_new(list, *letters == 's'   ? json_string("d/ConfigMap/limits/s")
                                            : *letters == 'r' ? json_string("d/Database/r")
                                            : *letters == 'q'
                                                    ? json_string("d/DatabaseMutex/r")
                                                    : json_sprintf("d/Mutex/%c", *letters));
        return list;
}

static void holder_of(char out[16], const char *who, size_t n)
{
        snprintf(out, 16, n > 1 ? "d/%c/%c" : "d/%c", who[0] | 0x20, n > 1 ? who[1] : 0);
}

static void ask(struct locks *l, const char *who, size_t n, const char *what, char *said)
{
        char holder[16], workflow[16];
        AUTO_JSON json_t *names = names_of(what);
        struct lock_answer a;
        holder_of(holder, who, n);
        snprintf(workflow, sizeof(workflow), "d/%c", who[0] | 0x20);
        struct lock_question q = {.workflow = workflow,
                                  .holder = holder,
                                  .names = names,
                                  .priority = who[0] < 'a' ? 5 : 0,
                                  .created_ns = who[0] | 0x20};
        locks_ask(l, &q, &a);
        sprintf(said + strlen(said), a.granted ? "%.*s " : "(%.*s) ", (int)n, who);
        lock_answer_deinit(&a);
}

static void play(struct locks *l, const char *event, char *said)
{
        size_t n = strcspn(event, "+-=");
        char holder[16];
        if (event[n] == '=') {
                char key[] = {event[0], '\0'};
                json_put_at(config_map, json_string(event + n + 1), "data", key);
                locks_config_map(l, "d", *key == 's' ? "limits" : SYNC_LIMITS);
        } else if (event[n] == '+')
                ask(l, event, n, event + n + 1, said);
        else {
                AUTO_JSON json_t *names = names_of(event + n + 1);
                holder_of(holder, event, n);
                locks_release(l, holder, names);
        }
        for (char *woken; (woken = locks_take_woken(l)); free(woken))
                sprintf(said + strlen(said), "!%c ", woken[2]);
}

static void gives_each_lock_in_turn(void **state)
{
        static const struct {
                const char *what, *events, *said;
        } cases[] = {
                {"one holds a mutex, the next waits and is woken", "a+x b+x a-x b+x",
                 "a (b) !b b "},
                {"asking again changes nothing", "a+x a+x b+x b+x a-x b+x", "a a (b) (b) !b b "},
                {"who is not in front waits", "a+x b+x c+x a-x c+x b+x", "a (b) (c) !b (c) !b b "},
                {"the older workflow comes first", "c+x b+x a+x c-x", "c (b) (a) !a "},
                {"priority comes before age", "c+x a+x B+x c-x", "c (a) (B) !b "},
                {"nodes of one workflow may overtake each other", "a1+x a2+x a3+x a1-x a3+x",
                 "a1 (a2) (a3) !a a3 "},
                {"but not the lock of the whole workflow", "b+x a+x a1+x b-x a1+x a+x",
                 "b (a) (a1) !a (a1) !a a "},
                {"all or nothing", "a+x b+xy c+y a-x b+xy", "a (b) (c) !b !b b "},
                {"a semaphore lets in as many as it says", "a+s b+s c+s a-s c+s", "a b (c) !c c "},
                {"a higher limit lets in more at once", "a+s b+s c+s d+s s=3 c+s",
                 "a b (c) (d) !c c "},
                {"a lower limit takes nothing away", "a+s b+s s=1 c+s a-s c+s b-s c+s",
                 "a b (c) (c) !c c "},
                {"a sync limit lets in as many as it says", "a+r b+r c+r a-r c+r", "a b (c) !c c "},
                {"a higher sync limit lets in more at once", "a+r b+r c+r d+r r=3 c+r",
                 "a b (c) (d) !c c "},
                {"a sync limit that is gone lets nobody in", "a+r r= b+r r=2 b+r", "a (b) !b b "},
                {"a mutex of the database has a name of its own", "a+r b+r c+q d+q c-q d+q",
                 "a b c (d) !d d "},
                {"what is left is not waited for", "a+x b+x b-x a-x", "a (b) "},
                {"leaving the front lets the next on", "a+x b+xy c+y b-xy c+y",
                 "a (b) (c) !b !c c "},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char said[256] = "", events[128];
                config_map = json_pack("{s:{s:s,s:s}}", "data", "s", "2", "r", "2");
                struct locks *l = locks_new(&lookup);
                snprintf(events, sizeof(events), "%s", cases[i].events);
                for (char *save, *e = strtok_r(events, " ", &save); e;
                     e = strtok_r(NULL, " ", &save))
                        play(l, e, said);
                locks_free(l);
                json_decref(config_map);
                if (strcmp(said, cases[i].said) != 0)
                        fail_msg("%s: expected %s, found %s", cases[i].what, cases[i].said, said);
        }
}

static void says_what_is_wrong_with_a_lock(void **state)
{
        static const char *const cases[][2] = {
                {"d/Mutex/x", NULL},
                {"d/ConfigMap/limits/s", NULL},
                {"d/ConfigMap/limits/t",
                 "failed to initialize semaphore d/ConfigMap/limits/t with"},
                {"d/ConfigMap/limits/zero", "failed to initialize semaphore"},
                {"d/ConfigMap/limits/word", "failed to initialize semaphore"},
                {"d/ConfigMap/none/s", "failed to initialize semaphore"},
                {"d/ConfigMap/limits/", "unknown format"},
                {"d/Mutex/", "unknown format"},
                {"d/Database/s", NULL},
                {"d/DatabaseMutex/x", NULL},
                {"d/Database/none",
                 "failed to initialize semaphore d/Database/none with limit: there is no sync "
                 "limit none in namespace d (tiphys sync create none --type database --limit N "
                 "-n d)"},
                {"d/Database/a/b", "no sync limit a/b in namespace d"},
                {"d/Database/zero", "expected a number above 0, found \"0\""},
                {"d/Database/word", "expected a number above 0, found \"two\""},
                {"d/Database/", "unknown format"},
        };
        (void)state;
        config_map = json_pack("{s:{s:s,s:s,s:s}}", "data", "s", "2", "zero", "0", "word", "two");
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = {0};
                int r = lock_name_check(&lookup, cases[i][0], &e);
                assert_int_equal(r, cases[i][1] ? -1 : 0);
                if (cases[i][1] && !strstr(err_msg(&e), cases[i][1]))
                        fail_msg("%s: %s", cases[i][0], err_msg(&e));
                err_clear(&e);
        }
        json_decref(config_map);
}

static char *words_for(struct locks *l, const char *holder, const char *letter)
{
        AUTO_JSON json_t *names = names_of(letter);
        struct lock_question q = {.workflow = holder, .holder = holder, .names = names};
        struct lock_answer a;
        locks_ask(l, &q, &a);
        char *words = TAKE(a.message);
        lock_answer_deinit(&a);
        return words;
}

static void who_waits_is_told_how_many_hold_a_lock_of_the_database(void **state)
{
        static const char *const cases[][2] = {
                {"s", "Waiting for d/ConfigMap/limits/s lock. Lock status: 0/1"},
                {"r", "Waiting for d/Database/r lock (sem/d/r). Lock status: 1/1"},
                {"q", "Waiting for d/Database/r lock (mtx/d/r). Lock status: 1/1"},
                {"x", "Waiting for d/Mutex/x lock. Lock status: 0/1"},
        };
        (void)state;
        config_map = json_pack("{s:{s:s,s:s}}", "data", "s", "1", "r", "1");
        struct locks *l = locks_new(&lookup);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_null(words_for(l, "d/a", cases[i][0]));
                char *words = words_for(l, "d/b", cases[i][0]);
                assert_string_equal(words, cases[i][1]);
                mem_free(words);
        }
        locks_free(l);
        json_decref(config_map);
}

static void names_are_shown_as_argo_shows_them(void **state)
{
        static const char *const cases[][2] = {
                {"d/DatabaseMutex/x", "d/Database/x"},
                {"d/Database/x", "d/Database/x"},
                {"d/DatabaseMutex/DatabaseMutex/x", "d/Database/DatabaseMutex/x"},
                {"d/Mutex/x", "d/Mutex/x"},
        };
        struct arena a;
        (void)state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_string_equal(lock_name_shown(cases[i][0], &a), cases[i][1]);
        AUTO(mem_free) char *back = lock_name_of_mutex("d/Database/x");
        AUTO(mem_free) char *same = lock_name_of_mutex("d/Mutex/x");
        assert_string_equal(back, "d/DatabaseMutex/x");
        assert_string_equal(same, "d/Mutex/x");
        arena_deinit(&a);
}

static void what_was_held_is_held_again_before_anybody_asks(void **state)
{
        char said[64] = "";
        (void)state;
        config_map = json_object();
        struct locks *l = locks_new(&lookup);
        locks_open(l, false);
        locks_restore(l, "d/b", "d/Mutex/x");
        locks_open(l, true);
        play(l, "a+x", said);
        play(l, "b-x", said);
        locks_forget(l, "d/a");
        play(l, "c+x", said);
        assert_string_equal(said, "(a) !a c ");
        locks_free(l);
        json_decref(config_map);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_each_lock_in_turn),
                cmocka_unit_test(says_what_is_wrong_with_a_lock),
                cmocka_unit_test(who_waits_is_told_how_many_hold_a_lock_of_the_database),
                cmocka_unit_test(names_are_shown_as_argo_shows_them),
                cmocka_unit_test(what_was_held_is_held_again_before_anybody_asks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
