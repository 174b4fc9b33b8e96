/* common/yaml/compose.c: libyaml's events become a json_t tree, with the mark of every node.
 *
 * Problems of meaning (duplicate keys, unknown aliases, tags) are reported and composing goes on,
 * so that one run finds them all; only broken syntax and limits end a document. Aliases are copied:
 * what they expand to counts against the budget before it is made. Merged keys ("<<") never replace
 * keys that stand in the map itself. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/table.h"
#include "common/yaml/yaml_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MARK SIZE_MAX /* the id of nodes that do not stand in the tree */

struct anchor {
        UT_hash_handle hh;
        char *name;
        json_t *value; /* NULL while its node is being composed */
        size_t begun;  /* which node: one inside it may take the name over */
        size_t nodes, bytes;
        unsigned height;
};

struct composer {
        const struct yaml_text *text;
        yaml_parser_t *parser;
        yaml_event_t event; /* the current one */
        unsigned first_line;
        struct yaml_budget *budget;
        struct diags *d;
        struct marks *marks;
        struct anchor *anchors;
        size_t begun; /* nodes so far */
        enum compose_result result;
};

static json_t *compose_node(struct composer *c, size_t id, const struct mark *key, unsigned depth);

/* ---- places and problems ---- */

static struct mark mark_here(const struct composer *c)
{
        return (struct mark){.line = c->first_line + (unsigned)c->event.start_mark.line + 1,
                             .col = (unsigned)c->event.start_mark.column + 1};
}

#define COMPLAIN(c, at, code, hint, ...)                                                       \
        diag_at_place((c)->d, SEV_ERROR, (c)->text->file, (at).line, (at).col, (code), (hint), \
                      __VA_ARGS__)

static bool over_limit(struct composer *c, const char *what)
{
        struct mark at = mark_here(c);
        COMPLAIN(c, at, "E009", NULL, "too large: more than %s", what);
        c->result = COMPOSE_LIMIT;
        return false;
}

static bool spend(struct composer *c, size_t nodes, size_t bytes)
{
        if (nodes > YAML_NODES_MAX - c->budget->nodes)
                return over_limit(c, "100,000 nodes (aliases count as what they stand for)");
        if (bytes > YAML_BYTES_MAX - c->budget->bytes)
                return over_limit(c, "64 MiB of text (aliases count as what they stand for)");
        c->budget->nodes += nodes;
        c->budget->bytes += bytes;
        return true;
}

static bool next_event(struct composer *c)
{
        yaml_event_delete(&c->event);
        if (yaml_parser_parse(c->parser, &c->event))
                return true;
        c->event = (yaml_event_t){0};
        c->result = COMPOSE_SYNTAX;
        return false;
}

/* ---- anchors ---- */

static const char *anchor_name(const yaml_event_t *ev)
{
        switch (ev->type) {
        case YAML_SCALAR_EVENT: return (const char *)ev->data.scalar.anchor;
        case YAML_SEQUENCE_START_EVENT: return (const char *)ev->data.sequence_start.anchor;
        case YAML_MAPPING_START_EVENT: return (const char *)ev->data.mapping_start.anchor;
        default: return NULL;
        }
}

/* The name stands for this node from here on, until it is given away again. */
static struct anchor *open_anchor(struct composer *c, const char *name, size_t begun)
{
        struct anchor *a;
        HASH_FIND_STR(c->anchors, name, a);
        if (!a) {
                a = NEW(struct anchor);
                a->name = mem_strdup(name);
                HASH_ADD_KEYPTR(hh, c->anchors, a->name, strlen(a->name), a);
        }
        json_decref(a->value);
        a->value = NULL;
        a->begun = begun;
        a->nodes = c->budget->nodes;
        a->bytes = c->budget->bytes;
        return a;
}

/* Levels of lists and maps. */
static unsigned height_of(const json_t *j)
{
        unsigned most = 0;
        size_t i;
        const char *key;
        json_t *v;
        json_array_foreach ((json_t *)(uintptr_t)j, i, v) {
                unsigned h = height_of(v);
                most = h > most ? h : most;
        }
        json_object_foreach ((json_t *)(uintptr_t)j, key, v) {
                unsigned h = height_of(v);
                most = h > most ? h : most;
        }
        return json_is_object(j) || json_is_array(j) ? most + 1 : 0;
}

static void close_anchor(struct composer *c, struct anchor *a, size_t begun, json_t *value)
{
        if (a->begun != begun)
                return;
        a->nodes = c->budget->nodes - a->nodes;
        a->bytes = c->budget->bytes - a->bytes;
        a->height = height_of(value);
        a->value = json_incref(value);
}

static void free_anchors(struct composer *c)
{
        struct anchor *a, *next;
        HASH_ITER (hh, c->anchors, a, next) {
                HASH_DEL(c->anchors, a);
                json_decref(a->value);
                free(a->name);
                free(a);
        }
}

static json_t *compose_alias(struct composer *c, unsigned depth)
{
        const char *name = (const char *)c->event.data.alias.anchor;
        struct mark at = mark_here(c);
        struct anchor *a;
        HASH_FIND_STR(c->anchors, name, a);
        if (!a || !a->value) {
                COMPLAIN(c, at, "E010", NULL,
                         a ? "the anchor &%s contains itself" : "no anchor &%s stands above", name);
                return spend(c, 1, 0) ? json_null() : NULL;
        }
        if (!spend(c, a->nodes, a->bytes))
                return NULL;
        if (depth - 1 + a->height > YAML_DEPTH_MAX) {
                over_limit(c, "64 levels of nesting");
                return NULL;
        }
        return json_deep_copy(a->value);
}

/* ---- scalars and lists ---- */

static json_t *compose_scalar(struct composer *c)
{
        const char *text = (const char *)c->event.data.scalar.value;
        size_t n = c->event.data.scalar.length;
        const char *tag_text = (const char *)c->event.data.scalar.tag;
        enum scalar_tag tag = scalar_tag_of(tag_text);
        struct mark at = mark_here(c);
        if (!spend(c, 1, n))
                return NULL;
        if (tag == TAG_OTHER) {
                COMPLAIN(c, at, "E010", "values that begin with '!' need quotes",
                         "the tag \"%s\" is not supported", tag_text);
                return json_null();
        }
        if (tag == TAG_NONE && !c->event.data.scalar.plain_implicit)
                tag = TAG_STR;
        const char *why = NULL;
        json_t *j = scalar_resolve(text, n, tag, &why);
        if (j)
                return j;
        COMPLAIN(c, at, "E010", NULL, "%.40s: %s", text, why);
        return json_null();
}

static void check_collection_tag(struct composer *c, const char *tag, const char *wanted)
{
        struct mark at = mark_here(c);
        if (tag && !streq(tag, "!") && !streq(tag, wanted))
                COMPLAIN(c, at, "E010", NULL, "the tag \"%s\" is not supported", tag);
}

static size_t child_id(struct composer *c, size_t id, const char *key, size_t index)
{
        return id == NO_MARK ? NO_MARK : marks_child(c->marks, id, key, index);
}

static json_t *compose_list(struct composer *c, size_t id, unsigned depth)
{
        check_collection_tag(c, (const char *)c->event.data.sequence_start.tag, YAML_SEQ_TAG);
        if (!spend(c, 1, 0))
                return NULL;
        AUTO_JSON json_t *list = json_array();
        for (;;) {
                if (!next_event(c))
                        return NULL;
                if (c->event.type == YAML_SEQUENCE_END_EVENT)
                        return TAKE(list);
                json_t *item = compose_node(c, child_id(c, id, NULL, json_array_size(list)), NULL,
                                            depth + 1);
                if (!item)
                        return NULL;
                json_array_append_new(list, item);
        }
}

/* ---- maps ---- */

struct map {
        json_t *object;
        json_t *merges; /* maps to merge, those that take precedence first */
        struct mark merge_at;
        size_t id;
        unsigned depth;
};

static bool is_braces(const yaml_event_t *ev) /* the inner one of {{ */
{
        return ev->type == YAML_MAPPING_START_EVENT &&
               ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
}

static void complain_about_key(struct composer *c, struct mark at, bool braces)
{
        COMPLAIN(c, at, "E010", braces ? "put quotes around \"{{...}}\"" : NULL,
                 "a key must be a plain text");
}

/* Booleans and numbers are written as JSON does, which is what Kubernetes makes of such keys. */
static char *key_text(struct composer *c, const json_t *key, struct mark at)
{
        if (json_is_string(key) && strlen(json_string_value(key)) == json_string_length(key))
                return mem_strdup(json_string_value(key));
        if (json_is_boolean(key))
                diag_at_place(c->d, SEV_WARNING, c->text->file, at.line, at.col, "W004",
                              "put the key in quotes", "this key is the boolean %s",
                              json_is_true(key) ? "true" : "false");
        if (json_is_boolean(key) || json_is_number(key))
                return json_scalar_text(key);
        complain_about_key(c, at, false);
        return NULL;
}

static bool is_merge_key(const yaml_event_t *ev)
{
        if (ev->type != YAML_SCALAR_EVENT || strcmp((char *)ev->data.scalar.value, "<<") != 0)
                return false;
        const char *tag = (const char *)ev->data.scalar.tag;
        return tag ? streq(tag, "tag:yaml.org,2002:merge") : ev->data.scalar.plain_implicit;
}

static bool compose_merge(struct composer *c, struct map *m)
{
        if (!next_event(c))
                return false;
        struct mark at = mark_here(c);
        AUTO_JSON json_t *v = compose_node(c, NO_MARK, NULL, m->depth + 1);
        if (!v)
                return false;
        if (!m->merges) {
                m->merges = json_array();
                m->merge_at = at;
        }
        if (json_is_object(v)) {
                json_array_append(m->merges, v);
                return true;
        }
        size_t i;
        json_t *item;
        bool all_maps = json_is_array(v);
        json_array_foreach (v, i, item) {
                all_maps = all_maps && json_is_object(item);
                if (json_is_object(item))
                        json_array_append(m->merges, item);
        }
        if (!all_maps)
                COMPLAIN(c, at, "E010", NULL, "\"<<\" merges a map or a list of maps, not %s",
                         json_kind_name(v));
        return true;
}

static void apply_merges(struct composer *c, struct map *m)
{
        size_t i;
        const char *key;
        json_t *from, *v;
        json_array_foreach (m->merges, i, from) {
                json_object_foreach (from, key, v) {
                        if (json_object_get(m->object, key))
                                continue;
                        json_object_set(m->object, key, v);
                        size_t id = child_id(c, m->id, key, 0);
                        if (id != NO_MARK)
                                marks_put(c->marks, id, m->merge_at);
                }
        }
}

static void complain_about_duplicate(struct composer *c, const struct map *m, const char *key,
                                     struct mark at)
{
        char where[40] = "";
        if (m->id != NO_MARK)
                snprintf(where, sizeof(where), ", first in line %u",
                         marks_at(c->marks, marks_child(c->marks, m->id, key, 0)).key_line);
        COMPLAIN(c, at, "E002", NULL, "the key \"%s\" stands twice in this map%s", key, where);
}

/* The value of a key that was read; NULL key: it was refused, the value is composed for its own
 * problems only. */
static bool compose_value(struct composer *c, struct map *m, const char *key, struct mark at)
{
        if (!next_event(c))
                return false;
        if (key && json_object_get(m->object, key)) {
                complain_about_duplicate(c, m, key, at);
                key = NULL;
        }
        size_t id = key ? child_id(c, m->id, key, 0) : NO_MARK;
        json_t *value = compose_node(c, id, &at, m->depth + 1);
        if (!value)
                return false;
        if (key)
                json_object_set_new(m->object, key, value);
        else
                json_decref(value);
        return true;
}

static bool compose_member(struct composer *c, struct map *m)
{
        if (is_merge_key(&c->event))
                return compose_merge(c, m);
        struct mark at = mark_here(c);
        bool is_scalar = c->event.type == YAML_SCALAR_EVENT || c->event.type == YAML_ALIAS_EVENT;
        bool braces = is_braces(&c->event);
        AUTO_JSON json_t *key = compose_node(c, NO_MARK, NULL, m->depth + 1);
        if (!key)
                return false;
        AUTO(mem_free) char *text = NULL;
        if (is_scalar)
                text = key_text(c, key, at);
        else
                complain_about_key(c, at, braces);
        return compose_value(c, m, text, at);
}

static json_t *compose_map(struct composer *c, size_t id, unsigned depth)
{
        check_collection_tag(c, (const char *)c->event.data.mapping_start.tag, YAML_MAP_TAG);
        if (!spend(c, 1, 0))
                return NULL;
        struct map m = {.object = json_object(), .id = id, .depth = depth};
        while (next_event(c) && c->event.type != YAML_MAPPING_END_EVENT)
                if (!compose_member(c, &m))
                        break;
        bool complete = c->event.type == YAML_MAPPING_END_EVENT && c->result == COMPOSE_OK;
        if (complete && m.merges)
                apply_merges(c, &m);
        json_decref(m.merges);
        if (complete)
                return m.object;
        json_decref(m.object);
        return NULL;
}

/* ---- any node ---- */

/* The current event begins the node; afterwards its last event is current. NULL: c->result says
 * why. */
static json_t *compose_node(struct composer *c, size_t id, const struct mark *key, unsigned depth)
{
        bool nests = c->event.type == YAML_SEQUENCE_START_EVENT ||
                     c->event.type == YAML_MAPPING_START_EVENT;
        if (nests && depth > YAML_DEPTH_MAX) {
                over_limit(c, "64 levels of nesting");
                return NULL;
        }
        if (id != NO_MARK) {
                struct mark at = mark_here(c);
                at.key_line = key ? key->line : 0;
                at.key_col = key ? key->col : 0;
                marks_put(c->marks, id, at);
        }
        const char *name = anchor_name(&c->event);
        size_t begun = ++c->begun;
        struct anchor *anchor = name ? open_anchor(c, name, begun) : NULL;
        json_t *j = NULL;
        switch (c->event.type) {
        case YAML_SCALAR_EVENT: j = compose_scalar(c); break;
        case YAML_ALIAS_EVENT: j = compose_alias(c, depth); break;
        case YAML_SEQUENCE_START_EVENT: j = compose_list(c, id, depth); break;
        case YAML_MAPPING_START_EVENT: j = compose_map(c, id, depth); break;
        default: c->result = COMPOSE_SYNTAX; break;
        }
        if (j && anchor)
                close_anchor(c, anchor, begun, j);
        return j;
}

enum compose_result yaml_compose(const struct yaml_text *t, yaml_parser_t *p, unsigned first_line,
                                 struct yaml_budget *budget, struct diags *d, json_t **root,
                                 struct marks *marks)
{
        struct composer c = {.text = t,
                             .parser = p,
                             .first_line = first_line,
                             .budget = budget,
                             .d = d,
                             .marks = marks};
        AUTO_JSON json_t *j = next_event(&c) ? compose_node(&c, MARKS_ROOT, NULL, 1) : NULL;
        if (j && next_event(&c)) /* the document end */
                *root = TAKE(j);
        yaml_event_delete(&c.event);
        free_anchors(&c);
        return c.result;
}
