/* workflow/runner/local/stored.c: what lies in the data folder of pods that ran at any time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <dirent.h>
#include <stdlib.h>

static int is_name(const struct dirent *ent)
{
        return ent->d_name[0] != '.';
}

/* Names in a folder; 0 when it is not there. */
static int names_in(const char *path, struct dirent ***out)
{
        int n = scandir(path, out, is_name, alphasort);
        return n < 0 ? 0 : n;
}

static void free_names(struct dirent **names, int n)
{
        for (int i = 0; i < n; i++)
                free(names[i]);
        if (n)
                free(names);
}

static void each_pod(const char *pods, const char *uid, runner_stored_fn *each, void *arg)
{
        AUTO(mem_free) char *path = mem_printf("%s/%s", pods, uid);
        struct dirent **names = NULL;
        int n = names_in(path, &names);
        for (int i = 0; i < n; i++)
                each(arg, uid, names[i]->d_name);
        free_names(names, n);
}

void runner_each_stored(struct runner *r, runner_stored_fn *each, void *arg)
{
        AUTO(mem_free) char *pods = mem_printf("%s/pods", r->data_dir);
        AUTO(mem_free) char *logs = mem_printf("%s/logs", r->data_dir);
        struct dirent **a = NULL, **b = NULL;
        int n = names_in(pods, &a), m = names_in(logs, &b), i = 0, k = 0;
        while (i < n || k < m) { /* both are sorted: one walk over the two */
                int order = i == n ? 1 : k == m ? -1 : strcmp(a[i]->d_name, b[k]->d_name);
                const char *uid = order <= 0 ? a[i]->d_name : b[k]->d_name;
                each(arg, uid, NULL);
                if (order <= 0)
                        each_pod(pods, uid, each, arg);
                i += order <= 0;
                k += order >= 0;
        }
        free_names(a, n);
        free_names(b, m);
}
