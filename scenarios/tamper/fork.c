/* The fork: looked at as a reader does, and opened.
 *
 * What a reader shows of it is judged like any look, by a copy of the oracle. Where it is opened the verdict must be verify's and fit what was
 * done to it: refused it stands untouched; opened, it reads and takes records. */
#include "fork.h"

#include <inttypes.h>
#include <string.h>

#include "kaya/inspect.h"
#include "kaya/reader.h"
#include "kaya/scenarios/report_check.h"
#include "kaya/scenarios/salvage_check.h"

enum { READ_AT_ONCE_BYTES = 64, SHOWN_FORK_OF = 4 };

struct kaya_wal_environment kaya_tamper_boot(struct kaya_tamperer *tamperer, struct kaya_sim_disk *disk)
{
    kaya_sim_memory_reset(tamperer->memory);
    kaya_sim_runtime_reset(tamperer->runtime, 0x74616d706572u + ++tamperer->boots);
    return (struct kaya_wal_environment){ kaya_sim_disk_boot(disk), kaya_sim_runtime_seam(tamperer->runtime),
                                          kaya_sim_memory_allocator(tamperer->memory) };
}

enum kaya_status kaya_tamper_take_fork(struct kaya_tamperer *tamperer, const struct kaya_sim_disk *from)
{
    enum kaya_status status = kaya_sim_disk_copy(from, tamperer->choices, tamperer->trace, tamperer->fork);

    if (status == KAYA_OK)
        kaya_sim_disk_heal(tamperer->fork);
    return status;
}

/* Read everything; where `layout` is not NULL it learns where. */
static enum kaya_status read_records(struct kaya_tamperer *tamperer, struct kaya_wal_reader *reader,
                                     struct kaya_layout *layout)
{
    struct kaya_wal_record record;
    enum kaya_status status;

    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK &&
           !kaya_violation_is_set(tamperer->violation)) {
        kaya_oracle_read(tamperer->oracle, &record, tamperer->violation);
        if (layout != NULL && kaya_layout_add(layout, &record) != KAYA_OK)
            return KAYA_NO_MEMORY;
    }
    if (kaya_violation_is_set(tamperer->violation))
        return KAYA_OK;
    if (status != KAYA_END)
        kaya_violation_set(tamperer->violation, "P12", "a log that opened was read up to an answer of %s",
                           kaya_status_name(status));
    kaya_oracle_read_end(tamperer->oracle, tamperer->violation);
    return KAYA_OK;
}

enum kaya_status kaya_tamper_look(struct kaya_tamperer *tamperer, bool *good)
{
    struct kaya_wal_environment environment = kaya_tamper_boot(tamperer, tamperer->fork);
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    enum kaya_status status = kaya_wal_reader_open(&environment, NULL, &reader, &report);
    enum kaya_status failure = KAYA_OK;

    *good = false;
    kaya_report_check(KAYA_REPORT_BY_LOOK, status, &report, tamperer->violation);
    kaya_oracle_looked(tamperer->oracle, status, &report, tamperer->violation);
    if (status == KAYA_OK && report.verdict != KAYA_VERDICT_EMPTY && !kaya_violation_is_set(tamperer->violation) &&
        kaya_layout_read(&tamperer->layout, &tamperer->before, &report)) {
        kaya_oracle_read_begin(tamperer->oracle, report.first_lsn, report.last_lsn);
        failure = read_records(tamperer, reader, &tamperer->layout);
        *good = failure == KAYA_OK && !kaya_violation_is_set(tamperer->violation);
    }
    kaya_wal_reader_close(reader);
    kaya_sim_disk_shut_down(tamperer->fork);
    return failure;
}

/* --- It is opened --- */

static uint64_t anchor_lsn(const struct kaya_opening *opening)
{
    return opening->anchor != NULL ? opening->anchor->lsn : 0;
}

static void judge_refusal(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                          enum kaya_status status, const struct kaya_wal_recovery_report *report)
{
    if (status != KAYA_DAMAGED && status != opening->refusal)
        kaya_violation_set(tamperer->violation, "P12", "%s: the log answered %s", opening->what,
                           kaya_status_name(status));
    if (opening->outlook.refusal == KAYA_REFUSAL_FORBIDDEN)
        kaya_violation_set(tamperer->violation, "P4", "%s: nothing is missing, but the log is refused: %s, %s",
                           opening->what, kaya_status_name(status), report->damage_reason);
    if (status == KAYA_DAMAGED && (report->verdict != KAYA_VERDICT_DAMAGED || report->damage_reason[0] == '\0'))
        kaya_violation_set(tamperer->violation, "P5", "%s: the log is refused without a reason", opening->what);
}

static void judge_acceptance(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                             const struct kaya_wal_recovery_report *report)
{
    if (opening->outlook.refusal == KAYA_REFUSAL_REQUIRED)
        kaya_violation_set(tamperer->violation, "P5",
                           "%s: intact bytes speak of what is missing, so the log must be refused; it opened, verdict %s, "
                           "with records %" PRIu64 "..%" PRIu64 " of %" PRIu64,
                           opening->what, kaya_wal_verdict_name(report->verdict), report->first_lsn,
                           report->last_lsn, tamperer->layout.last_lsn);
    kaya_oracle_outlook(tamperer->oracle, &opening->outlook, anchor_lsn(opening));
    kaya_oracle_recovered(tamperer->oracle, KAYA_OK, report, tamperer->violation);
}

/* What opened is a log like any other: it reads and it takes records. */
static enum kaya_status use_log(struct kaya_tamperer *tamperer, const struct kaya_wal_environment *environment,
                                struct kaya_wal_writer *writer, const struct kaya_wal_recovery_report *report)
{
    static const uint8_t bytes[READ_AT_ONCE_BYTES];
    struct kaya_wal_reader_options options = { .writer = writer };
    struct kaya_wal_payload payload = { KAYA_RECORD_NOOP, bytes, sizeof bytes };
    struct kaya_wal_reader *reader = NULL;
    uint64_t lsn = 0;
    enum kaya_status status = kaya_wal_reader_open(environment, &options, &reader, NULL);
    enum kaya_status failure = KAYA_OK;

    if (kaya_log_subject_config(tamperer->subject).record_bytes_max < sizeof bytes)
        payload.length = 0;
    if (status == KAYA_OK) {
        kaya_oracle_read_begin(tamperer->oracle, report->first_lsn, report->last_lsn);
        failure = read_records(tamperer, reader, NULL);
    }
    kaya_wal_reader_close(reader);
    if (status == KAYA_OK && failure == KAYA_OK)
        status = kaya_wal_writer_append(writer, &payload, KAYA_STRICT, &lsn);
    if (failure == KAYA_OK && (status != KAYA_OK || lsn != report->last_lsn + 1))
        kaya_violation_set(tamperer->violation, "P7",
                           "the log opened and must take record %" PRIu64 "; it answered %s, record %" PRIu64,
                           report->last_lsn + 1, kaya_status_name(status), lsn);
    return failure;
}

/* A look without writing must come to the same answer, and to the one that the page of the format asks for. */
static enum kaya_status judge_look(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                                   const struct kaya_wal_environment *environment, enum kaya_status *verified)
{
    struct kaya_wal_verify_options options = { .anchor = opening->anchor,
                                               .on_event = kaya_look_check_hear,
                                               .user = tamperer->check };
    struct kaya_wal_inspection inspection = { 0 };
    enum kaya_status status = kaya_image_read(&tamperer->after, tamperer->fork);

    if (status == KAYA_OK)
        status =
            kaya_look_check_begin(tamperer->check, tamperer->fork, &tamperer->after, NULL, tamperer->violation);
    *verified = kaya_wal_verify(environment, &options, &inspection);
    kaya_report_check(KAYA_REPORT_BY_LOOK, *verified, &inspection.report, tamperer->violation);
    if (status == KAYA_OK && *verified == KAYA_OK) {
        kaya_census_judge(kaya_look_check_census(tamperer->check), "verify", *verified, &inspection.report,
                          anchor_lsn(opening), tamperer->violation);
        kaya_look_check_end(tamperer->check, &inspection, false, false);
    }
    if (*verified == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED)
        *verified = KAYA_DAMAGED;
    return status;
}

static enum kaya_status judge_items(struct kaya_tamperer *tamperer, const struct kaya_wal_environment *environment)
{
    struct kaya_wal_inspection inspection = { 0 };
    enum kaya_status status =
        kaya_look_check_begin(tamperer->check, tamperer->fork, &tamperer->after, NULL, tamperer->violation);

    if (status == KAYA_OK && kaya_wal_inspect_path(environment, NULL, kaya_look_check_visit, tamperer->check,
                                                   &inspection) == KAYA_OK)
        kaya_look_check_end(tamperer->check, &inspection, true, false);
    return status;
}

static enum kaya_status judge_untouched(struct kaya_tamperer *tamperer, const struct kaya_opening *opening)
{
    enum kaya_status status = kaya_image_read(&tamperer->again, tamperer->fork);

    if (status == KAYA_OK && !kaya_image_equals(&tamperer->after, &tamperer->again))
        kaya_violation_set(tamperer->violation, "P5", "%s: the log was refused, and its files have changed",
                           opening->what);
    if (kaya_sim_disk_lock_held(tamperer->fork))
        kaya_violation_set(tamperer->violation, "P10", "%s: the log was refused, and stays locked",
                           opening->what);
    return status;
}

/* Of a log that was refused records come once, in order, and as they were. */
static enum kaya_status judge_salvage(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                                      const struct kaya_wal_environment *environment)
{
    enum kaya_status status = kaya_salvage_check_order(tamperer->oracle, &opening->outlook, environment,
                                                       opening->anchor, tamperer->violation);

    if (status != KAYA_OK && status != KAYA_NO_MEMORY)
        kaya_violation_set(tamperer->violation, kaya_promise_name(KAYA_PROMISE_P5), "%s: salvage answered %s",
                           opening->what, kaya_status_name(status));
    return status == KAYA_NO_MEMORY ? status : KAYA_OK;
}

static void hear(void *user, const struct kaya_event *event)
{
    kaya_watch_event(user, event->kind);
}

/* What is reached on the fork counts as a period of its own, in which no fault of the disk struck. */
static void count_opening(struct kaya_tamperer *tamperer, struct kaya_watch *watch, enum kaya_status answer,
                          const struct kaya_wal_recovery_report *report)
{
    struct kaya_watch *main = kaya_subject_watch(tamperer->subject);
    struct kaya_fault_counts counts = kaya_sim_disk_fault_counts(tamperer->fork);

    watch->coverage = main->coverage;
    memcpy(watch->struck, counts.struck, sizeof watch->struck);
    if (answer == KAYA_OK || answer == KAYA_DAMAGED)
        kaya_watch_verdict(watch, report, &counts);
    main->marks |= watch->marks;
}

enum kaya_status kaya_tamper_open_fork(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                                       enum kaya_status *answer, uint64_t *last_lsn)
{
    struct kaya_wal_environment environment = kaya_tamper_boot(tamperer, tamperer->fork);
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_watch watch = { .coverage = NULL };
    struct kaya_wal_writer *writer = NULL;
    enum kaya_status verified;
    enum kaya_status status = judge_look(tamperer, opening, &environment, &verified);

    if (status == KAYA_OK && !kaya_violation_is_set(tamperer->violation) &&
        tamperer->layout.last_lsn % SHOWN_FORK_OF == 0)
        status = judge_items(tamperer, &environment);
    config.anchor = opening->anchor;
    config.must_exist = true;
    config.on_event = hear;
    config.user = &watch;
    *answer = kaya_wal_writer_open(&environment, &config, &writer, &report);
    kaya_report_check(KAYA_REPORT_BY_RECOVERY, *answer, &report, tamperer->violation);
    *last_lsn = report.last_lsn;
    count_opening(tamperer, &watch, *answer, &report);
    kaya_tamper_note(tamperer, "opened", *answer, report.first_lsn, report.last_lsn);
    if (*answer != verified)
        kaya_violation_set(tamperer->violation, "P10", "%s: verify says %s, and opening says %s",
                           opening->what, kaya_status_name(verified), kaya_status_name(*answer));
    kaya_census_judge_recovery(kaya_look_check_census(tamperer->check), "opening", *answer, &report,
                               anchor_lsn(opening), tamperer->violation);
    if (*answer == KAYA_OK) {
        judge_acceptance(tamperer, opening, &report);
        if (status == KAYA_OK && !kaya_violation_is_set(tamperer->violation))
            status = use_log(tamperer, &environment, writer, &report);
    } else {
        judge_refusal(tamperer, opening, *answer, &report);
        if (status == KAYA_OK)
            status = judge_untouched(tamperer, opening);
        if (status == KAYA_OK && opening->salvages && *answer == KAYA_DAMAGED &&
            !kaya_violation_is_set(tamperer->violation))
            status = judge_salvage(tamperer, opening, &environment);
    }
    if (kaya_wal_writer_close(writer) != KAYA_OK)
        kaya_violation_set(tamperer->violation, "P7", "%s: the log opened, and does not close", opening->what);
    kaya_sim_disk_shut_down(tamperer->fork);
    return status;
}
