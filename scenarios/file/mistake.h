/* Saying what is wrong with a file. */
#ifndef KAYA_SCENARIOS_FILE_MISTAKE_H
#define KAYA_SCENARIOS_FILE_MISTAKE_H

#include "kaya/scenarios/scenario_file.h"

/* Fills in *mistake. `key` and `allowed` may be "". Always KAYA_INVALID. */
enum kaya_status kaya_scenario_mistaken(struct kaya_scenario_mistake *mistake, const char *file_name,
                                        unsigned line, const char *key, const char *wrong, const char *allowed);

#endif
