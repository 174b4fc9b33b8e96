/* workflow/executor/passwd.c: as whom main runs: the template's numbers, else the user of its
 * image, who may be a name of the image's own /etc/passwd. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/executor/executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024, FIELDS_MAX = 7 };

/* Fields of the line of `path` whose first field is `name`, or whose field 2 is the number `id`. */
static bool find_line(const char *path, const char *name, const char *id, char *fields[FIELDS_MAX],
                      char **text)
{
        int fd = output_open(path, O_RDONLY);
        if (fd < 0)
                return false;
        *text = mem_alloc(FILE_MAX + 1);
        ssize_t n = read(fd, *text, FILE_MAX);
        close(fd);
        (*text)[n > 0 ? n : 0] = '\0';
        char *rest = *text;
        for (char *line; (line = strsep(&rest, "\n"));) {
                memset(fields, 0, FIELDS_MAX * sizeof(*fields));
                for (int i = 0; i < FIELDS_MAX && line; i++)
                        fields[i] = strsep(&line, ":");
                if (fields[2] && ((name && streq(fields[0], name)) || (id && streq(fields[2], id))))
                        return true;
        }
        return false;
}

static bool to_id(const char *text, uint64_t *id)
{
        int64_t n;
        if (!text || !str_to_i64(text, &n) || n < 0 || n > UINT32_MAX)
                return false;
        *id = (uint64_t)n;
        return true;
}

static int unknown(const struct pod *p, const char *what, const char *name, struct err *e)
{
        return err_set(e, ERR_INVALID, "user %s of the image: its %s has no \"%s\"", p->spec.user,
                       what, name);
}

static int resolve_group(struct pod *p, const char *name, struct err *e)
{
        char *fields[FIELDS_MAX];
        AUTO(mem_free) char *text = NULL;
        if (to_id(name, &p->spec.run_gid))
                return 0;
        if (!find_line("/etc/group", name, NULL, fields, &text) ||
            !to_id(fields[2], &p->spec.run_gid))
                return unknown(p, "/etc/group", name, e);
        return 0;
}

static int resolve_image_user(struct pod *p, struct err *e)
{
        struct spec *s = &p->spec;
        char *fields[FIELDS_MAX];
        AUTO(mem_free) char *text = NULL, *name = mem_strdup(s->user);
        char *group = strchr(name, ':');
        if (group)
                *group++ = '\0';
        bool number = to_id(name, &s->run_uid);
        bool known =
                find_line("/etc/passwd", number ? NULL : name, number ? name : NULL, fields, &text);
        if (!known && !number)
                return unknown(p, "/etc/passwd", name, e);
        if (known && (!to_id(fields[2], &s->run_uid) ||
                      (s->run_gid == UINT64_MAX && !to_id(fields[3], &s->run_gid))))
                return unknown(p, "/etc/passwd", name, e);
        return group && *group ? resolve_group(p, group, e) : 0;
}

/* HOME as the image's /etc/passwd has it, unless somebody chose another. Root's is not looked up:
 * most steps are root's. */
static void set_home(struct pod *p)
{
        struct spec *s = &p->spec;
        char id[24], *fields[FIELDS_MAX];
        AUTO(mem_free) char *text = NULL;
        size_t n = 0;
        if (spec_env(s, "HOME") || !s->isolate)
                return;
        bool root = s->run_uid == UINT64_MAX || s->run_uid == 0;
        snprintf(id, sizeof(id), "%llu", (unsigned long long)s->run_uid);
        bool known = !root && find_line("/etc/passwd", NULL, id, fields, &text) && fields[5];
        while (s->envp[n])
                n++;
        s->envp[n] = mem_printf("HOME=%s", known && *fields[5] ? fields[5] : root ? "/root" : "/");
}

int user_resolve(struct pod *p, struct err *e)
{
        struct spec *s = &p->spec;
        if (s->user && s->run_uid == UINT64_MAX && resolve_image_user(p, e) < 0)
                return -1;
        set_home(p);
        for (struct wire w = s->own; wire_find(&w, S_GROUP) && p->n_groups < GROUPS_MAX;)
                p->groups[p->n_groups++] = (gid_t)wire_u64(&w);
        if (s->fs_group != UINT64_MAX && p->n_groups < GROUPS_MAX)
                p->groups[p->n_groups++] = (gid_t)s->fs_group;
        return 0;
}
