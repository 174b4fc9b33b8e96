/* workflow/cron/condition.c: the variables cronworkflow.* and what is asked of them: `when` is text
 * with tags, then govaluate whose bare words are unknown; the stop strategy is one expression.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "common/lang/tag.h"
#include "common/lang/when.h"
#include "common/store/store.h"
#include "workflow/cron/cronwf.h"

enum { ARENA_MAX = 8 << 20 };

struct scope {
        struct arena *arena;
        struct val vars; /* members of cronworkflow */
        struct val env;  /* {cronworkflow: vars} */
        struct clock *clock;
};

static void put(struct scope *s, const char *name, struct val v)
{
        val_map_put(s->arena, s->vars, name, v);
}

static struct val json_of(struct scope *s, const json_t *map)
{
        AUTO(mem_free)
        char *text =
                map ? json_text(map, JSON_STYLE_SORTED | JSON_STYLE_GO_HTML) : mem_strdup("null");
        return val_text(arena_strndup(s->arena, text, strlen(text)));
}

static struct val map_of(struct scope *s, const json_t *map)
{
        return map ? val_from_tree(s->arena, map, VAL_INTS_AND_FLOATS) : val_map_new(s->arena, 1);
}

static struct val time_of(struct scope *s, const char *text)
{
        int64_t ns;
        if (str_empty(text) || !time_parse_rfc3339(text, &ns))
                return val_nil();
        struct val_time *t = arena_zalloc(s->arena, sizeof(*t));
        t->sec = ns / NS_PER_S;
        t->nsec = (int32_t)(ns % NS_PER_S);
        return (struct val){.kind = VAL_TIME, .time = t};
}

static struct val count_of(const json_t *cron, const char *key)
{
        return (struct val){.kind = VAL_INT,
                            .type = VAL_T_INT64,
                            .i = json_integer_value(json_at(cron, "status", key))};
}

static void scope_init(struct scope *s, struct arena *a, const json_t *cron, struct clock *clock)
{
        const json_t *labels = json_at(cron, "metadata", "labels"),
                     *annotations = json_at(cron, "metadata", "annotations");
        *s = (struct scope){.arena = a, .clock = clock};
        s->vars = val_map_new(a, 16);
        put(s, "name", val_text(obj_name(cron)));
        put(s, "namespace", val_text(obj_ns(cron)));
        put(s, "labels", map_of(s, labels));
        put(s, "annotations", map_of(s, annotations));
        put(s, "labels.json", json_of(s, labels));
        put(s, "annotations.json", json_of(s, annotations));
        put(s, "failed", count_of(cron, "failed"));
        put(s, "succeeded", count_of(cron, "succeeded"));
        put(s, "lastScheduledTime", time_of(s, json_str(cron, "status", "lastScheduledTime")));
        s->env = val_map_new(a, 1);
        val_map_put(a, s->env, "cronworkflow", s->vars);
}

/* ---- tags of `when` ---- */

static bool append(struct scope *s, struct val v, struct buf *out)
{
        if (v.kind == VAL_STR) {
                buf_add(out, v.s.p, v.s.n);
                return true;
        }
        struct abuf text = abuf_in(s->arena);
        if (!expr_json(&text, v) || text.failed)
                return false;
        buf_add(out, text.p, text.n);
        return true;
}

static enum tag_found look_up(void *arg, struct str name, struct buf *out)
{
        static const char prefix[] = "cronworkflow.";
        struct scope *s = arg;
        if (name.n <= sizeof(prefix) - 1 || memcmp(name.p, prefix, sizeof(prefix) - 1) != 0)
                return TAG_UNKNOWN;
        struct str rest = {name.p + sizeof(prefix) - 1, name.n - (sizeof(prefix) - 1)};
        struct val v = val_get(s->arena, s->vars, rest);
        if (v.kind == VAL_MISSING) { /* labels.x */
                const char *dot = memchr(rest.p, '.', rest.n);
                struct val map = dot ? val_get(s->arena, s->vars,
                                               (struct str){rest.p, (size_t)(dot - rest.p)})
                                     : (struct val){0};
                if (map.kind == VAL_MAP)
                        v = val_get(s->arena, map,
                                    (struct str){dot + 1, rest.n - (size_t)(dot + 1 - rest.p)});
        }
        if (v.kind == VAL_MISSING)
                return TAG_UNKNOWN;
        return append(s, v, out) ? TAG_VALUE : TAG_ABSENT;
}

static int evaluate(void *arg, struct str text, struct buf *out, bool *keep, struct err *e)
{
        struct scope *s = arg;
        AUTO(expr_free) struct expr *x = NULL;
        struct val v;
        *keep = false;
        if (expr_new(&x, text, EXPR_WORKFLOWS, NULL, e) < 0 ||
            expr_eval(x, s->env, s->clock, s->arena, &v, e) < 0)
                return -1;
        return append(s, v, out) ? 0
                                 : err_set(e, ERR_INVALID, "the result has no text: {{=%.*s}}",
                                           (int)text.n, text.p);
}

static int test_when(struct scope *s, const char *when, bool *out, struct err *e)
{
        const struct tag_opts tags = {
                .lookup = look_up, .expr = evaluate, .arg = s, .strict = true};
        AUTO(mem_free) char *text = NULL;
        if (tag_string(&text, when, &tags, e) < 0)
                return -1;
        return when_eval(out, text, WHEN_WORDS_ARE_UNKNOWN, e);
}

int cronwf_when(const struct cronwf_spec *s, const json_t *cron, struct clock *clock, bool *out,
                struct err *e)
{
        *out = true;
        if (!s->when)
                return 0;
        struct arena a;
        struct scope scope;
        arena_init(&a, ARENA_MAX);
        scope_init(&scope, &a, cron, clock);
        int r = test_when(&scope, s->when, out, e);
        arena_deinit(&a);
        return r < 0 ? err_wrap(e, "when \"%s\"", s->when) : 0;
}

int cronwf_stop(const struct cronwf_spec *s, const json_t *cron, struct clock *clock, bool *out,
                struct err *e)
{
        *out = false;
        if (!s->stop)
                return 0;
        AUTO(expr_free) struct expr *x = NULL;
        struct arena a;
        struct scope scope;
        arena_init(&a, ARENA_MAX);
        scope_init(&scope, &a, cron, clock);
        int r = expr_new(&x, str_of(s->stop), EXPR_WORKFLOWS, NULL, e) < 0
                        ? -1
                        : expr_test(x, scope.env, clock, &a, out, e);
        arena_deinit(&a);
        return r < 0 ? err_wrap(e, "stopStrategy.expression \"%s\"", s->stop) : 0;
}
