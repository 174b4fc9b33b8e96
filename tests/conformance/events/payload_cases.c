/* tests/conformance/events/payload_cases.c: recorded payloads of message sources (payload.jsonl)
 * against eventsource/broker.c: redis and kafka today. The last line is "N passed, N failed, N
 * listed"; exit code 77 when the records are not there. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "eventsource/broker.h"
#include <stdio.h>
#include <stdlib.h>

static struct field_map metadata_of(const json_t *spec)
{
        struct field_map m = {0};
        const char *key;
        json_t *value;
        json_t *object = json_object_get(spec, "metadata");
        m.items = mem_calloc(json_object_size(object), sizeof(*m.items));
        json_object_foreach (object, key, value)
                m.items[m.n++] = (struct field_pair){(char *)(uintptr_t)key,
                                                     (char *)(uintptr_t)json_string_value(value)};
        return m;
}

static struct str text_of(const json_t *message, const char *key)
{
        const char *text = json_str(message, key);
        return str_of(text ? text : "");
}

static int build(struct buf *b, const json_t *rec, struct str body, struct err *e)
{
        const json_t *spec = json_object_get(rec, "spec"), *m = json_object_get(rec, "message");
        bool json = json_is_true(json_object_get(spec, "jsonBody"));
        struct field_map metadata = metadata_of(spec);
        int r;
        if (streq(json_str(rec, "source"), "redis")) {
                r = redis_payload(b, text_of(m, "channel"), text_of(m, "pattern"), body, json,
                                  &metadata, e);
        } else {
                struct kafka_header headers[32];
                size_t n = 0, i;
                json_t *pair;
                json_array_foreach (json_object_get(m, "headers"), i, pair)
                        headers[n++] = (struct kafka_header){
                                str_of(json_string_value(json_array_get(pair, 0))),
                                str_of(json_string_value(json_array_get(pair, 1)))};
                struct wall t = {0};
                time_parse_rfc3339(json_str(m, "timestamp"), &t.ns);
                r = kafka_payload(b, text_of(m, "topic"), text_of(m, "key"),
                                  (int32_t)json_number_value(json_object_get(m, "partition")), body,
                                  json, t, headers, n, &metadata, e);
        }
        free(metadata.items);
        return r;
}

/* true: as recorded */
static bool run(struct str line, const json_t *rec)
{
        const json_t *m = json_object_get(rec, "message");
        AUTO_BUF struct buf body = BUF_INIT(BUF_UNBOUNDED), out = BUF_INIT(BUF_UNBOUNDED),
                            want = BUF_INIT(BUF_UNBOUNDED), got = BUF_INIT(BUF_UNBOUNDED);
        const char *base64 = json_str(m, "bodyBase64");
        if (base64)
                base64_get(&body, base64, strlen(base64));
        else
                buf_adds(&body, text_of(m, "body").p);
        ERR_SLOT(e);
        int r = build(&out, rec, (struct str){buf_str(&body), body.len}, &e);
        err_clear(&e);
        if (json_object_get(rec, "error"))
                return r < 0;
        struct str data = json_member(line.p, line.n, "data");
        return r == 0 && json_compact(&want, data.p, data.n, true, NULL) == 0 &&
               json_compact(&got, out.data, out.len, true, NULL) == 0 &&
               streq(buf_str(&want), buf_str(&got));
}

int main(int argc, char **argv)
{
        const char *shared = getenv("TIPHYS_SHARED");
        AUTO(mem_free)
        char *path = argc > 1 ? mem_strdup(argv[1])
                              : mem_printf("%s/conformance/events/payload.jsonl",
                                           shared ? shared : "../shared");
        FILE *f = fopen(path, "r");
        if (!f) {
                printf("NOT RUN: no recorded cases at %s (set TIPHYS_SHARED)\n", path);
                return 77;
        }
        char *line = NULL;
        size_t cap = 0, passed = 0, failed = 0, listed = 0;
        for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
                AUTO_JSON json_t *rec = json_loadb(line, (size_t)n, 0, NULL);
                if (!rec)
                        rec = json_loadb(line, (size_t)n, JSON_DECODE_INT_AS_REAL, NULL);
                const char *source = json_str(rec, "source"),
                           *zone = json_str(rec, "message", "timestamp");
                bool ours = streq(source, "redis") || streq(source, "kafka");
                if (!ours ||
                    (zone &&
                     !str_ends(zone,
                               "Z"))) { /* times are written in UTC here, docs/compatibility.md */
                        listed++;
                        continue;
                }
                bool ok = run((struct str){line, (size_t)n}, rec);
                passed += ok;
                failed += !ok;
                if (!ok)
                        printf("FAIL %s\n", json_str(rec, "name"));
        }
        free(line);
        fclose(f);
        printf("%zu passed, %zu failed, %zu listed\n", passed, failed, listed);
        return failed ? 1 : 0;
}
