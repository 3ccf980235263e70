/* The runtime of a simulated machine: locks that check, time that only waiting moves, random bytes that a seed fixes.
 *
 * Most runs have one thread: there a lock is never contended, so one that is already held, and a wait without an end that nobody is there
 * to end, are deadlocks, and trap. Where fibers run (fiber.c) each of these calls is a point where another may go on. Mutexes and conditions live
 * in an arena of the runtime's own: a crash forgets them, held or not. */
#include "kaya/sim/boot.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/seam/status.h"
#include "rewind.h"
#include "state.h"

/* Odd values, so that the bytes of a destroyed or never created mutex are neither. */
enum mutex_state { MUTEX_FREE = 0x66726565, MUTEX_HELD = 0x68656c64 };

struct kaya_mutex {
    enum mutex_state state;
    size_t owner; /* the fiber that holds it */
};

struct kaya_condition {
    struct kaya_runtime *runtime;
};

struct kaya_sim_runtime {
    struct kaya_runtime runtime; /* first: the seam's handle is this object */
    struct kaya_sim_memory *memory;
    struct kaya_fibers *fibers;        /* the machine's threads, and its clock */
    uint64_t disk_ns[KAYA_FIBERS_MAX]; /* that each of them has waited for the disk, since they were gathered */
    uint64_t random_state;
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

static __attribute__((noinline)) void await_lock(struct kaya_fibers *fibers, const struct kaya_mutex *mutex)
{
    kaya_fibers_point(fibers);
    while (mutex->state == MUTEX_HELD) {
        KAYA_ASSERT(mutex->owner != kaya_fibers_current(fibers));
        (void)kaya_fibers_wait(fibers, mutex, "a lock", mutex->owner, KAYA_WAIT_FOREVER);
    }
}

static void mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    struct kaya_fibers *fibers = of(runtime)->fibers;
    size_t current = kaya_fibers_current(fibers);

    if (current != KAYA_FIBERS_MAX)
        await_lock(fibers, mutex);
    KAYA_ASSERT(mutex->state == MUTEX_FREE);
    mutex->state = MUTEX_HELD;
    mutex->owner = current;
}

/* False: there is one thread only, so nobody else can take it. */
static bool release(struct kaya_sim_runtime *runtime, struct kaya_mutex *mutex)
{
    size_t current = kaya_fibers_current(runtime->fibers);

    KAYA_ASSERT(mutex->state == MUTEX_HELD);
    KAYA_ASSERT(mutex->owner == current);
    mutex->state = MUTEX_FREE;
    if (current == KAYA_FIBERS_MAX)
        return false;
    kaya_fibers_wake_all(runtime->fibers, mutex); /* whoever comes first takes it */
    return true;
}

static void mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    if (release(of(runtime), mutex))
        kaya_fibers_point(of(runtime)->fibers);
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

/* Alone: nobody is there to wake the only thread. */
static void wait_alone(struct kaya_sim_runtime *runtime, uint64_t timeout_ns)
{
    KAYA_ASSERT(timeout_ns != KAYA_WAIT_FOREVER);
    kaya_fibers_pass_time(runtime->fibers, timeout_ns);
}

static bool condition_wait(struct kaya_runtime *seam, struct kaya_condition *condition,
                           struct kaya_mutex *mutex, uint64_t timeout_ns)
{
    struct kaya_sim_runtime *runtime = of(seam);
    uint64_t now = kaya_fibers_now_ns(runtime->fibers);
    bool woken = false;

    KAYA_ASSERT(condition->runtime == seam);
    KAYA_ASSERT(mutex->state == MUTEX_HELD);
    if (!kaya_fibers_are_running(runtime->fibers)) {
        wait_alone(runtime, timeout_ns);
        return false;
    }
    (void)release(runtime, mutex);
    if (kaya_fibers_wake_idly(runtime->fibers))
        woken = true;
    else
        woken = kaya_fibers_wait(runtime->fibers, condition, "a wake", KAYA_FIBERS_MAX,
                                 timeout_ns < KAYA_WAIT_FOREVER - now ? now + timeout_ns : KAYA_WAIT_FOREVER);
    mutex_lock(seam, mutex);
    return woken;
}

static void condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    struct kaya_fibers *fibers = of(runtime)->fibers;

    KAYA_ASSERT(condition->runtime == runtime);
    if (kaya_fibers_are_running(fibers))
        kaya_fibers_wake_one(fibers, condition);
    kaya_fibers_point(fibers);
}

static void condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    struct kaya_fibers *fibers = of(runtime)->fibers;

    KAYA_ASSERT(condition->runtime == runtime);
    if (kaya_fibers_are_running(fibers))
        kaya_fibers_wake_all(fibers, condition);
    kaya_fibers_point(fibers);
}

static uint64_t now_ns(struct kaya_runtime *runtime)
{
    return kaya_fibers_now_ns(of(runtime)->fibers);
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

    while (length > 0) {
        uint64_t word = kaya_little_endian(random_next(&of(runtime)->random_state));
        size_t part = length < sizeof word ? length : sizeof word;

        memcpy(out, &word, part);
        out += part;
        length -= part;
    }
    return KAYA_OK;
}

static void publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value)
{
    kaya_fibers_point(of(runtime)->fibers);
    *slot = value;
}

static uint64_t observe(struct kaya_runtime *runtime, const uint64_t *slot)
{
    kaya_fibers_point(of(runtime)->fibers);
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
    .condition_wake_one = condition_wake_one,
    .condition_wake_all = condition_wake_all,
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
    runtime->fibers = kaya_fibers_create();
    if (!runtime->memory || !runtime->fibers) {
        kaya_sim_runtime_destroy(runtime);
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
    kaya_fibers_destroy(runtime->fibers);
    kaya_sim_memory_destroy(runtime->memory);
    free(runtime);
}

void kaya_sim_runtime_reset(struct kaya_sim_runtime *runtime, uint64_t seed)
{
    kaya_sim_memory_reset(runtime->memory);
    runtime->random_state = seed;
    kaya_fibers_reset(runtime->fibers);
}

enum kaya_status kaya_sim_runtime_keep(const struct kaya_sim_runtime *runtime, struct kaya_kept_runtime *kept)
{
    KAYA_ASSERT(!kaya_fibers_are_running(runtime->fibers));
    kept->random_state = runtime->random_state;
    kept->now_ns = kaya_fibers_now_ns(runtime->fibers);
    return kaya_sim_memory_keep(runtime->memory, &kept->memory);
}

void kaya_sim_runtime_bring_back(struct kaya_sim_runtime *runtime, const struct kaya_kept_runtime *kept)
{
    runtime->random_state = kept->random_state;
    kaya_fibers_reset(runtime->fibers);
    kaya_fibers_pass_time(runtime->fibers, kept->now_ns);
    kaya_sim_memory_bring_back(runtime->memory, &kept->memory);
}

struct kaya_runtime *kaya_sim_runtime_seam(struct kaya_sim_runtime *runtime)
{
    return &runtime->runtime;
}

void kaya_sim_runtime_delay(void *user, uint64_t nanoseconds)
{
    struct kaya_sim_runtime *runtime = user;
    struct kaya_fibers *fibers = runtime->fibers;

    if (!kaya_fibers_are_running(fibers)) {
        kaya_fibers_pass_time(fibers, nanoseconds);
        return;
    }
    runtime->disk_ns[kaya_fibers_current(fibers)] += nanoseconds;
    (void)kaya_fibers_wait(fibers, NULL, "the disk", KAYA_FIBERS_MAX, kaya_fibers_now_ns(fibers) + nanoseconds);
}

/* Who listened at the disk's boundary before the threads came listens still, when one of them is about to make its call. */
struct gathering {
    struct kaya_fibers *fibers;
    kaya_sim_disk_boundary *boundary;
    void *boundary_user;
};

static void at_boundary(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    const struct gathering *gathering = user;

    kaya_fibers_point(gathering->fibers);
    if (gathering->boundary != NULL)
        gathering->boundary(gathering->boundary_user, disk, call, kind);
}

uint64_t kaya_sim_runtime_disk_ns(struct kaya_runtime *seam)
{
    return of(seam)->disk_ns[kaya_fibers_current(of(seam)->fibers)];
}

size_t kaya_sim_runtime_current(struct kaya_runtime *seam)
{
    return kaya_fibers_current(of(seam)->fibers);
}

void kaya_sim_runtime_doing(struct kaya_runtime *seam, const char *what)
{
    kaya_fibers_doing(of(seam)->fibers, what);
}

void kaya_sim_runtime_enumerate(struct kaya_sim_runtime *runtime, uint32_t preemptions_max)
{
    kaya_fibers_enumerate(runtime->fibers, preemptions_max);
}

enum kaya_status kaya_sim_runtime_run(struct kaya_runtime *seam, struct kaya_sim_disk *disk,
                                      struct kaya_choices *choices, const struct kaya_fiber_body *bodies,
                                      size_t count, char deadlock[KAYA_DEADLOCK_TEXT_MAX])
{
    struct gathering gathering = { of(seam)->fibers, disk->boundary, disk->boundary_user };
    enum kaya_status status;

    memset(of(seam)->disk_ns, 0, sizeof of(seam)->disk_ns);
    kaya_sim_disk_on_boundary(disk, at_boundary, &gathering);
    status = kaya_fibers_run(gathering.fibers, choices, bodies, count, deadlock);
    kaya_sim_disk_on_boundary(disk, gathering.boundary, gathering.boundary_user);
    return status;
}
