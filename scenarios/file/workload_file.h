/* Workloads as files: one operation a line. scenarios/README.md lists them. */
#ifndef KAYA_SCENARIOS_FILE_WORKLOAD_FILE_H
#define KAYA_SCENARIOS_FILE_WORKLOAD_FILE_H

#include "kaya/scenarios/scenario_file.h"

/* The operations of `text`, which ends with a zero byte. `file_name` is for messages only. On KAYA_OK *operations are the
 * caller's, to be freed. KAYA_INVALID: *mistake says why. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_workload_parse(const char *file_name, const char *text,
                                                     struct kaya_operation **operations, size_t *count,
                                                     struct kaya_scenario_mistake *mistake);

#endif
