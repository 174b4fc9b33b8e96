/* common/lang/gofmt/gofmt_priv.h: one formatting in progress. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/lang/gofmt.h"

struct gofmt {
        struct abuf *b;
        bool plus, minus, sharp, space, zero;
        bool plus_v, sharp_v; /* %+v, %#v */
        bool has_width, has_precision;
        int width, precision;
        unsigned depth;
};
/* Pieces with padding. */
void gofmt_pad(struct gofmt *f, struct str s);
void gofmt_integer(struct gofmt *f, uint64_t u, unsigned base, bool is_signed, char verb,
                   bool upper);
void gofmt_char(struct gofmt *f, uint64_t c);
void gofmt_quoted_char(struct gofmt *f, uint64_t c);
void gofmt_unicode(struct gofmt *f, uint64_t u);
void gofmt_float(struct gofmt *f, double d, char verb, int precision);
void gofmt_string(struct gofmt *f, struct str s);
void gofmt_quoted(struct gofmt *f, struct str s);
void gofmt_hex(struct gofmt *f, struct str s, bool upper);
/* One value under one verb. */
void gofmt_arg(struct gofmt *f, struct val v, uint32_t verb);
