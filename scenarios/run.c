/* One run.
 *
 *   draw the plan
 *   boot -> [crash in recovery, nested] -> recover and compare -> operations -> the ending
 *   ...
 *   a last boot without a crash: recover, work; then all faults are lifted under the running subject, and everything that it is asked
 *   for must succeed (S5: restarts heal bugs); read everything, close, open again
 *
 * A crash is armed by number: "right before disk call n of this boot". Its number is drawn from where the boot stands, so
 * that every call has its turn, also those inside recovery. Where a boot makes fewer calls, the power fails when its
 * operations are over.
 *
 * A fuzzer's bytes may end before the run: then it goes straight to the last boot. All that is left out are boots and operations that
 * nothing would have struck; and since inputs are many and short, what follows is brief: what was recovered is read back, the
 * healed log takes records on both sides of a rotation and is closed. Inputs that have more to say boot once more.
 *
 * All objects live on the stage and are reset, not made, between runs: a run costs no heap. */
#include "kaya/scenarios/run.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/move.h"
#include "kaya/scenarios/mute.h"
#include "kaya/scenarios/role.h"
#include "kaya/scenarios/tamper.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/boot.h"

enum {
    RECOVERY_CALLS_FIRST_GUESS = 60,
    RECOVERY_CALLS_SLACK = 8,
    FIRST_CALLS = 12,
    LAST_OPERATIONS = 8,
    EXTRA_OPERATIONS_MAX = 1000
};

struct kaya_stage {
    struct kaya_choices *seeded;
    struct kaya_trace *trace;
    struct kaya_sim_disk *disk;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_subject *subjects[KAYA_SUBJECTS];
    struct kaya_damage_watch *damage; /* asked where media may be damaged */
    struct kaya_tamperer *tamperer;
    struct kaya_image image; /* of what moves to another disk */
    struct kaya_plan plan;
    struct kaya_mute *mute; /* NULL: every call is made */

    /* of the run under way */
    struct kaya_choices *choices;
    struct kaya_subject *subject; /* one of the subjects */
    struct kaya_sim_machine machine;
    struct kaya_run_result *result;
    uint64_t seed;
    uint64_t boots;
    uint64_t recovery_calls; /* of the last recovery that came to an end */
    bool has_damage;         /* the plan may damage media, or break promises */
};

/* --- Boots --- */

static bool is_broken(const struct kaya_stage *stage)
{
    return kaya_violation_is_set(&stage->result->violation);
}

static void boot(struct kaya_stage *stage)
{
    if (stage->boots > 0)
        kaya_sim_disk_decay(stage->disk);
    kaya_sim_memory_reset(stage->memory);
    kaya_sim_runtime_reset(stage->runtime, stage->seed * 0x9e3779b97f4a7c15u + ++stage->boots);
    stage->machine = (struct kaya_sim_machine){ .disk = kaya_sim_disk_boot(stage->disk),
                                                .runtime = kaya_sim_runtime_seam(stage->runtime),
                                                .allocator = kaya_sim_memory_allocator(stage->memory),
                                                .choices = stage->choices,
                                                .trace = stage->trace,
                                                .sim_disk = stage->disk,
                                                .memory = stage->memory };
    kaya_sim_disk_on_delay(stage->disk, kaya_sim_runtime_delay, stage->runtime);
    if (stage->mute != NULL)
        kaya_mute_boot(stage->mute, stage->machine.disk);
}

static void note_runaway(struct kaya_stage *stage)
{
    if (kaya_sim_disk_is_runaway(stage->disk))
        kaya_violation_set(&stage->result->violation, "P8", "one boot made %llu disk calls and was stopped",
                           (unsigned long long)kaya_sim_disk_calls(stage->disk));
}

/* The kind of crash that an ending begins with. */
static enum kaya_crash crash_of(enum kaya_ending ending)
{
    return ending == KAYA_ENDING_POWER_LOSS ? KAYA_CRASH_POWER_LOSS : KAYA_CRASH_PROCESS;
}

static void lose_power(struct kaya_stage *stage)
{
    kaya_sim_disk_power_loss(stage->disk);
    stage->subject->operations->crash(stage->subject, KAYA_CRASH_POWER_LOSS);
    stage->result->crashes++;
}

/* The boot was stopped, by an armed crash or here: the rest of its ending. */
static void crash(struct kaya_stage *stage, enum kaya_ending ending)
{
    note_runaway(stage);
    if (!kaya_sim_disk_is_crashed(stage->disk)) {
        if (crash_of(ending) == KAYA_CRASH_POWER_LOSS)
            kaya_sim_disk_power_loss(stage->disk);
        else
            kaya_sim_disk_process_crash(stage->disk);
    }
    stage->subject->operations->crash(stage->subject, crash_of(ending));
    stage->result->crashes++;
    if (ending == KAYA_ENDING_EVICTION || ending == KAYA_ENDING_LATE_POWER_LOSS)
        kaya_sim_disk_evict(stage->disk);
    if (ending == KAYA_ENDING_LATE_POWER_LOSS)
        lose_power(stage);
}

static enum kaya_ending ending_draw(struct kaya_stage *stage)
{
    return (enum kaya_ending)kaya_weight_draw(stage->plan.ending_weights, KAYA_ENDINGS,
                                              stage->plan.ending_weight_sum, stage->choices,
                                              KAYA_STREAM_WORKLOAD, "ending");
}

static bool is_crash(enum kaya_ending ending)
{
    return ending != KAYA_ENDING_CLOSE && ending != KAYA_ENDING_CLOSE_AND_POWER_LOSS;
}

static void arm(struct kaya_stage *stage, uint64_t calls_from_now, enum kaya_ending ending)
{
    kaya_sim_disk_crash_at(stage->disk, kaya_sim_disk_calls(stage->disk) + calls_from_now, crash_of(ending));
}

/* A log is made only once in a run, so the few calls that make it are crashed at more often than others. */
static uint64_t recovery_call_draw(struct kaya_stage *stage)
{
    uint64_t count = stage->recovery_calls + RECOVERY_CALLS_SLACK;

    if (stage->boots == 1 && kaya_chance(stage->choices, KAYA_STREAM_WORKLOAD, 1, 2, "early_call"))
        count = FIRST_CALLS;
    return 1 + kaya_choose(stage->choices, KAYA_STREAM_WORKLOAD, count, "recovery_call");
}

/* Recover, perhaps through crashes inside recovery. False: the boot is over (a broken promise). */
static enum kaya_status recover(struct kaya_stage *stage, uint32_t depth_max)
{
    enum kaya_status status;
    enum kaya_ending ending = KAYA_ENDING_POWER_LOSS;

    for (uint32_t depth = 0;; depth++) {
        kaya_choices_begin_part(stage->choices, "recovery");
        boot(stage);
        if (depth < depth_max && kaya_percent_draw(stage->plan.recovery_crash_percent, stage->choices,
                                                   KAYA_STREAM_WORKLOAD, "crash_in_recovery")) {
            ending = ending_draw(stage);
            ending = is_crash(ending) ? ending : KAYA_ENDING_POWER_LOSS;
            arm(stage, recovery_call_draw(stage), ending);
        }
        kaya_subject_check_events(stage->subject, stage->disk);
        status = stage->subject->operations->recover(stage->subject, &stage->machine, &stage->result->violation);
        kaya_subject_tell_events(stage->subject, &stage->result->violation);
        kaya_choices_end_part(stage->choices);
        if (!kaya_sim_disk_is_crashed(stage->disk) || is_broken(stage))
            break;
        crash(stage, ending);
        if (is_broken(stage))
            break;
    }
    if (!is_broken(stage))
        stage->recovery_calls = kaya_sim_disk_calls(stage->disk);
    kaya_sim_disk_crash_at(stage->disk, 0, KAYA_CRASH_POWER_LOSS);
    return status;
}

static enum kaya_status step(struct kaya_stage *stage, const char *counted_by)
{
    bool done;
    enum kaya_status status;

    kaya_choices_begin_part(stage->choices, counted_by);
    status = stage->subject->operations->step(stage->subject, &stage->machine, &stage->result->violation, &done);
    kaya_subject_tell_events(stage->subject, &stage->result->violation);
    kaya_choices_end_part(stage->choices);
    return status;
}

/* `count` operations, or as many as there are before the answers end, the machine crashes or a promise breaks. KAYA_BUSY: a fault that stays keeps
 * the subject from going on. */
static enum kaya_status steps(struct kaya_stage *stage, uint64_t count, const char *counted_by)
{
    enum kaya_status status = KAYA_OK;

    while (count-- > 0 && status != KAYA_NO_MEMORY && status != KAYA_BUSY && !is_broken(stage) &&
           !kaya_sim_disk_is_crashed(stage->disk) && !kaya_choices_ends(stage->choices))
        status = step(stage, counted_by);
    return status == KAYA_NO_MEMORY || status == KAYA_BUSY ? status : KAYA_OK;
}

static void close_log(struct kaya_stage *stage)
{
    stage->subject->operations->close(stage->subject, &stage->machine, &stage->result->violation);
    kaya_subject_tell_events(stage->subject, &stage->result->violation);
    note_runaway(stage);
    if (kaya_sim_memory_in_use(stage->memory) != 0)
        kaya_violation_set(&stage->result->violation, "P8",
                           "closed, the subject still holds %llu bytes of memory",
                           (unsigned long long)kaya_sim_memory_in_use(stage->memory));
    if (kaya_sim_disk_open_count(stage->disk) != 0)
        kaya_violation_set(&stage->result->violation, "P8", "closed, the subject still has %zu files open",
                           kaya_sim_disk_open_count(stage->disk));
}

/* The machine is of no use as it is: somebody turns it off. */
static enum kaya_status give_up(struct kaya_stage *stage)
{
    enum kaya_ending ending = ending_draw(stage);

    crash(stage, is_crash(ending) ? ending : KAYA_ENDING_POWER_LOSS);
    return KAYA_OK;
}

static bool is_damaging(const struct kaya_plan *plan)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (plan->families[i] && plan->odds[i] > 0 &&
            (kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_MEDIA ||
             kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_BROKEN))
            return true;
    return false;
}

/* The machine is down, and somebody does something to the directory. Where media are damaged as well, nobody could say what either
 * asks for. */
static enum kaya_status tamper(struct kaya_stage *stage)
{
    if (stage->boots == 0 || stage->has_damage ||
        !kaya_percent_draw(stage->plan.tampering_percent, stage->choices, KAYA_STREAM_WORKLOAD, "tamper"))
        return KAYA_OK;
    return kaya_tamper(stage->tamperer, &stage->plan, stage->subject, stage->disk, stage->choices,
                       stage->trace, &stage->result->violation);
}

/* The machine is down, and the log gets another disk. */
static enum kaya_status move(struct kaya_stage *stage)
{
    struct kaya_trace_event event = { .kind = KAYA_TRACE_NOTE };

    if (stage->boots == 0 ||
        !kaya_percent_draw(stage->plan.moves_percent, stage->choices, KAYA_STREAM_WORKLOAD, "move"))
        return KAYA_OK;
    stage->plan.profile = kaya_plan_profile_draw(&stage->plan, stage->choices);
    event.text = stage->plan.profile->name;
    kaya_trace_add(stage->trace, &event);
    kaya_log_subject_moved(stage->subject);
    return kaya_move(stage->disk, stage->plan.profile, &stage->image);
}

/* A boot's operations; perhaps somebody copies the log's files meanwhile. */
static enum kaya_status work(struct kaya_stage *stage)
{
    bool copied = !stage->has_damage && kaya_percent_draw(stage->plan.live_copy_percent, stage->choices,
                                                          KAYA_STREAM_WORKLOAD, "live_copy");
    uint64_t count;
    enum kaya_status status;

    if (copied)
        kaya_tamper_copy_begin(stage->tamperer, &stage->plan, stage->subject, stage->disk, stage->choices,
                               stage->trace, &stage->result->violation);
    count = kaya_range_draw(stage->plan.operations, stage->choices, KAYA_STREAM_WORKLOAD, "operations");
    status = steps(stage, count, "operations");
    if (copied && status == KAYA_OK && !is_broken(stage) && !kaya_sim_disk_is_crashed(stage->disk))
        return kaya_tamper_copy_end(stage->tamperer);
    if (copied)
        kaya_tamper_copy_drop(stage->tamperer);
    return status;
}

static enum kaya_status play_boot_part(struct kaya_stage *stage)
{
    enum kaya_ending ending;
    uint64_t within;
    enum kaya_status status = tamper(stage);

    if (!is_broken(stage) && status == KAYA_OK)
        status = move(stage);
    if (!is_broken(stage) && status == KAYA_OK)
        status = recover(stage, stage->plan.recovery_crash_depth);
    if (is_broken(stage) || status == KAYA_NO_MEMORY)
        return status;
    if (status == KAYA_BUSY)
        return give_up(stage);
    ending = ending_draw(stage);
    within = kaya_range_draw(stage->plan.crash_within, stage->choices, KAYA_STREAM_WORKLOAD, "crash_within");
    status = work(stage);
    if (is_broken(stage) || status == KAYA_NO_MEMORY)
        return status;
    if (status == KAYA_BUSY)
        return give_up(stage);
    if (is_crash(ending)) {
        if (within > 0) {
            arm(stage, within, ending);
            status = steps(stage, EXTRA_OPERATIONS_MAX, "until the crash");
        }
        if (!is_broken(stage) && status != KAYA_NO_MEMORY)
            crash(stage, ending);
        return status;
    }
    close_log(stage);
    kaya_sim_disk_shut_down(stage->disk);
    if (ending == KAYA_ENDING_CLOSE_AND_POWER_LOSS && !is_broken(stage))
        lose_power(stage);
    return KAYA_OK;
}

static enum kaya_status play_boot(struct kaya_stage *stage)
{
    enum kaya_status status;

    kaya_choices_begin_part(stage->choices, "boots");
    status = play_boot_part(stage);
    kaya_choices_end_part(stage->choices);
    return status;
}

/* S5. Restarts heal bugs, so the faults are lifted while the subject runs; where it has no test of its own for that, before it
 * starts. */
static enum kaya_status play_last_boot(struct kaya_stage *stage)
{
    enum kaya_status (*live)(struct kaya_subject *, const struct kaya_sim_machine *, bool,
                             struct kaya_violation *) = kaya_subject_role(stage->subject)->live;
    bool briefly = kaya_choices_ends(stage->choices);
    enum kaya_status status;

    if (live == NULL)
        kaya_sim_disk_heal(stage->disk);
    status = recover(stage, 0);
    if (!is_broken(stage) && status == KAYA_OK)
        status = steps(stage, LAST_OPERATIONS, "last");
    kaya_sim_disk_heal(stage->disk);
    if (live != NULL && !is_broken(stage) && status != KAYA_NO_MEMORY)
        status = live(stage->subject, &stage->machine, briefly, &stage->result->violation);
    kaya_subject_tell_events(stage->subject, &stage->result->violation);
    if (!is_broken(stage) && status == KAYA_OK && !(briefly && stage->subject->operations->recover_checks))
        stage->subject->operations->check(stage->subject, &stage->machine, &stage->result->violation);
    if (!is_broken(stage) && status == KAYA_OK)
        close_log(stage);
    note_runaway(stage);
    kaya_sim_disk_shut_down(stage->disk);
    if (!is_broken(stage) && status == KAYA_OK && !briefly) {
        status = recover(stage, 0);
        kaya_sim_disk_shut_down(stage->disk);
    }
    return status;
}

/* --- Runs --- */

static void trace_plan(struct kaya_stage *stage)
{
    struct kaya_trace_event event = { .kind = KAYA_TRACE_NOTE,
                                      .a = stage->plan.segment_bytes,
                                      .b = stage->plan.block_bytes,
                                      .c = stage->plan.boot_count,
                                      .text = stage->plan.profile->name };

    kaya_trace_add(stage->trace, &event);
}

static void watch_damage(struct kaya_stage *stage)
{
    bool watched = stage->plan.subject == KAYA_SUBJECT_LOG && stage->plan.budget != KAYA_BUDGET_NONE &&
                   stage->has_damage;

    kaya_damage_watch_reset(stage->damage);
    kaya_log_subject_watch_damage(stage->subjects[KAYA_SUBJECT_LOG], watched ? stage->damage : NULL);
    kaya_trace_overhear(stage->trace, watched ? kaya_claims_hear : NULL, kaya_damage_watch_claims(stage->damage));
}

static void reset(struct kaya_stage *stage, const struct kaya_scenario *scenario)
{
    struct kaya_sim_disk_options options = { .choices = stage->choices,
                                             .trace = stage->trace,
                                             .families_set = true };

    kaya_trace_reset(stage->trace);
    kaya_plan_draw(&stage->plan, scenario, stage->choices);
    stage->has_damage = is_damaging(&stage->plan);
    options.profile = stage->plan.profile;
    memcpy(options.odds, stage->plan.odds, sizeof options.odds);
    options.read_fault_repeats_max = stage->plan.read_fault_repeats;
    options.capacity_bytes = stage->plan.capacity_bytes;
    options.cannot_allocate = stage->plan.cannot_allocate;
    memcpy(options.latencies, stage->plan.latencies, sizeof options.latencies);
    memcpy(options.families, stage->plan.families, sizeof options.families);
    trace_plan(stage);
    kaya_sim_disk_reset(stage->disk, &options);
    stage->subject = stage->subjects[stage->plan.subject];
    kaya_subject_reset(stage->subject, &stage->plan, stage->seed);
    watch_damage(stage);
    kaya_tamperer_reset(stage->tamperer);
    memset(stage->result, 0, sizeof *stage->result);
    stage->boots = 0;
    stage->recovery_calls = RECOVERY_CALLS_FIRST_GUESS;
}

static void collect(struct kaya_stage *stage)
{
    struct kaya_oracle_counts counts = kaya_subject_counts(stage->subject);
    struct kaya_run_result *result = stage->result;

    result->appended = counts.appended;
    result->acknowledged = counts.acknowledged;
    result->recovered = counts.recovered;
    result->promises = counts.promises;
    result->recoveries = kaya_subject_recoveries(stage->subject);
    result->marks = kaya_subject_watch(stage->subject)->marks;
    result->faults = kaya_sim_disk_fault_counts(stage->disk);
    result->digest = kaya_trace_digest(stage->trace);
    result->events = kaya_trace_count(stage->trace);
}

/* The log lost what syncs had promised, and was refused. */
static bool is_over(const struct kaya_stage *stage)
{
    return stage->plan.subject == KAYA_SUBJECT_LOG &&
           kaya_log_subject_is_over(stage->subjects[KAYA_SUBJECT_LOG]);
}

static bool may_heal(const struct kaya_stage *stage)
{
    return stage->plan.subject != KAYA_SUBJECT_LOG ||
           kaya_log_subject_may_heal(stage->subjects[KAYA_SUBJECT_LOG]);
}

enum kaya_status kaya_stage_play_choices(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                         uint64_t seed, struct kaya_choices *choices,
                                         struct kaya_run_result *result)
{
    enum kaya_status status = KAYA_OK;

    stage->choices = choices;
    stage->seed = seed;
    stage->result = result;
    reset(stage, scenario);
    for (uint64_t i = 0; i < stage->plan.boot_count && status != KAYA_NO_MEMORY && !is_broken(stage) &&
                         !is_over(stage) && !kaya_choices_ends(stage->choices);
         i++)
        status = play_boot(stage);
    if (status != KAYA_NO_MEMORY && !is_broken(stage) && may_heal(stage))
        status = play_last_boot(stage);
    collect(stage);
    return status == KAYA_NO_MEMORY ? KAYA_NO_MEMORY : KAYA_OK;
}

enum kaya_status kaya_stage_play(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                 uint64_t seed, struct kaya_run_result *result)
{
    kaya_choices_reseed(stage->seeded, seed);
    return kaya_stage_play_choices(stage, scenario, seed, stage->seeded, result);
}

/* --- Life --- */

struct kaya_stage *kaya_stage_create(size_t keep_events)
{
    struct kaya_stage *stage = calloc(1, sizeof *stage);
    struct kaya_sim_disk_options options = { 0 };

    if (stage == NULL)
        return NULL;
    stage->seeded = kaya_choices_from_seed(0);
    stage->trace = kaya_trace_create(keep_events);
    stage->memory = kaya_sim_memory_create();
    stage->runtime = kaya_sim_runtime_create(0);
    stage->damage = kaya_damage_watch_create();
    stage->tamperer = kaya_tamperer_create();
    options.choices = stage->seeded;
    if (stage->seeded == NULL || stage->trace == NULL || stage->memory == NULL || stage->runtime == NULL ||
        stage->damage == NULL || stage->tamperer == NULL ||
        kaya_sim_disk_create(&options, &stage->disk) != KAYA_OK)
        goto failed;
    for (int i = 0; i < KAYA_SUBJECTS; i++)
        if (kaya_subject_create((enum kaya_subject_kind)i, &stage->plan, 0, &stage->subjects[i]) != KAYA_OK)
            goto failed;
    kaya_sim_memory_on_allocate(stage->memory, kaya_sim_disk_refuses_memory, stage->disk);
    return stage;
failed:
    kaya_stage_destroy(stage);
    return NULL;
}

void kaya_stage_destroy(struct kaya_stage *stage)
{
    if (stage == NULL)
        return;
    for (int i = 0; i < KAYA_SUBJECTS; i++)
        kaya_subject_destroy(stage->subjects[i]);
    kaya_image_release(&stage->image);
    kaya_tamperer_destroy(stage->tamperer);
    kaya_damage_watch_destroy(stage->damage);
    kaya_sim_disk_destroy(stage->disk);
    kaya_sim_runtime_destroy(stage->runtime);
    kaya_sim_memory_destroy(stage->memory);
    kaya_trace_destroy(stage->trace);
    kaya_choices_destroy(stage->seeded);
    free(stage);
}

void kaya_stage_cover(struct kaya_stage *stage, struct kaya_coverage *coverage)
{
    for (int i = 0; i < KAYA_SUBJECTS; i++)
        kaya_subject_watch(stage->subjects[i])->coverage = coverage;
}

void kaya_stage_mute(struct kaya_stage *stage, struct kaya_mute *mute)
{
    stage->mute = mute;
}

struct kaya_trace *kaya_stage_trace(struct kaya_stage *stage)
{
    return stage->trace;
}

struct kaya_choices *kaya_stage_choices(struct kaya_stage *stage)
{
    return stage->seeded;
}
