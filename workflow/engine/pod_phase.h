/* workflow/engine/pod_phase.h: what a pod can be; shared by the engine and the runners.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

enum pod_phase { POD_PENDING, POD_RUNNING, POD_SUCCEEDED, POD_FAILED, POD_ERROR };
