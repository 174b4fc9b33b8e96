/* workflow/executor/wire.h: what the runner tells the executor and hears back: tagged records.
 *
 * A message is a list of records {u16 tag, u16 reserved, u32 length, bytes, NUL, padding to 8}. A
 * string payload is NUL-terminated in place, so the executor points argv and envp straight into the
 * message and allocates nothing; a group's payload is a list of records again. The same bytes serve
 * the socket and the pod's state file, where each message stands in a frame with a checksum.
 * Written and read on one machine, in its byte order. Threads: any; pure. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tags of a pod's specification (S_), of a group inside it (V_ volume, M_ mount, IN_ input, OUT_
 * output) and of a status (R_). Numbers may change between versions: the executor is of the
 * runner's build (checked by WIRE_VERSION), but R_ tags and the frames also live in state files:
 * those only grow. */
enum wire_tag {
        S_UID = 1,  /* workflow uid */
        S_NODE,     /* node id: name of the state file */
        S_HOSTNAME, /* pod name */
        S_ISOLATE,  /* u64: 1 sandbox, 0 none */
        S_ROOT,     /* lower layer, "/" for the host's root */
        S_ARG,
        S_ENV,
        S_CWD,
        S_SCRIPT,  /* bytes; the path is appended to the arguments */
        S_CAPTURE, /* u64: stdout becomes outputs.result */
        S_DEADLINE_MS,
        S_GRACE_MS,
        S_RUN_UID,
        S_RUN_GID, /* u64 */
        S_NO_NEW_PRIVS,
        S_PRIVILEGED,
        S_CAPS,            /* u64: capabilities kept by root in the sandbox */
        S_TERMINATION_LOG, /* path */
        S_LOG_KEY,         /* store key of the plain log (archiveLogs) */
        S_LOG_JSON,        /* artifact record of it */
        S_VOLUME,
        S_MOUNT,
        S_INPUT,
        S_OUT_PARAM,
        S_OUT_ARTIFACT, /* groups */
        /* Pods of several containers have a group for each; what is of one container stands in
         * there instead of at the top. */
        S_CONTAINER,
        S_NAME,      /* of the container; without: main */
        S_ROLE,      /* u64 enum container_role */
        S_AFTER,     /* containerSet: a container that must end well before; repeated */
        S_RETRIES,   /* u64: how often the command is tried again */
        S_RETRY_MS,  /* u64: pause before that */
        S_LOWER,     /* layer of an image, topmost first; replaces S_ROOT; repeated */
        S_USER,      /* user[:group] of an image, by name or number */
        S_GROUP,     /* u64: supplementary; repeated */
        S_FS_GROUP,  /* u64: group of volumes */
        S_READ_ONLY, /* u64: the root is read-only */
        S_NETWORK,   /* u64: 1 private to the pod, 0 the host's */
        S_DIALLED,   /* u64: 1 its ports are reached by runner_dial() */
        S_PROBE,     /* group */
        S_HOOK,      /* group */
        S_MEMORY,    /* u64 bytes */
        S_CPU_MILLI, /* u64 thousandths of a core */
        S_HOSTS,     /* lines for /etc/hosts */
        V_KIND = 64, /* u64 enum volume_kind */
        V_NAME,
        V_PATH,
        V_CHECK /* hostPath.type */,
        V_SIZE /* u64 bytes, of memory */,
        V_FILE /* group: F_ */,
        V_MODE /* u64, of files */,
        F_PATH,
        F_DATA,
        F_MODE,
        M_VOLUME = 80, /* u64 index */
        M_PATH,
        M_SUBPATH,
        M_READ_ONLY,
        M_SUBPATH_EXPR,
        IN_NAME = 96,
        IN_PATH,
        IN_DATA /* raw */,
        IN_KEY /* folder store */,
        IN_SUBPATH,
        IN_UNPACK /* u64 enum unpack */,
        IN_MODE,
        IN_RECURSE,
        IN_OPTIONAL,
        OUT_NAME = 112,
        OUT_PATH,
        OUT_DEFAULT /* parameter */,
        OUT_KEY,
        OUT_OPTIONAL,
        OUT_TAR /* u64: gzip level + 2 */,
        OUT_JSON,
        R_PHASE = 160, /* u64 enum pod_phase */
        R_EXIT_CODE,   /* u64, as int64 */
        R_MESSAGE,
        R_STARTED,
        R_FINISHED /* u64 ns since 1970 */,
        R_PARAM,
        R_ARTIFACT /* groups */,
        R_RESULT,
        R_NAME,
        R_VALUE,
        R_JSON,
        R_NOTE /* for the daemon's log */,
        R_IP /* address of the pod */,
        R_READY /* u64: every container is ready */,
        R_CONTAINER /* group: R_NAME, and R_EXIT_CODE, R_MESSAGE once it has ended */,
        A_KIND = 200 /* S_PROBE, S_HOOK: u64 enum action_kind */,
        A_HOW /* u64 enum action_how */,
        A_ARG /* repeated */,
        A_HOST,
        A_PORT,
        A_PATH,
        A_HEADER /* "Name: value", repeated */,
        A_DELAY_MS,
        A_PERIOD_MS,
        A_TIMEOUT_MS,
        A_SUCCESSES,
        A_FAILURES,
};
/* In arguments and environment: the address of a pod that has a network of its own. */
#define WIRE_POD_IP "\x1fpod-ip\x1f"
enum volume_kind { VOLUME_HOST_PATH, VOLUME_EMPTY, VOLUME_MEMORY, VOLUME_FILES, VOLUME_CLAIM };
enum container_role { ROLE_MAIN, ROLE_INIT, ROLE_INIT_SIDECAR, ROLE_SIDECAR };
enum action_kind { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, HOOK_STARTED, HOOK_STOPPING };
enum action_how { ACTION_EXEC, ACTION_HTTP, ACTION_TCP, ACTION_SLEEP };
enum unpack { UNPACK_DETECT, UNPACK_NONE, UNPACK_TAR };

void wire_put(struct buf *b, enum wire_tag tag, const void *data, size_t n);
void wire_put_str(struct buf *b, enum wire_tag tag, const char *s); /* NULL: nothing is written */
void wire_put_u64(struct buf *b, enum wire_tag tag, uint64_t v);
size_t wire_begin(struct buf *b, enum wire_tag tag); /* a group; pass the answer to wire_end */
void wire_end(struct buf *b, size_t begin);

struct wire { /* a reader, and the record it stands on */
        const char *p, *end;
        unsigned tag;
        const char *data; /* NUL behind it */
        size_t n;
};
struct wire wire_read(const void *data, size_t n);
bool wire_next(struct wire *w); /* false at the end, and on a malformed list: then wire_bad */
static inline bool wire_bad(const struct wire *w)
{
        return w->p != w->end;
}
uint64_t wire_u64(const struct wire *w); /* 0 when the payload is no number */
static inline struct wire wire_group(const struct wire *w)
{
        return wire_read(w->data, w->n);
}
/* First record of that tag in a list: its text, number, or the fallback. */
const char *wire_find_str(struct wire w, enum wire_tag tag);
uint64_t wire_find_u64(struct wire w, enum wire_tag tag, uint64_t fallback);
bool wire_find(struct wire *w,
               enum wire_tag tag); /* moves there; false: not there, w is at the end */

/* Frames of the state file. RUNNING is written just before main is started, and again when more is
 * known; FINAL once at the end. */
enum frame_kind { FRAME_RUNNING = 1, FRAME_FINAL, FRAME_ABANDONED };
uint64_t frame_owner(const char *uid, const char *node); /* whose frames they are */
void frame_put(struct buf *b, uint64_t owner, enum frame_kind kind, const void *data, size_t n);
/* The frame at data[*at]; moves *at behind it. False at the end, where a frame is incomplete or
 * damaged, and where it is another pod's: files are used again, and after a power cut an old
 * content may be back. */
bool frame_next(const char *data, size_t n, size_t *at, uint64_t owner, enum frame_kind *kind,
                struct wire *content);

/* Messages of SEQPACKET sockets: one between runner and executor, on which workers speak too, and
 * one from the runner to each worker. A body over WIRE_INLINE_MAX travels as a memfd (start) or is
 * read from the state file (final). */
enum { WIRE_VERSION = 3, WIRE_INLINE_MAX = 64 * 1024 };
enum msg_kind {
        MSG_WORKER = 1, /* runner: serial = of the worker, arg: 1 sandbox, its socket */
        MSG_KILL,    /* runner: serial = of the worker, arg = low half of the pod's serial << 32 |
                        grace in ms */
        MSG_READY,   /* executor: arg = WIRE_VERSION; body: words for runner_describe */
        MSG_UNABLE,  /* executor: body: why there will be no sandbox */
        MSG_RUNNING, /* supervisor: serial, arg = ns since 1970; body: R_ records. Comes again when
                        a container ends or all are ready */
        MSG_FINAL,   /* supervisor: serial, body: status; empty: read the state file */
        MSG_EXISTS,  /* supervisor: serial: the state file was there before */
        MSG_GONE,    /* executor: serial = of the worker, arg = wait status or -errno; 0: it leaves,
                        and what it    was given last it has not begun */
        MSG_START,   /* to a worker: serial of the pod, arg = START_ flags, body or memfd */
        MSG_GO,      /* to a worker: serial: the pod that is held may start */
};
enum {
        START_HELD = 1 /* prepare it, then wait for GO */,
        START_SPARE = 8 /* shift: the number of a
file in <data>/spare that may become the state file; 0: none */
};
struct msg_head {
        uint32_t kind, reserved;
        uint64_t serial, arg;
};
