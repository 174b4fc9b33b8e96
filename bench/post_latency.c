/* bench/post_latency.c: one client of row L1: POSTs one after another on a kept connection and
 * prints each time in microseconds. post_latency PORT PATH N                  until the answer
 *   post_latency PORT PATH N APIPORT          until the workflow stands in the API's watch stream
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int dial(int port)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((unsigned short)port)};
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
                perror("connect");
                exit(1);
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        return fd;
}

static double now_us(void)
{
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Reads until `what` has been seen; what came behind it is dropped. */
static void read_until(int fd, const char *what)
{
        static char buf[1 << 20];
        size_t have = 0;
        for (;;) {
                ssize_t n = read(fd, buf + have, sizeof(buf) - 1 - have);
                if (n <= 0) {
                        fprintf(stderr, "connection ended while waiting for %s\n", what);
                        exit(1);
                }
                have += (size_t)n;
                buf[have] = '\0';
                if (strstr(buf, what))
                        return;
                if (have > sizeof(buf) / 2) {
                        memmove(buf, buf + have - 4096, 4096);
                        have = 4096;
                }
        }
}

int main(int argc, char **argv)
{
        if (argc < 4)
                return 2;
        int port = atoi(argv[1]), n = atoi(argv[3]), web = dial(port), watch = -1;
        char req[1024], body[512], marker[64];
        if (argc > 4) {
                watch = dial(atoi(argv[4]));
                int len =
                        snprintf(req, sizeof(req),
                                 "GET /api/v1/workflow-events/default HTTP/1.1\r\nHost: x\r\n\r\n");
                if (write(watch, req, (size_t)len) < 0)
                        return 1;
                read_until(watch, "\r\n\r\n");
        }
        for (int i = 0; i < n; i++) {
                snprintf(marker, sizeof(marker), "bench-%d-%d-end", getpid(), i);
                int b = snprintf(body, sizeof(body), "{\"document_id\":\"%s\",\"pad\":\"%0180d\"}",
                                 marker, 0);
                int len = snprintf(req, sizeof(req),
                                   "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                   "application/json\r\nContent-Length: %d\r\n\r\n%s",
                                   argv[2], b, body);
                double start = now_us();
                if (write(web, req, (size_t)len) < 0)
                        return 1;
                if (watch >= 0) {
                        read_until(watch, marker);
                        printf("%.1f\n", now_us() - start);
                        read_until(web, "success");
                } else {
                        read_until(web, "success");
                        printf("%.1f\n", now_us() - start);
                }
        }
        return 0;
}
