/* tests/conformance/lang/main.c: lang_cases [DIR] [-f FILE] [-n MAX]: runs every record of the
 * .jsonl files under DIR.
 *
 * DIR defaults to $TIPHYS_SHARED/conformance/lang, else ../shared/conformance/lang. Prints per file
 * what passed and failed, and for each failure (up to MAX a file, 20) its inputs, what was expected
 * and what came. Exit code 0: all passed. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/jsonscan.h"
#include "common/lang/limits.h"
#include "tests/conformance/lang/cases.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- records ---- */

struct str rec_str(const struct record *r, const char *member)
{
        const json_t *v = json_object_get(r->j, member);
        if (!json_is_string(v))
                return STR("");
        return (struct str){json_string_value(v), json_string_length(v)};
}

struct str rec_raw(const struct record *r, const char *member)
{
        return json_member(r->line.p, r->line.n, member);
}

bool rec_fails(const struct record *r)
{
        return json_object_get(r->j, "error") != NULL;
}

void put_utf8(struct buf *b, struct str s)
{
        for (size_t i = 0; i < s.n;) {
                uint32_t cp;
                char utf8[4];
                i += utf8_decode(s.p + i, s.n - i, &cp);
                buf_add(b, utf8, utf8_encode(cp, utf8));
        }
}

bool rec_check_failed(struct record *r, bool failed, struct err *e)
{
        if (failed == rec_fails(r)) {
                err_clear(e);
                return true;
        }
        buf_adds(&r->want, failed ? "success" : "an error: ");
        buf_adds(&r->want, failed ? "" : json_str(r->j, "error"));
        buf_adds(&r->got, failed ? err_msg(e) : "success");
        err_clear(e);
        return false;
}

bool rec_check_text(struct record *r, bool failed, struct err *e, struct str text)
{
        if (failed || rec_fails(r)) {
                bool ok = rec_check_failed(r, failed, e);
                if (!ok && !failed)
                        buf_addf(&r->got, ": %.*s", (int)text.n, text.p);
                return ok;
        }
        struct str want = rec_str(r, "result");
        put_utf8(&r->got, text);
        buf_add(&r->want, want.p, want.n);
        return r->got.len == want.n && memcmp(buf_str(&r->got), want.p, want.n) == 0;
}

bool same_json(const json_t *a, const json_t *b)
{
        const char *key;
        json_t *v;
        size_t i;
        if (json_is_number(a) && json_is_number(b)) {
                double x = json_number_value(a), y = json_number_value(b);
                return x == y || (isnan(x) && isnan(y));
        }
        if (json_typeof(a) != json_typeof(b))
                return false;
        if (json_is_array(a)) {
                if (json_array_size(a) != json_array_size(b))
                        return false;
                json_array_foreach (a, i, v)
                        if (!same_json(v, json_array_get(b, i)))
                                return false;
                return true;
        }
        if (json_is_object(a)) {
                if (json_object_size(a) != json_object_size(b))
                        return false;
                json_object_foreach ((json_t *)(uintptr_t)a, key, v) {
                        const json_t *other = json_object_get(b, key);
                        if (!other || !same_json(v, other))
                                return false;
                }
                return true;
        }
        return json_equal(a, b);
}

bool rec_check_json(struct record *r, bool failed, struct err *e, const json_t *value)
{
        if (failed || rec_fails(r))
                return rec_check_failed(r, failed, e);
        const json_t *want = json_object_get(r->j, "result");
        if (want)
                json_put(&r->want, want, JSON_STYLE_SORTED);
        else
                buf_adds(&r->want, "(no result recorded)");
        if (value)
                json_put(&r->got, value, JSON_STYLE_SORTED);
        else
                buf_adds(&r->got, "(no JSON form)");
        return want && value && same_json(want, value);
}

/* ---- what is different on purpose ---- */

static char *listed_text; /* lines "FILE: TEXT": a failing record of FILE that contains TEXT */

static void load_listed(void)
{
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct err e = {0};
        if (fs_read(&b, "tests/conformance/lang/listed.txt", 1 << 20, &e) < 0) {
                printf("listed.txt: %s: nothing is listed\n", err_msg(&e));
                err_clear(&e);
        }
        listed_text = mem_strdup(buf_str(&b));
}

static bool is_listed(const char *file, struct str line)
{
        size_t n = strlen(file);
        for (const char *p = listed_text, *end; *p; p = *end ? end + 1 : end) {
                end = strchrnul(p, '\n');
                const char *text = p + n + 2;
                if (end > text && strncmp(p, file, n) == 0 && p[n] == ':' &&
                    memmem(line.p, line.n, text, (size_t)(end - text)))
                        return true;
        }
        return false;
}

/* ---- files ---- */

struct totals {
        size_t passed, failed, listed;
};

static void print_failure(const struct suite *s, size_t line, const struct record *r)
{
        printf("%s:%zu: FAILED\n  case     %.*s\n  expected %s\n  got      %s\n", s->file, line,
               (int)(r->line.n > 1500 ? 1500 : r->line.n), r->line.p, buf_str(&r->want),
               buf_str(&r->got));
}

enum outcome { PASSED, FAILED, LISTED };

static enum outcome run_line(const struct suite *s, size_t number, struct str line,
                             struct arena *arena, bool print)
{
        json_error_t je;
        AUTO_JSON json_t *j = json_loadb(line.p, line.n, s->flags | JSON_ALLOW_NUL, &je);
        struct record r = {.j = j, .line = line, .arena = arena};
        buf_init(&r.want, 64 << 20);
        buf_init(&r.got, 64 << 20);
        enum outcome o = FAILED;
        if (!j)
                buf_adds(&r.got, je.text);
        else if (s->run(&r))
                o = PASSED;
        else if (is_listed(s->file, line))
                o = LISTED;
        if (o == FAILED && print)
                print_failure(s, number, &r);
        buf_deinit(&r.want);
        buf_deinit(&r.got);
        return o;
}

static void run_suite(const struct suite *s, FILE *f, size_t max_shown, struct totals *all)
{
        char *line = NULL;
        size_t cap = 0, number = 0;
        ssize_t n;
        struct totals t = {0};
        struct arena arena;
        arena_init(&arena, LANG_MEMORY);
        while ((n = getline(&line, &cap, f)) > 0) {
                number++;
                while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
                        n--;
                if (n == 0)
                        continue;
                arena_reset(&arena);
                enum outcome o = run_line(s, number, (struct str){line, (size_t)n}, &arena,
                                          t.failed < max_shown);
                t.passed += o == PASSED;
                t.failed += o == FAILED;
                t.listed += o == LISTED;
        }
        arena_deinit(&arena);
        free(line);
        printf("%s: %zu passed, %zu failed, %zu listed\n", s->file, t.passed, t.failed, t.listed);
        all->passed += t.passed;
        all->failed += t.failed;
        all->listed += t.listed;
}

static void default_dir(char *out, size_t n)
{
        const char *shared = getenv("TIPHYS_SHARED");
        snprintf(out, n, "%s/conformance/lang", shared && *shared ? shared : "../shared");
}

int main(int argc, char **argv)
{
        char dir[3000], path[4096];
        const char *only = NULL;
        size_t max_shown = 20;
        struct totals all = {0};
        default_dir(dir, sizeof(dir));
        load_listed();
        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "-f") && i + 1 < argc)
                        only = argv[++i];
                else if (streq(argv[i], "-n") && i + 1 < argc)
                        max_shown = (size_t)atol(argv[++i]);
                else
                        snprintf(dir, sizeof(dir), "%s", argv[i]);
        }
        if (access(dir, R_OK) != 0) {
                printf("no records at %s: NOT RUN (set TIPHYS_SHARED)\n0 passed, 0 failed, 0 "
                       "listed\n",
                       dir);
                return 0;
        }
        for (size_t i = 0; i < suites_count; i++) {
                if (only && !strstr(suites[i].file, only))
                        continue;
                snprintf(path, sizeof(path), "%s/%s", dir, suites[i].file);
                FILE *f = fopen(path, "re");
                if (!f)
                        continue; /* any folder with some of the files will do */
                run_suite(&suites[i], f, max_shown, &all);
                fclose(f);
        }
        mem_free(listed_text);
        printf("%zu passed, %zu failed, %zu listed\n", all.passed, all.failed, all.listed);
        return all.failed ? 1 : 0;
}
