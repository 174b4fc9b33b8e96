/* cli/files.h: resources from files: read, checked as a whole, applied. SPDX-License-Identifier:
 * Apache-2.0 */
#pragma once
#include "cli/cli.h"
#include "common/base/diag.h"
#include "common/yaml/yaml.h"

struct file_object {
        json_t *obj; /* borrowed from its document, or owned (items of a List): see .owner */
        const struct marks *marks; /* NULL for items of a List */
        const char *file,
                *source; /* name and text of its file; borrowed, valid as long as the files */
        struct store_kind kind; /* plural is heap when `any` */
        bool any;
};
struct file_text {
        char *name, *text;
        size_t n;
        bool found;    /* in a folder, not named */
        bool left_out; /* said already that it holds no resource */
        struct yaml_docs docs;
};
struct files {
        struct file_object *items;
        size_t n, cap;
        struct file_text *texts;
        size_t n_texts, cap_texts;
};
/* Files, folders (every .yaml, .yml and .json below, sorted) and "-". What cannot be read or is no
 * resource goes to `d`. */
int files_load(struct files *f, const char *const *paths, size_t n, struct diags *d) MUST_CHECK;
/* One text, kept for carets; its documents are not loaded yet. NULL when it cannot be read (said).
 * Valid until the next one. */
struct file_text *files_read_text(struct files *f, const char *path, struct diags *d);
void files_deinit(struct files *f);
static inline UNUSED void auto_files_deinit(struct files *f)
{
        files_deinit(f);
}
#define AUTO_FILES __attribute__((cleanup(auto_files_deinit)))

/* Every rule for every object. Templates and ConfigMaps are looked up among the files, then in
 * `store` (NULL: only the files; `lenient` then makes what is referred to and not there a warning).
 */
int files_check(const struct files *f, struct store *store, const char *ns, bool strict,
                struct diags *d) MUST_CHECK;

/* The same with all there is to say, for lint. */
struct files_how {
        bool strict, ignore_missing, lint;
};
int files_check_how(const struct files *f, struct store *store, const char *ns,
                    const struct files_how *how, struct diags *d) MUST_CHECK;

/* To stderr: what is wrong with them, with source lines and carets. */
void files_print_problems(const struct cli *c, const struct files *f, const struct diags *d,
                          bool pretty);

enum applied { APPLIED_CREATED, APPLIED_CONFIGURED, APPLIED_UNCHANGED, APPLIED_FAILED };
const char *applied_word(enum applied a);
struct apply_one { /* what became of items[i] */
        enum applied what;
        json_t *stored; /* owned; NULL when it failed */
        struct err error;
};
/* All of them with one commit for what is new and one for what changed. `out` has f->n entries
 * (heap): apply_free. Returns -1 when one failed (the first error). `create_only`: never change
 * what is there (submit). */
int apply_files(struct apply_one **out, struct store *s, const struct files *f, const char *ns,
                bool create_only, struct err *e) MUST_CHECK;
void apply_free(struct apply_one *list, size_t n);
