/* workflow/executor/spec.c: the request, decoded in place: only the argv and envp arrays are
 * allocated. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <stdlib.h>
#include <string.h>

static void take(struct spec *s, struct wire *w, size_t *n_env)
{
        char *text = (char *)(uintptr_t)w->data; /* exec wants char *const[] */
        switch (w->tag) {
        case S_UID: s->uid = text; break;
        case S_NODE: s->node = text; break;
        case S_HOSTNAME: s->hostname = text; break;
        case S_ISOLATE: s->isolate = wire_u64(w); break;
        case S_ROOT: s->root = text; break;
        case S_ARG: s->argv[s->argc++] = text; break;
        case S_ENV: s->envp[(*n_env)++] = text; break;
        case S_CWD: s->cwd = text; break;
        case S_SCRIPT: s->script = *w; break;
        case S_CAPTURE: s->capture = wire_u64(w); break;
        case S_DEADLINE_MS: s->deadline_ms = (int64_t)wire_u64(w); break;
        case S_GRACE_MS: s->grace_ms = (int64_t)wire_u64(w); break;
        case S_RUN_UID: s->run_uid = wire_u64(w); break;
        case S_RUN_GID: s->run_gid = wire_u64(w); break;
        case S_NO_NEW_PRIVS: s->no_new_privs = wire_u64(w); break;
        case S_PRIVILEGED: s->privileged = wire_u64(w); break;
        case S_CAPS: s->caps = wire_u64(w); break;
        case S_TERMINATION_LOG: s->termination_log = text; break;
        case S_LOG_KEY: s->log_key = text; break;
        case S_LOG_JSON: s->log_json = text; break;
        case S_NAME: s->name = text; break;
        case S_USER: s->user = text; break;
        case S_ROLE: s->role = (enum container_role)wire_u64(w); break;
        case S_RETRIES: s->retries = wire_u64(w); break;
        case S_RETRY_MS: s->retry_ms = (int64_t)wire_u64(w); break;
        case S_FS_GROUP: s->fs_group = wire_u64(w); break;
        case S_READ_ONLY: s->read_only = wire_u64(w); break;
        case S_NETWORK: s->private_network = wire_u64(w); break;
        case S_DIALLED: s->dialled = wire_u64(w); break;
        case S_MEMORY: s->memory = wire_u64(w); break;
        case S_CPU_MILLI: s->cpu_milli = wire_u64(w); break;
        case S_LOWER: s->layered = true; break;
        case S_CONTAINER: s->grouped = true; break;
        default: break; /* groups are read where they are used */
        }
}

static void count(struct wire w, size_t *args, size_t *envs)
{
        while (wire_next(&w)) {
                *args += w.tag == S_ARG;
                *envs += w.tag == S_ENV;
        }
}

static bool take_all(struct spec *s, struct wire w, size_t *n_env)
{
        while (wire_next(&w))
                take(s, &w, n_env);
        return !wire_bad(&w);
}

int spec_read(struct spec *s, struct wire request, const struct wire *group, struct err *e)
{
        size_t args = 0, envs = 0, n_env = 0;
        count(request, &args, &envs);
        if (group)
                count(*group, &args, &envs);
        *s = (struct spec){.all = request,
                           .own = group ? *group : request,
                           .name = "main",
                           .run_uid = UINT64_MAX,
                           .run_gid = UINT64_MAX,
                           .fs_group = UINT64_MAX};
        s->argv = mem_calloc(args + 2, sizeof(char *));
        s->envp = mem_calloc(envs + 4, sizeof(char *)); /* HOME and TMPDIR may be added */
        bool good = take_all(s, request, &n_env) && (!group || take_all(s, *group, &n_env));
        if (!good || !s->uid || !s->node || (!s->argc && (group || !s->grouped)))
                return err_set(e, ERR_INTERNAL, "the request to the executor is damaged");
        return 0;
}

const char *spec_env(const struct spec *s, const char *name)
{
        size_t n = strlen(name);
        for (char **v = s->envp; *v; v++)
                if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
                        return *v + n + 1;
        return NULL;
}
