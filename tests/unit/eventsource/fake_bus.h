/* tests/unit/eventsource/fake_bus.h: a bus under the test's thumb: it records what is appended and
 * answers when and as told. Defines the symbols of bus.h that the runtime uses, and those of
 * store.h; link it instead of the real ones. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/bus/bus.h"

struct fake_bus {
        struct loop *loop;
        struct bus_msg *msgs[64]; /* appended and stored, in order */
        size_t n;
        bool hold;          /* answers wait for fake_bus_answer() */
        enum err_code fail; /* ERR_NONE: stores */
        bool duplicate, conflict;
        size_t appended;
        struct fake_append *waiting;
        struct loop_task task;
};
void fake_bus_init(struct fake_bus *f, struct loop *l);
void fake_bus_deinit(struct fake_bus *f);
struct bus *fake_bus_as_bus(struct fake_bus *f);
void fake_bus_answer(struct fake_bus *f); /* everything that waits */
/* Secrets of the fake store: "name/key" to value, NULL = absent. */
struct fake_secret {
        const char *ref, *value;
};
struct store *fake_store(
        const struct fake_secret *table); /* ends with {NULL}; borrowed, read at each question */
