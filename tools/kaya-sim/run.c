/* kaya-sim run. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

enum { NAMES_MAX = 256, BAR_WIDTH = 30, TIME_MAX = 31 * 24 * 3600 };

struct arguments {
    const char *names[NAMES_MAX];
    size_t name_count;
    uint64_t seed_count; /* 0: the scenario's */
    uint64_t first_seed;
    uint64_t jobs;
    uint64_t seconds; /* 0: no limit */
    bool json;
};

static error_t number_or_exit(const char *text, const char *option, uint64_t from, uint64_t to, uint64_t *number)
{
    if (!kaya_sim_number(text, option, from, to, number))
        exit(KAYA_SIM_USAGE);
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 's':
        return number_or_exit(argument, "seeds", 1, UINT64_MAX / 2, &arguments->seed_count);
    case 'f':
        return number_or_exit(argument, "first-seed", 0, UINT64_MAX / 2, &arguments->first_seed);
    case 'J':
        return number_or_exit(argument, "jobs", 1, KAYA_JOBS_MAX, &arguments->jobs);
    case 't':
        return number_or_exit(argument, "time", 1, TIME_MAX, &arguments->seconds);
    case 'j':
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->name_count == NAMES_MAX)
            argp_error(state, "at most %d scenarios", (int)NAMES_MAX);
        arguments->names[arguments->name_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- Progress --- */

struct progress {
    const char *name;
    uint64_t seed_count; /* 0: until the time is over */
    double seconds;
    bool shown;
};

static void show(void *user, uint64_t runs, uint64_t crashes, uint64_t violations, double seconds)
{
    struct progress *progress = user;
    double part =
        progress->seed_count != 0 ? (double)runs / (double)progress->seed_count : seconds / progress->seconds;
    int filled = (int)(part * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];

    filled = filled > BAR_WIDTH ? BAR_WIDTH : filled;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%-30s [%s] %" PRIu64 " runs, %" PRIu64 " crashes%s", progress->name, bar, runs,
            crashes, violations > 0 ? ", BROKEN" : "");
    progress->shown = true;
}

static void wipe(const struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}

/* --- Running --- */

static int run_one(const struct arguments *arguments, const struct kaya_scenario *scenario, const char *name,
                   double seconds)
{
    static struct kaya_runner_report report;
    struct progress progress = { .name = name, .seconds = seconds };
    struct kaya_runner_options options = { .scenario = scenario,
                                           .name = name,
                                           .first_seed = arguments->first_seed,
                                           .seed_count = arguments->seed_count,
                                           .job_count = (unsigned)arguments->jobs,
                                           .seconds_max = seconds };
    struct kaya_sim_outcome outcome = { scenario, name, &report };
    enum kaya_status status;

    if (options.seed_count == 0)
        options.seed_count = seconds > 0 ? UINT64_MAX / 2 : scenario->seeds;
    progress.seed_count = seconds > 0 && arguments->seed_count == 0 ? 0 : options.seed_count;
    if (isatty(STDERR_FILENO)) {
        options.on_progress = show;
        options.user = &progress;
    }
    fflush(stdout);
    status = kaya_runner_run(&options, &report);
    wipe(&progress);
    if (status != KAYA_OK)
        return kaya_sim_complain("%s: %s", name, kaya_status_text(status));
    if (arguments->json) {
        kaya_sim_print_json(&outcome, stdout);
    } else {
        kaya_sim_print_row(&outcome, stdout);
        kaya_sim_print_notes(&outcome, stdout);
    }
    return kaya_sim_exit_of(&outcome);
}

/* The worst comes first: a broken promise, no determinism, no strike. */
static int worse(int one, int other)
{
    static const int ranks[] = {
        [KAYA_SIM_HELD] = 0, [KAYA_SIM_NOT_STRUCK] = 1, [KAYA_SIM_NOT_DETERMINISTIC] = 2, [KAYA_SIM_BROKEN] = 3, [KAYA_SIM_USAGE] = 4
    };

    return ranks[one] > ranks[other] ? one : other;
}

static int run_all(const struct arguments *arguments, const struct kaya_scenario *scenarios,
                   const char *const *names, size_t count)
{
    int code = KAYA_SIM_HELD;

    if (!arguments->json)
        kaya_sim_print_heading(stdout);
    for (size_t i = 0; i < count && code != KAYA_SIM_USAGE; i++)
        code = worse(code, run_one(arguments, &scenarios[i], names == NULL ? scenarios[i].name : names[i],
                                   (double)arguments->seconds / (double)count));
    if (!arguments->json && code == KAYA_SIM_HELD)
        printf("\nEvery promise held: nothing acknowledged was lost, nothing was invented, nothing needed a person.\n");
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}

static int run_named(const struct arguments *arguments)
{
    struct kaya_scenario *scenarios = calloc(arguments->name_count, sizeof *scenarios);
    int code = KAYA_SIM_HELD;

    if (scenarios == NULL)
        return kaya_sim_complain("no memory");
    for (size_t i = 0; i < arguments->name_count && code == KAYA_SIM_HELD; i++)
        if (!kaya_sim_find(arguments->names[i], &scenarios[i]))
            code = KAYA_SIM_USAGE;
    if (code == KAYA_SIM_HELD)
        code = run_all(arguments, scenarios, arguments->names, arguments->name_count);
    free(scenarios);
    return code;
}

int kaya_sim_run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "seeds", 's', "N", 0,
          "Runs of each scenario, each with a seed of its own (default: what the scenario says)", 0 },
        { "first-seed", 'f', "S", 0, "The first seed; the others follow it (default: 1)", 0 },
        { "jobs", 'J', "J", 0, "Processes (default: one for each processor). The digest does not depend on it", 0 },
        { "time", 't', "SECONDS", 0,
          "Stop after so long, shared evenly by the scenarios. Without --seeds, run that long", 0 },
        { "json", 'j', NULL, 0, "One JSON object a scenario, one a line", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME or FILE ...]",
        .doc =
            "Run scenarios over many seeds on the simulated disk and check every promise. Without a name: all of them."
            "\vEach seed is one run: a log, a workload, crashes, recoveries. A run that breaks a promise prints what was "
            "promised, what was found, the last events, and one line for `kaya-sim replay`.\n\n"
            "`faults` counts the kinds of fault that the scenario declares and how many changed a byte or a result; "
            "`records` those that were appended.\n\n"
            "Exit codes: 0 all promises held; 1 one was broken; 2 usage; 3 two runs of one seed differed; 4 a fault "
            "that the scenario declares did not strike within its expect_struck_within runs.\n\n"
            "  kaya-sim run power-loss --seeds 100000\n"
            "  kaya-sim run everything --time 3600 --json | jq .violations",
    };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments arguments = { .first_seed = 1 };
    const struct kaya_scenario *scenarios;
    size_t count;

    arguments.jobs = processors < 1 ? 1 : processors > KAYA_JOBS_MAX ? KAYA_JOBS_MAX : (uint64_t)processors;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (arguments.name_count > 0)
        return run_named(&arguments);
    scenarios = kaya_sim_scenarios(&count);
    return scenarios == NULL ? KAYA_SIM_USAGE : run_all(&arguments, scenarios, NULL, count);
}
