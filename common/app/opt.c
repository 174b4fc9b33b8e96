/* common/app/opt.c: see opt.h. One pass over argv; a word is resolved against all tables at once,
 * so that an option of every command may stand before or behind those of the command.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/app/opt.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include <stdlib.h>

enum { MAX_SETS = 4, MAX_NAMES = 96 };

struct found {
        const struct opt *opt;
        void *values;
        bool negated; /* --no-name */
        int matches;
};

static void consider(struct found *f, const struct opt_set *set, const char *name, size_t n)
{
        for (const struct opt *o = set->opts; o->name; o++) {
                bool prefix = strncmp(o->name, name, n) == 0;
                if (!prefix)
                        continue;
                bool exact = o->name[n] == '\0';
                if (!exact && (o->hidden || f->matches < 0))
                        continue;
                *f = (struct found){o, set->values, false, exact ? -1 : f->matches + 1};
                if (exact)
                        return;
        }
}

static struct found find_long(const struct opt_set *sets, size_t n_sets, const char *name, size_t n)
{
        struct found f = {0};
        for (size_t i = 0; i < n_sets && f.matches >= 0; i++)
                consider(&f, &sets[i], name, n);
        if (f.matches == 0 && n > 3 && memcmp(name, "no-", 3) == 0) {
                for (size_t i = 0; i < n_sets && f.matches >= 0; i++)
                        consider(&f, &sets[i], name + 3, n - 3);
                f.negated = true;
                if (f.opt && f.opt->kind != OPT_FLAG)
                        f.matches = 0;
        }
        return f;
}

static struct found find_letter(const struct opt_set *sets, size_t n_sets, char letter)
{
        for (size_t i = 0; i < n_sets; i++)
                for (const struct opt *o = sets[i].opts; o->name; o++)
                        if (o->letter == letter)
                                return (struct found){o, sets[i].values, false, -1};
        return (struct found){0};
}

static int fail_unknown(const struct opt_set *sets, size_t n_sets, const char *name, size_t n,
                        struct err *e)
{
        const char *names[MAX_NAMES];
        size_t count = 0;
        for (size_t i = 0; i < n_sets; i++)
                for (const struct opt *o = sets[i].opts; o->name && count < MAX_NAMES; o++)
                        if (!o->hidden)
                                names[count++] = o->name;
        AUTO(mem_free) char *word = mem_strndup(name, n);
        const char *near = str_nearest(word, names, count);
        return near ? err_set(e, ERR_INVALID, "unknown option --%s; did you mean --%s?", word, near)
                    : err_set(e, ERR_INVALID, "unknown option --%s", word);
}

/* ---- values ---- */

void opt_list_add(struct opt_list *l, const char *item)
{
        mem_grow(l->items, l->cap, l->n + 1);
        l->items[l->n++] = item;
}

static int set_choice(const struct opt *o, const char **to, const char *value, struct err *e)
{
        size_t n = 0;
        for (; o->choices[n]; n++) {
                if (streq(o->choices[n], value)) {
                        *to = o->choices[n];
                        return 0;
                }
        }
        struct buf all = BUF_INIT(512);
        for (size_t i = 0; i < n; i++)
                buf_addf(&all, "%s%s", i ? ", " : "", o->choices[i]);
        err_set(e, ERR_INVALID, "--%s: %s is not one of %s", o->name, value, buf_str(&all));
        buf_deinit(&all);
        return -1;
}

static int set_int(const struct opt *o, int64_t *to, const char *value, struct err *e)
{
        if (!str_to_i64(value, to))
                return err_set(e, ERR_INVALID, "--%s: expected a number, found \"%s\"", o->name,
                               value);
        if (o->max > o->min && (*to < o->min || *to > o->max))
                return err_set(e, ERR_INVALID, "--%s: %s is outside of %lld to %lld", o->name,
                               value, (long long)o->min, (long long)o->max);
        return 0;
}

static int set_duration(const struct opt *o, int64_t *to, const char *value, struct err *e)
{
        int64_t seconds;
        if (str_to_i64(value, &seconds) && seconds >= 0 && seconds < INT64_C(1000000000)) {
                *to = seconds * INT64_C(1000000000);
                return 0;
        }
        if (duration_parse(value, to) && *to >= 0)
                return 0;
        return err_set(e, ERR_INVALID,
                       "--%s: expected a duration such as 90s or 1h30m, found \"%s\"", o->name,
                       value);
}

static int set_value(const struct opt *o, void *values, const char *value, struct err *e)
{
        void *to = (char *)values + o->offset;
        switch (o->kind) {
        case OPT_FLAG:
                if (!streq(value, "true") && !streq(value, "false"))
                        return err_set(e, ERR_INVALID, "--%s takes no value (or =true, =false)",
                                       o->name);
                *(bool *)to = streq(value, "true");
                return 0;
        case OPT_STR: *(const char **)to = value; return 0;
        case OPT_INT: return set_int(o, to, value, e);
        case OPT_CHOICE: return set_choice(o, to, value, e);
        case OPT_DURATION: return set_duration(o, to, value, e);
        case OPT_LIST: opt_list_add(to, value); return 0;
        }
        return 0;
}

/* ---- the pass over argv ---- */

struct reader {
        const struct opt_set *sets;
        size_t n_sets;
        char **argv;
        size_t n, at, operands;
};

static int fail_missing(const struct opt *o, struct err *e)
{
        return err_set(e, ERR_INVALID, "--%s needs a value: --%s %s", o->name, o->name,
                       o->arg ? o->arg : "VALUE");
}

static int read_long(struct reader *r, const char *word, struct err *e)
{
        const char *eq = strchr(word, '=');
        size_t n = eq ? (size_t)(eq - word) : strlen(word);
        struct found f = find_long(r->sets, r->n_sets, word, n);
        if (f.matches == 0)
                return fail_unknown(r->sets, r->n_sets, word, n, e);
        if (f.matches > 1)
                return err_set(e, ERR_INVALID, "option --%.*s is ambiguous", (int)n, word);
        if (f.opt->kind == OPT_FLAG && !eq)
                return set_value(f.opt, f.values, f.negated ? "false" : "true", e);
        if (eq)
                return set_value(f.opt, f.values, eq + 1, e);
        if (r->at >= r->n)
                return fail_missing(f.opt, e);
        return set_value(f.opt, f.values, r->argv[r->at++], e);
}

static int read_letters(struct reader *r, const char *word, struct err *e)
{
        for (const char *p = word; *p; p++) {
                struct found f = find_letter(r->sets, r->n_sets, *p);
                if (!f.opt)
                        return err_set(e, ERR_INVALID, "unknown option -%c", *p);
                if (f.opt->kind == OPT_FLAG) {
                        if (set_value(f.opt, f.values, "true", e) < 0)
                                return -1;
                        continue;
                }
                if (p[1])
                        return set_value(f.opt, f.values, p[1] == '=' ? p + 2 : p + 1, e);
                if (r->at >= r->n)
                        return fail_missing(f.opt, e);
                return set_value(f.opt, f.values, r->argv[r->at++], e);
        }
        return 0;
}

static int set_defaults(const struct opt_set *sets, size_t n_sets, struct err *e)
{
        for (size_t i = 0; i < n_sets; i++)
                for (const struct opt *o = sets[i].opts; o->name; o++)
                        if (o->def && set_value(o, sets[i].values, o->def, e) < 0)
                                return -1;
        return 0;
}

int opts_read(const struct opt_set *sets, size_t n_sets, char **argv, size_t n, size_t *operands,
              struct err *e)
{
        struct reader r = {sets, n_sets, argv, n, 0, 0};
        if (set_defaults(sets, n_sets, e) < 0)
                return -1;
        bool ended = false;
        while (r.at < r.n) {
                char *word = r.argv[r.at++];
                int rc = 0;
                if (ended || word[0] != '-' || !word[1])
                        argv[r.operands++] = word;
                else if (streq(word, "--"))
                        ended = true;
                else if (word[1] == '-')
                        rc = read_long(&r, word + 2, e);
                else
                        rc = read_letters(&r, word + 1, e);
                if (rc < 0)
                        return -1;
        }
        *operands = r.operands;
        return 0;
}

void opts_free(const struct opt_set *sets, size_t n_sets)
{
        for (size_t i = 0; i < n_sets; i++)
                for (const struct opt *o = sets[i].opts; o->name; o++)
                        if (o->kind == OPT_LIST) {
                                struct opt_list *l = (void *)((char *)sets[i].values + o->offset);
                                free(l->items);
                                *l = (struct opt_list){0};
                        }
}

/* ---- help, documentation, completion ---- */

static void put_usage(struct buf *b, const struct opt *o)
{
        if (o->letter)
                buf_addf(b, "-%c, ", o->letter);
        else
                buf_adds(b, "    ");
        buf_addf(b, "--%s", o->name);
        if (o->kind != OPT_FLAG)
                buf_addf(b, " %s", o->arg ? o->arg : "VALUE");
}

void opts_put_help(struct buf *b, const struct opt *opts)
{
        enum { COLUMN = 28 };
        for (const struct opt *o = opts; o->name; o++) {
                if (o->hidden)
                        continue;
                struct buf usage = BUF_INIT(256);
                put_usage(&usage, o);
                buf_addf(b, "  %-*s", COLUMN, buf_str(&usage));
                buf_adds(b, usage.len > COLUMN - 1 ? "\n                              " : "");
                buf_adds(b, o->help);
                for (size_t i = 0; o->kind == OPT_CHOICE && o->choices[i]; i++)
                        buf_addf(b, "%s%s", i ? ", " : ": ", o->choices[i]);
                if (o->def)
                        buf_addf(b, " (default %s)", o->def);
                buf_addc(b, '\n');
                buf_deinit(&usage);
        }
}

void opts_put_doc(struct buf *b, const struct opt *opts)
{
        for (const struct opt *o = opts; o->name; o++) {
                if (o->hidden)
                        continue;
                buf_adds(b, "| `");
                struct buf usage = BUF_INIT(256);
                put_usage(&usage, o);
                struct str text = str_trim((struct str){buf_str(&usage), usage.len});
                buf_add(b, text.p, text.n);
                buf_deinit(&usage);
                buf_addf(b, "` | %s", o->help);
                for (size_t i = 0; o->kind == OPT_CHOICE && o->choices[i]; i++)
                        buf_addf(b, "%s`%s`", i ? ", " : ": ", o->choices[i]);
                buf_addf(b, " | %s%s%s |\n", o->def ? "`" : "", o->def ? o->def : "",
                         o->def ? "`" : "");
        }
}

static const struct opt *typed(const struct opt *opts, const char *word)
{
        if (!word || word[0] != '-' || !word[1])
                return NULL;
        for (const struct opt *o = opts; o->name; o++) {
                if (word[1] == '-' ? streq(o->name, word + 2) : o->letter == word[1] && !word[2])
                        return o;
        }
        return NULL;
}

bool opts_takes_value(const struct opt *opts, const char *word)
{
        const struct opt *o = typed(opts, word);
        return o && o->kind != OPT_FLAG;
}

void opts_put_words(struct buf *b, const struct opt *opts, const char *before, const char *word)
{
        const struct opt *of = typed(opts, before);
        if (of && of->kind == OPT_CHOICE) {
                for (size_t i = 0; of->choices[i]; i++)
                        if (str_starts(of->choices[i], word))
                                buf_addf(b, "%s\n", of->choices[i]);
                return;
        }
        if (word[0] != '-')
                return;
        for (const struct opt *o = opts; o->name; o++) {
                if (!o->hidden &&
                    (word[1] == '\0' || (word[1] == '-' && str_starts(o->name, word + 2))))
                        buf_addf(b, "--%s\n", o->name);
        }
}
