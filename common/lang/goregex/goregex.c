/* common/lang/goregex/goregex.c: see goregex.h: compile and match.
 *
 * PCRE2 takes all memory of a match from the caller's arena. JIT code runs first; where its small
 * stack is not enough the interpreter takes over with a heap limit. Text that is not UTF-8 is
 * matched in a copy with U+FFFD for each broken byte, as Go sees it, and the places are mapped
 * back. SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/lang/goregex.h"
#include "common/lang/goregex/goregex_priv.h"
#include <pcre2.h>

enum { MATCH_LIMIT = 2000000, HEAP_LIMIT_KB = 16384, PATTERN_MAX = 256 << 10 };

static pcre2_code *compile(struct gre *g, struct err *e)
{
        int code;
        PCRE2_SIZE where;
        pcre2_compile_context *c = pcre2_compile_context_create(NULL);
        if (!c)
                return NULL;
        pcre2_set_newline(c, PCRE2_NEWLINE_LF);
        pcre2_set_parens_nest_limit(c, 2000);
        uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
        pcre2_code *re =
                pcre2_compile((PCRE2_SPTR)buf_str(&g->out), g->out.len, options, &code, &where, c);
        pcre2_compile_context_free(c);
        if (!re) {
                char words[200];
                pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
                err_set(e, ERR_INVALID, "regex: %s", words);
        }
        return re;
}

static void free_names(struct gre_name *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                mem_free(names[i].name);
        mem_free(names);
}

int goregex_new(struct goregex **out, struct str pattern, size_t *at, struct err *e)
{
        struct gre g = {.text = pattern, .e = e, .out = BUF_INIT(PATTERN_MAX)};
        pcre2_code *code = NULL;
        int rc = pattern.n > LANG_TEXT ? err_set(e, ERR_LIMIT, "regex: the pattern is too large")
                                       : gre_translate(&g);
        if (rc == 0 && !(code = compile(&g, e)))
                rc = -1;
        buf_deinit(&g.out);
        if (at)
                *at = rc < 0 ? g.error_at : 0;
        if (rc < 0) {
                free_names(g.names, g.nnames);
                return -1;
        }
        struct goregex *re = NEW(struct goregex);
        re->code = code;
        re->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
        pcre2_match_context *context = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_LIMIT_KB);
        re->context = context;
        re->ngroups = g.ngroups;
        re->names = g.names;
        re->nnames = g.nnames;
        *out = re;
        return 0;
}

struct goregex *goregex_free(struct goregex *re)
{
        if (re) {
                pcre2_code_free(re->code);
                pcre2_match_context_free(re->context);
                free_names(re->names, re->nnames);
                mem_free(re);
        }
        return NULL;
}

const char *goregex_group_name(const struct goregex *re, size_t group)
{
        for (size_t i = 0; i < re->nnames; i++)
                if (re->names[i].group == group)
                        return re->names[i].name;
        return NULL;
}

size_t goregex_groups(const struct goregex *re)
{
        return re->ngroups;
}

/* ---- memory of a match ---- */

static void *from_arena(PCRE2_SIZE size, void *arena)
{
        return arena_try_alloc(arena, size);
}

static void to_arena(void *p, void *arena)
{
        (void)p;
        (void)arena; /* dropped with the arena */
}

static pcre2_match_data *match_data(const struct goregex *re, struct arena *a)
{
        pcre2_general_context *general = pcre2_general_context_create(from_arena, to_arena, a);
        return general ? pcre2_match_data_create_from_pattern(re->code, general) : NULL;
}

/* Text that is not UTF-8 gets U+FFFD for each broken byte. */
static bool repair(struct gre_run *r, struct str text, struct arena *a)
{
        char *copy = text.n < SIZE_MAX / 4 ? arena_try_alloc(a, text.n * 3 + 4) : NULL, *w = copy;
        if (!copy)
                return false;
        for (size_t i = 0; i < text.n;) {
                uint32_t cp;
                i += utf8_decode(text.p + i, text.n - i, &cp);
                w += utf8_encode(cp, w);
        }
        r->broken = text;
        r->text = (struct str){copy, (size_t)(w - copy)};
        return true;
}

int gre_run_start(struct gre_run *r, const struct goregex *re, struct str text, struct arena *a,
                  struct err *e)
{
        *r = (struct gre_run){.re = re, .text = text.p ? text : STR("")};
        if (!utf8_valid(r->text.p, r->text.n) && !repair(r, text, a))
                return err_set(e, ERR_LIMIT, "regex: not enough memory for the match");
        r->data = match_data(re, a);
        if (!r->data)
                return err_set(e, ERR_LIMIT, "regex: not enough memory for the match");
        return 0;
}

/* Step through the broken text and its copy together until one of them is at `place`. */
static void walk(const struct gre_run *r, size_t *here, size_t *there, size_t place, bool in_copy)
{
        while (*here < r->broken.n && (in_copy ? *there : *here) < place) {
                uint32_t cp;
                char utf8[4];
                *here += utf8_decode(r->broken.p + *here, r->broken.n - *here, &cp);
                *there += utf8_encode(cp, utf8);
        }
}

static size_t place_out(const struct gre_run *r, PCRE2_SIZE place)
{
        if (place == PCRE2_UNSET)
                return SIZE_MAX;
        if (!r->broken.p)
                return place;
        size_t here = r->here, there = r->there;
        walk(r, &here, &there, place, true);
        return here;
}

static int match(struct gre_run *r, size_t start)
{
        PCRE2_SPTR text = (PCRE2_SPTR)r->text.p;
        int rc = pcre2_match(r->re->code, text, r->text.n, start, PCRE2_NO_UTF_CHECK, r->data,
                             r->re->context);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
                rc = pcre2_match(r->re->code, text, r->text.n, start,
                                 PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, r->data, r->re->context);
        return rc;
}

int gre_run_find(struct gre_run *r, size_t start, bool *found, struct goregex_span *spans, size_t n,
                 struct err *e)
{
        if (r->broken.p) {
                walk(r, &r->here, &r->there, start, false);
                start = r->there;
        }
        int rc = match(r, start);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
                return err_set(e, ERR_LIMIT, "regex: too expensive (it repeats within a repeat)");
        *found = rc > 0;
        if (!*found)
                return 0;
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->data);
        size_t have = pcre2_get_ovector_count(r->data);
        for (size_t i = 0; i < n; i++) {
                spans[i].from = i < have ? place_out(r, v[2 * i]) : SIZE_MAX;
                spans[i].to = i < have ? place_out(r, v[2 * i + 1]) : SIZE_MAX;
        }
        return 0;
}

int goregex_find(const struct goregex *re, struct str text, size_t start, struct arena *a,
                 bool *found, struct goregex_span *spans, size_t n, struct err *e)
{
        struct gre_run run;
        if (gre_run_start(&run, re, text, a, e) < 0)
                return -1;
        return gre_run_find(&run, start, found, spans, n, e);
}

int goregex_match(const struct goregex *re, struct str text, struct arena *a, bool *matched,
                  struct err *e)
{
        return goregex_find(re, text, 0, a, matched, NULL, 0, e);
}

/* The width of the character at i, 1 at the end of the text. */
static size_t width_at(struct str text, size_t i)
{
        uint32_t cp;
        return i < text.n ? utf8_decode(text.p + i, text.n - i, &cp) : 1;
}

int goregex_next(const struct goregex *re, struct str text, struct goregex_iter *it,
                 struct arena *a, bool *found, struct goregex_span *spans, size_t n, struct err *e)
{
        struct goregex_span whole, *to = n ? spans : &whole;
        struct gre_run *run = it->run;
        if (!run) {
                run = it->run = arena_try_alloc(a, sizeof(*run));
                if (!run || gre_run_start(run, re, text, a, e) < 0)
                        return err_set(e, ERR_LIMIT, "regex: not enough memory for the match");
        }
        while (it->pos <= text.n) {
                if (gre_run_find(run, it->pos, found, to, n ? n : 1, e) < 0)
                        return -1;
                if (!*found)
                        break;
                bool after_last = it->started && to->from == it->last_end;
                bool empty_here = to->to == it->pos;
                it->pos = empty_here ? it->pos + width_at(text, it->pos) : to->to;
                it->last_end = to->to;
                it->started = true;
                if (!(empty_here && after_last))
                        return 0;
        }
        *found = false;
        it->pos = text.n + 1;
        return 0;
}
