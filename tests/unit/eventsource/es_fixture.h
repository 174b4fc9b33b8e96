/* tests/unit/eventsource/es_fixture.h: a runtime over the fake bus, and requests to it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "eventsource/source_priv.h"
#include "tests/unit/eventsource/fake_bus.h"

struct es_fixture {
        struct fake_clock clock;
        struct loop *loop;
        struct fake_bus bus;
        struct fake_store store;
        struct eventsources *es;
        struct buf answer; /* of the last request */
};
int es_setup(void **state);
int es_teardown(void **state);
/* {metadata: {name: "web"}, spec: <spec>}; single quotes stand for double ones. */
void es_set(struct es_fixture *f, const char *name, const char *spec);
uint16_t es_port(struct es_fixture *f,
                 const char *event); /* fails the test when the event is not up */
const char *es_state(struct es_fixture *f, const char *event, const char **error);
/* "POST /x" + header lines ("A: b\r\n", may be "") + body; Host and Content-Length are added.
 * Returns the status. */
int es_request(struct es_fixture *f, const char *event, const char *line, const char *headers,
               const char *body);
const char *es_answer_header(struct es_fixture *f,
                             const char *name); /* borrowed until the next call, NULL when absent */
const char *es_answer_body(struct es_fixture *f);
const char *es_last_event(struct es_fixture *f); /* the envelope */
void es_advance_ms(struct es_fixture *f, int64_t ms);
