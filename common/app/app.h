/* common/app/app.h: what our programs have in common: a data folder with its locks, what is opened
 * on it, and an orderly end.
 *
 * A data folder holds everything: tiphys.db (resources, events, ledgers), pods/, artifacts/, run/
 * (locks). Several processes may open it at once; what must run only once takes a role lock
 * ("controller", "sensor", "eventsource", "dev"). The lock is an open-file-description lock, which
 * the kernel drops when its holder dies, so a stale one cannot exist. Threads: the loop's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/app/opt.h"
#include "common/base/loop.h"
#include <sys/types.h>

struct bus;
struct db;
struct http_client;
struct pool;
struct store;

/* ---- the data folder ---- */

/* --data, else $TIPHYS_DATA, else /var/lib/tiphys (root) or $XDG_DATA_HOME/tiphys
 * (~/.local/share/tiphys). Heap, absolute. */
char *app_data_dir(const char *flag) MUST_CHECK;
bool app_data_exists(const char *data_dir); /* has anything ever run there? */

struct app_lock;
/* `note`: one line for people and commands about the holder ("http://127.0.0.1:2746"), may be NULL.
 * CONFLICT, with pid and program of the holder, when the role is taken. */
int app_lock_take(struct app_lock **out, const char *data_dir, const char *role,
                  struct err *e) MUST_CHECK;
void app_lock_note(struct app_lock *l, const char *note); /* replaces the note */
struct app_lock *app_lock_free(struct app_lock *l);
AUTO_DEFINE(app_lock_free, struct app_lock *);
struct app_holder {
        pid_t pid;
        char program[64];
        char note[256];
};
/* Who holds the role now? False: nobody. */
bool app_lock_holder(const char *data_dir, const char *role, struct app_holder *out);

/* ---- what is opened on it ---- */

struct app_options {
        const char *data_dir;
        bool read_only; /* look only: no file is created */
        bool no_bus;    /* commands that need only the store */
        bool work;      /* daemons: with pool and HTTP client */
        /* Resources in a cluster instead (common/kube/kubeconfig.h); the data folder keeps the bus.
         */
        const char *kubeconfig,
                *context; /* either chooses it; NULL: kubectl's rules for the rest */
        bool in_cluster;  /* the one around this pod */
};
struct app {
        struct loop *loop;
        char *data_dir;
        struct db *db; /* NULL with a cluster and no_bus */
        struct store *store;
        bool cluster;             /* the store is a cluster's, not part of db */
        char *ns;                 /* cluster: where its configuration says we work */
        struct bus *bus;          /* NULL with no_bus */
        struct pool *pool;        /* work only */
        struct http_client *http; /* work only */
};
/* NOT_FOUND when the folder is not there and read_only. `app` must be zeroed; app_close() is safe
 * at any stage. */
int app_open(struct app *app, const struct app_options *o, struct err *e) MUST_CHECK;
void app_close(struct app *app);
static inline UNUSED void auto_app_close(struct app *app)
{
        app_close(app);
}
#define AUTO_APP __attribute__((cleanup(auto_app_close)))

/* ---- an orderly end ---- */

/* SIGTERM and SIGINT call `fn` with the signal's number, on the loop; SIGPIPE is ignored. A second
 * signal ends the process at once with 128 + number. */
struct app_signals;
struct app_signals *app_signals_new(struct loop *l, void (*fn)(void *arg, int sig),
                                    void *arg) MUST_CHECK;
struct app_signals *app_signals_free(struct app_signals *s);
AUTO_DEFINE(app_signals_free, struct app_signals *);

/* The memory that start-up needed goes back to the system: call it once everything runs. */
void app_trim_memory(void);
