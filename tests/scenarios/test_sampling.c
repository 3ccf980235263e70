/* Goal (S3), for the log's own workloads: what a seed can draw of a crash is among what the odometer enumerates, and all of that can be
 * drawn; and the explorer's sample of a crash point is among it, too.
 * Method: the small logs run once, on their own disk and on each built-in kind of one. Right before some of their disk calls the machine is
 * forked and crashed again and again: by the odometer, by seeds, by the explorer's sample. An outcome is what the log's recovery was
 * answered by its disk (lazily decided: only what it looked at, in its order), or every byte of the image. The sets must be equal. Points
 * with more than 2,000 outcomes are left out, and counted. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/exploration.h"
#include "kaya/sim/boot.h"

#include "outcomes.h"
#include "seen.h"
#include "sim/disk_names.h"
#include "visited.h"

enum {
    OUTCOMES_MAX = 2000,
    PASSES_MAX = 10 * OUTCOMES_MAX, /* of an odometer: many may lead to one outcome */
    SEEDS_PER_OUTCOME_MAX = 400,    /* the rarest one comes up within so many times their number */
    SAMPLE_MAX = 64,
    SET_BYTES = 1 << 20,
    RUNTIME_SEED = 1,
};

static void must(enum kaya_status status)
{
    cr_assert(eq(int, status, KAYA_OK));
}

/* ---- machines ---- */

struct side {
    struct kaya_sim_disk *disk;
    struct kaya_subject *subject;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
};

enum ending { POWER_LOSS, PROCESS_CRASH, LATE_POWER_LOSS, ENDINGS };
static const char *const ending_names[ENDINGS] = { "power loss", "process crash", "late power loss" };

/* What of a crash is compared. */
enum view { WHAT_RECOVERY_SEES, EVERY_BYTE, VIEWS };
static const char *const view_names[VIEWS] = { "what recovery sees", "every byte" };

struct bench {
    struct kaya_exploration *exploration;
    struct kaya_choices *tame, *seeds;
    struct kaya_outcomes outcomes;
    struct side work, fork;
    const char *what;
    uint64_t stride;    /* of the calls that are crash points */
    enum ending ending; /* of the point under way */
    uint64_t call;
    unsigned compared[VIEWS][ENDINGS], left_out[VIEWS][ENDINGS];
    size_t outcome_count_max;
};

static struct kaya_sim_machine machine_of(struct bench *bench, struct side *side)
{
    return (struct kaya_sim_machine){
        .disk = kaya_sim_disk_boot(side->disk),
        .runtime = kaya_sim_runtime_seam(side->runtime),
        .allocator = kaya_sim_memory_allocator(side->memory),
        .choices = bench->tame,
        .sim_disk = side->disk,
        .memory = side->memory,
    };
}

/* ---- one outcome ---- */

static void crash(struct bench *bench, struct kaya_choices *choices)
{
    const struct kaya_subject_operations *operations = bench->fork.subject->operations;

    must(kaya_sim_disk_copy(bench->work.disk, choices, NULL, bench->fork.disk));
    must(operations->copy_model(bench->work.subject, bench->fork.subject));
    if (bench->ending == POWER_LOSS) {
        kaya_sim_disk_power_loss(bench->fork.disk);
        operations->crash(bench->fork.subject, KAYA_CRASH_POWER_LOSS);
        return;
    }
    kaya_sim_disk_process_crash(bench->fork.disk);
    operations->crash(bench->fork.subject, KAYA_CRASH_PROCESS);
    if (bench->ending == PROCESS_CRASH)
        return;
    kaya_sim_disk_evict(bench->fork.disk);
    kaya_sim_disk_power_loss(bench->fork.disk);
    operations->crash(bench->fork.subject, KAYA_CRASH_POWER_LOSS);
}

static struct kaya_hash answers_of(struct bench *bench)
{
    struct kaya_violation violation = { 0 };
    struct kaya_hash seen = { 0 };
    struct kaya_sim_machine machine;

    kaya_sim_memory_reset(bench->fork.memory);
    kaya_sim_runtime_reset(bench->fork.runtime, RUNTIME_SEED);
    bench->fork.disk->seen = &seen;
    machine = machine_of(bench, &bench->fork);
    must(bench->fork.subject->operations->recover(bench->fork.subject, &machine, &violation));
    cr_assert(eq(str, violation.what, ""), "%s, call %u", bench->what, (unsigned)bench->call);
    bench->fork.disk->seen = NULL;
    return seen;
}

static struct kaya_hash outcome_of(struct bench *bench, enum view view, struct kaya_choices *choices)
{
    crash(bench, choices);
    if (view == WHAT_RECOVERY_SEES)
        return answers_of(bench);
    return (struct kaya_hash){ disk_image_hash(bench->fork.disk), 0 };
}

/* ---- sets of them ---- */

struct set {
    void *memory;
    struct kaya_visited *hashes;
    size_t count;
};

static struct set empty_set(void)
{
    struct set set = { .memory = calloc(1, SET_BYTES) };

    cr_assert(set.memory != NULL);
    set.hashes = kaya_visited_init(set.memory, SET_BYTES);
    return set;
}

/* True: it was not in it. */
static bool add(struct set *set, struct kaya_hash hash)
{
    enum kaya_visit visit = kaya_visited_add(set->hashes, hash, 0);

    cr_assert(ne(int, visit, KAYA_VISIT_FULL));
    set->count += visit == KAYA_VISIT_NEW;
    return visit == KAYA_VISIT_NEW;
}

/* False: there are too many. */
static bool enumerate(struct bench *bench, enum view view, struct set *set)
{
    struct kaya_choices *odometer = bench->outcomes.odometer;
    unsigned passes = 0;

    kaya_choices_restart(odometer);
    do {
        add(set, outcome_of(bench, view, odometer));
        if (set->count > OUTCOMES_MAX || ++passes > PASSES_MAX)
            return false;
    } while (kaya_choices_advance(odometer));
    return true;
}

static void expect_sample(struct bench *bench, enum view view, struct set *enumerated)
{
    struct kaya_outcomes *outcomes = &bench->outcomes;

    kaya_outcomes_begin(outcomes, SAMPLE_MAX, bench->call);
    do {
        cr_expect(not(add(enumerated, outcome_of(bench, view, outcomes->odometer))),
                  "%s, call %u, %s, %s: the sample has what was not enumerated", bench->what,
                  (unsigned)bench->call, ending_names[bench->ending], view_names[view]);
        if (outcomes->plan == KAYA_PLAN_FIRST)
            kaya_outcomes_plan(outcomes, 0);
    } while (kaya_outcomes_next(outcomes));
}

static void expect_draws(struct bench *bench, enum view view, struct set *enumerated)
{
    struct set drawn = empty_set();
    size_t wanted = enumerated->count;

    for (uint64_t seed = 0; seed < wanted * SEEDS_PER_OUTCOME_MAX && drawn.count < wanted; seed++) {
        struct kaya_hash outcome;

        kaya_choices_reseed(bench->seeds, seed);
        outcome = outcome_of(bench, view, bench->seeds);
        add(&drawn, outcome);
        cr_expect(not(add(enumerated, outcome)), "%s, call %u, %s, %s: seed %u draws what was not enumerated",
                  bench->what, (unsigned)bench->call, ending_names[bench->ending], view_names[view],
                  (unsigned)seed);
    }
    cr_expect(eq(sz, drawn.count, wanted), "%s, call %u, %s, %s: not every outcome can be drawn", bench->what,
              (unsigned)bench->call, ending_names[bench->ending], view_names[view]);
    free(drawn.memory);
}

static void compare(struct bench *bench, enum view view)
{
    struct set enumerated = empty_set();

    if (enumerate(bench, view, &enumerated)) {
        if (bench->outcome_count_max < enumerated.count)
            bench->outcome_count_max = enumerated.count;
        expect_sample(bench, view, &enumerated);
        expect_draws(bench, view, &enumerated);
        bench->compared[view][bench->ending]++;
    } else {
        bench->left_out[view][bench->ending]++;
    }
    free(enumerated.memory);
}

static void on_boundary(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    struct bench *bench = user;

    (void)disk;
    (void)kind;
    if (call % bench->stride != 0)
        return;
    bench->call = call;
    for (bench->ending = 0; bench->ending < ENDINGS; bench->ending++)
        for (enum view view = 0; view < VIEWS; view++)
            compare(bench, view);
}

/* ---- a workload ---- */

static void side_create(struct bench *bench, struct side *side, const struct kaya_explore_options *options)
{
    const struct kaya_sim_disk_options disk = { .profile = options->profile,
                                                .choices = bench->tame,
                                                .list_sorted = true };

    must(kaya_sim_disk_create(&disk, &side->disk));
    must(options->create_subject(options->user, &side->subject));
    side->memory = kaya_sim_memory_create();
    side->runtime = kaya_sim_runtime_create(RUNTIME_SEED);
    cr_assert(side->memory != NULL && side->runtime != NULL);
}

static void side_destroy(struct side *side)
{
    side->subject->operations->crash(side->subject, KAYA_CRASH_POWER_LOSS);
    side->subject->operations->destroy(side->subject);
    kaya_sim_disk_destroy(side->disk);
    kaya_sim_runtime_destroy(side->runtime);
    kaya_sim_memory_destroy(side->memory);
}

static void live(struct bench *bench)
{
    const struct kaya_subject_operations *operations = bench->work.subject->operations;
    struct kaya_violation violation = { 0 };
    struct kaya_sim_machine machine = machine_of(bench, &bench->work);
    bool done = false;

    must(operations->recover(bench->work.subject, &machine, &violation));
    while (!done)
        must(operations->step(bench->work.subject, &machine, &violation, &done));
    must(operations->close(bench->work.subject, &machine, &violation));
    cr_assert(eq(str, violation.what, ""), "%s", bench->what);
}

/* `profile` NULL: the small log's own. */
static void run(struct bench *bench, const char *log, const struct kaya_sim_profile *profile, uint64_t stride)
{
    struct kaya_explore_options options = { 0 };
    char what[128];

    kaya_exploration_of_log(bench->exploration, kaya_small_log_find(log));
    if (profile != NULL)
        bench->exploration->plan.profile = profile;
    kaya_exploration_set(bench->exploration, &options);
    snprintf(what, sizeof what, "%s on %s", log, options.profile->name);
    bench->what = what;
    bench->stride = stride;
    side_create(bench, &bench->work, &options);
    side_create(bench, &bench->fork, &options);
    kaya_sim_disk_on_boundary(bench->work.disk, on_boundary, bench);
    live(bench);
    side_destroy(&bench->fork);
    side_destroy(&bench->work);
}

/* ---- tests ---- */

static void bench_create(struct bench *bench)
{
    *bench = (struct bench){ .exploration = calloc(1, sizeof *bench->exploration),
                             .tame = kaya_choices_from_bytes(NULL, 0),
                             .seeds = kaya_choices_from_seed(0) };
    must(kaya_outcomes_create(&bench->outcomes));
    cr_assert(bench->exploration != NULL && bench->tame != NULL && bench->seeds != NULL);
}

static void bench_destroy(struct bench *bench)
{
    kaya_outcomes_release(&bench->outcomes);
    kaya_choices_destroy(bench->seeds);
    kaya_choices_destroy(bench->tame);
    free(bench->exploration);
}

/* So many points were compared, and some of them had many outcomes: else nothing was tested. */
static void expect_work(const struct bench *bench, unsigned least)
{
    for (enum view view = 0; view < VIEWS; view++)
        for (enum ending ending = 0; ending < ENDINGS; ending++) {
            cr_log_info("%s, %s: %u points, %u with more than %d outcomes\n", view_names[view],
                        ending_names[ending], bench->compared[view][ending], bench->left_out[view][ending],
                        OUTCOMES_MAX);
            cr_expect(le(uint, least, bench->compared[view][ending]), "%s, %s", view_names[view],
                      ending_names[ending]);
        }
    cr_expect(lt(sz, OUTCOMES_MAX / 4, bench->outcome_count_max));
}

Test(sampling, draws_all_that_is_enumerated_of_the_small_logs)
{
    static const char *const logs[] = { "small", "padded", "short", "short-padded", "key-value" };
    struct bench bench;

    bench_create(&bench);
    for (size_t index = 0; index < sizeof logs / sizeof logs[0]; index++)
        run(&bench, logs[index], NULL, 11);
    expect_work(&bench, 10);
    bench_destroy(&bench);
}

Test(sampling, draws_all_that_is_enumerated_of_a_log_on_each_kind_of_disk)
{
    size_t profile_count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&profile_count);
    struct bench bench;

    bench_create(&bench);
    for (size_t index = 0; index < profile_count; index++)
        run(&bench, "padded", &profiles[index], 17);
    expect_work(&bench, 10);
    bench_destroy(&bench);
}
