/* kaya-sim explore. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/small_log.h"
#include "kaya/sim/explore.h"
#include "sim.h"

enum { NAMES_MAX = 16, OUTCOMES_OF_ONE_CRASH = 1000, OUTCOMES_OF_NESTED_CRASHES = 2 };

struct arguments {
    const char *names[NAMES_MAX];
    size_t name_count;
    const char *path;
    uint64_t depth;    /* 0: as each log has it */
    uint64_t states;   /* 0: all */
    uint64_t outcomes; /* of one crash point, before it is sampled; 0: as each log has it */
    uint64_t steps;
    bool json;
};

static error_t take_number(const char *text, const char *option, uint64_t from, uint64_t to, uint64_t *number)
{
    return kaya_sim_number(text, option, from, to, number) ? 0 : EINVAL;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'd':
        return take_number(argument, "depth", 1, KAYA_EXPLORE_DEPTH_MAX, &arguments->depth);
    case 'n':
        return take_number(argument, "states", 1, UINT64_MAX, &arguments->states);
    case 'o':
        return take_number(argument, "outcomes", 1, UINT64_MAX, &arguments->outcomes);
    case 's':
        return take_number(argument, "steps", 0, 1000, &arguments->steps);
    case 'p':
        arguments->path = argument;
        return 0;
    case 'j':
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->name_count == NAMES_MAX) {
            argp_error(state, "at most %d logs", (int)NAMES_MAX);
            return EINVAL;
        }
        arguments->names[arguments->name_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The short logs are there for crashes in crashes. */
static unsigned depth_of(const struct arguments *arguments, const struct kaya_small_log *log)
{
    if (arguments->depth != 0)
        return (unsigned)arguments->depth;
    return strncmp(log->name, "short", 5) == 0 ? 3 : 1;
}

/* Nested crashes multiply. */
static uint64_t outcomes_of(const struct arguments *arguments, const struct kaya_small_log *log)
{
    if (arguments->outcomes != 0)
        return arguments->outcomes;
    return depth_of(arguments, log) == 1 ? OUTCOMES_OF_ONE_CRASH : OUTCOMES_OF_NESTED_CRASHES;
}

static struct kaya_explore_options options_of(const struct arguments *arguments, const struct kaya_small_log *log)
{
    struct kaya_explore_options options = { .profile = log->plan.profile,
                                            .create_subject = kaya_small_log_subject,
                                            .user = (void *)(uintptr_t)log,
                                            .crash_depth = depth_of(arguments, log),
                                            .process_crashes = true,
                                            .outcomes_per_point_max = outcomes_of(arguments, log),
                                            .states_max = arguments->states,
                                            .steps_after_recovery = (unsigned)arguments->steps };

    return options;
}

static void print_text(const struct kaya_small_log *log, const struct kaya_explore_options *options,
                       const struct kaya_explore_report *report)
{
    printf("%s (%s), crashes up to %u deep\n", log->name, log->story, options->crash_depth);
    printf("  %" PRIu64 " crash points, %" PRIu64 " states recovered, %" PRIu64 " distinct%s, %" PRIu64
           " violations\n",
           report->points, report->states, report->distinct,
           report->exhaustive ? ": all that the bound holds" : ": not all; some were sampled or left out",
           report->violations);
    if (report->violations > 0)
        printf("  first: %s %s\n  replay: kaya-sim explore %s --depth %u --outcomes %" PRIu64
               " --steps %u --path '%s'\n",
               report->first.promise, report->first.what, log->name, options->crash_depth,
               options->outcomes_per_point_max, options->steps_after_recovery, report->first_path);
}

static void print_json(const struct kaya_small_log *log, const struct kaya_explore_options *options,
                       const struct kaya_explore_report *report)
{
    char digest[24];
    json_t *object;

    snprintf(digest, sizeof digest, "0x%016" PRIx64, report->digest);
    object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s, s:s, s:s, s:s}", "log", log->name,
                       "depth", (json_int_t)options->crash_depth, "points", (json_int_t)report->points,
                       "states", (json_int_t)report->states, "distinct", (json_int_t)report->distinct,
                       "sampled_points", (json_int_t)report->sampled_points, "exhaustive", report->exhaustive,
                       "violations", (json_int_t)report->violations, "promise", report->first.promise, "what",
                       report->first.what, "path", report->first_path, "digest", digest);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static int explore(const struct arguments *arguments, const struct kaya_small_log *log)
{
    struct kaya_explore_options options = options_of(arguments, log);
    struct kaya_explore_report report;
    enum kaya_status status = kaya_explore(&options, &report);

    if (status != KAYA_OK)
        return kaya_sim_complain("%s: %s", log->name, kaya_status_text(status));
    (arguments->json ? print_json : print_text)(log, &options, &report);
    return report.violations > 0 ? KAYA_SIM_BROKEN : KAYA_SIM_HELD;
}

static int replay_path(const struct arguments *arguments, const struct kaya_small_log *log)
{
    struct kaya_explore_options options = options_of(arguments, log);
    struct kaya_violation violation = { .promise = "" };
    enum kaya_status status = kaya_explore_replay(&options, arguments->path, stdout, &violation);

    if (status == KAYA_INVALID)
        return kaya_sim_complain("'%s' is no path; one looks like 'call 41 power_loss 3'", arguments->path);
    if (status != KAYA_OK)
        return kaya_sim_complain("%s: %s", log->name, kaya_status_text(status));
    if (violation.promise[0] == '\0')
        printf("all promises held at the end of this path\n");
    else
        printf("broken: %s %s\n", violation.promise, violation.what);
    return violation.promise[0] == '\0' ? KAYA_SIM_HELD : KAYA_SIM_BROKEN;
}

static int explore_named(const struct arguments *arguments)
{
    const struct kaya_small_log *log;
    int code = KAYA_SIM_HELD;

    for (size_t i = 0; i < arguments->name_count && code != KAYA_SIM_USAGE; i++) {
        int one;
        log = kaya_small_log_find(arguments->names[i]);
        if (log == NULL)
            return kaya_sim_complain(
                "there is no small log '%s'; they are small, padded, short, short-padded and key-value",
                arguments->names[i]);
        one = arguments->path != NULL ? replay_path(arguments, log) : explore(arguments, log);
        code = one == KAYA_SIM_HELD ? code : one;
    }
    return code;
}

int kaya_sim_explore(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "depth", 'd', "N", 0,
          "Crashes in a row: 1 is one crash anywhere, 3 two more inside recovery (default: 1, and 3 "
          "for the short logs)",
          0 },
        { "steps", 's', "N", 0, "Go on with the workload for N operations after each recovery (default: 0)", 0 },
        { "outcomes", 'o', "N", 0,
          "Sample a crash point that has more outcomes than this (default: 1000, and 2 for nested crashes)", 0 },
        { "states", 'n', "N", 0, "Stop after N states", 0 },
        { "path", 'p', "PATH", 0, "Walk one path again, as a violation printed it, and print every event", 0 },
        { "json", 'j', NULL, 0, "One JSON object a log, one a line", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[small|padded|short|short-padded|key-value ...]",
        .doc = "Crash a small log at every disk call, try everything that the crash may have left, recover each, and check."
               "\vWhere `run` samples, this is exhaustive within its bound. Without a name: all of them.\n\n"
               "Exit codes: 0 no violation; 1 a broken promise; 2 usage.\n\n"
               "  kaya-sim explore small\n"
               "  kaya-sim explore short --path 'call 41 power_loss 3'",
    };
    struct arguments arguments = { .outcomes = 0 };
    size_t count;
    int code;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    if (arguments.path != NULL && arguments.name_count != 1)
        return kaya_sim_complain("--path goes with the name of one log");
    if (arguments.name_count == 0) {
        const struct kaya_small_log *logs = kaya_small_logs(&count);
        for (; arguments.name_count < count; arguments.name_count++)
            arguments.names[arguments.name_count] = logs[arguments.name_count].name;
    }
    code = explore_named(&arguments);
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}
