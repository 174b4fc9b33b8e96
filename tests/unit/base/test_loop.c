/* tests/unit/base/test_loop.c: timers on a fake clock, deferred tasks. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/loop.h"
#include "tests/unit/unit.h"
#include <unistd.h>

struct fixture {
        struct fake_clock clock;
        struct loop *loop;
        char order[64];
};

static int set_up(void **state)
{
        static struct fixture f;
        f = (struct fixture){0};
        fake_clock_init(&f.clock, (struct wall){1700000000 * NS_PER_S});
        *state = &f;
        return loop_new(&f.loop, &f.clock.clock, NULL);
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        f->loop = loop_free(f->loop);
        return 0;
}

struct note { /* a timer or task that writes its letter */
        struct fixture *f;
        char letter;
        struct loop_timer timer;
        struct loop_task task;
};

static void write_letter(void *arg)
{
        struct note *n = arg;
        n->f->order[strlen(n->f->order)] = n->letter;
}

static struct note note(struct fixture *f, char letter)
{
        return (struct note){.f = f, .letter = letter};
}

static void timers_fire_in_the_order_of_their_time(void **state)
{
        struct fixture *f = *state;
        struct note notes[5];
        static const int64_t at_ms[5] = {50, 10, 40, 20, 30};
        for (int i = 0; i < 5; i++) {
                notes[i] = note(f, (char)('0' + at_ms[i] / 10));
                timer_init(&notes[i].timer, write_letter, &notes[i]);
                timer_after_ms(f->loop, &notes[i].timer, at_ms[i]);
        }
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "");
        fake_clock_advance(&f->clock, 25 * NS_PER_MS);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "12");
        assert_false(timer_armed(&notes[1].timer));
        assert_true(timer_armed(&notes[0].timer));
        fake_clock_advance(&f->clock, 100 * NS_PER_MS);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "12345");
}

static void a_cancelled_timer_does_not_fire_and_a_moved_one_fires_once(void **state)
{
        struct fixture *f = *state;
        struct note a = note(f, 'a'), b = note(f, 'b');
        timer_init(&a.timer, write_letter, &a);
        timer_init(&b.timer, write_letter, &b);
        timer_after_ms(f->loop, &a.timer, 10);
        timer_after_ms(f->loop, &b.timer, 10);
        timer_cancel(f->loop, &a.timer);
        timer_cancel(f->loop, &a.timer); /* twice is fine */
        timer_after_ms(f->loop, &b.timer, 30);
        fake_clock_advance(&f->clock, 20 * NS_PER_MS);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "");
        fake_clock_advance(&f->clock, 20 * NS_PER_MS);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "b");
}

struct ordered { /* a timer that checks its turn */
        struct loop_timer timer;
        struct mono *last;
        int *fired;
        bool cancelled;
};

static void check_turn(void *arg)
{
        struct ordered *o = arg;
        assert_false(o->cancelled);
        assert_true(o->timer.at.ns >= o->last->ns);
        *o->last = o->timer.at;
        ++*o->fired;
}

static void many_timers_keep_their_order_through_cancellations(void **state)
{
        enum { N = 2000 };
        struct fixture *f = *state;
        static struct ordered timers[N];
        struct mono last = {0};
        int fired = 0, cancelled = 0;
        uint32_t x = 12345;
        for (int i = 0; i < N; i++) {
                timers[i] = (struct ordered){.last = &last, .fired = &fired};
                timer_init(&timers[i].timer, check_turn, &timers[i]);
                x = x * 1664525u + 1013904223u;
                timer_after_ms(f->loop, &timers[i].timer, 1 + (x >> 16) % 1000);
        }
        for (int i = 1; i < N; i += 7)
                timer_after_ms(f->loop, &timers[i].timer, 500);
        for (int i = 0; i < N; i += 3, cancelled++) {
                timer_cancel(f->loop, &timers[i].timer);
                timers[i].cancelled = true;
        }
        for (int ms = 0; ms < 1001; ms += 13) {
                fake_clock_advance(&f->clock, 13 * NS_PER_MS);
                loop_run_ready(f->loop);
        }
        assert_int_equal(fired, N - cancelled);
}

static void rearm(void *arg)
{
        struct note *n = arg;
        write_letter(arg);
        if (strlen(n->f->order) < 3)
                timer_after_ms(n->f->loop, &n->timer, 0);
}

static void a_timer_may_arm_itself_again(void **state)
{
        struct fixture *f = *state;
        struct note a = note(f, 'a');
        timer_init(&a.timer, rearm, &a);
        timer_after_ms(f->loop, &a.timer, 0);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "aaa");
}

static void a_task_runs_once_however_often_it_was_deferred(void **state)
{
        struct fixture *f = *state;
        struct note a = note(f, 'a'), b = note(f, 'b'), c = note(f, 'c');
        task_init(&a.task, write_letter, &a);
        task_init(&b.task, write_letter, &b);
        task_init(&c.task, write_letter, &c);
        loop_defer(f->loop, &a.task);
        loop_defer(f->loop, &b.task);
        loop_defer(f->loop, &a.task);
        loop_defer(f->loop, &c.task);
        loop_undefer(f->loop, &c.task); /* the last one: the next must find the end of the list */
        loop_undefer(f->loop, &c.task);
        loop_defer(f->loop, &c.task);
        loop_undefer(f->loop, &b.task);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "ac");
}

static void defer_more(void *arg)
{
        struct note *n = arg;
        write_letter(arg);
        if (n->letter < 'd') {
                n->letter++;
                loop_defer(n->f->loop, &n->task);
        }
}

static void a_task_may_defer_itself_again(void **state)
{
        struct fixture *f = *state;
        struct note a = note(f, 'a');
        task_init(&a.task, defer_more, &a);
        loop_defer(f->loop, &a.task);
        loop_run_ready(f->loop);
        assert_string_equal(f->order, "abcd");
}

static void freeing_the_loop_disarms_its_timers(void **state)
{
        struct fixture *f = *state;
        struct note a = note(f, 'a');
        timer_init(&a.timer, write_letter, &a);
        timer_after_ms(f->loop, &a.timer, 5);
        f->loop = loop_free(f->loop);
        assert_false(timer_armed(&a.timer));
}

static void on_readable(evutil_socket_t fd, short what UNUSED, void *arg)
{
        char c;
        assert_int_equal(read(fd, &c, 1), 1);
        *(bool *)arg = true;
}

static void ready_sockets_are_served_until_the_condition_holds(void **state)
{
        struct fixture *f = *state;
        int fds[2];
        bool done = false;
        assert_int_equal(pipe(fds), 0);
        struct event *ev =
                event_new(loop_base(f->loop), fds[0], EV_READ | EV_PERSIST, on_readable, &done);
        event_add(ev, NULL);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_true(loop_run_until(f->loop, &done, 5000));
        done = false;
        assert_false(loop_run_until(f->loop, &done, 1)); /* nothing comes: the time goes by */
        event_free(ev);
        close(fds[0]);
        close(fds[1]);
}

static void stop(void *arg)
{
        loop_stop(arg);
}

static void run_returns_after_stop(void **state UNUSED)
{
        struct loop *l;
        assert_int_equal(loop_new(&l, clock_system(), NULL), 0);
        struct loop_timer t;
        timer_init(&t, stop, l);
        timer_after_ms(l, &t, 1);
        loop_run(l);
        assert_false(timer_armed(&t));
        loop_free(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(timers_fire_in_the_order_of_their_time),
                TEST(a_cancelled_timer_does_not_fire_and_a_moved_one_fires_once),
                TEST(many_timers_keep_their_order_through_cancellations),
                TEST(a_timer_may_arm_itself_again),
                TEST(a_task_runs_once_however_often_it_was_deferred),
                TEST(a_task_may_defer_itself_again),
                TEST(freeing_the_loop_disarms_its_timers),
                TEST(ready_sockets_are_served_until_the_condition_holds),
                cmocka_unit_test(run_returns_after_stop),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
