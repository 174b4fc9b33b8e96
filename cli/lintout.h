/* cli/lintout.h: the problems of lint for other programs. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "cli/files.h"

enum { LINT_MAX_PROBLEMS = 10000 };

/* {"errors", "warnings", "unsupported", "problems": [{severity, code, file, line, column, path,
 * message, hint}], "resources": [{file, kind, name, valid, runs, needs: []}]}; valid: Argo would
 * take it; runs: this version can. */
void lint_put_json(struct buf *b, const struct files *f, const struct diags *d);
void lint_put_sarif(struct buf *b, const struct diags *d); /* SARIF 2.1.0 */
void lint_put_github(struct buf *b,
                     const struct diags *d); /* workflow commands of GitHub Actions */
