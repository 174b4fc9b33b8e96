/* tests/conformance/workflow/run_cases.c: runs recorded cases of conformance/workflow through the
 * simulator.
 *
 *      tiphys-simulate-cases [-q] [-r] DIR|FILE...
 *
 * Prints per case pass, fail (with the differences), listed (differs on purpose:
 * docs/compatibility.md) or not-supported (with the field), and last "N passed, N failed, N
 * listed", where the not supported ones count as listed. -q prints only failures; -r restores the
 * workflow from its status after every step; without it the recorded inputs of every case are
 * replayed, and must give the same state byte for byte. DIR is
 * $TIPHYS_SHARED/conformance/workflow/simulate. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/engine/simulate.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where we differ on purpose; the reasons are in docs/compatibility.md. */
static const char *const differs[] = {
        "resubmit-memoized-retry", /* a step with retries begins anew, and not once too often */
        "displayname-invalid", /* an invalid name is found before the pod is created, not after */
};

struct totals {
        size_t passed, failed, listed;
        bool quiet, restore;
};

static int load(json_t **out, const char *path, struct err *e)
{
        AUTO_BUF struct buf text = BUF_INIT(64 << 20);
        if (fs_read(&text, path, 64 << 20, e) < 0)
                return -1;
        json_error_t why;
        *out = json_loadb(buf_str(&text), text.len, 0,
                          &why); /* depth of cases is ours, not users' */
        return *out ? 0 : err_set(e, ERR_INVALID, "%s:%d: %s", path, why.line, why.text);
}

static bool is_listed(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(differs); i++)
                if (streq(differs[i], name))
                        return true;
        return false;
}

static void run_case(const char *path, struct totals *t)
{
        AUTO_JSON json_t *test_case = NULL, *result = NULL;
        AUTO_BUF struct buf differences = BUF_INIT(BUF_UNBOUNDED);
        struct simulate_options options = {
                .restore_each_step = t->restore, .max_steps = 100000, .check_replay = !t->restore};
        struct err why = {0};
        if (load(&test_case, path, &why) < 0) {
                printf("fail %s: %s\n", path, err_msg(&why));
                t->failed++;
        } else if (simulate_run(&result, test_case, &options, &why) < 0) {
                bool listed = why.code == ERR_UNSUPPORTED;
                if (!listed || !t->quiet)
                        printf("%s %s: %s\n", listed ? "not-supported" : "fail",
                               json_str(test_case, "name"), err_msg(&why));
                *(listed ? &t->listed : &t->failed) += 1;
        } else if (simulate_compare(&differences, json_object_get(test_case, "expect"), result)) {
                bool listed = is_listed(json_str(test_case, "name"));
                if (!listed || !t->quiet)
                        printf("%s %s\n%s", listed ? "listed" : "fail", json_str(test_case, "name"),
                               buf_str(&differences));
                *(listed ? &t->listed : &t->failed) += 1;
        } else {
                if (!t->quiet)
                        printf("pass %s\n", json_str(test_case, "name"));
                t->passed++;
        }
        err_clear(&why);
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_folder(const char *dir, struct totals *t)
{
        DIR *d = opendir(dir);
        char **paths = NULL;
        size_t n = 0, cap = 0;
        for (struct dirent *entry; d && (entry = readdir(d));) {
                if (!str_ends(entry->d_name, ".json"))
                        continue;
                mem_grow(paths, cap, n + 1);
                paths[n++] = fs_join(dir, entry->d_name);
        }
        if (d)
                closedir(d);
        if (n)
                qsort(paths, n, sizeof(*paths), by_text);
        for (size_t i = 0; i < n; i++) {
                run_case(paths[i], t);
                mem_free(paths[i]);
        }
        mem_free(paths);
}

int main(int argc, char **argv)
{
        struct totals t = {0};
        for (int c; (c = getopt(argc, argv, "qr")) != -1;) {
                if (c == 'q')
                        t.quiet = true;
                else if (c == 'r')
                        t.restore = true;
                else
                        return 2;
        }
        char dir[4096];
        const char *shared = getenv("TIPHYS_SHARED");
        snprintf(dir, sizeof(dir), "%s/conformance/workflow/simulate",
                 shared && *shared ? shared : "../shared");
        char *fallback[] = {dir};
        char **paths = optind < argc ? argv + optind : fallback;
        for (int i = 0; i < (optind < argc ? argc - optind : 1); i++) {
                struct stat st;
                if (stat(paths[i], &st) != 0)
                        printf("no cases at %s: NOT RUN (set TIPHYS_SHARED)\n", paths[i]);
                else if (S_ISDIR(st.st_mode))
                        run_folder(paths[i], &t);
                else
                        run_case(paths[i], &t);
        }
        printf("%zu passed, %zu failed, %zu listed\n", t.passed, t.failed, t.listed);
        return t.failed ? 1 : 0;
}
