/* eventsource/kafka.c: a Kafka topic, by consumer group or by one partition (argo-events.md 3.3).
 *
 * An offset is stored for commit only when the bus has every event up to it (kafka_marks.h keeps
 * the order), so nothing acknowledged is lost and a crash only repeats what de-duplication
 * recognises: ids are topic, partition, offset and the record's time (a topic that was made anew
 * starts its offsets again). Partition mode starts at the newest record as upstream, but from then
 * on continues where it was. librdkafka does its own reconnecting; its events wake the loop through
 * an eventfd. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "eventsource/broker.h"
#include "eventsource/kafka_lazy.h"
#include "eventsource/kafka_marks.h"
#include "eventsource/source_filter.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
        BATCH = 256,
        IN_FLIGHT_MAX = 1024,
        REPEAT_MS = 500,
        COMMIT_EVERY_MS = 1000,
        PAYLOAD_MAX = 16 << 20
};

static const char *const strategies[] = {"range", "roundrobin", "sticky", NULL};

struct kafka_group {
        char *name;
        bool oldest;
        int strategy;
};
struct kafka_config {
        char *url, *partition, *topic, *version;
        struct kafka_group *group;
        struct backoff_config *backoff;
        struct source_filter *filter;
        struct tls_config *tls;
        struct sasl_config *sasl;
        struct field_map metadata;
        int64_t limit_per_second;
        bool json_body;
};

static const struct field group_fields[] = {
        FIELD(struct kafka_group, name, FIELD_STR, .name = "groupName",
              .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .help = "consumer group"),
        FIELD(struct kafka_group, oldest, FIELD_BOOL,
              .help = "begin at the oldest record when nothing is committed yet"),
        FIELD(struct kafka_group, strategy, FIELD_ENUM, .name = "rebalanceStrategy",
              .choices = strategies, .def = "range",
              .help = "how partitions are shared (sticky is cooperative-sticky)"),
        FIELD_END};

static const struct field kafka_fields[] = {
        FIELD(struct kafka_config, url, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "brokers, host:port with commas"),
        FIELD(struct kafka_config, partition, FIELD_INTSTR,
              .help = "one partition, without a group"),
        FIELD(struct kafka_config, topic, FIELD_STR, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
              .help = "one topic"),
        FIELD(struct kafka_config, backoff, FIELD_OBJ_PTR, .name = "connectionBackoff",
              .sub = backoff_fields, .sub_size = sizeof(struct backoff_config),
              .help = "pauses between restarts of the source"),
        FIELD(struct kafka_config, tls, FIELD_OBJ_PTR, .sub = tls_config_fields,
              .sub_size = sizeof(struct tls_config), .help = "TLS"),
        FIELD(struct kafka_config, json_body, FIELD_BOOL, .name = "jsonBody",
              .help = "the record is JSON and becomes part of the payload"),
        FIELD(struct kafka_config, metadata, FIELD_MAP, .help = "copied into the payload"),
        FIELD(struct kafka_config, group, FIELD_OBJ_PTR, .name = "consumerGroup",
              .sub = group_fields, .sub_size = sizeof(struct kafka_group),
              .help = "consume as a group; partition is ignored then"),
        FIELD(struct kafka_config, limit_per_second, FIELD_INT, .name = "limitEventsPerSecond",
              .min = 0, .max = INT32_MAX,
              .help = "at most so many events per second of this source"),
        FIELD(struct kafka_config, version, FIELD_STR,
              .help = "accepted; the protocol is negotiated"),
        FIELD(struct kafka_config, sasl, FIELD_OBJ_PTR, .sub = sasl_config_fields,
              .sub_size = sizeof(struct sasl_config), .help = "SASL"),
        FILTER_FIELD(struct kafka_config, filter),
        {.name = "config", .kind = FIELD_LATER, .help = "settings of the Go client"},
        {.name = "schemaRegistry", .kind = FIELD_LATER, .help = "Avro by schema registry"},
        {.name = "awsMskIamAuth", .kind = FIELD_LATER, .help = "IAM authentication of MSK"},
        FIELD_END};

static void kafka_check(const void *config, const struct jpath *at, struct diags *d)
{
        const struct kafka_config *c = config;
        struct jpath tls = jpath_key(at, "tls"), sasl = jpath_key(at, "sasl"),
                     partition = jpath_key(at, "partition");
        tls_config_check(c->tls, &tls, d);
        sasl_config_check(c->sasl, &sasl, d);
        uint64_t number;
        if (str_empty(c->partition) && !c->group)
                diag_error(d, at, "E053", NULL, "kafka needs consumerGroup or partition");
        else if (!str_empty(c->partition) && !str_to_u64(c->partition, &number))
                diag_error(d, &partition, "E003", NULL, "expected a partition number, found \"%s\"",
                           c->partition);
}

/* What librdkafka's callbacks get: outlives the source while the consumer leaves its group on a
 * thread of its own. */
struct kafka_link {
        struct kafka_state *state; /* NULL once the source has stopped */
        rd_kafka_t *rk;
};

struct kafka_state {
        struct source *source;
        struct kafka_link *link;
        rd_kafka_t *rk;
        rd_kafka_queue_t *queue;
        int fd;
        struct event *ready;
        struct loop_task drain;
        struct loop_timer limiter, commit;
        struct kafka_marks *marks;
        size_t in_flight;
        bool up, paused, held_back; /* held_back: librdkafka was told to stop fetching */
        struct mono next_allowed;
        struct record *records;
        char *topic;
};

/* One event on its way to the bus; payload and id are kept for repetition. */
struct record {
        struct kafka_state *state;
        struct record *next, **prev;
        struct kafka_mark *mark;
        struct loop_timer again;
        char id[320];
        size_t len;
        char data[];
};

static const struct kafka_config *config(struct kafka_state *s)
{
        return source_config(s->source);
}

static void goes_down(struct kafka_state *s, enum err_code code, const char *words)
{
        struct err e = {0};
        const struct sasl_config *sasl = config(s)->sasl;
        bool scram = sasl && (sasl->mechanism == SASL_SCRAM_SHA_256 ||
                              sasl->mechanism == SASL_SCRAM_SHA_512);
        err_set(&e, code, "kafka %s: %s%s", config(s)->url, words,
                code == ERR_DENIED && scram && rd_kafka_version() < 0x020601ff
                        ? " (librdkafka before 2.6.1 cannot do SCRAM with Kafka 4: use PLAIN over "
                          "TLS, or a 3.x broker)"
                        : "");
        source_down(s->source, &e);
        err_clear(&e);
}

/* ---- offsets ---- */

static void store_offset(void *arg, int32_t partition, int64_t next)
{
        struct kafka_state *s = arg;
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, s->topic, partition)->offset = next;
        rd_kafka_offsets_store(s->rk, list); /* committed every second, on revoke and on close */
        rd_kafka_topic_partition_list_destroy(list);
}

/* ---- events to the bus ---- */

static void mind_fetching(struct kafka_state *s)
{
        bool hold = s->paused || s->in_flight >= IN_FLIGHT_MAX;
        if (hold == s->held_back)
                return;
        rd_kafka_topic_partition_list_t *assigned = NULL;
        if (rd_kafka_assignment(s->rk, &assigned) == RD_KAFKA_RESP_ERR_NO_ERROR) {
                if (hold)
                        rd_kafka_pause_partitions(s->rk, assigned);
                else
                        rd_kafka_resume_partitions(s->rk, assigned);
                rd_kafka_topic_partition_list_destroy(assigned);
        }
        s->held_back = hold;
        if (!hold)
                loop_defer(source_loop(s->source), &s->drain);
}

static void record_free(struct record *r)
{
        struct kafka_state *s = r->state;
        timer_cancel(source_loop(s->source), &r->again);
        *r->prev = r->next;
        if (r->next)
                r->next->prev = r->prev;
        s->in_flight--;
        free(r);
}

static void on_stored(void *arg, const char *event_id UNUSED, const struct err *e)
{
        struct record *r = arg;
        struct kafka_state *s = r->state;
        if (e && err_retryable(e->code)) {
                timer_after_ms(source_loop(s->source), &r->again, REPEAT_MS);
                return;
        }
        if (e)
                source_bad_event(s->source, e);
        kafka_mark_done(s->marks, r->mark);
        record_free(r);
        mind_fetching(s);
}

static void emit(void *arg)
{
        struct record *r = arg;
        source_emit(r->state->source,
                    &(struct source_event){.data = {r->data, r->len}, .id = r->id, .dedup = true},
                    on_stored, r);
}

static size_t read_headers(const rd_kafka_message_t *m, struct kafka_header *out, size_t max)
{
        rd_kafka_headers_t *headers = NULL;
        size_t n = 0;
        if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
                return 0;
        const char *name;
        const void *value;
        size_t size;
        while (n < max && rd_kafka_header_get_all(headers, n, &name, &value, &size) ==
                                  RD_KAFKA_RESP_ERR_NO_ERROR)
                out[n++] =
                        (struct kafka_header){str_of(name), {value ? value : "", value ? size : 0}};
        return n;
}

static void take(struct kafka_state *s, const rd_kafka_message_t *m)
{
        ERR_SLOT(e);
        const struct kafka_config *c = config(s);
        AUTO_BUF struct buf b = BUF_INIT(PAYLOAD_MAX);
        struct kafka_header headers[64];
        rd_kafka_timestamp_type_t type;
        int64_t ms = rd_kafka_message_timestamp(m, &type);
        struct kafka_mark *mark = kafka_mark_begin(s->marks, m->partition, m->offset);
        size_t n = read_headers(m, headers, ARRAY_LEN(headers));
        if (kafka_payload(&b, str_of(s->topic), (struct str){m->key ? m->key : "", m->key_len},
                          m->partition, (struct str){m->payload ? m->payload : "", m->len},
                          c->json_body, (struct wall){ms * NS_PER_MS}, headers, n, &c->metadata,
                          &e) < 0) { /* a poisoned record is counted and passed over, as upstream */
                err_wrap(&e, "%s[%d] offset %lld", s->topic, (int)m->partition,
                         (long long)m->offset);
                source_bad_event(s->source, &e);
                err_clear(&e);
                kafka_mark_done(s->marks, mark);
                return;
        }
        struct record *r = mem_alloc(sizeof(*r) + b.len);
        r->state = s;
        r->mark = mark;
        r->len = b.len;
        memcpy(r->data, b.data, b.len);
        snprintf(r->id, sizeof(r->id), "%.60s:%.60s:%.128s:%d:%lld@%lld", source_name(s->source),
                 source_event_name(s->source), s->topic, (int)m->partition, (long long)m->offset,
                 (long long)ms);
        timer_init(&r->again, emit, r);
        r->next = s->records;
        r->prev = &s->records;
        if (s->records)
                s->records->prev = &r->next;
        s->records = r;
        s->in_flight++;
        emit(r);
}

/* ---- librdkafka to the loop ---- */

static bool may_take(struct kafka_state *s)
{
        int64_t limit = config(s)->limit_per_second;
        if (s->paused || s->in_flight >= IN_FLIGHT_MAX)
                return false;
        if (!limit)
                return true;
        struct loop *l = source_loop(s->source);
        struct mono now = loop_now(l);
        if (now.ns < s->next_allowed.ns) {
                timer_set(l, &s->limiter, s->next_allowed);
                return false;
        }
        s->next_allowed.ns =
                (now.ns - s->next_allowed.ns > NS_PER_S ? now.ns : s->next_allowed.ns) +
                NS_PER_S / limit;
        return true;
}

static void on_error(struct kafka_state *s, const rd_kafka_message_t *m)
{
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                return;
        log_warn(source_log(s->source), "kafka", F_STR("what", rd_kafka_message_errstr(m)),
                 F_STR("code", rd_kafka_err2name(m->err)));
        if (m->err == RD_KAFKA_RESP_ERR__FATAL)
                goes_down(s, ERR_UNAVAILABLE, rd_kafka_message_errstr(m));
}

static void drain(void *arg)
{
        struct kafka_state *s = arg;
        for (int i = 0; i < BATCH && may_take(s); i++) {
                rd_kafka_message_t *m =
                        rd_kafka_consumer_poll(s->rk, 0); /* runs the callbacks below, too */
                if (!m) {
                        mind_fetching(s);
                        return;
                }
                if (m->err)
                        on_error(s, m);
                else
                        take(s, m);
                rd_kafka_message_destroy(m);
        }
        mind_fetching(s);
        if (may_take(s))
                loop_defer(source_loop(s->source),
                           &s->drain); /* the queue says nothing before it was empty once */
}

static void on_ready(evutil_socket_t fd, short what UNUSED, void *arg)
{
        uint64_t count;
        ssize_t ignored = read(fd, &count, sizeof(count));
        (void)ignored;
        drain(arg);
}

/* Full or paused: callbacks must be served all the same, or the group takes our partitions away. */
static void on_tick(void *arg)
{
        struct kafka_state *s = arg;
        timer_after_ms(source_loop(s->source), &s->commit, COMMIT_EVERY_MS);
        if (s->held_back && s->in_flight < 2 * IN_FLIGHT_MAX) {
                rd_kafka_message_t *m = rd_kafka_consumer_poll(s->rk, 0);
                if (m && !m->err)
                        take(s, m); /* fetched before the pause */
                if (m)
                        rd_kafka_message_destroy(m);
        } else {
                drain(s);
        }
}

static void on_limiter(void *arg)
{
        drain(arg);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *parts, void *opaque)
{
        struct kafka_state *s = ((struct kafka_link *)opaque)->state;
        bool cooperative = rd_kafka_rebalance_protocol(rk) &&
                           strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
        if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && s) {
                if (cooperative)
                        rd_kafka_error_destroy(rd_kafka_incremental_assign(rk, parts));
                else
                        rd_kafka_assign(rk, parts);
                s->held_back = false;
                for (int i = 0; i < parts->cnt; i++)
                        kafka_marks_begin_partition(s->marks, parts->elems[i].partition);
                if (!s->up) {
                        s->up = true;
                        source_up(s->source);
                }
                return;
        }
        for (int i = 0; s && i < parts->cnt; i++)
                kafka_marks_drop_partition(s->marks, parts->elems[i].partition);
        if (cooperative)
                rd_kafka_error_destroy(rd_kafka_incremental_unassign(rk, parts));
        else
                rd_kafka_assign(rk, NULL);
}

static void on_rk_error(rd_kafka_t *rk UNUSED, int err, const char *reason, void *opaque)
{
        struct kafka_state *s = ((struct kafka_link *)opaque)->state;
        if (!s)
                return;
        log_warn(source_log(s->source), "kafka", F_STR("what", reason),
                 F_STR("code", rd_kafka_err2name((rd_kafka_resp_err_t)err)));
        if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
            err == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
                goes_down(s, ERR_DENIED, reason);
        else if (!s->up &&
                 (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__SSL))
                goes_down(s, ERR_UNAVAILABLE, reason);
}

static void on_rk_log(const rd_kafka_t *rk UNUSED, int level UNUSED, const char *facility UNUSED,
                      const char *line UNUSED)
{
        /* comes from librdkafka's threads; what matters arrives by on_rk_error on the loop */
}

/* ---- life ---- */

struct setting {
        const char *name, *value;
};

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
        char words[256];
        if (!value ||
            rd_kafka_conf_set(conf, name, value, words, sizeof(words)) == RD_KAFKA_CONF_OK)
                return 0;
        /* words may quote the value: not for secrets */
        bool secret = strstr(name, "password") || strstr(name, "pem");
        return err_set(e, ERR_INVALID, "kafka setting %s: %s", name,
                       secret ? "refused by the client library" : words);
}

static int set_all(rd_kafka_conf_t *conf, const struct setting *settings, size_t n, struct err *e)
{
        for (size_t i = 0; i < n; i++)
                if (set(conf, settings[i].name, settings[i].value, e) < 0)
                        return -1;
        return 0;
}

static const char *secret_text(struct kafka_state *s, const struct key_ref *ref)
{
        const struct secret *secret = ref ? source_secret(s->source, ref) : NULL;
        return secret ? secret_reveal(secret) : NULL;
}

static int set_security(struct kafka_state *s, rd_kafka_conf_t *conf, struct err *e)
{
        const struct kafka_config *c = config(s);
        const struct setting protocol[] = {{"security.protocol", c->tls && c->sasl ? "sasl_ssl"
                                                                 : c->tls          ? "ssl"
                                                                 : c->sasl ? "sasl_plaintext"
                                                                           : "plaintext"}};
        if (set_all(conf, protocol, ARRAY_LEN(protocol), e) < 0)
                return -1;
        if (c->tls) {
                const struct setting tls[] = {{"ssl.ca.pem", secret_text(s, c->tls->ca)},
                                              {"ssl.certificate.pem", secret_text(s, c->tls->cert)},
                                              {"ssl.key.pem", secret_text(s, c->tls->key)},
                                              {"enable.ssl.certificate.verification",
                                               c->tls->insecure_skip_verify ? "false" : "true"},
                                              {"ssl.endpoint.identification.algorithm",
                                               c->tls->insecure_skip_verify ? "none" : "https"}};
                if (set_all(conf, tls, ARRAY_LEN(tls), e) < 0)
                        return -1;
        }
        if (!c->sasl)
                return 0;
        const struct setting sasl[] = {{"sasl.mechanisms", sasl_mechanisms[c->sasl->mechanism]},
                                       {"sasl.username", secret_text(s, c->sasl->user)},
                                       {"sasl.password", secret_text(s, c->sasl->password)}};
        return set_all(conf, sasl, ARRAY_LEN(sasl), e);
}

static int make_conf(struct kafka_state *s, rd_kafka_conf_t *conf, struct err *e)
{
        const struct kafka_config *c = config(s);
        AUTO(mem_free)
        char *own_group = mem_printf("tiphys-%s-%s-%s", source_ns(s->source),
                                     source_name(s->source), source_event_name(s->source));
        const struct setting settings[] = {
                {"bootstrap.servers", c->url},
                {"client.id", "tiphys"},
                {"group.id", c->group ? c->group->name : own_group},
                {"auto.offset.reset", c->group && c->group->oldest ? "earliest" : "latest"},
                {"enable.auto.commit", "true"},
                {"auto.commit.interval.ms", "1000"},
                {"enable.auto.offset.store",
                 "false"}, /* stored by us, when the bus has the event */
                {"session.timeout.ms",
                 "10000"}, /* as upstream: a killed member is missed for so long */
                {"partition.assignment.strategy", !c->group ? "range"
                                                  : c->group->strategy == 2
                                                          ? "cooperative-sticky"
                                                          : strategies[c->group->strategy]},
                {"fetch.wait.max.ms", "100"},
                {"queued.max.messages.kbytes", "16384"},
                {"reconnect.backoff.max.ms", "5000"}};
        if (set_all(conf, settings, ARRAY_LEN(settings), e) < 0 || set_security(s, conf, e) < 0)
                return -1;
        rd_kafka_conf_set_opaque(conf, s->link);
        rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
        rd_kafka_conf_set_error_cb(conf, on_rk_error);
        rd_kafka_conf_set_log_cb(conf, on_rk_log);
        return 0;
}

static int join(struct kafka_state *s, struct err *e)
{
        const struct kafka_config *c = config(s);
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_resp_err_t err;
        if (c->group) {
                rd_kafka_topic_partition_list_add(list, c->topic, RD_KAFKA_PARTITION_UA);
                err = rd_kafka_subscribe(s->rk, list);
        } else {
                int partition = atoi(c->partition);
                rd_kafka_topic_partition_list_add(list, c->topic, partition)->offset =
                        RD_KAFKA_OFFSET_STORED;
                err = rd_kafka_assign(s->rk, list);
                kafka_marks_begin_partition(s->marks, partition);
        }
        rd_kafka_topic_partition_list_destroy(list);
        return err ? err_set(e, ERR_UNAVAILABLE, "kafka topic %s: %s", c->topic,
                             rd_kafka_err2str(err))
                   : 0;
}

static int kafka_start(struct source *source, struct err *e)
{
        struct kafka_state *s = source_state(source);
        if (kafka_load(e) < 0)
                return -1;
        s->source = source;
        s->fd = -1;
        s->topic = config(s)->topic;
        task_init(&s->drain, drain, s);
        timer_init(&s->limiter, on_limiter, s);
        timer_init(&s->commit, on_tick, s);
        s->marks = kafka_marks_new(store_offset, s);
        s->link = NEW(struct kafka_link);
        s->link->state = s;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char words[512];
        if (make_conf(s, conf, e) < 0 ||
            !(s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof(words)))) {
                rd_kafka_conf_destroy(conf);
                return err_is_set(e) ? -1 : err_set(e, ERR_INVALID, "kafka: %s", words);
        }
        s->link->rk = s->rk;
        rd_kafka_poll_set_consumer(s->rk);
        s->queue = rd_kafka_queue_get_consumer(s->rk);
        s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (s->fd < 0)
                return err_errno(e, errno, "eventfd");
        rd_kafka_queue_io_event_enable(s->queue, s->fd, &(uint64_t){1}, sizeof(uint64_t));
        s->ready =
                event_new(loop_base(source_loop(source)), s->fd, EV_READ | EV_PERSIST, on_ready, s);
        event_add(s->ready, NULL);
        timer_after_ms(source_loop(source), &s->commit, COMMIT_EVERY_MS);
        if (join(s, e) < 0)
                return -1;
        if (!config(s)->group) {
                s->up = true;
                source_up(source);
        }
        return 0;
}

/* Leaving the group talks to the broker and may take seconds: not on the loop. */
static void *leave(void *arg)
{
        struct kafka_link *link = arg;
        rd_kafka_consumer_close(link->rk);
        rd_kafka_destroy(link->rk);
        free(link);
        return NULL;
}

static void kafka_stop(struct source *source)
{
        struct kafka_state *s = source_state(source);
        if (!s->source)
                return;
        struct loop *l = source_loop(source);
        loop_undefer(l, &s->drain);
        timer_cancel(l, &s->limiter);
        timer_cancel(l, &s->commit);
        while (s->records)
                record_free(s->records);
        if (s->queue) {
                rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
                rd_kafka_queue_destroy(s->queue);
        }
        if (s->ready)
                event_free(s->ready);
        if (s->rk) {
                rd_kafka_commit(s->rk, NULL, 1); /* what is stored, asynchronously */
                rd_kafka_assign(s->rk, NULL);
                s->link->state = NULL;
                pthread_t thread;
                if (pthread_create(&thread, NULL, leave, TAKE(s->link)) == 0)
                        pthread_detach(thread);
        }
        free(s->link);
        if (s->fd >= 0)
                close(s->fd);
        kafka_marks_free(s->marks);
}

static void kafka_pause(struct source *source, bool paused)
{
        struct kafka_state *s = source_state(source);
        s->paused = paused;
        mind_fetching(s);
}

const struct source_driver source_kafka = {.type = "kafka",
                                           .fields = kafka_fields,
                                           .config_size = sizeof(struct kafka_config),
                                           .state_size = sizeof(struct kafka_state),
                                           .check = kafka_check,
                                           .start = kafka_start,
                                           .stop = kafka_stop,
                                           .pause = kafka_pause};
