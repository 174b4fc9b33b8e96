/* common/lang/goregex/goregex_priv.h: what the files of goregex share.
 *
 *   goregex_translate.c  Go's syntax, checked and written out for PCRE2
 *   goregex_class.c      character classes
 *   goregex.c            compile and match
 *   goregex_replace.c    replacement templates, quoting, the cache
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/mem.h"
#include "common/lang/goregex.h"
#include "common/lang/limits.h"

struct gre_name {
        char *name;
        size_t group;
};
/* A pattern under translation. */
struct gre {
        struct str text;
        size_t at;                          /* the next byte */
        struct buf out;                     /* the PCRE2 pattern */
        bool fold, multiline, dotall, lazy; /* flags i m s U at this place */
        bool out_fold;                      /* what the output is in */
        struct gre_name *names;
        size_t nnames, cap_names, ngroups;
        struct err *e;
        size_t error_at;
};
int gre_error(struct gre *g, size_t at, const char *words);
/* Read one character at g->at; fails on broken UTF-8 (returns -1). */
int gre_next(struct gre *g, uint32_t *cp);
/* g->at is behind the backslash: \n \x41 \052 \. and the like; anything else fails. */
int gre_escape(struct gre *g, uint32_t *cp);
void gre_put_char(struct buf *b, uint32_t cp); /* as PCRE2 wants it, inside or outside a class */
/* Go to the state of case folding that holds in the pattern. */
void gre_sync_fold(struct gre *g);
/* g->at is behind the '['. */
int gre_class(struct gre *g);
/* g->at is behind the backslash and at one of dDsSwWpP; emits a whole class. */
int gre_class_escape(struct gre *g);
int gre_translate(struct gre *g); /* whole */

/* Several searches in one text share what a match needs. */
struct gre_run {
        const struct goregex *re;
        struct str text;    /* as PCRE2 sees it */
        struct str broken;  /* the caller's text when it is not UTF-8, else .p NULL */
        size_t here, there; /* the same place in broken and in text; searches never go back */
        void *data;         /* pcre2_match_data */
};
int gre_run_start(struct gre_run *r, const struct goregex *re, struct str text, struct arena *a,
                  struct err *e);
int gre_run_find(struct gre_run *r, size_t start, bool *found, struct goregex_span *spans, size_t n,
                 struct err *e);

struct goregex {
        void *code;    /* pcre2_code */
        void *context; /* pcre2_match_context, read-only */
        size_t ngroups;
        struct gre_name *names;
        size_t nnames;
        bool jit;
};
