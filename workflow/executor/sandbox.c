#include "workflow/executor/executor.h"
int sandbox_enter(struct pod *p UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: isolation sandbox");
}
