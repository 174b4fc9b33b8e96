/* cli/docs.h: the generated pages of docs/reference/. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/cli.h"

int docs_write(const char *dir, struct err *e) MUST_CHECK;
