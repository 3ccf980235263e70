/* The runtime seam: locks, waiting, time, randomness and the one published number. Threads stand behind it in
 * production, fibers under a chosen schedule in the simulator. Nothing in core starts a thread. */
#ifndef KAYA_SEAM_RUNTIME_H
#define KAYA_SEAM_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kaya_runtime;
struct kaya_mutex;
struct kaya_condition;

/* Waiting without an end. */
#define KAYA_WAIT_FOREVER UINT64_MAX

struct kaya_runtime_operations {
    /* A new unlocked mutex. KAYA_NO_MEMORY: none could be made. Not recursive. */
    enum kaya_status (*mutex_create)(struct kaya_runtime *, struct kaya_mutex **);
    /* The mutex is unlocked and nobody waits for it. */
    void (*mutex_destroy)(struct kaya_runtime *, struct kaya_mutex *);
    void (*mutex_lock)(struct kaya_runtime *, struct kaya_mutex *);
    void (*mutex_unlock)(struct kaya_runtime *, struct kaya_mutex *);

    enum kaya_status (*condition_create)(struct kaya_runtime *, struct kaya_condition **);
    void (*condition_destroy)(struct kaya_runtime *, struct kaya_condition *);
    /* Unlock, sleep until woken or `timeout_ns` nanoseconds have passed, lock again. May wake for no reason.
     * True: woken; false: the time is over. */
    bool (*condition_wait)(struct kaya_runtime *, struct kaya_condition *, struct kaya_mutex *,
                           uint64_t timeout_ns);
    void (*condition_wake_one)(struct kaya_runtime *, struct kaya_condition *);
    void (*condition_wake_all)(struct kaya_runtime *, struct kaya_condition *);

    /* Monotonic time in nanoseconds. For timeouts and reports only: no decision of the log hangs on it. */
    uint64_t (*now_ns)(struct kaya_runtime *);

    /* Fill `bytes` with random bytes that nobody can guess from earlier ones (log ids, salts, nonces). */
    enum kaya_status (*random)(struct kaya_runtime *, void *bytes, size_t length);

    /* Store so that any thread that observes the value sees all that happened before (release). */
    void (*publish)(struct kaya_runtime *, uint64_t *slot, uint64_t value);
    /* Load with the same promise (acquire). */
    uint64_t (*observe)(struct kaya_runtime *, const uint64_t *slot);
};

/* A runtime embeds this as its first member. */
struct kaya_runtime {
    const struct kaya_runtime_operations *operations;
};

/* Checked wrappers: one a slot, same contract. Core calls nothing else. */
KAYA_MUST_CHECK enum kaya_status kaya_mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **mutex);
void kaya_mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *mutex); /* takes NULL */
void kaya_mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex);
void kaya_mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex);
KAYA_MUST_CHECK enum kaya_status kaya_condition_create(struct kaya_runtime *runtime,
                                                       struct kaya_condition **condition);
void kaya_condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *condition); /* takes NULL */
bool kaya_condition_wait(struct kaya_runtime *runtime, struct kaya_condition *condition,
                         struct kaya_mutex *mutex, uint64_t timeout_ns);
void kaya_condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *condition);
void kaya_condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *condition);
uint64_t kaya_now_ns(struct kaya_runtime *runtime);
KAYA_MUST_CHECK enum kaya_status kaya_random(struct kaya_runtime *runtime, void *bytes, size_t length);
void kaya_publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value);
uint64_t kaya_observe(struct kaya_runtime *runtime, const uint64_t *slot);

#ifdef __cplusplus
}
#endif

#endif
