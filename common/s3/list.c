/* common/s3/list.c: ListObjectsV2, page by page. Names come percent-encoded (encoding-type=url):
 * a key may hold characters that XML cannot. SPDX-License-Identifier: Apache-2.0 */
#include "common/net/url.h"
#include "common/s3/s3_priv.h"
#include <stdlib.h>

struct listed {
        char *key;
        uint64_t bytes;
        bool folder;
};
struct page {
        struct listed *items;
        size_t n, cap;
        char *key, *next;
        uint64_t bytes;
        bool truncated, bad;
};

static char *decoded(const char *text, bool *bad)
{
        AUTO_BUF struct buf b = BUF_INIT(8192);
        if (!url_decode(&b, str_of(text), true) || memchr(buf_str(&b), 0, b.len))
                *bad = true;
        return mem_strdup(buf_str(&b));
}

static void add(struct page *p, char *key_taken, uint64_t bytes, bool folder)
{
        mem_grow(p->items, p->cap, p->n + 1);
        p->items[p->n++] = (struct listed){key_taken, bytes, folder};
}

static void on_element(void *arg, const char *path, const char *text)
{
        struct page *p = arg;
        if (streq(path, "Contents/Key")) {
                mem_free(p->key);
                p->key = decoded(text, &p->bad);
        } else if (streq(path, "Contents/Size")) {
                if (!str_to_u64(text, &p->bytes))
                        p->bad = true;
        } else if (streq(path, "Contents") && p->key) {
                add(p, TAKE(p->key), p->bytes, false);
        } else if (streq(path, "CommonPrefixes/Prefix")) {
                add(p, decoded(text, &p->bad), 0, true);
        } else if (streq(path, "NextContinuationToken")) {
                mem_free(p->next);
                p->next = mem_strdup(text);
        } else if (streq(path, "IsTruncated")) {
                p->truncated = streq(text, "true");
        }
}

static void page_deinit(struct page *p)
{
        for (size_t i = 0; i < p->n; i++)
                mem_free(p->items[i].key);
        mem_free(p->items);
        mem_free(p->key);
        mem_free(p->next);
}

static int by_key(const void *a, const void *b)
{
        return strcmp(((const struct listed *)a)->key, ((const struct listed *)b)->key);
}

static int get_page(struct s3 *s, struct page *p, const char *prefix, bool one_level,
                    const char *after, struct err *e)
{
        struct sigv4_query q = {0};
        const struct http_response *answer;
        sigv4_query_add(&q, "list-type", "2");
        sigv4_query_add(&q, "encoding-type", "url");
        sigv4_query_add(&q, "prefix", prefix);
        if (one_level)
                sigv4_query_add(&q, "delimiter", "/");
        if (after)
                sigv4_query_add(&q, "continuation-token", after);
        struct s3_request r = {.method = "GET", .query = &q};
        int rc = s3_call(s, &r, &answer, e);
        if (rc == 0)
                rc = xml_each(answer->body.data, answer->body.len, on_element, p, e);
        if (rc == 0 && (p->bad || (p->truncated && !p->next)))
                rc = err_set(e, ERR_PROTOCOL, "list s3://%s/%s: the answer cannot be read",
                             s->bucket, prefix);
        sigv4_query_deinit(&q);
        return rc;
}

int s3_list(struct s3 *s, const char *prefix, bool one_level, s3_each_fn *each, void *arg,
            struct err *e)
{
        AUTO(mem_free) char *after = NULL;
        for (bool more = true; more;) {
                struct page p = {0};
                int rc = get_page(s, &p, prefix, one_level, after, e);
                more = rc == 0 && p.truncated;
                if (p.n)
                        qsort(p.items, p.n, sizeof(*p.items), by_key);
                for (size_t i = 0; rc == 0 && i < p.n; i++)
                        if (!each(arg, &(struct s3_object){p.items[i].key, p.items[i].bytes,
                                                           p.items[i].folder})) {
                                more = false;
                                break;
                        }
                mem_free(after);
                after = TAKE(p.next);
                page_deinit(&p);
                if (rc < 0)
                        return -1;
        }
        return 0;
}
