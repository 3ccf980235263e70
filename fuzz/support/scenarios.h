/* The scenarios that come with the program, parsed once. */
#ifndef FUZZ_SUPPORT_SCENARIOS_H
#define FUZZ_SUPPORT_SCENARIOS_H

#include "kaya/scenarios/scenario.h"

void fuzz_scenarios_load(void);
size_t fuzz_scenario_count(void);
const struct kaya_scenario *fuzz_scenarios(void);

#endif
