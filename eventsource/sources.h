/* eventsource/sources.h: the types Argo knows, whether we run them yet or not. Private to
 * eventsource. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "eventsource/eventsource.h"
#include "eventsource/source_driver.h"

struct source_type {
        const char *name; /* YAML key under spec */
        bool active_active;
};
const struct source_type *source_types(void); /* ends with a NULL name */
const struct source_type *source_type_find(const char *name);
/* validate_ports.c: warnings about events that share a port, a path and a method, or a port with
 * and without TLS. */
void eventsource_check_ports(const json_t *spec, const struct jpath *at, struct diags *d);
