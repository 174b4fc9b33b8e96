/* workflow/engine/lock_name.c: see lock_name.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/lock_name.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

#define ROW "Database"
#define ROW_MUTEX "DatabaseMutex"

void lock_name_deinit(struct lock_name *n)
{
        mem_free(n->text);
}

bool lock_name_parse(struct lock_name *out, const char *name)
{
        *out = (struct lock_name){.text = mem_strdup(name)};
        char *kind = strchr(out->text, '/'), *rest = kind ? strchr(kind + 1, '/') : NULL;
        out->ns = out->text;
        out->key = out->text + strlen(out->text);
        if (!rest)
                return false;
        *kind++ = '\0';
        *rest++ = '\0';
        out->kind = kind;
        out->name = rest;
        if (streq(kind, "ConfigMap")) {
                char *key = strchr(rest, '/');
                if (!key || strchr(key + 1, '/') || !key[1])
                        return false;
                *key++ = '\0';
                out->key = key;
        }
        return *out->ns && *out->name;
}

bool lock_name_is_semaphore(const char *name)
{
        const char *slash = strchr(name, '/');
        return slash && (str_starts(slash, "/ConfigMap/") || str_starts(slash, "/" ROW "/"));
}

bool lock_name_in_database(const struct lock_name *n, bool *mutex)
{
        *mutex = streq(n->kind, ROW_MUTEX);
        return *mutex || streq(n->kind, ROW);
}

/* ---- limits ---- */

static const char *limit_text(const struct wf_lookup *lookup, const struct lock_name *n)
{
        bool row = streq(n->kind, ROW);
        if (!lookup->fn || (!row && !*n->key))
                return NULL;
        return json_str(lookup->fn(lookup->arg, "ConfigMap", n->ns, row ? SYNC_LIMITS : n->name),
                        "data", row ? n->name : n->key);
}

int64_t lock_limit(const struct wf_lookup *lookup, const char *name)
{
        struct lock_name n;
        int64_t limit = 0;
        if (lock_name_parse(&n, name)) {
                const char *text = limit_text(lookup, &n);
                if (streq(n.kind, "Mutex") || streq(n.kind, ROW_MUTEX))
                        limit = 1;
                else if (!text || !str_to_i64(text, &limit) || limit < 0 || limit > INT32_MAX)
                        limit = 0;
        }
        lock_name_deinit(&n);
        return limit;
}

static int fail_without_limit(const struct wf_lookup *lookup, const char *name,
                              const struct lock_name *n, struct err *e)
{
        const char *found = limit_text(lookup, n);
        if (!streq(n->kind, ROW))
                return err_set(e, ERR_INVALID, "failed to initialize semaphore %s with limit",
                               name);
        if (found)
                return err_set(e, ERR_INVALID,
                               "failed to initialize semaphore %s with limit: sync limit %s in "
                               "namespace %s: expected a number above 0, found \"%s\" (tiphys "
                               "sync update %s --type database --limit N -n %s)",
                               name, n->name, n->ns, found, n->name, n->ns);
        return err_set(e, ERR_INVALID,
                       "failed to initialize semaphore %s with limit: there is no sync limit %s "
                       "in namespace %s (tiphys sync create %s --type database --limit N -n %s)",
                       name, n->name, n->ns, n->name, n->ns);
}

int lock_name_check(const struct wf_lookup *lookup, const char *name, struct err *e)
{
        struct lock_name n;
        int r = 0;
        if (!lock_name_parse(&n, name))
                r = err_set(e, ERR_INVALID,
                            "requested configuration is invalid: Invalid lock key: unknown format: "
                            "\"%s\"",
                            name);
        else if (lock_name_is_semaphore(name) && lock_limit(lookup, name) == 0)
                r = fail_without_limit(lookup, name, &n, e);
        lock_name_deinit(&n);
        return r;
}

/* ---- as people see them ---- */

/* `name` with another kind in the middle. */
static char *with_kind(const char *name, const char *from, const char *to)
{
        const char *slash = strchr(name, '/');
        return slash && str_starts(slash, from)
                       ? mem_printf("%.*s%s%s", (int)(slash - name), name, to, slash + strlen(from))
                       : NULL;
}

const char *lock_name_shown(const char *name, struct arena *a)
{
        AUTO(mem_free) char *shown = with_kind(name, "/" ROW_MUTEX "/", "/" ROW "/");
        return shown ? arena_printf(a, "%s", shown) : name;
}

char *lock_name_of_mutex(const char *shown)
{
        char *name = with_kind(shown, "/" ROW "/", "/" ROW_MUTEX "/");
        return name ? name : mem_strdup(shown);
}
