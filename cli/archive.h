/* cli/archive.h: archived workflows, for other commands. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"

/* By uid or name, in the data folder that is open; whole. */
int archive_find(struct cli *c, const char *word, json_t **out, struct err *e) MUST_CHECK;
