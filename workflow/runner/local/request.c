/* workflow/runner/local/request.c: a resolved template -> the request for the executor. The records
 * of each container and the pod's own are made at once; then what is elsewhere is fetched (content
 * of volumes, values of environments), then all of it is put together. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/lang/quantity.h"
#include "workflow/runner/local/build_priv.h"

enum { DEFAULT_GRACE_S = 30, PARTS_MAX = 256, RECORDS_MAX = 64 * 1024 * 1024 };

static bool set_and_not_empty(const json_t *j)
{
        return j && !json_is_null(j) && !json_is_false(j) &&
               !(json_is_object(j) && !json_object_size(j)) &&
               !(json_is_array(j) && !json_array_size(j));
}

int refuse_fields(const json_t *object, const char *const *fields, const char *where, struct err *e)
{
        for (; *fields; fields++)
                if (set_and_not_empty(json_object_get(object, *fields)))
                        return err_set(e, ERR_UNSUPPORTED,
                                       "not supported yet: field %s%s (local runner)", where,
                                       *fields);
        return 0;
}

bool quantity_of(const json_t *j, bool milli, int64_t *out)
{
        struct quantity q;
        struct err e = {0};
        AUTO(mem_free) char *text = j ? json_scalar_text(j) : mem_strdup("");
        bool good = quantity_parse(&q, str_of(text), &e) == 0;
        err_clear(&e);
        if (good)
                *out = milli ? quantity_milli(&q) : quantity_value(&q);
        return good;
}

/* ---- the containers of a template ---- */

static struct part *add_part(struct build *build, const json_t *container, const char *name,
                             enum container_role role)
{
        struct part *part = &build->parts[build->n++];
        *part = (struct part){.build = build,
                              .container = container,
                              .name = name,
                              .role = role,
                              .records = BUF_INIT(RECORDS_MAX)};
        return part;
}

static int add_list(struct build *build, const json_t *list, enum container_role role,
                    const char *what, struct err *e)
{
        size_t i;
        json_t *container;
        json_array_foreach (list, i, container) {
                const char *name = json_str(container, "name");
                bool stays =
                        role == ROLE_INIT && streq(json_str(container, "restartPolicy"), "Always");
                if (str_empty(name) || !name_valid(name))
                        return err_set(e, ERR_INVALID,
                                       "%s[%zu]: a container needs a name of letters, "
                                       "digits and \"-\"",
                                       what, i);
                for (size_t k = 0; k < build->n; k++)
                        if (streq(build->parts[k].name, name))
                                return err_set(e, ERR_INVALID,
                                               "%s: two containers are called \"%s\"", what, name);
                add_part(build, container, name, stays ? ROLE_INIT_SIDECAR : role);
        }
        return 0;
}

static int find_parts(struct build *build, struct err *e)
{
        const json_t *t = build->template, *set = json_object_get(t, "containerSet"),
                     *script = json_object_get(t, "script"),
                     *container = script ? script : json_object_get(t, "container"),
                     *inits = json_object_get(t, "initContainers"),
                     *sidecars = json_object_get(t, "sidecars");
        size_t max = json_array_size(inits) + json_array_size(sidecars) +
                     json_array_size(json_object_get(set, "containers")) + 1;
        if (max > PARTS_MAX)
                return err_set(e, ERR_LIMIT, "a pod has at most %d containers", PARTS_MAX - 1);
        build->parts = mem_calloc(max, sizeof(*build->parts));
        build->grouped = set || json_array_size(inits) || json_array_size(sidecars);
        if (add_list(build, inits, ROLE_INIT, "initContainers", e) < 0 ||
            add_list(build, sidecars, ROLE_SIDECAR, "sidecars", e) < 0)
                return -1;
        if (set)
                return add_list(build, json_object_get(set, "containers"), ROLE_MAIN,
                                "containerSet.containers", e);
        if (!json_is_object(container))
                return err_set(e, ERR_INVALID, "the template has neither container nor script");
        add_part(build, container, "main", ROLE_MAIN)->is_script = script;
        return 0;
}

/* ---- the pod ---- */

static void put_hosts(const struct build *build, struct buf *b)
{
        AUTO_BUF struct buf lines = BUF_INIT(64 * 1024);
        size_t i, k;
        json_t *alias, *name;
        json_array_foreach (json_object_get(build->template, "hostAliases"), i, alias) {
                const char *ip = json_str(alias, "ip");
                if (str_empty(ip) || strpbrk(ip, "\r\n"))
                        continue;
                buf_adds(&lines, ip);
                json_array_foreach (json_object_get(alias, "hostnames"), k, name) {
                        const char *host = json_string_value(name);
                        if (host && !strpbrk(host, "\r\n"))
                                buf_addf(&lines, "\t%s", host);
                }
                buf_addc(&lines, '\n');
        }
        if (lines.len && !lines.overflow)
                wire_put_str(b, S_HOSTS, buf_str(&lines));
}

static void put_pod(const struct build *build, struct buf *b)
{
        const json_t *fs_group = json_at(build->template, "securityContext", "fsGroup");
        wire_put_str(b, S_UID, build->uid);
        wire_put_str(b, S_NODE, build->node_id);
        wire_put_str(b, S_HOSTNAME, build->pod_name);
        wire_put_u64(b, S_ISOLATE, build->r->sandbox);
        wire_put_u64(b, S_NETWORK, build->private_network);
        if (build->beside)
                wire_put_u64(b, S_DIALLED, 1);
        wire_put_u64(b, S_DEADLINE_MS, (uint64_t)build->deadline_s * 1000);
        wire_put_u64(b, S_GRACE_MS, (uint64_t)build->grace_s * 1000);
        if (json_is_integer(fs_group))
                wire_put_u64(b, S_FS_GROUP, (uint64_t)json_integer_value(fs_group));
        put_hosts(build, b);
}

static const char *network_wish(const json_t *template)
{
        return json_str(template, "metadata", "annotations", "tiphys.io/network");
}

bool runner_own_network(const struct runner *r, const json_t *template)
{
        const char *wish = network_wish(template);
        bool host = json_is_true(json_object_get(template, "hostNetwork"));
        return wish ? streq(wish, "private") : !host && r->sandbox && r->o.private_network;
}

/* tiphys.io/network of the pod's metadata, else hostNetwork, else as the runner was told. */
static int choose_network(struct build *build, struct err *e)
{
        const char *wish = network_wish(build->template);
        build->private_network = runner_own_network(build->r, build->template);
        if (!wish)
                return 0;
        if (!streq(wish, "private") && !streq(wish, "host"))
                return err_set(e, ERR_INVALID,
                               "annotation tiphys.io/network: expected private or "
                               "host, found \"%s\"",
                               wish);
        if (build->private_network && !build->r->sandbox)
                return err_set(e, ERR_UNSUPPORTED,
                               "annotation tiphys.io/network: private needs a "
                               "sandbox: run without --isolation=none");
        return 0;
}

static struct build *build_new(struct runner *r, const struct pod_request *req)
{
        struct build *build = NEW(struct build);
        const json_t *grace = json_object_get(req->template, "terminationGracePeriodSeconds");
        build->r = r;
        build->template = json_incref((json_t *)(uintptr_t)req->template);
        build->ns = mem_strdup(req->ns ? req->ns : "default");
        build->node_id = mem_strdup(req->node_id);
        build->pod_name = mem_strdup(req->pod_name);
        build->workflow = mem_strdup(req->workflow);
        build->uid = mem_strdup(req->workflow_uid);
        build->capture = req->capture_result;
        build->beside = req->beside;
        build->deadline_s = req->deadline_s > 0 ? req->deadline_s : 0;
        build->grace_s = json_is_integer(grace) && json_integer_value(grace) >= 0
                                 ? json_integer_value(grace)
                         : req->grace_s > 0 ? req->grace_s
                                            : DEFAULT_GRACE_S;
        build->volumes = json_array();
        build->objects = json_object();
        build->wanted = json_array();
        build->io = BUF_INIT(RECORDS_MAX);
        return build;
}

int build_start(struct build **out, struct runner *r, const struct pod_request *req,
                json_t *fetches, struct err *e)
{
        struct build *build = build_new(r, req);
        *out = build; /* freed by the caller in any case */
        if (choose_network(build, e) < 0 || find_parts(build, e) < 0)
                return -1;
        for (size_t i = 0; i < build->n; i++) {
                struct part *part = &build->parts[i];
                bool main = streq(part->name, "main") && part->role == ROLE_MAIN;
                if (part_put(part, req, e) < 0 ||
                    (main && request_io(&part->records, req, fetches, e) < 0))
                        return build->grouped ? err_wrap(e, "container %s", part->name) : -1;
        }
        return 0;
}

/* ---- what is elsewhere ---- */

static void finish(struct build *build, const struct err *e)
{
        build->done(build->done_arg, e); /* may free it */
}

static void next_env(struct build *build);

static void on_env(void *arg, const struct err *e)
{
        struct build *build = arg;
        if (e) {
                finish(build, e);
                return;
        }
        build->next++;
        next_env(build);
}

static void next_env(struct build *build)
{
        if (build->next < build->n)
                env_resolve(build->parts[build->next].env, on_env, build);
        else
                finish(build, NULL);
}

static void on_content(struct build *build, struct err *e)
{
        if (err_is_set(e))
                finish(build, e);
        else
                next_env(build);
}

void build_resolve(struct build *build, build_done_fn *done, void *arg)
{
        build->done = done;
        build->done_arg = arg;
        content_fetch(build, on_content);
}

int build_put(struct build *build, struct buf *b, struct err *e)
{
        put_pod(build, b);
        if (put_volumes(build, b, e) < 0)
                return -1;
        for (size_t i = 0; i < build->n; i++) {
                struct part *part = &build->parts[i];
                env_put(part->env, &part->records);
                if (build->grouped)
                        wire_put(b, S_CONTAINER, part->records.data, part->records.len);
                else
                        buf_add(b, part->records.data, part->records.len);
                if (part->records.overflow || b->overflow)
                        return err_set(
                                e, ERR_LIMIT,
                                "the step's template and its inputs are larger than %d bytes",
                                RECORDS_MAX);
        }
        return 0;
}

/* ---- end ---- */

void build_destroy(struct build *build)
{
        for (size_t i = 0; i < build->n; i++) {
                struct part *part = &build->parts[i];
                env_free(part->env);
                image_deinit(&part->image);
                if (part->records.data) /* it may hold secrets */
                        explicit_bzero(part->records.data, part->records.cap);
                buf_deinit(&part->records);
        }
        mem_free(build->parts);
        json_decref(build->template);
        json_decref(build->volumes);
        json_decref(build->objects);
        json_decref(build->wanted);
        buf_deinit(&build->io);
        mem_free(build->ns);
        mem_free(build->node_id);
        mem_free(build->pod_name);
        mem_free(build->workflow);
        mem_free(build->uid);
        mem_free(build->asked);
        mem_free(build);
}

struct build *build_free(struct build *build)
{
        if (build && build->asking)
                build->abandoned = true; /* the answer frees it */
        else if (build)
                build_destroy(build);
        return NULL;
}
