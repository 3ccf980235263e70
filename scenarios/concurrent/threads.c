/* What each thread of a gathering does: a few operations, one after the other. The model hears of each call before the log does, and of each answer
 * when it is given. */
#include "concurrent.h"
#include "kaya/scenarios/promise.h"

enum { OPERATIONS_MAX = 5 };

static void append(struct kaya_thread *thread, const struct kaya_operation *operation)
{
    struct kaya_concurrent *subject = thread->subject;
    enum kaya_durability_mode mode = kaya_operation_mode(operation->kind);
    struct kaya_content contents[KAYA_BATCH_RECORDS_MAX];
    struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX];
    uint64_t before = kaya_concurrent_durable_lsn(subject->model);
    uint64_t first = 0, last = 0;
    size_t call;
    enum kaya_status status;

    kaya_thread_fill(thread, operation, payloads, contents);
    if (kaya_concurrent_append_begin(subject->model, thread->number, contents, operation->record_count,
                                     &call) != KAYA_OK) {
        subject->no_memory = true;
        return;
    }
    status = kaya_concurrent_heard(
        subject, thread->machine,
        kaya_wal_writer_append_batch(subject->writer, payloads, operation->record_count, mode, &first, &last));
    if (status == KAYA_BUSY && mode == KAYA_BUFFERED && subject->player.plan->full_is_busy) {
        kaya_thread_judge_busy(thread, before, false);
        kaya_concurrent_append_refused(subject->model, call);
    } else {
        kaya_concurrent_append_end(subject->model, call, mode, status, first, last, thread->violation);
    }
    subject->strict_count += status == KAYA_OK && mode == KAYA_STRICT;
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "append", status, first, last, thread->number);
}

static void flush(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    uint64_t covered = kaya_concurrent_sync_begin(subject->model);
    enum kaya_status status =
        kaya_concurrent_heard(subject, thread->machine, kaya_wal_writer_flush(subject->writer));

    kaya_concurrent_flush_end(subject->model, covered, status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "flush", status, covered, 0, thread->number);
}

static void make_durable(struct kaya_thread *thread, bool rotates)
{
    struct kaya_concurrent *subject = thread->subject;
    uint64_t covered = kaya_concurrent_sync_begin(subject->model);
    enum kaya_status status =
        rotates ? kaya_wal_writer_rotate(subject->writer) : kaya_wal_writer_sync(subject->writer);

    status = kaya_concurrent_heard(subject, thread->machine, status);
    kaya_concurrent_sync_end(subject->model, rotates ? 0 : covered, status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, rotates ? "rotate" : "sync", status, covered, 0,
                      thread->number);
}

static void trim(struct kaya_thread *thread, uint64_t keep)
{
    struct kaya_concurrent *subject = thread->subject;
    uint64_t durable = kaya_concurrent_durable_lsn(subject->model);
    uint64_t lsn = durable > keep ? durable - keep : 1;
    uint64_t low_water = 0;
    enum kaya_status status;

    kaya_concurrent_trim_begin(subject->model, lsn);
    status = kaya_concurrent_heard(subject, thread->machine,
                                   kaya_wal_writer_truncate_before(subject->writer, lsn, &low_water));
    kaya_concurrent_trim_end(subject->model, status, low_water, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "trim", status, lsn, low_water, thread->number);
}

static void ask(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    uint64_t durable = kaya_wal_writer_durable_lsn(subject->writer);

    if (kaya_concurrent_heard(subject, thread->machine, KAYA_OK) == KAYA_OK)
        kaya_concurrent_durable(subject->model, durable, thread->violation);
}

/* One that is not the writer's own, as another process has it, may be overtaken: by trims, or by too many changes. */
static bool may_be_overtaken(enum kaya_status status, bool beside)
{
    return beside && (status == KAYA_TRIMMED || status == KAYA_BUSY);
}

static enum kaya_status read_records(struct kaya_thread *thread, struct kaya_wal_reader *reader, uint64_t *due)
{
    struct kaya_wal_record record;
    enum kaya_status status;

    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK &&
           !kaya_violation_is_set(thread->violation)) {
        if (record.lsn != (*due)++)
            kaya_violation_set(thread->violation, kaya_promise_name(KAYA_PROMISE_P1),
                               "a reader was given record %llu, and %llu was due",
                               (unsigned long long)record.lsn, (unsigned long long)*due - 1);
        kaya_concurrent_seen(thread->subject->model, &record, thread->violation);
    }
    return status;
}

/* Everything that there is, beside those who append: all that the operating system had when the reader was opened, at least. */
static void read_beside(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    bool beside = kaya_percent_draw(subject->player.plan->beside_percent, thread->machine->choices,
                                    KAYA_STREAM_WORKLOAD, "beside");
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : subject->writer };
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    uint64_t written = kaya_concurrent_written_lsn(subject->model);
    enum kaya_status status =
        kaya_concurrent_heard(subject, thread->machine,
                              kaya_wal_reader_open(&subject->player.environment, &options, &reader, &report));
    uint64_t due = report.first_lsn;

    subject->beside_count += beside;
    if (status == KAYA_OK) {
        status = read_records(thread, reader, &due);
        kaya_wal_reader_close(reader);
        status = kaya_concurrent_heard(subject, thread->machine, status);
    }
    if (status == KAYA_END)
        kaya_concurrent_seen_all(subject->model, due, written, thread->violation);
    if (status == KAYA_END || may_be_overtaken(status, beside))
        status = KAYA_OK;
    kaya_concurrent_looked(subject->model, beside ? "a reader of another process" : "a reader", status,
                           thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "read", status, report.first_lsn, report.last_lsn,
                      thread->number);
}

static void stop(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    enum kaya_status status;

    kaya_concurrent_stopping(subject->model);
    status = kaya_concurrent_heard(subject, thread->machine, kaya_wal_writer_stop(subject->writer));
    kaya_concurrent_closed(subject->model, status, thread->violation);
    if (status == KAYA_OK)
        kaya_submits_expect_called(subject, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "stop", status, 0, 0, thread->number);
}

static void perform(struct kaya_thread *thread, const struct kaya_operation *operation)
{
    kaya_sim_runtime_doing(thread->machine->runtime, kaya_operation_name(operation->kind));
    kaya_submits_expect_order(thread->subject, thread->machine);
    switch (operation->kind) {
    case KAYA_OPERATION_SYNC:
        make_durable(thread, false);
        break;
    case KAYA_OPERATION_FLUSH:
        flush(thread);
        break;
    case KAYA_OPERATION_SUBMIT_STRICT:
    case KAYA_OPERATION_SUBMIT_RELAXED:
    case KAYA_OPERATION_SUBMIT_BATCH:
        kaya_thread_submit(thread, operation);
        break;
    case KAYA_OPERATION_WAIT:
        kaya_thread_wait(thread);
        break;
    case KAYA_OPERATION_POLL:
        kaya_thread_poll(thread);
        break;
    case KAYA_OPERATION_ROTATE:
        make_durable(thread, true);
        break;
    case KAYA_OPERATION_TRIM:
        trim(thread, operation->keep_records);
        break;
    case KAYA_OPERATION_TEND:
        kaya_thread_tend(thread);
        break;
    case KAYA_OPERATION_ASK:
        ask(thread);
        break;
    case KAYA_OPERATION_READ:
        read_beside(thread);
        break;
    case KAYA_OPERATION_STOP:
        stop(thread);
        break;
    default:
        append(thread, operation);
    }
}

/* Of a script each thread in turn has one operation. */
static uint64_t script_count(const struct kaya_thread *thread)
{
    size_t length = thread->subject->player.plan->script_length;

    return length <= thread->number ? 0 : (length - thread->number - 1) / thread->thread_count + 1;
}

static void live(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    struct kaya_choices *choices = thread->machine->choices;
    const struct kaya_plan *plan = subject->player.plan;
    uint64_t count = script_count(thread);

    if (plan->script == NULL)
        count = 1 + kaya_choose(choices, KAYA_STREAM_WORKLOAD, OPERATIONS_MAX, "thread_operations");
    for (uint64_t i = 0; i < count && !kaya_violation_is_set(thread->violation) && !subject->no_memory; i++) {
        struct kaya_operation operation;

        if (plan->script == NULL)
            kaya_operation_draw(&operation, plan, choices);
        else
            operation = plan->script[thread->number + i * thread->thread_count];
        kaya_player_trace(&subject->player, KAYA_TRACE_OPERATION, kaya_operation_name(operation.kind),
                          KAYA_OK, thread->number, operation.record_count, operation.lengths[0]);
        perform(thread, &operation);
        if (kaya_sim_disk_is_crashed(thread->machine->sim_disk))
            return;
    }
    kaya_sim_runtime_doing(thread->machine->runtime, "wait for all");
    kaya_thread_wait_for_all(thread);
}

void kaya_thread_live(void *user)
{
    live(user);
    kaya_tender_leave(user);
}
