/* Fibers.
 *
 * Goal: what is guarded by a lock is seen whole, whatever the schedule; what is not guarded is caught by some schedule; a lost wake and a circle of
 * locks are deadlocks that name who waits for what; time passes only while all wait; a run is the same twice.
 * Method: small programs over the runtime's seam, under many seeds. */
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
                "left 0 waits for a lock that is held by right; right 1 waits for a lock that is held by left"));
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
