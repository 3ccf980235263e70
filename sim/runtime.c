/* The runtime of a simulated machine with one thread: locks that check, time that only waiting moves, random bytes that a
 * seed fixes.
 *
 * With one thread a lock is never contended. So a lock that is already held, and a wait without an end that nobody is
 * there to end, are deadlocks, and trap. Mutexes and conditions live in an arena of the runtime's own: a crash forgets
 * them, held or not. */
#include "kaya/sim/boot.h"

#include <stdlib.h>

#include "kaya/seam/status.h"

/* Odd values, so that the bytes of a destroyed or never created mutex are neither. */
enum mutex_state { MUTEX_FREE = 0x66726565, MUTEX_HELD = 0x68656c64 };

struct kaya_mutex {
    enum mutex_state state;
};

struct kaya_condition {
    struct kaya_runtime *runtime;
};

struct kaya_sim_runtime {
    struct kaya_runtime runtime; /* first: the seam's handle is this object */
    struct kaya_sim_memory *memory;
    uint64_t random_state;
    uint64_t now_ns;
};

static struct kaya_sim_runtime *of(struct kaya_runtime *runtime)
{
    return (struct kaya_sim_runtime *)runtime;
}

static enum kaya_status mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **mutex)
{
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(of(runtime)->memory);

    *mutex = allocator->allocate(allocator, sizeof **mutex);
    if (!*mutex)
        return KAYA_NO_MEMORY;
    (*mutex)->state = MUTEX_FREE;
    return KAYA_OK;
}

static void mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(of(runtime)->memory);

    KAYA_ASSERT(mutex->state == MUTEX_FREE);
    allocator->release(allocator, mutex, sizeof *mutex);
}

static void mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    KAYA_ASSERT(mutex->state == MUTEX_FREE);
    mutex->state = MUTEX_HELD;
}

static void mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    KAYA_ASSERT(mutex->state == MUTEX_HELD);
    mutex->state = MUTEX_FREE;
}

static enum kaya_status condition_create(struct kaya_runtime *runtime, struct kaya_condition **condition)
{
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(of(runtime)->memory);

    *condition = allocator->allocate(allocator, sizeof **condition);
    if (!*condition)
        return KAYA_NO_MEMORY;
    (*condition)->runtime = runtime;
    return KAYA_OK;
}

static void condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(of(runtime)->memory);

    KAYA_ASSERT(condition->runtime == runtime);
    allocator->release(allocator, condition, sizeof *condition);
}

static bool condition_wait(struct kaya_runtime *runtime, struct kaya_condition *condition,
                           struct kaya_mutex *mutex, uint64_t timeout_ns)
{
    KAYA_ASSERT(condition->runtime == runtime);
    KAYA_ASSERT(mutex->state == MUTEX_HELD);
    KAYA_ASSERT(timeout_ns != KAYA_WAIT_FOREVER); /* nobody is there to wake the only thread */
    KAYA_ASSERT(timeout_ns <= UINT64_MAX - of(runtime)->now_ns);
    of(runtime)->now_ns += timeout_ns;
    return false;
}

static void condition_wake(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    KAYA_ASSERT(condition->runtime == runtime);
}

static uint64_t now_ns(struct kaya_runtime *runtime)
{
    return of(runtime)->now_ns;
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every seed gives another full-length sequence. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

static enum kaya_status random_bytes(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    unsigned char *out = bytes;
    uint64_t word = 0;

    for (size_t index = 0; index < length; index++) {
        if (index % 8 == 0)
            word = random_next(&of(runtime)->random_state);
        out[index] = (unsigned char)(word >> (index % 8 * 8));
    }
    return KAYA_OK;
}

static void publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value)
{
    (void)runtime;
    *slot = value;
}

static uint64_t observe(struct kaya_runtime *runtime, const uint64_t *slot)
{
    (void)runtime;
    return *slot;
}

static const struct kaya_runtime_operations runtime_operations = {
    .mutex_create = mutex_create,
    .mutex_destroy = mutex_destroy,
    .mutex_lock = mutex_lock,
    .mutex_unlock = mutex_unlock,
    .condition_create = condition_create,
    .condition_destroy = condition_destroy,
    .condition_wait = condition_wait,
    .condition_wake_one = condition_wake,
    .condition_wake_all = condition_wake,
    .now_ns = now_ns,
    .random = random_bytes,
    .publish = publish,
    .observe = observe,
};

struct kaya_sim_runtime *kaya_sim_runtime_create(uint64_t seed)
{
    struct kaya_sim_runtime *runtime = calloc(1, sizeof *runtime);

    if (!runtime)
        return NULL;
    runtime->memory = kaya_sim_memory_create();
    if (!runtime->memory) {
        free(runtime);
        return NULL;
    }
    runtime->runtime.operations = &runtime_operations;
    runtime->random_state = seed;
    return runtime;
}

void kaya_sim_runtime_destroy(struct kaya_sim_runtime *runtime)
{
    if (!runtime)
        return;
    kaya_sim_memory_destroy(runtime->memory);
    free(runtime);
}

void kaya_sim_runtime_reset(struct kaya_sim_runtime *runtime, uint64_t seed)
{
    kaya_sim_memory_reset(runtime->memory);
    runtime->random_state = seed;
    runtime->now_ns = 0;
}

struct kaya_runtime *kaya_sim_runtime_seam(struct kaya_sim_runtime *runtime)
{
    return &runtime->runtime;
}
