/* cli/eval.c: `tiphys eval`: one program of one of the small languages, run on one event.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval.h"
#include "cli/term.h"
#include "common/base/fs.h"
#include "common/base/jsonscan.h"
#include "common/lang/abuf.h"
#include "common/lang/expr.h"
#include "common/lang/gofmt.h"
#include "common/lang/limits.h"
#include <unistd.h>

enum { EVENT_MAX = 64 << 20, ARENA_MAX = 256 << 20 };

static const char *const formats[] = {"text", "json", NULL};

#define LANGUAGE(id, name_, arg_, help_) \
        OPT(struct eval_opts, program[id], OPT_STR, .name = (name_), .arg = (arg_), .help = (help_))
static const struct opt eval_opts[] = {
        LANGUAGE(EVAL_EXPR, "expr", "PROGRAM",
                 "expr as workflows have it; variables are the event's members"),
        LANGUAGE(EVAL_FILTER, "filter", "PROGRAM", "expr as `filter` of an EventSource has it"),
        LANGUAGE(EVAL_TAG, "tag", "TEXT", "{{name}} and {{=expr}} are replaced"),
        LANGUAGE(EVAL_WHEN, "when", "TEXT", "a condition of steps and tasks, with its tags"),
        LANGUAGE(EVAL_GOVALUATE, "govaluate", "PROGRAM",
                 "filters.exprs and conditions of Sensors; see --field"),
        LANGUAGE(EVAL_GJSON, "gjson", "PATH", "dataKey, paths of filters"),
        LANGUAGE(EVAL_JSONPATH, "jsonpath", "PATH", "as kubectl's: valueFrom.jsonPath"),
        LANGUAGE(EVAL_TEMPLATE, "template", "TEXT", "Go template with sprig; the event is .Input"),
        LANGUAGE(EVAL_LUA, "lua", "SCRIPT",
                 "filters.script and transform.script; the event is `event`"),
        LANGUAGE(EVAL_JQ, "jq", "PROGRAM", "transform.jq; every output on a line"),
        LANGUAGE(EVAL_REGEX, "regex", "PATTERN",
                 "every match in the event's text, with its groups"),
        LANGUAGE(EVAL_CRON, "cron", "SCHEDULE", "the next times"),
        LANGUAGE(EVAL_SELECTOR, "selector", "SELECTOR",
                 "label selector on metadata.labels, else on the event itself"),
        LANGUAGE(EVAL_FIELD_SELECTOR, "field-selector", "SELECTOR", "field selector"),
        LANGUAGE(EVAL_QUANTITY, "quantity", "TEXT", "a Kubernetes quantity: 1.5Gi"),
        LANGUAGE(EVAL_DURATION, "duration", "TEXT", "a Go duration, or seconds"),
        OPT(struct eval_opts, event, OPT_STR, .letter = 'e', .arg = "FILE",
            .help = "the event as JSON; - reads standard input"),
        OPT(struct eval_opts, input, OPT_STR, .arg = "TEXT", .help = "the event, given here"),
        OPT(struct eval_opts, vars, OPT_LIST, .name = "var", .arg = "NAME=VALUE",
            .help = "a variable that is text; before the event's members"),
        OPT(struct eval_opts, fields, OPT_LIST, .name = "field", .arg = "NAME=PATH",
            .help = "govaluate: a variable by its gjson path in the event"),
        OPT(struct eval_opts, strict, OPT_FLAG, .help = "tag: what has no value is an error"),
        OPT(struct eval_opts, now, OPT_STR, .arg = "TIME",
            .help = "what time it is, as 2026-01-02T03:04:05Z"),
        OPT(struct eval_opts, timezone, OPT_STR, .arg = "ZONE",
            .help = "cron: read the schedule there"),
        OPT(struct eval_opts, count, OPT_INT, .arg = "N", .def = "5", .min = 1, .max = 1000,
            .help = "cron: so many times"),
        OPT(struct eval_opts, test, OPT_FLAG, .letter = 't',
            .help = "exit 1 unless the result is true"),
        OPT(struct eval_opts, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT", .def = "text",
            .choices = formats, .help = "how to print the result"),
        OPT_END};

static eval_fn *const languages[EVAL_LANGUAGES] = {
        [EVAL_EXPR] = eval_expr,
        [EVAL_FILTER] = eval_filter,
        [EVAL_TAG] = eval_tag,
        [EVAL_WHEN] = eval_when,
        [EVAL_GOVALUATE] = eval_govaluate,
        [EVAL_GJSON] = eval_gjson,
        [EVAL_JSONPATH] = eval_jsonpath,
        [EVAL_TEMPLATE] = eval_template,
        [EVAL_LUA] = eval_lua,
        [EVAL_JQ] = eval_jq,
        [EVAL_REGEX] = eval_regex,
        [EVAL_CRON] = eval_cron,
        [EVAL_SELECTOR] = eval_selector,
        [EVAL_FIELD_SELECTOR] = eval_field_selector,
        [EVAL_QUANTITY] = eval_quantity,
        [EVAL_DURATION] = eval_duration,
};

/* ---- what programs see ---- */

int eval_pair(const char *option, const char *pair, struct str *name, struct str *value,
              struct err *e)
{
        const char *eq = strchr(pair, '=');
        if (!eq || eq == pair)
                return err_set(e, ERR_INVALID, "%s: expected NAME=VALUE, found \"%s\"", option,
                               pair);
        *name = (struct str){pair, (size_t)(eq - pair)};
        *value = str_of(eq + 1);
        return 0;
}

int eval_data(struct eval *v, enum val_numbers numbers, struct val *out, struct err *e)
{
        *out = val_map_new(v->arena, 0);
        if (!v->data.n)
                return 0;
        if (json_scan(v->data.p, v->data.n, e) < 0)
                return err_wrap(e, "the event");
        *out = val_from_json(v->arena, v->data, numbers);
        return 0;
}

int eval_variables(struct eval *v, enum val_numbers numbers, struct val *out, struct err *e)
{
        struct val data;
        if (eval_data(v, numbers, &data, e) < 0)
                return -1;
        if (data.kind != VAL_MAP)
                return err_set(e, ERR_INVALID, "the event is no JSON object");
        *out = val_map_new(v->arena, v->o->vars.n);
        if (!val_open_sorted(v->arena, data))
                return err_set(e, ERR_LIMIT, "the event is too large");
        for (size_t i = 0; i < data.map->n; i++)
                if (!val_map_set(v->arena, *out, data.map->entries[i].key,
                                 data.map->entries[i].value))
                        return err_set(e, ERR_LIMIT, "the event is too large");
        for (size_t i = 0; i < v->o->vars.n; i++) {
                struct str name, value;
                if (eval_pair("--var", v->o->vars.items[i], &name, &value, e) < 0)
                        return -1;
                if (!val_map_set(v->arena, *out, val_str(name), val_str(value)))
                        return err_set(e, ERR_LIMIT, "too many variables");
        }
        return 0;
}

/* Texts as they are, values without a JSON form as Go prints them. */
int eval_result(struct eval *v, struct val result, struct err *e)
{
        struct abuf json = abuf_in(v->arena), text = abuf_in(v->arena);
        bool has_json = expr_json(&json, result);
        if (result.kind == VAL_STR)
                abuf_add(&text, result.s);
        else if (has_json)
                text = json;
        else
                gofmt_value(&text, result);
        if (text.failed)
                return err_set(e, ERR_LIMIT, "the result is too large");
        buf_add(&v->text, text.p, text.n);
        if (has_json)
                buf_add(&v->json, json.p, json.n);
        v->truth = result.kind == VAL_BOOL && result.b;
        return 0;
}

/* ---- problems ---- */

/* "offset 17: ..." perhaps behind a word ("template: offset 17: ..."), or Lua's "<string>:3: ...".
 */
static bool place_in(struct str program, const char *msg, size_t *at, const char **words)
{
        int n = 0;
        unsigned line = 0;
        size_t prefix = strspn(msg, "abcdefghijklmnopqrstuvwxyz");
        const char *place = prefix && strncmp(msg + prefix, ": ", 2) == 0 ? msg + prefix + 2 : msg;
        if (sscanf(place, "offset %zu: %n", at, &n) == 1 && n && *at <= program.n) {
                *words = place + n;
                return true;
        }
        if (sscanf(msg, "<string>:%u: %n", &line, &n) != 1 || !n || !line)
                return false;
        for (*at = 0; line > 1 && *at < program.n; (*at)++)
                line -= program.p[*at] == '\n';
        *words = msg + n;
        return line == 1;
}

/* The line of the program and a caret below the place. */
static void put_excerpt(struct buf *b, struct str program, size_t at)
{
        size_t from = at, to = at;
        while (from && program.p[from - 1] != '\n')
                from--;
        while (to < program.n && program.p[to] != '\n')
                to++;
        buf_addf(b, "\n  %.*s\n  ", (int)(to - from), program.p + from);
        while (from < at) {
                uint32_t cp;
                buf_addc(b, program.p[from] == '\t' ? '\t' : ' ');
                from += utf8_decode(program.p + from, at - from, &cp);
        }
        buf_addc(b, '^');
}

static int complain(struct cli *c, const struct eval *v, const char *option, struct err *e)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        size_t at = 0;
        const char *words = err_msg(e);
        bool placed = place_in(v->program, words, &at, &words);
        buf_addf(&b, "%s--%s: %s", term_on(&c->term, TERM_ERR_RED), option, words);
        buf_adds(&b, term_on(&c->term, TERM_ERR_OFF));
        if (placed)
                put_excerpt(&b, v->program, at);
        fprintf(stderr, "tiphys: %s\n", buf_str(&b));
        err_clear(e);
        return v->compiling ? EXIT_USAGE : EXIT_FAILED;
}

/* ---- the command ---- */

static int choose(const struct eval_opts *o, size_t *chosen, struct err *e)
{
        size_t n = 0;
        for (size_t i = 0; i < EVAL_LANGUAGES; i++)
                if (o->program[i]) {
                        *chosen = i;
                        n++;
                }
        if (n != 1)
                return err_set(e, ERR_INVALID,
                               n ? "eval: one program at a time"
                                 : "eval: which language? for example --expr '1 + 2'");
        if (o->event && o->input)
                return err_set(e, ERR_INVALID, "eval: --event or --input, not both");
        return 0;
}

static int read_event(const struct eval_opts *o, struct buf *event, struct err *e)
{
        if (o->input)
                buf_adds(event, o->input);
        if (!o->event)
                return 0;
        return streq(o->event, "-") ? fs_read_fd(event, STDIN_FILENO, EVENT_MAX, e)
                                    : fs_read(event, o->event, EVENT_MAX, e);
}

static void print(const struct eval *v)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (streq(v->o->output, "text"))
                buf_add(&b, buf_str(&v->text), v->text.len);
        else if (v->json.len)
                buf_add(&b, buf_str(&v->json), v->json.len);
        else
                json_put_string(&b, buf_str(&v->text), v->text.len);
        if (!b.len || b.data[b.len - 1] != '\n')
                buf_addc(&b, '\n');
        cli_write(&b);
}

static int evaluate(struct cli *c, struct eval *v, size_t language, struct err *e)
{
        struct fake_clock now;
        struct wall at;
        v->clock = clock_system();
        if (v->o->now) {
                if (!time_parse_rfc3339(v->o->now, &at.ns))
                        return err_set(e, ERR_INVALID,
                                       "--now: expected a time such as "
                                       "2026-01-02T03:04:05Z");
                fake_clock_init(&now, at);
                v->clock = &now.clock;
        }
        if (languages[language](v, e) < 0)
                return complain(c, v, eval_opts[language].name, e);
        print(v);
        return v->o->test && !v->truth ? EXIT_FAILED : EXIT_OK;
}

static int eval_run(struct cli *c, const void *opts, char **args UNUSED, size_t n UNUSED,
                    struct err *e)
{
        AUTO_BUF struct buf event = BUF_INIT(BUF_UNBOUNDED);
        struct eval v = {.o = opts, .compiling = true};
        struct arena arena;
        size_t language = 0;
        if (choose(v.o, &language, e) < 0 || read_event(v.o, &event, e) < 0)
                return -1;
        arena_init(&arena, ARENA_MAX);
        v.arena = &arena;
        v.program = str_of(v.o->program[language]);
        v.data = (struct str){buf_str(&event), event.len};
        buf_init(&v.text, BUF_UNBOUNDED);
        buf_init(&v.json, BUF_UNBOUNDED);
        int r = evaluate(c, &v, language, e);
        buf_deinit(&v.text);
        buf_deinit(&v.json);
        arena_deinit(&arena);
        return r;
}

const struct command command_eval = {
        .name = "eval",
        .summary = "Run a program of one of the small languages on an event",
        .details = "One option names the language and holds the program. The result goes to "
                   "standard output: texts as they are, anything else as JSON.\n"
                   "Exit codes: 0 there is a result (false is one; see --test), 1 the evaluation "
                   "failed or found nothing, 2 the program or the event cannot be read.",
        .examples = "  tiphys eval --expr 'int(count) * 2' --var count=21\n"
                    "  tiphys eval --filter 'body.action == \"opened\"' --event event.json --test\n"
                    "  tiphys eval --gjson 'body.commits.#.id' --event - < event.json\n"
                    "  tiphys eval --cron '30 2 * * MON-FRI' --timezone Europe/Berlin --count 3\n",
        .opts = eval_opts,
        .opts_size = sizeof(struct eval_opts),
        .run = eval_run};
