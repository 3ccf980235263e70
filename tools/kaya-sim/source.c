/* What one run is made from: a line, a tape, a fuzzer's input.
 *
 * A file that begins as a tape does is one; any other file is taken for an input of the target `run`: its first bytes name the scenario
 * (kaya_scenario_of_mark), the rest are decisions. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kaya/scenarios/scenario_file.h"
#include "sim.h"

enum { INPUT_BYTES_MAX = 1 << 20, INPUT_SEED = 1 };

static const char tape_begins[] = "kaya tape";

static const char replay_begins[] = "# replay ";
static const char short_line[] = "# short";

/* The "# key value" lines of a tape, which kaya_choices_load skips. */
static bool read_tape_facts(FILE *file, struct kaya_sim_source *source)
{
    char text[KAYA_REPLAY_LINE_MAX + sizeof replay_begins];
    const char *expected;

    while (fgets(text, sizeof text, file) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        source->is_short = source->is_short || strcmp(text, short_line) == 0;
        if (strncmp(text, replay_begins, sizeof replay_begins - 1) == 0)
            return kaya_replay_parse(text + sizeof replay_begins - 1, &source->line, &expected);
    }
    return false;
}

static bool open_tape(struct kaya_sim_source *source, const char *name, FILE *file)
{
    size_t line;
    const char *expected;
    enum kaya_status status;

    if (!read_tape_facts(file, source))
        return kaya_sim_complain("%s: no line '# replay NAME seed=0x...': which scenario is this a tape of?",
                                 name),
               false;
    rewind(file);
    status = kaya_choices_load(file, &source->choices, &line, &expected);
    if (status == KAYA_INVALID)
        kaya_sim_complain("%s:%zu: this is no tape; expected %s", name, line, expected);
    else if (status != KAYA_OK)
        kaya_sim_complain("%s: %s", name, kaya_status_text(status));
    return status == KAYA_OK;
}

/* The name of the scenario that the first bytes stand for. */
static bool name_scenario(struct kaya_sim_source *source)
{
    size_t count;
    const struct kaya_scenario *scenarios = kaya_sim_scenarios(&count);

    if (scenarios == NULL)
        return false;
    strcpy(source->line.scenario, kaya_scenario_of_mark(scenarios, count, source->bytes)->name);
    return true;
}

static bool open_input(struct kaya_sim_source *source, const char *name, FILE *file)
{
    size_t length;

    source->bytes = malloc(INPUT_BYTES_MAX);
    if (source->bytes == NULL)
        return kaya_sim_complain("no memory"), false;
    length = fread(source->bytes, 1, INPUT_BYTES_MAX, file);
    if (ferror(file) || length < KAYA_SCENARIO_MARK_BYTES || length == INPUT_BYTES_MAX)
        return kaya_sim_complain("%s: neither a tape nor an input of the fuzzer: %s", name,
                                 ferror(file)                        ? strerror(errno)
                                 : length < KAYA_SCENARIO_MARK_BYTES ? "it is too short"
                                                                     : "it is longer than 1 MiB"),
               false;
    source->line.seed = INPUT_SEED;
    source->choices =
        kaya_choices_from_bytes(source->bytes + KAYA_SCENARIO_MARK_BYTES, length - KAYA_SCENARIO_MARK_BYTES);
    if (source->choices == NULL)
        return kaya_sim_complain("no memory"), false;
    return name_scenario(source);
}

static bool open_file(struct kaya_sim_source *source, const char *name, FILE *file)
{
    char head[sizeof tape_begins] = "";
    bool is_tape = fread(head, 1, sizeof head - 1, file) == sizeof head - 1 && strcmp(head, tape_begins) == 0;

    rewind(file);
    return is_tape ? open_tape(source, name, file) : open_input(source, name, file);
}

bool kaya_sim_source_open(const char *text, struct kaya_sim_source *source)
{
    FILE *file = fopen(text, "r");
    const char *expected;
    bool good;

    *source = (struct kaya_sim_source){ .bytes = NULL };
    if (file != NULL) {
        good = !kaya_sim_is_file_name(text) && open_file(source, text, file);
        if (kaya_sim_is_file_name(text))
            kaya_sim_complain("%s is a scenario; which run of it? '%s seed=1' names one", text, text);
        fclose(file);
    } else {
        good = kaya_replay_parse(text, &source->line, &expected);
        if (!good)
            kaya_sim_complain("'%s' is neither a replay line nor a file; expected %s", text, expected);
    }
    good = good && kaya_sim_find(source->line.scenario, &source->scenario);
    if (good && source->is_short && kaya_shorten_relax(&source->scenario, NULL) != KAYA_OK)
        good = false;
    if (!good)
        kaya_sim_source_close(source);
    return good;
}

void kaya_sim_source_close(struct kaya_sim_source *source)
{
    kaya_choices_destroy(source->choices);
    free(source->bytes);
    source->choices = NULL;
    source->bytes = NULL;
}

/* Whether to write over it: an empty file holds nothing that could be lost. */
static bool holds_tape_or_nothing(int file)
{
    char head[sizeof tape_begins] = "";
    struct stat facts;
    ssize_t length;

    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode))
        return true; /* whoever opens it for writing is told */
    length = pread(file, head, sizeof head - 1, 0);
    return length <= 0 || strcmp(head, tape_begins) == 0;
}

bool kaya_sim_can_save(const char *name, const char *option)
{
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool is_new = file >= 0;
    bool is_ours = true;

    if (is_new)
        (void)unlink(name); /* made for the question */
    else if (errno == EEXIST)
        file = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        kaya_sim_complain("%s: %s: no tape could be written there (%s)", name, strerror(errno), option);
        return false;
    }
    if (!is_new)
        is_ours = holds_tape_or_nothing(file);
    close(file);
    if (!is_ours)
        kaya_sim_complain("%s: byte 0: no tape begins so, expected \"%s\"; it is not written over (%s)", name,
                          tape_begins, option);
    return is_ours;
}

/* The head of the tape, then what it is a tape of, then the decisions. */
bool kaya_sim_write_tape(const struct kaya_replay_line *line, const struct kaya_tape *tape, bool is_short,
                         FILE *file)
{
    char replay[KAYA_REPLAY_LINE_MAX];
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    char *end_of_head;
    bool good;

    if (memory == NULL)
        return false;
    good = kaya_decisions_save(tape->decisions, tape->count, memory) == KAYA_OK;
    good = fclose(memory) == 0 && good;
    end_of_head = good ? strchr(text, '\n') : NULL;
    if (end_of_head != NULL) {
        kaya_replay_format(line, replay);
        good = fprintf(file, "%.*s\n%s%s%s%s%s", (int)(end_of_head - text), text, is_short ? short_line : "",
                       is_short ? "\n" : "", replay_begins, replay, end_of_head) > 0;
    }
    free(text);
    return good && end_of_head != NULL;
}

bool kaya_sim_measure_tape(struct kaya_sim_source *source, const struct kaya_tape *tape)
{
    struct kaya_stage *stage = kaya_stage_create(0);
    struct kaya_choices *choices = kaya_choices_from_decisions(tape->decisions, tape->count);
    struct kaya_run_result result;
    bool good = stage != NULL && choices != NULL &&
                kaya_replay_measure_choices(stage, &source->scenario, choices, &source->line, &result) == KAYA_OK;

    kaya_choices_destroy(choices);
    kaya_stage_destroy(stage);
    return good;
}

static bool add_word(char text[KAYA_SIM_TEXT_MAX], const char *word)
{
    size_t length = strlen(text);

    if (length + strlen(word) + 2 > KAYA_SIM_TEXT_MAX)
        return false;
    snprintf(text + length, KAYA_SIM_TEXT_MAX - length, "%s%s", length > 0 ? " " : "", word);
    return true;
}

error_t kaya_sim_source_parse(int key, const char *argument, struct argp_state *state,
                              struct kaya_sim_source_arguments *arguments)
{
    switch (key) {
    case 'j':
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (add_word(arguments->text, argument))
            return 0;
        argp_error(state, "the line is too long");
        return EINVAL;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which run? A replay line, or a file");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
