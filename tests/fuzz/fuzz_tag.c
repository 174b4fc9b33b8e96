/* tests/fuzz/fuzz_tag.c: any bytes as a text with tags: what has no tag comes out as it went in,
 * and a text that was not refused is the same when it is substituted again without values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr.h"
#include "common/lang/tag.h"
#include "common/lang/tagexpr.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { OUT_MAX = 4 << 20 };

static enum tag_found known(void *arg, struct str name, struct buf *out)
{
        (void)arg;
        if (name.n != 1)
                return TAG_UNKNOWN;
        buf_addf(out, "<%c>", name.p[0] >= ' ' && name.p[0] < 127 ? name.p[0] : '?');
        return TAG_VALUE;
}

static enum tag_found unknown(void *arg, struct str name, struct buf *out)
{
        (void)arg;
        (void)name;
        (void)out;
        return TAG_UNKNOWN;
}

static int on_expr(void *arg, struct str expression, struct buf *out, bool *keep, struct err *e)
{
        struct arena *a = arg;
        struct val env =
                expr_expand(a,
                            val_from_json(a, STR("{\"a\":\"1\",\"o.b\":\"x\",\"o.c-d\":\"[1]\"}"),
                                          VAL_INTS_AND_FLOATS),
                            false);
        const struct tag_expr x = {.env = env, .arena = a, .may_stay = true};
        return tag_expr_put(&x, expression, out, keep, e);
}

static void substitute(const char *text, size_t size, bool strict)
{
        struct arena a;
        struct buf out = BUF_INIT(OUT_MAX);
        arena_init(&a, OUT_MAX);
        const struct tag_opts o = {
                .lookup = known, .expr = on_expr, .arg = &a, .strict = strict, .closed = strict};
        if (tag_text(&out, text, size, &o, NULL) == 0 && !tag_any(text, size))
                FUZZ_CHECK(out.len == size && memcmp(buf_str(&out), text, size) == 0);
        buf_deinit(&out);
        arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size ? size : 1);
        struct buf out = BUF_INIT(OUT_MAX);
        const struct tag_opts nothing = {.lookup = unknown, .keep_expr = true};
        memcpy(text, data, size);
        if (tag_text(&out, text, size, &nothing, NULL) == 0)
                FUZZ_CHECK(out.len == size && (!size || memcmp(buf_str(&out), text, size) == 0));
        buf_deinit(&out);
        substitute(text, size, false);
        substitute(text, size, true);
        free(text);
        return 0;
}
