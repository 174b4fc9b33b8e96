/* workflow/executor/limits.c: memory and processor limits of a container by cgroups: version 2 (one
 * tree), or the two trees of version 1. The zygote prepares <tree>/tiphys once; each limited
 * container has a folder in it, entered by main before its exec. A machine that gives us no cgroups
 * runs steps without limits, and the banner says so. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CPU_PERIOD_US = 100000 };

static int write_at(int dir, const char *name, const char *text)
{
        int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
        if (fd >= 0)
                close(fd);
        return n < 0 ? -1 : 0;
}

static bool has_word(int dir, const char *name, const char *word)
{
        char text[1024];
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        return strstr(text, word);
}

static int open_tree(const char *path)
{
        int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -1;
        (void)write_at(dir, "cgroup.subtree_control", "+memory"); /* version 2 only */
        (void)write_at(dir, "cgroup.subtree_control", "+cpu");
        (void)mkdirat(dir, "tiphys", 0755);
        int fd = openat(dir, "tiphys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(dir);
        if (fd >= 0) {
                (void)write_at(fd, "cgroup.subtree_control", "+memory");
                (void)write_at(fd, "cgroup.subtree_control", "+cpu");
        }
        return fd;
}

void limits_find(struct host *h)
{
        h->cgroups[LIMIT_MEMORY] = h->cgroups[LIMIT_CPU] = -1;
        if (geteuid() != 0)
                return;
        if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
                int fd = open_tree("/sys/fs/cgroup");
                h->cgroup2 = true;
                if (fd >= 0 && has_word(fd, "cgroup.subtree_control", "memory"))
                        h->cgroups[LIMIT_MEMORY] = fd;
                if (fd >= 0 && has_word(fd, "cgroup.subtree_control", "cpu"))
                        h->cgroups[LIMIT_CPU] = fd;
                return;
        }
        h->cgroups[LIMIT_MEMORY] = open_tree("/sys/fs/cgroup/memory");
        h->cgroups[LIMIT_CPU] = open_tree("/sys/fs/cgroup/cpu");
}

static int open_folder(struct pod *p, enum limit which)
{
        int tree = p->x->host.cgroups[which];
        if (tree < 0)
                return -1;
        snprintf(p->cgroup_name, sizeof(p->cgroup_name), "%d-%llu-%d", (int)p->x->pid,
                 (unsigned long long)p->serial, p->member);
        if (mkdirat(tree, p->cgroup_name, 0755) < 0 && errno != EEXIST)
                return -1;
        return openat(tree, p->cgroup_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int limit_memory(const struct pod *p, int dir)
{
        char text[32];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)p->spec.memory);
        if (!p->x->host.cgroup2) {
                int rc = write_at(dir, "memory.limit_in_bytes", text);
                (void)write_at(dir, "memory.memsw.limit_in_bytes", text);
                return rc;
        }
        (void)write_at(dir, "memory.swap.max", "0");
        (void)write_at(dir, "memory.oom.group", "1");
        return write_at(dir, "memory.max", text);
}

static int limit_cpu(const struct pod *p, int dir)
{
        char text[64];
        unsigned long long quota = p->spec.cpu_milli * (CPU_PERIOD_US / 1000);
        quota = quota < 1000 ? 1000 : quota; /* the kernel's least */
        if (p->x->host.cgroup2) {
                snprintf(text, sizeof(text), "%llu %d", quota, CPU_PERIOD_US);
                return write_at(dir, "cpu.max", text);
        }
        snprintf(text, sizeof(text), "%llu", quota);
        return write_at(dir, "cpu.cfs_quota_us", text);
}

void limits_prepare(struct pod *p)
{
        if (p->spec.memory)
                p->cgroups[LIMIT_MEMORY] = open_folder(p, LIMIT_MEMORY);
        if (p->spec.cpu_milli)
                p->cgroups[LIMIT_CPU] = open_folder(p, LIMIT_CPU);
        bool good =
                (p->cgroups[LIMIT_MEMORY] < 0 || limit_memory(p, p->cgroups[LIMIT_MEMORY]) == 0) &&
                (p->cgroups[LIMIT_CPU] < 0 || limit_cpu(p, p->cgroups[LIMIT_CPU]) == 0);
        if (!good)
                fprintf(stderr, "tiphys-executor: limits of %s have no effect: %s\n", p->spec.node,
                        strerror(errno));
}

/* By the child that becomes main. */
int limits_enter(const struct pod *p)
{
        for (int i = 0; i < LIMITS; i++)
                if (p->cgroups[i] >= 0 && write_at(p->cgroups[i], "cgroup.procs", "0") < 0)
                        return -1;
        return 0;
}

bool limits_oom(const struct pod *p)
{
        char text[512];
        int dir = p->cgroups[LIMIT_MEMORY];
        int fd = dir < 0 ? -1
                         : openat(dir, p->x->host.cgroup2 ? "memory.events" : "memory.oom_control",
                                  O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *at = strstr(text, "oom_kill ");
        return at && strtoull(at + 9, NULL, 10) > 0;
}

void limits_remove(struct pod *p)
{
        for (int i = 0; i < LIMITS; i++) {
                if (p->cgroups[i] < 0)
                        continue;
                close(p->cgroups[i]);
                p->cgroups[i] = -1;
                (void)unlinkat(p->x->host.cgroups[i], p->cgroup_name, AT_REMOVEDIR);
        }
}
