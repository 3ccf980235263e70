/* What a program does to its open log: appends of all kinds, syncs, rotations, trims, what somebody does behind its back; and close.
 *
 * The oracle and the claims hear of each before the log does, so that a crash in the middle finds it in doubt. */
#include "log.h"

#include <string.h>

#include "kaya/scenarios/payload.h"

/* What there is to do are spares, of which a few are wanted, and strides. */
enum { TENDS_MAX = 100 };

/* Bytes of the log's own files: frames that were valid elsewhere (F1). */
static void fill_with_echo(struct kaya_log *log, const struct kaya_sim_machine *machine, uint32_t length)
{
    struct kaya_file_names names;
    const char *name;
    uint64_t size = 0;
    uint64_t offset;
    size_t done;

    memset(log->player.bytes, 0, length);
    kaya_log_file_names(machine, &names);
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

static bool make_payloads(struct kaya_log *log, const struct kaya_sim_machine *machine,
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

/* A claim that an append had to secure first covers all records before its own. */
static void judge_secured(struct kaya_log *log, enum kaya_status status, uint64_t first_lsn,
                          struct kaya_violation *violation)
{
    const struct kaya_event *secured = kaya_event_check_take(&log->player.events, KAYA_EVENT_CLAIM_SECURED);

    if (secured != NULL && status == KAYA_OK && secured->lsn != first_lsn - 1)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "a claim was secured in front of record %llu, and is told to cover all up to %llu",
                           (unsigned long long)first_lsn, (unsigned long long)secured->lsn);
}

enum kaya_status kaya_log_append(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 const struct kaya_operation *operation, struct kaya_violation *violation)
{
    enum kaya_durability_mode mode = kaya_operation_mode(operation->kind);
    bool batch = kaya_operation_is_batch(operation->kind);
    uint64_t calls = log->fresh ? kaya_sim_disk_calls(machine->sim_disk) : 0;
    uint64_t first = 0;
    uint64_t last = 0;
    struct append append;
    enum kaya_status status;

    kaya_log_tell_claims(log, operation->record_count, false);
    if (!make_payloads(log, machine, operation, &append) ||
        kaya_oracle_append_begin(log->oracle, append.contents, append.count, batch) != KAYA_OK)
        return KAYA_NO_MEMORY;
    if (batch) {
        status = kaya_wal_writer_append_batch(log->writer, append.payloads, append.count, mode, &first, &last);
    } else {
        status = kaya_wal_writer_append(log->writer, append.payloads, mode, &first);
        last = first;
    }
    status = kaya_log_heard(log, machine, status);
    kaya_oracle_append_end(log->oracle, mode, status, first, last, violation);
    judge_secured(log, status, first, violation);
    kaya_oracle_status(log->oracle, "append", status, violation);
    if (log->fresh && status == KAYA_OK && mode == KAYA_STRICT) {
        kaya_oracle_progress(log->oracle, kaya_sim_disk_calls(machine->sim_disk) - calls, violation);
        log->fresh = false;
    }
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "append", status, first, last, 0);
    return kaya_status_for_runner(status);
}

/* What is not durable is not let go of: whoever asks for that is told so, and nothing is done (F10). */
static void expect_no_trim(struct kaya_log *log, struct kaya_violation *violation)
{
    uint64_t lsn = kaya_wal_writer_durable_lsn(log->writer) + 2;
    enum kaya_status status = kaya_wal_writer_truncate_before(log->writer, lsn, NULL);

    if (status != KAYA_INVALID && status != KAYA_ENDED)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_F10),
                           "a trim before record %llu, which is not durable, answered %s",
                           (unsigned long long)lsn, kaya_status_name(status));
}

/* It is told of where the mark has moved, and then as it was answered; but nobody may listen (the explorer does not). */
static void judge_trimmed(struct kaya_log *log, enum kaya_status status, uint64_t low_before,
                          uint64_t low_water, struct kaya_violation *violation)
{
    const struct kaya_event *trimmed = kaya_event_check_take(&log->player.events, KAYA_EVENT_TRIMMED);

    if (status == KAYA_OK && log->player.events.disk != NULL &&
        (trimmed == NULL ? low_water != low_before : trimmed->lsn != low_water))
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "a trim moved the mark from record %llu to %llu, and tells of %llu",
                           (unsigned long long)low_before, (unsigned long long)low_water,
                           (unsigned long long)(trimmed == NULL ? 0 : trimmed->lsn));
}

enum kaya_status kaya_log_trim(struct kaya_log *log, const struct kaya_sim_machine *machine, uint64_t keep,
                               struct kaya_violation *violation)
{
    uint64_t end = kaya_oracle_durable_lsn(log->oracle) + 1;
    uint64_t lsn = end > keep ? end - keep : 1;
    uint64_t low_before, low_water = 0;
    enum kaya_status status;

    if (lsn <= kaya_oracle_first_lsn(log->oracle))
        return KAYA_OK;
    low_before = kaya_wal_writer_first_lsn(log->writer);
    expect_no_trim(log, violation);
    kaya_log_tell_claims(log, 0, false);
    kaya_oracle_trim_begin(log->oracle, lsn);
    status = kaya_log_heard(log, machine, kaya_wal_writer_truncate_before(log->writer, lsn, &low_water));
    kaya_oracle_trim_end(log->oracle, status, low_water, violation);
    judge_trimmed(log, status, low_before, low_water, violation);
    kaya_oracle_status(log->oracle, "trim", status, violation);
    if (status == KAYA_OK && kaya_log_judge_disk_use(log, machine, violation) != KAYA_OK)
        return KAYA_NO_MEMORY;
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "trim", status, lsn, low_water, 0);
    return kaya_status_for_runner(status);
}

static void judge_closed(struct kaya_log *log, enum kaya_status status, struct kaya_violation *violation)
{
    const struct kaya_event *closed = kaya_event_check_take(&log->player.events, KAYA_EVENT_CLOSED);

    if (status == KAYA_OK && log->player.events.disk != NULL && !kaya_oracle_is_unrestricted(log->oracle) &&
        (closed == NULL || closed->lsn != kaya_oracle_last_lsn(log->oracle)))
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P10),
                           "the log was closed behind record %llu, and tells of %llu",
                           (unsigned long long)kaya_oracle_last_lsn(log->oracle),
                           (unsigned long long)(closed == NULL ? 0 : closed->lsn));
}

enum kaya_status kaya_log_barrier(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  enum kaya_oracle_barrier barrier, struct kaya_violation *violation)
{
    static const char *const names[] = { "sync", "rotate", "close", "flush" };
    enum kaya_status status;

    if (barrier == KAYA_BARRIER_CLOSE)
        kaya_log_end_follower(log);
    kaya_log_tell_claims(log, 0, false);
    kaya_oracle_barrier_begin(log->oracle, barrier);
    if (barrier == KAYA_BARRIER_SYNC)
        status = kaya_wal_writer_sync(log->writer);
    else if (barrier == KAYA_BARRIER_ROTATE)
        status = kaya_wal_writer_rotate(log->writer);
    else if (barrier == KAYA_BARRIER_FLUSH)
        status = kaya_wal_writer_flush(log->writer);
    else
        status = kaya_wal_writer_close(log->writer);
    if (barrier == KAYA_BARRIER_CLOSE)
        log->writer = NULL;
    status = kaya_log_heard(log, machine, status);
    kaya_oracle_barrier_end(log->oracle, barrier, status, violation);
    if (barrier == KAYA_BARRIER_CLOSE)
        judge_closed(log, status, violation);
    kaya_oracle_status(log->oracle, names[barrier], status, violation);
    kaya_log_trace(log, KAYA_TRACE_ANSWER, names[barrier], status, 0, 0, 0);
    return kaya_status_for_runner(status);
}

static enum kaya_status tend(struct kaya_log *log, const struct kaya_sim_machine *machine, bool *more,
                             struct kaya_violation *violation)
{
    enum kaya_status status;

    *more = false;
    kaya_log_tell_claims(log, 0, false);
    status = kaya_log_heard(log, machine, kaya_wal_writer_tend(log->writer, more));
    kaya_oracle_tend_end(log->oracle, status, violation);
    kaya_oracle_status(log->oracle, "tend", status, violation);
    kaya_log_trace(log, KAYA_TRACE_ANSWER, "tend", status, *more, 0, 0);
    return kaya_status_for_runner(status);
}

enum kaya_status kaya_log_tend(struct kaya_log *log, const struct kaya_sim_machine *machine,
                               struct kaya_violation *violation)
{
    bool more;

    return tend(log, machine, &more, violation);
}

enum kaya_status kaya_log_tend_out(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                   struct kaya_violation *violation)
{
    unsigned count = 0;
    bool more = true;
    enum kaya_status status = KAYA_OK;

    while (more && status == KAYA_OK && !kaya_violation_is_set(violation) && count++ < TENDS_MAX)
        status = tend(log, machine, &more, violation);
    if (more && status == KAYA_OK)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P8),
                           "tend was called %u times, and says that there is more to do", TENDS_MAX);
    return status;
}

enum kaya_status kaya_log_ask(struct kaya_log *log, const struct kaya_sim_machine *machine,
                              struct kaya_violation *violation)
{
    uint64_t first = kaya_wal_writer_first_lsn(log->writer);
    uint64_t last = kaya_wal_writer_last_lsn(log->writer);
    uint64_t durable = kaya_wal_writer_durable_lsn(log->writer);

    if (kaya_log_heard(log, machine, KAYA_OK) == KAYA_GONE)
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
    return kaya_violation_is_set(violation) ? KAYA_OK : kaya_log_read_durable(log, machine, durable, violation);
}

/* Another process opens the log, recovers it, or cuts it back, with any configuration. */
static enum kaya_status intrude(struct kaya_log *log, const struct kaya_sim_machine *machine)
{
    struct kaya_wal_config config = kaya_log_config_of(log);
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
enum kaya_status kaya_log_second_writer(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
    uint64_t stored_before = kaya_sim_disk_bytes_stored(machine->sim_disk);
    struct kaya_sim_disk_usage after;
    enum kaya_status status = kaya_log_heard(log, machine, intrude(log, machine));

    kaya_oracle_second_writer(log->oracle, status, violation);
    after = kaya_sim_disk_usage(machine->sim_disk);
    if (status == KAYA_LOCKED &&
        (after.bytes_written != before.bytes_written ||
         kaya_sim_disk_bytes_stored(machine->sim_disk) != stored_before || after.syncs != before.syncs ||
         after.directory_syncs != before.directory_syncs || after.file_count != before.file_count))
        kaya_violation_set(violation, "P10", "a second writer was refused, but wrote, synced, or left a file");
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}
