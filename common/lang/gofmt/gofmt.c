/* common/lang/gofmt/gofmt.c: see gofmt.h: values under one verb; Sprint and Sprintln.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gofmt/gofmt_priv.h"
#include "common/lang/gonum.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/semver.h"

enum { DEPTH_MAX = 100 };

/* ---- types ---- */

static const char *int_type(struct val v)
{
        switch (v.type) {
        case VAL_T_INT64: return "int64";
        case VAL_T_INT32: return "int32";
        case VAL_T_UINT8: return "uint8";
        case VAL_T_UINT32: return "uint32";
        case VAL_T_UINT64: return "uint64";
        default: return "int";
        }
}

const char *gofmt_type(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return "bool";
        case VAL_INT:
                return v.type == VAL_T_MONTH     ? "time.Month"
                       : v.type == VAL_T_WEEKDAY ? "time.Weekday"
                                                 : int_type(v);
        case VAL_FLOAT: return "float64";
        case VAL_STR:
                return v.type == VAL_T_ERROR   ? "*errors.errorString"
                       : v.type == VAL_T_BYTES ? "[]uint8"
                                               : "string";
        case VAL_LIST:
                return v.type == VAL_T_STRINGS ? "[]string"
                       : v.type == VAL_T_INTS  ? "[]int"
                       : v.type == VAL_T_LISTS ? "[][]interface {}"
                                               : "[]interface {}";
        case VAL_MAP:
                return v.type == VAL_T_STRMAP ? "map[string]string" : "map[string]interface {}";
        case VAL_TIME: return "time.Time";
        case VAL_DURATION: return "time.Duration";
        case VAL_OTHER: return v.type == VAL_T_SEMVER ? "*semver.Version" : "sprig.certificate";
        default: return "<nil>";
        }
}

const char *gofmt_kind(struct val v)
{
        switch (v.kind) {
        case VAL_BOOL: return "bool";
        case VAL_INT: return int_type(v);
        case VAL_FLOAT: return "float64";
        case VAL_STR:
                return v.type == VAL_T_ERROR ? "ptr" : v.type == VAL_T_BYTES ? "slice" : "string";
        case VAL_LIST: return "slice";
        case VAL_MAP: return "map";
        case VAL_TIME: return "struct";
        case VAL_DURATION: return "int64";
        case VAL_OTHER: return v.type == VAL_T_SEMVER ? "ptr" : "struct";
        default: return "invalid";
        }
}

/* ---- values with a String method ---- */

static void put_enum(struct abuf *b, struct val v)
{
        bool month = v.type == VAL_T_MONTH;
        int64_t i = month ? v.i - 1 : v.i;
        if (i >= 0 && i < (month ? 12 : 7))
                abuf_adds(b, month ? gotime_months[i] : gotime_days[i]);
        else
                abuf_addf(b, "%%!%s(%lld)", month ? "Month" : "Weekday", (long long)v.i);
}

bool gofmt_method(struct abuf *b, struct val v)
{
        if (v.kind == VAL_TIME)
                gotime_put(b, *v.time);
        else if (v.kind == VAL_DURATION)
                godur_put(b, v.i);
        else if (v.kind == VAL_INT && (v.type == VAL_T_MONTH || v.type == VAL_T_WEEKDAY))
                put_enum(b, v);
        else if (v.kind == VAL_OTHER && v.type == VAL_T_SEMVER)
                semver_put(b, v.other);
        else if (v.kind == VAL_STR && v.type == VAL_T_ERROR)
                abuf_add(b, v.s);
        else
                return false;
        return true;
}

/* ---- one value ---- */

static void bad_verb(struct gofmt *f, struct val v, uint32_t verb)
{
        char utf8[4];
        abuf_adds(f->b, "%!");
        abuf_add(f->b, (struct str){utf8, utf8_encode(verb, utf8)});
        abuf_addc(f->b, '(');
        if (v.kind == VAL_MISSING || v.kind == VAL_NIL) {
                abuf_adds(f->b, "<nil>");
        } else {
                abuf_adds(f->b, gofmt_type(v));
                abuf_addc(f->b, '=');
                gofmt_arg(f, v, 'v');
        }
        abuf_addc(f->b, ')');
}

static void fmt_int(struct gofmt *f, struct val v, uint32_t verb)
{
        bool is_signed = v.type != VAL_T_UINT8 && v.type != VAL_T_UINT32 && v.type != VAL_T_UINT64;
        uint64_t u = (uint64_t)v.i;
        switch (verb) {
        case 'v':
                if (f->sharp_v && !is_signed) {
                        bool sharp = f->sharp;
                        f->sharp = true;
                        gofmt_integer(f, u, 16, false, 'v', false);
                        f->sharp = sharp;
                        break;
                }
                gofmt_integer(f, u, 10, is_signed, 'v', false);
                break;
        case 'd': gofmt_integer(f, u, 10, is_signed, 'd', false); break;
        case 'b': gofmt_integer(f, u, 2, is_signed, 'b', false); break;
        case 'o':
        case 'O': gofmt_integer(f, u, 8, is_signed, (char)verb, false); break;
        case 'x': gofmt_integer(f, u, 16, is_signed, 'x', false); break;
        case 'X': gofmt_integer(f, u, 16, is_signed, 'X', true); break;
        case 'c': gofmt_char(f, u); break;
        case 'q': gofmt_quoted_char(f, u); break;
        case 'U': gofmt_unicode(f, u); break;
        default: bad_verb(f, v, verb);
        }
}

static void fmt_float(struct gofmt *f, struct val v, uint32_t verb)
{
        switch (verb) {
        case 'v': gofmt_float(f, v.f, 'g', -1); break;
        case 'b':
        case 'g':
        case 'G':
        case 'x':
        case 'X': gofmt_float(f, v.f, (char)verb, -1); break;
        case 'f':
        case 'e':
        case 'E': gofmt_float(f, v.f, (char)verb, 6); break;
        case 'F': gofmt_float(f, v.f, 'f', 6); break;
        default: bad_verb(f, v, verb);
        }
}

static void fmt_string(struct gofmt *f, struct val v, struct str s, uint32_t verb)
{
        switch (verb) {
        case 'v':
                if (f->sharp_v)
                        gofmt_quoted(f, s);
                else
                        gofmt_string(f, s);
                break;
        case 's': gofmt_string(f, s); break;
        case 'x':
        case 'X': gofmt_hex(f, s, verb == 'X'); break;
        case 'q': gofmt_quoted(f, s); break;
        default: bad_verb(f, v, verb);
        }
}

static void fmt_item(struct gofmt *f, struct val v, uint32_t verb)
{
        if (v.kind == VAL_NIL || v.kind == VAL_MISSING)
                abuf_adds(f->b, f->sharp_v ? "interface {}(nil)" : "<nil>");
        else
                gofmt_arg(f, v, verb);
}

static void fmt_list(struct gofmt *f, struct val v, uint32_t verb)
{
        if (!val_open(f->b->arena, v)) {
                f->b->failed = true;
                return;
        }
        if (f->sharp_v) {
                abuf_adds(f->b, gofmt_type(v));
                if (v.extra & VAL_X_NIL) {
                        abuf_adds(f->b, "(nil)");
                        return;
                }
        }
        abuf_addc(f->b, f->sharp_v ? '{' : '[');
        for (size_t i = 0; i < v.list->n && !f->b->failed; i++) {
                if (i)
                        abuf_adds(f->b, f->sharp_v ? ", " : " ");
                fmt_item(f, v.list->items[i], verb);
        }
        abuf_addc(f->b, f->sharp_v ? '}' : ']');
}

static void fmt_map(struct gofmt *f, struct val v, uint32_t verb)
{
        if (!val_open_sorted(f->b->arena, v)) {
                f->b->failed = true;
                return;
        }
        if (f->sharp_v) {
                abuf_adds(f->b, gofmt_type(v));
                if (v.extra & VAL_X_NIL) {
                        abuf_adds(f->b, "(nil)");
                        return;
                }
                abuf_addc(f->b, '{');
        } else {
                abuf_adds(f->b, "map[");
        }
        for (size_t i = 0; i < v.map->n && !f->b->failed; i++) {
                if (i)
                        abuf_adds(f->b, f->sharp_v ? ", " : " ");
                fmt_item(f, v.map->entries[i].key, verb);
                abuf_addc(f->b, ':');
                fmt_item(f, v.map->entries[i].value, verb);
        }
        abuf_addc(f->b, f->sharp_v ? '}' : ']');
}

/* time.Date(2024, time.March, 10, ...) */
static void fmt_go_time(struct gofmt *f, struct val_time t)
{
        struct gocivil c = gotime_civil(t);
        abuf_addf(f->b, "time.Date(%lld, time.%s, %d, %d, %d, %d, %d, ", (long long)c.year,
                  gotime_months[c.month - 1], c.day, c.hour, c.minute, c.second, c.nanosecond);
        if (t.zone)
                abuf_addf(f->b, "time.Location(\"%s\"))", gozone_name(t.zone));
        else
                abuf_adds(f->b, "time.UTC)");
}

/* Error and String methods answer the verbs of texts. */
static bool fmt_method(struct gofmt *f, struct val v, uint32_t verb)
{
        if (f->sharp_v) {
                if (v.kind != VAL_TIME)
                        return false;
                fmt_go_time(f, *v.time);
                return true;
        }
        if (!strchr("vsxXq", (int)verb) || verb > 'z')
                return false;
        struct abuf text = abuf_in(f->b->arena);
        if (!gofmt_method(&text, v))
                return false;
        f->b->failed |= text.failed;
        fmt_string(f, v, abuf_str(&text), verb);
        return true;
}

static void fmt_plain(struct gofmt *f, struct val v, uint32_t verb)
{
        switch (v.kind) {
        case VAL_BOOL:
                if (verb == 'v' || verb == 't')
                        gofmt_pad(f, v.b ? STR("true") : STR("false"));
                else
                        bad_verb(f, v, verb);
                break;
        case VAL_INT: fmt_int(f, v, verb); break;
        case VAL_DURATION:
                fmt_int(f, (struct val){.kind = VAL_INT, .type = VAL_T_INT64, .i = v.i}, verb);
                break;
        case VAL_FLOAT: fmt_float(f, v, verb); break;
        case VAL_STR: fmt_string(f, v, v.s, verb); break;
        case VAL_LIST: fmt_list(f, v, verb); break;
        case VAL_MAP: fmt_map(f, v, verb); break;
        default: bad_verb(f, v, verb);
        }
}

void gofmt_arg(struct gofmt *f, struct val v, uint32_t verb)
{
        if (v.kind == VAL_MISSING || v.kind == VAL_NIL) {
                if (verb == 'T' || verb == 'v')
                        gofmt_pad(f, STR("<nil>"));
                else
                        bad_verb(f, v, verb);
                return;
        }
        if (verb == 'T') {
                fmt_string(f, v, str_of(gofmt_type(v)), 's');
                return;
        }
        if (f->depth == DEPTH_MAX || f->b->failed) {
                abuf_adds(f->b, "...");
                return;
        }
        f->depth++;
        if (!fmt_method(f, v, verb))
                fmt_plain(f, v, verb);
        f->depth--;
}

/* ---- Sprint ---- */

void gofmt_value(struct abuf *b, struct val v)
{
        struct gofmt f = {.b = b};
        gofmt_arg(&f, v, 'v');
}

void gofmt_print(struct abuf *b, const struct val *args, size_t n)
{
        bool string_before = false;
        for (size_t i = 0; i < n; i++) {
                bool string = args[i].kind == VAL_STR && args[i].type == VAL_T_USUAL;
                if (i && !string && !string_before)
                        abuf_addc(b, ' ');
                gofmt_value(b, args[i]);
                string_before = string;
        }
}

void gofmt_println(struct abuf *b, const struct val *args, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (i)
                        abuf_addc(b, ' ');
                gofmt_value(b, args[i]);
        }
        abuf_addc(b, '\n');
}
