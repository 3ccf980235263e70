/* Many threads and one log.
 *
 * A step gathers as many fibers as the plan says. Each draws a few operations, one after the other, and does them; what the others do
 * meanwhile is the schedule's. The model hears of each call before the log does and of each answer when it is given; an answer after the crash is
 * none. A gathering in which all that are left wait for each other breaks P7.
 *
 * When a call was told of a failure, or a thread stopped the writer, the log is closed and opened again behind the gathering, and everything read
 * back. Between gatherings there is one thread, as everywhere else. */
#include <string.h>

#include "concurrent/concurrent.h"
#include "kaya/scenarios/promise.h"
#include "kaya/scenarios/report_check.h"
#include "kaya/scenarios/role.h"

enum { LISTS_OF_LOOK = 2 };

static struct kaya_concurrent *subject_of(struct kaya_subject *base)
{
    return (struct kaya_concurrent *)base;
}

static const struct kaya_concurrent *subject_of_const(const struct kaya_subject *base)
{
    return (const struct kaya_concurrent *)base;
}

/* --- Between gatherings --------------------------------------------------------------------------------------------- */

static enum kaya_status read_back(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation)
{
    struct kaya_wal_reader_options options = { .writer = subject->writer };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    enum kaya_status status = kaya_wal_reader_open(&subject->player.environment, &options, &reader, NULL);

    if (status == KAYA_OK) {
        while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK && !kaya_violation_is_set(violation))
            kaya_concurrent_read(subject->model, &record, violation);
        kaya_wal_reader_close(reader);
    }
    status = kaya_concurrent_heard(subject, machine, status == KAYA_END ? KAYA_OK : status);
    kaya_concurrent_answered(subject->model, "reading back", status, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        kaya_concurrent_read_end(subject->model, violation);
    return status;
}

static enum kaya_status try_to_open(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    const struct kaya_plan *plan = subject->player.plan;
    struct kaya_wal_config config = { .segment_bytes = plan->segment_bytes,
                                      .block_bytes = plan->block_bytes,
                                      .record_bytes_max = plan->record_bytes_max,
                                      .spare_count = plan->spare_count,
                                      .buffer_bytes = plan->buffer_bytes,
                                      .submitted_records_max = plan->submitted_records_max,
                                      .submitted_bytes_max = plan->submitted_bytes_max,
                                      .commit_delay_ns = plan->commit_delay_ns,
                                      .full_is_busy = plan->full_is_busy,
                                      .must_exist = kaya_concurrent_exists(subject->model),
                                      .on_event = kaya_player_on_event,
                                      .user = &subject->player };
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    kaya_player_trace(&subject->player, KAYA_TRACE_OPERATION, "open", KAYA_OK, config.segment_bytes,
                      config.block_bytes, config.record_bytes_max);
    kaya_event_check_forget(&subject->player.events); /* what the writer before it told */
    status = kaya_concurrent_heard(
        subject, machine, kaya_wal_writer_open(&subject->player.environment, &config, &subject->writer, &report));
    kaya_player_recovered(&subject->player, machine, status, &report);
    kaya_report_check(KAYA_REPORT_BY_RECOVERY, status, &report, violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "open", status, report.first_lsn, report.last_lsn,
                      report.epoch);
    kaya_concurrent_opened(subject->model, status, report.first_lsn, report.last_lsn, violation);
    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    subject->player.recoveries++;
    return read_back(subject, machine, violation);
}

static enum kaya_status close_writer(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_OK;

    if (subject->writer != NULL) {
        status = kaya_concurrent_heard(subject, machine, kaya_wal_writer_close(subject->writer));
        kaya_concurrent_closed(subject->model, status, violation);
    }
    subject->writer = NULL;
    return status;
}

/* An open, or reading back, that fails because of a fault is tried again. */
static enum kaya_status open_writer(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_IO;

    for (unsigned tries = 0;
         tries < KAYA_OPENS_MAX && !kaya_violation_is_set(violation) && kaya_is_failure(status); tries++) {
        (void)close_writer(subject, machine, violation);
        if (!kaya_violation_is_set(violation))
            status = try_to_open(subject, machine, violation);
    }
    if (kaya_is_failure(status))
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P7),
                           "the log was opened %u times, and did not open", KAYA_OPENS_MAX);
    return kaya_status_for_runner(status);
}

static enum kaya_status subject_recover(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct kaya_concurrent *subject = subject_of(base);

    kaya_player_boot(&subject->player, machine);
    subject->writer = NULL;
    return open_writer(subject, machine, violation);
}

static void subject_check(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    struct kaya_concurrent *subject = subject_of(base);

    if (kaya_concurrent_heard(subject, machine, KAYA_OK) == KAYA_OK && !kaya_concurrent_has_ended(subject->model))
        kaya_concurrent_quiet(subject->model, kaya_wal_writer_last_lsn(subject->writer), violation);
}

/* --- A gathering ---------------------------------------------------------------------------------------------------- */

/* What a gathering came to: how many shared its syncs, and how long it took. */
static void sum_up(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine, uint64_t syncs_before)
{
    uint64_t sync_count = kaya_sim_disk_usage(machine->sim_disk).syncs - syncs_before;
    uint64_t now_ns = kaya_now_ns(machine->runtime);

    if (sync_count > 0 && subject->strict_count >= 2 * sync_count)
        kaya_watch_mark(&subject->player.watch, KAYA_MARK_SHARED_SYNC);
    if (now_ns > 0)
        kaya_player_trace(&subject->player, KAYA_TRACE_NOTE, "nanoseconds since the boot", KAYA_OK, now_ns, 0, 0);
}

static bool has_only_crashes(const struct kaya_plan *plan)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (plan->families[i] && kaya_fault_group((enum kaya_fault)i) != KAYA_FAULT_GROUP_CRASH)
            return false;
    return true;
}

/* A LINK goes out with the first record behind it, so that of a rotation for a buffered one shows when that is written. */
static bool may_have_unseen_link(const struct kaya_concurrent *subject)
{
    return subject->player.events.last[KAYA_EVENT_SEGMENT_ROTATED].lsn >
           kaya_wal_writer_durable_lsn(subject->writer);
}

/* P10: whoever looks beside a writer that only appends and syncs need not look again. It reads claims before the bytes that they speak of, so
 * nothing that is written meanwhile can seem to be missing: each look lists the directory twice, before and after it. `is_settled`: what the writer
 * did to the directory's segments before that was to be seen when the looks began. */
static void judge_looks(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine, bool is_settled,
                        uint64_t lists_before, uint64_t changes_before, struct kaya_violation *violation)
{
    uint64_t lists = kaya_sim_disk_usage(machine->sim_disk).lists - lists_before;

    if (kaya_sim_disk_is_crashed(machine->sim_disk) || subject->player.event_count != changes_before ||
        !is_settled || !has_only_crashes(subject->player.plan))
        return;
    if (lists > LISTS_OF_LOOK * subject->beside_count)
        kaya_violation_set(
            violation, kaya_promise_name(KAYA_PROMISE_P10),
            "%llu readers were opened beside a writer that neither rotated, trimmed nor prepared anything; they "
            "listed the directory %llu times",
            (unsigned long long)subject->beside_count, (unsigned long long)lists);
}

static enum kaya_status gather(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                               size_t count, size_t bytes_each, struct kaya_violation *violation)
{
    struct kaya_thread threads[KAYA_THREADS_MAX];
    struct kaya_fiber_body bodies[KAYA_THREADS_MAX];
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    uint64_t events_before = subject->player.event_count;
    bool is_settled = !may_have_unseen_link(subject);
    char deadlock[KAYA_DEADLOCK_TEXT_MAX];
    enum kaya_status status;

    for (size_t i = 0; i < count + subject->has_tender; i++) {
        threads[i] = (struct kaya_thread){ subject, machine, violation,
                                           i,       count,   subject->player.bytes + i * bytes_each };
        bodies[i] = i < count ? (struct kaya_fiber_body){ "thread", kaya_thread_live, &threads[i] }
                              : (struct kaya_fiber_body){ "tender", kaya_tender_live, &threads[i] };
    }
    subject->threads = threads;
    subject->live_count = count;
    kaya_submits_reset(subject);
    subject->no_memory = false;
    subject->strict_count = 0;
    subject->beside_count = 0;
    status = kaya_sim_runtime_run(machine->runtime, machine->sim_disk, machine->choices, bodies,
                                  count + subject->has_tender, deadlock);
    if (status == KAYA_BUSY)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P7), "nobody can go on: %s", deadlock);
    if (!kaya_violation_is_set(violation) && !subject->no_memory && !kaya_sim_disk_is_crashed(machine->sim_disk))
        kaya_submits_settle(subject, machine, violation);
    sum_up(subject, machine, before.syncs);
    judge_looks(subject, machine, is_settled, before.lists, events_before, violation);
    return status == KAYA_NO_MEMORY || subject->no_memory ? KAYA_NO_MEMORY : KAYA_OK;
}

static enum kaya_status subject_step(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct kaya_concurrent *subject = subject_of(base);
    const struct kaya_plan *plan = subject->player.plan;
    size_t bytes_each = (size_t)plan->record_bytes_max + 1;
    size_t count = (size_t)kaya_range_draw(plan->threads, machine->choices, KAYA_STREAM_WORKLOAD, "threads");
    enum kaya_status status;

    *done = plan->script != NULL; /* it is one gathering */
    subject->has_tender = count < KAYA_THREADS_MAX && kaya_percent_draw(plan->tender_percent, machine->choices,
                                                                        KAYA_STREAM_WORKLOAD, "tender");
    if (!kaya_player_reserve(&subject->player, (count + subject->has_tender) * bytes_each))
        return KAYA_NO_MEMORY;
    status = gather(subject, machine, count, bytes_each, violation);
    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    if (kaya_concurrent_heard(subject, machine, KAYA_OK) == KAYA_GONE)
        return KAYA_GONE;
    if (kaya_concurrent_has_ended(subject->model))
        return open_writer(subject, machine, violation);
    subject_check(base, machine, violation);
    return KAYA_OK;
}

static enum kaya_status subject_close(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    return close_writer(subject_of(base), machine, violation);
}

/* --- Life ----------------------------------------------------------------------------------------------------------- */

static void subject_crash(struct kaya_subject *base, enum kaya_crash kind)
{
    struct kaya_concurrent *subject = subject_of(base);

    subject->writer = NULL; /* its memory was the machine's */
    kaya_concurrent_crash(subject->model, kind);
}

static enum kaya_status subject_copy_model(const struct kaya_subject *from_base, struct kaya_subject *to_base)
{
    const struct kaya_concurrent *from = subject_of_const(from_base);
    struct kaya_concurrent *to = subject_of(to_base);

    kaya_player_copy(&from->player, &to->player);
    memcpy(to->payload_counts, from->payload_counts, sizeof to->payload_counts);
    to->writer = NULL;
    return kaya_concurrent_model_copy(from->model, to->model);
}

/* Recovery has one thread, so nothing of a gathering is under way. */
static enum kaya_status subject_copy_in_recovery(const struct kaya_subject *from_base, struct kaya_subject *to_base)
{
    enum kaya_status status = subject_copy_model(from_base, to_base);

    if (status != KAYA_OK)
        return status;
    kaya_player_copy_boot(&subject_of_const(from_base)->player, &subject_of(to_base)->player);
    subject_of(to_base)->writer = subject_of_const(from_base)->writer;
    return KAYA_OK;
}

static void subject_hash_model(const struct kaya_subject *base, uint64_t hash[2])
{
    const struct kaya_concurrent *subject = subject_of_const(base);
    struct kaya_words words;

    kaya_words_begin(&words);
    kaya_player_add_words(&subject->player, &words);
    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        kaya_words_add(&words, subject->payload_counts[thread]);
    kaya_concurrent_model_add_words(subject->model, &words);
    kaya_words_end(&words, hash);
}

static bool subject_make(struct kaya_subject *base)
{
    struct kaya_concurrent_model *model = kaya_concurrent_model_create();

    subject_of(base)->model = model;
    return model != NULL;
}

static void subject_unmake(struct kaya_subject *base)
{
    kaya_concurrent_model_destroy(subject_of(base)->model);
}

static void subject_reset(struct kaya_subject *base)
{
    struct kaya_concurrent *subject = subject_of(base);

    subject->writer = NULL;
    memset(subject->payload_counts, 0, sizeof subject->payload_counts);
    kaya_concurrent_model_reset(subject->model);
}

static struct kaya_oracle_counts subject_counts(const struct kaya_subject *base)
{
    return kaya_concurrent_counts(subject_of_const(base)->model);
}

const struct kaya_role kaya_concurrent_role = { .operations = { .name = "concurrent",
                                                                .recover = subject_recover,
                                                                .step = subject_step,
                                                                .check = subject_check,
                                                                .close = subject_close,
                                                                .crash = subject_crash,
                                                                .copy_model = subject_copy_model,
                                                                .copy_in_recovery = subject_copy_in_recovery,
                                                                .hash_model = subject_hash_model,
                                                                .destroy = kaya_subject_destroy },
                                                .bytes = sizeof(struct kaya_concurrent),
                                                .make = subject_make,
                                                .unmake = subject_unmake,
                                                .reset = subject_reset,
                                                .counts = subject_counts };
