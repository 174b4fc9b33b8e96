/* common/lang/sprig/sprig_url.c: URLs taken apart and put together as Go's net/url does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/sprig/sprig_priv.h"
#include <ctype.h>

enum mode { MODE_PATH, MODE_HOST, MODE_USER, MODE_FRAGMENT };
struct url {
        struct str scheme, opaque, host, path, query, fragment, user; /* user: encoded again */
        bool has_user;
};

static int hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool must_escape(unsigned char c, enum mode mode)
{
        if (isalnum(c) || (c && strchr("-_.~", c)))
                return false;
        if (!c || c >= 0x80)
                return true;
        if (mode == MODE_HOST)
                return !strchr("!$&'()*+,;=:[]<>\"", c);
        if (strchr("$&+,/:;=?@", c)) {
                if (mode == MODE_PATH)
                        return c == '?';
                return mode == MODE_USER && strchr("@/?:", c);
        }
        return !(mode == MODE_FRAGMENT && strchr("!()*", c));
}

static void put_escaped(struct abuf *b, struct str s, enum mode mode)
{
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (must_escape(c, mode))
                        abuf_addf(b, "%%%02X", c);
                else
                        abuf_addc(b, (char)c);
        }
}

/* False: a broken %xx or a character that the place does not allow. */
static bool unescape(struct go_env *env, struct str s, enum mode mode, struct str *out)
{
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                if (c == '%') {
                        if (s.n - i < 3 || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
                                return false;
                        bool percent = s.p[i + 1] == '2' && s.p[i + 2] == '5';
                        if (mode == MODE_HOST && hex(s.p[i + 1]) < 8 && !percent)
                                return false;
                        c = (unsigned char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
                        i += 2;
                } else if (mode == MODE_HOST && c < 0x80 && must_escape(c, mode)) {
                        return false;
                }
                abuf_addc(&b, (char)c);
        }
        *out = abuf_str(&b);
        return !b.failed;
}

static struct str from(struct str s, size_t i)
{
        return i < s.n ? (struct str){s.p + i, s.n - i} : STR("");
}

/* Cut at the first c: what stands before; *rest what stands behind. False: there is none. */
static bool cut(struct str s, char c, struct str *before, struct str *rest)
{
        const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
        *before = (struct str){s.p, at ? (size_t)(at - s.p) : s.n};
        *rest = at ? from(s, before->n + 1) : STR("");
        return at != NULL;
}

static bool scheme(struct go_env *env, struct str *rest, struct str *out)
{
        *out = STR("");
        for (size_t i = 0; i < rest->n; i++) {
                char c = rest->p[i];
                if (isalpha((unsigned char)c))
                        continue;
                if (i && (isdigit((unsigned char)c) || (c && strchr("+-.", c))))
                        continue;
                if (c != ':')
                        return true;
                if (i == 0)
                        return go_fail(env, ERR_INVALID,
                                       "unable to parse url: missing protocol scheme");
                struct abuf b = abuf_in(env->arena);
                for (size_t k = 0; k < i; k++)
                        abuf_addc(&b, (char)tolower((unsigned char)rest->p[k]));
                *out = abuf_str(&b);
                *rest = from(*rest, i + 1);
                return !b.failed || go_full(env);
        }
        return true;
}

static bool port_ok(struct str port)
{
        for (size_t i = 1; i < port.n; i++)
                if (!isdigit((unsigned char)port.p[i]))
                        return false;
        return port.n == 0 || port.p[0] == ':';
}

static bool host(struct go_env *env, struct str h, struct str *out)
{
        if (h.n && h.p[0] == '[') {
                const char *end = memrchr(h.p, ']', h.n);
                if (!end || !port_ok(from(h, (size_t)(end - h.p) + 1)))
                        return go_fail(env, ERR_INVALID, "unable to parse url: bad address in [ ]");
        } else {
                const char *colon = h.n ? memrchr(h.p, ':', h.n) : NULL;
                if (colon && !port_ok(from(h, (size_t)(colon - h.p))))
                        return go_fail(env, ERR_INVALID,
                                       "unable to parse url: invalid port after host");
        }
        return unescape(env, h, MODE_HOST, out) ||
               go_fail(env, ERR_INVALID, "unable to parse url: invalid character in host name");
}

static bool userinfo_ok(struct str s)
{
        for (size_t i = 0; i < s.n; i++)
                if (!isalnum((unsigned char)s.p[i]) &&
                    (!s.p[i] || !strchr("-._:~!$&'()*+,;=%@", s.p[i])))
                        return false;
        return true;
}

static bool authority(struct go_env *env, struct str a, struct url *u)
{
        const char *at = a.n ? memrchr(a.p, '@', a.n) : NULL;
        struct abuf b = abuf_in(env->arena);
        struct str name, password, user = {a.p, at ? (size_t)(at - a.p) : 0};
        if (!at)
                return host(env, a, &u->host);
        if (!host(env, from(a, user.n + 1), &u->host))
                return false;
        bool has_password = cut(user, ':', &name, &password);
        if (!userinfo_ok(user) || !unescape(env, name, MODE_USER, &name) ||
            !unescape(env, password, MODE_USER, &password))
                return go_fail(env, ERR_INVALID, "unable to parse url: invalid userinfo");
        put_escaped(&b, name, MODE_USER);
        if (has_password) {
                abuf_addc(&b, ':');
                put_escaped(&b, password, MODE_USER);
        }
        u->user = abuf_str(&b);
        u->has_user = true;
        return !b.failed || go_full(env);
}

static bool control_byte(struct str s)
{
        for (size_t i = 0; i < s.n; i++)
                if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
                        return true;
        return false;
}

static bool starts(struct str s, const char *prefix)
{
        size_t n = strlen(prefix);
        return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool parse(struct go_env *env, struct str text, struct url *u)
{
        struct str rest, fragment, segment, ignored;
        *u = (struct url){STR(""), STR(""), STR(""), STR(""), STR(""), STR(""), STR(""), false};
        cut(text, '#', &text, &fragment);
        if (control_byte(text))
                return go_fail(env, ERR_INVALID, "unable to parse url: invalid control character");
        if (str_eq(text, "*")) {
                u->path = text;
                return true;
        }
        rest = text;
        if (!scheme(env, &rest, &u->scheme))
                return false;
        cut(rest, '?', &rest, &u->query);
        if (!starts(rest, "/")) {
                if (u->scheme.n) {
                        u->opaque = rest;
                        rest = STR("");
                } else {
                        cut(rest, '/', &segment, &ignored);
                        if (segment.n && memchr(segment.p, ':', segment.n))
                                return go_fail(
                                        env, ERR_INVALID,
                                        "unable to parse url: first path segment contains a colon");
                }
        }
        if (starts(rest, "//") && (u->scheme.n || !starts(rest, "///"))) {
                struct str a = from(rest, 2);
                const char *slash = a.n ? memchr(a.p, '/', a.n) : NULL;
                rest = slash ? from(a, (size_t)(slash - a.p)) : STR("");
                a.n = slash ? (size_t)(slash - a.p) : a.n;
                if (!authority(env, a, u))
                        return false;
        }
        if (!unescape(env, rest, MODE_PATH, &u->path) ||
            !unescape(env, fragment, MODE_FRAGMENT, &u->fragment))
                return go_fail(env, ERR_INVALID, "unable to parse url: invalid URL escape");
        return true;
}

/* The host without its port and brackets. */
static struct str hostname(struct str h)
{
        const char *colon = h.n ? memrchr(h.p, ':', h.n) : NULL;
        if (colon && port_ok(from(h, (size_t)(colon - h.p))))
                h.n = (size_t)(colon - h.p);
        if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
                h = (struct str){h.p + 1, h.n - 2};
        return h;
}

SPRIG_FN(fn_urlParse)
{
        SPRIG_ARGS;
        struct url u;
        if (!parse(env, args[0].s, &u))
                return false;
        const struct {
                const char *key;
                struct str value;
        } parts[] = {{"scheme", u.scheme},     {"host", u.host},    {"hostname", hostname(u.host)},
                     {"path", u.path},         {"query", u.query},  {"opaque", u.opaque},
                     {"fragment", u.fragment}, {"userinfo", u.user}};
        *out = val_map_new(env->arena, ARRAY_LEN(parts));
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
                if (out->kind != VAL_MAP ||
                    !val_map_put(env->arena, *out, parts[i].key, val_str(parts[i].value)))
                        return go_full(env);
        return true;
}

static bool text_member(struct go_env *env, struct val map, const char *key, struct str *out)
{
        struct val v = val_get(env->arena, map, str_of(key));
        *out = STR("");
        if (v.kind == VAL_MISSING)
                return true;
        if (v.kind != VAL_STR)
                return go_fail(env, ERR_INVALID,
                               "unable to parse %s key, must be of type string, but %s found", key,
                               gofmt_kind(v));
        *out = v.s;
        return true;
}

static void put_url(struct abuf *b, const struct url *u)
{
        if (u->scheme.n) {
                abuf_add(b, u->scheme);
                abuf_addc(b, ':');
        }
        if (u->opaque.n) {
                abuf_add(b, u->opaque);
        } else {
                struct str segment, ignored;
                if ((u->scheme.n || u->host.n || u->has_user) &&
                    (u->host.n || u->path.n || u->has_user))
                        abuf_adds(b, "//");
                if (u->has_user) {
                        abuf_add(b, u->user);
                        abuf_addc(b, '@');
                }
                put_escaped(b, u->host, MODE_HOST);
                if (u->path.n && u->path.p[0] != '/' && u->host.n)
                        abuf_addc(b, '/');
                cut(u->path, '/', &segment, &ignored);
                if (b->n == 0 && segment.n && memchr(segment.p, ':', segment.n))
                        abuf_adds(b, "./");
                if (str_eq(u->path, "*"))
                        abuf_addc(b, '*');
                else
                        put_escaped(b, u->path, MODE_PATH);
        }
        if (u->query.n) {
                abuf_addc(b, '?');
                abuf_add(b, u->query);
        }
        if (u->fragment.n) {
                abuf_addc(b, '#');
                put_escaped(b, u->fragment, MODE_FRAGMENT);
        }
}

SPRIG_FN(fn_urlJoin)
{
        SPRIG_ARGS;
        struct url u, with_user;
        struct str user;
        struct abuf b = abuf_in(env->arena);
        u = (struct url){.user = STR("")};
        if (!text_member(env, args[0], "scheme", &u.scheme) ||
            !text_member(env, args[0], "host", &u.host) ||
            !text_member(env, args[0], "path", &u.path) ||
            !text_member(env, args[0], "query", &u.query) ||
            !text_member(env, args[0], "opaque", &u.opaque) ||
            !text_member(env, args[0], "fragment", &u.fragment) ||
            !text_member(env, args[0], "userinfo", &user))
                return false;
        if (user.n) {
                struct abuf whole = abuf_in(env->arena);
                abuf_adds(&whole, "proto://");
                abuf_add(&whole, user);
                abuf_adds(&whole, "@host");
                if (whole.failed || !parse(env, abuf_str(&whole), &with_user))
                        return go_fail(env, ERR_INVALID, "unable to parse userinfo in dict");
                u.user = with_user.user;
                u.has_user = with_user.has_user;
        }
        put_url(&b, &u);
        return go_return_text(env, &b, out);
}
