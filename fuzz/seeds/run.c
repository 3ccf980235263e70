/* Seeded runs of every scenario as inputs of ../run.c: each decision in the bytes from which a byte driver would read it. */
#include <inttypes.h>
#include <stdio.h>

#include "kaya/scenarios/run.h"
#include "support/scenarios.h"
#include "support/tape.h"
#include "support/target.h"

enum { SEEDS = 3, INPUT_BYTES_MAX = 4096, NAME_BYTES = 96, SEED = 1 };

static void write_run(const char *folder, struct kaya_stage *stage, size_t index, uint64_t seed)
{
    static uint8_t bytes[KAYA_SCENARIO_MARK_BYTES + INPUT_BYTES_MAX];
    const struct kaya_scenario *scenario = &fuzz_scenarios()[index];
    uint16_t mark = kaya_scenario_mark(scenario->name);
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_run_result result;
    const struct kaya_decision *decisions;
    char name[NAME_BYTES];
    size_t count;
    size_t length;

    fuzz_must(choices != NULL, "there is memory for choices");
    kaya_choices_record(choices, true);
    fuzz_must(kaya_stage_play_choices(stage, scenario, SEED, choices, &result) == KAYA_OK, "a run can be played");
    bytes[0] = (uint8_t)(mark >> 8);
    bytes[1] = (uint8_t)mark;
    decisions = kaya_choices_recorded(choices, &count);
    length = KAYA_SCENARIO_MARK_BYTES; /* a longer run is cut, and then goes on tamely */
    length += fuzz_put_decisions(decisions, count, bytes + length, INPUT_BYTES_MAX);
    (void)snprintf(name, sizeof name, "%s-%" PRIu64, scenario->name, seed);
    fuzz_write_seed(folder, name, bytes, length);
    kaya_choices_destroy(choices);
}

int main(int argc, char **argv)
{
    struct kaya_stage *stage;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    fuzz_scenarios_load();
    stage = kaya_stage_create(1);
    fuzz_must(stage != NULL, "there is memory for a stage");
    for (size_t i = 0; i < fuzz_scenario_count(); i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
            write_run(argv[1], stage, i, seed);
    kaya_stage_destroy(stage);
    return 0;
}
