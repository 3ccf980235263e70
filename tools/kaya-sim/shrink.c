/* kaya-sim shrink: a failing run, made short, told as a story. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exploring.h"
#include "kaya/scenarios/shorten.h"
#include "kaya/scenarios/story.h"
#include "sim.h"

enum { SECONDS = 60, TIME_MAX = 24 * 3600, STORY_WIDTH = 126, PATH_BYTES = 4096 };

struct arguments {
    struct kaya_sim_source_arguments of;
    char tape[PATH_BYTES]; /* where the short one goes */
    uint64_t seconds;
    uint64_t runs;
};

struct shrinking {
    const struct arguments *arguments;
    struct kaya_sim_source source;
    struct kaya_shorten_options options;
    struct kaya_tape tape;
    struct kaya_violation violation; /* as it was found */
    struct kaya_shrink_report report;
    struct kaya_run_result result; /* of the short run */
    struct kaya_story *story;
    bool progress_shown;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 't':
        return kaya_sim_number(argument, "time", 1, TIME_MAX, &arguments->seconds);
    case 'r':
        return kaya_sim_number(argument, "runs", 1, UINT64_MAX, &arguments->runs);
    case 's':
        if (strlen(argument) >= sizeof arguments->tape) {
            argp_error(state, "the tape's name is too long");
            return EINVAL;
        }
        snprintf(arguments->tape, sizeof arguments->tape, "%s", argument);
        return 0;
    default:
        return kaya_sim_source_parse(key, argument, state, &arguments->of);
    }
}

/* --- The run --- */

static bool record(struct shrinking *shrinking)
{
    struct kaya_choices *seeded = kaya_choices_from_seed(shrinking->source.line.seed);
    struct kaya_choices *choices = shrinking->source.choices != NULL ? shrinking->source.choices : seeded;
    enum kaya_status status = KAYA_NO_MEMORY;

    if (seeded != NULL)
        status = kaya_shorten_record(&shrinking->options, choices, &shrinking->tape, &shrinking->violation);
    kaya_choices_destroy(seeded);
    if (status != KAYA_OK)
        kaya_sim_complain("%s", kaya_status_text(status));
    return status == KAYA_OK;
}

static void show_progress(void *user, uint64_t runs)
{
    struct shrinking *shrinking = user;

    fprintf(stderr, "\rshrinking: %" PRIu64 " runs", runs);
    shrinking->progress_shown = true;
}

static bool shorten(struct shrinking *shrinking)
{
    enum kaya_status status = KAYA_OK;

    if (!shrinking->source.is_short)
        status = kaya_shorten_relax(&shrinking->source.scenario, &shrinking->tape);
    if (status == KAYA_OK)
        status = kaya_shorten(&shrinking->options, &shrinking->tape, &shrinking->violation, &shrinking->report);
    if (shrinking->progress_shown)
        fputs("\r\033[K", stderr);
    if (status == KAYA_INVALID)
        kaya_sim_complain("the run breaks %s, but not when it is played again: it is not deterministic",
                          shrinking->violation.promise);
    else if (status != KAYA_OK)
        kaya_sim_complain("%s", kaya_status_text(status));
    return status == KAYA_OK;
}

static bool tell(struct shrinking *shrinking)
{
    shrinking->story = kaya_story_create();
    if (shrinking->story == NULL || kaya_shorten_play(&shrinking->options, &shrinking->tape, kaya_story_hear,
                                                      shrinking->story, &shrinking->result) != KAYA_OK)
        return kaya_sim_complain("no memory"), false;
    kaya_story_end(shrinking->story, &shrinking->result.violation);
    return true;
}

/* --- The tape --- */

static const char *tape_name(struct shrinking *shrinking, char name[PATH_BYTES])
{
    const char *scenario = strrchr(shrinking->source.line.scenario, '/');

    if (shrinking->arguments->tape[0] != '\0')
        return shrinking->arguments->tape;
    scenario = scenario == NULL ? shrinking->source.line.scenario : scenario + 1;
    snprintf(name, PATH_BYTES, "%s-%" PRIx64 "-%s.tape", scenario, shrinking->source.line.seed,
             shrinking->violation.promise);
    return name;
}

static bool save(struct shrinking *shrinking, const char *name)
{
    FILE *file = fopen(name, "w");
    bool good = file != NULL;

    shrinking->source.line.has_digest = false;
    if (good && strcmp(shrinking->result.violation.promise, "assert") != 0)
        good = kaya_sim_measure_tape(&shrinking->source, &shrinking->tape);
    good = good && kaya_sim_write_tape(&shrinking->source.line, &shrinking->tape, true, file);
    good = file != NULL && fclose(file) == 0 && good;
    if (!good)
        kaya_sim_complain("%s: %s", name, strerror(errno));
    return good;
}

/* --- Saying it --- */

static void print_text(struct shrinking *shrinking, const char *tape)
{
    const struct kaya_shrink_report *report = &shrinking->report;
    size_t count = kaya_story_line_count(shrinking->story);

    for (size_t i = 0; i < count; i++) {
        const char *line = kaya_story_line(shrinking->story, i, STORY_WIDTH);
        printf("%s%2zu  %s%s\n", i + 1 == count ? kaya_sim_red(stdout) : "", i + 1, line == NULL ? "" : line,
               i + 1 == count ? kaya_sim_plain(stdout) : "");
    }
    printf("\n%" PRIu64 " runs: from %" PRIu64 " boots and operations to %" PRIu64 ", from %" PRIu64
           " decisions that matter to %" PRIu64 "%s\n",
           report->runs, report->parts_before, report->parts, report->decided_before, report->decided,
           report->is_complete ? "; nothing more can be left out" : "; time or runs were over");
    printf("replay: kaya-sim replay %s\n", tape);
}

static json_t *lines_json(struct shrinking *shrinking)
{
    json_t *array = json_array();

    for (size_t i = 0; i < kaya_story_line_count(shrinking->story); i++) {
        const char *line = kaya_story_line(shrinking->story, i, STORY_WIDTH);
        json_array_append_new(array, json_stringn_nocheck(line, line == NULL ? 0 : strlen(line)));
    }
    return array;
}

static void print_json(struct shrinking *shrinking, const char *tape)
{
    const struct kaya_shrink_report *report = &shrinking->report;
    char seed[24];
    json_t *object;

    snprintf(seed, sizeof seed, "0x%016" PRIx64, shrinking->source.line.seed);
    object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "scenario",
                       shrinking->source.line.scenario, "seed", seed, "promise",
                       shrinking->result.violation.promise, "what", shrinking->result.violation.what, "story",
                       lines_json(shrinking), "runs", (json_int_t)report->runs, "parts_before",
                       (json_int_t)report->parts_before, "parts", (json_int_t)report->parts, "decided_before",
                       (json_int_t)report->decided_before, "decided", (json_int_t)report->decided, "complete",
                       report->is_complete, "tape", tape);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static int shrink(struct shrinking *shrinking)
{
    char name[PATH_BYTES];
    const char *tape;

    if (!record(shrinking))
        return KAYA_SIM_USAGE;
    if (!kaya_violation_is_set(&shrinking->violation)) {
        kaya_sim_print_unbroken(shrinking->arguments->of.json);
        return KAYA_SIM_HELD;
    }
    tape = tape_name(shrinking, name);
    if (!kaya_sim_can_save(tape, "--save") || !shorten(shrinking) || !tell(shrinking) || !save(shrinking, tape))
        return KAYA_SIM_USAGE;
    if (shrinking->arguments->of.json)
        print_json(shrinking, tape);
    else
        print_text(shrinking, tape);
    return KAYA_SIM_BROKEN;
}

static int shrink_all(const struct arguments *arguments)
{
    struct shrinking shrinking = { .arguments = arguments };
    int code;

    if (!kaya_sim_source_open(arguments->of.text, &shrinking.source))
        return KAYA_SIM_USAGE;
    shrinking.options = (struct kaya_shorten_options){ .scenario = &shrinking.source.scenario,
                                                       .seed = shrinking.source.line.seed,
                                                       .runs_max = arguments->runs,
                                                       .seconds_max = (double)arguments->seconds };
    if (isatty(STDERR_FILENO)) {
        shrinking.options.on_progress = show_progress;
        shrinking.options.user = &shrinking;
    }
    code = shrink(&shrinking);
    kaya_story_destroy(shrinking.story);
    kaya_tape_release(&shrinking.tape);
    kaya_sim_source_close(&shrinking.source);
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}

int kaya_sim_shrink(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "time", 't', "SECONDS", 0, "Stop after so long (default: 60)", 0 },
        { "runs", 'r', "N", 0, "Stop after so many runs (default: no limit)", 0 },
        { "save", 's', "TAPE", 0,
          "Where the short tape goes (default: SCENARIO-SEED-PROMISE.tape, here). Nothing is written over but an older tape",
          0 },
        { "json", 'j', NULL, 0, "One JSON object", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "LINE or FILE",
        .doc =
            "Make a failing run short, and tell it: operations, what they did to the disk, crashes and what they took, the "
            "broken promise."
            "\vLINE is what a failing run printed; FILE is a tape, or an input of the fuzzer's target `run` as it is. Boots, "
            "operations, faults, schedule and the outcomes of crashes are left out and made tamer as long as the same "
            "promise is broken with the same finding. The same run gives the same story, unless time runs out.\n\n"
            "LINE may be one of `explore`, too: then operations and crashes are left out and the path's answers lowered, and what is left "
            "is a line again (--runs and --save are for the others).\n\n"
            "In a story `write 596+28` is 28 bytes at offset 596, `!` marks a call that failed, and reads are left out.\n\n"
            "Exit codes: 0 the run breaks no promise; 1 it does, and was told; 2 usage.\n\n"
            "  kaya-sim shrink 'power-loss seed=0x4d2'\n"
            "  kaya-sim shrink 'explore small: call 41 power_loss 0=1'\n"
            "  kaya-sim shrink build/fuzz/crash-0123 --save short.tape\n"
            "  kaya-sim replay short.tape --trace",
    };
    struct arguments arguments = { .seconds = SECONDS };

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    if (strncmp(arguments.of.text, "explore ", strlen("explore ")) == 0) {
        int code = KAYA_SIM_USAGE;

        if (arguments.tape[0] != '\0' || arguments.runs != 0)
            return kaya_sim_complain(
                "--save and --runs are for runs: of a line of the explorer a line is made again");
        code = kaya_sim_exploring_shrink(arguments.of.text, arguments.seconds, arguments.of.json);
        return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
    }
    return shrink_all(&arguments);
}
