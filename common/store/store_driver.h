/* common/store/store_driver.h: for people who write store drivers (embedded, kube). The calls are
 * those of store.h; the generic half does kinds, accessors, blocking conveniences, follow and
 * secrets on top of them. Every callback comes later, on the loop, exactly once (watches: until the
 * end). Threads: the loop's. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/store/store.h"

struct store_driver {
        const char *name;
        void (*close)(struct store *s); /* answers what is outstanding, frees the driver's struct */
        int (*ping)(struct store *s, struct err *e);
        void (*get)(struct store *s, struct store_ref ref, store_done_fn *done, void *arg);
        void (*create)(struct store *s, const struct store_kind *kind, const char *ns,
                       const json_t *obj, store_done_fn *done, void *arg);
        void (*update)(struct store *s, const struct store_kind *kind, const json_t *obj,
                       store_done_fn *done, void *arg);
        void (*patch)(struct store *s, struct store_ref ref, enum store_patch type,
                      const json_t *patch, store_done_fn *done, void *arg);
        void (*remove)(struct store *s, struct store_ref ref, const struct store_delete_opts *o,
                       store_done_fn *done, void *arg);
        void (*list)(struct store *s, const struct store_kind *kind, const char *ns,
                     const struct store_list_opts *o, store_done_fn *done, void *arg);
        void (*watch)(struct store_watch **out, struct store *s, const struct store_kind *kind,
                      const char *ns, const struct store_list_opts *o, const char *resource_version,
                      store_watch_fn *fn, void *arg);
        struct store_watch *(*watch_stop)(struct store_watch *w);
        void (*patient)(struct store *s, bool patient); /* NULL: no difference */
        void (*hurry)(struct store *s);                 /* NULL: nothing waits */
};

/* First member of a driver's own struct. */
struct store {
        const struct store_driver *driver;
        struct loop *loop;
};
/* First member of a driver's own watch. */
struct store_watch {
        struct store *store;
};
