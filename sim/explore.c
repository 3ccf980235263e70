/* The explorer: one workload, a crash at every I/O boundary, every outcome of each crash, and crashes again in and behind
 * the recovery from it.
 *
 * One machine stands at each level; level n has n crashes behind it. Level 0 runs the workload once. Right before each of
 * its seam calls its disk and the subject's model are copied to level 1, that machine crashes, boots, recovers and is
 * checked, once for each outcome; while it does, its own calls are the points at which level 2 starts, and so on. The
 * machine of the level above is never unwound: it stands in the middle of a call until all that hangs below it was tried.
 *
 *     level 0   call 1   call 2 | call 3 ...          the workload
 *                               |
 *     level 1                   +- power loss, outcome 0 - recovery: call 1 | call 2 ... check
 *                               +- power loss, outcome 1 - ...              |
 *     level 2                                                               +- power loss, outcome 0 - recovery ...
 *
 * What a crash left is decided by an odometer, answer by answer, when recovery first reads it: so the outcomes of a point
 * are exactly those that recovery can tell apart, no matter how much was unsynced.
 *
 * Left out is only what was seen already:
 *   1. A crash before a call, when neither disk nor model changed since the last point. Reads change nothing; they decide
 *      what an earlier crash left, and the last point had every such decision among its own outcomes. (A write that can
 *      be interrupted is a point in any case.)
 *   2. A crash inside a recovery whose answers up to here are those of the outcome before: same disk, same model.
 *
 * A point with too many outcomes gets the first half of its budget in odometer order. If that was not all of them, the rest
 * is sampled: each single answer with all else kept, then dice with a fixed seed. The report counts such points.
 *
 * Nothing here allocates while it runs but the set of hashes that `distinct` is counted with. Each level keeps its disk,
 * its subject, its memory and its choices, and every recovery gets empty memory and the same random bytes. */
#include "kaya/sim/explore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/boot.h"
#include "seen.h"

enum {
    OUTCOMES_PER_POINT_MAX_DEFAULT = 1000000,
    ALONE_ANSWERS_MAX = 512, /* answers of a sampled point that are tried alone */
    RUNTIME_SEED = 1,
};

static const char *const crash_names[] = {
    [KAYA_CRASH_POWER_LOSS] = "power_loss",
    [KAYA_CRASH_PROCESS] = "process_crash",
};

/* ---- what happened, as a path ---- */

struct crash {
    uint64_t call; /* the call of the boot before which it struck; one above the last: behind all of them */
    enum kaya_crash kind;
    uint64_t outcome;
};

struct path {
    struct crash crashes[KAYA_EXPLORE_DEPTH_MAX];
    unsigned count;
};

/* ---- the outcomes of a point, one after the other ---- */

enum plan { PLAN_ALL, PLAN_ALONE, PLAN_DICE };

struct outcomes {
    struct kaya_choices *odometer;
    struct kaya_choices *dice;
    enum plan plan;
    uint64_t index;
    uint64_t index_max;
    uint64_t seed;
    bool sampled;
    size_t count_count;                 /* answers of outcome 0 ... */
    uint64_t counts[ALONE_ANSWERS_MAX]; /* ... each one of how many */
    size_t alone;                       /* the answer that is tried now ... */
    uint64_t answer;                    /* ... and what it is */
};

/* ---- machines ---- */

struct explorer;

struct level {
    struct explorer *explorer;
    unsigned depth; /* crashes behind this machine */
    struct kaya_sim_disk *disk;
    struct kaya_subject *subject;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_seen_disk seen;
    struct outcomes outcomes; /* of the crash before this boot */
    struct crash crash;       /* that crash, as it is now */
    bool changed;             /* disk or model, since the last point of this boot */
    struct kaya_violation violation;
};

struct explorer {
    const struct kaya_explore_options *options;
    const struct path *wanted; /* NULL: explore; else walk this one */
    struct kaya_trace *trace;  /* of the walk, or NULL */
    struct kaya_choices *tame; /* the workload's choices: it is fixed, so none decides anything */
    const struct kaya_disk_operations *disk_operations;
    struct level *levels; /* crash_depth + 1 */
    unsigned level_count;
    struct kaya_seen_set seen;
    struct kaya_explore_report report;
    bool stopped;            /* no more points */
    bool passing;            /* the walk tries outcomes before the wanted one */
    bool reached;            /* the walk came to its end */
    enum kaya_status status; /* what the explorer itself met */
};

static void visit_point(struct level *level, uint64_t call);

/* ---- outcomes ---- */

static void outcomes_begin(struct outcomes *outcomes, uint64_t index_max, uint64_t seed)
{
    kaya_choices_restart(outcomes->odometer);
    outcomes->plan = PLAN_ALL;
    outcomes->index = 0;
    outcomes->index_max = index_max;
    outcomes->seed = seed;
    outcomes->sampled = false;
}

static struct kaya_choices *choices_of(struct outcomes *outcomes)
{
    return outcomes->plan == PLAN_DICE ? outcomes->dice : outcomes->odometer;
}

/* Outcome 0 shows what a sampled point would have to vary. */
static void keep_counts(struct outcomes *outcomes)
{
    size_t given = kaya_choices_given(outcomes->odometer);

    outcomes->count_count = given < ALONE_ANSWERS_MAX ? given : ALONE_ANSWERS_MAX;
    for (size_t index = 0; index < outcomes->count_count; index++)
        outcomes->counts[index] = kaya_choices_count_at(outcomes->odometer, index);
    outcomes->alone = 0;
    outcomes->answer = 0;
}

static bool fits_budget(const struct outcomes *outcomes)
{
    uint64_t product = 1;

    for (size_t index = 0; index < outcomes->count_count; index++)
        if (__builtin_mul_overflow(product, outcomes->counts[index], &product))
            return false;
    return product <= outcomes->index_max;
}

/* Go to the next single answer; false when all were tried. */
static bool next_alone(struct outcomes *outcomes)
{
    outcomes->answer++;
    while (outcomes->alone < outcomes->count_count && outcomes->answer >= outcomes->counts[outcomes->alone]) {
        outcomes->alone++;
        outcomes->answer = 1;
    }
    if (outcomes->alone == outcomes->count_count)
        return false;
    kaya_choices_restart_alone(outcomes->odometer, outcomes->alone, outcomes->answer);
    return true;
}

static bool next_of_all(struct outcomes *outcomes)
{
    if (outcomes->index == 1)
        keep_counts(outcomes);
    if (!kaya_choices_advance(outcomes->odometer))
        return false;
    if (outcomes->index * 2 < outcomes->index_max)
        return true;
    if (outcomes->index < outcomes->index_max && fits_budget(outcomes))
        return true;
    outcomes->sampled = true;
    outcomes->plan = PLAN_ALONE;
    return true;
}

/* Choose the next outcome; false when there is none left or the budget is spent. */
static bool outcomes_next(struct outcomes *outcomes)
{
    outcomes->index++;
    if (outcomes->plan == PLAN_ALL && !next_of_all(outcomes))
        return false;
    if (outcomes->plan == PLAN_ALL)
        return true;
    if (outcomes->index >= outcomes->index_max)
        return false;
    if (outcomes->plan == PLAN_ALONE && !next_alone(outcomes))
        outcomes->plan = PLAN_DICE;
    if (outcomes->plan == PLAN_DICE)
        kaya_choices_reseed(outcomes->dice, kaya_seen_mix(outcomes->seed, outcomes->index));
    return true;
}

/* ---- reports ---- */

static void format_path(const struct explorer *explorer, unsigned depth, char *text, size_t size)
{
    size_t used = 0;

    if (depth == 0)
        snprintf(text, size, "no crash");
    for (unsigned index = 1; index <= depth && used < size; index++) {
        const struct crash *crash = &explorer->levels[index].crash;
        int length = snprintf(text + used, size - used, "%scall %" PRIu64 " %s %" PRIu64,
                              index > 1 ? "; " : "", crash->call, crash_names[crash->kind], crash->outcome);

        used += (size_t)length;
    }
}

static void report_violation(struct level *level)
{
    struct explorer *explorer = level->explorer;
    struct kaya_explore_report *report = &explorer->report;

    if (report->violations++ == 0) {
        report->first = level->violation;
        format_path(explorer, level->depth, report->first_path, sizeof report->first_path);
    }
    if (explorer->options->stop_at_first && !explorer->wanted) {
        report->exhaustive = false;
        explorer->stopped = true;
    }
}

static void fail(struct explorer *explorer, enum kaya_status status)
{
    if (explorer->status == KAYA_OK)
        explorer->status = status;
    explorer->report.exhaustive = false;
    explorer->stopped = true;
}

static void note_state(struct level *level)
{
    struct kaya_explore_report *report = &level->explorer->report;
    uint64_t digest = report->digest;
    enum kaya_status status;
    bool added = false;

    status = kaya_seen_add(&level->explorer->seen, level->seen.hash, &added);
    if (status != KAYA_OK)
        fail(level->explorer, status);
    report->distinct += added;
    digest = kaya_seen_mix(digest, level->crash.call);
    digest = kaya_seen_mix(digest, (uint64_t)level->crash.kind);
    digest = kaya_seen_mix(digest, level->crash.outcome);
    digest = kaya_seen_mix(digest, level->seen.hash);
    report->digest = kaya_seen_mix(digest, kaya_violation_is_set(&level->violation));
}

/* ---- a boot ---- */

static bool may_crash_again(const struct level *level)
{
    return level->depth + 1 < level->explorer->level_count;
}

/* True if the call can make the disk differ from before, durably or in the cache. A lock ends with its boot. */
static bool changes_disk(const struct level *level, enum kaya_trace_kind kind)
{
    switch (kind) {
    case KAYA_TRACE_OPEN:
        return (level->seen.open_flags & KAYA_OPEN_CREATE) != 0;
    case KAYA_TRACE_CLOSE:
    case KAYA_TRACE_SIZE:
    case KAYA_TRACE_READ:
    case KAYA_TRACE_LIST:
    case KAYA_TRACE_LOCK:
    case KAYA_TRACE_UNLOCK:
    case KAYA_TRACE_PROBE_LOCK:
        return false;
    default:
        return true;
    }
}

/* A write that the crash interrupts has outcomes that the crashes in front of it and behind it have not: what was copied into
 * the cache when the process dies, what was on its way to the device in a durable write. */
static bool may_stop_inside(const struct level *level, enum kaya_trace_kind kind)
{
    return kind == KAYA_TRACE_WRITE_DURABLE ||
           (kind == KAYA_TRACE_WRITE && level->explorer->options->process_crashes);
}

static void on_boundary(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    struct level *level = user;

    (void)disk;
    level->changed = level->changed || may_stop_inside(level, kind);
    visit_point(level, call);
    level->changed = level->changed || changes_disk(level, kind);
}

static struct kaya_sim_machine machine_of(struct level *level)
{
    struct kaya_disk *disk = kaya_sim_disk_boot(level->disk);

    if (level->depth == 0)
        level->explorer->disk_operations = disk->operations;
    kaya_seen_watch(&level->seen, disk, level->explorer->disk_operations);
    return (struct kaya_sim_machine){
        .disk = disk,
        .runtime = kaya_sim_runtime_seam(level->runtime),
        .allocator = kaya_sim_memory_allocator(level->memory),
        .choices = level->explorer->tame,
        .trace = level->explorer->passing ? NULL : level->explorer->trace,
        .sim_disk = level->disk,
    };
}

/* With a disk whose only fault is to crash, every call of the code under test must succeed. False: the boot is over. */
static bool went_well(struct level *level, enum kaya_status status, const char *what)
{
    if (kaya_sim_disk_is_runaway(level->disk))
        kaya_violation_set(&level->violation, "P8", "%s did not end within %" PRIu64 " calls of the disk",
                           what, kaya_sim_disk_calls(level->disk));
    else if (status != KAYA_OK)
        kaya_violation_set(&level->violation, "P4", "%s failed: %s (%s), and there was no fault but crashes",
                           what, kaya_status_name(status), kaya_status_text(status));
    return !kaya_violation_is_set(&level->violation);
}

/* Operations of the workload, `steps_max` at most. Each may change the model. */
static bool take_steps(struct level *level, const struct kaya_sim_machine *machine, uint64_t steps_max)
{
    const struct kaya_subject_operations *operations = level->subject->operations;
    bool done = false;

    for (uint64_t step = 0; step < steps_max && !done; step++) {
        enum kaya_status status = operations->step(level->subject, machine, &level->violation, &done);

        level->changed = true;
        if (!went_well(level, status, "a step of the workload"))
            return false;
    }
    return true;
}

static bool check(struct level *level, const struct kaya_sim_machine *machine)
{
    level->subject->operations->check(level->subject, machine, &level->violation);
    return went_well(level, KAYA_OK, "the comparison with the model");
}

static bool recover(struct level *level, const struct kaya_sim_machine *machine)
{
    enum kaya_status status = level->subject->operations->recover(level->subject, machine, &level->violation);

    level->changed = true;
    return went_well(level, status, "recovery");
}

/* A boot behind a crash, to its end. */
static void live_on(struct level *level)
{
    struct kaya_sim_machine machine = machine_of(level);
    bool well;

    level->changed = false;
    level->violation.promise[0] = '\0';
    well = recover(level, &machine);
    note_state(level);
    well = well && check(level, &machine);
    well = well && take_steps(level, &machine, level->explorer->options->steps_after_recovery);
    if (well)
        visit_point(level, kaya_sim_disk_calls(level->disk) + 1);
    else if (!level->explorer->stopped)
        report_violation(level);
}

/* The workload, from an empty disk to an orderly end. */
static void live_first(struct level *level)
{
    const struct kaya_subject_operations *operations = level->subject->operations;
    struct kaya_sim_machine machine = machine_of(level);
    bool well;

    level->changed = true;
    well = recover(level, &machine) && take_steps(level, &machine, UINT64_MAX) && check(level, &machine);
    if (well) {
        enum kaya_status status = operations->close(level->subject, &machine, &level->violation);

        level->changed = true;
        well = went_well(level, status, "closing");
    }
    if (well)
        visit_point(level, kaya_sim_disk_calls(level->disk) + 1);
    else if (!level->explorer->stopped)
        report_violation(level);
}

/* ---- a crash ---- */

/* Copy the machine above to `level`, crash it as level->crash says, and boot. */
static void crash_and_live_on(struct level *level, bool go_deeper, struct kaya_trace *trace)
{
    const struct level *above = level - 1;
    const struct kaya_subject_operations *operations = level->subject->operations;
    enum kaya_status status;

    status = kaya_sim_disk_copy(above->disk, choices_of(&level->outcomes), trace, level->disk);
    if (status == KAYA_OK)
        status = operations->copy_model(above->subject, level->subject);
    if (status != KAYA_OK) {
        fail(level->explorer, status);
        return;
    }
    if (level->crash.kind == KAYA_CRASH_PROCESS)
        kaya_sim_disk_process_crash(level->disk);
    else
        kaya_sim_disk_power_loss(level->disk);
    operations->crash(level->subject, level->crash.kind);
    kaya_sim_memory_reset(level->memory);
    kaya_sim_runtime_reset(level->runtime, RUNTIME_SEED);
    kaya_sim_disk_on_boundary(level->disk, go_deeper ? on_boundary : NULL, level);
    live_on(level);
}

static void begin_crash(struct level *level, uint64_t call, enum kaya_crash kind)
{
    uint64_t index_max = level->explorer->options->outcomes_per_point_max;

    level->crash = (struct crash){ .call = call, .kind = kind };
    outcomes_begin(&level->outcomes, index_max ? index_max : OUTCOMES_PER_POINT_MAX_DEFAULT,
                   kaya_seen_mix(level->depth, call));
}

static void crash_every_way(struct level *level, uint64_t call, enum kaya_crash kind)
{
    struct explorer *explorer = level->explorer;
    uint64_t states_max = explorer->options->states_max;

    begin_crash(level, call, kind);
    do {
        if (states_max != 0 && explorer->report.states >= states_max) {
            explorer->report.exhaustive = false;
            explorer->stopped = true;
        }
        if (explorer->stopped)
            return;
        level->crash.outcome = level->outcomes.index;
        explorer->report.states++;
        crash_and_live_on(level, may_crash_again(level), NULL);
    } while (outcomes_next(&level->outcomes));
    if (level->outcomes.sampled) {
        explorer->report.sampled_points++;
        explorer->report.exhaustive = false;
    }
}

/* Rule 2: the outcome before this one stood here as well, with the same answers behind it. */
static bool was_here_before(const struct level *level)
{
    const struct outcomes *outcomes = &level->outcomes;

    return level->depth > 0 && outcomes->plan == PLAN_ALL && outcomes->index > 0 &&
           kaya_choices_given(outcomes->odometer) <= kaya_choices_kept(outcomes->odometer);
}

static void explore_point(struct level *level, uint64_t call)
{
    struct explorer *explorer = level->explorer;

    if (!level->changed || was_here_before(level))
        return;
    level->changed = false;
    explorer->report.points++;
    crash_every_way(level + 1, call, KAYA_CRASH_POWER_LOSS);
    if (explorer->options->process_crashes)
        crash_every_way(level + 1, call, KAYA_CRASH_PROCESS);
}

/* ---- walking one path again ---- */

/* Try the outcomes before the wanted one, silently: which answers there are hangs on what recovery reads. False: there are
 * not so many. */
static bool pass_outcomes(struct level *level, uint64_t wanted)
{
    bool is_left = true;

    level->explorer->passing = true;
    while (is_left && level->outcomes.index < wanted) {
        crash_and_live_on(level, false, NULL);
        is_left = level->explorer->status == KAYA_OK && outcomes_next(&level->outcomes);
    }
    level->explorer->passing = false;
    return is_left;
}

static void walk_point(struct level *level, uint64_t call)
{
    struct explorer *explorer = level->explorer;
    const struct crash *wanted;
    bool last;

    if (level->depth == explorer->wanted->count || call != explorer->wanted->crashes[level->depth].call)
        return;
    wanted = &explorer->wanted->crashes[level->depth];
    last = level->depth + 1 == explorer->wanted->count;
    level++;
    begin_crash(level, call, wanted->kind);
    if (pass_outcomes(level, wanted->outcome)) {
        level->crash.outcome = wanted->outcome;
        crash_and_live_on(level, !last, explorer->trace);
        explorer->reached = explorer->reached || last;
    }
    explorer->stopped = true;
    kaya_trace_listen(explorer->trace, NULL, NULL);
}

/* Crash right before call number `call` of `level`'s boot, if there is anything to do there. */
static void visit_point(struct level *level, uint64_t call)
{
    const struct explorer *explorer = level->explorer;

    if (explorer->stopped || explorer->passing || !may_crash_again(level))
        return;
    if (kaya_violation_is_set(&level->violation))
        return;
    if (explorer->wanted)
        walk_point(level, call);
    else
        explore_point(level, call);
}

static void print_event(void *file, const struct kaya_trace_event *event)
{
    kaya_trace_print_event(event, file);
}

/* "call 41 power_loss 3; call 7 process_crash 0", or "no crash". */
static bool parse_path(const char *text, struct path *path)
{
    *path = (struct path){ 0 };
    if (strcmp(text, "no crash") == 0)
        return true;
    for (;;) {
        struct crash *crash = &path->crashes[path->count];
        char name[16];
        int length = 0;

        if (path->count == KAYA_EXPLORE_DEPTH_MAX)
            return false;
        if (sscanf(text, "call %" SCNu64 " %15[a-z_] %" SCNu64 "%n", &crash->call, name, &crash->outcome,
                   &length) != 3)
            return false;
        crash->kind =
            strcmp(name, crash_names[KAYA_CRASH_PROCESS]) == 0 ? KAYA_CRASH_PROCESS : KAYA_CRASH_POWER_LOSS;
        if (strcmp(name, crash_names[crash->kind]) != 0)
            return false;
        path->count++;
        text += length;
        if (*text == '\0')
            return true;
        if (strncmp(text, "; ", 2) != 0)
            return false;
        text += 2;
    }
}

/* ---- the whole ---- */

/* The disks of all levels are forks of one, so that copies among them share what is not written. */
static enum kaya_status create_disk(struct level *level)
{
    struct explorer *explorer = level->explorer;
    struct kaya_sim_disk_options options = {
        .profile = explorer->options->profile,
        .choices = explorer->tame,
        .trace = explorer->trace,
        .calls_per_boot_max = explorer->options->calls_per_boot_max,
        .list_sorted = true, /* every order of every listing is not what a crash left */
        .torn_sectors_max = explorer->options->torn_sectors_max ? explorer->options->torn_sectors_max : 1,
    };

    if (level->depth == 0)
        return kaya_sim_disk_create(&options, &level->disk);
    return kaya_sim_disk_fork(explorer->levels[0].disk, level->outcomes.odometer, NULL, &level->disk);
}

static enum kaya_status level_create(struct level *level, struct explorer *explorer, unsigned depth)
{
    const struct kaya_explore_options *options = explorer->options;
    enum kaya_status status;

    level->explorer = explorer;
    level->depth = depth;
    level->memory = kaya_sim_memory_create();
    level->runtime = kaya_sim_runtime_create(RUNTIME_SEED);
    level->outcomes.odometer = kaya_choices_odometer();
    level->outcomes.dice = kaya_choices_from_seed(0);
    if (!level->memory || !level->runtime || !level->outcomes.odometer || !level->outcomes.dice)
        return KAYA_NO_MEMORY;
    status = create_disk(level);
    if (status != KAYA_OK)
        return status;
    return options->create_subject(options->user, &level->subject);
}

/* The memory goes last: a subject may hold handles of a boot that just ended, and drops them by a crash. */
static void level_destroy(struct level *level)
{
    if (level->subject) {
        level->subject->operations->crash(level->subject, KAYA_CRASH_POWER_LOSS);
        level->subject->operations->destroy(level->subject);
    }
    kaya_sim_disk_destroy(level->disk);
    kaya_choices_destroy(level->outcomes.dice);
    kaya_choices_destroy(level->outcomes.odometer);
    kaya_sim_runtime_destroy(level->runtime);
    kaya_sim_memory_destroy(level->memory);
}

static enum kaya_status create_levels(struct explorer *explorer)
{
    enum kaya_status status = KAYA_OK;

    explorer->tame = kaya_choices_from_bytes(NULL, 0);
    explorer->levels = calloc(explorer->level_count, sizeof *explorer->levels);
    if (!explorer->tame || !explorer->levels)
        return KAYA_NO_MEMORY;
    for (unsigned depth = 0; depth < explorer->level_count && status == KAYA_OK; depth++)
        status = level_create(&explorer->levels[depth], explorer, depth);
    return status;
}

static enum kaya_status run(struct explorer *explorer)
{
    enum kaya_status status = create_levels(explorer);

    if (status == KAYA_OK) {
        kaya_sim_disk_on_boundary(explorer->levels[0].disk, on_boundary, &explorer->levels[0]);
        live_first(&explorer->levels[0]);
        status = explorer->status;
    }
    return status;
}

static void release(struct explorer *explorer)
{
    for (unsigned depth = 0; explorer->levels && depth < explorer->level_count; depth++)
        level_destroy(&explorer->levels[depth]);
    free(explorer->levels);
    kaya_choices_destroy(explorer->tame);
    kaya_trace_destroy(explorer->trace);
    kaya_seen_clear(&explorer->seen);
}

enum kaya_status kaya_explore(const struct kaya_explore_options *options, struct kaya_explore_report *report)
{
    struct explorer explorer = { .options = options, .report = { .exhaustive = true } };
    enum kaya_status status;

    if (options->crash_depth == 0 || options->crash_depth > KAYA_EXPLORE_DEPTH_MAX)
        return KAYA_INVALID;
    explorer.level_count = options->crash_depth + 1;
    status = run(&explorer);
    *report = explorer.report;
    release(&explorer);
    return status;
}

enum kaya_status kaya_explore_replay(const struct kaya_explore_options *options, const char *path, FILE *file,
                                     struct kaya_violation *violation)
{
    struct path wanted;
    struct explorer explorer = { .options = options, .wanted = &wanted };
    enum kaya_status status;

    *violation = (struct kaya_violation){ 0 };
    if (!parse_path(path, &wanted))
        return KAYA_INVALID;
    explorer.level_count = wanted.count + 1;
    explorer.trace = kaya_trace_create(1);
    if (!explorer.trace)
        return KAYA_NO_MEMORY;
    if (file)
        kaya_trace_listen(explorer.trace, print_event, file);
    status = run(&explorer);
    if (status == KAYA_OK && wanted.count > 0 && !explorer.reached)
        status = KAYA_NOT_FOUND;
    if (status == KAYA_OK)
        *violation = explorer.levels[wanted.count].violation;
    release(&explorer);
    return status;
}
