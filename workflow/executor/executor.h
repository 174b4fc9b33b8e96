/* workflow/executor/executor.h: shared inside workflow/executor: the zygote and the life of one
 * pod.
 *
 *   main.c       arguments, then serve()
 *   zygote.c     the tiny process that clones workers
 *   worker.c     waits for pods and carries them out
 *   supervisor.c one pod from its state file to its final status
 *   group.c      a pod of several containers: which runs when, member.c: each in a process of its
 * own container.c  one container from its preparation to its outputs action.c     probes and hooks
 *   spec.c       the request, decoded without copying
 *   start.c      vfork and exec of main, and what it may do
 *   pump.c       its output: log, result
 *   inputs.c     script, artifacts and raw data in front of main
 *   outputs.c    parameters, artifacts and the result after it
 *   status.c     the final status, written and sent
 *   slot.c       scratch folders
 *   host.c       what the zygote prepares once for all sandboxes
 *   sandbox.c    one sandbox; volumes.c its volumes; files.c volumes of files; hosts.c
 *   network.c    a network of the pod's own
 *   limits.c     cgroups
 *   passwd.c     who an image's user is
 *   dial.c       connections into a pod
 * Single-threaded; every process has one pod at a time. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/err.h"
#include "workflow/executor/wire.h"
#include <limits.h>
#include <signal.h>
#include <sys/types.h>

enum limit { LIMIT_MEMORY, LIMIT_CPU, LIMITS };
struct host {            /* of sandboxes, prepared by the zygote */
        bool user;       /* in a user namespace of our own: no root on the host */
        char words[128]; /* for runner_describe */
        int base; /* folder with root/ (mount point), skel/ (lower layer), keep/ (read-only pieces)
                   */
        int mounts;     /* our mount namespace */
        bool in_memory; /* upper layers on the tmpfs of host.c; else in the slot on the disk */
        bool cgroup2;
        int cgroups[LIMITS]; /* folders in which containers get theirs; -1: there are none here */
        int n_extra;
        char extra[16][PATH_MAX]; /* other data mounts of the host: /home, /usr, ... */
};
struct executor {
        pid_t pid; /* of the zygote */
        int sock, signals;
        int pods, spare, logs, store, scratch; /* folders of the data directory */
        const char *data_dir;
        uint64_t oom_kills; /* of the machine, some moments before the pod was started */
        struct host host;
};
int serve(struct executor *x);
int host_prepare(struct executor *x, struct err *e) MUST_CHECK;

struct spec {
        struct wire all;
        struct wire own; /* records of this container: the request's, or a group's in it */
        const char *uid, *node, *hostname, *root, *cwd, *termination_log, *log_key, *log_json;
        const char *name, *user; /* of the container; user[:group] of its image */
        enum container_role role;
        char **argv, **envp; /* NULL-terminated; strings live in the request. argv has room for one
                                more */
        size_t argc;
        struct wire script; /* data NULL: none */
        bool isolate, capture, no_new_privs, privileged, read_only, private_network, layered,
                dialled;
        int64_t deadline_ms, grace_ms, retry_ms;
        uint64_t retries;
        uint64_t run_uid, run_gid;        /* UINT64_MAX: as the executor */
        uint64_t fs_group;                /* UINT64_MAX: none */
        uint64_t caps, memory, cpu_milli; /* limits, 0: none */
        bool grouped;                     /* the containers stand in groups */
};
/* Of the pod; `group`: of one container in it, NULL for a pod of one. */
int spec_read(struct spec *s, struct wire request, const struct wire *group,
              struct err *e) MUST_CHECK;
const char *spec_env(const struct spec *s, const char *name);

enum {
        PUMP_BUF = 64 * 1024,
        RESULT_MAX = 256 * 1024,
        MESSAGE_MAX = 8192,
        PARAM_MAX = 1024 * 1024,
        STATUS_MAX = 16 * 1024 * 1024,
        RUNNING_MAX = 48 * 1024 /* of a message that is never a file */
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
enum ending { END_BY_ITSELF, END_KILLED, END_DEADLINE, END_UNHEALTHY };
enum { PROBES_MAX = 3, GROUPS_MAX = 32, IP_MAX = 16 };
struct probe {
        enum action_kind kind;
        struct wire spec;
        bool on; /* its turn has come, and it is not done */
        int64_t next_at_ms, give_up_at_ms;
        pid_t pid; /* a look that is under way */
        uint64_t successes, failures;
};
struct pod { /* zeroed pages from calloc: what a pod does not use costs nothing */
        const struct executor *x;
        uint64_t serial, worker;
        struct spec spec;
        bool announced;
        struct group *group; /* a pod of several containers */
        void (*on_child)(struct pod *p, pid_t pid, int status);
        int member;  /* index in a pod of several containers, else -1 */
        int channel; /* of a member, to its group; -1 */
        char ip[IP_MAX];
        struct probe probes[PROBES_MAX];
        unsigned n_probes;
        bool ready;
        const char *unhealthy; /* why it was ended */
        pid_t stopping;        /* a preStop hook that runs */
        pid_t started_hook;
        int cgroups[LIMITS]; /* folders of its limits, -1 without */
        char cgroup_name[48];
        gid_t groups[GROUPS_MAX];
        unsigned n_groups;
        char spare[48];        /* name of the state file before it is claimed; "" then */
        int state, log, plain; /* descriptors; plain: bytes for the archived log, -1 without */
        bool log_failed;
        int dir, tmp; /* the slot: scratch folder of this pod, and its tmp/, the pod's /tmp */
        unsigned slot;
        int layers;                      /* sandbox: folder of the upper layers */
        char layers_at[48], slot_at[32]; /* both as seen from base */
        char tmp_name[16], plain_name[16];
        int upper; /* sandbox: what main wrote, beneath the root, if it is on the disk; -1 else */
        pid_t main;
        bool main_ended;
        int wait_status;
        int64_t kill_at_ms;                     /* monotonic; 0: not armed */
        int64_t deadline_at_ms, announce_at_ms; /* the same */
        enum ending ending;
        int64_t started_ns, finished_ns;
        char start_failure[PATH_MAX + 256];
        struct buf status;
        struct stream out, err;
        struct tail tail;
};
struct pod *pod_new(const struct executor *x, uint64_t serial);

struct worker {
        struct executor *x;
        uint64_t id;
        int link;            /* the runner gives us pods here */
        bool isolate, spent; /* spent: it ends with this pod */
        bool unfit;          /* and the runner does not expect it */
        int dir, tmp;        /* its slot, and tmp/ in it once a pod was here; -1 */
        bool clean;          /* there is nothing in it */
        unsigned slot;
        int64_t oom_read_ms;
};
int worker_serve(struct worker *w); /* its exit code */
/* A held pod is prepared: may it go on? False: the socket has ended. */
bool worker_may_go(struct worker *w, uint64_t serial);
/* One pod, to its end; sets w->spent. */
void supervise(struct worker *w, const struct msg_head *h, struct wire request);

enum { SLOTS_MAX = 100000 };
int slot_take(const struct executor *x, unsigned *number); /* locked descriptor; -1 and errno */
int slot_open_tmp(int slot, const char *name);
int slot_clean(int slot, int tmp);
int slot_renew(int slot, int *tmp); /* as clean, and tmp/ is fit for the next pod */

/* container.c: in the order of its life. */
int container_prepare(struct pod *p, struct err *e) MUST_CHECK;
void container_run(struct pod *p);                     /* main is over, and all it started */
void container_conclude(struct pod *p, bool required); /* outputs and status records */
void container_end(struct pod *p, enum ending why, int64_t grace_ms);
bool container_killed_early(struct pod *p); /* and then the status is put */
int container_exit_code(const struct pod *p);
int container_due(const struct pod *p); /* ms until the next thing that is due, for poll */
void container_on_time(struct pod *p);
void on_signals(struct pod *p);

/* supervisor.c */
int create_in(int folder, const char *sub, const char *name, int flags, mode_t mode);
bool record_running(struct pod *p); /* in the state file; false: the disk is full */
void announce(struct pod *p);       /* it runs; p->ready as far as known; may come again */

/* group.c */
struct group;
void group_run(struct pod *p);                                 /* to the final status records */
void group_put_containers(const struct pod *p, struct buf *b); /* R_CONTAINER records */
/* member.c */
int member_run(struct pod *group, const struct wire *records, int index, int channel, int status);
void member_note(const struct pod *p, unsigned kind, int value);
enum note_kind { NOTE_RUNNING = 1, NOTE_READY, NOTE_ENDED, NOTE_COLLECT };
struct note {
        uint32_t kind;
        int32_t value; /* ENDED: exit code; COLLECT: are outputs required? */
        int64_t at_ns;
};

/* start.c: in a child process: as main would be started. Comes back when it cannot. */
void action_exec(const struct pod *p, char **argv);
/* action.c */
void actions_begin(struct pod *p); /* main was started */
void actions_on_time(struct pod *p, int64_t now);
bool actions_reaped(struct pod *p, pid_t pid, int status); /* was it one of ours? */
int64_t actions_due(const struct pod *p);                  /* monotonic ms; 0: nothing is due */
bool stopping_begin(struct pod *p);                        /* false: there is no preStop hook */

int network_private(struct pod *p, struct err *e) MUST_CHECK;
int dialled_by_others(const struct pod *p, struct err *e) MUST_CHECK; /* from here on, if wanted */
int user_resolve(struct pod *p, struct err *e) MUST_CHECK; /* inside the container's root */
void limits_find(struct host *h);
void limits_prepare(struct pod *p);    /* as far as this machine can */
int limits_enter(const struct pod *p); /* -1 and errno */
void limits_remove(struct pod *p);
bool limits_oom(const struct pod *p);

int inputs_mount(struct pod *p,
                 struct err *e) MUST_CHECK; /* large ones, while the sandbox is built */
int inputs_place(struct pod *p, struct err *e)
        MUST_CHECK; /* script, raw data, small artifacts: in the finished root */
int sandbox_enter(struct pod *p,
                  struct err *e) MUST_CHECK; /* we are pid 1 of it afterwards; "/" is its root */
int volumes_make(struct pod *p, struct err *e) MUST_CHECK;  /* once for a pod */
int volumes_mount(struct pod *p, struct err *e) MUST_CHECK; /* cwd is the base of host.c */
int hosts_mount(struct pod *p, struct err *e) MUST_CHECK;   /* hostAliases */
int files_make(struct pod *p, int dir, struct wire volume, struct err *e) MUST_CHECK;

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
void status_put(struct pod *p, int phase, int exit_code, const char *message); /* the records */
void status_send(struct pod *p); /* to the state file and the runner */
void send_msg(const struct executor *x, enum msg_kind kind, uint64_t serial, uint64_t arg,
              const void *body, size_t n);
int64_t now_mono_ms(void);
int64_t now_wall_ns(void);
void oom_look(struct executor *x, int64_t *read_ms); /* x->oom_kills, at most once a second */
uint64_t oom_kills(void); /* since the machine was started; 0 when unknown */
