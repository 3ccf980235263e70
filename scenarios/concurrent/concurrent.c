/* What all threads share: how an answer is heard, payloads that tell whose they are, and when KAYA_BUSY has a reason. */
#include "concurrent.h"

#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/promise.h"

/* A payload is at least so long, and no zeros, so that no other is the same: whose a record is that nobody was answered, the model can only
 * tell by that. */
enum { TELLING_BYTES = 8 };

enum kaya_status kaya_concurrent_heard(struct kaya_concurrent *subject,
                                       const struct kaya_sim_machine *machine, enum kaya_status status)
{
    status = kaya_player_heard(&subject->player, machine, status, NULL);
    kaya_concurrent_struck(subject->model, subject->player.struck);
    return status;
}

/* Each thread has payloads of its own, the same ones whatever the schedule. */
static uint64_t payload_key(struct kaya_thread *thread)
{
    uint64_t number = thread->subject->payload_counts[thread->number]++;

    return kaya_payload_key(thread->subject->player.seed, number * KAYA_THREADS_MAX + thread->number) | 1;
}

void kaya_thread_fill(struct kaya_thread *thread, const struct kaya_operation *operation,
                      struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX],
                      struct kaya_content contents[KAYA_BATCH_RECORDS_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < operation->record_count; i++) {
        uint64_t key = payload_key(thread);
        uint32_t length = operation->lengths[i] > TELLING_BYTES ? operation->lengths[i] : TELLING_BYTES;
        uint8_t type = (uint8_t)(KAYA_RECORD_PUT + (key >> 8 & 3));

        kaya_payload_fill(key, thread->bytes + at, length);
        payloads[i] = (struct kaya_wal_payload){ (enum kaya_wal_record_type)type, thread->bytes + at, length };
        contents[i] = (struct kaya_content){ .key = key, .length = length, .type = type };
        at += length;
    }
}

/* The control frames that a buffer may hold as well. */
enum { CONTROL_BYTES_MAX = 1024, BUFFER_BYTES_DEFAULT = 256 * 1024 };

static uint64_t buffer_bytes(const struct kaya_plan *plan)
{
    uint64_t bytes = plan->buffer_bytes == 0 ? BUFFER_BYTES_DEFAULT : plan->buffer_bytes;
    uint64_t least = 2 * (uint64_t)kaya_plan_padding_bytes(&plan->profile->geometry);

    if (bytes > plan->segment_bytes)
        bytes = plan->segment_bytes;
    return bytes > least ? bytes : least;
}

void kaya_thread_judge_busy(struct kaya_thread *thread, uint64_t before, bool is_submit)
{
    const struct kaya_plan *plan = thread->subject->player.plan;
    struct kaya_in_flight most = kaya_concurrent_in_flight(thread->subject->model, before);
    uint64_t padding = 2 * (uint64_t)kaya_plan_padding_bytes(&plan->profile->geometry);
    bool is_beyond =
        is_submit && ((plan->submitted_records_max != 0 && most.record_count > plan->submitted_records_max) ||
                      (plan->submitted_bytes_max != 0 && most.counted_bytes > plan->submitted_bytes_max));

    if (!is_beyond && most.encoded_bytes + CONTROL_BYTES_MAX + padding <= buffer_bytes(plan))
        kaya_violation_set(thread->violation, kaya_promise_name(KAYA_PROMISE_P7),
                           "KAYA_BUSY, and no more than %llu records, %llu bytes, were in flight: %u and %u are allowed, "
                           "and no buffer was full",
                           (unsigned long long)most.record_count, (unsigned long long)most.counted_bytes,
                           plan->submitted_records_max, plan->submitted_bytes_max);
}
