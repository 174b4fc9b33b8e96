/* bench/static_noop.c: the smallest step: a static program that ends with its first argument (0).
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

int main(int argc, char **argv)
{
        return argc > 1 ? atoi(argv[1]) : 0;
}
