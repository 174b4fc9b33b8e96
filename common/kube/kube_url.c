/* common/kube/kube_url.c: the address of a resource. Names come from events: one that holds a slash
 * or is ".." would address another resource with our credentials, so such names never leave here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/kube/kube_priv.h"
#include "common/net/url.h"

enum {
        SEGMENT_MAX = 253
}; /* as in apimachinery's path segment rule, with the length of a DNS name */

static int put_segment(struct buf *out, const char *what, const char *text, struct err *e)
{
        size_t n = text ? strlen(text) : 0;
        if (n == 0)
                return err_set(e, ERR_INVALID, "%s is empty", what);
        if (n > SEGMENT_MAX || streq(text, ".") || streq(text, "..") || strpbrk(text, "/%"))
                return err_set(e, ERR_INVALID, "%s \"%.60s\" cannot be the name of a resource",
                               what, text);
        buf_addc(out, '/');
        url_encode_component(out, text);
        return 0;
}

static int put_target(struct buf *out, const struct kube_target *t, struct err *e)
{
        buf_adds(out, str_empty(t->group) ? "/api" : "/apis");
        if (!str_empty(t->group) && put_segment(out, "group", t->group, e) < 0)
                return -1;
        if (put_segment(out, "version", t->version, e) < 0)
                return -1;
        if (t->ns) {
                buf_adds(out, "/namespaces");
                if (put_segment(out, "namespace", t->ns, e) < 0)
                        return -1;
        }
        if (put_segment(out, "plural", t->plural, e) < 0)
                return -1;
        if (t->name && put_segment(out, "name", t->name, e) < 0)
                return -1;
        return str_empty(t->subresource) ? 0 : put_segment(out, "subresource", t->subresource, e);
}

static void put_query(struct buf *out, const struct kube_param *query)
{
        char before = '?';
        for (; query && query->name; query++) {
                if (str_empty(query->value))
                        continue;
                buf_addf(out, "%c%s=", before, query->name);
                url_encode_component(out, query->value);
                before = '&';
        }
}

int kube_url(struct buf *out, const char *server, const struct kube_request *r, struct err *e)
{
        bool one = r->verb == KUBE_GET || r->verb == KUBE_UPDATE || r->verb == KUBE_PATCH ||
                   r->verb == KUBE_DELETE;
        buf_adds(out, server);
        if (r->path)
                buf_adds(out, r->path);
        else if (one && !r->target.name)
                return err_set(e, ERR_INVALID, "%s %s: the name is missing",
                               kube_verb_name(r->verb), r->target.plural);
        else if (put_target(out, &r->target, e) < 0)
                return -1;
        put_query(out, r->query);
        return out->overflow ? err_set(e, ERR_LIMIT, "an address of more than %zu bytes", out->max)
                             : 0;
}
