/* Any text as a file that somebody hands to kaya-sim: it is taken, or refused with a place and a reason, and both always alike.
 *
 *   input:   1 letter: what the file is; then its text
 *              s   a scenario (YAML)       l   a line for `kaya-sim replay`
 *              w   a workload              t   a tape
 *
 * What is asked of each input, beyond what the sanitizers ask:
 *   1. What is taken is valid by the rules that the program states (kaya_scenario_is_valid), and is taken again.
 *   2. What is refused is refused with the file's name, a line that the text has, and what is wrong there.
 *   3. A replay line that is written again reads the same.
 *   4. A tape answers below the counts that are asked, whatever is asked.
 *
 * Texts have no checks to be mended; their pieces are lines. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/replay.h"
#include "kaya/scenarios/scenario_file.h"
#include "scenarios/file/workload_file.h"
#include "support/mutate.h"
#include "support/target.h"
#include "support/text.h"

enum { QUESTIONS = 40 };

static const char file_name[] = "hostile.yaml";

/* --- Scenarios and workloads --- */

static unsigned lines_of(const char *text, size_t length)
{
    unsigned lines = 1;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

static void check_mistake(const struct kaya_scenario_mistake *mistake, const char *text, size_t length)
{
    fuzz_must(strncmp(mistake->text, file_name, strlen(file_name)) == 0, "a mistake names the file");
    fuzz_must(strlen(mistake->text) > strlen(file_name) + 2, "a mistake says what is wrong");
    fuzz_must(strlen(mistake->text) < sizeof mistake->text, "a mistake's text ends");
    if (mistake->line > lines_of(text, length))
        fuzz_fail("a mistake is said to stand in line %u of %u: %s", mistake->line, lines_of(text, length),
                  mistake->text);
}

static void try_scenario(const char *text, size_t length)
{
    static struct kaya_scenario_mistake mistake, again_mistake;
    struct kaya_scenario scenario, again;
    enum kaya_status status = kaya_scenario_parse(file_name, text, length, &scenario, &mistake);
    const char *key;
    const char *allowed;

    fuzz_must(status == kaya_scenario_parse(file_name, text, length, &again, &again_mistake),
              "the same text is judged alike");
    if (status != KAYA_OK) {
        fuzz_must(status == KAYA_INVALID, "a scenario is refused for what it says");
        check_mistake(&mistake, text, length);
        fuzz_must(strcmp(mistake.text, again_mistake.text) == 0, "the same mistake is told alike");
        return;
    }
    fuzz_must(kaya_scenario_is_valid(&scenario, &key, &allowed), "what is taken is valid");
    fuzz_must(scenario.script_length == again.script_length && strcmp(scenario.name, again.name) == 0,
              "the same text says the same");
    kaya_scenario_release(&again);
    kaya_scenario_release(&scenario);
}

static void try_workload(const char *text, size_t length)
{
    static struct kaya_scenario_mistake mistake;
    struct kaya_operation *operations = NULL;
    size_t count = 0;
    enum kaya_status status;

    mistake = (struct kaya_scenario_mistake){ .line = 0 };
    status = kaya_workload_parse(file_name, text, &operations, &count, &mistake);
    if (status == KAYA_OK) {
        fuzz_must(count > 0 && operations != NULL, "a workload that is taken has operations");
        fuzz_must(count <= lines_of(text, length), "there is an operation a line at most");
        free(operations);
        return;
    }
    fuzz_must(status == KAYA_INVALID, "a workload is refused for what it says");
    check_mistake(&mistake, text, length);
}

/* --- Replay lines and tapes --- */

static void try_line(const char *text)
{
    struct kaya_replay_line line, again;
    char written[KAYA_REPLAY_LINE_MAX];
    const char *expected = NULL;

    if (!kaya_replay_parse(text, &line, &expected)) {
        fuzz_must(expected != NULL && expected[0] != '\0', "a line is refused with what was expected");
        return;
    }
    kaya_replay_format(&line, written);
    if (!kaya_replay_parse(written, &again, &expected))
        fuzz_fail("'%s' is read, and '%s' is not", text, written);
    fuzz_must(strcmp(line.scenario, again.scenario) == 0 && line.seed == again.seed &&
                  line.has_digest == again.has_digest,
              "a line that is written again says the same");
    fuzz_must(!line.has_digest || (line.digest == again.digest && line.events == again.events &&
                                   memcmp(line.marks, again.marks, sizeof line.marks) == 0),
              "a digest that is written again is the same");
}

/* Ask what a run might ask, and what none does. */
static void ask(struct kaya_choices *tape)
{
    static const char *const labels[] = { "boots", "operation", "crash_within", "?" };

    for (uint64_t i = 0; i < QUESTIONS; i++) {
        uint64_t count = 2 + i * i;
        uint64_t answer = kaya_choose(tape, (enum kaya_stream)(i % KAYA_STREAMS), count, labels[i % 4]);

        fuzz_must(answer < count, "an answer is below its count");
    }
}

static void try_tape(const char *text, size_t length)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, length, "r");
    struct kaya_choices *tape = NULL;
    const char *expected = NULL;
    size_t line = 0;
    enum kaya_status status;

    if (file == NULL) /* of no bytes there is no file */
        return;
    status = kaya_choices_load(file, &tape, &line, &expected);
    fuzz_must(fclose(file) == 0, "a file in memory closes");
    if (status == KAYA_OK) {
        ask(tape);
        kaya_choices_destroy(tape);
        return;
    }
    fuzz_must(status == KAYA_INVALID && line >= 1 && expected != NULL, "a tape is refused with line and reason");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = size - FUZZ_LETTER_BYTES;
    char *text;

    if (size < FUZZ_LETTER_BYTES)
        return 0;
    text = fuzz_text_copy(data, size);
    switch (data[0]) {
    case 's':
        try_scenario(text, length);
        break;
    case 'w':
        try_workload(text, length);
        break;
    case 'l':
        try_line(text);
        break;
    case 't':
        try_tape(text, length);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}

const struct fuzz_target fuzz_target = { .pieces = fuzz_text_pieces };
