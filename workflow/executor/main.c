/* workflow/executor/main.c: tiphys-executor: the helper process of the local runner.
 *
 *   tiphys-executor --serve FD --data DIR [--no-sandbox]
 *
 * FD is a SEQPACKET socket to the runner (wire.h). The process is small on purpose: it clones
 * itself for every step. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int usage(void)
{
        fprintf(stderr, "usage: tiphys-executor --serve FD --data DIR [--no-sandbox]\n"
                        "Started by tiphys and tiphys-controller; not meant to be run by hand.\n");
        return 2;
}

static int open_folder(int *fd, int data, const char *name)
{
        if (mkdirat(data, name, 0700) < 0 && errno != EEXIST)
                return -1;
        *fd = openat(data, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *fd < 0 ? -1 : 0;
}

static int open_folders(struct executor *x)
{
        int data = open(x->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (data < 0 || open_folder(&x->pods, data, "pods") < 0 ||
            open_folder(&x->logs, data, "logs") < 0 || open_folder(&x->spare, data, "spare") < 0 ||
            open_folder(&x->store, data, "artifacts") < 0 ||
            open_folder(&x->scratch, data, "scratch") < 0) {
                fprintf(stderr, "tiphys-executor: %s: %s\n", x->data_dir, strerror(errno));
                return -1;
        }
        close(data);
        return 0;
}

static int open_signals(void)
{
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigdelset(&set, SIGINT);
        sigdelset(&set, SIGHUP);
        return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
        struct executor x = {.sock = -1};
        bool sandbox = true;
        int64_t fd = -1;
        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--serve") && i + 1 < argc && str_to_i64(argv[i + 1], &fd))
                        i++;
                else if (streq(argv[i], "--data") && i + 1 < argc)
                        x.data_dir = argv[++i];
                else if (streq(argv[i], "--no-sandbox"))
                        sandbox = false;
                else
                        return usage();
        }
        if (fd < 0 || !x.data_dir)
                return usage();
        x.sock = (int)fd;
        fcntl(x.sock, F_SETFD, FD_CLOEXEC);
        umask(022);
        x.signals = open_signals();
        x.pid = getpid();
        limits_find(&x.host);
        if (open_folders(&x) < 0)
                return 1;
        struct err e = {0};
        if (sandbox && host_prepare(&x, &e) < 0) {
                send_msg(&x, MSG_UNABLE, 0, 0, err_msg(&e), strlen(err_msg(&e)));
                err_clear(&e);
        }
        return serve(&x);
}
