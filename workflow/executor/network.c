/* workflow/executor/network.c: a network namespace of the pod's own.
 *
 * By root it is joined to the host by a veth pair without a bridge: the pod's end has an address of
 * 10.88.0.0/16, the host has a route to just that address, and both go with the pod. Other pods and
 * the host reach it there, so two daemons can listen on one port. The host forwards between pods
 * only; the way out to other machines is left to who administers the host
 * (docs/internals/runner.md). In a user namespace there is only the loopback device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "workflow/executor/executor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 1024, TRIES = 64, GATEWAY = 0x0a580001 /* 10.88.0.1 */ };

/* ---- netlink: one request, one answer ---- */

struct request {
        struct nlmsghdr h;
        char body[MESSAGE];
};

static void *append(struct request *r, size_t n)
{
        void *at = (char *)r + NLMSG_ALIGN(r->h.nlmsg_len);
        memset(at, 0, n);
        r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + (uint32_t)n;
        return at;
}

static struct rtattr *begin(struct request *r, unsigned short type)
{
        struct rtattr *a = append(r, RTA_LENGTH(0));
        *a = (struct rtattr){.rta_len = RTA_LENGTH(0), .rta_type = type};
        return a;
}

static void end(struct request *r, struct rtattr *a)
{
        a->rta_len = (unsigned short)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len) - (char *)a);
}

static void put(struct request *r, unsigned short type, const void *data, size_t n)
{
        struct rtattr *a = begin(r, type);
        memcpy(append(r, n), data, n);
        a->rta_len = (unsigned short)RTA_LENGTH(n);
}

static struct request *request_new(unsigned short type, unsigned short flags)
{
        struct request *r = mem_alloc(sizeof(*r));
        r->h = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(0),
                                 .nlmsg_type = type,
                                 .nlmsg_flags =
                                         (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)};
        return r;
}

/* In the network namespace that we are in. -1 and errno. */
static int ask(const struct request *r)
{
        char answer[MESSAGE];
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)answer;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        ssize_t n = fd < 0 ? -1 : send(fd, r, r->h.nlmsg_len, 0);
        if (n >= 0)
                n = recv(fd, answer, sizeof(answer), 0);
        int err = errno;
        if (fd >= 0)
                close(fd);
        errno = err;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR)
                return -1;
        errno = -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
        return errno ? -1 : 0;
}

/* ---- links, addresses, routes ---- */

static int link_up(const char *name)
{
        AUTO(mem_free) struct request *r = request_new(RTM_NEWLINK, 0);
        struct ifinfomsg *i = append(r, sizeof(*i));
        i->ifi_index = (int)if_nametoindex(name);
        i->ifi_flags = i->ifi_change = IFF_UP;
        return i->ifi_index ? ask(r) : -1;
}

static int veth_new(const char *name, int peer_ns)
{
        AUTO(mem_free) struct request *r = request_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        append(r, sizeof(struct ifinfomsg));
        put(r, IFLA_IFNAME, name, strlen(name) + 1);
        struct rtattr *info = begin(r, IFLA_LINKINFO);
        put(r, IFLA_INFO_KIND, "veth", sizeof("veth"));
        struct rtattr *data = begin(r, IFLA_INFO_DATA), *peer = begin(r, VETH_INFO_PEER);
        append(r, sizeof(struct ifinfomsg));
        put(r, IFLA_IFNAME, "eth0", sizeof("eth0"));
        put(r, IFLA_NET_NS_FD, &peer_ns, sizeof(peer_ns));
        end(r, peer);
        end(r, data);
        end(r, info);
        return ask(r);
}

static int address_add(const char *name, uint32_t ip)
{
        AUTO(mem_free) struct request *r = request_new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
        struct ifaddrmsg *a = append(r, sizeof(*a));
        a->ifa_family = AF_INET;
        a->ifa_prefixlen = 32;
        a->ifa_index = if_nametoindex(name);
        uint32_t net = htonl(ip);
        put(r, IFA_LOCAL, &net, sizeof(net));
        put(r, IFA_ADDRESS, &net, sizeof(net));
        return ask(r);
}

/* To one address by that link, or (to 0) to everything by a gateway. Fails when it is there. */
static int route_add(const char *name, uint32_t to, uint32_t gateway)
{
        AUTO(mem_free) struct request *r = request_new(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
        struct rtmsg *m = append(r, sizeof(*m));
        *m = (struct rtmsg){.rtm_family = AF_INET,
                            .rtm_dst_len = to ? 32 : 0,
                            .rtm_table = RT_TABLE_MAIN,
                            .rtm_protocol = RTPROT_STATIC,
                            .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                            .rtm_type = RTN_UNICAST};
        uint32_t dst = htonl(to), via = htonl(gateway), link = if_nametoindex(name);
        if (to)
                put(r, RTA_DST, &dst, sizeof(dst));
        if (gateway)
                put(r, RTA_GATEWAY, &via, sizeof(via));
        put(r, RTA_OIF, &link, sizeof(link));
        return ask(r);
}

static void allow_forwarding(const char *name)
{
        char path[96];
        snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", name);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "1", 1) != 1)
                fprintf(stderr, "tiphys-executor: %s: %s: pods do not reach this one\n", path,
                        strerror(errno));
        if (fd >= 0)
                close(fd);
}

/* ---- the pod's ---- */

/* In the host's network. The route is what makes an address ours: the kernel refuses a second. */
static int join_host(uint32_t *ip, int pod_ns)
{
        char name[IFNAMSIZ];
        uint32_t random;
        for (int i = 0; i < TRIES; i++) {
                if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                        return -1;
                snprintf(name, sizeof(name), "tph%08x", random);
                if (veth_new(name, pod_ns) == 0)
                        break;
                if (errno != EEXIST)
                        return -1;
        }
        if (link_up(name) < 0 || address_add(name, GATEWAY) < 0)
                return -1;
        allow_forwarding(name);
        for (int i = 0; i < TRIES; i++) {
                if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                        return -1;
                *ip = (GATEWAY & 0xffff0000) | (1 + random % 250) << 8 | (1 + (random >> 8) % 250);
                if (route_add(name, *ip, 0) == 0)
                        return 0;
                if (errno != EEXIST)
                        return -1;
        }
        errno = EADDRNOTAVAIL;
        return -1;
}

static int set_up_pod(uint32_t ip)
{
        if (address_add("eth0", ip) < 0 || link_up("eth0") < 0 || route_add("eth0", GATEWAY, 0) < 0)
                return -1;
        return route_add("eth0", 0, GATEWAY);
}

static int join(struct pod *p, int host_ns, int pod_ns)
{
        uint32_t ip = 0;
        if (setns(host_ns, CLONE_NEWNET) < 0)
                return -1;
        int rc = join_host(&ip, pod_ns), err = errno;
        if (setns(pod_ns, CLONE_NEWNET) < 0)
                return -1;
        errno = err;
        if (rc < 0 || set_up_pod(ip) < 0)
                return -1;
        struct in_addr a = {htonl(ip)};
        return inet_ntop(AF_INET, &a, p->ip, sizeof(p->ip)) ? 0 : -1;
}

int network_private(struct pod *p, struct err *e)
{
        if (!p->spec.private_network)
                return 0;
        int host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (host_ns < 0 || unshare(CLONE_NEWNET) < 0 || link_up("lo") < 0)
                return err_errno(e, errno, "a private network was refused");
        int pod_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int rc = pod_ns < 0 || (!p->x->host.user && join(p, host_ns, pod_ns) < 0) ? -1 : 0;
        if (rc < 0)
                err_errno(e, errno, "a private network: veth pair to the host");
        if (rc == 0 && p->x->host.user)
                snprintf(p->ip, sizeof(p->ip), "127.0.0.1");
        close(host_ns);
        if (pod_ns >= 0)
                close(pod_ns);
        return rc;
}
