/* Seeded runs of every scenario as inputs of ../run.c: each decision in the bytes from which a byte driver would read it. */
#include <inttypes.h>
#include <stdio.h>

#include "kaya/scenarios/run.h"
#include "support/scenarios.h"
#include "support/target.h"

enum { SEEDS = 3, INPUT_BYTES_MAX = 4096, NAME_BYTES = 96, SEED = 1 };

/* Big end first, as many bytes as `count` - 1 has. */
static size_t put_answer(uint8_t *bytes, uint64_t count, uint64_t answer)
{
    size_t length = 0;

    for (uint64_t rest = count - 1; rest != 0; rest >>= 8)
        length++;
    for (size_t i = length; i > 0; i--, answer >>= 8)
        bytes[i - 1] = (uint8_t)answer;
    return length;
}

/* The run's decisions; a longer run is cut, and then goes on tamely. */
static size_t put_decisions(uint8_t *bytes, const struct kaya_choices *choices)
{
    size_t count;
    const struct kaya_decision *decisions = kaya_choices_recorded(choices, &count);
    size_t length = 0;

    for (size_t i = 0; i < count && length + sizeof decisions[i].count <= INPUT_BYTES_MAX; i++)
        if (decisions[i].count > KAYA_PART_ENDS)
            length += put_answer(bytes + length, decisions[i].count, decisions[i].answer);
    return length;
}

static void write_run(const char *folder, struct kaya_stage *stage, size_t index, uint64_t seed)
{
    static uint8_t bytes[KAYA_SCENARIO_MARK_BYTES + INPUT_BYTES_MAX];
    const struct kaya_scenario *scenario = &fuzz_scenarios()[index];
    uint16_t mark = kaya_scenario_mark(scenario->name);
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_run_result result;
    char name[NAME_BYTES];
    size_t length;

    fuzz_must(choices != NULL, "there is memory for choices");
    kaya_choices_record(choices, true);
    fuzz_must(kaya_stage_play_choices(stage, scenario, SEED, choices, &result) == KAYA_OK, "a run can be played");
    bytes[0] = (uint8_t)(mark >> 8);
    bytes[1] = (uint8_t)mark;
    length = KAYA_SCENARIO_MARK_BYTES + put_decisions(bytes + KAYA_SCENARIO_MARK_BYTES, choices);
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
