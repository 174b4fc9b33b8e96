/* cli/docs.c: the pages of docs/reference/, written from the tables that parse: `tiphys help
 * --pages DIR`.
 *
 * A table of workflow fields has its section where it is first met on its page; tables that several
 * pages need have a page of their own and are linked. SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"
#include "cli/simcase.h"
#include "common/base/field.h"
#include "common/base/fs.h"
#include "eventsource/eventsource.h"
#include "eventsource/source_driver.h"
#include "sensor/filter.h"
#include "sensor/spec.h"
#include "triggers/parameters.h"
#include "triggers/trigger_driver.h"
#include "workflow/controller/config.h"
#include "workflow/spec/shapes.h"

enum { SECTIONS_MAX = 512, DEPTH_MAX = 24 };

struct section {
        const struct shape *table;
        char *title, *file; /* title is the path of the first place it was met at */
};
struct book {
        struct section sections[SECTIONS_MAX];
        size_t n;
};
struct page {
        const char *file, *title, *intro;
        struct page_root {
                const char *title;
                const struct shape *table;
        } roots[16];
};

static const struct page pages[] = {
        {"workflow-spec.md",
         "Workflows: spec",
         "`spec` of Workflow, WorkflowTemplate and ClusterWorkflowTemplate, and "
         "`spec.workflowSpec` of CronWorkflow.",
         {{"object metadata", object_meta_shape}, {"spec", workflow_spec_shape}}},
        {"template.md",
         "Templates",
         "One entry of `spec.templates`; also `templateDefaults` and `inline`.",
         {{"template", template_shape},
          {"retryStrategy", retry_strategy_shape},
          {"synchronization", synchronization_shape},
          {"metrics", metrics_shape},
          {"metadata", metadata_shape}}},
        {"steps-tasks.md",
         "Steps and tasks",
         "What calls a template: an entry of `steps[][]`, an entry of `dag.tasks[]`, a hook.",
         {{"step", step_shape}, {"task", task_shape}, {"hook", hook_shape}}},
        {"parameters-artifacts.md",
         "Parameters and artifacts",
         "Arguments, inputs, outputs, and where artifacts live.",
         {{"arguments", arguments_shape},
          {"inputs", inputs_shape},
          {"outputs", outputs_shape},
          {"parameter", parameter_shape},
          {"artifact", artifact_shape},
          {"archiveLocation", artifact_location_shape}}},
        {"pods.md",
         "Pod fields",
         "What comes from Kubernetes' own types. \"Kubernetes only\" fields are kept and have no "
         "effect on the local runner.",
         {{"container", container_shape},
          {"script", script_shape},
          {"sidecar, initContainer", user_container_shape},
          {"env", env_shape},
          {"volumeMount", mount_shape},
          {"resources", resources_shape},
          {"volume", volume_shape},
          {"volumeClaimTemplate", claim_shape},
          {"affinity", affinity_shape},
          {"toleration", toleration_shape},
          {"hostAlias", host_alias_shape},
          {"securityContext", pod_security_shape},
          {"container securityContext", security_shape}}},
        {"cronworkflow.md",
         "CronWorkflow",
         "`spec` of a CronWorkflow.",
         {{"spec", cron_spec_shape}}},
        {"workfloweventbinding.md",
         "WorkflowEventBinding",
         "`spec` of a WorkflowEventBinding.",
         {{"spec", binding_spec_shape}}},
        {"simulate-script.md",
         "Scripts of tiphys simulate",
         "What a script may say; [simulate.md](simulate.md) explains it.",
         {{"script", simulate_script_shape}}},
};

/* ---- tables of workflow fields ---- */

static const char *kind_word(enum shape_kind k)
{
        static const char *const words[] = {"any",
                                            "string",
                                            "boolean",
                                            "integer",
                                            "integer or string",
                                            "string, number or boolean",
                                            "list of strings",
                                            "list of strings",
                                            "map of strings",
                                            "map",
                                            "list",
                                            "list of lists",
                                            "map by name",
                                            "list",
                                            "amount",
                                            "map of amounts",
                                            "map with one key"};
        return words[k];
}

static const char *support_word(enum shape_support s)
{
        static const char *const words[] = {"supported", "differs", "not yet", "not yet",
                                            "Kubernetes only"};
        return words[s];
}

static const struct section *section_of(const struct book *b, const struct shape *table)
{
        for (size_t i = 0; i < b->n; i++)
                if (b->sections[i].table == table)
                        return &b->sections[i];
        return NULL;
}

static void add_section(struct book *b, const struct shape *table, const char *title,
                        const char *file)
{
        if (b->n < SECTIONS_MAX && !section_of(b, table))
                b->sections[b->n++] = (struct section){table, mem_strdup(title), mem_strdup(file)};
}

/* As GitHub makes anchors of headings. */
static void put_anchor(struct buf *b, const char *title)
{
        for (; *title; title++)
                if (*title >= 'A' && *title <= 'Z')
                        buf_addc(b, (char)(*title - 'A' + 'a'));
                else if ((*title >= 'a' && *title <= 'z') || (*title >= '0' && *title <= '9') ||
                         *title == '-' || *title == '_')
                        buf_addc(b, *title);
                else if (*title == ' ')
                        buf_addc(b, '-');
}

static void put_cell(struct buf *b, const char *text)
{
        for (; text && *text; text++)
                if (*text == '|')
                        buf_adds(b, "\\|");
                else
                        buf_addc(b, *text);
}

static void put_row(struct buf *b, const struct book *book, const struct shape *f,
                    enum shape_support under, const char *file)
{
        const struct section *s = f->sub && f->sub[0].name ? section_of(book, f->sub) : NULL;
        enum shape_support support = f->support > under ? f->support : under;
        buf_addf(b, "| `%s` | ", f->name);
        if (s) {
                buf_addf(b, "[%s](%s#", kind_word(f->kind), streq(s->file, file) ? "" : s->file);
                put_anchor(b, s->title);
                buf_adds(b, ")");
        } else
                buf_adds(b, kind_word(f->kind));
        buf_addf(b, " | %s | ", support_word(support));
        put_cell(b, f->help);
        buf_adds(b, " |\n");
}

static void put_section(struct buf *b, struct book *book, const struct section *s,
                        enum shape_support under, int depth);

/* Tables below this one that no page has yet are sections of this page. */
static void put_below(struct buf *b, struct book *book, const struct section *s,
                      enum shape_support under, int depth)
{
        for (const struct shape *f = s->table; f->name; f++) {
                bool list = f->kind == SHAPE_LIST || f->kind == SHAPE_GROUPS;
                if (!f->sub || !f->sub[0].name || depth > DEPTH_MAX)
                        continue;
                const struct section *known = section_of(book, f->sub);
                AUTO(mem_free)
                char *title = mem_printf("%s.%s%s", s->title, f->name,
                                         list                     ? "[]"
                                         : f->kind == SHAPE_NAMED ? ".NAME"
                                                                  : "");
                if (known && !streq(known->title, title))
                        continue;
                put_section(b, book, section_of(book, f->sub),
                            f->support > under ? f->support : under, depth + 1);
        }
}

static void put_section(struct buf *b, struct book *book, const struct section *s,
                        enum shape_support under, int depth)
{
        buf_addf(b, "\n## %s\n\n| field | type | here | what |\n|---|---|---|---|\n", s->title);
        for (const struct shape *f = s->table; f->name; f++)
                put_row(b, book, f, under, s->file);
        put_below(b, book, s, under, depth);
}

/* Which section is where, before any is written: links go forwards too. */
static void plan_below(struct book *book, const struct shape *table, const char *title,
                       const char *file, int depth)
{
        for (const struct shape *f = table; f->name; f++) {
                bool list = f->kind == SHAPE_LIST || f->kind == SHAPE_GROUPS;
                if (!f->sub || !f->sub[0].name || section_of(book, f->sub) || depth > DEPTH_MAX)
                        continue;
                AUTO(mem_free)
                char *below = mem_printf("%s.%s%s", title, f->name,
                                         list                     ? "[]"
                                         : f->kind == SHAPE_NAMED ? ".NAME"
                                                                  : "");
                add_section(book, f->sub, below, file);
                plan_below(book, f->sub, below, file, depth + 1);
        }
}

static void plan(struct book *book)
{
        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                for (const struct page_root *r = pages[i].roots; r->table; r++)
                        add_section(book, r->table, r->title, pages[i].file);
        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                for (const struct page_root *r = pages[i].roots; r->table; r++)
                        plan_below(book, r->table, r->title, pages[i].file, 0);
}

static void put_head(struct buf *b, const char *title, const char *intro)
{
        buf_addf(b,
                 "# %s\n\nGenerated from the tables that parse these fields by `./dev "
                 "docs`.\n\n%s\n",
                 title, intro);
}

static void put_page(struct buf *b, struct book *book, const struct page *p)
{
        put_head(b, p->title, p->intro);
        for (const struct page_root *r = p->roots; r->table; r++)
                if (streq(section_of(book, r->table)->title, r->title))
                        put_section(b, book, section_of(book, r->table), SUPPORTED, 0);
}

/* ---- tables of events ---- */

static void put_fields(struct buf *b, const char *title, const struct field *table,
                       const char *prefix)
{
        buf_addf(b, "\n## %s\n\n| field | type | default | what |\n|---|---|---|---|\n", title);
        fields_put_doc(b, table, prefix);
}

static void put_sources(struct buf *b)
{
        put_head(b, "EventSource",
                 "`spec.<type>.<event name>` of an EventSource. Types that are not here are "
                 "refused by name: not supported yet.");
        for (const struct source_driver *const *d = source_drivers(); *d; d++)
                put_fields(b, (*d)->type, (*d)->fields, "");
}

static void put_sensor(struct buf *b)
{
        put_head(b, "Sensor",
                 "`spec` of a Sensor. The type \"not supported yet\" means refused by name, \"no "
                 "effect\" accepted and ignored.");
        put_fields(b, "spec", sensor_fields, "");
        put_fields(b, "filters", filter_fields, "");
}

static void put_configuration(struct buf *b)
{
        put_head(b, "Configuration of the controller",
                 "`--config FILE` of `tiphys dev` and `tiphys-controller`: Argo's "
                 "workflow-controller-configmap as it is, or the same keys as a plain map.");
        put_fields(b, "keys", controller_config_fields, "");
}

static void put_triggers(struct buf *b)
{
        put_head(b, "Triggers",
                 "`spec.triggers[].template.<type>` of a Sensor. Types that are not here are "
                 "refused by name: not supported yet.");
        for (const struct trigger_driver *const *d = trigger_drivers(); *d; d++)
                put_fields(b, (*d)->type, (*d)->fields, "");
        put_fields(b, "parameters", parameter_fields, "");
}

/* The overview, for whoever opens the folder. */
static void put_index(struct buf *b)
{
        static const char *const rest[][2] = {
                {"eventsource.md", "EventSource"},
                {"sensor.md", "Sensor"},
                {"triggers.md", "Triggers"},
                {"controller.md", "Configuration of the controller"},
                {"codes.md", "Codes of problems"},
                {"simulate.md", "tiphys simulate: tests for your workflows"},
                {"expr.md", "The language expr"},
                {"gjson.md", "gjson and sjson paths"},
                {"gotemplate.md", "Go templates with sprig"},
                {"jsonpath.md", "JSONPath as kubectl has it"},
                {"lua.md", "Lua scripts of Sensors"},
                {"jq.md", "jq programs of Sensors"},
                {"cron.md", "Cron schedules"},
                {"govaluate.md", "govaluate: exprs, conditions, when"},
                {"units.md", "Selectors, quantities, durations, regular expressions"},
                {"tags.md", "Tags: {{name}}, {{=expr}}"},
                {"cli.md", "Commands"}};
        put_head(b, "Reference",
                 "Every field, how far it is supported, every command, every code.");
        buf_addc(b, '\n');
        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                buf_addf(b, "- [%s](%s)\n", pages[i].title, pages[i].file);
        for (size_t i = 0; i < ARRAY_LEN(rest); i++)
                buf_addf(b, "- [%s](%s)\n", rest[i][1], rest[i][0]);
}

static void put_codes(struct buf *b)
{
        size_t n;
        const struct diag_code *codes = diag_codes(&n);
        put_head(b, "Codes of problems",
                 "What `tiphys lint` and the other commands say of files; `tiphys lint --explain "
                 "CODE` prints one.");
        buf_adds(b, "\n| code | severity | title | meaning |\n|---|---|---|---|\n");
        for (size_t i = 0; i < n; i++) {
                buf_addf(b, "| %s | %s | %s | ", codes[i].code, severity_name(codes[i].severity),
                         codes[i].title);
                put_cell(b, codes[i].explanation);
                buf_adds(b, " |\n");
        }
}

/* ---- files ---- */

static int save(const char *dir, const char *file, struct buf *b, struct err *e)
{
        AUTO(mem_free) char *path = fs_join(dir, file);
        int r = fs_write_atomic(path, b->data, b->len, 0644, e);
        b->len = 0;
        return r;
}

static int save_rest(const char *dir, struct buf *b, struct err *e)
{
        static const struct {
                const char *file;
                void (*put)(struct buf *b);
        } rest[] = {{"README.md", put_index},
                    {"cli.md", cli_put_reference},
                    {"eventsource.md", put_sources},
                    {"sensor.md", put_sensor},
                    {"triggers.md", put_triggers},
                    {"codes.md", put_codes},
                    {"controller.md", put_configuration}};
        for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
                rest[i].put(b);
                if (save(dir, rest[i].file, b, e) < 0)
                        return -1;
        }
        return 0;
}

int docs_write(const char *dir, struct err *e)
{
        struct book *book = NEW(struct book);
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        int r = 0;
        plan(book);
        for (size_t i = 0; i < ARRAY_LEN(pages) && r == 0; i++) {
                put_page(&b, book, &pages[i]);
                r = save(dir, pages[i].file, &b, e);
        }
        r = r == 0 ? save_rest(dir, &b, e) : r;
        for (size_t i = 0; i < book->n; i++) {
                mem_free(book->sections[i].title);
                mem_free(book->sections[i].file);
        }
        mem_free(book);
        return r;
}
