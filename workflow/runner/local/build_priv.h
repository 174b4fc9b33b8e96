/* workflow/runner/local/build_priv.h: a template on its way to a request for the executor.
 *
 *   request.c   the pod: its parts, and the request made of them
 *   part.c      a container: command, place, time, limits
 *   actions.c   its probes and hooks
 *   security.c  as whom it runs
 *   volumes.c   the pod's volumes, and where a container has them
 *   content.c   Secrets and ConfigMaps that are volumes
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "workflow/image/image.h"
#include "workflow/runner/local/env_priv.h"

struct part { /* a container */
        struct build *build;
        const json_t *container; /* borrowed from the template */
        const char *name;
        enum container_role role;
        bool is_script;
        struct image image; /* what its image is here */
        struct buf records;
        struct env *env;
};
struct build {
        struct runner *r;
        json_t *template;
        char *ns, *node_id, *pod_name, *workflow, *uid;
        bool capture, grouped, private_network, beside;
        int64_t deadline_s, grace_s;
        struct part *parts;
        size_t n, next;  /* parts; the one whose environment is fetched */
        json_t *volumes; /* those that are mounted, in the order of their records */
        json_t *objects; /* content.c: "Secret/name", "ConfigMap/name" -> object or null */
        json_t *wanted;  /* the same keys, not asked for yet */
        struct buf io;   /* inputs and outputs: of main */
        bool asking, abandoned;
        char *asked;
        build_done_fn *done;
        void *done_arg;
};

/* part.c */
int part_put(struct part *part, const struct pod_request *req, struct err *e) MUST_CHECK;
int put_actions(struct part *part, struct err *e) MUST_CHECK;
int put_security(struct part *part, struct err *e) MUST_CHECK;
/* volumes.c: notes the volumes that the container mounts. */
int put_mounts(struct part *part, struct err *e) MUST_CHECK;
int put_volumes(struct build *build, struct buf *b, struct err *e) MUST_CHECK;
/* content.c */
void content_want(struct build *build, bool secret, const char *name);
/* NULL: it is not there. */
const json_t *content_of(const struct build *build, bool secret, const char *name);
/* Fetches what is wanted; `then` is called at the end, never after build_free. */
void content_fetch(struct build *build, void (*then)(struct build *build, struct err *e));
void build_destroy(struct build *build);

/* "1Gi", 500m, 2 -> units or thousandths; false when it is no quantity. */
bool quantity_of(const json_t *j, bool milli, int64_t *out);
int refuse_fields(const json_t *object, const char *const *fields, const char *where,
                  struct err *e) MUST_CHECK;
