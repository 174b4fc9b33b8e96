/* workflow/engine/fieldsel.c: see fieldsel.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/fieldsel.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"

struct requirement {
        char *field, *value; /* heap */
        bool negated;
};

static void requirement_deinit(struct requirement *r)
{
        mem_free(r->field);
        mem_free(r->value);
        *r = (struct requirement){0};
}

/* The value up to a comma, without its escapes. False: it may not hold that character. */
static bool read_value(const char **p, char **out)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        const char *s = *p;
        for (; *s && *s != ','; s++) {
                if (*s == '\\' && s[1] && strchr("\\,=", s[1]))
                        s++;
                else if (*s == '=' || *s == '\\')
                        return false;
                buf_addc(&b, *s);
        }
        *p = s;
        *out = mem_strdup(b.len ? buf_str(&b) : "");
        return true;
}

/* The next requirement at *p. 1: there was one; 0: the end; -1: it is none. */
static int next(const char **p, struct requirement *out)
{
        while (**p == ',') /* empty ones are fine */
                (*p)++;
        if (!**p)
                return 0;
        size_t n = strcspn(*p, "=!,");
        bool negated = (*p)[n] == '!';
        if (!n || (*p)[n] == ',' || !(*p)[n] || (negated && (*p)[n + 1] != '='))
                return -1;
        *out = (struct requirement){.field = mem_strndup(*p, n), .negated = negated};
        *p += n + 1 + negated;
        if (!negated && **p == '=')
                (*p)++;
        if (read_value(p, &out->value))
                return 1;
        requirement_deinit(out);
        return -1;
}

int fieldsel_check(const char *selector, struct err *e)
{
        struct requirement r;
        const char *p = selector ? selector : "", *at = p;
        for (int more; (more = next(&p, &r)); at = p) {
                if (more < 0)
                        return err_set(e, ERR_INVALID,
                                       "invalid field selector \"%s\": can't understand \"%s\"",
                                       selector, *at == ',' ? at + 1 : at);
                requirement_deinit(&r);
        }
        return 0;
}

static const char *parameter(const json_t *node, const char *io, const char *field)
{
        const char *name = field + strlen(io) + strlen(".parameters.");
        size_t n = strlen(name), i;
        json_t *p;
        if (n > 6 && str_ends(name, ".value"))
                n -= 6;
        json_array_foreach (json_at(node, io, "parameters"), i, p) {
                const char *own = json_str(p, "name");
                if (own && strlen(own) == n && memcmp(own, name, n) == 0)
                        return json_str(p, "value");
        }
        return NULL;
}

static const char *field_of(const json_t *node, const char *field)
{
        static const char *const plain[] = {"displayName", "name", "id", "phase", "type"};
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                if (streq(field, plain[i]))
                        return json_str(node, plain[i]);
        if (streq(field, "templateName")) {
                const char *remote = json_str(node, "templateRef", "template");
                return remote ? remote : json_str(node, "templateName");
        }
        if (streq(field, "templateRef.name"))
                return json_str(node, "templateRef", "name");
        if (streq(field, "templateRef.template"))
                return json_str(node, "templateRef", "template");
        if (str_starts(field, "inputs.parameters."))
                return parameter(node, "inputs", field);
        if (str_starts(field, "outputs.parameters."))
                return parameter(node, "outputs", field);
        return NULL;
}

bool fieldsel_matches(const char *selector, const json_t *node)
{
        struct requirement r;
        const char *p = selector ? selector : "";
        for (int more; (more = next(&p, &r));) {
                if (more < 0)
                        return false;
                const char *value = field_of(node, r.field);
                bool fits = streq(value ? value : "", r.value) != r.negated;
                requirement_deinit(&r);
                if (!fits)
                        return false;
        }
        return true;
}
