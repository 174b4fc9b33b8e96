/* common/net/addr_guard.c: see addr_guard.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/addr_guard.h"
#include "common/base/attr.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static const struct {
        uint32_t net;
        int bits;
        const char *kind;
} v4_ranges[] = {
        {0x00000000, 8, "reserved"},    /* 0.0.0.0/8: this host */
        {0x0A000000, 8, "private"},     /* 10/8 */
        {0x64400000, 10, "private"},    /* 100.64/10: carrier NAT */
        {0x7F000000, 8, "loopback"},    /* 127/8 */
        {0xA9FE0000, 16, "link-local"}, /* 169.254/16: cloud metadata too */
        {0xAC100000, 12, "private"},    /* 172.16/12 */
        {0xC0000000, 24, "reserved"},   /* 192.0.0/24 */
        {0xC0A80000, 16, "private"},    /* 192.168/16 */
        {0xC6120000, 15, "reserved"},   /* 198.18/15: benchmarks */
        {0xE0000000, 4, "multicast"},   {0xF0000000, 4, "reserved"},
};

static const char *kind_of_v4(const unsigned char *b)
{
        uint32_t a = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        for (size_t i = 0; i < ARRAY_LEN(v4_ranges); i++)
                if ((a ^ v4_ranges[i].net) >> (32 - v4_ranges[i].bits) == 0)
                        return v4_ranges[i].kind;
        return NULL;
}

static const char *kind_of_v6(const unsigned char *b)
{
        static const unsigned char zeros[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
        static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
        if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
                return kind_of_v4(b + 12);
        if (memcmp(b, zeros, 15) == 0)
                return b[15] == 1 ? "loopback" : "reserved";
        if (memcmp(b, zeros, 12) == 0)
                return kind_of_v4(b + 12); /* IPv4-compatible, long deprecated */
        if (b[0] == 0x20 && b[1] == 0x02)
                return kind_of_v4(b + 2); /* 6to4 */
        if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
                return "link-local";
        if (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0)
                return "private"; /* site-local */
        if ((b[0] & 0xfe) == 0xfc)
                return "private";
        return b[0] == 0xff ? "multicast" : NULL;
}

const char *addr_guard_kind(const struct sockaddr *a)
{
        if (a->sa_family == AF_INET)
                return kind_of_v4(
                        (const unsigned char *)&((const struct sockaddr_in *)(const void *)a)
                                ->sin_addr);
        if (a->sa_family == AF_INET6)
                return kind_of_v6(
                        (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)a)
                                ->sin6_addr);
        return "reserved";
}
