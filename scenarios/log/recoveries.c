/* Recovery: the log is opened, recovered without being opened, opened again, cut back; and what is owed where it is refused.
 *
 * An open that fails because of a fault is tried again; where the fault stays, the boot is over (KAYA_BUSY). A log that was refused must
 * stand as it stood and give what is whole in it (salvage); then somebody finds the good bytes again, or the run is over. */
#include "log.h"

#include "kaya/scenarios/damage.h"
#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/report_check.h"
#include "kaya/scenarios/salvage_check.h"

enum { COUNTED_OPEN_OF = 64 };

/* Everything undamaged comes, and nothing else (P5). */
static enum kaya_status salvage(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    uint64_t record_count = 0;
    enum kaya_status status;

    kaya_log_trace(log, KAYA_TRACE_OPERATION, "salvage", KAYA_OK, 0, 0, 0);
    status =
        kaya_log_heard(log, machine,
                       kaya_salvage_check(log->damage, log->oracle, &log->outlook, &log->player.environment,
                                          log->has_anchor ? &log->anchor : NULL, &record_count, violation));
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "salvage", status, record_count, 0, 0);
    kaya_log_expect_untouched(machine, &before, violation);
    if (status == KAYA_GONE)
        return KAYA_GONE;
    if (status != KAYA_OK && log->player.struck == 0)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P5),
                           "nothing stood in the way of salvage, but it answered %s", kaya_status_name(status));
    return KAYA_OK;
}

/* Could somebody find the good bytes again? What a sync promised, or a link said, and a recovery went on without, may contradict what was
 * written since. */
bool kaya_log_may_heal(const struct kaya_log *log)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (log->player.plan->families[i] && log->player.plan->odds[i] > 0 &&
            kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_BROKEN)
            return !kaya_oracle_has_parted(log->oracle);
    return !kaya_oracle_has_passed_link(log->oracle);
}

/* A log that was refused stands as it stood, and gives what is whole in it; then somebody finds the good bytes again, or it is over
 * (KAYA_BUSY). */
static enum kaya_status heal(struct kaya_log *log, const struct kaya_sim_machine *machine,
                             struct kaya_violation *violation)
{
    bool untouched;
    enum kaya_status status = kaya_damage_is_untouched(log->damage, machine->sim_disk, &untouched);

    if (status != KAYA_OK)
        return status;
    log->refusals++;
    if (!untouched)
        kaya_violation_set(violation, "P5",
                           "a log that is refused is left as it is; this refusal changed the disk");
    status = kaya_violation_is_set(violation) ? KAYA_OK : salvage(log, machine, violation);
    if (status != KAYA_OK)
        return status;
    log->is_over = !kaya_log_may_heal(log);
    if (log->is_over)
        return KAYA_BUSY;
    kaya_log_trace(log, KAYA_TRACE_NOTE, "healed", KAYA_OK, log->outlook.refusal, log->outlook.place_count, 0);
    kaya_sim_disk_heal(machine->sim_disk);
    return kaya_log_foresee(log, machine, 0);
}

static bool is_cut(const struct kaya_wal_recovery_report *report)
{
    return report->verdict == KAYA_VERDICT_TORN || report->mended_count > 0;
}

/* cut_is_error: a tail that nothing vouches for is refused rather than cut or mended, and nothing else is. */
static void expect_reason(const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (!is_cut(report))
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P4),
                           "the log was refused rather than cut or mended, and there was nothing to be: verdict %s",
                           kaya_wal_verdict_name(report->verdict));
}

static void expect_no_cut(const struct kaya_log *log, const struct kaya_wal_recovery_report *report,
                          struct kaya_violation *violation)
{
    if (is_cut(report) && !kaya_oracle_is_unrestricted(log->oracle))
        kaya_violation_set(
            violation, kaya_promise_name(KAYA_PROMISE_P5),
            "a log that was to be refused rather than cut or mended was opened: verdict %s, %llu mended",
            kaya_wal_verdict_name(report->verdict), (unsigned long long)report->mended_count);
}

static enum kaya_status recover_only(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    struct kaya_wal_config config = kaya_log_config_of(log);
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    kaya_log_trace(log, KAYA_TRACE_OPERATION, "recover", KAYA_OK, 0, 0, 0);
    log->has_anchor = false;
    config.cut_is_error = log->damage != NULL && /* where there is most to be refused for */
                          kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "cut_is_error");
    status = kaya_log_foresee(log, machine, 0);
    if (status != KAYA_OK)
        return status;
    kaya_log_tell_claims(log, 0, true);
    kaya_oracle_barrier_begin(log->oracle, KAYA_BARRIER_CLOSE);
    kaya_event_check_forget(&log->player.events); /* what the writer before it told */
    status = kaya_log_heard(log, machine, kaya_wal_recover(&log->player.environment, &config, &report));
    if (config.cut_is_error && status == KAYA_DAMAGED && report.verdict != KAYA_VERDICT_DAMAGED) {
        expect_reason(&report, violation);
        kaya_event_check_recovered(&log->player.events, status, &report);
        kaya_log_expect_refused(machine, &before, "a cut was refused", violation);
        kaya_log_trace(log, KAYA_TRACE_ANSWER, "recover", status, report.first_lsn, report.last_lsn,
                       report.epoch);
        return KAYA_OK;
    }
    if (config.cut_is_error && status == KAYA_OK)
        expect_no_cut(log, &report, violation);
    kaya_player_recovered(&log->player, machine, status, &report);
    kaya_report_check(KAYA_REPORT_BY_RECOVERY, status, &report, violation);
    kaya_oracle_recovered(log->oracle, status, &report, violation);
    kaya_log_judge_mended(log, status, violation);
    if (status == KAYA_OK) {
        kaya_log_tell_recovered(log, &report);
        kaya_oracle_barrier_end(log->oracle, KAYA_BARRIER_CLOSE, status, violation);
    }
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "recover", status, report.first_lsn, report.last_lsn, report.epoch);
    if (kaya_oracle_is_refusal(log->oracle, status) && !kaya_violation_is_set(violation))
        status = heal(log, machine, violation);
    return kaya_status_for_runner(status);
}

static bool visit_unfinished(void *user, const char *name, enum kaya_entry_kind kind)
{
    uint64_t *count = user;

    *count += kind == KAYA_ENTRY_FILE && kaya_layout_number(name, ".new") != 0;
    return true;
}

static enum kaya_status try_to_open(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    struct kaya_wal_config config;
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    struct kaya_sim_disk_usage after;
    uint64_t stored_before = kaya_sim_disk_bytes_stored(machine->sim_disk);
    uint64_t unfinished = 0;
    bool counts = false;
    enum kaya_status status;

    if (kaya_percent_draw(log->player.plan->other_config_percent, machine->choices, KAYA_STREAM_WORKLOAD,
                          "other_config")) {
        log->sizes = kaya_other_sizes_draw(log->player.plan, machine->choices);
        kaya_watch_mark(&log->player.watch, KAYA_MARK_OTHER_CONFIG);
    }
    config = kaya_log_config_of(log);
    log->anchor = kaya_oracle_anchor(log->oracle);
    log->has_anchor =
        kaya_oracle_exists(log->oracle) &&
        kaya_percent_draw(log->player.plan->anchor_percent, machine->choices, KAYA_STREAM_WORKLOAD, "anchor");
    config.anchor = log->has_anchor ? &log->anchor : NULL;
    config.must_exist = kaya_oracle_exists(log->oracle);
    log->writer = NULL;
    status = kaya_log_foresee(log, machine, log->has_anchor ? log->anchor.lsn : 0);
    if (status != KAYA_OK)
        return status;
    if (log->damage != NULL || log->player.plan->tampers) /* where all bytes are read before, and no fate is left open */
        status = kaya_log_count(log, machine, COUNTED_OPEN_OF, &counts, violation);
    if (status != KAYA_OK)
        return status;
    kaya_log_tell_claims(log, 0, true);
    kaya_log_trace(log, KAYA_TRACE_OPERATION, "open", KAYA_OK, config.segment_bytes, config.block_bytes,
                   config.record_bytes_max);
    kaya_event_check_forget(&log->player.events); /* what the writer before it told */
    status = kaya_log_heard(log, machine,
                            kaya_wal_writer_open(&log->player.environment, &config, &log->writer, &report));
    kaya_player_recovered(&log->player, machine, status, &report);
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "open", status, report.first_lsn, report.last_lsn, report.epoch);
    kaya_report_check(KAYA_REPORT_BY_RECOVERY, status, &report, violation);
    kaya_oracle_recovered(log->oracle, status, &report, violation);
    kaya_log_judge_mended(log, status, violation);
    if (counts && log->player.struck == 0 && !kaya_violation_is_set(violation))
        kaya_census_judge_recovery(kaya_look_check_census(log->look_check), "recovery", status, &report,
                                   log->has_anchor ? log->anchor.lsn : 0, violation);
    if (status != KAYA_OK)
        return status;
    kaya_log_tell_recovered(log, &report);
    log->player.recoveries++;
    log->fresh = true;
    after = kaya_sim_disk_usage(machine->sim_disk);
    kaya_oracle_recovery_cost(
        log->oracle,
        &(struct kaya_recovery_cost){ .bytes_stored = stored_before,
                                      .file_count = before.file_count,
                                      .calls = after.calls - before.calls,
                                      .looks = after.lists - before.lists,
                                      .bytes_read = after.bytes_read - before.bytes_read,
                                      .memory_bytes =
                                          machine->memory == NULL ? 0 : kaya_sim_memory_peak(machine->memory),
                                      .was_tampered_with = log->player.plan->tampers },
        violation);
    status = kaya_log_judge_disk_use(log, machine, violation);
    if (status != KAYA_OK)
        return status;
    kaya_sim_disk_names(machine->sim_disk, visit_unfinished, &unfinished);
    if (report.verdict != KAYA_VERDICT_EMPTY) /* where there is no log, nothing is removed */
        kaya_oracle_unfinished(log->oracle, unfinished, violation);
    return KAYA_OK;
}

/* Does what stood in the way of the last open stay there? */
static bool is_hopeless(const struct kaya_log *log, enum kaya_status status)
{
    uint64_t lasting = (uint64_t)1 << KAYA_FAULT_IO_ERROR_LASTING | (uint64_t)1 << KAYA_FAULT_NO_SPACE;

    return kaya_is_failure(status) && (log->player.struck & lasting) != 0;
}

/* An open that failed goes on, when it is tried again, as if it had crashed. KAYA_BUSY: not on this boot. */
enum kaya_status kaya_log_open_writer(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_IO;

    if (log->player.plan->budget == KAYA_BUDGET_NONE) {
        status = try_to_open(log, machine, violation);
        return status == KAYA_OK || status == KAYA_GONE ? status : KAYA_BUSY;
    }
    for (unsigned tries = 0;
         tries < KAYA_OPENS_MAX && !kaya_violation_is_set(violation) && kaya_is_failure(status); tries++) {
        status = try_to_open(log, machine, violation);
        if (kaya_oracle_is_refusal(log->oracle, status) && !kaya_violation_is_set(violation)) {
            status = heal(log, machine, violation);
            status = status == KAYA_OK ? KAYA_IO : status; /* and again */
        }
        if (is_hopeless(log, status))
            return KAYA_BUSY;
    }
    if (kaya_is_failure(status))
        kaya_violation_set(violation, "P7", "the log was opened %u times, and did not open", KAYA_OPENS_MAX);
    return kaya_status_for_runner(status);
}

/* Somebody looks at what the crash left, before recovery touches it. */
static enum kaya_status look(struct kaya_log *log, const struct kaya_sim_machine *machine,
                             struct kaya_violation *violation)
{
    kaya_log_trace(log, KAYA_TRACE_OPERATION, "look", KAYA_OK, 0, 0, 0);
    switch (kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 3, "look_by")) {
    case 0:
        return kaya_log_read_all(log, machine, true, violation);
    case 1:
        return kaya_log_verify(log, machine, violation);
    default:
        kaya_log_copy_files(log, machine);
        return KAYA_OK;
    }
}

enum kaya_status kaya_log_recover(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation)
{
    const struct kaya_plan *plan = log->player.plan;
    enum kaya_status status = KAYA_OK;

    kaya_player_boot(&log->player, machine);
    if (kaya_percent_draw(plan->look_percent, machine->choices, KAYA_STREAM_WORKLOAD, "look"))
        status = look(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation) && kaya_oracle_exists(log->oracle) &&
        kaya_percent_draw(plan->recover_only_percent, machine->choices, KAYA_STREAM_WORKLOAD, "recover_only"))
        status = recover_only(log, machine, violation);
    if ((status == KAYA_OK || kaya_is_failure(status)) && !kaya_violation_is_set(violation))
        status = kaya_log_open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_read_all(
            log, machine,
            kaya_percent_draw(plan->beside_percent, machine->choices, KAYA_STREAM_WORKLOAD, "beside"),
            violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation) &&
        kaya_percent_draw(plan->trim_percent, machine->choices, KAYA_STREAM_WORKLOAD, "trim"))
        status = kaya_log_trim(log, machine, 0, violation);
    return status;
}

/* Close; open and close once more, which writes nothing; open. */
enum kaya_status kaya_log_reopen(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation)
{
    enum kaya_status status = kaya_log_barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    uint64_t written = kaya_sim_disk_usage(machine->sim_disk).bytes_written;
    uint64_t refusals = log->refusals;

    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    if (status == KAYA_OK && !kaya_oracle_is_unrestricted(log->oracle) && !log->outlook.is_damaged &&
        log->refusals == refusals && kaya_sim_disk_usage(machine->sim_disk).bytes_written != written)
        kaya_violation_set(violation, "P8",
                           "a closed log was opened and closed with nothing appended, and %llu bytes were "
                           "written",
                           (unsigned long long)(kaya_sim_disk_usage(machine->sim_disk).bytes_written - written));
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_open_writer(log, machine, violation);
    return status;
}

static uint64_t cut_lsn(const struct kaya_log *log, uint64_t give_up)
{
    uint64_t low = kaya_oracle_first_lsn(log->oracle);
    uint64_t last = kaya_oracle_last_lsn(log->oracle);
    uint64_t lsn = last + 1 - low > give_up ? last - give_up : low - 1;

    while (!kaya_oracle_ends_batch(log->oracle, lsn))
        lsn++;
    return lsn;
}

/* An end at which the log must not be cut: behind its last record, below its low-water mark, in front of what an anchor vouches for, or inside
 * a batch. False: it has none of that kind. */
static bool draw_no_end(struct kaya_log *log, const struct kaya_sim_machine *machine,
                        struct kaya_wal_config *config, uint64_t *lsn)
{
    uint64_t low = kaya_oracle_first_lsn(log->oracle);
    uint64_t last = kaya_oracle_last_lsn(log->oracle);

    switch (kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 4, "no_end")) {
    case 0:
        *lsn = last + 1;
        return true;
    case 1:
        *lsn = low - 2;
        return low >= 2 && low == kaya_oracle_first_lsn_at_most(log->oracle);
    case 2:
        log->anchor = kaya_oracle_anchor(log->oracle);
        config->anchor = &log->anchor;
        *lsn = cut_lsn(log, 1);
        return *lsn < log->anchor.lsn;
    default:
        *lsn = low + kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, last + 2 - low, "inside");
        return !kaya_oracle_ends_batch(log->oracle, *lsn);
    }
}

/* A closed log is to be cut where it must not be: it says so, and stands as it stood. */
static enum kaya_status cut_nowhere(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    struct kaya_wal_config config = kaya_log_config_of(log);
    struct kaya_wal_recovery_report report = { 0 };
    uint64_t lsn;
    enum kaya_status status;

    if (!draw_no_end(log, machine, &config, &lsn) || log->outlook.is_damaged ||
        kaya_oracle_is_unrestricted(log->oracle))
        return KAYA_OK;
    status = kaya_log_heard(log, machine, kaya_wal_cut_back(&log->player.environment, &config, lsn, &report));
    kaya_event_check_forget(&log->player.events);
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "cut_nowhere", status, lsn, report.last_lsn, report.epoch);
    kaya_oracle_cut_nowhere(log->oracle, lsn, status, violation);
    if (status == KAYA_INVALID)
        kaya_log_expect_refused(machine, &before, "a cut-back was refused", violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

enum kaya_status kaya_log_cut_back(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                   uint64_t give_up, struct kaya_violation *violation)
{
    struct kaya_wal_config config = kaya_log_config_of(log);
    struct kaya_wal_recovery_report report = { 0 };
    uint64_t lsn = cut_lsn(log, give_up);
    enum kaya_status status = kaya_log_barrier(log, machine, KAYA_BARRIER_CLOSE, violation);

    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    status = kaya_log_foresee(log, machine, 0);
    if (status == KAYA_OK && kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 3, "nowhere"))
        status = cut_nowhere(log, machine, violation);
    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    kaya_log_tell_claims(log, 0, true);
    kaya_oracle_cut_begin(log->oracle, lsn);
    status = kaya_log_heard(log, machine, kaya_wal_cut_back(&log->player.environment, &config, lsn, &report));
    kaya_report_check(KAYA_REPORT_BY_CUT_BACK, status, &report, violation);
    kaya_event_check_forget(&log->player.events); /* what a cut-back carries is its own business */
    kaya_oracle_cut_end(log->oracle, status, &report, violation);
    if (status == KAYA_OK)
        kaya_log_tell_recovered(log, &report);
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "cut_back", status, lsn, report.last_lsn, report.epoch);
    if (kaya_oracle_is_refusal(log->oracle, status) && !kaya_violation_is_set(violation))
        status = heal(log, machine, violation);
    status = status == KAYA_INVALID
                 ? KAYA_OK
                 : kaya_status_for_runner(status); /* the oracle has judged whether there was such an end */
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_read_all(log, machine, false, violation);
    return status;
}

/* Close, whatever that says, open, and read everything back: what was in doubt is decided now. */
enum kaya_status kaya_log_start_again(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_OK;

    if (log->writer != NULL)
        status = kaya_log_barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    if (status != KAYA_GONE && !kaya_violation_is_set(violation))
        status = kaya_log_open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = kaya_log_read_all(
            log, machine, kaya_percent_draw(50, machine->choices, KAYA_STREAM_WORKLOAD, "beside"), violation);
    return status;
}
