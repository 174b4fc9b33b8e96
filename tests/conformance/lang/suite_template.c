/* tests/conformance/lang/suite_template.c: gotemplate.jsonl. The clock stands where the records
 * were made. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotemplate.h"
#include "common/lang/limits.h"
#include "tests/conformance/lang/cases.h"

static int64_t recording_time(void)
{
        int64_t ns = 0;
        time_parse_rfc3339("2026-11-23T12:00:00Z", &ns);
        return ns;
}

bool case_gotemplate(struct record *r)
{
        AUTO(gotmpl_free) struct gotmpl *t = NULL;
        AUTO_BUF struct buf out = BUF_INIT(LANG_OUTPUT);
        struct fake_clock clock;
        struct err e = {0};
        fake_clock_init(&clock, (struct wall){recording_time()});
        int rc = gotmpl_new(&t, rec_str(r, "template"), NULL, &e);
        if (rc == 0)
                rc = gotmpl_render_input(t, rec_raw(r, "data"), &clock.clock, r->arena, &out, &e);
        return rec_check_text(r, rc < 0, &e, (struct str){buf_str(&out), out.len});
}
