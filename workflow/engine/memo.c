/* workflow/engine/memo.c: see memo.h. A cache is a ConfigMap; an entry is Argo's JSON: {nodeID,
 * outputs, creationTimestamp, lastHitTimestamp}. Entries are stored by the WF_CACHE command; what
 * this workflow has stored it also remembers itself, for the next step may ask before the ConfigMap
 * is seen to have changed. SPDX-License-Identifier: Apache-2.0 */
#include "workflow/engine/memo.h"
#include <ctype.h>

void memo_deinit(struct memo *m)
{
        json_decref(m->status);
        json_decref(m->outputs);
        *m = (struct memo){0};
}

/* ^[a-zA-Z0-9][-a-zA-Z0-9]*$ */
static bool good_key(const char *key)
{
        for (const char *p = key; *p; p++)
                if (!isalnum((unsigned char)*p) && !(*p == '-' && p > key))
                        return false;
        return *key;
}

static json_t *now_text(const struct wf *wf)
{
        char text[40];
        time_rfc3339(wf->now_ns / NS_PER_S * NS_PER_S, text);
        return json_string(text);
}

/* ---- looking up ---- */

static int stored_entry(json_t **out, const struct wf *wf, const char *cache, const char *key,
                        struct err *e)
{
        const json_t *map =
                wf->lookup.fn ? wf->lookup.fn(wf->lookup.arg, "ConfigMap", wf->ns, cache) : NULL;
        *out = NULL;
        if (!map)
                return 0;
        if (!streq(json_str(map, "metadata", "labels", "workflows.argoproj.io/configmap-type"),
                   "Cache"))
                return err_set(e, ERR_INVALID,
                               "memoization configmap doesn't have "
                               "workflows.argoproj.io/configmap-type label, refusing to use it");
        const char *text = json_str(map, "data", key);
        if (str_empty(text))
                return 0;
        if (json_parse(out, text, strlen(text), e) < 0)
                return err_wrap(e, "malformed cache entry: could not unmarshal JSON; unable to "
                                   "parse");
        return 0;
}

static int find_entry(json_t **out, const struct wf *wf, const char *cache, const char *key,
                      struct err *e)
{
        json_t *own = json_object_get(json_object_get(wf->cache, cache), key);
        if (!own)
                return stored_entry(out, wf, cache, key, e);
        *out = json_incref(own);
        return 0;
}

static int is_fresh(bool *out, const struct wf *wf, const json_t *entry, const char *max_age,
                    struct err *e)
{
        int64_t age, created = 0;
        const char *text = json_str(entry, "creationTimestamp");
        *out = true;
        if (str_empty(max_age))
                return 0;
        if (!duration_parse(max_age, &age))
                return err_set(e, ERR_INVALID, "invalid maxAge: \"%s\" is not a duration", max_age);
        if (text)
                time_parse_rfc3339(text, &created);
        *out = wf->now_ns - created <= age;
        return 0;
}

static void put_entry(struct wf *wf, const char *cache, const char *key, json_t *entry)
{
        json_t *data = json_pack("{s:s,s:s,s:O}", "configMap", cache, "key", key, "entry", entry);
        wf_put_command(wf, (struct wf_command){.kind = WF_CACHE, .data = data});
        if (!wf->cache)
                wf->cache = json_object();
        json_t *entries = json_object_get(wf->cache, cache);
        if (!entries) {
                entries = json_object();
                json_object_set_new_nocheck(wf->cache, cache, entries);
        }
        json_object_set_nocheck(entries, key, entry);
}

/* Argo notes when an entry was used last, for the garbage collection of caches. */
static void note_hit(struct wf *wf, const char *cache, const char *key, const json_t *entry)
{
        AUTO_JSON json_t *used = json_copy((json_t *)(uintptr_t)entry);
        json_object_set_new_nocheck(used, "lastHitTimestamp", now_text(wf));
        put_entry(wf, cache, key, used);
}

int memo_look(struct memo *out, struct wf *wf, const struct tmpl *t, struct scope *s, struct err *e)
{
        AUTO_JSON json_t *memoize = NULL, *entry = NULL;
        json_t *body = json_object_get(t->body, "memoize");
        bool hit = false;
        *out = (struct memo){0};
        if (!body)
                return 0;
        if (scope_tree(&memoize, body, s, e) < 0)
                return -1;
        const char *key = json_str(memoize, "key"),
                   *cache = json_str(memoize, "cache", "configMap", "name");
        if (str_empty(cache))
                return err_set(e, ERR_INVALID, "cache could not be found or created");
        if (!good_key(key ? key : ""))
                return err_set(e, ERR_INVALID, "invalid cache key: %s", key ? key : "");
        if (find_entry(&entry, wf, cache, key, e) < 0 ||
            is_fresh(&hit, wf, entry, json_str(memoize, "maxAge"), e) < 0)
                return -1;
        hit = hit && entry;
        if (hit) {
                note_hit(wf, cache, key, entry);
                out->outputs = json_deep_copy(json_object_get(entry, "outputs"));
        }
        out->status = json_pack("{s:b,s:s,s:s}", "hit", hit, "key", key, "cacheName", cache);
        return 0;
}

/* ---- the node ---- */

bool memo_apply(struct wf *wf, uint32_t index, struct memo *m)
{
        if (!m->status)
                return false;
        struct node *n = node_at(wf, index);
        bool hit = json_is_true(json_object_get(m->status, "hit"));
        json_decref(n->memo);
        n->memo = TAKE(m->status);
        node_touch(wf, index);
        if (!hit)
                return false;
        n->memo_saved = true;
        if (m->outputs)
                node_set_outputs(wf, index, TAKE(m->outputs));
        node_set(wf, index, PHASE_SUCCEEDED, "");
        globals_take_outputs(wf, index);
        return true;
}

/* The attempts of a retry store their result themselves; nothing else without work of its own
 * does. */
static bool stores(const struct node *n)
{
        switch ((enum node_type)n->type) {
        case NODE_POD:
        case NODE_HTTP:
        case NODE_PLUGIN:
        case NODE_STEPS:
        case NODE_DAG: return true;
        default: return false;
        }
}

void memo_fulfilled(struct wf *wf, uint32_t index)
{
        struct node *n = node_at(wf, index);
        if (!n->memo || n->memo_saved || n->phase != PHASE_SUCCEEDED || !stores(n))
                return;
        n->memo_saved = true;
        AUTO_JSON json_t *entry = json_pack("{s:s}", "nodeID", node_id_text(wf, n, &wf->step));
        if (n->outputs)
                json_object_set_new_nocheck(entry, "outputs", json_deep_copy(n->outputs));
        json_object_set_new_nocheck(entry, "creationTimestamp", now_text(wf));
        json_object_set_new_nocheck(entry, "lastHitTimestamp", now_text(wf));
        put_entry(wf, json_str(n->memo, "cacheName"), json_str(n->memo, "key"), entry);
}
