/* A scenario for tests: short runs with a bit of everything. */
#ifndef KAYA_TESTS_SHORT_STORY_H
#define KAYA_TESTS_SHORT_STORY_H

#include <stdio.h>

#include "kaya/scenarios/scenario.h"

static inline struct kaya_scenario short_story(void)
{
    struct kaya_scenario scenario;

    kaya_scenario_init(&scenario);
    snprintf(scenario.name, sizeof scenario.name, "short");
    snprintf(scenario.story, sizeof scenario.story, "A few boots with crashes of both kinds.");
    scenario.boots = (struct kaya_range){ 2, 4 };
    scenario.faults =
        1u << KAYA_FAULT_LOST_SECTOR | 1u << KAYA_FAULT_TORN_SECTOR | 1u << KAYA_FAULT_PROCESS_CRASH;
    scenario.endings[KAYA_ENDING_POWER_LOSS] = 3;
    scenario.endings[KAYA_ENDING_PROCESS_CRASH] = 1;
    scenario.endings[KAYA_ENDING_CLOSE] = 1;
    scenario.recovery_crash_percent = 20;
    scenario.recovery_crash_depth = 2;
    scenario.operation_weights[KAYA_OPERATION_APPEND_STRICT] = 10;
    scenario.operation_weights[KAYA_OPERATION_APPEND_RELAXED] = 20;
    scenario.operation_weights[KAYA_OPERATION_BATCH_STRICT] = 4;
    scenario.operation_weights[KAYA_OPERATION_SYNC] = 2;
    scenario.operation_weights[KAYA_OPERATION_ROTATE] = 1;
    scenario.operation_weights[KAYA_OPERATION_TRIM] = 2;
    return scenario;
}

#endif
