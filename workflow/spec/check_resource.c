/* workflow/spec/check_resource.c: resource templates. SPDX-License-Identifier: Apache-2.0 */
#include "common/yaml/yaml.h"
#include "workflow/spec/check.h"

/* {{=expressions}} stand for words; so do tags that are put in before Argo reads the text. */
static char *without_expressions(const char *text)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 24);
        while (*text) {
                const char *p = text[0] == '{' && text[1] == '{'
                                        ? text + 2 + strspn(text + 2, " \t\n")
                                        : NULL;
                const char *close = p && *p == '=' ? strstr(p, "}}") : NULL;
                if (close)
                        buf_adds(&b, "x");
                else
                        buf_addc(&b, *text == CHECK_PLACEHOLDER ? 'x' : *text);
                text = close ? close + 2 : text + 1;
        }
        return b.len ? buf_take(&b) : mem_strdup("");
}

/* What Go's YAML refuses, too; it takes keys that stand twice, and tags. */
static bool breaks_yaml(const struct diag *d)
{
        return d->severity == SEV_ERROR &&
               (streq(d->code, "E001") ||
                (streq(d->code, "E010") && !str_starts(d->msg, "the tag ")));
}

static void check_manifest(struct check *c, const char *raw, const struct check_scope *s,
                           const struct jpath *at)
{
        AUTO(mem_free) char *text = check_subst(c, s, raw);
        if (text[0] == CHECK_PLACEHOLDER)
                return;
        AUTO(mem_free) char *plain = without_expressions(text);
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs = {0};
        diags_init(&d);
        bool bad = yaml_load(&docs, "manifest", plain, strlen(plain), &d) < 0;
        for (size_t i = 0; bad && i < d.n; i++)
                if (breaks_yaml(&d.items[i])) {
                        FAIL(c, at, "E323", NULL, "manifest must be a valid yaml: line %u: %s",
                             d.items[i].at.line, d.items[i].msg);
                        break;
                }
        yaml_docs_deinit(&docs);
}

static void check_source(struct check *c, const json_t *body, const struct check_scope *s,
                         const struct jpath *at)
{
        const json_t *resource = json_object_get(body, "resource"),
                     *from = json_object_get(resource, "manifestFrom");
        const char *manifest = json_str(resource, "manifest"),
                   *artifact = json_str(from, "artifact", "name");
        struct jpath here = jpath_key(at, "manifest"), from_at = jpath_key(at, "manifestFrom");
        if (str_empty(manifest) && !json_is_object(from))
                FAIL(c, at, "E323", NULL, "either manifest or manifestFrom must be specified");
        if (!str_empty(manifest) && json_is_object(from))
                FAIL(c, at, "E323", NULL, "only one of manifest and manifestFrom may be given");
        if (json_is_object(json_object_get(from, "artifact")) &&
            !check_named(json_at(body, "inputs", "artifacts"), artifact ? artifact : ""))
                FAIL(c, &from_at, "E323", NULL,
                     "artifact %s in manifestFrom is no input artifact of this template",
                     artifact ? artifact : "");
        if (!str_empty(manifest))
                check_manifest(c, manifest, s, &here);
}

void check_resource(struct check *c, const json_t *body, const struct check_scope *s,
                    const struct jpath *at)
{
        static const char *const actions[] = {"get",   "delete",  "create",
                                              "apply", "replace", "patch"};
        const char *raw = json_str(body, "resource", "action");
        struct jpath up = jpath_key(at, "resource"), here = jpath_key(&up, "action");
        AUTO(mem_free) char *action = check_subst(c, s, raw ? raw : "");
        size_t i = 0;
        while (i < ARRAY_LEN(actions) && strcmp(action, actions[i]) != 0)
                i++;
        if (i == ARRAY_LEN(actions) && action[0] != CHECK_PLACEHOLDER)
                FAIL(c, &here, "E323", NULL,
                     "resource.action must be one of: get, create, apply, delete, replace, patch");
        if (i > 1)
                check_source(c, body, s, &up);
}
