/* eventsource/sources.c: which source types there are. SPDX-License-Identifier: Apache-2.0 */
#include "eventsource/sources.h"
#include "common/base/str.h"

#define SOURCE(type) extern const struct source_driver source_##type;
#include "eventsource/sources.def"
#undef SOURCE

static const struct source_driver *const drivers[] = {
#define SOURCE(type) &source_##type,
#include "eventsource/sources.def"
#undef SOURCE
        NULL};

/* Every type of argo-events.md 0.2, with its class of 0.3. */
static const struct source_type types[] = {{"amqp", false},
                                           {"azureEventsHub", false},
                                           {"azureQueueStorage", true},
                                           {"azureServiceBus", false},
                                           {"bitbucket", true},
                                           {"bitbucketserver", true},
                                           {"calendar", false},
                                           {"emitter", false},
                                           {"file", false},
                                           {"generic", false},
                                           {"gerrit", true},
                                           {"github", true},
                                           {"gitlab", true},
                                           {"hdfs", false},
                                           {"kafka", false},
                                           {"minio", false},
                                           {"mns", true},
                                           {"mqtt", false},
                                           {"nats", false},
                                           {"nsq", false},
                                           {"pubSub", false},
                                           {"pulsar", false},
                                           {"redis", false},
                                           {"redisStream", false},
                                           {"resource", false},
                                           {"sftp", false},
                                           {"slack", true},
                                           {"sns", true},
                                           {"sqs", true},
                                           {"storageGrid", true},
                                           {"stripe", true},
                                           {"webhook", true},
                                           {NULL, false}};

const struct source_driver *const *source_drivers(void)
{
        return drivers;
}

const struct source_driver *source_driver_find(const char *type)
{
        for (const struct source_driver *const *d = drivers; *d; d++)
                if (streq((*d)->type, type))
                        return *d;
        return NULL;
}

const struct source_type *source_types(void)
{
        return types;
}

const struct source_type *source_type_find(const char *name)
{
        for (const struct source_type *t = types; t->name; t++)
                if (streq(t->name, name))
                        return t;
        return NULL;
}
