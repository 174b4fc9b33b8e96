/* common/lang/quantity.h: Kubernetes resource quantities: "1500m", "1.5Gi", "12e6".
 *
 * Exact decimals. Numbers smaller than a nano are rounded up to one. Binary suffixes (Ki Mi Gi Ti
 * Pi Ei) are capped at the largest int64. Source: k8s.io/apimachinery v0.35 (pkg/api/resource).
 * Threads: any; pure. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum { QUANTITY_TEXT = 100 }; /* longest text that is read */
enum quantity_format { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };

struct quantity { /* 0.d1d2d3... * 10^exp; zero has no digits */
        enum quantity_format format;
        bool negative;
        bool as_written; /* `text` is already the canonical form */
        bool exact;      /* Kubernetes computes with it as an inf.Dec: rounds up towards zero */
        uint8_t n, text_n;
        int32_t exp;
        uint8_t digits[QUANTITY_TEXT + 20];
        char text[QUANTITY_TEXT];
};
int quantity_parse(struct quantity *q, struct str text, struct err *e) MUST_CHECK;
/* The form Kubernetes prints and stores. */
void quantity_put(const struct quantity *q, struct buf *out);
/* Whole units and thousandths, rounded away from zero; beyond int64: the nearest int64. Negative
 * fractions that Kubernetes keeps as big decimals are one more, as there. */
int64_t quantity_value(const struct quantity *q);
int64_t quantity_milli(const struct quantity *q);
double quantity_double(const struct quantity *q);
int quantity_compare(const struct quantity *a, const struct quantity *b); /* <0 0 >0 */
