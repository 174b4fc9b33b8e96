/* common/store/kinds.c: kinds we know, and the plural of those we do not. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define KIND(symbol, group, version, kind, plural, cluster, shorts) \
        extern const struct store_kind STORE_##symbol;              \
        const struct store_kind STORE_##symbol = {group, version, kind, plural, cluster};
#include "common/store/kinds.def"
#undef KIND

static const struct {
        const struct store_kind *kind;
        const char *shorts;
} known[] = {
#define KIND(symbol, group, version, kind, plural, cluster, shorts) {&STORE_##symbol, shorts},
#include "common/store/kinds.def"
#undef KIND
};

static bool same_api(const struct store_kind *k, const char *api_version)
{
        size_t n = strlen(k->group);
        if (n == 0)
                return streq(k->version, api_version);
        return strncmp(api_version, k->group, n) == 0 && api_version[n] == '/' &&
               streq(k->version, api_version + n + 1);
}

const struct store_kind *store_kind_find(const char *api_version, const char *kind)
{
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (kind && api_version && streq(known[i].kind->kind, kind) &&
                    same_api(known[i].kind, api_version))
                        return known[i].kind;
        return NULL;
}

static bool word_in(const char *list, const char *word)
{
        size_t n = strlen(word);
        for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
                if (strncasecmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ' '))
                        return true;
        return false;
}

const struct store_kind *store_kind_by_word(const char *word)
{
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (strcasecmp(known[i].kind->kind, word) == 0 ||
                    strcasecmp(known[i].kind->plural, word) == 0 || word_in(known[i].shorts, word))
                        return known[i].kind;
        return NULL;
}

/* English inflection of the lower-cased kind, as the Go library that Argo Events uses: Endpoints
 * gives endpointses. */
static char *inflect(const char *kind)
{
        char *s = mem_strdup(kind);
        for (char *p = s; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        size_t n = strlen(s);
        char last = n ? s[n - 1] : 0, before = n > 1 ? s[n - 2] : 0;
        bool vowel = before && strchr("aeiou", before);
        char *plural;
        if (last == 'y' && !vowel)
                plural = mem_printf("%.*sies", (int)n - 1, s);
        else if (last == 's' || last == 'x' || last == 'z' ||
                 (last == 'h' && (before == 'c' || before == 's')))
                plural = mem_printf("%ses", s);
        else
                plural = mem_printf("%ss", s);
        free(s);
        return plural;
}

int store_kind_of(struct store_kind *out, const json_t *object, struct err *e)
{
        const char *api = json_str(object, "apiVersion"), *kind = json_str(object, "kind");
        if (str_empty(api) || str_empty(kind))
                return err_set(e, ERR_INVALID, "the resource has no %s",
                               str_empty(api) ? "apiVersion" : "kind");
        const struct store_kind *k = store_kind_find(api, kind);
        if (k) {
                *out = *k;
                out->plural = mem_strdup(k->plural);
                return 0;
        }
        const char *slash = strchr(api, '/');
        if (slash && (slash == api || !slash[1] || strchr(slash + 1, '/')))
                return err_set(e, ERR_INVALID, "apiVersion \"%s\" is not group/version", api);
        /* group and version are cut out of one copy that hangs behind the plural: freed with it */
        AUTO(mem_free) char *plural = inflect(kind);
        size_t p = strlen(plural) + 1, g = slash ? (size_t)(slash - api) : 0;
        char *all = mem_alloc(p + g + 1 + strlen(slash ? slash + 1 : api) + 1);
        memcpy(all, plural, p);
        memcpy(all + p, api, g);
        strcpy(all + p + g + 1, slash ? slash + 1 : api);
        *out = (struct store_kind){all + p, all + p + g + 1, kind, all, false};
        return 0;
}

void store_kind_deinit(struct store_kind *k)
{
        free((void *)(uintptr_t)k->plural);
        k->plural = NULL;
}
