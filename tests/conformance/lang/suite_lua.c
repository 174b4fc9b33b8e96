/* tests/conformance/lang/suite_lua.c: lua.jsonl. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/lua.h"
#include "tests/conformance/lang/cases.h"

static void emitted(void *arg, struct str line)
{
        struct buf *b = arg;
        put_utf8(b, line);
        buf_addc(b, '\n');
}

bool case_lua(struct record *r)
{
        struct err e = {0};
        AUTO(luascript_free) struct luascript *s = NULL;
        struct luascript_host host = {.clock = clock_system(), .emit = emitted, .arg = &r->got};
        struct val v;
        size_t i;
        const json_t *line;
        int rc = luascript_new(&s, rec_str(r, "script"), NULL, &e);
        if (rc == 0)
                rc = luascript_run(s, &host, r->arena, &v, &e);
        json_array_foreach (json_object_get(r->j, "emitted"), i, line)
                buf_addf(&r->want, "%s\n", json_string_value(line));
        bool same = streq(buf_str(&r->want), buf_str(&r->got));
        return rec_check_failed(r, rc < 0, &e) && same;
}
