/* Goal: every driver answers within bounds, and as it promises: seeds the same everywhere and apart by stream, bytes in
 * order, tapes until they no longer fit, the odometer each combination once. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/choices.h"

static uint64_t ask(struct kaya_choices *choices, uint64_t count)
{
    return kaya_choose(choices, KAYA_STREAM_CRASH, count, "test");
}

/* ---- seed ---- */

Test(choices, a_seed_answers_below_the_count_and_all_of_it)
{
    struct kaya_choices *choices = kaya_choices_from_seed(7);

    for (uint64_t count = 1; count < 40; count++) {
        uint64_t seen = 0;

        for (unsigned round = 0; round < 40 * 40; round++) {
            uint64_t answer = ask(choices, count);

            cr_assert(answer < count);
            seen |= 1ull << answer;
        }
        cr_expect(eq(u64, seen, (1ull << count) - 1), "count %llu", (unsigned long long)count);
    }
    cr_expect(ask(choices, UINT64_MAX) > UINT32_MAX, "a large count uses all bits");
    kaya_choices_destroy(choices);
}

/* Worked out by the generator written down anew in Python; a change here breaks every replay line ever printed. */
Test(choices, a_seed_gives_the_golden_answers)
{
    static const uint64_t golden[] = { 77597, 620543, 490454, 464407, 555151, 443070, 223870, 174005 };
    struct kaya_choices *choices = kaya_choices_from_seed(1);

    for (unsigned index = 0; index < sizeof golden / sizeof golden[0]; index++)
        cr_expect(eq(u64, kaya_choose(choices, KAYA_STREAM_WORKLOAD, 1000000, "golden"), golden[index]), "%u",
                  index);
    kaya_choices_destroy(choices);
}

Test(choices, streams_do_not_shift_each_other)
{
    struct kaya_choices *alone = kaya_choices_from_seed(3);
    struct kaya_choices *mixed = kaya_choices_from_seed(3);

    for (unsigned index = 0; index < 500; index++) {
        uint64_t wanted = kaya_choose(alone, KAYA_STREAM_FAULTS, 1000, "test");

        for (unsigned more = 0; more < index % 4; more++)
            (void)kaya_choose(mixed, KAYA_STREAM_SCHEDULE, 10, "test");
        kaya_choices_begin_turn(mixed, KAYA_STREAM_CRASH);
        cr_assert(eq(u64, kaya_choose(mixed, KAYA_STREAM_FAULTS, 1000, "test"), wanted));
    }
    kaya_choices_destroy(alone);
    kaya_choices_destroy(mixed);
}

Test(choices, a_reseeded_driver_is_a_new_one)
{
    struct kaya_choices *fresh = kaya_choices_from_seed(12);
    struct kaya_choices *used = kaya_choices_from_seed(11);

    for (unsigned index = 0; index < 10; index++) {
        kaya_choices_begin_turn(used, KAYA_STREAM_CRASH);
        (void)ask(used, 9);
    }
    kaya_choices_reseed(used, 12);
    cr_expect(eq(u64, kaya_choices_count(used), 0));
    for (unsigned index = 0; index < 100; index++)
        cr_assert(eq(u64, ask(used, 1000), ask(fresh, 1000)));
    kaya_choices_destroy(fresh);
    kaya_choices_destroy(used);
}

/* One turn in ten answers 0 throughout, as far as 2,000 turns can tell. */
Test(choices, one_turn_in_ten_is_calm)
{
    enum { TURNS = 2000, QUESTIONS = 60 };
    struct kaya_choices *choices = kaya_choices_from_seed(5);
    unsigned calm = 0;
    unsigned wild = 0;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        unsigned zeros = 0;

        kaya_choices_begin_turn(choices, KAYA_STREAM_CRASH);
        for (unsigned question = 0; question < QUESTIONS; question++)
            zeros += ask(choices, 4) == 0;
        calm += zeros == QUESTIONS;
        wild += zeros < QUESTIONS / 2;
    }
    cr_expect(calm > TURNS / 13, "%u of %d turns were calm", calm, TURNS);
    cr_expect(calm < TURNS / 8, "%u of %d turns were calm", calm, TURNS);
    cr_expect(wild > TURNS / 3, "%u of %d turns were wild", wild, TURNS);
    kaya_choices_destroy(choices);
}

Test(choices, a_chance_has_its_odds_and_0_means_no)
{
    struct kaya_choices *choices = kaya_choices_from_seed(9);
    struct kaya_choices *zeros = kaya_choices_from_bytes(NULL, 0);
    unsigned hits = 0;

    for (unsigned index = 0; index < 10000; index++)
        hits += kaya_chance(choices, KAYA_STREAM_FAULTS, 1, 10, "test");
    cr_expect(hits > 800);
    cr_expect(hits < 1200);
    for (unsigned in = 0; in < 10; in++) {
        cr_expect(not(kaya_chance(zeros, KAYA_STREAM_FAULTS, in, 10, "test")));
        cr_expect(not(kaya_chance(choices, KAYA_STREAM_FAULTS, 0, in + 1, "test")));
        cr_expect(kaya_chance(choices, KAYA_STREAM_FAULTS, in + 1, in + 1, "test"));
    }
    kaya_choices_destroy(choices);
    kaya_choices_destroy(zeros);
}

/* ---- bytes ---- */

Test(choices, bytes_are_used_in_order_and_then_0)
{
    static const uint8_t bytes[] = { 5, 250, 1, 2, 9 };
    struct kaya_choices *choices = kaya_choices_from_bytes(bytes, sizeof bytes);

    cr_expect(eq(u64, ask(choices, 10), 5));
    cr_expect(eq(u64, ask(choices, 1), 0)); /* no question, no byte */
    cr_expect(eq(u64, ask(choices, 256), 250));
    cr_expect(eq(u64, ask(choices, 1000), 0x0102));
    cr_expect(eq(u64, ask(choices, 4), 1));
    for (unsigned index = 0; index < 5; index++)
        cr_expect(eq(u64, ask(choices, 100), 0));
    cr_expect(eq(u64, kaya_choices_count(choices), 9));
    kaya_choices_destroy(choices);
}

/* ---- odometer ---- */

/* A tree of questions: how many there are hangs on the first answers. */
static unsigned walk_tree(struct kaya_choices *choices)
{
    unsigned path = (unsigned)ask(choices, 3);

    if (path == 1)
        path = path * 8 + (unsigned)ask(choices, 4);
    (void)ask(choices, 1);
    return path * 8 + (unsigned)ask(choices, 2);
}

Test(choices, the_odometer_visits_each_combination_once_in_order)
{
    static const unsigned wanted[] = {
        0,  1,                          /* first 0 */
        64, 65, 72, 73, 80, 81, 88, 89, /* first 1, then 0 to 3 */
        16, 17,                         /* first 2 */
    };
    struct kaya_choices *odometer = kaya_choices_odometer();

    for (unsigned repeat = 0; repeat < 3; repeat++) {
        unsigned pass = 0;

        kaya_choices_restart(odometer);
        do {
            cr_assert(pass < sizeof wanted / sizeof wanted[0]);
            cr_assert(eq(u32, walk_tree(odometer), wanted[pass]));
            pass++;
        } while (kaya_choices_advance(odometer));
        cr_expect(eq(u64, pass, sizeof wanted / sizeof wanted[0]));
    }
    kaya_choices_destroy(odometer);
}

Test(choices, the_odometer_tells_what_it_kept)
{
    struct kaya_choices *odometer = kaya_choices_odometer();

    cr_expect(eq(u64, kaya_choices_kept(odometer), 0));
    (void)ask(odometer, 2);
    (void)ask(odometer, 3);
    cr_expect(eq(u64, kaya_choices_given(odometer), 2));
    cr_expect(eq(u64, kaya_choices_count_at(odometer, 0), 2));
    cr_expect(eq(u64, kaya_choices_count_at(odometer, 1), 3));
    cr_assert(kaya_choices_advance(odometer));
    cr_expect(eq(u64, kaya_choices_kept(odometer), 1));
    cr_expect(eq(u64, kaya_choices_given(odometer), 0));
    cr_expect(eq(u64, ask(odometer, 2), 0));
    cr_expect(eq(u64, ask(odometer, 3), 1));
    cr_assert(kaya_choices_advance(odometer));
    cr_expect(eq(u64, ask(odometer, 2), 0)); /* a pass that ends here never asks the second */
    cr_assert(kaya_choices_advance(odometer));
    cr_expect(eq(u64, kaya_choices_kept(odometer), 0));
    cr_expect(eq(u64, ask(odometer, 2), 1));
    cr_expect(not(kaya_choices_advance(odometer)));
    kaya_choices_destroy(odometer);
}

Test(choices, the_odometer_starts_with_given_answers)
{
    static const uint64_t answers[] = { 2, 0, 9 };
    struct kaya_choices *odometer = kaya_choices_odometer();

    kaya_choices_restart_with(odometer, answers, 3);
    cr_expect(not(kaya_choices_is_new(odometer)));
    cr_expect(eq(u64, ask(odometer, 4), 2));
    cr_expect(eq(u64, ask(odometer, 4), 0));
    cr_expect(eq(u64, ask(odometer, 4), 3)); /* cut to what is asked */
    cr_expect(kaya_choices_is_new(odometer));
    cr_expect(eq(u64, ask(odometer, 4), 0));
    cr_expect(eq(u64, kaya_choices_answer_at(odometer, 2), 3));
    cr_expect(eq(u64, kaya_choices_kept(odometer), 0));
    kaya_choices_destroy(odometer);
}

Test(choices, the_odometer_with_dice_draws_every_combination_and_the_same_again)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    unsigned drawn = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t first, again = 0;

        for (unsigned time = 0; time < 2; time++) {
            first = again;
            kaya_choices_restart_dice(odometer, seed);
            again = ask(odometer, 3) * 3;
            again += ask(odometer, 3);
        }
        cr_expect(eq(u64, first, again), "seed %u", (unsigned)seed);
        drawn |= 1u << again;
    }
    cr_expect(eq(u32, drawn, (1u << 9) - 1));
    kaya_choices_destroy(odometer);
}

Test(choices, a_stopped_or_shortened_pass_leaves_out_what_would_have_followed)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    unsigned passes = 0;

    do {
        uint64_t first = ask(odometer, 3);

        if (first == 1)
            kaya_choices_stop(odometer);
        ask(odometer, 2);
        if (first == 2)
            kaya_choices_forget(odometer, 1);
        passes++;
    } while (kaya_choices_advance(odometer));
    cr_expect(eq(u32, passes, 4)); /* 0 0, 0 1, 1, 2 */
    kaya_choices_destroy(odometer);
}

/* ---- tape ---- */

static FILE *file_of(const char *text)
{
    FILE *file = tmpfile();

    cr_assert(file != NULL);
    fputs(text, file);
    rewind(file);
    return file;
}

static struct kaya_choices *loaded(FILE *file)
{
    struct kaya_choices *tape = NULL;
    const char *expected = NULL;
    size_t line = 0;

    rewind(file);
    cr_assert(eq(int, kaya_choices_load(file, &tape, &line, &expected), KAYA_OK), "line %zu: %s", line, expected);
    return tape;
}

/* Questions of all streams; the answers, mixed into one number. */
static uint64_t interview(struct kaya_choices *choices)
{
    uint64_t sum = 0;

    for (unsigned index = 0; index < 50; index++) {
        enum kaya_stream stream = (enum kaya_stream)(index * 7 % KAYA_STREAMS);

        sum = sum * 31 + kaya_choose(choices, stream, 2 + index * index, index % 2 ? "odd" : "even one");
        (void)kaya_choose(choices, stream, 1, "no question");
    }
    return sum;
}

Test(choices, a_tape_answers_as_its_original_did)
{
    struct kaya_choices *original = kaya_choices_from_seed(77);
    FILE *file = tmpfile();
    struct kaya_choices *tape;
    uint64_t wanted;

    kaya_choices_record(original, true);
    wanted = interview(original);
    cr_assert(eq(int, kaya_choices_save(original, file), KAYA_OK));
    fputs("# seed 77\n", file);
    tape = loaded(file);
    cr_expect(eq(u64, interview(tape), wanted));
    cr_expect(kaya_choices_misfit(tape) == NULL);
    cr_expect(eq(u64, ask(tape, 5), 0));
    cr_expect(kaya_choices_misfit(tape) != NULL, "the tape had ended");
    fclose(file);
    kaya_choices_destroy(original);
    kaya_choices_destroy(tape);
}

/* How many questions of two bytes are asked before the end, of MANY. */
static unsigned asked_to_the_end(struct kaya_choices *choices)
{
    enum { MANY = 9 };
    unsigned asked = 0;

    while (asked < MANY && !kaya_choices_ends(choices)) {
        kaya_choices_begin_part(choices, "boots");
        (void)ask(choices, 1000);
        kaya_choices_end_part(choices);
        asked++;
    }
    return asked;
}

Test(choices, where_bytes_end_the_run_does_and_so_do_its_list_and_its_tape)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
    struct kaya_choices *choices = kaya_choices_from_bytes(bytes, sizeof bytes);
    struct kaya_choices *seeded = kaya_choices_from_seed(1);
    const struct kaya_decision *decisions;
    struct kaya_choices *bent, *tape;
    FILE *file = tmpfile();
    size_t count;

    cr_assert(file != NULL);
    kaya_choices_record(choices, true);
    cr_expect(eq(uint, asked_to_the_end(choices), 3)); /* the third of one byte */
    decisions = kaya_choices_recorded(choices, &count);
    bent = kaya_choices_from_decisions(decisions, count);
    kaya_choices_record(bent, true);
    cr_expect(eq(uint, asked_to_the_end(bent), 3));
    cr_expect(eq(int, kaya_choices_save(bent, file), KAYA_OK));
    tape = loaded(file);
    cr_expect(eq(uint, asked_to_the_end(tape), 3));
    cr_expect(kaya_choices_misfit(tape) == NULL);

    kaya_choices_record(seeded, true);
    cr_expect(eq(uint, asked_to_the_end(seeded), 9));
    (void)kaya_choices_recorded(seeded, &count);
    cr_expect(eq(sz, count, 9 * 3), "a seed's recording says nothing of an end");
    kaya_choices_destroy(choices);
    kaya_choices_destroy(bent);
    kaya_choices_destroy(tape);
    kaya_choices_destroy(seeded);
}

Test(choices, a_tape_that_does_not_fit_says_where_and_answers_0)
{
    static const struct {
        const char *label;
        uint64_t count;
    } wrong[] = { { "other", 10 }, { "two", 11 } };

    for (unsigned index = 0; index < 2; index++) {
        FILE *file = file_of("kaya tape 1\ncrash one 4 3\ncrash two 10 9\nfaults x 3 2\n");
        struct kaya_choices *tape = loaded(file);

        cr_expect(eq(u64, kaya_choose(tape, KAYA_STREAM_CRASH, 4, "one"), 3));
        cr_expect(kaya_choices_misfit(tape) == NULL);
        cr_expect(eq(u64, kaya_choose(tape, KAYA_STREAM_CRASH, wrong[index].count, wrong[index].label), 0));
        cr_assert(kaya_choices_misfit(tape) != NULL);
        cr_expect(strstr(kaya_choices_misfit(tape), wrong[index].label) != NULL);
        cr_expect(strstr(kaya_choices_misfit(tape), "decision 2 of stream crash") != NULL);
        cr_expect(eq(u64, kaya_choose(tape, KAYA_STREAM_FAULTS, 3, "x"), 0), "behind a misfit all is 0");
        fclose(file);
        kaya_choices_destroy(tape);
    }
}

Test(choices, what_is_no_tape_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        size_t line;
    } wrong[] = {
        { "", 1 },
        { "kaya tape 2\n", 1 },
        { "kaya tape 1\ncrash x 4 4\n", 2 },
        { "kaya tape 1\n# a note\n\ncrash x 4 3\nstorm x 4 3\n", 5 },
        { "kaya tape 1\ncrash x 4\n", 2 },
        { "kaya tape 1\ncrash\n", 2 },
        { "kaya tape 1\ncrash x 4 -1\n", 2 },
        { "kaya tape 1\ncrash x 1 0\n", 2 },
        { "kaya tape 1\ncrash x 4 3z\n", 2 },
        { "kaya tape 1\ncrash x 99999999999999999999999 3\n", 2 },
    };

    for (unsigned index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        FILE *file = file_of(wrong[index].text);
        struct kaya_choices *tape = NULL;
        const char *expected = NULL;
        size_t line = 0;

        cr_expect(eq(int, kaya_choices_load(file, &tape, &line, &expected), KAYA_INVALID), "%s",
                  wrong[index].text);
        cr_expect(tape == NULL);
        cr_expect(eq(sz, line, wrong[index].line), "%s", wrong[index].text);
        cr_expect(expected != NULL);
        fclose(file);
    }
}

Test(choices, a_line_without_end_is_refused)
{
    char text[2000] = "kaya tape 1\ncrash ";
    FILE *file;
    struct kaya_choices *tape = NULL;
    const char *expected = NULL;
    size_t line = 0;

    memset(text + strlen(text), 'x', sizeof text - strlen(text) - 1);
    file = file_of(text);
    cr_expect(eq(int, kaya_choices_load(file, &tape, &line, &expected), KAYA_INVALID));
    cr_expect(eq(sz, line, 2));
    fclose(file);
}
