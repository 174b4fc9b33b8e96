/* workflow/runner/local/request.c: a resolved template -> what the executor is asked to do:
 * command, working folder, volumes, security, time limits. What the local runner cannot do yet is
 * refused here, by name. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/runner/local/local_priv.h"
#include <linux/capability.h>
#include <unistd.h>

enum { DEFAULT_GRACE_S = 30 };

static const char *const cap_names[] = {
        [CAP_CHOWN] = "CHOWN",
        [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
        [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
        [CAP_FOWNER] = "FOWNER",
        [CAP_FSETID] = "FSETID",
        [CAP_KILL] = "KILL",
        [CAP_SETGID] = "SETGID",
        [CAP_SETUID] = "SETUID",
        [CAP_SETPCAP] = "SETPCAP",
        [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
        [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
        [CAP_NET_BROADCAST] = "NET_BROADCAST",
        [CAP_NET_ADMIN] = "NET_ADMIN",
        [CAP_NET_RAW] = "NET_RAW",
        [CAP_IPC_LOCK] = "IPC_LOCK",
        [CAP_IPC_OWNER] = "IPC_OWNER",
        [CAP_SYS_MODULE] = "SYS_MODULE",
        [CAP_SYS_RAWIO] = "SYS_RAWIO",
        [CAP_SYS_CHROOT] = "SYS_CHROOT",
        [CAP_SYS_PTRACE] = "SYS_PTRACE",
        [CAP_SYS_PACCT] = "SYS_PACCT",
        [CAP_SYS_ADMIN] = "SYS_ADMIN",
        [CAP_SYS_BOOT] = "SYS_BOOT",
        [CAP_SYS_NICE] = "SYS_NICE",
        [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
        [CAP_SYS_TIME] = "SYS_TIME",
        [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
        [CAP_MKNOD] = "MKNOD",
        [CAP_LEASE] = "LEASE",
        [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
        [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
        [CAP_SETFCAP] = "SETFCAP",
        [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
        [CAP_MAC_ADMIN] = "MAC_ADMIN",
        [CAP_SYSLOG] = "SYSLOG",
        [CAP_WAKE_ALARM] = "WAKE_ALARM",
        [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
        [CAP_AUDIT_READ] = "AUDIT_READ",
        [CAP_PERFMON] = "PERFMON",
        [CAP_BPF] = "BPF",
        [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};
#define CAP_BIT(c) (UINT64_C(1) << (c))
/* What container engines leave to root, without MKNOD (no device cgroup stands behind it here) and
 * NET_RAW (the network is the host's). `capabilities.add` gives them back. */
static const uint64_t default_caps =
        CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |
        CAP_BIT(CAP_KILL) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETPCAP) |
        CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_AUDIT_WRITE) |
        CAP_BIT(CAP_SETFCAP);

/* ---- what is not there yet ---- */

static bool set_and_not_empty(const json_t *j)
{
        return j && !json_is_null(j) && !json_is_false(j) &&
               !(json_is_object(j) && !json_object_size(j)) &&
               !(json_is_array(j) && !json_array_size(j));
}

static int refuse(const json_t *object, const char *const *fields, const char *where, struct err *e)
{
        for (; *fields; fields++)
                if (set_and_not_empty(json_object_get(object, *fields)))
                        return err_set(e, ERR_UNSUPPORTED,
                                       "not supported yet: field %s%s (local runner)", where,
                                       *fields);
        return 0;
}

static int refuse_later(const json_t *template, const json_t *container, struct err *e)
{
        static const char *const in_template[] = {
                "containerSet", "resource", "http",         "plugin",      "data", "initContainers",
                "sidecars",     "daemon",   "podSpecPatch", "hostAliases", NULL};
        static const char *const in_container[] = {"lifecycle", "volumeDevices", "restartPolicy",
                                                   NULL};
        if (refuse(template, in_template, "", e) < 0)
                return -1;
        return refuse(container, in_container,
                      json_object_get(template, "script") ? "script." : "container.", e);
}

/* ---- command ---- */

/* Kubernetes' rule: a command replaces the image's entrypoint and its arguments; args alone replace
 * its arguments. */
static int put_command(struct env *env, const json_t *container, const json_t *image, struct err *e)
{
        const json_t *command = json_object_get(container, "command"),
                     *args = json_object_get(container, "args");
        const char *name = json_str(container, "image");
        bool own = json_array_size(command);
        if (!own)
                command = json_object_get(image, "command");
        if (!json_array_size(command))
                return err_set(e, ERR_INVALID,
                               "image \"%s\": no command: the local runner does not read image "
                               "entrypoints; add `command` to the template, or "
                               "to this image in the `images` configuration",
                               name ? name : "");
        if (!own && !json_array_size(args))
                args = json_object_get(image, "args");
        env_args(env, command);
        env_args(env, args);
        return 0;
}

static int put_script(struct buf *b, const json_t *container, struct err *e)
{
        const json_t *source = json_object_get(container, "source");
        if (!json_is_string(source))
                return err_set(e, ERR_INVALID, "script.source: expected a string, found %s",
                               source ? "something else" : "nothing");
        wire_put(b, S_SCRIPT, json_string_value(source), json_string_length(source));
        return 0;
}

/* ---- security ---- */

static const json_t *security(const json_t *template, const json_t *container, const char *field)
{
        const json_t *own = json_at(container, "securityContext", field);
        return own ? own : json_at(template, "securityContext", field);
}

static int change_caps(uint64_t *caps, const json_t *list, bool add, struct err *e)
{
        size_t i;
        json_t *item;
        json_array_foreach (list, i, item) {
                const char *name = json_string_value(item);
                if (name && str_starts(name, "CAP_"))
                        name += 4;
                if (streq(name, "ALL")) {
                        *caps = add ? UINT64_MAX : 0;
                        continue;
                }
                size_t c = 0;
                while (c < ARRAY_LEN(cap_names) && !streq(cap_names[c], name))
                        c++;
                if (c == ARRAY_LEN(cap_names))
                        return err_set(e, ERR_INVALID,
                                       "securityContext.capabilities: unknown capability %s",
                                       name ? name : "");
                *caps = add ? *caps | CAP_BIT(c) : *caps & ~CAP_BIT(c);
        }
        return 0;
}

static int put_security(struct buf *b, const json_t *template, const json_t *container,
                        struct env *env, bool sandbox, struct err *e)
{
        const json_t *uid = security(template, container, "runAsUser"),
                     *gid = security(template, container, "runAsGroup");
        const json_t *caps = security(template, container, "capabilities");
        bool privileged = json_is_true(security(template, container, "privileged"));
        if (json_is_integer(uid))
                wire_put_u64(b, S_RUN_UID, (uint64_t)json_integer_value(uid));
        if (sandbox && json_integer_value(uid))
                env_set(env, "HOME", "/");
        if (json_is_integer(gid))
                wire_put_u64(b, S_RUN_GID, (uint64_t)json_integer_value(gid));
        if (json_is_true(security(template, container, "runAsNonRoot")) && geteuid() == 0 &&
            json_integer_value(uid) == 0)
                return err_set(e, ERR_INVALID,
                               "container has runAsNonRoot and would run as root: set "
                               "securityContext.runAsUser");
        if (json_is_false(security(template, container, "allowPrivilegeEscalation")))
                wire_put_u64(b, S_NO_NEW_PRIVS, 1);
        if (privileged)
                wire_put_u64(b, S_PRIVILEGED, 1);
        uint64_t keep = default_caps;
        if (change_caps(&keep, json_object_get(caps, "drop"), false, e) < 0 ||
            change_caps(&keep, json_object_get(caps, "add"), true, e) < 0)
                return -1;
        wire_put_u64(b, S_CAPS, keep);
        return 0;
}

/* ---- volumes ---- */

static const json_t *find_volume(const json_t *template, const char *name)
{
        size_t i;
        json_t *v;
        json_array_foreach (json_object_get(template, "volumes"), i, v) {
                if (streq(json_str(v, "name"), name))
                        return v;
        }
        return NULL;
}

static int put_volume(struct buf *b, const json_t *volume, struct err *e)
{
        const char *name = json_str(volume, "name"), *path = json_str(volume, "hostPath", "path"),
                   *key;
        const json_t *empty = json_object_get(volume, "emptyDir");
        json_t *value;
        if (!path && !empty) {
                json_object_foreach ((json_t *)(uintptr_t)volume, key, value) {
                        if (!streq(key, "name"))
                                return err_set(
                                        e, ERR_UNSUPPORTED,
                                        "not supported yet: volume \"%s\": %s (local runner)", name,
                                        key);
                }
                return err_set(e, ERR_INVALID, "volume \"%s\": no volume type", name);
        }
        if (path && path[0] != '/')
                return err_set(e, ERR_INVALID, "volume \"%s\": hostPath.path must be absolute: %s",
                               name, path);
        size_t group = wire_begin(b, S_VOLUME);
        bool memory = streq(json_str(empty, "medium"), "Memory");
        wire_put_u64(b, V_KIND, path ? VOLUME_HOST_PATH : memory ? VOLUME_MEMORY : VOLUME_EMPTY);
        wire_put_str(b, V_NAME, name);
        wire_put_str(b, V_PATH, path);
        wire_put_str(b, V_CHECK, json_str(volume, "hostPath", "type"));
        wire_end(b, group);
        return 0;
}

static int put_mount(struct buf *b, const json_t *mount, uint64_t volume, struct err *e)
{
        const char *path = json_str(mount, "mountPath");
        static const char *const later[] = {"subPathExpr", NULL};
        if (refuse(mount, later, "volumeMounts[].", e) < 0)
                return -1;
        if (str_empty(path) || path[0] != '/')
                return err_set(e, ERR_INVALID, "volumeMounts: mountPath must be absolute: %s",
                               path ? path : "");
        size_t group = wire_begin(b, S_MOUNT);
        wire_put_u64(b, M_VOLUME, volume);
        wire_put_str(b, M_PATH, path);
        wire_put_str(b, M_SUBPATH, json_str(mount, "subPath"));
        wire_put_u64(b, M_READ_ONLY, json_is_true(json_object_get(mount, "readOnly")));
        wire_end(b, group);
        return 0;
}

/* Shorter mount paths first, so that a volume inside another is mounted after it. */
static json_t *sorted_mounts(const json_t *mounts)
{
        json_t *sorted = json_array();
        size_t i;
        json_t *mount;
        json_array_foreach (mounts, i, mount) {
                const char *path = json_str(mount, "mountPath"), *other;
                size_t at = json_array_size(sorted);
                while (at > 0 && path &&
                       (other = json_str(json_array_get(sorted, at - 1), "mountPath")) &&
                       strlen(other) > strlen(path))
                        at--;
                json_array_insert(sorted, at, mount);
        }
        return sorted;
}

/* Only volumes that are mounted; one that is mounted twice stands once. */
static int put_volumes(struct buf *b, const json_t *template, const json_t *container, bool sandbox,
                       struct err *e)
{
        AUTO_JSON json_t *mounts = sorted_mounts(json_object_get(container, "volumeMounts"));
        AUTO_JSON json_t *index = json_object();
        size_t i;
        json_t *mount;
        if (json_array_size(mounts) && !sandbox)
                return err_set(e, ERR_UNSUPPORTED,
                               "container.volumeMounts need a sandbox: run without "
                               "--isolation=none, or use paths of the host");
        json_array_foreach (mounts, i, mount) {
                const char *name = json_str(mount, "name");
                const json_t *volume = find_volume(template, name);
                if (!volume)
                        return err_set(e, ERR_INVALID, "volumeMounts: there is no volume \"%s\"",
                                       name ? name : "");
                const json_t *known = json_object_get(index, name);
                uint64_t at = known ? (uint64_t)json_integer_value(known) : json_object_size(index);
                if (!known) {
                        json_object_set_new(index, name, json_integer((json_int_t)at));
                        if (put_volume(b, volume, e) < 0)
                                return -1;
                }
                if (put_mount(b, mount, at, e) < 0)
                        return -1;
        }
        return 0;
}

/* ---- all of it ---- */

static void put_place(struct buf *b, const struct runner *r, const struct pod_request *req,
                      const json_t *container, const json_t *image)
{
        const char *root = json_str(image, "root"),
                   *log = json_str(container, "terminationMessagePath");
        int64_t grace_s = req->grace_s > 0 ? req->grace_s : DEFAULT_GRACE_S;
        wire_put_str(b, S_UID, req->workflow_uid);
        wire_put_str(b, S_NODE, req->node_id);
        wire_put_str(b, S_HOSTNAME, req->pod_name);
        wire_put_u64(b, S_ISOLATE, r->sandbox);
        wire_put_str(b, S_ROOT, root ? root : "/");
        wire_put_str(b, S_CWD, json_str(container, "workingDir"));
        wire_put_u64(b, S_CAPTURE, req->capture_result);
        wire_put_u64(b, S_DEADLINE_MS, req->deadline_s > 0 ? (uint64_t)req->deadline_s * 1000 : 0);
        wire_put_u64(b, S_GRACE_MS, (uint64_t)grace_s * 1000);
        wire_put_str(b, S_TERMINATION_LOG, log ? log : "/dev/termination-log");
}

int request_put(struct buf *b, struct runner *r, const struct pod_request *req, struct env *env,
                struct err *e)
{
        const json_t *script = json_object_get(req->template, "script");
        const json_t *container = script ? script : json_object_get(req->template, "container");
        if (refuse_later(req->template, container, e) < 0)
                return -1;
        if (!json_is_object(container))
                return err_set(e, ERR_INVALID, "the template has neither container nor script");
        const char *image_name = json_str(container, "image");
        const json_t *image = image_name ? json_object_get(r->o.images, image_name) : NULL;
        put_place(b, r, req, container, image);
        if (put_command(env, container, image, e) < 0 ||
            (script && put_script(b, container, e) < 0) ||
            put_security(b, req->template, container, env, r->sandbox, e) < 0 ||
            put_volumes(b, req->template, container, r->sandbox, e) < 0)
                return -1;
        return env_add_container(env, container, e);
}
