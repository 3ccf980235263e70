/* Threads, the monotonic clock and the kernel's random numbers behind the runtime seam. One for the process; any thread.
 *
 * Mutexes check for errors: locking twice or unlocking another thread's mutex is a bug in the log and traps here, as it
 * does in the simulator, instead of hanging in one place and going on silently in the other. Waits use the monotonic clock,
 * so that setting the time neither prolongs nor ends one. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "kaya/posix.h"

struct kaya_mutex {
    pthread_mutex_t mutex;
};

struct kaya_condition {
    pthread_cond_t condition;
};

static const uint64_t NANOSECONDS_A_SECOND = 1000000000;

/* Longer timeouts wake early "for no reason", as a wait may: they do not fit every time_t. 34 years. */
static const uint64_t WAIT_SECONDS_MAX = (uint64_t)1 << 30;

static enum kaya_status mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **mutex)
{
    struct kaya_mutex *made = malloc(sizeof *made);
    pthread_mutexattr_t attributes;
    int error;

    (void)runtime;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    error = pthread_mutexattr_init(&attributes);
    if (error == 0) {
        KAYA_ASSERT(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0);
        error = pthread_mutex_init(&made->mutex, &attributes);
        (void)pthread_mutexattr_destroy(&attributes);
    }
    if (error != 0) {
        free(made);
        return KAYA_NO_MEMORY;
    }
    *mutex = made;
    return KAYA_OK;
}

static void mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    KAYA_ASSERT(pthread_mutex_destroy(&mutex->mutex) == 0);
    free(mutex);
}

static void mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    KAYA_ASSERT(pthread_mutex_lock(&mutex->mutex) == 0);
}

static void mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    KAYA_ASSERT(pthread_mutex_unlock(&mutex->mutex) == 0);
}

static enum kaya_status condition_create(struct kaya_runtime *runtime, struct kaya_condition **condition)
{
    struct kaya_condition *made = malloc(sizeof *made);
    pthread_condattr_t attributes;
    int error;

    (void)runtime;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    error = pthread_condattr_init(&attributes);
    if (error == 0) {
        KAYA_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
        error = pthread_cond_init(&made->condition, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    if (error != 0) {
        free(made);
        return KAYA_NO_MEMORY;
    }
    *condition = made;
    return KAYA_OK;
}

static void condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    KAYA_ASSERT(pthread_cond_destroy(&condition->condition) == 0);
    free(condition);
}

static struct timespec now(void)
{
    struct timespec time;

    KAYA_ASSERT(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return time;
}

static struct timespec now_and(uint64_t seconds, uint64_t nanoseconds)
{
    struct timespec time = now();

    time.tv_sec += (time_t)seconds;
    time.tv_nsec += (long)nanoseconds;
    if ((uint64_t)time.tv_nsec >= NANOSECONDS_A_SECOND) {
        time.tv_sec += 1;
        time.tv_nsec -= (long)NANOSECONDS_A_SECOND;
    }
    return time;
}

static bool condition_wait(struct kaya_runtime *runtime, struct kaya_condition *condition,
                           struct kaya_mutex *mutex, uint64_t timeout_ns)
{
    uint64_t seconds = timeout_ns / NANOSECONDS_A_SECOND;
    bool cut = seconds > WAIT_SECONDS_MAX;
    struct timespec deadline;
    int error;

    (void)runtime;
    if (timeout_ns == KAYA_WAIT_FOREVER) {
        KAYA_ASSERT(pthread_cond_wait(&condition->condition, &mutex->mutex) == 0);
        return true;
    }
    deadline = now_and(cut ? WAIT_SECONDS_MAX : seconds, timeout_ns % NANOSECONDS_A_SECOND);
    error = pthread_cond_timedwait(&condition->condition, &mutex->mutex, &deadline);
    KAYA_ASSERT(error == 0 || error == ETIMEDOUT);
    return error == 0 || cut;
}

static void condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    KAYA_ASSERT(pthread_cond_signal(&condition->condition) == 0);
}

static void condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    KAYA_ASSERT(pthread_cond_broadcast(&condition->condition) == 0);
}

static uint64_t now_ns(struct kaya_runtime *runtime)
{
    struct timespec time = now();

    (void)runtime;
    return (uint64_t)time.tv_sec * NANOSECONDS_A_SECOND + (uint64_t)time.tv_nsec;
}

/* The kernel gives up to 256 bytes in one piece and may stop between them at a signal. */
static enum kaya_status random_bytes(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    unsigned char *next = bytes;
    unsigned interruptions = 0;

    (void)runtime;
    while (length > 0) {
        ssize_t got = getrandom(next, length, 0);

        if (got < 0 && errno == EINTR && ++interruptions < KAYA_INTERRUPTIONS_MAX)
            continue;
        if (got <= 0)
            return KAYA_IO;
        next += got;
        length -= (size_t)got;
    }
    return KAYA_OK;
}

static void publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value)
{
    (void)runtime;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

static uint64_t observe(struct kaya_runtime *runtime, const uint64_t *slot)
{
    (void)runtime;
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

struct kaya_runtime *kaya_posix_runtime(void)
{
    static const struct kaya_runtime_operations operations = {
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
    static struct kaya_runtime threads = { .operations = &operations };

    return &threads;
}
