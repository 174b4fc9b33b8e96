/* common/lang/expr/expr_types.c: see expr_priv.h: the types that the check of the original knows,
 * and what it says of them. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"

#define TYPE(id) [id] = {.t = id}
static const struct ex_type basic[] = {
        TYPE(EX_TY_UNKNOWN), TYPE(EX_TY_ANY),      TYPE(EX_TY_NIL),       TYPE(EX_TY_BOOL),
        TYPE(EX_TY_INT),     TYPE(EX_TY_INT64),    TYPE(EX_TY_OTHER_INT), TYPE(EX_TY_FLOAT),
        TYPE(EX_TY_STR),     TYPE(EX_TY_BYTES),    TYPE(EX_TY_LIST),      TYPE(EX_TY_STRS),
        TYPE(EX_TY_INTS),    TYPE(EX_TY_MAP),      TYPE(EX_TY_ANYMAP),    TYPE(EX_TY_GROUPS),
        TYPE(EX_TY_TIME),    TYPE(EX_TY_DURATION), TYPE(EX_TY_LOCATION),  TYPE(EX_TY_MONTH),
        TYPE(EX_TY_WEEKDAY), TYPE(EX_TY_FUNC),     TYPE(EX_TY_OTHER),
};

const struct ex_type *ex_type_of(enum ex_t t)
{
        return &basic[t];
}

static enum ex_t int_type(struct val v)
{
        switch (v.type) {
        case VAL_T_USUAL: return EX_TY_INT;
        case VAL_T_INT64: return EX_TY_INT64;
        case VAL_T_MONTH: return EX_TY_MONTH;
        case VAL_T_WEEKDAY: return EX_TY_WEEKDAY;
        default: return EX_TY_OTHER_INT;
        }
}

static enum ex_t type_of(struct val v)
{
        switch (v.kind) {
        case VAL_MISSING:
        case VAL_NIL: return EX_TY_NIL;
        case VAL_BOOL: return EX_TY_BOOL;
        case VAL_INT: return int_type(v);
        case VAL_FLOAT: return EX_TY_FLOAT;
        case VAL_STR: return v.type == VAL_T_BYTES ? EX_TY_BYTES : EX_TY_STR;
        case VAL_LIST:
                return v.type == VAL_T_STRINGS ? EX_TY_STRS
                       : v.type == VAL_T_INTS  ? EX_TY_INTS
                       : v.type == VAL_T_USUAL ? EX_TY_LIST
                                               : EX_TY_OTHER;
        case VAL_MAP:
                return v.type == EX_V_ANYMAP   ? EX_TY_ANYMAP
                       : v.type == EX_V_GROUPS ? EX_TY_GROUPS
                       : v.type == VAL_T_USUAL ? EX_TY_MAP
                                               : EX_TY_OTHER;
        case VAL_TIME: return EX_TY_TIME;
        case VAL_DURATION: return EX_TY_DURATION;
        default:
                return v.type == EX_V_FUNC       ? EX_TY_FUNC
                       : v.type == EX_V_SPRIG    ? EX_TY_MAP
                       : v.type == EX_V_LOCATION ? EX_TY_LOCATION
                                                 : EX_TY_OTHER;
        }
}

const struct ex_type *ex_type_of_val(struct val v)
{
        return ex_type_of(type_of(v));
}

const struct ex_type *ex_list_of(struct ex_checker *c, const struct ex_type *elem)
{
        struct ex_type *t = arena_try_alloc(c->arena, sizeof(*t));
        if (!t) {
                c->full = true;
                return ex_type_of(EX_TY_LIST);
        }
        *t = (struct ex_type){.t = EX_TY_LIST, .elem = elem};
        return t;
}

const struct ex_type *ex_elem(const struct ex_type *t)
{
        switch (t->t) {
        case EX_TY_LIST: return t->elem ? t->elem : ex_type_of(EX_TY_ANY);
        case EX_TY_STRS: return ex_type_of(EX_TY_STR);
        case EX_TY_INTS: return ex_type_of(EX_TY_INT);
        case EX_TY_BYTES: return ex_type_of(EX_TY_OTHER_INT);
        case EX_TY_MAP:
        case EX_TY_ANYMAP: return ex_type_of(EX_TY_ANY);
        case EX_TY_GROUPS: return t->elem ? t->elem : ex_type_of(EX_TY_LIST);
        default: return ex_type_of(EX_TY_UNKNOWN);
        }
}

const char *ex_type_name(const struct ex_type *t)
{
        static const char *const names[] = {
                [EX_TY_UNKNOWN] = "unknown",
                [EX_TY_ANY] = "interface {}",
                [EX_TY_NIL] = "nil",
                [EX_TY_BOOL] = "bool",
                [EX_TY_INT] = "int",
                [EX_TY_INT64] = "int64",
                [EX_TY_OTHER_INT] = "uint8",
                [EX_TY_FLOAT] = "float64",
                [EX_TY_STR] = "string",
                [EX_TY_BYTES] = "[]uint8",
                [EX_TY_LIST] = "[]interface {}",
                [EX_TY_STRS] = "[]string",
                [EX_TY_INTS] = "[]int",
                [EX_TY_MAP] = "map[string]interface {}",
                [EX_TY_ANYMAP] = "map[interface {}]interface {}",
                [EX_TY_GROUPS] = "map[interface {}][]interface {}",
                [EX_TY_TIME] = "time.Time",
                [EX_TY_DURATION] = "time.Duration",
                [EX_TY_LOCATION] = "*time.Location",
                [EX_TY_MONTH] = "time.Month",
                [EX_TY_WEEKDAY] = "time.Weekday",
                [EX_TY_FUNC] = "func",
                [EX_TY_OTHER] = "another type",
        };
        return names[t->t];
}

bool ex_unknown(const struct ex_type *t)
{
        return t->t == EX_TY_UNKNOWN || t->t == EX_TY_ANY;
}

/* v1.15 goes by the kind: durations and months are integers for the check, though not when run. */
bool ex_is_integer(const struct ex_checker *c, const struct ex_type *t)
{
        if (t->t == EX_TY_DURATION || t->t == EX_TY_MONTH || t->t == EX_TY_WEEKDAY)
                return c->dialect == EXPR_EVENTS;
        return t->t == EX_TY_INT || t->t == EX_TY_INT64 || t->t == EX_TY_OTHER_INT;
}

bool ex_is_number(const struct ex_checker *c, const struct ex_type *t)
{
        return t->t == EX_TY_FLOAT || ex_is_integer(c, t);
}

bool ex_is_list(const struct ex_type *t)
{
        return t->t == EX_TY_LIST || t->t == EX_TY_STRS || t->t == EX_TY_INTS ||
               t->t == EX_TY_BYTES;
}

bool ex_is_map(const struct ex_type *t)
{
        return t->t == EX_TY_MAP || t->t == EX_TY_ANYMAP || t->t == EX_TY_GROUPS;
}

bool ex_assignable(const struct ex_type *from, const struct ex_type *to)
{
        if (from->t == EX_TY_NIL)
                return to->t == EX_TY_ANY || ex_is_list(to) || ex_is_map(to) ||
                       to->t == EX_TY_LOCATION || to->t == EX_TY_FUNC;
        if (from->t == EX_TY_UNKNOWN || to->t == EX_TY_UNKNOWN)
                return false;
        return to->t == EX_TY_ANY || from->t == to->t;
}

/* ---- signatures ---- */

static const struct ex_sig time_methods[] = {
        {"Add", "D", 't'},       {"AddDate", "iii", 't'}, {"After", "t", 'b'},
        {"Before", "t", 'b'},    {"Compare", "t", 'i'},   {"Day", "", 'i'},
        {"Equal", "t", 'b'},     {"Format", "s", 's'},    {"GoString", "", 's'},
        {"Hour", "", 'i'},       {"ISOWeek", "", 'i'},    {"In", "z", 't'},
        {"IsDST", "", 'b'},      {"IsZero", "", 'b'},     {"Local", "", 't'},
        {"Location", "", 'z'},   {"Minute", "", 'i'},     {"Month", "", 'M'},
        {"Nanosecond", "", 'i'}, {"Round", "D", 't'},     {"Second", "", 'i'},
        {"String", "", 's'},     {"Sub", "t", 'D'},       {"Truncate", "D", 't'},
        {"UTC", "", 't'},        {"Unix", "", 'I'},       {"UnixMicro", "", 'I'},
        {"UnixMilli", "", 'I'},  {"UnixNano", "", 'I'},   {"Weekday", "", 'W'},
        {"Year", "", 'i'},       {"YearDay", "", 'i'},    {"Zone", "", 's'},
};
static const struct ex_sig duration_methods[] = {
        {"Abs", "", 'D'},          {"Hours", "", 'f'},   {"Microseconds", "", 'I'},
        {"Milliseconds", "", 'I'}, {"Minutes", "", 'f'}, {"Nanoseconds", "", 'I'},
        {"Round", "D", 'D'},       {"Seconds", "", 'f'}, {"String", "", 's'},
        {"Truncate", "D", 'D'},
};
static const struct ex_sig string_only[] = {{"String", "", 's'}};
static const struct ex_sig env_functions[] = {
        {"asFloat", "a", 'a'}, {"asInt", "a", 'a'}, {"jsonpath", "ss", 'a'}, {"toJson", "a", 's'}};

static const struct ex_sig *find(const struct ex_sig *table, size_t n, struct str name)
{
        for (size_t i = 0; i < n; i++)
                if (str_eq(name, table[i].name))
                        return &table[i];
        return NULL;
}

const struct ex_sig *ex_method_sig(const struct ex_type *t, struct str name)
{
        switch (t->t) {
        case EX_TY_TIME: return find(time_methods, ARRAY_LEN(time_methods), name);
        case EX_TY_DURATION: return find(duration_methods, ARRAY_LEN(duration_methods), name);
        case EX_TY_MONTH:
        case EX_TY_WEEKDAY:
        case EX_TY_LOCATION: return find(string_only, ARRAY_LEN(string_only), name);
        default: return NULL;
        }
}

const struct ex_sig *ex_env_sig(struct str name)
{
        return find(env_functions, ARRAY_LEN(env_functions), name);
}

/* ---- builtins ---- */

#define EX_B(name, how, types, fn, loop, dialects) EX_B_##dialects(name, how, types, fn, loop)
#define EX_ROW(name, how, types, fn, loop) {#name, how, types, fn, loop},
#define EX_NOTHING(name, how, types, fn, loop)

#define EX_B_1 EX_ROW
#define EX_B_2 EX_NOTHING
#define EX_B_3 EX_ROW
static const struct ex_builtin workflow_builtins[] = {
#include "common/lang/expr/expr_builtins.def"
};
#undef EX_B_1
#undef EX_B_2
#define EX_B_1 EX_NOTHING
#define EX_B_2 EX_ROW
static const struct ex_builtin event_builtins[] = {
#include "common/lang/expr/expr_builtins.def"
};

const struct ex_builtin *ex_builtin_find(enum expr_dialect d, struct str name)
{
        const struct ex_builtin *table = d == EXPR_EVENTS ? event_builtins : workflow_builtins;
        size_t lo = 0,
               hi = d == EXPR_EVENTS ? ARRAY_LEN(event_builtins) : ARRAY_LEN(workflow_builtins);
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                int order = strncmp(table[mid].name, name.p, name.n);
                if (order == 0 && table[mid].name[name.n])
                        order = 1;
                if (order == 0)
                        return &table[mid];
                if (order < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return NULL;
}
