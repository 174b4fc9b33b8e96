/* workflow/spec/names.c: names of templates, steps, parameters: form, length, uniqueness.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"
#include <ctype.h>

enum { NAME_MAX_LENGTH = 128 };

static bool is_alnum(char ch)
{
        return isascii(ch) && isalnum((unsigned char)ch);
}

static bool well_formed(const char *s, enum check_kind_of_name kind)
{
        if (!*s || (kind == NAME_TEMPLATE && !is_alnum(*s)))
                return false;
        for (; *s; s++)
                if (!is_alnum(*s) && *s != '-' && !(kind == NAME_VALUE && *s == '_'))
                        return false;
        return true;
}

bool check_value_name_ok(const char *name)
{
        return well_formed(name, NAME_VALUE);
}

struct check_name *check_set_find(struct check_name *set, const char *name, size_t n)
{
        struct check_name *found;
        HASH_FIND(hh, set, name, n, found);
        return found;
}

struct check_name *check_set_add(struct check_name **set, const char *name, size_t n,
                                 bool *was_there)
{
        struct check_name *item = check_set_find(*set, name, n);
        *was_there = item != NULL;
        if (item)
                return item;
        item = NEW(struct check_name);
        item->name = mem_strndup(name, n);
        HASH_ADD_KEYPTR(hh, *set, item->name, n, item);
        return item;
}

void check_set_free(struct check_name **set)
{
        struct check_name *item, *next;
        HASH_ITER (hh, *set, item, next) {
                HASH_DEL(*set, item);
                mem_free(item->name);
                mem_free(item);
        }
}

char *check_hint(struct check_name *set, const char *name, const char *otherwise)
{
        const char *names[200];
        size_t n = 0;
        for (struct check_name *k = set; k && n < ARRAY_LEN(names); k = k->hh.next)
                names[n++] = k->name;
        const char *near = str_nearest(name, names, n);
        return near ? mem_printf("did you mean '%s'?", near) : mem_strdup(otherwise);
}

bool check_has_tag(const char *text)
{
        for (const char *open = text; open && (open = strstr(open, "{{")); open++) {
                const char *p = open + 2;
                while (is_alnum(*p) || *p == '-' || *p == '_' || *p == '.')
                        p++;
                if (p > open + 2 && p[0] == '}' && p[1] == '}')
                        return true;
        }
        return false;
}

/* A name whose tags stand for single characters: "run-{{inputs.parameters.x}}" is checked as
 * "run-x". */
static char *skeleton(const char *name)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);
        for (const char *p = name; *p;) {
                const char *close = p[0] == '{' && p[1] == '{' ? strstr(p, "}}") : NULL;
                bool ours = close && (str_starts(p + 2, "inputs.") ||
                                      str_starts(p + 2, "workflow.") || str_starts(p + 2, "item"));
                buf_addc(&b, ours ? 'x' : *p);
                p = ours ? close + 2 : p + 1;
        }
        return b.len ? buf_take(&b) : mem_strdup("");
}

void check_name(struct check *c, const json_t *item, const char *what, enum check_kind_of_name kind,
                struct check_name **seen, const struct jpath *at)
{
        const char *name = json_str(item, "name");
        struct jpath here = jpath_key(at, "name");
        bool was_there;
        if (str_empty(name)) {
                FAIL(c, at, "E303", NULL, "a %s needs a name", what);
                return;
        }
        bool may_be_dynamic = strcmp(what, "step") == 0;
        char *plain = may_be_dynamic ? skeleton(name) : mem_strdup(name);
        if (!well_formed(plain, kind))
                FAIL(c, &here, "E303", NULL,
                     kind == NAME_TEMPLATE
                             ? "%s name '%s' is invalid: letters, digits and '-', beginning with a "
                               "letter or digit"
                             : "%s name '%s' is invalid: letters, digits, '-' and '_'",
                     what, name);
        else if (kind == NAME_TEMPLATE && strlen(name) > NAME_MAX_LENGTH)
                FAIL(c, &here, "E303", NULL, "%s name is longer than %d characters", what,
                     NAME_MAX_LENGTH);
        mem_free(plain);
        check_set_add(seen, name, strlen(name), &was_there);
        if (was_there)
                FAIL(c, &here, "E304", NULL, "%s name '%s' is not unique", what, name);
}
