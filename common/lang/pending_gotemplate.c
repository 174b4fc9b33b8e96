/* common/lang/pending_gotemplate.c: until the language is there, every use is refused by name. The
 * file goes when gotemplate lands. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gotemplate.h"

int gotmpl_new(struct gotmpl **out UNUSED, struct str text UNUSED, size_t *at UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: Go templates");
}

struct gotmpl *gotmpl_free(struct gotmpl *t UNUSED)
{
        return NULL;
}

int gotmpl_render(const struct gotmpl *t UNUSED, struct val dot UNUSED, struct clock *clock UNUSED,
                  struct arena *a UNUSED, struct buf *out UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: Go templates");
}

int gotmpl_render_input(const struct gotmpl *t UNUSED, struct str input_json UNUSED,
                        struct clock *clock UNUSED, struct arena *a UNUSED, struct buf *out UNUSED,
                        struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: Go templates");
}

bool gotmpl_is_empty(struct str result)
{
        return result.n == 0 || str_eq(result, "<no value>");
}
