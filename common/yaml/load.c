/* common/yaml/load.c: a whole text: checks of the bytes, its documents, and how loading goes on
 * behind a broken one: at the next line that begins a document. SPDX-License-Identifier: Apache-2.0
 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/jsonscan.h"
#include "common/base/mem.h"
#include "common/yaml/yaml_priv.h"
#include <stdlib.h>
#include <string.h>

struct loading {
        struct yaml_text text;
        struct yaml_docs *out;
        size_t cap;
        struct yaml_budget budget;
        struct diags *d;
        bool limit; /* the text passed a limit */
};

/* ---- bytes ---- */

static size_t first_bad_byte(const char *p, size_t n)
{
        size_t i = 0;
        while (i < n) {
                uint32_t cp;
                size_t len = utf8_decode(p + i, n - i, &cp);
                if (len == 1 && (unsigned char)p[i] >= 0x80)
                        break;
                i += len;
        }
        return i;
}

static bool check_bytes(const struct yaml_text *t, struct diags *d)
{
        if (t->n > YAML_TEXT_MAX) {
                diag_at_place(d, SEV_ERROR, t->file, 0, 0, "E009", NULL, "larger than 16 MiB");
                return false;
        }
        if (t->n >= 2 && (memcmp(t->p, "\xFE\xFF", 2) == 0 || memcmp(t->p, "\xFF\xFE", 2) == 0)) {
                diag_at_place(d, SEV_ERROR, t->file, 1, 1, "E008", "save the file as UTF-8",
                              "the text is UTF-16");
                return false;
        }
        size_t bad = first_bad_byte(t->p, t->n);
        if (bad == t->n)
                return true;
        unsigned line, col;
        yaml_text_place(t, bad, &line, &col);
        diag_at_place(d, SEV_ERROR, t->file, line, col, "E008", "save the file as UTF-8",
                      "byte 0x%02x is not UTF-8", (unsigned char)t->p[bad]);
        return false;
}

/* ---- documents ---- */

static void add_doc(struct loading *l, json_t *root, struct marks *marks)
{
        mem_grow(l->out->items, l->cap, l->out->n + 1);
        l->out->items[l->out->n++] = (struct yaml_doc){root, marks};
}

static enum compose_result load_doc(struct loading *l, yaml_parser_t *p, unsigned first_line)
{
        AUTO(marks_free) struct marks *marks = marks_new(l->text.file);
        AUTO_JSON json_t *root = NULL;
        enum compose_result r =
                yaml_compose(&l->text, p, first_line, &l->budget, l->d, &root, marks);
        if (r != COMPOSE_OK || json_is_null(root))
                return r;
        if (l->out->n == YAML_DOCS_MAX) {
                struct mark at = marks_at(marks, MARKS_ROOT);
                diag_at_place(l->d, SEV_ERROR, l->text.file, at.line, at.col, "E009", NULL,
                              "too large: more than %d documents", YAML_DOCS_MAX);
                return COMPOSE_LIMIT;
        }
        add_doc(l, TAKE(root), TAKE(marks));
        return COMPOSE_OK;
}

/* All documents from the parser's start up to the end or the first one that is broken. */
static enum compose_result load_stream(struct loading *l, yaml_parser_t *p, unsigned first_line)
{
        for (;;) {
                yaml_event_t ev;
                if (!yaml_parser_parse(p, &ev))
                        return COMPOSE_SYNTAX;
                yaml_event_type_t type = ev.type;
                yaml_event_delete(&ev);
                if (type == YAML_STREAM_END_EVENT)
                        return COMPOSE_OK;
                enum compose_result r = COMPOSE_OK;
                if (type == YAML_DOCUMENT_START_EVENT)
                        r = load_doc(l, p, first_line);
                if (r != COMPOSE_OK)
                        return r;
        }
}

static bool begins_document(const char *p, size_t n)
{
        return n >= 3 && memcmp(p, "---", 3) == 0 && (n == 3 || strchr(" \t\r\n", p[3]));
}

/* The offset of the next "---" line that is not before line `from` (counted from 0), and its
 * number; n when none. */
static size_t next_document(const struct yaml_text *t, size_t at, unsigned *line, unsigned from)
{
        while (at < t->n) {
                if (*line >= from && begins_document(t->p + at, t->n - at))
                        return at;
                const char *end = memchr(t->p + at, '\n', t->n - at);
                if (!end)
                        break;
                at = (size_t)(end - t->p) + 1;
                ++*line;
        }
        return t->n;
}

static void load_documents(struct loading *l, size_t at)
{
        unsigned line = 0;
        for (int broken = 0; broken < YAML_DOCS_MAX && at < l->text.n; broken++) {
                yaml_parser_t p;
                if (!yaml_parser_initialize(&p))
                        abort();
                yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
                yaml_parser_set_input_string(&p, (const unsigned char *)l->text.p + at,
                                             l->text.n - at);
                enum compose_result r = load_stream(l, &p, line);
                unsigned from = line + 1;
                if (r == COMPOSE_SYNTAX) {
                        yaml_report_syntax(&l->text, &p, line, l->d);
                        if (p.error != YAML_READER_ERROR && p.problem_mark.line > 0)
                                from = line + (unsigned)p.problem_mark.line;
                }
                yaml_parser_delete(&p);
                l->limit |= r == COMPOSE_LIMIT;
                if (r != COMPOSE_SYNTAX)
                        return;
                at = next_document(&l->text, at, &line, from);
        }
}

/* ---- JSON ----
 * libyaml reads nearly all of it, but no surrogate pairs and no keys over 1024 characters, and it
 * folds some line breaks of Unicode inside strings. */

static bool is_json(struct str s)
{
        size_t i = json_skip_space(s.p, s.n, 0);
        return i < s.n && (s.p[i] == '{' || s.p[i] == '[') && json_scan(s.p, s.n, NULL) == 0;
}

/* The same numbers as from YAML: 2.0 is an integer. A new reference; the tree is no deeper than
 * json_parse() allows. */
static json_t *with_whole_numbers(json_t *j)
{
        size_t i;
        const char *key;
        json_t *v;
        if (json_is_real(j))
                return scalar_of_double(json_real_value(j));
        json_array_foreach (j, i, v)
                json_array_set_new(j, i, with_whole_numbers(v));
        json_object_foreach (j, key, v)
                json_object_set_new(j, key, with_whole_numbers(v));
        return json_incref(j);
}

/* The YAML reader gives the marks, and the answer where the JSON reader refuses (duplicate keys,
 * huge numbers). */
static void load_json_text(struct loading *l, size_t at)
{
        struct diags *d = l->d;
        AUTO_DIAGS struct diags trial;
        diags_init(&trial);
        l->d = &trial;
        load_documents(l, at);
        l->d = d;
        AUTO_JSON json_t *root = NULL;
        if (l->limit || json_parse(&root, l->text.p + at, l->text.n - at, NULL) < 0) {
                diags_move(d, &trial);
                return;
        }
        if (!l->out->n) {
                struct marks *marks = marks_new(l->text.file);
                marks_put(marks, MARKS_ROOT, (struct mark){.line = 1, .col = 1});
                add_doc(l, NULL, marks);
        }
        json_decref(l->out->items[0].root);
        l->out->items[0].root = with_whole_numbers(root);
}

/* ---- the interface ---- */

int yaml_load(struct yaml_docs *out, const char *file, const char *text, size_t n, struct diags *d)
{
        struct loading l = {.text = {file, text, n}, .out = out, .d = d};
        size_t errors = d->errors;
        *out = (struct yaml_docs){0};
        if (!check_bytes(&l.text, d))
                return -1;
        size_t at = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        if (is_json((struct str){text + at, n - at}))
                load_json_text(&l, at);
        else
                load_documents(&l, at);
        return d->errors > errors ? -1 : 0;
}

int yaml_load_file(struct yaml_docs *out, const char *path, struct diags *d)
{
        AUTO_BUF struct buf b = BUF_INIT(YAML_TEXT_MAX);
        bool is_stdin = streq(path, "-");
        ERR_SLOT(e);
        *out = (struct yaml_docs){0};
        int r = is_stdin ? fs_read_fd(&b, 0, YAML_TEXT_MAX, &e)
                         : fs_read(&b, path, YAML_TEXT_MAX, &e);
        if (r < 0) {
                diag_at_place(d, SEV_ERROR, is_stdin ? "stdin" : path, 0, 0,
                              e.code == ERR_LIMIT ? "E009" : "E012", NULL, "%s", err_msg(&e));
                err_clear(&e);
                return -1;
        }
        return yaml_load(out, is_stdin ? "stdin" : path, buf_str(&b), b.len, d);
}

void yaml_docs_deinit(struct yaml_docs *docs)
{
        for (size_t i = 0; i < docs->n; i++) {
                json_decref(docs->items[i].root);
                marks_free(docs->items[i].marks);
        }
        free(docs->items);
        *docs = (struct yaml_docs){0};
}

int yaml_parse_one(json_t **out, const char *text, size_t n, struct err *e)
{
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        struct yaml_docs docs;
        int r = yaml_load(&docs, "text", text, n, &d);
        if (r < 0)
                diags_err(&d, e);
        else if (docs.n > 1)
                r = err_set(e, ERR_INVALID, "%zu YAML documents where one is wanted", docs.n);
        else
                *out = docs.n ? TAKE(docs.items[0].root) : json_null();
        yaml_docs_deinit(&docs);
        return r;
}
