/* Calls that take time.
 *
 * Goal: a slow call delays its own thread by exactly what was drawn, and no other; times add up; a call in flight has been done, or not, or in
 * part, when the machine crashes; a disk without latencies asks nothing; a distribution is what its name says.
 * Method: latencies that are constants, so that each time on the clock is known beforehand; many seeds where an outcome is drawn, and the
 * quantiles of a log-normal distribution worked out apart. */
#include "kaya/sim/latency.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/boot.h"
#include "machine.h"

enum {
    SEEDS = 200,
    MILLISECOND = 1000000,
    SYNC_MS = 10,
    WRITE_MS = 3,
    READ_MS = 2,
    NAMES_MS = 1,
    WRITES = 3
};

static struct kaya_latency always(uint64_t milliseconds)
{
    return (struct kaya_latency){ .from_ns = milliseconds * MILLISECOND, .to_ns = milliseconds * MILLISECOND };
}

/* A machine with a clock: constant latencies, or none. */
struct slow {
    struct machine machine;
    struct kaya_sim_runtime *sim_runtime;
    struct kaya_runtime *runtime;
    struct kaya_file *file, *other;
    uint64_t ended_ns[2]; /* of either thread */
    enum kaya_status status[2];
    bool crashes;
};

static void start(struct slow *slow, uint64_t seed, bool is_slow)
{
    struct kaya_sim_disk_options options = { .choices = kaya_choices_from_seed(seed), .list_sorted = true };

    memset(slow, 0, sizeof *slow);
    options.latencies[KAYA_LATENCY_READ] = always(is_slow ? READ_MS : 0);
    options.latencies[KAYA_LATENCY_WRITE] = always(is_slow ? WRITE_MS : 0);
    options.latencies[KAYA_LATENCY_SYNC] = always(is_slow ? SYNC_MS : 0);
    options.latencies[KAYA_LATENCY_NAMES] = always(is_slow ? NAMES_MS : 0);
    slow->sim_runtime = kaya_sim_runtime_create(1);
    slow->runtime = kaya_sim_runtime_seam(slow->sim_runtime);
    machine_start(&slow->machine, &options);
    make_directory(&slow->machine);
    make_file(&slow->machine, "a", '.', 8192);
    make_file(&slow->machine, "b", '.', 8192);
    cr_assert(eq(int, kaya_disk_open(slow->machine.disk, "a", KAYA_OPEN_WRITE, &slow->file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(slow->machine.disk, "b", KAYA_OPEN_WRITE, &slow->other), KAYA_OK));
    kaya_sim_disk_on_delay(slow->machine.sim, kaya_sim_runtime_delay, slow->sim_runtime); /* time begins here */
}

static void finish(struct slow *slow)
{
    machine_end(&slow->machine);
    kaya_sim_runtime_destroy(slow->sim_runtime);
    kaya_choices_destroy(slow->machine.choices);
}

static void run_both(struct slow *slow, void (*first)(void *), void (*second)(void *))
{
    struct kaya_fiber_body bodies[] = { { "first", first, slow }, { "second", second, slow } };
    char deadlock[KAYA_DEADLOCK_TEXT_MAX];

    cr_assert(eq(
        int, kaya_sim_runtime_run(slow->runtime, slow->machine.sim, slow->machine.choices, bodies, 2, deadlock),
        KAYA_OK));
}

static enum kaya_status write_byte(struct slow *slow, struct kaya_file *file, uint64_t offset, char byte)
{
    struct kaya_span span = { &byte, 1 };

    return kaya_disk_write(slow->machine.disk, file, offset, &span, 1);
}

static char byte_of(struct slow *slow, const char *name, uint64_t offset)
{
    char byte = '?';
    size_t done;

    cr_assert(eq(int, kaya_sim_disk_peek(slow->machine.sim, name, offset, &byte, 1, &done), KAYA_OK));
    return byte;
}

/* ---- time ---- */

Test(latency, times_of_one_thread_add_up)
{
    char byte;
    size_t done;
    struct kaya_span span = { &byte, 1 };

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct slow slow;

        start(&slow, seed, true);
        cr_assert(eq(int, write_byte(&slow, slow.file, 0, 'x'), KAYA_OK));
        cr_assert(eq(int, kaya_disk_sync(slow.machine.disk, slow.file), KAYA_OK));
        cr_assert(eq(int, kaya_disk_read(slow.machine.disk, slow.file, 0, &span, 1, 0, &done), KAYA_OK));
        cr_assert(eq(int, kaya_disk_rename(slow.machine.disk, "b", "c"), KAYA_OK));
        cr_assert(eq(int, kaya_disk_sync_directory(slow.machine.disk, KAYA_DIRECTORY_LOG), KAYA_OK));
        cr_expect(eq(u64, kaya_now_ns(slow.runtime),
                     (uint64_t)(WRITE_MS + SYNC_MS + READ_MS + NAMES_MS + SYNC_MS) * MILLISECOND));
        finish(&slow);
    }
}

Test(latency, a_disk_without_it_asks_nothing_and_takes_no_time)
{
    struct slow slow;
    uint64_t asked;

    start(&slow, 1, false);
    asked = kaya_choices_count(slow.machine.choices);
    cr_assert(eq(int, write_byte(&slow, slow.file, 0, 'x'), KAYA_OK));
    cr_assert(eq(int, kaya_disk_sync(slow.machine.disk, slow.file), KAYA_OK));
    cr_expect(eq(u64, kaya_choices_count(slow.machine.choices), asked));
    cr_expect(eq(u64, kaya_now_ns(slow.runtime), 0));
    finish(&slow);
}

static void sync_once(void *user)
{
    struct slow *slow = user;

    slow->status[0] = kaya_disk_sync(slow->machine.disk, slow->file);
    slow->ended_ns[0] = kaya_now_ns(slow->runtime);
}

static void write_some(void *user)
{
    struct slow *slow = user;

    for (unsigned i = 0; i < WRITES; i++)
        slow->status[1] = write_byte(slow, slow->other, i, 'y');
    slow->ended_ns[1] = kaya_now_ns(slow->runtime);
}

Test(latency, a_slow_sync_delays_who_waits_for_it_and_nobody_else)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct slow slow;

        start(&slow, seed, true);
        run_both(&slow, sync_once, write_some);
        cr_expect(eq(u64, slow.ended_ns[0], (uint64_t)SYNC_MS * MILLISECOND));
        cr_expect(eq(u64, slow.ended_ns[1], (uint64_t)WRITES * WRITE_MS * MILLISECOND));
        cr_expect(eq(u64, kaya_now_ns(slow.runtime), (uint64_t)SYNC_MS * MILLISECOND), "beside each other");
        finish(&slow);
    }
}

/* ---- effects ---- */

static void write_once(void *user)
{
    struct slow *slow = user;

    slow->status[1] = write_byte(slow, slow->file, 0, 'y');
}

/* What is written while a sync is under way may be covered by it, and may not. */
Test(latency, a_sync_may_or_may_not_cover_what_is_written_under_it)
{
    unsigned kept = 0, lost = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct slow slow;

        start(&slow, seed, true);
        run_both(&slow, sync_once, write_once);
        lose_power(&slow.machine);
        if (byte_of(&slow, "a", 0) == 'y')
            kept++;
        else
            lost++;
        finish(&slow);
    }
    cr_expect(lt(u32, 0, kept));
    cr_expect(lt(u32, 0, lost));
}

static void cut_power_under_it(void *user)
{
    struct slow *slow = user;

    kaya_sim_runtime_delay(slow->sim_runtime, (SYNC_MS - 1) * MILLISECOND);
    kaya_sim_disk_power_loss(slow->machine.sim);
}

/* Whatever becomes of the bytes, who waits for the sync is not told OK. */
Test(latency, power_fails_under_a_sync)
{
    unsigned kept = 0, lost = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct slow slow;

        start(&slow, seed, true);
        cr_assert(eq(int, write_byte(&slow, slow.file, 0, 'y'), KAYA_OK));
        run_both(&slow, sync_once, cut_power_under_it);
        cr_expect(eq(int, slow.status[0], KAYA_GONE));
        slow.machine.disk = kaya_sim_disk_boot(slow.machine.sim);
        if (byte_of(&slow, "a", 0) == 'y')
            kept++;
        else
            lost++;
        finish(&slow);
    }
    cr_expect(lt(u32, 0, kept));
    cr_expect(lt(u32, 0, lost));
}

static void write_two_pages(void *user)
{
    static char bytes[8192];
    struct slow *slow = user;
    struct kaya_span spans[] = { { bytes, 4096 }, { bytes + 4096, 4096 } };

    memset(bytes, 'y', sizeof bytes);
    slow->status[0] = kaya_disk_write(slow->machine.disk, slow->file, 0, spans, 2);
}

static void write_two_pages_of_another(void *user)
{
    static char bytes[8192];
    struct slow *slow = user;
    struct kaya_span spans[] = { { bytes, 4096 }, { bytes + 4096, 4096 } };

    memset(bytes, 'z', sizeof bytes);
    kaya_sim_runtime_delay(slow->sim_runtime, MILLISECOND);
    slow->status[1] = kaya_disk_write(slow->machine.disk, slow->other, 0, spans, 2);
}

static void kill_under_them(void *user)
{
    struct slow *slow = user;

    kaya_sim_runtime_delay(slow->sim_runtime, (WRITE_MS - 1) * MILLISECOND);
    kaya_sim_disk_process_crash(slow->machine.sim);
}

/* Both writes are in flight when the process dies: each was copied not at all, in part, or whole, of its own. */
Test(latency, a_process_dies_under_two_writes)
{
    bool seen[3][3] = { 0 };

    for (uint64_t seed = 1; seed <= 4 * SEEDS; seed++) {
        struct slow slow;
        char deadlock[KAYA_DEADLOCK_TEXT_MAX];
        unsigned one, other;

        start(&slow, seed, true);
        struct kaya_fiber_body bodies[] = { { "one", write_two_pages, &slow },
                                            { "other", write_two_pages_of_another, &slow },
                                            { "killer", kill_under_them, &slow } };
        cr_assert(eq(
            int, kaya_sim_runtime_run(slow.runtime, slow.machine.sim, slow.machine.choices, bodies, 3, deadlock),
            KAYA_OK));
        cr_expect(eq(int, slow.status[0], KAYA_GONE));
        cr_expect(eq(int, slow.status[1], KAYA_GONE));
        slow.machine.disk = kaya_sim_disk_boot(slow.machine.sim);
        one = (byte_of(&slow, "a", 0) == 'y') + (byte_of(&slow, "a", 4096) == 'y');
        other = (byte_of(&slow, "b", 0) == 'z') + (byte_of(&slow, "b", 4096) == 'z');
        cr_expect(one != 1 || byte_of(&slow, "a", 0) == 'y', "from the front");
        seen[one][other] = true;
        finish(&slow);
    }
    for (unsigned one = 0; one < 3; one++)
        for (unsigned other = 0; other < 3; other++)
            cr_expect(seen[one][other], "%u pages of the one and %u of the other", one, other);
}

/* ---- distributions ---- */

Test(latency, anything_from_the_one_to_the_other_is_drawn)
{
    struct kaya_latency latency = { .from_ns = 5, .to_ns = 8 };
    struct kaya_choices *choices = kaya_choices_from_seed(7);
    unsigned counts[16] = { 0 };

    for (unsigned i = 0; i < SEEDS; i++)
        counts[kaya_latency_draw(&latency, choices) & 15]++;
    for (unsigned i = 0; i < 16; i++)
        cr_expect(eq(int, counts[i] > SEEDS / 8, i >= 5 && i <= 8), "%u", i);
    kaya_choices_destroy(choices);
}

/* The odometer gives every answer in turn. At 1/32, 1/16, 1/4, 1/2, 3/4 and 31/32 of them stand from * (to / from) ^ ((z + 1.96) / 3.92), where
 * z is the normal distribution's quantile there: -1.863, -1.534, -0.674, 0, 0.674, 1.863. */
Test(latency, a_log_normal_one_has_the_quantiles_of_its_formula)
{
    static const unsigned answers[] = { 32, 64, 256, 512, 768, 992 };
    static const struct {
        uint64_t from_ns, to_ns, expected_ns[6];
    } cases[] = {
        { 1000, 9000, { 1056, 1270, 2056, 3000, 4377, 8524 } },
        { 400000, 9000000, { 432036, 561056, 1110858, 1897367, 3240738, 8332645 } },
        { 900000000, 1000000000, { 902349483, 910364124, 931652101, 948683298, 966025836, 997396260 } },
    };

    for (unsigned which = 0; which < sizeof cases / sizeof cases[0]; which++) {
        struct kaya_latency latency = { .shape = KAYA_LATENCY_SHAPE_LOG_NORMAL,
                                        .from_ns = cases[which].from_ns,
                                        .to_ns = cases[which].to_ns };
        struct kaya_choices *odometer = kaya_choices_odometer();
        uint64_t drawn[1024], count = 0;

        do {
            drawn[count++] = kaya_latency_draw(&latency, odometer);
            cr_expect(count < 2 || drawn[count - 1] >= drawn[count - 2], "a higher answer is no shorter time");
        } while (kaya_choices_advance(odometer));
        cr_assert(eq(u64, count, 1024));
        for (unsigned i = 0; i < 6; i++) {
            double ratio = (double)drawn[answers[i]] / (double)cases[which].expected_ns[i];

            cr_expect(ratio > 0.998 && ratio < 1.002, "answer %u: %f", answers[i], ratio);
        }
        cr_expect(drawn[0] < latency.from_ns && drawn[1023] > latency.to_ns, "tails");
        kaya_choices_destroy(odometer);
    }
}

Test(latency, one_call_in_so_many_stalls)
{
    struct kaya_latency latency = { .from_ns = 1, .to_ns = 1, .stall_in = 10, .stall_ns = 500 };
    struct kaya_choices *choices = kaya_choices_from_seed(3);
    unsigned stalls = 0;

    for (unsigned i = 0; i < 1000; i++)
        stalls += kaya_latency_draw(&latency, choices) == 500;
    cr_expect(stalls > 70 && stalls < 130, "%u", stalls);
    kaya_choices_destroy(choices);
}

Test(latency, what_makes_no_sense_is_told)
{
    static const struct {
        bool is_valid;
        struct kaya_latency latency;
    } cases[] = {
        { true, { 0 } },
        { true, { .from_ns = 0, .to_ns = KAYA_LATENCY_NS_MAX } },
        { true, { .stall_in = 5, .stall_ns = 1 } },
        { false, { .from_ns = 2, .to_ns = 1 } },
        { false, { .to_ns = KAYA_LATENCY_NS_MAX + 1 } },
        { false, { .stall_in = 5 } },
        { false, { .stall_ns = 5 } },
        { false, { .stall_in = KAYA_LATENCY_STALL_IN_MAX + 1, .stall_ns = 5 } },
        { false, { .shape = KAYA_LATENCY_SHAPE_LOG_NORMAL, .to_ns = 5 } },
        { false, { .shape = KAYA_LATENCY_SHAPES, .from_ns = 1, .to_ns = 5 } },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect(eq(int, kaya_latency_is_valid(&cases[i].latency), cases[i].is_valid), "case %zu", i);
}
