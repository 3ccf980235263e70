/* A thread that waits for work and tends, as kaya/posix.h has one: what was submitted becomes durable though nobody waits for it, and spares are
 * prepared.
 *
 * Who makes work wakes it. A wake that is lost shows in nothing that others do: each of them makes durable what it waits for, and prepares what it
 * lacks. So when all others are done the last one sleeps for an hour, which is long enough for any disk here, and looks at what was left: then every
 * ticket is complete, every completion was called, and one more tend touches no disk. */
#include "concurrent.h"
#include "kaya/scenarios/promise.h"

#define MINUTE_NS UINT64_C(60000000000)

void kaya_thread_tend(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    enum kaya_status status =
        kaya_concurrent_heard(subject, thread->machine, kaya_wal_writer_tend(subject->writer, NULL));

    kaya_concurrent_answered(subject->model, "tend", status, thread->violation);
    kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "tend", status, 0, 0, thread->number);
}

void kaya_tender_live(void *user)
{
    struct kaya_thread *thread = user;
    struct kaya_concurrent *subject = thread->subject;
    enum kaya_status status;

    do {
        kaya_sim_runtime_doing(thread->machine->runtime, "wait for work");
        status = kaya_wal_writer_await_work(subject->writer, MINUTE_NS);
        kaya_player_trace(&subject->player, KAYA_TRACE_ANSWER, "await_work", status, 0, 0, thread->number);
        if (status == KAYA_OK || status == KAYA_ENDED) {
            kaya_sim_runtime_doing(thread->machine->runtime, "tend");
            kaya_submits_expect_order(subject, thread->machine);
            kaya_thread_tend(thread);
        }
    } while (status == KAYA_OK && !kaya_violation_is_set(thread->violation));
    if (status == KAYA_NO_MEMORY)
        subject->no_memory = true;
}

/* Virtual time, which costs none: everybody else comes to rest. */
static void sleep_for_an_hour(struct kaya_thread *thread)
{
    struct kaya_runtime *runtime = thread->machine->runtime;
    struct kaya_mutex *mutex = NULL;
    struct kaya_condition *never = NULL;
    uint64_t until_ns = kaya_now_ns(runtime) + 60 * MINUTE_NS;

    if (kaya_mutex_create(runtime, &mutex) != KAYA_OK || kaya_condition_create(runtime, &never) != KAYA_OK) {
        thread->subject->no_memory = true;
    } else {
        kaya_mutex_lock(runtime, mutex);
        while (kaya_now_ns(runtime) < until_ns) /* waits may end for nothing */
            (void)kaya_condition_wait(runtime, never, mutex, until_ns - kaya_now_ns(runtime));
        kaya_mutex_unlock(runtime, mutex);
    }
    kaya_condition_destroy(runtime, never);
    kaya_mutex_destroy(runtime, mutex);
}

static bool may_go_on(const struct kaya_thread *thread)
{
    return !kaya_violation_is_set(thread->violation) && !thread->subject->no_memory &&
           !kaya_sim_disk_is_crashed(thread->machine->sim_disk);
}

static void expect_nothing_left(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;
    uint64_t calls;

    kaya_sim_runtime_doing(thread->machine->runtime, "sleep");
    sleep_for_an_hour(thread);
    if (may_go_on(thread))
        kaya_submits_expect_complete(subject, "somebody tends, and an hour has passed", thread->violation);
    if (may_go_on(thread))
        kaya_submits_expect_called(subject, thread->violation);
    if (!may_go_on(thread))
        return;
    calls = kaya_sim_disk_calls(thread->machine->sim_disk);
    kaya_thread_tend(thread);
    calls = kaya_sim_disk_calls(thread->machine->sim_disk) - calls;
    if (calls > 0)
        kaya_violation_set(thread->violation, kaya_promise_name(KAYA_PROMISE_P7),
                           "somebody tends, and an hour has passed, but %llu disk calls were left to do",
                           (unsigned long long)calls);
}

void kaya_tender_leave(struct kaya_thread *thread)
{
    struct kaya_concurrent *subject = thread->subject;

    if (--subject->live_count > 0 || !subject->has_tender)
        return;
    if (may_go_on(thread))
        expect_nothing_left(thread);
    kaya_wal_writer_dismiss(subject->writer);
}
