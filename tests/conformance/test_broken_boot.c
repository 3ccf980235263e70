/* The test of the other two tests: runtimes and allocators with one defect each, over the good ones, are reported. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/conformance.h"
#include "kaya/posix.h"

/* ---- allocators ---- */

enum allocator_defect { NO_MEMORY, CROOKED, SHARED, RELEASE_SCRIBBLES, ALLOCATOR_SOUND };

static enum allocator_defect allocator_defect;
static unsigned char shared[1 << 17];
static unsigned char *latest;

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    unsigned char *memory;

    (void)allocator;
    if (allocator_defect == NO_MEMORY && size > 1000)
        return NULL;
    if (allocator_defect == SHARED)
        return shared;
    memory = malloc(size + 1);
    if (memory != NULL && allocator_defect == CROOKED)
        return memory + 1;
    latest = memory;
    return memory;
}

static void release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    (void)allocator;
    (void)size;
    if (allocator_defect == SHARED)
        return;
    if (allocator_defect == RELEASE_SCRIBBLES && latest != NULL && latest != memory)
        *latest ^= 0xFF;
    if (latest == memory)
        latest = NULL;
    free(allocator_defect == CROOKED ? (unsigned char *)memory - 1 : memory);
}

Test(broken_allocator, is_reported)
{
    struct kaya_allocator allocator = { .allocate = allocate, .release = release };

    for (allocator_defect = 0; allocator_defect <= ALLOCATOR_SOUND; allocator_defect++) {
        struct kaya_conformance_result result;

        kaya_conformance_allocator(&allocator, &result);
        cr_expect((result.failure_count == 0) == (allocator_defect == ALLOCATOR_SOUND),
                  "defect %d: %llu failures", allocator_defect, (unsigned long long)result.failure_count);
    }
}

/* ---- runtimes ---- */

/* X(defect, test that must report it) */
#define RUNTIME_DEFECT_LIST(X)                                                                               \
    X(NO_MUTEX, mutexes_are_made)                                                                            \
    X(NO_CONDITION, conditions_are_made)                                                                     \
    X(TIME_GOES_BACK, time_does_not_go_back)                                                                 \
    X(WAIT_ENDS_EARLY, a_wait_ends_at_its_timeout)                                                           \
    X(WAIT_ALWAYS_WAKES, a_wait_ends_at_its_timeout)                                                         \
    X(RANDOM_FORGETS_THE_LAST, random_bytes_fill_all_that_was_asked)                                         \
    X(RANDOM_GOES_TOO_FAR, random_bytes_fill_all_that_was_asked)                                             \
    X(RANDOM_REPEATS, random_bytes_fill_all_that_was_asked)                                                  \
    X(RANDOM_FAILS, random_bytes_are_given)                                                                  \
    X(PUBLISHES_32_BITS, what_is_published_is_observed)

enum runtime_defect {
#define RUNTIME_DEFECT_ENUM(defect, test) RUNTIME_##defect,
    RUNTIME_DEFECT_LIST(RUNTIME_DEFECT_ENUM)
#undef RUNTIME_DEFECT_ENUM
        RUNTIME_DEFECTS
};

static enum runtime_defect runtime_defect;

#define GOOD(slot, ...) (kaya_posix_runtime()->operations->slot(kaya_posix_runtime(), __VA_ARGS__))

static enum kaya_status mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **mutex)
{
    (void)runtime;
    return runtime_defect == RUNTIME_NO_MUTEX ? KAYA_NO_MEMORY : GOOD(mutex_create, mutex);
}

static void mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    GOOD(mutex_destroy, mutex);
}

static void mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    GOOD(mutex_lock, mutex);
}

static void mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *mutex)
{
    (void)runtime;
    GOOD(mutex_unlock, mutex);
}

static enum kaya_status condition_create(struct kaya_runtime *runtime, struct kaya_condition **condition)
{
    (void)runtime;
    return runtime_defect == RUNTIME_NO_CONDITION ? KAYA_OK : GOOD(condition_create, condition);
}

static void condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    GOOD(condition_destroy, condition);
}

static bool condition_wait(struct kaya_runtime *runtime, struct kaya_condition *condition,
                           struct kaya_mutex *mutex, uint64_t timeout_ns)
{
    bool woken;

    (void)runtime;
    if (runtime_defect == RUNTIME_WAIT_ENDS_EARLY)
        return false;
    woken = GOOD(condition_wait, condition, mutex, timeout_ns);
    return woken || runtime_defect == RUNTIME_WAIT_ALWAYS_WAKES;
}

static void condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    GOOD(condition_wake_one, condition);
}

static void condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *condition)
{
    (void)runtime;
    GOOD(condition_wake_all, condition);
}

static uint64_t now_ns(struct kaya_runtime *runtime)
{
    static uint64_t count;

    (void)runtime;
    if (runtime_defect == RUNTIME_TIME_GOES_BACK)
        return UINT64_MAX - count++;
    return kaya_posix_runtime()->operations->now_ns(kaya_posix_runtime());
}

static enum kaya_status random_bytes(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    (void)runtime;
    if (runtime_defect == RUNTIME_RANDOM_FAILS)
        return KAYA_IO;
    if (runtime_defect == RUNTIME_RANDOM_REPEATS) {
        memset(bytes, 7, length);
        return KAYA_OK;
    }
    if (runtime_defect == RUNTIME_RANDOM_FORGETS_THE_LAST)
        length--;
    if (runtime_defect == RUNTIME_RANDOM_GOES_TOO_FAR)
        ((unsigned char *)bytes)[length] = 0;
    return GOOD(random, bytes, length);
}

static void publish(struct kaya_runtime *runtime, uint64_t *slot, uint64_t value)
{
    (void)runtime;
    GOOD(publish, slot, runtime_defect == RUNTIME_PUBLISHES_32_BITS ? (uint32_t)value : value);
}

static uint64_t observe(struct kaya_runtime *runtime, const uint64_t *slot)
{
    (void)runtime;
    return GOOD(observe, slot);
}

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

static bool is_reported_by(const struct kaya_conformance_result *result, const char *test)
{
    for (size_t index = 0; index < result->failure_count && index < KAYA_CONFORMANCE_FAILURES_MAX; index++) {
        if (strcmp(result->failures[index].test, test) == 0)
            return true;
    }
    return false;
}

Test(broken_runtime, every_defect_is_reported_by_the_test_meant_for_it)
{
    static const char *const tests[] = {
#define RUNTIME_DEFECT_TEST(defect, test) #test,
        RUNTIME_DEFECT_LIST(RUNTIME_DEFECT_TEST)
#undef RUNTIME_DEFECT_TEST
    };
    struct kaya_runtime runtime = { .operations = &operations };

    for (runtime_defect = 0; runtime_defect <= RUNTIME_DEFECTS; runtime_defect++) {
        static struct kaya_conformance_result result;

        kaya_conformance_runtime(&runtime, NULL, NULL, &result);
        if (runtime_defect == RUNTIME_DEFECTS)
            cr_expect(result.failure_count == 0, "without a defect: %s", result.failures[0].text);
        else
            cr_expect(is_reported_by(&result, tests[runtime_defect]), "%s did not fail", tests[runtime_defect]);
    }
}
