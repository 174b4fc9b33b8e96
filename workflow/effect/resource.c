/* workflow/effect/resource.c: {"resource": {...}}: an action on an object of the store.
 *
 * read the manifest -> act -> wait for the conditions (resource_wait.c) -> output parameters.
 * Acting twice is harmless: what is created carries the identity of its node as an annotation, and
 * a generated name is derived from it, so "already exists" is a success when it is ours
 * (docs/decisions/0022). SPDX-License-Identifier: Apache-2.0 */
#include "workflow/effect/resource.h"
#include "common/base/hash.h"
#include "common/yaml/yaml.h"

enum { MANIFEST_MAX = 4 * 1024 * 1024, SUFFIX = 10 };
enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 30000, RETRY_LIMIT_S = 600 };
#define OURS "tiphys.io/created-by"

static struct resource *of(struct effect *f)
{
        return f->state;
}

/* ---- the object ---- */

/* "cm", "ConfigMap", "configmap.v1", "deployments.apps" as on kubectl's command line. */
static int kind_of_word(struct store_kind *out, const char *word, struct err *e)
{
        const struct store_kind *known = store_kind_by_word(word);
        if (!known)
                return err_set(e, ERR_INVALID,
                               "resource.flags: \"%s\" is no kind that is known here: give a "
                               "manifest with apiVersion and kind",
                               word);
        *out = *known;
        return 0;
}

static int find_kind(struct resource *r, struct err *e)
{
        if (json_str(r->manifest, "kind")) {
                r->kind_owned = true;
                return store_kind_of(&r->kind, r->manifest, e);
        }
        if (!r->flags.kind)
                return err_set(e, ERR_INVALID,
                               "resource: the manifest has no apiVersion and kind, and flags name "
                               "no object");
        return kind_of_word(&r->kind, r->flags.kind, e);
}

static void find_names(struct effect *f)
{
        struct resource *r = of(f);
        const char *ns = json_str(r->manifest, "metadata", "namespace"),
                   *name = json_str(r->manifest, "metadata", "name");
        r->ns = mem_strdup(r->flags.ns ? r->flags.ns : ns ? ns : f->ns);
        r->name = mem_strdup(r->flags.name ? r->flags.name : name);
}

static char *identity(const struct effect *f, char suffix[SUFFIX + 1])
{
        unsigned char digest[32];
        sha256_of(f->key, strlen(f->key), digest);
        base32_name(suffix, SUFFIX, digest);
        return mem_strdup(f->key);
}

/* A copy for creation: named, and marked as this node's. */
static json_t *marked(struct effect *f)
{
        struct resource *r = of(f);
        char suffix[SUFFIX + 1];
        AUTO(mem_free) char *who = identity(f, suffix);
        json_t *object = json_deep_copy(r->manifest);
        const char *prefix = json_str(object, "metadata", "generateName");
        if (prefix && !json_str(object, "metadata", "name")) {
                if (!r->name) /* else it was tried before */
                        r->name = mem_printf("%s%s", prefix, suffix);
                json_put_at(object, json_string(r->name), "metadata", "name");
                json_object_del(json_object_get(object, "metadata"), "generateName");
        }
        json_put_at(object, json_string(who), "metadata", "annotations", OURS);
        return object;
}

static bool is_ours(const struct effect *f, const json_t *object)
{
        return streq(obj_annotation(object, OURS), f->key);
}

static struct store_ref ref_of(const struct resource *r)
{
        return (struct store_ref){&r->kind, r->ns, r->name};
}

/* ---- the end ---- */

static void fail(struct effect *f, struct err *e)
{
        struct resource *r = of(f);
        if (r->kind.kind)
                err_wrap(e, "%s %s %s/%s", r->action, r->kind.kind, r->ns ? r->ns : "",
                         r->name ? r->name : "");
        effect_fail_64(f, e);
}

void resource_failed(struct effect *f, const struct err *why)
{
        struct err e = {0};
        err_copy(&e, why);
        fail(f, &e);
}

void resource_finish(struct effect *f, const json_t *object)
{
        json_t *outputs;
        struct err e = {0};
        if (resource_outputs(&outputs, f->template, object, &e) < 0)
                fail(f, &e);
        else
                effect_end(f, POD_SUCCEEDED, 0, outputs, "%s", "");
}

static void acted(struct effect *f, const json_t *object)
{
        struct resource *r = of(f);
        struct err e = {0};
        effect_note(f, NULL);
        if (!r->conditions)
                resource_finish(f, object);
        else if (!resource_decides(f, object, &e))
                resource_wait(f);
        err_clear(&e);
}

/* ---- actions ---- */

static int act(struct effect *f, struct err *e);

static void on_retry(void *arg)
{
        struct err e = {0};
        if (act(arg, &e) < 0)
                fail(arg, &e);
}

/* What the API server answered instead. While it is away the action waits for it: repeating one is
 * harmless. */
static void refused(struct effect *f, const struct err *e)
{
        struct resource *r = of(f);
        int64_t now = loop_now(f->all->o.loop).ns;
        if (!r->tried) {
                r->tried = true;
                r->first_try_ns = now;
                r->pause_ms = RETRY_FIRST_MS;
                timer_init(&r->retry, on_retry, f);
        }
        if ((e->code != ERR_UNAVAILABLE && e->code != ERR_TIMEOUT) ||
            now - r->first_try_ns > (int64_t)RETRY_LIMIT_S * NS_PER_S) {
                resource_failed(f, e);
                return;
        }
        effect_note(f, err_msg(e));
        timer_after_ms(f->all->o.loop, &r->retry, r->pause_ms);
        r->pause_ms = r->pause_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : r->pause_ms * 2;
}

static void on_done(void *arg, json_t *object, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (f && e)
                refused(f, e);
        else if (f)
                acted(f, object);
}

static void on_existing(void *arg, json_t *object, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        struct err own = {0};
        if (!f)
                return;
        if (e) {
                refused(f, e);
        } else if (is_ours(f, object)) {
                acted(f, object);
        } else {
                err_set(&own, ERR_CONFLICT, "it exists already");
                fail(f, &own);
        }
}

static void on_created(void *arg, json_t *object, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (!f)
                return;
        struct resource *r = of(f);
        if (e && e->code == ERR_CONFLICT && r->name) /* by us, before a restart? */
                store_get(f->all->o.store, ref_of(r), on_existing, effect_asks(f));
        else if (e)
                refused(f, e);
        else
                acted(f, object);
}

static void create(struct effect *f)
{
        struct resource *r = of(f);
        AUTO_JSON json_t *object = marked(f);
        store_create(f->all->o.store, &r->kind, r->ns, object, on_created, effect_asks(f));
}

static void patch(struct effect *f, enum store_patch type)
{
        struct resource *r = of(f);
        store_patch(f->all->o.store, ref_of(r), type, r->manifest, on_done, effect_asks(f));
}

static void on_deleted(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (f && e && e->code != ERR_NOT_FOUND)
                refused(f, e);
        else if (f)
                resource_finish(f, NULL);
}

/* apply: make it, or bring it to what the manifest says. */
static void on_apply_found(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (!f)
                return;
        if (e && e->code == ERR_NOT_FOUND)
                create(f);
        else if (e)
                refused(f, e);
        else
                patch(f, STORE_PATCH_MERGE);
}

static void on_replace_found(void *arg, json_t *object UNUSED, const struct err *e)
{
        struct effect *f = effect_answered(arg);
        if (!f)
                return;
        struct resource *r = of(f);
        if (e)
                refused(f, e);
        else
                store_update(f->all->o.store, &r->kind, r->manifest, on_done, effect_asks(f));
}

static int patch_type(const struct resource *r, enum store_patch *out, struct err *e)
{
        const char *strategy = json_str(r->spec, "mergeStrategy");
        if (str_empty(strategy) || streq(strategy, "strategic"))
                *out = STORE_PATCH_STRATEGIC;
        else if (streq(strategy, "merge"))
                *out = STORE_PATCH_MERGE;
        else if (streq(strategy, "json"))
                *out = STORE_PATCH_JSON;
        else
                return err_set(e, ERR_INVALID,
                               "resource.mergeStrategy: \"%s\": strategic, merge or json expected",
                               strategy);
        return 0;
}

static int act(struct effect *f, struct err *e)
{
        struct resource *r = of(f);
        struct store *s = f->all->o.store;
        enum store_patch type = STORE_PATCH_STRATEGIC;
        bool needs_name = !streq(r->action, "create");
        if (needs_name && str_empty(r->name))
                return err_set(e, ERR_INVALID, "resource: the object has no metadata.name");
        if (streq(r->action, "create"))
                create(f);
        else if (streq(r->action, "get"))
                store_get(s, ref_of(r), on_done, effect_asks(f));
        else if (streq(r->action, "apply"))
                store_get(s, ref_of(r), on_apply_found, effect_asks(f));
        else if (streq(r->action, "replace"))
                store_get(s, ref_of(r), on_replace_found, effect_asks(f));
        else if (streq(r->action, "delete"))
                store_delete(s, ref_of(r), NULL, on_deleted, effect_asks(f));
        else if (!streq(r->action, "patch"))
                return err_set(e, ERR_INVALID, "resource.action: \"%s\"", r->action);
        else if (patch_type(r, &type, e) < 0)
                return -1;
        else
                patch(f, type);
        return 0;
}

/* ---- the manifest ---- */

static int read_manifest(struct effect *f, const char *text, size_t n, struct err *e)
{
        struct resource *r = of(f);
        if (n && yaml_parse_one(&r->manifest, text, n, e) < 0)
                return err_wrap(e, "resource.manifest");
        if (r->manifest && !json_is_object(r->manifest) && !json_is_array(r->manifest))
                return err_set(e, ERR_INVALID, "resource.manifest: a map is expected");
        if (!r->manifest)
                r->manifest = json_object();
        if (find_kind(r, e) < 0)
                return -1;
        find_names(f);
        if (json_is_object(r->manifest) && !streq(r->action, "patch") &&
            json_object_size(r->manifest))
                json_put_at(r->manifest, json_string(r->ns), "metadata", "namespace");
        return act(f, e);
}

static int fetch_manifest(struct artifacts *a, void *arg, struct err *e)
{
        struct fetched *m = arg;
        int fd;
        if (artifact_open(a, m->artifact, json_str(m->artifact, "subPath"), &fd, e) < 0)
                return -1;
        int rc = fs_read_fd(&m->text, fd, MANIFEST_MAX, e);
        close(fd);
        return rc;
}

static void on_fetched(void *arg, const struct err *failed)
{
        struct fetched *m = arg;
        struct effect *f = m->of;
        struct err e = {0};
        of(f)->job = NULL;
        if (failed)
                err_copy(&e, failed);
        if (failed || read_manifest(f, buf_str(&m->text), m->text.len, &e) < 0)
                fail(f, &e);
}

static void free_fetched(void *arg)
{
        struct fetched *m = arg;
        json_decref(m->artifact);
        buf_deinit(&m->text);
        mem_free(m);
}

static void start_fetch(struct effect *f, const json_t *artifact)
{
        struct resource *r = of(f);
        struct fetched *m = NEW(struct fetched);
        m->of = f;
        m->text = BUF_INIT(MANIFEST_MAX);
        m->artifact = location_complete(artifact, json_object_get(f->template, "archiveLocation"));
        const struct artifact_job_spec spec = {.loop = f->all->o.loop,
                                               .pool = &f->all->pool,
                                               .store = f->all->o.store,
                                               .ns = f->ns,
                                               .data_dir = f->all->data_dir,
                                               .guard = f->all->o.guard_addresses,
                                               .locations = m->artifact,
                                               .work = fetch_manifest,
                                               .done = on_fetched,
                                               .free_arg = free_fetched,
                                               .arg = m};
        r->job = artifact_job_start(&spec);
}

/* manifestFrom names an input artifact. */
static const json_t *manifest_artifact(const struct effect *f, const json_t *spec)
{
        const json_t *from = json_at(spec, "manifestFrom", "artifact");
        const char *name = json_str(from, "name");
        size_t i;
        json_t *in;
        json_array_foreach (json_at(f->template, "inputs", "artifacts"), i, in) {
                if (name && streq(json_str(in, "name"), name))
                        return in;
        }
        return from;
}

static void resource_start(struct effect *f, const json_t *spec)
{
        struct resource *r = of(f);
        struct err e = {0};
        const char *manifest = json_str(spec, "manifest"),
                   *success = json_str(spec, "successCondition"),
                   *failure = json_str(spec, "failureCondition");
        const json_t *artifact = manifest_artifact(f, spec);
        r->spec = spec;
        r->action = json_str(spec, "action") ? json_str(spec, "action") : "";
        if (resource_flags_read(&r->flags, json_object_get(spec, "flags"), &e) < 0 ||
            ((!str_empty(success) || !str_empty(failure)) &&
             conditions_new(&r->conditions, success, failure, &e) < 0))
                fail(f, &e);
        else if (artifact)
                start_fetch(f, artifact);
        else if (read_manifest(f, manifest ? manifest : "", manifest ? strlen(manifest) : 0, &e) <
                 0)
                fail(f, &e);
}

static void resource_stop(struct effect *f)
{
        struct resource *r = of(f);
        resource_wait_stop(f);
        if (r->tried)
                timer_cancel(f->all->o.loop, &r->retry);
        artifact_job_abandon(TAKE(r->job));
        r->conditions = conditions_free(r->conditions);
        if (r->kind_owned)
                store_kind_deinit(&r->kind);
        resource_flags_deinit(&r->flags);
        json_decref(r->manifest);
        mem_free(r->ns);
        mem_free(r->name);
        *r = (struct resource){0};
}

const struct effect_kind effect_resource = {.member = "resource",
                                            .state_size = sizeof(struct resource),
                                            .start = resource_start,
                                            .stop = resource_stop};
