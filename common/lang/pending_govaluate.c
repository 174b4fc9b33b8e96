/* common/lang/pending_govaluate.c: until the language is there, every use is refused by name. The
 * file goes when govaluate lands. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/govaluate.h"

int govaluate_new(struct govaluate **out UNUSED, struct str text UNUSED, size_t *at UNUSED,
                  struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: expressions of filters.exprs");
}

struct govaluate *govaluate_free(struct govaluate *g UNUSED)
{
        return NULL;
}

size_t govaluate_nvars(const struct govaluate *g UNUSED)
{
        return 0;
}

const char *govaluate_var(const struct govaluate *g UNUSED, size_t i UNUSED)
{
        return "";
}

int govaluate_test(const struct govaluate *g UNUSED, const struct val *vars UNUSED,
                   struct arena *a UNUSED, bool *out UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: expressions of filters.exprs");
}
