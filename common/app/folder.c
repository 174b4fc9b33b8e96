/* common/app/folder.c: the data folder and its role locks. See app.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/app/app.h"
#include "common/base/fs.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *absolute(const char *path)
{
        if (path[0] == '/')
                return mem_strdup(path);
        char cwd[PATH_MAX];
        if (!getcwd(cwd, sizeof(cwd)))
                return mem_strdup(path);
        return fs_join(cwd, path);
}

char *app_data_dir(const char *flag)
{
        if (!str_empty(flag))
                return absolute(flag);
        const char *env = getenv("TIPHYS_DATA");
        if (!str_empty(env))
                return absolute(env);
        const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
        if (geteuid() == 0 || (str_empty(xdg) && str_empty(home)))
                return mem_strdup("/var/lib/tiphys");
        return str_empty(xdg) ? mem_printf("%s/.local/share/tiphys", home) : fs_join(xdg, "tiphys");
}

bool app_data_exists(const char *data_dir)
{
        AUTO(mem_free) char *db = fs_join(data_dir, "tiphys.db");
        return fs_exists(db);
}

/* ---- role locks ---- */

struct app_lock {
        int fd;
};

static char *lock_path(const char *data_dir, const char *role)
{
        return mem_printf("%s/run/%s.lock", data_dir, role);
}

static struct flock whole_file(short type)
{
        return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static void read_holder(int fd, struct app_holder *out)
{
        char text[512] = "";
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        *out = (struct app_holder){0};
        if (n <= 0)
                return;
        int pid = 0;
        if (sscanf(text, "%d %63s %255[^\n]", &pid, out->program, out->note) >= 1)
                out->pid = pid;
}

static void write_holder(int fd, const char *note)
{
        AUTO(mem_free)
        char *text = mem_printf("%d %s %s\n", (int)getpid(), program_invocation_short_name,
                                note ? note : "");
        if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
                return; /* the words are a convenience; the lock itself stands */
}

int app_lock_take(struct app_lock **out, const char *data_dir, const char *role, struct err *e)
{
        AUTO(mem_free) char *dir = fs_join(data_dir, "run");
        if (fs_mkdirs(dir, 0700, e) < 0)
                return -1;
        AUTO(mem_free) char *path = lock_path(data_dir, role);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, errno, "%s", path);
        struct flock fl = whole_file(F_WRLCK);
        if (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
                struct app_holder h;
                read_holder(fd, &h);
                close(fd);
                return err_set(e, ERR_CONFLICT,
                               "%s (process %d) already runs on the data folder %s",
                               h.program[0] ? h.program : "another process", (int)h.pid, data_dir);
        }
        write_holder(fd, NULL);
        *out = NEW(struct app_lock);
        (*out)->fd = fd;
        return 0;
}

void app_lock_note(struct app_lock *l, const char *note)
{
        write_holder(l->fd, note);
}

struct app_lock *app_lock_free(struct app_lock *l)
{
        if (!l)
                return NULL;
        close(l->fd);
        mem_free(l);
        return NULL;
}

bool app_lock_holder(const char *data_dir, const char *role, struct app_holder *out)
{
        AUTO(mem_free) char *path = lock_path(data_dir, role);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return false;
        struct flock fl = whole_file(F_WRLCK);
        bool held = fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
        if (held)
                read_holder(fd, out);
        close(fd);
        return held;
}
