/* common/lang/jq/jq_path.c: see jq_priv.h: looking up, setting and deleting by path. Deleting first
 * puts holes in all places, then takes the holes out: indices must not move meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/jq/jq_priv.h"
#include <math.h>

static bool expected_object(struct jq_run *r, struct jv v)
{
        return jq_fail(r, "expected an object but got: %.*s", SHOWN(jq_shown(r, v)));
}

static bool expected_array(struct jq_run *r, struct jv v)
{
        return jq_fail(r, "expected an array but got: %.*s", SHOWN(jq_shown(r, v)));
}

static bool not_a_key(struct jq_run *r, struct jv v, struct jv key)
{
        const char *what = v.kind == JV_ARRAY ? "a number for indexing an array"
                           : v.kind == JV_STR ? "a number for indexing a string"
                                              : "a string for object key";
        return jq_fail(r, "expected %s but got: %.*s", what, SHOWN(jq_shown(r, key)));
}

static bool no_start_end(struct jq_run *r, struct jv key)
{
        return jq_fail(r, "expected \"start\" and \"end\" for slicing but got: %.*s",
                       SHOWN(jq_shown(r, key)));
}

static int64_t clamp(int64_t i, int64_t min, int64_t n)
{
        if (i < 0)
                i = i < -n - 1 ? min - 1 : i + n;
        return i < min ? min : i < n ? i : n;
}

/* ---- look up ---- */

static struct jv char_at(struct jq_run *r, struct str s, int64_t i)
{
        jv_charge(&r->mem, s.n / 64);
        int64_t n = (int64_t)utf8_count(s);
        i = clamp(i, -1, n);
        if (i < 0 || i >= n)
                return jv_null();
        size_t from = utf8_offset(s, (size_t)i);
        uint32_t cp;
        char *p = jv_alloc(&r->mem, 4);
        utf8_decode(s.p + from, s.n - from, &cp);
        return jv_str((struct str){p, utf8_encode(cp, p)});
}

static struct jv indices(struct jq_run *r, struct jv v, struct jv what)
{
        struct jv out = jv_array_new(&r->mem, 4);
        size_t n = jv_len(v), k = jv_len(what);
        for (size_t i = 0; k && i + k <= n; i++)
                if (jv_compare(&r->mem, jv_slice(&r->mem, v, i, i + k), what) == 0)
                        out = jv_append(&r->mem, out, jv_int((int64_t)i));
        return out;
}

static bool at_number(struct jq_run *r, struct jv v, struct jv key, struct jv *out)
{
        int64_t i;
        (void)jv_to_int(&r->mem, key, &i);
        if (v.kind == JV_STR) {
                *out = char_at(r, v.s, i);
                return true;
        }
        if (v.kind != JV_ARRAY)
                return expected_array(r, v);
        i = clamp(i, -1, (int64_t)jv_len(v));
        *out = i >= 0 && (size_t)i < jv_len(v) ? jv_at(v, (size_t)i) : jv_null();
        return true;
}

bool jq_index(struct jq_run *r, struct jv v, struct jv key, struct jv *out)
{
        const struct jv *found, *start, *end;
        bool fits = key.kind == JV_STR || jv_is_number(key) || key.kind == JV_ARRAY ||
                    key.kind == JV_OBJECT;
        if (!fits)
                return not_a_key(r, v, key);
        *out = jv_null();
        if (v.kind == JV_NULL)
                return true;
        switch (key.kind) {
        case JV_STR:
                if (v.kind != JV_OBJECT)
                        return expected_object(r, v);
                found = jv_get(v, key.s);
                if (found)
                        *out = *found;
                return true;
        case JV_ARRAY:
                if (v.kind != JV_ARRAY)
                        return expected_array(r, v);
                *out = indices(r, v, key);
                return true;
        case JV_OBJECT:
                start = jv_get(key, STR("start"));
                end = jv_get(key, STR("end"));
                if (!start || !end)
                        return no_start_end(r, key);
                return jq_slice(r, v, *start, *end, out);
        default: return at_number(r, v, key, out);
        }
}

/* The bounds of a slice of n items, for errors those of v. */
static bool bounds(struct jq_run *r, struct jv v, struct jv from, struct jv to, size_t n,
                   size_t *start, size_t *end)
{
        int64_t i = 0, k = (int64_t)n;
        if (from.kind != JV_NULL) {
                if (!jv_to_int(&r->mem, from, &i))
                        return not_a_key(r, v, from);
                i = clamp(i, 0, (int64_t)n);
        }
        if (to.kind != JV_NULL) {
                if (to.kind == JV_FLOAT)
                        to = jv_float(ceil(to.f));
                if (!jv_to_int(&r->mem, to, &k))
                        return not_a_key(r, v, to);
                k = clamp(k, i, (int64_t)n);
        }
        *start = (size_t)i;
        *end = (size_t)k;
        return true;
}

bool jq_slice(struct jq_run *r, struct jv v, struct jv from, struct jv to, struct jv *out)
{
        size_t start, end;
        *out = jv_null();
        if (v.kind == JV_NULL)
                return true;
        if (v.kind == JV_ARRAY) {
                if (!bounds(r, v, from, to, jv_len(v), &start, &end))
                        return false;
                *out = jv_slice(&r->mem, v, start, end);
                return true;
        }
        if (v.kind != JV_STR)
                return expected_array(r, v);
        jv_charge(&r->mem, v.s.n / 32);
        if (!bounds(r, v, from, to, utf8_count(v.s), &start, &end))
                return false;
        start = utf8_offset(v.s, start);
        end = utf8_offset(v.s, end);
        *out = jv_str((struct str){v.s.p + start, end - start});
        return true;
}

/* ---- set ---- */

static const struct jv hole = {.kind = JV_HOLE};

static bool update(struct jq_run *r, struct jv v, struct jv path, size_t at, struct jv n,
                   struct jv *out);

static bool update_member(struct jq_run *r, struct jv v, struct jv path, size_t at, struct jv n,
                          struct jv *out)
{
        struct str key = jv_at(path, at).s;
        struct jv object = v.kind == JV_OBJECT ? v : jv_object(), new;
        const struct jv *old = jv_get(object, key);
        if (!old && n.kind == JV_HOLE) {
                *out = v;
                return true;
        }
        if (!update(r, old ? *old : jv_null(), path, at + 1, n, &new))
                return false;
        *out = jv_set(&r->mem, object, key, new);
        return true;
}

static struct jv replaced(struct jq_run *r, struct jv v, size_t i, struct jv new)
{
        size_t n = v.kind == JV_ARRAY ? jv_len(v) : 0;
        struct jv out = jv_array_new(&r->mem, (i >= n ? i + 1 : n) + 1);
        jv_charge(&r->mem, (i > n ? i : n) / 4);
        for (size_t k = 0; k < n || k <= i; k++)
                out = jv_append(&r->mem, out, k == i ? new : k < n ? jv_at(v, k) : jv_null());
        return out;
}

static bool update_item(struct jq_run *r, struct jv v, struct jv path, size_t at, struct jv n,
                        struct jv *out)
{
        enum { TOO_LARGE = 0x20000000 };
        int64_t len = v.kind == JV_ARRAY ? (int64_t)jv_len(v) : 0, i;
        struct jv old = jv_null(), new;
        (void)jv_to_int(&r->mem, jv_at(path, at), &i);
        int64_t k = clamp(i, -1, len);
        if (n.kind == JV_HOLE && (k < 0 || k >= len)) {
                *out = v;
                return true;
        }
        if (k < 0)
                return jq_fail(r, "array index should not be negative: %lld", (long long)i);
        if (k < len) {
                i = k;
                old = jv_at(v, (size_t)i);
        } else if (i >= TOO_LARGE) {
                return jq_fail(r, "array index too large: %lld", (long long)i);
        }
        if (!update(r, old, path, at + 1, n, &new))
                return false;
        *out = replaced(r, v, (size_t)i, new);
        return true;
}

static bool update_slice(struct jq_run *r, struct jv v, struct jv path, size_t at, struct jv n,
                         struct jv *out)
{
        struct jv key = jv_at(path, at), new,
                  array = v.kind == JV_ARRAY ? v : jv_array_new(&r->mem, 0);
        const struct jv *from = jv_get(key, STR("start")), *to = jv_get(key, STR("end"));
        size_t start, end, len = jv_len(array);
        if (!from || !to)
                return no_start_end(r, key);
        if (!bounds(r, array, *from, *to, len, &start, &end))
                return false;
        if (start == end && n.kind == JV_HOLE) {
                *out = v;
                return true;
        }
        if (!update(r, jv_slice(&r->mem, array, start, end), path, at + 1, n, &new))
                return false;
        if (new.kind != JV_ARRAY &&new.kind != JV_HOLE)
                return expected_array(r, new);
        jv_charge(&r->mem, len / 4);
        struct jv all = jv_array_new(&r->mem, len + 1);
        for (size_t i = 0; i < start; i++)
                all = jv_append(&r->mem, all, jv_at(array, i));
        if (new.kind == JV_HOLE)
                for (size_t i = start; i < end; i++)
                        all = jv_append(&r->mem, all, hole);
        for (size_t i = 0; new.kind == JV_ARRAY &&i < jv_len(new); i++)
                all = jv_append(&r->mem, all, jv_at(new, i));
        for (size_t i = end; i < len; i++)
                all = jv_append(&r->mem, all, jv_at(array, i));
        *out = all;
        return true;
}

static bool update(struct jq_run *r, struct jv v, struct jv path, size_t at, struct jv n,
                   struct jv *out)
{
        jv_charge(&r->mem, 1);
        if (at == jv_len(path)) {
                *out = n;
                return true;
        }
        if (at > JV_MAX_DEPTH)
                jv_too_deep(&r->mem);
        struct jv key = jv_at(path, at);
        if (v.kind == JV_HOLE &&
            (key.kind == JV_STR || jv_is_number(key) || key.kind == JV_OBJECT)) {
                *out = v;
                return true;
        }
        if (key.kind == JV_STR)
                return v.kind == JV_NULL || v.kind == JV_OBJECT
                               ? update_member(r, v, path, at, n, out)
                               : expected_object(r, v);
        if (jv_is_number(key) || key.kind == JV_OBJECT) {
                if (v.kind != JV_NULL && v.kind != JV_ARRAY)
                        return expected_array(r, v);
                return key.kind == JV_OBJECT ? update_slice(r, v, path, at, n, out)
                                             : update_item(r, v, path, at, n, out);
        }
        return not_a_key(r, v.kind == JV_ARRAY ? v : jv_null(), key);
}

/* "NAME(a; b) cannot be applied to v: " in front of the words of the fault. */
static bool wrapped(struct jq_run *r, const char *name, struct jv v, struct jv a,
                    const struct jv *b)
{
        struct str why = r->fault_value.s, pa = jv_preview(&r->mem, a), pv = jv_preview(&r->mem, v);
        struct str pb = b ? jv_preview(&r->mem, *b) : STR("");
        return jq_fail(r, "%s(%.*s%s%.*s) cannot be applied to %.*s: %.*s", name, SHOWN(pa),
                       b ? "; " : "", SHOWN(pb), SHOWN(pv), SHOWN(why));
}

bool jq_setpath(struct jq_run *r, struct jv v, struct jv path, struct jv n, struct jv *out)
{
        if (path.kind != JV_ARRAY)
                return jq_unfit1(r, "setpath", v, path);
        return update(r, v, path, 0, n, out) || wrapped(r, "setpath", v, path, &n);
}

bool jq_getpath(struct jq_run *r, struct jv v, struct jv path, struct jv *out)
{
        struct jv at = v;
        if (path.kind != JV_ARRAY)
                return jq_unfit1(r, "getpath", v, path);
        for (size_t i = 0; i < jv_len(path); i++) {
                if (at.kind != JV_NULL && at.kind != JV_ARRAY && at.kind != JV_OBJECT)
                        return jq_unfit1(r, "getpath", v, path);
                if (!jq_index(r, at, jv_at(path, i), &at))
                        return wrapped(r, "getpath", v, path, NULL);
        }
        *out = at;
        return true;
}

/* ---- delete ---- */

static struct jv without_holes(struct jq_run *r, struct jv v);

struct sweep {
        struct jq_run *r;
        struct jv out;
};

static void sweep_member(void *arg, struct str key, struct jv v)
{
        struct sweep *s = arg;
        struct jv_mem *m = &s->r->mem;
        if (v.kind == JV_HOLE)
                s->out = jv_unset(m, s->out, key);
        else if (v.kind == JV_ARRAY || v.kind == JV_OBJECT)
                s->out = jv_set(m, s->out, key, without_holes(s->r, v));
}

static struct jv without_holes(struct jq_run *r, struct jv v)
{
        struct sweep s = {r, v};
        jv_charge(&r->mem, 1);
        if (v.kind == JV_HOLE)
                return jv_null();
        if (v.kind == JV_OBJECT)
                jv_each(v, sweep_member, &s);
        if (v.kind != JV_ARRAY)
                return s.out;
        s.out = jv_array_new(&r->mem, jv_len(v));
        for (size_t i = 0; i < jv_len(v); i++)
                if (jv_at(v, i).kind != JV_HOLE)
                        s.out = jv_append(&r->mem, s.out, without_holes(r, jv_at(v, i)));
        return s.out;
}

bool jq_delpaths(struct jq_run *r, struct jv v, struct jv paths, struct jv *out)
{
        struct jv u = v;
        if (paths.kind != JV_ARRAY)
                return jq_unfit1(r, "delpaths", v, paths);
        for (size_t i = 0; i < jv_len(paths); i++) {
                struct jv path = jv_at(paths, i);
                bool ok = path.kind == JV_ARRAY ? update(r, u, path, 0, hole, &u)
                                                : expected_array(r, path);
                if (!ok)
                        return wrapped(r, "delpaths", v, paths, NULL);
        }
        *out = jv_len(paths) ? without_holes(r, u) : v;
        return true;
}
