/* The shrinker.
 *
 * Goal: what fails becomes as small as it can be, and still fails; always the same way; what is counted elsewhere, and crashes
 * that are numbered from the start of their boot, do not stand in the way. Method: a toy run whose smallest failing form is
 * known, over many seeds. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/shrink.h"

enum { KIND_WRITE, KIND_NOISE_1, KIND_NOISE_2, KIND_RENAME, KINDS };

/* Boots of operations that make `kind` + 1 calls each; a crash is due after so many calls. It fails where a boot's crash strikes right behind
 * a rename that came after a write of 40 to 60 bytes, and the crash's third sector is lost. */
static bool run_fails(struct kaya_choices *choices)
{
    bool failed = false;

    (void)kaya_choose(choices, KAYA_STREAM_CONFIG, 6, "profile");
    for (uint64_t boots = 1 + kaya_choose(choices, KAYA_STREAM_CONFIG, 8, "boots"); boots > 0; boots--) {
        uint64_t calls = 0;
        bool written = false;
        bool renamed = false;
        uint64_t crash_at;

        kaya_choices_begin_part(choices, "boots");
        crash_at = kaya_choose(choices, KAYA_STREAM_WORKLOAD, 40, "crash_at");
        for (uint64_t left = kaya_choose(choices, KAYA_STREAM_WORKLOAD, 20, "operations"); left > 0; left--) {
            uint64_t kind;
            uint64_t length;

            kaya_choices_begin_part(choices, "operations");
            kind = kaya_choose(choices, KAYA_STREAM_WORKLOAD, KINDS, "kind");
            length = kind == KIND_WRITE ? kaya_choose(choices, KAYA_STREAM_WORKLOAD, 100, "length") : 0;
            (void)kaya_choose(choices, KAYA_STREAM_FAULTS, 20, "fault");
            calls += kind + 1;
            if (calls <= crash_at) {
                renamed = kind == KIND_RENAME && written;
                written = written || (length >= 40 && length <= 60);
            }
            kaya_choices_end_part(choices);
        }
        for (unsigned sector = 0; sector < 4; sector++)
            if (kaya_choose(choices, KAYA_STREAM_CRASH, 3, "sector") > 0 && sector == 2 && renamed)
                failed = true;
        kaya_choices_end_part(choices);
    }
    return failed;
}

struct toy {
    struct kaya_choices *choices;
    uint64_t runs;
};

static bool toy_fails(void *user, const struct kaya_decision *decisions, size_t count, struct kaya_tape *played)
{
    struct toy *toy = user;
    const struct kaya_decision *recorded;
    size_t recorded_count;
    bool failed;

    toy->runs++;
    kaya_choices_redirect(toy->choices, decisions, count);
    failed = run_fails(toy->choices);
    recorded = kaya_choices_recorded(toy->choices, &recorded_count);
    cr_assert(eq(int, kaya_tape_set(played, recorded, recorded_count), KAYA_OK));
    return failed;
}

static struct toy toy_create(void)
{
    struct toy toy = { .choices = kaya_choices_from_decisions(NULL, 0) };

    kaya_choices_record(toy.choices, true);
    return toy;
}

/* The tape of the run of this seed; false: it does not fail. */
static bool failing_tape(uint64_t seed, struct kaya_tape *tape)
{
    struct kaya_choices *seeded = kaya_choices_from_seed(seed);
    const struct kaya_decision *recorded;
    size_t count;
    bool failed;

    kaya_choices_record(seeded, true);
    failed = run_fails(seeded);
    recorded = kaya_choices_recorded(seeded, &count);
    cr_assert(eq(int, kaya_tape_set(tape, recorded, count), KAYA_OK));
    kaya_choices_destroy(seeded);
    return failed;
}

static uint64_t decided_sum(const struct kaya_tape *tape)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tape->count; i++)
        sum += tape->decisions[i].count > KAYA_PART_ENDS ? tape->decisions[i].answer : 0;
    return sum;
}

/* One boot, a write of 40, a rename, the crash after both (5 calls), two operations, one lost sector. */
Test(shrink, every_failing_run_comes_down_to_the_smallest_one)
{
    unsigned found = 0;

    for (uint64_t seed = 1; seed < 3000; seed++) {
        struct toy toy = toy_create();
        struct kaya_shrink_options options = { .fails = toy_fails, .user = &toy };
        struct kaya_shrink_report report;
        struct kaya_tape tape = { 0 };

        if (failing_tape(seed, &tape)) {
            found++;
            cr_assert(eq(int, kaya_shrink(&options, &tape, &report), KAYA_OK));
            cr_expect(report.is_complete);
            cr_expect(eq(u64, report.parts, 3), "seed %llu", (unsigned long long)seed);
            cr_expect(eq(u64, report.decided, 5), "seed %llu", (unsigned long long)seed);
            cr_expect(eq(u64, decided_sum(&tape), 5 + 2 + 40 + KIND_RENAME + 1), "seed %llu",
                      (unsigned long long)seed);
            cr_expect(eq(u64, report.runs, toy.runs));
            cr_expect(lt(u64, report.runs, 2500), "seed %llu", (unsigned long long)seed);
        }
        kaya_tape_release(&tape);
        kaya_choices_destroy(toy.choices);
    }
    cr_expect(lt(u32, 50, found), "%u of 3000 seeds fail", found);
}

Test(shrink, the_same_tape_takes_the_same_runs)
{
    struct kaya_tape tapes[2] = { { 0 }, { 0 } };
    struct kaya_shrink_report reports[2];
    uint64_t seed = 1;

    while (!failing_tape(seed, &tapes[0]))
        seed++;
    cr_assert(failing_tape(seed, &tapes[1]));
    for (int i = 0; i < 2; i++) {
        struct toy toy = toy_create();
        struct kaya_shrink_options options = { .fails = toy_fails, .user = &toy };

        cr_assert(eq(int, kaya_shrink(&options, &tapes[i], &reports[i]), KAYA_OK));
        kaya_choices_destroy(toy.choices);
    }
    cr_expect(eq(u64, reports[0].runs, reports[1].runs));
    cr_expect(eq(u64, reports[0].steps, reports[1].steps));
    cr_assert(eq(sz, tapes[0].count, tapes[1].count));
    for (size_t i = 0; i < tapes[0].count; i++)
        cr_expect(eq(u64, tapes[0].decisions[i].answer, tapes[1].decisions[i].answer));
    kaya_tape_release(&tapes[0]);
    kaya_tape_release(&tapes[1]);
}

Test(shrink, it_stops_when_the_runs_are_over_with_what_it_has)
{
    struct toy toy = toy_create();
    struct kaya_shrink_options options = { .fails = toy_fails, .user = &toy, .runs_max = 10 };
    struct kaya_shrink_report report;
    struct kaya_tape tape = { 0 };
    struct kaya_tape played = { 0 };
    uint64_t seed = 1;

    while (!failing_tape(seed, &tape))
        seed++;
    cr_assert(eq(int, kaya_shrink(&options, &tape, &report), KAYA_OK));
    cr_expect(not(report.is_complete));
    cr_expect(eq(u64, report.runs, 10));
    cr_expect(toy_fails(&toy, tape.decisions, tape.count, &played), "it still fails");
    kaya_tape_release(&tape);
    kaya_tape_release(&played);
    kaya_choices_destroy(toy.choices);
}

Test(shrink, a_run_that_holds_is_refused)
{
    struct toy toy = toy_create();
    struct kaya_shrink_options options = { .fails = toy_fails, .user = &toy };
    struct kaya_shrink_report report;
    struct kaya_tape tape = { 0 };
    uint64_t seed = 1;

    while (failing_tape(seed, &tape))
        seed++;
    cr_expect(eq(int, kaya_shrink(&options, &tape, &report), KAYA_INVALID));
    kaya_tape_release(&tape);
    kaya_choices_destroy(toy.choices);
}
