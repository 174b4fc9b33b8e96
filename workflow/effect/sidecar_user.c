/* workflow/effect/sidecar_user.c: who uses a sidecar: waits until it listens, gets a connection.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/sidecar_priv.h"

enum { DIAL_FIRST_MS = 20, DIAL_MAX_MS = 1000, LISTEN_LIMIT_S = 60 };

static void fail(struct sidecar_user *u, const struct err *e)
{
        u->waiting = false;
        timer_cancel(u->of->all->loop, &u->again);
        err_clear(&u->failed);
        err_copy(&u->failed, e);
        loop_defer(u->of->all->loop, &u->tell);
}

static void on_tell(void *arg)
{
        struct sidecar_user *u = arg;
        struct err e = {0};
        err_move(&e, &u->failed);
        u->ready(u->arg, -1, &e); /* it may leave */
        err_clear(&e);
}

/* ---- dialling ---- */

static bool too_late(const struct sidecar *s)
{
        return loop_now(s->all->loop).ns - s->running_ns > (int64_t)LISTEN_LIMIT_S * NS_PER_S;
}

static void on_dialed(void *arg, int fd, const struct err *e)
{
        struct sidecar_user *u = arg;
        struct sidecar *s = u->of;
        u->dial = NULL;
        if (fd >= 0) {
                u->waiting = false;
                u->ready(u->arg, fd, NULL);
                return;
        }
        if (s->state == SIDECAR_RUNS && too_late(s)) {
                struct err late = {0};
                err_set(&late, ERR_TIMEOUT,
                        "plugin %s: it has run for %d s and cannot be reached: %s", s->name,
                        LISTEN_LIMIT_S, err_msg(e));
                fail(u, &late);
                err_clear(&late);
                return;
        }
        timer_after_ms(s->all->loop, &u->again, u->pause_ms);
        u->pause_ms = u->pause_ms * 2 > DIAL_MAX_MS ? DIAL_MAX_MS : u->pause_ms * 2;
}

static void dial(struct sidecar_user *u)
{
        struct sidecar *s = u->of;
        AUTO(mem_free) char *node = sidecar_node_id(s->index, s->attempt);
        u->dial = runner_dial(s->all->runner, s->uid, node, s->port, on_dialed, u);
}

static void on_again(void *arg)
{
        struct sidecar_user *u = arg;
        if (u->of->state == SIDECAR_RUNS) /* else it dials when it runs again */
                dial(u);
}

void sidecar_users_dial(struct sidecar *s)
{
        for (struct sidecar_user *u = s->users; u; u = u->next) {
                if (!u->waiting || u->dial)
                        continue;
                timer_cancel(s->all->loop, &u->again);
                u->pause_ms = DIAL_FIRST_MS;
                dial(u);
        }
}

void sidecar_users_fail(struct sidecar *s, const struct err *e)
{
        for (struct sidecar_user *u = s->users; u; u = u->next) {
                if (!u->waiting)
                        continue;
                runner_dial_cancel(TAKE(u->dial));
                fail(u, e);
        }
}

void sidecar_users_note(struct sidecar *s, const char *why)
{
        for (struct sidecar_user *u = s->users; u; u = u->next)
                if (u->waiting)
                        u->waits(u->arg, why);
}

bool sidecar_is_awaited(const struct sidecar *s)
{
        for (const struct sidecar_user *u = s->users; u; u = u->next)
                if (u->waiting)
                        return true;
        return false;
}

/* ---- sidecar.h ---- */

struct sidecar_user *sidecar_join(struct sidecars *all, const struct sidecar_of *of, size_t index,
                                  sidecar_ready_fn *ready, sidecar_waits_fn *waits, void *arg)
{
        struct sidecar_user *u = NEW(struct sidecar_user);
        u->ready = ready;
        u->waits = waits;
        u->arg = arg;
        timer_init(&u->again, on_again, u);
        task_init(&u->tell, on_tell, u);
        u->of = sidecar_get(all, of, index);
        u->next = u->of->users;
        u->of->users = u;
        return u;
}

void sidecar_connect(struct sidecar_user *u)
{
        struct sidecar *s = u->of;
        u->waiting = true;
        if (err_is_set(&s->wrong))
                fail(u, &s->wrong);
        else if (s->state == SIDECAR_RUNS)
                sidecar_users_dial(s);
        else
                sidecar_want(s);
}

void sidecar_answered(struct sidecar_user *u)
{
        u->of->failures = 0;
}

char *sidecar_story(const struct sidecar *s)
{
        return s->failures ? mem_printf("it has ended %d time%s: %s; see `tiphys logs %s %s`",
                                        s->failures, s->failures > 1 ? "s" : "", s->death,
                                        s->workflow, s->name)
                           : mem_strdup("");
}

char *sidecar_user_story(const struct sidecar_user *u)
{
        return sidecar_story(u->of);
}

const struct secret *sidecar_token(const struct sidecar_user *u)
{
        return u->of->token;
}

uint16_t sidecar_port(const struct sidecar_user *u)
{
        return u->of->port;
}

void sidecar_leave(struct sidecar_user *u)
{
        if (!u)
                return;
        struct sidecar *s = u->of;
        struct sidecar_user **at = &s->users;
        while (*at != u)
                at = &(*at)->next;
        *at = u->next;
        runner_dial_cancel(u->dial);
        timer_cancel(s->all->loop, &u->again);
        loop_undefer(s->all->loop, &u->tell);
        err_clear(&u->failed);
        mem_free(u);
        sidecar_unused(s);
}
