/* workflow/effect/resource_flags.c: `flags` of a resource template: words for kubectl. Understood:
 * which object is meant ("kind/name", "kind name") and its namespace; without meaning here, and
 * accepted: how kubectl checks, waits and prints. The rest is refused by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/effect_priv.h"

static const char *const no_meaning[] = {"--validate",
                                         "--record",
                                         "--wait",
                                         "--force",
                                         "--grace-period",
                                         "--cascade",
                                         "--save-config",
                                         "--overwrite",
                                         "--now",
                                         "--timeout",
                                         "--warnings-as-errors",
                                         "--field-manager",
                                         "--show-managed-fields"};

/* "--name=value", or "--name" with the value in the next word. */
static const char *value_of(const char *word, const char *name, const json_t *flags, size_t *i)
{
        size_t n = strlen(name);
        if (strncmp(word, name, n) != 0)
                return NULL;
        if (word[n] == '=')
                return word + n + 1;
        return word[n] ? NULL : json_string_value(json_array_get(flags, ++*i));
}

static bool has_no_meaning(const char *word)
{
        size_t n = strcspn(word, "=");
        for (size_t i = 0; i < ARRAY_LEN(no_meaning); i++)
                if (strlen(no_meaning[i]) == n && strncmp(word, no_meaning[i], n) == 0)
                        return true;
        return false;
}

static void set(char **slot, const char *text, size_t n)
{
        mem_free(*slot);
        *slot = mem_strndup(text, n);
}

static int take_word(struct resource_flags *out, const char *word, struct err *e)
{
        const char *slash = strchr(word, '/');
        if (slash) {
                set(&out->kind, word, (size_t)(slash - word));
                set(&out->name, slash + 1, strlen(slash + 1));
        } else if (!out->kind) {
                set(&out->kind, word, strlen(word));
        } else if (!out->name) {
                set(&out->name, word, strlen(word));
        } else {
                return err_set(e, ERR_INVALID, "resource.flags: \"%s\": one object is expected",
                               word);
        }
        return 0;
}

int resource_flags_read(struct resource_flags *out, const json_t *flags, struct err *e)
{
        for (size_t i = 0; i < json_array_size(flags); i++) {
                const char *word = json_string_value(json_array_get(flags, i));
                const char *ns = word ? value_of(word, "--namespace", flags, &i) : NULL;
                if (word && !ns)
                        ns = value_of(word, "-n", flags, &i);
                if (ns)
                        set(&out->ns, ns, strlen(ns));
                else if (str_empty(word) || (word[0] == '-' && has_no_meaning(word)))
                        continue;
                else if (word[0] == '-')
                        return err_set(e, ERR_UNSUPPORTED, "not supported yet: resource.flags %s",
                                       word);
                else if (take_word(out, word, e) < 0)
                        return -1;
        }
        return 0;
}

void resource_flags_deinit(struct resource_flags *f)
{
        mem_free(f->kind);
        mem_free(f->name);
        mem_free(f->ns);
}
