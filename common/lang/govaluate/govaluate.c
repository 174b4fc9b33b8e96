/* common/lang/govaluate/govaluate.c: see govaluate.h and when.h. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/govaluate/gv_priv.h"

/* words: bare words are strings. They become so after a first pass that takes them for variables,
 * as in Argo, so that !word and word(...) are refused. */
int gv_compile(struct govaluate **out, struct str text, bool words, struct gv_error *ge)
{
        AUTO(govaluate_free) struct govaluate *g = NEW(struct govaluate);
        arena_init(&g->arena, 0);
        if (text.n > LANG_TEXT) {
                ge->limit = true;
                gv_fail(ge, 0, "the expression is too long");
                return -1;
        }
        char *copy = arena_strndup(&g->arena, text.p ? text.p : "", text.n);
        if (!gv_tokenize(g, (struct str){copy, text.n}, ge) || !gv_check(g, ge) ||
            !gv_patterns(g, ge))
                return -1;
        for (size_t i = 0; words && i < g->ntokens; i++)
                if (g->tokens[i].kind == GV_VARIABLE)
                        g->tokens[i].kind = GV_STRING;
        if (words && (!gv_check(g, ge) || !gv_patterns(g, ge)))
                return -1;
        g->show_values = words;
        if (!gv_plan(g, ge))
                return -1;
        *out = TAKE(g);
        return 0;
}

int govaluate_new(struct govaluate **out, struct str text, size_t *at, struct err *e)
{
        struct gv_error ge = {0};
        int rc = gv_compile(out, text, false, &ge);
        if (at)
                *at = ge.at;
        if (rc < 0)
                return err_set(e, ge.limit ? ERR_LIMIT : ERR_INVALID, "expression: offset %zu: %s",
                               ge.at, ge.words);
        return 0;
}

struct govaluate *govaluate_free(struct govaluate *g)
{
        if (g) {
                for (size_t i = 0; i < g->nregexes; i++)
                        goregex_free(g->regexes[i]);
                mem_free(g->regexes);
                mem_free(g->tokens);
                mem_free(g->vars);
                arena_deinit(&g->arena);
                mem_free(g);
        }
        return NULL;
}

size_t govaluate_nvars(const struct govaluate *g)
{
        return g->nvars;
}

const char *govaluate_var(const struct govaluate *g, size_t i)
{
        return g->vars[i];
}

int govaluate_eval(const struct govaluate *g, const struct val *vars, struct arena *a,
                   struct val *out, struct err *e)
{
        struct gv_error ge;
        ge.limit = false;
        struct gv_eval ev = {.g = g, .vars = vars, .arena = a, .ge = &ge, .steps = LANG_STEPS};
        struct val v;
        if (!gv_evaluate(&ev, g->root, &v))
                return err_set(e, ge.limit ? ERR_LIMIT : ERR_INVALID, "expression: offset %zu: %s",
                               ge.at, ge.words);
        *out = v.kind == VAL_MISSING ? val_nil() : v;
        return 0;
}

int govaluate_test(const struct govaluate *g, const struct val *vars, struct arena *a, bool *out,
                   struct err *e)
{
        struct val v;
        if (govaluate_eval(g, vars, a, &v, e) < 0)
                return -1;
        if (v.kind != VAL_BOOL)
                return err_set(e, ERR_INVALID, "expression: the result is not a boolean");
        *out = v.b;
        return 0;
}
