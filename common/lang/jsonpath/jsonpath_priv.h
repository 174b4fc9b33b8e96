/* common/lang/jsonpath/jsonpath_priv.h: compiled paths. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/jsonpath.h"
#include "common/lang/limits.h"

enum jp_kind {
        JP_LIST, /* one {...} */
        JP_TEXT,
        JP_FIELD,
        JP_ARRAY,
        JP_FILTER,
        JP_INT,
        JP_FLOAT,
        JP_BOOL,
        JP_WILDCARD,
        JP_RECURSIVE,
        JP_UNION, /* of lists */
        JP_IDENTIFIER
};
enum jp_op { JP_EXISTS, JP_LT, JP_GT, JP_EQ, JP_NE, JP_LE, JP_GE, JP_BAD_OP };

struct jp_node;
struct jp_list {
        struct jp_node *first, *last;
};
struct jp_bound { /* of [from:to:step] */
        int64_t value;
        bool known, derived; /* derived: the end of [n] */
};
struct jp_node {
        enum jp_kind kind;
        struct jp_node *next;
        struct str text; /* of TEXT, FIELD, IDENTIFIER */
        union {
                int64_t i;
                double f;
                bool b;
                struct jp_bound bounds[3];
                struct jp_list list; /* of LIST, UNION */
                struct {
                        struct jp_list left, right;
                        enum jp_op op;
                } filter;
        };
};
struct jsonpath {
        struct arena arena;
        struct jp_list root;
};
