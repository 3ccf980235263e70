/* Running scenarios over many seeds, for the commands that do: their options, the bar on a terminal, and each scenario's outcome
 * handed to whoever asked. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

enum { BAR_WIDTH = 30, TIME_MAX = 31 * 24 * 3600 };

/* A family's name, or one of two things that are none. */
static bool leave_out(struct kaya_sim_campaign *campaign, const char *name, size_t length)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (strlen(kaya_fault_name((enum kaya_fault)i)) == length &&
            strncmp(kaya_fault_name((enum kaya_fault)i), name, length) == 0) {
            campaign->without |= (uint64_t)1 << i;
            return true;
        }
    if (length == strlen("tampering") && strncmp(name, "tampering", length) == 0)
        campaign->without_tampering = true;
    else if (length == strlen("recovery_crash") && strncmp(name, "recovery_crash", length) == 0)
        campaign->without_recovery_crashes = true;
    else
        return false;
    return true;
}

static bool leave_out_all(struct kaya_sim_campaign *campaign, const char *names)
{
    while (*names != '\0') {
        size_t length = strcspn(names, ",");

        if (!leave_out(campaign, names, length)) {
            kaya_sim_complain("--without takes families of faults, `tampering` and `recovery_crash`, with commas between them; "
                              "'%.*s' is none",
                              (int)length, names);
            return false;
        }
        names += length + (names[length] == ',');
    }
    return true;
}

/* Endings are the scenario's, but each is a fault that may be left out. */
static void apply_without(const struct kaya_sim_campaign *campaign, struct kaya_scenario *scenario)
{
    bool no_process_crash = (campaign->without >> KAYA_FAULT_PROCESS_CRASH & 1) != 0;
    bool no_eviction = (campaign->without >> KAYA_FAULT_EVICTION & 1) != 0;

    scenario->faults &= ~campaign->without;
    if (campaign->without != 0 || campaign->without_tampering || campaign->without_recovery_crashes)
        scenario->sometimes = 0; /* nobody knows what still happens */
    if (no_process_crash) {
        scenario->faults &= ~((uint64_t)1 << KAYA_FAULT_EVICTION);
        scenario->endings[KAYA_ENDING_PROCESS_CRASH] = 0;
    }
    if (no_process_crash || no_eviction) {
        scenario->endings[KAYA_ENDING_EVICTION] = 0;
        scenario->endings[KAYA_ENDING_LATE_POWER_LOSS] = 0;
    }
    for (int i = 0; no_process_crash && i < KAYA_ENDINGS; i++)
        if (scenario->endings[i] > 0)
            no_process_crash = false;
    if (no_process_crash) /* nothing is left: boots end by a close */
        scenario->endings[KAYA_ENDING_CLOSE] = 1;
    if (campaign->without_tampering)
        scenario->tampering_percent = scenario->live_copy_percent = 0;
    if (campaign->without_recovery_crashes)
        scenario->recovery_crash_percent = 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct kaya_sim_campaign *campaign = state->input;

    switch (key) {
    case 's':
        return kaya_sim_number(argument, "seeds", 1, UINT64_MAX / 2, &campaign->seed_count);
    case 'f':
        return kaya_sim_number(argument, "first-seed", 0, UINT64_MAX / 2, &campaign->first_seed);
    case 'J':
        return kaya_sim_number(argument, "jobs", 1, KAYA_JOBS_MAX, &campaign->jobs);
    case 't':
        return kaya_sim_number(argument, "time", 1, TIME_MAX, &campaign->seconds);
    case 'w':
        return leave_out_all(campaign, argument) ? 0 : EINVAL;
    case 'j':
        campaign->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (campaign->name_count == KAYA_SIM_NAMES_MAX) {
            argp_error(state, "at most %d scenarios", (int)KAYA_SIM_NAMES_MAX);
            return EINVAL;
        }
        campaign->names[campaign->name_count++] = argument;
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

static int run_one(const struct kaya_sim_campaign *campaign, const struct kaya_scenario *scenario,
                   const char *name, double seconds, kaya_sim_visit *visit, void *user)
{
    static struct kaya_runner_report report;
    struct progress progress = { .name = name, .seconds = seconds };
    struct kaya_scenario without = *scenario;
    struct kaya_runner_options options = { .scenario = &without,
                                           .name = name,
                                           .first_seed = campaign->first_seed,
                                           .seed_count = campaign->seed_count,
                                           .job_count = (unsigned)campaign->jobs,
                                           .seconds_max = seconds };
    struct kaya_sim_outcome outcome = { &without, name, &report };
    enum kaya_status status;

    apply_without(campaign, &without);
    if (options.seed_count == 0)
        options.seed_count = seconds > 0 ? UINT64_MAX / 2 : scenario->seeds;
    progress.seed_count = seconds > 0 && campaign->seed_count == 0 ? 0 : options.seed_count;
    if (isatty(STDERR_FILENO)) {
        options.on_progress = show;
        options.user = &progress;
    }
    fflush(stdout);
    status = kaya_runner_run(&options, &report);
    wipe(&progress);
    if (status != KAYA_OK)
        return kaya_sim_complain("%s: %s", name, kaya_status_text(status));
    visit(user, &outcome);
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

static int run_all(const struct kaya_sim_campaign *campaign, const struct kaya_scenario *scenarios,
                   const char *const *names, size_t count, kaya_sim_visit *visit, void *user)
{
    double seconds = count == 0 ? 0 : (double)campaign->seconds / (double)count;
    int code = KAYA_SIM_HELD;

    if (campaign->has_heading)
        kaya_sim_print_heading(stdout);
    for (size_t i = 0; i < count && code != KAYA_SIM_USAGE; i++)
        code = worse(code, run_one(campaign, &scenarios[i], names == NULL ? scenarios[i].name : names[i],
                                   seconds, visit, user));
    return code;
}

static int run_named(const struct kaya_sim_campaign *campaign, kaya_sim_visit *visit, void *user)
{
    struct kaya_scenario *scenarios = calloc(campaign->name_count, sizeof *scenarios);
    int code = KAYA_SIM_HELD;

    if (scenarios == NULL)
        return kaya_sim_complain("no memory");
    for (size_t i = 0; i < campaign->name_count && code == KAYA_SIM_HELD; i++)
        if (!kaya_sim_find(campaign->names[i], &scenarios[i]))
            code = KAYA_SIM_USAGE;
    if (code == KAYA_SIM_HELD)
        code = run_all(campaign, scenarios, campaign->names, campaign->name_count, visit, user);
    free(scenarios);
    return code;
}

int kaya_sim_campaign_run(const struct kaya_sim_campaign *campaign, kaya_sim_visit *visit, void *user)
{
    const struct kaya_scenario *scenarios;
    size_t count;

    if (campaign->name_count > 0)
        return run_named(campaign, visit, user);
    scenarios = kaya_sim_scenarios(&count);
    return scenarios == NULL ? KAYA_SIM_USAGE : run_all(campaign, scenarios, NULL, count, visit, user);
}

bool kaya_sim_campaign_parse(struct kaya_sim_campaign *campaign, const char *doc, int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "seeds", 's', "N", 0,
          "Runs of each scenario, each with a seed of its own (default: what the scenario says)", 0 },
        { "first-seed", 'f', "S", 0, "The first seed; the others follow it (default: 1)", 0 },
        { "jobs", 'J', "J", 0,
          "Processes (default: one for each processor). Nothing that is said depends on it", 0 },
        { "time", 't', "SECONDS", 0,
          "Stop after so long, shared evenly by the scenarios. Without --seeds, run that long", 0 },
        { "without", 'w', "FAMILY,...", 0,
          "These faults do not strike (`kaya-sim list` names them; also `tampering` and `recovery_crash`). A line that such a "
          "run prints replays only where they did not matter",
          0 },
        { "json", 'j', NULL, 0, "JSON objects, one a line", 0 },
        { 0 },
    };
    const struct argp argp = { .options = options, .parser = parse, .args_doc = "[NAME or FILE ...]", .doc = doc };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    *campaign = (struct kaya_sim_campaign){ .first_seed = 1 };
    campaign->jobs = processors < 1 ? 1 : processors > KAYA_JOBS_MAX ? KAYA_JOBS_MAX : (uint64_t)processors;
    return argp_parse(&argp, argc, argv, 0, NULL, campaign) == 0;
}
