/* Conformance of runtimes. What one thread can see comes first: time, random bytes, waits that end, the published number.
 * With two threads: exclusion, waking, and that what was written before publishing is seen after observing. */
#include <string.h>

#include "check.h"

enum { MILLISECOND_NS = 1000000, RANDOM_BYTES = 64, RANDOM_DRAWS = 64, ROUNDS = 2000, WAKES_MAX = 50 };

struct run {
    struct kaya_runtime *runtime;
    struct kaya_conformance_result *result;
    struct kaya_mutex *mutex;
    struct kaya_condition *condition;
    uint64_t counter;   /* guarded by the mutex, or written before `published` */
    uint64_t published; /* by publish and observe only */
    unsigned turn;      /* guarded by the mutex */
    bool disagreed;     /* of the observing thread */
};

#define CHECK(run, test, ...) kaya_conformance_check((run)->result, test, __VA_ARGS__)

static bool make(struct run *run)
{
    enum kaya_status status = run->runtime->operations->mutex_create(run->runtime, &run->mutex);

    if (!CHECK(run, "mutexes_are_made", status == KAYA_OK && run->mutex != NULL, "%s", kaya_status_name(status)))
        return false;
    status = run->runtime->operations->condition_create(run->runtime, &run->condition);
    return CHECK(run, "conditions_are_made", status == KAYA_OK && run->condition != NULL, "%s",
                 kaya_status_name(status));
}

static void time_does_not_go_back(struct run *run)
{
    uint64_t before = kaya_now_ns(run->runtime);

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t now = kaya_now_ns(run->runtime);

        if (!CHECK(run, "time_does_not_go_back", now >= before, "%llu after %llu", (unsigned long long)now,
                   (unsigned long long)before))
            return;
        before = now;
    }
}

static void a_wait_ends_at_its_timeout(struct run *run)
{
    static const uint64_t timeouts_ns[] = { 0, 1, MILLISECOND_NS, 5 * MILLISECOND_NS };

    for (size_t index = 0; index < sizeof timeouts_ns / sizeof *timeouts_ns; index++) {
        uint64_t began = kaya_now_ns(run->runtime);
        bool woken = true;

        kaya_mutex_lock(run->runtime, run->mutex);
        for (unsigned waits = 0; woken && waits < WAKES_MAX; waits++) /* it may wake for no reason */
            woken = kaya_condition_wait(run->runtime, run->condition, run->mutex, timeouts_ns[index]);
        kaya_mutex_unlock(run->runtime, run->mutex);
        CHECK(run, "a_wait_ends_at_its_timeout", !woken, "woken %u times with nobody there", WAKES_MAX);
        CHECK(run, "a_wait_ends_at_its_timeout", kaya_now_ns(run->runtime) - began >= timeouts_ns[index],
              "ended before its %llu ns were over", (unsigned long long)timeouts_ns[index]);
    }
}

/* Every byte takes more than one value, also behind a length that is no round number; none is written behind the end. */
static void random_bytes_fill_all_that_was_asked(struct run *run)
{
    unsigned char first[RANDOM_BYTES + 1] = { 0 };
    unsigned char next[RANDOM_BYTES + 1] = { 0 };
    bool changed[RANDOM_BYTES] = { false };
    enum kaya_status status = KAYA_OK;

    for (size_t length = 1; length <= RANDOM_BYTES && status == KAYA_OK; length += 7) {
        memset(changed, 0, sizeof changed);
        first[length] = next[length] = 0xA5;
        status = run->runtime->operations->random(run->runtime, first, length);
        for (unsigned draw = 0; draw < RANDOM_DRAWS && status == KAYA_OK; draw++) {
            status = run->runtime->operations->random(run->runtime, next, length);
            for (size_t index = 0; index < length; index++)
                changed[index] = changed[index] || next[index] != first[index];
        }
        for (size_t index = 0; index < length; index++)
            CHECK(run, "random_bytes_fill_all_that_was_asked", changed[index],
                  "byte %zu of %zu is always the same", index, length);
        CHECK(run, "random_bytes_fill_all_that_was_asked", next[length] == 0xA5,
              "byte %zu behind the end changed", length);
    }
    CHECK(run, "random_bytes_are_given", status == KAYA_OK, "%s", kaya_status_name(status));
}

static void what_is_published_is_observed(struct run *run)
{
    static const uint64_t values[] = { 1, UINT32_MAX, UINT64_MAX, 0, (uint64_t)1 << 63 };

    for (size_t index = 0; index < sizeof values / sizeof *values; index++) {
        kaya_publish(run->runtime, &run->published, values[index]);
        CHECK(run, "what_is_published_is_observed", kaya_observe(run->runtime, &run->published) == values[index],
              "%llx is not what was published", (unsigned long long)values[index]);
    }
}

static void count_up(void *argument)
{
    struct run *run = argument;

    for (unsigned round = 0; round < ROUNDS; round++) {
        kaya_mutex_lock(run->runtime, run->mutex);
        run->counter++;
        kaya_mutex_unlock(run->runtime, run->mutex);
    }
}

/* Hand the turn to and fro; wakes alternate between one and all, waits between bounded and not. */
static void take_turns(struct run *run, unsigned mine)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        kaya_mutex_lock(run->runtime, run->mutex);
        while (run->turn != mine)
            (void)kaya_condition_wait(run->runtime, run->condition, run->mutex,
                                      round % 2 == 0 ? KAYA_WAIT_FOREVER : (uint64_t)60000 * MILLISECOND_NS);
        run->turn = 1 - mine;
        run->counter++;
        if (round % 3 == 0)
            kaya_condition_wake_all(run->runtime, run->condition);
        else
            kaya_condition_wake_one(run->runtime, run->condition);
        kaya_mutex_unlock(run->runtime, run->mutex);
    }
}

static void take_first_turns(void *argument)
{
    take_turns(argument, 0);
}

static void take_second_turns(void *argument)
{
    take_turns(argument, 1);
}

static void publish_counts(void *argument)
{
    struct run *run = argument;

    run->counter = 4711;
    kaya_publish(run->runtime, &run->published, 1);
}

static void observe_counts(void *argument)
{
    struct run *run = argument;

    while (kaya_observe(run->runtime, &run->published) == 0)
        ;
    run->disagreed = run->counter != 4711;
}

static void check_pairs(struct run *run, kaya_conformance_pair *pair, void *user)
{
    run->counter = 0;
    pair(user, count_up, count_up, run);
    CHECK(run, "a_mutex_excludes", run->counter == 2 * ROUNDS, "%llu of %u steps were counted",
          (unsigned long long)run->counter, 2 * ROUNDS);

    run->counter = 0;
    run->turn = 0;
    pair(user, take_first_turns, take_second_turns, run);
    CHECK(run, "a_wake_reaches_who_waits", run->counter == 2 * ROUNDS, "%llu of %u turns were taken",
          (unsigned long long)run->counter, 2 * ROUNDS);

    run->published = 0;
    run->counter = 0;
    pair(user, publish_counts, observe_counts, run);
    CHECK(run, "observing_shows_all_before_publishing", !run->disagreed,
          "the value came before what it stands for");
}

void kaya_conformance_runtime(struct kaya_runtime *runtime, kaya_conformance_pair *pair, void *user,
                              struct kaya_conformance_result *result)
{
    struct run run = { .runtime = runtime, .result = result };

    memset(result, 0, sizeof *result);
    if (make(&run)) {
        time_does_not_go_back(&run);
        a_wait_ends_at_its_timeout(&run);
        random_bytes_fill_all_that_was_asked(&run);
        what_is_published_is_observed(&run);
        if (pair != NULL)
            check_pairs(&run, pair, user);
    }
    kaya_condition_destroy(runtime, run.condition);
    kaya_mutex_destroy(runtime, run.mutex);
}
