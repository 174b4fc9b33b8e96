/* sensor/filter_priv.h: compiled filters, shared by filter.c (load, compile) and filter_check.c
 * (evaluate). SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/gjson.h"
#include "common/lang/goregex.h"
#include "common/lang/gotemplate.h"
#include "common/lang/gotime.h"
#include "common/lang/govaluate.h"
#include "common/lang/lua.h"
#include "sensor/filter.h"

enum data_type { TYPE_STRING, TYPE_NUMBER, TYPE_BOOL, TYPE_UNKNOWN };
enum comparator { CMP_EQ, CMP_NE, CMP_GE, CMP_GT, CMP_LT, CMP_LE, CMP_UNKNOWN };

struct data_value { /* one of the values, in the form its type wants */
        bool usable;
        struct goregex *pattern;
        double number;
        bool boolean;
};
struct data_filter {
        char *path, *type_text, *comparator_text, *template_text;
        struct field_strs values;
        enum data_type type;
        enum comparator comparator;
        struct gjson_path *compiled;
        struct gotmpl *template;
        struct data_value *parsed; /* values.n */
};
struct expr_field {
        char *path, *name;
        struct gjson_path *compiled;
};
struct expr_filter {
        char *expr;
        struct field_list fields;
        struct govaluate *compiled;
};
struct context_filter {
        char *type, *subject, *source, *datacontenttype;
};
struct time_filter { /* of the day */
        char *start, *stop, *timezone;
        const struct val_zone *zone;
        bool zone_known;
};
struct filter {
        struct field_list exprs, data;
        struct context_filter *context;
        struct time_filter *time;
        char *script_text;
        struct luascript *script;
        bool script_bad;    /* does not compile: an error for every event */
        struct arena arena; /* the time zone */
        char *expr_operator, *data_operator;
        bool operator_or;
};
