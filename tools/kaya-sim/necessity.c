/* kaya-sim necessity: every call that orders something is left out, and somebody must miss it.
 *
 * First the calls are collected (scenarios/mute.c says how they are told apart). Then, for each, scenarios are run without it until a promise
 * breaks: in turn, a few runs of each, then more, so that the cheapest catch comes first. Runs that die end with their child. Of those that nobody
 * misses, each two are left out together: where that is caught, they stand in for each other. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/scenarios/mute.h"
#include "sim.h"

enum { COLLECT_SEEDS = 12, SEEDS = 64, FIRST_SEEDS = 4, ALARM_SECONDS = 120 };

struct arguments {
    uint64_t seeds;   /* of each scenario, for each call */
    const char *site; /* NULL: all */
    bool json;
    bool markdown;
};

/* What a child found. */
struct catch
{
    bool caught;
    uint64_t runs; /* of all scenarios, until then */
    uint64_t seed;
    char scenario[KAYA_SCENARIO_NAME_MAX];
    struct kaya_violation violation;
};

struct verdict {
    struct kaya_site site;
    struct catch catch;
    size_t partner; /* number + 1 of the one that it stands in for; 0: none */
};

struct necessity {
    const struct arguments *arguments;
    const struct kaya_scenario *scenarios;
    size_t scenario_count;
    struct verdict verdicts[KAYA_SITES_MAX];
    size_t count;
};

/* Only stories without damage to what had been durable: there a log may lose what no call could have saved. */
static bool is_asked(const struct kaya_scenario *scenario)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if ((scenario->faults >> i & 1) != 0 && scenario->odds[i] > 0 &&
            (kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_MEDIA ||
             kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_BROKEN))
            return false;
    return scenario->subject == KAYA_SUBJECT_LOG && scenario->budget != KAYA_BUDGET_NONE &&
           scenario->tampering_percent == 0;
}

/* --- In a child --- */

static bool play(struct kaya_stage *stage, const struct kaya_scenario *scenario, uint64_t seed, struct catch *catch)
{
    struct kaya_run_result result;

    catch->runs++;
    catch->seed = seed;
    memcpy(catch->scenario, scenario->name, sizeof catch->scenario);
    if (kaya_stage_play(stage, scenario, seed, &result) != KAYA_OK)
        _exit(1);
    catch->violation = result.violation;
    catch->caught = kaya_violation_is_set(&result.violation);
    return catch->caught;
}

/* A few runs of each scenario, then twice as many, ... */
static void look_for(const struct necessity *necessity, struct kaya_stage *stage, uint64_t seeds,
                     struct catch *catch)
{
    uint64_t from = 1;

    for (uint64_t to = FIRST_SEEDS; from <= seeds; from = to + 1, to *= 4)
        for (size_t i = 0; i < necessity->scenario_count; i++)
            for (uint64_t seed = from; is_asked(&necessity->scenarios[i]) && seed <= to && seed <= seeds; seed++)
                if (play(stage, &necessity->scenarios[i], seed, catch))
                    return;
}

/* A run that dies was caught as well. */
static bool find(const struct necessity *necessity, const char *one, const char *other, struct catch *catch)
{
    struct catch *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;
    int how = 0;

    if (shared == MAP_FAILED)
        return false;
    child = fork();
    if (child == 0) {
        struct kaya_stage *stage = kaya_stage_create(0);
        struct kaya_mute *mute = kaya_mute_create();

        if (stage == NULL || mute == NULL)
            _exit(1);
        alarm(ALARM_SECONDS);
        kaya_stage_mute(stage, mute);
        kaya_trace_listen(kaya_stage_trace(stage), kaya_mute_hear, mute);
        kaya_mute_select(mute, one, other);
        look_for(necessity, stage, necessity->arguments->seeds, shared);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFSIGNALED(how)) {
        shared->caught = true;
        kaya_violation_set(&shared->violation, "assert", "the process died: %s", strsignal(WTERMSIG(how)));
    }
    *catch = *shared;
    munmap(shared, sizeof *shared);
    return child > 0 && (WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
}

/* --- The table --- */

static bool collect(struct necessity *necessity)
{
    struct kaya_stage *stage = kaya_stage_create(0);
    struct kaya_mute *mute = kaya_mute_create();
    bool good = stage != NULL && mute != NULL;

    if (good) {
        kaya_stage_mute(stage, mute);
        kaya_trace_listen(kaya_stage_trace(stage), kaya_mute_hear, mute);
    }
    for (size_t i = 0; good && i < necessity->scenario_count; i++)
        for (uint64_t seed = 1; good && is_asked(&necessity->scenarios[i]) && seed <= COLLECT_SEEDS; seed++) {
            struct kaya_run_result result;
            good = kaya_stage_play(stage, &necessity->scenarios[i], seed, &result) == KAYA_OK &&
                   !kaya_violation_is_set(&result.violation);
        }
    for (size_t i = 0; good && i < kaya_mute_site_count(mute); i++)
        if (necessity->arguments->site == NULL ||
            strcmp(necessity->arguments->site, kaya_mute_site(mute, i)->name) == 0)
            necessity->verdicts[necessity->count++].site = *kaya_mute_site(mute, i);
    kaya_mute_destroy(mute);
    kaya_stage_destroy(stage);
    return good;
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(((const struct verdict *)one)->site.name, ((const struct verdict *)other)->site.name);
}

/* Calls of one operation, or the same call of two, may stand in for each other. */
static bool are_alike(const char *one, const char *other)
{
    const char *call = strchr(one, ':');
    const char *other_call = strchr(other, ':');

    return strcmp(call, other_call) == 0 ||
           (call - one == other_call - other && strncmp(one, other, (size_t)(call - one)) == 0);
}

static bool find_pairs(struct necessity *necessity)
{
    for (size_t i = 0; i < necessity->count; i++)
        for (size_t j = 0; j < i && !necessity->verdicts[i].catch.caught; j++) {
            struct verdict *one = &necessity->verdicts[i];
            struct verdict *other = &necessity->verdicts[j];
            struct catch catch;

            if ((other->catch.caught && other->partner == 0) || !are_alike(one->site.name, other->site.name))
                continue;
            if (!find(necessity, one->site.name, other->site.name, &catch))
                return false;
            if (!catch.caught)
                continue;
            one->catch = catch;
            one->partner = j + 1;
            if (other->partner == 0) {
                other->catch = catch;
                other->partner = i + 1;
            }
        }
    return true;
}

static bool judge(struct necessity *necessity)
{
    qsort(necessity->verdicts, necessity->count, sizeof necessity->verdicts[0], compare_names);
    for (size_t i = 0; i < necessity->count; i++) {
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu calls", i, necessity->count);
        if (!find(necessity, necessity->verdicts[i].site.name, NULL, &necessity->verdicts[i].catch))
            return false;
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return find_pairs(necessity);
}

/* --- Saying it --- */

static void print_row(const struct necessity *necessity, const struct verdict *verdict)
{
    const struct catch *catch = &verdict->catch;
    bool markdown = necessity->arguments->markdown;

    printf(markdown ? "| %s | " : "%-88s ", verdict->site.name);
    if (!catch->caught)
        printf(markdown ? "nobody misses it |" : "nobody misses it");
    else
        printf(markdown ? "%s | `%s seed=0x%" PRIx64 "` |" : "%-7s %s seed=0x%" PRIx64,
               catch->violation.promise, catch->scenario, catch->seed);
    if (verdict->partner != 0)
        printf(markdown ? " either of this and: %s |" : "  either of this and: %s",
               necessity->verdicts[verdict->partner - 1].site.name);
    else
        printf(markdown ? " |" : "");
    putchar('\n');
}

static void print_json(const struct necessity *necessity)
{
    json_t *array = json_array();

    for (size_t i = 0; i < necessity->count; i++) {
        const struct verdict *verdict = &necessity->verdicts[i];
        char seed[24];

        snprintf(seed, sizeof seed, "0x%016" PRIx64, verdict->catch.seed);
        json_array_append_new(
            array,
            json_pack("{s:s, s:I, s:b, s:s, s:s, s:s, s:s, s:I, s:s?}", "call", verdict->site.name, "calls",
                      (json_int_t)verdict->site.calls, "missed", verdict->catch.caught, "promise",
                      verdict->catch.violation.promise, "what", verdict->catch.violation.what, "scenario",
                      verdict->catch.scenario, "seed", seed, "runs", (json_int_t)verdict->catch.runs, "either_of",
                      verdict->partner == 0 ? NULL : necessity->verdicts[verdict->partner - 1].site.name));
    }
    json_dumpf(array, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(array);
}

static size_t print_all(const struct necessity *necessity)
{
    size_t idle = 0;

    for (size_t i = 0; i < necessity->count; i++)
        idle += !necessity->verdicts[i].catch.caught;
    if (necessity->arguments->json) {
        print_json(necessity);
        return idle;
    }
    if (necessity->arguments->markdown)
        printf("| call | breaks | cheapest catch | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < necessity->count; i++)
        print_row(necessity, &necessity->verdicts[i]);
    if (!necessity->arguments->markdown)
        printf("\n%zu kinds of calls, %zu of them missed by nobody\n", necessity->count, idle);
    return idle;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 's':
        return kaya_sim_number(argument, "seeds", 1, UINT32_MAX, &arguments->seeds) ? 0 : EINVAL;
    case 'j':
        arguments->json = true;
        return 0;
    case 'm':
        arguments->markdown = true;
        return 0;
    case ARGP_KEY_ARG:
        arguments->site = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int kaya_sim_necessity(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "seeds", 's', "N", 0, "Runs of each scenario for each call (default: 64)", 0 },
        { "json", 'j', NULL, 0, "A JSON array, an object a call", 0 },
        { "markdown", 'm', NULL, 0, "A table for a page", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[CALL]",
        .doc = "Leave each call out that orders something on the disk, and see which promise breaks. Without a name: all that the "
               "scenarios make."
               "\vA call is named by the operation that makes it, and by what it makes durable. Two that stand in for each other are "
               "told as `either of`.\n\n"
               "Exit codes: 0 each is missed; 1 one is missed by nobody; 2 usage.\n\n"
               "  kaya-sim necessity\n"
               "  kaya-sim necessity 'append: sync of a segment with frames'",
    };
    static struct necessity necessity;
    struct arguments arguments = { .seeds = SEEDS };

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    necessity = (struct necessity){ .arguments = &arguments };
    necessity.scenarios = kaya_sim_scenarios(&necessity.scenario_count);
    if (necessity.scenarios == NULL)
        return KAYA_SIM_USAGE;
    if (!collect(&necessity) || !judge(&necessity))
        return kaya_sim_complain("no memory or no process");
    if (necessity.count == 0)
        return kaya_sim_complain("no scenario makes the call '%s'", arguments.site);
    return print_all(&necessity) == 0 ? (kaya_sim_flush() ? KAYA_SIM_HELD : KAYA_SIM_USAGE) : KAYA_SIM_BROKEN;
}
