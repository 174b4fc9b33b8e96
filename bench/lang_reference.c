/* bench/lang_reference.c: see lang_reference.h. The scan skips what it does not ask for by memchr
 * and a count of brackets, and stops as soon as it has its three values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/lang_reference.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *reference_event(void)
{
        return "{\"header\":{\"Accept\":[\"*/*\"],\"Accept-Encoding\":[\"gzip, deflate, br\"],"
               "\"Content-Length\":[\"712\"],\"Content-Type\":[\"application/json\"],"
               "\"User-Agent\":[\"python-httpx/0.23.3\"],\"X-Forwarded-For\":[\"10.1.2.3\"],"
               "\"X-Forwarded-Host\":[\"upload.clinic.example.org\"],\"X-Forwarded-Proto\":["
               "\"https\"],"
               "\"Accept-Language\":[\"de-DE,de;q=0.8,en;q=0.5\"],\"X-Real-Ip\":[\"10.1.2.3\"],"
               "\"X-Request-Id\":[\"3f0c6b1e-8a9d-4c1f-b7d2-a3e4c5b69788\"],"
               "\"Traceparent\":[\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"]},"
               "\"body\":{\"document_id\":\"5f0c6b1e-8a9d-4c1f-b7d2-a3e4c5b69788\","
               "\"bucket\":\"uploads\",\"key\":\"2026/11/30/lab-report-0042.pdf\","
               "\"sha256\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\","
               "\"size\":482113,\"uploaded_at\":\"2026-11-30T22:30:53Z\","
               "\"uploader\":{\"id\":4711,\"name\":\"Ada Example\",\"mail\":\"ada@example.org\","
               "\"roles\":[\"doctor\",\"admin\"],\"locale\":\"de-DE\"},"
               "\"tags\":[\"blood\",\"quarterly\",\"fasting\"],"
               "\"kind\":\"invoice\",\"pages\":12,"
               "\"history\":[{\"at\":\"2026-11-29T08:00:00Z\",\"what\":\"created\"},"
               "{\"at\":\"2026-11-29T09:30:00Z\",\"what\":\"scanned\"},"
               "{\"at\":\"2026-11-30T22:30:52Z\",\"what\":\"uploaded\"}],"
               "\"meta\":{\"source\":\"scanner-7\",\"urgent\":true,\"retries\":0},"
               "\"note\":\"please file under current patients, thank you\"}}";
}

/* ---- by hand ---- */

static const char *skip_string(const char *p, const char *end)
{
        for (p++;; p++) {
                p = memchr(p, '"', (size_t)(end - p));
                if (!p)
                        return end;
                size_t slashes = 0;
                while (p[-1 - (ptrdiff_t)slashes] == '\\')
                        slashes++;
                if (slashes % 2 == 0)
                        return p + 1;
        }
}

static const char *skip_value(const char *p, const char *end)
{
        if (*p == '"')
                return skip_string(p, end);
        int depth = 0;
        while (p < end) {
                if (*p == '"') {
                        p = skip_string(p, end);
                        continue;
                }
                if (*p == '{' || *p == '[') {
                        depth++;
                } else if (*p == '}' || *p == ']') {
                        if (depth == 0)
                                return p;
                        if (--depth == 0)
                                return p + 1;
                } else if (*p == ',' && depth == 0) {
                        return p;
                }
                p++;
        }
        return end;
}

static bool is_key(const char *key, const char *end, const char *name)
{
        size_t n = strlen(name);
        return (size_t)(end - key) == n + 2 && memcmp(key + 1, name, n) == 0;
}

struct found {
        bool kind, pages, urgent;
};

typedef void member_fn(struct found *f, const char *key, const char *key_end, const char *value,
                       const char *end);

static void each_member(const char *p, const char *end, member_fn *fn, struct found *f)
{
        for (p++; p < end && *p == '"' && !(f->kind && f->pages && f->urgent);) {
                const char *key_end = skip_string(p, end), *value = key_end + 1;
                fn(f, p, key_end, value, end);
                p = skip_value(value, end);
                if (p < end && *p == ',')
                        p++;
        }
}

static void in_meta(struct found *f, const char *key, const char *key_end, const char *value,
                    const char *end)
{
        if (is_key(key, key_end, "urgent"))
                f->urgent = end - value > 4 && memcmp(value, "true", 4) == 0;
}

static void in_body(struct found *f, const char *key, const char *key_end, const char *value,
                    const char *end)
{
        if (is_key(key, key_end, "kind"))
                f->kind = memmem(value, (size_t)(skip_string(value, end) - value), "invoice", 7);
        else if (is_key(key, key_end, "pages"))
                f->pages = strtod(value, NULL) > 10;
        else if (is_key(key, key_end, "meta"))
                each_member(value, end, in_meta, f);
}

static void in_event(struct found *f, const char *key, const char *key_end, const char *value,
                     const char *end)
{
        if (is_key(key, key_end, "body"))
                each_member(value, end, in_body, f);
}

bool reference_scan(const char *p, size_t n)
{
        struct found f = {0};
        each_member(p, p + n, in_event, &f);
        return f.kind && f.pages && f.urgent;
}

bool reference_jansson(const char *p, size_t n)
{
        json_t *root = json_loadb(p, n, 0, NULL), *body = json_object_get(root, "body");
        const char *kind = json_string_value(json_object_get(body, "kind"));
        bool passes = kind && strstr(kind, "invoice") &&
                      json_number_value(json_object_get(body, "pages")) > 10 &&
                      json_is_true(json_object_get(json_object_get(body, "meta"), "urgent"));
        json_decref(root);
        return passes;
}

/* ---- documents and templates ---- */

void reference_document(struct buf *out, size_t bytes)
{
        buf_adds(out, "{\"rows\":[");
        for (int i = 0; out->len < bytes; i++)
                buf_addf(out,
                         "%s{\"id\":%d,\"name\":\"measurement %d\",\"unit\":\"mmol/l\","
                         "\"range\":[3.5,5.1],\"comment\":\"taken in the morning, fasting\"}",
                         i ? "," : "", i, i);
        buf_adds(out, "],\"meta\":{\"source\":\"lab\",\"answer\":4711}}");
}

#define PROSE                                                                                     \
        "This message was made by the document pipeline. It is sent once for each document that " \
        "was read; the figures stand in the appendix, and the original stays where it is. "

const char *reference_template(void)
{
        return "Dear {{.Input.name}},\n" PROSE PROSE
               "\nDocument {{.Input.id}} has {{.Input.state}} findings.\n" PROSE PROSE
               "\nSee {{.Input.url}} or ask {{.Input.contact}}.\n" PROSE "\n";
}

const char *reference_template_data(void)
{
        return "{\"name\":\"Ada Example\",\"id\":\"5f0c6b1e-8a9d\",\"state\":\"seven\","
               "\"url\":\"http://127.0.0.1:8000/documents/5f0c6b1e\",\"contact\":\"the lab\"}";
}

void reference_print(char *out, size_t n)
{
        snprintf(out, n,
                 "Dear %s,\n" PROSE PROSE "\nDocument %s has %s findings.\n" PROSE PROSE
                 "\nSee %s or ask %s.\n" PROSE "\n",
                 "Ada Example", "5f0c6b1e-8a9d", "seven",
                 "http://127.0.0.1:8000/documents/5f0c6b1e", "the lab");
}
