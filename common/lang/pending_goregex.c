/* common/lang/pending_goregex.c: until the language is there, every use is refused by name. The
 * file goes when goregex lands. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/goregex.h"

int goregex_new(struct goregex **out UNUSED, struct str pattern UNUSED, size_t *at UNUSED,
                struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: regular expressions");
}

struct goregex *goregex_free(struct goregex *re UNUSED)
{
        return NULL;
}

int goregex_match(const struct goregex *re UNUSED, struct str text UNUSED, struct arena *a UNUSED,
                  bool *matched UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: regular expressions");
}
