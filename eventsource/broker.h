/* eventsource/broker.h: what sources that read from brokers share: TLS and SASL settings, and the
 * pure functions that build payloads (argo-events.md 1 and 3; conformance/events/payload.jsonl).
 * Threads: any; pure, but for the source_secret() readers. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "eventsource/source_driver.h"

struct tls_config {
        struct key_ref *ca, *cert, *key;
        bool insecure_skip_verify, enabled;
};
extern const struct field tls_config_fields[];
void tls_config_check(const struct tls_config *tls, const struct jpath *at, struct diags *d);

struct sasl_config {
        int mechanism; /* index into sasl_mechanisms */
        struct key_ref *user, *password;
};
enum { SASL_OAUTHBEARER, SASL_PLAIN, SASL_SCRAM_SHA_256, SASL_SCRAM_SHA_512, SASL_GSSAPI };
extern const char *const sasl_mechanisms[];
extern const struct field sasl_config_fields[];
void sasl_config_check(const struct sasl_config *sasl, const struct jpath *at, struct diags *d);

/* ,"metadata":{...} with sorted keys, or nothing when empty. */
void payload_put_metadata(struct buf *b, const struct field_map *metadata);
/* A body as Go's encoder writes it: raw JSON (compacted, < > & escaped) when `json`, else base64
 * text or a plain string. -1: `json` and not JSON. */
enum payload_body { BODY_BASE64, BODY_STRING };
int payload_put_body(struct buf *b, struct str body, bool json, enum payload_body otherwise,
                     struct err *e) MUST_CHECK;
/* Go's Time.String() in UTC: "2024-03-10 14:30:00.123 +0000 UTC". */
void payload_put_time(struct buf *b, struct wall t);

int redis_payload(struct buf *b, struct str channel, struct str pattern, struct str body, bool json,
                  const struct field_map *metadata, struct err *e) MUST_CHECK;
struct kafka_header {
        struct str name, value;
};
int kafka_payload(struct buf *b, struct str topic, struct str key, int32_t partition,
                  struct str body, bool json, struct wall time, const struct kafka_header *headers,
                  size_t n, const struct field_map *metadata, struct err *e) MUST_CHECK;
