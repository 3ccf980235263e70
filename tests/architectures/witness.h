/* The scenarios that come with the program, as print_scenarios wrote them down. */
#ifndef WITNESS_H
#define WITNESS_H

#include "kaya/scenarios/scenario.h"

extern const struct kaya_scenario *const kaya_witness_scenarios;
extern const size_t kaya_witness_scenario_count;

#endif
