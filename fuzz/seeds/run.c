/* Seeded runs of every scenario as inputs of ../run.c: each decision in the bytes from which a byte driver would read it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The tape's decisions, "STREAM LABEL COUNT ANSWER"; a longer run is cut, and then goes on tamely. */
static size_t put_tape(uint8_t *bytes, char *tape)
{
    size_t length = 0;
    uint64_t count;
    uint64_t answer;

    for (char *line = strtok(tape, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (line[0] != '#' && sscanf(line, "%*s %*s %" SCNu64 " %" SCNu64, &count, &answer) == 2 &&
            length + sizeof count <= INPUT_BYTES_MAX)
            length += put_answer(bytes + length, count, answer);
    return length;
}

static void write_run(const char *folder, struct kaya_stage *stage, size_t index, uint64_t seed)
{
    static uint8_t bytes[1 + INPUT_BYTES_MAX];
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_run_result result;
    char name[NAME_BYTES];
    char *tape = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&tape, &length);

    fuzz_must(choices != NULL && memory != NULL, "there is memory for a tape");
    kaya_choices_record(choices, true);
    fuzz_must(kaya_stage_play_choices(stage, fuzz_scenario(index), SEED, choices, &result) == KAYA_OK &&
                  kaya_choices_save(choices, memory) == KAYA_OK && fclose(memory) == 0,
              "a run can be played and kept");
    bytes[0] = (uint8_t)index;
    length = 1 + put_tape(bytes + 1, tape);
    (void)snprintf(name, sizeof name, "%s-%" PRIu64, fuzz_scenario(index)->name, seed);
    fuzz_write_seed(folder, name, bytes, length);
    free(tape);
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
