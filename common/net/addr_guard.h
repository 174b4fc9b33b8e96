/* common/net/addr_guard.h: may an outbound connection that event data asked for go to this address?
 * (SEC-17) Pure; any thread. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

/* NULL when it may, else the kind of address as a word: "loopback", "link-local", "private",
 * "reserved", "multicast". IPv4 inside IPv6 (mapped, 6to4, NAT64) is judged as what it is. */
const char *addr_guard_kind(const struct sockaddr *a);
