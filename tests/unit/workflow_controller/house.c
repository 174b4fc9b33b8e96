/* tests/unit/workflow_controller/house.c: see house.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/workflow_controller/house.h"
#include "common/base/fs.h"
#include "common/base/log.h"
#include "common/yaml/yaml.h"
#include <stdlib.h>
#include <unistd.h>

void house_open_store(struct house *h)
{
        struct err e = {0};
        struct db_options o = {.unsafe_no_sync = true};
        assert_int_equal(loop_new(&h->loop, h->clock ? &h->clock->clock : clock_system(), &e), 0);
        if (db_open(&h->db, h->loop, h->path, &o, &e) < 0 ||
            store_embedded(&h->store, h->db, &e) < 0 ||
            (h->config->persistence.archive && archive_sqlite(&h->archive, h->db, &e) < 0))
                fail_msg("%s", err_msg(&e));
}

void house_start(struct house *h)
{
        struct err e = {0};
        struct controller_options o = {
                .loop = h->loop, .store = h->store, .config = h->config, .archive = h->archive};
        assert_int_equal(controller_new(&h->controller, &o, &e), 0);
        h->runner = fake_runner_new(&h->world, h->loop, controller_on_pod, h->controller);
        assert_int_equal(controller_start(h->controller, h->runner, &e), 0);
}

void house_crash(struct house *h)
{
        h->controller = controller_free(h->controller);
        h->runner = runner_free(h->runner);
        h->archive = archive_close(h->archive);
        h->store = store_close(h->store);
        h->db = db_close(h->db);
        h->loop = loop_free(h->loop);
}

void house_setup(struct house *h)
{
        house_setup_with(h, NULL, "");
}

void house_setup_with(struct house *h, struct fake_clock *clock, const char *config)
{
        struct err e = {0};
        *h = (struct house){.dir = "/tmp/tiphys-controller-XXXXXX", .clock = clock};
        assert_int_equal(controller_config_parse(&h->config, "test", config, strlen(config), &e),
                         0);
        log_configure(LOG_ERROR, LOG_LOGFMT);
        assert_non_null(mkdtemp(h->dir));
        h->path = fs_join(h->dir, "tiphys.db");
        h->world.db = h->path;
        house_open_store(h);
}

void house_teardown(struct house *h)
{
        struct err e = {0};
        house_crash(h);
        assert_int_equal(fs_remove_tree(h->dir, &e), 0);
        h->config = controller_config_free(h->config);
        free(h->path);
}

/* ---- helpers ---- */

json_t *house_yaml(const char *text)
{
        struct err e = {0};
        json_t *j = NULL;
        if (yaml_parse_one(&j, text, strlen(text), &e) < 0)
                fail_msg("%s", err_msg(&e));
        return j;
}

void house_create(struct house *h, const char *text)
{
        struct err e = {0};
        AUTO_JSON json_t *obj = house_yaml(text), *stored = NULL;
        struct store_kind kind;
        assert_int_equal(store_kind_of(&kind, obj, &e), 0);
        if (store_create_now(h->store, &kind, "default", obj, &stored, &e) < 0)
                fail_msg("%s", err_msg(&e));
        store_kind_deinit(&kind);
}

json_t *house_get(struct house *h, const char *name)
{
        struct err e = {0};
        json_t *wf = NULL;
        if (store_get_now(h->store, (struct store_ref){&STORE_WORKFLOW, "default", name}, &wf, &e) <
            0)
                fail_msg("%s", err_msg(&e));
        return wf;
}

bool house_has(struct house *h, const struct store_kind *kind, const char *name)
{
        struct err e = {0};
        AUTO_JSON json_t *obj = NULL;
        int r = store_get_now(h->store, (struct store_ref){kind, "default", name}, &obj, &e);
        err_clear(&e);
        return r == 0;
}

void house_patch(struct house *h, const char *name, json_t *what)
{
        struct err e = {0};
        AUTO_JSON json_t *stored = NULL;
        const struct store_ref ref = {&STORE_WORKFLOW, "default", name};
        if (store_patch_now(h->store, ref, STORE_PATCH_MERGE, what, &stored, &e) < 0)
                fail_msg("%s", err_msg(&e));
        json_decref(what);
}

void house_act(struct house *h, const char *name, const struct action *a)
{
        house_patch(h, name, action_patch(a, loop_wall(h->loop)));
}

struct turns {
        struct loop_timer timer;
        bool over;
};

static void on_over(void *arg)
{
        ((struct turns *)arg)->over = true;
}

/* Let the loop run for some milliseconds: commits are real. */
void house_run_ms(struct house *h, int ms)
{
        struct turns t = {0};
        if (h->clock) {
                loop_run_until(h->loop, &t.over, ms);
                return;
        }
        timer_init(&t.timer, on_over, &t);
        timer_after_ms(h->loop, &t.timer, ms);
        loop_run_until(h->loop, &t.over, 10000);
}

bool house_has_phase(struct house *h, const char *name, const char *phase)
{
        AUTO_JSON json_t *wf = house_get(h, name);
        return streq(json_str(wf, "status", "phase"), phase);
}

/* Pods go on until the workflow has this phase. */
void house_run_to(struct house *h, const char *name, const char *phase)
{
        for (int i = 0; i < 2000; i++) {
                if (house_has_phase(h, name, phase))
                        return;
                fake_runner_advance(h->runner, WORLD_PODS, 0);
                house_run_ms(h, 1);
        }
        AUTO_JSON json_t *wf = house_get(h, name);
        AUTO(mem_free) char *text = json_text(wf, JSON_STYLE_INDENT);
        fail_msg("%s did not become %s:\n%s", name, phase, text);
}

void house_wait_pods(struct house *h)
{
        for (int i = 0; i < 2000 && h->world.n == 0; i++)
                house_run_ms(h, 1);
        assert_int_not_equal(h->world.n, 0);
}
