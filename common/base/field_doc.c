/* common/base/field_doc.c: the reference text of field tables (field.h). A table that holds itself
 * (templates inside templates) is described once. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/field.h"
#include "common/base/mem.h"
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 16 };

static const char *const kind_names[] = {
        [FIELD_STR] = "string",
        [FIELD_BOOL] = "boolean",
        [FIELD_INT] = "integer",
        [FIELD_DOUBLE] = "number",
        [FIELD_DURATION] = "duration",
        [FIELD_ANYSTR] = "string, number or boolean",
        [FIELD_INTSTR] = "integer or string",
        [FIELD_JSON] = "any",
        [FIELD_OBJ] = "map",
        [FIELD_OBJ_PTR] = "map",
        [FIELD_LIST] = "list",
        [FIELD_STRS] = "list of strings",
        [FIELD_MAP] = "map of strings",
        [FIELD_NAMED] = "map by name",
        [FIELD_LATER] = "not supported yet",
        [FIELD_NO_EFFECT] = "no effect",
};

struct nesting {
        const struct nesting *up;
        const struct field *table;
};

static bool is_inside(const struct nesting *n, const struct field *table)
{
        int depth = 0;
        for (; n; n = n->up)
                if (n->table == table || ++depth > NESTING_MAX)
                        return true;
        return false;
}

static void put_cell(struct buf *b, const char *s)
{
        for (; *s; s++)
                if (*s == '|')
                        buf_adds(b, "\\|");
                else
                        buf_addc(b, *s == '\n' ? ' ' : *s);
}

static void put_kind(struct buf *b, const struct field *f)
{
        if (f->kind != FIELD_ENUM) {
                buf_adds(b, kind_names[f->kind]);
                return;
        }
        for (size_t i = 0; f->choices[i]; i++)
                buf_addf(b, "%s`%s`", i ? ", " : "", f->choices[i]);
}

static void put_row(struct buf *b, const struct field *f, const char *path)
{
        buf_addf(b, "| `%s` | ", path);
        put_kind(b, f);
        buf_adds(b, " | ");
        if (f->def)
                buf_addf(b, "`%s`", f->def);
        else if (f->flags & FIELD_REQUIRED)
                buf_adds(b, "required");
        buf_adds(b, " | ");
        if (f->flags & FIELD_DEPRECATED)
                buf_adds(b, "Deprecated. ");
        put_cell(b, f->help ? f->help : "");
        if (f->kind == FIELD_INT && f->max > f->min)
                buf_addf(b, " (%lld to %lld)", (long long)f->min, (long long)f->max);
        buf_adds(b, " |\n");
}

static void put_table(struct buf *b, const struct field *table, const char *prefix,
                      const struct nesting *up)
{
        struct nesting here = {up, table};
        for (const struct field *f = table; f->name; f++) {
                const char *inside = f->kind == FIELD_LIST    ? "[]"
                                     : f->kind == FIELD_NAMED ? ".<name>"
                                                              : "";
                AUTO(mem_free)
                char *path = mem_printf("%s%s%s", prefix, *prefix ? "." : "", f->name);
                put_row(b, f, path);
                AUTO(mem_free) char *sub_path = mem_printf("%s%s", path, inside);
                if (f->sub && !is_inside(&here, f->sub))
                        put_table(b, f->sub, sub_path, &here);
        }
}

void fields_put_doc(struct buf *b, const struct field *table, const char *prefix)
{
        put_table(b, table, prefix ? prefix : "", NULL);
}
