/* bench/ref_durable_http.c: the reference of rows W1 and L1: what the machine can do.
 * One thread, epoll, keep-alive HTTP/1.1 with hardly a parser; every turn of the loop writes all
 * bodies that arrived to a preallocated log with one pwrite, makes them durable with one fdatasync,
 * and only then answers. usage: ref_durable_http LOGFILE -> prints the port.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, INPUT = 16384, LOG_BYTES = 256 << 20, RECORD_MAX = 8192 };
static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: text/plain\r\n\r\nsuccess";

struct connection {
        int fd;
        size_t have;
        unsigned due; /* answers owed when the log is durable */
        char in[INPUT];
};
static struct connection *connections[CONNECTIONS];
static char *batch;
static size_t batch_len, log_at;

static int listen_loopback(void)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(a);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 512) < 0 ||
            getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
                perror("listen");
                exit(1);
        }
        printf("%d\n", ntohs(a.sin_port));
        fflush(stdout);
        return fd;
}

/* Takes whole requests out of the input; their bodies go into the batch. */
static void parse(struct connection *c)
{
        size_t at = 0;
        for (;;) {
                char *head = c->in + at, *end = memmem(head, c->have - at, "\r\n\r\n", 4);
                if (!end)
                        break;
                char *length = strcasestr(head, "content-length:");
                size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0,
                       whole = (size_t)(end - head) + 4 + body;
                if (c->have - at < whole)
                        break;
                size_t n = body < RECORD_MAX ? body : RECORD_MAX;
                memcpy(batch + batch_len, end + 4, n);
                batch_len += n;
                c->due++;
                at += whole;
        }
        memmove(c->in, c->in + at, c->have - at);
        c->have -= at;
        c->in[c->have] = '\0';
}

static bool receive(struct connection *c)
{
        ssize_t n = read(c->fd, c->in + c->have, INPUT - 1 - c->have);
        if (n <= 0)
                return n < 0 && errno == EAGAIN;
        c->have += (size_t)n;
        c->in[c->have] = '\0';
        parse(c);
        return true;
}

static void make_durable(int log)
{
        if (log_at + batch_len > LOG_BYTES)
                log_at = 0;
        if (pwrite(log, batch, batch_len, (off_t)log_at) != (ssize_t)batch_len ||
            fdatasync(log) < 0) {
                perror("log");
                exit(1);
        }
        log_at += batch_len;
        batch_len = 0;
}

int main(int argc, char **argv)
{
        if (argc != 2)
                return 2;
        int log = open(argv[1], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        batch = malloc((size_t)CONNECTIONS * INPUT);
        static char zeros[1 << 20];
        for (size_t i = 0; i < LOG_BYTES;
             i += sizeof(zeros)) /* preallocated and written once: no size updates later */
                if (write(log, zeros, sizeof(zeros)) < 0)
                        return 1;
        fdatasync(log);
        int ep = epoll_create1(0), listener = listen_loopback();
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
        epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
        for (;;) {
                int n = epoll_wait(ep, ready, 256, -1);
                for (int i = 0; i < n; i++) {
                        struct connection *c = ready[i].data.ptr;
                        if (!c) {
                                int fd =
                                        accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                                if (fd < 0 || fd >= CONNECTIONS)
                                        continue;
                                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
                                connections[fd] = c = calloc(1, sizeof(*c));
                                c->fd = fd;
                                ev = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                                epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
                        } else if (!receive(c)) {
                                connections[c->fd] = NULL;
                                close(c->fd);
                                free(c);
                                ready[i].data.ptr = NULL;
                        }
                }
                if (!batch_len)
                        continue;
                make_durable(log);
                for (int i = 0; i < n; i++) {
                        struct connection *c = ready[i].data.ptr;
                        for (; c && c->due; c->due--)
                                if (write(c->fd, answer, sizeof(answer) - 1) < 0)
                                        break;
                }
        }
}
