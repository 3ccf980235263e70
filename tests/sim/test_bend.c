/* A list of decisions that bends.
 *
 * Goal: a list answers what it was made for word for word; where something is cut out, added or asked in another way, only that part
 * changes. Method: lists by hand and by recording, asked in known ways. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/choices.h"

#define BEGIN(label)                                                                                         \
    {                                                                                                        \
        KAYA_STREAM_CONFIG, label, KAYA_PART_BEGINS, 0                                                       \
    }
#define END                                                                                                  \
    {                                                                                                        \
        KAYA_STREAM_CONFIG, "part", KAYA_PART_ENDS, 0                                                        \
    }
#define SAY(label, count, answer)                                                                            \
    {                                                                                                        \
        KAYA_STREAM_WORKLOAD, label, count, answer                                                           \
    }

static uint64_t ask(struct kaya_choices *choices, const char *label, uint64_t count)
{
    return kaya_choose(choices, KAYA_STREAM_WORKLOAD, count, label);
}

static const struct kaya_decision two_parts[] = {
    SAY("profile", 9, 5),
    BEGIN("operations"),
    SAY("kind", 9, 3),
    SAY("length", 9, 4),
    END,
    BEGIN("operations"),
    SAY("kind", 9, 7),
    SAY("length", 9, 8),
    END,
};
enum { TWO_PARTS = sizeof two_parts / sizeof two_parts[0] };

Test(bend, each_part_answers_for_itself)
{
    struct kaya_choices *choices = kaya_choices_from_decisions(two_parts, TWO_PARTS);

    cr_expect(eq(u64, ask(choices, "profile", 9), 5));
    kaya_choices_begin_part(choices, "operations");
    cr_expect(eq(u64, ask(choices, "kind", 9), 3)); /* its length is not asked */
    kaya_choices_end_part(choices);
    kaya_choices_begin_part(choices, "operations");
    cr_expect(eq(u64, ask(choices, "kind", 9), 7));
    cr_expect(eq(u64, ask(choices, "length", 9), 8));
    cr_expect(eq(u64, ask(choices, "length", 9), 0), "asked beyond the end of the part");
    kaya_choices_end_part(choices);
    kaya_choices_begin_part(choices, "operations");
    cr_expect(eq(u64, ask(choices, "kind", 9), 0), "a part more than there are");
    kaya_choices_end_part(choices);
    kaya_choices_destroy(choices);
}

Test(bend, a_question_takes_the_next_of_its_label_and_no_more_than_its_count_allows)
{
    static const struct kaya_decision decisions[] = { SAY("a", 9, 1), SAY("b", 9, 8), SAY("a", 9, 2) };
    struct kaya_choices *choices = kaya_choices_from_decisions(decisions, 3);

    cr_expect(eq(u64, ask(choices, "b", 4), 3), "cut to the last answer");
    cr_expect(eq(u64, ask(choices, "unheard of", 9), 0));
    cr_expect(eq(u64, ask(choices, "a", 9), 2), "the one before was passed over");
    cr_expect(eq(u64, kaya_choose(choices, KAYA_STREAM_CRASH, 9, "a"), 0), "another stream");
    kaya_choices_redirect(choices, decisions, 1);
    cr_expect(eq(u64, ask(choices, "a", 9), 1));
    kaya_choices_destroy(choices);
}

Test(bend, parts_of_another_kind_are_passed_over)
{
    static const struct kaya_decision decisions[] = { BEGIN("recovery"),   SAY("a", 9, 1), END,
                                                      BEGIN("operations"), SAY("a", 9, 2), END };
    struct kaya_choices *choices = kaya_choices_from_decisions(decisions, 6);

    kaya_choices_begin_part(choices, "operations");
    cr_expect(eq(u64, ask(choices, "a", 9), 2));
    kaya_choices_end_part(choices);
    kaya_choices_destroy(choices);
}

/* A walk with parts within parts, that hangs on what is answered. */
static uint64_t walk(struct kaya_choices *choices)
{
    uint64_t sum = 0;

    for (uint64_t boots = 1 + ask(choices, "boots", 4); boots > 0; boots--) {
        kaya_choices_begin_part(choices, "boots");
        for (uint64_t left = ask(choices, "operations", 6); left > 0; left--) {
            kaya_choices_begin_part(choices, "operations");
            sum = sum * 31 + ask(choices, "kind", 10);
            sum += kaya_choose(choices, KAYA_STREAM_FAULTS, 3, "fault");
            kaya_choices_end_part(choices);
        }
        sum = sum * 31 + kaya_choose(choices, KAYA_STREAM_CRASH, 7, "fate");
        kaya_choices_end_part(choices);
    }
    return sum;
}

Test(bend, what_was_recorded_is_answered_as_it_was)
{
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct kaya_choices *seeded = kaya_choices_from_seed(seed);
        struct kaya_choices *bent;
        const struct kaya_decision *recorded;
        const struct kaya_decision *again;
        uint64_t sum;
        size_t count;
        size_t again_count;

        kaya_choices_record(seeded, true);
        sum = walk(seeded);
        recorded = kaya_choices_recorded(seeded, &count);
        bent = kaya_choices_from_decisions(recorded, count);
        kaya_choices_record(bent, true);
        cr_assert(eq(u64, walk(bent), sum));
        again = kaya_choices_recorded(bent, &again_count);
        cr_assert(eq(sz, again_count, count));
        for (size_t i = 0; i < count; i++) {
            cr_assert(eq(u64, again[i].answer, recorded[i].answer));
            cr_assert(eq(u64, again[i].count, recorded[i].count));
        }
        kaya_choices_destroy(seeded);
        kaya_choices_destroy(bent);
    }
}

/* A tape has no parts, only remarks where they are: it is read as it always was. */
Test(bend, a_tape_with_parts_is_read_back)
{
    struct kaya_choices *seeded = kaya_choices_from_seed(3);
    struct kaya_choices *tape = NULL;
    FILE *file = tmpfile();
    const char *expected;
    uint64_t sum;
    size_t line;

    kaya_choices_record(seeded, true);
    sum = walk(seeded);
    cr_assert(eq(int, kaya_choices_save(seeded, file), KAYA_OK));
    rewind(file);
    cr_assert(eq(int, kaya_choices_load(file, &tape, &line, &expected), KAYA_OK), "line %zu: %s", line, expected);
    cr_expect(eq(u64, walk(tape), sum));
    cr_expect(kaya_choices_misfit(tape) == NULL);
    fclose(file);
    kaya_choices_destroy(seeded);
    kaya_choices_destroy(tape);
}
