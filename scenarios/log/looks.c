/* Who looks at the log while it stands or before it is opened: readers, with the writer or beside it, and one that is kept open;
 * verify, inspect, and a copy file by file.
 *
 * P10: who only looks changes nothing and takes no lock, whatever there is to see. Where media may be damaged, what may be found is
 * asked before each look. */
#include "log.h"

#include <stdio.h>

#include "kaya/inspect.h"
#include "kaya/scenarios/damage.h"
#include "kaya/scenarios/report_check.h"

enum { PIECE_BYTES = 4096, FOLLOW_RECORDS_MAX = 8, COUNTED_LOOK_OF = 16 };

/* Before anybody looks: what may be found? */
enum kaya_status kaya_log_foresee(struct kaya_log *log, const struct kaya_sim_machine *machine, uint64_t anchor_lsn)
{
    enum kaya_status status;

    log->player.mended_count = 0;
    if (log->damage == NULL)
        return KAYA_OK;
    status = kaya_damage_look(log->damage, machine->sim_disk, kaya_oracle_first_lsn(log->oracle),
                              kaya_oracle_first_lsn_at_most(log->oracle), &log->outlook);
    if (status == KAYA_OK)
        kaya_oracle_outlook(log->oracle, &log->outlook, anchor_lsn);
    return status;
}

/* Does exactly that bit differ from the truth? */
static bool is_flipped(const struct kaya_log *log, const struct kaya_mended_bit *mended, const char *ending)
{
    const struct kaya_image_file *now, *truth;
    uint64_t place = mended->offset_bytes + mended->bit / 8;
    char name[KAYA_NAME_BYTES_MAX + 1];

    snprintf(name, sizeof name, "%016llx%s", (unsigned long long)mended->segment, ending);
    now = kaya_image_find(kaya_damage_now(log->damage), name);
    truth = kaya_image_find(kaya_damage_truth(log->damage), name);
    return now != NULL && truth != NULL && place < now->size_bytes && place < truth->size_bytes &&
           (now->bytes[place] ^ truth->bytes[place]) == 1 << mended->bit % 8;
}

/* Of the bits that recovery told of, one at least must be one that has flipped, where some have in what it returned. */
void kaya_log_judge_mended(struct kaya_log *log, enum kaya_status status, struct kaya_violation *violation)
{
    const struct kaya_mended_bit *mended = log->player.mended;

    if (status != KAYA_OK || log->damage == NULL || log->outlook.mended_min == 0 || log->player.mended_count == 0)
        return;
    for (size_t i = 0; i < log->player.mended_count; i++)
        if (is_flipped(log, &mended[i], ".wal") || is_flipped(log, &mended[i], ".away"))
            return;
    kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P5),
                       "a mended bit is told by its place; bit %llu of the frame at offset 0x%llx of segment %llu has not "
                       "flipped",
                       (unsigned long long)mended->bit, (unsigned long long)mended->offset_bytes,
                       (unsigned long long)mended->segment);
}

/* P10: who only looks changes nothing and takes no lock, whatever there is to see. */
void kaya_log_expect_untouched(const struct kaya_sim_machine *machine,
                               const struct kaya_sim_disk_usage *before, struct kaya_violation *violation)
{
    uint64_t calls = kaya_sim_disk_usage(machine->sim_disk).changing_calls - before->changing_calls;

    if (calls > 0)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "somebody who only looked made %llu calls that change the disk",
                           (unsigned long long)calls);
}

void kaya_log_expect_refused(const struct kaya_sim_machine *machine, const struct kaya_sim_disk_usage *before,
                             const char *what, struct kaya_violation *violation)
{
    uint64_t calls = kaya_sim_disk_usage(machine->sim_disk).changing_calls - before->changing_calls;

    if (calls > 1) /* the lock */
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "%s, and %llu calls were made that change the disk", what,
                           (unsigned long long)calls - 1);
}

/* What `cp` would do with what a crash left: read every byte of every file. So what the crash left undecided is decided here, also
 * where recovery would never look. */
void kaya_log_copy_files(struct kaya_log *log, const struct kaya_sim_machine *machine)
{
    struct kaya_file_names names;
    unsigned char piece[PIECE_BYTES];
    size_t done;

    kaya_log_file_names(machine, &names);
    for (size_t i = 0; i < names.count; i++) {
        uint64_t size = 0;
        if (kaya_sim_disk_file_size(machine->sim_disk, names.names[i], &size) != KAYA_OK)
            continue;
        kaya_log_trace(log, KAYA_TRACE_NOTE, names.names[i], KAYA_OK, size, 0, 0);
        for (uint64_t offset = 0; offset < size; offset += PIECE_BYTES)
            if (kaya_sim_disk_peek(machine->sim_disk, names.names[i], offset, piece, PIECE_BYTES, &done) != KAYA_OK)
                break;
    }
}

/* A record that was never durable and no longer reads is no damage to a reader of the running writer: a sync that is failing may have taken it
 * along, and the writer not have heard of it yet. */
static bool may_be_taken_along(const struct kaya_log *log, enum kaya_status status, uint64_t next_lsn)
{
    return status == KAYA_IO && log->outlook.refusal != KAYA_REFUSAL_FORBIDDEN &&
           next_lsn > kaya_oracle_durable_lsn(log->oracle);
}

/* The first one is `next_lsn`. */
static enum kaya_status read_records(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                     struct kaya_wal_reader *reader, uint64_t next_lsn, bool beside,
                                     struct kaya_violation *violation)
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
        next_lsn = record.lsn + 1;
    }
    status = kaya_log_heard(log, machine, status);
    if (status == KAYA_GONE)
        return KAYA_GONE;
    if (kaya_oracle_is_refusal(log->oracle, status) || (!beside && may_be_taken_along(log, status, next_lsn)))
        return KAYA_OK;
    kaya_oracle_status(log->oracle, "read", status == KAYA_END ? KAYA_OK : status, violation);
    if (status == KAYA_END)
        kaya_oracle_read_end(log->oracle, violation);
    return KAYA_OK;
}

/* Everything there is, against everything there should be. `beside`: as another process would, without the writer. */
enum kaya_status kaya_log_read_all(struct kaya_log *log, const struct kaya_sim_machine *machine, bool beside,
                                   struct kaya_violation *violation)
{
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : log->writer };
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = kaya_log_foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    if (!beside && log->outlook.refusal ==
                       KAYA_REFUSAL_REQUIRED) /* the writer knows the end: only reading will find out */
        log->outlook.refusal = KAYA_REFUSAL_ALLOWED;
    status = kaya_log_heard(log, machine,
                            kaya_wal_reader_open(&log->player.environment, &options, &reader, &report));
    kaya_report_check(KAYA_REPORT_BY_LOOK, status, &report, violation);
    kaya_oracle_looked(log->oracle, status, &report, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation)) {
        kaya_oracle_read_begin(log->oracle, report.first_lsn, report.last_lsn);
        status = read_records(log, machine, reader, report.first_lsn, beside, violation);
    }
    if (status == KAYA_OK)
        kaya_wal_reader_close(reader);
    kaya_log_expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* A reader of the writer that leaves out what may still vanish: nothing else, and nothing that may not, which is all up to `durable_lsn`. */
enum kaya_status kaya_log_read_durable(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                       uint64_t durable_lsn, struct kaya_violation *violation)
{
    struct kaya_wal_reader_options options = { .writer = log->writer, .durable_only = true };
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    uint64_t next_lsn = 0;
    enum kaya_status status = kaya_log_foresee(log, machine, 0);

    if (status != KAYA_OK || log->outlook.is_damaged || log->outlook.is_unreadable)
        return status; /* what is damaged is read elsewhere */
    status = kaya_wal_reader_open(&log->player.environment, &options, &reader, &report);

    kaya_oracle_read_begin(log->oracle, report.first_lsn, report.last_lsn);
    next_lsn = report.first_lsn;
    while (status == KAYA_OK && !kaya_violation_is_set(violation)) {
        status = kaya_wal_reader_next(reader, &record);
        if (status != KAYA_OK)
            break;
        kaya_oracle_read(log->oracle, &record, violation);
        if (!record.durable)
            kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P2),
                               "a reader that leaves out what may vanish was given record %llu, which is not said to be "
                               "durable",
                               (unsigned long long)record.lsn);
        next_lsn = record.lsn + 1;
    }
    if (reader != NULL && !kaya_sim_disk_is_crashed(machine->sim_disk))
        kaya_wal_reader_close(reader);
    status = kaya_log_heard(log, machine, status);
    if (status == KAYA_END && next_lsn <= durable_lsn)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "all up to record %llu is durable; a reader of that ended before record %llu",
                           (unsigned long long)durable_lsn, (unsigned long long)next_lsn);
    if (status != KAYA_END && status != KAYA_GONE)
        kaya_oracle_status(log->oracle, "read", status, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

void kaya_log_end_follower(struct kaya_log *log)
{
    kaya_wal_reader_close(log->follower);
    log->follower = NULL;
    kaya_oracle_follow_end(log->oracle);
}

/* Open a reader and leave it open. Of the writer, or without it; from the beginning, or from any record on. */
static enum kaya_status begin_follower(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                       struct kaya_violation *violation)
{
    bool beside = kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "beside");
    uint64_t low = kaya_oracle_first_lsn(log->oracle);
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : log->writer };
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    if (kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "from_anywhere"))
        options.from_lsn = low + kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD,
                                             kaya_oracle_handed_lsn(log->oracle) + 1 - low + 1, "from");
    status = kaya_log_heard(log, machine,
                            kaya_wal_reader_open(&log->player.environment, &options, &log->follower, &report));
    kaya_report_check(KAYA_REPORT_BY_LOOK, status, &report, violation);
    kaya_oracle_looked(log->oracle, status, &report, violation);
    if (status == KAYA_OK)
        kaya_oracle_follow_begin(log->oracle, options.from_lsn != 0 ? options.from_lsn : report.first_lsn,
                                 report.last_lsn, !beside);
    return status;
}

/* Some records, or all that it still has. Who is answered anything but a record has ended. */
static enum kaya_status read_on(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    uint64_t count =
        kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, FOLLOW_RECORDS_MAX + 1, "follow_records");
    struct kaya_wal_record record;
    enum kaya_status status = KAYA_OK;

    if (count == FOLLOW_RECORDS_MAX)
        count = UINT64_MAX;
    for (uint64_t i = 0; i < count && status == KAYA_OK && !kaya_violation_is_set(violation); i++) {
        status = kaya_log_heard(log, machine, kaya_wal_reader_next(log->follower, &record));
        kaya_oracle_followed(log->oracle, status, &record, violation);
    }
    if (status != KAYA_GONE && (status != KAYA_OK || count == 0))
        kaya_log_end_follower(log);
    return status;
}

/* A reader over further operations: appends, rotations, trims, and files that get another life under it. */
enum kaya_status kaya_log_follow(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = kaya_log_foresee(log, machine, 0);

    if (status != KAYA_OK)
        return status;
    if (log->follower != NULL)
        status = read_on(log, machine, violation);
    else if (!log->outlook.is_damaged)
        status = begin_follower(log, machine, violation);
    kaya_log_expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* Whatever is shown is looked up, where the look is one that is counted. */
static bool visit_item(void *user, const struct kaya_wal_item *item)
{
    struct kaya_log *log = user;

    return !log->counts_look || kaya_look_check_visit(log->look_check, item);
}

static void hear_look(void *user, const struct kaya_event *event)
{
    struct kaya_log *log = user;

    if (log->counts_look)
        kaya_look_check_hear(log->look_check, event);
}

enum kaya_status kaya_log_count(struct kaya_log *log, const struct kaya_sim_machine *machine, unsigned one_of,
                                bool *counted, struct kaya_violation *violation)
{
    const struct kaya_image *now = log->damage == NULL ? NULL : kaya_damage_now(log->damage);
    const struct kaya_image *truth = log->damage == NULL ? NULL : kaya_damage_truth(log->damage);

    *counted = false;
    if (kaya_oracle_last_lsn(log->oracle) % one_of != 0 || kaya_oracle_is_unrestricted(log->oracle) ||
        kaya_oracle_shows_cache(log->oracle) || log->outlook.is_hidden || log->outlook.is_unreadable)
        return KAYA_OK;
    if (log->look_check == NULL)
        log->look_check = kaya_look_check_create();
    if (log->look_check == NULL)
        return KAYA_NO_MEMORY;
    *counted = true;
    return kaya_look_check_begin(log->look_check, machine->sim_disk, now, truth, violation);
}

/* What the running log told of its rotations and trims, against what stands there. */
static void judge_told(const struct kaya_log *log, const struct kaya_wal_inspection *inspection,
                       struct kaya_violation *violation)
{
    const struct kaya_census *census = kaya_look_check_census(log->look_check);
    const struct kaya_event_check *events = &log->player.events;
    const struct kaya_event *rotated = &events->last[KAYA_EVENT_SEGMENT_ROTATED];
    const struct kaya_format_segment *head = &census->chain[0].segment;

    if (log->writer == NULL || events->in_use == 0 || census->is_unsure || census->damage_count > 0 ||
        !census->has_head || kaya_oracle_has_ended(log->oracle) || head->number != events->head)
        return;
    /* one that was rotated away from may hold nothing above the low-water mark: it goes with the next trim */
    if (events->in_use - inspection->segment_count > 1 ||
        (rotated->segment == head->number && rotated->lsn != head->link.base_lsn))
        kaya_violation_set(
            violation, kaya_promise_name(KAYA_PROMISE_P10),
            "%llu segments are in use, the last from record %llu on; by what was told %llu, from %llu",
            (unsigned long long)inspection->segment_count, (unsigned long long)head->link.base_lsn,
            (unsigned long long)events->in_use, (unsigned long long)rotated->lsn);
}

/* By verify or, where it is asked for every item, by inspect. */
static enum kaya_status look_over(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  bool every_item, struct kaya_violation *violation)
{
    const struct kaya_wal_environment *environment = &log->player.environment;
    struct kaya_wal_verify_options options = { .on_event = hear_look, .user = log };
    struct kaya_wal_inspection inspection = { 0 };
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    enum kaya_status status = kaya_log_foresee(log, machine, 0);

    if (status == KAYA_OK)
        status = kaya_log_count(log, machine, COUNTED_LOOK_OF, &log->counts_look, violation);
    if (status != KAYA_OK)
        return status;
    status = every_item ? kaya_wal_inspect_path(environment, NULL, visit_item, log, &inspection)
                        : kaya_wal_verify(environment, &options, &inspection);
    status = kaya_log_heard(log, machine, status);
    kaya_report_check(KAYA_REPORT_BY_LOOK, status, &inspection.report, violation);
    kaya_oracle_looked(log->oracle, status, &inspection.report, violation);
    if (log->counts_look && status == KAYA_OK && log->player.struck == 0 && !kaya_violation_is_set(violation)) {
        kaya_census_judge(kaya_look_check_census(log->look_check), every_item ? "inspect" : "verify", status,
                          &inspection.report, 0, violation);
        kaya_look_check_end(log->look_check, &inspection, every_item, kaya_sim_disk_lock_held(machine->sim_disk));
        judge_told(log, &inspection, violation);
    }
    kaya_log_expect_untouched(machine, &before, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

enum kaya_status kaya_log_verify(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation)
{
    return look_over(log, machine, false, violation);
}

enum kaya_status kaya_log_inspect(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation)
{
    return look_over(log, machine, true, violation);
}
