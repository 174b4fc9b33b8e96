/* tests/unit/net/http_wire.h: a raw HTTP client for tests: exact bytes out, exact bytes in, on the
 * loop under test. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/loop.h"
#include <stdint.h>

int wire_connect(uint16_t port); /* a blocking socket */
void wire_send(int fd, const void *data, size_t n);
void wire_sends(int fd, const char *text);
/* Turn the loop and read until `want` bytes-substring was seen (NULL: until the peer closes). False
 * when 5 s pass first. */
bool wire_read(struct loop *l, int fd, struct buf *out, const char *want);
/* One request on its own connection; the whole answer until the peer closes. */
void wire_exchange(struct loop *l, uint16_t port, const char *request, struct buf *out);
bool wire_is_closed(struct loop *l, int fd); /* the peer closed, after the loop has turned */
bool wire_is_silent(struct loop *l, int fd); /* open, and nothing was answered */
