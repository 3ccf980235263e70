/* Many threads and one log.
 *
 * A step gathers as many fibers as the plan says. Each draws a few operations, one after the other, and does them; what the others do
 * meanwhile is the schedule's. The model hears of each call before the log does and of each answer when it is given; an answer after the crash is
 * none. A gathering in which all that are left wait for each other breaks P7.
 *
 * When a call was told of a failure, or a thread stopped the writer, the log is closed and opened again behind the gathering, and everything read
 * back. Between gatherings there is one thread, as everywhere else. */
#include "kaya/scenarios/concurrent_subject.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/reader.h"
#include "kaya/scenarios/concurrent_model.h"
#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/player.h"
#include "kaya/scenarios/promise.h"
#include "kaya/sim/boot.h"

/* A payload is at least so long, and no zeros, so that no other is the same: whose a record is that nobody was answered, the model can only
 * tell by that. */
enum { OPERATIONS_MAX = 5, TELLING_BYTES = 8 };

struct concurrent_subject {
    struct kaya_subject base;
    struct kaya_player player;
    struct kaya_concurrent_model *model;
    struct kaya_wal_writer *writer;            /* of the running boot */
    bool no_memory;                            /* of a fiber */
    uint64_t payload_counts[KAYA_THREADS_MAX]; /* so many had each thread */
    uint64_t strict_count;                     /* strict appends answered in this gathering */
};

/* A fiber: one of the gathering's threads. */
struct thread {
    struct concurrent_subject *subject;
    const struct kaya_sim_machine *machine;
    struct kaya_violation *violation;
    size_t number;
    size_t thread_count;
    unsigned char *bytes; /* its payloads; the player's buffer is for one thread */
};

static struct concurrent_subject *subject_of(struct kaya_subject *base)
{
    return (struct concurrent_subject *)base;
}

static const struct concurrent_subject *subject_of_const(const struct kaya_subject *base)
{
    return (const struct concurrent_subject *)base;
}

static enum kaya_status heard(struct concurrent_subject *subject, const struct kaya_sim_machine *machine,
                              enum kaya_status status)
{
    status = kaya_player_heard(&subject->player, machine, status, NULL);
    kaya_concurrent_struck(subject->model, subject->player.struck);
    return status;
}

/* --- What a thread does --------------------------------------------------------------------------------------------- */

/* Each thread has payloads of its own, the same ones whatever the schedule. */
static uint64_t payload_key(struct thread *thread)
{
    uint64_t number = thread->subject->payload_counts[thread->number]++;

    return kaya_payload_key(thread->subject->player.seed, number * KAYA_THREADS_MAX + thread->number) | 1;
}

static void append(struct thread *thread, const struct kaya_operation *operation)
{
    struct concurrent_subject *subject = thread->subject;
    bool is_relaxed =
        operation->kind == KAYA_OPERATION_APPEND_RELAXED || operation->kind == KAYA_OPERATION_BATCH_RELAXED;
    enum kaya_durability_mode mode = is_relaxed ? KAYA_RELAXED : KAYA_STRICT;
    struct kaya_content contents[KAYA_BATCH_RECORDS_MAX];
    struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX];
    uint64_t first = 0, last = 0;
    size_t at = 0, call;
    enum kaya_status status;

    for (size_t i = 0; i < operation->record_count; i++) {
        uint64_t key = payload_key(thread);
        uint32_t length = operation->lengths[i] > TELLING_BYTES ? operation->lengths[i] : TELLING_BYTES;
        uint8_t type = (uint8_t)(KAYA_RECORD_PUT + (key >> 8 & 3));

        kaya_payload_fill(key, thread->bytes + at, length);
        payloads[i] = (struct kaya_wal_payload){ (enum kaya_wal_record_type)type, thread->bytes + at, length };
        contents[i] = (struct kaya_content){ .key = key, .length = length, .type = type };
        at += length;
    }
    if (kaya_concurrent_append_begin(subject->model, thread->number, contents, operation->record_count,
                                     &call) != KAYA_OK) {
        subject->no_memory = true;
        return;
    }
    status = heard(subject, thread->machine,
                   kaya_wal_writer_append_batch(subject->writer, payloads, operation->record_count, mode,
                                                &first, &last));
    kaya_concurrent_append_end(subject->model, call, mode, status, first, last, thread->violation);
    subject->strict_count += status == KAYA_OK && mode == KAYA_STRICT;
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "append", status, first, last, thread->number);
}

static void make_durable(struct thread *thread, bool rotates)
{
    struct concurrent_subject *subject = thread->subject;
    uint64_t covered = kaya_concurrent_sync_begin(subject->model);
    enum kaya_status status =
        rotates ? kaya_wal_writer_rotate(subject->writer) : kaya_wal_writer_sync(subject->writer);

    status = heard(subject, thread->machine, status);
    kaya_concurrent_sync_end(subject->model, rotates ? 0 : covered, status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, rotates ? "rotate" : "sync", status, covered, 0,
                      thread->number);
}

static void trim(struct thread *thread, uint64_t keep)
{
    struct concurrent_subject *subject = thread->subject;
    uint64_t durable = kaya_concurrent_durable_lsn(subject->model);
    uint64_t lsn = durable > keep ? durable - keep : 1;
    uint64_t low_water = 0;
    enum kaya_status status;

    kaya_concurrent_trim_begin(subject->model, lsn);
    status = heard(subject, thread->machine, kaya_wal_writer_truncate_before(subject->writer, lsn, &low_water));
    kaya_concurrent_trim_end(subject->model, status, low_water, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "trim", status, lsn, low_water, thread->number);
}

static void tend(struct thread *thread)
{
    struct concurrent_subject *subject = thread->subject;
    enum kaya_status status = heard(subject, thread->machine, kaya_wal_writer_tend(subject->writer, NULL));

    kaya_concurrent_answered(subject->model, "tend", status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "tend", status, 0, 0, thread->number);
}

static void ask(struct thread *thread)
{
    struct concurrent_subject *subject = thread->subject;
    uint64_t durable = kaya_wal_writer_durable_lsn(subject->writer);

    if (heard(subject, thread->machine, KAYA_OK) == KAYA_OK)
        kaya_concurrent_durable(subject->model, durable, thread->violation);
}

/* Everything that there is, beside those who append. */
static void read_beside(struct thread *thread)
{
    struct concurrent_subject *subject = thread->subject;
    struct kaya_wal_reader_options options = { .writer = subject->writer };
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    enum kaya_status status =
        heard(subject, thread->machine,
              kaya_wal_reader_open(&subject->player.environment, &options, &reader, &report));
    uint64_t due = report.first_lsn;

    if (status == KAYA_OK) {
        while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK &&
               !kaya_violation_is_set(thread->violation)) {
            if (record.lsn != due++)
                kaya_violation_set(thread->violation, kaya_promise_name(KAYA_PROMISE_P1),
                                   "a reader was given record %llu, and %llu was due",
                                   (unsigned long long)record.lsn, (unsigned long long)due - 1);
            kaya_concurrent_seen(subject->model, &record, thread->violation);
        }
        kaya_wal_reader_close(reader);
        status = heard(subject, thread->machine, status == KAYA_END ? KAYA_OK : status);
    }
    kaya_concurrent_answered(subject->model, "a reader", status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "read", status, report.first_lsn, report.last_lsn,
                      thread->number);
}

static void stop(struct thread *thread)
{
    struct concurrent_subject *subject = thread->subject;
    enum kaya_status status;

    kaya_concurrent_stopping(subject->model);
    status = heard(subject, thread->machine, kaya_wal_writer_stop(subject->writer));
    kaya_concurrent_closed(subject->model, status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "stop", status, 0, 0, thread->number);
}

static void perform(struct thread *thread, const struct kaya_operation *operation)
{
    kaya_sim_runtime_doing(thread->machine->runtime, kaya_operation_name(operation->kind));
    switch (operation->kind) {
    case KAYA_OPERATION_SYNC:
        make_durable(thread, false);
        break;
    case KAYA_OPERATION_ROTATE:
        make_durable(thread, true);
        break;
    case KAYA_OPERATION_TRIM:
        trim(thread, operation->keep_records);
        break;
    case KAYA_OPERATION_TEND:
        tend(thread);
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
static uint64_t script_count(const struct thread *thread)
{
    size_t length = thread->subject->player.plan->script_length;

    return length <= thread->number ? 0 : (length - thread->number - 1) / thread->thread_count + 1;
}

static void live(void *user)
{
    struct thread *thread = user;
    struct concurrent_subject *subject = thread->subject;
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
}

/* --- Between gatherings --------------------------------------------------------------------------------------------- */

static enum kaya_status read_back(struct concurrent_subject *subject, const struct kaya_sim_machine *machine,
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
    status = heard(subject, machine, status == KAYA_END ? KAYA_OK : status);
    kaya_concurrent_answered(subject->model, "reading back", status, violation);
    if (status == KAYA_OK && !kaya_violation_is_set(violation))
        kaya_concurrent_read_end(subject->model, violation);
    return status;
}

static enum kaya_status try_to_open(struct concurrent_subject *subject,
                                    const struct kaya_sim_machine *machine, struct kaya_violation *violation)
{
    const struct kaya_plan *plan = subject->player.plan;
    struct kaya_wal_config config = { .segment_bytes = plan->segment_bytes,
                                      .block_bytes = plan->block_bytes,
                                      .record_bytes_max = plan->record_bytes_max,
                                      .spare_count = plan->spare_count,
                                      .buffer_bytes = plan->buffer_bytes,
                                      .must_exist = kaya_concurrent_exists(subject->model),
                                      .on_event = kaya_player_on_event,
                                      .user = &subject->player };
    struct kaya_wal_recovery_report report = { 0 };
    enum kaya_status status;

    kaya_player_trace(&subject->player, KAYA_TRACE_OPERATION, "open", KAYA_OK, config.segment_bytes,
                      config.block_bytes, config.record_bytes_max);
    status = heard(subject, machine,
                   kaya_wal_writer_open(&subject->player.environment, &config, &subject->writer, &report));
    kaya_player_recovered(&subject->player, machine, status, &report);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "open", status, report.first_lsn, report.last_lsn,
                      report.epoch);
    kaya_concurrent_opened(subject->model, status, report.first_lsn, report.last_lsn, violation);
    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    subject->player.recoveries++;
    return read_back(subject, machine, violation);
}

static enum kaya_status close_writer(struct concurrent_subject *subject,
                                     const struct kaya_sim_machine *machine, struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_OK;

    if (subject->writer != NULL) {
        status = heard(subject, machine, kaya_wal_writer_close(subject->writer));
        kaya_concurrent_closed(subject->model, status, violation);
    }
    subject->writer = NULL;
    return status;
}

/* An open, or reading back, that fails because of a fault is tried again. */
static enum kaya_status open_writer(struct concurrent_subject *subject,
                                    const struct kaya_sim_machine *machine, struct kaya_violation *violation)
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
    struct concurrent_subject *subject = subject_of(base);

    kaya_player_boot(&subject->player, machine);
    subject->writer = NULL;
    return open_writer(subject, machine, violation);
}

static void subject_check(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    struct concurrent_subject *subject = subject_of(base);

    if (heard(subject, machine, KAYA_OK) == KAYA_OK && !kaya_concurrent_has_ended(subject->model))
        kaya_concurrent_quiet(subject->model, kaya_wal_writer_last_lsn(subject->writer), violation);
}

/* --- A gathering ---------------------------------------------------------------------------------------------------- */

/* What a gathering came to: how many shared its syncs, and how long it took. */
static void sum_up(struct concurrent_subject *subject, const struct kaya_sim_machine *machine,
                   uint64_t syncs_before)
{
    uint64_t sync_count = kaya_sim_disk_usage(machine->sim_disk).syncs - syncs_before;
    uint64_t now_ns = kaya_now_ns(machine->runtime);

    if (sync_count > 0 && subject->strict_count >= 2 * sync_count)
        kaya_watch_mark(&subject->player.watch, KAYA_MARK_SHARED_SYNC);
    if (now_ns > 0)
        kaya_player_trace(&subject->player, KAYA_TRACE_NOTE, "nanoseconds since the boot", KAYA_OK, now_ns, 0, 0);
}

static enum kaya_status gather(struct concurrent_subject *subject, const struct kaya_sim_machine *machine,
                               size_t count, size_t bytes_each, struct kaya_violation *violation)
{
    struct thread threads[KAYA_THREADS_MAX];
    struct kaya_fiber_body bodies[KAYA_THREADS_MAX];
    uint64_t syncs_before = kaya_sim_disk_usage(machine->sim_disk).syncs;
    char deadlock[KAYA_DEADLOCK_TEXT_MAX];
    enum kaya_status status;

    for (size_t i = 0; i < count; i++) {
        threads[i] =
            (struct thread){ subject, machine, violation, i, count, subject->player.bytes + i * bytes_each };
        bodies[i] = (struct kaya_fiber_body){ "thread", live, &threads[i] };
    }
    subject->no_memory = false;
    subject->strict_count = 0;
    status =
        kaya_sim_runtime_run(machine->runtime, machine->sim_disk, machine->choices, bodies, count, deadlock);
    if (status == KAYA_BUSY)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P7), "nobody can go on: %s", deadlock);
    sum_up(subject, machine, syncs_before);
    return status == KAYA_NO_MEMORY || subject->no_memory ? KAYA_NO_MEMORY : KAYA_OK;
}

static enum kaya_status subject_step(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct concurrent_subject *subject = subject_of(base);
    const struct kaya_plan *plan = subject->player.plan;
    size_t bytes_each = (size_t)plan->record_bytes_max + 1;
    size_t count = (size_t)kaya_range_draw(plan->threads, machine->choices, KAYA_STREAM_WORKLOAD, "threads");
    enum kaya_status status;

    *done = plan->script != NULL; /* it is one gathering */
    if (!kaya_player_reserve(&subject->player, count * bytes_each))
        return KAYA_NO_MEMORY;
    status = gather(subject, machine, count, bytes_each, violation);
    if (status != KAYA_OK || kaya_violation_is_set(violation))
        return status;
    if (heard(subject, machine, KAYA_OK) == KAYA_GONE)
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
    struct concurrent_subject *subject = subject_of(base);

    subject->writer = NULL; /* its memory was the machine's */
    kaya_concurrent_crash(subject->model, kind);
}

static enum kaya_status subject_copy_model(const struct kaya_subject *from_base, struct kaya_subject *to_base)
{
    const struct concurrent_subject *from = subject_of_const(from_base);
    struct concurrent_subject *to = subject_of(to_base);

    kaya_player_copy(&from->player, &to->player);
    memcpy(to->payload_counts, from->payload_counts, sizeof to->payload_counts);
    to->writer = NULL;
    return kaya_concurrent_model_copy(from->model, to->model);
}

static void subject_hash_model(const struct kaya_subject *base, uint64_t hash[2])
{
    const struct concurrent_subject *subject = subject_of_const(base);
    struct kaya_words words;

    kaya_words_begin(&words);
    kaya_player_add_words(&subject->player, &words);
    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        kaya_words_add(&words, subject->payload_counts[thread]);
    kaya_concurrent_model_add_words(subject->model, &words);
    kaya_words_end(&words, hash);
}

static void subject_destroy(struct kaya_subject *base)
{
    struct concurrent_subject *subject = subject_of(base);

    if (subject == NULL)
        return;
    kaya_concurrent_model_destroy(subject->model);
    kaya_player_release(&subject->player);
    free(subject);
}

static const struct kaya_subject_operations operations = { .name = "concurrent",
                                                           .recover = subject_recover,
                                                           .step = subject_step,
                                                           .check = subject_check,
                                                           .close = subject_close,
                                                           .crash = subject_crash,
                                                           .copy_model = subject_copy_model,
                                                           .hash_model = subject_hash_model,
                                                           .destroy = subject_destroy };

void kaya_concurrent_subject_reset(struct kaya_subject *base, const struct kaya_plan *plan, uint64_t seed)
{
    struct concurrent_subject *subject = subject_of(base);

    subject->writer = NULL;
    memset(subject->payload_counts, 0, sizeof subject->payload_counts);
    kaya_player_reset(&subject->player, plan, seed);
    kaya_concurrent_model_reset(subject->model);
}

enum kaya_status kaya_concurrent_subject_create(const struct kaya_plan *plan, uint64_t seed,
                                                struct kaya_subject **base)
{
    struct concurrent_subject *subject = calloc(1, sizeof *subject);

    *base = NULL;
    if (subject == NULL)
        return KAYA_NO_MEMORY;
    subject->base.operations = &operations;
    subject->model = kaya_concurrent_model_create();
    if (subject->model == NULL) {
        free(subject);
        return KAYA_NO_MEMORY;
    }
    kaya_concurrent_subject_reset(&subject->base, plan, seed);
    *base = &subject->base;
    return KAYA_OK;
}

struct kaya_oracle_counts kaya_concurrent_subject_counts(const struct kaya_subject *base)
{
    return kaya_concurrent_counts(subject_of_const(base)->model);
}

uint64_t kaya_concurrent_subject_recoveries(const struct kaya_subject *base)
{
    return subject_of_const(base)->player.recoveries;
}

struct kaya_watch *kaya_concurrent_subject_watch(struct kaya_subject *base)
{
    return &subject_of(base)->player.watch;
}
