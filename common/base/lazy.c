/* common/base/lazy.c: see lazy.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/lazy.h"
#include <dlfcn.h>

int lazy_load(const char *soname, const char *const *names, void **table, size_t n, struct err *e)
{
        if (table[0])
                return 0;
        void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
        if (!lib)
                return err_set(e, ERR_UNSUPPORTED, "the library is not installed: %s", dlerror());
        for (size_t i = n; i-- > 0;) { /* the first entry last: it says that all is there */
                table[i] = dlsym(lib, names[i]);
                if (!table[i])
                        return err_set(e, ERR_UNSUPPORTED, "%s has no function %s", soname,
                                       names[i]);
        }
        return 0;
}
