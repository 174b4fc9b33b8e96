/* common/lang/sprig/sprig_priv.h: what the files of sprig share. Functions are those of sprig
 * v3.3.0; names in the table of sprig.c. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/lang/gofmt.h"
#include "common/lang/gofunc.h"
#include "common/lang/gonum.h"

struct goregex;
static inline bool sprig_nothing(struct val v)
{
        return v.kind == VAL_NIL || v.kind == VAL_MISSING;
}
static inline struct val sprig_int64(int64_t i)
{
        return (struct val){.kind = VAL_INT, .type = VAL_T_INT64, .i = i};
}
/* sprig's conversions: what is no number counts as 0. */
int64_t sprig_to_int(struct val v);
double sprig_to_float(struct val v);
bool sprig_empty(struct go_env *env, struct val v);
/* strval: the text of any value, in the arena when it must be made. */
bool sprig_text(struct go_env *env, struct val v, struct str *out);
/* A list under construction. */
struct sprig_list {
        struct go_env *env;
        struct val *items;
        size_t n, cap;
};
bool sprig_push(struct sprig_list *l, struct val v);
bool sprig_push_str(struct sprig_list *l, struct str s);
bool sprig_list_value(struct sprig_list *l, uint8_t type, struct val *out);
/* Any slice: its items. The words are sprig's: "Cannot <what> on type string". */
bool sprig_items(struct go_env *env, struct val v, const char *what, struct val_list **out);
bool sprig_deep_equal(struct go_env *env, struct val a, struct val b);
bool sprig_time(struct go_env *env, struct val_time t, struct val *out);
bool sprig_now(struct go_env *env, struct val_time *out);
bool sprig_base64(struct abuf *b, struct str s, bool decode); /* appended; false: broken */
bool sprig_regex(struct go_env *env, struct str pattern, const struct goregex **out);

#define SPRIG_FN(name) \
        bool sprig_##name(struct go_env *env, const struct val *args, size_t n, struct val *out)
#define SPRIG_ARGS          \
        do {                \
                (void)env;  \
                (void)args; \
                (void)n;    \
        } while (0)
#define SPRIG(name, types, fn) SPRIG_FN(fn);
#include "common/lang/sprig/sprig.def"
#undef SPRIG
