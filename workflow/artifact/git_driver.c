/* workflow/artifact/git_driver.c: {"git": {...}}: a repository as an input, cloned by the git
 * program.
 *
 * git runs with an environment of its own: no configuration of the machine or of a user, no
 * prompts, no protocols but https, http, ssh and git (a submodule could name others). Credentials
 * are given to the repository's own host only. Words of users never stand where git looks for
 * options. What git said last is the error, without the URL, which may hold a password.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/proc.h"
#include "common/base/str.h"
#include "common/net/http_wait.h"
#include "workflow/artifact/artifact_driver.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 64, SAID_MAX = 64 * 1024, KEY_MAX = 64 * 1024 };
/* A helper that knows the repository's own credentials and nothing else. */
#define HELPER \
        "!f() { echo \"username=$TIPHYS_GIT_USER\"; echo \"password=$TIPHYS_GIT_PASSWORD\"; }; f"

struct git {
        struct artifacts *a;
        const json_t *at;
        const char *repo;
        const struct secret *user, *password, *ssh_key;
        char *home, *key_file; /* a folder of ours, for the key */
        char *env[16];
        size_t n_env;
        char *first[16]; /* "git", "-c", ... in front of each command */
        size_t n_first;
};

/* ---- how git is called ---- */

static void add_env(struct git *g, char *text_taken)
{
        g->env[g->n_env++] = text_taken;
}

static void add_first(struct git *g, char *text_taken)
{
        g->first[g->n_first++] = text_taken;
}

static void add_config(struct git *g, char *text_taken)
{
        add_first(g, mem_strdup("-c"));
        add_first(g, text_taken);
}

/* "https://host:port" of the repository; NULL when it is no URL with a host. */
static char *origin(const char *repo)
{
        const char *scheme = strstr(repo, "://");
        if (!scheme)
                return NULL;
        size_t n = strcspn(scheme + 3, "/?#");
        const char *host = scheme + 3, *user = memchr(host, '@', n);
        if (user) {
                n -= (size_t)(user + 1 - host);
                host = user + 1;
        }
        return mem_printf("%.*s://%.*s", (int)(scheme - repo), repo, (int)n, host);
}

static int write_key(struct git *g, struct err *e)
{
        g->key_file = fs_join(g->home, "key");
        int fd = open(g->key_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, errno, "sshPrivateKeySecret");
        const char *key = secret_reveal(g->ssh_key);
        size_t n = secret_len(g->ssh_key);
        int rc = fs_write_all(fd, key, n, e);
        if (rc == 0 && n && key[n - 1] != '\n') /* ssh wants the last line whole */
                rc = fs_write_all(fd, "\n", 1, e);
        close(fd);
        return rc;
}

static int prepare_ssh(struct git *g, struct err *e)
{
        bool any_host = json_is_true(json_object_get(g->at, "insecureIgnoreHostKey"));
        if (g->ssh_key && write_key(g, e) < 0)
                return -1;
        add_env(g, mem_printf("GIT_SSH_COMMAND=ssh -o BatchMode=yes%s%s%s",
                              any_host ? " -o StrictHostKeyChecking=no -o "
                                         "UserKnownHostsFile=/dev/null"
                                       : "",
                              g->key_file ? " -o IdentitiesOnly=yes -i " : "",
                              g->key_file ? g->key_file : ""));
        return 0;
}

static void prepare_password(struct git *g)
{
        AUTO(mem_free) char *where = origin(g->repo);
        if (!g->user || !where)
                return;
        add_env(g, mem_printf("TIPHYS_GIT_USER=%s", secret_reveal(g->user)));
        add_env(g, mem_printf("TIPHYS_GIT_PASSWORD=%s",
                              g->password ? secret_reveal(g->password) : ""));
        add_config(g, mem_printf("credential.%s.helper=%s", where, HELPER));
}

static int prepare(struct git *g, struct err *e)
{
        const char *path = getenv("PATH");
        if (location_secret(g->a->secrets, g->at, "usernameSecret", &g->user, e) < 0 ||
            location_secret(g->a->secrets, g->at, "passwordSecret", &g->password, e) < 0 ||
            location_secret(g->a->secrets, g->at, "sshPrivateKeySecret", &g->ssh_key, e) < 0)
                return -1;
        add_env(g, mem_printf("PATH=%s", path ? path : "/usr/bin:/bin"));
        add_env(g, mem_printf("HOME=%s", g->home));
        static const char *const fixed[] = {"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
                                            "GIT_TERMINAL_PROMPT=0",
                                            "GIT_ALLOW_PROTOCOL=https:http:ssh:git", "LC_ALL=C"};
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                add_env(g, mem_strdup(fixed[i]));
        add_first(g, mem_strdup("git"));
        if (json_is_true(json_object_get(g->at, "insecureSkipTLS")))
                add_config(g, mem_strdup("http.sslVerify=false"));
        prepare_password(g);
        return prepare_ssh(g, e);
}

/* ---- running it ---- */

/* Its last words, one line, without the URL. */
static void tell(const struct git *g, const char *what, int said, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(SAID_MAX);
        struct err unread = {0};
        if (lseek(said, 0, SEEK_SET) < 0 || fs_read_fd(&text, said, SAID_MAX, &unread) < 0)
                err_clear(&unread);
        const char *all = buf_str(&text), *last = strstr(all, "fatal: ");
        last = last ? last : strstr(all, "error: ");
        last = last ? last : all;
        const char *url = strstr(last, g->repo);
        int n = (int)strcspn(last, "\r\n");
        if (url && url < last + n)
                err_set(e, ERR_UNAVAILABLE, "git %s: %.*s<repo>%.*s", what, (int)(url - last), last,
                        (int)(last + n - url - (int)strlen(g->repo)), url + strlen(g->repo));
        else
                err_set(e, ERR_UNAVAILABLE, "git %s: %.*s", what, n, last);
}

/* Until it ends or the transfer is given up. */
static int wait_for(struct git *g, pid_t pid, int *status, struct err *e)
{
        int pidfd = pidfd_open_pid(pid);
        struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN},
                                {.fd = http_wait_wake_fd(g->a->http), .events = POLLIN}};
        while (pidfd >= 0 && poll(fds, 2, -1) < 0 && errno == EINTR)
                ;
        bool cancelled = fds[1].revents != 0;
        if (cancelled)
                kill(-pid, SIGKILL); /* its children too */
        if (pidfd >= 0)
                close(pidfd);
        while (waitpid(pid, status, 0) < 0 && errno == EINTR)
                ;
        return cancelled ? err_set(e, ERR_UNAVAILABLE, "cancelled") : 0;
}

static int spawn_git(struct git *g, char **argv, int said, pid_t *pid, struct err *e)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t how;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, said, 1);
        posix_spawn_file_actions_adddup2(&files, said, 2);
        posix_spawnattr_init(&how);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
        int rc = posix_spawnp(pid, "git", &files, &how, argv, g->env);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&how);
        return rc == 0 ? 0 : err_errno(e, rc, "git (is it installed?)");
}

/* `words`: the command and its arguments, NULL at the end. */
static int run(struct git *g, const char *const *words, struct err *e)
{
        char *argv[WORDS_MAX];
        size_t n = 0;
        pid_t pid;
        int status = 0, said = memfd_create("git", MFD_CLOEXEC);
        for (size_t i = 0; i < g->n_first; i++)
                argv[n++] = g->first[i];
        for (size_t i = 0; words[i] && n + 1 < WORDS_MAX; i++)
                argv[n++] = (char *)(uintptr_t)words[i];
        argv[n] = NULL;
        if (said < 0)
                return err_errno(e, errno, "memfd");
        int rc = spawn_git(g, argv, said, &pid, e);
        if (rc == 0)
                rc = wait_for(g, pid, &status, e);
        if (rc == 0 && status != 0) {
                tell(g, streq(words[0], "-C") ? words[2] : words[0], said, e);
                rc = -1;
        }
        close(said);
        return rc;
}

/* ---- the repository ---- */

static int check(const char *member, const char *value, struct err *e)
{
        if (value && value[0] == '-')
                return err_set(e, ERR_INVALID, "git.%s: \"%s\" must not begin with \"-\"", member,
                               value);
        return 0;
}

static int clone_to(struct git *g, const char *to, struct err *e)
{
        const char *branch = json_str(g->at, "branch"), *words[WORDS_MAX / 2];
        json_int_t depth = json_integer_value(json_object_get(g->at, "depth"));
        AUTO(mem_free) char *depth_text = mem_printf("%lld", (long long)depth);
        size_t n = 0;
        words[n++] = "clone";
        words[n++] = "--quiet";
        if (depth > 0) {
                words[n++] = "--depth";
                words[n++] = depth_text;
        }
        if (json_is_true(json_object_get(g->at, "singleBranch")))
                words[n++] = "--single-branch";
        if (!str_empty(branch)) {
                words[n++] = "--branch";
                words[n++] = branch;
        }
        words[n++] = "--";
        words[n++] = g->repo;
        words[n++] = to;
        words[n] = NULL;
        return run(g, words, e);
}

static int fetch_refs(struct git *g, const char *to, struct err *e)
{
        size_t i;
        json_t *ref;
        json_array_foreach (json_object_get(g->at, "fetch"), i, ref) {
                const char *text = json_string_value(ref);
                if (check("fetch", text, e) < 0 ||
                    run(g,
                        (const char *const[]){"-C", to, "fetch", "--quiet", "origin",
                                              text ? text : "", NULL},
                        e) < 0)
                        return -1;
        }
        return 0;
}

static int check_out(struct git *g, const char *to, struct err *e)
{
        const char *revision = json_str(g->at, "revision");
        if (!str_empty(revision) &&
            run(g, (const char *const[]){"-C", to, "checkout", "--quiet", revision, "--", NULL},
                e) < 0)
                return -1;
        if (json_is_true(json_object_get(g->at, "disableSubmodules")))
                return 0;
        return run(g,
                   (const char *const[]){"-C", to, "submodule", "update", "--quiet", "--init",
                                         "--recursive", "--force", NULL},
                   e);
}

static void git_deinit(struct git *g)
{
        struct err e = {0};
        for (size_t i = 0; i < g->n_env; i++) {
                explicit_bzero(g->env[i], strlen(g->env[i]));
                mem_free(g->env[i]);
        }
        for (size_t i = 0; i < g->n_first; i++)
                mem_free(g->first[i]);
        if (g->home && fs_remove_tree(g->home, &e) < 0)
                err_clear(&e); /* it lies in the temporary folder */
        mem_free(g->home);
        mem_free(g->key_file);
}

static int git_fetch(struct artifacts *a, const json_t *at, const char *sub, int to_dir,
                     const char *to, struct err *e)
{
        char home[] = "/tmp/tiphys-git-XXXXXX";
        struct git g = {.a = a, .at = at, .repo = json_str(at, "repo")};
        if (a->guard)
                return err_set(e, ERR_DENIED,
                               "git: not possible with denyPrivateAddresses: git chooses its "
                               "connections itself");
        if (str_empty(g.repo) || !str_empty(sub))
                return err_set(e, ERR_INVALID,
                               str_empty(g.repo) ? "git.repo: there is none"
                                                 : "subPath: not for git repositories");
        if (check("repo", g.repo, e) < 0 || check("branch", json_str(at, "branch"), e) < 0 ||
            check("revision", json_str(at, "revision"), e) < 0)
                return -1;
        g.home = mkdtemp(home) ? mem_strdup(home) : NULL;
        AUTO(mem_free) char *path = mem_printf("/proc/%d/fd/%d/%s", getpid(), to_dir, to);
        int rc = !g.home                       ? err_errno(e, errno, "temporary folder")
                 : prepare(&g, e) < 0          ? -1
                 : clone_to(&g, path, e) < 0   ? -1
                 : fetch_refs(&g, path, e) < 0 ? -1
                                               : check_out(&g, path, e);
        git_deinit(&g);
        if (rc < 0 && tree_remove(to_dir, to) < 0)
                err_wrap(e, "(a part of it is left behind)");
        return rc;
}

/* ---- the rest: a repository is an input and nothing else ---- */

static int no_stat(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                   struct artifact_info *out, struct err *e UNUSED)
{
        *out = (struct artifact_info){.folder = true};
        return 0;
}

static int no_open(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                   int *fd UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is a repository: look at it where it is");
}

static int no_list(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                   json_t **out UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is a repository: look at it where it is");
}

static int no_pack(struct artifacts *a UNUSED, const json_t *at UNUSED, const char *sub UNUSED,
                   int fd UNUSED, struct err *e)
{
        return err_set(e, ERR_INVALID, "it is a repository: look at it where it is");
}

static int no_delete(struct artifacts *a UNUSED, const json_t *at UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "a repository is not deleted");
}

const struct artifact_driver artifact_driver_git = {.type = "git",
                                                    .stat = no_stat,
                                                    .open = no_open,
                                                    .list = no_list,
                                                    .pack = no_pack,
                                                    .delete = no_delete,
                                                    .fetch = git_fetch};
