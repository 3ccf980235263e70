/* Records that are submitted, and tickets that are waited for, polled or called back.
 *
 * A ticket is complete once somebody was told so: by a wait, by a poll, or by its completion. Asked of each:
 *   - a wait is not over before its time, and no later either, but for what its own thread reads and writes; one without an end is not over before
 *     its ticket is complete, and nothing takes an hour
 *   - what was complete stays complete; what a ticket promised when it was (its mode) must come back, which is the model's business
 *   - a completion is called exactly once, for a submit that was answered OK and for no other, not under the lock (it takes it), and in the order
 *     of the records where one call runs several
 *   - when all threads are done and everything is synced, or the handle has ended, nothing is left open
 *   - a submit stays within the limits, and answers KAYA_BUSY only where it was asked to and one is reached, or the buffers are full
 *
 * A completion may come before its submit has returned: then it is what answers the submit. It may submit again. */
#include "concurrent.h"
#include "kaya/scenarios/promise.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define HOUR_NS UINT64_C(3600000000000)

/* Some about as long as a sync takes. */
static const uint64_t timeouts_ns[] = {
    KAYA_WAIT_FOREVER,     0,
    MILLISECOND_NS / 1000, MILLISECOND_NS,
    3 * MILLISECOND_NS,    6 * MILLISECOND_NS,
    100 * MILLISECOND_NS,  HOUR_NS,
};
enum { TIMEOUTS = sizeof timeouts_ns / sizeof timeouts_ns[0], AGAIN_BYTES = 16 };

/* A wait may notice late that its time is over when it waits for the log, and again for its record. */
enum { LATE_WAITS_MAX = 2 };

#define BROKEN(violation, promise, ...)                                                                      \
    kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_##promise), __VA_ARGS__)

static unsigned long long number(uint64_t value)
{
    return (unsigned long long)value;
}

/* Who runs: a thread, or the one between gatherings. */
static size_t runner(const struct kaya_sim_machine *machine)
{
    size_t thread = kaya_sim_runtime_current(machine->runtime);

    return thread < KAYA_THREADS_MAX ? thread : KAYA_THREADS_MAX;
}

void kaya_submits_reset(struct kaya_concurrent *subject)
{
    memset(subject->submit_counts, 0, sizeof subject->submit_counts);
}

void kaya_submits_expect_order(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine)
{
    subject->called_lsn[runner(machine)] = 0;
}

/* ---- answers ---- */

/* The record has its number. */
static void answer(struct kaya_submit *submit, enum kaya_status status, const struct kaya_wal_ticket *ticket)
{
    struct kaya_thread *thread = submit->thread;

    if (submit->is_answered)
        return;
    submit->is_answered = true;
    submit->ticket = *ticket;
    kaya_concurrent_append_end(thread->subject->model, submit->call, KAYA_BUFFERED, status, ticket->first_lsn,
                               ticket->last_lsn, thread->violation);
}

/* The ticket is complete, or will never be. */
static void tell(struct kaya_submit *submit, enum kaya_durability_mode mode, enum kaya_status status)
{
    struct kaya_thread *thread = submit->thread;

    if (status != KAYA_OK && status != KAYA_IO && status != KAYA_GONE)
        BROKEN(thread->violation, P7, "the ticket of record %llu is answered %s",
               number(submit->ticket.last_lsn), kaya_status_name(status));
    kaya_concurrent_completed(thread->subject->model, mode, status, submit->ticket.last_lsn, thread->violation);
    submit->is_complete = submit->is_complete || (mode == submit->ticket.mode && status != KAYA_GONE);
}

static void submit_again(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine)
{
    struct kaya_operation operation = { .kind = KAYA_OPERATION_SUBMIT_RELAXED,
                                        .record_count = 1,
                                        .lengths = { AGAIN_BYTES } };
    size_t caller = runner(machine);

    if (caller < KAYA_THREADS_MAX && subject->submit_counts[caller] < KAYA_SUBMITS_MAX &&
        kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 4, "submit_again"))
        kaya_thread_submit(&subject->threads[caller], &operation);
}

static void completed(struct kaya_wal_completion *completion)
{
    struct kaya_submit *submit = (struct kaya_submit *)completion;
    struct kaya_thread *owner = submit->thread;
    struct kaya_concurrent *subject = owner->subject;
    uint64_t *called_lsn = &subject->called_lsn[runner(owner->machine)];
    enum kaya_status status = kaya_concurrent_heard(subject, owner->machine, completion->status);
    uint64_t lsn = completion->ticket.last_lsn;

    if (status == KAYA_GONE)
        return;
    answer(submit, KAYA_OK, &completion->ticket);
    if (!submit->is_called || submit->calls++ > 0)
        BROKEN(owner->violation, P7, "the completion of record %llu was called %s", number(lsn),
               submit->is_called ? "a second time" : "and its submit had failed");
    if (lsn <= *called_lsn)
        BROKEN(owner->violation, P7, "the completion of record %llu was called behind that of record %llu",
               number(lsn), number(*called_lsn));
    *called_lsn = lsn;
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "completion", status, lsn, 0, owner->number);
    tell(submit, submit->ticket.mode, status);
    (void)kaya_wal_writer_last_lsn(subject->writer); /* takes the lock: it must be free */
    if (status == KAYA_OK)
        submit_again(subject, owner->machine);
}

/* ---- submitting ---- */

/* The limit is that of the moment: what others append while a submit waits for its turn is not its own. All up to `before` was there when it
 * began, and no more was durable, until it was through, than is now. */
static void expect_limits(struct kaya_thread *thread, const struct kaya_wal_ticket *ticket, uint64_t before)
{
    struct kaya_concurrent *subject = thread->subject;
    uint32_t records_max = subject->player.plan->submitted_records_max;
    uint64_t durable = kaya_wal_writer_durable_lsn(subject->writer);
    uint64_t count = ticket->last_lsn - ticket->first_lsn + 1;

    if (records_max != 0 && before > durable && before - durable + count > records_max)
        BROKEN(thread->violation, P8,
               "record %llu was submitted when %llu were appended, %llu are durable, and %u may be in flight",
               number(ticket->last_lsn), number(before), number(durable), records_max);
}

static void hear_submit(struct kaya_submit *submit, enum kaya_status status,
                        const struct kaya_wal_ticket *ticket, uint64_t before, uint64_t durable_before)
{
    struct kaya_thread *thread = submit->thread;
    struct kaya_concurrent *subject = thread->subject;

    if (status == KAYA_BUSY && subject->player.plan->full_is_busy) {
        kaya_thread_judge_busy(thread, durable_before, true);
        kaya_concurrent_append_refused(subject->model, submit->call);
    } else {
        answer(submit, status, ticket);
    }
    if (status == KAYA_OK)
        expect_limits(thread, ticket, before);
    else if (status != KAYA_GONE && submit->calls > 0)
        BROKEN(thread->violation, P7, "a submit answered %s, and its completion was called",
               kaya_status_name(status));
    if (status != KAYA_OK)
        submit->is_called = false;
    submit->is_answered = status == KAYA_OK;
}

void kaya_thread_submit(struct kaya_thread *thread, const struct kaya_operation *operation)
{
    struct kaya_concurrent *subject = thread->subject;
    struct kaya_content contents[KAYA_BATCH_RECORDS_MAX];
    struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX];
    struct kaya_wal_ticket ticket = { 0 };
    struct kaya_submit *submit;
    enum kaya_status status;
    uint64_t before, durable_before;

    if (subject->submit_counts[thread->number] == KAYA_SUBMITS_MAX) {
        kaya_thread_wait(thread);
        return;
    }
    submit = &subject->submits[thread->number][subject->submit_counts[thread->number]++];
    *submit = (struct kaya_submit){ .completion.completed = completed, .thread = thread };
    submit->is_called = kaya_chance(thread->machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "completion");
    kaya_thread_fill(thread, operation, payloads, contents);
    if (kaya_concurrent_append_begin(subject->model, thread->number, contents, operation->record_count,
                                     &submit->call) != KAYA_OK) {
        subject->no_memory = true;
        return;
    }
    before = kaya_concurrent_sync_begin(subject->model);
    durable_before = kaya_concurrent_durable_lsn(subject->model);
    status = kaya_concurrent_heard(
        subject, thread->machine,
        kaya_wal_writer_submit_batch(subject->writer, payloads, operation->record_count,
                                     kaya_operation_mode(operation->kind),
                                     submit->is_called ? &submit->completion : NULL, &ticket));
    hear_submit(submit, status, &ticket, before, durable_before);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "submit", status, ticket.first_lsn,
                      ticket.last_lsn, thread->number);
}

/* ---- waiting ---- */

/* Nothing of what it was told was too early. */
static void hear_busy(struct kaya_submit *submit, uint64_t timeout_ns, uint64_t waited_ns)
{
    struct kaya_thread *thread = submit->thread;
    uint64_t lsn = submit->ticket.last_lsn;

    if (timeout_ns >= HOUR_NS)
        BROKEN(thread->violation, P7, "a wait %s for record %llu answered KAYA_BUSY",
               timeout_ns == HOUR_NS ? "of an hour" : "without an end", number(lsn));
    if (waited_ns < timeout_ns)
        BROKEN(thread->violation, P7, "a wait of %llu ns for record %llu was over after %llu",
               number(timeout_ns), number(lsn), number(waited_ns));
}

/* ... and none took longer than it was told to, but for the thread's own calls of the disk. What it is called back for is its own affair. */
static void expect_in_time(struct kaya_submit *submit, uint64_t timeout_ns, uint64_t waited_ns, uint64_t disk_ns)
{
    struct kaya_thread *thread = submit->thread;
    bool was_called_back = thread->subject->called_lsn[thread->number] != 0;

    if (timeout_ns != KAYA_WAIT_FOREVER && !was_called_back &&
        waited_ns > timeout_ns + disk_ns + LATE_WAITS_MAX * KAYA_LATE_MAX_NS)
        BROKEN(thread->violation, P7,
               "a wait of %llu ns for record %llu lasted %llu, of which its thread was at the disk for %llu",
               number(timeout_ns), number(submit->ticket.last_lsn), number(waited_ns), number(disk_ns));
}

static void await(struct kaya_thread *thread, struct kaya_submit *submit, uint64_t timeout_ns, bool durably)
{
    struct kaya_concurrent *subject = thread->subject;
    enum kaya_durability_mode mode = durably ? KAYA_STRICT : submit->ticket.mode;
    bool was_complete = submit->is_complete && mode == submit->ticket.mode;
    uint64_t began_ns = kaya_now_ns(thread->machine->runtime);
    uint64_t disk_ns = kaya_sim_runtime_disk_ns(thread->machine->runtime);
    uint64_t waited_ns;
    enum kaya_status status;

    if (!submit->is_answered)
        return;
    kaya_submits_expect_order(subject, thread->machine);
    if (durably)
        status = kaya_wal_writer_wait_durable(subject->writer, submit->ticket.last_lsn, timeout_ns);
    else
        status = kaya_wal_writer_wait(subject->writer, &submit->ticket, timeout_ns);
    waited_ns = kaya_now_ns(thread->machine->runtime) - began_ns;
    disk_ns = kaya_sim_runtime_disk_ns(thread->machine->runtime) - disk_ns;
    status = kaya_concurrent_heard(subject, thread->machine, status);
    if (status != KAYA_GONE)
        expect_in_time(submit, timeout_ns, waited_ns, disk_ns);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, durably ? "wait_durable" : "wait", status,
                      submit->ticket.first_lsn, submit->ticket.last_lsn, thread->number);
    if (status != KAYA_BUSY)
        tell(submit, mode, status);
    else if (was_complete)
        BROKEN(thread->violation, P7, "the ticket of record %llu was complete, and is not any more",
               number(submit->ticket.last_lsn));
    else
        hear_busy(submit, timeout_ns, waited_ns);
}

void kaya_thread_wait(struct kaya_thread *thread)
{
    struct kaya_choices *choices = thread->machine->choices;
    size_t count = thread->subject->submit_counts[thread->number];
    uint64_t which, timeout;
    bool durably;

    if (count == 0) {
        kaya_thread_poll(thread);
        return;
    }
    which = kaya_choose(choices, KAYA_STREAM_WORKLOAD, count, "ticket");
    timeout = kaya_choose(choices, KAYA_STREAM_WORKLOAD, TIMEOUTS, "timeout");
    durably = kaya_chance(choices, KAYA_STREAM_WORKLOAD, 1, 4, "durably");
    await(thread, &thread->subject->submits[thread->number][which], timeouts_ns[timeout], durably);
}

static enum kaya_status poll(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                             const struct kaya_wal_ticket *ticket)
{
    enum kaya_status status;

    kaya_submits_expect_order(subject, machine);
    status = kaya_concurrent_heard(subject, machine, kaya_wal_writer_poll(subject->writer, ticket));
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "poll", status, ticket != NULL ? ticket->first_lsn : 0,
                      ticket != NULL ? ticket->last_lsn : 0, runner(machine));
    return status;
}

static void poll_one(struct kaya_submit *submit)
{
    struct kaya_thread *thread = submit->thread;
    bool was_complete = submit->is_complete;
    enum kaya_status status = poll(thread->subject, thread->machine, &submit->ticket);

    if (status != KAYA_BUSY)
        tell(submit, submit->ticket.mode, status);
    else if (was_complete)
        BROKEN(thread->violation, P7, "the ticket of record %llu was complete, and is not any more",
               number(submit->ticket.last_lsn));
}

void kaya_thread_poll(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    size_t count = subject->submit_counts[thread->number];
    uint64_t which =
        count == 0 ? 0 : kaya_choose(thread->machine->choices, KAYA_STREAM_WORKLOAD, count + 1, "ticket");

    if (which > 0 && subject->submits[thread->number][which - 1].is_answered)
        poll_one(&subject->submits[thread->number][which - 1]);
    else
        (void)poll(subject, thread->machine, NULL);
}

void kaya_thread_wait_for_all(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    size_t n = thread->number;

    if (subject->submit_counts[n] == 0 ||
        !kaya_chance(thread->machine->choices, KAYA_STREAM_WORKLOAD, 2, 3, "waits_for_all"))
        return;
    for (size_t i = 0; i < subject->submit_counts[n] && !kaya_violation_is_set(thread->violation) &&
                       !kaya_sim_disk_is_crashed(thread->machine->sim_disk);
         i++)
        if (!subject->submits[n][i].is_complete)
            await(thread, &subject->submits[n][i], KAYA_WAIT_FOREVER, false);
}

/* ---- the end of a gathering ---- */

void kaya_submits_expect_called(struct kaya_concurrent *subject, struct kaya_violation *violation)
{
    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        for (size_t i = 0; i < subject->submit_counts[thread]; i++) {
            const struct kaya_submit *submit = &subject->submits[thread][i];

            if (submit->is_called && submit->is_answered && submit->calls == 0)
                BROKEN(violation, P7, "nobody called the completion of record %llu",
                       number(submit->ticket.last_lsn));
        }
}

static void settle_tickets(struct kaya_concurrent *subject, size_t thread, const char *why,
                           struct kaya_violation *violation)
{
    for (size_t i = 0; i < subject->submit_counts[thread] && !kaya_violation_is_set(violation); i++) {
        struct kaya_submit *submit = &subject->submits[thread][i];

        if (!submit->is_answered)
            continue;
        poll_one(submit);
        if (!submit->is_complete && !kaya_sim_disk_is_crashed(submit->thread->machine->sim_disk))
            BROKEN(violation, P7, "%s, and the ticket of record %llu is not complete", why,
                   number(submit->ticket.last_lsn));
    }
}

void kaya_submits_expect_complete(struct kaya_concurrent *subject, const char *why,
                                  struct kaya_violation *violation)
{
    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        settle_tickets(subject, thread, why, violation);
}

void kaya_submits_settle(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                         struct kaya_violation *violation)
{
    size_t count = 0;

    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        count += subject->submit_counts[thread];
    if (count == 0)
        return;
    if (!kaya_concurrent_has_ended(subject->model)) {
        uint64_t covered = kaya_concurrent_sync_begin(subject->model);
        enum kaya_status status = kaya_concurrent_heard(subject, machine, kaya_wal_writer_sync(subject->writer));

        kaya_concurrent_sync_end(subject->model, covered, status, violation);
    }
    (void)poll(subject, machine, NULL);
    kaya_submits_expect_complete(subject, "all was synced or failed", violation);
    if (!kaya_sim_disk_is_crashed(machine->sim_disk))
        kaya_submits_expect_called(subject, violation);
}
