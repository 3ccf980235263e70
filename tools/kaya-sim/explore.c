/* kaya-sim explore: every crash of a workload, one after another, and crashes in and behind recovery. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "exploring.h"

enum { NAMES_MAX = 16, BAR_WIDTH = 30, TIME_MAX = 31 * 24 * 3600 };

struct arguments {
    const char *names[NAMES_MAX];
    size_t name_count;
    struct kaya_sim_exploring exploring; /* but for its name */
    const char *path;
    const char *resume;
    const char *rules_off;
    uint64_t depth;    /* 0: as each log has it */
    uint64_t states;   /* 0: all */
    uint64_t outcomes; /* of one crash point, before it is sampled */
    uint64_t jobs;
    uint64_t memory_mib;
    uint64_t seconds;
    bool every_script;
    bool json;
};

enum { KEY_SCRIPTS = 256, KEY_TORN, KEY_PREEMPTIONS, KEY_RULES, KEY_TIME };

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'd':
        return kaya_sim_number(argument, "depth", 1, KAYA_EXPLORE_DEPTH_MAX, &arguments->depth);
    case 'n':
        return kaya_sim_number(argument, "states", 1, UINT64_MAX, &arguments->states);
    case 'o':
        return kaya_sim_number(argument, "outcomes", 1, UINT64_MAX, &arguments->outcomes);
    case 's':
        return kaya_sim_number(argument, "steps", 0, 1000, &arguments->exploring.steps);
    case 'S':
        return kaya_sim_number(argument, "seed", 1, UINT64_MAX, &arguments->exploring.seed);
    case 'O':
        return kaya_sim_number(argument, "operations", 1, KAYA_EXPLORED_OPERATIONS_MAX,
                               &arguments->exploring.operations);
    case KEY_SCRIPTS:
        arguments->every_script = true;
        return 0;
    case 'e':
        arguments->exploring.errors = 1;
        return argument == NULL ? 0 : kaya_sim_number(argument, "errors", 1, 8, &arguments->exploring.errors);
    case KEY_TORN:
        return kaya_sim_number(argument, "torn", 1, 64, &arguments->exploring.torn);
    case KEY_PREEMPTIONS:
        return kaya_sim_number(argument, "preemptions", 1, 64, &arguments->exploring.preemptions);
    case 'J':
        return kaya_sim_number(argument, "jobs", 1, KAYA_EXPLORER_JOBS_MAX, &arguments->jobs);
    case 'm':
        return kaya_sim_number(argument, "memory", 1, 1 << 20, &arguments->memory_mib);
    case KEY_TIME:
        return kaya_sim_number(argument, "time", 1, TIME_MAX, &arguments->seconds);
    case 'r':
        arguments->resume = argument;
        return 0;
    case KEY_RULES:
        arguments->rules_off = argument;
        return 0;
    case 'p':
        arguments->path = argument;
        return 0;
    case 'j':
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->name_count == NAMES_MAX) {
            argp_error(state, "at most %d names", (int)NAMES_MAX);
            return EINVAL;
        }
        arguments->names[arguments->name_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- Progress --- */

struct progress {
    const char *name;
    bool shown;
};

static void show(void *user, const struct kaya_explorer_progress *now)
{
    struct progress *progress = user;
    uint32_t filled = now->unit_count == 0 ? 0 : now->units_done * BAR_WIDTH / now->unit_count;
    char bar[BAR_WIDTH + 1];

    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%-16s [%s] %" PRIu64 " states, %u of %u crash points%s", progress->name, bar,
            now->states, now->units_done, now->unit_count, now->violations > 0 ? ", BROKEN" : "");
    progress->shown = true;
}

static void wipe(const struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}

/* --- Saying what came of it --- */

struct outcome {
    const struct kaya_sim_exploring *exploring;
    const struct kaya_explore_options *options;
    const struct kaya_explorer_report *report;
    const char *story;
    unsigned jobs;
    uint64_t scripts; /* sequences of operations that were explored; 0: one workload */
};

static uint64_t states_per_second(const struct outcome *outcome)
{
    const struct kaya_explorer_report *report = outcome->report;

    return report->cpu_seconds > 0 ? (uint64_t)((double)report->states_here / report->cpu_seconds) : 0;
}

static void print_coverage(const struct kaya_explore_report *sum, bool exhaustive)
{
    char states[KAYA_SIM_GROUPED_BYTES], bound[KAYA_SIM_GROUPED_BYTES], sampled[KAYA_SIM_GROUPED_BYTES];

    kaya_sim_grouped(sum->states, states);
    kaya_sim_grouped(sum->bound, bound);
    kaya_sim_grouped(sum->sampled_points, sampled);
    if (exhaustive)
        printf("  %s%s of %s states, exhaustive%s\n", kaya_sim_green(stdout), states, bound,
               kaya_sim_plain(stdout));
    else if (sum->sampled_points > 0)
        printf("  %s of %s%s states, sampled at %s point%s\n", states,
               sum->bound == UINT64_MAX ? "more than " : "about ", bound, sampled,
               sum->sampled_points == 1 ? "" : "s");
    else
        printf("  %s states; stopped before the end\n", states);
}

static void print_rules(const struct kaya_explore_report *sum)
{
    char text[KAYA_SIM_GROUPED_BYTES];

    printf("  left out, since it was visited already:\n");
    for (int rule = 0; rule < KAYA_EXPLORE_RULES; rule++)
        if (sum->skipped[rule] > 0)
            printf("  %12s  %s\n", kaya_sim_grouped(sum->skipped[rule], text),
                   kaya_explore_rule_text((enum kaya_explore_rule)rule));
    if (sum->forgotten > 0)
        printf("  %12s  visits found no room in --memory: some were made again\n",
               kaya_sim_grouped(sum->forgotten, text));
}

static void print_violations(const struct outcome *outcome)
{
    const struct kaya_explorer_report *report = outcome->report;
    char line[KAYA_SIM_LINE_MAX];

    for (size_t index = 0; index < report->violations_kept; index++) {
        const struct kaya_explorer_violation *violation = &report->violations[index];

        kaya_sim_exploring_format(outcome->exploring, violation->path, line);
        printf("\n%sBroken: %s%s\n  found: %s\n  replay: kaya-sim replay --trace '%s'\n", kaya_sim_red(stdout),
               violation->violation.promise, kaya_sim_plain(stdout), violation->violation.what, line);
    }
    if (report->sum.violations > report->violations_kept)
        printf("\nand %" PRIu64 " more\n", report->sum.violations - report->violations_kept);
}

static void print_text(const struct outcome *outcome)
{
    const struct kaya_explore_report *sum = &outcome->report->sum;
    char text[3][KAYA_SIM_GROUPED_BYTES];

    printf("%s: %s\n", outcome->exploring->name, outcome->story);
    printf("  crashes up to %u deep%s%s\n", outcome->options->crash_depth,
           outcome->options->errors != 0 ? ", each call fails in each way" : "",
           outcome->options->steps_after_recovery > 0 ? ", the workload goes on behind them" : "");
    if (outcome->options->has_threads)
        printf("  %s schedules: every one with at most %u preemptions\n",
               kaya_sim_grouped(sum->runs, text[0]), outcome->options->preemptions_max);
    if (outcome->scripts > 0)
        printf("  %s sequences of operations\n", kaya_sim_grouped(outcome->scripts, text[0]));
    print_coverage(sum, outcome->report->exhaustive);
    printf("  %s crash points, %s different recoveries, %s%s violations%s\n",
           kaya_sim_grouped(sum->points, text[0]), kaya_sim_grouped(sum->distinct, text[1]),
           sum->violations > 0 ? kaya_sim_red(stdout) : "", kaya_sim_grouped(sum->violations, text[2]),
           sum->violations > 0 ? kaya_sim_plain(stdout) : "");
    print_rules(sum);
    printf("  %s states a second and core, %.1f seconds\n",
           kaya_sim_grouped(states_per_second(outcome), text[0]), outcome->report->seconds);
    print_violations(outcome);
}

static json_t *replays_of(const struct outcome *outcome)
{
    json_t *array = json_array();
    char line[KAYA_SIM_LINE_MAX];

    for (size_t index = 0; index < outcome->report->violations_kept; index++) {
        kaya_sim_exploring_format(outcome->exploring, outcome->report->violations[index].path, line);
        json_array_append_new(array, json_string(line));
    }
    return array;
}

static json_t *skipped_of(const struct kaya_explore_report *sum)
{
    json_t *object = json_object();

    for (int rule = 0; rule < KAYA_EXPLORE_RULES; rule++)
        json_object_set_new(object, kaya_explore_rule_name((enum kaya_explore_rule)rule),
                            json_integer((json_int_t)sum->skipped[rule]));
    return object;
}

/* JSON's integers end at 2^63. */
static json_int_t integer(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static void print_json(const struct outcome *outcome)
{
    const struct kaya_explorer_report *report = outcome->report;
    const struct kaya_explore_report *sum = &report->sum;
    const struct kaya_violation *first = &report->violations[0].violation;
    char digest[24];
    json_t *object = json_object();

    snprintf(digest, sizeof digest, "0x%016" PRIx64, sum->digest);
    json_object_update_new(
        object,
        json_pack("{s:s, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "name",
                  outcome->exploring->name, "depth", (json_int_t)outcome->options->crash_depth, "steps",
                  (json_int_t)outcome->options->steps_after_recovery, "errors", outcome->options->errors != 0,
                  "scripts", integer(outcome->scripts), "runs", integer(sum->runs), "points",
                  integer(sum->points), "states", integer(sum->states), "distinct", integer(sum->distinct),
                  "bound", integer(sum->bound), "exhaustive", report->exhaustive, "sampled_points",
                  integer(sum->sampled_points), "violations", integer(sum->violations)));
    json_object_update_new(object, json_pack("{s:I, s:f, s:f, s:I, s:o, s:I, s:s, s:s, s:s, s:s, s:o}",
                                             "states_per_second", integer(states_per_second(outcome)),
                                             "seconds", report->seconds, "cpu_seconds", report->cpu_seconds,
                                             "jobs", (json_int_t)outcome->jobs, "skipped", skipped_of(sum),
                                             "forgotten", integer(sum->forgotten), "digest", digest, "path",
                                             report->violations[0].path, "promise", first->promise, "what",
                                             first->what, "replays", replays_of(outcome)));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* --- Exploring --- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = signal_number;
}

static void catch_interrupts(void)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* The program, byte for byte, and what it is asked for: what another program visited says nothing of this one. */
static uint64_t identity_of(const struct kaya_sim_exploring *exploring, const struct kaya_explore_options *options)
{
    uint64_t facts[] = { options->crash_depth, options->outcomes_per_point_max, options->rules_off };
    char line[KAYA_SIM_LINE_MAX];
    static unsigned char piece[1 << 16];
    FILE *program = fopen("/proc/self/exe", "rb");
    XXH3_state_t *state = XXH3_createState();
    uint64_t hash = 0;
    size_t length;

    if (state != NULL) {
        kaya_sim_exploring_format(exploring, "", line);
        XXH3_64bits_reset(state);
        XXH3_64bits_update(state, line, strlen(line));
        XXH3_64bits_update(state, facts, sizeof facts);
        while (program != NULL && (length = fread(piece, 1, sizeof piece, program)) > 0)
            XXH3_64bits_update(state, piece, length);
        hash = XXH3_64bits_digest(state);
    }
    XXH3_freeState(state);
    if (program != NULL)
        fclose(program);
    return hash;
}

static int complain_of(const struct arguments *arguments, const char *name, enum kaya_status status,
                       const struct kaya_explorer_report *report)
{
    if (report->refusal[0] != '\0')
        return kaya_sim_complain("%s: %s; nothing was written: remove it, or name another file, to start anew",
                                 arguments->resume, report->refusal);
    if (status == KAYA_LIMIT)
        return kaya_sim_complain("%s: there are more than %d points of crashes, and no room to tell what was done: "
                                 "explore with fewer operations, --preemptions or --errors",
                                 name, (int)KAYA_EXPLORE_UNITS_MAX);
    if (arguments->resume == NULL || status != KAYA_IO)
        return kaya_sim_complain("%s: %s", name, kaya_status_text(status));
    return kaya_sim_complain("%s: %s", arguments->resume, strerror(errno));
}

static void add_script(struct kaya_explorer_report *sum, const struct kaya_explorer_report *one)
{
    kaya_explore_report_add(&sum->sum, &one->sum);
    sum->exhaustive = sum->exhaustive && one->exhaustive;
    sum->seconds += one->seconds;
    sum->cpu_seconds += one->cpu_seconds;
    sum->states_here += one->states_here;
    sum->units_done += one->units_done;
}

static int run(const struct arguments *arguments, const struct kaya_sim_exploring *exploring,
               const struct kaya_explore_options *options, double seconds_max,
               struct kaya_explorer_report *report)
{
    struct progress progress = { .name = exploring->name };
    struct kaya_explorer_options run_options = {
        .explore = options,
        .job_count = (unsigned)arguments->jobs,
        .memory_bytes = arguments->memory_mib << 20,
        .resume_path = arguments->resume,
        .identity = identity_of(exploring, options),
        .states_max = arguments->states,
        .seconds_max = seconds_max,
        .interrupted = &interrupted,
        .on_progress = isatty(STDERR_FILENO) ? show : NULL,
        .user = &progress,
    };
    enum kaya_status status;

    fflush(stdout);
    status = kaya_explorer_run(&run_options, report);
    wipe(&progress);
    return status == KAYA_OK ? KAYA_SIM_HELD : complain_of(arguments, exploring->name, status, report);
}

static int say(const struct arguments *arguments, const struct outcome *outcome)
{
    (arguments->json ? print_json : print_text)(outcome);
    return outcome->report->sum.violations > 0 ? KAYA_SIM_BROKEN : KAYA_SIM_HELD;
}

/* All sequences of operations; those that break something are told at once. */
static int explore_scripts(const struct arguments *arguments, struct kaya_sim_exploring *exploring,
                           struct kaya_exploration *exploration, struct kaya_explore_options *options,
                           struct outcome *outcome)
{
    static struct kaya_explorer_report sum, one;
    uint32_t count = (uint32_t)exploration->plan.script_length;
    uint64_t script_count = kaya_exploration_script_count(exploration, count);
    int code = KAYA_SIM_HELD;

    memset(&sum, 0, sizeof sum);
    sum.exhaustive = true;
    outcome->report = &sum;
    for (uint64_t script = 0; script < script_count && code == KAYA_SIM_HELD && interrupted == 0; script++) {
        exploring->script = script + 1;
        kaya_exploration_take_script(exploration, count, script);
        code = run(arguments, exploring, options, (double)arguments->seconds, &one);
        add_script(&sum, &one);
        outcome->scripts++;
        if (one.sum.violations == 0)
            continue;
        memcpy(sum.violations, one.violations, sizeof sum.violations);
        sum.violations_kept = one.violations_kept;
        sum.exhaustive = sum.exhaustive && script + 1 == script_count;
        code = KAYA_SIM_BROKEN;
    }
    return code == KAYA_SIM_USAGE ? code : say(arguments, outcome);
}

/* Nested crashes are for the short logs. */
static unsigned depth_of(const struct arguments *arguments, const char *name)
{
    if (arguments->depth != 0)
        return (unsigned)arguments->depth;
    return strncmp(name, "short", strlen("short")) == 0 ? 2 : 1;
}

static bool read_rules(const char *text, uint64_t *rules_off)
{
    *rules_off = 0;
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        int rule = 0;

        if (length == strlen("all") && strncmp(text, "all", length) == 0) {
            *rules_off = ((uint64_t)1 << KAYA_EXPLORE_RULES) - 1;
            return true;
        }
        while (rule < KAYA_EXPLORE_RULES &&
               (strlen(kaya_explore_rule_name((enum kaya_explore_rule)rule)) != length ||
                strncmp(kaya_explore_rule_name((enum kaya_explore_rule)rule), text, length) != 0))
            rule++;
        if (rule == KAYA_EXPLORE_RULES) {
            kaya_sim_complain(
                "--without: there is no rule '%.*s'; they are unchanged, same_answers, same_crash, same_state, same_beginning and all",
                (int)length, text);
            return false;
        }
        *rules_off |= (uint64_t)1 << rule;
        text += length + (text[length] == ',');
    }
    return true;
}

static const char *story_of(const char *name, char text[128])
{
    const struct kaya_small_log *log = kaya_small_log_find(name);
    struct kaya_scenario scenario;

    if (log != NULL)
        return log->story;
    if (!kaya_sim_find(name, &scenario))
        return "";
    snprintf(text, 128, "%.*s", (int)strcspn(scenario.story, "\n"), scenario.story);
    return text;
}

static int explore(const struct arguments *arguments, const char *name)
{
    static struct kaya_exploration exploration;
    static struct kaya_explorer_report report;
    struct kaya_sim_exploring exploring = arguments->exploring;
    struct kaya_explore_options options;
    struct outcome outcome = { &exploring, &options, &report, "", (unsigned)arguments->jobs, 0 };
    char line[KAYA_SIM_LINE_MAX], story[128];
    int code;

    if (strlen(name) >= sizeof exploring.name)
        return kaya_sim_complain("'%s' is too long for a name", name);
    strcpy(exploring.name, name);
    if (arguments->path != NULL) {
        kaya_sim_exploring_format(&exploring, arguments->path, line);
        return kaya_sim_exploring_replay(line, !arguments->json, arguments->json);
    }
    if (!kaya_sim_exploring_open(&exploring, &exploration, &options) ||
        !read_rules(arguments->rules_off, &options.rules_off))
        return KAYA_SIM_USAGE;
    options.crash_depth = depth_of(arguments, name);
    options.outcomes_per_point_max = arguments->outcomes;
    outcome.story = story_of(name, story);
    if (arguments->every_script)
        return explore_scripts(arguments, &exploring, &exploration, &options, &outcome);
    code = run(arguments, &exploring, &options, (double)arguments->seconds, &report);
    return code == KAYA_SIM_HELD ? say(arguments, &outcome) : code;
}

static int explore_all(const struct arguments *arguments)
{
    int code = KAYA_SIM_HELD;

    for (size_t index = 0; index < arguments->name_count && code != KAYA_SIM_USAGE && interrupted == 0; index++) {
        int one = explore(arguments, arguments->names[index]);

        code = one == KAYA_SIM_HELD ? code : one;
    }
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}

int kaya_sim_explore(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { NULL, 0, NULL, 0, "What is explored:", 1 },
        { "depth", 'd', "N", 0,
          "Crashes in a row: 1 is one crash anywhere, 3 two more, also inside recovery (default: 1, and 2 for the short logs)",
          1 },
        { "steps", 's', "N", 0, "Go on with the workload for N operations after each recovery (default: 0)", 1 },
        { "errors", 'e', "N", OPTION_ARG_OPTIONAL,
          "Each call fails as well, in each way that there is, once and for good; at most N (default: 1) on one way",
          1 },
        { "torn", KEY_TORN, "N", 0, "One crash tears at most N sectors inside, in every way (default: 1)", 1 },
        { "preemptions", KEY_PREEMPTIONS, "N", 0,
          "Of threads: every schedule that takes the word from one that could go on, or wakes it for no reason, at most N times (default: 2)",
          1 },
        { "outcomes", 'o', "N", 0, "Sample a crash point that has more outcomes than this (default: 1000000)", 1 },
        { NULL, 0, NULL, 0, "Of a scenario:", 2 },
        { "seed", 'S', "S", 0, "What draws its plan and operations (default: 1)", 2 },
        { "operations", 'O', "N", 0, "How many (default: 6)", 2 },
        { "every-script", KEY_SCRIPTS, NULL, 0,
          "All sequences of so many operations of the scenario's kinds, one exploration each", 2 },
        { NULL, 0, NULL, 0, "How:", 3 },
        { "jobs", 'J', "J", 0, "Processes (default: one for each processor). No total depends on it", 3 },
        { "memory", 'm', "MIB", 0,
          "For the set of what was visited (default: 256). Where it is full, states are visited again, and the report says so",
          3 },
        { "resume", 'r', "FILE", 0,
          "Keep what was done in FILE, and go on from it: after a stop of any kind. FILE is made if it is not there; one that this "
          "exploration did not leave is refused, and stays as it is",
          3 },
        { "states", 'n', "N", 0, "Stop after about N states", 3 },
        { "time", KEY_TIME, "SECONDS", 0, "Stop after so long", 3 },
        { "without", KEY_RULES, "RULE,...", 0,
          "Visit again what a rule would leave out: unchanged, same_answers, same_crash, same_state, same_beginning, all. The verdicts are the same; it shows what each saves",
          3 },
        { "path", 'p', "PATH", 0,
          "Walk one path again and print every event (as `kaya-sim replay --trace` does with a whole line)", 3 },
        { "json", 'j', NULL, 0, "One JSON object a name, one a line", 3 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[small|padded|short|short-padded|two-threads|three-threads|key-value|SCENARIO ...]",
        .doc =
            "Crash a workload at every disk call, try everything that the crash may have left, recover each, check every promise, "
            "and go on from there to the next crash. Without a name: the standard small log."
            "\vWhere `run` samples, this is exhaustive within its bound, and says so: \"k of n states, exhaustive\", or \"sampled at m points\" "
            "where a point has more outcomes than --outcomes; there it takes none, all, each alone, each missing, prefixes, suffixes and "
            "pairs of what may be lost, then dice. What recovery cannot tell from what it saw before is visited once.\n\n"
            "Exit codes: 0 no violation; 1 a broken promise; 2 usage.\n\n"
            "  kaya-sim explore                      # every single crash of the small log\n"
            "  kaya-sim explore --depth 2            # and every second one behind it\n"
            "  kaya-sim explore short --errors       # each call fails in each way\n"
            "  kaya-sim explore two-threads --preemptions 3   # every schedule, every crash\n"
            "  kaya-sim explore power-loss --seed 7 --operations 4\n"
            "  kaya-sim explore atomic-batches --operations 2 --every-script\n"
            "  kaya-sim explore --depth 2 --resume small.explored --time 60\n"
            "  kaya-sim replay --trace 'explore small: call 41 power_loss 0=1'",
    };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments arguments = { .jobs = processors < 1 ? 1 : (uint64_t)processors };

    if (arguments.jobs > KAYA_EXPLORER_JOBS_MAX)
        arguments.jobs = KAYA_EXPLORER_JOBS_MAX;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    if (arguments.path != NULL && arguments.name_count > 1)
        return kaya_sim_complain("--path goes with one name");
    if (arguments.resume != NULL && (arguments.name_count > 1 || arguments.every_script))
        return kaya_sim_complain("--resume goes with one workload");
    if (arguments.name_count == 0)
        arguments.names[arguments.name_count++] = "small";
    catch_interrupts();
    return explore_all(&arguments);
}
