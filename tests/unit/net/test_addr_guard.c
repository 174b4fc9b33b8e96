/* tests/unit/net/test_addr_guard.c: which addresses event data may not reach.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/net/addr_guard.h"
#include "tests/unit/unit.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static const struct {
        const char *address, *kind;
} rows[] = {
        {"8.8.8.8", NULL},
        {"172.15.0.1", NULL},
        {"172.32.0.1", NULL},
        {"2606:4700::1111", NULL},
        {"::ffff:8.8.8.8", NULL},
        {"64:ff9b::808:808", NULL},
        {"127.0.0.1", "loopback"},
        {"127.9.9.9", "loopback"},
        {"::1", "loopback"},
        {"10.1.2.3", "private"},
        {"172.16.0.1", "private"},
        {"172.31.255.255", "private"},
        {"192.168.1.1", "private"},
        {"100.64.0.1", "private"},
        {"fd00::1", "private"},
        {"fec0::1", "private"},
        {"169.254.169.254", "link-local"},
        {"fe80::1", "link-local"},
        {"0.0.0.0", "reserved"},
        {"::", "reserved"},
        {"255.255.255.255", "reserved"},
        {"224.0.0.1", "multicast"},
        {"ff02::1", "multicast"},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.0.0.1", "private"},
        {"64:ff9b::7f00:1", "loopback"},
        {"2002:7f00:1::", "loopback"},
        {"::7f00:1", "loopback"},
};

static const char *kind_of(const char *text)
{
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
                return addr_guard_kind((struct sockaddr *)&v4);
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        return addr_guard_kind((struct sockaddr *)&v6);
}

static void knows_the_kind_of_every_address(void **state UNUSED)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (!streq(kind_of(rows[i].address), rows[i].kind))
                        fail_msg("%s is %s", rows[i].address, kind_of(rows[i].address));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_the_kind_of_every_address),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
