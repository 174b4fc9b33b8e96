/* workflow/spec/shape.h: which fields there are, of which kind, and how far we support them: one
 * table per object of the API.
 *
 * The engine works on trees (any string may hold tags, templates are passed on whole), so the
 * tables check and document, they do not fill structs. Unknown fields are warnings with a near
 * match (errors when strict); a field that is not supported yet is an error that names it, never
 * ignored; one without effect in local mode is named as such. SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#include "common/base/buf.h"
#include "common/base/diag.h"

enum shape_kind {
        SHAPE_ANY, /* whatever it holds */
        SHAPE_STR,
        SHAPE_BOOL,
        SHAPE_INT,
        SHAPE_INTSTR,   /* integer or string */
        SHAPE_TEXT,     /* string, number or boolean: Argo's AnyString */
        SHAPE_STRS,     /* list of strings */
        SHAPE_TEXTS,    /* list of SHAPE_TEXT */
        SHAPE_MAP,      /* string to string */
        SHAPE_OBJ,      /* .sub */
        SHAPE_LIST,     /* list of objects of .sub */
        SHAPE_GROUPS,   /* list of lists of objects of .sub; unknown fields are errors there, as in
                           Argo */
        SHAPE_NAMED,    /* map: name to object of .sub */
        SHAPE_VALUES,   /* list of anything */
        SHAPE_QUANTITY, /* Kubernetes' amount: "500m", "1Gi", 2 */
        SHAPE_QUANTITIES, /* map: name to amount */
        SHAPE_ONE_KEY,    /* map with exactly one key */
};
enum shape_support {
        SUPPORTED,
        DIFFERENT,    /* supported, not quite as in Argo: .help says how */
        LATER,        /* not supported yet */
        LATER_BESIDE, /* not supported yet; says nothing about the node tree, so a simulation may go
                         on */
        KUBE_ONLY,    /* no effect locally, kept for Kubernetes */
};
struct shape {
        const char *name; /* NULL ends the table */
        enum shape_kind kind;
        enum shape_support support;
        const struct shape *sub;
        const char *help; /* one sentence for the reference pages; NULL: the name says it */
};
struct shape_options {
        bool strict;
        bool simulation; /* LATER_BESIDE is fine */
        bool lint;       /* arguments of workflows may lack values */
        bool advice;     /* also what is only found when it runs, and what has no use */
        const struct jpath
                *at;         /* where the object stands in its document; NULL: it is the document */
        bool ignore_missing; /* references to resources that are not there are warnings */
};
extern const struct shape workflow_spec_shape[], cron_spec_shape[], binding_spec_shape[],
        template_shape[], step_shape[], task_shape[], object_meta_shape[];

void shape_check(const json_t *object, const struct shape *table, const struct jpath *at,
                 const struct shape_options *o, struct diags *d);

/* Numbers and booleans where the table says string become strings, as Argo's decoder makes them
 * (name: 5, name: y). A new reference: the object itself when nothing had to be changed. */
json_t *shape_normal(const json_t *object, const struct shape *table);
