/* common/kube/kube_list.c: a collection page by page. The pages of one list show one moment; when
 * the server has forgotten that moment (410 on the continue token) the list starts again, and after
 * a few such starts it asks for everything at once. Pages that are too large to take are asked for
 * again in smaller portions. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/kube/kube_client.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_ITEMS = 500, PAGE_SHRINK = 8, PAGE_BYTES = 64 << 20, RESTARTS_MAX = 3 };

struct kube_list {
        struct kube_client *client;
        struct kube_call *call;
        struct kube_target target; /* texts owned */
        char *label_selector, *field_selector, *cont;
        bool one_page; /* the caller pages */
        size_t page;   /* items to ask for, 0 all */
        int restarts;
        json_t *items;
        kube_done_fn *done;
        void *arg;
};

static kube_done_fn on_page;

static void ask(struct kube_list *l)
{
        char limit[24];
        snprintf(limit, sizeof(limit), "%zu", l->page);
        const struct kube_param query[] = {{"labelSelector", l->label_selector},
                                           {"fieldSelector", l->field_selector},
                                           {"limit", l->page ? limit : NULL},
                                           {"continue", l->cont},
                                           {NULL, NULL}};
        struct kube_request r = {
                .verb = KUBE_LIST, .target = l->target, .query = query, .max_bytes = PAGE_BYTES};
        l->call = kube_call(l->client, &r, on_page, l);
}

static void list_free(struct kube_list *l)
{
        const char *const texts[] = {
                l->target.group, l->target.version, l->target.kind,    l->target.plural,
                l->target.ns,    l->label_selector, l->field_selector, l->cont};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                mem_free((void *)texts[i]);
        json_decref(l->items);
        free(l);
}

void kube_list_cancel(struct kube_list *l)
{
        if (!l)
                return;
        kube_call_cancel(l->call);
        list_free(l);
}

static bool tried_again(struct kube_list *l, const struct err *e)
{
        if (e->code == ERR_LIMIT && l->page > 1) {
                l->page = l->page > PAGE_SHRINK ? l->page / PAGE_SHRINK : 1;
        } else if (e->code == ERR_GONE && !l->one_page && l->cont) {
                if (++l->restarts >= RESTARTS_MAX)
                        l->page = 0;
                json_array_clear(l->items);
                mem_free(TAKE(l->cont));
        } else {
                return false;
        }
        ask(l);
        return true;
}

/* Items of the built-in kinds come without these two. */
static void name_items(const struct kube_list *l, json_t *items)
{
        const struct kube_target *t = &l->target;
        AUTO(mem_free)
        char *api = str_empty(t->group) ? mem_strdup(t->version)
                                        : mem_printf("%s/%s", t->group, t->version);
        size_t i;
        json_t *item;
        json_array_foreach (items, i, item) {
                if (!json_object_get(item, "kind"))
                        json_object_set_new(item, "kind", json_string(t->kind));
                if (!json_object_get(item, "apiVersion"))
                        json_object_set_new(item, "apiVersion", json_string(api));
        }
}

static void finish(struct kube_list *l, json_t *answer, const struct err *e)
{
        kube_done_fn *done = l->done;
        void *arg = l->arg;
        list_free(l);
        done(arg, answer, e);
}

static void on_page(void *arg, json_t *answer, const struct err *e)
{
        struct kube_list *l = arg;
        l->call = NULL;
        if (e) {
                if (!tried_again(l, e))
                        finish(l, NULL, e);
                return;
        }
        json_t *items = json_object_get(answer, "items");
        const char *cont = json_str(answer, "metadata", "continue");
        if (items && !json_is_null(items)) /* an empty list may be null */
                json_array_extend(l->items, items);
        mem_free(TAKE(l->cont));
        if (!l->one_page && !str_empty(cont)) {
                l->cont = mem_strdup(cont);
                ask(l);
                return;
        }
        AUTO_JSON json_t *whole = json_incref(answer);
        name_items(l, l->items);
        json_object_set(whole, "items", l->items);
        finish(l, whole, NULL);
}

struct kube_list *kube_list(struct kube_client *c, const struct kube_target *t,
                            const struct kube_list_opts *o, kube_done_fn *done, void *arg)
{
        struct kube_list *l = NEW(struct kube_list);
        l->client = c;
        l->target = (struct kube_target){.group = mem_strdup(t->group),
                                         .version = mem_strdup(t->version),
                                         .kind = mem_strdup(t->kind),
                                         .plural = mem_strdup(t->plural),
                                         .ns = mem_strdup(t->ns)};
        l->label_selector = mem_strdup(o->label_selector);
        l->field_selector = mem_strdup(o->field_selector);
        l->cont = mem_strdup(o->cont);
        l->one_page = o->limit > 0 || !str_empty(o->cont);
        l->page = l->one_page ? o->limit : PAGE_ITEMS;
        l->items = json_array();
        l->done = done;
        l->arg = arg;
        ask(l);
        return l;
}
