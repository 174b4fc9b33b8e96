/* eventsource/broker.c: see broker.h. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/broker.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include <stdlib.h>

const struct field tls_config_fields[] = {
        FIELD(struct tls_config, ca, FIELD_OBJ_PTR, .name = "caCertSecret", .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref), .help = "certificate authority of the server"),
        FIELD(struct tls_config, cert, FIELD_OBJ_PTR, .name = "clientCertSecret",
              .sub = key_ref_fields, .sub_size = sizeof(struct key_ref),
              .help = "client certificate"),
        FIELD(struct tls_config, key, FIELD_OBJ_PTR, .name = "clientKeySecret",
              .sub = key_ref_fields, .sub_size = sizeof(struct key_ref),
              .help = "key of the client certificate"),
        FIELD(struct tls_config, insecure_skip_verify, FIELD_BOOL, .name = "insecureSkipVerify",
              .help = "do not check the server's certificate"),
        FIELD(struct tls_config, enabled, FIELD_BOOL, .help = "TLS with the system's authorities"),
        FIELD_END};

void tls_config_check(const struct tls_config *tls, const struct jpath *at, struct diags *d)
{
        if (!tls)
                return;
        if (!tls->cert != !tls->key)
                diag_error(d, at, "E050", NULL,
                           "clientCertSecret and clientKeySecret come together");
        if (!tls->insecure_skip_verify && !tls->enabled && !tls->ca && !tls->cert)
                diag_error(d, at, "E050", "enabled: true uses the system's authorities",
                           "tls needs enabled, caCertSecret, or clientCertSecret with "
                           "clientKeySecret");
}

const char *const sasl_mechanisms[] = {"OAUTHBEARER",   "PLAIN",  "SCRAM-SHA-256",
                                       "SCRAM-SHA-512", "GSSAPI", NULL};
const struct field sasl_config_fields[] = {
        FIELD(struct sasl_config, mechanism, FIELD_ENUM, .choices = sasl_mechanisms, .def = "PLAIN",
              .help = "how to authenticate"),
        FIELD(struct sasl_config, user, FIELD_OBJ_PTR, .name = "userSecret", .sub = key_ref_fields,
              .sub_size = sizeof(struct key_ref), .help = "user name"),
        FIELD(struct sasl_config, password, FIELD_OBJ_PTR, .name = "passwordSecret",
              .sub = key_ref_fields, .sub_size = sizeof(struct key_ref), .help = "password"),
        FIELD_END};

void sasl_config_check(const struct sasl_config *sasl, const struct jpath *at, struct diags *d)
{
        if (!sasl)
                return;
        struct jpath mechanism = jpath_key(at, "mechanism");
        if (sasl->mechanism == SASL_OAUTHBEARER || sasl->mechanism == SASL_GSSAPI)
                diag_error(
                        d, &mechanism, "E007", "PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are there",
                        "not supported yet: SASL mechanism %s", sasl_mechanisms[sasl->mechanism]);
        if (!sasl->user || !sasl->password)
                diag_error(d, at, "E051", NULL, "sasl needs userSecret and passwordSecret");
}

/* ---- payloads ---- */

static int by_key(const void *a, const void *b)
{
        return strcmp((*(const struct field_pair *const *)a)->key,
                      (*(const struct field_pair *const *)b)->key);
}

void payload_put_metadata(struct buf *b, const struct field_map *m)
{
        if (m->n == 0)
                return;
        const struct field_pair **sorted = mem_calloc(m->n, sizeof(*sorted));
        for (size_t i = 0; i < m->n; i++)
                sorted[i] = &m->items[i];
        qsort(sorted, m->n, sizeof(*sorted), by_key);
        for (size_t i = 0; i < m->n; i++) {
                buf_adds(b, i ? "," : ",\"metadata\":{");
                json_put_string_html(b, sorted[i]->key, strlen(sorted[i]->key));
                buf_addc(b, ':');
                json_put_string_html(b, sorted[i]->value, strlen(sorted[i]->value));
        }
        buf_addc(b, '}');
        free(sorted);
}

int payload_put_body(struct buf *b, struct str body, bool json, enum payload_body otherwise,
                     struct err *e)
{
        if (json)
                return json_compact(b, body.p, body.n, true, e) < 0
                               ? err_wrap(e, "body is not JSON")
                               : 0;
        if (otherwise == BODY_STRING) {
                json_put_string_html(b, body.p, body.n);
                return 0;
        }
        buf_addc(b, '"');
        base64_put(b, body.p, body.n);
        buf_addc(b, '"');
        return 0;
}

void payload_put_time(struct buf *b, struct wall t)
{
        char text[40];
        time_rfc3339_nano(t.ns, text);
        text[10] = ' ';
        buf_addf(b, "%.*s +0000 UTC", (int)strlen(text) - 1, text);
}

static void put_str(struct buf *b, struct str s)
{
        json_put_string_html(b, s.p, s.n);
}

int redis_payload(struct buf *b, struct str channel, struct str pattern, struct str body, bool json,
                  const struct field_map *metadata, struct err *e)
{
        buf_adds(b, "{\"channel\":");
        put_str(b, channel);
        buf_adds(b, ",\"pattern\":");
        put_str(b, pattern);
        buf_adds(b, ",\"body\":");
        if (payload_put_body(b, body, json, BODY_STRING, e) < 0)
                return -1;
        payload_put_metadata(b, metadata);
        buf_addc(b, '}');
        return b->overflow ? err_set(e, ERR_LIMIT, "the event is larger than %zu bytes", b->max)
                           : 0;
}

static int by_name(const void *a, const void *b)
{
        struct str x = (*(const struct kafka_header *const *)a)->name,
                   y = (*(const struct kafka_header *const *)b)->name;
        int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
        return c ? c : x.n < y.n ? -1 : x.n > y.n;
}

/* A map in Go: sorted, and of headers with the same name the last one counts. */
static void put_headers(struct buf *b, const struct kafka_header *headers, size_t n)
{
        const struct kafka_header **sorted = mem_calloc(n, sizeof(*sorted));
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
                size_t k = 0;
                while (k < kept &&
                       !(sorted[k]->name.n == headers[i].name.n &&
                         memcmp(sorted[k]->name.p, headers[i].name.p, headers[i].name.n) == 0))
                        k++;
                sorted[k] = &headers[i];
                kept += k == kept;
        }
        qsort(sorted, kept, sizeof(*sorted), by_name);
        buf_adds(b, ",\"headers\":{");
        for (size_t i = 0; i < kept; i++) {
                if (i)
                        buf_addc(b, ',');
                put_str(b, sorted[i]->name);
                buf_addc(b, ':');
                put_str(b, sorted[i]->value);
        }
        buf_addc(b, '}');
        free(sorted);
}

int kafka_payload(struct buf *b, struct str topic, struct str key, int32_t partition,
                  struct str body, bool json, struct wall time, const struct kafka_header *headers,
                  size_t n, const struct field_map *metadata, struct err *e)
{
        buf_adds(b, "{\"topic\":");
        put_str(b, topic);
        buf_adds(b, ",\"key\":");
        put_str(b, key);
        buf_addf(b, ",\"partition\":%d,\"body\":", (int)partition);
        if (payload_put_body(b, body, json, BODY_BASE64, e) < 0)
                return -1;
        buf_adds(b, ",\"timestamp\":\"");
        payload_put_time(b, time);
        buf_addc(b, '"');
        put_headers(b, headers, n);
        payload_put_metadata(b, metadata);
        buf_addc(b, '}');
        return b->overflow ? err_set(e, ERR_LIMIT, "the event is larger than %zu bytes", b->max)
                           : 0;
}
