/* workflow/runner/local/security.c: securityContext of the pod and of a container -> records: as
 * whom main runs and what it may do. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "workflow/runner/local/build_priv.h"
#include <linux/capability.h>
#include <unistd.h>

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

static const json_t *security(const struct part *part, const char *field)
{
        const json_t *own = json_at(part->container, "securityContext", field);
        return own ? own : json_at(part->build->template, "securityContext", field);
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

static int put_caps(struct buf *b, const json_t *caps, struct err *e)
{
        uint64_t keep = default_caps;
        if (change_caps(&keep, json_object_get(caps, "drop"), false, e) < 0 ||
            change_caps(&keep, json_object_get(caps, "add"), true, e) < 0)
                return -1;
        wire_put_u64(b, S_CAPS, keep);
        return 0;
}

static void put_number(struct buf *b, enum wire_tag tag, const json_t *j)
{
        if (json_is_integer(j))
                wire_put_u64(b, tag, (uint64_t)json_integer_value(j));
}

/* Of an image whose user is a name nobody knows yet whether it is root. */
static bool would_be_root(const struct part *part, const json_t *uid)
{
        if (geteuid() != 0)
                return false;
        if (json_is_integer(uid))
                return json_integer_value(uid) == 0;
        return str_empty(part->image.user) || streq(part->image.user, "root") ||
               part->image.user[0] == '0';
}

int put_security(struct part *part, struct err *e)
{
        struct buf *b = &part->records;
        const json_t *pod = json_object_get(part->build->template, "securityContext"),
                     *uid = security(part, "runAsUser");
        size_t i;
        json_t *group;
        put_number(b, S_RUN_UID, uid);
        put_number(b, S_RUN_GID, security(part, "runAsGroup"));
        json_array_foreach (json_object_get(pod, "supplementalGroups"), i, group)
                put_number(b, S_GROUP, group);
        wire_put_str(b, S_USER, part->image.user);
        if (json_is_true(security(part, "runAsNonRoot")) && would_be_root(part, uid))
                return err_set(e, ERR_INVALID,
                               "container has runAsNonRoot and would run as root: set "
                               "securityContext.runAsUser");
        if (json_is_false(security(part, "allowPrivilegeEscalation")))
                wire_put_u64(b, S_NO_NEW_PRIVS, 1);
        if (json_is_true(security(part, "privileged")))
                wire_put_u64(b, S_PRIVILEGED, 1);
        if (json_is_true(security(part, "readOnlyRootFilesystem")))
                wire_put_u64(b, S_READ_ONLY, 1);
        return put_caps(b, security(part, "capabilities"), e);
}
