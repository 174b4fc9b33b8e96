/* tests/conformance/workflow/validate_cases.c: runs the recorded validation cases.
 *
 *      tiphys-validate-cases [-q] FILE...      JSON lines, or a YAML list
 *
 * The verdict of Argo (valid or invalid) must agree; what this version cannot run is another
 * question and shown as "unsupported". The last line is "N passed, N failed, N listed".
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/yaml/yaml.h"
#include "workflow/spec/validate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where we differ on purpose; the reasons are in docs/compatibility.md. */
static const char *const differs[] = {
        "unit-WorkflowTemplateWithEmptyEnumList", /* the recorded text lost its empty list: valid as
                                                     it stands */
        "unit-WorkflowTemplateWithEmptyEnumList-3",         /* the same */
        "unit-WorkflowTemplateWithEnumValueWithoutValue-3", /* recorded with the option Submit,
                                                               which the case does not carry */
        "example-k8s-patch-json-workflow", /* a key that stands twice in one map is refused */
};

struct totals {
        size_t passed, failed, listed;
        bool quiet;
};
struct objects {
        struct yaml_docs docs[32];
        size_t n;
};

static const json_t *find_object(void *arg, const char *kind, const char *ns, const char *name)
{
        const struct objects *o = arg;
        (void)ns;
        for (size_t i = 0; i < o->n; i++)
                for (size_t k = 0; k < o->docs[i].n; k++) {
                        const json_t *root = o->docs[i].items[k].root;
                        if (streq(json_str(root, "kind"), kind) &&
                            streq(json_str(root, "metadata", "name"), name))
                                return root;
                }
        return NULL;
}

static void load_objects(struct objects *o, const json_t *test_case)
{
        size_t i;
        json_t *text;
        json_array_foreach (json_object_get(test_case, "objects"), i, text) {
                AUTO_DIAGS struct diags d;
                diags_init(&d);
                if (o->n < ARRAY_LEN(o->docs) &&
                    yaml_load(&o->docs[o->n], "object", json_string_value(text),
                              json_string_length(text), &d) == 0)
                        o->n++;
        }
}

static void put_errors(const struct diags *d)
{
        for (size_t i = 0; i < d->n; i++) {
                AUTO_BUF struct buf line = BUF_INIT(1 << 16);
                if (d->items[i].severity != SEV_ERROR && d->items[i].severity != SEV_UNSUPPORTED)
                        continue;
                diag_put_line(&line, &d->items[i]);
                printf("    %s\n", buf_str(&line));
        }
}

static void run_case(const json_t *test_case, struct totals *t)
{
        const char *name = json_str(test_case, "name");
        bool valid = json_is_true(json_object_get(test_case, "valid"));
        const json_t *text = json_object_get(test_case, "yaml");
        struct yaml_docs docs = {0};
        struct objects objects = {.n = 0};
        struct wf_lookup lookup = {find_object, &objects};
        AUTO_DIAGS struct diags d;
        diags_init(&d);
        load_objects(&objects, test_case);
        if (yaml_load(&docs, "case.yaml", json_string_value(text), json_string_length(text), &d) ==
                    0 &&
            docs.n) {
                d.marks = docs.items[0].marks;
                struct shape_options options = {
                        .lint = json_is_true(json_object_get(test_case, "lint"))};
                if (wf_validate_with(docs.items[0].root, &lookup, &options, &d) < 0 && !d.n)
                        printf("%s: refused without a word\n", name);
        }
        const char *verdict = (d.errors == 0) == valid ? "pass" : "fail";
        for (size_t i = 0; i < ARRAY_LEN(differs); i++)
                if (*verdict == 'f' && streq(differs[i], name))
                        verdict = "listed";
        *(*verdict == 'p' ? &t->passed : *verdict == 'f' ? &t->failed : &t->listed) += 1;
        if (!t->quiet || *verdict == 'f') {
                printf("%s %s (%s)%s%s\n", verdict, name, valid ? "valid" : "invalid",
                       valid || !json_str(test_case, "error") ? "" : ": ",
                       valid || !json_str(test_case, "error") ? "" : json_str(test_case, "error"));
                put_errors(&d);
        }
        yaml_docs_deinit(&docs);
        for (size_t i = 0; i < objects.n; i++)
                yaml_docs_deinit(&objects.docs[i]);
}

static int run_list(const char *path, struct totals *t)
{
        AUTO_DIAGS struct diags d;
        struct yaml_docs docs = {0};
        size_t i;
        json_t *test_case;
        diags_init(&d);
        int r = yaml_load_file(&docs, path, &d);
        put_errors(&d);
        json_array_foreach (r == 0 ? docs.items[0].root : NULL, i, test_case)
                run_case(test_case, t);
        yaml_docs_deinit(&docs);
        return r;
}

static int run_file(const char *path, struct totals *t)
{
        if (str_ends(path, ".yaml"))
                return run_list(path, t);
        AUTO_BUF struct buf text = BUF_INIT(256 << 20);
        struct err why = {0};
        if (fs_read(&text, path, 256 << 20, &why) < 0) {
                fprintf(stderr, "%s\n", err_msg(&why));
                err_clear(&why);
                return -1;
        }
        char *save, *copy = buf_take(&text);
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                json_t *test_case = json_loads(line, 0, NULL);
                if (test_case)
                        run_case(test_case, t);
                json_decref(test_case);
        }
        mem_free(copy);
        return 0;
}

int main(int argc, char **argv)
{
        struct totals t = {0};
        int bad = 0;
        for (int c; (c = getopt(argc, argv, "q")) != -1;) {
                if (c != 'q')
                        return 2;
                t.quiet = true;
        }
        char file[4096];
        const char *shared = getenv("TIPHYS_SHARED");
        snprintf(file, sizeof(file), "%s/conformance/workflow/validate/cases.jsonl",
                 shared && *shared ? shared : "../shared");
        if (optind == argc && access(file, R_OK) != 0)
                printf("no cases at %s: NOT RUN (set TIPHYS_SHARED)\n", file);
        else if (optind == argc)
                bad = run_file(file, &t) < 0;
        for (int i = optind; i < argc; i++)
                bad |= run_file(argv[i], &t) < 0;
        printf("%zu passed, %zu failed, %zu listed\n", t.passed, t.failed, t.listed);
        return t.failed || bad ? 1 : 0;
}
