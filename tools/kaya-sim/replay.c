/* kaya-sim replay.
 *
 * A run that killed its process (a failed assertion) kills it again, so the replay is made in a child, and the parent
 * says what became of it. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exploring.h"
#include "kaya/scenarios/replay.h"
#include "sim.h"

enum { EVENTS_KEPT = 40, WINDOW_SHOWN_MAX = 200 };

struct arguments {
    struct kaya_sim_source_arguments of;
    const char *save;
    bool trace;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 't':
        arguments->trace = true;
        return 0;
    case 's':
        arguments->save = argument;
        return 0;
    default:
        return kaya_sim_source_parse(key, argument, state, &arguments->of);
    }
}

/* --- What is replayed --- */

struct replay {
    const struct arguments *arguments;
    struct kaya_sim_source source;
    struct kaya_stage *stage;
};

static bool open_replay(struct replay *replay)
{
    if (!kaya_sim_source_open(replay->arguments->of.text, &replay->source))
        return false;
    replay->stage = kaya_stage_create(EVENTS_KEPT);
    if (replay->stage == NULL)
        kaya_sim_complain("no memory");
    return replay->stage != NULL;
}

/* --- Saying what came of it --- */

static void print_event(void *user, const struct kaya_trace_event *event)
{
    kaya_trace_print_event(event, user);
}

static void print_found(const struct replay *replay, const struct kaya_run_result *run)
{
    printf("%s seed=0x%016" PRIx64 ": %" PRIu64 " events, %" PRIu64 " crashes, %" PRIu64
           " recoveries, %" PRIu64 " records appended\n",
           replay->source.line.scenario, replay->source.line.seed, run->events, run->crashes, run->recoveries,
           run->appended);
    if (!kaya_violation_is_set(&run->violation)) {
        printf("all promises held\n");
        return;
    }
    if (!replay->arguments->trace) {
        printf("the last events:\n");
        kaya_trace_print(kaya_stage_trace(replay->stage), stdout);
    }
    printf("%sbroken: %s%s\nfound:  %s\n", kaya_sim_red(stdout), run->violation.promise,
           kaya_sim_plain(stdout), run->violation.what);
}

static void print_window(const struct replay *replay, const struct kaya_replay_result *result)
{
    uint64_t last = result->last_event;

    if (last - result->first_event >= WINDOW_SHOWN_MAX)
        last = result->first_event + WINDOW_SHOWN_MAX - 1;
    if (result->first_event == result->last_event)
        printf("the first event that differs is event %" PRIu64 ":\n", result->first_event);
    else
        printf("the first event that differs is one of %" PRIu64 " to %" PRIu64 "; these are now:\n",
               result->first_event, result->last_event);
    if (kaya_replay_print(replay->stage, &replay->source.scenario, replay->source.line.seed,
                          result->first_event, last, stdout) != KAYA_OK)
        kaya_sim_complain("no memory");
}

static void print_verdict(const struct replay *replay, const struct kaya_replay_result *result)
{
    switch (result->verdict) {
    case KAYA_REPLAY_SAME:
        if (replay->source.line.has_digest)
            printf("reproduced, event for event: digest 0x%016" PRIx64 "\n", result->run.digest);
        else
            printf("replayed twice, the same event for event: digest 0x%016" PRIx64 "\n", result->run.digest);
        break;
    case KAYA_REPLAY_DIFFERS:
        printf("not reproduced: the line says digest 0x%016" PRIx64 " over %" PRIu64
               " events, this is 0x%016" PRIx64 " over %" PRIu64 "; the code or the scenario has changed\n",
               replay->source.line.digest, replay->source.line.events, result->run.digest, result->run.events);
        print_window(replay, result);
        break;
    case KAYA_REPLAY_NOT_DETERMINISTIC:
        printf("not deterministic: two runs of this seed differ from event %" PRIu64 " on; in a third it is:\n",
               result->first_event);
        print_window(replay, result);
        break;
    }
}

static void print_json(const struct replay *replay, const struct kaya_replay_result *result, const char *misfit)
{
    static const char *const verdicts[] = { "reproduced", "differs", "not deterministic" };
    const struct kaya_run_result *run = &result->run;
    bool differs = result->verdict != KAYA_REPLAY_SAME;
    char seed[24];
    char digest[24];
    json_t *object;

    snprintf(seed, sizeof seed, "0x%016" PRIx64, replay->source.line.seed);
    snprintf(digest, sizeof digest, "0x%016" PRIx64, run->digest);
    object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s?}", "scenario",
                       replay->source.line.scenario, "seed", seed, "verdict", verdicts[result->verdict], "digest",
                       digest, "events", (json_int_t)run->events, "promise", run->violation.promise, "what",
                       run->violation.what, "first_event", (json_int_t)(differs ? result->first_event : 0),
                       "last_event", (json_int_t)(differs ? result->last_event : 0), "misfit", misfit);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static int exit_of(const struct kaya_replay_result *result)
{
    if (result->verdict == KAYA_REPLAY_NOT_DETERMINISTIC)
        return KAYA_SIM_NOT_DETERMINISTIC;
    return kaya_violation_is_set(&result->run.violation) ? KAYA_SIM_BROKEN : KAYA_SIM_HELD;
}

/* --- Replaying --- */

static int replay_seed(struct replay *replay)
{
    struct kaya_replay_result result;
    bool trace = replay->arguments->trace && !replay->arguments->of.json;
    enum kaya_status status = kaya_replay(replay->stage, &replay->source.scenario, &replay->source.line,
                                          trace ? print_event : NULL, stdout, &result);

    if (status != KAYA_OK)
        return kaya_sim_complain("%s", kaya_status_text(status));
    if (replay->arguments->of.json) {
        print_json(replay, &result, NULL);
    } else {
        print_found(replay, &result.run);
        print_verdict(replay, &result);
    }
    return exit_of(&result);
}

static int replay_tape(struct replay *replay)
{
    struct kaya_replay_result result = { .verdict = KAYA_REPLAY_SAME };
    const char *misfit;
    enum kaya_status status;

    if (replay->arguments->trace && !replay->arguments->of.json)
        kaya_trace_listen(kaya_stage_trace(replay->stage), print_event, stdout);
    status = kaya_stage_play_choices(replay->stage, &replay->source.scenario, replay->source.line.seed,
                                     replay->source.choices, &result.run);
    if (status != KAYA_OK)
        return kaya_sim_complain("%s", kaya_status_text(status));
    misfit = kaya_choices_misfit(replay->source.choices);
    if (misfit != NULL || (replay->source.line.has_digest && replay->source.line.digest != result.run.digest))
        result.verdict = KAYA_REPLAY_DIFFERS;
    if (replay->arguments->of.json) {
        print_json(replay, &result, misfit);
        return exit_of(&result);
    }
    print_found(replay, &result.run);
    if (misfit != NULL)
        printf("the tape no longer fits: %s; every answer from there on was 0\n", misfit);
    else if (result.verdict == KAYA_REPLAY_SAME)
        printf("%s: digest 0x%016" PRIx64 "\n", replay->source.line.has_digest ? "reproduced" : "played",
               result.run.digest);
    else
        printf("every decision of the tape still fits, but what came of them differs: digest 0x%016" PRIx64
               ", the tape says 0x%016" PRIx64 "\n",
               result.run.digest, replay->source.line.digest);
    return exit_of(&result);
}

/* --- Saving a tape --- */

/* In a child, since the run may die; then the tape says no digest. What the source had to answer is used up. */
static int save_tape(struct replay *replay)
{
    struct kaya_sim_source *source = &replay->source;
    struct kaya_shorten_options options = { .scenario = &source->scenario, .seed = source->line.seed };
    struct kaya_choices *seeded = kaya_choices_from_seed(source->line.seed);
    struct kaya_tape tape = { 0 };
    struct kaya_replay_line line = source->line;
    struct kaya_violation violation;
    bool good = false;
    FILE *file;

    if (seeded != NULL)
        good = kaya_shorten_record(&options, source->choices != NULL ? source->choices : seeded, &tape,
                                   &violation) == KAYA_OK;
    kaya_choices_destroy(seeded);
    if (good && strcmp(violation.promise, "assert") != 0)
        good = kaya_sim_measure_tape(source, &tape);
    file = good ? fopen(replay->arguments->save, "w") : NULL;
    good = file != NULL && kaya_sim_write_tape(&source->line, &tape, source->is_short, file);
    good = file != NULL && fclose(file) == 0 && good;
    kaya_tape_release(&tape);
    if (!good)
        return kaya_sim_complain("%s: %s", replay->arguments->save, strerror(errno));
    if (source->choices == NULL) { /* a line that says its digest is held to it, any other to this one */
        source->line = line.has_digest ? line : source->line;
        return KAYA_SIM_HELD;
    }
    kaya_sim_source_close(source);
    return kaya_sim_source_open(replay->arguments->of.text, source) ? KAYA_SIM_HELD : KAYA_SIM_USAGE;
}

static int replay_all(struct replay *replay)
{
    const struct arguments *arguments = replay->arguments;
    int code = KAYA_SIM_HELD;

    if (strncmp(arguments->of.text, "explore ", strlen("explore ")) == 0) {
        if (arguments->save != NULL)
            return kaya_sim_complain("--save is for runs: a line of the explorer holds all of its path");
        code = kaya_sim_exploring_replay(arguments->of.text, arguments->trace, arguments->of.json);
        return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
    }
    if (!open_replay(replay))
        return KAYA_SIM_USAGE;
    if (replay->arguments->save != NULL)
        code = kaya_sim_can_save(replay->arguments->save, "--save") ? save_tape(replay) : KAYA_SIM_USAGE;
    if (code == KAYA_SIM_HELD)
        code = replay->source.choices != NULL ? replay_tape(replay) : replay_seed(replay);
    kaya_stage_destroy(replay->stage);
    kaya_sim_source_close(&replay->source);
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}

static int replay_in_child(const struct arguments *arguments)
{
    struct replay replay = { .arguments = arguments };
    pid_t child;
    int how;

    fflush(stdout);
    child = fork();
    if (child < 0)
        return kaya_sim_complain("no process: %s", strerror(errno));
    if (child == 0)
        _exit(replay_all(&replay));
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(how))
        return WEXITSTATUS(how);
    printf("reproduced, if it died before: the process died of signal %d (%s): an assertion failed, or worse\n",
           WTERMSIG(how), strsignal(WTERMSIG(how)));
    return kaya_sim_flush() ? KAYA_SIM_BROKEN : KAYA_SIM_USAGE;
}

int kaya_sim_replay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "trace", 't', NULL, 0, "Print every event", 0 },
        { "save", 's', "TAPE", 0,
          "Write the run's decisions to a file: a tape replays what it can, also after the code has "
          "changed. Nothing is written over but an older tape",
          0 },
        { "json", 'j', NULL, 0, "One JSON object", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "LINE or FILE",
        .doc =
            "Play one run again: from the line that a failing run printed, from a tape, or from an input of the fuzzer's "
            "target `run`."
            "\vA line needs no more than a scenario and a seed. With the digest that a failing run prints, the replay says "
            "whether it went the same way, and if not, where it left. Every line is played twice: two runs that differ "
            "are not deterministic. A tape (--save, or `kaya-sim shrink`) replays as far as it fits, also after the code has "
            "changed, and the first decision that no longer does is named. Any other file is an input of the fuzzer as it is.\n\n"
            "Exit codes: 0 all promises held; 1 one was broken; 2 usage; 3 not deterministic.\n\n"
            "  kaya-sim replay 'power-loss seed=0x00000000000004d2 digest=0x...'\n"
            "  kaya-sim replay power-loss seed=7 --trace\n"
            "  kaya-sim replay 'power-loss seed=7' --save seven.tape\n"
            "  kaya-sim replay seven.tape",
    };
    struct arguments arguments = { .save = NULL };

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    return replay_in_child(&arguments);
}
