/* tests/fuzz/fuzz_gjson.c: a path on the first line, any bytes as document. Results lie inside the
 * document or the arena, conversions answer, and an edit never touches bytes before the place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/jsonscan.h"
#include "common/lang/gjson.h"
#include "common/lang/sjson.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static volatile unsigned sink;

static void touch(struct str s)
{
        for (size_t i = 0; i < s.n; i++)
                sink += (unsigned char)s.p[i];
}

static bool visit(void *arg, const struct gjson *key, const struct gjson *value)
{
        (void)arg;
        touch(key->raw);
        touch(value->raw);
        return true;
}

static void edits(struct str json, struct str path, struct arena *a)
{
        AUTO_BUF struct buf out = BUF_INIT(1 << 20);
        bool valid = json_scan(json.p, json.n, NULL) == 0;
        if (sjson_set_string(&out, json, path, STR("v<\n"), a, NULL) == 0 && valid &&
            !memchr(path.p, '#', path.n) && !memchr(path.p, '@', path.n) &&
            !memchr(path.p, '!', path.n))
                touch((struct str){buf_str(&out), out.len});
        buf_reset(&out);
        arena_reset(a);
        if (sjson_delete(&out, json, path, a, NULL) == 0)
                FUZZ_CHECK(out.len <= json.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *nl = size ? memchr(data, '\n', size) : NULL;
        if (!nl)
                return 0;
        struct str path = {(const char *)data, (size_t)(nl - (const char *)data)};
        struct str json = {nl + 1, size - path.n - 1};
        struct arena a;
        struct gjson r;
        arena_init(&a, 1 << 20);
        if (gjson_get(json, path, &a, &r, NULL) == 0) {
                FUZZ_CHECK(r.exists == (r.type != GJSON_NULL || r.raw.n));
                touch(r.raw);
                touch(gjson_string(&r, &a));
                sink += (unsigned)gjson_int(&r) + (unsigned)gjson_uint(&r) + gjson_bool(&r) +
                        (gjson_float(&r) > 0);
                (void)!gjson_each(&r, &a, visit, NULL, NULL);
        }
        arena_reset(&a);
        edits(json, path, &a);
        arena_deinit(&a);
        return 0;
}
