/* common/base/marks.c: where the nodes of a document stand (diag.h).
 *
 * The nodes form the tree of the document, each known by (parent, key or index) in an
 * open-addressing table, so that a deep document costs its keys once and not once per path. A path
 * is looked up step by step. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/diag.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include <stdlib.h>
#include <string.h>

struct node {
        size_t parent;
        const char *key; /* in the arena; NULL: a list index */
        size_t index;    /* or the length of the key */
        struct mark at;
        bool is_set;
};

struct marks {
        char *file;
        struct arena keys;
        struct node *nodes;
        size_t n, cap;
        uint32_t *table; /* node id + 1; 0 is free */
        size_t slots;    /* a power of two */
        uint64_t seed;   /* keys come from outside */
};

struct step {
        const char *key;
        size_t index;
};

struct marks *marks_new(const char *file)
{
        struct marks *m = NEW(struct marks);
        m->file = mem_strdup(file);
        arena_init(&m->keys, 0);
        mem_grow(m->nodes, m->cap, 1);
        m->nodes[m->n++] = (struct node){0};
        m->seed = rand_u64();
        m->slots = 64;
        m->table = mem_calloc(m->slots, sizeof(*m->table));
        return m;
}

struct marks *marks_free(struct marks *m)
{
        if (!m)
                return NULL;
        arena_deinit(&m->keys);
        free(m->nodes);
        free(m->table);
        free(m->file);
        free(m);
        return NULL;
}

const char *marks_file(const struct marks *m)
{
        return m->file;
}

static size_t slot_of(const struct marks *m, size_t parent, struct step s)
{
        uint64_t h = (m->seed ^ parent) * UINT64_C(0x9E3779B97F4A7C15);
        for (size_t i = 0; s.key && i < s.index; i++)
                h = (h ^ (unsigned char)s.key[i]) * UINT64_C(1099511628211);
        h = (h ^ s.index) * UINT64_C(0xff51afd7ed558ccd);
        size_t slot = (size_t)(h >> 32) & (m->slots - 1);
        for (; m->table[slot]; slot = (slot + 1) & (m->slots - 1)) {
                const struct node *at = &m->nodes[m->table[slot] - 1];
                if (at->parent == parent && !at->key == !s.key && at->index == s.index &&
                    (!s.key || memcmp(at->key, s.key, s.index) == 0))
                        break;
        }
        return slot;
}

static void grow_table(struct marks *m)
{
        free(m->table);
        m->slots *= 2;
        m->table = mem_calloc(m->slots, sizeof(*m->table));
        for (size_t id = 1; id < m->n; id++) {
                const struct node *at = &m->nodes[id];
                m->table[slot_of(m, at->parent, (struct step){at->key, at->index})] =
                        (uint32_t)id + 1;
        }
}

static size_t child_of(struct marks *m, size_t parent, struct step s)
{
        size_t slot = slot_of(m, parent, s);
        if (m->table[slot])
                return m->table[slot] - 1;
        if (s.key)
                s.key = arena_strndup(&m->keys, s.key, s.index);
        mem_grow(m->nodes, m->cap, m->n + 1);
        m->nodes[m->n++] = (struct node){.parent = parent, .key = s.key, .index = s.index};
        m->table[slot] = (uint32_t)m->n;
        if (m->n * 2 > m->slots)
                grow_table(m);
        return m->n - 1;
}

size_t marks_child(struct marks *m, size_t parent, const char *key, size_t index)
{
        return child_of(m, parent, (struct step){key, key ? strlen(key) : index});
}

void marks_put(struct marks *m, size_t id, struct mark at)
{
        m->nodes[id].at = at;
        m->nodes[id].is_set = true;
}

struct mark marks_at(const struct marks *m, size_t id)
{
        return m->nodes[id].at;
}

/* Take one step off the path; false at its end or where it is no path. */
static bool next_step(const char **path, struct step *s, struct buf *key)
{
        const char *p = *path;
        if (*p == '.')
                p++;
        if (!*p)
                return false;
        if (*p != '[') {
                size_t n = strcspn(p, ".[");
                *s = (struct step){p, n};
                *path = p + n;
                return true;
        }
        size_t n = strlen(p), end = json_skip(p, n, 1);
        if (end >= n || p[end] != ']')
                return false;
        *path = p + end + 1;
        if (p[1] == '"') {
                buf_reset(key);
                if (!json_unquote(key, (struct str){p + 1, end - 1}))
                        return false;
                *s = (struct step){buf_str(key), key->len};
                return true;
        }
        *s = (struct step){NULL, strtoull(p + 1, NULL, 10)};
        return true;
}

void marks_set(struct marks *m, const char *path, struct mark at)
{
        AUTO_BUF struct buf key = BUF_INIT(BUF_UNBOUNDED);
        struct step s;
        size_t id = MARKS_ROOT;
        while (next_step(&path, &s, &key))
                id = child_of(m, id, s);
        marks_put(m, id, at);
}

bool marks_find(const struct marks *m, const char *path, struct mark *out, bool *exact)
{
        AUTO_BUF struct buf key = BUF_INIT(BUF_UNBOUNDED);
        struct step s;
        size_t id = MARKS_ROOT, found = SIZE_MAX, steps = 0, found_steps = 0;
        bool known = true;
        do {
                if (known && m->nodes[id].is_set) {
                        found = id;
                        found_steps = steps;
                }
                if (!next_step(&path, &s, &key))
                        break;
                steps++;
                size_t slot = known ? slot_of(m, id, s) : 0;
                known = known && m->table[slot];
                if (known)
                        id = m->table[slot] - 1;
        } while (true);
        if (found == SIZE_MAX)
                return false;
        *out = m->nodes[found].at;
        if (exact)
                *exact = found_steps == steps;
        return true;
}
