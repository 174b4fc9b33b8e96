#include "workflow/executor/executor.h"
int host_prepare(struct host *h UNUSED, const char *data_dir UNUSED, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, "not supported yet: isolation sandbox");
}
