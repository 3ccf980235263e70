/* A whole simulated run, steered by coverage: its workload, schedule, faults, crashes and their outcomes, over several boots, judged by
 * the oracle (P1 to P12).
 *
 *   input:   1 byte: which of the scenarios that come with kaya-sim; then the decisions, each in as few bytes as its number of
 *            answers needs. Behind the end every answer is the tamest
 *
 * A simulator that is driven by seeds strikes everywhere alike. Here a mutation changes one decision, and what leads the
 * log or the simulator to new ground is kept: rare meetings of faults are reached step by step.
 *
 * A run that breaks a promise is played once more, with its decisions written down: <artifact prefix>run.tape, which
 * `kaya-sim replay` takes. (A run that ends the process, by an assertion or a sanitizer, leaves its input only.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/replay.h"
#include "kaya/scenarios/run.h"
#include "kaya/scenarios/scenario_file.h"
#include "support/mutate.h"
#include "support/scenarios.h"
#include "support/target.h"

enum { EVENTS_KEPT = 20, PATH_BYTES = 4096, SEED = 1 };

static struct kaya_stage *stage;
static char tape_path[PATH_BYTES] = "run.tape";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char option[] = "-artifact_prefix=";

    for (int i = 1; i < *argc; i++)
        if (strncmp((*argv)[i], option, sizeof option - 1) == 0)
            (void)snprintf(tape_path, sizeof tape_path, "%srun.tape", (*argv)[i] + sizeof option - 1);
    fuzz_scenarios_load();
    stage = kaya_stage_create(EVENTS_KEPT);
    fuzz_must(stage != NULL, "there is memory for a stage");
    return 0;
}

static void play(const struct kaya_scenario *scenario, struct kaya_choices *choices, struct kaya_run_result *result)
{
    fuzz_must(kaya_stage_play_choices(stage, scenario, SEED, choices, result) == KAYA_OK,
              "there is memory for a run");
}

/* The tape's first line, then which run it is, then the decisions. */
static void write_tape(const struct kaya_scenario *scenario, const struct kaya_choices *choices)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    FILE *file = fopen(tape_path, "w");
    char *decisions;

    fuzz_must(memory != NULL && file != NULL, "the tape can be written");
    fuzz_must(kaya_choices_save(choices, memory) == KAYA_OK && fclose(memory) == 0, "there is memory for a tape");
    decisions = strchr(text, '\n') + 1;
    (void)fprintf(file, "%.*s# replay %s seed=0x%016x\n%s", (int)(decisions - text), text, scenario->name,
                  SEED, decisions);
    fuzz_must(fclose(file) == 0, "the tape can be written");
    free(text);
}

static void tell(const struct kaya_scenario *scenario, const uint8_t *data, size_t size)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(data, size);
    struct kaya_run_result result;

    fuzz_must(choices != NULL, "there is memory for choices");
    kaya_choices_record(choices, true);
    play(scenario, choices, &result);
    kaya_trace_print(kaya_stage_trace(stage), stderr);
    write_tape(scenario, choices);
    fuzz_fail("broken: %s: %s\nkaya-sim replay %s", result.violation.promise, result.violation.what, tape_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kaya_scenario *scenario;
    struct kaya_choices *choices;
    struct kaya_run_result result;

    if (size == 0)
        return 0;
    scenario = fuzz_scenario(data[0]);
    choices = kaya_choices_from_bytes(data + 1, size - 1);
    fuzz_must(choices != NULL, "there is memory for choices");
    play(scenario, choices, &result);
    kaya_choices_destroy(choices);
    if (kaya_violation_is_set(&result.violation))
        tell(scenario, data + 1, size - 1);
    return 0;
}

const struct fuzz_target fuzz_target = { .pieces = NULL };
