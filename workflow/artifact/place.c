/* workflow/artifact/place.c: see place.h. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/artifact/place.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/artifact/location.h"
#include "workflow/artifact/tree.h"
#include <string.h>

char *place_own_key(const char *key)
{
        size_t n = strlen(key);
        while (n > 1 && key[n - 1] == '/')
                n--;
        return mem_strndup(key, n);
}

int place_check_key(const char *type, const char *key, struct err *e)
{
        AUTO(mem_free) char *own = place_own_key(key ? key : "");
        if (!*own || !tree_key_valid(own) || str_starts(own, STAGING "/"))
                return err_set(e, ERR_INVALID,
                               "%s.key: \"%s\" must be a relative path without \".\" and \"..\"",
                               type, key);
        return 0;
}

char *place_base_name(const char *path)
{
        size_t n = strlen(path);
        while (n && path[n - 1] == '/')
                n--;
        size_t from = n;
        while (from && path[from - 1] != '/')
                from--;
        return mem_strndup(path + from, n - from);
}

int place_home(struct place_home *h, const json_t *repository, const char *fallback, struct err *e)
{
        h->repository = repository;
        const json_t *at = location_of(repository, &h->type);
        const char *key = at ? location_key(at) : "";
        h->type = at ? h->type : "folder";
        h->prefix = mem_strdup(*key ? key : fallback);
        return place_check_key("archiveLocation", h->prefix, e);
}

void place_home_deinit(struct place_home *h)
{
        mem_free(h->prefix);
        h->prefix = NULL;
}

void place_deinit(struct place *p)
{
        json_decref(p->whole);
        json_decref(p->record);
}

/* ---- one artifact ---- */

static enum packing packing_of(const json_t *out, bool here, const char *given)
{
        if (json_at(out, "archive", "none"))
                return AS_IT_IS;
        if (json_at(out, "archive", "zip"))
                return PACK_ZIP;
        if (json_at(out, "archive", "tar") || !here)
                return PACK_TAR;
        return given && (str_ends(given, ".tgz") || str_ends(given, ".tar.gz")) ? PACK_TAR
                                                                                : AS_IT_IS;
}

static char *default_key(const struct place *p, const json_t *out, const char *prefix)
{
        const char *name = json_str(out, "name"), *path = json_str(out, "path");
        AUTO(mem_free) char *base = place_base_name(path ? path : "");
        name = name ? name : "";
        if (p->packing == PACK_TAR)
                return mem_printf("%s/%s.tgz", prefix, name);
        if (p->packing == PACK_ZIP)
                return mem_printf("%s/%s.zip", prefix, name);
        return p->here && !json_at(out, "archive", "none")
                       ? mem_printf("%s/%s/%s", prefix, name, base)
                       : mem_printf("%s/%s", prefix, base);
}

/* The final location: the artifact's own, made whole, or one of the repository. */
static int choose_location(struct place *p, const json_t *out, const struct place_home *h,
                           struct err *e)
{
        const char *type = NULL;
        p->whole = location_complete(out, h->repository);
        const json_t *at = location_of(p->whole, &type);
        p->here = !location_is_remote(at ? type : h->type);
        p->packing = packing_of(out, p->here, at ? location_key(at) : NULL);
        if (at)
                return streq(type, "http") || streq(type, "artifactory")
                               ? 0
                               : place_check_key(type, location_key(at), e);
        AUTO(mem_free) char *key = default_key(p, out, h->prefix);
        json_object_set_new(p->whole, h->type, json_pack("{s:s}", "key", key));
        json_t *whole = location_complete(p->whole, h->repository);
        json_decref(p->whole);
        p->whole = whole;
        return place_check_key(h->type, key, e);
}

/* The location as Argo records it: one that was given stays, one of the repository is its key. */
static void make_record(struct place *p, const json_t *out)
{
        const char *type = NULL, *given = NULL;
        const json_t *at = location_of(p->whole, &type), *own = location_of(out, &given);
        p->record = json_copy((json_t *)(uintptr_t)out);
        if (!own || !streq(type, given) || streq(type, "folder")) {
                if (given)
                        json_object_del(p->record, given);
                json_object_set_new(p->record, type, json_pack("{s:s}", "key", location_key(at)));
        }
        if (p->packing == AS_IT_IS)
                json_object_set_new(p->record, "archive", json_pack("{s:{}}", "none"));
}

int place_output(struct place *p, const json_t *artifact, const struct place_home *h, struct err *e)
{
        const json_t *level = json_at(artifact, "archive", "tar", "compressionLevel");
        *p = (struct place){.level = json_is_integer(level) ? (int)json_integer_value(level) : -1};
        if (choose_location(p, artifact, h, e) < 0)
                return -1;
        make_record(p, artifact);
        return 0;
}
