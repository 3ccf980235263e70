/* Fibers.
 *
 * Goal: what is guarded by a lock is seen whole, whatever the schedule; what is not guarded is caught by some schedule; a lost wake and a circle of
 * locks are deadlocks that name who waits for what; time passes only while all wait; a run is the same twice; an odometer goes through every
 * schedule within its bound once.
 * Method: small programs over the runtime's seam, under many seeds; behind an odometer, and the schedules counted apart, by recursion. */
#include "kaya/sim/fiber.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/boot.h"

enum { SEEDS = 300, WORKERS = 3, ROUNDS = 4 };

/* What the programs share. */
struct table {
    struct kaya_sim_disk *disk;
    struct kaya_sim_runtime *sim_runtime;
    struct kaya_runtime *runtime;
    struct kaya_mutex *first, *second;
    struct kaya_condition *condition;
    struct kaya_choices *choices;
    bool is_guarded, is_ready;
    unsigned inside, inside_max, done;
    uint64_t woken_at;
    bool was_woken;
    char order[64];
    char deadlock[KAYA_DEADLOCK_TEXT_MAX];
};

static void set_up(struct table *table, uint64_t seed)
{
    memset(table, 0, sizeof *table);
    table->choices = kaya_choices_from_seed(seed);
    table->sim_runtime = kaya_sim_runtime_create(1);
    table->runtime = kaya_sim_runtime_seam(table->sim_runtime);
    cr_assert(eq(
        int, kaya_sim_disk_create(&(struct kaya_sim_disk_options){ .choices = table->choices }, &table->disk),
        KAYA_OK));
    cr_assert(eq(int, kaya_mutex_create(table->runtime, &table->first), KAYA_OK));
    cr_assert(eq(int, kaya_mutex_create(table->runtime, &table->second), KAYA_OK));
    cr_assert(eq(int, kaya_condition_create(table->runtime, &table->condition), KAYA_OK));
}

static void tear_down(struct table *table)
{
    kaya_sim_disk_destroy(table->disk);
    kaya_sim_runtime_destroy(table->sim_runtime);
    kaya_choices_destroy(table->choices);
}

static enum kaya_status run(struct table *table, const struct kaya_fiber_body *bodies, size_t count)
{
    return kaya_sim_runtime_run(table->runtime, table->disk, table->choices, bodies, count, table->deadlock);
}

static void work(void *user)
{
    struct table *table = user;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (table->is_guarded)
            kaya_mutex_lock(table->runtime, table->first);
        if (++table->inside > table->inside_max)
            table->inside_max = table->inside;
        (void)kaya_observe(table->runtime, &table->woken_at); /* others may go on here */
        table->inside--;
        if (table->is_guarded)
            kaya_mutex_unlock(table->runtime, table->first);
    }
    table->order[table->done++] = (char)('0' + table->inside_max);
}

/* How many workers were inside at a time, at most, over all seeds. */
static unsigned most_inside(bool is_guarded)
{
    struct table table;
    unsigned most = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct kaya_fiber_body bodies[WORKERS];

        set_up(&table, seed);
        table.is_guarded = is_guarded;
        for (unsigned i = 0; i < WORKERS; i++)
            bodies[i] = (struct kaya_fiber_body){ "worker", work, &table };
        cr_assert(eq(int, run(&table, bodies, WORKERS), KAYA_OK));
        cr_expect(eq(u32, table.done, WORKERS));
        most = table.inside_max > most ? table.inside_max : most;
        tear_down(&table);
    }
    return most;
}

Test(fiber, a_lock_lets_one_in_whatever_the_schedule)
{
    cr_expect(eq(u32, most_inside(true), 1));
    cr_expect(eq(u32, most_inside(false), WORKERS), "without it some schedule lets all of them in");
}

static void await_ready(void *user)
{
    struct table *table = user;

    kaya_mutex_lock(table->runtime, table->first);
    while (!table->is_ready)
        (void)kaya_condition_wait(table->runtime, table->condition, table->first, KAYA_WAIT_FOREVER);
    table->done++;
    kaya_mutex_unlock(table->runtime, table->first);
}

static void make_ready(void *user)
{
    struct table *table = user;

    kaya_mutex_lock(table->runtime, table->first);
    table->is_ready = true;
    kaya_condition_wake_all(table->runtime, table->condition);
    kaya_mutex_unlock(table->runtime, table->first);
}

/* Looks before it takes the lock: a wake may come in between. */
static void await_carelessly(void *user)
{
    struct table *table = user;
    bool is_ready = kaya_observe(table->runtime, &table->woken_at) != 0;

    kaya_mutex_lock(table->runtime, table->first);
    if (!is_ready)
        (void)kaya_condition_wait(table->runtime, table->condition, table->first, KAYA_WAIT_FOREVER);
    kaya_mutex_unlock(table->runtime, table->first);
}

static void wake_carelessly(void *user)
{
    struct table *table = user;

    kaya_publish(table->runtime, &table->woken_at, 1);
    kaya_condition_wake_all(table->runtime, table->condition);
}

Test(fiber, a_wake_that_is_lost_is_a_deadlock)
{
    unsigned deadlocks = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct table table;
        struct kaya_fiber_body good[] = { { "waiter", await_ready, &table },
                                          { "waiter", await_ready, &table },
                                          { "waker", make_ready, &table } };
        struct kaya_fiber_body bad[] = { { "sleeper", await_carelessly, &table },
                                         { "waker", wake_carelessly, &table } };

        set_up(&table, seed);
        cr_assert(eq(int, run(&table, good, 3), KAYA_OK), "%s", table.deadlock);
        cr_expect(eq(u32, table.done, 2));
        if (run(&table, bad, 2) == KAYA_BUSY) {
            deadlocks++;
            cr_expect(eq(str, table.deadlock, "sleeper 0 waits for a wake"));
        }
        tear_down(&table);
    }
    cr_expect(lt(u32, 0, deadlocks));
    cr_expect(lt(u32, deadlocks, SEEDS));
}

static void lock_both(struct table *table, struct kaya_mutex *one, struct kaya_mutex *other)
{
    kaya_mutex_lock(table->runtime, one);
    kaya_mutex_lock(table->runtime, other);
    kaya_mutex_unlock(table->runtime, other);
    kaya_mutex_unlock(table->runtime, one);
}

static void first_then_second(void *user)
{
    struct table *table = user;

    kaya_sim_runtime_doing(table->runtime, "both, in turn");
    lock_both(table, table->first, table->second);
}

static void second_then_first(void *user)
{
    struct table *table = user;

    lock_both(table, table->second, table->first);
}

Test(fiber, a_circle_of_locks_is_a_deadlock_that_names_the_holders)
{
    unsigned deadlocks = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct table table;
        struct kaya_fiber_body bodies[] = { { "left", first_then_second, &table },
                                            { "right", second_then_first, &table } };

        set_up(&table, seed);
        if (run(&table, bodies, 2) == KAYA_BUSY) {
            deadlocks++;
            cr_expect(eq(
                str, table.deadlock,
                "left 0 (both, in turn) waits for a lock that right 1 holds; right 1 waits for a lock that left 0 (both, in turn) holds"));
        }
        tear_down(&table);
    }
    cr_expect(lt(u32, 0, deadlocks));
    cr_expect(lt(u32, deadlocks, SEEDS));
}

static void sleep_for(struct table *table, uint64_t nanoseconds)
{
    kaya_mutex_lock(table->runtime, table->first);
    table->was_woken = kaya_condition_wait(table->runtime, table->condition, table->first, nanoseconds);
    table->woken_at = kaya_now_ns(table->runtime);
    table->order[table->done++] = nanoseconds == 500 ? 'b' : 'a';
    kaya_mutex_unlock(table->runtime, table->first);
}

static void sleep_short(void *user)
{
    sleep_for(user, 500);
}

static void sleep_long(void *user)
{
    sleep_for(user, 2000);
}

Test(fiber, time_passes_only_while_all_wait)
{
    unsigned spurious = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct table table;
        struct kaya_fiber_body bodies[] = { { "long", sleep_long, &table }, { "short", sleep_short, &table } };

        set_up(&table, seed);
        cr_assert(eq(int, run(&table, bodies, 2), KAYA_OK));
        if (strcmp(table.order, "ba") == 0 && !table.was_woken)
            cr_expect(eq(u64, table.woken_at, 2000));
        else
            spurious++; /* a wait may wake for no reason */
        tear_down(&table);
    }
    cr_expect(lt(u32, 0, spurious));
    cr_expect(lt(u32, spurious, SEEDS / 4));
}

Test(fiber, the_same_seed_gives_the_same_schedule)
{
    char orders[2][64];

    for (unsigned i = 0; i < 2; i++) {
        struct table table;
        struct kaya_fiber_body bodies[WORKERS];

        orders[i][0] = '\0';
        for (uint64_t seed = 1; seed <= 10; seed++) {
            set_up(&table, seed);
            for (unsigned k = 0; k < WORKERS; k++)
                bodies[k] = (struct kaya_fiber_body){ "worker", work, &table };
            cr_assert(eq(int, run(&table, bodies, WORKERS), KAYA_OK));
            strcat(orders[i], table.order);
            tear_down(&table);
        }
    }
    cr_expect(eq(str, orders[0], orders[1]));
}

/* Two wait, one of them not for ever; the waker wakes one at the moment at which that one's time is over. */
static void wake_one_late(void *user)
{
    struct table *table = user;

    kaya_sim_runtime_delay(table->sim_runtime, 500);
    kaya_condition_wake_one(table->runtime, table->condition);
}

static void sleep_for_good(void *user)
{
    sleep_for(user, KAYA_WAIT_FOREVER);
}

Test(fiber, a_wake_may_go_to_one_whose_time_is_over)
{
    unsigned lost = 0, found = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct table table;
        struct kaya_fiber_body bodies[] = { { "short", sleep_short, &table },
                                            { "good", sleep_for_good, &table },
                                            { "waker", wake_one_late, &table } };

        set_up(&table, seed);
        if (run(&table, bodies, 3) == KAYA_OK)
            found++;
        else if (strcmp(table.deadlock, "good 1 waits for a wake") == 0)
            lost++;
        tear_down(&table);
    }
    cr_expect(lt(u32, 0, lost));
    cr_expect(lt(u32, 0, found));
    cr_expect(eq(u32, lost + found, SEEDS));
}

/* ---- every schedule ---- */

enum { STEPS = 3, PREEMPTIONS_TRIED = 5 };

static void step(struct table *table, char name)
{
    for (unsigned i = 0; i < STEPS; i++) {
        (void)kaya_observe(table->runtime, &table->woken_at); /* a point */
        table->order[table->done++] = name;
    }
}

static void step_left(void *user)
{
    step(user, 'l');
}

static void step_right(void *user)
{
    step(user, 'r');
}

/* Of two fibers, with so many points to come in the running one and in the other: how many ways are there, with so many preemptions? */
static unsigned schedules(unsigned running, unsigned other, unsigned preemptions)
{
    if (running == 0) /* it ends, and the other has nobody beside it */
        return 1;
    return schedules(running - 1, other, preemptions) +
           (preemptions > 0 ? schedules(other, running - 1, preemptions - 1) : 0);
}

static void play_again(struct table *table, struct kaya_choices *odometer, unsigned preemptions)
{
    set_up(table, 1);
    kaya_choices_destroy(table->choices);
    table->choices = odometer;
    kaya_sim_runtime_enumerate(table->sim_runtime, preemptions);
}

static void end_pass(struct table *table)
{
    kaya_sim_disk_destroy(table->disk);
    kaya_sim_runtime_destroy(table->sim_runtime);
}

Test(fiber, an_odometer_goes_through_every_schedule_once)
{
    for (unsigned preemptions = 0; preemptions < PREEMPTIONS_TRIED; preemptions++) {
        struct kaya_choices *odometer = kaya_choices_odometer();
        char seen[256][2 * STEPS + 1];
        unsigned count = 0, different = 0;

        do {
            struct table table;
            struct kaya_fiber_body bodies[] = { { "left", step_left, &table }, { "right", step_right, &table } };
            unsigned known = 0;

            play_again(&table, odometer, preemptions);
            cr_assert(eq(int, run(&table, bodies, 2), KAYA_OK));
            while (known < different && strcmp(seen[known], table.order) != 0)
                known++;
            if (known == different)
                memcpy(seen[different++], table.order, sizeof seen[0]);
            count++;
            end_pass(&table);
        } while (kaya_choices_advance(odometer));
        cr_expect(eq(u32, count, 2 * schedules(STEPS, STEPS, preemptions)));
        if (preemptions == 0)
            cr_expect(eq(u32, different, 2), "one behind the other");
        if (preemptions == PREEMPTIONS_TRIED - 1)
            cr_expect(eq(u32, different, 20), "6 steps of which 3 are the left one's, in any order");
        kaya_choices_destroy(odometer);
    }
}

/* Nobody is woken for no reason: so the wake is lost exactly where it comes between the look and the lock. */
static unsigned lost_wakes(unsigned preemptions, unsigned *runs)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    unsigned lost = 0;

    *runs = 0;
    do {
        struct table table;
        struct kaya_fiber_body bodies[] = { { "sleeper", await_carelessly, &table },
                                            { "waker", wake_carelessly, &table } };

        play_again(&table, odometer, preemptions);
        lost += run(&table, bodies, 2) == KAYA_BUSY;
        ++*runs;
        end_pass(&table);
    } while (kaya_choices_advance(odometer));
    kaya_choices_destroy(odometer);
    return lost;
}

Test(fiber, a_lost_wake_needs_one_preemption_and_is_found_with_it)
{
    unsigned runs;

    cr_expect(eq(u32, lost_wakes(0, &runs), 0));
    cr_expect(eq(u32, runs, 2));
    cr_expect(lt(u32, 0, lost_wakes(1, &runs)));
    cr_expect(lt(u32, runs, 20));
}
