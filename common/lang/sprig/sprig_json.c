/* common/lang/sprig/sprig_json.c: JSON as Go's encoding/json writes it. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gotime.h"
#include "common/lang/sprig/gojson.h"
#include "common/lang/sprig/semver.h"
#include "common/lang/sprig/sprig_priv.h"
#include <math.h>

enum { JSON_DEPTH = 500 };

static bool put(struct gojson *j, struct val v, unsigned depth);

static void put_string(struct gojson *j, struct str s)
{
        if (j->html) {
                gj_quote(j->b, s);
                return;
        }
        /* The same without < > &: these are put behind the quoting in between. */
        abuf_addc(j->b, '"');
        for (size_t from = 0, i = 0; i <= s.n && !j->b->failed; i++) {
                if (i < s.n && s.p[i] != '<' && s.p[i] != '>' && s.p[i] != '&')
                        continue;
                struct abuf part = abuf_in(j->b->arena);
                gj_quote(&part, (struct str){s.p + from, i - from});
                j->b->failed |= part.failed;
                if (part.n >= 2)
                        abuf_add(j->b, (struct str){part.p + 1, part.n - 2});
                if (i < s.n)
                        abuf_addc(j->b, s.p[i]);
                from = i + 1;
        }
        abuf_addc(j->b, '"');
}

static void new_line(struct gojson *j, unsigned depth)
{
        if (!j->indent)
                return;
        abuf_addc(j->b, '\n');
        for (unsigned i = 0; i < depth; i++)
                abuf_add(j->b, str_of(j->indent));
}

static bool put_list(struct gojson *j, struct val v, unsigned depth)
{
        abuf_addc(j->b, '[');
        for (size_t i = 0; i < v.list->n; i++) {
                if (i)
                        abuf_addc(j->b, ',');
                new_line(j, depth + 1);
                if (!put(j, v.list->items[i], depth + 1))
                        return false;
        }
        if (v.list->n)
                new_line(j, depth);
        abuf_addc(j->b, ']');
        return true;
}

/* Keys that are numbers are written as texts; other keys have no JSON form. */
static bool put_key(struct gojson *j, struct val key)
{
        if (key.kind == VAL_STR) {
                put_string(j, key.s);
                return true;
        }
        if (key.kind != VAL_INT)
                return false;
        abuf_addf(j->b, "\"%lld\"", (long long)key.i);
        return true;
}

/* Maps whose keys may be anything (expr makes them) have no JSON form, whatever they hold. */
static bool put_map(struct gojson *j, struct val v, unsigned depth)
{
        if (v.type >= VAL_T_FIRST_PRIVATE)
                return false;
        if (!val_open_sorted(j->b->arena, v)) {
                j->b->failed = true;
                return false;
        }
        abuf_addc(j->b, '{');
        for (size_t i = 0; i < v.map->n; i++) {
                if (i)
                        abuf_addc(j->b, ',');
                new_line(j, depth + 1);
                if (!put_key(j, v.map->entries[i].key))
                        return false;
                abuf_adds(j->b, j->indent ? ": " : ":");
                if (!put(j, v.map->entries[i].value, depth + 1))
                        return false;
        }
        if (v.map->n)
                new_line(j, depth);
        abuf_addc(j->b, '}');
        return true;
}

static bool put_other(struct gojson *j, struct val v)
{
        struct abuf text = abuf_in(j->b->arena);
        if (v.kind == VAL_TIME) {
                gotime_format(&text, STR("2006-01-02T15:04:05.999999999Z07:00"), *v.time);
        } else if (v.kind == VAL_OTHER && v.type == VAL_T_SEMVER) {
                semver_put(&text, v.other);
        } else {
                return false;
        }
        put_string(j, abuf_str(&text));
        return true;
}

static bool put(struct gojson *j, struct val v, unsigned depth)
{
        char text[GONUM_TEXT];
        if (depth > JSON_DEPTH || j->b->failed || !val_open(j->b->arena, v))
                return false;
        switch (v.kind) {
        case VAL_MISSING:
        case VAL_NIL: abuf_adds(j->b, "null"); return true;
        case VAL_BOOL: abuf_adds(j->b, v.b ? "true" : "false"); return true;
        case VAL_INT:
                if (v.type == VAL_T_UINT64)
                        abuf_addf(j->b, "%llu", (unsigned long long)v.i);
                else
                        abuf_addf(j->b, "%lld", (long long)v.i);
                return true;
        case VAL_DURATION: abuf_addf(j->b, "%lld", (long long)v.i); return true;
        case VAL_FLOAT:
                if (!isfinite(v.f))
                        return false;
                abuf_add(j->b, (struct str){text, gonum_format_json(text, v.f)});
                return true;
        case VAL_STR: put_string(j, v.s); return true;
        case VAL_LIST:
        case VAL_MAP:
                if (v.extra & VAL_X_NIL) {
                        abuf_adds(j->b, "null");
                        return true;
                }
                return v.kind == VAL_LIST ? put_list(j, v, depth) : put_map(j, v, depth);
        default: return put_other(j, v);
        }
}

bool gojson_put(struct gojson *j, struct val v)
{
        return put(j, v, 0) && !j->b->failed;
}

/* ---- functions ---- */

static bool encode(struct go_env *env, struct val v, bool html, const char *indent, bool must,
                   struct val *out)
{
        struct abuf b = abuf_in(env->arena);
        struct gojson j = {&b, indent, html};
        if (gojson_put(&j, v))
                return go_return_text(env, &b, out);
        if (b.failed)
                return go_full(env);
        if (must)
                return go_fail(env, ERR_INVALID, "json: the value has no JSON form");
        return go_return_str(out, STR(""));
}

SPRIG_FN(fn_toJson)
{
        SPRIG_ARGS;
        return encode(env, args[0], true, NULL, false, out);
}

SPRIG_FN(fn_mustToJson)
{
        SPRIG_ARGS;
        return encode(env, args[0], true, NULL, true, out);
}

SPRIG_FN(fn_toPrettyJson)
{
        SPRIG_ARGS;
        return encode(env, args[0], true, "  ", false, out);
}

SPRIG_FN(fn_mustToPrettyJson)
{
        SPRIG_ARGS;
        return encode(env, args[0], true, "  ", true, out);
}

SPRIG_FN(fn_toRawJson)
{
        SPRIG_ARGS;
        return encode(env, args[0], false, NULL, true, out);
}

static bool decode(struct go_env *env, struct str text, bool must, struct val *out)
{
        if (!gj_valid(text)) {
                *out = val_nil();
                return must ? go_fail(env, ERR_INVALID, "the text is not JSON") : true;
        }
        *out = val_from_json(env->arena, text, VAL_FLOATS);
        return true;
}

SPRIG_FN(fn_fromJson)
{
        SPRIG_ARGS;
        return decode(env, args[0].s, false, out);
}

SPRIG_FN(fn_mustFromJson)
{
        SPRIG_ARGS;
        return decode(env, args[0].s, true, out);
}
