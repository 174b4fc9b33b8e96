/* common/base/mailbox.c: mailboxes and the worker pool of loop.h: a list, a mutex and an eventfd;
 * the list is drained whole, and the eventfd is written only when it was empty.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/loop.h"
#include "common/base/mem.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
        pthread_mutex_t lock;
        struct mail *first, **end;
        int fd;
        struct event *ready;
};

static void drain(struct mailbox *mb)
{
        pthread_mutex_lock(&mb->lock);
        struct mail *m = mb->first;
        mb->first = NULL;
        mb->end = &mb->first;
        pthread_mutex_unlock(&mb->lock);
        while (m) {
                struct mail *next = m->next;
                m->deliver(m);
                m = next;
        }
}

static void on_ready(evutil_socket_t fd, short what UNUSED, void *arg)
{
        uint64_t count;
        ssize_t ignored = read(fd, &count, sizeof(count));
        (void)ignored;
        drain(arg);
}

int mailbox_new(struct mailbox **out, struct loop *l, struct err *e)
{
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
                return err_errno(e, errno, "eventfd");
        struct mailbox *mb = NEW(struct mailbox);
        pthread_mutex_init(&mb->lock, NULL);
        mb->end = &mb->first;
        mb->fd = fd;
        mb->ready = event_new(loop_base(l), fd, EV_READ | EV_PERSIST, on_ready, mb);
        event_add(mb->ready, NULL);
        *out = mb;
        return 0;
}

struct mailbox *mailbox_free(struct mailbox *mb)
{
        if (!mb)
                return NULL;
        drain(mb);
        event_free(mb->ready);
        close(mb->fd);
        pthread_mutex_destroy(&mb->lock);
        free(mb);
        return NULL;
}

void mailbox_post_list(struct mailbox *mb, struct mail *first, struct mail *last)
{
        last->next = NULL;
        pthread_mutex_lock(&mb->lock);
        bool was_empty = mb->first == NULL;
        *mb->end = first;
        mb->end = &last->next;
        /* written under the lock: a mailbox may be freed as soon as its last mail is delivered */
        if (was_empty) {
                ssize_t ignored = write(mb->fd, &(uint64_t){1}, sizeof(uint64_t));
                (void)ignored;
        }
        pthread_mutex_unlock(&mb->lock);
}

void mailbox_post(struct mailbox *mb, struct mail *m)
{
        mailbox_post_list(mb, m, m);
}

/* ---- worker pool ---- */

struct job {
        struct mail mail;
        struct job *next;
        loop_fn *fn, *done;
        void *arg;
};

struct pool {
        struct mailbox *mailbox;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct job *first, **end;
        bool closing;
        int n;
        pthread_t threads[];
};

static void deliver_job(struct mail *m)
{
        struct job *job = container_of(m, struct job, mail);
        if (job->done)
                job->done(job->arg);
        free(job);
}

static void *worker(void *arg)
{
        struct pool *p = arg;
        pthread_mutex_lock(&p->lock);
        for (;;) {
                while (!p->first && !p->closing)
                        pthread_cond_wait(&p->wake, &p->lock);
                struct job *job = p->first;
                if (!job)
                        break;
                p->first = job->next;
                if (!p->first)
                        p->end = &p->first;
                pthread_mutex_unlock(&p->lock);
                job->fn(job->arg);
                mailbox_post(p->mailbox, &job->mail);
                pthread_mutex_lock(&p->lock);
        }
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

int pool_new(struct pool **out, struct loop *l, int threads, struct err *e)
{
        struct pool *p = mem_alloc(sizeof(*p) + (size_t)threads * sizeof(pthread_t));
        if (mailbox_new(&p->mailbox, l, e) < 0) {
                free(p);
                return -1;
        }
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->wake, NULL);
        p->end = &p->first;
        for (; p->n < threads; p->n++) {
                int r = pthread_create(&p->threads[p->n], NULL, worker, p);
                if (r) {
                        pool_free(p);
                        return err_errno(e, r, "cannot start a worker thread");
                }
        }
        *out = p;
        return 0;
}

struct pool *pool_free(struct pool *p)
{
        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        p->closing = true;
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
        for (int i = 0; i < p->n; i++)
                pthread_join(p->threads[i], NULL);
        mailbox_free(p->mailbox);
        pthread_mutex_destroy(&p->lock);
        pthread_cond_destroy(&p->wake);
        free(p);
        return NULL;
}

void pool_run(struct pool *p, loop_fn *fn, loop_fn *done, void *arg)
{
        struct job *job = NEW(struct job);
        *job = (struct job){.mail.deliver = deliver_job, .fn = fn, .done = done, .arg = arg};
        pthread_mutex_lock(&p->lock);
        *p->end = job;
        p->end = &job->next;
        pthread_cond_signal(&p->wake);
        pthread_mutex_unlock(&p->lock);
}
