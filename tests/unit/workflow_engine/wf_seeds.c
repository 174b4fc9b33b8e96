/* tests/unit/workflow_engine/wf_seeds.c: many seeds of faults.h: wf_seeds [FIRST [COUNT]]. The
 * quick tests run a few; the whole hundred thousand are run by hand
 * (docs/internals/workflow-engine.md). SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "tests/unit/workflow_engine/faults.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 10 };

int main(int argc, char **argv)
{
        uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
        uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 300;
        struct faults_report sum = {0};
        uint64_t wrong = 0;
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (uint64_t seed = first; seed < first + count; seed++) {
                char *words = faults_run(seed, &sum);
                if (words && ++wrong <= SHOWN)
                        printf("seed %" PRIu64 ": %s\n", seed, words);
                mem_free(words);
        }
        printf("%" PRIu64 " seeds, %" PRIu64 " wrong; %" PRIu64 " steps, %" PRIu64
               " crashes, %" PRIu64 " pods, %" PRIu64 " nodes, %" PRIu64 " lost news\n",
               count, wrong, sum.steps, sum.crashes, sum.pods, sum.nodes, sum.lost);
        return wrong ? 1 : 0;
}
