/* eventsource/kafka_lazy.h: librdkafka, loaded by the first Kafka source (base/lazy.h).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/lazy.h"
#include <librdkafka/rdkafka.h>

/* Every function that is used stands here once as FUNCTION(name) and once as a #define. */
#define KAFKA_FUNCTIONS(FUNCTION)                       \
        FUNCTION(rd_kafka_assign)                       \
        FUNCTION(rd_kafka_assignment)                   \
        FUNCTION(rd_kafka_commit)                       \
        FUNCTION(rd_kafka_conf_destroy)                 \
        FUNCTION(rd_kafka_conf_new)                     \
        FUNCTION(rd_kafka_conf_set)                     \
        FUNCTION(rd_kafka_conf_set_error_cb)            \
        FUNCTION(rd_kafka_conf_set_log_cb)              \
        FUNCTION(rd_kafka_conf_set_opaque)              \
        FUNCTION(rd_kafka_conf_set_rebalance_cb)        \
        FUNCTION(rd_kafka_consumer_close)               \
        FUNCTION(rd_kafka_consumer_poll)                \
        FUNCTION(rd_kafka_destroy)                      \
        FUNCTION(rd_kafka_err2name)                     \
        FUNCTION(rd_kafka_err2str)                      \
        FUNCTION(rd_kafka_error_destroy)                \
        FUNCTION(rd_kafka_header_get_all)               \
        FUNCTION(rd_kafka_incremental_assign)           \
        FUNCTION(rd_kafka_incremental_unassign)         \
        FUNCTION(rd_kafka_message_destroy)              \
        FUNCTION(rd_kafka_message_errstr)               \
        FUNCTION(rd_kafka_message_headers)              \
        FUNCTION(rd_kafka_message_timestamp)            \
        FUNCTION(rd_kafka_new)                          \
        FUNCTION(rd_kafka_offsets_store)                \
        FUNCTION(rd_kafka_pause_partitions)             \
        FUNCTION(rd_kafka_poll_set_consumer)            \
        FUNCTION(rd_kafka_queue_destroy)                \
        FUNCTION(rd_kafka_queue_get_consumer)           \
        FUNCTION(rd_kafka_queue_io_event_enable)        \
        FUNCTION(rd_kafka_rebalance_protocol)           \
        FUNCTION(rd_kafka_resume_partitions)            \
        FUNCTION(rd_kafka_subscribe)                    \
        FUNCTION(rd_kafka_topic_partition_list_add)     \
        FUNCTION(rd_kafka_topic_partition_list_destroy) \
        FUNCTION(rd_kafka_topic_partition_list_new)     \
        FUNCTION(rd_kafka_version)

struct kafka_functions {
#define FUNCTION(name) __typeof__(name) *name;
        KAFKA_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
extern struct kafka_functions kafka_fn; /* filled by kafka_load() */
/* Loads the library at the first call. */
int kafka_load(struct err *e) MUST_CHECK;

#define rd_kafka_assign kafka_fn.rd_kafka_assign
#define rd_kafka_assignment kafka_fn.rd_kafka_assignment
#define rd_kafka_commit kafka_fn.rd_kafka_commit
#define rd_kafka_conf_destroy kafka_fn.rd_kafka_conf_destroy
#define rd_kafka_conf_new kafka_fn.rd_kafka_conf_new
#define rd_kafka_conf_set kafka_fn.rd_kafka_conf_set
#define rd_kafka_conf_set_error_cb kafka_fn.rd_kafka_conf_set_error_cb
#define rd_kafka_conf_set_log_cb kafka_fn.rd_kafka_conf_set_log_cb
#define rd_kafka_conf_set_opaque kafka_fn.rd_kafka_conf_set_opaque
#define rd_kafka_conf_set_rebalance_cb kafka_fn.rd_kafka_conf_set_rebalance_cb
#define rd_kafka_consumer_close kafka_fn.rd_kafka_consumer_close
#define rd_kafka_consumer_poll kafka_fn.rd_kafka_consumer_poll
#define rd_kafka_destroy kafka_fn.rd_kafka_destroy
#define rd_kafka_err2name kafka_fn.rd_kafka_err2name
#define rd_kafka_err2str kafka_fn.rd_kafka_err2str
#define rd_kafka_error_destroy kafka_fn.rd_kafka_error_destroy
#define rd_kafka_header_get_all kafka_fn.rd_kafka_header_get_all
#define rd_kafka_incremental_assign kafka_fn.rd_kafka_incremental_assign
#define rd_kafka_incremental_unassign kafka_fn.rd_kafka_incremental_unassign
#define rd_kafka_message_destroy kafka_fn.rd_kafka_message_destroy
#define rd_kafka_message_errstr kafka_fn.rd_kafka_message_errstr
#define rd_kafka_message_headers kafka_fn.rd_kafka_message_headers
#define rd_kafka_message_timestamp kafka_fn.rd_kafka_message_timestamp
#define rd_kafka_new kafka_fn.rd_kafka_new
#define rd_kafka_offsets_store kafka_fn.rd_kafka_offsets_store
#define rd_kafka_pause_partitions kafka_fn.rd_kafka_pause_partitions
#define rd_kafka_poll_set_consumer kafka_fn.rd_kafka_poll_set_consumer
#define rd_kafka_queue_destroy kafka_fn.rd_kafka_queue_destroy
#define rd_kafka_queue_get_consumer kafka_fn.rd_kafka_queue_get_consumer
#define rd_kafka_queue_io_event_enable kafka_fn.rd_kafka_queue_io_event_enable
#define rd_kafka_rebalance_protocol kafka_fn.rd_kafka_rebalance_protocol
#define rd_kafka_resume_partitions kafka_fn.rd_kafka_resume_partitions
#define rd_kafka_subscribe kafka_fn.rd_kafka_subscribe
#define rd_kafka_topic_partition_list_add kafka_fn.rd_kafka_topic_partition_list_add
#define rd_kafka_topic_partition_list_destroy kafka_fn.rd_kafka_topic_partition_list_destroy
#define rd_kafka_topic_partition_list_new kafka_fn.rd_kafka_topic_partition_list_new
#define rd_kafka_version kafka_fn.rd_kafka_version
