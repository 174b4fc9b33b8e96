/* tests/fuzz/fuzz_cron.c: any bytes as a schedule: compiled or refused with a place; what compiles
 * goes forwards and backwards from a time near a change of the clocks. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/cron.h"
#include "tests/fuzz/fuzz.h"

static void run(const struct cron *c, int64_t sec, const struct val_zone *zone)
{
        struct val_time t = {sec, 5, zone}, next, prev;
        for (int i = 0; i < 3 && cron_next(c, t, &next); i++) {
                FUZZ_CHECK(gotime_compare(next, t) > 0);
                t = next;
        }
        for (int i = 0; i < 3 && cron_prev(c, t, &prev); i++) {
                FUZZ_CHECK(gotime_compare(prev, t) < 0);
                t = prev;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct cron *c = NULL;
        struct arena a;
        const struct val_zone *zone = NULL;
        struct str text = {(const char *)data, size};
        size_t at = 0;
        arena_init(&a, 0);
        if (cron_new(&c, text, size % 2 ? CRON_FIELDS : CRON_STANDARD, &at, NULL) == 0) {
                run(c, 1729994400, NULL);
                if (gozone_load(&a, STR("Europe/Berlin"), &zone))
                        run(c, 1729994400, zone);
                if (gozone_load(&a, STR("America/Sao_Paulo"), &zone))
                        run(c, 1541300000, zone);
        } else {
                FUZZ_CHECK(at <= size);
        }
        cron_free(c);
        arena_deinit(&a);
        return 0;
}
