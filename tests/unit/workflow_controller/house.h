/* tests/unit/workflow_controller/house.h: a controller on a real engine and a real embedded store,
 * in a world of fake pods; it can be killed and started again. With `clock` set its time stands
 * still until the test turns it. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/db/db.h"
#include "common/store/store.h"
#include "tests/unit/unit.h"
#include "tests/unit/workflow_controller/fake_runner.h"
#include "workflow/archive/archive.h"
#include "workflow/controller/action.h"
#include "workflow/controller/config.h"
#include "workflow/controller/controller.h"

struct house {
        char dir[64], *path;
        struct world world;
        struct fake_clock *clock; /* NULL: real time */
        struct controller_config *config;
        struct archive *archive; /* as the configuration says */
        struct loop *loop;
        struct db *db;
        struct store *store;
        struct runner *runner;
        struct controller *controller;
};

void house_setup(struct house *h);
/* `config` is YAML. */
void house_setup_with(struct house *h, struct fake_clock *clock, const char *config);
void house_teardown(struct house *h);
void house_open_store(struct house *h);
void house_start(struct house *h);
void house_crash(struct house *h); /* as kill -9 does it, but for what the database has in hand */

json_t *house_yaml(const char *text);
void house_create(struct house *h, const char *text);
json_t *house_get(struct house *h, const char *name); /* a workflow */
bool house_has(struct house *h, const struct store_kind *kind, const char *name);
void house_patch(struct house *h, const char *name, json_t *what_taken);
void house_act(struct house *h, const char *name, const struct action *a);
void house_run_ms(struct house *h, int ms); /* of real time: commits are real */
bool house_has_phase(struct house *h, const char *name, const char *phase);
/* Pods go on until the workflow has this phase. */
void house_run_to(struct house *h, const char *name, const char *phase);
void house_wait_pods(struct house *h);
