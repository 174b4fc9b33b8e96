/* common/net/http_io.c: bytes of a connection, plain or through OpenSSL. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/net/http_priv.h"
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>

static int ssl_result(struct http_req *c, int r)
{
        int why = SSL_get_error(c->ssl, r);
        ERR_clear_error();
        switch (why) {
        case SSL_ERROR_WANT_READ: return IO_AGAIN;
        case SSL_ERROR_WANT_WRITE: c->want_write = true; return IO_AGAIN;
        case SSL_ERROR_ZERO_RETURN: return 0;
        default: return IO_ERROR;
        }
}

static int socket_result(void)
{
        return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_ERROR;
}

static int clamp(size_t n)
{
        return n > INT_MAX ? INT_MAX : (int)n;
}

ssize_t http_io_recv(struct http_req *c, void *to, size_t n)
{
        if (c->ssl) {
                int r = SSL_read(c->ssl, to, clamp(n));
                return r > 0 ? r : ssl_result(c, r);
        }
        ssize_t r = recv(c->fd, to, n, 0);
        return r >= 0 ? r : socket_result();
}

ssize_t http_io_send(struct http_req *c, const void *from, size_t n)
{
        if (c->ssl) {
                int r = SSL_write(c->ssl, from, clamp(n));
                if (r > 0)
                        return r;
                r = ssl_result(c, r);
                return r == 0 ? IO_ERROR : r;
        }
        ssize_t r = send(c->fd, from, n, MSG_NOSIGNAL);
        return r >= 0 ? r : socket_result();
}

int http_io_peek(struct http_req *c)
{
        char one;
        if (c->ssl) {
                int r = SSL_peek(c->ssl, &one, 1);
                return r > 0 ? 1 : ssl_result(c, r);
        }
        ssize_t r = recv(c->fd, &one, 1, MSG_PEEK);
        return r >= 0 ? (int)r : socket_result();
}

int http_io_handshake(struct http_req *c)
{
        int r = SSL_accept(c->ssl);
        if (r == 1)
                return 1;
        r = ssl_result(c, r);
        return r == IO_AGAIN ? IO_AGAIN : IO_ERROR;
}
