/* The log as the first subject.
 *
 * It does what the plan says on the running boot, and tells the oracle before and after each call. Three rules keep it
 * honest:
 *
 *   - The oracle hears of an operation before the log does, so that a crash in the middle finds it in doubt.
 *   - An answer given after the machine crashed is turned into KAYA_GONE: nobody could have heard it.
 *   - Every status that is not OK breaks a promise, except where the operation asks for it (a second writer), or a fault does that
 *     struck inside the operation. The disk says which did, and whether a sync failed.
 *
 * After a failed write or sync some operations may still be tried on the handle, which has ended; then the log is closed and opened
 * again in the same process. An open that fails because of a fault is tried again; where the fault stays, the boot is over
 * (KAYA_BUSY).
 *
 * The code under test dies with its boot: a crash only forgets the handle, memory was the machine's. */
#include "kaya/scenarios/log_subject.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/inspect.h"
#include "kaya/reader.h"
#include "kaya/scenarios/damage.h"
#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/player.h"
#include "kaya/scenarios/salvage_check.h"
#include "kaya/sim/boot.h"
#include "kaya/wal.h"

enum { FILES_MAX = 8, PIECE_BYTES = 4096, FOLLOW_RECORDS_MAX = 8 };

struct log_subject {
    struct kaya_subject base;
    struct kaya_player player;
    struct kaya_log_sizes sizes; /* what the log was opened with last */
    struct kaya_oracle *oracle;
    struct kaya_wal_writer *writer;   /* of the running boot */
    struct kaya_wal_reader *follower; /* of the running boot, kept open until the log is closed; NULL: none */
    uint64_t foreign_bytes;           /* in files that somebody else put into the directory */
    struct kaya_claims *claims;       /* told of every operation that may write; NULL: nobody asks */
    struct kaya_damage_watch *damage; /* where media may be damaged; NULL: nowhere */
    struct kaya_outlook outlook;      /* of the last look at it */
    struct kaya_wal_anchor anchor;    /* of the last open, if it had one */
    bool has_anchor;
    bool is_over; /* refused, and nobody can help */
    bool fresh;   /* nothing strict was appended since the last recovery */
    uint64_t refusals;
};

static struct log_subject *log_of(struct kaya_subject *subject)
{
    return (struct log_subject *)subject;
}

static const struct log_subject *log_of_const(const struct kaya_subject *subject)
{
    return (const struct log_subject *)subject;
}

/* --- Shared by all operations --- */

/* What the log said, as far as anybody could hear it. */
static enum kaya_status heard(struct log_subject *log, const struct kaya_sim_machine *machine,
                              enum kaya_status status)
{
    bool sync_failed;
    enum kaya_status answer = kaya_player_heard(&log->player, machine, status, &sync_failed);

    kaya_oracle_sync_failed(log->oracle, sync_failed);
    kaya_oracle_struck(log->oracle, log->player.struck);
    return answer;
}

static void trace(struct log_subject *log, enum kaya_trace_kind kind, const char *text,
                  enum kaya_status status, uint64_t a, uint64_t b, uint64_t c)
{
    kaya_player_trace(&log->player, kind, text, status, a, b, c);
}

static void tell_claims(struct log_subject *log, uint64_t record_count, bool recovery)
{
    uint64_t last = kaya_oracle_last_lsn(log->oracle);

    if (log->claims != NULL)
        kaya_claims_begin(log->claims, kaya_oracle_durable_lsn(log->oracle), record_count == 0 ? 0 : last + 1,
                          record_count == 0 ? 0 : last + record_count, recovery);
}

static void tell_recovered(struct log_subject *log, const struct kaya_wal_recovery_report *report)
{
    if (log->claims != NULL)
        kaya_claims_recovered(log->claims, report->last_lsn);
}

static uint64_t own_bytes(const struct log_subject *log, uint64_t bytes_stored)
{
    return bytes_stored > log->foreign_bytes ? bytes_stored - log->foreign_bytes : 0;
}

static struct kaya_wal_config config_of(struct log_subject *log)
{
    struct kaya_wal_config config = { .segment_bytes = log->sizes.segment_bytes,
                                      .block_bytes = log->sizes.block_bytes,
                                      .record_bytes_max = log->sizes.record_bytes_max,
                                      .spare_count = log->sizes.spare_count,
                                      .on_event = kaya_player_on_event,
                                      .user = &log->player };

    return config;
}

/* --- The files, as anybody may see them --- */

struct file_names {
    char names[FILES_MAX][KAYA_NAME_BYTES_MAX + 1];
    size_t count;
};

/* Keeps the names sorted: a disk lists them in no order. */
static bool visit_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct file_names *names = user;
    size_t at = names->count;

    if (kind != KAYA_ENTRY_FILE || names->count == FILES_MAX)
        return true;
    for (; at > 0 && strcmp(names->names[at - 1], name) > 0; at--)
        memcpy(names->names[at], names->names[at - 1], sizeof names->names[at]);
    strncpy(names->names[at], name, KAYA_NAME_BYTES_MAX);
    names->names[at][KAYA_NAME_BYTES_MAX] = '\0';
    names->count++;
    return true;
}

static bool visit_unfinished(void *user, const char *name, enum kaya_entry_kind kind)
{
    uint64_t *count = user;

    *count += kind == KAYA_ENTRY_FILE && kaya_layout_number(name, ".new") != 0;
    return true;
}

/* What `cp` would do with what a crash left: read every byte of every file. So what the crash left undecided is decided here, also
 * where recovery would never look. */
static void copy_files(struct log_subject *log, const struct kaya_sim_machine *machine)
{
    struct file_names names = { .count = 0 };
    unsigned char piece[PIECE_BYTES];
    size_t done;

    kaya_sim_disk_names(machine->sim_disk, visit_name, &names);
    for (size_t i = 0; i < names.count; i++) {
        uint64_t size = 0;
        if (kaya_sim_disk_file_size(machine->sim_disk, names.names[i], &size) != KAYA_OK)
            continue;
        trace(log, KAYA_TRACE_NOTE, names.names[i], KAYA_OK, size, 0, 0);
        for (uint64_t offset = 0; offset < size; offset += PIECE_BYTES)
            if (kaya_sim_disk_peek(machine->sim_disk, names.names[i], offset, piece, PIECE_BYTES, &done) != KAYA_OK)
                break;
    }
}

/* --- Damage --- */

/* Before anybody looks: what may be found? */
static enum kaya_status foresee(struct log_subject *log, const struct kaya_sim_machine *machine,
                                uint64_t anchor_lsn)
{
    enum kaya_status status;

    if (log->damage == NULL)
        return KAYA_OK;
    status = kaya_damage_look(log->damage, machine->sim_disk, kaya_oracle_first_lsn(log->oracle),
                              kaya_oracle_first_lsn_at_most(log->oracle), &log->outlook);
    if (status == KAYA_OK)
        kaya_oracle_outlook(log->oracle, &log->outlook, anchor_lsn);
    return status;
}

/* P10: who only looks changes nothing and takes no lock, whatever there is to see. */
static void expect_untouched(const struct kaya_sim_machine *machine, const struct kaya_sim_disk_usage *before,
                             struct kaya_violation *violation)
{
    uint64_t calls = kaya_sim_disk_usage(machine->sim_disk).changing_calls - before->changing_calls;

    if (calls > 0)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "somebody who only looked made %llu calls that change the disk",
                           (unsigned long long)calls);
}

/* Everything undamaged comes, and nothing else (P5). */
static enum kaya_status salvage(struct log_subject *log, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    uint64_t record_count = 0;
    enum kaya_status status;

    trace(log, KAYA_TRACE_OPERATION, "salvage", KAYA_OK, 0, 0, 0);
    status = heard(log, machine,
                   kaya_salvage_check(log->damage, log->oracle, &log->outlook, &log->player.environment,
                                      log->has_anchor ? &log->anchor : NULL, &record_count, violation));
    trace(log, KAYA_TRACE_ANSWER, "salvage", status, record_count, 0, 0);
    expect_untouched(machine, &before, violation);
    if (status == KAYA_GONE)
        return KAYA_GONE;
    if (status != KAYA_OK && log->player.struck == 0)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P5),
                           "nothing stood in the way of salvage, but it answered %s", kaya_status_name(status));
    return KAYA_OK;
}

/* Could somebody find the good bytes again? What a sync promised, or a link said, and a recovery went on without, may contradict what was
 * written since. */
static bool may_heal(const struct log_subject *log)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (log->player.plan->families[i] && log->player.plan->odds[i] > 0 &&
            kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_BROKEN)
            return !kaya_oracle_has_parted(log->oracle);
    return !kaya_oracle_has_passed_link(log->oracle);
}

/* A log that was refused stands as it stood, and gives what is whole in it; then somebody finds the good bytes again, or it is over
 * (KAYA_BUSY). */
static enum kaya_status heal(struct log_subject *log, const struct kaya_sim_machine *machine,
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
    log->is_over = !may_heal(log);
    if (log->is_over)
        return KAYA_BUSY;
    trace(log, KAYA_TRACE_NOTE, "healed", KAYA_OK, log->outlook.refusal, log->outlook.place_count, 0);
    kaya_sim_disk_heal(machine->sim_disk);
    return foresee(log, machine, 0);
}

/* --- Reading back --- */

static enum kaya_status read_records(struct log_subject *log, const struct kaya_sim_machine *machine,
                                     struct kaya_wal_reader *reader, struct kaya_violation *violation)
{
    struct kaya_wal_record record;
    enum kaya_status status;

    for (;;) {
        status = kaya_wal_reader_next(reader, &record);
        if (status != KAYA_OK)
            break;
        kaya_oracle_read(log->oracle, &record, violation);
        if (kaya_violation_is_set(violation))
            return KAYA_OK;
    }
    status = heard(log, machine, status);
    if (status == KAYA_GONE)
        return KAYA_GONE;
    if (kaya_oracle_is_refusal(log->oracle, status))
        return KAYA_OK;
    kaya_oracle_status(log->oracle, "read", status == KAYA_END ? KAYA_OK : status, violation);
    if (status == KAYA_END)
        kaya_oracle_read_end(log->oracle, violation);
    return KAYA_OK;
}

/* Everything there is, against everything there should be. `beside`: as another process would, without the writer. */
static enum kaya_status read_all(struct log_subject *log, const struct kaya_sim_machine *machine, bool beside,
                                 struct kaya_violation *violation)
{
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : log->writer };
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    if (!beside && log->outlook.refusal ==
                       KAYA_REFUSAL_REQUIRED) /* the writer knows the end: only reading will find out */
        log->outlook.refusal = KAYA_REFUSAL_ALLOWED;
    status = heard(log, machine, kaya_wal_reader_open(&log->player.environment, &options, &reader, &report));
    kaya_oracle_looked(log->oracle, status, &report, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation)) {
        kaya_oracle_read_begin(log->oracle, report.first_lsn, report.last_lsn);
        status = read_records(log, machine, reader, violation);
    }
    if (status == KAYA_OK)
        kaya_wal_reader_close(reader);
    expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static void end_follower(struct log_subject *log)
{
    kaya_wal_reader_close(log->follower);
    log->follower = NULL;
    kaya_oracle_follow_end(log->oracle);
}

/* Open a reader and leave it open. Of the writer, or without it; from the beginning, or from any record on. */
static enum kaya_status begin_follower(struct log_subject *log, const struct kaya_sim_machine *machine,
                                       struct kaya_violation *violation)
{
    bool beside = kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "beside");
    uint64_t low = kaya_oracle_first_lsn(log->oracle);
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : log->writer };
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    if (kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "from_anywhere"))
        options.from_lsn = low + kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD,
                                             kaya_oracle_last_lsn(log->oracle) + 1 - low + 1, "from");
    status =
        heard(log, machine, kaya_wal_reader_open(&log->player.environment, &options, &log->follower, &report));
    kaya_oracle_looked(log->oracle, status, &report, violation);
    if (status == KAYA_OK)
        kaya_oracle_follow_begin(log->oracle, options.from_lsn != 0 ? options.from_lsn : report.first_lsn,
                                 report.last_lsn, !beside);
    return status;
}

/* Some records, or all that it still has. Who is answered anything but a record has ended. */
static enum kaya_status read_on(struct log_subject *log, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    uint64_t count =
        kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, FOLLOW_RECORDS_MAX + 1, "follow_records");
    struct kaya_wal_record record;
    enum kaya_status status = KAYA_OK;

    if (count == FOLLOW_RECORDS_MAX)
        count = UINT64_MAX;
    for (uint64_t i = 0; i < count && status == KAYA_OK && !kaya_violation_is_set(violation); i++) {
        status = heard(log, machine, kaya_wal_reader_next(log->follower, &record));
        kaya_oracle_followed(log->oracle, status, &record, violation);
    }
    if (status != KAYA_GONE && (status != KAYA_OK || count == 0))
        end_follower(log);
    return status;
}

/* A reader over further operations: appends, rotations, trims, and files that get another life under it. */
static enum kaya_status follow(struct log_subject *log, const struct kaya_sim_machine *machine,
                               struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    if (log->follower != NULL)
        status = read_on(log, machine, violation);
    else if (!log->outlook.is_damaged)
        status = begin_follower(log, machine, violation);
    expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static enum kaya_status verify(struct log_subject *log, const struct kaya_sim_machine *machine,
                               struct kaya_violation *violation)
{
    struct kaya_wal_inspection inspection = { 0 };
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    status = heard(log, machine, kaya_wal_verify(&log->player.environment, NULL, &inspection));
    kaya_oracle_looked(log->oracle, status, &inspection.report, violation);
    expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static bool visit_nothing(void *user, const struct kaya_wal_item *item)
{
    (void)user;
    return item->kind < KAYA_ITEM_KINDS;
}

static enum kaya_status inspect(struct log_subject *log, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    struct kaya_wal_inspection inspection = { 0 };
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    status = heard(log, machine,
                   kaya_wal_inspect_path(&log->player.environment, NULL, visit_nothing, NULL, &inspection));
    kaya_oracle_looked(log->oracle, status, &inspection.report, violation);
    expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* --- Recovery --- */

static enum kaya_status recover_only(struct log_subject *log, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation)
{
    struct kaya_wal_config config = config_of(log);
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    trace(log, KAYA_TRACE_OPERATION, "recover", KAYA_OK, 0, 0, 0);
    log->has_anchor = false;
    status = foresee(log, machine, 0);
    if (status != KAYA_OK)
        return status;
    tell_claims(log, 0, true);
    kaya_oracle_barrier_begin(log->oracle, KAYA_BARRIER_CLOSE);
    status = heard(log, machine, kaya_wal_recover(&log->player.environment, &config, &report));
    kaya_player_recovered(&log->player, machine, status, &report);
    kaya_oracle_recovered(log->oracle, status, &report, violation);
    if (status == KAYA_OK) {
        tell_recovered(log, &report);
        kaya_oracle_barrier_end(log->oracle, KAYA_BARRIER_CLOSE, status, violation);
    }
    trace(log, KAYA_TRACE_ANSWER, "recover", status, report.first_lsn, report.last_lsn, report.epoch);
    if (kaya_oracle_is_refusal(log->oracle, status) && !kaya_violation_is_set(violation))
        status = heal(log, machine, violation);
    return kaya_status_for_runner(status);
}

static enum kaya_status try_to_open(struct log_subject *log, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    struct kaya_wal_config config;
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    struct kaya_sim_disk_usage after;
    uint64_t unfinished = 0;
    enum kaya_status status;

    if (kaya_percent_draw(log->player.plan->other_config_percent, machine->choices, KAYA_STREAM_WORKLOAD,
                          "other_config")) {
        log->sizes = kaya_other_sizes_draw(log->player.plan, machine->choices);
        kaya_watch_mark(&log->player.watch, KAYA_MARK_OTHER_CONFIG);
    }
    config = config_of(log);
    log->anchor = kaya_oracle_anchor(log->oracle);
    log->has_anchor =
        kaya_oracle_exists(log->oracle) &&
        kaya_percent_draw(log->player.plan->anchor_percent, machine->choices, KAYA_STREAM_WORKLOAD, "anchor");
    config.anchor = log->has_anchor ? &log->anchor : NULL;
    config.must_exist = kaya_oracle_exists(log->oracle);
    log->writer = NULL;
    status = foresee(log, machine, log->has_anchor ? log->anchor.lsn : 0);
    if (status != KAYA_OK)
        return status;
    tell_claims(log, 0, true);
    trace(log, KAYA_TRACE_OPERATION, "open", KAYA_OK, config.segment_bytes, config.block_bytes,
          config.record_bytes_max);
    status = heard(log, machine, kaya_wal_writer_open(&log->player.environment, &config, &log->writer, &report));
    kaya_player_recovered(&log->player, machine, status, &report);
    trace(log, KAYA_TRACE_ANSWER, "open", status, report.first_lsn, report.last_lsn, report.epoch);
    kaya_oracle_recovered(log->oracle, status, &report, violation);
    if (status != KAYA_OK)
        return status;
    tell_recovered(log, &report);
    log->player.recoveries++;
    log->fresh = true;
    after = kaya_sim_disk_usage(machine->sim_disk);
    kaya_oracle_recovery_cost(log->oracle, after.bytes_read - before.bytes_read, before.bytes_stored,
                              machine->memory == NULL ? 0 : kaya_sim_memory_peak(machine->memory), violation);
    kaya_oracle_recovery_calls(log->oracle, after.calls - before.calls, before.bytes_stored,
                               before.file_count, violation);
    kaya_oracle_disk_use(log->oracle, own_bytes(log, after.bytes_stored), violation);
    kaya_sim_disk_names(machine->sim_disk, visit_unfinished, &unfinished);
    if (report.verdict != KAYA_VERDICT_EMPTY) /* where there is no log, nothing is removed */
        kaya_oracle_unfinished(log->oracle, unfinished, violation);
    return KAYA_OK;
}

/* Does what stood in the way of the last open stay there? */
static bool is_hopeless(const struct log_subject *log, enum kaya_status status)
{
    uint64_t lasting = (uint64_t)1 << KAYA_FAULT_IO_ERROR_LASTING | (uint64_t)1 << KAYA_FAULT_NO_SPACE;

    return kaya_is_failure(status) && (log->player.struck & lasting) != 0;
}

/* An open that failed goes on, when it is tried again, as if it had crashed. KAYA_BUSY: not on this boot. */
static enum kaya_status open_writer(struct log_subject *log, const struct kaya_sim_machine *machine,
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

static enum kaya_status trim(struct log_subject *log, const struct kaya_sim_machine *machine, uint64_t keep,
                             struct kaya_violation *violation)
{
    uint64_t end = kaya_oracle_durable_lsn(log->oracle) + 1;
    uint64_t lsn = end > keep ? end - keep : 1;
    uint64_t low_water = 0;
    enum kaya_status status;

    if (lsn <= kaya_oracle_first_lsn(log->oracle))
        return KAYA_OK;
    tell_claims(log, 0, false);
    kaya_oracle_trim_begin(log->oracle, lsn);
    status = heard(log, machine, kaya_wal_writer_truncate_before(log->writer, lsn, &low_water));
    kaya_oracle_trim_end(log->oracle, status, low_water, violation);
    kaya_oracle_status(log->oracle, "trim", status, violation);
    if (status == KAYA_OK)
        kaya_oracle_disk_use(log->oracle, own_bytes(log, kaya_sim_disk_usage(machine->sim_disk).bytes_stored),
                             violation);
    trace(log, KAYA_TRACE_ANSWER, "trim", status, lsn, low_water, 0);
    return kaya_status_for_runner(status);
}

/* Somebody looks at what the crash left, before recovery touches it. */
static enum kaya_status look(struct log_subject *log, const struct kaya_sim_machine *machine,
                             struct kaya_violation *violation)
{
    trace(log, KAYA_TRACE_OPERATION, "look", KAYA_OK, 0, 0, 0);
    switch (kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 3, "look_by")) {
    case 0:
        return read_all(log, machine, true, violation);
    case 1:
        return verify(log, machine, violation);
    default:
        copy_files(log, machine);
        return KAYA_OK;
    }
}

static enum kaya_status recover(struct log_subject *log, const struct kaya_sim_machine *machine,
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
        status = open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status =
            read_all(log, machine,
                     kaya_percent_draw(plan->beside_percent, machine->choices, KAYA_STREAM_WORKLOAD, "beside"),
                     violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation) &&
        kaya_percent_draw(plan->trim_percent, machine->choices, KAYA_STREAM_WORKLOAD, "trim"))
        status = trim(log, machine, 0, violation);
    return status;
}

static enum kaya_status subject_recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct log_subject *log = log_of(subject);
    enum kaya_status status = recover(log, machine, violation);

    /* without a budget any answer will do, but not on this boot */
    if (kaya_oracle_is_unrestricted(log->oracle) && log->writer == NULL && status != KAYA_GONE)
        return KAYA_BUSY;
    return status;
}

static void subject_check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    (void)read_all(log_of(subject), machine, false, violation);
}

/* --- Appends --- */

/* Bytes of the log's own files: frames that were valid elsewhere (F1). */
static void fill_with_echo(struct log_subject *log, const struct kaya_sim_machine *machine, uint32_t length)
{
    struct file_names names = { .count = 0 };
    const char *name;
    uint64_t size = 0;
    uint64_t offset;
    size_t done;

    memset(log->player.bytes, 0, length);
    kaya_sim_disk_names(machine->sim_disk, visit_name, &names);
    if (names.count == 0)
        return;
    name = names.names[kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, names.count, "echo_file")];
    if (kaya_sim_disk_file_size(machine->sim_disk, name, &size) != KAYA_OK || size == 0)
        return;
    offset = kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, (size + 3) / 4, "echo_offset") * 4;
    if (kaya_sim_disk_peek(machine->sim_disk, name, offset, log->player.bytes, length, &done) != KAYA_OK)
        memset(log->player.bytes, 0, length);
}

struct append {
    struct kaya_content contents[KAYA_BATCH_RECORDS_MAX];
    struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX];
    size_t count;
};

static bool make_payloads(struct log_subject *log, const struct kaya_sim_machine *machine,
                          const struct kaya_operation *operation, struct append *append)
{
    size_t total = 0;
    size_t at = 0;

    append->count = operation->record_count;
    for (size_t i = 0; i < append->count; i++)
        total += operation->lengths[i];
    if (!kaya_player_reserve(&log->player, total + 1))
        return false;
    for (size_t i = 0; i < append->count; i++) {
        uint64_t key = kaya_player_payload(&log->player);
        uint32_t length = operation->lengths[i];
        enum kaya_wal_record_type type = (enum kaya_wal_record_type)(KAYA_RECORD_PUT + (key >> 8 & 3));
        bool echo = operation->kind == KAYA_OPERATION_ECHO;

        if (echo)
            fill_with_echo(log, machine, length);
        else
            kaya_payload_fill(key, log->player.bytes + at, length);
        append->payloads[i] = (struct kaya_wal_payload){ type, log->player.bytes + at, length };
        append->contents[i] =
            (struct kaya_content){ .key = echo ? kaya_payload_hash(log->player.bytes, length) : key,
                                   .length = length,
                                   .type = (uint8_t)type,
                                   .is_hash = echo };
        at += length;
    }
    return true;
}

static enum kaya_status append(struct log_subject *log, const struct kaya_sim_machine *machine,
                               const struct kaya_operation *operation, struct kaya_violation *violation)
{
    bool batch =
        operation->kind == KAYA_OPERATION_BATCH_STRICT || operation->kind == KAYA_OPERATION_BATCH_RELAXED;
    bool relaxed =
        operation->kind == KAYA_OPERATION_APPEND_RELAXED || operation->kind == KAYA_OPERATION_BATCH_RELAXED;
    enum kaya_durability_mode mode = relaxed ? KAYA_RELAXED : KAYA_STRICT;
    uint64_t calls = log->fresh ? kaya_sim_disk_calls(machine->sim_disk) : 0;
    uint64_t first = 0;
    uint64_t last = 0;
    struct append append;
    enum kaya_status status;

    tell_claims(log, operation->record_count, false);
    if (!make_payloads(log, machine, operation, &append) ||
        kaya_oracle_append_begin(log->oracle, append.contents, append.count, batch) != KAYA_OK)
        return KAYA_NO_MEMORY;
    if (batch) {
        status = kaya_wal_writer_append_batch(log->writer, append.payloads, append.count, mode, &first, &last);
    } else {
        status = kaya_wal_writer_append(log->writer, append.payloads, mode, &first);
        last = first;
    }
    status = heard(log, machine, status);
    kaya_oracle_append_end(log->oracle, mode, status, first, last, violation);
    kaya_oracle_status(log->oracle, "append", status, violation);
    if (log->fresh && status == KAYA_OK && !relaxed) {
        kaya_oracle_progress(log->oracle, kaya_sim_disk_calls(machine->sim_disk) - calls, violation);
        log->fresh = false;
    }
    trace(log, KAYA_TRACE_ANSWER, "append", status, first, last, 0);
    return kaya_status_for_runner(status);
}

/* --- The other operations --- */

static enum kaya_status barrier(struct log_subject *log, const struct kaya_sim_machine *machine,
                                enum kaya_oracle_barrier barrier, struct kaya_violation *violation)
{
    static const char *const names[] = { "sync", "rotate", "close" };
    enum kaya_status status;

    if (barrier == KAYA_BARRIER_CLOSE)
        end_follower(log);
    tell_claims(log, 0, false);
    kaya_oracle_barrier_begin(log->oracle, barrier);
    if (barrier == KAYA_BARRIER_SYNC)
        status = kaya_wal_writer_sync(log->writer);
    else if (barrier == KAYA_BARRIER_ROTATE)
        status = kaya_wal_writer_rotate(log->writer);
    else
        status = kaya_wal_writer_close(log->writer);
    if (barrier == KAYA_BARRIER_CLOSE)
        log->writer = NULL;
    status = heard(log, machine, status);
    kaya_oracle_barrier_end(log->oracle, barrier, status, violation);
    kaya_oracle_status(log->oracle, names[barrier], status, violation);
    trace(log, KAYA_TRACE_ANSWER, names[barrier], status, 0, 0, 0);
    return kaya_status_for_runner(status);
}

static enum kaya_status tend(struct log_subject *log, const struct kaya_sim_machine *machine,
                             struct kaya_violation *violation)
{
    bool more = false;
    enum kaya_status status;

    tell_claims(log, 0, false);
    status = heard(log, machine, kaya_wal_writer_tend(log->writer, &more));
    kaya_oracle_tend_end(log->oracle, status, violation);
    kaya_oracle_status(log->oracle, "tend", status, violation);
    trace(log, KAYA_TRACE_ANSWER, "tend", status, more, 0, 0);
    return kaya_status_for_runner(status);
}

static enum kaya_status ask(struct log_subject *log, const struct kaya_sim_machine *machine,
                            struct kaya_violation *violation)
{
    uint64_t first = kaya_wal_writer_first_lsn(log->writer);
    uint64_t last = kaya_wal_writer_last_lsn(log->writer);
    uint64_t durable = kaya_wal_writer_durable_lsn(log->writer);

    if (heard(log, machine, KAYA_OK) == KAYA_GONE)
        return KAYA_GONE;
    if (kaya_oracle_is_unrestricted(log->oracle))
        return KAYA_OK;
    if (first != kaya_oracle_first_lsn(log->oracle) || last != kaya_oracle_last_lsn(log->oracle))
        kaya_violation_set(violation, "F9",
                           "the writer says that it holds records %llu..%llu; it was given %llu..%llu",
                           (unsigned long long)first, (unsigned long long)last,
                           (unsigned long long)kaya_oracle_first_lsn(log->oracle),
                           (unsigned long long)kaya_oracle_last_lsn(log->oracle));
    kaya_oracle_durable(log->oracle, durable, violation);
    return KAYA_OK;
}

/* Another process opens the log, recovers it, or cuts it back, with any configuration. */
static enum kaya_status intrude(struct log_subject *log, const struct kaya_sim_machine *machine)
{
    struct kaya_wal_config config = config_of(log);
    struct kaya_wal_writer *second = NULL;

    switch (kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 4, "second_writer_by")) {
    case 0:
        return kaya_wal_writer_open(&log->player.environment, NULL, &second, NULL);
    case 1:
        return kaya_wal_writer_open(&log->player.environment, &config, &second, NULL);
    case 2:
        return kaya_wal_recover(&log->player.environment, &config, NULL);
    default:
        return kaya_wal_cut_back(&log->player.environment, &config, kaya_oracle_first_lsn(log->oracle), NULL);
    }
}

/* It is refused, and nothing that it did can be seen on the disk. */
static enum kaya_status second_writer(struct log_subject *log, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    struct kaya_sim_disk_usage after;
    enum kaya_status status = heard(log, machine, intrude(log, machine));

    kaya_oracle_second_writer(log->oracle, status, violation);
    after = kaya_sim_disk_usage(machine->sim_disk);
    if (status == KAYA_LOCKED &&
        (after.bytes_written != before.bytes_written || after.bytes_stored != before.bytes_stored ||
         after.syncs != before.syncs || after.directory_syncs != before.directory_syncs ||
         after.file_count != before.file_count))
        kaya_violation_set(violation, "P10", "a second writer was refused, but wrote, synced, or left a file");
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* Close; open and close once more, which writes nothing; open. */
static enum kaya_status reopen(struct log_subject *log, const struct kaya_sim_machine *machine,
                               struct kaya_violation *violation)
{
    enum kaya_status status = barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    uint64_t written = kaya_sim_disk_usage(machine->sim_disk).bytes_written;
    uint64_t refusals = log->refusals;

    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    if (status == KAYA_OK && !kaya_oracle_is_unrestricted(log->oracle) && !log->outlook.is_damaged &&
        log->refusals == refusals && kaya_sim_disk_usage(machine->sim_disk).bytes_written != written)
        kaya_violation_set(violation, "P8",
                           "a closed log was opened and closed with nothing appended, and %llu bytes were "
                           "written",
                           (unsigned long long)(kaya_sim_disk_usage(machine->sim_disk).bytes_written - written));
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = open_writer(log, machine, violation);
    return status;
}

static uint64_t cut_lsn(const struct log_subject *log, uint64_t give_up)
{
    uint64_t low = kaya_oracle_first_lsn(log->oracle);
    uint64_t last = kaya_oracle_last_lsn(log->oracle);
    uint64_t lsn = last + 1 - low > give_up ? last - give_up : low - 1;

    while (!kaya_oracle_ends_batch(log->oracle, lsn))
        lsn++;
    return lsn;
}

static enum kaya_status cut_back(struct log_subject *log, const struct kaya_sim_machine *machine,
                                 uint64_t give_up, struct kaya_violation *violation)
{
    struct kaya_wal_config config = config_of(log);
    struct kaya_wal_recovery_report report = { 0 };
    uint64_t lsn = cut_lsn(log, give_up);
    enum kaya_status status = barrier(log, machine, KAYA_BARRIER_CLOSE, violation);

    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    status = foresee(log, machine, 0);
    if (status != KAYA_OK)
        return status;
    tell_claims(log, 0, true);
    kaya_oracle_cut_begin(log->oracle, lsn);
    status = heard(log, machine, kaya_wal_cut_back(&log->player.environment, &config, lsn, &report));
    kaya_oracle_cut_end(log->oracle, status, &report, violation);
    if (status == KAYA_OK)
        tell_recovered(log, &report);
    trace(log, KAYA_TRACE_ANSWER, "cut_back", status, lsn, report.last_lsn, report.epoch);
    if (kaya_oracle_is_refusal(log->oracle, status) && !kaya_violation_is_set(violation))
        status = heal(log, machine, violation);
    status = kaya_status_for_runner(status);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = read_all(log, machine, false, violation);
    return status;
}

/* Close, whatever that says, open, and read everything back: what was in doubt is decided now. */
static enum kaya_status start_again(struct log_subject *log, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_OK;

    if (log->writer != NULL)
        status = barrier(log, machine, KAYA_BARRIER_CLOSE, violation);
    if (status != KAYA_GONE && !kaya_violation_is_set(violation))
        status = open_writer(log, machine, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        status = read_all(log, machine,
                          kaya_percent_draw(50, machine->choices, KAYA_STREAM_WORKLOAD, "beside"), violation);
    return status;
}

/* What an ended handle has an answer for. */
static bool may_be_tried(enum kaya_operation_kind kind)
{
    switch (kind) {
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_ECHO:
    case KAYA_OPERATION_SYNC:
    case KAYA_OPERATION_ROTATE:
    case KAYA_OPERATION_TRIM:
    case KAYA_OPERATION_TEND:
    case KAYA_OPERATION_SECOND_WRITER: /* the lock is still held */
        return true;
    default:
        return false;
    }
}

static enum kaya_status perform(struct log_subject *log, const struct kaya_sim_machine *machine,
                                const struct kaya_operation *operation, struct kaya_violation *violation)
{
    switch (operation->kind) {
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_ECHO:
        return append(log, machine, operation, violation);
    case KAYA_OPERATION_SYNC:
        return barrier(log, machine, KAYA_BARRIER_SYNC, violation);
    case KAYA_OPERATION_ROTATE:
        return barrier(log, machine, KAYA_BARRIER_ROTATE, violation);
    case KAYA_OPERATION_TRIM:
        return trim(log, machine, operation->keep_records, violation);
    case KAYA_OPERATION_TEND:
        return tend(log, machine, violation);
    case KAYA_OPERATION_READ:
        return read_all(log, machine, kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "beside"),
                        violation);
    case KAYA_OPERATION_VERIFY:
        return verify(log, machine, violation);
    case KAYA_OPERATION_INSPECT:
        return inspect(log, machine, violation);
    case KAYA_OPERATION_FOLLOW:
        return follow(log, machine, violation);
    case KAYA_OPERATION_ASK:
        return ask(log, machine, violation);
    case KAYA_OPERATION_SECOND_WRITER:
        return second_writer(log, machine, violation);
    case KAYA_OPERATION_REOPEN:
        return reopen(log, machine, violation);
    case KAYA_OPERATION_CUT_BACK:
        return cut_back(log, machine, operation->keep_records, violation);
    case KAYA_OPERATION_FILL_DISK:
        kaya_sim_disk_leave_room(machine->sim_disk,
                                 kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 2, "room") *
                                     log->player.plan->segment_bytes);
        return KAYA_OK;
    case KAYA_OPERATION_FREE_DISK:
        kaya_sim_disk_leave_room(machine->sim_disk, UINT64_MAX);
        return KAYA_OK;
    default:
        return KAYA_INVALID;
    }
}

static enum kaya_status subject_step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct log_subject *log = log_of(subject);
    const struct kaya_plan *plan = log->player.plan;
    struct kaya_operation operation;
    enum kaya_status status;

    *done = !kaya_player_next(&log->player, machine->choices, &operation);
    if (*done)
        return KAYA_OK;
    if (plan->script_repeats || plan->other_config_percent > 0)
        kaya_operation_fit(&operation, log->sizes.record_bytes_max);
    trace(log, KAYA_TRACE_OPERATION, kaya_operation_name(operation.kind), KAYA_OK,
          kaya_oracle_last_lsn(log->oracle) + 1, operation.record_count, operation.lengths[0]);
    if (kaya_oracle_has_ended(log->oracle) &&
        (!may_be_tried(operation.kind) ||
         kaya_percent_draw(KAYA_GIVE_UP_PERCENT, machine->choices, KAYA_STREAM_WORKLOAD, "give_up")))
        return start_again(log, machine, violation);
    status = perform(log, machine, &operation, violation);
    if (log->writer == NULL && status != KAYA_GONE && status != KAYA_BUSY && !kaya_violation_is_set(violation))
        status = start_again(log, machine, violation);
    return status;
}

/* --- Liveness --- */

static const struct kaya_operation live_operations[] = {
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 20 } },
    { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 60 } },
    { .kind = KAYA_OPERATION_BATCH_RELAXED, .record_count = 2, .lengths = { 10, 30 } },
    { .kind = KAYA_OPERATION_SYNC },
    { .kind = KAYA_OPERATION_ROTATE },
    { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 3, .lengths = { 0, 40, 5 } },
    { .kind = KAYA_OPERATION_TEND },
    { .kind = KAYA_OPERATION_ROTATE },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 1 } },
    { .kind = KAYA_OPERATION_TRIM, .keep_records = 4 },
    { .kind = KAYA_OPERATION_TEND },
    { .kind = KAYA_OPERATION_SYNC },
    { .kind = KAYA_OPERATION_VERIFY },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 33 } },
};

enum kaya_status kaya_log_subject_live(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                       struct kaya_violation *violation)
{
    struct log_subject *log = log_of(subject);
    const struct kaya_operation *end = live_operations + sizeof live_operations / sizeof live_operations[0];
    enum kaya_status status = KAYA_OK;

    end_follower(log);
    (void)heard(log, machine, KAYA_OK); /* what struck so far is no excuse any more */
    if (log->writer == NULL || kaya_oracle_has_ended(log->oracle))
        status = start_again(log, machine, violation);
    for (const struct kaya_operation *next = live_operations;
         next < end && status == KAYA_OK && !kaya_violation_is_set(violation); next++) {
        struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
        struct kaya_operation one = *next;
        kaya_operation_fit(&one, log->sizes.record_bytes_max);
        trace(log, KAYA_TRACE_OPERATION, kaya_operation_name(one.kind), KAYA_OK,
              kaya_oracle_last_lsn(log->oracle) + 1, one.record_count, one.lengths[0]);
        status = perform(log, machine, &one, violation);
        kaya_oracle_live(log->oracle, kaya_operation_name(one.kind), status,
                         kaya_sim_disk_usage(machine->sim_disk).calls - before.calls, before.file_count,
                         violation);
    }
    return status;
}

static enum kaya_status subject_close(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    return barrier(log_of(subject), machine, KAYA_BARRIER_CLOSE, violation);
}

/* --- Life --- */

static void subject_crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    struct log_subject *log = log_of(subject);

    log->writer = NULL; /* its memory was the machine's */
    log->follower = NULL;
    kaya_oracle_crash(log->oracle, kind);
}

static enum kaya_status subject_copy_model(const struct kaya_subject *from_subject, struct kaya_subject *to_subject)
{
    const struct log_subject *from = log_of_const(from_subject);
    struct log_subject *to = log_of(to_subject);

    kaya_player_copy(&from->player, &to->player);
    to->sizes = from->sizes;
    to->foreign_bytes = from->foreign_bytes;
    to->writer = NULL;
    to->follower = NULL;
    return kaya_oracle_copy(from->oracle, to->oracle);
}

static void subject_destroy(struct kaya_subject *subject)
{
    struct log_subject *log = log_of(subject);

    if (log == NULL)
        return;
    kaya_oracle_destroy(log->oracle);
    kaya_player_release(&log->player);
    free(log);
}

static const struct kaya_subject_operations operations = { .name = "log",
                                                           .recover = subject_recover,
                                                           .step = subject_step,
                                                           .check = subject_check,
                                                           .close = subject_close,
                                                           .crash = subject_crash,
                                                           .copy_model = subject_copy_model,
                                                           .destroy = subject_destroy };

void kaya_log_subject_reset(struct kaya_subject *subject, const struct kaya_plan *plan, uint64_t seed)
{
    struct log_subject *log = log_of(subject);
    struct kaya_log_sizes worst = kaya_plan_worst_sizes(plan);
    struct kaya_oracle_shape shape = { .segment_bytes = worst.segment_bytes,
                                       .block_bytes = worst.block_bytes,
                                       .spare_count = worst.spare_count };

    if (plan->profile != NULL)
        shape.padding_bytes = kaya_plan_padding_bytes(&plan->profile->geometry);
    kaya_player_reset(&log->player, plan, seed);
    log->sizes = kaya_plan_sizes(plan);
    log->writer = NULL;
    log->follower = NULL;
    log->foreign_bytes = 0;
    log->refusals = 0;
    log->is_over = false;
    log->outlook = (struct kaya_outlook)KAYA_OUTLOOK_OF_NO_DAMAGE;
    kaya_oracle_reset(log->oracle, &shape);
    if (plan->budget == KAYA_BUDGET_NONE)
        kaya_oracle_unrestrict(log->oracle);
}

enum kaya_status kaya_log_subject_create(const struct kaya_plan *plan, uint64_t seed, struct kaya_subject **subject)
{
    struct log_subject *log = calloc(1, sizeof *log);

    *subject = NULL;
    if (log == NULL)
        return KAYA_NO_MEMORY;
    log->base.operations = &operations;
    log->oracle = kaya_oracle_create();
    if (log->oracle == NULL) {
        free(log);
        return KAYA_NO_MEMORY;
    }
    kaya_log_subject_reset(&log->base, plan, seed);
    *subject = &log->base;
    return KAYA_OK;
}

struct kaya_oracle_counts kaya_log_subject_counts(const struct kaya_subject *subject)
{
    return kaya_oracle_counts(log_of_const(subject)->oracle);
}

void kaya_log_subject_tell(struct kaya_subject *subject, struct kaya_claims *claims)
{
    log_of(subject)->claims = claims;
}

const struct kaya_oracle *kaya_log_subject_oracle(const struct kaya_subject *subject)
{
    return log_of_const(subject)->oracle;
}

void kaya_log_subject_tolerate(struct kaya_subject *subject, uint64_t foreign_bytes)
{
    log_of(subject)->foreign_bytes += foreign_bytes;
}

struct kaya_wal_config kaya_log_subject_config(const struct kaya_subject *subject)
{
    const struct log_subject *log = log_of_const(subject);

    return (struct kaya_wal_config){ .segment_bytes = log->sizes.segment_bytes,
                                     .block_bytes = log->sizes.block_bytes,
                                     .record_bytes_max = log->sizes.record_bytes_max,
                                     .spare_count = log->sizes.spare_count };
}

struct kaya_watch *kaya_log_subject_watch(struct kaya_subject *subject)
{
    return &log_of(subject)->player.watch;
}

void kaya_log_subject_watch_damage(struct kaya_subject *subject, struct kaya_damage_watch *watch)
{
    log_of(subject)->damage = watch;
    log_of(subject)->claims = watch == NULL ? NULL : kaya_damage_watch_claims(watch);
}

bool kaya_log_subject_is_over(const struct kaya_subject *subject)
{
    return log_of_const(subject)->is_over;
}

bool kaya_log_subject_may_heal(const struct kaya_subject *subject)
{
    return may_heal(log_of_const(subject));
}

uint64_t kaya_log_subject_refusals(const struct kaya_subject *subject)
{
    return log_of_const(subject)->refusals;
}

uint64_t kaya_log_subject_first_lsn(const struct kaya_subject *subject)
{
    return kaya_oracle_first_lsn(log_of_const(subject)->oracle);
}

uint64_t kaya_log_subject_recoveries(const struct kaya_subject *subject)
{
    return log_of_const(subject)->player.recoveries;
}
