/* workflow/runner/local/content.c: Secrets and ConfigMaps that are mounted: fetched whole, one
 * after the other. An answer may come after the pod was given up: then it only frees what is left.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/store/store.h"
#include "workflow/runner/local/build_priv.h"

static char *key_of(bool secret, const char *name)
{
        return mem_printf("%s/%s", secret ? "Secret" : "ConfigMap", name);
}

void content_want(struct build *build, bool secret, const char *name)
{
        if (str_empty(name))
                return;
        AUTO(mem_free) char *key = key_of(secret, name);
        if (json_object_get(build->objects, key))
                return;
        json_object_set_new(build->objects, key, json_null());
        json_array_append_new(build->wanted, json_string(key));
}

const json_t *content_of(const struct build *build, bool secret, const char *name)
{
        AUTO(mem_free) char *key = key_of(secret, name);
        const json_t *object = json_object_get(build->objects, key);
        return json_is_object(object) ? object : NULL;
}

struct fetch {
        struct build *build;
        void (*then)(struct build *build, struct err *e);
};

static void fetch_next(struct fetch *f);

static void end(struct fetch *f, struct err *e)
{
        struct build *build = f->build;
        void (*then)(struct build * build, struct err * e) = f->then;
        mem_free(f);
        then(build, e);
        err_clear(e);
}

static void on_object(void *arg, json_t *object, const struct err *failed)
{
        struct fetch *f = arg;
        struct build *build = f->build;
        struct err e = {0};
        build->asking = false;
        if (build->abandoned) {
                mem_free(f);
                build_destroy(build);
                return;
        }
        if (object) {
                json_t *copy = json_copy(object);
                if (!json_object_get(copy, "kind"))
                        json_object_set_new(copy, "kind",
                                            json_string(str_starts(build->asked, "Secret/")
                                                                ? "Secret"
                                                                : "ConfigMap"));
                json_object_set_new(build->objects, build->asked, copy);
        } else if (failed && failed->code != ERR_NOT_FOUND) {
                err_copy(&e, failed);
        }
        if (err_is_set(&e))
                end(f, &e);
        else
                fetch_next(f);
}

static void fetch_next(struct fetch *f)
{
        struct build *build = f->build;
        struct err none = {0};
        size_t n = json_array_size(build->wanted);
        if (!n || !build->r->o.store) {
                end(f, &none);
                return;
        }
        mem_free(build->asked);
        build->asked = mem_strdup(json_string_value(json_array_get(build->wanted, n - 1)));
        json_array_remove(build->wanted, n - 1);
        build->asking = true;
        store_get(build->r->o.store,
                  (struct store_ref){str_starts(build->asked, "Secret/") ? &STORE_SECRET
                                                                         : &STORE_CONFIG_MAP,
                                     build->ns, strchr(build->asked, '/') + 1},
                  on_object, f);
}

void content_fetch(struct build *build, void (*then)(struct build *build, struct err *e))
{
        struct fetch *f = NEW(struct fetch);
        *f = (struct fetch){build, then};
        fetch_next(f);
}
