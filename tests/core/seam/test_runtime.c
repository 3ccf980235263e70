/* The runtime's wrappers: each calls its slot with what it was given; results outside the contract trap. */
#include <criterion/criterion.h>
#include <string.h>

#include "kaya/seam/runtime.h"
#include "trap.h"

struct kaya_mutex {
    int unused;
};
struct kaya_condition {
    int unused;
};

static struct kaya_mutex mutex;
static struct kaya_condition condition;

/* What the fake answers, and which slot was called last. */
static enum kaya_status answer;
static bool gives_object;
static bool woken;
static const char *called;

static enum kaya_status mutex_create(struct kaya_runtime *runtime, struct kaya_mutex **made)
{
    (void)runtime;
    called = "mutex_create";
    if (gives_object)
        *made = &mutex;
    return answer;
}

static void mutex_destroy(struct kaya_runtime *runtime, struct kaya_mutex *given)
{
    (void)runtime;
    called = given == &mutex ? "mutex_destroy" : NULL;
}

static void mutex_lock(struct kaya_runtime *runtime, struct kaya_mutex *given)
{
    (void)runtime;
    called = given == &mutex ? "mutex_lock" : NULL;
}

static void mutex_unlock(struct kaya_runtime *runtime, struct kaya_mutex *given)
{
    (void)runtime;
    called = given == &mutex ? "mutex_unlock" : NULL;
}

static enum kaya_status condition_create(struct kaya_runtime *runtime, struct kaya_condition **made)
{
    (void)runtime;
    called = "condition_create";
    if (gives_object)
        *made = &condition;
    return answer;
}

static void condition_destroy(struct kaya_runtime *runtime, struct kaya_condition *given)
{
    (void)runtime;
    called = given == &condition ? "condition_destroy" : NULL;
}

static bool condition_wait(struct kaya_runtime *runtime, struct kaya_condition *given,
                           struct kaya_mutex *held, uint64_t timeout_ns)
{
    (void)runtime;
    (void)timeout_ns;
    called = given == &condition && held == &mutex ? "condition_wait" : NULL;
    return woken;
}

static void condition_wake_one(struct kaya_runtime *runtime, struct kaya_condition *given)
{
    (void)runtime;
    called = given == &condition ? "condition_wake_one" : NULL;
}

static void condition_wake_all(struct kaya_runtime *runtime, struct kaya_condition *given)
{
    (void)runtime;
    called = given == &condition ? "condition_wake_all" : NULL;
}

static uint64_t now_ns(struct kaya_runtime *runtime)
{
    (void)runtime;
    return 4711;
}

static enum kaya_status random_bytes(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    (void)runtime;
    memset(bytes, 7, length);
    return answer;
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
static struct kaya_runtime fake = { .operations = &operations };

static void expect_called(const char *slot)
{
    cr_expect(called != NULL && strcmp(called, slot) == 0, "%s was not called", slot);
    called = NULL;
}

Test(runtime, each_wrapper_calls_its_slot)
{
    struct kaya_mutex *made_mutex = NULL;
    struct kaya_condition *made_condition = NULL;
    unsigned char bytes[3] = { 0 };
    uint64_t slot = 0;

    gives_object = true;
    cr_expect(kaya_mutex_create(&fake, &made_mutex) == KAYA_OK);
    expect_called("mutex_create");
    cr_expect(made_mutex == &mutex);
    cr_expect(kaya_condition_create(&fake, &made_condition) == KAYA_OK);
    expect_called("condition_create");
    cr_expect(made_condition == &condition);
    kaya_mutex_lock(&fake, &mutex);
    expect_called("mutex_lock");
    woken = true;
    cr_expect(kaya_condition_wait(&fake, &condition, &mutex, KAYA_WAIT_FOREVER));
    expect_called("condition_wait");
    woken = false;
    cr_expect(!kaya_condition_wait(&fake, &condition, &mutex, 5));
    expect_called("condition_wait");
    kaya_mutex_unlock(&fake, &mutex);
    expect_called("mutex_unlock");
    kaya_condition_wake_one(&fake, &condition);
    expect_called("condition_wake_one");
    kaya_condition_wake_all(&fake, &condition);
    expect_called("condition_wake_all");
    kaya_condition_destroy(&fake, &condition);
    expect_called("condition_destroy");
    kaya_mutex_destroy(&fake, &mutex);
    expect_called("mutex_destroy");
    cr_expect(kaya_now_ns(&fake) == 4711);
    cr_expect(kaya_random(&fake, bytes, 2) == KAYA_OK);
    cr_expect(bytes[1] == 7);
    cr_expect(bytes[2] == 0);
    kaya_publish(&fake, &slot, 9);
    cr_expect(kaya_observe(&fake, &slot) == 9);
}

Test(runtime, want_of_memory_goes_through_and_leaves_null)
{
    struct kaya_mutex *made_mutex = &mutex;
    struct kaya_condition *made_condition = &condition;

    answer = KAYA_NO_MEMORY;
    cr_expect(kaya_mutex_create(&fake, &made_mutex) == KAYA_NO_MEMORY);
    cr_expect(made_mutex == NULL);
    cr_expect(kaya_condition_create(&fake, &made_condition) == KAYA_NO_MEMORY);
    cr_expect(made_condition == NULL);
    answer = KAYA_IO;
    cr_expect(kaya_random(&fake, &(unsigned char){ 0 }, 1) == KAYA_IO);
}

Test(runtime, destroying_null_asks_nobody)
{
    kaya_mutex_destroy(&fake, NULL);
    kaya_condition_destroy(&fake, NULL);
    cr_expect(called == NULL);
}

static void create_both(void *argument)
{
    struct kaya_mutex *made_mutex;
    struct kaya_condition *made_condition;

    if (argument == NULL)
        (void)!kaya_mutex_create(&fake, &made_mutex);
    else
        (void)!kaya_condition_create(&fake, &made_condition);
}

static void draw(void *argument)
{
    unsigned char byte;

    (void)argument;
    (void)!kaya_random(&fake, &byte, 1);
}

static void lock_nothing(void *argument)
{
    (void)argument;
    kaya_mutex_lock(&fake, NULL);
}

static void wait_for_ever(void *argument)
{
    (void)argument;
    (void)kaya_condition_wait(&fake, &condition, &mutex, KAYA_WAIT_FOREVER);
}

/* Every status but the two or so that the contract names; an object that does not fit the status. */
Test(runtime, answers_outside_the_contract_trap)
{
    int other = 1;

    for (int status = 0; status <= KAYA_GONE; status++) {
        answer = (enum kaya_status)status;
        for (int gives = 0; gives <= 1; gives++) {
            bool fits = (status == KAYA_OK && gives) || (status == KAYA_NO_MEMORY && !gives);

            gives_object = gives;
            cr_expect(kaya_tests_traps(create_both, NULL) == !fits, "mutex, %s", kaya_status_name(answer));
            cr_expect(kaya_tests_traps(create_both, &other) == !fits, "condition, %s", kaya_status_name(answer));
        }
        cr_expect(kaya_tests_traps(draw, NULL) == (status != KAYA_OK && status != KAYA_IO), "random, %s",
                  kaya_status_name(answer));
    }
    cr_expect(kaya_tests_traps(lock_nothing, NULL));
    woken = false;
    cr_expect(kaya_tests_traps(wait_for_ever, NULL), "the time cannot be over without an end");
}
