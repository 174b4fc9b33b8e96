/* tests/unit/base/test_mailbox.c: mail between threads, the worker pool. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/loop.h"
#include "common/base/mem.h"
#include "tests/unit/unit.h"
#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, EACH = 5000 };

struct counts {
        int last[THREADS]; /* the last number of each sender */
        int total;
        bool in_order, done;
        pthread_t reader;
};
struct letter {
        struct mail mail;
        struct counts *counts;
        int sender, number;
};
struct sender {
        struct mailbox *mb;
        struct counts *counts;
        int id;
};

static void deliver(struct mail *m)
{
        struct letter *l = container_of(m, struct letter, mail);
        struct counts *c = l->counts;
        c->in_order = c->in_order && l->number == c->last[l->sender] + 1 &&
                      pthread_equal(pthread_self(), c->reader);
        c->last[l->sender] = l->number;
        c->done = ++c->total == THREADS * EACH;
        free(l);
}

static void post_letter(struct mailbox *mb, struct counts *c, int sender, int number)
{
        struct letter *l = NEW(struct letter);
        *l = (struct letter){
                .mail.deliver = deliver, .counts = c, .sender = sender, .number = number};
        mailbox_post(mb, &l->mail);
}

static void *send_all(void *arg)
{
        struct sender *s = arg;
        for (int i = 1; i <= EACH; i++)
                post_letter(s->mb, s->counts, s->id, i);
        return NULL;
}

static void mail_of_many_threads_arrives_on_the_loop_in_the_order_of_each(void **state UNUSED)
{
        struct loop *l;
        struct mailbox *mb;
        struct counts c = {.in_order = true, .reader = pthread_self()};
        assert_int_equal(loop_new(&l, clock_system(), NULL), 0);
        assert_int_equal(mailbox_new(&mb, l, NULL), 0);
        pthread_t threads[THREADS];
        struct sender senders[THREADS];
        for (int i = 0; i < THREADS; i++) {
                senders[i] = (struct sender){mb, &c, i};
                assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
        }
        assert_true(loop_run_until(l, &c.done, 60000));
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        assert_true(c.in_order);
        mailbox_free(mb);
        loop_free(l);
}

static void a_freed_mailbox_delivers_what_is_left(void **state UNUSED)
{
        struct loop *l;
        struct mailbox *mb;
        struct counts c = {.in_order = true, .reader = pthread_self()};
        assert_int_equal(loop_new(&l, clock_system(), NULL), 0);
        assert_int_equal(mailbox_new(&mb, l, NULL), 0);
        post_letter(mb, &c, 0, 1);
        post_letter(mb, &c, 0, 2);
        mailbox_free(mb);
        assert_int_equal(c.total, 2);
        loop_free(l);
}

struct job {
        atomic_int *ran;
        int *finished;
        bool *all;
        pthread_t loop_thread;
        atomic_bool on_loop; /* a job ran on the loop's thread */
};

static void work(void *arg)
{
        struct job *j = arg;
        if (pthread_equal(pthread_self(), j->loop_thread))
                j->on_loop = true;
        atomic_fetch_add(j->ran, 1);
}

static void finished(void *arg)
{
        struct job *j = arg;
        assert_true(pthread_equal(pthread_self(), j->loop_thread));
        *j->all = ++*j->finished == 100;
}

static void jobs_run_on_workers_and_finish_on_the_loop(void **state UNUSED)
{
        struct loop *l;
        struct pool *p;
        atomic_int ran = 0;
        int ended = 0;
        bool all = false;
        struct job j = {&ran, &ended, &all, pthread_self(), false};
        assert_int_equal(loop_new(&l, clock_system(), NULL), 0);
        assert_int_equal(pool_new(&p, l, 3, NULL), 0);
        for (int i = 0; i < 100; i++)
                pool_run(p, work, finished, &j);
        assert_true(loop_run_until(l, &all, 60000));
        assert_int_equal(ran, 100);
        assert_false(j.on_loop);
        pool_free(p);
        loop_free(l);
}

static void a_freed_pool_runs_and_finishes_what_was_given_to_it(void **state UNUSED)
{
        struct loop *l;
        struct pool *p;
        atomic_int ran = 0;
        int ended = 0;
        bool all = false;
        struct job j = {&ran, &ended, &all, pthread_self(), false};
        assert_int_equal(loop_new(&l, clock_system(), NULL), 0);
        assert_int_equal(pool_new(&p, l, 1, NULL), 0);
        for (int i = 0; i < 50; i++)
                pool_run(p, work, finished, &j);
        pool_free(p);
        assert_int_equal(ran, 50);
        assert_int_equal(ended, 50);
        loop_free(l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mail_of_many_threads_arrives_on_the_loop_in_the_order_of_each),
                cmocka_unit_test(a_freed_mailbox_delivers_what_is_left),
                cmocka_unit_test(jobs_run_on_workers_and_finish_on_the_loop),
                cmocka_unit_test(a_freed_pool_runs_and_finishes_what_was_given_to_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
