/* As scenarios.c, where the parser cannot be used: what print_scenarios made of them. */
#include "scenarios.h"
#include "witness.h"

void fuzz_scenarios_load(void)
{
}

size_t fuzz_scenario_count(void)
{
    return kaya_witness_scenario_count;
}

const struct kaya_scenario *fuzz_scenarios(void)
{
    return kaya_witness_scenarios;
}
