/* common/store/embedded_tree.c: the nodes of large workflows that somebody watches, kept parsed.
 *
 * A watch shows whole objects, and a workflow of ten thousand nodes may change a thousand times:
 * reading all of them each time would cost more than running it. So the tree stays, and only the
 * nodes a change names are read again. It is changed in place when nobody kept it, else a shallow
 * copy is. Valid for the version up to which watches were told: whoever passes a change over must
 * drop the tree. SPDX-License-Identifier: Apache-2.0 */
#include "common/store/embedded.h"

enum { WORTH_KEEPING = 64, TREES_KEPT = 8 };

struct tree {
        int64_t object;
        json_t *nodes;
        UT_hash_handle hh;
};

static void tree_free(struct estore *s, struct tree *t)
{
        HASH_DEL(s->trees, t);
        json_decref(t->nodes);
        mem_free(t);
}

void tree_drop(struct estore *s, int64_t object)
{
        struct tree *t;
        HASH_FIND(hh, s->trees, &object, sizeof(object), t);
        if (t)
                tree_free(s, t);
}

void trees_clear(struct estore *s)
{
        struct tree *t, *next;
        HASH_ITER (hh, s->trees, t, next)
                tree_free(s, t);
}

static int refresh_node(struct db_tx *tx, int64_t object, json_t *nodes, const char *id,
                        struct err *e)
{
        int64_t pos;
        json_t *node;
        int found = node_get(tx, object, id, &pos, &node, e);
        if (found > 0)
                json_object_set_new(nodes, id, node);
        else if (found == 0)
                json_object_del(nodes, id);
        return found < 0 ? -1 : 0;
}

static int refresh(struct db_tx *tx, struct tree *t, const json_t *ids, struct err *e)
{
        size_t i;
        json_t *id;
        if (ids && t->nodes->refcount > 1) { /* somebody kept it: it is not ours to change */
                json_t *copy = json_copy(t->nodes);
                json_decref(t->nodes);
                t->nodes = copy;
        }
        json_array_foreach (ids, i, id)
                if (refresh_node(tx, t->object, t->nodes, json_string_value(id), e) < 0)
                        return -1;
        return 0;
}

static void keep(struct estore *s, int64_t object, json_t *nodes)
{
        if (json_object_size(nodes) < WORTH_KEEPING)
                return;
        if (HASH_COUNT(s->trees) >= TREES_KEPT)
                tree_free(s, s->trees); /* the oldest */
        struct tree *t = NEW(struct tree);
        t->object = object;
        t->nodes = json_incref(nodes);
        HASH_ADD(hh, s->trees, object, sizeof(t->object), t);
}

int tree_nodes(struct estore *s, struct db_tx *tx, int64_t object, const json_t *changed,
               json_t **out, struct err *e)
{
        struct tree *t;
        if (json_is_true(changed))
                tree_drop(s, object);
        HASH_FIND(hh, s->trees, &object, sizeof(object), t);
        if (t) {
                if (refresh(tx, t, changed, e) < 0) {
                        tree_free(s, t);
                        return -1;
                }
                *out = json_incref(t->nodes);
                return 0;
        }
        if (nodes_get(tx, object, out, e) < 0)
                return -1;
        keep(s, object, *out);
        return 0;
}
