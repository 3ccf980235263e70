/* A whole simulated run, steered by coverage: its workload, schedule, faults, crashes and their outcomes, over several boots, judged by
 * the oracle (P1 to P12).
 *
 *   input:   2 bytes: the mark of a scenario that comes with kaya-sim; then the decisions, each in as few bytes as its number of
 *            answers needs. Behind the end every answer is the tamest. `kaya-sim replay` and `shrink` take an input as it is
 *
 * A simulator that is driven by seeds strikes everywhere alike. Here a mutation changes one decision, and what leads the
 * log or the simulator to new ground is kept: rare meetings of faults are reached step by step.
 *
 * Only what failed is played once more on a stage that keeps its last events, to tell them.
 *
 * Its pieces are decisions, or the whole boots and operations that ask for them: each run is recorded, since what was played last is
 * mostly what the engine changes next. Any other input the mutator plays, to see where they stand. */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "kaya/scenarios/run.h"
#include "support/mutate.h"
#include "support/scenarios.h"
#include "support/target.h"

enum { EVENTS_KEPT = 20, SEED = 1, MARK_BYTES = KAYA_SCENARIO_MARK_BYTES };

static struct kaya_stage *stage;

/* What was played last. */
static struct {
    struct kaya_choices *choices; /* its decisions */
    uint64_t hash;
} last;

static struct kaya_stage *create_stage(size_t keep_events)
{
    struct kaya_stage *created = kaya_stage_create(keep_events);

    fuzz_must(created != NULL, "there is memory for a stage");
    return created;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_scenarios_load();
    stage = create_stage(0);
    return 0;
}

/* The scenario of a mark. Asked for each mark once: a scenario's own is a hash of its name. */
static const struct kaya_scenario *scenario_of(const uint8_t *mark)
{
    static const struct kaya_scenario *known[1 << 8 * MARK_BYTES];
    const struct kaya_scenario **scenario = &known[mark[0] << 8 | mark[1]];

    if (*scenario == NULL)
        *scenario = kaya_scenario_of_mark(fuzz_scenarios(), fuzz_scenario_count(), mark);
    return *scenario;
}

static uint64_t hash_of(const uint8_t *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, size);
}

static void play_on(struct kaya_stage *where, const uint8_t *data, size_t size, struct kaya_run_result *result)
{
    kaya_choices_destroy(last.choices);
    last.choices = kaya_choices_from_bytes(data + MARK_BYTES, size - MARK_BYTES);
    last.hash = hash_of(data, size);
    fuzz_must(last.choices != NULL, "there is memory for choices");
    kaya_choices_record(last.choices, true);
    fuzz_must(kaya_stage_play_choices(where, scenario_of(data), SEED, last.choices, result) == KAYA_OK,
              "there is memory for a run");
}

static void play(const uint8_t *data, size_t size, struct kaya_run_result *result)
{
    play_on(stage, data, size, result);
}

static void print_last_events(const uint8_t *data, size_t size)
{
    struct kaya_stage *kept = create_stage(EVENTS_KEPT);
    struct kaya_run_result result;

    play_on(kept, data, size, &result);
    kaya_trace_print(kaya_stage_trace(kept), stderr);
    kaya_stage_destroy(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaya_run_result result;

    if (size < MARK_BYTES)
        return 0;
    play(data, size, &result);
    if (!kaya_violation_is_set(&result.violation))
        return 0;
    print_last_events(data, size);
    fuzz_fail("broken: %s: %s\n`kaya-sim shrink INPUT` tells it short", result.violation.promise,
              result.violation.what);
}

/* Bytes of an answer. */
static size_t width_of(const struct kaya_decision *decision)
{
    size_t width = 0;

    if (strcmp(decision->label, KAYA_END_LABEL) == 0)
        return 0;
    for (uint64_t rest = decision->count - 1; rest != 0; rest >>= 8)
        width++;
    return width;
}

/* Ends of decisions; for one input in two only where a boot or an operation begins. */
static size_t pieces(const uint8_t *data, size_t size, size_t *ends)
{
    struct kaya_run_result result;
    const struct kaya_decision *decisions;
    bool only_parts;
    size_t asked;
    size_t count = 0;

    if (size <= MARK_BYTES)
        return 0;
    if (last.choices == NULL || last.hash != hash_of(data, size))
        play(data, size, &result);
    decisions = kaya_choices_recorded(last.choices, &asked);
    only_parts = (data[size - 1] ^ data[size / 2]) & 1;
    for (size_t i = 0, at = MARK_BYTES; i < asked && at <= size && count < FUZZ_PIECES_MAX; i++) {
        bool is_part = decisions[i].count <= KAYA_PART_ENDS;

        if (is_part == only_parts && (count == 0 || ends[count - 1] < at))
            ends[count++] = at;
        at += is_part ? 0 : width_of(&decisions[i]);
    }
    if (count > 0 && count < FUZZ_PIECES_MAX && ends[count - 1] < size)
        ends[count++] = size;
    return count;
}

/* Each story as often as any other, whatever parts of all marks are its own. */
static size_t begin(uint8_t *data, size_t size_max, uint64_t seed)
{
    const struct kaya_scenario *scenario = &fuzz_scenarios()[seed % fuzz_scenario_count()];
    uint16_t mark = kaya_scenario_mark(scenario->name);

    if (size_max < MARK_BYTES)
        return 0;
    data[0] = (uint8_t)(mark >> 8);
    data[1] = (uint8_t)mark;
    return MARK_BYTES;
}

const struct fuzz_target fuzz_target = { .pieces = pieces, .begin = begin };
