/* common/lang/sprig/sprig_path.c: slash-separated paths, as texts only. SPDX-License-Identifier:
 * Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"

/* The shortest equivalent path: no empty, "." or inner ".." elements. */
static struct str clean(struct abuf *b, struct str p)
{
        bool rooted = p.n && p.p[0] == '/';
        size_t floor = rooted ? 1 : 0; /* b may not shrink below this */
        if (p.n == 0)
                return STR(".");
        if (rooted)
                abuf_addc(b, '/');
        for (size_t i = rooted; i < p.n && !b->failed;) {
                const char *slash = memchr(p.p + i, '/', p.n - i);
                size_t end = slash ? (size_t)(slash - p.p) : p.n;
                struct str part = {p.p + i, end - i};
                i = end + 1;
                if (part.n == 0 || str_eq(part, "."))
                        continue;
                if (str_eq(part, "..")) {
                        if (b->n > floor) {
                                b->n--;
                                while (b->n > floor && b->p[b->n] != '/')
                                        b->n--;
                                continue;
                        }
                        if (rooted)
                                continue;
                        if (b->n)
                                abuf_addc(b, '/');
                        abuf_adds(b, "..");
                        floor = b->n;
                        continue;
                }
                if (b->n > (size_t)rooted)
                        abuf_addc(b, '/');
                abuf_add(b, part);
        }
        return b->n ? abuf_str(b) : STR(".");
}

SPRIG_FN(fn_clean)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        struct str s = clean(&b, args[0].s);
        return b.failed ? go_full(env) : go_return_str(out, s);
}

SPRIG_FN(fn_base)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        if (s.n == 0)
                return go_return_str(out, STR("."));
        while (s.n && s.p[s.n - 1] == '/')
                s.n--;
        if (s.n == 0)
                return go_return_str(out, STR("/"));
        const char *slash = memrchr(s.p, '/', s.n);
        if (slash)
                s = (struct str){slash + 1, (size_t)(s.p + s.n - slash) - 1};
        return go_return_str(out, s);
}

SPRIG_FN(fn_dir)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        struct abuf b = abuf_in(env->arena);
        const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;
        struct str r = clean(&b, (struct str){s.p, slash ? (size_t)(slash - s.p) + 1 : 0});
        return b.failed ? go_full(env) : go_return_str(out, r);
}

SPRIG_FN(fn_ext)
{
        SPRIG_ARGS;
        struct str s = args[0].s;
        for (size_t i = s.n; i-- > 0 && s.p[i] != '/';)
                if (s.p[i] == '.')
                        return go_return_str(out, (struct str){s.p + i, s.n - i});
        return go_return_str(out, STR(""));
}

SPRIG_FN(fn_isAbs)
{
        SPRIG_ARGS;
        *out = val_bool(args[0].s.n && args[0].s.p[0] == '/');
        return true;
}
