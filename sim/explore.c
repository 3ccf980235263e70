/* The explorer: one workload, a crash at every I/O boundary, every outcome of each crash, and crashes again in and behind
 * the recovery from it.
 *
 * One machine stands at each level; level n has n crashes behind it. Level 0 runs the workload. Right before each of
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
 * are exactly those that recovery can tell apart, no matter how much was unsynced. With errors, each call of a boot asks as well
 * whether it fails; the workload is then run once for each way of failing. With threads (has_threads) the same odometer is asked who goes on at
 * each point of a gathering; the workload is then run once for each schedule, and crashed where the schedule differs from the one before.
 *
 * Left out is only what was seen already (KAYA_EXPLORE_RULE_LIST):
 *   1. unchanged: a crash before a call, when neither disk nor model changed since the last point. Reads change nothing; they decide
 *      what an earlier crash left, and the last point had every such decision among its own outcomes. (A write that can
 *      be interrupted is a point in any case.)
 *   2. same_answers: a crash inside a boot whose answers up to here are those of the outcome before: same disk, same model.
 *   3. same_crash: right after a crash, disk (with all that is undecided) and model are those that an earlier crash left. What follows
 *      is a function of these two and of the answers; all answers are tried there.
 *   4. same_state: in the middle of a boot, right before an answer: disk, model, and all that this boot was answered so far are those
 *      of an earlier one. The code under test is a function of what it was answered, so its memory is the same as well, and what
 *      follows again a function of the answers, which are all tried there. The boot is stopped at its next call.
 *   5. same_beginning: a recovery up to the call that asks the question whose answer is another one than in the outcome before. It was
 *      carried out once, is kept there with all that it has (stack, memory, disk, model), and goes on from there with each answer.
 * 3 and 4 need the model's hash, hold for states with equally many crashes left, and are kept in one set of 128-bit hashes
 * (visited.c), which several explorers may share: who adds a hash first goes on from it.
 *
 * So totals hang on no order: each distinct state asks its question once, each answer is taken once, and leads either to the next
 * question, which is new or not, or to an end, which is counted. The outcome of all zeros of each point runs to its end in any case, since
 * it shows whether the point is sampled; its states are added afterwards, and if one of them was known it is not counted. Outcomes of
 * sampled points are neither looked up nor remembered.
 *
 * Nothing here allocates while it runs. Each level keeps its disk, its subject, its memory and its choices, and every recovery gets
 * empty memory and the same random bytes. */
#include "kaya/sim/explore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fingerprint.h"
#include "kaya/sim/boot.h"
#include "outcomes.h"
#include "path.h"
#include "rewind.h"
#include "seen.h"
#include "visited.h"

enum {
    OUTCOMES_PER_POINT_MAX_DEFAULT = 1000000,
    OWN_VISITED_BYTES = 64 << 20,
    RUNTIME_SEED = 1,
    ERROR_ODDS = 2, /* an odometer takes both sides of the coin */
    TRANSFER_PARTS = 3,
    FAILURES_IN_A_ROW_MAX = 16, /* of steps, before a boot is over */
    ANSWERS_LEFT_MIN = 2,       /* of a question, for its boot to be kept */
    CALLS_BEFORE_MIN = 2,       /* likewise */
};

/* What a hash in the set stands for. */
enum kind_of_key { KEY_CRASH, KEY_STATE, KEY_SEEN };

/* ---- machines ---- */

/* A question of the first outcome of a point, which is looked up when it is known what becomes of the point. */
struct question {
    struct kaya_hash key;
    size_t given;
};

/* The boot of a level in the middle of its recovery, right before the call that asks the question whose answers are being tried. */
struct mark {
    struct kaya_rewind *rewind; /* its stack; NULL: nothing is kept */
    struct kaya_sim_disk *disk; /* ... and a copy of all else */
    struct kaya_subject *subject;
    struct kaya_kept_memory memory;
    struct kaya_kept_runtime runtime;
    struct kaya_hash seen;
    uint64_t model_now[2];
    uint64_t due; /* the call; 0: none is to be kept in this boot */
    size_t given; /* answers before it */
    bool changed;
    bool is_set;
};

struct level {
    struct kaya_explorer *explorer;
    unsigned depth; /* crashes behind this machine */
    struct kaya_sim_disk *disk;
    struct kaya_subject *subject;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_outcomes outcomes; /* of the crash before this boot */
    uint64_t call;                 /* of the boot above, before which that crash struck */
    enum kaya_crash kind;
    bool is_counted;  /* that crash, as a point */
    uint32_t strikes; /* of errors, before this boot */
    bool changed;     /* disk or model, since the last point of this boot */
    bool recovers;    /* this boot is not through with it */
    struct mark mark;
    bool is_known;              /* another boot stood here: this one is of no interest any more */
    struct kaya_hash seen;      /* what this boot was answered */
    struct kaya_hash recovered; /* ... up to the end of recovery */
    uint64_t model[2];          /* hash of the model right after the crash ... */
    uint64_t model_now[2];      /* ... and at the last call of this boot that might have been a point */
    struct question *questions;
    size_t question_count, question_capacity;
    struct kaya_violation violation;
};

struct kaya_explorer {
    const struct kaya_explore_options *options;
    const struct kaya_path *wanted; /* NULL: explore; else walk this one */
    struct kaya_trace *trace;       /* of the walk, or NULL */
    struct kaya_choices *tame;      /* the workload's choices: it is fixed, so none decides anything */
    struct level *levels;           /* crash_depth + 1 */
    unsigned level_count;
    unsigned running; /* the deepest level that runs */
    struct kaya_visited *visited;
    void *own_visited;
    uint32_t unit_next;
    uint32_t unit;                        /* the one under way */
    struct kaya_explore_report report;    /* of it */
    uint64_t skipped[KAYA_EXPLORE_RULES]; /* by the workload since the last unit: the next one counts it */
    struct kaya_explore_result *result;
    bool stopped;            /* no more points */
    bool reached;            /* the walk came to its end */
    enum kaya_status status; /* what the explorer itself met */
};

static void visit_point(struct level *level, uint64_t call);

/* ---- rules ---- */

static const char *const rule_names[KAYA_EXPLORE_RULES] = {
#define RULE_NAME(NAME, name, text) [KAYA_EXPLORE_RULE_##NAME] = #name,
    KAYA_EXPLORE_RULE_LIST(RULE_NAME)
#undef RULE_NAME
};

static const char *const rule_texts[KAYA_EXPLORE_RULES] = {
#define RULE_TEXT(NAME, name, text) [KAYA_EXPLORE_RULE_##NAME] = text,
    KAYA_EXPLORE_RULE_LIST(RULE_TEXT)
#undef RULE_TEXT
};

const char *kaya_explore_rule_name(enum kaya_explore_rule rule)
{
    return (unsigned)rule < KAYA_EXPLORE_RULES ? rule_names[rule] : "?";
}

const char *kaya_explore_rule_text(enum kaya_explore_rule rule)
{
    return (unsigned)rule < KAYA_EXPLORE_RULES ? rule_texts[rule] : "?";
}

static bool is_on(const struct kaya_explorer *explorer, enum kaya_explore_rule rule)
{
    return (explorer->options->rules_off >> rule & 1) == 0;
}

static void skip(struct kaya_explorer *explorer, enum kaya_explore_rule rule)
{
    if (explorer->running > 0)
        explorer->report.skipped[rule]++;
    else
        explorer->skipped[rule]++;
}

/* ---- reports ---- */

static uint64_t saturating_sum(uint64_t left, uint64_t right)
{
    return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

void kaya_explore_report_add(struct kaya_explore_report *sum, const struct kaya_explore_report *part)
{
    sum->runs += part->runs;
    sum->points += part->points;
    sum->states += part->states;
    sum->distinct += part->distinct;
    sum->bound = saturating_sum(sum->bound, part->bound);
    for (unsigned rule = 0; rule < KAYA_EXPLORE_RULES; rule++)
        sum->skipped[rule] += part->skipped[rule];
    sum->sampled_points += part->sampled_points;
    sum->forgotten += part->forgotten;
    sum->violations += part->violations;
    sum->digest += part->digest;
    sum->is_incomplete = sum->is_incomplete || part->is_incomplete;
}

void kaya_explorer_path(const struct kaya_explorer *explorer, char path[KAYA_EXPLORE_PATH_MAX])
{
    size_t used = 0;

    for (unsigned depth = 0; depth <= explorer->running; depth++) {
        const struct level *level = &explorer->levels[depth];

        used = kaya_path_format(path, used, depth, level->call, level->kind, level->outcomes.odometer);
    }
}

static void stop(struct kaya_explorer *explorer)
{
    explorer->report.is_incomplete = true;
    explorer->stopped = true;
}

static void fail(struct kaya_explorer *explorer, enum kaya_status status)
{
    if (explorer->status == KAYA_OK)
        explorer->status = status;
    stop(explorer);
}

static void report_violation(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;
    const struct kaya_explore_crew *crew = explorer->options->crew;
    char path[KAYA_EXPLORE_PATH_MAX];

    if (explorer->wanted)
        return;
    explorer->report.violations++;
    kaya_explorer_path(explorer, path);
    if (!kaya_violation_is_set(&explorer->result->first)) {
        explorer->result->first = level->violation;
        memcpy(explorer->result->first_path, path, sizeof path);
    }
    if (crew)
        crew->found(crew->user, explorer->unit, &level->violation, path);
    if (explorer->options->stop_at_first)
        stop(explorer);
}

/* ---- what was visited ---- */

static bool has_models(const struct level *level)
{
    return level->subject->operations->hash_model != NULL;
}

static struct kaya_hash key_of(struct level *level, enum kind_of_key kind, struct kaya_hash disk,
                               struct kaya_hash seen)
{
    struct kaya_hash key = { (uint64_t)kind, kind == KEY_SEEN ? 0 : level->explorer->level_count - level->depth };

    kaya_hash_add(&key, disk.low);
    kaya_hash_add(&key, disk.high);
    kaya_hash_add(&key, seen.low);
    kaya_hash_add(&key, seen.high);
    kaya_hash_add(&key, level->model[0]);
    kaya_hash_add(&key, level->model[1]);
    return key;
}

/* True: somebody was there. */
static bool look_up(struct kaya_explorer *explorer, struct kaya_hash key)
{
    switch (kaya_visited_add(explorer->visited, key, explorer->unit)) {
    case KAYA_VISIT_NEW:
        return false;
    case KAYA_VISIT_KNOWN:
        return true;
    case KAYA_VISIT_FULL:
        explorer->report.forgotten++;
        return false;
    }
    __builtin_unreachable();
}

/* Rule 4. Before a choice of this boot that was not made with these answers before it. */
static void on_question(void *user)
{
    struct level *level = user;
    struct kaya_choices *odometer = level->outcomes.odometer;
    struct kaya_hash key;

    if (kaya_outcomes_are_sampled(&level->outcomes) || !kaya_choices_is_new(odometer))
        return;
    key = key_of(level, KEY_STATE, kaya_disk_fingerprint(level->disk), level->seen);
    if (level->outcomes.plan == KAYA_PLAN_FIRST) {
        level->questions = kaya_disk_scratch(level->questions, &level->question_capacity,
                                             level->question_count + 1, sizeof *level->questions);
        level->questions[level->question_count++] = (struct question){ key, kaya_choices_given(odometer) };
        return;
    }
    if (!look_up(level->explorer, key))
        return;
    skip(level->explorer, KAYA_EXPLORE_RULE_SAME_STATE);
    level->is_known = true;
    kaya_choices_stop(odometer);
    kaya_sim_disk_crash_at(level->disk, kaya_sim_disk_calls(level->disk) + 1, KAYA_CRASH_PROCESS);
}

static uint32_t errors_left(const struct level *level)
{
    return level->disk->strikes_max - level->strikes;
}

/* The first outcome of a point came to its end: all or a sample? True: it counts. */
static bool plan_point(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;
    uint64_t count = kaya_outcomes_plan(&level->outcomes, errors_left(level));

    if (kaya_outcomes_are_sampled(&level->outcomes)) {
        explorer->report.sampled_points++;
        explorer->report.is_incomplete = true;
        explorer->report.bound = saturating_sum(explorer->report.bound, count);
        return true;
    }
    for (size_t index = 0; index < level->question_count; index++) {
        if (look_up(explorer, level->questions[index].key)) {
            skip(explorer, KAYA_EXPLORE_RULE_SAME_STATE);
            kaya_choices_forget(level->outcomes.odometer, level->questions[index].given);
            return false;
        }
    }
    return true;
}

static uint64_t mixed(uint64_t hash)
{
    return kaya_seen_mix(kaya_seen_mix(0, hash), hash >> 32);
}

static void note_state(struct level *level)
{
    struct kaya_explore_report *report = &level->explorer->report;
    struct kaya_hash none = { 0 };
    uint64_t digest = kaya_seen_mix(level->depth, level->recovered.low);

    report->states++;
    report->bound += !kaya_outcomes_are_sampled(&level->outcomes);
    report->distinct += !look_up(level->explorer, key_of(level, KEY_SEEN, none, level->recovered));
    report->digest += mixed(kaya_seen_mix(digest, kaya_violation_is_set(&level->violation)));
}

/* ---- a boot ---- */

static bool may_crash_again(const struct level *level)
{
    return level->depth + 1 < level->explorer->level_count;
}

/* True if the call can make the disk differ from before, durably or in the cache. A lock ends with its boot, but its file stays. */
static bool changes_disk(const struct level *level, enum kaya_trace_kind kind)
{
    switch (kind) {
    case KAYA_TRACE_OPEN:
        return (level->disk->open_flags & KAYA_OPEN_CREATE) != 0 || level->explorer->options->has_threads;
    case KAYA_TRACE_LOCK:
        return !level->disk->directory.has_lock_file;
    case KAYA_TRACE_CLOSE:
    case KAYA_TRACE_SIZE:
    case KAYA_TRACE_READ:
    case KAYA_TRACE_LIST:
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

static void set_mark(struct level *level);

static void on_boundary(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    struct level *level = user;

    (void)disk;
    if (call == level->mark.due)
        set_mark(level);
    if (!may_crash_again(level))
        return;
    level->changed = level->changed || may_stop_inside(level, kind);
    visit_point(level, call);
    level->changed = level->changed || changes_disk(level, kind);
}

static struct kaya_sim_machine machine_of(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;

    return (struct kaya_sim_machine){
        .disk = kaya_sim_disk_boot(level->disk),
        .runtime = kaya_sim_runtime_seam(level->runtime),
        .allocator = kaya_sim_memory_allocator(level->memory),
        .choices = level->depth == 0 && explorer->options->has_threads ? level->outcomes.odometer : explorer->tame,
        .trace = explorer->trace,
        .sim_disk = level->disk,
        .memory = level->memory,
    };
}

/* Where no error strikes, every call of the code under test must succeed. False: the boot is over. */
static bool went_well(struct level *level, enum kaya_status status, const char *what)
{
    if (level->is_known)
        return false;
    if (kaya_sim_disk_is_runaway(level->disk))
        kaya_violation_set(&level->violation, "P8", "%s did not end within %" PRIu64 " calls of the disk",
                           what, kaya_sim_disk_calls(level->disk));
    else if (status != KAYA_OK && level->disk->strikes == level->strikes)
        kaya_violation_set(&level->violation, "P4", "%s failed: %s (%s), and there was no fault but crashes",
                           what, kaya_status_name(status), kaya_status_text(status));
    else if (status == KAYA_NO_MEMORY)
        fail(level->explorer, status);
    return status == KAYA_OK && !kaya_violation_is_set(&level->violation);
}

/* May the boot go on with a call that failed? The next operation may mend it, but for what stays broken until the machine starts again. */
static bool may_go_on(const struct level *level, enum kaya_status status)
{
    return level->disk->strikes > level->strikes && status != KAYA_BUSY && status != KAYA_GONE &&
           !level->is_known && !level->explorer->stopped && !kaya_violation_is_set(&level->violation);
}

/* Operations of the workload, `steps_max` at most. Each may change the model. True: the last one went well. */
static bool take_steps(struct level *level, const struct kaya_sim_machine *machine, uint64_t steps_max)
{
    const struct kaya_subject_operations *operations = level->subject->operations;
    unsigned failures = 0;
    bool done = false;

    for (uint64_t step = 0; step < steps_max && !done && failures < FAILURES_IN_A_ROW_MAX; step++) {
        enum kaya_status status = operations->step(level->subject, machine, &level->violation, &done);
        bool well = went_well(level, status, "a step of the workload");

        level->changed = true;
        if (!well && !may_go_on(level, status))
            return false;
        if (!well)
            failures++;
        else if (!done) /* else nothing was tried that could have gone well */
            failures = 0;
    }
    return failures == 0;
}

static bool check(struct level *level, const struct kaya_sim_machine *machine)
{
    level->subject->operations->check(level->subject, machine, &level->violation);
    return went_well(level, KAYA_OK, "the comparison with the model");
}

static bool recover(struct level *level, const struct kaya_sim_machine *machine)
{
    enum kaya_status status;

    level->recovers = true;
    status = level->subject->operations->recover(level->subject, machine, &level->violation);
    level->recovers = false;
    level->changed = true;
    level->recovered = level->seen;
    return went_well(level, status, "recovery");
}

/* Where a boot ended that broke no promise, the next crash may strike as well. */
static void end_boot(struct level *level)
{
    if (!kaya_violation_is_set(&level->violation) && !level->is_known)
        visit_point(level, kaya_sim_disk_calls(level->disk) + 1);
}

/* A boot behind a crash, to its end. */
static void live_on(struct level *level)
{
    struct kaya_sim_machine machine = machine_of(level);
    bool well;

    level->changed = false;
    level->violation.promise[0] = '\0';
    well = recover(level, &machine);
    if (well && !level->subject->operations->recover_checks)
        well = check(level, &machine);
    if (well)
        take_steps(level, &machine, level->explorer->options->steps_after_recovery);
    end_boot(level);
}

/* The workload, from an empty disk to an orderly end. */
static void live_first(struct level *level)
{
    const struct kaya_subject_operations *operations = level->subject->operations;
    struct kaya_sim_machine machine = machine_of(level);
    bool well;

    level->changed = true;
    level->violation.promise[0] = '\0';
    well = recover(level, &machine) && take_steps(level, &machine, UINT64_MAX) && check(level, &machine);
    if (well) {
        enum kaya_status status = operations->close(level->subject, &machine, &level->violation);

        level->changed = true;
        (void)went_well(level, status, "closing");
    }
    end_boot(level);
}

/* ---- a crash ---- */

/* Copy the machine above to `level`, and crash it. False: it failed. */
static bool crash(struct level *level, struct kaya_trace *trace)
{
    const struct level *above = level - 1;
    const struct kaya_subject_operations *operations = level->subject->operations;
    enum kaya_status status;

    status = kaya_sim_disk_copy(above->disk, level->outcomes.odometer, trace, level->disk);
    if (status == KAYA_OK)
        status = operations->copy_model(above->subject, level->subject);
    if (status != KAYA_OK) {
        fail(level->explorer, status);
        return false;
    }
    if (level->kind == KAYA_CRASH_PROCESS)
        kaya_sim_disk_process_crash(level->disk);
    else
        kaya_sim_disk_power_loss(level->disk);
    operations->crash(level->subject, level->kind);
    kaya_sim_memory_reset(level->memory);
    kaya_sim_runtime_reset(level->runtime, RUNTIME_SEED);
    level->is_known = false;
    level->question_count = 0;
    level->strikes = level->disk->strikes;
    level->seen = (struct kaya_hash){ 0 };
    level->disk->seen = &level->seen;
    return true;
}

/* Rule 3. The crash itself may have decided something, so each of its outcomes is looked up. */
static bool was_left_before(struct level *level)
{
    struct kaya_hash none = { 0 };
    struct kaya_hash key;

    if (!has_models(level) || !is_on(level->explorer, KAYA_EXPLORE_RULE_SAME_CRASH) ||
        kaya_outcomes_are_sampled(&level->outcomes) || !kaya_choices_is_new(level->outcomes.odometer))
        return false;
    key = key_of(level, KEY_CRASH, kaya_disk_fingerprint(level->disk), none);
    level->outcomes.seed = key.low; /* the same state is sampled the same way */
    if (!look_up(level->explorer, key))
        return false;
    skip(level->explorer, KAYA_EXPLORE_RULE_SAME_CRASH);
    return true;
}

/* ---- the same beginning ---- */

/* Rule 5. Where a question has many answers, the boots that get them are one until then. The one that gets the second answer is kept right
 * before the call that asks; all others go on from there. The call must be begun anew: in the middle of it the disk's own work is under
 * way. */
static void plan_mark(struct level *level)
{
    const struct kaya_outcomes *outcomes = &level->outcomes;
    uint64_t left, call;

    level->mark.due = 0;
    level->mark.is_set = false;
    if (level->mark.rewind == NULL || level->explorer->wanted || outcomes->plan != KAYA_PLAN_ALL ||
        outcomes->index == 0 || kaya_choices_given(outcomes->odometer) > kaya_choices_kept(outcomes->odometer))
        return;
    call = kaya_choices_changed(outcomes->odometer, &left);
    if (left >= ANSWERS_LEFT_MIN && call >= CALLS_BEFORE_MIN)
        level->mark.due = call;
}

/* At a boundary. Goes on from here later, too. */
static void set_mark(struct level *level)
{
    struct mark *mark = &level->mark;

    mark->due = 0;
    if (!may_crash_again(level))
        kaya_sim_disk_on_boundary(level->disk, NULL, NULL);
    if (!level->recovers ||
        level->subject->operations->copy_in_recovery(level->subject, mark->subject) != KAYA_OK ||
        kaya_sim_memory_keep(level->memory, &mark->memory) != KAYA_OK ||
        kaya_sim_runtime_keep(level->runtime, &mark->runtime) != KAYA_OK)
        return;
    kaya_disk_keep(level->disk, mark->disk);
    mark->given = kaya_choices_given(level->outcomes.odometer);
    mark->seen = level->seen;
    mark->changed = level->changed;
    memcpy(mark->model_now, level->model_now, sizeof mark->model_now);
    mark->is_set = true;
    kaya_rewind_mark(mark->rewind);
}

/* Does the outcome that comes next stand at the mark with the answers that are kept? */
static bool is_at_mark(const struct level *level)
{
    return level->mark.is_set && level->outcomes.plan == KAYA_PLAN_ALL &&
           level->mark.given <= kaya_choices_kept(level->outcomes.odometer);
}

static void bring_back(struct level *level)
{
    const struct mark *mark = &level->mark;

    kaya_disk_bring_back(level->disk, mark->disk);
    kaya_sim_memory_bring_back(level->memory, &mark->memory);
    kaya_sim_runtime_bring_back(level->runtime, &mark->runtime);
    kaya_choices_go_on(level->outcomes.odometer, mark->given);
    level->seen = mark->seen;
    level->changed = mark->changed;
    memcpy(level->model_now, mark->model_now, sizeof level->model_now);
    level->recovers = true;
    level->is_known = false;
    level->violation.promise[0] = '\0';
}

static void go_on_from_mark(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;
    enum kaya_status status = level->subject->operations->copy_in_recovery(level->mark.subject, level->subject);

    if (status != KAYA_OK) {
        fail(explorer, status);
        return;
    }
    bring_back(level);
    skip(explorer, KAYA_EXPLORE_RULE_SAME_BEGINNING);
    explorer->running = level->depth;
    kaya_rewind_resume(level->mark.rewind);
    explorer->running = level->depth - 1;
}

static void live_on_its_stack(void *user)
{
    live_on(user);
}

static void live_with_points(struct level *level)
{
    plan_mark(level);
    if (may_crash_again(level) || level->mark.due != 0)
        kaya_sim_disk_on_boundary(level->disk, on_boundary, level);
    if (has_models(level) && is_on(level->explorer, KAYA_EXPLORE_RULE_SAME_STATE) && !level->explorer->wanted)
        kaya_sim_disk_on_question(level->disk, on_question, level);
    level->explorer->running = level->depth;
    if (level->mark.due != 0)
        kaya_rewind_run(level->mark.rewind, live_on_its_stack, level);
    else
        live_on(level);
    level->explorer->running = level->depth - 1;
}

/* From the crash to the end of the boot. False: that crash is no news. */
static bool crash_and_live(struct level *level)
{
    if (!crash(level, NULL))
        return false;
    if (level->outcomes.plan == KAYA_PLAN_FIRST && has_models(level))
        level->subject->operations->hash_model(level->subject, level->model);
    if (was_left_before(level)) {
        if (level->outcomes.plan == KAYA_PLAN_FIRST)
            level->outcomes.plan = KAYA_PLAN_ALL;
        return false;
    }
    level->explorer->report.points += !level->is_counted;
    level->is_counted = true;
    live_with_points(level);
    return true;
}

/* One outcome. */
static void visit_outcome(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;

    if (is_at_mark(level))
        go_on_from_mark(level);
    else if (!crash_and_live(level))
        return;
    if (explorer->status != KAYA_OK || level->is_known)
        return;
    if (level->outcomes.plan == KAYA_PLAN_FIRST && !plan_point(level))
        return;
    note_state(level);
    if (kaya_violation_is_set(&level->violation)) {
        explorer->running = level->depth;
        report_violation(level);
        explorer->running = level->depth - 1;
    }
}

static bool may_go_on_exploring(struct kaya_explorer *explorer)
{
    const struct kaya_explore_crew *crew = explorer->options->crew;
    uint64_t states_max = explorer->options->states_max;

    if (states_max != 0 && explorer->result->report.states + explorer->report.states >= states_max)
        stop(explorer);
    if (crew && !explorer->stopped && !crew->go_on(crew->user, &explorer->report))
        stop(explorer);
    return !explorer->stopped;
}

static void crash_every_way(struct level *level, uint64_t call, enum kaya_crash kind)
{
    struct kaya_explorer *explorer = level->explorer;
    uint64_t index_max = explorer->options->outcomes_per_point_max;

    level->call = call;
    level->kind = kind;
    level->is_counted = false;
    level->mark.is_set = false;
    kaya_outcomes_begin(&level->outcomes, index_max ? index_max : OUTCOMES_PER_POINT_MAX_DEFAULT,
                        kaya_seen_mix(level->depth, call));
    do {
        if (!may_go_on_exploring(explorer))
            return;
        visit_outcome(level);
    } while (!explorer->stopped && kaya_outcomes_next(&level->outcomes));
}

/* ---- units ---- */

/* Begin the next one; false: it is another explorer's. */
static bool begin_unit(struct kaya_explorer *explorer)
{
    const struct kaya_explore_crew *crew = explorer->options->crew;
    bool is_ours = true;

    explorer->unit = explorer->unit_next++;
    if (explorer->unit >= KAYA_EXPLORE_UNITS_MAX) {
        fail(explorer, KAYA_LIMIT);
        return false;
    }
    if (!crew || crew->claim(crew->user, explorer->unit))
        memcpy(explorer->report.skipped, explorer->skipped, sizeof explorer->skipped);
    else
        is_ours = false;
    memset(explorer->skipped, 0, sizeof explorer->skipped);
    return is_ours;
}

static void end_unit(struct kaya_explorer *explorer)
{
    const struct kaya_explore_crew *crew = explorer->options->crew;

    if (crew)
        crew->finished(crew->user, explorer->unit, &explorer->report, !explorer->stopped);
    kaya_explore_report_add(&explorer->result->report, &explorer->report);
    explorer->report = (struct kaya_explore_report){ 0 };
}

/* A point of the first level: each kind of crash is a unit. */
static void explore_unit(struct level *level, uint64_t call, enum kaya_crash kind)
{
    struct kaya_explorer *explorer = level->explorer;

    if (explorer->stopped || !begin_unit(explorer))
        return;
    crash_every_way(level + 1, call, kind);
    end_unit(explorer);
}

/* Rule 2: the outcome before this one stood here as well, with the same answers behind it. */
static bool was_here_before(const struct level *level)
{
    const struct kaya_outcomes *outcomes = &level->outcomes;

    return outcomes->plan == KAYA_PLAN_ALL && outcomes->index > 0 &&
           kaya_choices_given(outcomes->odometer) <= kaya_choices_kept(outcomes->odometer);
}

/* The subject tells its model of things in the middle of a step as well, between two calls of the disk. */
static void note_model(struct level *level)
{
    uint64_t now[2];

    if (!has_models(level))
        return;
    level->subject->operations->hash_model(level->subject, now);
    level->changed = level->changed || memcmp(now, level->model_now, sizeof now) != 0;
    memcpy(level->model_now, now, sizeof now);
}

static bool is_worth_a_visit(struct level *level)
{
    note_model(level);
    if (!level->changed && is_on(level->explorer, KAYA_EXPLORE_RULE_UNCHANGED)) {
        skip(level->explorer, KAYA_EXPLORE_RULE_UNCHANGED);
        return false;
    }
    if (was_here_before(level) && is_on(level->explorer, KAYA_EXPLORE_RULE_SAME_ANSWERS)) {
        skip(level->explorer, KAYA_EXPLORE_RULE_SAME_ANSWERS);
        return false;
    }
    return true;
}

static void explore_point(struct level *level, uint64_t call)
{
    struct kaya_explorer *explorer = level->explorer;
    bool with_processes = explorer->options->process_crashes;

    if (!is_worth_a_visit(level))
        return;
    level->changed = false;
    if (level->depth == 0) {
        explore_unit(level, call, KAYA_CRASH_POWER_LOSS);
        if (with_processes)
            explore_unit(level, call, KAYA_CRASH_PROCESS);
        return;
    }
    crash_every_way(level + 1, call, KAYA_CRASH_POWER_LOSS);
    if (with_processes)
        crash_every_way(level + 1, call, KAYA_CRASH_PROCESS);
}

/* ---- walking one path again ---- */

static void aim(struct level *level)
{
    const struct kaya_path_leg *leg = &level->explorer->wanted->legs[level->depth];

    level->call = leg->call;
    level->kind = leg->kind;
    kaya_choices_restart_with(level->outcomes.odometer, leg->answers, leg->answer_count);
}

/* Every answer of the path was asked for, and was one of so many. */
static bool has_fitted(const struct level *level)
{
    const struct kaya_path_leg *leg = &level->explorer->wanted->legs[level->depth];

    if (kaya_choices_given(level->outcomes.odometer) < leg->answer_count)
        return false;
    for (size_t index = 0; index < leg->answer_count; index++)
        if (kaya_choices_answer_at(level->outcomes.odometer, index) != leg->answers[index])
            return false;
    return true;
}

static void walk_point(struct level *level, uint64_t call)
{
    struct kaya_explorer *explorer = level->explorer;
    bool is_last;

    if (level->depth == explorer->wanted->crash_count || call != explorer->wanted->legs[level->depth + 1].call)
        return;
    is_last = level->depth + 1 == explorer->wanted->crash_count;
    level++;
    aim(level);
    if (crash(level, explorer->trace)) {
        live_with_points(level);
        explorer->reached = (explorer->reached || is_last) && has_fitted(level);
    }
    explorer->stopped = true;
    kaya_trace_listen(explorer->trace, NULL, NULL);
}

/* Crash right before call number `call` of `level`'s boot, if there is anything to do there. */
static void visit_point(struct level *level, uint64_t call)
{
    const struct kaya_explorer *explorer = level->explorer;

    if (explorer->stopped || level->is_known || !may_crash_again(level))
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

/* ---- the whole ---- */

/* The disks of all levels are forks of one, so that copies among them share what is not written. */
static struct kaya_sim_disk_options disk_options(const struct level *level)
{
    const struct kaya_explore_options *options = level->explorer->options;
    struct kaya_sim_disk_options made = {
        .profile = options->profile,
        .choices = level->outcomes.odometer,
        .trace = level->explorer->trace,
        .calls_per_boot_max = options->calls_per_boot_max,
        .list_sorted = true, /* every order of every listing is not what a crash left */
        .torn_sectors_max = options->torn_sectors_max ? options->torn_sectors_max : 1,
        .families_set = true,
        .strikes_max = options->errors_max ? options->errors_max : 1,
        .transfer_parts_max = TRANSFER_PARTS,
        .capacity_bytes = options->capacity_bytes,
        .cannot_allocate = options->cannot_allocate,
    };

    for (unsigned family = 0; family < KAYA_FAULTS; family++) {
        bool is_error = (options->errors >> family & 1) != 0;
        bool is_crash = kaya_fault_group((enum kaya_fault)family) == KAYA_FAULT_GROUP_CRASH ||
                        family == KAYA_FAULT_NO_SPACE;

        made.families[family] = is_error || (is_crash && (options->kept >> family & 1) == 0);
        made.odds[family] = is_error ? ERROR_ODDS : 0;
    }
    return made;
}

static enum kaya_status create_disk(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;
    struct kaya_sim_disk_options options = disk_options(level);

    if (level->depth == 0)
        return kaya_sim_disk_create(&options, &level->disk);
    return kaya_sim_disk_fork(explorer->levels[0].disk, level->outcomes.odometer, NULL, &level->disk);
}

/* Without it each recovery begins at its beginning. */
static enum kaya_status create_mark(struct level *level)
{
    const struct kaya_explore_options *options = level->explorer->options;
    struct kaya_rewind *rewind;
    enum kaya_status status;

    if (level->depth == 0 || level->explorer->wanted || level->subject->operations->copy_in_recovery == NULL ||
        !is_on(level->explorer, KAYA_EXPLORE_RULE_SAME_BEGINNING) ||
        !is_on(level->explorer, KAYA_EXPLORE_RULE_SAME_ANSWERS))
        return KAYA_OK;
    rewind = kaya_rewind_create();
    if (rewind == NULL)
        return KAYA_OK;
    level->mark.rewind = rewind;
    kaya_choices_watch(level->outcomes.odometer, &level->disk->calls);
    status = kaya_sim_disk_fork(level->disk, level->outcomes.odometer, NULL, &level->mark.disk);
    return status == KAYA_OK ? options->create_subject(options->user, &level->mark.subject) : status;
}

static enum kaya_status level_create(struct level *level, struct kaya_explorer *explorer, unsigned depth)
{
    const struct kaya_explore_options *options = explorer->options;
    enum kaya_status status;

    level->explorer = explorer;
    level->depth = depth;
    level->memory = kaya_sim_memory_create();
    level->runtime = kaya_sim_runtime_create(RUNTIME_SEED);
    status = kaya_outcomes_create(&level->outcomes);
    if (!level->memory || !level->runtime || status != KAYA_OK)
        return KAYA_NO_MEMORY;
    status = create_disk(level);
    if (status != KAYA_OK)
        return status;
    if ((options->errors >> KAYA_FAULT_OUT_OF_MEMORY & 1) != 0)
        kaya_sim_memory_on_allocate(level->memory, kaya_sim_disk_refuses_memory, level->disk);
    status = options->create_subject(options->user, &level->subject);
    return status == KAYA_OK ? create_mark(level) : status;
}

/* The memory goes last: a subject may hold handles of a boot that just ended, and drops them by a crash. */
static void drop_subject(struct kaya_subject **subject)
{
    if (!*subject)
        return;
    (*subject)->operations->crash(*subject, KAYA_CRASH_POWER_LOSS);
    (*subject)->operations->destroy(*subject);
    *subject = NULL;
}

static void drop_mark(struct mark *mark)
{
    drop_subject(&mark->subject);
    kaya_sim_disk_destroy(mark->disk);
    kaya_kept_memory_release(&mark->memory);
    kaya_kept_memory_release(&mark->runtime.memory);
    kaya_rewind_destroy(mark->rewind);
}

static void level_destroy(struct level *level)
{
    drop_subject(&level->subject);
    drop_mark(&level->mark);
    kaya_sim_disk_destroy(level->disk);
    kaya_outcomes_release(&level->outcomes);
    kaya_sim_runtime_destroy(level->runtime);
    kaya_sim_memory_destroy(level->memory);
    free(level->questions);
}

static enum kaya_status create_levels(struct kaya_explorer *explorer)
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

static enum kaya_status create_visited(struct kaya_explorer *explorer)
{
    explorer->visited = explorer->options->visited;
    if (explorer->visited || explorer->wanted)
        return KAYA_OK;
    explorer->own_visited = calloc(1, OWN_VISITED_BYTES);
    if (!explorer->own_visited)
        return KAYA_NO_MEMORY;
    explorer->visited = kaya_visited_init(explorer->own_visited, OWN_VISITED_BYTES);
    return KAYA_OK;
}

/* An empty disk and a new subject, for the next run of the workload. */
static enum kaya_status start_over(struct level *level)
{
    const struct kaya_explore_options *options = level->explorer->options;
    struct kaya_sim_disk_options disk = disk_options(level);

    drop_subject(&level->subject);
    kaya_sim_disk_shut_down(level->disk);
    kaya_sim_disk_reset(level->disk, &disk);
    kaya_sim_memory_reset(level->memory);
    kaya_sim_runtime_reset(level->runtime, RUNTIME_SEED);
    return options->create_subject(options->user, &level->subject);
}

/* The run itself is a unit, for what it breaks without any crash. */
static void end_run(struct level *level)
{
    struct kaya_explorer *explorer = level->explorer;

    if (explorer->wanted || explorer->stopped || !begin_unit(explorer))
        return;
    explorer->report.runs++;
    if (kaya_violation_is_set(&level->violation))
        report_violation(level);
    end_unit(explorer);
}

/* Once; with errors, once for each way of failing; with threads, for each schedule. */
static enum kaya_status run_workload(struct kaya_explorer *explorer)
{
    struct level *level = &explorer->levels[0];
    enum kaya_status status = KAYA_OK;

    kaya_outcomes_begin(&level->outcomes, 0, 0);
    if (explorer->options->has_threads)
        kaya_sim_runtime_enumerate(level->runtime, explorer->options->preemptions_max);
    if (explorer->wanted)
        aim(level);
    for (;;) {
        kaya_sim_disk_on_boundary(level->disk, on_boundary, level);
        live_first(level);
        end_run(level);
        level->outcomes.plan = KAYA_PLAN_ALL;
        if (explorer->stopped || explorer->wanted || !kaya_outcomes_next(&level->outcomes))
            return explorer->status;
        status = start_over(level);
        if (status != KAYA_OK)
            return status;
    }
}

static enum kaya_status run(struct kaya_explorer *explorer)
{
    const struct kaya_explore_crew *crew = explorer->options->crew;
    enum kaya_status status = create_levels(explorer);

    if (status == KAYA_OK)
        status = create_visited(explorer);
    if (status == KAYA_OK && crew && crew->begin && !explorer->wanted)
        crew->begin(crew->user, explorer);
    return status == KAYA_OK ? run_workload(explorer) : status;
}

static void release(struct kaya_explorer *explorer)
{
    for (unsigned depth = 0; explorer->levels && depth < explorer->level_count; depth++)
        level_destroy(&explorer->levels[depth]);
    free(explorer->levels);
    kaya_choices_destroy(explorer->tame);
    kaya_trace_destroy(explorer->trace);
    free(explorer->own_visited);
}

enum kaya_status kaya_explore(const struct kaya_explore_options *options, struct kaya_explore_result *result)
{
    struct kaya_explorer explorer = { .options = options, .result = result };
    enum kaya_status status;

    *result = (struct kaya_explore_result){ 0 };
    if (options->crash_depth == 0 || options->crash_depth > KAYA_EXPLORE_DEPTH_MAX)
        return KAYA_INVALID;
    explorer.level_count = options->crash_depth + 1;
    status = run(&explorer);
    kaya_explore_report_add(&result->report, &explorer.report); /* what was begun and not ended */
    result->exhaustive = !result->report.is_incomplete;
    release(&explorer);
    return status;
}

enum kaya_status kaya_explore_walk(const struct kaya_explore_options *options, const char *path,
                                   kaya_trace_listener *listener, void *user, struct kaya_violation *violation)
{
    struct kaya_path wanted;
    struct kaya_explorer explorer = { .options = options, .wanted = &wanted };
    enum kaya_status status;

    *violation = (struct kaya_violation){ 0 };
    status = kaya_path_parse(path, &wanted);
    if (status != KAYA_OK)
        return status;
    explorer.level_count = wanted.crash_count + 1;
    explorer.trace = kaya_trace_create(1);
    if (!explorer.trace) {
        kaya_path_release(&wanted);
        return KAYA_NO_MEMORY;
    }
    kaya_trace_listen(explorer.trace, listener, user);
    status = run(&explorer);
    if (status == KAYA_OK && (!has_fitted(&explorer.levels[0]) || (wanted.crash_count > 0 && !explorer.reached)))
        status = KAYA_NOT_FOUND;
    if (status == KAYA_OK)
        *violation = explorer.levels[wanted.crash_count].violation;
    release(&explorer);
    kaya_path_release(&wanted);
    return status;
}

enum kaya_status kaya_explore_replay(const struct kaya_explore_options *options, const char *path, FILE *file,
                                     struct kaya_violation *violation)
{
    return kaya_explore_walk(options, path, file ? print_event : NULL, file, violation);
}
