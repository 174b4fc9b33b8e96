#include "workflow/executor/executor.h"
int volumes_mount(struct pod *p UNUSED, int root UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: volumes");
}
