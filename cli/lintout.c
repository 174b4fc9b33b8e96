/* cli/lintout.c: see lintout.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/lintout.h"
#include "workflow/spec/needs.h"

static unsigned line_of(const struct diag *p)
{
        return p->at_key ? p->at.key_line : p->at.line;
}

static unsigned column_of(const struct diag *p)
{
        return p->at_key ? p->at.key_col : p->at.col;
}

/* ---- json ---- */

static json_t *problem(const struct diag *p)
{
        return json_pack("{s:s, s:s, s:s*, s:i, s:i, s:s, s:s, s:s*}", "severity",
                         severity_name(p->severity), "code", p->code, "file", p->file, "line",
                         (int)line_of(p), "column", (int)column_of(p), "path", p->path, "message",
                         p->msg, "hint", p->hint);
}

/* Documents follow each other in a file: a problem belongs to the last one that begins before it.
 */
static bool belongs(const struct files *f, size_t i, const struct diag *p)
{
        const struct file_object *o = &f->items[i], *next = i + 1 < f->n ? &f->items[i + 1] : NULL;
        struct mark at = {0}, end = {0};
        bool exact;
        if (!streq(o->file, p->file))
                return false;
        if (!o->marks || !marks_find(o->marks, "", &at, &exact))
                return true;
        if (next && streq(next->file, o->file) && next->marks &&
            marks_find(next->marks, "", &end, &exact) && line_of(p) >= end.line)
                return false;
        return line_of(p) == 0 || line_of(p) >= at.line;
}

static json_t *resource(const struct files *f, size_t i, const struct diags *d)
{
        const struct file_object *o = &f->items[i];
        const char *kind = o->kind.kind;
        bool valid = true, runs = true;
        for (size_t k = 0; k < d->n; k++) {
                const struct diag *p = &d->items[k];
                bool refused = p->severity == SEV_ERROR || p->severity == SEV_UNSUPPORTED;
                if (!refused || !belongs(f, i, p))
                        continue;
                valid = valid && p->severity != SEV_ERROR;
                runs = false;
        }
        bool workflow = strstr(kind, "Workflow") != NULL;
        const json_t *spec = json_object_get(o->obj, "spec");
        return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "file", o->file, "kind", kind, "name",
                         obj_name(o->obj), "valid", valid, "runs", runs, "needs",
                         workflow ? wf_needs(spec) : json_array());
}

void lint_put_json(struct buf *b, const struct files *f, const struct diags *d)
{
        AUTO_JSON json_t *out =
                json_pack("{s:I, s:I, s:I}", "errors", (json_int_t)d->errors, "warnings",
                          (json_int_t)d->warnings, "unsupported", (json_int_t)d->unsupported);
        json_t *problems = json_array(), *resources = json_array();
        for (size_t i = 0; i < d->n; i++)
                json_array_append_new(problems, problem(&d->items[i]));
        for (size_t i = 0; i < f->n; i++)
                json_array_append_new(resources, resource(f, i, d));
        json_object_set_new(out, "problems", problems);
        json_object_set_new(out, "resources", resources);
        json_put(b, out, JSON_STYLE_INDENT);
        buf_addc(b, '\n');
}

/* ---- SARIF ---- */

static const char *sarif_level(enum severity s)
{
        return s == SEV_ERROR ? "error" : s == SEV_WARNING ? "warning" : "note";
}

static json_t *sarif_result(const struct diag *p)
{
        AUTO(mem_free)
        char *text = p->hint ? mem_printf("%s (%s)", p->msg, p->hint) : mem_strdup(p->msg);
        json_t *result = json_pack("{s:s, s:s, s:{s:s}}", "ruleId", p->code, "level",
                                   sarif_level(p->severity), "message", "text", text);
        if (!p->file)
                return result;
        json_t *place = json_pack("{s:{s:s}}", "artifactLocation", "uri", p->file);
        if (line_of(p))
                json_object_set_new(place, "region",
                                    json_pack("{s:i, s:i}", "startLine", (int)line_of(p),
                                              "startColumn", column_of(p) ? (int)column_of(p) : 1));
        json_object_set_new(result, "locations", json_pack("[{s:o}]", "physicalLocation", place));
        return result;
}

void lint_put_sarif(struct buf *b, const struct diags *d)
{
        json_t *rules = json_array(), *results = json_array();
        size_t n = 0;
        const struct diag_code *codes = diag_codes(&n);
        for (size_t i = 0; i < n; i++) {
                bool used = false;
                for (size_t k = 0; k < d->n && !used; k++)
                        used = streq(d->items[k].code, codes[i].code);
                if (used)
                        json_array_append_new(
                                rules, json_pack("{s:s, s:{s:s}, s:{s:s}}", "id", codes[i].code,
                                                 "shortDescription", "text", codes[i].title,
                                                 "fullDescription", "text", codes[i].explanation));
        }
        for (size_t i = 0; i < d->n; i++)
                json_array_append_new(results, sarif_result(&d->items[i]));
        AUTO_JSON json_t *out =
                json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                          "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
                          "runs", "tool", "driver", "name", "tiphys", "version", TIPHYS_VERSION,
                          "rules", rules, "columnKind", "unicodeCodePoints", "results", results);
        json_put(b, out, JSON_STYLE_INDENT);
        buf_addc(b, '\n');
}

/* ---- GitHub ---- */

static void put_escaped(struct buf *b, const char *text, bool property)
{
        for (; text && *text; text++)
                if (*text == '%' || *text == '\n' || *text == '\r' ||
                    (property && (*text == ',' || *text == ':')))
                        buf_addf(b, "%%%02X", (unsigned char)*text);
                else
                        buf_addc(b, *text);
}

void lint_put_github(struct buf *b, const struct diags *d)
{
        for (size_t i = 0; i < d->n; i++) {
                const struct diag *p = &d->items[i];
                const struct diag_code *code = diag_code_find(p->code);
                buf_addf(b, "::%s file=",
                         p->severity == SEV_INFO || p->severity == SEV_UNSUPPORTED
                                 ? "notice"
                                 : severity_name(p->severity));
                put_escaped(b, p->file, true);
                if (line_of(p))
                        buf_addf(b, ",line=%u,col=%u", line_of(p), column_of(p));
                buf_addf(b, ",title=%s ", p->code);
                put_escaped(b, code ? code->title : "", true);
                buf_adds(b, "::");
                if (*p->path) {
                        put_escaped(b, p->path, false);
                        buf_adds(b, ": ");
                }
                put_escaped(b, p->msg, false);
                if (p->hint) {
                        buf_adds(b, " (");
                        put_escaped(b, p->hint, false);
                        buf_addc(b, ')');
                }
                buf_addc(b, '\n');
        }
}
