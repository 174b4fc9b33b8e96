/* workflow/spec/check_home.c: the resources in which names of templates are looked up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "workflow/spec/check.h"
#include "workflow/spec/merge.h"

void check_home_init(struct check_home *h, char *id_taken, json_t *spec_taken)
{
        size_t i;
        json_t *body;
        *h = (struct check_home){.id = id_taken, .spec = spec_taken};
        h->cluster = str_starts(id_taken, "Cluster");
        json_array_foreach (json_object_get(h->spec, "templates"), i, body) {
                const char *name = json_str(body, "name");
                bool was_there;
                if (str_empty(name))
                        continue;
                struct check_name *t = check_set_add(&h->templates, name, strlen(name), &was_there);
                if (was_there)
                        continue;
                t->body = body;
                t->index = (uint32_t)i;
        }
}

void check_home_deinit(struct check_home *h)
{
        check_set_free(&h->templates);
        json_decref(h->spec);
        mem_free(h->id);
}

struct check_home *check_home_find(struct check *c, const json_t *ref)
{
        bool cluster = json_is_true(json_object_get(ref, "clusterScope"));
        const char *kind = cluster ? "ClusterWorkflowTemplate" : "WorkflowTemplate",
                   *name = json_str(ref, "name"),
                   *ns = json_str(c->object, "metadata", "namespace");
        struct check_home *h;
        char *id = mem_printf("%s %s", kind, name ? name : "");
        HASH_FIND_STR(c->remotes, id, h);
        const json_t *o =
                !h && c->lookup && c->lookup->fn
                        ? c->lookup->fn(c->lookup->arg, kind, ns ? ns : "default", name ? name : "")
                        : NULL;
        if (h || !o) {
                mem_free(id);
                return h;
        }
        h = NEW(struct check_home);
        check_home_init(h, id, spec_normal(json_object_get(o, "spec")));
        HASH_ADD_KEYPTR(hh, c->remotes, h->id, strlen(h->id), h);
        return h;
}
