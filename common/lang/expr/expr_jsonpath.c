/* common/lang/expr/expr_jsonpath.c: see expr_priv.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/expr/expr_priv.h"

EX_BUILTIN_FN(jsonpath)
{
        (void)out;
        return go_fail(&ev->go, ERR_UNSUPPORTED, "not supported yet: jsonpath");
}
