/* cli/render.c: the template of one node with every tag resolved, as its pod would get it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/simcase.h"
#include "common/yaml/yaml.h"
#include "workflow/engine/simulate.h"

struct render_opts {
        const char *output, *entrypoint;
        struct opt_list pods, parameters;
};
static const char *const formats[] = {"yaml", "json", NULL};
static const struct opt render_opts[] = {
        OPT(struct render_opts, output, OPT_CHOICE, .letter = 'o', .arg = "FORMAT", .def = "yaml",
            .choices = formats, .help = "how to print it"),
        OPT(struct render_opts, pods, OPT_LIST, .arg = "SCRIPT",
            .help = "a file that says what pods do, as for simulate"),
        OPT(struct render_opts, parameters, OPT_LIST, .name = "parameter", .letter = 'p',
            .arg = "NAME=VALUE", .help = "argument of the workflow; may be repeated"),
        OPT(struct render_opts, entrypoint, OPT_STR, .arg = "TEMPLATE",
            .help = "the template to begin with, instead of the workflow's"),
        OPT_END};

/* A step that is retried: its first try. */
static bool is_called(const char *shown, const char *word)
{
        size_t n = strlen(word);
        return shown && strncmp(shown, word, n) == 0 &&
               (!shown[n] || strcmp(shown + n, "(0)") == 0);
}

/* The full name of the node that is called so: by name, display name, or the end of its name. */
static const char *find_node(const json_t *result, const json_t *templates, const char *word)
{
        size_t i;
        json_t *n;
        const char *found = NULL, *without = NULL;
        json_array_foreach (json_object_get(result, "nodes"), i, n) {
                const char *name = json_str(n, "name");
                bool has = name && json_object_get(templates, name);
                if (streq(name, word) && has)
                        return name;
                if (streq(name, word))
                        without = name; /* its tries have one */
                if (!found && has && is_called(json_str(n, "displayName"), word))
                        found = name;
        }
        return found ? found : without;
}

static int print_node(const struct render_opts *o, const json_t *result, const json_t *templates,
                      const char *word, struct err *e)
{
        const char *name = find_node(result, templates, word), *key;
        const json_t *template = name ? json_object_get(templates, name) : NULL;
        json_t *v;
        if (!template) {
                AUTO_BUF struct buf names = BUF_INIT(1 << 20);
                size_t shown = 0;
                json_object_foreach ((json_t *)(uintptr_t)templates, key, v)
                        if (shown++ < 20)
                                buf_addf(&names, "%s%s", names.len ? ", " : "", key);
                return err_set(e, ERR_NOT_FOUND,
                               name ? "%s has no pod; these have: %s"
                                    : "there is no node %s; there are: %s",
                               word, buf_str(&names));
        }
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (streq(o->output, "json")) {
                json_put(&b, template, JSON_STYLE_INDENT);
                buf_addc(&b, '\n');
        } else
                yaml_put(&b, template);
        cli_write(&b);
        return EXIT_OK;
}

static int render(struct cli *c, const void *opts, char **args, size_t n, struct err *e)
{
        const struct render_opts *o = opts;
        AUTO_SIMCASE struct simcase s;
        AUTO_DIAGS struct diags d;
        AUTO_JSON json_t *result = NULL, *templates = NULL;
        const struct simulate_options options = {.templates = &templates};
        const char **paths = mem_calloc(n + o->pods.n, sizeof(*paths));
        for (size_t i = 0; i + 1 < n; i++)
                paths[i] = args[i];
        for (size_t i = 0; i < o->pods.n; i++)
                paths[n - 1 + i] = o->pods.items[i];
        diags_init(&d);
        int r = simcase_load(&s, paths, n - 1 + o->pods.n, o->entrypoint, &d);
        mem_free(paths);
        if (r == 0 && simcase_set_parameters(s.workflow, &o->parameters, e) < 0)
                return -1;
        r = r == 0 ? simcase_check(&s, &d) : r;
        if (r < 0) {
                files_print_problems(c, &s.files, &d, true);
                return EXIT_USAGE;
        }
        AUTO_JSON json_t *input = simcase_input(&s, json_array_get(s.scripts, 0));
        if (simcase_set_parameters(json_object_get(input, "workflow"), &o->parameters, e) < 0 ||
            simulate_run(&result, input, &options, e) < 0)
                return -1;
        return print_node(o, result, templates, args[n - 1], e);
}

const struct command command_render = {
        .name = "render",
        .operands = "FILE... NODE",
        .summary = "Show what a node's pod would be asked to do",
        .details = "The workflow is simulated (see `tiphys simulate`), so values that come from "
                   "earlier steps are those of the script. "
                   "NODE is a name or display name.",
        .examples = "  tiphys render workflow.yaml validate\n  tiphys render workflow.yaml "
                    "'wf.render(0:1)' --pods test.yaml\n",
        .opts = render_opts,
        .opts_size = sizeof(struct render_opts),
        .kind = OPERANDS_FILES,
        .min_args = 2,
        .run = render};
