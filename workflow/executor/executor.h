/* workflow/executor/executor.h: shared inside workflow/executor: the zygote and the life of one
 * pod.
 *
 *   main.c       arguments, then serve()
 *   zygote.c     the tiny process that receives requests and clones a supervisor for each
 *   supervisor.c one pod from its state file to its final status
 *   spec.c       the request, decoded without copying
 *   start.c      vfork and exec of main, and what it may do
 *   pump.c       its output: log, result
 *   inputs.c     script, artifacts and raw data in front of main
 *   outputs.c    parameters, artifacts and the result after it
 *   status.c     the final status, written and sent
 *   slot.c       scratch folders
 *   host.c       what the zygote prepares once for all sandboxes
 *   sandbox.c    one sandbox; volumes.c its volumes
 * Single-threaded; every process has one pod, so errors may simply end it. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "workflow/executor/wire.h"
#include <limits.h>
#include <signal.h>
#include <sys/types.h>

struct host {            /* of sandboxes, prepared by the zygote */
        bool user;       /* in a user namespace of our own: no root on the host */
        char words[128]; /* for runner_describe */
        int base; /* folder with root/ (mount point), skel/ (lower layer), keep/ (read-only pieces)
                   */
        int mounts;     /* our mount namespace */
        bool in_memory; /* upper layers on the tmpfs of host.c; else in the slot on the disk */
        int n_extra;
        char extra[16][PATH_MAX]; /* other data mounts of the host: /home, /usr, ... */
};
struct executor {
        int sock, signals;
        int pods, logs, store, scratch; /* folders of the data directory */
        const char *data_dir;
        uint64_t oom_kills; /* of the machine, some moments before the pod was started */
        struct host host;
};
int serve(struct executor *x);
int host_prepare(struct executor *x, struct err *e) MUST_CHECK;

struct spec {
        struct wire all;
        const char *uid, *node, *hostname, *root, *cwd, *termination_log, *log_key, *log_json;
        char **argv, **envp; /* NULL-terminated; strings live in the request. argv has room for one
                                more */
        size_t argc;
        struct wire script; /* data NULL: none */
        bool isolate, capture, no_new_privs, privileged;
        int64_t deadline_ms, grace_ms;
        uint64_t run_uid, run_gid; /* UINT64_MAX: as the executor */
        uint64_t caps;
};
int spec_read(struct spec *s, struct wire request, struct err *e) MUST_CHECK;
const char *spec_env(const struct spec *s, const char *name);

enum {
        PUMP_BUF = 64 * 1024,
        RESULT_MAX = 256 * 1024,
        MESSAGE_MAX = 8192,
        PARAM_MAX = 1024 * 1024,
        STATUS_MAX = 16 * 1024 * 1024
};
struct stream {
        int fd; /* -1: ended */
        const char *name;
        size_t len; /* bytes of an unfinished line at the front of buf */
        char buf[PUMP_BUF];
};
struct tail { /* the last RESULT_MAX bytes */
        size_t at, total;
        char ring[RESULT_MAX];
};
enum ending { END_BY_ITSELF, END_KILLED, END_DEADLINE };
struct pod { /* zeroed pages from calloc: what a pod does not use costs nothing */
        const struct executor *x;
        uint64_t serial;
        struct spec spec;
        int state, log, plain; /* descriptors; plain: bytes for the archived log, -1 without */
        bool log_failed;
        int dir, tmp; /* the slot: scratch folder of this pod, and its tmp/, the pod's /tmp */
        unsigned slot;
        int layers;                      /* sandbox: folder of the upper layers */
        char layers_at[48], slot_at[32]; /* both as seen from base */
        int upper; /* sandbox: what main wrote, beneath the root, if it is on the disk; -1 else */
        pid_t main;
        bool main_ended;
        int wait_status;
        int64_t kill_at_ms; /* monotonic; 0: not armed */
        int64_t deadline_at_ms;
        enum ending ending;
        int64_t started_ns, finished_ns;
        char start_failure[PATH_MAX + 256];
        struct buf status;
        struct stream out, err;
        struct tail tail;
};
/* In a process of its own; answers its exit code. */
int supervise(const struct executor *x, uint64_t serial, struct wire request, int slot,
              unsigned slot_number);

enum { SLOTS_MAX = 100000 };
int slot_take(const struct executor *x, unsigned *number); /* locked descriptor; -1 and errno */
int slot_open_tmp(int slot);
int slot_clean(int slot, int tmp);

int inputs_mount(struct pod *p,
                 struct err *e) MUST_CHECK; /* large ones, while the sandbox is built */
int inputs_place(struct pod *p, struct err *e)
        MUST_CHECK; /* script, raw data, small artifacts: in the finished root */
int sandbox_enter(struct pod *p,
                  struct err *e) MUST_CHECK; /* we are pid 1 of it afterwards; "/" is its root */
int volumes_mount(struct pod *p, struct err *e) MUST_CHECK; /* cwd is the base of host.c */

int main_start(struct pod *p); /* -1: start_failure says why, wait_status the code */
void pump_read(struct pod *p, struct stream *s);
void pump_end(struct pod *p, struct stream *s); /* flush an unfinished line */
int output_open(const char *path, int flags);   /* inside the pod's root; -1 and errno */
int outputs_collect(struct pod *p, bool required, struct err *e) MUST_CHECK;

enum {
        PHASE_RUNNING = 1,
        PHASE_SUCCEEDED,
        PHASE_FAILED,
        PHASE_ERROR
}; /* as enum pod_phase of runner.h */
void status_final(struct pod *p, int phase, int exit_code, const char *message);
void send_msg(const struct executor *x, enum msg_kind kind, uint64_t serial, uint64_t arg,
              const void *body, size_t n);
int64_t now_mono_ms(void);
int64_t now_wall_ns(void);
uint64_t oom_kills(void); /* since the machine was started; 0 when unknown */
