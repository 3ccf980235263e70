/* kaya-sim necessity: every call that orders something is left out, and somebody must miss it.
 *
 * First the calls are collected (scenarios/mute.c says how they are told apart). Then, for each, scenarios are run without it until a promise
 * breaks: in turn, a few runs of each, then more, so that the cheapest catch comes first. Runs that die end with their child. Of those that nobody
 * misses, each two are left out together: where that is caught, they stand in for each other.
 *
 * The table that is checked in is what `--markdown` prints. `--check` plays the run that each of its rows names, and looks for calls that no row has. */
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

enum { COLLECT_SEEDS = 12, SEEDS = 64, FIRST_SEEDS = 4, DEEP_FACTOR = 80, ALARM_SECONDS = 20 };

struct arguments {
    uint64_t seeds;            /* of each scenario, for each call */
    const uint64_t *only_seed; /* of the one scenario; NULL: the first ones */
    const char *site;          /* NULL: all */
    const char *scenario;      /* NULL: all that are asked */
    const char *run;           /* play this line without the call; NULL: none */
    const char *check;         /* a table; NULL: none */
    bool json;
    bool markdown;
};

/* Why core makes calls that no run misses. */
static const struct {
    const char *call, *why;
} reasons[] = {
    { "recovery: cut of an unfinished segment",
      "no promise: what is left of a file that was longer than new ones are is written over, and only its room would be kept" },
    { "spares: cut of an unfinished segment",
      "no promise: what is left of a file that was longer than new ones are is written over, and only its room would be kept" },
    { "append: sync of a segment with nothing new",
      "what rotate's is for; an append leaves a closed segment so only where it is full, or where the disk promises less than before" },
    { "trim: sync of a segment with nothing new",
      "what rotate's is for; a trim leaves a closed segment so only where it is full" },
    { "recovery: sync of the directory with nothing new",
      "the sync behind every carry; here the segment was made a moment before, and its name is durable" },
    { "spares: sync of an unfinished segment with frames",
      "the line that recovery misses; a writer finds such a file only behind calls that failed, and errors do not meet reads that lie" },
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
    alarm(ALARM_SECONDS); /* for a run that never ends */
    if (kaya_stage_play(stage, scenario, seed, &result) != KAYA_OK)
        _exit(1);
    catch->violation = result.violation;
    catch->caught = kaya_violation_is_set(&result.violation);
    return catch->caught;
}

/* Where seldom things happen often, and a run is cheap. */
static bool is_deep(const char *name)
{
    static const char *const names[] = { "forgotten-names", "crash-in-recovery", "rotate-behind-a-close",
                                         "stale-headers", "error-returns" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A few runs of each scenario, then more; many of a few in the end. */
static void look_for(const struct necessity *necessity, struct kaya_stage *stage, bool deeply, struct catch *catch)
{
    uint64_t seeds = necessity->arguments->seeds;
    uint64_t deep = deeply ? seeds * DEEP_FACTOR : seeds;
    uint64_t from = 1;

    for (uint64_t to = FIRST_SEEDS; from <= deep; from = to + 1, to *= 4)
        for (size_t i = 0; i < necessity->scenario_count; i++) {
            uint64_t last = is_deep(necessity->scenarios[i].name) ? deep : seeds;

            for (uint64_t seed = from; is_asked(&necessity->scenarios[i]) && seed <= to && seed <= last; seed++)
                if (play(stage, &necessity->scenarios[i], seed, catch))
                    return;
        }
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
        kaya_stage_mute(stage, mute);
        kaya_trace_listen(kaya_stage_trace(stage), kaya_mute_hear, mute);
        kaya_mute_select(mute, one, other);
        if (necessity->arguments->only_seed != NULL)
            (void)play(stage, necessity->scenarios, *necessity->arguments->only_seed, shared);
        else
            look_for(necessity, stage, one != NULL && other == NULL, shared);
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

static const char *reason_of(const char *call)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].call, call) == 0)
            return reasons[i].why;
    return NULL;
}

static void print_row(const struct necessity *necessity, const struct verdict *verdict)
{
    const struct catch *catch = &verdict->catch;
    const char *why = reason_of(verdict->site.name);

    printf("%-64s ", verdict->site.name);
    if (catch->caught)
        printf("%-7s %s seed=0x%" PRIx64, catch->violation.promise, catch->scenario, catch->seed);
    else
        printf("missed by nobody%s%s", why != NULL ? "; it stays: " : "", why != NULL ? why : "");
    if (verdict->partner != 0)
        printf("  either of this and: %s", necessity->verdicts[verdict->partner - 1].site.name);
    putchar('\n');
}

/* The head of the checked-in table: what it is, and how a row is seen at work. */
static void print_markdown_head(void)
{
    printf(
        "# Which call is needed for what\n\n"
        "Every kind of call by which core orders what reaches the disk, and what breaks without it: the call answers OK and does nothing. `kaya-sim "
        "necessity --markdown`\nprints this page; a test plays each row's run, and looks for calls that have no row here, in the simulation and "
        "on a real directory.\n\n"
        "The step before the colon: `recovery` from the lock on; `spares` for a writer's preparing, recycling and letting go of segments; else the "
        "public call. Of a sync the\npage says what it makes durable: headers, frames, names. A recovery's sync of frames is both that behind its copies and that behind "
        "the claim over them.\n\n"
        "A row at work: `kaya-sim necessity CALL --run LINE`, with the names in quotes.\n\n"
        "| call | breaks | line | why it stays |\n|---|---|---|---|\n");
}

static void print_markdown_row(const struct necessity *necessity, const struct verdict *verdict)
{
    const struct catch *catch = &verdict->catch;
    const char *why = reason_of(verdict->site.name);

    printf("| %s | %s |", verdict->site.name, catch->caught ? catch->violation.promise : "nothing");
    if (catch->caught && verdict->partner == 0)
        printf(" `%s seed=0x%" PRIx64 "` |", catch->scenario, catch->seed);
    else
        printf(" |");
    if (verdict->partner != 0)
        printf(" either of this and: %s |\n", necessity->verdicts[verdict->partner - 1].site.name);
    else
        printf("%s%s |\n", !catch->caught && why != NULL ? " " : "", !catch->caught && why != NULL ? why : "");
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

/* Returns how many are missed by nobody, and for no reason. */
static size_t print_all(const struct necessity *necessity)
{
    size_t idle = 0;
    size_t kept = 0;

    for (size_t i = 0; i < necessity->count; i++) {
        bool has_reason = reason_of(necessity->verdicts[i].site.name) != NULL;

        kept += !necessity->verdicts[i].catch.caught && has_reason;
        idle += !necessity->verdicts[i].catch.caught && !has_reason;
    }
    if (necessity->arguments->json) {
        print_json(necessity);
        return idle;
    }
    if (necessity->arguments->markdown)
        print_markdown_head();
    for (size_t i = 0; i < necessity->count; i++)
        if (necessity->arguments->markdown)
            print_markdown_row(necessity, &necessity->verdicts[i]);
        else
            print_row(necessity, &necessity->verdicts[i]);
    if (!necessity->arguments->markdown)
        printf("\n%zu kinds of calls; %zu stay for another reason, %zu are missed by nobody\n",
               necessity->count, kept, idle);
    return idle;
}

/* --- One run without a call --- */

/* False: no memory or no process. */
static bool play_without(const char *call, const struct kaya_scenario *scenario, uint64_t seed, struct catch *catch)
{
    const struct arguments arguments = { .seeds = 1, .only_seed = &seed };
    const struct necessity necessity = { .arguments = &arguments, .scenarios = scenario, .scenario_count = 1 };

    return find(&necessity, call, NULL, catch);
}

static int show_run(const struct arguments *arguments)
{
    struct kaya_sim_source source;
    struct catch catch;

    if (arguments->site == NULL)
        return kaya_sim_complain("--run wants the call that is left out");
    if (!kaya_sim_source_open(arguments->run, &source))
        return KAYA_SIM_USAGE;
    if (source.choices != NULL) {
        kaya_sim_source_close(&source);
        return kaya_sim_complain(
            "--run wants a line with a seed: decisions on a tape do not fit a run without a call");
    }
    if (!play_without(arguments->site, &source.scenario, source.line.seed, &catch))
        return kaya_sim_complain("no memory or no process");
    printf("%s seed=0x%016" PRIx64 " without: %s\n", source.line.scenario, source.line.seed, arguments->site);
    if (catch.caught)
        printf("%sbroken: %s%s\nfound:  %s\n", kaya_sim_red(stdout), catch.violation.promise,
               kaya_sim_plain(stdout), catch.violation.what);
    else
        printf("all promises held\n");
    kaya_sim_source_close(&source);
    if (!kaya_sim_flush())
        return KAYA_SIM_USAGE;
    return catch.caught ? KAYA_SIM_BROKEN : KAYA_SIM_HELD;
}

/* --- The checked-in table --- */

struct row {
    char call[KAYA_SITE_BYTES];
    char promise[16];
    char line[KAYA_SCENARIO_NAME_MAX + 32];
    bool has_reason;
};

/* | CALL | PROMISE | `LINE` | WHY | */
static bool read_row(char *text, struct row *row)
{
    char *cells[4];
    char *rest = text + 2;

    if (strncmp(text, "| ", 2) != 0)
        return false;
    for (int i = 0; i < 4; i++) {
        char *end = strstr(rest, " |");

        if (end == NULL)
            return false;
        *end = '\0';
        cells[i] = rest;
        rest = end + 2 + (end[2] == ' ' && end[3] != '|');
    }
    snprintf(row->call, sizeof row->call, "%s", cells[0]);
    snprintf(row->promise, sizeof row->promise, "%s", cells[1]);
    cells[2] += *cells[2] == '`';
    snprintf(row->line, sizeof row->line, "%.*s", (int)strcspn(cells[2], "`"), cells[2]);
    row->has_reason = *cells[3] != '\0';
    return strchr(row->call, ':') != NULL;
}

/* Does the run hold with the call, and break the row's promise without it? */
static bool does_catch(const struct row *row, const struct kaya_sim_source *source)
{
    struct catch with, without;

    if (!play_without(NULL, &source->scenario, source->line.seed, &with) ||
        !play_without(row->call, &source->scenario, source->line.seed, &without))
        return false;
    if (!with.caught && without.caught && strcmp(without.violation.promise, row->promise) == 0)
        return true;
    printf("%s: %s breaks %s without the call, %s with it; the page says %s\n", row->call, row->line,
           without.caught ? without.violation.promise : "nothing",
           with.caught ? with.violation.promise : "nothing", row->promise);
    return false;
}

/* Returns 1 if the row does not say what is so. */
static int check_row(const struct row *row)
{
    struct kaya_sim_source source;
    bool good;

    if (row->line[0] == '\0') {
        if (!row->has_reason)
            printf("%s: no run, and no reason\n", row->call);
        return !row->has_reason;
    }
    if (!kaya_sim_source_open(row->line, &source))
        return 1;
    good = does_catch(row, &source);
    kaya_sim_source_close(&source);
    return !good;
}

static int check_missing(const struct necessity *necessity, const struct row *rows, size_t count)
{
    int wrong = 0;

    for (size_t i = 0; i < necessity->count; i++) {
        size_t j = 0;

        while (j < count && strcmp(rows[j].call, necessity->verdicts[i].site.name) != 0)
            j++;
        if (j == count) {
            printf("%s: no row\n", necessity->verdicts[i].site.name);
            wrong++;
        }
    }
    return wrong;
}

static int check_table(struct necessity *necessity)
{
    static struct row rows[KAYA_SITES_MAX];
    FILE *file = fopen(necessity->arguments->check, "r");
    char text[1024];
    size_t count = 0;
    int wrong = 0;

    if (file == NULL)
        return kaya_sim_complain("%s: %s", necessity->arguments->check, strerror(errno));
    while (count < KAYA_SITES_MAX && fgets(text, sizeof text, file) != NULL)
        count += read_row(text, &rows[count]);
    fclose(file);
    if (count == 0)
        return kaya_sim_complain("%s: no row of a table of calls; `kaya-sim necessity --markdown` makes such a page",
                                 necessity->arguments->check);
    for (size_t i = 0; i < count; i++)
        wrong += check_row(&rows[i]);
    if (!collect(necessity))
        return kaya_sim_complain("no memory, or a promise was broken");
    wrong += check_missing(necessity, rows, count);
    printf("%zu rows, %zu kinds of calls made, %d wrong\n", count, necessity->count, wrong);
    if (!kaya_sim_flush())
        return KAYA_SIM_USAGE;
    return wrong == 0 ? KAYA_SIM_HELD : KAYA_SIM_BROKEN;
}

/* --- The command --- */

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 's':
        return kaya_sim_number(argument, "seeds", 1, UINT32_MAX, &arguments->seeds);
    case 'j':
        arguments->json = true;
        return 0;
    case 'S':
        arguments->scenario = argument;
        return 0;
    case 'r':
        arguments->run = argument;
        return 0;
    case 'c':
        arguments->check = argument;
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

static bool find_scenarios(struct necessity *necessity)
{
    static struct kaya_scenario only;

    if (necessity->arguments->scenario == NULL) {
        necessity->scenarios = kaya_sim_scenarios(&necessity->scenario_count);
        return necessity->scenarios != NULL;
    }
    necessity->scenarios = &only;
    necessity->scenario_count = 1;
    return kaya_sim_find(necessity->arguments->scenario, &only);
}

int kaya_sim_necessity(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "seeds", 's', "N", 0,
          "Runs of each scenario for each call (default: 64; of a few that are cheap, 80 times as many)", 0 },
        { "scenario", 'S', "NAME", 0, "Runs of this scenario only: a name, or a file", 0 },
        { "json", 'j', NULL, 0, "A JSON array, an object a call", 0 },
        { "markdown", 'm', NULL, 0, "The page that core's README links to", 0 },
        { "run", 'r', "LINE", 0, "Play this run without CALL, and say what breaks", 0 },
        { "check", 'c', "PAGE", 0, "Do the page's rows still catch, and has each call that is made one?", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[CALL]",
        .doc =
            "Leave each call out that orders something on the disk, and see which promise breaks. Without a name: all that the "
            "scenarios make."
            "\vA call is named by the operation that makes it, and by what it makes durable. Two that stand in for each other are "
            "told as `either of`.\n\n"
            "Exit codes: 0 each is missed, or stays for a reason that is said; 1 one is missed by nobody, the page is wrong, or the run breaks; 2 usage.\n\n"
            "  kaya-sim necessity\n"
            "  kaya-sim necessity 'append: sync of a segment with frames'\n"
            "  kaya-sim necessity 'append: sync of a segment with frames' \\\n"
            "      --run 'atomic-batches seed=2'\n"
            "  kaya-sim necessity --check core/NECESSITY.md",
    };
    static struct necessity necessity;
    struct arguments arguments = { .seeds = SEEDS };

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    necessity = (struct necessity){ .arguments = &arguments };
    if (arguments.run != NULL)
        return show_run(&arguments);
    if (!find_scenarios(&necessity))
        return KAYA_SIM_USAGE;
    if (arguments.check != NULL)
        return check_table(&necessity);
    if (!collect(&necessity) || !judge(&necessity))
        return kaya_sim_complain("no memory or no process");
    if (necessity.count == 0)
        return kaya_sim_complain("no scenario makes the call '%s'", arguments.site);
    return print_all(&necessity) == 0 ? (kaya_sim_flush() ? KAYA_SIM_HELD : KAYA_SIM_USAGE) : KAYA_SIM_BROKEN;
}
