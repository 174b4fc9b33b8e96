/* workflow/executor/wire.c: see wire.h. Records are padded to 8 so that numbers stand aligned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/executor/wire.h"
#include <string.h>

struct record {
        uint16_t tag, reserved;
        uint32_t n;
};
struct frame {
        uint32_t kind, n;
        uint64_t sum;
};

static size_t padded(size_t n)
{
        return (n + 1 + 7) & ~(size_t)7; /* one more for the NUL */
}

void wire_put(struct buf *b, enum wire_tag tag, const void *data, size_t n)
{
        static const char zeros[8];
        struct record r = {(uint16_t)tag, 0, (uint32_t)n};
        buf_add(b, &r, sizeof(r));
        buf_add(b, data, n);
        buf_add(b, zeros, padded(n) - n);
}

void wire_put_str(struct buf *b, enum wire_tag tag, const char *s)
{
        if (s)
                wire_put(b, tag, s, strlen(s));
}

void wire_put_u64(struct buf *b, enum wire_tag tag, uint64_t v)
{
        wire_put(b, tag, &v, sizeof(v));
}

size_t wire_begin(struct buf *b, enum wire_tag tag)
{
        struct record r = {(uint16_t)tag, 0, 0};
        size_t at = b->len;
        buf_add(b, &r, sizeof(r));
        return at;
}

void wire_end(struct buf *b, size_t begin)
{
        if (b->overflow)
                return;
        struct record r;
        memcpy(&r, b->data + begin, sizeof(r));
        r.n = (uint32_t)(b->len - begin - sizeof(r));
        memcpy(b->data + begin, &r, sizeof(r));
        static const char zeros[8];
        buf_add(b, zeros, padded(r.n) - r.n);
}

struct wire wire_read(const void *data, size_t n)
{
        return (struct wire){.p = data, .end = (const char *)data + n};
}

bool wire_next(struct wire *w)
{
        struct record r;
        if ((size_t)(w->end - w->p) < sizeof(r))
                return false;
        memcpy(&r, w->p, sizeof(r));
        if ((size_t)(w->end - w->p) - sizeof(r) < padded(r.n))
                return false;
        w->tag = r.tag;
        w->data = w->p + sizeof(r);
        w->n = r.n;
        w->p = w->data + padded(r.n);
        return true;
}

uint64_t wire_u64(const struct wire *w)
{
        uint64_t v = 0;
        if (w->n == sizeof(v))
                memcpy(&v, w->data, sizeof(v));
        return v;
}

bool wire_find(struct wire *w, enum wire_tag tag)
{
        while (wire_next(w))
                if (w->tag == (unsigned)tag)
                        return true;
        return false;
}

const char *wire_find_str(struct wire w, enum wire_tag tag)
{
        return wire_find(&w, tag) ? w.data : NULL;
}

uint64_t wire_find_u64(struct wire w, enum wire_tag tag, uint64_t fallback)
{
        return wire_find(&w, tag) ? wire_u64(&w) : fallback;
}

/* FNV-1a, going on from `h`: against torn writes, not against malice. */
static uint64_t checksum(uint64_t h, const char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
        return h;
}

uint64_t frame_owner(const char *uid, const char *node)
{
        uint64_t h = checksum(0xcbf29ce484222325u, uid, strlen(uid) + 1);
        return checksum(h, node, strlen(node) + 1);
}

void frame_put(struct buf *b, uint64_t owner, enum frame_kind kind, const void *data, size_t n)
{
        struct frame f = {kind, (uint32_t)n, checksum(owner, data, n)};
        buf_add(b, &f, sizeof(f));
        buf_add(b, data, n);
}

bool frame_next(const char *data, size_t n, size_t *at, uint64_t owner, enum frame_kind *kind,
                struct wire *content)
{
        struct frame f;
        if (*at > n || n - *at < sizeof(f))
                return false;
        memcpy(&f, data + *at, sizeof(f));
        const char *body = data + *at + sizeof(f);
        if (n - *at - sizeof(f) < f.n || checksum(owner, body, f.n) != f.sum)
                return false;
        *kind = f.kind;
        *content = wire_read(body, f.n);
        *at += sizeof(f) + f.n;
        return true;
}
