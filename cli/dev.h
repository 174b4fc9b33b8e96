/* cli/dev.h: everything in one process on one loop: the parts of `tiphys dev` and their order of
 * start and end. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/files.h"
#include "common/app/daemon.h"

struct api;
struct archive;
struct controller;
struct controller_config;
struct eventsources;
struct http_server;
struct redrive;
struct runner;
struct sensors;

struct dev_opts {
        struct opt_list files, host_paths;
        int64_t port, webhook_port, max_running;
        const char *isolation, *network, *listen, *images, *config, *log_level, *log_format;
        bool rm, strict;
};
struct dev {
        struct cli *cli;
        const struct dev_opts *o;
        struct app_lock *locks[4];
        struct app_signals *signals;
        struct http_server *http;
        struct app_status status;
        struct api *api;
        struct runner *runner;
        struct controller_config *config;
        struct archive *archive;
        struct controller *controller;
        struct sensors *sensors;
        struct redrive *redrive;
        struct eventsources *sources;
        json_t *images, *host_paths;
        struct loop_timer ready_timer;
        struct mono started, pods_deadline;
        bool draining, announced;
};
/* The parts, without files and words. dev_parts_free() is safe at any stage. */
int dev_parts_start(struct dev *d, struct err *e) MUST_CHECK;
bool dev_ready(void *dev);
void dev_drain(struct dev *d, loop_fn *done, void *arg);
void dev_parts_free(struct dev *d);
void dev_put_banner(struct buf *b, struct dev *d);
