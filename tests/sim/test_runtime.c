/* Goal: what a simulated machine's runtime answers hangs on its seed and on waiting only, and misuse of a lock traps.
 * Method: two runtimes side by side; each misuse in a test of its own that has to end by the trap's signal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <string.h>

#include "kaya/sim/boot.h"

Test(runtime, random_bytes_are_the_seed_s_and_start_over_at_a_reset)
{
    struct kaya_sim_runtime *one = kaya_sim_runtime_create(7), *other = kaya_sim_runtime_create(8);
    unsigned char first[37], again[37];

    cr_assert(eq(int, kaya_random(kaya_sim_runtime_seam(one), first, sizeof first), KAYA_OK));
    cr_assert(eq(int, kaya_random(kaya_sim_runtime_seam(one), again, sizeof again), KAYA_OK));
    cr_expect(memcmp(first, again, sizeof first) != 0);
    cr_assert(eq(int, kaya_random(kaya_sim_runtime_seam(other), again, sizeof again), KAYA_OK));
    cr_expect(memcmp(first, again, sizeof first) != 0);
    kaya_sim_runtime_reset(other, 7);
    cr_assert(eq(int, kaya_random(kaya_sim_runtime_seam(other), again, sizeof again), KAYA_OK));
    cr_expect(memcmp(first, again, sizeof first) == 0);
    kaya_sim_runtime_destroy(one);
    kaya_sim_runtime_destroy(other);
    kaya_sim_runtime_destroy(NULL);
}

Test(runtime, random_bytes_are_the_same_on_every_machine)
{
    /* The first word of SplitMix64 from seed 1234567, as its authors' reference program prints it: 6457827717110365317. */
    struct kaya_sim_runtime *runtime = kaya_sim_runtime_create(1234567);
    unsigned char bytes[8];
    uint64_t word = 0;

    cr_assert(eq(int, kaya_random(kaya_sim_runtime_seam(runtime), bytes, sizeof bytes), KAYA_OK));
    for (unsigned at = 0; at < 8; at++)
        word |= (uint64_t)bytes[at] << (at * 8);
    cr_expect(eq(u64, word, 6457827717110365317u));
    kaya_sim_runtime_destroy(runtime);
}

Test(runtime, only_waiting_moves_the_time)
{
    struct kaya_sim_runtime *sim = kaya_sim_runtime_create(1);
    struct kaya_runtime *runtime = kaya_sim_runtime_seam(sim);
    struct kaya_condition *condition;
    struct kaya_mutex *mutex;

    cr_assert(eq(int, kaya_mutex_create(runtime, &mutex), KAYA_OK));
    cr_assert(eq(int, kaya_condition_create(runtime, &condition), KAYA_OK));
    cr_expect(eq(u64, kaya_now_ns(runtime), 0));
    kaya_mutex_lock(runtime, mutex);
    cr_expect(not(kaya_condition_wait(runtime, condition, mutex, 250)));
    kaya_condition_wake_all(runtime, condition);
    kaya_mutex_unlock(runtime, mutex);
    cr_expect(eq(u64, kaya_now_ns(runtime), 250));
    kaya_condition_destroy(runtime, condition);
    kaya_mutex_destroy(runtime, mutex);
    kaya_sim_runtime_reset(sim, 1);
    cr_expect(eq(u64, kaya_now_ns(runtime), 0));
    kaya_sim_runtime_destroy(sim);
}

Test(runtime, a_crash_forgets_held_locks)
{
    struct kaya_sim_runtime *sim = kaya_sim_runtime_create(1);
    struct kaya_runtime *runtime = kaya_sim_runtime_seam(sim);
    struct kaya_mutex *mutex;

    for (unsigned boot = 0; boot < 3; boot++) {
        cr_assert(eq(int, kaya_mutex_create(runtime, &mutex), KAYA_OK));
        kaya_mutex_lock(runtime, mutex);
        kaya_sim_runtime_reset(sim, boot);
    }
    kaya_sim_runtime_destroy(sim);
}

static struct kaya_runtime *runtime_with_lock(struct kaya_mutex **mutex)
{
    struct kaya_runtime *runtime = kaya_sim_runtime_seam(kaya_sim_runtime_create(1));

    cr_assert(eq(int, kaya_mutex_create(runtime, mutex), KAYA_OK));
    kaya_mutex_lock(runtime, *mutex);
    return runtime;
}

Test(runtime, a_lock_taken_twice_traps, .signal = SIGILL)
{
    struct kaya_mutex *mutex;
    struct kaya_runtime *runtime = runtime_with_lock(&mutex);

    kaya_mutex_lock(runtime, mutex);
}

Test(runtime, a_lock_given_back_twice_traps, .signal = SIGILL)
{
    struct kaya_mutex *mutex;
    struct kaya_runtime *runtime = runtime_with_lock(&mutex);

    kaya_mutex_unlock(runtime, mutex);
    kaya_mutex_unlock(runtime, mutex);
}

Test(runtime, a_wait_that_nobody_can_end_traps, .signal = SIGILL)
{
    struct kaya_condition *condition;
    struct kaya_mutex *mutex;
    struct kaya_runtime *runtime = runtime_with_lock(&mutex);

    cr_assert(eq(int, kaya_condition_create(runtime, &condition), KAYA_OK));
    (void)kaya_condition_wait(runtime, condition, mutex, KAYA_WAIT_FOREVER);
}
