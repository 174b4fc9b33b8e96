/* tests/unit/net/http_wire.c: see http_wire.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/http_wire.h"
#include "common/base/clock.h"
#include "tests/unit/unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int wire_connect(uint16_t port)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

void wire_send(int fd, const void *data, size_t n)
{
        const char *p = data;
        while (n) {
                ssize_t r = send(fd, p, n, MSG_NOSIGNAL);
                if (r <= 0)
                        return; /* the peer may have cut us off: the test looks at the answer */
                p += r;
                n -= (size_t)r;
        }
}

void wire_sends(int fd, const char *text)
{
        wire_send(fd, text, strlen(text));
}

bool wire_read(struct loop *l, int fd, struct buf *out, const char *want)
{
        int64_t end = clock_mono(clock_system()).ns + 5 * NS_PER_S;
        for (;;) {
                loop_run_ready(l);
                char part[65536];
                ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);
                if (n > 0)
                        buf_add(out, part, (size_t)n);
                if (want && strstr(buf_str(out), want))
                        return true;
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return want == NULL;
                if (clock_mono(clock_system()).ns > end)
                        return false;
                if (n < 0)
                        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1);
        }
}

void wire_exchange(struct loop *l, uint16_t port, const char *request, struct buf *out)
{
        int fd = wire_connect(port);
        wire_send(fd, request, strlen(request));
        assert_true(wire_read(l, fd, out, NULL));
        close(fd);
}

bool wire_is_closed(struct loop *l, int fd)
{
        loop_run_ready(l);
        char c;
        return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

bool wire_is_silent(struct loop *l, int fd)
{
        loop_run_ready(l);
        char c;
        return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}
