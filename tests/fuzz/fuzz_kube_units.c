/* tests/fuzz/fuzz_kube_units.c: any bytes as selector, quantity and duration: the canonical form is
 * read again and printed the same. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotime.h"
#include "common/lang/labelsel.h"
#include "common/lang/quantity.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

typedef int parse_fn(struct labelsel **out, struct str text, size_t *at, struct err *e);

static bool get(const void *thing, struct str key, struct str *value)
{
        *value = *(const struct str *)thing;
        return key.n % 2;
}

/* Parses what was printed, and prints that. */
static void again(parse_fn *parse, const struct buf *text, struct buf *out)
{
        AUTO(labelsel_free) struct labelsel *s = NULL;
        FUZZ_CHECK(parse(&s, (struct str){buf_str(text), text->len}, NULL, NULL) == 0);
        labelsel_put(s, out);
}

/* Field selectors are sorted as they were written ("==" before "=a"), so only what is printed for
 * the second time stays as it is. */
static void selector(parse_fn *parse, struct str text)
{
        AUTO(labelsel_free) struct labelsel *s = NULL;
        AUTO_BUF struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20),
                            three = BUF_INIT(1 << 20);
        size_t at = 0;
        if (parse(&s, text, &at, NULL) < 0) {
                FUZZ_CHECK(at <= text.n);
                return;
        }
        (void)labelsel_matches(s, get, &text);
        labelsel_put(s, &one);
        again(parse, &one, &two);
        again(parse, &two, &three);
        FUZZ_CHECK(two.len == three.len && memcmp(buf_str(&two), buf_str(&three), two.len) == 0);
}

static void quantity(struct str text)
{
        struct quantity q, again;
        AUTO_BUF struct buf one = BUF_INIT(1 << 10);
        if (quantity_parse(&q, text, NULL) < 0)
                return;
        (void)quantity_value(&q);
        (void)quantity_milli(&q);
        (void)quantity_double(&q);
        quantity_put(&q, &one);
        if (one.len <= QUANTITY_TEXT && q.exp < 20) /* bigger ones have no unit: printed without */
                FUZZ_CHECK(quantity_parse(&again, (struct str){buf_str(&one), one.len}, NULL) ==
                                   0 &&
                           quantity_compare(&q, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = {(const char *)data, size};
        int64_t ns;
        selector(labelsel_labels, text);
        selector(labelsel_fields, text);
        quantity(text);
        (void)godur_parse(text, &ns);
        (void)godur_parse_argo(text, &ns);
        return 0;
}
