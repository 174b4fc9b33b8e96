/* common/lang/when.c: see when.h: govaluate with the words Argo puts around its errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/when.h"
#include "common/lang/gofmt.h"
#include "common/lang/govaluate/gv_priv.h"
#include <string.h>

static int invalid(const char *text, const struct gv_error *ge, struct err *e)
{
        const char *hint = strncmp(ge->words, "Invalid token", 13) == 0
                                   ? " (hint: try wrapping the affected expression in quotes (\"))"
                                   : "";
        return err_set(e, ge->limit ? ERR_LIMIT : ERR_INVALID,
                       "Invalid 'when' expression '%s': %s%s", text, ge->words, hint);
}

static int not_boolean(const char *text, struct val v, struct arena *a, struct err *e)
{
        struct abuf b = abuf_in(a);
        gofmt_value(&b, v);
        struct str s = abuf_str(&b);
        return err_set(e, ERR_INVALID, "Expected boolean evaluation for '%s'. Got %.*s", text,
                       (int)s.n, s.p);
}

int when_eval(bool *out, const char *text, enum when_words words, struct err *e)
{
        AUTO(govaluate_free) struct govaluate *g = NULL;
        struct gv_error ge = {0};
        struct arena a;
        struct val v;
        bool strings = words == WHEN_WORDS_ARE_STRINGS;
        if (!*text && strings) {
                *out = true;
                return 0;
        }
        if (strlen(text) > WHEN_MAX_BYTES)
                return err_set(e, ERR_LIMIT, "the 'when' expression is longer than %d bytes",
                               WHEN_MAX_BYTES);
        if (gv_compile(&g, str_of(text), strings, &ge) < 0)
                return invalid(text, &ge, e);
        arena_init(&a, LANG_MEMORY);
        struct gv_eval ev = {.g = g, .arena = &a, .ge = &ge, .steps = LANG_STEPS};
        int rc = 0;
        if (!gv_evaluate(&ev, g->root, &v))
                rc = err_set(e, ge.limit ? ERR_LIMIT : ERR_INVALID,
                             "Failed to evaluate 'when' expresion '%s': %s", text, ge.words);
        else if (v.kind != VAL_BOOL)
                rc = not_boolean(text, v, &a, e);
        else
                *out = v.b;
        arena_deinit(&a);
        return rc;
}

/* Each {{tag}} stands for a word. */
static char *without_tags(const char *text)
{
        char *copy = mem_strdup(text);
        for (char *p = copy; (p = strstr(p, "{{"));) {
                char *end = strstr(p, "}}");
                if (!end)
                        break;
                memset(p, 'x', (size_t)(end + 2 - p));
                p = end + 2;
        }
        return copy;
}

int when_check(const char *text, struct err *e)
{
        AUTO(govaluate_free) struct govaluate *g = NULL;
        AUTO(mem_free) char *plain = without_tags(text);
        struct gv_error ge = {0};
        if (*text && gv_compile(&g, str_of(plain), true, &ge) < 0)
                return invalid(text, &ge, e);
        return 0;
}
