/* tests/unit/eventsource/fake_bus.h: a bus and a store under the test's thumb: the bus records what
 * is appended and answers when and as told, the store has Secrets and nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/bus/bus_driver.h"
#include "common/store/store_driver.h"

struct fake_bus {
        struct bus bus;
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
void fake_bus_answer(struct fake_bus *f); /* everything that waits */

struct fake_store {
        struct store store;
        struct fake_secret {
                const char *ref, *value; /* "name/key" */
        } secrets[8];                    /* read at each question; ends with {NULL} */
        struct fake_get *waiting;
        struct loop_task task;
};
void fake_store_init(struct fake_store *f, struct loop *l);
void fake_store_deinit(struct fake_store *f);
