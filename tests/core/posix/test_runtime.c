/* What is the threads' own on the POSIX side; the contract is tested by the conformance test. */
#define _GNU_SOURCE 1
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/seam/trap.h"
#include "kaya/posix.h"
#include "real_calls.h"

static size_t random_max; /* the kernel gives no more at once; 0: what it likes */

ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    if (random_max != 0 && length > random_max)
        length = random_max;
    return ((ssize_t(*)(void *, size_t, unsigned))next("getrandom"))(bytes, length, flags);
}

static void lock_twice(void *argument)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();

    kaya_mutex_lock(runtime, argument);
    kaya_mutex_lock(runtime, argument);
}

static void unlock_unheld(void *argument)
{
    kaya_mutex_unlock(kaya_posix_runtime(), argument);
}

static void *hold(void *argument)
{
    kaya_mutex_lock(kaya_posix_runtime(), argument);
    return NULL;
}

static void unlock_of_another(void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, hold, argument) == 0 && pthread_join(thread, NULL) == 0)
        kaya_mutex_unlock(kaya_posix_runtime(), argument);
}

static void wait_without_it(void *argument)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();
    struct kaya_condition *condition;

    if (kaya_condition_create(runtime, &condition) == KAYA_OK)
        (void)kaya_condition_wait(runtime, condition, argument, 1);
}

static void lock_twice_behind_a_wait(void *argument)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();
    struct kaya_condition *condition;

    kaya_mutex_lock(runtime, argument);
    if (kaya_condition_create(runtime, &condition) == KAYA_OK)
        (void)kaya_condition_wait(runtime, condition, argument, 1);
    kaya_mutex_lock(runtime, argument);
}

static void destroy_held(void *argument)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();

    kaya_mutex_lock(runtime, argument);
    kaya_mutex_destroy(runtime, argument);
}

Test(runtime, misused_mutexes_trap_instead_of_hanging)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();
    struct kaya_mutex *mutex;

    cr_assert(kaya_mutex_create(runtime, &mutex) == KAYA_OK);
    cr_expect(kaya_tests_traps(lock_twice, mutex));
    cr_expect(kaya_tests_traps(unlock_unheld, mutex));
    cr_expect(kaya_tests_traps(unlock_of_another, mutex));
    cr_expect(kaya_tests_traps(wait_without_it, mutex));
    cr_expect(kaya_tests_traps(lock_twice_behind_a_wait, mutex));
    cr_expect(kaya_tests_traps(destroy_held, mutex));
    kaya_mutex_destroy(runtime, mutex);
}

struct sleeper {
    struct kaya_mutex *mutex;
    struct kaya_condition *condition;
    uint64_t timeout_ns;
    bool asleep;
    bool wake;
    bool timed_out;
};

static void *sleep_until_woken(void *argument)
{
    struct kaya_runtime *runtime = kaya_posix_runtime();
    struct sleeper *sleeper = argument;

    kaya_mutex_lock(runtime, sleeper->mutex);
    sleeper->asleep = true;
    while (!sleeper->wake && !sleeper->timed_out)
        sleeper->timed_out =
            !kaya_condition_wait(runtime, sleeper->condition, sleeper->mutex, sleeper->timeout_ns);
    kaya_mutex_unlock(runtime, sleeper->mutex);
    return NULL;
}

/* Times that do not fit the clock's type must neither end the wait at once nor be taken for times in the past. */
Test(runtime, the_longest_waits_last_until_woken)
{
    static const uint64_t timeouts_ns[] = { UINT64_MAX, UINT64_MAX - 1, (uint64_t)INT64_MAX + 1, INT64_MAX,
                                            (uint64_t)40 * 365 * 86400 * 1000000000 };
    struct kaya_runtime *runtime = kaya_posix_runtime();

    for (size_t index = 0; index < sizeof timeouts_ns / sizeof *timeouts_ns; index++) {
        struct sleeper sleeper = { .timeout_ns = timeouts_ns[index] };
        const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
        bool asleep = false;
        pthread_t thread;

        cr_assert(kaya_mutex_create(runtime, &sleeper.mutex) == KAYA_OK);
        cr_assert(kaya_condition_create(runtime, &sleeper.condition) == KAYA_OK);
        cr_assert(pthread_create(&thread, NULL, sleep_until_woken, &sleeper) == 0);
        while (!asleep) {
            nanosleep(&pause, NULL);
            kaya_mutex_lock(runtime, sleeper.mutex);
            asleep = sleeper.asleep;
            kaya_mutex_unlock(runtime, sleeper.mutex);
        }
        kaya_mutex_lock(runtime, sleeper.mutex);
        sleeper.wake = true;
        kaya_condition_wake_one(runtime, sleeper.condition);
        kaya_mutex_unlock(runtime, sleeper.mutex);
        pthread_join(thread, NULL);
        cr_expect(!sleeper.timed_out, "%llu ns", (unsigned long long)timeouts_ns[index]);
        kaya_condition_destroy(runtime, sleeper.condition);
        kaya_mutex_destroy(runtime, sleeper.mutex);
    }
}

Test(runtime, waking_all_wakes_all)
{
    enum { SLEEPERS = 4 };
    struct kaya_runtime *runtime = kaya_posix_runtime();
    struct sleeper sleepers[SLEEPERS];
    struct kaya_condition *condition;
    struct kaya_mutex *mutex;
    pthread_t threads[SLEEPERS];
    unsigned asleep = 0;

    cr_assert(kaya_mutex_create(runtime, &mutex) == KAYA_OK);
    cr_assert(kaya_condition_create(runtime, &condition) == KAYA_OK);
    for (unsigned index = 0; index < SLEEPERS; index++) {
        sleepers[index] = (struct sleeper){ mutex, condition, (uint64_t)3 * 1000000000, false, false, false };
        cr_assert(pthread_create(&threads[index], NULL, sleep_until_woken, &sleepers[index]) == 0);
    }
    kaya_mutex_lock(runtime, mutex);
    while (asleep < SLEEPERS) { /* a wait of our own lets them get to theirs */
        (void)kaya_condition_wait(runtime, condition, mutex, 1000000);
        asleep = 0;
        for (unsigned index = 0; index < SLEEPERS; index++)
            asleep += sleepers[index].asleep;
    }
    for (unsigned index = 0; index < SLEEPERS; index++)
        sleepers[index].wake = true;
    kaya_condition_wake_all(runtime, condition);
    kaya_mutex_unlock(runtime, mutex);
    for (unsigned index = 0; index < SLEEPERS; index++) {
        pthread_join(threads[index], NULL);
        cr_expect(!sleepers[index].timed_out, "sleeper %u slept on", index);
    }
    kaya_condition_destroy(runtime, condition);
    kaya_mutex_destroy(runtime, mutex);
}

Test(runtime, long_random_bytes_are_filled_to_the_end)
{
    enum { BYTES = 100000, TAIL = 32 };
    static unsigned char bytes[BYTES];
    static const unsigned char zeros[TAIL];

    random_max = 1000;
    cr_expect(kaya_random(kaya_posix_runtime(), bytes, sizeof bytes) == KAYA_OK);
    random_max = 0;
    for (size_t place = 0; place + TAIL <= BYTES; place += TAIL)
        cr_assert(memcmp(bytes + place, zeros, TAIL) != 0, "zeros at %zu", place);
}

Test(runtime, time_is_the_monotonic_clock)
{
    struct timespec time;
    uint64_t before, after;

    before = kaya_now_ns(kaya_posix_runtime());
    clock_gettime(CLOCK_MONOTONIC, &time);
    after = kaya_now_ns(kaya_posix_runtime());
    cr_expect(before <= (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec);
    cr_expect(after >= (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec);
}
