/* Short runs, and stories.
 *
 * Goal: findings are told apart as they should be; a tape means the same in the scenario that lets boots and operations go; recording keeps
 * what a run decided; a story says what happened. Method: texts by hand; runs of a short scenario, compared by digest; events by
 * hand. That failing runs come down to short ones is asked of the planted bugs (tests/bugs). */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/shorten.h"
#include "kaya/scenarios/story.h"
#include "short_story.h"

static struct kaya_violation finding(const char *promise, const char *what)
{
    struct kaya_violation violation = { .promise = "" };

    kaya_violation_set(&violation, promise, "%s", what);
    return violation;
}

Test(shorten, findings_are_the_same_but_for_numbers_and_brackets)
{
    static const struct {
        const char *one_promise, *one, *other_promise, *other;
        bool like;
    } cases[] = {
        { "P2", "record 9 (155 bytes, strict) of 10 is gone", "P2",
          "record 10 (0 bytes, relaxed) of 200 is gone", true },
        { "P2", "record 9 is gone", "P3", "record 9 is gone", false },
        { "P2", "record 9 is gone", "P2", "record 9 is wrong", false },
        { "P2", "record 9 is gone", "P2", "record 9 is gone, and more", false },
        { "P2", "ends in (brackets", "P2", "ends in (others", true },
        { "P8", "", "P8", "", true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kaya_violation one = finding(cases[i].one_promise, cases[i].one);
        struct kaya_violation other = finding(cases[i].other_promise, cases[i].other);

        cr_expect(eq(int, kaya_violation_is_like(&one, &other), cases[i].like), "%s", cases[i].other);
        cr_expect(eq(int, kaya_violation_is_like(&other, &one), cases[i].like), "%s", cases[i].other);
    }
}

/* The scenario's numbers in three forms: drawn, fixed, and from the lowest on. */
static struct kaya_scenario scenario_number(unsigned number)
{
    struct kaya_scenario scenario = short_story();

    scenario.boots = number == 1 ? (struct kaya_range){ 3, 3 } : (struct kaya_range){ 2, 4 };
    scenario.operations = number == 0   ? (struct kaya_range){ 4, 9 }
                          : number == 1 ? (struct kaya_range){ 5, 5 }
                                        : (struct kaya_range){ 0, 6 };
    return scenario;
}

Test(shorten, a_tape_means_the_same_where_boots_and_operations_may_go)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct kaya_scenario scenario = scenario_number(seed % 3);
        struct kaya_shorten_options options = { .scenario = &scenario, .seed = seed };
        struct kaya_stage *stage = kaya_stage_create(0);
        struct kaya_choices *choices = kaya_choices_from_seed(seed);
        struct kaya_tape tape = { 0 };
        struct kaya_violation violation;
        struct kaya_run_result as_was;
        struct kaya_run_result relaxed;

        cr_assert(eq(int, kaya_stage_play(stage, &scenario, seed, &as_was), KAYA_OK));
        cr_assert(eq(int, kaya_shorten_record(&options, choices, &tape, &violation), KAYA_OK));
        cr_expect(not(kaya_violation_is_set(&violation)));
        cr_assert(eq(int, kaya_shorten_relax(&scenario, &tape), KAYA_OK));
        cr_expect(eq(u64, scenario.boots.from, 1));
        cr_expect(eq(u64, scenario.operations.from, 0));
        cr_assert(eq(int, kaya_shorten_play(&options, &tape, NULL, NULL, &relaxed), KAYA_OK));
        cr_expect(eq(u64, relaxed.digest, as_was.digest), "seed %llu", (unsigned long long)seed);
        kaya_tape_release(&tape);
        kaya_choices_destroy(choices);
        kaya_stage_destroy(stage);
    }
}

Test(shorten, a_run_that_holds_has_nothing_to_shorten)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_shorten_options options = { .scenario = &scenario, .seed = 1 };
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_violation violation = finding("P2", "something that does not happen");
    struct kaya_violation recorded;
    struct kaya_shrink_report report;
    struct kaya_tape tape = { 0 };

    cr_assert(eq(int, kaya_shorten_record(&options, choices, &tape, &recorded), KAYA_OK));
    cr_expect(eq(int, kaya_shorten(&options, &tape, &violation, &report), KAYA_INVALID));
    kaya_tape_release(&tape);
    kaya_choices_destroy(choices);
}

/* --- Stories --- */

static void hear(struct kaya_story *story, enum kaya_trace_kind kind, enum kaya_status status, uint64_t a,
                 uint64_t b, uint64_t c, const char *text)
{
    static uint64_t index;
    struct kaya_trace_event event = {
        .index = ++index, .kind = kind, .status = status, .a = a, .b = b, .c = c, .text = text
    };

    kaya_story_hear(story, &event);
}

static void hear_append(struct kaya_story *story, uint64_t lsn, uint64_t offset, enum kaya_status status)
{
    hear(story, KAYA_TRACE_OPERATION, KAYA_OK, lsn, 1, 20, "append_strict");
    hear(story, KAYA_TRACE_WRITE, KAYA_OK, 7, offset, 48, NULL);
    hear(story, KAYA_TRACE_WRITE, KAYA_OK, 7, offset + 48, 16, NULL);
    hear(story, KAYA_TRACE_SYNC, status, 7, 0, 0, NULL);
    hear(story, KAYA_TRACE_ANSWER, status, lsn, lsn, 0, "append");
}

static void hear_all(struct kaya_story *story)
{
    hear(story, KAYA_TRACE_NOTE, KAYA_OK, 0, 0, 0, "posix");
    hear(story, KAYA_TRACE_BOOT, KAYA_OK, 1, 0, 0, NULL);
    hear(story, KAYA_TRACE_OPERATION, KAYA_OK, 4096, 512, 100, "open");
    hear(story, KAYA_TRACE_OPEN, KAYA_OK, 7, KAYA_OPEN_CREATE, 0, "0000000000000012.new");
    hear(story, KAYA_TRACE_RENAME, KAYA_OK, 7, 0, 0, "0000000000000012.new");
    hear(story, KAYA_TRACE_RENAME, KAYA_OK, 7, 1, 0, "0000000000000012.wal");
    hear(story, KAYA_TRACE_SYNC_DIRECTORY, KAYA_OK, 0, 0, 0, NULL);
    hear(story, KAYA_TRACE_READ, KAYA_OK, 7, 0, 96, NULL);
    hear(story, KAYA_TRACE_ANSWER, KAYA_OK, 1, 0, 1, "open");
    for (uint64_t lsn = 1; lsn <= 3; lsn++)
        hear_append(story, lsn, 512 + 64 * lsn, KAYA_OK);
    hear_append(story, 4, 900, KAYA_IO);
    hear(story, KAYA_TRACE_POWER_LOSS, KAYA_OK, 31, 0, 0, NULL);
    hear(story, KAYA_TRACE_BOOT, KAYA_OK, 2, 0, 0, NULL);
    hear(story, KAYA_TRACE_OPERATION, KAYA_OK, 4096, 512, 100, "open");
    hear(story, KAYA_TRACE_FATE, KAYA_OK, 0, KAYA_FAULT_LOST_RENAME, 0, "0000000000000012.wal");
    hear(story, KAYA_TRACE_FATE, KAYA_OK, 7, 512, 0, "kept");
    hear(story, KAYA_TRACE_FATE, KAYA_OK, 7, 1024, 2, "lost_sector");
    hear(story, KAYA_TRACE_ANSWER, KAYA_DAMAGED, 0, 0, 0, "open");
}

Test(story, it_says_what_happened_in_order)
{
    static const char *const wanted[] = {
        "boot 1: open                   OK, empty         create 12.new, rename 12.new to 12.wal, sync directory",
        "  append_strict 20 bytes, 3 times OK, records 1..3  12.wal: write 576+48 624+16, sync",
        "  append_strict 20 bytes       KAYA_IO           12.wal: write 900+48 948+16, sync !KAYA_IO",
        "power loss                                       afterwards: lost_rename 12.wal, 12.wal: lost_sector at 1024",
        "boot 2: open                   KAYA_DAMAGED",
        "broken: P4: it does not open",
    };
    struct kaya_story *story = kaya_story_create();
    struct kaya_violation violation = finding("P4", "it does not open");

    hear_all(story);
    kaya_story_end(story, &violation);
    cr_assert(eq(sz, kaya_story_line_count(story), sizeof wanted / sizeof wanted[0]));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_expect(eq(str, (char *)kaya_story_line(story, i, 120), (char *)wanted[i]));
    kaya_story_destroy(story);
}

Test(story, what_does_not_fit_is_left_out_in_the_middle)
{
    struct kaya_story *story = kaya_story_create();

    hear_all(story);
    cr_expect(eq(str, (char *)kaya_story_line(story, 0, 96),
                 "boot 1: open                   OK, empty         create 12.new, ... 1 more, sync directory"));
    kaya_story_destroy(story);
}
