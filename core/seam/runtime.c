/* Checked calls of the runtime seam: objects are given and handed out where the contract says so, and only the
 * statuses that it names come back. Who holds a mutex is known to the other side alone. */
#include "kaya/seam/runtime.h"

enum kaya_status kaya_mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **mutex)
{
    enum kaya_status status;

    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(mutex != NULL);
    *mutex = NULL;
    status = runtime->operations->mutex_create(runtime, mutex);
    KAYA_ASSERT(status == KAYA_OK || status == KAYA_NO_MEMORY);
    KAYA_ASSERT((status == KAYA_OK) == (*mutex != NULL));
    return status;
}

void kaya_mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    KAYA_ASSERT(runtime != NULL);
    if (mutex != NULL)
        runtime->operations->mutex_destroy(runtime, mutex);
}

void kaya_mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(mutex != NULL);
    runtime->operations->mutex_lock(runtime, mutex);
}

void kaya_mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(mutex != NULL);
    runtime->operations->mutex_unlock(runtime, mutex);
}

enum kaya_status kaya_condition_create(struct kaya_runtime *runtime, struct kaya_condition **condition)
{
    enum kaya_status status;

    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(condition != NULL);
    *condition = NULL;
    status = runtime->operations->condition_create(runtime, condition);
    KAYA_ASSERT(status == KAYA_OK || status == KAYA_NO_MEMORY);
    KAYA_ASSERT((status == KAYA_OK) == (*condition != NULL));
    return status;
}

void kaya_condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    KAYA_ASSERT(runtime != NULL);
    if (condition != NULL)
        runtime->operations->condition_destroy(runtime, condition);
}

bool kaya_condition_wait(struct kaya_runtime *runtime, struct kaya_condition *condition,
                         struct kaya_mutex *mutex, uint64_t timeout_ns)
{
    bool woken;

    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(condition != NULL);
    KAYA_ASSERT(mutex != NULL);
    woken = runtime->operations->condition_wait(runtime, condition, mutex, timeout_ns);
    KAYA_ASSERT(woken || timeout_ns != KAYA_WAIT_FOREVER);
    return woken;
}

void kaya_condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(condition != NULL);
    runtime->operations->condition_wake_one(runtime, condition);
}

void kaya_condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(condition != NULL);
    runtime->operations->condition_wake_all(runtime, condition);
}

uint64_t kaya_now_ns(struct kaya_runtime *runtime)
{
    KAYA_ASSERT(runtime != NULL);
    return runtime->operations->now_ns(runtime);
}

enum kaya_status kaya_random(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    enum kaya_status status;

    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(bytes != NULL);
    status = runtime->operations->random(runtime, bytes, length);
    KAYA_ASSERT(status == KAYA_OK || status == KAYA_IO);
    return status;
}

void kaya_publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(slot != NULL);
    runtime->operations->publish(runtime, slot, value);
}

uint64_t kaya_observe(struct kaya_runtime *runtime, const uint64_t *slot)
{
    KAYA_ASSERT(runtime != NULL);
    KAYA_ASSERT(slot != NULL);
    return runtime->operations->observe(runtime, slot);
}
